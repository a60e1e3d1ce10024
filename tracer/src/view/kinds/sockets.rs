//! Messages: vectors of buffers, headers, control messages.

use super::raw::Raw;
use super::{Cx, sockaddr, strings};
use crate::call::Outcome;
use crate::view::names::{sockets, sockopts};
use crate::view::value::{Cut, Value, fields};
use crate::view::word::Word;

/// Control messages beyond this are not read.
const CONTROL_BYTES_MAX: u64 = 1 << 17;

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
    let mut filled = match buffers {
        Buffers::Filled(bytes) => bytes,
        Buffers::Whole | Buffers::Addresses => 0,
    };
    cx.array(addr, count, 2 * cx.word(), |raw| {
        let (base, length) = (raw.uword(0), raw.uword(raw.word()));
        let base = match buffers {
            Buffers::Addresses => Value::Addr(base),
            Buffers::Whole => strings::bytes(cx, base, length),
            Buffers::Filled(_) => {
                let shown = length.min(filled);
                filled -= shown;
                strings::bytes(cx, base, shown)
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
    let mut shown = fields! {
        msg_name: sockaddr::at(cx, field(0), raw.u32(word).into()),
        msg_namelen: Value::Int(raw.i32(word).into()),
        msg_iov: vector(cx, field(2), field(3), buffers),
        msg_iovlen: Value::UInt(field(3)),
    };
    if control_bytes != 0 {
        shown.extend(fields! { msg_control: control_messages(cx, control, control_bytes) });
    }
    shown.extend(fields! {
        msg_controllen: Value::UInt(control_bytes),
        msg_flags: Value::flags(sockets::MSG.spell(raw.u32(6 * word).into())),
    });
    Value::Struct(shown)
}

fn control_messages(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    let bytes = bytes.min(CONTROL_BYTES_MAX) as usize;
    // `sizeof(struct cmsghdr)`
    let header = cx.word() + 8;
    if bytes < header {
        return Value::Addr(addr);
    }
    cx.at(addr, bytes, |raw| {
        let mut elements = Vec::new();
        let mut at = 0;
        while at + header <= bytes {
            let length = usize::try_from(raw.uword(at)).unwrap_or(usize::MAX);
            elements.push(control_message(cx, raw, at, length.min(bytes - at)));
            if length < header || length > bytes - at {
                at = if length < header { at + header } else { bytes };
                break;
            }
            at += length.next_multiple_of(cx.word());
        }
        // No message fits there.
        if at < bytes {
            let place = addr.wrapping_add(at as u64);
            elements.push(Value::Verbatim(format!("... /* {place:#x} */")));
        }
        Value::Array(elements)
    })
}

fn control_message(cx: &Cx<'_>, raw: &Raw, at: usize, length: usize) -> Value {
    let (word, header) = (raw.word(), raw.word() + 8);
    let (level, kind) = (raw.i32(at + word), raw.i32(at + word + 4));
    let mut shown = fields! {
        cmsg_len: Value::UInt(raw.uword(at)),
        cmsg_level: Value::name(match sockopts::LEVEL.name(level as u32 as u64) {
            Some(name) => Word::hex(name, level as u32 as u64),
            None => format!("{} /* SOL_??? */", Value::Hex((level as u32).into())).into(),
        }),
    };
    let data = raw.part(at + header, length.saturating_sub(header));
    let (name, data): (String, Value) = match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_RIGHTS) => ("SCM_RIGHTS".into(), descriptors(cx, &data)),
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => ("SCM_CREDENTIALS".into(), credentials(&data)),
        (libc::SOL_SOCKET, 3) => {
            ("SCM_SECURITY".into(), strings::literal(data.bytes(), Cut::Whole))
        }
        (libc::SOL_SOCKET, _) => (format!("{kind:#x} /* SCM_??? */"), Value::Pending),
        _ => (Value::Hex((kind as u32).into()).to_string(), Value::Pending),
    };
    shown.extend(fields! { cmsg_type: Value::name(Word::hex(name, kind as u32 as u64)) });
    if !data.is_pending() {
        shown.extend(fields! { cmsg_data: data });
    }
    Value::Struct(shown)
}

fn descriptors(cx: &Cx<'_>, data: &Raw) -> Value {
    Value::Array((0..data.bytes().len() / 4).map(|n| cx.fd(data.i32(n * 4))).collect())
}

/// `struct ucred`.
pub(super) fn credentials(data: &Raw) -> Value {
    Value::Struct(fields! {
        pid: Value::Int(data.i32(0).into()),
        uid: super::scalars::id(data.u32(4)),
        gid: super::scalars::id(data.u32(8)),
    })
}
