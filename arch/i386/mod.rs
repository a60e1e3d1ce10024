//! i386: numbers, registers and layouts of the ABI of 32-bit programs on x86_64 kernels.
//!
//! Programs of 64 bits reach it too, through `int $0x80`. What the ABI shares with x86_64 by name it
//! may still pass otherwise: ids of 16 bits, words of 32, values of 64 in two registers (`args.rs`).
//!
//! Deliberately absent: kernels of 32 bits, on which vrift does not run.

mod args;
mod multiplexed;
mod regs;
mod stat;
mod table;
#[cfg(test)]
mod tests;

use crate::abi::{OpenBits, Stat};
use crate::compat::NoCompat;
use crate::numbers::{self, CALLS};
use crate::syscall::Kind;
use crate::x86_64::X86_64;
use crate::{Arch, Poke, Syscall};

pub use regs::{Form, UserRegs};

/// The ABI as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct I386;

static BY_NUMBER: [Option<Syscall>; numbers::end(table::TABLE)] = numbers::by_number(table::TABLE);
static BY_CALL: [Option<u32>; CALLS] = numbers::by_call(table::TABLE);

impl Arch for I386 {
    type Regs = UserRegs;
    type Compat = NoCompat;
    const NAME: &'static str = "i386";
    /// `EM_386` with the mark for little endian (`linux/audit.h`).
    const AUDIT_ARCH: u32 = 0x4000_0003;
    const WORD: usize = 4;
    const POKE: Poke = regs::POKE;
    /// There is one ABI per `AUDIT_ARCH` here.
    const FOREIGN_NR_BIT: u64 = 0;
    const OPEN: OpenBits = X86_64::OPEN;
    /// `int $0x80`. The one in the vDSO lies right before the place where a call that came through
    /// `sysenter` or `syscall` goes on, so going back by its length repeats such a call as well.
    const SYSCALL_INSN: &'static [u8] = &[0xcd, 0x80];
    /// That of `struct stat64`.
    const STAT_SIZE: usize = stat::SIZE64;

    fn syscall(nr: u64) -> Option<Syscall> {
        *BY_NUMBER.get(usize::try_from(nr).ok()?)?
    }

    fn number(syscall: Syscall) -> Option<u64> {
        BY_CALL[syscall as usize].map(u64::from)
    }

    fn table() -> &'static [(u32, Syscall)] {
        table::TABLE
    }

    fn args(call: Syscall) -> &'static [Kind] {
        args::of(call)
    }

    fn members(call: Syscall) -> &'static [(u32, Syscall)] {
        multiplexed::members(call)
    }

    /// `struct stat64`, which holds every value a kernel has.
    fn encode_stat(stat: &Stat) -> Vec<u8> {
        stat::encode64(stat).to_vec()
    }

    fn decode_stat(bytes: &[u8]) -> Option<Stat> {
        stat::decode64(bytes)
    }

    fn encode_stat_of(call: Syscall, stat: &Stat) -> Option<Vec<u8>> {
        match call {
            Syscall::Stat | Syscall::Lstat | Syscall::Fstat => {
                stat::encode(stat).map(|bytes| bytes.to_vec())
            }
            Syscall::Oldstat | Syscall::Oldlstat | Syscall::Oldfstat => {
                stat::encode_old(stat).map(|bytes| bytes.to_vec())
            }
            _ => Some(I386::encode_stat(stat)),
        }
    }

    fn decode_stat_of(call: Syscall, bytes: &[u8]) -> Option<Stat> {
        match call {
            Syscall::Stat | Syscall::Lstat | Syscall::Fstat => stat::decode(bytes),
            Syscall::Oldstat | Syscall::Oldlstat | Syscall::Oldfstat => stat::decode_old(bytes),
            _ => I386::decode_stat(bytes),
        }
    }

    fn stat_size_of(call: Syscall) -> usize {
        match call {
            Syscall::Stat | Syscall::Lstat | Syscall::Fstat => stat::SIZE,
            Syscall::Oldstat | Syscall::Oldlstat | Syscall::Oldfstat => stat::SIZE_OLD,
            _ => I386::STAT_SIZE,
        }
    }
}
