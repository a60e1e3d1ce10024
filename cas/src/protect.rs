//! The immutable flag on blobs: what `chattr +i` sets, and what keeps even their owner and root from
//! changing them by mistake.
//!
//! Reading, verifying and finding a blob known work as before. Whoever has to change a protected
//! blob (a collection that deletes it, an insertion that replaces a damaged one) clears the flag
//! first, which takes the same right as setting it. Blobs stored later are not protected until the
//! next `protect`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use crate::error::Error;
use crate::ioctl;
use crate::store::Store;
use crate::walk::{self, Found};

/// Whether blobs have the immutable flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// They have it.
    On,
    /// They do not.
    Off,
}

/// What [`Store::protect`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Protected {
    /// Blobs whose flag was set or cleared.
    pub changed: u64,
    /// Blobs that were as wanted already.
    pub unchanged: u64,
}

impl Store {
    /// Sets or clears the immutable flag of every blob. It can be done again after a failure.
    ///
    /// # Errors
    /// [`Error::Flag`] at the first blob that refuses: without `CAP_LINUX_IMMUTABLE`, or on a file
    /// system that does not have the flag.
    pub fn protect(&self, wanted: Protection) -> Result<Protected, Error> {
        let mut done = Protected::default();
        for shard in walk::shards(&self.blobs(), &mut |_| {})? {
            let mut blobs = Vec::new();
            walk::shard(&shard, &mut |found| {
                if let Found::Blob { path, .. } = found {
                    blobs.push(path);
                }
            })?;
            for path in blobs {
                match set(&path, wanted)? {
                    true => done.changed += 1,
                    false => done.unchanged += 1,
                }
            }
        }
        Ok(done)
    }
}

/// Sets or clears the flag of one blob; returns whether that changed anything.
pub(crate) fn set(path: &Path, wanted: Protection) -> Result<bool, Error> {
    let operation = match wanted {
        Protection::On => "set",
        Protection::Off => "clear",
    };
    let failed = |source| Error::Flag { operation, path: path.to_owned(), source };
    let file = match open(path) {
        Ok(file) => file,
        // A collection was faster.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Error::io("open", path)(e)),
    };
    ioctl::set_immutable(&file, wanted == Protection::On).map_err(failed)
}

/// Opens what has a blob's name, and nothing else through it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)
}
