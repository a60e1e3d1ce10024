//! Calls of ours that a tracee makes in the place of its own, which it makes again afterwards.

use nix::errno::Errno;
use vrift_arch::Arch;

use super::room::Mapping;
use super::scratch::sign;
use super::task::{Mapped, Phase};
use super::{Engine, Guest, Next};
use crate::call::{Abi, Outcome};
use crate::memory::GuestAddr;
use crate::registers::{self, Registers};

impl<A: Arch> Engine<A> {
    /// Does something in the tracee's place: the syscall it is about to make becomes another, and is made
    /// again afterwards.
    ///
    /// A mapping by a call of 32 bits lies where such calls can point.
    pub(super) fn inject<G: Guest<A>>(
        &mut self,
        wanted: registers::Mapping,
        mapped: Mapped,
        abi: Abi,
        guest: &G,
    ) -> Result<Next, Errno> {
        let regs = guest.regs(abi)?;
        let (instead, nr) = regs.instead(&wanted.into()).ok_or(Errno::ENOSYS)?;
        guest.set_regs(&instead)?;
        guest.set_nr(nr)?;
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        task.phase = Phase::Injecting(regs, mapped);
        Ok(self.go_on(guest.tid(), 0))
    }

    /// What was to be mapped is there, or cannot be: the tracee makes its own call again.
    pub(super) fn mapped<G: Guest<A>>(
        &mut self,
        regs: Registers<A>,
        mapped: Mapped,
        ret: i64,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let regs = match mapped {
            Mapped::Scratch(bytes) => {
                self.scratch_mapped(bytes, ret, guest)?;
                regs.again()
            }
            Mapped::Lane(part) => self.lane_mapped(part, Outcome::from_ret(ret), regs, guest)?,
        };
        guest.set_regs(&regs)?;
        Ok(self.go_on(guest.tid(), 0))
    }

    fn scratch_mapped<G: Guest<A>>(
        &mut self,
        bytes: u64,
        ret: i64,
        guest: &G,
    ) -> Result<(), Errno> {
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        task.mapping = Mapping::Tried;
        // Without a region (RLIMIT_AS, mlockall, a filter) the path finds room elsewhere.
        if let Outcome::Value(region) = Outcome::from_ret(ret) {
            let region = GuestAddr(region as u64);
            match guest.plant(region, &sign(region)) {
                Ok(()) => task.scratch.borrow_mut().add(region, bytes),
                Err(Errno::ESRCH) => return Err(Errno::ESRCH),
                Err(_) => task.scratch.borrow_mut().give_up(),
            }
        }
        Ok(())
    }
}
