//! What the engine tells the sinks, and the trait every sink implements.
//!
//! Deliberately absent: ptrace stops. An event is something that happened to the program, not the
//! way in which the tracer learned of it.

use std::io;
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;

use super::note::Note;
use super::spelled::Spelled;
use super::value::Value;
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
    /// The task is watched from now on; its end will be told.
    Met,
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
        /// What it comes with, if that could be read.
        info: Option<Value>,
        /// Where the task was, if a sink wants to know.
        ip: Option<u64>,
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
    /// The task made another; told only if a sink wants lineage.
    Born {
        /// The new task.
        child: Pid,
        /// Whether it belongs to the same process.
        kin: Kin,
    },
    /// The task's process executed a program; told only if a sink wants lineage.
    Executed,
    /// The processor time a task has used, before its end is told; only if a sink wants lineage.
    Used {
        /// In its own code, with what its children used if it is a process.
        user: Duration,
        /// In the kernel.
        system: Duration,
        /// What else it used.
        resources: Resources,
    },
}

/// What a task used beside processor time, with its children if it is a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resources {
    /// The most memory it had at a time, in KiB.
    pub memory_max_kib: u64,
    /// Blocks of 512 bytes read from devices for it.
    pub blocks_read: u64,
    /// Blocks of 512 bytes written to devices for it.
    pub blocks_written: u64,
}

/// What a new task is to the one that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kin {
    /// Another thread of its process.
    Thread,
    /// A process of its own.
    Process,
}

/// What a sink needs beyond the events everybody gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    /// Where tasks are when a signal reaches them.
    pub ip: bool,
    /// Births, executions and processor times.
    pub lineage: bool,
    /// When events happened and how long calls took; else all times are alike.
    pub times: bool,
    /// How long the kernel worked on calls; else it is zero.
    pub system: bool,
}

impl Wants {
    /// What either wants.
    pub fn and(self, other: Wants) -> Wants {
        Wants {
            ip: self.ip | other.ip,
            lineage: self.lineage | other.lineage,
            times: self.times | other.times,
            system: self.system | other.system,
        }
    }
}

/// A consumer of events.
pub trait Sink {
    /// Takes one event of task `tid` that happened at `at`, if times are wanted.
    ///
    /// # Errors
    /// Whatever writing gives; the event may then be lost, later ones may still be sent.
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()>;

    /// Writes what is held back, although more may follow.
    ///
    /// # Errors
    /// Whatever writing gives.
    fn pass_on(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Writes what is still held back; no event follows.
    ///
    /// # Errors
    /// Whatever writing gives.
    fn finish(&mut self) -> io::Result<()>;

    /// What it needs beyond the events everybody gets.
    fn wants(&self) -> Wants {
        Wants::default()
    }
}
