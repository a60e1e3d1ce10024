//! x86_64: numbers, registers and layouts of its 64-bit ABI.
//!
//! Deliberately absent: x32. A tracee that uses it is recognised (`FOREIGN_NR_BIT`) and never decoded.

mod assembly;
mod lane;
mod regs;
mod stat;
mod table;

use crate::abi::{OpenBits, Stat};
use crate::i386::I386;
use crate::lane::{Detour, Entrance, Lane, Needs, Plan, Prepared, Stub, Tape, Unwritten};
use crate::numbers::{self, CALLS};
use crate::{Arch, Poke, Syscall};

pub use regs::UserRegs;

/// The architecture as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct X86_64;

static BY_NUMBER: [Option<Syscall>; numbers::end(table::TABLE)] = numbers::by_number(table::TABLE);
static BY_CALL: [Option<u32>; CALLS] = numbers::by_call(table::TABLE);

impl Arch for X86_64 {
    type Regs = UserRegs;
    type Compat = I386;
    const NAME: &'static str = "x86_64";
    /// `EM_X86_64` with the marks for 64 bits and little endian (`linux/audit.h`).
    const AUDIT_ARCH: u32 = 0xc000_003e;
    const WORD: usize = 8;
    const POKE: Poke = regs::POKE;
    /// `__X32_SYSCALL_BIT` of `asm/unistd.h`.
    const FOREIGN_NR_BIT: u64 = 0x4000_0000;
    const OPEN: OpenBits = OpenBits {
        directory: 0o200_000,
        nofollow: 0o400_000,
        direct: 0o40_000,
        largefile: 0o100_000,
    };
    /// `syscall`
    const SYSCALL_INSN: &'static [u8] = &[0x0f, 0x05];
    const STAT_SIZE: usize = stat::SIZE;

    fn syscall(nr: u64) -> Option<Syscall> {
        *BY_NUMBER.get(usize::try_from(nr).ok()?)?
    }

    fn number(syscall: Syscall) -> Option<u64> {
        BY_CALL[syscall as usize].map(u64::from)
    }

    fn table() -> &'static [(u32, Syscall)] {
        table::TABLE
    }

    fn encode_stat(stat: &Stat) -> Vec<u8> {
        stat::encode(stat).to_vec()
    }

    fn decode_stat(bytes: &[u8]) -> Option<Stat> {
        stat::decode(bytes)
    }

    fn lane(plan: &Plan<'_>) -> Option<Lane> {
        lane::lane(plan)
    }

    fn preparing(lane: &Lane, regs: &UserRegs, needs: &Needs) -> UserRegs {
        lane::preparing(lane, regs, needs)
    }

    fn prepared(regs: &UserRegs) -> Prepared {
        lane::prepared(regs)
    }

    fn entering(lane: &Lane, regs: &UserRegs, how: Entrance) -> UserRegs {
        lane::entering(lane, regs, how)
    }

    fn unwritten_at(tape: &Tape, regs: &UserRegs) -> Option<u64> {
        lane::unwritten_at(tape, regs)
    }

    fn unwritten(tape: &Tape, regs: &UserRegs, words: [u64; 6]) -> Option<Unwritten<UserRegs>> {
        lane::unwritten(tape, regs, words)
    }

    fn detour(site: u64, code: &[u8], at: u64) -> Option<Detour> {
        lane::detour(site, code, at)
    }

    fn stub(detour: &Detour, at: u64) -> Option<Stub> {
        lane::stub(detour, at)
    }
}
