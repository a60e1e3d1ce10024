//! What differs between the processors and ABIs vrift runs on, as data.
//!
//! All architectures are compiled and tested on every host; the only `cfg(target_arch)` of the
//! workspace's libraries picks [`Native`]. The crate depends on nothing: numbers come from the
//! kernel's UAPI, and tests compare them with `libc` on the host.
//!
//! Deliberately absent: reading registers or memory of a process (that is `vrift-tracer`), and any
//! knowledge of manifests.

#![forbid(unsafe_code)]

pub mod aarch64;
pub mod abi;
pub mod compat;
pub mod i386;
pub mod lane;
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

pub use compat::NoCompat;
pub use regs::{Arg, Regs};
pub use syscall::{Kind, Model, Policy, Row, Syscall};

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

impl Poke {
    /// Whether replacing the argument replaces the result, too: on aarch64 both are in x0.
    pub fn takes_result(self, arg: Arg) -> bool {
        match self {
            Poke::Words { ret, args, .. } => args[arg.index()] == ret,
            Poke::Sets { .. } => arg == Arg::A0,
        }
    }
}

/// One system call ABI: the native one of a processor architecture, or the one in which its kernel
/// runs 32-bit programs.
pub trait Arch: Copy + Debug + 'static {
    /// The general-purpose register set as `PTRACE_GETREGSET(NT_PRSTATUS)` returns it.
    type Regs: Regs;
    /// The ABI of 32-bit programs on the same kernel; [`NoCompat`] if vrift has no table of it.
    type Compat: Arch;
    /// The name `uname -m` prints.
    const NAME: &'static str;
    /// `AUDIT_ARCH_*` of the ABI, as seccomp and `PTRACE_GET_SYSCALL_INFO` report it.
    const AUDIT_ARCH: u32;
    /// The bytes of a pointer, a `long` and an argument: 8 or 4.
    const WORD: usize;
    /// How single registers are replaced.
    const POKE: Poke;
    /// A bit of the number that selects a second ABI with the same `AUDIT_ARCH` (x32), or 0.
    const FOREIGN_NR_BIT: u64;
    /// The `O_*` bits whose values differ between architectures.
    const OPEN: abi::OpenBits;
    /// The instruction that enters the kernel through the ABI.
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

    /// What the ABI sees of a register that holds an argument.
    fn word(register: u64) -> u64 {
        if Self::WORD == 4 { register & 0xffff_ffff } else { register }
    }

    /// The same as a signed number.
    fn signed(register: u64) -> i64 {
        if Self::WORD == 4 { i64::from(register as i32) } else { register.cast_signed() }
    }

    /// How each argument of `call` is printed: as its row says, unless the ABI passes it otherwise.
    fn args(call: Syscall) -> &'static [Kind] {
        call.row().args
    }

    /// The calls inside `call` with the values of its first argument that select them; none in a
    /// call that is only itself.
    fn members(call: Syscall) -> &'static [(u32, Syscall)] {
        let _ = call;
        &[]
    }

    /// The structure that `call`, of the stat family, fills in; `None` if it lacks room for a value,
    /// upon which the kernel says `EOVERFLOW`.
    fn encode_stat_of(call: Syscall, stat: &abi::Stat) -> Option<Vec<u8>> {
        let _ = call;
        Some(Self::encode_stat(stat))
    }

    /// Reads the structure that `call` filled in; `None` if `bytes` is too short.
    fn decode_stat_of(call: Syscall, bytes: &[u8]) -> Option<abi::Stat> {
        let _ = call;
        Self::decode_stat(bytes)
    }

    /// The size of the structure that `call` fills in.
    fn stat_size_of(call: Syscall) -> usize {
        let _ = call;
        Self::STAT_SIZE
    }

    /// The fast lane for what it is to do; `None` if there is none for the architecture, or too many
    /// places are hidden.
    fn lane(plan: &lane::Plan<'_>) -> Option<lane::Lane> {
        let _ = plan;
        None
    }

    /// The registers of a task that stands before a call, or behind one, and is to prepare its lane.
    fn preparing(lane: &lane::Lane, regs: &Self::Regs, needs: &lane::Needs) -> Self::Regs {
        let _ = (lane, needs);
        *regs
    }

    /// What has become of it, for a task with these registers.
    fn prepared(regs: &Self::Regs) -> lane::Prepared {
        let _ = regs;
        lane::Prepared { file: 0, tape: 0, stubs: 0 }
    }

    /// The registers of a task that makes the call before which it stood with `regs` by the lane.
    fn entering(lane: &lane::Lane, regs: &Self::Regs, how: lane::Entrance) -> Self::Regs {
        let _ = (lane, how);
        *regs
    }

    /// Where the words lie that [`Arch::unwritten`] needs, if a task with these registers has made a call
    /// that is not on the tape yet.
    fn unwritten_at(tape: &lane::Tape, regs: &Self::Regs) -> Option<u64> {
        let _ = (tape, regs);
        None
    }

    /// The call that a task with these registers and words has made; `None` if it will make it once more.
    fn unwritten(
        tape: &lane::Tape,
        regs: &Self::Regs,
        words: [u64; 6],
    ) -> Option<lane::Unwritten<Self::Regs>> {
        let _ = (tape, regs, words);
        None
    }

    /// Looks for what the `syscall` instruction at `site` needs to become a jump, in `code` that lies
    /// at `at`.
    fn detour(site: u64, code: &[u8], at: u64) -> Option<lane::Detour> {
        let _ = (site, code, at);
        None
    }

    /// The rest of a detour, with its stub at `at`; `None` if that is too far away.
    fn stub(detour: &lane::Detour, at: u64) -> Option<lane::Stub> {
        let _ = (detour, at);
        None
    }
}
