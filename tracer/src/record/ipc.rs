//! System V's shared memory, messages and semaphores, and POSIX message queues: what goes by a key or a name is
//! shared with whoever knows that, unseen.
//!
//! What the tree has made itself is its own. Deliberately absent: who else uses that, and messages and semaphores
//! of a number that nobody in the tree has asked for; a stop for each message would cost too much.

use std::collections::HashSet;

use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, mq_close, mq_open};
use nix::sys::stat::Mode;
use vrift_arch::{Arg, Syscall};
use vrift_record::Escape;

use crate::call::Call;
use crate::memory::{GuestAddr, Memory};
use crate::procfs;

/// `NAME_MAX`, and a zero.
const NAME_BYTES_MAX: usize = 256;

/// What System V shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Memory,
    Messages,
    Semaphores,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Memory => "memory",
            Kind::Messages => "messages",
            Kind::Semaphores => "semaphores",
        }
    }

    /// Keys and numbers of all there are (`/proc/sysvipc`, proc_sysvipc(5)).
    fn all(self) -> Option<Vec<(i32, i32)>> {
        let name = match self {
            Kind::Memory => "shm",
            Kind::Messages => "msg",
            Kind::Semaphores => "sem",
        };
        let list = procfs::text(&format!("/proc/sysvipc/{name}")).ok()?;
        let objects = list.lines().skip(1).filter_map(|line| {
            let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
            Some((numbers.next()??, numbers.next()??))
        });
        Some(objects.collect())
    }
}

/// What a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// An object by its key; the result is its number.
    Key(Kind, i32),
    /// Memory by its number.
    Number(i32),
    /// A message queue by its name.
    Queue(Vec<u8>),
}

/// What is known of what the tree shares.
#[derive(Debug, Default)]
pub(super) struct Ipc {
    /// Numbers of what the tree has made, or has been told of.
    numbers: HashSet<(Kind, i32)>,
    /// The same of queues.
    queues: HashSet<Vec<u8>>,
}

/// Whether a call may ask for something that is shared.
pub(super) fn may_ask(syscall: Syscall) -> bool {
    use Syscall as S;
    matches!(syscall, S::Shmget | S::Shmat | S::Msgget | S::Semget | S::MqOpen | S::Ipc)
}

/// What a call asks for.
pub(super) fn asked(call: &Call, memory: &dyn Memory) -> Option<Asked> {
    let first = call.arg(Arg::A0);
    let key = |kind| Some(Asked::Key(kind, first as i32));
    match call.syscall? {
        Syscall::Shmget => key(Kind::Memory),
        Syscall::Msgget => key(Kind::Messages),
        Syscall::Semget => key(Kind::Semaphores),
        Syscall::Shmat => Some(Asked::Number(first as i32)),
        Syscall::MqOpen => {
            memory.read_cstr(GuestAddr(first), NAME_BYTES_MAX).ok().map(Asked::Queue)
        }
        _ => None,
    }
}

impl Ipc {
    /// What a call would get that somebody outside of the tree has made.
    pub(super) fn escape(&self, asked: &Asked) -> Option<(Escape, String)> {
        let detail = match asked {
            Asked::Key(_, libc::IPC_PRIVATE) => return None,
            &Asked::Key(kind, key) => {
                let is_others = |&(of, number): &(i32, i32)| {
                    of == key && !self.numbers.contains(&(kind, number))
                };
                if kind.all().is_some_and(|all| !all.iter().any(is_others)) {
                    return None;
                }
                format!("{} {key:#x}", kind.word())
            }
            &Asked::Number(number) => {
                let is_there = |all: Vec<(i32, i32)>| all.iter().any(|&(_, of)| of == number);
                let is_known = self.numbers.contains(&(Kind::Memory, number));
                if is_known || Kind::Memory.all().is_some_and(|all| !is_there(all)) {
                    return None;
                }
                format!("memory number {number}")
            }
            Asked::Queue(name) => {
                if self.queues.contains(name) || !is_queue(name) {
                    return None;
                }
                format!("queue /{}", name.escape_ascii())
            }
        };
        Some((Escape::Ipc, detail))
    }

    /// A call got what it asked for.
    pub(super) fn got(&mut self, asked: &Asked, result: i64) {
        match asked {
            &Asked::Key(kind, _) => self.numbers.insert((kind, result as i32)),
            &Asked::Number(number) => self.numbers.insert((Kind::Memory, number)),
            Asked::Queue(name) => self.queues.insert(name.clone()),
        };
    }
}

/// Whether there is a message queue of this name: one that vrift may not open is there.
fn is_queue(name: &[u8]) -> bool {
    if name.is_empty() || name.contains(&b'/') {
        return false;
    }
    let path = [b"/", name].concat();
    match mq_open(&path[..], MQ_OFlag::O_RDONLY | MQ_OFlag::O_CLOEXEC, Mode::empty(), None) {
        Ok(queue) => mq_close(queue).is_ok(),
        Err(errno) => !matches!(errno, Errno::ENOENT | Errno::ENOSYS),
    }
}
