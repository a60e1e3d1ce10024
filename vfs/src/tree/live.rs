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
    /// The last name that was removed of it.
    pub(super) lost: Option<Slot>,
    /// The directory above, if it is a directory.
    pub(super) parent: Option<NodeId>,
}

/// The changed nodes by their ids.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// Nodes from below.
    changed: HashMap<NodeId, Live>,
    /// Nodes that were made, whose ids follow one another from `first` on. Each is in a box of its own, so
    /// that one that is forgotten leaves nothing but its place.
    made: Vec<Option<Box<Live>>>,
    first: u32,
}

impl Lives {
    /// None yet; `first` is the id of the first node that will be made.
    pub(super) fn new(first: u32) -> Lives {
        Lives { first, ..Lives::default() }
    }

    fn place(&self, id: NodeId) -> Option<usize> {
        Some(id.0.checked_sub(self.first)? as usize)
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Live> {
        match self.place(id) {
            Some(place) => self.made.get(place)?.as_deref(),
            None => self.changed.get(&id),
        }
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Live> {
        match self.place(id) {
            Some(place) => self.made.get_mut(place)?.as_deref_mut(),
            None => self.changed.get_mut(&id),
        }
    }

    /// Puts in a node that is not there: from below, or the next one that is made.
    pub(super) fn insert(&mut self, id: NodeId, live: Live) {
        match self.place(id) {
            Some(_) => self.made.push(Some(Box::new(live))),
            None => drop(self.changed.insert(id, live)),
        }
    }

    /// Forgets a node that was made.
    pub(super) fn forget(&mut self, id: NodeId) {
        if let Some(live) = self.place(id).and_then(|place| self.made.get_mut(place)) {
            *live = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.made.is_empty()
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Live)> {
        let made = (self.first..).map(NodeId).zip(&self.made);
        let made = made.filter_map(|(id, live)| Some((id, live.as_deref()?)));
        self.changed.iter().map(|(&id, live)| (id, live)).chain(made)
    }
}

/// How the names of a directory differ from the manifest's.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Names made since, by position among them.
    made: BTreeMap<u64, (Box<[u8]>, NodeId)>,
    /// By name: its position and what it names, or `None` if it was removed. A name that is not here is the
    /// manifest's.
    known: HashMap<Box<[u8]>, Option<(u64, NodeId)>>,
    next: u64,
}

impl Names {
    /// What is known of `name`: nothing, that it is gone, or what it names.
    pub(super) fn get(&self, name: &[u8]) -> Option<Option<NodeId>> {
        Some(self.known.get(name)?.map(|(_, node)| node))
    }

    /// Whether the manifest's entry of that name is not to be shown.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        self.known.contains_key(name)
    }

    /// Makes `name`, which is free.
    pub(super) fn make(&mut self, name: &[u8], node: NodeId) {
        self.made.insert(self.next, (name.into(), node));
        self.known.insert(name.into(), Some((self.next, node)));
        self.next += 1;
    }

    /// Lets `name` name `node` from now on, at the position it has.
    pub(super) fn replace(&mut self, name: &[u8], node: NodeId) {
        match self.known.get_mut(name) {
            Some(Some((position, named))) => {
                *named = node;
                if let Some((_, named)) = self.made.get_mut(position) {
                    *named = node;
                }
            }
            _ => self.make(name, node),
        }
    }

    /// Removes `name`. What the manifest does not have either need not be remembered.
    pub(super) fn remove(&mut self, name: &[u8], in_base: bool) {
        if let Some(Some((position, _))) = self.known.remove(name) {
            self.made.remove(&position);
        }
        if in_base {
            self.known.insert(name.into(), None);
        }
    }

    /// How many names have been made since, whatever became of them.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The names made since, from position `from` among them on.
    pub(super) fn made(&self, from: u64) -> impl Iterator<Item = (u64, &[u8], NodeId)> {
        self.made.range(from..).map(|(&at, (name, node))| (at, &name[..], *node))
    }
}
