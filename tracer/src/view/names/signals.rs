//! Names of signals.

use std::borrow::Cow;

/// The first real-time signal as the kernel counts.
const RTMIN: i32 = 32;

/// Signals 1 to 31 without `SIG`, by number.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// `SIGCHLD`, `SIGRTMIN`, `SIGRT_1`; the number if there is no such signal.
pub(crate) fn signal_name(signo: i32) -> String {
    match signal_short(signo) {
        Some(name) => format!("SIG{name}"),
        None => signo.to_string(),
    }
}

/// `CHLD`, `RTMIN`, `RT_1`.
pub(crate) fn signal_short(signo: i32) -> Option<Cow<'static, str>> {
    match signo {
        1..RTMIN => Some(Cow::Borrowed(NAMES[signo as usize - 1])),
        RTMIN => Some(Cow::Borrowed("RTMIN")),
        33..=64 => Some(Cow::Owned(format!("RT_{}", signo - RTMIN))),
        _ => None,
    }
}
