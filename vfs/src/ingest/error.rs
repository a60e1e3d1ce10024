//! What makes a whole ingest fail.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::manifest;

/// The reason nothing was ingested.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The directory to take in cannot be read.
    Source {
        /// The directory.
        path: PathBuf,
        /// Why not.
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
                write!(f, "cannot read the directory {} to ingest it", path.display())
            }
            Error::Store(_) => write!(f, "the contents cannot be stored"),
            Error::Manifest(_) => write!(f, "the contents are stored, but not the manifest"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Source { source, .. } => Some(source),
            Error::Store(source) => Some(source),
            Error::Manifest(source) => Some(source),
        }
    }
}
