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

    /// The registers of a call that makes a mapping, in place of this call; and its number.
    pub(crate) fn mapping(self, wanted: &Mapping) -> (Registers<A>, u64) {
        match self {
            Registers::Native(regs) => {
                (Registers::Native(mapping(regs, wanted)), mapping_number::<A>())
            }
            Registers::Compat(regs) => {
                (Registers::Compat(mapping(regs, wanted)), mapping_number::<A::Compat>())
            }
        }
    }

    /// The registers of a task that is about to make this call, which has been made, once more.
    pub(crate) fn again(self) -> Registers<A> {
        match self {
            Registers::Native(regs) => Registers::Native(again::<A>(regs)),
            Registers::Compat(regs) => Registers::Compat(again::<A::Compat>(regs)),
        }
    }
}

/// The number of the call that takes the arguments of a mapping in registers: i386's `mmap` does not.
fn mapping_number<A: Arch>() -> u64 {
    let number = A::number(Syscall::Mmap2).or(A::number(Syscall::Mmap));
    number.expect("every ABI that a call comes through has a call that maps")
}

fn mapping<R: Regs>(mut call: R, wanted: &Mapping) -> R {
    call.set_arg(Arg::A0, wanted.at);
    call.set_arg(Arg::A1, wanted.bytes);
    call.set_arg(Arg::A2, wanted.protection as u64);
    call.set_arg(Arg::A3, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | wanted.flags) as u64);
    call.set_arg(Arg::A4, u64::MAX);
    call.set_arg(Arg::A5, 0);
    call
}

fn again<A: Arch>(regs: A::Regs) -> A::Regs {
    let mut again = regs;
    again.set_nr(regs.nr());
    again.set_ip(regs.ip().wrapping_sub(A::SYSCALL_INSN.len() as u64));
    again
}
