//! Directories of the root that are symlinks. On a merged /usr a package may list `/lib/x` while the file is
//! `/usr/lib/x`; so the first name of a listed path is followed if it is a symlink.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// What the first names of paths lead to.
#[derive(Debug)]
pub(super) struct Links {
    root: PathBuf,
    known: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Links {
    /// Those in the root directory at `root`.
    pub(super) fn of(root: PathBuf) -> Links {
        Links { root, known: HashMap::new() }
    }

    /// A listed path, with what its first name leads to if that is a symlink.
    pub(super) fn real(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        let inside = path.strip_prefix(b"/")?;
        let end = inside.iter().position(|&byte| byte == b'/')?;
        let (first, rest) = inside.split_at(end);
        if !self.known.contains_key(first) {
            let link = self.root.join(OsStr::from_bytes(first));
            let target = fs::read_link(link).ok().map(|target| target.into_os_string().into_vec());
            self.known.insert(first.to_vec(), target);
        }
        let target = self.known.get(first)?.as_deref()?;
        let target = target.strip_prefix(b"/").unwrap_or(target);
        Some([b"/", target, rest].concat())
    }
}
