//! Real objects that stand for nodes, so that the kernel can hand out descriptors and current
//! directories for them: one empty directory for all directories, FIFOs for FIFOs, and symlinks for
//! symlinks that are opened themselves.
//!
//! ```text
//! <place>/run/<pid>-<n>/        one per running vrift, removed at its end
//!     lock                      held with flock while vrift lives
//!     manifest-0                what mount 0 reaches, see lease.rs
//!     directory/                stands for every directory
//!     0-17                      the symlink, FIFO or socket for node 17 of mount 0
//!     watch-0-17                what is watched or locked instead of node 17 of mount 0
//!     exec/                     executable copies, see `stage`
//!     view-17-1-maps            what task 17 is about to open instead of /proc/1/maps
//! ```
//!
//! The place is the store, or a directory of the user's own where the store may not be written.
//! A relative path that escapes decoding ends in an empty directory instead of the host's tree.
//! What a killed vrift left behind is removed by the next one that starts on the same store.
//!
//! **Invariant:** which node a descriptor is open on is never told from the stand-in; the table of
//! descriptors knows. A directory that is locked gets one of its own (`watch-0-17`), or the lock would hold
//! for all of them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::attr::Kind;
use crate::error::Error;
use crate::lease;
use crate::listing::Positions;
use crate::manifest::Manifest;
use crate::namespace::LOST;
use crate::place::NodeRef;

/// Every user a tracee may become can enter and open the stand-ins; they are empty.
const DIRECTORY_MODE: u32 = 0o755;

/// The stand-ins of one running vrift.
#[derive(Debug)]
pub struct Skeleton {
    root: PathBuf,
    directory: PathBuf,
    lock: Option<Flock<File>>,
}

