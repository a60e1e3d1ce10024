//! Running a program tree to its end: launching, waiting, asking the engine, resuming.

use std::collections::{HashMap, VecDeque};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vrift_arch::Native;
use vrift_arch::seccomp::{Interest, Serving, policy_rules, program};

use crate::cores::Cores;
use crate::creds;
use crate::engine::{
    self, Births, Ending, Engine, FastLane, Guest, Next, Served, Step, Stop, WhenFast,
};
use crate::observer::{Observer, Telling};
use crate::procfs;
use crate::ptrace::{
    AttachError, LaunchError, Measure, Patience, Program, Stopped, Waited, attach, has_news,
    interrupt, launch, wait,
};
use crate::signals;
use crate::suspension::{self, Suspension};

/// How long the kernel may take to send a SIGCONT for a group to all of its members.
const CONTINUE_INTERVAL: Duration = Duration::from_millis(1);
const CONTINUE_LOOKS: u32 = 20;

/// What becomes of descendants that outlive the root tracee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survivors {
    /// They are waited for.
    Wait,
    /// They are killed.
    Kill,
}

/// Runs `root` and everything it starts; returns how `root` ended once all of them have.
pub fn run(
    root: &Program,
    served: Option<Served>,
    observer: Observer,
    survivors: Survivors,
    fast: WhenFast,
) -> Result<Ending, LaunchError> {
    let serving = match &served {
        None => Serving::Nothing,
        Some(served) if served.can_change() => Serving::Changes,
        Some(_) => Serving::Mounts,
    };
    let stops_at_all = served.is_some() || observer.watches_anything();
    let cores = if stops_at_all { Cores::new() } else { None };
    let births = match served.is_some() || observer.foretells_births() {
        true => Births::Foreseen,
        false => Births::Told,
    };
    let concerns_engine = |syscall| stops_at_all && engine::concerns_engine(syscall, births);
    let stops = |syscall| match concerns_engine(syscall) {
        true => Interest::Always,
        false => observer.interest(syscall),
    };
    let tape = match observer.telling() {
        Telling::Nobody => served.is_some().then_some(None),
        Telling::Later(scope) => Some(Some(scope)),
        Telling::AtOnce => None,
    };
    let lane = tape.and_then(|tape| FastLane::new::<Native>(fast, served.as_ref(), tape));
    let rules =
        policy_rules::<Native>(serving, &stops).with_lane(lane.as_ref().map(FastLane::page));
    let catching = |errno| LaunchError::Prepare { step: "catching signals", errno };
    signals::leave_to_command().map_err(catching)?;
    let launched = launch(root, &program::<Native>(&rules))?;
    signals::hand_on_to(launched.pid, root.ignored).map_err(catching)?;
    let engine = Engine::<Native>::new(launched.pid, served, observer, cores)
        .with_sight(creds::sight())
        .with_lane(lane)
        .in_time();
    let mut session = Session::new(engine, Some(launched.pid));
    let waited = session.run_out(survivors);
    session.engine.finish();
    let waiting = |errno| LaunchError::Prepare { step: "waiting for the program", errno };
    waited.map_err(waiting)?;
    match launched.failure() {
        Some(failure) => Err(failure),
        None => session.ending.ok_or(waiting(Errno::ECHILD)),
    }
}

/// Watches processes that run already, until they have ended or vrift is told to leave
/// ([`signals::leave_on`]); then they go on by themselves.
pub fn watch(pids: &[Pid], observer: Observer) -> Result<(), AttachError> {
    let mut tids = Vec::new();
    for &pid in pids {
        // It may have been named twice.
        if !tids.contains(&pid) {
            tids.extend(attach(pid)?);
        }
    }
    let mut session = Session::new(Engine::<Native>::watching(&tids, observer).in_time(), None);
    let waited = session.run_out(Survivors::Wait);
    session.engine.finish();
    waited.map_err(|errno| AttachError::Wait { errno })
}

