//! Waiting for tracees, and what the kernel's status word says.
#![expect(unsafe_code, reason = "wait4(2) with resource usage has no safe wrapper")]

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::stopped::Stopped;
use super::{memory, raw};
use crate::engine::{Ending, Stop};
use crate::view::event::{Core, Resources};

/// Whether to wait until something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Wait.
    Block,
    /// Only look.
    Poll,
}

/// Whether the processor time of whom is waited for is asked: that locks the process, for nothing
/// if nobody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// It is not, and reads as zero.
    Nothing,
    /// It is.
    Times,
}

/// What a tracee has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Outside the kernel.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
    /// What else was used.
    pub resources: Resources,
}

/// What happened to a tracee.
#[derive(Debug)]
pub enum Waited {
    /// It stopped and waits to be resumed.
    Stopped {
        /// The right to look into it and to resume it.
        tracee: Stopped,
        /// Why it stopped.
        stop: Stop,
        /// The processor time it has spent in the kernel so far.
        system: Duration,
    },
    /// It is gone.
    Ended {
        /// Which.
        tid: Pid,
        /// How.
        ending: Ending,
        /// The processor time it has used, with the children it waited for.
        used: Used,
    },
    /// Nothing to report now: when polling, or because a signal came.
    Nothing,
    /// No tracee is left.
    Nobody,
}

impl Waited {
    /// Whom it is about.
    pub fn tid(&self) -> Option<Pid> {
        match self {
            Waited::Stopped { tracee, .. } => Some(tracee.tid()),
            Waited::Ended { tid, .. } => Some(*tid),
            Waited::Nothing | Waited::Nobody => None,
        }
    }
}

/// Waits for any tracee.
pub fn wait(patience: Patience, measure: Measure) -> Result<Waited, Errno> {
    let options = libc::__WALL | if patience == Patience::Poll { libc::WNOHANG } else { 0 };
    loop {
        let (tid, status, used) = match wait4(options, measure) {
            Err(Errno::EINTR) => return Ok(Waited::Nothing),
            Err(Errno::ECHILD) => return Ok(Waited::Nobody),
            Err(errno) => return Err(errno),
            Ok((0, _, _)) => return Ok(Waited::Nothing),
            Ok((tid, status, used)) => (Pid::from_raw(tid), status, used),
        };
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            memory::forget(tid);
        }
        if libc::WIFEXITED(status) {
            let ending = Ending::Exited { code: libc::WEXITSTATUS(status) };
            return Ok(Waited::Ended { tid, ending, used });
        }
        if libc::WIFSIGNALED(status) {
            let core = if libc::WCOREDUMP(status) { Core::Dumped } else { Core::None };
            let ending = Ending::Killed { signo: libc::WTERMSIG(status), core };
            return Ok(Waited::Ended { tid, ending, used });
        }
        // A tracee killed since it stopped has no event to tell any more: its end comes next.
        match stop(tid, status) {
            Ok(stop) => {
                let (tracee, system) = (Stopped::new(tid), used.system);
                return Ok(Waited::Stopped { tracee, stop, system });
            }
            Err(Errno::ESRCH) => continue,
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether a wait would tell something of `tid`.
pub fn has_news(tid: Pid) -> bool {
    let look = WaitPidFlag::WNOHANG
        | WaitPidFlag::WNOWAIT
        | WaitPidFlag::WEXITED
        | WaitPidFlag::WSTOPPED
        | WaitPidFlag::__WALL;
    !matches!(waitid(Id::Pid(tid), look), Ok(WaitStatus::StillAlive))
}

fn wait4(options: i32, measure: Measure) -> Result<(i32, i32, Used), Errno> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let measured = match measure {
        Measure::Nothing => std::ptr::null_mut(),
        Measure::Times => usage.as_mut_ptr(),
    };
    // SAFETY: `status` is a local of the type the kernel writes, and `measured` is null, which it
    // leaves alone, or points to another.
    let tid = unsafe { libc::wait4(-1, &raw mut status, options, measured) };
    Errno::result(tid)?;
    // SAFETY: all-zero bytes are a valid rusage, and the kernel may have filled it in.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    let count = |number: libc::c_long| number.max(0) as u64;
    let resources = Resources {
        memory_max_kib: count(usage.ru_maxrss),
        blocks_read: count(usage.ru_inblock),
        blocks_written: count(usage.ru_oublock),
    };
    let used = Used { user: time(usage.ru_utime), system: time(usage.ru_stime), resources };
    Ok((tid, status, used))
}

/// Reads a stop from the status word (ptrace(2), "Stopped states"); events carry their payload.
fn stop(tid: Pid, status: i32) -> Result<Stop, Errno> {
    let signo = libc::WSTOPSIG(status);
    let message = || raw::event_message(tid);
    let pid = |number: u64| Pid::from_raw(number as i32);
    Ok(match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Stop::Seccomp,
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
            Stop::NewChild { child: pid(message()?) }
        }
        libc::PTRACE_EVENT_EXEC => {
            memory::forget(tid);
            let former = pid(message()?);
            // Nobody is told of its end.
            memory::forget(former);
            Stop::Exec { former }
        }
        libc::PTRACE_EVENT_STOP if signo != libc::SIGTRAP => Stop::Group { signo },
        libc::PTRACE_EVENT_STOP => Stop::Trap,
        0 if signo == libc::SIGTRAP | 0x80 => Stop::Syscall,
        0 => Stop::Signal { signo },
        // An event that was not asked for carries no meaning for us.
        _ => Stop::Trap,
    })
}
