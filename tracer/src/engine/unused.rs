//! Which nodes tasks can still come to, so that mounts may forget files that have lost their names.

use std::collections::HashSet;

use vrift_arch::Arch;
use vrift_vfs::{Effect, Exe, NodeRef, Place};

use super::Engine;
use super::enter::Action;
use super::launch::Launched;
use super::task::{Pending, Phase, Task};

impl<A: Arch> Engine<A> {
    /// Lets the mounts forget files without a name that nobody has open, if there are many.
    pub(super) fn forget_nameless(&mut self) {
        let Some(served) = self.served.as_mut().filter(|served| served.has_much_to_forget()) else {
            return;
        };
        let mut used: HashSet<NodeRef> = self.passing.nodes().collect();
        for task in self.tasks.values().chain(&self.bereft) {
            task.collect(&mut used);
        }
        served.forget_nameless(&used);
    }
}

impl<A: Arch> Task<A> {
    /// The nodes it can come to without a name: what it may have open, where it is, what it runs, and what
    /// becomes of the call it is in.
    fn collect(&self, used: &mut HashSet<NodeRef>) {
        used.extend(self.files.borrow().nodes());
        used.extend(*self.directory.borrow());
        used.extend(self.exe.as_ref().and_then(run));
        if let Phase::Inside(pending) = &self.phase {
            pending.collect(used);
        }
        if let Some(pending) = &self.announced {
            pending.collect(used);
        }
        match self.decided.as_ref().map(|decided| &decided.action) {
            Some(Action::Watch(effect) | Action::Rewrite(_, effect, _)) => {
                used.extend(opened(effect));
            }
            Some(Action::Launch(_, launched, _)) => {
                used.extend(launched.exe().and_then(run));
            }
            _ => {}
        }
    }
}

impl Pending {
    fn collect(&self, used: &mut HashSet<NodeRef>) {
        used.extend(opened(&self.effect));
        let launched = self.launched.as_ref().and_then(Launched::exe);
        used.extend(launched.and_then(run));
    }
}

/// The node that an effect brings.
fn opened(effect: &Effect) -> Option<NodeRef> {
    match effect {
        Effect::Opens { node, .. } | Effect::Enters(Place::Node(node)) => Some(*node),
        // A socket is known by its name.
        Effect::Binds(_) | Effect::None | Effect::Discards(_) | Effect::Enters(_) => None,
    }
}

fn run(exe: &Exe) -> Option<NodeRef> {
    match exe.place {
        Place::Node(node) => Some(node),
        Place::Host(_) => None,
    }
}
