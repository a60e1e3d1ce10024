//! A kernel, an engine, and between them what the session does: wait, ask, apply. Every decision is
//! checked before it is applied, and when nothing moves any more nothing may be left over.
//!
//! Like the session it may take several stops from the kernel before it acts on the first, and looks
//! whether an exec has taken over the id of one meanwhile.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use nix::unistd::Pid;
use vrift_arch::x86_64::X86_64;
use vrift_arch::{Arch, Syscall};

use super::guest::Tracee;
use super::kernel::{Kernel, Waited};
use super::random::Random;
use super::record::{Record, Writer};
use super::task::{At, Intent, Run, Task};
use crate::engine::{Births, Engine, Next, Resume, Step, Stop, concerns_engine};
use crate::observer::Observer;
use crate::view::select::Selection;
use crate::view::spelled::Speller;

/// How vrift was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    /// With a filter, and every call is shown.
    All,
    /// With a filter, and some calls are shown.
    Some,
    /// With a filter, and only ends and signals are shown.
    None,
    /// Attached to a program that ran already.
    Attached,
}

/// The calls shown in [`Setup::Some`].
const SHOWN: &str = "clone,clone3,execve,nanosleep,exit_group";
const SHOWN_CALLS: [Syscall; 5] =
    [Syscall::Clone, Syscall::Clone3, Syscall::Execve, Syscall::Nanosleep, Syscall::ExitGroup];

fn some_shows(nr: u64) -> bool {
    X86_64::syscall(nr).is_some_and(|call| SHOWN_CALLS.contains(&call))
}

impl Setup {
    fn selection(self) -> Selection {
        match self {
            Setup::All | Setup::Attached => Selection::all(),
            Setup::Some => Selection::parse(SHOWN).expect("these calls exist"),
            Setup::None => Selection::none(),
        }
    }

    fn shows(self) -> fn(u64) -> bool {
        match self {
            Setup::All | Setup::Attached => |_| true,
            Setup::Some => some_shows,
            Setup::None => |_| false,
        }
    }

    fn stops(self) -> fn(u64) -> bool {
        match self {
            Setup::All => |_| true,
            Setup::Some => {
                |nr| some_shows(nr) || concerns_engine(X86_64::syscall(nr), Births::Told)
            }
            Setup::None => |nr| concerns_engine(X86_64::syscall(nr), Births::Told),
            Setup::Attached => |_| false,
        }
    }
}

/// Everything.
pub(super) struct World {
    pub(super) kernel: RefCell<Kernel>,
    pub(super) engine: Engine<X86_64>,
    pub(super) root: i32,
    /// What the kernel has told and the engine has not been asked about.
    batch: VecDeque<(i32, Waited)>,
    held: BTreeMap<i32, Stop>,
    name: String,
}

/// Tells how it came to a failure.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}:", self.name);
            self.kernel.borrow().story().for_each(|line| eprintln!("  {line}"));
        }
    }
}

impl World {
    pub(super) fn new(name: String, random: Random, setup: Setup) -> World {
        let record = Rc::new(RefCell::new(Record::default()));
        let mut kernel = Kernel::new(random, Rc::clone(&record));
        (kernel.stops, kernel.shows) = (setup.stops(), setup.shows());
        let root = kernel.first();
        let sinks: Vec<Box<dyn crate::view::event::Sink>> = vec![Box::new(Writer(record))];
        let complaints = Box::new(|error: &dyn std::error::Error| panic!("a complaint: {error}"));
        let observer = Observer::new(setup.selection(), Speller::default(), sinks, complaints);
        let pid = Pid::from_raw(root);
        let engine = if setup == Setup::Attached {
            kernel.interrupt(root);
            kernel.task(root).covered = true;
            Engine::watching(&[pid], observer)
        } else {
            Engine::new(pid, None, observer, None)
        };
        let (kernel, batch, held) = (RefCell::new(kernel), VecDeque::new(), BTreeMap::new());
        World { kernel, engine, root, batch, held, name }
    }

    /// Takes what the kernel tells of `tid`.
    pub(super) fn wait(&mut self, tid: i32) {
        let waited = self.kernel.borrow_mut().wait(tid);
        self.batch.push_back((tid, waited));
    }

    /// Acts on what was taken first; false if nothing was.
    pub(super) fn act(&mut self) -> bool {
        let Some((tid, waited)) = self.batch.pop_front() else { return false };
        let release = match waited {
            Waited::Stopped(_) if self.is_taken_over(tid) => return true,
            Waited::Stopped(stop) => self.stopped(tid, stop),
            Waited::Ended(ending) => {
                self.held.remove(&tid);
                let pid = Pid::from_raw(tid);
                let known = self.engine.tasks.contains_key(&pid);
                let release = self.engine.ended(pid, ending);
                self.ended(tid, known);
                release
            }
        };
        self.release(release);
        true
    }

    fn is_taken_over(&self, tid: i32) -> bool {
        let has_news = || self.kernel.borrow().waitable().contains(&tid);
        self.batch.iter().any(|&(other, _)| other == tid) || has_news()
    }

    /// What was held is decided now.
    fn release(&mut self, tids: Vec<Pid>) {
        for tid in tids.into_iter().map(Pid::as_raw) {
            let Some(stop) = self.held.remove(&tid) else { panic!("{tid} was not held") };
            let release = self.stopped(tid, stop);
            self.release(release);
        }
    }

