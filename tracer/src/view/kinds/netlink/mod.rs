//! Netlink messages: what sockets of `AF_NETLINK` send and receive.
//!
//! Whether a socket is one, and of which protocol, is asked of the kernel when a buffer is to be shown:
//! its descriptor may have come from anywhere.
//!
//! Deliberately absent: what messages of other protocols than `NETLINK_ROUTE` and `NETLINK_SOCK_DIAG` carry; it
//! is shown as bytes.

mod attributes;
mod bytecode;
mod diag;
mod heads;
mod link;
mod route;

use self::attributes::{Attributes, Data, Span, Walk, bytes, chain, list};
use super::raw::Raw;
use super::{Cx, strings};
use crate::procfs;
use crate::sockdiag;
use crate::view::names::{Menu, Set, choices, errno_name, netlink};
use crate::view::value::{Field, Value, fields};
use crate::view::word::{Number, Word};

/// `sizeof(struct nlmsghdr)`
const HEADER: usize = 16;
/// `NLMSG_ERROR`, `NLMSG_DONE`, and the first number that is not netlink's own.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const FIRST: u16 = 16;
/// `NLM_F_CAPPED`
const CAPPED: u16 = 0x100;
/// `NETLINK_KOBJECT_UEVENT`, whose messages are strings.
const UEVENT: u32 = 15;
/// `NETLINK_ROUTE` and other protocols.
const ROUTE: u32 = 0;
const SOCK_DIAG: u32 = 4;
const XFRM: u32 = 6;
const CRYPTO: u32 = 21;
const SELINUX: u32 = 7;
/// `SELNL_MSG_SETENFORCE` and `SELNL_MSG_POLICYLOAD`, and what they say.
const SETENFORCE: u16 = 16;
const POLICYLOAD: u16 = 17;
const ENFORCES: &[(&str, usize, Data)] = &[("val", 0, Data::Signed(4))];
const LOADED: &[(&str, usize, Data)] = &[("seqno", 0, Data::Unsigned(4))];

/// What a call on a socket sends or receives: bytes, or messages if the socket is of netlink.
pub(super) fn buffer(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    if cx.follows() && sockdiag::is_netlink(cx.seat.tid, cx.int(0)) {
        return messages(cx, addr, count);
    }
    strings::bytes(cx, addr, count)
}

/// Messages in a buffer of a netlink socket.
pub(super) fn messages(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    let protocol = protocol(cx);
    if protocol == Some(UEVENT) {
        return strings::bytes(cx, addr, count);
    }
    let length = |raw: &Raw| raw.u32(0).into();
    chain(cx, Span { addr, count }, HEADER, length, |raw, span| message(cx, protocol, raw, span))
}

/// The protocol of the socket that the call is on.
fn protocol(cx: &Cx<'_>) -> Option<u32> {
    let link = procfs::link(cx.seat.tid, cx.int(0))?;
    let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
    sockdiag::netlink_protocol(inode)
}

/// One message; it lies at the start of `span`.
fn message(cx: &Cx<'_>, protocol: Option<u32>, raw: &Raw, span: Span) -> Value {
    let head = header(protocol, raw);
    let whole = span.first(raw.u32(0).into());
    let Some(payload) = whole.behind(HEADER as u64) else { return head };
    let mut parts = vec![head];
    parts.extend(self::payload(cx, protocol, raw, payload));
    Value::Array(parts)
}

/// `struct nlmsghdr`
fn header(protocol: Option<u32>, raw: &Raw) -> Value {
    let (kind, bits) = (raw.u16(4), raw.u16(6));
    Value::Struct(fields! {
        nlmsg_len: Value::UInt(raw.u32(0).into()),
        nlmsg_type: type_of(protocol, kind),
        nlmsg_flags: Value::flags(flags(protocol, kind).spell(bits.into())),
        nlmsg_seq: Value::UInt(raw.u32(8).into()),
        nlmsg_pid: Value::Int(raw.i32(12).into()),
    })
}

