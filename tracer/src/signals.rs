//! Signals to vrift itself: handed on to the command, stopping vrift with it, or asking vrift to
//! leave.
#![expect(unsafe_code, reason = "installing signal handlers")]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, raise, sigaction,
};
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

/// The signals that vrift was told to ignore when it was started, as bits (signal 1 is bit 0).
static IGNORED: AtomicU64 = AtomicU64::new(0);

extern "C" fn hand_on(signo: libc::c_int) {
    let heir = HEIR.load(Ordering::Relaxed);
    if heir != 0 {
        // SAFETY: kill is async-signal-safe and takes numbers.
        unsafe { libc::kill(heir, signo) };
    } else if IGNORED.load(Ordering::Relaxed) >> (signo - 1) & 1 == 0 {
        // SAFETY: both are async-signal-safe; the signal then does what it does by default.
        unsafe {
            libc::signal(signo, libc::SIG_DFL);
            libc::raise(signo);
        }
    }
}

static TOLD_TO_STOP: AtomicBool = AtomicBool::new(false);
static CONTINUED: AtomicBool = AtomicBool::new(false);

extern "C" fn stop_later(_: libc::c_int) {
    TOLD_TO_STOP.store(true, Ordering::Relaxed);
}

extern "C" fn continued(_: libc::c_int) {
    CONTINUED.store(true, Ordering::Relaxed);
}

/// The terminal sends its signals to the whole foreground group. The command decides what they mean;
/// vrift stays to report how it ended, and to stop with it.
pub(crate) fn leave_to_command() -> Result<(), Errno> {
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTTIN, Signal::SIGTTOU] {
        set(signal, SigHandler::SigIgn)?;
    }
    Ok(())
}

/// From now on `heir` gets these signals when they are sent to vrift, as it would without vrift;
/// `ignored` are those that vrift was told to ignore. (SIGINT and SIGQUIT come from the terminal,
/// which sends them to the command as well.)
pub(crate) fn hand_on_to(heir: Pid, ignored: u64) -> Result<(), Errno> {
    HEIR.store(heir.as_raw(), Ordering::Relaxed);
    IGNORED.store(ignored, Ordering::Relaxed);
    [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2]
        .iter()
        .try_for_each(|&signal| install(signal, hand_on))?;
    install(Signal::SIGCONT, continued)?;
    match ignored >> (Signal::SIGTSTP as i32 - 1) & 1 {
        0 => install(Signal::SIGTSTP, stop_later),
        _ => Ok(()),
    }
}

/// The heir has ended: from now on such a signal ends vrift, and so every tracee, unless it was
/// ignored from the start.
pub(crate) fn hand_on_to_nobody() {
    HEIR.store(0, Ordering::Relaxed);
}

/// Whether vrift has been sent the terminal's stop signal since it stopped last.
pub(crate) fn told_to_stop() -> bool {
    TOLD_TO_STOP.load(Ordering::Relaxed)
}

/// Takes back that vrift is to stop.
pub(crate) fn stop_no_more() {
    TOLD_TO_STOP.store(false, Ordering::Relaxed);
}

/// Stops this process by a stop signal, until it is continued. Where a group has nobody outside who
/// could continue it, the kernel lets only SIGSTOP stop it.
pub(crate) fn stop_by(signo: i32) -> Result<(), Errno> {
    let signal = Signal::try_from(signo)?;
    stop_no_more();
    if signal == Signal::SIGSTOP {
        return raise(signal);
    }
    let mut open = SigSet::empty();
    open.add(signal);
    // SAFETY: the default action runs no code of ours, and what is put back was in force before.
    let former = unsafe { sigaction(signal, &action(SigHandler::SigDfl)) }?;
    raise(signal)?;
    // If it is blocked, it is taken here.
    let mask = open.thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
    mask.thread_set_mask()?;
    // SAFETY: as above.
    unsafe { sigaction(signal, &former) }.map(drop)
}

/// Whether vrift has been sent SIGCONT since [`take_continued`] was asked last.
pub(crate) fn continued_meanwhile() -> bool {
    CONTINUED.load(Ordering::Relaxed)
}

/// Whether vrift has been sent SIGCONT since this was asked last.
pub(crate) fn take_continued() -> bool {
    CONTINUED.swap(false, Ordering::Relaxed)
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
    set(signal, SigHandler::Handler(handler))
}

fn set(signal: Signal, handler: SigHandler) -> Result<(), Errno> {
    // SAFETY: the handlers use atomics and async-signal-safe functions only.
    unsafe { sigaction(signal, &action(handler)) }.map(drop)
}

/// Without SA_RESTART, wait4(2) returns EINTR when the handler has run.
fn action(handler: SigHandler) -> SigAction {
    SigAction::new(handler, SaFlags::empty(), SigSet::empty())
}
