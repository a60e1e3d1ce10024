//! What has been changed of one node, and of one directory's names.

use std::collections::{BTreeMap, HashMap};

use super::{Content, Slot};
use crate::manifest::{Node, NodeId};

/// Extended attributes by name.
pub(super) type Xattrs = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// A node that was made or changed.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// Its attributes.
    pub(super) node: Node,
    /// Where its content is, if it is a file.
    pub(super) content: Content,
    /// Its target, if it is a symlink that was made.
    pub(super) target: Option<Box<[u8]>>,
    /// Its extended attributes, if they were changed.
    pub(super) xattrs: Option<Xattrs>,
    /// All its names.
    pub(super) names: Vec<Slot>,
    /// The directory above, if it is a directory.
    pub(super) parent: Option<NodeId>,
}

/// How the names of a directory differ from the manifest's.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Names made since, by position among them.
    made: BTreeMap<u64, (Box<[u8]>, NodeId)>,
    /// By name: its position, or `None` if it was removed. A name that is not here is the
    /// manifest's.
    known: HashMap<Box<[u8]>, Option<u64>>,
    next: u64,
}

impl Names {
    /// What is known of `name`: nothing, that it is gone, or what it names.
    pub(super) fn get(&self, name: &[u8]) -> Option<Option<NodeId>> {
        let position = self.known.get(name)?;
        Some(position.and_then(|at| self.made.get(&at)).map(|(_, node)| *node))
    }

    /// Whether the manifest's entry of that name is not to be shown.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        self.known.contains_key(name)
    }

    /// Makes `name`, which is free.
    pub(super) fn make(&mut self, name: &[u8], node: NodeId) {
        self.made.insert(self.next, (name.into(), node));
        self.known.insert(name.into(), Some(self.next));
        self.next += 1;
    }

    /// Lets `name` name `node` from now on, at the position it has.
    pub(super) fn replace(&mut self, name: &[u8], node: NodeId) {
        match self.known.get(name).copied().flatten().and_then(|at| self.made.get_mut(&at)) {
            Some((_, named)) => *named = node,
            None => self.make(name, node),
        }
    }

    /// Removes `name`. What the manifest does not have either need not be remembered.
    pub(super) fn remove(&mut self, name: &[u8], in_base: bool) {
        if let Some(Some(position)) = self.known.remove(name) {
            self.made.remove(&position);
        }
        if in_base {
            self.known.insert(name.into(), None);
        }
    }

    /// The names made since, from position `from` among them on.
    pub(super) fn made(&self, from: u64) -> impl Iterator<Item = (u64, &[u8], NodeId)> {
        self.made.range(from..).map(|(&at, (name, node))| (at, &name[..], *node))
    }
}