impl Skeleton {
    /// Makes an empty skeleton below the store, or another directory for what is made for a run.
    pub fn create(place: &Path) -> Result<Skeleton, Error> {
        let run = place.join("run");
        make_directory(&run)?;
        // As the kernel tells where a descriptor is open.
        let run = run.canonicalize().map_err(|source| Error::Skeleton { path: run, source })?;
        remove_abandoned(&run);
        // A skeleton that has no lock yet must not be taken for an abandoned one.
        let _no_removal = lock_directory(&run, FlockArg::LockShared)
            .map_err(|source| Error::Skeleton { path: run.clone(), source })?;
        for n in 0u32.. {
            let root = run.join(format!("{}-{n}", std::process::id()));
            match fs::create_dir(&root) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(Error::Skeleton { path: root, source }),
                Ok(()) => return Skeleton::lock(root),
            }
        }
        unreachable!("four thousand million directories of one process id")
    }

    fn lock(root: PathBuf) -> Result<Skeleton, Error> {
        let failed = |source| Error::Skeleton { path: root.clone(), source };
        fs::set_permissions(&root, Permissions::from_mode(DIRECTORY_MODE)).map_err(failed)?;
        let file = File::create(root.join("lock")).map_err(failed)?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| failed(errno.into()))?;
        let directory = root.join("directory");
        make_directory(&directory)?;
        Ok(Skeleton { root, directory, lock: Some(lock) })
    }

    /// Says that mount number `number` uses `manifest`, until the skeleton goes.
    pub(crate) fn lease(&self, number: usize, manifest: &Manifest) -> Result<(), Error> {
        lease::write(&self.root, number, manifest)
            .map_err(|source| Error::Skeleton { path: self.root.clone(), source })
    }

    /// The directory that stands for every directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// How large positions a descriptor of that directory can have: some file systems take them for offsets in a
    /// file.
    pub(crate) fn positions(&self) -> Positions {
        let far = File::open(&self.directory)
            .and_then(|mut directory| directory.seek(SeekFrom::Start(1 << 61)));
        if far.is_ok() { Positions::Wide } else { Positions::Narrow }
    }

    /// Where executable copies are made.
    pub(crate) fn stage(&self) -> PathBuf {
        self.root.join("exec")
    }

    /// A file of this content for one call of the task `tid`, instead of the file of `/proc` at `proc`.
    pub(crate) fn view(&self, content: &[u8], tid: i32, proc: &Path) -> Result<PathBuf, Error> {
        let mut name = OsString::from(format!("view-{tid}"));
        for part in proc.iter().skip_while(|part| *part == "/" || *part == "proc") {
            name.push("-");
            name.push(part);
        }
        let path = self.root.join(name);
        // A descriptor may still be open on the last one.
        let _ = fs::remove_file(&path);
        let made = fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o444)));
        match made {
            Ok(()) => Ok(path),
            Err(source) => Err(Error::Skeleton { path, source }),
        }
    }

    /// The file of `/proc` that was opened by the file at `real`, which may be gone.
    pub(crate) fn viewed(&self, real: &Path) -> Option<PathBuf> {
        let name = real.strip_prefix(&self.root).ok()?.as_os_str().as_bytes();
        let name = name.strip_suffix(LOST).unwrap_or(name).strip_prefix(b"view-")?;
        let parts = name.split(|&byte| byte == b'-').skip(1).map(OsStr::from_bytes);
        Some([OsStr::new("/proc")].into_iter().chain(parts).collect())
    }

    /// The FIFO that stands for `node`, made if it is not there: whoever opens the node meets there.
    /// Everybody may open it, for the node's own mode has been asked before.
    pub(crate) fn fifo(&self, node: NodeRef) -> Result<PathBuf, Error> {
        let path = self.root.join(format!("{}-{}", node.mount.0, node.node.0));
        let made = mkfifo(&path, Mode::from_bits_truncate(0o600)).map_err(io::Error::from);
        let made = made.and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o666)));
        match made {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                Err(Error::Skeleton { path, source: e })
            }
            _ => Ok(path),
        }
    }

    /// The empty directory or file that is watched instead of `node`, made if it is not there.
    pub(crate) fn unchanging(&self, node: NodeRef, kind: Kind) -> Result<PathBuf, Error> {
        let path = self.root.join(format!("watch-{}-{}", node.mount.0, node.node.0));
        let made = match kind {
            Kind::Directory => make_directory(&path),
            // A watch needs the permission to read; that on the node has been asked before.
            _ if path.exists() => Ok(()),
            _ => File::create(&path)
                .and_then(|file| file.set_permissions(Permissions::from_mode(0o444)))
                .map_err(|source| Error::Skeleton { path: path.clone(), source }),
        };
        made.map(|()| path)
    }

    /// Where the socket that stands for `node` is, if it has been bound.
    pub(crate) fn socket(&self, node: NodeRef) -> PathBuf {
        self.root.join(format!("{}-{}", node.mount.0, node.node.0))
    }

    /// The symlink that stands for `node`, made if it is not there.
    pub(crate) fn link(&self, node: NodeRef, target: &[u8]) -> Result<PathBuf, Error> {
        let path = self.root.join(format!("{}-{}", node.mount.0, node.node.0));
        match symlink(OsStr::from_bytes(target), &path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                Err(Error::Skeleton { path, source: e })
            }
            _ => Ok(path),
        }
    }
}

impl Drop for Skeleton {
    fn drop(&mut self) {
        // The directory goes before the lock: nobody else may remove it in between. What cannot be
        // removed now is removed by the next vrift.
        let _ = fs::remove_dir_all(&self.root);
        self.lock.take();
    }
}

fn make_directory(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Skeleton { path: path.to_owned(), source };
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE)).map_err(failed),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(failed(source)),
    }
}

fn lock_directory(path: &Path, how: FlockArg) -> io::Result<Flock<File>> {
    Flock::lock(File::open(path)?, how).map_err(|(_, errno)| errno.into())
}

/// Removes the skeletons whose vrift is gone. Best effort: another user's cannot be removed, and
/// while another vrift starts, none is.
fn remove_abandoned(run: &Path) {
    let Ok(_alone) = lock_directory(run, FlockArg::LockExclusiveNonblock) else { return };
    let Ok(skeletons) = fs::read_dir(run) else { return };
    for skeleton in skeletons.flatten() {
        let abandoned = match File::open(skeleton.path().join("lock")) {
            Ok(file) => Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok(),
            // Its maker was killed before it came to lock it.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if abandoned {
            let _ = fs::remove_dir_all(skeleton.path());
        }
    }
}
