//! Keeps vrift and the tracees that stop often on one processor core.
//!
//! A stop hands control from the tracee to vrift and back. On one core that is a context switch;
//! across cores each hand-over wakes another core, which can cost ten times as much. So tasks are
//! bound to vrift's core while one of them is ready at a time. When a second one wants to run:
//!
//! - a task that computes, which a timer ([`Ticks`]) finds ready without a stop since the last tick, is
//!   let *loose*: it may run on any core until it stops often again;
//! - tasks that stop so often that hand-overs across cores would cost more than sharing one core does
//!   ([`Handover`]) stay together;
//! - otherwise all are set free.
//!
//! Tracees see the cores they were given: the engine answers `sched_getaffinity` for them, and a task
//! that chooses its own cores is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use crate::handover::Handover;
use crate::ready::Ready;
use crate::ticks::Ticks;

/// After as many stops it is looked again whether one task works alone.
const STOPS_MIN: u32 = 64;

/// As many stops tell how often a loose task stops.
const SAMPLE: u32 = 16;

/// With more tasks than this, binding them all, and looking who is ready, costs more than it may save.
const TASKS_MAX: usize = 8;

/// How often it is asked who computes.
const INTERVAL: Duration = Duration::from_millis(4);

/// How often it is checked whether another task wants to run.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);

/// As many checks in a row that find another task ready set all free.
const READY_MAX: u32 = 2;

/// Tasks are set free this often, so that the scheduler can move all to a quieter core.
const BOUND_MAX: Duration = Duration::from_millis(250);

/// Stops counted since a time.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Instant,
    stops: u32,
}

impl Pace {
    fn start() -> Pace {
        Pace { since: Instant::now(), stops: 0 }
    }

    /// The time from one stop to the next, on average.
    fn interval(&self) -> Duration {
        self.since.elapsed() / self.stops.max(1)
    }
}

/// Which cores tasks may use at the moment.
#[derive(Debug, Clone, Copy)]
enum Width {
    /// One, since a time; the stops are those since the last check, and in so many checks another
    /// task was ready.
    One { core: CpuSet, since: Instant, pace: Pace, ready: u32 },
    /// All that vrift was given.
    All { pace: Pace },
}

/// The cores of vrift and its tracees.
#[derive(Debug)]
pub struct Cores {
    all: CpuSet,
    width: Width,
    /// Tasks that chose for themselves, and what they were bound to then, as far as the kernel told.
    own: BTreeMap<Pid, Option<CpuSet>>,
    /// Tasks whose choice the kernel has, and whose call has not returned.
    choosing: BTreeSet<Pid>,
    /// Tasks that may use all cores while the others are bound to one.
    loose: BTreeMap<Pid, Pace>,
    /// Bound tasks that have stopped since the last tick.
    stopped: BTreeSet<Pid>,
    ready: Ready,
    handover: Handover,
    ticks: Ticks,
}

impl Cores {
    /// Manages the cores vrift was given, and binds the caller to one; `None` if there is only one,
    /// or they cannot be told. The first tracee is to be made after this: it inherits the binding.
    pub fn new() -> Option<Cores> {
        let all = sched_getaffinity(Pid::from_raw(0)).ok()?;
        let count = (0..CpuSet::count()).filter(|&n| all.is_set(n) == Ok(true)).count();
        let mut cores = Cores::of(all, Ticks::every(INTERVAL).ok()?);
        cores.narrow(std::iter::empty());
        (count > 1).then_some(cores)
    }

    fn of(all: CpuSet, ticks: Ticks) -> Cores {
        Cores {
            all,
            width: Width::All { pace: Pace::start() },
            own: BTreeMap::new(),
            choosing: BTreeSet::new(),
            loose: BTreeMap::new(),
            stopped: BTreeSet::new(),
            ready: Ready::default(),
            handover: Handover::default(),
            ticks,
        }
    }

    /// Takes note of a stop of `tid`; `tasks` are all that live.
    pub(crate) fn stopped(&mut self, tid: Pid, tasks: impl ExactSizeIterator<Item = Pid> + Clone) {
        let crowded = tasks.len() > TASKS_MAX;
        match &mut self.width {
            Width::All { pace } if pace.stops < STOPS_MIN => pace.stops += 1,
            Width::All { pace } if crowded => *pace = Pace::start(),
            Width::All { pace } => {
                let interval = pace.interval();
                *pace = Pace::start();
                if !self.gains_apart(interval, tid, tasks.clone()) {
                    self.narrow(tasks.clone());
                }
            }
            Width::One { .. } if crowded => self.widen(tasks.clone()),
            Width::One { .. } if self.loose.contains_key(&tid) => self.tighten(tid, tasks.clone()),
            Width::One { .. } => self.share(tid, tasks.clone()),
        }
        if matches!(self.width, Width::One { .. }) && tasks.len() > 1 {
            self.ticks.start();
        }
    }

