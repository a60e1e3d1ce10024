//! Registers of a call through the i386 ABI, in either of the forms the kernel exchanges.
//!
//! Which form `PTRACE_GETREGSET` gives depends on the code the tracee runs, not on the call
//! (`task_user_regset_view` in `arch/x86/kernel/ptrace.c`): one that runs 32-bit code has the narrow
//! form, one that runs 64-bit code and enters with `int $0x80` the wide one. A set is written back in
//! the form in which it was read. `PTRACE_POKEUSER` of a 64-bit tracer knows the wide one only.
//!
//! Deliberately absent: floating point and segment bases.

use std::mem::offset_of;

use crate::bytes::{get_u32, put};
use crate::x86_64::UserRegs as Wide;
use crate::{Arg, Poke, Regs};

/// The form in which a set was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `struct user_regs_struct` of x86_64: 27 words of eight bytes.
    #[default]
    Wide,
    /// `struct user_regs_struct32` of `asm/user32.h`: 17 words of four bytes.
    Narrow,
}

/// The registers of x86_64, of which the ABI sees the low halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserRegs {
    /// The registers; those the narrow form lacks are zero if it was read.
    pub wide: Wide,
    /// The form in which they were read.
    pub form: Form,
}

/// The user area is that of x86_64.
pub(super) const POKE: Poke = Poke::Words {
    nr: offset_of!(Wide, orig_rax) as u64,
    ret: offset_of!(Wide, rax) as u64,
    args: [
        offset_of!(Wide, rbx) as u64,
        offset_of!(Wide, rcx) as u64,
        offset_of!(Wide, rdx) as u64,
        offset_of!(Wide, rsi) as u64,
        offset_of!(Wide, rdi) as u64,
        offset_of!(Wide, rbp) as u64,
    ],
};

const COUNT: usize = 17;
const SIZE: usize = 4 * COUNT;

/// The low half of a register.
const LOW: u64 = 0xffff_ffff;

/// The registers of the narrow form, in its order.
fn narrow(regs: &mut Wide) -> [&mut u64; COUNT] {
    [
        &mut regs.rbx,
        &mut regs.rcx,
        &mut regs.rdx,
        &mut regs.rsi,
        &mut regs.rdi,
        &mut regs.rbp,
        &mut regs.rax,
        &mut regs.ds,
        &mut regs.es,
        &mut regs.fs,
        &mut regs.gs,
        &mut regs.orig_rax,
        &mut regs.rip,
        &mut regs.cs,
        &mut regs.eflags,
        &mut regs.rsp,
        &mut regs.ss,
    ]
}

impl UserRegs {
    /// What a register of this form holds of `value`.
    fn fitted(&self, value: u64) -> u64 {
        match self.form {
            Form::Wide => value,
            Form::Narrow => value & LOW,
        }
    }
}

impl Regs for UserRegs {
    /// The low half of `orig_rax`, with its sign: -1 means no call in either form.
    fn nr(&self) -> u64 {
        i64::from(self.wide.orig_rax as i32).cast_unsigned()
    }

    /// Writes `rax`, from which `int $0x80` takes the number when it runs. See
    /// [`POKE`](crate::Arch::POKE) for a call that has already entered the kernel.
    fn set_nr(&mut self, nr: u64) {
        self.wide.rax = nr & LOW;
    }

    fn arg(&self, arg: Arg) -> u64 {
        let register = match arg {
            Arg::A0 => self.wide.rbx,
            Arg::A1 => self.wide.rcx,
            Arg::A2 => self.wide.rdx,
            Arg::A3 => self.wide.rsi,
            Arg::A4 => self.wide.rdi,
            Arg::A5 => self.wide.rbp,
        };
        register & LOW
    }

    /// Replaces the low half. The high one is not the call's: 64-bit code gets it back.
    fn set_arg(&mut self, arg: Arg, value: u64) {
        let register = match arg {
            Arg::A0 => &mut self.wide.rbx,
            Arg::A1 => &mut self.wide.rcx,
            Arg::A2 => &mut self.wide.rdx,
            Arg::A3 => &mut self.wide.rsi,
            Arg::A4 => &mut self.wide.rdi,
            Arg::A5 => &mut self.wide.rbp,
        };
        *register = *register & !LOW | value & LOW;
    }

    /// An error with its sign, and any other value without: addresses may have the highest bit set.
    fn ret(&self) -> i64 {
        match self.wide.rax as i32 {
            error @ -4095..=-1 => i64::from(error),
            value => i64::from(value.cast_unsigned()),
        }
    }

    fn set_ret(&mut self, ret: i64) {
        self.wide.rax = self.fitted(ret.cast_unsigned());
    }

    fn ip(&self) -> u64 {
        self.wide.rip
    }

    fn set_ip(&mut self, ip: u64) {
        self.wide.rip = self.fitted(ip);
    }

    fn sp(&self) -> u64 {
        self.wide.rsp
    }

    fn to_bytes(&self) -> Vec<u8> {
        if self.form == Form::Wide {
            return self.wide.to_bytes();
        }
        let mut bytes = vec![0; SIZE];
        for (i, register) in narrow(&mut self.wide.clone()).into_iter().enumerate() {
            put(&mut bytes, 4 * i, (*register as u32).to_le_bytes());
        }
        bytes
    }

    /// Reads a set of either form; its length tells which.
    fn from_bytes(bytes: &[u8]) -> Option<UserRegs> {
        if bytes.len() != SIZE {
            return Some(UserRegs { wide: Wide::from_bytes(bytes)?, form: Form::Wide });
        }
        let mut wide = Wide::default();
        for (i, register) in narrow(&mut wide).into_iter().enumerate() {
            *register = u64::from(get_u32(bytes, 4 * i)?);
        }
        Some(UserRegs { wide, form: Form::Narrow })
    }
}
