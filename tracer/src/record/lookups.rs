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

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use vrift_arch::{Model, Policy, Syscall};
use vrift_record::Escape;
use vrift_vfs::{At, Creds, Follow, Ids, PathOp};

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

/// Whether a call asks for other credentials.
pub(super) fn gives_other_eyes(syscall: Syscall) -> bool {
    syscall.row().policy == Policy::Model(Model::Creds) && syscall != Syscall::Umask
}

/// Whether vrift sees what the tree sees.
#[derive(Debug)]
pub(super) enum Eyes {
    /// It does: these are the credentials of all.
    Same(Box<TaskCreds>),
    /// It may not.
    Other,
}

impl Eyes {
    /// Those of a tree that has not started.
    pub(super) fn of_vrift() -> Eyes {
        let own = TaskCreds::of(nix::unistd::gettid());
        // access(2) is about the real ones.
        let same = |ids: fn(&Creds) -> _| ids(own.get(Ids::FileSystem)) == ids(own.get(Ids::Real));
        match same(|creds| (creds.uid, creds.gid, creds.dac_override, creds.dac_read_search)) {
            true => Eyes::Same(Box::new(own)),
            false => Eyes::Other,
        }
    }

    /// Takes note of a call that may give its caller another root or other mounts, whatever comes of it.
    pub(super) fn before(&mut self, escape: Option<Escape>) {
        if escape == Some(Escape::Namespace) {
            *self = Eyes::Other;
        }
    }

    /// Takes note of a task that may have other credentials now.
    pub(super) fn look_at(&mut self, tid: Pid) {
        if let Eyes::Same(own) = self
            && TaskCreds::of(tid) != **own
        {
            *self = Eyes::Other;
        }
    }

    pub(super) fn are_same(&self) -> bool {
        matches!(self, Eyes::Same(_))
    }
}
