//! The general registers of a stopped tracee, for a call through either ABI.
//!
//! Deliberately absent: single registers, which [`crate::engine::Guest`] replaces by itself.

use vrift_arch::{Arch, Arg, Regs, Syscall};

use crate::call::Abi;

/// A register set, seen through the ABI of the call its task makes.
#[derive(Debug, Clone, Copy)]
pub enum Registers<A: Arch> {
    /// Through the architecture's own.
    Native(A::Regs),
    /// Through that of its 32-bit programs.
    Compat(<A::Compat as Arch>::Regs),
}

/// A private mapping of no file, as `mmap(2)` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Where, or near what; 0 is anywhere.
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    /// `PROT_*`
    pub(crate) protection: i32,
    /// `MAP_*` beside those that every such mapping has.
    pub(crate) flags: i32,
}

/// A call that a task makes for vrift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Insertion {
    pub(crate) call: Syscall,
    pub(crate) args: [u64; 6],
}

impl From<Mapping> for Insertion {
    fn from(mapping: Mapping) -> Insertion {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | mapping.flags;
        let (protection, nothing) = (mapping.protection as u64, u64::MAX);
        let args = [mapping.at, mapping.bytes, protection, flags as u64, nothing, 0];
        Insertion { call: Syscall::Mmap, args }
    }
}

impl<A: Arch> Registers<A> {
    /// Reads a set as the kernel exchanges it.
    pub(crate) fn from_bytes(abi: Abi, bytes: &[u8]) -> Option<Registers<A>> {
        match abi {
            Abi::Native | Abi::Foreign { .. } => Regs::from_bytes(bytes).map(Registers::Native),
            Abi::Compat => Regs::from_bytes(bytes).map(Registers::Compat),
        }
    }

    /// The set as the kernel exchanges it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        match self {
            Registers::Native(regs) => regs.to_bytes(),
            Registers::Compat(regs) => regs.to_bytes(),
        }
    }

    /// The registers of another call in place of this one, and its number; `None` if the ABI lacks it.
    pub(crate) fn instead(self, insertion: &Insertion) -> Option<(Registers<A>, u64)> {
        Some(match self {
            Registers::Native(regs) => {
                let (regs, nr) = instead::<A>(regs, insertion)?;
                (Registers::Native(regs), nr)
            }
            Registers::Compat(regs) => {
                let (regs, nr) = instead::<A::Compat>(regs, insertion)?;
                (Registers::Compat(regs), nr)
            }
        })
    }

    /// The registers of a task that is about to make this call, which has been made, once more.
    pub(crate) fn again(self) -> Registers<A> {
        match self {
            Registers::Native(regs) => Registers::Native(again::<A>(regs)),
            Registers::Compat(regs) => Registers::Compat(again::<A::Compat>(regs)),
        }
    }
}

fn instead<A: Arch>(mut regs: A::Regs, insertion: &Insertion) -> Option<(A::Regs, u64)> {
    for (arg, value) in Arg::ALL.into_iter().zip(insertion.args) {
        regs.set_arg(arg, value);
    }
    // i386's `mmap` does not take its arguments in registers.
    let number = match insertion.call {
        Syscall::Mmap => A::number(Syscall::Mmap2).or(A::number(Syscall::Mmap)),
        call => A::number(call),
    };
    Some((regs, number?))
}

fn again<A: Arch>(regs: A::Regs) -> A::Regs {
    let mut again = regs;
    again.set_nr(regs.nr());
    again.set_ip(regs.ip().wrapping_sub(A::SYSCALL_INSN.len() as u64));
    again
}
