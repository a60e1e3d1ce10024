//! What differs between the processors and ABIs vrift runs on, as data.
//!
//! Both architectures are compiled and tested on every host; the only `cfg(target_arch)` of the
//! workspace's libraries picks [`Native`]. The crate depends on nothing: numbers come from the
//! kernel's UAPI, and tests compare them with `libc` on the host.
//!
//! Deliberately absent: reading registers or memory of a process (that is `vrift-tracer`), and any
//! knowledge of manifests.

#![forbid(unsafe_code)]

pub mod aarch64;
pub mod abi;
pub mod regs;
pub mod seccomp;
pub mod syscall;
pub mod x86_64;

mod bytes;
mod numbers;
mod rows;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

pub use regs::{Arg, Regs};
pub use syscall::{Model, Policy, Row, Syscall};

/// The architecture this build of vrift traces.
#[cfg(target_arch = "x86_64")]
pub type Native = x86_64::X86_64;
/// The architecture this build of vrift traces.
#[cfg(target_arch = "aarch64")]
pub type Native = aarch64::Aarch64;

/// How single registers of a tracee that is in a syscall are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poke {
    /// Each is a word of the user area: offsets for `PTRACE_POKEUSER`.
    Words {
        /// The number of the syscall.
        nr: u64,
        /// The result.
        ret: u64,
        /// The arguments.
        args: [u64; 6],
    },
    /// The general registers are only written together, and the number lives in a set of its own.
    Sets {
        /// The ELF note type that names the number's set (`NT_ARM_SYSTEM_CALL`).
        nr: u32,
    },
}

/// One processor architecture with its native 64-bit system call ABI.
pub trait Arch: Copy + Debug + 'static {
    /// The general-purpose register set as `PTRACE_GETREGSET(NT_PRSTATUS)` returns it.
    type Regs: Regs;
    /// The name `uname -m` prints.
    const NAME: &'static str;
    /// `AUDIT_ARCH_*` of the native ABI, as seccomp and `PTRACE_GET_SYSCALL_INFO` report it.
    const AUDIT_ARCH: u32;
    /// How single registers are replaced.
    const POKE: Poke;
    /// A bit of the number that selects a second ABI with the same `AUDIT_ARCH` (x32), or 0.
    const FOREIGN_NR_BIT: u64;
    /// The `O_*` bits whose values differ between architectures.
    const OPEN: abi::OpenBits;
    /// The instruction that enters the kernel through the native ABI.
    const SYSCALL_INSN: &'static [u8];

    /// The syscall with number `nr`, if the table knows it.
    fn syscall(nr: u64) -> Option<Syscall>;
    /// The number of `syscall`, if this architecture has it.
    fn number(syscall: Syscall) -> Option<u64>;
    /// All numbers of the table with their syscalls, ascending.
    fn table() -> &'static [(u32, Syscall)];
    /// `struct stat` as this architecture's kernel writes it.
    fn encode_stat(stat: &abi::Stat) -> Vec<u8>;
    /// Reads `struct stat`; `None` if `bytes` is too short.
    fn decode_stat(bytes: &[u8]) -> Option<abi::Stat>;
    /// The size of `struct stat`.
    const STAT_SIZE: usize;
}