    /// Takes note of a stop of a task bound to the one core.
    fn share(&mut self, tid: Pid, tasks: impl Iterator<Item = Pid> + Clone) {
        self.stopped.insert(tid);
        let Width::One { pace, .. } = &mut self.width else { return };
        pace.stops += 1;
        if pace.since.elapsed() < CHECK_INTERVAL {
            return;
        }
        let interval = pace.interval();
        *pace = Pace::start();
        // Whoever is ready and does not stop is found by the next tick.
        let stopped = std::mem::take(&mut self.stopped);
        let apart = self.gains_apart(interval, tid, stopped.iter().copied());
        self.stopped = stopped;
        let Width::One { since, ready, .. } = &mut self.width else { return };
        *ready = if apart { *ready + 1 } else { 0 };
        if *ready >= READY_MAX || since.elapsed() > BOUND_MAX {
            self.widen(tasks);
        }
    }

    /// Whether tasks of which one stops once in `interval` would be faster on several cores: another one than
    /// `tid` is ready, and hand-overs across cores cost less than sharing one. What costs less to find out is
    /// asked first, and who works alone never pays for the measuring of a hand-over.
    fn gains_apart(
        &mut self,
        interval: Duration,
        tid: Pid,
        others: impl Iterator<Item = Pid>,
    ) -> bool {
        if self.handover.is_known() && self.handover.is_dearer_than(interval, self.all) {
            return false;
        }
        self.ready.is_another(tid, others) && !self.handover.is_dearer_than(interval, self.all)
    }

    /// Takes note of a stop of a loose task: one that stops often again, or is the only one that
    /// wants to run, is bound.
    fn tighten(&mut self, tid: Pid, tasks: impl Iterator<Item = Pid> + Clone) {
        let (Width::One { core, .. }, Some(pace)) = (&self.width, self.loose.get_mut(&tid)) else {
            return;
        };
        let core = *core;
        pace.stops += 1;
        if pace.stops % SAMPLE != 0 {
            return;
        }
        let (interval, stops) = (pace.interval(), pace.stops);
        let often = self.handover.is_dearer_than(interval, self.all);
        if often || stops >= STOPS_MIN && !self.ready.is_another(tid, tasks) {
            self.loose.remove(&tid);
            self.bind(tid, &core);
        } else if stops >= STOPS_MIN {
            self.loose.insert(tid, Pace::start());
        }
    }

    /// Takes note that a tick has interrupted the wait for stops.
    pub(crate) fn ticked(&mut self, tasks: impl Iterator<Item = Pid>) {
        let silent =
            tasks.filter(|task| !self.stopped.contains(task) && !self.loose.contains_key(task));
        let computing: Vec<Pid> = silent.filter(|&task| self.ready.is(task)).collect();
        let others = usize::from(!self.stopped.is_empty()) + usize::from(!self.loose.is_empty());
        if computing.is_empty() && self.stopped.is_empty() {
            self.ticks.stop();
        }
        // One that is alone has the core to itself.
        if computing.len() + others > 1 {
            for task in computing {
                self.loose.insert(task, Pace::start());
                self.bind(task, &self.all);
            }
        }
        self.stopped.clear();
    }

    /// Takes note of a new task; its parent's choice is its own, and so is what its parent was bound to.
    pub(crate) fn born(&mut self, child: Pid, parent: Pid) {
        if let Some(&cores) = self.own.get(&parent) {
            self.own.insert(child, cores);
        } else if let Width::One { core, .. } = self.width
            && self.loose.contains_key(&parent)
        {
            // It begins where vrift is: it is about to stop often.
            self.bind(child, &core);
        }
    }

    /// Takes note of a task's end.
    pub(crate) fn ended(&mut self, tid: Pid) {
        self.own.remove(&tid);
        self.choosing.remove(&tid);
        self.loose.remove(&tid);
        self.stopped.remove(&tid);
        self.ready.ended(tid);
    }

    /// Takes note that a thread goes on under its process's id.
    pub(crate) fn renamed(&mut self, from: Pid, to: Pid) {
        self.ready.ended(from);
        self.ready.ended(to);
        self.own.remove(&to);
        if let Some(cores) = self.own.remove(&from) {
            // Whoever was bound by this id meanwhile was not its leader any more, but this thread.
            if let Some(cores) = cores {
                let _ = sched_setaffinity(to, &cores);
            }
            self.own.insert(to, cores);
        }
        self.loose.remove(&to);
        if let Some(pace) = self.loose.remove(&from) {
            self.loose.insert(to, pace);
        }
    }

    /// Takes note that cores are being chosen for a task: from now on its binding may be its own.
    pub(crate) fn choosing(&mut self, tid: Pid) {
        self.choosing.insert(tid);
    }

