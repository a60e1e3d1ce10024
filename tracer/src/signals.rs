//! Signals to vrift itself that interrupt its wait for stops.
#![expect(unsafe_code, reason = "installing signal handlers")]

use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static TOLD_TO_LEAVE: AtomicBool = AtomicBool::new(false);

extern "C" fn leave(_: libc::c_int) {
    TOLD_TO_LEAVE.store(true, Ordering::Relaxed);
}

extern "C" fn nothing(_: libc::c_int) {}

/// From now on each of `signals` asks vrift to let its tracees go.
pub fn leave_on(signals: &[Signal]) -> Result<(), Errno> {
    signals.iter().try_for_each(|&signal| install(signal, leave))
}

/// Whether such a signal has come.
pub(crate) fn told_to_leave() -> bool {
    TOLD_TO_LEAVE.load(Ordering::Relaxed)
}

/// From now on `signal` interrupts a wait and does nothing else.
pub(crate) fn interrupt_on(signal: Signal) -> Result<(), Errno> {
    install(signal, nothing)
}

fn install(signal: Signal, handler: extern "C" fn(libc::c_int)) -> Result<(), Errno> {
    // Without SA_RESTART, wait4(2) returns EINTR when the handler has run.
    let handler = SigHandler::Handler(handler);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: both handlers do at most one atomic store, which is safe wherever the signal comes.
    unsafe { sigaction(signal, &action) }.map(drop)
}
