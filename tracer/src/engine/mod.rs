//! The stop engine: a state machine over tasks that decides how every stop is resumed.
//!
//! It makes no system call of its own on a tracee: all it knows comes through [`Guest`], so a fake
//! kernel can drive it as well as the real one. What tracees do in which order is the kernel's
//! business; the engine only assumes that every stop it is told of is real.
//!
//! Deliberately absent: waiting (see [`crate::session`]) and printing (see [`crate::view`]).

mod answered;
mod birth;
mod clock;
mod closed;
mod concern;
mod decided;
mod enter;
mod filters;
mod injected;
mod lane;
mod launch;
mod leave;
mod listing;
mod opening;
mod passing;
mod peers;
mod reopening;
mod room;
mod scratch;
mod served;
mod shown;
#[cfg(test)]
mod sim;
mod sockets;
mod task;
mod unused;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::{Arch, Arg};

use crate::call::{Abi, Call, Outcome};
use crate::cores::Cores;
use crate::memory::{GuestAddr, Memory};
use crate::observer::Observer;
use crate::ptrace::Used;
use crate::registers::Registers;
use crate::view::event::{Core, Event};
use clock::Clock;
use task::{Coverage, Origin, Phase, Task, Undo};

pub use answered::Sight;
pub(crate) use concern::{Births, concerns_engine};
pub use lane::{FastLane, WhenFast};
pub(crate) use launch::pointers;
use passing::Passing;
use reopening::Reopenings;
pub use served::Served;

/// Why a tracee stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The filter stopped it before a syscall.
    Seccomp,
    /// It enters or leaves a syscall; [`Guest::position`] tells which.
    Syscall,
    /// A signal is about to be delivered.
    Signal {
        /// Which.
        signo: i32,
    },
    /// It takes part in a group stop.
    Group {
        /// The stop signal.
        signo: i32,
    },
    /// It made a child, which is traced already.
    NewChild {
        /// The child.
        child: Pid,
    },
    /// It executed a new program.
    Exec {
        /// The thread that called execve; the others of the process are gone.
        former: Pid,
    },
    /// A new child's first stop, the end of a group stop, or nothing in particular.
    Trap,
}

/// How a stopped tracee goes on.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// To the next stop of any kind, receiving a signal unless it is 0.
    Run {
        /// The signal to deliver.
        signo: i32,
    },
    /// The same, but it also stops at the next border of a syscall: the exit of the one it is in,
    /// or the entry to another.
    ToSyscall {
        /// The signal to deliver.
        signo: i32,
    },
    /// It stays in its group stop.
    Listen,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited.
    Exited {
        /// The exit status.
        code: i32,
    },
    /// A signal killed it.
    Killed {
        /// Which.
        signo: i32,
        /// Whether a core was dumped.
        core: Core,
    },
}

/// Where in a syscall a stopped tracee is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Before it.
    Entry(Call),
    /// The same, and a filter of the task's own leaves the call to a tracer that the program has not got.
    Forsaken,
    /// After it.
    Exit {
        /// The result.
        ret: i64,
    },
    /// In no syscall.
    Elsewhere,
}

