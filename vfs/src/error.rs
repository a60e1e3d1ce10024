//! What can go wrong with us, as opposed to what a caller must see (an errno).

use std::fmt;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

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
    /// A file of a mount that is to be executed cannot be read.
    Content {
        /// Its path in the mount.
        file: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An executable copy could not be made.
    Copy {
        /// Why not.
        source: io::Error,
    },
    /// A file of a directory of the host, which lies below a session, cannot be read.
    Lower {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A session cannot be read or written.
    Session(Box<crate::session::Error>),
    /// Executable copies lie where nothing may be executed.
    NoExec {
        /// Where.
        path: PathBuf,
    },
}

impl Error {
    /// Whether a skeleton could not be made because its place may not be written.
    pub fn is_unwritable_place(&self) -> bool {
        let Error::Skeleton { source, .. } = self else { return false };
        let unwritable = [Errno::EACCES, Errno::EPERM, Errno::EROFS];
        source.raw_os_error().is_some_and(|errno| unwritable.contains(&Errno::from_raw(errno)))
    }

    /// What the caller must see of it.
    pub fn errno(&self) -> Errno {
        match self {
            Error::NoExec { .. } => Errno::EACCES,
            Error::Session(error) => error.errno(),
            Error::Lower { source, .. } => {
                source.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
            }
            Error::Copy { source } => match source.raw_os_error().map(Errno::from_raw) {
                Some(full @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EMFILE | Errno::ENFILE)) => {
                    full
                }
                _ => Errno::EIO,
            },
            _ => Errno::EIO,
        }
    }
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
            Error::Content { file, .. } => {
                write!(
                    f,
                    "cannot run {}: its content cannot be read; \
                     ingest the tree again or restore the store",
                    file.display()
                )
            }
            Error::Copy { .. } => {
                write!(f, "cannot make an executable copy of a program of the mount in the store")
            }
            Error::Lower { path, .. } => write!(f, "cannot read {}", path.display()),
            Error::Session(_) => write!(f, "a change cannot be kept"),
            Error::NoExec { path } => {
                write!(
                    f,
                    "no program of a mount can be run: {} lies on a file system mounted noexec; \
                     keep the store elsewhere (VR_THE_SOURCE)",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Manifest(source) => Some(source),
            Error::MountPoint { .. } | Error::NoExec { .. } => None,
            Error::Skeleton { source, .. }
            | Error::Copy { source }
            | Error::Lower { source, .. } => Some(source),
            Error::Content { source, .. } => Some(source.as_ref()),
            Error::Session(source) => Some(source.as_ref()),
        }
    }
}

impl From<crate::session::Error> for Error {
    fn from(source: crate::session::Error) -> Error {
        Error::Session(Box::new(source))
    }
}

impl From<manifest::Error> for Error {
    fn from(source: manifest::Error) -> Error {
        Error::Manifest(source)
    }
}
