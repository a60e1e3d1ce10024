//! Calls that need a few lines of their own.

use super::super::sockets::{self, Buffers, Direction};
use super::super::{self as kinds, Cx, memory, signals, sockopts, strings, time};
use nix::unistd::Pid;
use vrift_arch::syscall::Kind;

use crate::call::Outcome;
use crate::memory::GuestAddr;
use crate::view::names::{Menu, choices, sockopts as names, tasks};
use crate::view::spelled::Spelled;
use crate::view::value::{Quoting, Value, fields};
use crate::view::word::Word;

/// The arguments as the row has them.
pub(super) fn enter_row(cx: &Cx<'_>) -> Vec<Value> {
    cx.call.syscall.map_or_else(Vec::new, |syscall| kinds::row_in(cx, syscall.row()))
}

/// What the row says the kernel fills in.
pub(super) fn leave_row(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    kinds::row_out(cx, spelled, outcome);
}

/// What comes behind the events is shown at the end too, and of a call that failed strace shows addresses there.
pub(super) fn leave_epoll_wait(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    leave_row(cx, spelled, outcome);
    if matches!(outcome, Outcome::Error(_) | Outcome::Restarts(_)) {
        for (at, _) in cx.kinds.iter().enumerate().filter(|(_, kind)| matches!(kind, Kind::In(_))) {
            set(spelled, at, Value::Addr(cx.arg(at)));
        }
    }
}

/// Replaces an argument.
fn set(spelled: &mut Spelled, at: usize, value: Value) {
    if let Some(arg) = spelled.args.get_mut(at) {
        *arg = value;
    }
}

/// `ARCH_GET_*` fills in an address.
pub(super) fn enter_arch_prctl(cx: &Cx<'_>) -> Vec<Value> {
    let code = cx.uint(0);
    let second = match code {
        0x1003 | 0x1004 => Value::Pending,
        0x1011 => return vec![Value::name(choices::ARCH_PRCTL.spell(code.into()))],
        _ => Value::Hex(cx.arg(1)),
    };
    vec![Value::name(choices::ARCH_PRCTL.spell(code.into())), second]
}

pub(super) fn leave_arch_prctl(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    if matches!(cx.uint(0), 0x1003 | 0x1004) {
        let one = |addr| Value::Array(vec![Value::Addr(addr)]);
        set(spelled, 1, cx.filled(cx.arg(1), outcome, cx.word(), |raw| one(raw.uword(0))));
    }
}

/// nanosleep and clock_nanosleep: the time left counts only if a signal cut the sleep short.
pub(super) fn enter_sleep(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(last) = args.last_mut() {
        *last = Value::Pending;
    }
    args
}

pub(super) fn leave_sleep(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let at = spelled.args.len().saturating_sub(1);
    let absolute = at == 3 && cx.arg(1) & 1 != 0;
    let addr = cx.arg(at);
    let value = match outcome {
        Outcome::Restarts(_) if !absolute => {
            cx.at(addr, 2 * cx.time(), |raw| time::timespec(raw, 0))
        }
        Outcome::Never => Value::Pending,
        _ => Value::Addr(addr),
    };
    set(spelled, at, value);
}

/// The event counts unless an entry is deleted.
pub(super) fn enter_epoll_ctl(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if cx.int(1) == libc::EPOLL_CTL_DEL
        && let Some(last) = args.last_mut()
    {
        *last = Value::Addr(cx.arg(3));
    }
    args
}

pub(super) fn enter_robust_list(cx: &Cx<'_>) -> Vec<Value> {
    vec![Value::Int(cx.int(0).into()), Value::Pending, Value::Pending]
}

pub(super) fn leave_robust_list(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let one = |value| Value::Array(vec![value]);
    let word = cx.word();
    set(spelled, 1, cx.filled(cx.arg(1), outcome, word, |raw| one(Value::Addr(raw.uword(0)))));
    set(spelled, 2, cx.filled(cx.arg(2), outcome, word, |raw| one(Value::UInt(raw.uword(0)))));
}

/// Random bytes are never text.
pub(super) fn leave_getrandom(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let value = match outcome {
        Outcome::Value(count) => {
            strings::quoted(cx, cx.arg(0), u64::try_from(count).unwrap_or(0), Quoting::Hex)
        }
        Outcome::Never => Value::Pending,
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(cx.arg(0)),
    };
    set(spelled, 0, value);
}

/// Descriptor, level and option of the two calls on options.
fn option(cx: &Cx<'_>) -> Vec<Value> {
    let level = Value::name(names::LEVEL.spell(cx.uint(1).into()));
    vec![cx.fd(cx.int(0)), level, sockopts::name(cx.int(1), cx.uint(2))]
}