/// A stopped tracee, as the engine uses it. Every error is about the tracee: `ESRCH` means that it
/// is dying.
pub trait Guest<A: Arch>: Memory {
    /// Its thread id.
    fn tid(&self) -> Pid;
    /// Where it is.
    fn position(&self) -> Result<Position, Errno>;
    /// Where it goes on.
    fn ip(&self) -> Result<u64, Errno>;
    /// Its general registers, in a call through `abi`.
    fn regs(&self, abi: Abi) -> Result<Registers<A>, Errno>;
    /// Replaces its general registers.
    fn set_regs(&self, regs: &Registers<A>) -> Result<(), Errno>;
    /// Before a syscall: makes it another one; `u64::MAX` skips it.
    fn set_nr(&self, nr: u64) -> Result<(), Errno>;
    /// Replaces what a call through `abi` sees of one argument register.
    fn set_arg(&self, abi: Abi, arg: Arg, value: u64) -> Result<(), Errno>;
    /// Replaces the result register.
    fn set_ret(&self, ret: i64) -> Result<(), Errno>;
    /// Writes into memory that the tracee may only read.
    fn plant(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno>;
    /// Blocks all signals, and returns which were blocked before.
    fn hold_signals(&self) -> Result<u64, Errno>;
    /// Blocks only these signals.
    fn release_signals(&self, blocked: u64) -> Result<(), Errno>;
    /// The `siginfo_t` at a signal-delivery stop.
    fn siginfo(&self) -> Result<[u8; 128], Errno>;
}

/// What becomes of a stopped tracee.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Resume(Resume),
    /// It waits until its parent's event has told what it shares.
    Hold,
    /// It is dying: nothing is to be done until its end is reported.
    Dying,
}

/// The decision on one stop.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What becomes of the stopped tracee.
    pub next: Next,
    /// Tracees held earlier whose stops are to be decided now, by another step each.
    pub release: Vec<Pid>,
    /// Tracees that are to stop before their next call, running or not.
    pub interrupt: Vec<Pid>,
}

impl Step {
    fn only(next: Next) -> Step {
        Step { next, release: Vec::new(), interrupt: Vec::new() }
    }
}

/// How many ended parents are remembered for the sake of orphans.
const BEREFT_MAX: usize = 16;

/// The state of everything traced.
#[derive(Debug)]
pub struct Engine<A: Arch> {
    tasks: BTreeMap<Pid, Task<A>>,
    held: Vec<Pid>,
    /// Children that have ended before they were announced, and who may yet announce them: whoever
    /// lived then and has not stopped since.
    departed: BTreeMap<Pid, Vec<Pid>>,
    /// Tasks that ended while they made a child, the latest last: an orphan shares what its parent
    /// shared. At most [`BEREFT_MAX`] are kept.
    bereft: Vec<Task<A>>,
    served: Option<Served>,
    passing: Passing,
    reopenings: Reopenings,
    observer: Observer,
    cores: Option<Cores>,
    sight: Sight,
    /// The fast lane that tracees may take.
    lane: Option<FastLane>,
    /// What they have done by it and nobody has been told of.
    tapes: lane::Tapes,
    clock: Option<Clock>,
    /// Which calls of a task stop that inherits nothing.
    coverage: Coverage,
    arch: PhantomData<A>,
}

impl<A: Arch> Engine<A> {
    /// An engine for the root tracee `root`, which is running. Without `cores` tasks run where the
    /// scheduler puts them.
    pub fn new(
        root: Pid,
        served: Option<Served>,
        observer: Observer,
        cores: Option<Cores>,
    ) -> Engine<A> {
        let start = served.as_ref().map(Served::start).unwrap_or_default();
        let coverage = Coverage::Filter;
        let tasks = BTreeMap::from([(root, Task::root(root, start, coverage))]);
        Engine { served, cores, ..Engine::of(tasks, observer, coverage) }
    }

    /// The same, when it may not look into every process.
    pub fn with_sight(self, sight: Sight) -> Engine<A> {
        Engine { sight, ..self }
    }

    /// The same, with a lane for calls about the host.
    pub fn with_lane(self, lane: Option<FastLane>) -> Engine<A> {
        Engine { lane, ..self }
    }

    /// The same, with a clock by which those who watch, if anybody does, are told in time.
    pub fn in_time(self) -> Engine<A> {
        let clock = if self.observer.watches_anything() { Clock::new() } else { None };
        Engine { clock, ..self }
    }

    /// An engine for tasks that ran before vrift came, without a filter: it only watches.
    pub fn watching(tids: &[Pid], observer: Observer) -> Engine<A> {
        let coverage = Coverage::EveryCall;
        let task = |&tid: &Pid| (tid, Task::root(tid, None, coverage));
        Engine::of(tids.iter().map(task).collect(), observer, coverage)
    }

