//! futex: the operation says which arguments count; and waiting for several at once.

use super::super::{Cx, raw::Raw, time};
use super::misc;
use crate::view::names::{Menu, Set, choices};
use crate::view::style::Constants;
use crate::view::value::{Value, fields};
use crate::view::word::Word;

const PRIVATE: u32 = 128;
const CLOCK_REALTIME: u32 = 256;
/// FUTEX_WAIT, FUTEX_WAIT_BITSET and FUTEX_WAIT_REQUEUE_PI: those that may choose a clock.
const CLOCKED: &[u32] = &[0, 9, 11];
/// The bits that choose what is done, known flags or not.
const COMMAND: u32 = 127;
/// The bits set by FUTEX_WAIT_BITSET's callers that want any waker.
const MATCH_ANY: u32 = u32::MAX;

/// The size of `struct futex_waitv`.
const WAITER_BYTES: usize = 24;

/// Flags of one that is waited for.
const WAITER: Set = Set {
    zero: "0",
    unknown: "FUTEX_???",
    names: &[(0x2, "FUTEX_32"), (0x80, "FUTEX_PRIVATE_FLAG")],
};

pub(super) fn enter_vector(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = misc::enter_row(cx);
    args[0] = cx.array(cx.arg(0), cx.uint(1).into(), WAITER_BYTES, waiter);
    args
}

fn waiter(raw: &Raw) -> Value {
    let mut shown = fields! {
        val: Value::Hex(raw.u64(0)),
        uaddr: Value::Addr(raw.u64(8)),
        flags: Value::flags(WAITER.spell(raw.u32(16).into())),
    };
    if raw.u32(20) != 0 {
        shown.extend(fields! { __reserved: Value::Hex(raw.u32(20).into()) });
    }
    Value::Struct(shown)
}

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
        5 => args.extend([value(), count(), second(), Value::Verbatim(wake_op(cx, cx.uint(5)))]),
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
    let clocked = op & CLOCK_REALTIME == 0 || CLOCKED.contains(&command);
    let Some(name) = choices::FUTEX.name(command.into()).filter(|_| clocked) else {
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
fn wake_op(cx: &Cx<'_>, word: u32) -> String {
    const OPS: Menu = Menu {
        unknown: "FUTEX_OP_???",
        names: &[
            (0, "FUTEX_OP_SET"),
            (1, "FUTEX_OP_ADD"),
            (2, "FUTEX_OP_OR"),
            (3, "FUTEX_OP_ANDN"),
            (4, "FUTEX_OP_XOR"),
        ],
    };
    const COMPARISONS: Menu = Menu {
        unknown: "FUTEX_OP_CMP_???",
        names: &[
            (0, "FUTEX_OP_CMP_EQ"),
            (1, "FUTEX_OP_CMP_NE"),
            (2, "FUTEX_OP_CMP_LT"),
            (3, "FUTEX_OP_CMP_LE"),
            (4, "FUTEX_OP_CMP_GT"),
            (5, "FUTEX_OP_CMP_GE"),
        ],
    };
    let shift = match word >> 31 {
        0 => String::new(),
        _ => format!("{}<<28|", cx.dressed(Word::hex("FUTEX_OP_OPARG_SHIFT", 8))),
    };
    let op = shifted(cx, &OPS, word >> 28 & 7, 28);
    let comparison = shifted(cx, &COMPARISONS, word >> 24 & 0xf, 24);
    let [operand, against] = [word >> 12 & 0xfff, word & 0xfff].map(|part| Value::Hex(part.into()));
    format!("{shift}{op}|{operand}<<12|{comparison}|{against}")
}

/// A part of the word that has a name; that it has none is said behind it, also of names that are not wanted.
fn shifted(cx: &Cx<'_>, menu: &Menu, part: u32, shift: u32) -> String {
    let part = u64::from(part);
    match menu.name(part) {
        Some(name) if cx.style.constants != Constants::Raw => {
            format!("{}<<{shift}", cx.dressed(Word::hex(name, part)))
        }
        _ => format!("{}<<{shift} /* {} */", Value::Hex(part), menu.unknown),
    }
}
