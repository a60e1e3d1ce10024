//! A blob on its way in: a file without its final name, which is then given that name in one step.
//!
//! Where the file system can (`O_TMPFILE`), the file has no name at all until it is complete, and a
//! killed process leaves nothing. Elsewhere it has a name in `tmp/`, and is renamed.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::linkat;

use crate::digest::Digest;
use crate::error::Error;
use crate::insert::{Fresh, Inserted};
use crate::ioctl;
use crate::name::Name;
use crate::protect::{self, Protection};
use crate::store::{CreatedMode, Durability, Store};
use crate::temp::Temp;

/// The permissions of every blob.
pub(crate) const BLOB_MODE: u32 = 0o444;

/// A blob being written.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// It has no name.
    Unnamed(File),
    /// It has a name in `tmp/`.
    Named(Temp),
}

impl Incoming {
    /// An empty one.
    pub(crate) fn new(store: &Store) -> Result<Incoming, Error> {
        match Incoming::create(store) {
            Err(Errno::ENOENT) => {
                store.make_dir(b"tmp")?;
                Incoming::create(store)
            }
            other => other,
        }
        .map_err(|errno| Error::io("create a file in", &store.temp_dir())(errno.into()))
    }

    fn create(store: &Store) -> Result<Incoming, Errno> {
        let unnamed = &store.inner.unnamed;
        if unnamed.load(Ordering::Relaxed) {
            let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
            let mode = Mode::from_bits_truncate(BLOB_MODE);
            match openat(&store.inner.dir, c"tmp", flags, mode) {
                // The second is what a file system says that does not know of the flag.
                Err(Errno::EOPNOTSUPP | Errno::EISDIR) => unnamed.store(false, Ordering::Relaxed),
                other => return Ok(Incoming::Unnamed(other?.into())),
            }
        }
        let temp = Temp::create(&store.temp_dir(), "", 0o600);
        temp.map(Incoming::Named).map_err(errno)
    }

    /// The file.
    pub(crate) fn file(&self) -> &File {
        match self {
            Incoming::Unnamed(file) => file,
            Incoming::Named(temp) => temp.file(),
        }
    }

    /// Gives it the name of its content. If the store turns out to have that by now, nothing happens.
    pub(crate) fn place(self, store: &Store, digest: Digest, size: u64) -> Result<Inserted, Error> {
        let name = Name::of(&digest);
        self.set_mode(store).map_err(store.failed("set the mode of a new blob in"))?;
        if store.durability == Durability::Synced {
            self.file().sync_all().map_err(store.failed("sync a new blob in"))?;
        }
        store.make_dirs_of(&name)?;
        let placed = match self.link(store, &name) {
            // Somebody has removed the directory since it was seen.
            Err(Errno::ENOENT) => {
                store.forget_dirs_of(&name);
                store.make_dirs_of(&name)?;
                self.link(store, &name)
            }
            other => other,
        };
        match placed {
            Ok(()) => self.settle(),
            Err(Errno::EEXIST) => {
                if let Some(known) = store.known(&digest, size)? {
                    return Ok(known);
                }
                self.replace(store, &digest)?;
            }
            Err(errno) => return Err(store.failed_at("create", &digest)(errno.into())),
        }
        if store.durability == Durability::Synced {
            store.sync_names(&digest)?;
        }
        Ok(Inserted { digest, size, fresh: Fresh::New })
    }

    /// Gives it the mode of a blob. What the umask and a default ACL make of the mode a file without
    /// a name is created with is found out once: neither changes while a process stores.
    fn set_mode(&self, store: &Store) -> io::Result<()> {
        if let Incoming::Unnamed(file) = self {
            let created = store.inner.mode.get_or_init(|| {
                let mode = file.metadata().map(|meta| meta.permissions().mode() & 0o7777);
                if mode.is_ok_and(|mode| mode == BLOB_MODE) {
                    CreatedMode::Right
                } else {
                    CreatedMode::Wrong
                }
            });
            if *created == CreatedMode::Right {
                return Ok(());
            }
        }
        self.file().set_permissions(Permissions::from_mode(BLOB_MODE))
    }

    /// Gives it its name, unless that is taken.
    fn link(&self, store: &Store, name: &Name) -> Result<(), Errno> {
        match self {
            Incoming::Unnamed(file) => link_unnamed(file, store, name),
            Incoming::Named(temp) => {
                let rename =
                    |flags| renameat2(AT_FDCWD, temp.path(), &store.inner.dir, name.path(), flags);
                match rename(RenameFlags::RENAME_NOREPLACE) {
                    // Where that cannot be asked for, an equal blob is replaced by this one.
                    Err(Errno::EINVAL) => rename(RenameFlags::empty()),
                    other => other,
                }
            }
        }
    }

    /// The temporary name is anybody's now.
    fn settle(self) {
        if let Incoming::Named(temp) = self {
            temp.forget_name();
        }
    }

    /// Takes the place of a damaged blob.
    fn replace(self, store: &Store, digest: &Digest) -> Result<(), Error> {
        let temp = match self {
            Incoming::Named(temp) => temp,
            Incoming::Unnamed(file) => Temp::adopt(file, &store.temp_dir(), |file, path| {
                let from = descriptor(file);
                linkat(AT_FDCWD, from.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)
            })
            .map_err(store.failed("create a file in"))?,
        };
        let path = store.path_of(digest);
        // A damaged blob may be a protected one.
        if ioctl::is_immutable(&path).unwrap_or(false) {
            protect::set(&path, Protection::Off)?;
        }
        temp.replace(&path).map_err(store.failed_at("replace the damaged blob", digest))
    }
}

/// Gives a file without a name one in the store.
fn link_unnamed(file: &File, store: &Store, name: &Name) -> Result<(), Errno> {
    let (to, by_descriptor) = (&store.inner.dir, &store.inner.by_descriptor);
    if by_descriptor.load(Ordering::Relaxed) {
        match linkat(file, c"", to, name.path(), AtFlags::AT_EMPTY_PATH) {
            // The directory is not there, or this needs a capability: before Linux 6.10 everybody, since
            // then who has other credentials than the one who opened the file.
            Err(Errno::ENOENT) => {}
            other => return other,
        }
    }
    let from = descriptor(file);
    let flags = AtFlags::AT_SYMLINK_FOLLOW;
    let linked = linkat(AT_FDCWD, from.as_str(), to, name.path(), flags);
    if linked.is_ok() {
        by_descriptor.store(false, Ordering::Relaxed);
    }
    linked
}

/// The name under which the kernel links a file that has none.
fn descriptor(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
