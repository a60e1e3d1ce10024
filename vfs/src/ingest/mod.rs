//! Taking a directory in: its contents into the store, its names and attributes into a manifest.
//!
//! **Invariant:** the source is only read. Contents are copied, never linked; access times stay
//! where the caller may ask for that (`O_NOATIME` needs the owner or a capability; reading a
//! symlink's target counts as an access and cannot be avoided).
//! **Invariant:** what a manifest says of a file was true at one moment: attributes are taken from
//! the descriptor the content is read from, before and after, and must not differ.
//! **Invariant:** no symlink of the source is followed, also not one that appears while it is read.
//!
//! One thing that cannot be taken in never stops the rest; it becomes a [`Problem`] in the
//! [`Report`]. Only the source's root, the store and the manifest itself can fail an ingest.
//!
//! Deliberately absent: exclusion patterns, extended attributes, several threads, FIFOs, sockets
//! and devices (reported as problems), and trees nested deeper than the limit of open files.

mod error;
mod report;
mod sensitive;
mod source;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use vrift_cas::Store;

pub use error::Error;
pub use report::{Cause, LeftOut, Problem, Reason, Report};

/// What to do with files whose names say that they hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sensitive {
    /// Leave them out and say so.
    #[default]
    LeaveOut,
    /// Take them in like any other file.
    Include,
}

/// How to ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the manifest is written.
    pub manifest: PathBuf,
    /// What to do with files that look like secrets.
    pub sensitive: Sensitive,
}

/// Takes in the directory `source`, which may be a symlink to one.
///
/// # Errors
/// [`Error::Source`] if `source` is not a directory that can be read, [`Error::Store`] if the
/// store cannot be written, [`Error::Manifest`] if the manifest cannot be. The store may hold new
/// blobs then; the manifest is written last, and whole or not at all.
pub fn ingest(source: &Path, store: &Store, options: &Options) -> Result<Report, Error> {
    walk::Walk::run(source, store, options)
}
