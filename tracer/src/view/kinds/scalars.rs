//! Arguments that are a number in a register.

use vrift_arch::Syscall;
use vrift_arch::syscall::Kind;

use super::{Cx, files};
use crate::view::value::Value;

/// A scalar argument. Kinds that are none are shown as the register holds them.
pub(super) fn spell(cx: &Cx<'_>, kind: Kind, at: usize) -> Value {
    match kind {
        Kind::Pid if waits_for_descriptor(cx, at) => cx.fd(cx.int(at)),
        Kind::Int | Kind::Pid => Value::Int(cx.int(at).into()),
        Kind::UInt => Value::UInt(cx.uint(at).into()),
        Kind::Long => Value::Int(cx.long(at)),
        Kind::ULong => Value::UInt(cx.arg(at)),
        Kind::Hex32 => Value::Hex(cx.uint(at).into()),
        Kind::Addr => Value::Addr(cx.arg(at)),
        Kind::Fd => cx.fd(cx.int(at)),
        Kind::DirFd => cx.directory(cx.int(at)),
        Kind::Id => id(cx.uint(at)),
        Kind::Id16 => short_id(cx.arg(at) as u16),
        Kind::Mode => Value::Octal((cx.uint(at) & 0xffff).into()),
        Kind::NodeMode => files::mode(u32::from(cx.arg(at) as u16)),
        Kind::Dev => files::device(cx.uint(at).into()),
        Kind::Signal => Value::signal(cx.int(at)),
        _ => Value::Hex(cx.arg(at)),
    }
}

/// Whether it is a descriptor that waitid waits for.
fn waits_for_descriptor(cx: &Cx<'_>, at: usize) -> bool {
    const P_PIDFD: i32 = 3;
    cx.call.syscall == Some(Syscall::Waitid) && at == 1 && cx.int(0) == P_PIDFD
}

/// A user or group id of 16 bits.
pub(super) fn short_id(id: u16) -> Value {
    if id == u16::MAX { Value::Int(-1) } else { Value::UInt(id.into()) }
}

/// A user or group id.
pub(super) fn id(id: u32) -> Value {
    if id == u32::MAX { Value::Int(-1) } else { Value::UInt(id.into()) }
}
