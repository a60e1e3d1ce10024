//! Looking at the host tree while a path is resolved: only to find symlinks, never to open a file.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2, readlink};
use nix::sys::stat::Mode;

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

/// Why there is nothing to be found at `path`, if so.
pub(crate) fn look(path: &Path, follow: Follow) -> Result<(), Errno> {
    let nofollow = match follow {
        Follow::Yes => OFlag::empty(),
        Follow::No => OFlag::O_NOFOLLOW,
    };
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | nofollow;
    open(path, flags, Mode::empty()).map(drop)
}

/// Why the directory in which the last name of `path` lies cannot be reached, if so.
pub(crate) fn reach_directory_of(path: &Path) -> Result<(), Errno> {
    let Some(directory) = path.parent() else { return Ok(()) };
    // The slash makes the kernel insist on a directory.
    look(&directory.join(""), Follow::Yes)
}

/// Whether the last name of `path` is a directory, not a symlink to one.
pub(crate) fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

/// The target of the symlink at `path`; `None` if there is something else or nothing.
pub(crate) fn link_target(path: &Path) -> Option<PathBuf> {
    readlink(path).ok().map(PathBuf::from)
}
