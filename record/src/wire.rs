//! What both the writer and the reader know of the bytes of a record.
//!
//! ```text
//! file     magic 8 | version u32 | zero 4 | frame 0, with the Header | frames with items
//! frame    length u32 | number u32 | digest 32 | check 32 | that many bytes
//! ```
//!
//! The digest is of length, number and bytes, so that a frame tells whether it is whole by itself; the
//! check is of the check before it and the digest, so that frames tell whether they follow on each
//! other. The check of frame 0 follows on the digest of the first 16 bytes of the file.

use serde::{Deserialize, Serialize};

use crate::event::{Event, Tid};
use crate::header::Totals;

pub(crate) const MAGIC: [u8; 8] = *b"\x89VRREC\r\n";
pub(crate) const VERSION: u32 = 4;
pub(crate) const PREAMBLE: usize = 16;
pub(crate) const FRAME_HEAD: usize = 72;
/// The longest frame: an execution has at most 6 MiB of arguments and environment, which are as many
/// texts, and the numbers of those.
pub(crate) const FRAME_MAX: usize = 16 << 20;
/// The longest text that is kept by its directory and its last name.
pub(crate) const JOINED_MAX: usize = 4096;

/// What a writer keeps of texts before it forgets them all. A reader allows for one event more.
pub(crate) const TEXTS_MAX: usize = 1 << 16;
pub(crate) const TEXT_BYTES_MAX: usize = 8 << 20;
pub(crate) const READER_TEXT_BYTES_MAX: usize = 64 << 20;
/// What a text takes besides its bytes, so that many without any are bounded too.
pub(crate) const TEXT_COST: usize = 64;

pub(crate) type Check = [u8; 32];

/// One thing in a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Item {
    /// The next number stands for these bytes.
    Text(Vec<u8>),
    /// The next number stands for a text of this number, a slash, and these bytes.
    Joined(u32, Vec<u8>),
    /// No number stands for anything any more, but 0 for the empty text.
    Forget,
    /// Something happened.
    Event {
        /// Microseconds since the entry before.
        after_us: u64,
        /// Whose it is.
        tid: Tid,
        /// What.
        event: Event<u32>,
    },
    /// The record is complete.
    End(Totals),
}

/// The check that that of frame 0 follows on.
pub(crate) fn seed(preamble: &[u8]) -> Check {
    *blake3::hash(preamble).as_bytes()
}

/// The digest of a frame.
pub(crate) fn digest(length: u32, number: u32, payload: &[u8]) -> Check {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&length.to_le_bytes()).update(&number.to_le_bytes()).update(payload);
    *hasher.finalize().as_bytes()
}

/// The check of a frame with this digest.
pub(crate) fn chain(before: &Check, digest: &Check) -> Check {
    let mut hasher = blake3::Hasher::new();
    *hasher.update(before).update(digest).finalize().as_bytes()
}
