//! Watching processes that run already, and letting them go again.

use std::fmt;
use std::fs;
use std::io;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::raw;

/// Children are traced as well; nothing dies with vrift, and there is no filter.
const OPTIONS: i32 = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC;

/// Why a process cannot be watched.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// There is no such process.
    NoProcess {
        /// The id given.
        pid: Pid,
    },
    /// It may not be traced: it belongs to another user, or another tracer has it.
    Refused {
        /// The id given.
        pid: Pid,
        /// Why.
        errno: Errno,
    },
    /// Waiting for it failed.
    Wait {
        /// Why.
        errno: Errno,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::NoProcess { pid } => write!(f, "there is no process {pid}"),
            AttachError::Refused { pid, .. } => write!(f, "process {pid} cannot be traced"),
            AttachError::Wait { .. } => write!(f, "waiting for the processes failed"),
        }
    }
}

impl std::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AttachError::NoProcess { .. } => None,
            AttachError::Refused { errno, .. } | AttachError::Wait { errno } => Some(errno),
        }
    }
}

/// Seizes every thread of `pid` and stops each; returns the threads.
pub fn attach(pid: Pid) -> Result<Vec<Pid>, AttachError> {
    let mut seized = Vec::new();
    // Threads may come while others are seized: it is over when a look finds no new one.
    loop {
        let before = seized.len();
        for tid in threads(pid).map_err(|_| AttachError::NoProcess { pid })? {
            if seized.contains(&tid) {
                continue;
            }
            match raw::seize(tid, OPTIONS) {
                Ok(()) => seized.push(tid),
                // A thread that a seized one has made meanwhile is traced already, and one that
                // has ended needs no tracing.
                Err(_) if tid != pid => continue,
                Err(errno) => return Err(AttachError::Refused { pid, errno }),
            }
            // If it has ended meanwhile, the next wait tells.
            let _ = raw::interrupt(tid);
        }
        if seized.len() == before {
            return Ok(seized);
        }
    }
}

/// Stops a tracee that is to be let go.
pub fn interrupt(tid: Pid) {
    // It may have ended: the next wait tells.
    let _ = raw::interrupt(tid);
}

fn threads(pid: Pid) -> io::Result<Vec<Pid>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        if let Ok(tid) = entry?.file_name().to_string_lossy().parse() {
            threads.push(Pid::from_raw(tid));
        }
    }
    Ok(threads)
}