/// What a message is of.
fn type_of(protocol: Option<u32>, kind: u16) -> Value {
    let menu: &Menu = match protocol {
        _ if kind < FIRST => &netlink::CONTROL,
        Some(ROUTE) => &netlink::ROUTE,
        Some(SOCK_DIAG) => &netlink::SOCK_DIAG,
        Some(XFRM) => &netlink::XFRM,
        Some(SELINUX) => &netlink::SELINUX,
        Some(9) => &netlink::AUDIT,
        Some(12) => return netfilter_type(kind),
        Some(16) => &netlink::GENERIC,
        Some(CRYPTO) => &netlink::CRYPTO,
        _ => &netlink::CONTROL,
    };
    Value::name(menu.spell(kind.into()))
}

/// A subsystem of netfilter and a message of it, whose name is left to the reader.
fn netfilter_type(kind: u16) -> Value {
    if let Some(name) = netlink::NETFILTER_BATCH.name(kind.into()) {
        return Value::name(Word::hex(name, kind.into()));
    }
    let subsystem: String = netlink::NETFILTER.spell((kind >> 8).into()).into();
    Value::name(format!("{subsystem}<<8|{:#x}", kind & 0xff))
}

/// The names of a message's flags, which depend on what it is of.
fn flags(protocol: Option<u32>, kind: u16) -> &'static Set {
    // RTM_DELACTION
    const DELETE_ACTION: u16 = 49;
    match (protocol, kind) {
        (_, ERROR) => &netlink::FLAGS_ERROR,
        (_, 0..FIRST) => &netlink::FLAGS,
        (Some(ROUTE), DELETE_ACTION) | (Some(SOCK_DIAG), _) => &netlink::FLAGS_GET,
        // Each kind of thing has four numbers: new, delete, get, set.
        (Some(ROUTE), _) => match kind & 3 {
            0 => &netlink::FLAGS_NEW,
            1 => &netlink::FLAGS_DELETE,
            2 => &netlink::FLAGS_GET,
            _ => &netlink::FLAGS,
        },
        (Some(CRYPTO), 0x10) => &netlink::FLAGS_NEW,
        (Some(CRYPTO), 0x11 | 0x14) => &netlink::FLAGS_DELETE,
        (Some(CRYPTO), 0x13) => &netlink::FLAGS_GET,
        (Some(XFRM), 0x10 | 0x13 | 0x1e | 0x22 | 0x24) => &netlink::FLAGS_NEW,
        (Some(XFRM), 0x11 | 0x14) => &netlink::FLAGS_DELETE,
        (Some(XFRM), 0x12 | 0x15 | 0x1f | 0x23 | 0x25) => &netlink::FLAGS_GET,
        _ => &netlink::FLAGS,
    }
}

/// What stands behind a header.
fn payload(cx: &Cx<'_>, protocol: Option<u32>, head: &Raw, span: Span) -> Vec<Value> {
    let (kind, bits) = (head.u16(4), head.u16(6));
    match kind {
        ERROR => vec![error(cx, protocol, bits, span)],
        DONE if span.count == 4 => {
            vec![
                span.fetch(cx, 4)
                    .map_or(Value::Addr(span.addr), |raw| Value::Int(raw.i32(0).into())),
            ]
        }
        FIRST.. if protocol == Some(ROUTE) => route::payload(cx, kind, span),
        FIRST.. if protocol == Some(SOCK_DIAG) => diag::payload(cx, kind, bits, span),
        SETENFORCE | POLICYLOAD if protocol == Some(SELINUX) => {
            let walk = Walk { cx, family: 0 };
            let fields = if kind == SETENFORCE { ENFORCES } else { LOADED };
            vec![Data::Fields(4, fields).spell(&walk, span)]
        }
        _ => vec![bytes(cx, span)],
    }
}

