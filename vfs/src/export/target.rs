//! Making names in open directories, without ever following a symlink.
//!
//! The one file of the export that knows Linux: `openat2` and `FICLONE` exist nowhere else.

use std::ffi::CString;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, ioctl_ficlone, linkat, mkdirat,
    mknodat, openat, openat2, symlinkat, unlinkat,
};
use rustix::io::{Errno, Result};

use super::Existing;
use crate::manifest::{Kind, Node};

/// The longest path that is given to the kernel at once.
const PATH_PART: usize = 4000;

/// An open directory of the target.
#[derive(Debug)]
pub(crate) struct Place(OwnedFd);

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Place {
    /// Opens the directory that the user named, here through symlinks, after making it if it is not
    /// there.
    pub(crate) fn named(path: &Path) -> Result<Place> {
        match mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        openat(CWD, path, directory(), Mode::empty()).map(Place)
    }

    /// Opens a directory that is there, here through symlinks.
    pub(crate) fn open(path: &Path) -> Result<Place> {
        openat(CWD, path, directory(), Mode::empty()).map(Place)
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Result<Vec<CString>> {
        // A descriptor of its own, whose position is at the beginning.
        let own = openat(&self.0, c".", directory(), Mode::empty())?;
        let mut buffer = [MaybeUninit::uninit(); 1 << 14];
        let mut listing = RawDir::new(own, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = listing.next() {
            let name = entry?.file_name().to_owned();
            if name.as_c_str() != c"." && name.as_c_str() != c".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Whether there is nothing in it. To be asked once: the position is the descriptor's.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut listing = RawDir::new(&self.0, &mut buffer);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes and opens a directory in this one.
    pub(crate) fn make_directory(&self, name: &CString, existing: Existing) -> Result<Place> {
        let make = || mkdirat(&self.0, name, Mode::RWXU);
        let open = || openat(&self.0, name, directory() | OFlags::NOFOLLOW, Mode::empty());
        match make() {
            Err(Errno::EXIST) if existing == Existing::Replace => match open() {
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    unlinkat(&self.0, name, AtFlags::empty())?;
                    make()?;
                }
                opened => return opened.map(Place),
            },
            made => made?,
        }
        open().map(Place)
    }

    /// Makes a regular file in this directory, empty and for its owner alone.
    pub(crate) fn make_file(&self, name: &CString, existing: Existing) -> Result<File> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NOCTTY;
        let make = || openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR).map(File::from);
        self.replacing(name, existing, make)
    }

    pub(crate) fn make_symlink(
        &self,
        name: &CString,
        target: &[u8],
        existing: Existing,
    ) -> Result<()> {
        self.replacing(name, existing, || symlinkat(target, &self.0, name))
    }

    /// Makes a FIFO, a socket or a device.
    pub(crate) fn make_special(
        &self,
        name: &CString,
        node: &Node,
        existing: Existing,
    ) -> Result<()> {
        let kind = match node.kind {
            Kind::Fifo => FileType::Fifo,
            Kind::Socket => FileType::Socket,
            Kind::CharDevice => FileType::CharacterDevice,
            Kind::BlockDevice => FileType::BlockDevice,
            Kind::File | Kind::Directory | Kind::Symlink => return Err(Errno::INVAL),
        };
        let mode = Mode::RUSR | Mode::WUSR;
        self.replacing(name, existing, || mknodat(&self.0, name, kind, mode, node.rdev))
    }

    /// Gives the file that is `from_name` in `from` another name in this directory.
    pub(crate) fn link(
        &self,
        from: &Place,
        from_name: &CString,
        name: &CString,
        existing: Existing,
    ) -> Result<()> {
        self.replacing(name, existing, || {
            linkat(&from.0, from_name, &self.0, name, AtFlags::empty())
        })
    }

    pub(crate) fn remove(&self, name: &CString) -> Result<()> {
        unlinkat(&self.0, name, AtFlags::empty())
    }

    /// Holds on to what has this name, a symlink itself included, without opening it.
    pub(crate) fn hold(&self, name: &CString) -> Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.0, name, flags, Mode::empty())
    }

    /// Opens the directory at `path` below this one, through no symlink and never out of
    /// it.
    pub(crate) fn below(&self, path: &[u8]) -> Result<Place> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let open = |dir: BorrowedFd<'_>, part: &[u8]| {
            openat2(dir, part, directory(), Mode::empty(), resolve)
        };
        let (mut dir, mut rest) = (open(self.as_fd(), b".")?, path);
        while !rest.is_empty() {
            let (part, further) = split(rest);
            dir = open(dir.as_fd(), part)?;
            rest = further;
        }
        Ok(Place(dir))
    }

    fn replacing<T>(
        &self,
        name: &CString,
        existing: Existing,
        make: impl Fn() -> Result<T>,
    ) -> Result<T> {
        match make() {
            Err(Errno::EXIST) if existing == Existing::Replace => {
                self.remove(name)?;
                make()
            }
            other => other,
        }
    }
}

/// The beginning of a path that the kernel takes at once, and the rest.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    if path.len() <= PATH_PART {
        return (path, &[]);
    }
    match path[..PATH_PART].iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (path, &[]),
    }
}

/// Makes `to` share the content of `blob`.
pub(crate) fn clone(blob: &File, to: &File) -> Result<()> {
    ioctl_ficlone(to, blob)
}

fn directory() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_cut_at_slashes() {
        let long = [&b"d".repeat(200)[..]; 100].join(&b'/');
        let (mut rest, mut parts) = (&long[..], Vec::new());
        while !rest.is_empty() {
            let (part, further) = split(rest);
            assert!(part.len() <= PATH_PART);
            parts.push(part);
            rest = further;
        }
        assert_eq!(parts.join(&b'/'), long);
    }

    #[test]
    fn a_directory_is_not_found_through_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("l")).unwrap();
        let place = Place::named(dir.path()).unwrap();
        assert!(place.below(b"").is_ok() && place.below(b"a/b").is_ok());
        for bad in [&b"l/b"[..], b"l", b"a/../../x", b"/"] {
            assert!(place.below(bad).is_err(), "{bad:?}");
        }
    }
}
