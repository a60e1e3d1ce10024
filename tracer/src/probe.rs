//! Whether this machine lets vrift work: one real launch, stop and read, step by step.

use std::ffi::CString;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Native;
use vrift_arch::seccomp::{Interest, Serving, policy_rules, program};

use crate::engine::{Guest, Position, Resume, Stop};
use crate::memory::{GuestAddr, Memory};
use crate::procfs::{self, own_tracer};
use crate::ptrace::{LaunchError, Measure, Patience, Program, Stopped, Waited, launch, wait};

/// What the probe found forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Another tracer has this process, and so its children.
    Traced {
        /// Its process id.
        by: Pid,
    },
    /// `ptrace(2)` is refused.
    Ptrace {
        /// With this errno.
        errno: Errno,
        /// The value of `kernel.yama.ptrace_scope`, where the kernel has it.
        yama: Option<u8>,
    },
    /// A seccomp filter is not accepted.
    Filter {
        /// With this errno.
        errno: Errno,
    },
    /// The filter did not stop the first syscall, or the kernel does not describe the stop.
    Stop,
    /// The tracee's memory cannot be read or written.
    Memory {
        /// What was tried.
        step: &'static str,
        /// With this errno.
        errno: Errno,
    },
    /// `/proc` cannot be read.
    NoProc {
        /// Why.
        errno: Errno,
    },
    /// `/proc` is that of another pid namespace: what has an id of a tracee's there is another process.
    OthersProc,
    /// Something else.
    Other {
        /// What failed and why.
        text: String,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Traced { by } => {
                write!(
                    f,
                    "this process is traced already, by process {by}; a process has one tracer"
                )
            }
            Obstacle::Ptrace { errno, yama: Some(scope) } if *scope > 1 => {
                write!(
                    f,
                    "ptrace is refused ({}): kernel.yama.ptrace_scope is {scope}",
                    errno.desc()
                )
            }
            Obstacle::Ptrace { errno, .. } => write!(f, "ptrace is refused ({})", errno.desc()),
            Obstacle::Filter { errno } => {
                write!(f, "a seccomp filter is refused ({})", errno.desc())
            }
            Obstacle::Stop => write!(f, "the filter's stop did not come, or came undescribed"),
            Obstacle::Memory { step, errno } => write!(f, "{step} failed ({})", errno.desc()),
            Obstacle::NoProc { errno } => {
                write!(f, "/proc does not tell of this process ({})", errno.desc())
            }
            Obstacle::OthersProc => {
                write!(f, "/proc shows the processes of another pid namespace")
            }
            Obstacle::Other { text } => f.write_str(text),
        }
    }
}

impl Obstacle {
    /// What the user can do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Obstacle::Traced { .. } => {
                "run it outside strace, gdb or another vrift; one vrift traces the whole tree below it"
            }
            Obstacle::Ptrace { yama: Some(3), .. } => {
                "scope 3 lasts until the next boot; set kernel.yama.ptrace_scope=1 and reboot"
            }
            Obstacle::Ptrace { yama: Some(2), .. } => {
                "run as root, or: sysctl kernel.yama.ptrace_scope=1"
            }
            Obstacle::Ptrace { .. } => {
                "in a container: add the capability SYS_PTRACE, or a seccomp profile that allows ptrace"
            }
            Obstacle::Filter { .. } => {
                "the kernel needs CONFIG_SECCOMP_FILTER, and a container's profile must allow seccomp"
            }
            Obstacle::Stop => "the kernel must be Linux 5.15 or newer, and not an emulation of it",
            Obstacle::Memory { .. } => {
                "a container's profile must allow process_vm_readv, and /proc must be mounted"
            }
            Obstacle::NoProc { .. } => "mount -t proc proc /proc",
            Obstacle::OthersProc => {
                "mount -t proc proc /proc, in a mount namespace of its own; unshare has --mount-proc for that"
            }
            Obstacle::Other { .. } => "this is unexpected; please report it",
        }
    }
}

/// Looks for what keeps vrift from finding its tracees in `/proc`, where it reads and writes what is theirs.
pub fn find_proc() -> Result<(), Obstacle> {
    match procfs::is_own() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Obstacle::OthersProc),
        Err(error) => {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
            Err(Obstacle::NoProc { errno })
        }
    }
}

/// Launches this very program, stops its first syscall, and looks into it.
pub fn probe() -> Result<(), Obstacle> {
    find_proc()?;
    let other = |text: String| Obstacle::Other { text };
    let exe = fs::read_link("/proc/self/exe")
        .map_err(|e| other(format!("/proc/self/exe cannot be read: {e}")))?;
    let path = CString::new(exe.as_os_str().as_bytes()).map_err(|e| other(e.to_string()))?;
    let root =
        Program { argv: vec![path.clone()], envp: Vec::new(), path, ignored: 0, directory: None };
    let rules = policy_rules::<Native>(Serving::Nothing, &|_| Interest::Always);
    let launched =
        launch(&root, &program::<Native>(&rules)).map_err(|error| Obstacle::from(&error))?;
    let mut found = Err(Obstacle::Stop);
    loop {
        match wait(Patience::Block, Measure::Nothing) {
            Ok(Waited::Stopped { tracee, stop, .. }) => {
                let _ = match stop {
                    Stop::Seccomp => {
                        found = inspect(&tracee, &root);
                        tracee.end()
                    }
                    _ => tracee.resume(Resume::Run { signo: 0 }),
                };
            }
            Ok(Waited::Ended { .. } | Waited::Nothing) => {}
            Ok(Waited::Nobody) => break,
            Err(errno) => return Err(other(format!("waiting for the probe failed: {errno}"))),
        }
    }
    launched.failure().map_or(found, |failure| Err(Obstacle::from(&failure)))
}

fn inspect(tracee: &Stopped, root: &Program) -> Result<(), Obstacle> {
    let Ok(Position::Entry(call)) = Guest::<Native>::position(tracee) else {
        return Err(Obstacle::Stop);
    };
    let at = GuestAddr(call.args[0]);
    let path = tracee
        .read_cstr(at, 4096)
        .map_err(|errno| Obstacle::Memory { step: "reading the memory of a tracee", errno })?;
    if path != root.path.as_bytes() {
        return Err(Obstacle::Stop);
    }
    let step = "writing the memory of a tracee";
    tracee.write(at, &path).map_err(|errno| Obstacle::Memory { step, errno })?;
    let step = "writing the memory of a tracee through /proc";
    Guest::<Native>::plant(tracee, at, &path).map_err(|errno| Obstacle::Memory { step, errno })
}

impl From<&LaunchError> for Obstacle {
    /// What stands behind a failed launch.
    fn from(error: &LaunchError) -> Obstacle {
        match (error, own_tracer()) {
            (LaunchError::Seize { .. }, Some(by)) => Obstacle::Traced { by },
            (LaunchError::Seize { errno }, None) => {
                Obstacle::Ptrace { errno: *errno, yama: yama() }
            }
            (LaunchError::Filter { errno }, _) => Obstacle::Filter { errno: *errno },
            (other, _) => Obstacle::Other { text: other.to_string() },
        }
    }
}

fn yama() -> Option<u8> {
    fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?.trim().parse().ok()
}
