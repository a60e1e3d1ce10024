//! What can go wrong with a session.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// A failure of a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file of the session could not be read or written.
    Io {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of the session is not what it should be.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Another vrift uses the session.
    InUse {
        /// The session.
        name: String,
        /// The process, if it says so.
        holder: Option<String>,
    },
    /// There is no session of this name.
    NoSession {
        /// The name.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// There is a session of this name already.
    Exists {
        /// The name.
        name: String,
    },
    /// This cannot be the name of a session.
    BadName {
        /// The name.
        name: String,
    },
    /// The session belongs to another manifest.
    OtherBase {
        /// The session.
        name: String,
        /// The manifest it was started from.
        manifest: PathBuf,
    },
    /// The manifest to be replaced has been replaced meanwhile.
    Overtaken {
        /// The manifest.
        manifest: PathBuf,
    },
    /// A directory of the host lies below the session, and no manifest to be replaced.
    NoManifest {
        /// The directory.
        lower: PathBuf,
    },
    /// The tree below is damaged.
    Tree(crate::Error),
    /// The store failed.
    Store(vrift_cas::Error),
}

impl Error {
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { operation, path, source }
    }

    /// What the caller of a file operation must see.
    pub fn errno(&self) -> Errno {
        match self {
            Error::Io { source, .. } => match source.raw_os_error().map(Errno::from_raw) {
                Some(errno @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG)) => errno,
                _ => Errno::EIO,
            },
            Error::Tree(error) => error.errno(),
            _ => Errno::EIO,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { operation, path, .. } => {
                write!(f, "session: cannot {operation} {}", path.display())
            }
            Error::Damaged { path, what } => write!(f, "session: {}: {what}", path.display()),
            Error::InUse { name, holder } => {
                write!(f, "the session {name} is in use")?;
                if let Some(holder) = holder {
                    write!(f, " by process {holder}")?;
                }
                write!(f, "; wait until that has ended, or use another name")
            }
            Error::NoSession { name, path } => {
                write!(f, "there is no session {name} (looked for {})", path.display())
            }
            Error::NoManifest { lower } => write!(
                f,
                "the session lies over the directory {}: there is no manifest to be replaced",
                lower.display()
            ),
            Error::Exists { name } => {
                write!(
                    f,
                    "there is a session {name} already; commit or discard it, or use another name"
                )
            }
            Error::BadName { name } => write!(
                f,
                "{name:?} cannot be the name of a session; use letters, digits, `.`, `_` and `-`, \
                 and a letter or digit first"
            ),
            Error::OtherBase { name, manifest } => write!(
                f,
                "the session {name} was started from another state of {}; commit or discard it, or \
                 use another name",
                manifest.display()
            ),
            Error::Overtaken { manifest } => write!(
                f,
                "{} has been replaced since the session was started; nothing was committed. Commit to \
                 another file (-o), and compare",
                manifest.display()
            ),
            Error::Tree(_) => write!(f, "the tree of the session cannot be read"),
            Error::Store(_) => write!(f, "the store failed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Tree(source) => Some(source),
            Error::Store(source) => Some(source),
            _ => None,
        }
    }
}

impl From<crate::Error> for Error {
    fn from(source: crate::Error) -> Error {
        Error::Tree(source)
    }
}

impl From<crate::manifest::Error> for Error {
    fn from(source: crate::manifest::Error) -> Error {
        Error::Tree(source.into())
    }
}

impl From<vrift_cas::Error> for Error {
    fn from(source: vrift_cas::Error) -> Error {
        Error::Store(source)
    }
}
