//! The list of changes on disk: appended to, never rewritten.
//!
//! ```text
//! header   magic 8 | version u32 | zero 4 | id of the manifest below 32 | check 8
//! frame    length u32 | check 8 | that many bytes: a Change in postcard's encoding
//! ```
//!
//! Numbers are little-endian. A check is the first eight bytes of the BLAKE3 digest of the check
//! before it and the bytes it stands for, so that a frame counts only after those it was written
//! after: what is cut off, left out, or from another journal, is noticed.
//!
//! **Invariant:** a frame is written by one `write(2)` before its change is seen by anybody. A process
//! that is killed leaves whole frames and at most one torn one at the end, which is cut off.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use vrift_cas::Digest;

use super::error::Error;
use crate::tree::Change;

const MAGIC: [u8; 8] = *b"\x89VRJRN\r\n";
const VERSION: u32 = 2;
const HEADER: usize = 56;
/// The longest change: two names, a target and an extended attribute of 64 KiB, with room.
const CHANGE_MAX: usize = 1 << 17;

type Check = [u8; 8];

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// The length up to which it is whole.
    length: u64,
    check: Check,
}

/// What was found in a journal.
#[derive(Debug)]
pub(super) struct Found {
    /// The manifest it starts from.
    pub(super) base: Digest,
    /// The changes, in their order.
    pub(super) changes: Vec<Change>,
    /// The bytes at the end that are no whole frame.
    pub(super) torn: u64,
}

impl Journal {
    /// Makes a journal of no changes to the manifest `base`.
    pub(super) fn create(path: &Path, base: Digest) -> Result<Journal, Error> {
        let io = |operation| Error::io(operation, path);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).append(true).create_new(true).open(path).map_err(io("create"))?;
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend([0; 4]);
        header.extend(base.0);
        let check = chain([0; 8], &header);
        header.extend(check);
        file.write_all(&header).map_err(io("write"))?;
        Ok(Journal { file, path: path.to_owned(), length: HEADER as u64, check })
    }

    /// Opens a journal and reads what is in it. A torn frame at the end stays until the next
    /// change is appended.
    pub(super) fn open(path: &Path) -> Result<(Journal, Found), Error> {
        let io = |operation| Error::io(operation, path);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).open(path).map_err(io("open"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io("read"))?;
        let damaged = |what| Error::Damaged { path: path.to_owned(), what };
        let (header, mut rest) =
            bytes.split_at_checked(HEADER).ok_or_else(|| damaged("it ends within its header"))?;
        let (said, check) = header.split_at(HEADER - 8);
        let mut check: Check = check.try_into().map_err(|_| damaged("it has no header"))?;
        if said[..8] != MAGIC {
            return Err(damaged("it is not a journal"));
        }
        if said[8..12] != VERSION.to_le_bytes() {
            return Err(damaged("its version is not known; use the vrift that wrote it"));
        }
        if chain([0; 8], said) != check {
            return Err(damaged("the check of its header does not match"));
        }
        let base = said[16..48].try_into().map(Digest).map_err(|_| damaged("it has no base"))?;
        let mut changes = Vec::new();
        while let Some((change, next, after)) = frame(rest, check) {
            changes.push(change);
            (check, rest) = (next, after);
        }
        let torn = rest.len() as u64;
        let length = bytes.len() as u64 - torn;
        Ok((Journal { file, path: path.to_owned(), length, check }, Found { base, changes, torn }))
    }

    /// Appends a change.
    pub(super) fn append(&mut self, change: &Change) -> Result<(), Error> {
        let io = |operation| Error::io(operation, &self.path);
        let payload = postcard::to_stdvec(change).map_err(|error| {
            Error::io("encode a change for", &self.path)(io::Error::other(error))
        })?;
        let check = chain(self.check, &payload);
        let mut bytes = Vec::with_capacity(12 + payload.len());
        // `CHANGE_MAX` bounds what a change can hold.
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend(check);
        bytes.extend(payload);
        if let Err(error) = self.file.write_all(&bytes) {
            // A part of the frame may be there; the next one must not come after it.
            let _ = self.file.set_len(self.length);
            return Err(io("write")(error));
        }
        self.length += bytes.len() as u64;
        self.check = check;
        Ok(())
    }

    /// How long it is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Waits until it is on disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }

    /// Cuts off what is no whole frame.
    pub(super) fn cut(&mut self) -> Result<(), Error> {
        self.file.set_len(self.length).map_err(Error::io("cut", &self.path))?;
        self.file.seek(SeekFrom::End(0)).map_err(Error::io("seek in", &self.path))?;
        Ok(())
    }
}

/// The first frame of `bytes`, the check after it, and what follows; `None` if it is not whole.
fn frame(bytes: &[u8], before: Check) -> Option<(Change, Check, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > CHANGE_MAX {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(length)?;
    if chain(before, payload) != *check {
        return None;
    }
    Some((postcard::from_bytes(payload).ok()?, *check, rest))
}

fn chain(before: Check, bytes: &[u8]) -> Check {
    let mut joined = Vec::with_capacity(8 + bytes.len());
    joined.extend(before);
    joined.extend(bytes);
    let Digest(digest) = Digest::of(&joined);
    let mut check = [0; 8];
    check.copy_from_slice(&digest[..8]);
    check
}
