//! Looking at the host tree while a path is resolved: only to find symlinks, never to open a file.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2, readlink};

use crate::request::Follow;

/// What a run of host components turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// It exists and no component of it is a symlink (a final one that is not followed aside).
    Plain,
    /// A symlink stands in the way.
    HasLink,
    /// The kernel refuses the walk (missing, not a directory, no permission, too long).
    Refused,
}

/// One look for symlinks along an absolute host path.
pub(crate) fn probe(path: &Path, follow: Follow) -> Probe {
    let nofollow = match follow {
        Follow::Yes => OFlag::empty(),
        Follow::No => OFlag::O_NOFOLLOW,
    };
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | nofollow)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(AT_FDCWD, path, how) {
        Ok(_) => Probe::Plain,
        Err(Errno::ELOOP) => Probe::HasLink,
        Err(_) => Probe::Refused,
    }
}

/// The target of the symlink at `path`; `None` if there is something else or nothing.
pub(crate) fn link_target(path: &Path) -> Option<PathBuf> {
    readlink(path).ok().map(PathBuf::from)
}
