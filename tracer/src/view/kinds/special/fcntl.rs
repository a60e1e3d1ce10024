//! fcntl: the command says what the third argument is.

use super::super::{Cx, flags, raw::Raw};
use crate::call::Outcome;
use crate::view::names::{choices, files, signal_name};
use crate::view::spelled::{ResultForm, Spelled};
use crate::view::value::{Value, fields};
use crate::view::word::Word;

/// Commands that libc does not name on every target.
const F_SETSIG: i32 = 10;
const F_GETSIG: i32 = 11;
const F_SETOWN_EX: i32 = 15;
const F_GETOWN_EX: i32 = 16;

/// What the third argument of a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Third {
    None,
    Int,
    Long,
    FdFlags,
    OpenFlags,
    Lock,
    LockOut,
    Owner,
    OwnerOut,
    Signal,
    Lease,
    Notify,
    Seals,
    Unknown,
}

fn third(cx: &Cx<'_>) -> Third {
    match cx.int(1) {
        // F_GETLK64 and its kin, which only ABIs of 32 bits have.
        12..=14 if cx.word() == 8 => Third::Unknown,
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | libc::F_SETPIPE_SZ => Third::Long,
        libc::F_SETOWN => Third::Int,
        libc::F_GETFD | libc::F_GETFL | libc::F_GETOWN | libc::F_GETPIPE_SZ => Third::None,
        libc::F_GETLEASE | libc::F_GET_SEALS | F_GETSIG => Third::None,
        libc::F_SETFD => Third::FdFlags,
        libc::F_SETFL => Third::OpenFlags,
        libc::F_SETLK | libc::F_SETLKW | libc::F_OFD_SETLK | libc::F_OFD_SETLKW | 13 | 14 => {
            Third::Lock
        }
        libc::F_GETLK | libc::F_OFD_GETLK | 12 => Third::LockOut,
        F_SETOWN_EX => Third::Owner,
        F_GETOWN_EX => Third::OwnerOut,
        F_SETSIG => Third::Signal,
        libc::F_SETLEASE => Third::Lease,
        libc::F_NOTIFY => Third::Notify,
        libc::F_ADD_SEALS => Third::Seals,
        _ => Third::Unknown,
    }
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = vec![cx.fd(cx.int(0)), Value::name(choices::FCNTL.spell(cx.uint(1).into()))];
    let bits = u64::from(cx.uint(2));
    match third(cx) {
        Third::None => {}
        Third::Int => args.push(Value::Int(cx.int(2).into())),
        Third::Long => args.push(Value::Int(cx.arg(2) as i64)),
        Third::FdFlags => args.push(Value::flags(files::FD_FLAGS.spell(bits))),
        Third::OpenFlags => args.push(Value::flags(Word::hex(flags::open(cx, bits), bits))),
        Third::Lock => {
            args.push(cx.at(cx.arg(2), lock_bytes(cx), |raw| lock(cx, raw, Pid::Hidden)))
        }
        Third::Owner => args.push(cx.at(cx.arg(2), 8, owner)),
        Third::LockOut | Third::OwnerOut => args.push(Value::Pending),
        Third::Signal => args.push(Value::signal(cx.int(2))),
        Third::Lease => args.push(Value::name(choices::LEASE.spell(bits))),
        Third::Notify => args.push(Value::flags(files::NOTIFY.spell(bits))),
        Third::Seals => args.push(Value::flags(files::SEALS.spell(bits))),
        Third::Unknown => args.push(Value::Hex(cx.arg(2))),
    }
    args
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let filled = match third(cx) {
        Third::LockOut => {
            cx.filled(cx.arg(2), outcome, lock_bytes(cx), |raw| lock(cx, raw, Pid::Shown))
        }
        Third::OwnerOut => cx.filled(cx.arg(2), outcome, 8, owner),
        _ => return,
    };
    if let Some(last) = spelled.args.last_mut() {
        *last = filled;
    }
}

/// Whether the owner of a lock is shown; only the kernel knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pid {
    Shown,
    Hidden,
}

/// The bytes of the start of a lock, and where it lies: `struct flock`, or i386's packed
/// `struct flock64`, which its commands for large files and all for open files take.
fn lock_layout(cx: &Cx<'_>) -> (usize, usize) {
    match (cx.word(), cx.int(1)) {
        (8, _) => (8, 8),
        (_, libc::F_GETLK | libc::F_SETLK | libc::F_SETLKW) => (4, 4),
        _ => (8, 4),
    }
}

fn lock_bytes(cx: &Cx<'_>) -> usize {
    let (width, start) = lock_layout(cx);
    (start + 2 * width + 4).next_multiple_of(cx.word())
}

fn lock(cx: &Cx<'_>, raw: &Raw, pid: Pid) -> Value {
    let (width, start) = lock_layout(cx);
    let mut shown = fields! {
        l_type: Value::name(choices::LEASE.spell(raw.u16(0).into())),
        l_whence: Value::name(choices::WHENCE.spell(raw.u16(2).into())),
        l_start: Value::Int(raw.int(start, width)),
        l_len: Value::Int(raw.int(start + width, width)),
    };
    if pid == Pid::Shown {
        shown.extend(fields! { l_pid: Value::Int(raw.i32(start + 2 * width).into()) });
    }
    Value::Struct(shown)
}

/// `struct f_owner_ex`.
fn owner(raw: &Raw) -> Value {
    let kind = choices::FILE_OWNER.spell(raw.u32(0).into());
    Value::Struct(fields! { type: Value::name(kind), pid: Value::Int(raw.i32(4).into()) })
}

/// The form of a command's result.
pub(in super::super) fn form(cx: &Cx<'_>, result: i64) -> ResultForm {
    let bits = result as u64;
    match cx.int(1) {
        libc::F_GETFD if result != 0 => {
            let (named, rest) = files::FD_FLAGS.split(bits);
            let rest = (rest != 0).then(|| format!("{rest:#x}"));
            let parts: Vec<_> = named.into_iter().chain(rest).collect();
            let flags = cx.dressed(Word::hex(parts.join("|"), bits));
            ResultForm::hex_remarked(format!("flags {flags}"))
        }
        libc::F_GETFL => ResultForm::hex_remarked(format!("flags {}", flags::open(cx, bits))),
        libc::F_GET_SEALS if result != 0 => {
            ResultForm::hex_remarked(format!("seals {}", cx.dressed(files::SEALS.spell(bits))))
        }
        libc::F_GETLEASE => ResultForm::hex_remarked(choices::LEASE.spell(bits)),
        F_GETSIG if (1..=64).contains(&result) => ResultForm::remarked(signal_name(result as i32)),
        _ => ResultForm::default(),
    }
}
