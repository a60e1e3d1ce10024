//! Files that were made and have no name: they are kept for whoever has them open, and forgotten when
//! nobody has.
//!
//! Nobody tells when a file is closed. So now and then, when there are many of them, whoever knows the tasks
//! is asked which are still in use.

use super::Tree;
use crate::manifest::NodeId;

/// As many are kept without asking.
const KEPT: usize = 1024;

/// The files that may be forgotten.
#[derive(Debug, Default)]
pub(super) struct Nameless {
    files: Vec<NodeId>,
    /// How many were in use when it was asked last.
    used: usize,
}

impl Nameless {
    /// Takes note of a file that was made and has no name.
    pub(super) fn push(&mut self, file: NodeId) {
        self.files.push(file);
    }
}

impl Tree {
    /// Whether there are so many files without a name that it is worth asking which are in use.
    pub(crate) fn has_much_to_forget(&self) -> bool {
        self.nameless.files.len() > KEPT + 2 * self.nameless.used
    }

    /// Forgets the files without a name that are not in use, and returns their ids, which are not given again.
    pub(crate) fn forget_nameless(&mut self, is_used: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let files = std::mem::take(&mut self.nameless.files);
        let (used, unused): (Vec<_>, Vec<_>) = files
            .into_iter()
            .filter(|id| self.live.get(*id).is_some_and(|live| live.node.nlink == 0))
            .partition(|id| is_used(*id));
        unused.iter().for_each(|id| self.live.forget(*id));
        self.nameless = Nameless { used: used.len(), files: used };
        unused
    }
}
