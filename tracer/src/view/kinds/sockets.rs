//! Messages: vectors of buffers and headers.

use super::raw::Raw;
use super::{Cx, cmsg, netlink, sockaddr, strings};
use crate::call::Outcome;
use crate::view::names::sockets;
use crate::view::value::{Value, fields};

/// How the buffers of a vector are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buffers {
    /// As the caller filled them.
    Whole,
    /// As far as the kernel filled them: this many bytes over all.
    Filled(u64),
    /// By address.
    Addresses,
}

/// An array of `struct iovec`.
pub(super) fn vector(cx: &Cx<'_>, addr: u64, count: u64, buffers: Buffers) -> Value {
    vector_of(cx, addr, count, buffers, strings::bytes)
}

/// The same, with a spelling of what is in the buffers.
fn vector_of(
    cx: &Cx<'_>,
    addr: u64,
    count: u64,
    buffers: Buffers,
    spell: fn(&Cx<'_>, u64, u64) -> Value,
) -> Value {
    let mut filled = match buffers {
        Buffers::Filled(bytes) => bytes,
        Buffers::Whole | Buffers::Addresses => 0,
    };
    cx.array(addr, count, 2 * cx.word(), |raw| {
        let (base, length) = (raw.uword(0), raw.uword(raw.word()));
        let base = match buffers {
            Buffers::Addresses => Value::Addr(base),
            Buffers::Whole => spell(cx, base, length),
            Buffers::Filled(_) => {
                let shown = length.min(filled);
                filled -= shown;
                spell(cx, base, shown)
            }
        };
        Value::Struct(fields! { iov_base: base, iov_len: Value::UInt(length) })
    })
}

/// A vector the kernel filled in.
pub(super) fn filled_vector(cx: &Cx<'_>, addr: u64, count: u64, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(bytes) => {
            vector(cx, addr, count, Buffers::Filled(u64::try_from(bytes).unwrap_or(0)))
        }
        Outcome::Error(_) | Outcome::Restarts(_) => vector(cx, addr, count, Buffers::Addresses),
        Outcome::Never => Value::Pending,
    }
}

/// `struct msghdr` the caller gives.
pub(super) fn message(cx: &Cx<'_>, addr: u64) -> Value {
    cx.at(addr, 7 * cx.word(), |raw| header(cx, raw, Buffers::Whole))
}

/// `struct msghdr` the kernel filled in.
pub(super) fn filled_message(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(bytes) => {
            let bytes = u64::try_from(bytes).unwrap_or(0);
            cx.at(addr, 7 * cx.word(), |raw| header(cx, raw, Buffers::Filled(bytes)))
        }
        Outcome::Error(_) | Outcome::Restarts(_) => cx.at(addr, 7 * cx.word(), |raw| {
            let length = Value::Int(raw.i32(raw.word()).into());
            Value::Struct(fields! { msg_namelen: length })
        }),
        Outcome::Never => Value::Pending,
    }
}

/// An array of `struct mmsghdr`.
pub(super) fn messages(cx: &Cx<'_>, addr: u64, count: u64, direction: Direction) -> Value {
    if !cx.follows() {
        return Value::Addr(addr);
    }
    let mut at = 0;
    cx.array(addr, count, 8 * cx.word(), |raw| {
        at += 1;
        let length = raw.u32(7 * raw.word());
        let (buffers, done) = match direction {
            Direction::Sent(sent) => (Buffers::Whole, at <= sent),
            Direction::Received => (Buffers::Filled(length.into()), true),
        };
        let mut shown = fields! { msg_hdr: header(cx, raw, buffers) };
        if done {
            shown.extend(fields! { msg_len: Value::UInt(length.into()) });
        }
        Value::Struct(shown)
    })
}

/// Which way messages went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// So many of them.
    Sent(u64),
    Received,
}

fn header(cx: &Cx<'_>, raw: &Raw, buffers: Buffers) -> Value {
    let word = raw.word();
    let field = |index| raw.uword(index * word);
    let (control, control_bytes) = (field(4), field(5));
    let name = sockaddr::at(cx, field(0), raw.u32(word).into());
    // It is the address that says whether messages are in the buffers, not the socket.
    let spell = if sockaddr::is_netlink(&name) { netlink::messages } else { strings::bytes };
    let mut shown = fields! {
        msg_name: name,
        msg_namelen: Value::Int(raw.i32(word).into()),
        msg_iov: vector_of(cx, field(2), field(3), buffers, spell),
        msg_iovlen: Value::UInt(field(3)),
    };
    if control_bytes != 0 {
        shown.extend(fields! { msg_control: cmsg::messages(cx, control, control_bytes) });
    }
    shown.extend(fields! {
        msg_controllen: Value::UInt(control_bytes),
        msg_flags: Value::flags(sockets::MSG.spell(raw.u32(6 * word).into())),
    });
    Value::Struct(shown)
}

/// `struct ucred`.
pub(super) fn credentials(data: &Raw) -> Value {
    Value::Struct(fields! {
        pid: Value::Int(data.i32(0).into()),
        uid: super::scalars::id(data.u32(4)),
        gid: super::scalars::id(data.u32(8)),
    })
}