    /// A task is to become one that the kernel guarantees its time, which it does only for one that may use all cores: it
    /// may, and if it becomes one that counts as its choice.
    pub(crate) fn needs_all(&mut self, tid: Pid) {
        self.bind(tid, &self.all);
        self.choosing(tid);
    }

    /// Whether the kernel has a choice of a task's cores that has not been answered.
    pub(crate) fn is_choosing(&self, tid: Pid) -> bool {
        self.choosing.contains(&tid)
    }

    /// Takes note that a task's cores have been chosen.
    pub(crate) fn chosen(&mut self, tid: Pid) {
        self.choosing.remove(&tid);
        self.own.insert(tid, sched_getaffinity(tid).ok());
    }

    /// Takes note that a choice of a task's cores has been refused.
    pub(crate) fn not_chosen(&mut self, tid: Pid) {
        self.choosing.remove(&tid);
        let cores = match self.width {
            Width::One { core, .. } if !self.loose.contains_key(&tid) => core,
            _ => self.all,
        };
        self.bind(tid, &cores);
    }

    /// The first `len` bytes of the mask that `tid` must be shown; `None` if the kernel's is right.
    pub(crate) fn shown(&self, tid: Pid, len: usize) -> Option<Vec<u8>> {
        let mut mask = vec![0u8; len];
        for core in self.given(tid)?.into_iter().filter(|core| core / 8 < len) {
            mask[core / 8] |= 1 << (core % 8);
        }
        Some(mask)
    }

    /// The cores, ascending, that `tid` must be shown; `None` if the kernel's answer is right.
    pub(crate) fn given(&self, tid: Pid) -> Option<Vec<usize>> {
        let is_given = |&core: &usize| self.all.is_set(core) == Ok(true);
        (!self.own.contains_key(&tid)).then(|| (0..CpuSet::count()).filter(is_given).collect())
    }

    fn narrow(&mut self, tasks: impl Iterator<Item = Pid>) {
        let mut core = CpuSet::new();
        let known = sched_getcpu().is_ok_and(|n| core.set(n).is_ok());
        if !known {
            self.width = Width::All { pace: Pace::start() };
            return;
        }
        let since = Instant::now();
        self.width = Width::One { core, since, pace: Pace::start(), ready: 0 };
        self.bind_all(tasks, &core);
    }

    fn widen(&mut self, tasks: impl Iterator<Item = Pid>) {
        self.width = Width::All { pace: Pace::start() };
        self.ticks.stop();
        self.loose.clear();
        self.stopped.clear();
        let all = self.all;
        self.bind_all(tasks, &all);
    }

    fn bind_all(&self, tasks: impl Iterator<Item = Pid>, cores: &CpuSet) {
        self.bind(Pid::from_raw(0), cores);
        for task in tasks {
            self.bind(task, cores);
        }
    }

    /// Binding is only about speed: a task that is gone, or may not be bound, stays as it is.
    fn bind(&self, tid: Pid, cores: &CpuSet) {
        if !self.own.contains_key(&tid) && !self.choosing.contains(&tid) {
            let _ = sched_setaffinity(tid, cores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Binding costs a call, which most children do not need.
    #[test]
    fn only_the_child_of_a_loose_parent_is_bound() {
        let all = sched_getaffinity(Pid::from_raw(0)).expect("our own cores");
        let mut core = CpuSet::new();
        let first = (0..CpuSet::count()).find(|&n| all.is_set(n) == Ok(true)).expect("a core");
        core.set(first).expect("its number is one");
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().expect("a process");
        let (child, parent) = (Pid::from_raw(sleeper.id() as i32), Pid::from_raw(1));
        let mut cores = Cores::of(all, Ticks::every(INTERVAL).expect("a timer"));
        let pace = Pace::start();
        cores.width = Width::One { core, since: pace.since, pace, ready: 0 };
        cores.born(child, parent);
        let of_bound = sched_getaffinity(child);
        cores.loose.insert(parent, pace);
        cores.born(child, parent);
        let of_loose = sched_getaffinity(child);
        sleeper.kill().and_then(|()| sleeper.wait()).expect("it is ours");
        assert_eq!((of_bound, of_loose), (Ok(all), Ok(core)));
    }

    #[test]
    fn a_task_is_shown_all_cores_unless_it_chose() {
        let all = sched_getaffinity(Pid::from_raw(0)).expect("our own cores");
        let mut cores = Cores::of(all, Ticks::every(INTERVAL).expect("a timer"));
        let tid = Pid::from_raw(1);
        let mask = cores.shown(tid, 128).expect("it has not chosen");
        for core in 0..1024 {
            let shown = mask[core / 8] & 1 << (core % 8) != 0;
            assert_eq!(shown, all.is_set(core) == Ok(true), "core {core}");
        }
        cores.chosen(tid);
        assert_eq!(cores.shown(tid, 128), None);
        cores.ended(tid);
        assert!(cores.shown(tid, 8).is_some());
    }
}