    fn of(tasks: BTreeMap<Pid, Task<A>>, mut observer: Observer, coverage: Coverage) -> Engine<A> {
        tasks.keys().for_each(|&tid| observer.event(tid, &Event::Met));
        Engine {
            tasks,
            held: Vec::new(),
            departed: BTreeMap::new(),
            bereft: Vec::new(),
            served: None,
            passing: Passing::default(),
            reopenings: Reopenings::default(),
            observer,
            cores: None,
            sight: Sight::OfAll,
            lane: None,
            tapes: lane::Tapes::default(),
            clock: None,
            coverage,
            arch: PhantomData,
        }
    }

    /// Decides on one stop. `system` is the processor time the tracee has spent in the kernel.
    pub fn step<G: Guest<A>>(&mut self, stop: Stop, system: Duration, guest: &mut G) -> Step {
        let tid = guest.tid();
        if !self.tasks.contains_key(&tid) {
            self.rest_tape_of_stranger(guest);
            if self.meet_stranger(tid) == Next::Hold {
                return Step::only(Next::Hold);
            }
        }
        self.clock.iter_mut().for_each(Clock::wind);
        self.play_tapes(matches!(stop, Stop::Seccomp | Stop::Syscall).then_some(tid));
        if !matches!(stop, Stop::NewChild { .. }) {
            self.announces_nobody(tid);
        }
        if let Some(cores) = &mut self.cores {
            cores.stopped(tid, self.tasks.keys().copied());
        }
        if self.restore(guest) == Err(Errno::ESRCH) {
            let release = self.adopt_orphans();
            return Step { release, ..Step::only(Next::Dying) };
        }
        let next = match stop {
            Stop::Seccomp => self.at_filter(system, guest),
            Stop::Syscall => self.at_syscall(system, guest),
            Stop::Signal { signo } => self.at_signal(signo, guest),
            Stop::Group { signo } => {
                self.pause_reopening(tid);
                self.observer.event(tid, &Event::Stopped { signo });
                Ok(Next::Resume(Resume::Listen))
            }
            Stop::NewChild { child } => return self.at_birth(child, guest),
            Stop::Exec { former } => self.at_exec(former, system, guest),
            Stop::Trap => Ok(self.go_on(tid, 0)),
        };
        let next = match next {
            Ok(next) => next,
            Err(Errno::ESRCH) => Next::Dying,
            // Whatever failed, it must not stay in its stop.
            Err(_) => self.go_on(tid, 0),
        };
        self.forget_nameless();
        let release = [self.adopt_orphans(), self.take_waiting()].concat();
        Step { next, release, interrupt: self.take_interrupted() }
    }

    /// Whether processor times are used for anything.
    pub fn counts_time(&self) -> bool {
        let wants = self.observer.wants();
        wants.lineage || wants.system
    }

    /// Takes note of what a task has used, before its end is told.
    pub fn used(&mut self, tid: Pid, used: Used) {
        if self.observer.wants().lineage && self.tasks.contains_key(&tid) {
            let Used { user, system, resources } = used;
            self.observer.event(tid, &Event::Used { user, system, resources });
        }
    }

    /// Takes note of a task's end; returns the held tracees that may run now.
    pub fn ended(&mut self, tid: Pid, ending: Ending) -> Vec<Pid> {
        self.held.retain(|&held| held != tid);
        self.play_tapes(None);
        self.tapes.forget(tid);
        self.waits_no_more(tid);
        let Some(task) = self.tasks.remove(&tid) else {
            self.depart(tid);
            return [self.adopt_orphans(), self.take_waiting()].concat();
        };
        if task.origin == Origin::Found {
            self.depart(tid);
        }
        if task.tgid == tid {
            self.forget_threads(tid);
        }
        if let Some(cores) = &mut self.cores {
            cores.ended(tid);
        }
        self.last_words(tid, &task);
        self.leave_lane(&task);
        self.forget(&task);
        self.forget_successors();
        if task.spawning.is_some() {
            if self.bereft.len() == BEREFT_MAX {
                self.bereft.remove(0);
            }
            self.bereft.push(task);
        }
        match ending {
            Ending::Exited { code } => self.observer.event(tid, &Event::Exited { code }),
            Ending::Killed { signo, core } => {
                self.observer.event(tid, &Event::Killed { signo, core });
            }
        }
        [self.adopt_orphans(), self.take_waiting()].concat()
    }