pub(super) fn enter_setsockopt(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = option(cx);
    args.push(sockopts::given(cx, cx.arg(3), cx.uint(4).into()));
    args.push(Value::Int(cx.int(4).into()));
    args
}

pub(super) fn enter_getsockopt(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = option(cx);
    args[2] = sockopts::name_asked(cx.int(1), cx.uint(2));
    args.push(Value::Pending);
    args.push(cx.at(cx.arg(4), 4, |raw| Value::Array(vec![Value::Int(raw.i32(0).into())])));
    args
}

pub(super) fn leave_getsockopt(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    set(spelled, 3, sockopts::filled(cx, cx.arg(3), cx.arg(4), outcome));
    row_length(cx, spelled, outcome);
}

/// The length behind the last pointer may have changed.
fn row_length(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    use vrift_arch::syscall::Shape;
    if let Some(last) = spelled.args.last_mut() {
        super::super::shapes::leave(cx, Shape::SockLen, 4, last, outcome);
    }
}

pub(super) fn enter_mincore(cx: &Cx<'_>) -> Vec<Value> {
    vec![Value::Addr(cx.arg(0)), Value::UInt(cx.arg(1)), Value::Pending]
}

pub(super) fn leave_mincore(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    set(spelled, 2, memory::residency(cx, cx.arg(2), cx.arg(1), outcome));
}

pub(super) fn enter_process_madvise(cx: &Cx<'_>) -> Vec<Value> {
    vec![
        cx.fd(cx.int(0)),
        sockets::vector(cx, cx.arg(1), cx.arg(2), Buffers::Addresses),
        Value::UInt(cx.arg(2)),
        Value::name(choices::MADVISE.spell(cx.uint(3).into())),
        Value::Hex(cx.uint(4).into()),
    ]
}

/// process_vm_readv and process_vm_writev: the remote half is addresses in another process.
pub(super) fn enter_vm(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(remote) = args.get_mut(3) {
        *remote = sockets::vector(cx, cx.arg(3), cx.arg(4), Buffers::Addresses);
    }
    args
}

pub(super) fn leave_vm(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    leave_row(cx, spelled, outcome);
}

/// The two numbers that make reboot mean it have names.
pub(super) fn enter_reboot(cx: &Cx<'_>) -> Vec<Value> {
    let magic = |value: u32, names: &[(u32, &str)], unknown| {
        let text = match names.iter().find(|(known, _)| *known == value) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("{} /* {unknown} */", Value::Hex(value.into())),
        };
        Value::name(Word::hex(text, value.into()))
    };
    const SECOND: &[(u32, &str)] = &[
        (672_274_793, "LINUX_REBOOT_MAGIC2"),
        (85_072_278, "LINUX_REBOOT_MAGIC2A"),
        (369_367_448, "LINUX_REBOOT_MAGIC2B"),
        (537_993_216, "LINUX_REBOOT_MAGIC2C"),
    ];
    let command = cx.uint(2);
    let mut args = vec![
        magic(cx.uint(0), &[(0xfee1_dead, "LINUX_REBOOT_MAGIC1")], "LINUX_REBOOT_MAGIC_???"),
        magic(cx.uint(1), SECOND, "LINUX_REBOOT_MAGIC_???"),
        Value::name(choices::REBOOT.spell(command.into())),
    ];
    // LINUX_REBOOT_CMD_RESTART2 alone takes a string.
    if command == 0xa1b2_c3d4 {
        args.push(strings::text(cx, cx.arg(3)));
    }
    args
}

/// The signal mask that comes back with the interrupted context.
pub(super) fn enter_sigreturn(cx: &Cx<'_>) -> Vec<Value> {
    let at = GuestAddr(cx.call.sp).offset(cx.layouts.sigreturn_mask);
    let mask = cx.at(at.0, 8, |raw| signals::set(raw.u64(0)));
    vec![Value::Struct(fields! { mask: mask })]
}

/// The same from the older frame of i386, which holds the first and the second half of the mask apart:
/// in `struct sigcontext_32`, and behind that and `struct _fpstate_32`.
pub(super) fn enter_old_sigreturn(cx: &Cx<'_>) -> Vec<Value> {
    const MASK: u64 = 80;
    const MORE_MASK: u64 = 88 + 624;
    let half = |at| cx.memory.read_u32(GuestAddr(cx.call.sp).offset(at)).map(u64::from);
    let mask = match (half(MASK), half(MORE_MASK)) {
        (Ok(low), Ok(high)) => signals::set(low | high << 32),
        _ => Value::Addr(cx.call.sp),
    };
    vec![Value::Struct(fields! { mask: mask })]
}

