//! What poll, select and epoll wait for, and what they found.

use super::Cx;
use super::raw::Raw;
use crate::call::Outcome;
use crate::view::names::files;
use crate::view::value::{Value, fields};

/// Descriptor sets are read up to this number of descriptors.
const DESCRIPTORS_MAX: u64 = 1 << 20;

/// An array of `struct pollfd` with the events asked for.
pub(super) fn asked(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    cx.array(addr, count, 8, |raw| {
        let fd = raw.i32(0);
        let mut shown = fields! { fd: cx.fd(fd) };
        if fd >= 0 {
            shown.extend(fields! { events: events(raw.u16(4)) });
        }
        Value::Struct(shown)
    })
}

/// Of these nothing is remarked.
fn found_events(bits: u16) -> Value {
    let (named, rest) = files::POLL.split(bits.into());
    if named.is_empty() { Value::Hex(rest) } else { events(bits) }
}

fn events(bits: u16) -> Value {
    Value::flags(files::POLL.spell(bits.into()))
}

/// The descriptors with something to report, as strace shows them behind the result.
pub(super) fn found(cx: &Cx<'_>, addr: u64, count: u64) -> Option<String> {
    addr.checked_add(8 * count).filter(|_| count != 0 && cx.follows())?;
    // strace has so much room for all of it.
    const ROOM: usize = 997;
    let (mut elements, mut used) = (Vec::new(), 0);
    for index in 0..count {
        let at = addr.wrapping_add(index.wrapping_mul(8));
        let Some(raw) = cx.raw(at, 8) else {
            let more = if elements.is_empty() { "" } else { "... " };
            elements.push(Value::Verbatim(format!("{more}{at:#x}")));
            break;
        };
        if raw.u16(6) == 0 {
            continue;
        }
        if elements.len() >= cx.elements_max() {
            elements.push(Value::More);
            break;
        }
        let shown = fields! { fd: Value::Fd(raw.i32(0)), revents: found_events(raw.u16(6)) };
        let mut shown = Value::Struct(shown);
        shown.dress(cx.style);
        let text = shown.to_string();
        used += if elements.is_empty() { 1 } else { 2 };
        if used + text.len() >= ROOM {
            elements.push(Value::More);
            break;
        }
        used += text.len();
        elements.push(Value::Verbatim(text));
    }
    Some(Value::Array(elements).to_string())
}

/// The members of an `fd_set` below `limit`; `None` if it cannot be read.
pub(super) fn members(cx: &Cx<'_>, addr: u64, limit: i32) -> Option<Vec<i32>> {
    let limit = u64::try_from(limit).unwrap_or(0).min(DESCRIPTORS_MAX);
    let word = cx.word();
    let raw = cx.peek(addr, (limit.div_ceil(8) as usize).next_multiple_of(word))?;
    let set = (0..limit).filter(|fd| raw.u8((fd / 8) as usize) >> (fd % 8) & 1 == 1);
    Some(set.map(|fd| fd as i32).collect())
}

/// An `fd_set` the caller gives.
pub(super) fn set(cx: &Cx<'_>, addr: u64, limit: i32) -> Value {
    match members(cx, addr, limit) {
        Some(members) if cx.follows() && limit > 0 => {
            let members = members.into_iter().map(|fd| cx.fd(fd).to_string().into()).collect();
            Value::Set { complement: false, members }
        }
        Some(_) | None => Value::Addr(addr),
    }
}

/// `struct epoll_event`, which is packed on x86_64 only.
pub(super) fn epoll_event(raw: &Raw, packed: Packed) -> Value {
    let data = match packed {
        Packed::Yes => 4,
        Packed::No => 8,
    };
    let data = fields! { u32: Value::UInt(raw.u32(data).into()), u64: Value::UInt(raw.u64(data)) };
    Value::Struct(fields! {
        events: Value::flags(files::EPOLL.spell(raw.u32(0).into())),
        data: Value::Struct(data),
    })
}

/// Whether the architecture packs `struct epoll_event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    Yes,
    No,
}

impl Packed {
    /// The size of the structure.
    pub(super) fn bytes(self) -> usize {
        match self {
            Packed::Yes => 12,
            Packed::No => 16,
        }
    }
}

/// The events the kernel filled in.
pub(super) fn epoll_events(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    let packed = cx.layouts.epoll;
    match outcome {
        Outcome::Value(count) => {
            let count = u64::try_from(count).unwrap_or(0);
            cx.array(addr, count, packed.bytes(), |raw| epoll_event(raw, packed))
        }
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(addr),
        Outcome::Never => Value::Pending,
    }
}
