//! Values of socket options.

use vrift_arch::Syscall;

use super::raw::Raw;
use super::{Cx, sockaddr, sockets, strings};
use crate::call::Outcome;
use crate::view::names::{Menu, errno_name, sockopts};
use crate::view::value::{Cut, Quoting, Text, Value, fields};
use crate::view::word::{Number, Word};

/// The name of an option at a level.
pub(super) fn name(level: i32, option: u32) -> Value {
    match menu(level) {
        Some(menu) => Value::name(menu.spell(option.into())),
        None => Value::UInt(option.into()),
    }
}

/// Options that have another name if they are asked for.
const ASKED: &[(i32, u32, &str)] = &[
    (libc::SOL_SOCKET, 26, "SO_GET_FILTER"),
    (libc::IPPROTO_IP, 64, "IPT_SO_GET_INFO"),
    (libc::IPPROTO_IP, 65, "IPT_SO_GET_ENTRIES"),
    (libc::IPPROTO_IP, 66, "IPT_SO_GET_REVISION_MATCH"),
    (libc::IPPROTO_IP, 67, "IPT_SO_GET_REVISION_TARGET"),
    (libc::IPPROTO_IPV6, 64, "IP6T_SO_GET_INFO"),
    (libc::IPPROTO_IPV6, 65, "IP6T_SO_GET_ENTRIES"),
    (libc::IPPROTO_IPV6, 68, "IP6T_SO_GET_REVISION_MATCH"),
    (libc::IPPROTO_IPV6, 69, "IP6T_SO_GET_REVISION_TARGET"),
];

/// The name of an option that is asked for.
pub(super) fn name_asked(level: i32, option: u32) -> Value {
    match ASKED.iter().find(|&&(known, number, _)| (known, number) == (level, option)) {
        Some(&(.., text)) => Value::name(Word::hex(text, option.into())),
        None => name(level, option),
    }
}

/// The options of a level.
fn menu(level: i32) -> Option<&'static Menu> {
    let menu = match level {
        libc::SOL_SOCKET => &sockopts::SOCKET,
        libc::IPPROTO_IP => &sockopts::IP,
        libc::IPPROTO_TCP => &sockopts::TCP,
        libc::IPPROTO_UDP => &sockopts::UDP,
        libc::IPPROTO_IPV6 => &sockopts::IPV6,
        libc::SOL_PACKET => &sockopts::PACKET,
        libc::SOL_NETLINK => &sockopts::NETLINK,
        _ => return None,
    };
    Some(menu)
}

/// `SO_TXREHASH`
const SO_TXREHASH: i32 = 74;

/// Whether a socket's packets are to be hashed anew: numbers with names.
fn rehash(raw: &Raw) -> Value {
    let number = raw.i32(0);
    let name = match number {
        0 => "SOCK_TXREHASH_DISABLED".to_owned(),
        1 => "SOCK_TXREHASH_ENABLED".to_owned(),
        255 => "SOCK_TXREHASH_DEFAULT".to_owned(),
        _ => format!("{number} /* SOCK_TXREHASH_??? */"),
    };
    Value::Array(vec![Value::name(Word::new(name, Number::Signed(number.into())))])
}

/// Which groups a socket is in: not one number.
const NETLINK_LIST_MEMBERSHIPS: i32 = 9;

/// `SO_ATTACH_REUSEPORT_CBPF`
const SO_ATTACH_REUSEPORT_CBPF: i32 = 51;

/// Options of `SOL_SOCKET` that are a number of four bytes, however much room there is.
const NUMBERS: &[i32] = &[
    1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18, 19, 27, 29, 30, 32, 33, 34, 35, 36, 37, 40,
    41, 42, 43, 44, 45, 46, 49, 53, 56, 60, 63, 64, 65, 68, 69, 70, 73, 74, 75,
];

fn is_number(cx: &Cx<'_>) -> bool {
    match cx.int(1) {
        libc::SOL_SOCKET => NUMBERS.contains(&cx.int(2)),
        libc::SOL_NETLINK => {
            cx.int(2) != NETLINK_LIST_MEMBERSHIPS || cx.call.syscall == Some(Syscall::Setsockopt)
        }
        _ => false,
    }
}

/// A value the caller gives.
pub(super) fn given(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    match (cx.int(1), cx.int(2)) {
        (libc::SOL_SOCKET, libc::SO_LINGER) if bytes >= 8 => cx.at(addr, 8, linger),
        (libc::SOL_SOCKET, libc::SO_LINGER) => Value::Addr(addr),
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER | SO_ATTACH_REUSEPORT_CBPF) => {
            match bytes >= 2 * cx.word() as u64 {
                true => cx.at(addr, 2 * cx.word(), program),
                false => Value::Addr(addr),
            }
        }
        // IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP
        (libc::IPPROTO_IP, 35 | 36) if bytes >= 8 => cx.at(addr, 8, membership),
        (libc::IPPROTO_IP, 35 | 36) => Value::Addr(addr),
        // MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP
        (libc::IPPROTO_IP | libc::IPPROTO_IPV6, 42 | 45) => match bytes >= GROUP_BYTES as u64 {
            true => cx.at(addr, GROUP_BYTES, group),
            false => Value::Addr(addr),
        },
        // IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_JOIN_ANYCAST, IPV6_LEAVE_ANYCAST
        (libc::IPPROTO_IPV6, 20 | 21 | 27 | 28) if bytes >= 20 => cx.at(addr, 20, membership6),
        (libc::IPPROTO_IPV6, 20 | 21 | 27 | 28) => Value::Addr(addr),
        _ if is_number(cx) && bytes < 4 => Value::Addr(addr),
        (libc::SOL_SOCKET, SO_TXREHASH) => cx.at(addr, 4, rehash),
        _ if is_number(cx) || bytes == 4 => cx.at(addr, 4, number),
        _ if !cx.follows() => Value::Addr(addr),
        _ => strings::bytes(cx, addr, bytes),
    }
}

