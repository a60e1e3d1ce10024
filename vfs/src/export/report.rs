//! What an export did, and what it could not do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use vrift_cas::Digest;

/// The result of an export.
#[derive(Debug, Default)]
pub struct Report {
    /// Regular files, each counted once however many names it has.
    pub files: u64,
    /// Directories, with the root.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// FIFOs, sockets and devices.
    pub specials: u64,
    /// Further names.
    pub hard_links: u64,
    /// The sizes of the files, added up.
    pub bytes: u64,
    /// Files that share their content with the store.
    pub shared: u64,
    /// What was left out because only the superuser may do it.
    pub notes: Vec<Note>,
    /// What could not be made, by path.
    pub problems: Vec<Problem>,
}

/// Something that an ordinary user cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Files and directories belong to the caller.
    Owners {
        /// How many of them should not; they have no set-id bits.
        count: u64,
    },
    /// Extended attributes in name spaces of the system are missing.
    Xattrs {
        /// How many.
        count: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Owners { count } => write!(
                f,
                "{count} names belong to you instead of their owners, and are not set-id; only root \
                 can give files away"
            ),
            Note::Xattrs { count } => write!(
                f,
                "{count} extended attributes of the system are left out; only root can set them"
            ),
        }
    }
}

/// Something that could not be made, and why not.
pub type Problem = crate::Problem<Cause>;

/// Why something could not be made.
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
    /// An extended attribute could not be set.
    Xattr {
        /// Its name.
        name: Vec<u8>,
        /// The refusal.
        source: io::Error,
    },
    /// The store does not have the content.
    Missing {
        /// The name of the blob.
        digest: Digest,
    },
    /// The blob is not what its name says.
    Damaged {
        /// The name of the blob.
        digest: Digest,
    },
    /// The content was changed while it was read.
    Changed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Io { operation, source } => write!(f, "cannot {operation} it: {source}"),
            Cause::Xattr { name, source } => {
                let name = name.escape_ascii();
                write!(f, "cannot set the extended attribute {name}: {source}")
            }
            Cause::Changed => write!(f, "it was changed while it was read"),
            Cause::Missing { digest } => write!(f, "blob {digest} is not in the store"),
            Cause::Damaged { digest } => {
                write!(f, "blob {digest} is damaged; ingest a good copy of the file with --rehash")
            }
        }
    }
}

/// The reason nothing, or not all, was exported.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is something in the directory.
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The directory cannot be written.
    Target {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// The tree cannot be read.
    Source(Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot be used.
    Store(vrift_cas::Error),
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Error {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
        Error::Source(error)
    }
}

impl From<vrift_cas::Error> for Error {
    fn from(error: vrift_cas::Error) -> Error {
        Error::Store(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotEmpty { path } => write!(f, "the directory {} is not empty", path.display()),
            Error::Target { operation, path, .. } => {
                write!(f, "cannot {operation} {}", path.display())
            }
            Error::Source(_) => write!(f, "the tree cannot be read"),
            Error::Store(_) => write!(f, "the contents cannot be read"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::NotEmpty { .. } => None,
            Error::Target { source, .. } => Some(source),
            Error::Source(source) => Some(source.as_ref()),
            Error::Store(source) => Some(source),
        }
    }
}