    fn stopped(&mut self, tid: i32, stop: Stop) -> Vec<Pid> {
        let known = self.engine.tasks.contains_key(&Pid::from_raw(tid));
        let mut tracee = Tracee { kernel: &self.kernel, tid };
        let Step { next, release, interrupt } = self.engine.step(stop, Duration::ZERO, &mut tracee);
        assert!(interrupt.is_empty(), "nothing is outdated without a mount");
        let mut kernel = self.kernel.borrow_mut();
        kernel.tell(|| format!("{tid} stops: {stop:?}; {next:?}"));
        if let Stop::Exec { former } = stop
            && former.as_raw() != tid
        {
            let former = former.as_raw();
            kernel.record.borrow_mut().renamed(former, tid);
            kernel.renamed.retain(|&(known, _)| known != former);
            kernel.release_id(former);
        }
        match next {
            Next::Resume(how) => {
                if Some(how) == Some(Resume::Listen) {
                    assert!(matches!(stop, Stop::Group { .. }), "{tid} is no part of a group stop");
                }
                if matches!(stop, Stop::Seccomp | Stop::Syscall) {
                    kernel.entry_decided(tid);
                }
                kernel.resume(tid, how);
            }
            Next::Hold => {
                assert!(!known, "{tid} is held although it was announced");
                assert_eq!(self.held.insert(tid, stop), None, "{tid} is held twice");
            }
            Next::Dying => {
                let stays =
                    |task: &Task| task.fatal.is_none() && matches!(task.run, Run::Stopped { .. });
                let left = kernel.tasks.get(&tid).is_some_and(stays);
                assert!(!left, "{tid} is left in its stop although it is not dying");
            }
        }
        release
    }

    fn ended(&mut self, tid: i32, known: bool) {
        assert!(!self.engine.tasks.contains_key(&Pid::from_raw(tid)), "{tid} outlives its end");
        let mut kernel = self.kernel.borrow_mut();
        kernel.tell(|| format!("{tid} is gone"));
        kernel.record.borrow().check_end(tid, known);
        kernel.release_id(tid);
        // Killed before it could tell of its exec: the old id has gone without a word.
        let gone = kernel.renamed.iter().position(|&(_, tgid)| tgid == tid);
        if let Some(at) = gone {
            let (former, _) = kernel.renamed.swap_remove(at);
            let known = self.engine.tasks.contains_key(&Pid::from_raw(former));
            assert!(!known, "{former} has become {tid}, which has ended");
            kernel.release_id(former);
        }
    }

    /// Lets everything run that can, in the order of ids, and acts on all it leads to.
    pub(super) fn settle(&mut self) {
        loop {
            let ready = self.runnable();
            let waitable = self.kernel.borrow().waitable();
            if ready.is_empty() && waitable.is_empty() && self.batch.is_empty() {
                break;
            }
            for tid in ready {
                if self.kernel.borrow().can_run(tid) {
                    self.kernel.borrow_mut().advance(tid);
                }
            }
            waitable.into_iter().for_each(|tid| self.wait_if_ready(tid));
            while self.act() {}
        }
        self.check_quiet();
    }

    fn wait_if_ready(&mut self, tid: i32) {
        let ready = self.kernel.borrow().waitable().contains(&tid);
        if ready {
            self.wait(tid);
        }
    }

    pub(super) fn runnable(&self) -> Vec<i32> {
        let kernel = self.kernel.borrow();
        kernel.tasks.keys().copied().filter(|&tid| kernel.can_run(tid)).collect()
    }

    /// Nothing moves: nobody waits for the engine, and it knows who lives and nobody else.
    fn check_quiet(&self) {
        let kernel = self.kernel.borrow();
        assert!(self.held.is_empty(), "held for ever: {:?}", self.held);
        assert!(self.engine.held.is_empty(), "the engine holds {:?}", self.engine.held);
        for task in kernel.tasks.values() {
            let left = matches!(task.run, Run::Stopped { .. });
            assert!(!left, "{} was left in a stop", task.tid);
        }
        let known: HashSet<i32> = self.engine.tids().into_iter().map(Pid::as_raw).collect();
        let alive: HashSet<i32> = kernel.tasks.keys().copied().collect();
        assert_eq!(known, alive, "who the engine knows, and who lives");
        assert_eq!(self.engine.count(), alive.len());
    }

    /// Kills whoever is left, one process after the other.
    pub(super) fn finish(mut self) {
        self.settle();
        loop {
            let last = self.kernel.borrow().processes.keys().next_back().copied();
            let Some(tgid) = last else { break };
            self.kernel.borrow_mut().kill(tgid);
            self.settle();
        }
        assert_eq!(self.engine.count(), 0, "nobody lives");
    }

    /// Lets an idle task start on something; false if it is busy.
    pub(super) fn begin(&mut self, tid: i32, intent: Intent) -> bool {
        let mut kernel = self.kernel.borrow_mut();
        let task = kernel.task(tid);
        let idle = task.run == Run::Running && task.at == At::User && task.intent.is_none();
        if idle && !task.has_work() && task.fatal.is_none() {
            task.load(intent);
            return true;
        }
        false
    }
}
