//! Who watches: which calls are shown, how they are spelled, and where they go.

use std::error::Error;
use std::time::SystemTime;

use nix::unistd::Pid;
use vrift_arch::{Arch, Syscall};

use crate::call::{Call, Outcome};
use crate::memory::Memory;
use crate::view::event::{Event, Sink};
use crate::view::select::Selection;
use crate::view::spelled::{Spelled, Speller};

/// Receives what goes wrong with vrift itself while tracees run.
pub type Complaints = Box<dyn FnMut(&dyn Error)>;

/// The watching side of an engine.
pub struct Observer {
    selection: Selection,
    speller: Speller,
    sinks: Vec<Box<dyn Sink>>,
    complaints: Complaints,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

impl Observer {
    /// Shows what `selection` names to `sinks`.
    pub fn new(
        selection: Selection,
        speller: Speller,
        sinks: Vec<Box<dyn Sink>>,
        complaints: Complaints,
    ) -> Observer {
        Observer { selection, speller, sinks, complaints }
    }

    /// An observer that shows nothing.
    pub fn silent(complaints: Complaints) -> Observer {
        Observer::new(Selection::none(), Speller::default(), Vec::new(), complaints)
    }

    /// Whether calls of `syscall` are shown; `None` stands for numbers no table knows.
    pub fn watches(&self, syscall: Option<Syscall>) -> bool {
        !self.sinks.is_empty() && self.selection.contains(syscall)
    }

    /// Whether anything is shown at all; signals and ends always are.
    pub(crate) fn watches_anything(&self) -> bool {
        !self.sinks.is_empty()
    }

    /// Spells a call at its entry, if it is shown, and announces it.
    pub(crate) fn enter<A: Arch>(
        &mut self,
        tid: Pid,
        call: &Call,
        memory: &dyn Memory,
    ) -> Option<Spelled> {
        if !self.watches(call.syscall) {
            return None;
        }
        let spelled = self.speller.enter::<A>(call, memory);
        self.event(tid, &Event::Enter { call: &spelled });
        Some(spelled)
    }

    /// Completes a spelled call at its exit.
    pub(crate) fn complete<A: Arch>(
        &self,
        spelled: &mut Spelled,
        call: &Call,
        outcome: Outcome,
        memory: &dyn Memory,
    ) {
        self.speller.leave::<A>(spelled, call, outcome, memory);
    }

    /// Sends an event to every sink; one that fails is reported once and gets no more.
    pub(crate) fn event(&mut self, tid: Pid, event: &Event<'_>) {
        let at = SystemTime::now();
        let complaints = &mut self.complaints;
        self.sinks.retain_mut(|sink| match sink.event(tid, at, event) {
            Ok(()) => true,
            Err(error) => {
                complaints(&error);
                false
            }
        });
    }

    pub(crate) fn complain(&mut self, error: &dyn Error) {
        (self.complaints)(error);
    }

    pub(crate) fn finish(&mut self) {
        let complaints = &mut self.complaints;
        self.sinks.retain_mut(|sink| {
            if let Err(error) = sink.finish() {
                complaints(&error);
            }
            false
        });
    }
}
