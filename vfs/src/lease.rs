//! What running mounts reach, written down for a collection of garbage.
//!
//! ```text
//! <store>/run/<pid>-<n>/        the skeleton of a running vrift; lock is held while it runs
//!     manifest-0                one file per mount:
//!         vrift-lease 1
//!         id <64 hex digits>
//!         path /home/me/app.vrift      to the end of the file
//! ```
//!
//! A mount goes on with the manifest it has opened when that is replaced or deleted. A collection
//! cannot see what such a mount reaches, and must leave everything; the id tells it so.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use vrift_cas::{Digest, path_of_root};

use crate::manifest::Manifest;

/// What one mount of a running vrift uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The process id and a number, which name the running vrift.
    pub(crate) holder: String,
    /// Where the manifest was when it was opened.
    pub(crate) path: PathBuf,
    /// Its id.
    pub(crate) id: Digest,
}

/// Writes the lease of mount number `number` into the skeleton at `skeleton`.
pub(crate) fn write(skeleton: &Path, number: usize, manifest: &Manifest) -> io::Result<()> {
    let path = path_of_root(manifest.path());
    let head = format!("vrift-lease 1\nid {}\npath ", manifest.id());
    let text = [head.as_bytes(), path.as_os_str().as_bytes()].concat();
    fs::write(skeleton.join(format!("manifest-{number}")), text)
}

/// The leases of everyone who runs on the store at `store`.
pub(crate) fn running(store: &Path) -> io::Result<Vec<Lease>> {
    let run = store.join("run");
    let skeletons = match fs::read_dir(&run) {
        Ok(skeletons) => skeletons,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // A vrift that is just starting keeps this lock shared until it has its own, so that looking at
    // that one does not get in its way.
    let _nobody_starts = Flock::lock(File::open(&run)?, FlockArg::LockExclusive)
        .map_err(|(_, errno)| io::Error::from(errno))?;
    let mut leases = Vec::new();
    for skeleton in skeletons {
        let skeleton = skeleton?.path();
        if is_alive(&skeleton)? {
            leases.extend(read_all(&skeleton)?);
        }
    }
    leases.sort_by(|a, b| a.holder.cmp(&b.holder));
    Ok(leases)
}

fn is_alive(skeleton: &Path) -> io::Result<bool> {
    let lock = match File::open(skeleton.join("lock")) {
        Ok(lock) => lock,
        // It is just going, or was killed before it came to lock it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match Flock::lock(lock, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(false),
        Err((_, Errno::EWOULDBLOCK)) => Ok(true),
        Err((_, errno)) => Err(errno.into()),
    }
}

fn read_all(skeleton: &Path) -> io::Result<Vec<Lease>> {
    let holder = skeleton.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut leases = Vec::new();
    for number in 0.. {
        let bytes = match fs::read(skeleton.join(format!("manifest-{number}"))) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let lease = parse(&bytes, &holder).ok_or_else(|| {
            let what = format!("{}/manifest-{number} is damaged", skeleton.display());
            io::Error::new(io::ErrorKind::InvalidData, what)
        })?;
        leases.push(lease);
    }
    Ok(leases)
}

fn parse(bytes: &[u8], holder: &str) -> Option<Lease> {
    let mut lines = bytes.strip_prefix(b"vrift-lease 1\nid ")?.splitn(2, |&byte| byte == b'\n');
    let id = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
    let path = OsString::from_vec(lines.next()?.strip_prefix(b"path ")?.to_vec());
    Some(Lease { holder: holder.to_owned(), path: path.into(), id })
}
