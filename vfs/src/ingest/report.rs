//! What an ingest did, and what it could not do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use vrift_cas::Digest;

use crate::manifest::Kind;

/// The result of an ingest. Paths are relative to the root of the manifest.
#[derive(Debug, Default)]
pub struct Report {
    /// Regular files, each counted once however many names it has.
    pub files: u64,
    /// Directories, with the root.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// FIFOs, sockets and devices.
    pub specials: Vec<Special>,
    /// Further names of files, symlinks and specials already counted.
    pub hard_links: u64,
    /// The sizes of the files, added up.
    pub bytes: u64,
    /// Files that were not read, because their times say that an earlier ingest read the same.
    pub unchanged: u64,
    /// Contents the store did not have.
    pub new_blobs: u64,
    /// The sizes of these contents, added up.
    pub new_bytes: u64,
    /// Files whose content the store had already.
    pub known_blobs: u64,
    /// The sizes of the files, each content counted once.
    pub distinct_bytes: u64,
    /// Names that `--exclude` and `.vriftignore` left out, with all that is below them.
    pub excluded: u64,
    /// What else was left out on purpose, by path.
    pub left_out: Vec<LeftOut>,
    /// What could not be taken in, by path.
    pub problems: Vec<Problem>,
    /// What went wrong without any harm to the manifest.
    pub warnings: Vec<String>,
    /// The id of the manifest.
    pub manifest: Digest,
}

impl Report {
    /// Puts lists in the order of paths, whatever the order in which threads were done.
    pub(super) fn sort(&mut self) {
        self.problems.sort_by(|a, b| a.path.cmp(&b.path));
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
        self.specials.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

/// A node that is kept, but is no more than a name: nobody is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// Where.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
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
    /// Another file system is mounted there; the directory itself is kept, empty.
    Border,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Sensitive => write!(f, "it looks like a secret"),
            Reason::Store => write!(f, "it is the content store itself"),
            Reason::Manifest => write!(f, "it is the manifest being written"),
            Reason::Border => write!(f, "it is in another file system"),
        }
    }
}

/// Something that could not be taken in, and why not.
pub type Problem = crate::Problem<Cause>;

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
    /// Another name of the same file was met first, and the file could not be taken in there.
    Linked,
    /// The kernel knows kinds of files that a manifest does not.
    Unsupported,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Io { operation, source } => write!(f, "cannot {operation} it: {source}"),
            Cause::Changing => write!(f, "it kept changing while it was read"),
            Cause::Linked => {
                write!(f, "it is another name of a file that could not be taken in")
            }
            Cause::Unsupported => write!(f, "a thing of this kind cannot be ingested"),
        }
    }
}
