//! Moving a long content from a file into a blob, and its digest.
//!
//! The cheapest way that the two files allow is taken: sharing extents (`FICLONE`), copying in the
//! kernel (`copy_file_range(2)`, which a network file system does on its server), copying through a
//! buffer. What is hashed is what the blob then holds: for the first two it is read back from the
//! blob, piece by piece while it is in the cache.
//!
//! A source with holes is copied through the buffer, and pieces without a set bit become holes of
//! the blob.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use nix::fcntl::copy_file_range;

use crate::digest::Digest;
use crate::error::Error;
use crate::ioctl;

/// The size of the pieces content is moved in: small enough to stay in a processor's cache between
/// being copied and being hashed.
pub(crate) const PIECE: usize = 256 << 10;

/// Whether the source of a copy has holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holes {
    Some,
    None,
}

/// A copy under way.
pub(crate) struct Copy<'a> {
    to: &'a File,
    /// How much the blob has.
    at: u64,
    hasher: blake3::Hasher,
    failed: &'a dyn Fn(io::Error) -> Error,
}

impl<'a> Copy<'a> {
    /// Fills the empty file `to`; `failed` completes errors of that side.
    pub(crate) fn new(to: &'a File, failed: &'a dyn Fn(io::Error) -> Error) -> Copy<'a> {
        Copy { to, at: 0, hasher: blake3::Hasher::new(), failed }
    }

    /// Copies all of the file `source`, whatever its offset.
    pub(crate) fn file(
        mut self,
        source: &File,
        holes: Holes,
        buffer: &mut [u8],
    ) -> Result<(Digest, u64), Error> {
        if ioctl::clone(source, self.to).is_ok() {
            return hash(&mut FileFrom { file: self.to, at: 0 }, buffer).map_err(
                |error| match error {
                    Error::Source { source } => (self.failed)(source),
                    other => other,
                },
            );
        }
        if holes == Holes::None {
            self.in_kernel(source, buffer)?;
        }
        let at = self.at;
        self.through(&mut FileFrom { file: source, at }, holes, buffer)
    }

    /// Copies what the kernel is willing to copy. Why it stops does not matter: whatever is left is
    /// copied through the buffer, and meets the same error if it was one.
    fn in_kernel(&mut self, source: &File, buffer: &mut [u8]) -> Result<(), Error> {
        loop {
            let (mut from, mut to) = (self.at as i64, self.at as i64);
            let copied =
                copy_file_range(source, Some(&mut from), self.to, Some(&mut to), buffer.len());
            let Ok(copied @ 1..) = copied else { return Ok(()) };
            let piece = buffer.get_mut(..copied).unwrap_or_default();
            self.to.read_exact_at(piece, self.at).map_err(self.failed)?;
            self.hasher.update(piece);
            self.at += copied as u64;
        }
    }

    /// Copies the rest of what `source` yields.
    pub(crate) fn through(
        mut self,
        source: &mut dyn Read,
        holes: Holes,
        buffer: &mut [u8],
    ) -> Result<(Digest, u64), Error> {
        let start = self.at;
        loop {
            let length = fill(source, buffer)?;
            if length == 0 {
                break;
            }
            self.write(&buffer[..length], holes)?;
        }
        if holes == Holes::Some && self.at > start {
            self.to.set_len(self.at).map_err(self.failed)?;
        }
        Ok((self.hasher.finalize().into(), self.at))
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8], holes: Holes) -> Result<(), Error> {
        self.hasher.update(bytes);
        if holes == Holes::None || bytes.iter().any(|&byte| byte != 0) {
            self.to.write_all_at(bytes, self.at).map_err(self.failed)?;
        }
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// The digest and the length of everything `source` yields.
pub(crate) fn hash(source: &mut dyn Read, buffer: &mut [u8]) -> Result<(Digest, u64), Error> {
    let mut hasher = blake3::Hasher::new();
    loop {
        match fill(source, buffer)? {
            0 => return Ok((hasher.finalize().into(), hasher.count())),
            length => hasher.update(&buffer[..length]),
        };
    }
}

/// Reads until `buffer` is full or `source` ends.
pub(crate) fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Source { source }),
        }
    }
    Ok(length)
}

/// Reads a file from some place on without moving its offset, which others may share.
pub(crate) struct FileFrom<'a> {
    pub(crate) file: &'a File,
    pub(crate) at: u64,
}

impl Read for FileFrom<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