    /// A leader's end is the last of its process. A thread that is known still was killed after it
    /// had taken the leader's place by execve and before it could tell.
    fn forget_threads(&mut self, tgid: Pid) {
        let of_process = |(&tid, task): (&Pid, &Task<A>)| (task.tgid == tgid).then_some(tid);
        let threads: Vec<Pid> = self.tasks.iter().filter_map(of_process).collect();
        for tid in threads {
            if let Some(task) = self.tasks.remove(&tid) {
                self.forget(&task);
            }
            if let Some(cores) = &mut self.cores {
                cores.ended(tid);
            }
        }
    }

    /// Puts back what a new child inherited of its parent's call.
    fn restore<G: Guest<A>>(&mut self, guest: &G) -> Result<(), Errno> {
        let Some(task) = self.tasks.get_mut(&guest.tid()) else { return Ok(()) };
        if task.inherited == Undo::default() {
            return Ok(());
        }
        // In a new child every call that makes one returns 0.
        leave::put_back(&std::mem::take(&mut task.inherited), 0, guest)
    }

    /// Takes note that the wait for stops was interrupted.
    pub fn ticked(&mut self) {
        let to_come = self.tapes.are_used();
        if self.clock.as_mut().is_some_and(|clock| clock.strikes(to_come)) {
            self.play_tapes(None);
            self.observer.pass_on();
        }
        if let Some(cores) = &mut self.cores {
            cores.ticked(self.tasks.keys().copied());
        }
    }

    /// How many tasks live.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// The process a task belongs to.
    pub fn process(&self, tid: Pid) -> Option<Pid> {
        self.tasks.get(&tid).map(|task| task.tgid)
    }

    /// The tasks that live.
    pub fn tids(&self) -> Vec<Pid> {
        self.tasks.keys().copied().collect()
    }

    /// Forgets a task that has been let go.
    pub fn released(&mut self, tid: Pid) {
        self.tasks.remove(&tid);
    }

    /// Ends all reports.
    pub fn finish(&mut self) {
        let nobody = Pid::from_raw(0);
        let places =
            served::Mounted { served: self.served.as_ref(), tasks: &self.tasks, tid: nobody };
        self.observer.finish(&places);
    }

    /// A call is over when its caller is.
    fn last_words(&mut self, tid: Pid, task: &Task<A>) {
        let pending = match &task.phase {
            Phase::Inside(pending) => Some(pending),
            Phase::Outside | Phase::Injecting(..) | Phase::Reopening(..) => task.announced.as_ref(),
        };
        let Some(pending) = pending else { return };
        if let Some(call) = &pending.spelled {
            let (outcome, spent) = (Outcome::Never, pending.spent());
            let event = Event::Leave { call, outcome, note: None, spent, system: Duration::ZERO };
            self.observer.event(tid, &event);
        }
    }

    /// Whether a filter of vrift's is around the tasks. Those that ran before it came have none.
    fn is_filtered(&self) -> bool {
        self.coverage == Coverage::Filter
    }

