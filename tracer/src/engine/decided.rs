//! What was decided about a call that is to be made again, because something of ours is done first. A mount may
//! have been changed by the decision, so it is not made twice.

use nix::unistd::Pid;
use vrift_arch::Arch;

use super::Engine;
use super::enter::Action;
use crate::call::Call;
use crate::record::Noted;

/// A decision.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) call: Call,
    pub(super) action: Action,
    /// What the record is to tell of it.
    pub(super) noted: Option<Box<Noted>>,
}

impl<A: Arch> Engine<A> {
    /// Keeps a decision until its task makes the call again.
    pub(super) fn decide(&mut self, tid: Pid, decided: Decided) {
        if let Some(task) = self.tasks.get_mut(&tid) {
            task.decided = Some(Box::new(decided));
        }
    }

    /// What was decided about this very call.
    pub(super) fn decided(
        &mut self,
        tid: Pid,
        call: &Call,
    ) -> Option<(Action, Option<Box<Noted>>)> {
        let decided = *self.tasks.get_mut(&tid)?.decided.take()?;
        (decided.call == *call).then_some((decided.action, decided.noted))
    }
}
