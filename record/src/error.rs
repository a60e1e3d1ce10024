//! What can be wrong with a record.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a record cannot be written or read.
#[derive(Debug)]
pub enum Error {
    /// The kernel refused something.
    Io {
        /// What was to be done.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no record.
    NotARecord {
        /// The file.
        path: PathBuf,
    },
    /// The record is of a version this vrift does not know.
    Version {
        /// The file.
        path: PathBuf,
        /// The version.
        found: u32,
    },
    /// The record is damaged before its first event.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        damage: Damage,
    },
    /// An event is longer than a frame may be.
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
}

impl Error {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { operation, path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { operation, path, .. } => {
                write!(f, "cannot {operation} the record {}", path.display())
            }
            Error::NotARecord { path } => {
                write!(f, "{} is not a record of vrift audit", path.display())
            }
            Error::Version { path, found } => write!(
                f,
                "{} is a record of version {found}, which this vrift does not know; \
                 use the vrift that wrote it",
                path.display()
            ),
            Error::Damaged { path, damage } => {
                write!(f, "the record {} is damaged: {damage}", path.display())
            }
            Error::TooLong { bytes } => {
                write!(f, "an event of {bytes} bytes is too long for a record")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Where a record stops being what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The byte at which the frame in question starts, or would.
    pub offset: u64,
    /// The number of that frame; the header is in frame 0.
    pub frame: u32,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The file ends within it.
    Torn,
    /// The file ends before it, and no frame says that the record is complete.
    Unfinished,
    /// Another frame is in its place.
    Missing {
        /// The one that is there.
        found: u32,
    },
    /// Its bytes are not what was written.
    Changed,
    /// Another frame, whole in itself, was put in its place.
    Foreign {
        /// The number that one bears.
        found: u32,
    },
    /// Its bytes are what was written, and mean nothing.
    Meaningless,
    /// There are bytes behind the frame that ends the record.
    Trailing,
    /// The file could not be read on.
    Unreadable,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { offset, frame, fault } = self;
        match fault {
            Fault::Torn => {
                write!(f, "the file ends within frame {frame}, which starts at byte {offset}")
            }
            Fault::Unfinished => write!(
                f,
                "it has no end: frame {frame} should follow at byte {offset}; \
                 vrift was killed, or the tail was cut off"
            ),
            Fault::Missing { found } => write!(
                f,
                "frame {frame} is missing: frame {found} is in its place at byte {offset}"
            ),
            Fault::Foreign { found } => write!(
                f,
                "what stands in place of frame {frame} at byte {offset} bears the number {found} \
                 and was not written after the frame before it"
            ),
            Fault::Changed => {
                write!(f, "frame {frame} at byte {offset} is not as it was written")
            }
            Fault::Meaningless => {
                write!(f, "frame {frame} at byte {offset} has a content that means nothing")
            }
            Fault::Trailing => write!(f, "something was appended to it at byte {offset}"),
            Fault::Unreadable => {
                write!(f, "frame {frame} at byte {offset} cannot be read")
            }
        }
    }
}