pub(super) fn enter_seccomp(cx: &Cx<'_>) -> Vec<Value> {
    let third = match cx.uint(0) {
        1 => cx.at(cx.arg(2), 2 * cx.word(), sockopts::program),
        2 => cx.at(cx.arg(2), 4, |raw| {
            Value::Array(vec![Value::name(choices::SECCOMP_ACTION.spell(raw.u32(0).into()))])
        }),
        3 => Value::Pending,
        _ => Value::Addr(cx.arg(2)),
    };
    let flags = match cx.uint(0) {
        1 => Value::flags(tasks::SECCOMP.spell(cx.uint(1).into())),
        _ => Value::Hex(cx.uint(1).into()),
    };
    vec![Value::name(choices::SECCOMP_OP.spell(cx.uint(0).into())), flags, third]
}

/// The sizes of the structures of a supervisor.
pub(super) fn leave_seccomp(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    if cx.uint(0) == 3 {
        let sizes = cx.filled(cx.arg(2), outcome, 6, |raw| {
            Value::Struct(fields! {
                seccomp_notif: Value::UInt(raw.u16(0).into()),
                seccomp_notif_resp: Value::UInt(raw.u16(2).into()),
                seccomp_data: Value::UInt(raw.u16(4).into()),
            })
        });
        set(spelled, 2, sizes);
    }
}

pub(super) fn enter_time(_: &Cx<'_>) -> Vec<Value> {
    vec![Value::Pending]
}

pub(super) fn leave_time(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let seconds = |at: i64| time::with_date(Value::Int(at), at, 0, 0);
    let value =
        cx.filled(cx.arg(0), outcome, cx.word(), |raw| Value::Array(vec![seconds(raw.iword(0))]));
    set(spelled, 0, value);
}

/// io_setup fills in the number of a context, which is an address.
pub(super) fn enter_io_setup(cx: &Cx<'_>) -> Vec<Value> {
    vec![Value::UInt(cx.uint(0).into()), Value::Pending]
}

pub(super) fn leave_io_setup(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let one = |addr| Value::Array(vec![Value::Addr(addr)]);
    set(spelled, 1, cx.filled(cx.arg(1), outcome, cx.word(), |raw| one(raw.uword(0))));
}

/// A priority is a class and a level in one word.
pub(super) fn enter_ioprio(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(last) = args.last_mut() {
        let text = Value::Verbatim(ioprio(cx, cx.uint(2)));
        *last = Value::coded(Value::Int(cx.int(2).into()), text);
    }
    args
}

/// `IOPRIO_CLASS_*`
const PRIORITY_CLASS: Menu = Menu {
    unknown: "IOPRIO_CLASS_???",
    names: &[
        (0, "IOPRIO_CLASS_NONE"),
        (1, "IOPRIO_CLASS_RT"),
        (2, "IOPRIO_CLASS_BE"),
        (3, "IOPRIO_CLASS_IDLE"),
    ],
};

/// `IOPRIO_PRIO_VALUE(class, level)`.
pub(in super::super) fn ioprio(cx: &Cx<'_>, word: u32) -> String {
    let class = cx.dressed(PRIORITY_CLASS.spell((word >> 13).into()));
    format!("IOPRIO_PRIO_VALUE({class}, {})", word & 0x1fff)
}

/// The room for the sender's address, and how long that turned out to be.
pub(super) fn leave_recvmsg(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    leave_row(cx, spelled, outcome);
    let before = Value::Int(spelled.kept as u32 as i32 as i64);
    let Some(Value::Struct(fields)) = spelled.args.get_mut(1) else { return };
    if let Some((_, length)) = fields.iter_mut().find(|(name, _)| name == "msg_namelen") {
        let after = std::mem::replace(length, Value::Pending);
        *length = before.changed_to(after);
    }
}

/// sendmmsg: what the kernel took of each message stands behind it.
pub(super) fn enter_sendmmsg(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(messages) = args.get_mut(1) {
        *messages = Value::Pending;
    }
    args
}

pub(super) fn leave_sendmmsg(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let sent = match outcome {
        Outcome::Value(sent) => u64::try_from(sent).unwrap_or(0),
        Outcome::Error(_) | Outcome::Restarts(_) => 0,
        Outcome::Never => return,
    };
    let count = cx.uint(2).into();
    set(spelled, 1, sockets::messages(cx, cx.arg(1), count, Direction::Sent(sent)));
}

/// Only the kernel knows which call goes on.
pub(super) fn enter_restart(_: &Cx<'_>) -> Vec<Value> {
    vec![Value::Verbatim("<... resuming interrupted system call ...>".to_owned())]
}

/// The offset from which sendfile is to read.
pub(super) fn enter_sendfile(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let (Some(given), Some(width)) = (args.get_mut(2), offset_width(cx)) {
        *given = cx.at(cx.arg(2), width, |raw| Value::Array(vec![Value::UInt(raw.uint(0, width))]));
    }
    args
}

