//! Looking at the source without following, changing or waiting for anything in it.
//!
//! Everything is opened by its name in an open directory. The kind is asked for before opening,
//! because merely opening a FIFO or a device can have an effect; whether it is still the same
//! thing is asked again of the descriptor.
//!
//! The one file of the ingest that knows Linux: `O_PATH` and `O_NOATIME` exist nowhere else.

use std::ffi::{CStr, CString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstatat};

use crate::manifest::{Kind, Node, Timestamp};

/// An open directory of the source.
#[derive(Debug)]
pub(super) struct Directory(File);

/// What distinguishes a file from all others, for as long as the source exists: a number that was
/// given up and taken again comes with another time of creation, where the file system keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    dev: u64,
    ino: u64,
    btime: Option<Timestamp>,
}

/// What a name stands for before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Something a manifest can hold.
    Known(Kind),
    /// Something else.
    Unknown,
}

impl Directory {
    /// Opens the root of the source; here, and only here, a symlink is followed.
    pub(super) fn root(path: &Path) -> io::Result<Directory> {
        open(AT_FDCWD, path, OFlag::O_DIRECTORY).map(Directory)
    }

    /// Opens a directory in this one.
    pub(super) fn directory(&self, name: &CStr) -> io::Result<Directory> {
        open(&self.0, name, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).map(Directory)
    }

    /// Opens a regular file in this directory. If something else has its name by now, it is not
    /// waited for.
    pub(super) fn file(&self, name: &CStr) -> io::Result<File> {
        open(&self.0, name, OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW)
    }

    /// The attributes and the target of a symlink in this directory.
    pub(super) fn symlink(&self, name: &CStr) -> io::Result<(Metadata, Vec<u8>)> {
        // `O_PATH` holds on to the link itself; a link's target never changes.
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let link = File::from(openat(&self.0, name, flags, Mode::empty())?);
        let target = readlinkat(&link, c"")?;
        Ok((link.metadata()?, target.into_vec()))
    }

    /// What `name` stands for.
    pub(super) fn sort(&self, name: &CStr) -> io::Result<Sort> {
        let stat = fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Sort::Known(Kind::File),
            SFlag::S_IFDIR => Sort::Known(Kind::Directory),
            SFlag::S_IFLNK => Sort::Known(Kind::Symlink),
            SFlag::S_IFIFO => Sort::Known(Kind::Fifo),
            SFlag::S_IFSOCK => Sort::Known(Kind::Socket),
            SFlag::S_IFCHR => Sort::Known(Kind::CharDevice),
            SFlag::S_IFBLK => Sort::Known(Kind::BlockDevice),
            _ => Sort::Unknown,
        })
    }

    /// The names in this directory, sorted, without `.` and `..`.
    pub(super) fn names(&self) -> io::Result<Vec<CString>> {
        // A descriptor of its own, opened anew, so that the listing starts at the beginning.
        let fd: OwnedFd = open(&self.0, c".", OFlag::O_DIRECTORY)?.into();
        let mut names = Vec::new();
        for entry in Dir::from_fd(fd)?.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Its attributes.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }
}

/// Opens for reading, without marking an access where that is allowed.
fn open<P: ?Sized + nix::NixPath>(
    dir: impl std::os::fd::AsFd,
    name: &P,
    flags: OFlag,
) -> io::Result<File> {
    let flags = flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let opened = match openat(&dir, name, flags | OFlag::O_NOATIME, Mode::empty()) {
        // Not the owner: reading is still allowed, only not unnoticed.
        Err(Errno::EPERM) => openat(&dir, name, flags, Mode::empty()),
        other => other,
    };
    Ok(File::from(opened?))
}

/// Who it is.
pub(super) fn identity(meta: &Metadata) -> Identity {
    Identity { dev: meta.dev(), ino: meta.ino(), btime: btime(meta) }
}

/// Whether `before` and `after` can be of the same content and attributes. The time of access may
/// differ; others may read too.
pub(super) fn unchanged(before: &Metadata, after: &Metadata) -> bool {
    let fields = |m: &Metadata| (m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
    fields(before) == fields(after)
}

/// What a manifest says of something with these attributes, without its content.
pub(super) fn node(kind: Kind, meta: &Metadata) -> Node {
    Node {
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        nlink: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
        size: meta.size(),
        blocks: meta.blocks(),
        rdev: meta.rdev(),
        atime: timestamp(meta.atime(), meta.atime_nsec()),
        mtime: timestamp(meta.mtime(), meta.mtime_nsec()),
        ctime: timestamp(meta.ctime(), meta.ctime_nsec()),
        btime: btime(meta),
        ..Node::default()
    }
}

fn timestamp(sec: i64, nsec: i64) -> Timestamp {
    Timestamp { sec, nsec: u32::try_from(nsec).unwrap_or(0) }
}

fn btime(meta: &Metadata) -> Option<Timestamp> {
    let created = meta.created().ok()?;
    let (sec, nsec) = match created.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (i64::try_from(since.as_secs()).ok()?, since.subsec_nanos()),
        Err(before) => seconds_before(before.duration())?,
    };
    Some(Timestamp { sec, nsec })
}

/// The time stamp of a moment `before` 1970: seconds are rounded down and nanoseconds added.
fn seconds_before(before: Duration) -> Option<(i64, u32)> {
    let sec = i64::try_from(before.as_secs()).ok()?;
    Some(match before.subsec_nanos() {
        0 => (-sec, 0),
        nsec => (-sec - 1, 1_000_000_000 - nsec),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_rounded_down() {
        assert_eq!(seconds_before(Duration::new(2, 0)), Some((-2, 0)));
        assert_eq!(seconds_before(Duration::new(2, 1)), Some((-3, 999_999_999)));
    }
}