/// The kernel reports the tracee it traced first, if several are ready. So that some which stop
/// again at once cannot starve the others, all that is ready is taken in one of so many turns before
/// any of it is acted on; in each, that would cost another system call for most stops.
const TURNS: u32 = 16;

struct Session {
    engine: Engine<Native>,
    measure: Measure,
    /// Tracees that wait for their parent's event.
    held: HashMap<Pid, (Stopped, Stop)>,
    root: Option<Pid>,
    ending: Option<Ending>,
    course: Course,
    suspension: Suspension,
    /// Whether there were children before the first tracee.
    has_own_children: bool,
}

/// Whether tracees are traced on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Tracing,
    /// Each is let go at its next stop.
    Leaving,
    /// Each is killed at its next stop, if it comes to one.
    Killing,
}

impl Session {
    fn new(engine: Engine<Native>, root: Option<Pid>) -> Session {
        let (held, course) = (HashMap::new(), Course::Tracing);
        let has_own_children = procfs::children().iter().any(|&child| Some(child) != root);
        signals::no_signal_at_stops();
        let measure = if engine.counts_time() { Measure::Times } else { Measure::Nothing };
        let suspension = Suspension::new(root);
        Session { engine, measure, held, root, ending: None, course, suspension, has_own_children }
    }

    fn run_out(&mut self, survivors: Survivors) -> Result<(), Errno> {
        let mut batch = VecDeque::new();
        let mut turn = 0u32;
        loop {
            turn = turn.wrapping_add(1);
            let batch_max = if turn.is_multiple_of(TURNS) { self.engine.count() } else { 1 };
            let stopping = self.stopping();
            let mut patience = if stopping.is_some() { Patience::Poll } else { Patience::Block };
            while patience == Patience::Block || batch.len() < batch_max {
                match wait(patience, self.measure)? {
                    Waited::Nobody if batch.is_empty() => return Ok(()),
                    Waited::Nobody | Waited::Nothing => break,
                    waited => batch.push_back(waited),
                }
                patience = Patience::Poll;
            }
            match stopping {
                // Whoever stops with the command has come to its stop. If the group has been continued
                // since, nobody would continue a vrift that stops now.
                Some(signo) if batch.is_empty() && !signals::continued_meanwhile() => {
                    self.suspension.followed();
                    signals::stop_by(signo)?;
                }
                _ if batch.is_empty() || signals::told_to_leave() => self.interrupted(),
                _ => {}
            }
            self.pass_on_continuing();
            let alone = batch.len() == 1;
            while let Some(waited) = batch.pop_front() {
                if alone || !self.is_taken_over(&waited, &batch) {
                    self.act(waited, survivors)?;
                }
            }
            if self.is_over() {
                return Ok(());
            }
        }
    }

    /// Whether what was taken of a tracee is no more because another thread has its id by now; that
    /// one's exec is reported by the next wait. Only a leader's id is ever taken.
    fn is_taken_over(&self, waited: &Waited, later: &VecDeque<Waited>) -> bool {
        let Waited::Stopped { tracee, .. } = waited else { return false };
        let tid = tracee.tid();
        if self.engine.process(tid).is_some_and(|tgid| tgid != tid) {
            return false;
        }
        later.iter().any(|waited| waited.tid() == Some(tid)) || has_news(tid)
    }

    /// Whether all tracees have ended although a child is left: one that vrift's process had before
    /// it became vrift, which is not waited for.
    fn is_over(&self) -> bool {
        self.has_own_children && self.engine.count() == 0 && self.held.is_empty()
    }

