//! Arguments that are a number in a register.

use vrift_arch::syscall::Kind;

use super::{Cx, files};
use crate::view::names;
use crate::view::value::Value;

/// `AT_FDCWD`
const AT_FDCWD: i32 = -100;

/// A scalar argument. Kinds that are none are shown as the register holds them.
pub(super) fn spell(cx: &Cx<'_>, kind: Kind, at: usize) -> Value {
    match kind {
        Kind::Int | Kind::Pid => Value::Int(cx.int(at).into()),
        Kind::UInt => Value::UInt(cx.uint(at).into()),
        Kind::Long => Value::Int(cx.arg(at) as i64),
        Kind::ULong => Value::UInt(cx.arg(at)),
        Kind::Addr => Value::Addr(cx.arg(at)),
        Kind::Fd => Value::Fd(cx.int(at)),
        Kind::DirFd => dir_fd(cx.int(at)),
        Kind::Id => id(cx.uint(at)),
        Kind::Mode => Value::Octal((cx.uint(at) & 0xffff).into()),
        Kind::NodeMode => files::mode(cx.uint(at)),
        Kind::Dev => files::device(cx.arg(at)),
        Kind::Signal => Value::name(names::signal_name(cx.int(at))),
        _ => Value::Hex(cx.arg(at)),
    }
}

/// A directory descriptor, or the name of the working directory.
pub(super) fn dir_fd(fd: i32) -> Value {
    if fd == AT_FDCWD { Value::name("AT_FDCWD") } else { Value::Fd(fd) }
}

/// A user or group id.
pub(super) fn id(id: u32) -> Value {
    if id == u32::MAX { Value::Int(-1) } else { Value::UInt(id.into()) }
}
