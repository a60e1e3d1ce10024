//! Bytes, strings and arrays of strings.

use super::Cx;
use crate::call::Outcome;
use crate::memory::GuestAddr;
use crate::view::value::{Cut, Quoting, Text, Value};

/// `PATH_MAX`, with the terminator.
const PATH_MAX: usize = 4096;

/// An environment longer than this is not counted to its end.
const VARS_MAX: u64 = 1 << 16;

/// Bytes as a string literal.
pub(super) fn literal(bytes: &[u8], cut: Cut) -> Value {
    Value::Str(Text { bytes: bytes.to_vec(), cut, quoting: Quoting::Octal })
}

/// A path: all of it, up to the longest the kernel takes.
pub(super) fn path(cx: &Cx<'_>, addr: u64) -> Value {
    first(cx, addr, PATH_MAX - 1)
}

/// Another string, up to the style's limit.
pub(super) fn text(cx: &Cx<'_>, addr: u64) -> Value {
    first(cx, addr, cx.style.string_max)
}

/// A string of which no more than `max` bytes count, so that nobody looks whether it ends there.
pub(super) fn limited(cx: &Cx<'_>, addr: u64, max: usize) -> Value {
    if addr == 0 {
        return Value::Addr(0);
    }
    match read_terminated(cx, addr, max) {
        Some((bytes, cut)) => literal(&bytes, cut),
        None => Value::Addr(addr),
    }
}

/// A NUL-terminated string of which at most `max` bytes are shown.
pub(super) fn first(cx: &Cx<'_>, addr: u64, max: usize) -> Value {
    if addr == 0 {
        return Value::Addr(0);
    }
    match read_terminated(cx, addr, max + 1) {
        Some((bytes, Cut::Whole)) => literal(&bytes, Cut::Whole),
        Some((bytes, Cut::Short)) => literal(&bytes[..max.min(bytes.len())], Cut::Short),
        None => Value::Addr(addr),
    }
}

/// Bytes up to a NUL, or `max` of them if none comes; `None` if memory ends before that.
fn read_terminated(cx: &Cx<'_>, addr: u64, max: usize) -> Option<(Vec<u8>, Cut)> {
    if let Ok(bytes) = cx.memory.read_cstr(GuestAddr(addr), max) {
        return Some((bytes, Cut::Whole));
    }
    let bytes = cx.peek(addr, max)?.bytes().to_vec();
    Some((bytes, Cut::Short))
}

/// `count` bytes.
pub(super) fn bytes(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    quoted(cx, addr, count, Quoting::Octal)
}

/// `count` bytes in a quoting.
pub(super) fn quoted(cx: &Cx<'_>, addr: u64, count: u64, quoting: Quoting) -> Value {
    if addr == 0 {
        return Value::Addr(0);
    }
    let shown = count.min(cx.style.string_max as u64);
    let cut = if shown < count { Cut::Short } else { Cut::Whole };
    // Whoever shows a part looks at the byte behind it, too, which may not be there.
    match cx.peek(addr, count.min(shown + 1) as usize) {
        Some(raw) => {
            let bytes = raw.slice(0, shown as usize).to_vec();
            Value::Str(Text { bytes, cut, quoting })
        }
        None => Value::Addr(addr),
    }
}

/// Bytes the kernel filled in, as many as it says.
pub(super) fn out_bytes(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(count) if count >= 0 => bytes(cx, addr, count as u64),
        Outcome::Never => Value::Pending,
        _ => Value::Addr(addr),
    }
}

/// A string the kernel filled in.
pub(super) fn out_text(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(_) => path(cx, addr),
        Outcome::Never => Value::Pending,
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(addr),
    }
}

/// The strings of an argument vector.
pub(super) fn argv(cx: &Cx<'_>, addr: u64) -> Value {
    if addr == 0 || !cx.follows() {
        return Value::Addr(addr);
    }
    let mut elements = Vec::new();
    for index in 0.. {
        let at = addr.wrapping_add(cx.word() as u64 * index);
        let Some(pointer) = cx.pointer(at) else {
            if index == 0 {
                return Value::Addr(addr);
            }
            elements.push(Value::Verbatim(format!("... /* {at:#x} */")));
            break;
        };
        if pointer == 0 {
            break;
        }
        if index as usize >= cx.elements_max() {
            elements.push(Value::More);
            break;
        }
        elements.push(text(cx, pointer));
    }
    Value::Array(elements)
}

/// The address of an environment and the number of its variables; in full, its variables.
pub(super) fn envp(cx: &Cx<'_>, addr: u64) -> Value {
    if addr == 0 || !cx.follows() {
        return Value::Addr(addr);
    }
    if !cx.abbreviates() {
        return argv(cx, addr);
    }
    let mut count = 0;
    let ended = loop {
        match cx.pointer(addr.wrapping_add(cx.word() as u64 * count)) {
            Some(0) => break "",
            Some(_) if count < VARS_MAX => count += 1,
            None if count == 0 => return Value::Addr(addr),
            Some(_) | None => break ", unterminated",
        }
    };
    let plural = if count == 1 { "" } else { "s" };
    Value::Addr(addr).remarked(format!("{count} var{plural}{ended}"))
}
