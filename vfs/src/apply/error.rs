//! What can be in the way of applying a session.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::session;
use crate::{Problem, export};

/// A path that is neither as it was when the session was started nor as the session has it, and what is
/// wrong with it.
pub type Conflict = Problem<&'static str>;

/// Why a session was not applied, or not to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The session cannot be read.
    Session(session::Error),
    /// The directory cannot be read or changed.
    Target {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// On which path below the directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something could not be made.
    Make(export::Problem),
}

impl Error {
    pub(super) fn target(operation: &'static str, path: &Path, source: io::Error) -> Error {
        Error::Target { operation, path: path.to_owned(), source }
    }

    /// The same as a function of the failure, for a path in bytes.
    pub(super) fn at(
        operation: &'static str,
        path: &[u8],
    ) -> impl FnOnce(rustix::io::Errno) -> Error {
        let path = PathBuf::from(OsStr::from_bytes(path));
        move |errno| Error::Target { operation, path, source: errno.into() }
    }

    pub(super) fn make(path: &[u8]) -> impl FnOnce(export::Cause) -> Error + use<'_> {
        move |cause| Error::Make(Problem::at(path, cause))
    }
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Error {
        Error::Session(error)
    }
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Error {
        Error::Session(error.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Session(_) => write!(f, "the session cannot be read"),
            Error::Target { operation, path, .. } => {
                write!(f, "cannot {operation} {}", path.display())
            }
            Error::Make(problem) => write!(f, "{problem}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Session(source) => Some(source),
            Error::Target { source, .. } => Some(source),
            Error::Make(_) => None,
        }
    }
}
