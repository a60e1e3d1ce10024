//! shmctl, msgctl and semctl: the command says what the last argument is.
//!
//! Deliberately absent: the structures of 32-bit programs, which are others.

use vrift_arch::Syscall;

use super::super::{Cx, raw::Raw, scalars::id};
use crate::call::{Layer, Outcome};
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};
use crate::view::word::Word;

/// What a command takes or gives: so many bytes.
enum Told {
    Given(usize, fn(&Cx<'_>, &Raw) -> Value),
    Filled(usize, fn(&Cx<'_>, &Raw) -> Value),
}

/// A flag that newer kernels ignore.
const IPC_64: u32 = 0x100;

/// Commands that all three kinds have, then those of one.
const COMMANDS: &[(u32, &str)] =
    &[(0, "IPC_RMID"), (1, "IPC_SET"), (2, "IPC_STAT"), (3, "IPC_INFO")];
const SHM_COMMANDS: &[(u32, &str)] = &[
    (11, "SHM_LOCK"),
    (12, "SHM_UNLOCK"),
    (13, "SHM_STAT"),
    (14, "SHM_INFO"),
    (15, "SHM_STAT_ANY"),
];
const MSG_COMMANDS: &[(u32, &str)] = &[(11, "MSG_STAT"), (12, "MSG_INFO"), (13, "MSG_STAT_ANY")];
const SEM_COMMANDS: &[(u32, &str)] = &[
    (11, "GETPID"),
    (12, "GETVAL"),
    (13, "GETALL"),
    (14, "GETNCNT"),
    (15, "GETZCNT"),
    (16, "SETVAL"),
    (17, "SETALL"),
    (18, "SEM_STAT"),
    (19, "SEM_INFO"),
    (20, "SEM_STAT_ANY"),
];

/// `struct ipc64_perm`, and the structures that begin with it.
const ACCESS_BYTES: usize = 48;
const SEGMENT_BYTES: usize = 112;
const QUEUE_BYTES: usize = 120;

/// A command by name; `unknown` is the remark on one without.
fn command(cx: &Cx<'_>, word: u32, own: &[(u32, &'static str)], unknown: &str) -> Value {
    let (flag, number) = (word & IPC_64, word & !IPC_64);
    let name = COMMANDS.iter().chain(own).find(|(known, _)| *known == number);
    let word = match name {
        Some(&(_, name)) => Word::hex(name, number.into()),
        None => Word::hex(format!("{number:#x} /* {unknown} */"), number.into()),
    };
    Value::name(match flag {
        0 => word,
        _ => Word::hex("IPC_64", flag.into()).beside(word, cx.style.constants),
    })
}

/// What the command of a call says of its last argument.
fn told(cx: &Cx<'_>) -> Option<Told> {
    let (call, at) = (cx.call.syscall?, if is_semctl(cx) { 2 } else { 1 });
    if cx.word() != 8 {
        return None;
    }
    // Numbers are as in the tables above.
    Some(match (call, cx.uint(at) & !IPC_64) {
        (Syscall::Shmctl, 1) => Told::Given(SEGMENT_BYTES, |_, raw| {
            Value::Struct(fields! { shm_perm: Value::Struct(owner(raw)) })
        }),
        (Syscall::Shmctl, 2 | 13 | 15) => Told::Filled(SEGMENT_BYTES, |_, raw| segment(raw)),
        (Syscall::Shmctl, 3) => Told::Filled(72, |_, raw| segment_limits(raw)),
        (Syscall::Shmctl, 14) => Told::Filled(48, |_, raw| segment_use(raw)),
        (Syscall::Msgctl, 1) => Told::Given(QUEUE_BYTES, |_, raw| {
            Value::Struct(fields! {
                msg_perm: Value::Struct(owner(raw)),
                msg_qbytes: Value::UInt(raw.u64(88)),
            })
        }),
        (Syscall::Msgctl, 2 | 11 | 13) => Told::Filled(QUEUE_BYTES, |_, raw| queue(raw)),
        (Syscall::Msgctl, 3 | 12) => Told::Filled(32, |_, raw| queue_limits(raw)),
        (Syscall::Semctl, 1) => Told::Given(ACCESS_BYTES, |_, raw| {
            Value::Struct(fields! { sem_perm: Value::Struct(owner(raw)) })
        }),
        (Syscall::Semctl, 2 | 18 | 20) => Told::Filled(cx.layouts.semaphores.bytes, semaphores),
        (Syscall::Semctl, 3 | 19) => Told::Filled(40, |_, raw| semaphore_limits(raw)),
        _ => return None,
    })
}

fn is_semctl(cx: &Cx<'_>) -> bool {
    cx.call.syscall == Some(Syscall::Semctl)
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = vec![Value::Int(cx.int(0).into())];
    if is_semctl(cx) {
        args.push(Value::Int(cx.int(1).into()));
    }
    let at = args.len();
    args.push(match cx.call.syscall {
        Some(Syscall::Shmctl) => command(cx, cx.uint(at), SHM_COMMANDS, "SHM_???"),
        Some(Syscall::Msgctl) => command(cx, cx.uint(at), MSG_COMMANDS, "MSG_???"),
        _ => command(cx, cx.uint(at), SEM_COMMANDS, "SEM_???"),
    });
    let addr = cx.arg(at + 1);
    args.push(match told(cx) {
        Some(Told::Given(bytes, spell)) => cx.at(addr, bytes, |raw| spell(cx, raw)),
        Some(Told::Filled(..)) => Value::Pending,
        // It was found behind a pointer.
        None if is_semctl(cx) && cx.call.layer == Layer::Inner => {
            Value::Array(vec![Value::Addr(addr)])
        }
        None => Value::Addr(addr),
    });
    args
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let at = spelled.args.len().saturating_sub(1);
    if let (Some(Told::Filled(bytes, spell)), Some(last)) = (told(cx), spelled.args.last_mut()) {
        *last = cx.filled(cx.arg(at), outcome, bytes, |raw| spell(cx, raw));
    }
}

/// Whose an object is, and who may use it: the part of `struct ipc_perm` that can be set.
fn owner(raw: &Raw) -> Vec<Field> {
    fields! {
        uid: id(raw.u32(4)),
        gid: id(raw.u32(8)),
        mode: Value::Octal(raw.u32(20).into()),
    }
}

/// All of `struct ipc_perm`.
fn access(raw: &Raw) -> Value {
    let mut shown = owner(raw);
    shown.extend(fields! {
        key: Value::UInt(raw.u32(0).into()),
        cuid: id(raw.u32(12)),
        cgid: id(raw.u32(16)),
    });
    Value::Struct(shown)
}

/// `struct shmid64_ds`
fn segment(raw: &Raw) -> Value {
    Value::Struct(fields! {
        shm_perm: access(raw),
        shm_segsz: Value::UInt(raw.u64(48)),
        shm_cpid: Value::Int(raw.i32(80).into()),
        shm_lpid: Value::Int(raw.i32(84).into()),
        shm_nattch: Value::UInt(raw.u64(88)),
        shm_atime: Value::UInt(raw.u64(56)),
        shm_dtime: Value::UInt(raw.u64(64)),
        shm_ctime: Value::UInt(raw.u64(72)),
    })
}

/// `struct shminfo64`
fn segment_limits(raw: &Raw) -> Value {
    let word = |index: usize| Value::UInt(raw.u64(8 * index));
    Value::Struct(fields! {
        shmmax: word(0), shmmin: word(1), shmmni: word(2), shmseg: word(3), shmall: word(4),
    })
}

/// `struct shm_info`
fn segment_use(raw: &Raw) -> Value {
    let word = |index: usize| Value::UInt(raw.u64(8 * index));
    Value::Struct(fields! {
        used_ids: Value::Int(raw.i32(0).into()),
        shm_tot: word(1),
        shm_rss: word(2),
        shm_swp: word(3),
        swap_attempts: word(4),
        swap_successes: word(5),
    })
}

/// `struct msqid64_ds`
fn queue(raw: &Raw) -> Value {
    Value::Struct(fields! {
        msg_perm: access(raw),
        msg_stime: Value::UInt(raw.u64(48)),
        msg_rtime: Value::UInt(raw.u64(56)),
        msg_ctime: Value::UInt(raw.u64(64)),
        msg_qnum: Value::UInt(raw.u64(80)),
        msg_qbytes: Value::UInt(raw.u64(88)),
        msg_lspid: Value::Int(raw.i32(96).into()),
        msg_lrpid: Value::Int(raw.i32(100).into()),
    })
}

/// `struct msginfo`
fn queue_limits(raw: &Raw) -> Value {
    let number = |index: usize| Value::Int(raw.i32(4 * index).into());
    Value::Struct(fields! {
        msgpool: number(0),
        msgmap: number(1),
        msgmax: number(2),
        msgmnb: number(3),
        msgmni: number(4),
        msgssz: number(5),
        msgtql: number(6),
        msgseg: Value::UInt(raw.u16(28).into()),
    })
}

/// `struct semid64_ds`, which each architecture has with other gaps.
fn semaphores(cx: &Cx<'_>, raw: &Raw) -> Value {
    let at = cx.layouts.semaphores;
    Value::Struct(fields! {
        sem_perm: access(raw),
        sem_otime: Value::UInt(raw.u64(48)),
        sem_ctime: Value::UInt(raw.u64(at.changed)),
        sem_nsems: Value::UInt(raw.u64(at.count)),
    })
}

/// `struct seminfo`
fn semaphore_limits(raw: &Raw) -> Value {
    let number = |index: usize| Value::Int(raw.i32(4 * index).into());
    Value::Struct(fields! {
        semmap: number(0),
        semmni: number(1),
        semmns: number(2),
        semmnu: number(3),
        semmsl: number(4),
        semopm: number(5),
        semume: number(6),
        semusz: number(7),
        semvmx: number(8),
        semaem: number(9),
    })
}
