//! Keeps vrift and a tracee on one processor core while only one task is at work.
//!
//! A stop hands control from the tracee to vrift and back. On one core that is a context switch;
//! across cores each hand-over wakes a sleeping core, which costs ten times as much. So tasks are
//! bound to vrift's core while one of them is ready at a time, and set free as soon as a second one
//! wants to run. Tracees see the cores they were given: the engine answers
//! `sched_getaffinity` for them, and a task that chooses its own cores is left alone.
//!
//! Two tasks that both compute make no stops, so while several tasks share the core a timer
//! interrupts the wait for stops ([`Ticks`]) and it is looked again. The timer rests while no task
//! is ready.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use crate::procfs::is_ready;
use crate::ticks::Ticks;

/// After as many stops it is looked again whether one task works alone.
const STOPS_MIN: u32 = 64;

/// With more tasks than this, binding them all, and looking who is ready, costs more than it may save.
const TASKS_MAX: usize = 8;

/// How often it is checked whether another task wants to run.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);

/// As many checks in a row that find another task ready set all free.
const READY_MAX: u32 = 2;

/// Tasks are set free this often, so that the scheduler can move all to a quieter core.
const BOUND_MAX: Duration = Duration::from_millis(250);

/// Which cores tasks may use at the moment.
#[derive(Debug, Clone, Copy)]
enum Width {
    /// One, since a time; in so many checks another task was ready.
    One { core: CpuSet, since: Instant, checked: Instant, ready: u32 },
    /// All that vrift was given.
    All { stops: u32 },
}

/// The cores of vrift and its tracees.
#[derive(Debug)]
pub struct Cores {
    all: CpuSet,
    width: Width,
    /// Tasks that chose for themselves.
    own: HashSet<Pid>,
    ticks: Ticks,
}

impl Cores {
    /// Manages the cores vrift was given, and binds the caller to one; `None` if there is only one,
    /// or they cannot be told. The first tracee is to be made after this: it inherits the binding.
    pub fn new() -> Option<Cores> {
        let all = sched_getaffinity(Pid::from_raw(0)).ok()?;
        let count = (0..CpuSet::count()).filter(|&n| all.is_set(n) == Ok(true)).count();
        let ticks = Ticks::new().ok()?;
        let mut cores = Cores { all, width: Width::All { stops: 0 }, own: HashSet::new(), ticks };
        cores.narrow(std::iter::empty());
        (count > 1).then_some(cores)
    }

    /// Takes note of a stop of `tid`; `tasks` are all that live.
    pub(crate) fn stopped(&mut self, tid: Pid, tasks: impl ExactSizeIterator<Item = Pid> + Clone) {
        let crowded = tasks.len() > TASKS_MAX;
        match &mut self.width {
            Width::All { stops } if *stops < STOPS_MIN => *stops += 1,
            Width::All { stops } if crowded => *stops = 0,
            Width::One { .. } if crowded => self.widen(tasks.clone()),
            Width::All { stops } if another_is_ready(tid, tasks.clone()) => *stops = 0,
            Width::All { .. } => self.narrow(tasks.clone()),
            Width::One { checked, .. } if checked.elapsed() < CHECK_INTERVAL => {}
            Width::One { since, checked, ready, .. } => {
                *checked = Instant::now();
                *ready = if another_is_ready(tid, tasks.clone()) { *ready + 1 } else { 0 };
                if *ready >= READY_MAX || since.elapsed() > BOUND_MAX {
                    self.widen(tasks.clone());
                }
            }
        }
        if matches!(self.width, Width::One { .. }) && tasks.len() > 1 {
            self.ticks.start();
        }
    }

    /// Takes note that a tick has interrupted the wait for stops.
    pub(crate) fn ticked(&mut self, tasks: impl Iterator<Item = Pid> + Clone) {
        match tasks.clone().filter(|&task| is_ready(task)).take(2).count() {
            0 => self.ticks.stop(),
            1 => {}
            _ => self.widen(tasks),
        }
    }

    /// Takes note of a new task; its parent's choice is its own.
    pub(crate) fn born(&mut self, child: Pid, parent: Option<Pid>) {
        if parent.is_some_and(|parent| self.own.contains(&parent)) {
            self.own.insert(child);
            return;
        }
        let cores = match self.width {
            Width::One { core, .. } => core,
            Width::All { .. } => self.all,
        };
        self.bind(child, &cores);
    }

    /// Takes note of a task's end.
    pub(crate) fn ended(&mut self, tid: Pid) {
        self.own.remove(&tid);
    }

    /// Takes note that a thread goes on under its process's id.
    pub(crate) fn renamed(&mut self, from: Pid, to: Pid) {
        self.own.remove(&to);
        if self.own.remove(&from) {
            self.own.insert(to);
        }
    }

    /// Takes note that a task has chosen its cores.
    pub(crate) fn chosen(&mut self, tid: Pid) {
        self.own.insert(tid);
    }

    /// The first `len` bytes of the mask that `tid` must be shown; `None` if the kernel's is right.
    pub(crate) fn shown(&self, tid: Pid, len: usize) -> Option<Vec<u8>> {
        if self.own.contains(&tid) {
            return None;
        }
        let mut mask = vec![0u8; len];
        for core in (0..len * 8).filter(|&n| self.all.is_set(n) == Ok(true)) {
            mask[core / 8] |= 1 << (core % 8);
        }
        Some(mask)
    }

    fn narrow(&mut self, tasks: impl Iterator<Item = Pid>) {
        let mut core = CpuSet::new();
        let known = sched_getcpu().is_ok_and(|n| core.set(n).is_ok());
        if !known {
            self.width = Width::All { stops: 0 };
            return;
        }
        let now = Instant::now();
        self.width = Width::One { core, since: now, checked: now, ready: 0 };
        self.bind_all(tasks, &core);
    }

    fn widen(&mut self, tasks: impl Iterator<Item = Pid>) {
        self.width = Width::All { stops: 0 };
        self.ticks.stop();
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
        if !self.own.contains(&tid) {
            let _ = sched_setaffinity(tid, cores);
        }
    }
}

/// Whether a task other than `tid` is running or ready to.
fn another_is_ready(tid: Pid, mut tasks: impl Iterator<Item = Pid>) -> bool {
    tasks.any(|task| task != tid && is_ready(task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_shown_all_cores_unless_it_chose() {
        let all = sched_getaffinity(Pid::from_raw(0)).expect("our own cores");
        let width = Width::All { stops: 0 };
        let ticks = Ticks::new().expect("a timer");
        let mut cores = Cores { all, width, own: HashSet::new(), ticks };
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
