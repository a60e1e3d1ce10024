//! What makes a whole ingest fail.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::manifest;

/// The reason nothing was ingested.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// What was named to be taken in cannot be read.
    Source {
        /// The name.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nothing was named.
    NoSource,
    /// Two sources would have the same name in the root.
    Clash {
        /// The name.
        name: OsString,
    },
    /// A pattern of `--exclude` is none.
    Pattern {
        /// What is wrong with it.
        source: io::Error,
    },
    /// The store cannot be used.
    Store(vrift_cas::Error),
    /// The manifest cannot be written.
    Manifest(manifest::Error),
}

impl From<vrift_cas::Error> for Error {
    fn from(error: vrift_cas::Error) -> Error {
        Error::Store(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Source { path, .. } => {
                write!(f, "cannot read {} to ingest it", path.display())
            }
            Error::NoSource => write!(f, "there is nothing to ingest"),
            Error::Clash { name } => write!(
                f,
                "two sources are called \"{}\", and a directory cannot have a name twice; ingest \
                 the directory above them, or each alone",
                name.display()
            ),
            Error::Pattern { .. } => write!(f, "a pattern to exclude files is not valid"),
            Error::Store(_) => write!(f, "the contents cannot be stored"),
            Error::Manifest(_) => write!(f, "the contents are stored, but not the manifest"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Source { source, .. } | Error::Pattern { source } => Some(source),
            Error::NoSource | Error::Clash { .. } => None,
            Error::Store(source) => Some(source),
            Error::Manifest(source) => Some(source),
        }
    }
}
