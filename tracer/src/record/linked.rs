//! Files with several names that the tree changes: what it reads by another one is its own work then, and what it
//! has read by another one, or has given another one, is not there any more.
//!
//! A file of a mount is told by one of its names, whichever it was asked for by: this is about the host's.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use vrift_record::{Act, Part, Verdict};

use super::Recorder;
use super::noted::Ended;
use super::stat::{Inode, Stat};
use crate::view::places::Seat;

/// As many files that were only read are remembered; then all are forgotten.
const READ_MAX: usize = 1 << 16;

/// Names of files.
type Names = HashMap<Inode, HashSet<Vec<u8>>>;

/// The files with several names.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// By which names the tree has read what it has not changed.
    read: Names,
    /// By which names it was told that the tree has changed it.
    told: Names,
}

impl Linked {
    /// A file is read by a name. Returns whether the tree has changed it, and that was not told of this name.
    fn read(&mut self, stat: &Stat, path: &[u8]) -> bool {
        if let Some(told) = self.told.get_mut(&stat.inode) {
            return !told.contains(path) && told.insert(path.to_owned());
        }
        if has_several_names(stat) {
            if self.read.len() >= READ_MAX {
                self.read.clear();
            }
            self.read.entry(stat.inode).or_default().insert(path.to_owned());
        }
        false
    }

    /// The tree may have changed what a file holds, by a name. Returns by which others it was read.
    fn changed(&mut self, stat: &Stat, path: &[u8]) -> Vec<Vec<u8>> {
        if !has_several_names(stat) {
            return Vec::new();
        }
        let told = self.told.entry(stat.inode).or_default();
        told.insert(path.to_owned());
        let read = self.read.remove(&stat.inode).unwrap_or_default();
        read.into_iter().filter(|name| told.insert(name.clone())).collect()
    }
}

fn has_several_names(stat: &Stat) -> bool {
    stat.is_file() && stat.nlink > 1
}

impl Recorder {
    /// Tells, before a file is read, that it was changed by another of its names.
    pub(super) fn read_by_name(
        &mut self,
        stat: &Stat,
        path: &[u8],
        ended: &Ended,
        seat: &Seat<'_>,
    ) {
        if self.linked.read(stat, path) {
            self.changed_by_other_name(path, ended, seat);
        }
    }

    /// The same before the kernel opens a file of the host for an execution.
    pub(super) fn loaded_by_name(
        &mut self,
        real: &Path,
        path: &[u8],
        ended: &Ended,
        seat: &Seat<'_>,
    ) {
        if let Ok(meta) = real.metadata() {
            self.read_by_name(&meta.into(), path, ended, seat);
        }
    }

    /// Tells, when a file is changed, that so is what was read by another of its names.
    pub(super) fn changed_by_name(
        &mut self,
        stat: &Stat,
        path: &[u8],
        ended: &Ended,
        seat: &Seat<'_>,
    ) {
        for name in self.linked.changed(stat, path) {
            self.changed_by_other_name(&name, ended, seat);
        }
    }

    fn changed_by_other_name(&mut self, path: &[u8], ended: &Ended, seat: &Seat<'_>) {
        self.changed.did(Act::Write, path, None);
        let ended = Ended { verdict: Verdict::Host, ..*ended };
        self.access(Act::Write, path, None, None, Part::Further, &ended, seat);
    }
}
