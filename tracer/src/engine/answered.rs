//! Calls that are answered here and not by the kernel, and those of them that no mount plays a part in:
//! a process that is not dumpable is closed to a vrift without privilege, so it stays dumpable and is
//! told what it has asked for.
//!
//! Deliberately absent: what else follows from not being dumpable. `/proc/<tid>` stays its owner's.

use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::{Arch, Arg, Syscall};

use super::enter::Action;
use super::task::{Coverage, Dumpable, Instead, Pending, Phase};
use super::{Engine, Guest, Next};
use crate::call::{Call, Outcome};
use crate::view::note::Note;

/// Whether vrift may look into processes that are not dumpable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It may: it has `CAP_SYS_PTRACE`, or does not stop calls to begin with.
    OfAll,
    /// It may not.
    OfDumpable,
}

impl<A: Arch> Engine<A> {
    /// Gives a call a result without the kernel.
    pub(super) fn skip<G: Guest<A>>(
        &mut self,
        ret: i64,
        note: Option<Note>,
        mut pending: Pending,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let tid = guest.tid();
        if let Some(task) = self.tasks.get_mut(&tid) {
            task.spawning = None;
        }
        pending.note = note;
        let last_word = self.served.is_some()
            || self.tasks.get(&tid).is_some_and(|task| task.coverage == Coverage::Filter);
        if last_word || !self.is_filtered() {
            guest.set_nr(u64::MAX)?;
            guest.set_ret(ret)?;
        }
        if last_word {
            self.conclude(pending, Outcome::from_ret(ret), Duration::ZERO, guest);
            return Ok(self.go_on(tid, 0));
        }
        // The task's own filter is still to be asked, and may put in a result of its own. It is asked about
        // this call and no other: if ours is asked too, that is when the call is taken back.
        pending.instead = match self.is_filtered() {
            true => Instead::IfAllowed(ret),
            false => Instead::Always(ret),
        };
        let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
        task.phase = Phase::Inside(Box::new(pending));
        Ok(self.go_on(tid, 0))
    }

    /// The task's own filter has let a call pass.
    pub(super) fn allowed<G: Guest<A>>(&mut self, guest: &mut G) -> Result<(), Errno> {
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        if let Phase::Inside(pending) = &mut task.phase
            && let Instead::IfAllowed(ret) = pending.instead
        {
            pending.instead = Instead::Always(ret);
            guest.set_nr(u64::MAX)?;
        }
        Ok(())
    }

    /// The task's own filter leaves a call to a tracer. vrift is none of the program's, and without one the
    /// kernel says this (`SECCOMP_RET_TRACE` in kernel/seccomp.c).
    pub(super) fn forsaken<G: Guest<A>>(&mut self, guest: &mut G) -> Result<Next, Errno> {
        guest.set_nr(u64::MAX)?;
        guest.set_ret(-(Errno::ENOSYS as i64))?;
        Ok(self.go_on(guest.tid(), 0))
    }

    /// Answers `prctl` about being dumpable, if the kernel must not (`prctl` in kernel/sys.c).
    pub(super) fn dumpable(&self, call: &Call, tid: Pid) -> Option<Action> {
        if self.sight == Sight::OfAll || call.syscall != Some(Syscall::Prctl) {
            return None;
        }
        let told = &self.tasks.get(&tid)?.dumpable;
        match (call.arg(Arg::A0) as i32, call.arg(Arg::A1)) {
            (libc::PR_SET_DUMPABLE, 0) => {
                told.set(Dumpable::Hidden);
                Some(Action::Answer(0))
            }
            // The kernel makes it so, which changes nothing.
            (libc::PR_SET_DUMPABLE, 1) => {
                told.set(Dumpable::AsTheKernelSays);
                None
            }
            (libc::PR_GET_DUMPABLE, _) if told.get() == Dumpable::Hidden => Some(Action::Answer(0)),
            _ => None,
        }
    }
}
