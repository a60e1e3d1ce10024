//! The registers of aarch64, as the kernel's `struct user_pt_regs` has them.

use crate::Arg;
use crate::bytes::{get_u64, put};

/// `struct user_pt_regs` of `arch/arm64/include/uapi/asm/ptrace.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct UserRegs {
    /// x0 to x30.
    pub regs: [u64; GENERAL],
    /// The stack pointer.
    pub sp: u64,
    /// The program counter.
    pub pc: u64,
    /// The processor state.
    pub pstate: u64,
}

/// The register set of the syscall number (`linux/elf.h`).
pub(super) const NT_ARM_SYSTEM_CALL: u32 = 0x404;

const GENERAL: usize = 31;
const SIZE: usize = 8 * (GENERAL + 3);
const X8: usize = 8;

const _: () = assert!(size_of::<UserRegs>() == SIZE);
const _: () = assert!(std::mem::offset_of!(UserRegs, sp) == 8 * GENERAL);

impl crate::Regs for UserRegs {
    /// x8, as the tracee set it. The kernel keeps the number it acts on in a register set of its
    /// own, so the two differ after that set was written.
    fn nr(&self) -> u64 {
        self.regs[X8]
    }

    /// Writes x8, from which `svc #0` takes the number when it runs. The number of a call that
    /// has already entered the kernel is replaced through
    /// [`POKE`](crate::Arch::POKE) instead.
    fn set_nr(&mut self, nr: u64) {
        self.regs[X8] = nr;
    }

    fn arg(&self, arg: Arg) -> u64 {
        self.regs[arg.index()]
    }

    fn set_arg(&mut self, arg: Arg, value: u64) {
        self.regs[arg.index()] = value;
    }

    fn ret(&self) -> i64 {
        self.regs[0].cast_signed()
    }

    fn set_ret(&mut self, ret: i64) {
        self.regs[0] = ret.cast_unsigned();
    }

    fn ip(&self) -> u64 {
        self.pc
    }

    fn set_ip(&mut self, ip: u64) {
        self.pc = ip;
    }

    fn sp(&self) -> u64 {
        self.sp
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        let words = self.regs.into_iter().chain([self.sp, self.pc, self.pstate]);
        for (i, word) in words.enumerate() {
            put(&mut bytes, 8 * i, word.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<UserRegs> {
        if bytes.len() != SIZE {
            return None;
        }
        let word = |i: usize| get_u64(bytes, 8 * i);
        let mut regs = [0; GENERAL];
        for (i, register) in regs.iter_mut().enumerate() {
            *register = word(i)?;
        }
        Some(UserRegs {
            regs,
            sp: word(GENERAL)?,
            pc: word(GENERAL + 1)?,
            pstate: word(GENERAL + 2)?,
        })
    }
}
