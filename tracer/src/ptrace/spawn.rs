//! Launching the root tracee.
//!
//! The child waits on a pipe until it is seized, so that no stop is missed and no stop signal is
//! needed; then it installs the filter and executes the program. From its `execve` on, every
//! syscall that the filter names stops.
#![expect(unsafe_code, reason = "fork(2), and what the child may do before exec")]

use std::ffi::CString;
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{ForkResult, Pid, fork, pipe2, read, write};
use vrift_arch::seccomp::Insn;

use super::raw;
use super::seccomp::Filter;

/// What is to be run.
#[derive(Debug)]
pub struct Program {
    /// The file to execute.
    pub path: CString,
    /// Its arguments, with its own name first.
    pub argv: Vec<CString>,
    /// Its environment.
    pub envp: Vec<CString>,
    /// The signals it ignores from the start, as bits (signal 1 is bit 0).
    pub ignored: u64,
    /// The directory it starts in, if not vrift's own.
    pub directory: Option<CString>,
}

/// Why the program did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum LaunchError {
    /// A process could not be made or prepared.
    Prepare {
        /// What failed.
        step: &'static str,
        /// Why.
        errno: Errno,
    },
    /// ptrace is not permitted.
    Seize {
        /// Why.
        errno: Errno,
    },
    /// The filter was not accepted.
    Filter {
        /// Why.
        errno: Errno,
    },
    /// The starting directory cannot be entered.
    Directory {
        /// Why.
        errno: Errno,
    },
    /// The program cannot be executed.
    Execute {
        /// Why.
        errno: Errno,
    },
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchError::Prepare { step, .. } => write!(f, "{step} failed"),
            LaunchError::Seize { .. } => {
                write!(f, "the kernel does not let this process trace its child")
            }
            LaunchError::Filter { .. } => {
                write!(f, "the kernel does not accept the seccomp filter")
            }
            LaunchError::Directory { .. } => write!(f, "the starting directory cannot be entered"),
            LaunchError::Execute { .. } => write!(f, "the program cannot be executed"),
        }
    }
}

impl std::error::Error for LaunchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LaunchError::Prepare { errno, .. }
            | LaunchError::Seize { errno }
            | LaunchError::Filter { errno }
            | LaunchError::Directory { errno }
            | LaunchError::Execute { errno } => Some(errno),
        }
    }
}

/// The root tracee, running.
#[derive(Debug)]
pub struct Launched {
    /// Its process id.
    pub pid: Pid,
    report: OwnedFd,
}

/// The steps of the child that can fail, as they are reported through the pipe.
#[derive(Clone, Copy)]
enum ChildStep {
    Directory,
    Filter,
    Execute,
}

impl Launched {
    /// Why the program was never executed, once the root tracee has ended; `None` if it was.
    pub fn failure(&self) -> Option<LaunchError> {
        let mut report = [0u8; 5];
        if read(&self.report, &mut report) != Ok(report.len()) {
            return None;
        }
        let [step, errno @ ..] = report;
        let errno = Errno::from_raw(i32::from_ne_bytes(errno));
        Some(match step {
            0 => LaunchError::Directory { errno },
            1 => LaunchError::Filter { errno },
            _ => LaunchError::Execute { errno },
        })
    }
}

/// Starts `program` under trace with the seccomp program `filter`.
pub fn launch(program: &Program, filter: &[Insn]) -> Result<Launched, LaunchError> {
    let prepare = |step| move |errno| LaunchError::Prepare { step, errno };
    let (go_read, go_write) = pipe2(OFlag::O_CLOEXEC).map_err(prepare("making a pipe"))?;
    let (report_read, report_write) =
        pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(prepare("making a pipe"))?;
    let filter = Filter::new(filter);
    let argv = pointers(&program.argv);
    let envp = pointers(&program.envp);
    // SAFETY: the child calls only async-signal-safe functions (see `child`) and allocates nothing.
    match unsafe { fork() }.map_err(prepare("making a process"))? {
        ForkResult::Child => {
            drop(go_write);
            let (step, errno) = child(program, &filter, &argv, &envp, &go_read);
            let [a, b, c, d] = (errno as i32).to_ne_bytes();
            let _ = write(&report_write, &[step as u8, a, b, c, d]);
            // SAFETY: _exit takes a number and does not return.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child: pid } => {
            let launched = Launched { pid, report: report_read };
            // If this fails the pipe's other end closes and the child leaves.
            raw::seize(pid, OPTIONS).map_err(|errno| LaunchError::Seize { errno })?;
            write(&go_write, &[0]).map_err(prepare("starting the child"))?;
            Ok(launched)
        }
    }
}

/// Every descendant is traced and dies with vrift. No event at exit: `wait` tells it all.
const OPTIONS: i32 = libc::PTRACE_O_EXITKILL
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC;

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Becomes the program; returns only with the step that failed.
fn child(
    program: &Program,
    filter: &Filter,
    argv: &[*const libc::c_char],
    envp: &[*const libc::c_char],
    go: &OwnedFd,
) -> (ChildStep, Errno) {
    let mut byte = [0u8];
    // SAFETY: reads one byte into a local array; the end of the pipe means that nobody traces us.
    if unsafe { libc::read(go.as_raw_fd(), byte.as_mut_ptr().cast(), 1) } != 1 {
        // SAFETY: _exit takes a number and does not return.
        unsafe { libc::_exit(127) }
    }
    restore_signals(program.ignored);
    if let Some(directory) = &program.directory {
        // SAFETY: a NUL-terminated string that outlives the call.
        if unsafe { libc::chdir(directory.as_ptr()) } != 0 {
            return (ChildStep::Directory, Errno::last());
        }
    }
    if let Err(errno) = filter.install() {
        return (ChildStep::Filter, errno);
    }
    // SAFETY: `argv` and `envp` are null-terminated arrays of strings that outlive the call.
    unsafe { libc::execve(program.path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    (ChildStep::Execute, Errno::last())
}

/// The program gets the dispositions vrift was given, whatever vrift and the language's runtime have
/// made of them.
fn restore_signals(ignored: u64) {
    for signal in 1..=64 {
        let action = if ignored >> (signal - 1) & 1 == 1 { libc::SIG_IGN } else { libc::SIG_DFL };
        // SAFETY: sets one of the two standard actions; no handler of ours is involved. The library
        // refuses the signals it keeps for itself, which nobody has changed.
        unsafe { libc::signal(signal, action) };
    }
}
