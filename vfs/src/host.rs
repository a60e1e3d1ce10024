//! Looking at the host tree while a path is resolved: to find symlinks,
//! and to see what a file that is to be executed says of its interpreter.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2, readlink};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::utsname::uname;
use rustix::fs::getxattr;

use crate::attr::Kind;
use crate::creds::{Creds, EXEC};
use crate::manifest::Node;
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

/// Whether a program of the host has set-id bits or capabilities (capabilities(7)), which may give whoever
/// executes it other rights.
pub fn gains_rights(program: &Path) -> bool {
    const SET_ID: u32 = 0o6000;
    // A set-group-id directory, or FIFO, is no program.
    let Some(meta) = program.metadata().ok().filter(Metadata::is_file) else { return false };
    // More than a `struct vfs_ns_cap_data` has.
    let capabilities = || getxattr(program, "security.capability", &mut [0u8; 64]);
    meta.mode() & SET_ID != 0 || capabilities().is_ok_and(|size| size > 0)
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
    // `Path::parent` will not do: it passes over a final `.`, before which there must be a directory.
    let bytes = path.as_os_str().as_bytes();
    let named = bytes.iter().rposition(|&b| b != b'/').map_or(0, |last| last + 1);
    let Some(end) = bytes[..named].iter().rposition(|&b| b == b'/') else { return Ok(()) };
    // The slash makes the kernel insist on a directory.
    look(Path::new(OsStr::from_bytes(&bytes[..=end])), Follow::Yes)
}

/// Whether the directory in which the last name of `path` lies is on the device of `directory`.
/// Where that cannot be told it is taken to be.
pub(crate) fn same_device(path: &Path, directory: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    let named = bytes.iter().rposition(|&b| b != b'/').map_or(0, |last| last + 1);
    let end = bytes[..named].iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    match (device(Path::new(OsStr::from_bytes(&bytes[..end]))), device(directory)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Whether a path leads to a file of `/proc`, wherever that is mounted.
pub(crate) fn is_of_proc(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == PROC_SUPER_MAGIC)
}

/// Whether the last name of `path` is a directory, not a symlink to one.
pub(crate) fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

/// A regular file, opened to be read; `None` if it cannot be.
pub(crate) fn open_file(path: &Path) -> Option<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).ok().map(File::from)
}

/// Whether a file may be executed by somebody else than us: the checks of `do_open_execat`.
pub(crate) fn may_execute(path: &Path, creds: &Creds) -> Result<Metadata, Errno> {
    let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    let may = |meta: &Metadata| {
        let kind = if meta.is_dir() { Kind::Directory } else { Kind::File };
        let (mode, uid, gid) = (meta.mode() & 0o7777, meta.uid(), meta.gid());
        creds.may(&Node { kind, mode, uid, gid, ..Node::default() }, None, EXEC)
    };
    // What /proc jumps to was reached when it was opened.
    if !path.starts_with("/proc") {
        for directory in path.ancestors().skip(1) {
            if !may(&directory.metadata().map_err(errno)?) {
                return Err(Errno::EACCES);
            }
        }
    }
    let meta = path.metadata().map_err(errno)?;
    let noexec = statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_NOEXEC));
    if !meta.is_file() || noexec || !may(&meta) {
        return Err(Errno::EACCES);
    }
    Ok(meta)
}

/// Whether the kernel names a task after the file itself if that is executed by descriptor; before
/// Linux 6.14 it took the descriptor's number.
pub(crate) fn names_task_by_file() -> bool {
    let Ok(uname) = uname() else { return true };
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6u32), Some(14u32))
}

/// The target of the symlink at `path`; `None` if there is something else or nothing.
pub(crate) fn link_target(path: &Path) -> Option<PathBuf> {
    readlink(path).ok().map(PathBuf::from)
}
