//! General-purpose registers, seen through what a syscall needs of them.

use std::fmt::Debug;

/// The position of a syscall argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the six positions name themselves")]
pub enum Arg {
    A0,
    A1,
    A2,
    A3,
    A4,
    A5,
}

impl Arg {
    /// All positions, in order.
    pub const ALL: [Arg; 6] = [Arg::A0, Arg::A1, Arg::A2, Arg::A3, Arg::A4, Arg::A5];

    /// The position as an index into an argument array.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// A register set of one architecture.
pub trait Regs: Copy + Default + Debug + PartialEq {
    /// The syscall number, as the tracee put it there.
    fn nr(&self) -> u64;
    /// Sets the register from which the kernel takes the number when the syscall instruction runs.
    fn set_nr(&mut self, nr: u64);
    /// A syscall argument. At exit `A0` may be the result already (aarch64).
    fn arg(&self, arg: Arg) -> u64;
    /// Replaces a syscall argument.
    fn set_arg(&mut self, arg: Arg, value: u64);
    /// The result register.
    fn ret(&self) -> i64;
    /// Replaces the result.
    fn set_ret(&mut self, ret: i64);
    /// The instruction pointer.
    fn ip(&self) -> u64;
    /// Moves the instruction pointer.
    fn set_ip(&mut self, ip: u64);
    /// The stack pointer.
    fn sp(&self) -> u64;
    /// The set as the bytes the kernel exchanges.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads a set; `None` if `bytes` has the wrong length.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}
