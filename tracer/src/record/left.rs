//! The files that the tree has changed, and what they held at the end.

use std::collections::BTreeSet;

use nix::unistd::Pid;
use vrift_audit::{Act, Event, Left};

use super::Recorder;
use super::contents::When;
use super::paths::{open, path};

/// Paths the tree has changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    paths: BTreeSet<Vec<u8>>,
}

impl Changed {
    /// Something was done with success.
    pub(super) fn did(&mut self, act: Act, path: &[u8], other: Option<&[u8]>) {
        self.paths.insert(path.to_owned());
        match (act, other) {
            (Act::Link, Some(other)) => {
                self.paths.insert(other.to_owned());
            }
            (Act::Rename, Some(other)) => {
                self.paths.insert(other.to_owned());
                self.moved(path, other);
            }
            (Act::Exchange, Some(other)) => {
                self.paths.insert(other.to_owned());
                self.moved(path, other);
                self.moved(other, path);
            }
            _ => {}
        }
    }

    /// What lay below one path lies below the other.
    fn moved(&mut self, from: &[u8], to: &[u8]) {
        let below = [from, b"/"].concat();
        let start = below.clone();
        let inside = self.paths.range(start..).take_while(|path| path.starts_with(&below));
        let moved: Vec<_> = inside.map(|path| [to, &path[from.len()..]].concat()).collect();
        self.paths.extend(moved);
    }

    /// Whether the tree has changed what is at a path, or a directory above it.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        let ends = (1..=path.len()).filter(|&at| at == path.len() || path[at] == b'/');
        ends.into_iter().any(|end| self.paths.contains(&path[..end]))
    }
}

impl Recorder {
    /// Tells how the changed files of the host are now. Those of a mount are told by its session.
    pub(super) fn leave_files(&mut self) {
        let paths = std::mem::take(&mut self.changed.paths);
        for at in paths {
            let file = path(&at);
            let state = match file.symlink_metadata() {
                Err(_) => Left::Gone,
                Ok(meta) if meta.is_file() => {
                    let version =
                        open(file).and_then(|file| self.contents.version(file, &at, When::Now));
                    match version {
                        Some(version) => Left::File(version),
                        None => Left::Other,
                    }
                }
                Ok(_) => Left::Other,
            };
            self.out.tell(Pid::from_raw(0), Event::Left { path: &at[..], state });
        }
    }
}