/// Attributes of `NLMSG_ERROR`.
const ERROR_ATTRIBUTES: Attributes = Attributes {
    unknown: "NLMSGERR_ATTR_???",
    known: &[
        ("NLMSGERR_ATTR_UNUSED", Data::Bytes),
        ("NLMSGERR_ATTR_MSG", Data::Text),
        ("NLMSGERR_ATTR_OFFS", Data::Unsigned(4)),
        ("NLMSGERR_ATTR_COOKIE", Data::Octets),
        ("NLMSGERR_ATTR_POLICY", Data::Bytes),
        ("NLMSGERR_ATTR_MISS_TYPE", Data::Bytes),
        ("NLMSGERR_ATTR_MISS_NEST", Data::Bytes),
    ],
};

/// `struct nlmsgerr`: the message that was wrong, whole or only its header, and what is said of it.
fn error(cx: &Cx<'_>, protocol: Option<u32>, bits: u16, span: Span) -> Value {
    const ERRNO: usize = 4;
    if span.count < (ERRNO + HEADER) as u64 {
        return bytes(cx, span);
    }
    let Some(raw) = span.fetch(cx, ERRNO + HEADER) else { return Value::Addr(span.addr) };
    let (head, rest) = (raw.part(ERRNO, HEADER), span.from(ERRNO as u64));
    let told = match bits & CAPPED {
        0 => u64::from(head.u32(0)).max(HEADER as u64),
        _ => HEADER as u64,
    };
    let shown = Value::Struct(fields! {
        error: errno(raw.i32(0)),
        msg: message(cx, protocol, &head, rest.first(told)),
    });
    match rest.behind(told) {
        Some(attributes) => {
            let walk = Walk { cx, family: 0 };
            Value::Array(vec![shown, list(&walk, attributes, &ERROR_ATTRIBUTES)])
        }
        None => shown,
    }
}

/// Errors that stay within the kernel, from 512 on.
const INTERNAL: &[&str] = &[
    "ERESTARTSYS",
    "ERESTARTNOINTR",
    "ERESTARTNOHAND",
    "ENOIOCTLCMD",
    "ERESTART_RESTARTBLOCK",
    "EPROBE_DEFER",
    "EOPENSTALE",
    "",
    "",
    "EBADHANDLE",
    "ENOTSYNC",
    "EBADCOOKIE",
    "ENOTSUPP",
    "ETOOSMALL",
    "ESERVERFAULT",
    "EBADTYPE",
    "EJUKEBOX",
    "EIOCBQUEUED",
    "ERECALLCONFLICT",
];

/// A negative error number.
fn errno(number: i32) -> Value {
    let positive = number.checked_neg().unwrap_or(0);
    let internal = usize::try_from(positive - 512).ok().and_then(|at| INTERNAL.get(at));
    let name = internal.map_or_else(|| errno_name(positive), |name| (*name).to_owned());
    match name.starts_with('E') {
        true => Value::name(Word::new(format!("-{name}"), Number::Signed(number.into()))),
        false => Value::Int(number.into()),
    }
}

/// The family in the first byte of a message.
fn family(number: u8) -> Value {
    Value::name(choices::FAMILY.spell(number.into()))
}

/// Spells the fields of a structure behind the first.
type Fields<'a> = &'a dyn Fn(&Raw) -> Vec<Field>;

/// A structure that begins with a family, and attributes behind it. Without `fields` nothing else of it is shown.
fn headed(
    walk: &Walk<'_, '_>,
    span: Span,
    name: &'static str,
    bytes: usize,
    fields: Option<Fields<'_>>,
    attributes: Option<&'static Attributes>,
) -> Vec<Value> {
    let mut shown = vec![(name.into(), family(walk.family))];
    let whole = match fields {
        None => true,
        Some(_) if span.count < bytes as u64 => {
            shown.push(("".into(), Value::More));
            false
        }
        Some(fields) => match span.fetch(walk.cx, bytes) {
            Some(raw) => {
                shown.extend(fields(&raw));
                true
            }
            None => {
                shown.push(("".into(), Value::Addr(span.addr.wrapping_add(1))));
                false
            }
        },
    };
    let mut parts = vec![Value::Struct(shown)];
    let rest = span.behind(bytes.next_multiple_of(4) as u64).filter(|_| whole);
    parts.extend(rest.zip(attributes).map(|(rest, attributes)| list(walk, rest, attributes)));
    parts
}