/// A value the kernel filled in, as long as the number behind `length` says.
pub(super) fn filled(cx: &Cx<'_>, addr: u64, length: u64, outcome: Outcome) -> Value {
    let bytes = cx.raw(length, 4).map_or(0, |raw| u64::from(raw.u32(0)));
    let part = || strings::quoted(cx, addr, bytes, Quoting::Hex);
    match (outcome, cx.int(1), cx.int(2)) {
        (Outcome::Never, _, _) => Value::Pending,
        (Outcome::Error(_) | Outcome::Restarts(_), _, _) => Value::Addr(addr),
        (_, libc::SOL_SOCKET, libc::SO_ERROR) if bytes == 4 => cx.at(addr, 4, |raw| {
            let errno = raw.i32(0);
            let value = if errno == 0 { Value::Int(0) } else { Value::name(errno_name(errno)) };
            Value::Array(vec![value])
        }),
        _ if bytes == 0 => Value::Addr(addr),
        // Of a structure that did not fit, as much as there is.
        (_, libc::SOL_SOCKET, libc::SO_PEERCRED) => match bytes {
            1..4 => Value::Struct(fields! { pid: part() }),
            4..12 => partial(cx, addr, bytes, sockets::credentials),
            _ => cx.at(addr, 12, sockets::credentials),
        },
        (_, libc::SOL_SOCKET, libc::SO_LINGER) => match bytes {
            1..4 => Value::Struct(fields! { l_onoff: part() }),
            4..8 => partial(cx, addr, bytes, linger),
            _ => cx.at(addr, 8, linger),
        },
        (_, libc::SOL_SOCKET, libc::SO_ERROR) if bytes < 4 => part(),
        _ if bytes < 4 && is_number(cx) => part(),
        _ => given(cx, addr, bytes),
    }
}

/// Of a structure of words the first ones, and what there is of the next.
fn partial(cx: &Cx<'_>, addr: u64, bytes: u64, spell: fn(&Raw) -> Value) -> Value {
    cx.at(addr, bytes as usize, |raw| {
        let Value::Struct(mut fields) = spell(raw) else { return Value::Addr(addr) };
        let whole = raw.bytes().len() / 4;
        fields.truncate(whole + usize::from(raw.bytes().len() % 4 != 0));
        if let Some((_, rest)) = fields.get_mut(whole) {
            let bytes = raw.slice(4 * whole, 4).to_vec();
            *rest = Value::Str(Text { bytes, cut: Cut::Whole, quoting: Quoting::Hex });
        }
        Value::Struct(fields)
    })
}

fn number(raw: &Raw) -> Value {
    Value::Array(vec![Value::Int(raw.i32(0).into())])
}

/// The size of `struct group_req`, with an address of any family.
const GROUP_BYTES: usize = 136;

/// `struct group_req`
fn group(raw: &Raw) -> Value {
    Value::Struct(fields! {
        gr_interface: sockaddr::interface(raw.u32(0)),
        gr_group: sockaddr::spell(&raw.part(8, 128)),
    })
}

/// `struct ip_mreq`
fn membership(raw: &Raw) -> Value {
    let address = |at| sockaddr::inet_address(raw.slice(at, 4));
    Value::Struct(fields! { imr_multiaddr: address(0), imr_interface: address(4) })
}

/// `struct ipv6_mreq`
fn membership6(raw: &Raw) -> Value {
    let place = ("ipv6mr_multiaddr", "&ipv6mr_multiaddr");
    let mut shown = vec![("".into(), sockaddr::inet6_address(raw.slice(0, 16), Some(place)))];
    shown.extend(fields! { ipv6mr_interface: sockaddr::interface(raw.u32(16)) });
    Value::Struct(shown)
}

fn linger(raw: &Raw) -> Value {
    Value::Struct(fields! {
        l_onoff: Value::Int(raw.i32(0).into()),
        l_linger: Value::Int(raw.i32(4).into()),
    })
}

/// `struct sock_fprog`: a seccomp or socket filter.
pub(super) fn program(raw: &Raw) -> Value {
    Value::Struct(fields! {
        len: Value::UInt(raw.u16(0).into()),
        filter: Value::Addr(raw.uword(raw.word())),
    })
}