    fn act(&mut self, waited: Waited, survivors: Survivors) -> Result<(), Errno> {
        match waited {
            Waited::Nothing | Waited::Nobody => Ok(()),
            Waited::Ended { tid, ending, used } => {
                self.held.remove(&tid);
                self.suspension.ended(tid);
                self.engine.used(tid, used);
                let release = self.engine.ended(tid, ending);
                if Some(tid) == self.root {
                    signals::hand_on_to_nobody();
                    self.ending = Some(ending);
                    if survivors == Survivors::Kill {
                        self.kill_all();
                    }
                }
                self.release(release, survivors)
            }
            Waited::Stopped { tracee, stop, .. } if self.course == Course::Leaving => {
                self.engine.released(tracee.tid());
                let signo = if let Stop::Signal { signo } = stop { signo } else { 0 };
                tracee.detach(signo);
                Ok(())
            }
            Waited::Stopped { tracee, .. } if self.course == Course::Killing => {
                // One that has ended meanwhile needs no killing.
                let _ = tracee.end();
                Ok(())
            }
            Waited::Stopped { mut tracee, stop, system } => {
                self.watch_stops(&tracee, stop);
                let Step { next, release, interrupt: outdated } =
                    self.engine.step(stop, system, &mut tracee);
                // Before the one that has made them stop goes on.
                outdated.into_iter().for_each(interrupt);
                match next {
                    Next::Resume(how) => tracee.resume(how)?,
                    Next::Hold => {
                        self.held.insert(tracee.tid(), (tracee, stop));
                    }
                    // Its end is on its way; there is nothing left to resume.
                    Next::Dying => drop(tracee),
                }
                self.release(release, survivors)
            }
        }
    }

    /// The signal by which vrift is to stop now.
    fn stopping(&self) -> Option<i32> {
        self.suspension.due(self.engine.count(), signals::told_to_stop())
    }

    /// Sees whether the command stops or goes on.
    fn watch_stops(&mut self, tracee: &Stopped, stop: Stop) {
        let tid = tracee.tid();
        match stop {
            Stop::Signal { signo } if suspension::stops(signo) => {
                if self.root.is_some()
                    && self.engine.process(tid) == self.root
                    && let Ok(info) = Guest::<Native>::siginfo(tracee)
                {
                    let is_tracee = |pid| self.engine.process(pid).is_some();
                    self.suspension.signalled(&info, is_tracee);
                }
            }
            // It has been continued.
            Stop::Trap if self.suspension.stopped_command() == Some(tid) => signals::stop_no_more(),
            _ => {}
        }
        self.suspension.stopped(tid, stop);
    }

    /// Who knows only vrift continues vrift. With the whole group the command is continued anyway,
    /// and must not be continued twice.
    fn pass_on_continuing(&mut self) {
        if !signals::take_continued() {
            return;
        }
        let Some(command) = self.suspension.stopped_command() else { return };
        for _ in 0..CONTINUE_LOOKS {
            if has_news(command) {
                return;
            }
            sleep(CONTINUE_INTERVAL);
        }
        // One that has ended meanwhile needs no continuing.
        let _ = kill(command, Signal::SIGCONT);
    }

    /// A signal came instead of a stop.
    fn interrupted(&mut self) {
        if signals::told_to_leave() && self.course == Course::Tracing {
            self.course = Course::Leaving;
            self.engine.tids().into_iter().for_each(interrupt);
        }
        self.engine.ticked();
    }

    fn kill_all(&mut self) {
        self.course = Course::Killing;
        for (_, (tracee, _)) in self.held.drain() {
            let _ = tracee.end();
        }
        for tid in self.engine.tids() {
            // A thread's id names its process here too; one that has ended needs no killing.
            let _ = kill(tid, Signal::SIGKILL);
        }
    }

    /// What was held is decided now.
    fn release(&mut self, tids: Vec<Pid>, survivors: Survivors) -> Result<(), Errno> {
        for tid in tids {
            if let Some((tracee, stop)) = self.held.remove(&tid) {
                self.act(Waited::Stopped { tracee, stop, system: Duration::ZERO }, survivors)?;
            }
        }
        Ok(())
    }
}
