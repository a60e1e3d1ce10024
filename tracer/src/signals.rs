//! Signals to vrift itself: handed on to the command, or asking vrift to leave.
#![expect(unsafe_code, reason = "installing signal handlers")]

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;

static TOLD_TO_LEAVE: AtomicBool = AtomicBool::new(false);

extern "C" fn leave(_: libc::c_int) {
    TOLD_TO_LEAVE.store(true, Ordering::Relaxed);
    // The signal may have come just before vrift waits, and must not be slept through.
    // SAFETY: alarm is async-signal-safe and takes a number.
    unsafe { libc::alarm(1) };
}

extern "C" fn nothing(_: libc::c_int) {}

/// Who gets the signals that are handed on; 0 for nobody.
static HEIR: AtomicI32 = AtomicI32::new(0);

extern "C" fn hand_on(signo: libc::c_int) {
    let heir = HEIR.load(Ordering::Relaxed);
    if heir != 0 {
        // SAFETY: kill is async-signal-safe and takes numbers.
        unsafe { libc::kill(heir, signo) };
    } else {
        // SAFETY: both are async-signal-safe; the signal then does what it does by default.
        unsafe {
            libc::signal(signo, libc::SIG_DFL);
            libc::raise(signo);
        }
    }
}

/// From now on `heir` gets these signals when they are sent to vrift, as it would without vrift.
/// (SIGINT and SIGQUIT come from the terminal, which sends them to the command as well.)
pub(crate) fn hand_on_to(heir: Pid) -> Result<(), Errno> {
    HEIR.store(heir.as_raw(), Ordering::Relaxed);
    [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2]
        .iter()
        .try_for_each(|&signal| install(signal, hand_on))
}

/// The heir has ended: from now on such a signal ends vrift, and so every tracee.
pub(crate) fn hand_on_to_nobody() {
    HEIR.store(0, Ordering::Relaxed);
}

/// From now on each of `signals` asks vrift to let its tracees go.
pub fn leave_on(signals: &[Signal]) -> Result<(), Errno> {
    interrupt_on(Signal::SIGALRM)?;
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

/// Tracees need not prepare a SIGCHLD at each stop: waiting does without, and by default it would
/// be thrown away. An ignored one stays ignored, for the command to inherit.
pub(crate) fn no_signal_at_stops() {
    let quiet = |flags| SigAction::new(SigHandler::SigDfl, flags, SigSet::empty());
    // SAFETY: the standard action; no handler of ours is involved.
    let former = unsafe { sigaction(Signal::SIGCHLD, &quiet(SaFlags::SA_NOCLDSTOP)) };
    if let Ok(former) = former
        && !matches!(former.handler(), SigHandler::SigDfl)
    {
        // SAFETY: it is what was there before. Failing to set it costs nothing but speed.
        let _ = unsafe { sigaction(Signal::SIGCHLD, &former) };
    }
}

fn install(signal: Signal, handler: extern "C" fn(libc::c_int)) -> Result<(), Errno> {
    // Without SA_RESTART, wait4(2) returns EINTR when the handler has run.
    let handler = SigHandler::Handler(handler);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handlers use atomics and async-signal-safe functions only.
    unsafe { sigaction(signal, &action) }.map(drop)
}
