//! futex: the operation says which arguments count.

use super::super::{Cx, time};
use crate::view::names::choices;
use crate::view::value::Value;
use crate::view::word::Word;

const PRIVATE: u32 = 128;
const CLOCK_REALTIME: u32 = 256;
/// The bits that choose what is done, known flags or not.
const COMMAND: u32 = 127;
/// The bits set by FUTEX_WAIT_BITSET's callers that want any waker.
const MATCH_ANY: u32 = u32::MAX;

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = vec![
        Value::Addr(cx.arg(0)),
        Value::name(Word::hex(operation(cx.uint(1)), cx.uint(1).into())),
    ];
    let value = || Value::UInt(cx.uint(2).into());
    let count = || Value::UInt(cx.uint(3).into());
    let timeout = || cx.at(cx.arg(3), 2 * cx.time(), |raw| time::timespec(raw, 0));
    let second = || Value::Addr(cx.arg(4));
    match cx.uint(1) & COMMAND {
        0 => args.extend([value(), timeout()]),
        1 | 2 => args.push(value()),
        3 => args.extend([value(), count(), second()]),
        4 | 12 => args.extend([value(), count(), second(), Value::UInt(cx.uint(5).into())]),
        5 => args.extend([value(), count(), second(), Value::Verbatim(wake_op(cx.uint(5)))]),
        6 | 13 => args.push(timeout()),
        7 | 8 => {}
        9 => args.extend([value(), timeout(), bitset(cx.uint(5))]),
        10 => args.extend([value(), bitset(cx.uint(5))]),
        11 => args.extend([value(), timeout(), second()]),
        _ => {
            args.push(value());
            args.extend([3, 4].map(|at| Value::Addr(cx.arg(at))));
            args.push(Value::Hex(cx.uint(5).into()));
        }
    }
    args
}

/// An operation with its flags; those with a private form have a name for it.
fn operation(op: u32) -> String {
    let command = op & !(PRIVATE | CLOCK_REALTIME);
    let Some(name) = choices::FUTEX.name(command.into()) else {
        return format!("{op:#x} /* FUTEX_??? */");
    };
    let mut text = name.to_owned();
    if op & PRIVATE != 0 {
        text.push_str(if command == 2 { "|FUTEX_PRIVATE_FLAG" } else { "_PRIVATE" });
    }
    if op & CLOCK_REALTIME != 0 {
        text.push_str("|FUTEX_CLOCK_REALTIME");
    }
    text
}

fn bitset(bits: u32) -> Value {
    if bits == MATCH_ANY {
        Value::name(Word::hex("FUTEX_BITSET_MATCH_ANY", bits.into()))
    } else {
        Value::Hex(bits.into())
    }
}

/// The encoded operation of FUTEX_WAKE_OP.
fn wake_op(word: u32) -> String {
    const OPS: [&str; 5] = ["SET", "ADD", "OR", "ANDN", "XOR"];
    const COMPARISONS: [&str; 6] = ["EQ", "NE", "LT", "LE", "GT", "GE"];
    let shift = if word >> 31 & 1 == 1 { "FUTEX_OP_OPARG_SHIFT<<28|" } else { "" };
    let (op, operand) = (word >> 28 & 7, word >> 12 & 0xfff);
    let (comparison, against) = (word >> 24 & 0xf, word & 0xfff);
    let op = match OPS.get(op as usize) {
        Some(name) => format!("FUTEX_OP_{name}<<28"),
        None => format!("{op:#x}<<28 /* FUTEX_OP_??? */"),
    };
    let comparison = match COMPARISONS.get(comparison as usize) {
        Some(name) => format!("FUTEX_OP_CMP_{name}<<24"),
        None => format!("{comparison:#x}<<24 /* FUTEX_OP_CMP_??? */"),
    };
    let (operand, against) =
        (Value::Hex(operand.into()).to_string(), Value::Hex(against.into()).to_string());
    format!("{shift}{op}|{operand}<<12|{comparison}|{against}")
}
