//! What is done when a syscall returns.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{Effect, OpenNode, Place};

use super::concern::unshared;
use super::filters::installs_filter;
use super::served::Served;
use super::task::{Coverage, Instead, Pending, Phase, Undo};
use super::{Engine, Guest, Next};
use crate::call::{Abi, Call, Outcome};
use crate::cores::Cores;
use crate::memory::{GuestAddr, Memory};
use crate::procfs;

/// A blob that the manifest names and the store lacks.
#[derive(Debug)]
struct MissingBlob {
    file: PathBuf,
    blob: PathBuf,
}

impl fmt::Display for MissingBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, blob) = (self.file.display(), self.blob.display());
        write!(
            f,
            "{file}: its content {blob} is missing from the store; \
             ingest the tree again or restore the store"
        )
    }
}

impl std::error::Error for MissingBlob {}

/// A store that a tracee may not enter or read: it has become another user.
#[derive(Debug)]
struct ClosedStore {
    store: PathBuf,
}

impl fmt::Display for ClosedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store.display();
        write!(
            f,
            "a program that runs as another user may not read the store {store}, so opening files \
             of the mount fails with EACCES; open the store and the directories above it to that user"
        )
    }
}

impl std::error::Error for ClosedStore {}

impl<A: Arch> Engine<A> {
    pub(super) fn at_exit<G: Guest<A>>(
        &mut self,
        ret: i64,
        system: Duration,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let tid = guest.tid();
        let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
        // A clone that comes to its end without a child has announced nobody.
        task.spawning = None;
        match std::mem::replace(&mut task.phase, Phase::Outside) {
            Phase::Outside => {
                // The task's own filter has answered.
                if let Some(pending) = task.announced.take() {
                    self.returned(*pending, ret, system, guest)?;
                }
            }
            Phase::Reopening(regs) => return self.reopened(regs, ret, guest),
            Phase::Injecting(regs, mapped) => return self.mapped(regs, mapped, ret, guest),
            Phase::Inside(pending) => self.returned(*pending, ret, system, guest)?,
        }
        Ok(self.go_on(tid, 0))
    }

    fn returned<G: Guest<A>>(
        &mut self,
        mut pending: Pending,
        ret: i64,
        system: Duration,
        guest: &mut G,
    ) -> Result<(), Errno> {
        let tid = guest.tid();
        let mut outcome = Outcome::from_ret(ret);
        if let Some(task) = self.tasks.get(&tid) {
            task.scratch.borrow_mut().release(&pending.slots);
        }
        let effect = std::mem::replace(&mut pending.effect, Effect::None);
        let settled = self.settle(tid, effect, outcome);
        let instead = match (pending.instead, outcome) {
            (Instead::Always(ret), _) | (Instead::OfSuccess(ret), Outcome::Value(_)) => Some(ret),
            (Instead::Nothing | Instead::OfSuccess(_) | Instead::IfAllowed(_), _) => settled,
        };
        put_back(&pending.undo, instead.unwrap_or(ret), guest)?;
        if let Some(lent) = pending.lent.take() {
            lent.give_back(guest)?;
        }
        if let Some(instead) = instead {
            guest.set_ret(instead)?;
            outcome = Outcome::from_ret(instead);
        }
        if let Outcome::Value(ret) = outcome {
            if self.served.is_some() {
                match pending.call.abi {
                    Abi::Compat => self.receive::<A::Compat, G>(&pending.call, ret, guest),
                    Abi::Native | Abi::Foreign { .. } => {
                        self.receive::<A, G>(&pending.call, ret, guest);
                    }
                }
            }
            self.tell_lane(guest)?;
            self.tell_names(&pending.told, &pending.call, ret, guest);
            if installs_filter(&pending.call) {
                self.cover_every_call(tid);
            }
            if let (Some(task), flags @ 1..) = (self.tasks.get_mut(&tid), unshared(&pending.call)) {
                task.unshare(flags);
            }
        }
        if let Some(cores) = &mut self.cores {
            let target = affinity_target(&pending.call, tid);
            if self.tasks.contains_key(&target) {
                affinity(cores, target, &pending.call, outcome, guest);
            }
        }
        let spent = system.saturating_sub(pending.system);
        self.conclude(pending, outcome, spent, guest);
        Ok(())
    }

    /// From now on a filter of the tracee's may answer before ours is asked; with the thread it may
    /// cover the whole process.
    fn cover_every_call(&mut self, tid: Pid) {
        let Some(tgid) = self.tasks.get(&tid).map(|task| task.tgid) else { return };
        for task in self.tasks.values_mut().filter(|task| task.tgid == tgid) {
            task.coverage = Coverage::EveryCall;
        }
    }

