//! How tasks come to be known: children, and programs that replace programs.

use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::abi::clone;
use vrift_arch::{Arch, Regs, Syscall};

use super::launch::Launched;
use super::task::{Origin, Phase, Task};
use super::{Engine, Guest, Next, Resume, Step};
use crate::call::{Abi, Outcome};
use crate::registers::Registers;
use crate::view::event::{Event, Kin};

/// The flags of a child that was made by a call which nobody had to see, for the sake of the lane that is
/// in the parent's memory.
fn told_by<A: Arch, G: Guest<A>>(parent: &Task<A>, guest: &G) -> Option<u64> {
    if !parent.lane.borrow().is_in_place() {
        return None;
    }
    let Registers::Native(regs) = guest.regs(Abi::Native).ok()? else { return None };
    let is_vfork = A::syscall(regs.nr()) == Some(Syscall::Vfork);
    is_vfork.then_some(clone::CLONE_VM | clone::CLONE_VFORK)
}

impl<A: Arch> Engine<A> {
    /// A tracee stops that nobody has announced: its parent's event may come later. It is held if
    /// some task is known to be in the middle of making a child, else (the parent is gone, or nothing
    /// depends on what it shares) it starts afresh.
    pub(super) fn meet_stranger(&mut self, tid: Pid) -> Next {
        if self.tasks.values().any(|task| task.spawning.is_some()) {
            self.held.push(tid);
            return Next::Hold;
        }
        self.adopt(tid);
        Next::Resume(Resume::Run { signo: 0 })
    }

    fn adopt(&mut self, tid: Pid) {
        let task = match self.bereft.pop() {
            // Which parent's it was is a guess: it gets the parent's directory and descriptors,
            // but its registers are left alone and it counts as a process of its own.
            Some(parent) => Task {
                tgid: tid,
                inherited: Default::default(),
                ..parent.child(tid, parent.spawning.unwrap_or(0))
            },
            None => {
                let start = self.served.as_ref().and_then(super::Served::start);
                Task::root(tid, start, self.coverage)
            }
        };
        // It runs where its parent ran, who may have chosen.
        self.tasks.insert(tid, Task { origin: Origin::Found, ..task });
        self.observer.event(tid, &Event::Met);
    }

    pub(super) fn at_birth<G: Guest<A>>(&mut self, child: Pid, guest: &mut G) -> Step {
        let tid = guest.tid();
        let tape = self.rest_tape(guest);
        let Some(parent) = self.tasks.get_mut(&tid) else { return Step::only(Next::Dying) };
        let flags = parent.spawning.take().or_else(|| told_by::<A, G>(parent, guest)).unwrap_or(0);
        let mut task = parent.child(child, flags);
        if flags & clone::CLONE_VM == 0 {
            task.inherited.words.extend(tape);
        }
        // The exit was waited for in case that there is no child.
        parent.leave_early();
        // One that has ended already is not waited for.
        let gone = self.departed.get(&child).is_some_and(|parents| parents.contains(&tid));
        if gone {
            self.departed.remove(&child);
        }
        self.announces_nobody(tid);
        if self.observer.wants().lineage {
            let kin = if task.tgid == child { Kin::Process } else { Kin::Thread };
            self.observer.event(tid, &Event::Born { child, kin });
        }
        if !gone {
            if !self.tasks.contains_key(&child) {
                self.observer.event(child, &Event::Met);
            }
            self.tasks.entry(child).or_insert(task).origin = Origin::Announced;
            if let Some(cores) = &mut self.cores {
                cores.born(child, tid);
            }
        }
        let mut release = self.release(|held| held == child);
        release.extend(self.adopt_orphans());
        Step { release, ..Step::only(self.go_on(tid, 0)) }
    }

    /// A task has ended that nobody had announced: whoever is making a child may still do so.
    pub(super) fn depart(&mut self, tid: Pid) {
        self.departed.insert(tid, self.tids());
    }

    /// A task has stopped: if it had made a child, that would have been the next stop.
    pub(super) fn announces_nobody(&mut self, tid: Pid) {
        for parents in self.departed.values_mut() {
            parents.retain(|&parent| parent != tid);
        }
    }

    /// Lets the held tracees go that no living task can still announce.
    pub(super) fn adopt_orphans(&mut self) -> Vec<Pid> {
        let tasks = &self.tasks;
        self.departed.retain(|_, parents| {
            parents.retain(|parent| tasks.contains_key(parent));
            !parents.is_empty()
        });
        if self.held.is_empty() {
            return Vec::new();
        }
        if self.tasks.values().any(|task| task.spawning.is_some()) {
            return Vec::new();
        }
        let orphans = self.release(|_| true);
        for &orphan in &orphans {
            self.adopt(orphan);
        }
        orphans
    }

    fn release(&mut self, which: impl Fn(Pid) -> bool) -> Vec<Pid> {
        let (free, held) = self.held.iter().partition(|&&held| which(held));
        self.held = held;
        free
    }

    /// `former` becomes the process's only thread, under the process's id; the address space is
    /// new, the descriptor table no longer shared.
    pub(super) fn at_exec<G: Guest<A>>(
        &mut self,
        former: Pid,
        system: Duration,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let tgid = guest.tid();
        if former != tgid {
            self.waits_no_more(tgid);
            if let Some(leader) = self.tasks.remove(&tgid) {
                self.last_words(tgid, &leader);
                self.forget(&leader);
                self.observer.event(tgid, &Event::Superseded { by: former });
            }
            if let Some(cores) = &mut self.cores {
                cores.renamed(former, tgid);
            }
            match self.tasks.remove(&former) {
                Some(task) => drop(self.tasks.insert(tgid, task)),
                None => self.adopt(tgid),
            }
        }
        let task = self.tasks.get_mut(&tgid).ok_or(Errno::ESRCH)?;
        task.tgid = tgid;
        let mut launched = None;
        if let Phase::Inside(pending) = &mut task.phase {
            // A parent that lent its memory goes on with it; the rest belonged to the old program.
            task.scratch.borrow_mut().release(&std::mem::take(&mut pending.slots));
            pending.undo = Default::default();
            pending.lent = None;
            launched = pending.launched.take();
        }
        task.exe = launched.as_ref().and_then(Launched::exe).cloned();
        task.scratch = Default::default();
        task.dumpable = Default::default();
        let files = task.files.borrow().clone();
        task.files = std::rc::Rc::new(std::cell::RefCell::new(files));
        task.creds.take();
        self.tapes.forget(tgid);
        self.foresee_lane(tgid);
        if self.observer.wants().lineage {
            self.observer.event(tgid, &Event::Executed);
        }
        if let Some(launched) = launched {
            launched.put_right(guest)?;
        }
        self.clear_ground(guest)?;
        self.complain_if_closed(tgid);
        // The exit was waited for in case that the call fails.
        let told = self.tasks.get_mut(&tgid).and_then(|task| match former == tgid {
            true => task.told_early(),
            // Who has taken another's id is told of there.
            false => {
                task.leave_early();
                None
            }
        });
        if let Some(pending) = told {
            let spent = system.saturating_sub(pending.system);
            self.conclude(pending, Outcome::Value(0), spent, guest);
        }
        Ok(self.go_on(tgid, 0))
    }

    /// Gives back what a task held of its address space.
    pub(super) fn forget(&mut self, task: &Task<A>) {
        if let Phase::Inside(pending) = &task.phase {
            task.scratch.borrow_mut().release(&pending.slots);
        }
        if let Some(reopening) = &task.reopening {
            task.scratch.borrow_mut().release(&[reopening.slot()]);
        }
    }
}
