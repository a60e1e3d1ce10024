//! Values and lists of extended attributes.

use super::super::{Cx, strings};
use super::misc::{enter_row, leave_row};
use crate::call::Outcome;
use crate::view::spelled::Spelled;
use crate::view::value::{Cut, Quoting, Text, Value};

/// `XATTR_SIZE_MAX`: no value is longer.
const BYTES_MAX: u64 = 1 << 16;

/// A value; its last byte is left out if it ends a string, but not where all bytes are in hexadecimal.
fn value(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    if bytes > BYTES_MAX {
        return Value::Addr(addr);
    }
    match strings::bytes(cx, addr, bytes) {
        Value::Str(text) if text.bytes.last() == Some(&0) => {
            let shown = &text.bytes[..text.bytes.len() - 1];
            if cx.style.quoting(text.quoting, &text.bytes) == Quoting::Hex {
                let bytes = text.bytes.clone();
                return Value::Str(Text { bytes, quoting: Quoting::Hex, ..text });
            }
            Value::Str(Text { bytes: shown.to_vec(), cut: Cut::Whole, ..text })
        }
        other => other,
    }
}

pub(super) fn enter_set(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(given) = args.get_mut(2) {
        *given = value(cx, cx.arg(2), cx.arg(3));
    }
    args
}

/// What getxattr filled in.
pub(super) fn leave_get(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let Some(filled) = spelled.args.get_mut(2) else { return };
    *filled = match outcome {
        Outcome::Value(bytes) => value(cx, cx.arg(2), u64::try_from(bytes).unwrap_or(0)),
        Outcome::Never => Value::Pending,
        _ => Value::Addr(cx.arg(2)),
    };
}

/// Asked for the size alone, listxattr fills nothing in.
pub(super) fn leave_list(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    match (outcome, cx.arg(2), spelled.args.get_mut(1)) {
        (Outcome::Value(_), 0, Some(list)) => *list = Value::Addr(cx.arg(1)),
        _ => leave_row(cx, spelled, outcome),
    }
}
