//! Which spelling a structure has, as an argument given, filled in, or both.

use vrift_arch::syscall::Shape;

use super::raw::Raw;
use super::sockets::{Buffers, Direction};
use super::{
    Cx, files, polls, process, scalars, siginfo, signals, sockaddr, sockets, sockopts, time,
};
use crate::call::Outcome;
use crate::view::value::Value;

/// `NGROUPS_MAX`
const NGROUPS_MAX: u32 = 1 << 16;

/// A structure with a fixed size and a spelling of its bytes alone.
type Plain = (usize, fn(&Raw) -> Value);

/// The size of the signal set in argument `at`: signalfd4 has flags behind it, other calls give
/// it last.
fn set_bytes(cx: &Cx<'_>, at: usize) -> u64 {
    match cx.call.syscall {
        Some(vrift_arch::Syscall::Signalfd4) => cx.arg(at + 1),
        _ => cx.arg(cx.kinds.len().saturating_sub(1)),
    }
}

/// The size and spelling of structures that depend on nothing else.
fn plain(cx: &Cx<'_>, shape: Shape) -> Option<Plain> {
    let (word, time) = (cx.word(), cx.time());
    let plain: Plain = match shape {
        Shape::Timespec => (2 * time, |raw| time::timespec(raw, 0)),
        Shape::Timeval => (2 * time, |raw| time::timeval(raw, 0)),
        Shape::Timezone => (8, time::timezone),
        Shape::Utimbuf => (2 * time, files::utimbuf),
        Shape::Itimerval => (4 * time, time::itimerval),
        Shape::Itimerspec => (4 * time, time::itimerspec),
        Shape::Rlimit => (2 * word, process::rlimit),
        Shape::Rlimit64 => (16, process::rlimit64),
        Shape::Sigaction => (3 * word + 8, signals::action),
        Shape::OldSigaction => (4 * word, signals::old_action),
        Shape::OldSigset => (word, |raw| signals::set(raw.uword(0))),
        Shape::SigStack => (3 * word, signals::stack),
        Shape::SockLen | Shape::Int => (4, |raw| one(Value::Int(raw.i32(0).into()))),
        Shape::UInt => (4, |raw| one(Value::UInt(raw.u32(0).into()))),
        Shape::Id => (4, |raw| one(scalars::id(raw.u32(0)))),
        Shape::Long => (word, |raw| one(Value::Int(raw.iword(0)))),
        Shape::ULong => (word, |raw| one(Value::UInt(raw.uword(0)))),
        Shape::Loff => (8, |raw| one(Value::Int(raw.i64(0)))),
        Shape::UShort => (2, |raw| one(scalars::short_id(raw.u16(0)))),
        Shape::Utsname if cx.abbreviates() => (390, process::utsname),
        Shape::Utsname => (390, process::whole_utsname),
        Shape::Sysinfo => (process::sysinfo_bytes(word), process::sysinfo),
        Shape::Tms => (4 * word, process::tms),
        Shape::SchedParam => (4, |raw| one(Value::Int(raw.i32(0).into()))),
        Shape::CapHeader => (8, process::cap_header),
        Shape::EpollEvent => match cx.layouts.epoll {
            polls::Packed::Yes => (12, |raw| polls::epoll_event(raw, polls::Packed::Yes)),
            polls::Packed::No => (16, |raw| polls::epoll_event(raw, polls::Packed::No)),
        },
        _ => return None,
    };
    Some(plain)
}

/// A number behind a pointer.
fn one(value: Value) -> Value {
    Value::Array(vec![value])
}

/// A structure the caller gives.
pub(super) fn spell(cx: &Cx<'_>, shape: Shape, at: usize) -> Value {
    let addr = cx.arg(at);
    if let Some((bytes, spell)) = plain(cx, shape) {
        return cx.at(addr, bytes, spell);
    }
    match shape {
        Shape::TimespecPair => time::timespec_pair(cx, addr),
        Shape::TimevalPair => time::timeval_pair(cx, addr),
        Shape::Sigset => signals::set_at(cx, addr, set_bytes(cx, at)),
        Shape::Siginfo => cx.at(addr, siginfo::BYTES, |raw| siginfo::told(raw, cx.descriptors())),
        Shape::Sigevent => signals::event(cx, addr),
        Shape::Iovec { count } => sockets::vector(cx, addr, cx.arg(count.into()), Buffers::Whole),
        Shape::Msghdr => sockets::message(cx, addr),
        Shape::Mmsghdr { count } => {
            sockets::messages(cx, addr, cx.uint(count.into()).into(), Direction::Sent(0))
        }
        Shape::Sockaddr { len } => sockaddr::at(cx, addr, cx.uint(len.into()).into()),
        Shape::SockOpt { len } => sockopts::given(cx, addr, cx.uint(len.into()).into()),
        Shape::OpenHow => files::open_how(cx, addr),
        Shape::CapData => process::cap_data(cx, addr),
        Shape::SchedAttr => process::sched_attr(cx, addr),
        Shape::CpuSet { len } => process::cpu_set(cx, addr, cx.uint(len.into()).into()),
        // The kernel takes no more.
        Shape::Groups { count } if cx.uint(count.into()) > NGROUPS_MAX => Value::Addr(addr),
        Shape::Groups { count } => {
            cx.array(addr, cx.uint(count.into()).into(), 4, |raw| scalars::id(raw.u32(0)))
        }
        Shape::Groups16 { count } => {
            cx.array(addr, cx.uint(count.into()).into(), 2, |raw| scalars::short_id(raw.u16(0)))
        }
        Shape::PollFds { count } => polls::asked(cx, addr, cx.uint(count.into()).into()),
        Shape::FdSet { count } => polls::set(cx, addr, cx.int(count.into())),
        _ => Value::Addr(addr),
    }
}

