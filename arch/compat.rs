//! The compatible ABI of an architecture that has none in vrift.
//!
//! Every architecture names an ABI for 32-bit programs ([`Arch::Compat`]), so that code for both is
//! written once. Where vrift has no table of it, the name is [`NoCompat`]: no call belongs to it, and
//! what would reach it is foreign.
//!
//! Deliberately absent: 32-bit Arm, which a kernel for aarch64 may also offer.

use crate::abi::{OpenBits, Stat};
use crate::{Arch, Arg, Poke, Regs, Syscall};

/// An ABI without calls; no value of it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCompat {}

impl Arch for NoCompat {
    type Regs = NoRegs;
    type Compat = NoCompat;
    const NAME: &'static str = "none";
    /// `EM_NONE` without marks, which the kernel reports for no call.
    const AUDIT_ARCH: u32 = 0;
    const WORD: usize = 8;
    const POKE: Poke = Poke::Words { nr: 0, ret: 0, args: [0; 6] };
    const FOREIGN_NR_BIT: u64 = 0;
    const OPEN: OpenBits = OpenBits { directory: 0, nofollow: 0, direct: 0, largefile: 0 };
    const SYSCALL_INSN: &'static [u8] = &[];
    const STAT_SIZE: usize = 0;

    fn syscall(_: u64) -> Option<Syscall> {
        None
    }

    fn number(_: Syscall) -> Option<u64> {
        None
    }

    fn table() -> &'static [(u32, Syscall)] {
        &[]
    }

    fn encode_stat(_: &Stat) -> Vec<u8> {
        Vec::new()
    }

    fn decode_stat(_: &[u8]) -> Option<Stat> {
        None
    }
}

/// A set without registers, which no bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoRegs;

impl Regs for NoRegs {
    fn nr(&self) -> u64 {
        u64::MAX
    }

    fn set_nr(&mut self, _: u64) {}

    fn arg(&self, _: Arg) -> u64 {
        0
    }

    fn set_arg(&mut self, _: Arg, _: u64) {}

    fn ret(&self) -> i64 {
        0
    }

    fn set_ret(&mut self, _: i64) {}

    fn ip(&self) -> u64 {
        0
    }

    fn set_ip(&mut self, _: u64) {}

    fn sp(&self) -> u64 {
        0
    }

    fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    fn from_bytes(_: &[u8]) -> Option<NoRegs> {
        None
    }
}