    /// Remembers what a call did. Returns the result the tracee must see instead, if any.
    fn settle(&mut self, tid: Pid, effect: Effect, outcome: Outcome) -> Option<i64> {
        let task = self.tasks.get_mut(&tid)?;
        match (effect, outcome) {
            (Effect::None, _) => None,
            (Effect::Discards(view), _) => {
                // If it cannot go now it goes with the session.
                let _ = std::fs::remove_file(view);
                None
            }
            (Effect::Opens { node, usage, fresh, .. }, Outcome::Value(fd)) => {
                let fd = fd as i32;
                let namespace = self.served.as_ref().map(Served::namespace);
                let made = namespace.zip(fresh.as_ref()).and_then(|(n, fresh)| n.backing_of(fresh));
                if let Some(backing) = made.or_else(|| procfs::backing(tid, fd)) {
                    task.files.borrow_mut().insert(fd, OpenNode { node, usage, backing });
                    task.lane.borrow_mut().opened(fd);
                }
                self.arrived_late(tid, fd);
                None
            }
            (Effect::Opens { node, blob: Some(digest), .. }, Outcome::Error(Errno::ENOENT)) => {
                let namespace = self.served.as_ref()?.namespace();
                let blob = namespace.blob_path(&digest);
                let file = namespace.shown_path(node).unwrap_or_default();
                self.observer.complain(&MissingBlob { file, blob });
                Some(-(Errno::EIO as i64))
            }
            // What the mount allows has been judged before.
            (
                Effect::Opens { .. } | Effect::Enters(Place::Node(_)),
                Outcome::Error(Errno::EACCES),
            ) => {
                let store = self.served.as_ref()?.namespace().store_root().to_owned();
                self.observer.complain(&ClosedStore { store });
                None
            }
            (
                Effect::Opens { fresh: Some(fresh), .. } | Effect::Binds(fresh),
                Outcome::Error(_),
            ) => {
                if let Err(error) = self.served.as_mut()?.take_back(&fresh) {
                    self.observer.complain(&error);
                }
                None
            }
            (Effect::Enters(place), Outcome::Value(_)) => {
                *task.directory.borrow_mut() = match place {
                    Place::Node(node) => Some(node),
                    Place::Host(_) => None,
                };
                None
            }
            (Effect::Opens { .. } | Effect::Enters(_) | Effect::Binds(_), _) => None,
        }
    }
}

/// Undoes what the kernel was shown instead of what the tracee had, after a call that returns `ret`.
pub(super) fn put_back<A: Arch, G: Guest<A>>(
    undo: &Undo,
    ret: i64,
    guest: &G,
) -> Result<(), Errno> {
    for &(abi, arg, value) in &undo.args {
        guest.set_arg(abi, arg, value)?;
        if A::POKE.takes_result(arg) {
            guest.set_ret(ret)?;
        }
    }
    for &(at, value) in &undo.words {
        // Any other error: the tracee has unmapped it meanwhile.
        if guest.plant(at, &value.to_ne_bytes()) == Err(Errno::ESRCH) {
            return Err(Errno::ESRCH);
        }
    }
    Ok(())
}

/// The task whose cores a call of `tid` is about.
pub(super) fn affinity_target(call: &Call, tid: Pid) -> Pid {
    match call.arg(Arg::A0) as i32 {
        0 => tid,
        other => Pid::from_raw(other),
    }
}

/// Whether a call is to make a task one with deadlines: the policy follows the size in `struct sched_attr`.
pub(super) fn asks_for_deadlines(call: &Call, memory: &dyn Memory) -> bool {
    const SCHED_DEADLINE: u32 = 6;
    memory.read_u32(GuestAddr(call.arg(Arg::A1)).offset(4)) == Ok(SCHED_DEADLINE)
}

/// Keeps the binding of tasks to cores from being seen, and their own choices from being undone.
fn affinity(cores: &mut Cores, target: Pid, call: &Call, outcome: Outcome, memory: &dyn Memory) {
    match (call.syscall, outcome) {
        (Some(Syscall::SchedSetaffinity), Outcome::Value(_)) => cores.chosen(target),
        (Some(Syscall::SchedSetaffinity), _) => cores.not_chosen(target),
        (Some(Syscall::SchedSetattr), outcome) if cores.is_choosing(target) => match outcome {
            Outcome::Value(_) => cores.chosen(target),
            _ => cores.not_chosen(target),
        },
        (Some(Syscall::SchedGetaffinity), Outcome::Value(ret)) => {
            if let Some(mask) = cores.shown(target, ret as usize) {
                // The kernel has just written there; if that has changed, so be it.
                let _ = memory.write(GuestAddr(call.arg(Arg::A2)), &mask);
            }
        }
        _ => {}
    }
}