/// A structure the kernel fills in.
pub(super) fn out(cx: &Cx<'_>, shape: Shape, at: usize, outcome: Outcome) -> Value {
    let addr = cx.arg(at);
    if let Some((bytes, spell)) = plain(cx, shape) {
        return cx.filled(addr, outcome, bytes, spell);
    }
    match shape {
        // Only calls that make two descriptors at once have a pair of numbers.
        Shape::IntPair => match outcome {
            Outcome::Value(_) => cx.array(addr, 2, 4, |raw| cx.fd(raw.i32(0))),
            Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(addr),
            Outcome::Never => Value::Pending,
        },
        Shape::Siginfo => {
            cx.filled(addr, outcome, siginfo::BYTES, |raw| siginfo::told(raw, cx.descriptors()))
        }
        Shape::Stat => files::stat(cx, addr, outcome),
        Shape::Statx => files::statx(cx, addr, outcome),
        Shape::Statfs => files::statfs(cx, addr, outcome),
        Shape::Statfs64 => files::statfs64(cx, addr, outcome),
        Shape::Dirents64 | Shape::Dirents => files::dirents(cx, addr, outcome),
        Shape::OldDirent => files::old_dirent(cx, addr, outcome),
        Shape::Rusage if outcome == Outcome::Value(0) && is_wait(cx) => Value::Addr(addr),
        Shape::Rusage if cx.abbreviates() => {
            cx.filled(addr, outcome, 18 * cx.word(), process::rusage)
        }
        Shape::Rusage => cx.filled(addr, outcome, 18 * cx.word(), process::whole_rusage),
        Shape::WaitStatus => process::wait_status(cx, addr, outcome),
        Shape::EpollEvents => polls::epoll_events(cx, addr, outcome),
        Shape::Msghdr => sockets::filled_message(cx, addr, outcome),
        Shape::Iovec { count } => sockets::filled_vector(cx, addr, cx.arg(count.into()), outcome),
        Shape::SockOpt { len } => sockopts::filled(cx, addr, cx.arg(len.into()), outcome),
        _ => by_result(cx, shape, at, outcome),
    }
}

/// Whether the call is wait4, which reports on nobody if it returns 0.
fn is_wait(cx: &Cx<'_>) -> bool {
    cx.call.syscall == Some(vrift_arch::Syscall::Wait4)
}

/// Structures whose size the result tells.
fn by_result(cx: &Cx<'_>, shape: Shape, at: usize, outcome: Outcome) -> Value {
    let addr = cx.arg(at);
    let Outcome::Value(result) = outcome else {
        return match outcome {
            Outcome::Never => Value::Pending,
            _ => Value::Addr(addr),
        };
    };
    let result = u64::try_from(result).unwrap_or(0);
    match shape {
        Shape::CpuSet { .. } => process::cpu_set(cx, addr, result),
        Shape::Groups { .. } => cx.array(addr, result, 4, |raw| scalars::id(raw.u32(0))),
        Shape::Groups16 { .. } => cx.array(addr, result, 2, |raw| scalars::short_id(raw.u16(0))),
        Shape::Mmsghdr { .. } => sockets::messages(cx, addr, result, Direction::Received),
        Shape::SchedAttr => process::filled_sched_attr(cx, addr),
        _ => spell(cx, shape, at),
    }
}

/// A structure that is read at entry and again at exit.
pub(super) fn enter(cx: &Cx<'_>, shape: Shape, at: usize) -> Value {
    match shape {
        // What the kernel makes of it says all.
        Shape::Timex => Value::Pending,
        _ => spell(cx, shape, at),
    }
}

/// The same at exit: what has changed is shown behind what it was.
pub(super) fn leave(cx: &Cx<'_>, shape: Shape, at: usize, value: &mut Value, outcome: Outcome) {
    if shape == Shape::Timex {
        *value = cx.filled(cx.arg(at), outcome, time::timex_bytes(cx.time()), time::timex);
    }
    if matches!(outcome, Outcome::Value(_)) && shape == Shape::SockLen {
        let before = std::mem::replace(value, Value::Pending);
        *value = changed_number(before, spell(cx, shape, at));
    }
}

/// `[16]`, or `[128 => 16]` if the number changed.
fn changed_number(before: Value, after: Value) -> Value {
    match (before, after) {
        (Value::Array(mut before), Value::Array(mut after)) => match (before.pop(), after.pop()) {
            (Some(before), Some(after)) => Value::Array(vec![before.changed_to(after)]),
            _ => Value::Array(Vec::new()),
        },
        (_, after) => after,
    }
}
