//! When vrift stops together with its command, so that the shell or the parent that started vrift
//! sees a stopped job, and not before the command has stopped.
//!
//! A stop that somebody outside sends to the command's own id is none of vrift's: whoever knows
//! that id continues the command by it, and a stopped vrift would sleep through that. A command that
//! stops itself may be continued by one of its own, so then vrift stops only once all have stopped.
//!
//! Deliberately absent: stopping itself and being continued (see [`crate::signals`]).

use std::collections::{BTreeSet, VecDeque};

use nix::libc::{SI_KERNEL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
use nix::unistd::Pid;

use crate::engine::Stop;

/// How many ended tracees are remembered.
const DEPARTED_MAX: usize = 16;

/// Who sent the signal that stops the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// The terminal.
    Kernel,
    /// A tracee.
    Inside,
    /// Somebody else.
    Outside,
}

/// Whether a signal stops who does not handle it.
pub(crate) fn stops(signo: i32) -> bool {
    [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU].contains(&signo)
}

/// The command's side of the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Runs,
    /// It is in a group stop.
    Stopped {
        signo: i32,
    },
    /// It still is, and vrift has stopped with it.
    Followed,
}

/// Which tracees are stopped, and why the command is.
#[derive(Debug)]
pub(crate) struct Suspension {
    command: Option<Pid>,
    sender: Sender,
    state: Command,
    stopped: BTreeSet<Pid>,
    /// Tracees that ended, the latest last: the sender of a signal may be gone when it arrives. At
    /// most [`DEPARTED_MAX`] are kept.
    departed: VecDeque<Pid>,
}

impl Suspension {
    /// Follows `command`, if there is one.
    pub(crate) fn new(command: Option<Pid>) -> Suspension {
        Suspension {
            command,
            sender: Sender::Outside,
            state: Command::Runs,
            stopped: BTreeSet::new(),
            departed: VecDeque::new(),
        }
    }

    /// Takes note that a stop signal with this `siginfo_t` is delivered to the command.
    pub(crate) fn signalled(&mut self, siginfo: &[u8; 128], is_tracee: impl Fn(Pid) -> bool) {
        let number =
            |at: usize| i32::from_ne_bytes(siginfo[at..at + 4].try_into().expect("four bytes"));
        let (code, pid) = (number(8), Pid::from_raw(number(16)));
        self.sender = match code {
            SI_KERNEL => Sender::Kernel,
            _ if is_tracee(pid) || self.departed.contains(&pid) => Sender::Inside,
            _ => Sender::Outside,
        };
    }

    /// Takes note of a stop of `tid`.
    pub(crate) fn stopped(&mut self, tid: Pid, stop: Stop) {
        let state = match stop {
            Stop::Group { signo } => {
                self.stopped.insert(tid);
                Command::Stopped { signo }
            }
            _ => {
                self.stopped.remove(&tid);
                Command::Runs
            }
        };
        if let Stop::Exec { former } = stop {
            self.stopped.remove(&former);
        }
        if Some(tid) == self.command {
            self.state = state;
        }
    }

    /// Takes note that `tid` is gone.
    pub(crate) fn ended(&mut self, tid: Pid) {
        self.stopped.remove(&tid);
        if self.departed.len() == DEPARTED_MAX {
            self.departed.pop_front();
        }
        self.departed.push_back(tid);
    }

    /// The signal vrift is to stop by now, if it is to stop: there are `alive` tasks, and vrift
    /// itself was `told` to stop since the command did last.
    pub(crate) fn due(&self, alive: usize, told: bool) -> Option<i32> {
        let Command::Stopped { signo } = self.state else { return None };
        let due = told
            || match self.sender {
                Sender::Kernel => true,
                Sender::Inside => self.stopped.len() == alive,
                Sender::Outside => false,
            };
        due.then_some(signo)
    }

    /// Takes note that vrift has stopped.
    pub(crate) fn followed(&mut self) {
        self.state = Command::Followed;
    }

    /// The command, if it is stopped.
    pub(crate) fn stopped_command(&self) -> Option<Pid> {
        self.command.filter(|_| self.state != Command::Runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Pid = Pid::from_raw(7);
    const CHILD: Pid = Pid::from_raw(8);
    const GROUP: Stop = Stop::Group { signo: SIGSTOP };

    fn sent(code: i32, pid: Pid) -> [u8; 128] {
        let mut siginfo = [0; 128];
        siginfo[8..12].copy_from_slice(&code.to_ne_bytes());
        siginfo[16..20].copy_from_slice(&pid.as_raw().to_ne_bytes());
        siginfo
    }

    #[test]
    fn a_stop_from_the_terminal_or_of_vrift_itself_is_followed_once() {
        let mut suspension = Suspension::new(Some(ROOT));
        suspension.stopped(CHILD, GROUP);
        assert_eq!(suspension.due(2, true), None, "the command runs");
        suspension.stopped(ROOT, GROUP);
        assert_eq!(suspension.due(9, false), None, "somebody outside stopped it alone");
        assert_eq!(suspension.due(9, true), Some(SIGSTOP));
        suspension.signalled(&sent(SI_KERNEL, Pid::from_raw(0)), |_| false);
        assert_eq!(suspension.due(9, false), Some(SIGSTOP));
        suspension.followed();
        assert_eq!(suspension.due(9, true), None);
        assert_eq!(suspension.stopped_command(), Some(ROOT));
        suspension.stopped(ROOT, Stop::Trap);
        assert_eq!(suspension.stopped_command(), None);
    }

    #[test]
    fn a_command_that_stops_itself_is_followed_when_all_have_stopped() {
        let mut suspension = Suspension::new(Some(ROOT));
        suspension.signalled(&sent(0, ROOT), |pid| pid == ROOT);
        suspension.stopped(ROOT, GROUP);
        assert_eq!(suspension.due(2, false), None);
        suspension.stopped(CHILD, GROUP);
        assert_eq!(suspension.due(2, false), Some(SIGSTOP));
        suspension.stopped(CHILD, Stop::Trap);
        assert_eq!(suspension.due(2, false), None);
        suspension.ended(CHILD);
        assert_eq!(suspension.due(1, false), Some(SIGSTOP));
        suspension.signalled(&sent(0, CHILD), |_| false);
        assert_eq!(suspension.due(1, false), Some(SIGSTOP), "it is gone, but it was one of them");
    }
}
