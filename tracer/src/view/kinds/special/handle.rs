//! Handles: what a file is called without a name.

use super::super::Cx;
use super::misc::{enter_row, leave_row};
use crate::call::Outcome;
use crate::view::spelled::Spelled;
use crate::view::value::{Cut, Field, Quoting, Text, Value, fields};

/// `MAX_HANDLE_SZ`: no handle is longer.
const BYTES_MAX: usize = 128;
/// What stands before the bytes of a handle: their number and their kind.
const HEADER: usize = 8;

/// The kind and the bytes of the handle at `addr`.
fn handle(cx: &Cx<'_>, addr: u64) -> Option<Vec<Field>> {
    let raw = cx.raw(addr, HEADER)?;
    let given = raw.u32(0) as usize;
    let bytes = given.min(BYTES_MAX);
    Some(fields! {
        handle_type: Value::Int(raw.i32(4).into()),
        // All of it: a part would name nothing.
        f_handle: match cx.raw(addr.wrapping_add(HEADER as u64), bytes) {
            Some(raw) => Value::Str(Text {
                bytes: raw.bytes().to_vec(),
                cut: if given > BYTES_MAX { Cut::Short } else { Cut::Whole },
                quoting: Quoting::Hex,
            }),
            None => Value::Verbatim("???".to_owned()),
        },
    })
}

pub(super) fn enter_open(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    let addr = cx.arg(1);
    if let (Some(given), Some(raw), Some(rest)) =
        (args.get_mut(1), cx.raw(addr, 4), handle(cx, addr))
    {
        let mut shown = fields! { handle_bytes: Value::UInt(raw.u32(0).into()) };
        shown.extend(rest);
        *given = Value::Struct(shown);
    }
    args
}

/// The handle is filled in.
pub(super) fn enter_name(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(handle) = args.get_mut(2) {
        *handle = Value::Pending;
    }
    args
}

/// The room for a handle, to be kept from entry to exit.
pub(super) fn keep(cx: &Cx<'_>) -> u64 {
    cx.raw(cx.arg(2), 4).map_or(0, |raw| raw.u32(0).into())
}

/// If there was too little room, how much would have been enough.
pub(super) fn leave_name(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    leave_row(cx, spelled, outcome);
    let (addr, room) = (cx.arg(2), Value::UInt(spelled.kept));
    let Some(filled) = spelled.args.get_mut(2).filter(|_| outcome != Outcome::Never) else {
        return;
    };
    let length = cx.raw(addr, 4).map(|raw| Value::UInt(raw.u32(0).into()));
    if length.is_none() {
        *filled = Value::Addr(addr);
        // Then nothing is said of the mount either.
        if let Some(mount) = spelled.args.get_mut(3) {
            *mount = Value::Addr(cx.arg(3));
        }
        return;
    }
    *filled = match (outcome, length) {
        (Outcome::Value(_), Some(length)) => {
            let mut shown = fields! { handle_bytes: room.changed_to(length) };
            shown.extend(handle(cx, addr).unwrap_or_default());
            Value::Struct(shown)
        }
        (Outcome::Error(nix::errno::Errno::EOVERFLOW), Some(length)) => {
            Value::Struct(fields! { handle_bytes: room.changed_to(length) })
        }
        _ => Value::Struct(fields! { handle_bytes: room }),
    };
}
