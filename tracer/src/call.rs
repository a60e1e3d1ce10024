//! A syscall as the kernel reported it at entry, before anything is made of it.

use nix::errno::Errno;
use vrift_arch::{Arch, Arg, Native, Syscall};

/// The binary interface a syscall was made through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    /// The architecture's own 64-bit interface.
    Native,
    /// That of its 32-bit programs (`Arch::Compat`), which 64-bit programs may use too.
    Compat,
    /// Another interface the kernel offers (x32, AArch32): the number means something else.
    Foreign {
        /// `AUDIT_ARCH_*` as reported.
        audit_arch: u32,
    },
}

impl Abi {
    /// What it is called, if it is not the architecture's own.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Abi::Native => None,
            Abi::Compat => Some(<Native as Arch>::Compat::NAME),
            Abi::Foreign { audit_arch } if audit_arch == Native::AUDIT_ARCH => Some("x32"),
            Abi::Foreign { .. } => Some("other"),
        }
    }
}

/// Whether a call is one as the kernel was asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// It is.
    Outer,
    /// It was inside another call, or its arguments were in memory; now they are as its row has them.
    Inner,
}

/// The number and arguments of one syscall, captured once, at entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The interface it came through.
    pub abi: Abi,
    /// The number in that interface.
    pub nr: u64,
    /// What the number means; `None` if no table knows it.
    pub syscall: Option<Syscall>,
    /// The argument registers, as wide as the interface sees them; if nothing is known of the call,
    /// as the task has them.
    pub args: [u64; 6],
    /// Whether it was inside another call.
    pub layer: Layer,
    /// Where the tracee continues.
    pub ip: u64,
    /// The stack pointer.
    pub sp: u64,
}

impl Call {
    /// The argument at a position.
    pub fn arg(&self, arg: Arg) -> u64 {
        self.args[arg.index()]
    }
}

/// How a syscall ended, as the tracee sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this value.
    Value(i64),
    /// It failed.
    Error(Errno),
    /// The kernel will restart it after a signal (`ERESTARTSYS` 512, `ERESTARTNOINTR` 513,
    /// `ERESTARTNOHAND` 514, `ERESTART_RESTARTBLOCK` 516); the tracee sees nothing yet.
    Restarts(u16),
    /// It never returned (exit, death, or a successful execve that replaced the caller).
    Never,
}

impl Outcome {
    /// Reads the result register.
    pub fn from_ret(ret: i64) -> Outcome {
        match ret {
            -516 | -514..=-512 => Outcome::Restarts(-ret as u16),
            -4095..=-1 => Outcome::Error(Errno::from_raw(-ret as i32)),
            value => Outcome::Value(value),
        }
    }
}
