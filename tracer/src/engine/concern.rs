//! Calls that the engine must see whether or not mounts are served.

use vrift_arch::abi::clone;
use vrift_arch::{Arg, Syscall};

use crate::call::Call;

/// Whether somebody must know of a child that it comes before it runs: because of what it shares, or
/// because births are told before all that children do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Births {
    Foreseen,
    /// Its parent's event is soon enough.
    Told,
}

/// Whether the engine must see a call, mounts or not: those that make children, filters, or
/// choices of cores. What fork and vfork make has no flags to be looked at.
pub(crate) fn concerns_engine(syscall: Option<Syscall>, births: Births) -> bool {
    match syscall {
        Some(Syscall::Fork | Syscall::Vfork) => births == Births::Foreseen,
        Some(
            Syscall::Clone
            | Syscall::Clone3
            | Syscall::Seccomp
            | Syscall::Prctl
            | Syscall::CloseRange
            | Syscall::SchedGetaffinity
            | Syscall::SchedSetaffinity
            | Syscall::SchedSetattr,
        ) => true,
        _ => false,
    }
}

/// The `CLONE_*` flags of what a call makes its task stop sharing.
pub(super) fn unshared(call: &Call) -> u64 {
    const CLOSE_RANGE_UNSHARE: u64 = 2;
    match call.syscall {
        Some(Syscall::Unshare) => call.arg(Arg::A0),
        Some(Syscall::CloseRange) if call.arg(Arg::A2) & CLOSE_RANGE_UNSHARE != 0 => {
            clone::CLONE_FILES
        }
        _ => 0,
    }
}
