//! The files that the tree has changed, and what they held at the end.

use std::collections::BTreeSet;
use std::path::Path;

use nix::unistd::Pid;
use vrift_record::{Act, Event, Left};
use vrift_vfs::{Follow, Held};

use super::Recorder;
use super::contents::{Keeper, When};
use super::paths::path;
use super::stat::Stat;
use crate::view::places::Places;

/// Paths the tree has changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    paths: BTreeSet<Vec<u8>>,
}

impl Changed {
    /// Something was done with success.
    pub(super) fn did(&mut self, act: Act, path: &[u8], other: Option<&[u8]>) {
        if act != Act::Link {
            self.paths.insert(path.to_owned());
        }
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
    /// Tells how the changed files are now.
    pub(super) fn leave_files(&mut self, places: &dyn Places) {
        let paths = std::mem::take(&mut self.changed.paths);
        for at in paths {
            let state = match places.held(path(&at), Follow::No) {
                Some(held) => self.left_in_mount(held, &at),
                None => match path(&at).symlink_metadata() {
                    Err(_) => Left::Gone,
                    Ok(meta) if meta.is_file() => self.left_file(path(&at), &at, Keeper::Host),
                    Ok(_) => Left::Other,
                },
            };
            self.out.tell(Pid::from_raw(0), Event::Left { path: &at[..], state });
        }
    }

    fn left_in_mount(&mut self, held: Held, at: &[u8]) -> Left {
        match held {
            Held::Nothing => Left::Gone,
            Held::Other => Left::Other,
            Held::Blob(digest, size) => Left::File(self.contents.blob(digest, at, size)),
            Held::Staged(real) => self.left_file(&real, at, Keeper::Session),
            Held::Host(real) => self.left_file(&real, at, Keeper::Host),
        }
    }

    fn left_file(&mut self, real: &Path, at: &[u8], keeper: Keeper) -> Left {
        let stat = real.metadata().ok().map(Stat::from);
        let version =
            stat.and_then(|stat| self.contents.version(real, &stat, at, keeper, When::Now));
        version.map_or(Left::Other, Left::File)
    }
}
