//! What those who watch are told of a call: the sinks of a trace, and the record.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Arch;

use super::lane::Tapes;
use super::served::Mounted;
use super::task::Pending;
use super::{Engine, Guest, Next};
use crate::call::{Call, Outcome};
use crate::memory::Memory;
use crate::procfs;
use crate::record::Noted;
use crate::view::event::Event;
use crate::view::places::Seat;
use crate::view::window::Window;

impl<A: Arch> Engine<A> {
    /// Shows a call of a task that has a filter of its own. What is done with it is considered at
    /// the stop of our filter, which comes if the task's filter lets the call pass.
    pub(super) fn announce<G: Guest<A>>(
        &mut self,
        call: Call,
        system: Duration,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let tid = guest.tid();
        if self.tasks.get(&tid).is_some_and(|task| task.announced.is_none()) {
            let window = Window::new(&*guest);
            let noted = self.note(&call, &window, tid);
            let pending = Pending { noted, ..self.show(call, system, &window, tid) };
            let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
            task.announced = Some(Box::new(pending));
        }
        Ok(self.go_on(tid, 0))
    }

    /// What the policy makes a call fail with: one that is about to be considered, or has been
    /// announced.
    pub(super) fn denied(&self, tid: Pid, noted: Option<&Noted>) -> Option<Errno> {
        let announced = || self.tasks.get(&tid)?.announced.as_ref()?.noted.as_deref();
        noted.or_else(announced)?.denied()
    }

    /// Reads what a call names, for the record. One that was announced has been read then.
    pub(super) fn note(
        &mut self,
        call: &Call,
        memory: &dyn Memory,
        tid: Pid,
    ) -> Option<Box<Noted>> {
        if self.tasks.get(&tid).is_some_and(|task| task.announced.is_some()) {
            return None;
        }
        let places = Mounted { served: self.served.as_ref(), tasks: &self.tasks, tid };
        self.observer.note::<A>(call, &Seat { tid, memory, places: &places })
    }

    pub(super) fn show(
        &mut self,
        call: Call,
        system: Duration,
        memory: &dyn Memory,
        tid: Pid,
    ) -> Pending {
        let places = Mounted { served: self.served.as_ref(), tasks: &self.tasks, tid };
        let seat = Seat { tid, memory, places: &places };
        let spelled = self.observer.enter::<A>(&call, &seat);
        let entered = self.observer.wants().times.then(Instant::now);
        Pending::new(call, spelled, entered, system)
    }

    /// Reports a signal that is about to be delivered.
    pub(super) fn show_signal<G: Guest<A>>(&mut self, signo: i32, guest: &G) {
        let tid = guest.tid();
        let places = Mounted { served: self.served.as_ref(), tasks: &self.tasks, tid };
        let seat = Seat { tid, memory: guest, places: &places };
        let info = guest.siginfo().ok();
        let ip = match self.observer.wants().ip {
            true => guest.ip().ok(),
            false => None,
        };
        self.observer.signal(signo, info.as_ref(), ip, &seat);
    }

    /// Reports the end of a call.
    pub(super) fn conclude<G: Guest<A>>(
        &mut self,
        pending: Pending,
        outcome: Outcome,
        system: Duration,
        guest: &G,
    ) {
        let spent = pending.spent();
        let tid = guest.tid();
        let places = Mounted { served: self.served.as_ref(), tasks: &self.tasks, tid };
        let seat = Seat { tid, memory: guest, places: &places };
        if let Some(noted) = pending.noted {
            self.observer.record(*noted, outcome, pending.note.as_ref(), &seat);
            if !self.observer.finds_the_same() {
                self.close_lane(guest);
            }
            let moved = self.observer.take_moved();
            if !moved.is_empty() {
                follow(&moved, &mut self.tapes, self.tasks.keys());
            }
        }
        let Some(mut spelled) = pending.spelled else { return };
        let window = Window::new(guest);
        let seat = Seat { memory: &window, ..seat };
        self.observer.complete::<A>(&mut spelled, &pending.call, outcome, &seat);
        let note = pending.note.as_ref();
        let event = Event::Leave { call: &spelled, outcome, note, spent, system };
        self.observer.event(tid, &event);
    }
}

/// What tasks have on their tapes from now on is told by the directories they are in, if these have other paths
/// by now.
fn follow<'a>(moved: &[PathBuf], tapes: &mut Tapes, tasks: impl Iterator<Item = &'a Pid>) {
    let is_inside = |at: PathBuf| moved.iter().any(|moved| at.starts_with(moved));
    let inside = |&&tid: &&Pid| procfs::directory(tid).is_ok_and(is_inside);
    for &tid in tasks.filter(inside) {
        tapes.leave_directory(tid);
    }
}
