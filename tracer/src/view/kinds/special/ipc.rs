//! System V shared memory, semaphores and message queues.

use super::super::raw::Raw;
use super::super::{Cx, strings};
use super::misc::enter_row;
use crate::call::Layer;
use crate::call::Outcome;
use crate::memory::GuestAddr;
use crate::view::names::{Set, tasks};
use crate::view::spelled::Spelled;
use crate::view::style::Constants;
use crate::view::value::{Value, fields};
use crate::view::word::{Number, Word};

/// shmget, semget and msgget: a key, and flags that share a word with a mode.
pub(super) fn enter_get(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(key) = args.first_mut() {
        *key = match cx.uint(0) {
            0 => Value::name(Word::hex("IPC_PRIVATE", 0)),
            number => Value::Hex(number.into()),
        };
    }
    let at = args.len().saturating_sub(1);
    if let Some(last) = args.last_mut() {
        *last = match cx.call.syscall {
            Some(vrift_arch::Syscall::Shmget) => segment_flags(cx, cx.uint(at)),
            _ => with_mode(cx, &tasks::IPCGET, cx.uint(at)),
        };
    }
    args
}

/// Flags that share a word with a mode. No bar stands between them if no flag has a name.
fn with_mode(cx: &Cx<'_>, set: &Set, word: u32) -> Value {
    let mode = Value::Octal((word & 0o777).into());
    let bits = u64::from(word & !0o777);
    if bits == 0 {
        return mode;
    }
    let mut flags = set.spell(bits);
    flags.dress(cx.style.constants);
    let named = !set.split(bits).0.is_empty() || cx.style.constants == Constants::Raw;
    Value::flags(format!("{flags}{}{mode}", if named { "|" } else { "" }))
}

/// Of a segment, the size of its pages too, as a power of two.
fn segment_flags(cx: &Cx<'_>, word: u32) -> Value {
    const HUGE_SHIFT: u32 = 26;
    let (low, huge) = (word & ((1 << HUGE_SHIFT) - 1), word >> HUGE_SHIFT);
    let mut parts = Vec::new();
    if low & !0o777 != 0 {
        let mut flags = tasks::SHMGET.spell((low & !0o777).into());
        flags.dress(cx.style.constants);
        parts.push(flags.to_string());
    }
    if huge != 0 {
        let mut shift = Word::new("SHM_HUGE_SHIFT", Number::Unsigned(HUGE_SHIFT.into()));
        shift.dress(cx.style.constants);
        parts.push(format!("{huge}<<{shift}"));
    }
    parts.push(Value::Octal((low & 0o777).into()).to_string());
    Value::flags(parts.join("|"))
}

/// `struct sembuf`
pub(super) fn enter_semop(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    args[1] = cx.array(cx.arg(1), cx.uint(2).into(), 6, |raw| {
        Value::Struct(fields! {
            sem_num: Value::UInt(raw.u16(0).into()),
            sem_op: Value::Int(raw.i16(2).into()),
            sem_flg: Value::flags(tasks::SEMAPHORE.spell(raw.u16(4).into())),
        })
    });
    args
}

/// The selector of a socketcall whose arguments cannot be read.
pub(super) fn socketcall(cx: &Cx<'_>) -> Value {
    const NAMES: [&str; 20] = [
        "SOCKET",
        "BIND",
        "CONNECT",
        "LISTEN",
        "ACCEPT",
        "GETSOCKNAME",
        "GETPEERNAME",
        "SOCKETPAIR",
        "SEND",
        "RECV",
        "SENDTO",
        "RECVFROM",
        "SHUTDOWN",
        "SETSOCKOPT",
        "GETSOCKOPT",
        "SENDMSG",
        "RECVMSG",
        "ACCEPT4",
        "RECVMMSG",
        "SENDMMSG",
    ];
    let selector = cx.arg(0);
    let index = usize::try_from(selector).ok().and_then(|number| number.checked_sub(1));
    match index.and_then(|index| NAMES.get(index)) {
        Some(name) => Value::name(format!("SYS_{name}")),
        None => Value::UInt(selector),
    }
}

pub(super) fn enter_shmat(cx: &Cx<'_>) -> Vec<Value> {
    vec![
        Value::Int(cx.int(0).into()),
        Value::Addr(cx.arg(1)),
        Value::flags(tasks::SHMAT.spell(cx.uint(2).into())),
    ]
}

/// The address shmat has stored, if it was called inside `ipc`.
pub(in super::super) fn attached(cx: &Cx<'_>) -> Option<i64> {
    match cx.call.layer {
        Layer::Outer => None,
        Layer::Inner => cx.memory.read_u32(GuestAddr(cx.arg(3))).ok().map(i64::from),
    }
}

pub(super) fn enter_msgsnd(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = with_message_flags(cx);
    if let Some(pointer) = args.get_mut(1) {
        *pointer = message(cx);
    }
    args
}

/// What is received is known at the end.
pub(super) fn enter_msgrcv(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = with_message_flags(cx);
    if let Some(pointer) = args.get_mut(1) {
        *pointer = Value::Pending;
    }
    args
}

pub(super) fn leave_msgrcv(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    if let Some(pointer) = spelled.args.get_mut(1) {
        *pointer = match outcome {
            Outcome::Value(_) => message(cx),
            Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(cx.arg(1)),
            Outcome::Never => Value::Pending,
        };
    }
}

/// The row, with names for the flags, which come last.
fn with_message_flags(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    let at = args.len().saturating_sub(1);
    if let Some(last) = args.last_mut() {
        *last = Value::flags(tasks::MESSAGE.spell(cx.uint(at).into()));
    }
    args
}

/// `struct msgbuf`: a type, and as many bytes as the third argument says.
fn message(cx: &Cx<'_>) -> Value {
    let word = cx.word();
    cx.at(cx.arg(1), word, |raw| {
        let text = strings::bytes(cx, cx.arg(1).wrapping_add(word as u64), cx.arg(2));
        Value::Struct(fields! { mtype: Value::Int(raw.iword(0)), mtext: text })
    })
}

/// `struct mq_attr`, which has four spare words at its end.
fn queue(cx: &Cx<'_>, raw: &Raw, flags: fn(u64) -> Value) -> Value {
    let number = |index| Value::Int(raw.iword(index * cx.word()));
    Value::Struct(fields! {
        mq_flags: flags(raw.uword(0)),
        mq_maxmsg: number(1),
        mq_msgsize: number(2),
        mq_curmsgs: number(3),
    })
}

fn queue_flags(flags: u64) -> Value {
    Value::flags(tasks::QUEUE.spell(flags))
}

pub(super) fn enter_queue_open(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(attributes) = args.get_mut(3) {
        // The flags of the queue are those of the call.
        *attributes = cx.at(cx.arg(3), 8 * cx.word(), |raw| queue(cx, raw, Value::Hex));
    }
    args
}

/// mq_getsetattr: what it is to be, and what it was.
pub(super) fn enter_queue(cx: &Cx<'_>) -> Vec<Value> {
    let given = cx.at(cx.arg(1), 8 * cx.word(), |raw| queue(cx, raw, queue_flags));
    vec![cx.fd(cx.int(0)), given, Value::Pending]
}

pub(super) fn leave_queue(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    if let Some(last) = spelled.args.last_mut() {
        *last = cx.filled(cx.arg(2), outcome, 8 * cx.word(), |raw| queue(cx, raw, queue_flags));
    }
}
