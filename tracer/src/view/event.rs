//! What the engine tells the sinks, and the trait every sink implements.
//!
//! Deliberately absent: ptrace stops. An event is something that happened to the program, not the
//! way in which the tracer learned of it.

use std::io;
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;

use super::note::Note;
use super::spelled::Spelled;
use crate::call::Outcome;

/// Whether a death by signal left a core dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// The kernel wrote (or piped away) a core dump.
    Dumped,
    /// It did not.
    None,
}

/// Something that happened to a task.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A call was entered; what the kernel will fill in is still pending.
    Enter {
        /// The call as known at entry.
        call: &'a Spelled,
    },
    /// A call ended.
    Leave {
        /// The call with everything filled in.
        call: &'a Spelled,
        /// What it returned.
        outcome: Outcome,
        /// What vrift made of it, if it did.
        note: Option<&'a Note>,
        /// Wall clock time between entry and exit.
        spent: Duration,
        /// Processor time the kernel spent on it.
        system: Duration,
    },
    /// A signal is delivered.
    Signal {
        /// Its number.
        signo: i32,
        /// The kernel's `siginfo_t`, if it could be read.
        info: Option<[u8; 128]>,
    },
    /// A stopping signal took effect.
    Stopped {
        /// Its number.
        signo: i32,
    },
    /// The task ended by itself.
    Exited {
        /// The low eight bits of its exit code.
        code: i32,
    },
    /// The task was ended by a signal.
    Killed {
        /// Its number.
        signo: i32,
        /// Whether it dumped core.
        core: Core,
    },
    /// Another thread's execve took this task's place.
    Superseded {
        /// The thread that called execve, under its old id.
        by: Pid,
    },
}

/// A consumer of events.
pub trait Sink {
    /// Takes one event of task `tid` that happened at `at`.
    ///
    /// # Errors
    /// Whatever writing gives; the event may then be lost, later ones may still be sent.
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()>;

    /// Writes what is still held back; no event follows.
    ///
    /// # Errors
    /// Whatever writing gives.
    fn finish(&mut self) -> io::Result<()>;
}
