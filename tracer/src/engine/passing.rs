//! Descriptors of a mount that go from one process to another: through a socket, or fetched through
//! a pidfd. Who receives one has never opened it, so its node travels beside it.
//!
//! A message is known when it is sent, and again when it arrives; in between the kernel has it. What
//! arrives is told by the real object behind the descriptor; where several nodes share one (equal
//! contents, all directories), the one sent first arrives first.

use std::collections::{BTreeMap, VecDeque};

use nix::unistd::Pid;
use vrift_arch::{Arch, Syscall};
use vrift_vfs::{Effect, NodeRef, OpenNode};

use super::enter::Action;
use super::served::open_node;
use super::task::Task;
use super::{Engine, Guest};
use crate::call::Call;
use crate::messages;
use crate::procfs;

/// As many are remembered on their way; messages that nobody receives would pile up otherwise.
const ON_THE_WAY_MAX: usize = 1024;

/// Descriptors on their way.
#[derive(Debug, Default)]
pub(super) struct Passing {
    sent: VecDeque<OpenNode>,
}

impl Passing {
    /// Takes note that `tid` sends copies of `fds`.
    pub(super) fn send<A: Arch>(&mut self, tid: Pid, tasks: &BTreeMap<Pid, Task<A>>, fds: &[i32]) {
        let Some(task) = tasks.get(&tid) else { return };
        for &fd in fds {
            let Some(open) = open_node(tid, &task.files, fd) else { continue };
            if self.sent.len() == ON_THE_WAY_MAX {
                self.sent.pop_front();
            }
            self.sent.push_back(open);
        }
    }

    /// Whether a descriptor of `node` is on its way.
    pub(super) fn carries(&self, node: NodeRef) -> bool {
        self.sent.iter().any(|open| open.node == node)
    }

    /// The nodes of those.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeRef> {
        self.sent.iter().map(|open| open.node)
    }

    /// The node of a descriptor that has arrived at `tid`.
    fn arrived(&mut self, tid: Pid, fd: i32) -> Option<OpenNode> {
        if self.sent.is_empty() {
            return None;
        }
        let backing = procfs::backing(tid, fd)?;
        let at = self.sent.iter().position(|open| open.backing == backing)?;
        self.sent.remove(at)
    }
}

impl<A: Arch> Engine<A> {
    /// A call that fetches `fd` from the process behind `pidfd`.
    pub(super) fn fetch(&self, tid: Pid, pidfd: i32, fd: i32) -> Action {
        let Some(process) = procfs::pidfd(tid, pidfd).map(Pid::from_raw) else {
            // The kernel refuses what is no pidfd.
            return Action::Pass;
        };
        let Some(of) = self.tasks.values().find(|task| task.tgid == process) else {
            return Action::refuse(
                nix::errno::Errno::EPERM,
                "the process is not one of the command's, and may hold the store",
            );
        };
        match open_node(process, &of.files, fd) {
            Some(OpenNode { node, usage, .. }) => {
                Action::Watch(Effect::Opens { node, usage, blob: None, fresh: None })
            }
            None => Action::Pass,
        }
    }

    /// Takes note of the descriptors that a call has brought that succeeded with `ret`.
    pub(super) fn receive<B: Arch, G: Guest<A>>(&mut self, call: &Call, ret: i64, guest: &G) {
        let tid = guest.tid();
        let Some(task) = self.tasks.get(&tid) else { return };
        let count = match call.syscall {
            Some(Syscall::Recvmsg) => 1,
            // Of the others of its messages nothing has been filled in.
            Some(Syscall::Recvmmsg | Syscall::RecvmmsgTime64) => ret as usize,
            _ => return,
        };
        let messages = messages::of::<B>(call, guest).into_iter().take(count);
        let fds: Vec<i32> = messages.flat_map(|message| message.descriptors::<B>(guest)).collect();
        for &fd in &fds {
            let mut files = task.files.borrow_mut();
            match self.passing.arrived(tid, fd) {
                Some(open) => {
                    files.insert(fd, open);
                    task.lane.borrow_mut().opened(fd);
                }
                // What had this number before has been closed.
                None => files.remove(fd),
            }
        }
        fds.into_iter().for_each(|fd| self.arrived_late(tid, fd));
    }
}
