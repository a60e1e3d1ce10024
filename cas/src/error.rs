//! What can go wrong with a store.
//!
//! Variants are separate only where a caller acts differently: a missing store is a wrong
//! setting, a missing blob is an incomplete store, a source that cannot be read is one bad file
//! of many, and everything else is the store's disk.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// A failure of the store.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no store at the given place.
    NoStore {
        /// The place.
        root: PathBuf,
        /// Why it is not one.
        source: io::Error,
    },
    /// The store does not have the blob.
    Missing {
        /// The name of the blob.
        digest: Digest,
        /// Where it would be.
        path: PathBuf,
    },
    /// What was to be inserted could not be read.
    Source {
        /// Why.
        source: io::Error,
    },
    /// The file system of the store, or the user's share of it, is full.
    Full {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// Which of the two it is.
        source: io::Error,
    },
    /// The immutable flag of a blob could not be set or cleared.
    Flag {
        /// Which of the two.
        operation: &'static str,
        /// The blob.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something in the store could not be read or written.
    Io {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// Completes an `io::Error`, for `map_err`.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Error::Full { operation, path, source }
                }
                _ => Error::Io { operation, path, source },
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoStore { root, .. } => {
                write!(f, "there is no content store at {}", root.display())
            }
            Error::Missing { digest, path } => {
                write!(f, "blob {digest} is not in the store (looked at {})", path.display())
            }
            Error::Source { .. } => write!(f, "the content to be stored cannot be read"),
            Error::Flag { operation, path, .. } => {
                write!(
                    f,
                    "content store: cannot {operation} the immutable flag of {}",
                    path.display()
                )
            }
            Error::Full { operation, path, .. } | Error::Io { operation, path, .. } => {
                write!(f, "content store: cannot {operation} {}", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Missing { .. } => None,
            Error::NoStore { source, .. }
            | Error::Source { source }
            | Error::Full { source, .. }
            | Error::Flag { source, .. }
            | Error::Io { source, .. } => Some(source),
        }
    }
}
