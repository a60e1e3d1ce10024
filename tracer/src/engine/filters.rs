//! Calls by which a task gives itself a seccomp filter of its own.

use vrift_arch::{Arg, Syscall};

use crate::call::Call;

/// Whether a call installs a filter whose decisions another process takes.
pub(super) fn supervised(call: &Call) -> bool {
    installs_filter(call) && call.arg(Arg::A1) & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER != 0
}

/// Whether a call gives its task a seccomp filter of its own.
pub(super) fn installs_filter(call: &Call) -> bool {
    match call.syscall {
        Some(Syscall::Seccomp) => {
            let operation = call.arg(Arg::A0) as u32;
            [libc::SECCOMP_SET_MODE_STRICT, libc::SECCOMP_SET_MODE_FILTER].contains(&operation)
        }
        Some(Syscall::Prctl) => call.arg(Arg::A0) as i32 == libc::PR_SET_SECCOMP,
        _ => false,
    }
}
