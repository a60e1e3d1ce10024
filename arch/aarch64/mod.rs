//! aarch64: numbers, registers and layouts of its 64-bit ABI.
//!
//! Deliberately absent: 32-bit Arm. A tracee that uses it is recognised by its
//! `AUDIT_ARCH` and never decoded.

mod regs;
mod stat;
mod table;

use crate::abi::{OpenBits, Stat};
use crate::compat::NoCompat;
use crate::numbers::{self, CALLS};
use crate::{Arch, Poke, Syscall};

pub use regs::UserRegs;

/// The architecture as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aarch64;

static BY_NUMBER: [Option<Syscall>; numbers::end(table::TABLE)] = numbers::by_number(table::TABLE);
static BY_CALL: [Option<u32>; CALLS] = numbers::by_call(table::TABLE);

impl Arch for Aarch64 {
    type Regs = UserRegs;
    type Compat = NoCompat;
    const NAME: &'static str = "aarch64";
    /// `EM_AARCH64` with the marks for 64 bits and little endian (`linux/audit.h`).
    const AUDIT_ARCH: u32 = 0xc000_00b7;
    const WORD: usize = 8;
    const POKE: Poke = Poke::Sets { nr: regs::NT_ARM_SYSTEM_CALL };
    /// There is one ABI per `AUDIT_ARCH` here.
    const FOREIGN_NR_BIT: u64 = 0;
    const OPEN: OpenBits = OpenBits {
        directory: 0o40_000,
        nofollow: 0o100_000,
        direct: 0o200_000,
        largefile: 0o400_000,
    };
    /// `svc #0`
    const SYSCALL_INSN: &'static [u8] = &[0x01, 0x00, 0x00, 0xd4];
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
}
