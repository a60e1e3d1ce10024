//! Values of socket options.

use super::raw::Raw;
use super::{Cx, sockets, strings};
use crate::call::Outcome;
use crate::view::names::{Menu, errno_name, sockopts};
use crate::view::value::{Quoting, Value, fields};

/// The name of an option at a level.
pub(super) fn name(level: i32, option: u32) -> Value {
    match menu(level) {
        Some(menu) => Value::name(menu.spell(option.into())),
        None => Value::UInt(option.into()),
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

/// A value the caller gives.
pub(super) fn given(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    match (cx.int(1), cx.int(2)) {
        (libc::SOL_SOCKET, libc::SO_LINGER) if bytes >= 8 => cx.at(addr, 8, linger),
        (libc::SOL_SOCKET, libc::SO_LINGER) => Value::Addr(addr),
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER) if bytes >= 2 * cx.word() as u64 => {
            cx.at(addr, 2 * cx.word(), program)
        }
        _ if bytes == 4 => cx.at(addr, 4, number),
        (level, option) if bytes < 4 && is_named(level, option) => Value::Addr(addr),
        _ => strings::bytes(cx, addr, bytes),
    }
}

fn is_named(level: i32, option: i32) -> bool {
    menu(level).is_some_and(|menu| menu.name(u64::from(option as u32)).is_some())
}

/// A value the kernel filled in, as long as the number behind `length` says.
pub(super) fn filled(cx: &Cx<'_>, addr: u64, length: u64, outcome: Outcome) -> Value {
    let bytes = cx.raw(length, 4).map_or(0, |raw| u64::from(raw.u32(0)));
    match (outcome, cx.int(1), cx.int(2)) {
        (Outcome::Never, _, _) => Value::Pending,
        (Outcome::Error(_) | Outcome::Restarts(_), _, _) => Value::Addr(addr),
        (_, libc::SOL_SOCKET, libc::SO_ERROR) if bytes == 4 => cx.at(addr, 4, |raw| {
            let errno = raw.i32(0);
            let value = if errno == 0 { Value::Int(0) } else { Value::name(errno_name(errno)) };
            Value::Array(vec![value])
        }),
        (_, libc::SOL_SOCKET, libc::SO_PEERCRED) if bytes >= 12 => {
            cx.at(addr, 12, sockets::credentials)
        }
        _ if bytes == 0 => Value::Addr(addr),
        _ if bytes < 4 => strings::quoted(cx, addr, bytes, Quoting::Hex),
        _ => given(cx, addr, bytes),
    }
}

fn number(raw: &Raw) -> Value {
    Value::Array(vec![Value::Int(raw.i32(0).into())])
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
