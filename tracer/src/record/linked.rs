//! Files with several names that the tree has changed: what it reads by another one is its own work, too.
//!
//! A file of a mount is told by one of its names, whichever it was asked for by: this is about the host's.

use std::collections::{HashMap, HashSet};

use vrift_record::{Act, Part, Verdict};

use super::Recorder;
use super::noted::Ended;
use super::stat::{Inode, Stat};
use crate::view::places::Seat;

/// By file: the names by which it was told that the tree has changed it.
#[derive(Debug, Default)]
pub(super) struct Linked {
    told: HashMap<Inode, HashSet<Vec<u8>>>,
}

impl Linked {
    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.told.is_empty()
    }

    /// The tree may have changed what a file holds.
    pub(super) fn changed(&mut self, stat: &Stat, path: &[u8]) {
        if stat.is_file() && stat.nlink > 1 {
            self.told.entry(stat.inode).or_default().insert(path.to_owned());
        }
    }

    /// Whether the tree has changed it, and this name was not told so far.
    fn is_news(&mut self, inode: Inode, path: &[u8]) -> bool {
        let told = self.told.get_mut(&inode);
        told.is_some_and(|told| !told.contains(path) && told.insert(path.to_owned()))
    }
}

impl Recorder {
    /// Tells, before a file is read, that it was changed by another of its names.
    pub(super) fn changed_by_other_name(
        &mut self,
        inode: Inode,
        path: &[u8],
        ended: &Ended,
        seat: &Seat<'_>,
    ) {
        if self.linked.is_news(inode, path) {
            self.changed.did(Act::Write, path, None);
            let ended = Ended { verdict: Verdict::Host, ..*ended };
            self.access(Act::Write, path, None, None, Part::Further, &ended, seat);
        }
    }
}
