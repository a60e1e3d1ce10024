//! What could not be done with one path of a tree, while the rest went on.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A path, and what is the matter with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem<C> {
    /// The path below the root of the tree.
    pub path: PathBuf,
    /// What went wrong.
    pub cause: C,
}

impl<C> Problem<C> {
    /// The same for a path in bytes.
    pub(crate) fn at(path: &[u8], cause: C) -> Problem<C> {
        Problem { path: OsStr::from_bytes(path).into(), cause }
    }
}

impl<C: fmt::Display> fmt::Display for Problem<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.cause)
    }
}
