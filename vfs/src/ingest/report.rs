//! What an ingest did, and what it could not do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use vrift_cas::Digest;

/// The result of an ingest. Paths are relative to the source.
#[derive(Debug, Default)]
pub struct Report {
    /// Regular files, each counted once however many names it has.
    pub files: u64,
    /// Directories, with the root.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Further names of files and symlinks already counted.
    pub hard_links: u64,
    /// The sizes of the files, added up.
    pub bytes: u64,
    /// Contents the store did not have.
    pub new_blobs: u64,
    /// Files whose content the store had already.
    pub known_blobs: u64,
    /// What was left out on purpose.
    pub left_out: Vec<LeftOut>,
    /// What could not be taken in.
    pub problems: Vec<Problem>,
    /// The id of the manifest.
    pub manifest: Digest,
}

/// Something that was left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its name says that it holds a secret.
    Sensitive,
    /// It is the store.
    Store,
    /// It is the manifest that is about to be replaced.
    Manifest,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Sensitive => write!(f, "it looks like a secret"),
            Reason::Store => write!(f, "it is the content store itself"),
            Reason::Manifest => write!(f, "it is the manifest being written"),
        }
    }
}

/// Something that could not be taken in.
#[derive(Debug)]
pub struct Problem {
    /// What.
    pub path: PathBuf,
    /// Why not.
    pub cause: Cause,
}

/// Why something could not be taken in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The system refused.
    Io {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// It changed each time it was read, or has another length than it claims.
    Changing,
    /// A manifest has no such kind of node.
    Unsupported {
        /// The kind, with its article.
        kind: &'static str,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.cause {
            Cause::Io { operation, source } => write!(f, "{path}: cannot {operation} it: {source}"),
            Cause::Changing => write!(f, "{path}: it kept changing while it was read"),
            Cause::Unsupported { kind } => write!(f, "{path}: {kind} cannot be ingested"),
        }
    }
}
