//! How many stops a run of vrift makes. A stop is counted where it ends: strace counts the requests by
//! which vrift lets its tracees go on.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::kit::Sandbox;

/// The requests that end a stop.
const RESUMING: [&str; 3] =
    ["ptrace(PTRACE_CONT,", "ptrace(PTRACE_SYSCALL,", "ptrace(PTRACE_LISTEN,"];

/// A command of vrift's whose requests strace writes to `log`.
pub(crate) fn under_strace<A: AsRef<OsStr>>(sandbox: &Sandbox, log: &Path, vrift: &[A]) -> Command {
    let mut strace = sandbox.command("strace");
    strace.args(["-qq", "-e", "trace=ptrace", "-o"]).arg(log).arg("--").args(vrift);
    strace
}

/// The stops whose end is in such a log; `None` if nothing is.
pub(crate) fn stops_in(log: &Path) -> Option<usize> {
    let requests = fs::read_to_string(log).unwrap_or_default();
    let resumes = |line: &&str| RESUMING.iter().any(|name| line.contains(name));
    (!requests.is_empty()).then(|| requests.lines().filter(resumes).count())
}
