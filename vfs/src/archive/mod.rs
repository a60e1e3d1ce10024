//! Manifests and tar archives: reading one into a store, and writing one from it.
//!
//! Read: ustar, GNU (long names, sparse files) and PAX (long and odd names, owners, times to the
//! nanosecond, `SCHILY.xattr.*`, the three ways to tell of sparse files). Written: PAX.
//!
//! The layout of a header block is the `tar` crate's. Reading blocks and PAX records is done here,
//! because that crate ends a record at the first newline, which a name or a value may contain.
//!
//! **Invariant:** both directions are streams: no member is in memory as a whole, and nothing is
//! read twice.
//! **Invariant:** a hostile archive is an error or a [`Problem`], never a name outside of the tree.
//!
//! Deliberately absent: compression (a pipe does it), archives of several volumes, ACLs in text
//! form (`SCHILY.acl.*`), and sockets, for which tar has no kind.

mod member;
mod pax;
mod read;
mod sparse;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use vrift_cas::Digest;

use crate::manifest;

pub use tree::import;
pub use write::export;

/// What was done.
#[derive(Debug, Default)]
pub struct Report {
    /// Members of the archive.
    pub members: u64,
    /// The sizes of the files, added up.
    pub bytes: u64,
    /// Contents the store did not have; 0 for an export.
    pub new_blobs: u64,
    /// What could not be done, in the order of the archive.
    pub problems: Vec<Problem>,
    /// The id of the manifest.
    pub manifest: Digest,
}

/// One member or node that could not be taken over, and what is wrong with it.
pub type Problem = crate::Problem<&'static str>;

/// The reason an archive was not read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The archive cannot be read.
    Read {
        /// Why.
        source: io::Error,
    },
    /// The archive cannot be written.
    Write {
        /// Why.
        source: io::Error,
    },
    /// The archive is none, or is damaged.
    Damaged {
        /// The byte at which the block begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The archive is compressed.
    Compressed {
        /// The program that undoes it.
        with: &'static str,
    },
    /// The store cannot be used.
    Store(vrift_cas::Error),
    /// The manifest cannot be read or written.
    Manifest(manifest::Error),
}

impl From<vrift_cas::Error> for Error {
    fn from(error: vrift_cas::Error) -> Error {
        match error {
            vrift_cas::Error::Source { source } => Error::Read { source },
            other => Error::Store(other),
        }
    }
}

impl From<manifest::Error> for Error {
    fn from(error: manifest::Error) -> Error {
        Error::Manifest(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Read { .. } => write!(f, "cannot read the archive"),
            Error::Write { .. } => write!(f, "cannot write the archive"),
            Error::Damaged { at, what } => {
                write!(f, "this is no tar archive, or a damaged one: {what} (at byte {at})")
            }
            Error::Compressed { with } => write!(
                f,
                "the archive is compressed; pipe it through `{with}` and name - as the archive"
            ),
            Error::Store(_) => write!(f, "the contents cannot be stored or read"),
            Error::Manifest(_) => write!(f, "the manifest cannot be read or written"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Read { source } | Error::Write { source } => Some(source),
            Error::Damaged { .. } | Error::Compressed { .. } => None,
            Error::Store(source) => Some(source),
            Error::Manifest(source) => Some(source),
        }
    }
}
