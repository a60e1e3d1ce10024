//! Calls that look for a file and find none: vrift looks in the caller's place.
//!
//! What came of a call is seen at a second stop, at its exit, which costs as much as the first. Most
//! calls of a build that look for a file are in vain: each directory of a search path is asked, each
//! part of a path is asked whether it is a symlink. So vrift makes the lookup itself at the first stop,
//! and if it fails the caller gets that very errno, and the kernel does not get the call. What the record tells
//! is what the caller was told.
//!
//! That is right as long as the kernel would have looked with the same eyes: the tree has vrift's
//! credentials, its root and its mounts, and the path leads over no symlink, which could depend on who
//! walks it (`/proc/self`). Once a task has other credentials, or asks for another root or name space, no
//! call is answered any more.
//!
//! A call that gives its caller other credentials is seen. A program that is executed gives them too: one with
//! rights of its own, or any if so much was asked of its caller before. Else it makes of what a task has the same
//! each time (`cap_bprm_creds_from_file` in security/commoncap.c), so who has looked once need not look again.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use vrift_arch::{Arg, Model, Policy, Syscall};
use vrift_record::Escape;
use vrift_vfs::{At, Creds, Follow, Ids, PathOp};

use crate::call::Call;
use crate::creds::TaskCreds;

/// A file that is looked for.
#[derive(Debug)]
pub(super) struct Lookup {
    op: PathOp,
    of: Of,
}

/// What must be there for the call to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Anything.
    Anything,
    /// A symlink.
    Symlink,
}

impl Lookup {
    /// A lookup of `op`, which has the absolute path `absolute`; `None` if its outcome depends on more
    /// than the path.
    pub(super) fn new(op: &PathOp, of: Of, absolute: &[u8]) -> Option<Lookup> {
        let is_of_tree = matches!(op.at, At::Cwd) || op.path.first() == Some(&b'/');
        let plain = is_of_tree && !op.path.is_empty() && !absolute.starts_with(b"/proc");
        plain.then(|| Lookup { op: op.clone(), of })
    }

    /// The errno that the kernel answers, if nothing is there.
    pub(super) fn in_vain(&self, tid: Pid) -> Option<Errno> {
        if self.op.path.first() == Some(&b'/') {
            return self.from(AT_FDCWD);
        }
        let cwd = format!("/proc/{tid}/cwd");
        let directory = open(cwd.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        self.from(directory.as_fd())
    }

    fn from(&self, directory: BorrowedFd<'_>) -> Option<Errno> {
        let nofollow = match self.op.follow {
            Follow::Yes => OFlag::empty(),
            Follow::No => OFlag::O_NOFOLLOW,
        };
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | nofollow)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        match (openat2(directory, &self.op.path[..], how), self.of) {
            (Err(errno @ (Errno::ENOENT | Errno::ENOTDIR)), _) => Some(errno),
            (Ok(found), Of::Symlink) => match readlinkat(found.as_fd(), "") {
                // What is no symlink has no name here.
                Err(Errno::ENOENT | Errno::EINVAL) => Some(Errno::EINVAL),
                _ => None,
            },
            (Ok(_) | Err(_), _) => None,
        }
    }
}

/// What is asked of prctl(2) that a program gets other credentials by when it is executed.
pub(super) const FOR_PROGRAMS: &[u32] =
    &[libc::PR_CAPBSET_DROP as u32, libc::PR_SET_SECUREBITS as u32, libc::PR_CAP_AMBIENT as u32];

/// Whether a call asks for other credentials, for its caller or for the programs that it executes.
pub(super) fn gives_other_eyes(call: &Call) -> bool {
    match call.syscall {
        Some(Syscall::Prctl) => FOR_PROGRAMS.contains(&(call.arg(Arg::A0) as u32)),
        Some(syscall) => asks_for_credentials(syscall),
        None => false,
    }
}

/// Whether calls ask for other credentials, whatever their arguments are.
pub(super) fn asks_for_credentials(syscall: Syscall) -> bool {
    syscall.row().policy == Policy::Model(Model::Creds) && syscall != Syscall::Umask
}

/// Whether vrift sees what the tree sees.
#[derive(Debug)]
pub(super) enum Eyes {
    /// It does.
    Same {
        /// The credentials of all.
        own: Box<TaskCreds>,
        programs: Programs,
    },
    /// It may not.
    Other,
}

/// Whose rights a program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    /// Those of whoever executes it.
    OfCaller,
    /// By set-id bits or capabilities of its file, maybe others.
    OfFile,
}

/// What becomes of the credentials of a task that executes a program without rights of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Programs {
    /// No program has been executed yet.
    Unknown,
    /// They stay.
    Keep,
    /// That depends on what the task has asked for.
    MayChange,
}

impl Eyes {
    /// Those of a tree that has not started.
    pub(super) fn of_vrift() -> Eyes {
        let own = TaskCreds::of(nix::unistd::gettid());
        // access(2) is about the real ones.
        let same = |ids: fn(&Creds) -> _| ids(own.get(Ids::FileSystem)) == ids(own.get(Ids::Real));
        match same(|creds| (creds.uid, creds.gid, creds.dac_override, creds.dac_read_search)) {
            true => Eyes::Same { own: Box::new(own), programs: Programs::Unknown },
            false => Eyes::Other,
        }
    }

    /// Takes note of a call that may give its caller another root or other mounts, whatever comes of it.
    pub(super) fn before(&mut self, escape: Option<Escape>) {
        if escape == Some(Escape::Namespace) {
            *self = Eyes::Other;
        }
    }

    /// Takes note of a task that has asked for other credentials, for itself or for what it executes.
    pub(super) fn after_asking(&mut self, tid: Pid) {
        if let Eyes::Same { programs, .. } = self {
            *programs = Programs::MayChange;
        }
        self.look_at(tid);
    }

    /// Takes note of a task that has executed a program with the rights of whoever executes it, or with its own.
    pub(super) fn after_executing(&mut self, tid: Pid, rights: Rights) {
        let Eyes::Same { programs, .. } = self else { return };
        if (*programs, rights) == (Programs::Keep, Rights::OfCaller) {
            return;
        }
        if (*programs, rights) == (Programs::Unknown, Rights::OfCaller) {
            *programs = Programs::Keep;
        }
        self.look_at(tid);
    }

    fn look_at(&mut self, tid: Pid) {
        if let Eyes::Same { own, .. } = self
            && TaskCreds::of(tid) != **own
        {
            *self = Eyes::Other;
        }
    }

    pub(super) fn are_same(&self) -> bool {
        matches!(self, Eyes::Same { .. })
    }
}
