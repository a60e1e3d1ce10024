//! select and pselect6.

use super::super::{Cx, polls, signals, time};
use crate::view::value::{Value, fields};

/// Whether the call is pselect6, whose timeout counts nanoseconds and whose last argument holds a
/// signal set.
fn has_mask(cx: &Cx<'_>) -> bool {
    cx.call.syscall.is_some_and(|syscall| syscall.row().name.starts_with("pselect6"))
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let limit = cx.int(0);
    let mut args = vec![Value::Int(limit.into())];
    args.extend([1, 2, 3].map(|at| polls::set(cx, cx.arg(at), limit)));
    args.push(timeout(cx));
    if has_mask(cx) {
        let word = cx.word();
        args.push(cx.at(cx.arg(5), 2 * word, |raw| {
            Value::Struct(fields! {
                sigmask: signals::set_at(cx, raw.uword(0), raw.uword(word)),
                sigsetsize: Value::UInt(raw.uword(word)),
            })
        }));
    }
    args
}

fn timeout(cx: &Cx<'_>) -> Value {
    let masked = has_mask(cx);
    let bytes = 2 * cx.time();
    cx.at(cx.arg(4), bytes, |raw| match masked {
        true => time::timespec(raw, 0),
        false => time::timeval(raw, 0),
    })
}

/// What stands behind the result: the descriptors that are ready and the time left.
pub(in super::super) fn ready(cx: &Cx<'_>, result: i64) -> String {
    if result == 0 {
        return "Timeout".to_owned();
    }
    let mut left = result;
    let mut parts = Vec::new();
    for (at, name) in [(1, "in"), (2, "out"), (3, "except")] {
        if left <= 0 || cx.arg(at) == 0 {
            continue;
        }
        let Some(members) = polls::members(cx, cx.arg(at), cx.int(0)) else { continue };
        let members: Vec<String> =
            members.into_iter().take(left as usize).map(|fd| fd.to_string()).collect();
        left -= members.len() as i64;
        if !members.is_empty() {
            parts.push(format!("{name} [{}]", members.join(" ")));
        }
    }
    if cx.arg(4) != 0 {
        parts.push(format!("left {}", timeout(cx)));
    }
    parts.join(", ")
}