    /// Where every call stops at its border, the filter's stop is the second one of the same call,
    /// and without a mount all has been done at the first.
    fn at_filter<G: Guest<A>>(&mut self, system: Duration, guest: &mut G) -> Result<Next, Errno> {
        let tid = guest.tid();
        let task = self.tasks.get(&tid);
        if task.is_some_and(Task::is_injecting) {
            return Ok(self.go_on(tid, 0));
        }
        let is_decided = self.served.is_none()
            && task.is_some_and(|task| task.coverage == Coverage::EveryCall && task.is_busy());
        match guest.position()? {
            Position::Forsaken => self.forsaken(guest),
            _ if is_decided => {
                self.allowed(guest)?;
                Ok(self.go_on(tid, 0))
            }
            Position::Entry(call) if self.ends_here(&call, guest) => Ok(self.go_on(tid, 0)),
            // What it has opened has been told of: the kernel is given nothing.
            Position::Entry(call) if self.is_pause(&call) => {
                guest.set_nr(u64::MAX)?;
                Ok(self.go_on(tid, 0))
            }
            Position::Entry(call) if self.has_prepared(&call, guest) => self.prepared(guest),
            Position::Entry(call) => {
                let next = self.at_entry(call, system, guest)?;
                // Its filter may be one that another thread has installed since it came in.
                self.allowed(guest)?;
                Ok(next)
            }
            Position::Exit { .. } | Position::Elsewhere => Ok(self.go_on(tid, 0)),
        }
    }

    /// Whether a call ends its caller, and all has been done about it at the border: nothing is kept of
    /// such a call, since it never returns.
    fn ends_here<G: Guest<A>>(&self, call: &Call, guest: &G) -> bool {
        let every_call =
            |task: &Task<A>| task.coverage == Coverage::EveryCall && self.served.is_none();
        matches!(call.syscall, Some(vrift_arch::Syscall::Exit | vrift_arch::Syscall::ExitGroup))
            && self.tasks.get(&guest.tid()).is_some_and(every_call)
    }

    fn at_syscall<G: Guest<A>>(&mut self, system: Duration, guest: &mut G) -> Result<Next, Errno> {
        match guest.position()? {
            Position::Entry(call) => {
                if self.left_unseen(guest) == Some(Coverage::Filter) {
                    // If it is of interest the filter says so.
                    return Ok(self.go_on(guest.tid(), 0));
                }
                if let Some(next) = self.reopen(&call, guest)? {
                    return Ok(next);
                }
                let coverage = self.tasks.get(&guest.tid()).map(|task| task.coverage);
                match (self.served.is_some(), coverage) {
                    // As above: it has stopped only because of its outdated files.
                    (true, Some(Coverage::Filter)) => Ok(self.go_on(guest.tid(), 0)),
                    (true, _) => self.announce(call, system, guest),
                    (false, _) => self.at_entry(call, system, guest),
                }
            }
            Position::Exit { ret } => self.at_exit(ret, system, guest),
            Position::Forsaken | Position::Elsewhere => Ok(self.go_on(guest.tid(), 0)),
        }
    }

    /// Ends a call that has returned without a stop, since its task enters another: one through the
    /// vsyscall page, which the kernel emulates (`emulate_vsyscall` in arch/x86/entry/vsyscall).
    fn left_unseen<G: Guest<A>>(&mut self, guest: &G) -> Option<Coverage> {
        let task = self.tasks.get_mut(&guest.tid())?;
        match std::mem::replace(&mut task.phase, Phase::Outside) {
            Phase::Inside(pending) => {
                let coverage = task.coverage;
                self.conclude(*pending, Outcome::Never, Duration::ZERO, guest);
                Some(coverage)
            }
            phase => {
                task.phase = phase;
                None
            }
        }
    }

    fn at_signal<G: Guest<A>>(&mut self, signo: i32, guest: &mut G) -> Result<Next, Errno> {
        let tid = guest.tid();
        if self.write_by_hand(guest) == Err(Errno::ESRCH) {
            return Err(Errno::ESRCH);
        }
        if self.observer.watches_anything() {
            self.show_signal(signo, guest);
        }
        Ok(self.go_on(tid, signo))
    }

    /// Resumes a task as its phase needs it.
    fn go_on(&self, tid: Pid, signo: i32) -> Next {
        Next::Resume(match self.tasks.get(&tid) {
            Some(task) if task.sees_border() => Resume::ToSyscall { signo },
            _ => Resume::Run { signo },
        })
    }
}
