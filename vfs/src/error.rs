//! What can go wrong with us, as opposed to what a caller must see (an errno).

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::manifest;

/// A failure of the file system itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A manifest could not be opened or a record of it is damaged.
    Manifest(manifest::Error),
    /// The place to mount at cannot be used.
    MountPoint {
        /// Where the mount was to be.
        point: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A directory or link that stands for a node could not be made.
    Skeleton {
        /// What was being made.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Manifest(_) => write!(f, "the manifest cannot be used"),
            Error::MountPoint { point, why } => {
                write!(f, "cannot mount at {}: {why}", point.display())
            }
            Error::Skeleton { path, .. } => {
                write!(f, "cannot make {}, which stands for a node of the mount", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Manifest(source) => Some(source),
            Error::MountPoint { .. } => None,
            Error::Skeleton { source, .. } => Some(source),
        }
    }
}

impl From<manifest::Error> for Error {
    fn from(source: manifest::Error) -> Error {
        Error::Manifest(source)
    }
}
