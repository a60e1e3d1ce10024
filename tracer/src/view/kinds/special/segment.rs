//! Descriptors of thread-local storage: `struct user_desc`.

use super::super::{Cx, raw::Raw};
use crate::call::Outcome;
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};

/// `sizeof(struct user_desc)`
const BYTES: usize = 16;

/// A descriptor the caller gives.
pub(super) fn given(cx: &Cx<'_>, addr: u64) -> Value {
    cx.at(addr, BYTES, |raw| Value::Struct(descriptor(raw)))
}

/// All ones ask for any that is free.
fn entry_number(raw: &Raw) -> Value {
    match raw.u32(0) {
        u32::MAX => Value::Int(-1),
        number => Value::UInt(number.into()),
    }
}

fn descriptor(raw: &Raw) -> Vec<Field> {
    let bits = raw.u32(12);
    let bit = |n: u32, count: u32| Value::UInt(u64::from(bits >> n & ((1 << count) - 1)));
    // As printf's %#08x pads it: the prefix counts, and zero has none.
    let padded = |value: u32| {
        Value::Verbatim(match value {
            0 => "0".repeat(8),
            _ => format!("{value:#08x}"),
        })
    };
    let mut shown = fields! {
        entry_number: entry_number(raw),
        base_addr: padded(raw.u32(4)),
        limit: padded(raw.u32(8)),
        seg_32bit: bit(0, 1),
        contents: bit(1, 2),
        read_exec_only: bit(3, 1),
        limit_in_pages: bit(4, 1),
        seg_not_present: bit(5, 1),
        useable: bit(6, 1),
    };
    // Whether it is of 64-bit code.
    if raw.word() == 8 {
        shown.extend(fields! { lm: bit(7, 1) });
    }
    shown
}

/// Of modify_ldt a descriptor is what has the size of one.
pub(super) fn enter_modify(cx: &Cx<'_>) -> Vec<Value> {
    let (addr, count) = (cx.arg(1), cx.arg(2));
    let descriptor = if count == BYTES as u64 { given(cx, addr) } else { Value::Addr(addr) };
    vec![Value::Int(cx.int(0).into()), descriptor, Value::UInt(count)]
}

pub(super) fn enter_set(cx: &Cx<'_>) -> Vec<Value> {
    vec![given(cx, cx.arg(0))]
}

pub(super) fn enter_get(_: &Cx<'_>) -> Vec<Value> {
    vec![Value::Pending]
}

pub(super) fn leave_get(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let addr = cx.arg(0);
    let value = match outcome {
        Outcome::Never => Value::Pending,
        Outcome::Value(_) => given(cx, addr),
        // The number alone is the caller's.
        Outcome::Error(_) | Outcome::Restarts(_) => cx.at(addr, 4, |raw| {
            let mut shown = fields! { entry_number: entry_number(raw) };
            shown.push(("".into(), Value::More));
            Value::Struct(shown)
        }),
    };
    if let Some(first) = spelled.args.first_mut() {
        *first = value;
    }
}

/// Which entry the kernel has chosen.
pub(in super::super) fn chosen(cx: &Cx<'_>) -> Option<String> {
    let raw = cx.raw(cx.arg(0), 4)?;
    Some(format!("entry_number={}", raw.u32(0)))
}
