//! What can go wrong with a manifest.
//!
//! Lookups distinguish what a wrong caller does ([`Error::NoSuchNode`], [`Error::WrongKind`]) from
//! what a wrong file contains ([`Error::Damaged`]). That a name does not exist is no error.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{Kind, NodeId};

/// A failure of reading or writing a manifest.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read or written.
    Io {
        /// What was attempted, as an infinitive without "to".
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is something else.
    NotAManifest {
        /// The file.
        path: PathBuf,
    },
    /// The file is a manifest of a version or with features this program does not know.
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// The file is a manifest, but a check failed.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which check.
        what: &'static str,
    },
    /// The manifest has no node with this id.
    NoSuchNode {
        /// The file.
        path: PathBuf,
        /// The id.
        node: NodeId,
    },
    /// The operation does not apply to a node of this kind.
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The node.
        node: NodeId,
        /// The kind the operation applies to.
        wanted: Kind,
    },
    /// What a [`Builder`](super::Builder) was given is not a tree.
    NotATree {
        /// The name at fault, or empty.
        name: Vec<u8>,
        /// What is wrong.
        what: &'static str,
    },
    /// The store could not tell whether it has a blob.
    Store(vrift_cas::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { operation, path, .. } => {
                write!(f, "manifest {}: cannot {operation} it", path.display())
            }
            Error::NotAManifest { path } => {
                write!(f, "{} is not a manifest", path.display())
            }
            Error::Version { path, found, known } => {
                let path = path.display();
                write!(f, "manifest {path}: it has format version {found}, ")?;
                match found < known {
                    true => write!(
                        f,
                        "which this vrift (version {known}) no longer reads; ingest again"
                    ),
                    false => write!(
                        f,
                        "which this vrift (version {known}) does not know; use a newer one"
                    ),
                }
            }
            Error::Damaged { path, what } => write!(
                f,
                "manifest {}: {what} (file truncated or damaged); ingest again or restore a copy",
                path.display()
            ),
            Error::NoSuchNode { path, node } => {
                write!(f, "manifest {}: there is no node {}", path.display(), node.0)
            }
            Error::WrongKind { path, node, wanted } => {
                let wanted = wanted.word();
                write!(f, "manifest {}: node {} is not a {wanted}", path.display(), node.0)
            }
            Error::NotATree { name, what } => {
                write!(f, "cannot build a manifest: {what}")?;
                match name.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": \"{}\"", name.escape_ascii()),
                }
            }
            Error::Store(_) => write!(f, "the store cannot say which contents it has"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Store(source) => Some(source),
            Error::NotAManifest { .. }
            | Error::Version { .. }
            | Error::Damaged { .. }
            | Error::NoSuchNode { .. }
            | Error::WrongKind { .. }
            | Error::NotATree { .. } => None,
        }
    }
}
