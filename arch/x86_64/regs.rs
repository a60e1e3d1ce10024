//! The registers of x86_64, in the order of the kernel's `struct user_regs_struct`.

use std::mem::offset_of;

use crate::bytes::{get_u64, put};
use crate::{Arg, Poke};

/// Declares the structure and the two walks over its fields from one list.
macro_rules! user_regs {
    ($($field:ident),*) => {
        /// `struct user_regs_struct` of `asm/user_64.h`, field for field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[allow(missing_docs, reason = "the fields are the processor's registers")]
        #[repr(C)]
        pub struct UserRegs {
            $(pub $field: u64),*
        }

        impl UserRegs {
            fn words(&self) -> [u64; COUNT] {
                [$(self.$field),*]
            }

            fn from_words([$($field),*]: [u64; COUNT]) -> UserRegs {
                UserRegs { $($field),* }
            }
        }
    };
}

user_regs! {
    r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs,
    eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs
}

const COUNT: usize = 27;
const SIZE: usize = 8 * COUNT;

/// The user area starts with the registers, so their offsets are those of the structure.
pub(super) const POKE: Poke = Poke::Words {
    nr: offset_of!(UserRegs, orig_rax) as u64,
    ret: offset_of!(UserRegs, rax) as u64,
    args: [
        offset_of!(UserRegs, rdi) as u64,
        offset_of!(UserRegs, rsi) as u64,
        offset_of!(UserRegs, rdx) as u64,
        offset_of!(UserRegs, r10) as u64,
        offset_of!(UserRegs, r8) as u64,
        offset_of!(UserRegs, r9) as u64,
    ],
};

const _: () = assert!(size_of::<UserRegs>() == SIZE);

impl crate::Regs for UserRegs {
    /// `orig_rax`: the kernel saved the number there, because `rax` will hold the result.
    fn nr(&self) -> u64 {
        self.orig_rax
    }

    /// Writes `rax`, from which the `syscall` instruction takes the number when it runs. The
    /// number of a call that has already entered the kernel is replaced through
    /// [`POKE`](crate::Arch::POKE) instead.
    fn set_nr(&mut self, nr: u64) {
        self.rax = nr;
    }

    fn arg(&self, arg: Arg) -> u64 {
        match arg {
            Arg::A0 => self.rdi,
            Arg::A1 => self.rsi,
            Arg::A2 => self.rdx,
            Arg::A3 => self.r10,
            Arg::A4 => self.r8,
            Arg::A5 => self.r9,
        }
    }

    fn set_arg(&mut self, arg: Arg, value: u64) {
        let register = match arg {
            Arg::A0 => &mut self.rdi,
            Arg::A1 => &mut self.rsi,
            Arg::A2 => &mut self.rdx,
            Arg::A3 => &mut self.r10,
            Arg::A4 => &mut self.r8,
            Arg::A5 => &mut self.r9,
        };
        *register = value;
    }

    fn ret(&self) -> i64 {
        self.rax.cast_signed()
    }

    fn set_ret(&mut self, ret: i64) {
        self.rax = ret.cast_unsigned();
    }

    fn ip(&self) -> u64 {
        self.rip
    }

    fn set_ip(&mut self, ip: u64) {
        self.rip = ip;
    }

    fn sp(&self) -> u64 {
        self.rsp
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        for (i, word) in self.words().into_iter().enumerate() {
            put(&mut bytes, 8 * i, word.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<UserRegs> {
        if bytes.len() != SIZE {
            return None;
        }
        let mut words = [0; COUNT];
        for (i, word) in words.iter_mut().enumerate() {
            *word = get_u64(bytes, 8 * i)?;
        }
        Some(UserRegs::from_words(words))
    }
}