/// The bytes of that offset.
fn offset_width(cx: &Cx<'_>) -> Option<usize> {
    match cx.call.syscall? {
        vrift_arch::Syscall::Sendfile => Some(cx.word()),
        _ => Some(8),
    }
}

/// The offset the kernel moved, shown even if it did not.
pub(super) fn leave_sendfile(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let (Outcome::Value(1..), Some(before @ Value::Array(_))) = (outcome, spelled.args.get_mut(2))
    else {
        return;
    };
    let Some(width) = offset_width(cx) else { return };
    let after = cx.at(cx.arg(2), width, |raw| Value::Array(vec![Value::UInt(raw.uint(0, width))]));
    let given = std::mem::replace(before, Value::Pending);
    *before = Value::Changed { before: Box::new(given), after: Box::new(after) };
}

/// syslog: the action says whether there is a buffer.
pub(super) fn enter_syslog(cx: &Cx<'_>) -> Vec<Value> {
    const NAMES: [&str; 11] = [
        "CLOSE",
        "OPEN",
        "READ",
        "READ_ALL",
        "READ_CLEAR",
        "CLEAR",
        "CONSOLE_OFF",
        "CONSOLE_ON",
        "CONSOLE_LEVEL",
        "SIZE_UNREAD",
        "SIZE_BUFFER",
    ];
    const LEVELS: [&str; 9] =
        ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG", "DEBUG+1"];
    let action = cx.int(0);
    let name = usize::try_from(action).ok().and_then(|at| NAMES.get(at)).unwrap_or(&"???");
    let mut args = vec![Value::Int(action.into()).remarked(format!("SYSLOG_ACTION_{name}"))];
    match action {
        0 | 1 | 5 | 6 | 7 | 9 | 10 => {}
        2..=4 => args.extend([Value::Pending, Value::Int(cx.int(2).into())]),
        8 => {
            let level = usize::try_from(cx.int(2)).ok().and_then(|at| LEVELS.get(at));
            let level = format!("LOGLEVEL_{}", level.unwrap_or(&"???"));
            args.extend([Value::Addr(cx.arg(1)), Value::Int(cx.int(2).into()).remarked(level)]);
        }
        _ => args.extend([Value::Addr(cx.arg(1)), Value::Int(cx.int(2).into())]),
    }
    args
}

/// What was read of the buffer.
pub(super) fn leave_syslog(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    if matches!(cx.int(0), 2..=4) {
        set(spelled, 1, strings::out_bytes(cx, cx.arg(1), outcome));
    }
}

pub(super) fn enter_userfaultfd(cx: &Cx<'_>) -> Vec<Value> {
    vec![Value::flags(tasks::UFFD.spell(cx.uint(0).into()))]
}

pub(super) fn enter_pkey_alloc(cx: &Cx<'_>) -> Vec<Value> {
    vec![Value::Hex(cx.arg(0)), Value::flags(tasks::PKEY.spell(cx.arg(1)))]
}

/// sethostname and setdomainname: nothing longer is a name.
pub(super) fn enter_host_name(cx: &Cx<'_>) -> Vec<Value> {
    const BYTES_MAX: u32 = 64;
    let mut args = enter_row(cx);
    if let Some(name) = args.first_mut() {
        *name = match cx.uint(1) {
            count @ 0..=BYTES_MAX => strings::bytes(cx, cx.arg(0), count.into()),
            _ => Value::Addr(cx.arg(0)),
        };
    }
    args
}

/// kcmp: what is compared says what the two numbers are.
pub(super) fn enter_kcmp(cx: &Cx<'_>) -> Vec<Value> {
    let kind = cx.uint(2);
    let of = |process: usize, fd| cx.fd_of(Pid::from_raw(cx.int(process)), fd);
    let mut args = vec![
        Value::Int(cx.int(0).into()),
        Value::Int(cx.int(1).into()),
        Value::name(choices::KCMP.spell(kind.into())),
    ];
    match kind {
        KCMP_FILE => args.extend([of(0, cx.int(3)), of(1, cx.int(4))]),
        KCMP_VM..=KCMP_SYSVSEM => {}
        KCMP_EPOLL_TFD => {
            let slot = cx.at(cx.arg(4), 12, |raw| {
                Value::Struct(fields! {
                    efd: of(1, raw.i32(0)),
                    tfd: of(1, raw.i32(4)),
                    toff: Value::UInt(raw.u32(8).into()),
                })
            });
            args.extend([of(0, cx.int(3)), slot]);
        }
        _ => args.extend([Value::Hex(cx.arg(3)), Value::Hex(cx.arg(4))]),
    }
    args
}

const KCMP_FILE: u32 = 0;
const KCMP_VM: u32 = 1;
const KCMP_SYSVSEM: u32 = 6;
const KCMP_EPOLL_TFD: u32 = 7;
