//! Getting a lane what it needs, at the call of a task that is to be the first to take it.
//!
//! ```text
//!  before the call ─► it becomes the mmap of the page ─► behind that the page is filled, and the task goes into it:
//!       └─ if the page is there ────────────────────────►  it makes a tape, maps room for stubs, and stops
//!  at that stop vrift maps the tape, and the instruction becomes a jump; the task closes the tape's file and makes its call
//! ```
//!
//! That is three stops, or two, whatever is needed: each call that a task makes for vrift by itself
//! ([`crate::engine::injected`]) takes two. No handler runs meanwhile, and could not come back: signals are
//! blocked, which no one sees but in `/proc`.
//!
//! **Invariant:** whoever goes into this code comes to its end, or ends.

use nix::errno::Errno;
use vrift_arch::lane::{Entrance, Needs, Prepared};
use vrift_arch::{Arch, Regs, Syscall};

use super::sites::Found;
use super::{Engine, Guest, Next, Start};
use crate::call::{Abi, Call, Outcome};
use crate::memory::GuestAddr;
use crate::registers::Registers;

/// A task on its way.
#[derive(Debug)]
pub(in crate::engine) struct Preparing<A: Arch> {
    /// What it had in its registers before its call.
    regs: A::Regs,
    start: Start,
    wanted: Wanted,
    /// The signals it had blocked.
    blocked: u64,
}

impl<A: Arch> Preparing<A> {
    /// What a new page is to hold for its tape: the number of the call.
    pub(super) fn own(&self) -> Option<u64> {
        self.wanted.tape.then(|| self.regs.nr())
    }
}

/// What a lane is to have.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Whether it lacks a tape.
    pub(super) tape: bool,
    /// Where its room for stubs is to lie, or near which place.
    pub(super) stubs: Option<u64>,
    /// The instruction that is to become a jump.
    pub(super) site: Option<Found>,
}

impl<A: Arch> Engine<A> {
    /// Takes note that the task which stands before a call is to have this when its page is there.
    pub(super) fn intend<G: Guest<A>>(
        &mut self,
        wanted: Wanted,
        start: Start,
        guest: &G,
    ) -> Result<(), Errno> {
        let Registers::Native(regs) = guest.regs(Abi::Native)? else { return Err(Errno::EINVAL) };
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        let preparing = Preparing { regs, start, wanted, blocked: 0 };
        task.preparing = Some(Box::new(preparing));
        Ok(())
    }

    /// Sends a task that stands before its call, and has the page, to get the rest.
    pub(super) fn prepare_now<G: Guest<A>>(&mut self, guest: &G) -> Result<Option<Next>, Errno> {
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let own = task.preparing.as_ref().and_then(|preparing| preparing.own());
        if let (Some(fast), Some(own)) = (&self.lane, own) {
            let at = GuestAddr(fast.page.preparation.own);
            let told = guest.plant(at, &own.to_le_bytes());
            self.or_close(told, guest)?;
            self.switch_tape(1, guest)?;
        }
        let Some(regs) = self.begin_preparing(guest)? else { return Ok(None) };
        guest.set_regs(&regs)?;
        // The kernel is given nothing.
        guest.set_nr(u64::MAX)?;
        Ok(Some(self.go_on(guest.tid(), 0)))
    }

    /// The registers with which a task goes for what it is to get; `None` if there is nothing.
    pub(super) fn begin_preparing<G: Guest<A>>(
        &mut self,
        guest: &G,
    ) -> Result<Option<Registers<A>>, Errno> {
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        let Some(preparing) = &mut task.preparing else { return Ok(None) };
        let Some(fast) = self.lane.as_ref().filter(|_| task.lane.borrow().is_in_place()) else {
            task.preparing = None;
            return Ok(None);
        };
        preparing.blocked = match guest.hold_signals() {
            Ok(blocked) => blocked,
            Err(Errno::ESRCH) => return Err(Errno::ESRCH),
            Err(_) => {
                task.preparing = None;
                return Ok(None);
            }
        };
        let needs = Needs { tape: preparing.wanted.tape, stubs: preparing.wanted.stubs };
        Ok(Some(Registers::Native(A::preparing(&fast.page, &preparing.regs, &needs))))
    }

    /// Whether a call is none, but tells that its task has prepared its lane.
    pub(in crate::engine) fn has_prepared<G: Guest<A>>(&self, call: &Call, guest: &G) -> bool {
        let done = self.lane.as_ref().map(|fast| fast.page.preparation.done);
        done == Some(call.ip)
            && call.abi == Abi::Native
            && self.tasks.get(&guest.tid()).is_some_and(|task| task.preparing.is_some())
    }

    /// Lets a task make its call, by the lane if that is there.
    pub(in crate::engine) fn prepared<G: Guest<A>>(&mut self, guest: &G) -> Result<Next, Errno> {
        let tid = guest.tid();
        let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
        let preparing = task.preparing.take().ok_or(Errno::EINVAL)?;
        let Preparing { regs, start, wanted, blocked } = *preparing;
        guest.release_signals(blocked)?;
        let Registers::Native(found) = guest.regs(Abi::Native)? else { return Err(Errno::EINVAL) };
        let Prepared { file, tape, stubs } = A::prepared(&found);
        let file = if wanted.tape { Outcome::from_ret(file) } else { Outcome::Never };
        if let (Some(_), Outcome::Value(at)) = (wanted.stubs, Outcome::from_ret(stubs)) {
            self.with_lane_of(tid, |lane| lane.sites.add_room(at.cast_unsigned()));
        }
        let is_told = match file {
            Outcome::Value(fd) => self.lay_tape(fd, Outcome::from_ret(tape), guest),
            _ => !wanted.tape,
        };
        if !is_told {
            // Without a tape nothing may be written where it would be.
            self.switch_tape(0, guest)?;
            self.close_lane(guest);
        }
        if let Some(found) = wanted.site {
            self.plant(found, guest)?;
        }
        if start == Start::CurrentDirectory {
            self.enter_directory(guest)?;
        }
        let Some(fast) = &self.lane else { return Err(Errno::EINVAL) };
        let how = match file {
            Outcome::Value(fd) => Entrance::Closing(fd.cast_unsigned()),
            _ => Entrance::Plain,
        };
        guest.set_regs(&Registers::Native(A::entering(&fast.page, &regs, how)))?;
        guest.set_nr(match how {
            Entrance::Plain => u64::MAX,
            Entrance::Closing(_) => A::number(Syscall::Close).ok_or(Errno::ENOSYS)?,
        })?;
        Ok(self.go_on(tid, 0))
    }
}
