//! Executable copies of what is run from a mount.
//!
//! A blob is never executable, and no two names share an inode in it; so what is to be run is
//! copied, once per session and content, into the session's own directory:
//!
//! ```text
//! <run>/exec/<n>/<name>   a copy, mode 0555, under every name it has been run by
//! ```
//!
//! The name matters: the kernel takes the task's name (`comm`) from the path it is given. A program
//! of the host that must be run by another name is a symlink there.
//!
//! Set-id bits are left out, as on a file system mounted `nosuid`. A copy may be read by whoever may
//! run it, so that a program that may be run but not read can still be served (natively it would be
//! closed to tracers, and vrift is one).

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use vrift_cas::Digest;

use crate::elf::{self, Interpreter};

/// What a copy is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A blob.
    Blob(Digest),
    /// A file of the host, as it is now.
    Host {
        dev: u64,
        ino: u64,
        size: u64,
        /// When its content and its attributes last changed, in seconds and nanoseconds.
        changed: [i64; 4],
    },
    /// Not a copy but a symlink to this path.
    Link(PathBuf),
}

impl Source {
    /// A file of the host.
    pub(crate) fn host(meta: &fs::Metadata) -> Source {
        Source::Host {
            dev: meta.dev(),
            ino: meta.ino(),
            size: meta.size(),
            changed: [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()],
        }
    }
}

/// Another interpreter for a copy than the one the file names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loader<'a> {
    pub(crate) named: &'a Interpreter,
    pub(crate) path: &'a Path,
}

/// A copy and the interpreter it names instead of its own.
type Key = (Source, Option<PathBuf>);

/// The directory of a copy, and one name of it there.
#[derive(Debug, Clone)]
struct Made {
    directory: PathBuf,
    first: PathBuf,
}

/// The copies of one running vrift.
#[derive(Debug)]
pub(crate) struct Copies {
    root: PathBuf,
    made: RefCell<HashMap<Key, Made>>,
    /// Whether programs may be run from where the copies lie.
    runs: bool,
}

/// Every user a tracee may become can run the copies.
const MODE: u32 = 0o555;

impl Copies {
    /// No copies yet, at `root`, whose parent exists; it is made when it is needed.
    pub(crate) fn new(root: PathBuf) -> Copies {
        let above = root.parent().unwrap_or(&root);
        let runs = !statvfs(above).is_ok_and(|found| found.flags().contains(FsFlags::ST_NOEXEC));
        Copies { root, made: RefCell::default(), runs }
    }

    /// Where the copies lie.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether programs may be run from there.
    pub(crate) fn may_run(&self) -> bool {
        self.runs
    }

    /// The path of a copy that is there already, under `name`.
    pub(crate) fn known(
        &self,
        source: &Source,
        loader: Option<&Loader<'_>>,
        name: &OsStr,
    ) -> io::Result<Option<PathBuf>> {
        let key = (source.clone(), loader.map(|loader| loader.path.to_owned()));
        let Some(Made { directory, first }) = self.made.borrow().get(&key).cloned() else {
            return Ok(None);
        };
        let path = directory.join(name);
        match fs::hard_link(first, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Some(path)),
        }
    }

    /// The path of a new copy of `file` under `name`.
    pub(crate) fn copy(
        &self,
        source: Source,
        file: &File,
        name: &OsStr,
        loader: Option<Loader<'_>>,
    ) -> io::Result<PathBuf> {
        let key = (source, loader.map(|loader| loader.path.to_owned()));
        self.make(key, name, |path| {
            write_copy(file, path, loader).inspect_err(|_| drop(fs::remove_file(path)))
        })
    }

    /// The path of a symlink to `target` under `name`.
    pub(crate) fn link(&self, target: &Path, name: &OsStr) -> io::Result<PathBuf> {
        let source = Source::Link(target.to_owned());
        match self.known(&source, None, name)? {
            Some(path) => Ok(path),
            None => self.make((source, None), name, |path| symlink(target, path)),
        }
    }

    fn make(
        &self,
        key: Key,
        name: &OsStr,
        make: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let directory = self.root.join(self.made.borrow().len().to_string());
        make_directory(&self.root)?;
        make_directory(&directory)?;
        let first = directory.join(name);
        make(&first)?;
        self.made.borrow_mut().insert(key, Made { directory, first: first.clone() });
        Ok(first)
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_copy(mut file: &File, path: &Path, loader: Option<Loader<'_>>) -> io::Result<()> {
    use io::Seek;
    file.rewind()?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?;
    // Where it was interrupted it goes on: both files keep their positions.
    while let Err(error) = io::copy(&mut file, &mut copy) {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    if let Some(Loader { named, path }) = loader {
        elf::replace(&mut copy, named, path.as_os_str().as_encoded_bytes())?;
    }
    copy.set_permissions(Permissions::from_mode(MODE))
}
