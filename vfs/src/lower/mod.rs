//! A directory of the host below a session: found as it is asked for, and never written to.
//!
//! Nothing is read ahead. A node gets a number when its name is first looked up or listed; until the
//! session changes something of it, every question is answered by the host's file as it is then. For
//! a change the node is *pinned*: its number, its name and its attributes go into the journal and stay
//! what they are, whatever happens to the host's file. So what a session has changed does not depend
//! on what others do to the directory meanwhile; contents that were not written to do.
//!
//! **Invariant:** a pinned name names the same node for as long as the session lasts.
//! **Invariant:** a name that is listed keeps its position while the listing is remembered.

mod look;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

use crate::error::Error;
use crate::manifest::{Kind, Node, NodeId, Xattr};
use look::Seen;

/// The number of ids for nodes of the host's directory; those of nodes that a session makes follow.
pub(crate) const IDS: u32 = 1 << 31;

/// Where the positions of names begin that a session makes in a directory of the host.
pub(crate) const POSITIONS: u64 = 1 << 30;

/// A name in a directory.
type Slot = (NodeId, Box<[u8]>);

/// Device and inode number.
pub(crate) type Inode = (u64, u64);

/// A directory of the host.
#[derive(Debug)]
pub struct Lower {
    root: PathBuf,
    known: Mutex<Known>,
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Known {
    nodes: HashMap<NodeId, Found>,
    inodes: HashMap<Inode, NodeId>,
    /// Names that stay.
    pinned: BTreeMap<Slot, NodeId>,
    listings: HashMap<NodeId, Arc<Listing>>,
    next: u32,
}

/// Where a node was found.
#[derive(Debug, Clone)]
struct Found {
    dir: NodeId,
    name: Box<[u8]>,
    pinned: Option<Arc<Pin>>,
    /// Further names under which it was met.
    others: Vec<Slot>,
}

impl Found {
    fn new(dir: NodeId, name: &[u8]) -> Found {
        Found { dir, name: name.into(), pinned: None, others: Vec::new() }
    }

    /// Takes note of a name under which it was met.
    fn meet(&mut self, dir: NodeId, name: &[u8]) {
        let is_first = self.dir == dir && *self.name == *name;
        if !is_first && !self.others.iter().any(|(at, other)| *at == dir && **other == *name) {
            self.others.push((dir, name.into()));
        }
    }

    /// All names under which it was met.
    fn names(&self) -> impl Iterator<Item = Slot> {
        std::iter::once((self.dir, self.name.clone())).chain(self.others.iter().cloned())
    }
}

/// What is kept of a node for as long as a session lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) inode: Inode,
    pub(crate) node: Node,
    pub(crate) target: Option<Box<[u8]>>,
    pub(crate) xattrs: Vec<Xattr>,
}

/// A name in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: Box<[u8]>,
    pub(crate) node: NodeId,
    pub(crate) kind: Kind,
}

/// The names of a directory by position.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    slots: Vec<Option<Listed>>,
}

impl Listing {
    /// What is at a position: nothing any more, or a name; `None` behind the last one.
    pub(crate) fn get(&self, position: u64) -> Option<Option<&Listed>> {
        self.slots.get(usize::try_from(position).ok()?).map(Option::as_ref)
    }
}

impl Lower {
    /// The directory at `root`.
    ///
    /// # Errors
    /// [`Error::Lower`] if it is not a directory that can be entered.
    pub fn open(root: &Path) -> Result<Lower, Error> {
        let failed = |source| Error::Lower { path: root.to_owned(), source };
        let root = root.canonicalize().map_err(failed)?;
        if !root.is_dir() {
            return Err(failed(std::io::ErrorKind::NotADirectory.into()));
        }
        let lower = Lower { root, known: Mutex::default() };
        let seen = look::at(&lower.root)?.ok_or_else(|| failed(Errno::NOENT.into()))?;
        let mut known = lower.known.lock();
        let top = Found::new(NodeId::ROOT, b"");
        known.nodes.insert(NodeId::ROOT, top);
        known.inodes.insert(seen.inode, NodeId::ROOT);
        known.next = 1;
        drop(known);
        Ok(lower)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The host's file.
    pub(crate) fn path_of(&self, id: NodeId) -> Result<PathBuf, Error> {
        self.known.lock().path_of(id, &self.root)
    }

    pub(crate) fn node(&self, id: NodeId) -> Result<Node, Error> {
        if let Some(pin) = self.pin_of(id)? {
            return Ok(pin.node);
        }
        let path = self.path_of(id)?;
        let gone = || Error::Lower { path: path.clone(), source: Errno::STALE.into() };
        look::at(&path)?.map(|seen| seen.node).ok_or_else(gone)
    }

    /// What a node is kept as, if it is pinned.
    pub(crate) fn pin_of(&self, id: NodeId) -> Result<Option<Arc<Pin>>, Error> {
        Ok(self.known.lock().found(id, &self.root)?.pinned.clone())
    }

    /// The directory and the name under which a node is known; `None` for the root.
    pub(crate) fn slot_of(&self, id: NodeId) -> Result<Option<Slot>, Error> {
        let known = self.known.lock();
        let found = known.found(id, &self.root)?;
        Ok((id != NodeId::ROOT).then(|| (found.dir, found.name.clone())))
    }

    /// All pinned names of a node.
    pub(crate) fn pinned_names(&self, id: NodeId) -> Vec<Slot> {
        let known = self.known.lock();
        let met = known.nodes.get(&id).into_iter().flat_map(Found::names);
        met.filter(|slot| known.pinned.get(slot) == Some(&id)).collect()
    }

    /// All names under which a node has been met.
    pub(crate) fn met_names(&self, id: NodeId) -> Result<Vec<Slot>, Error> {
        Ok(self.known.lock().found(id, &self.root)?.names().collect())
    }

    /// What a pinned name names.
    pub(crate) fn pinned(&self, dir: NodeId, name: &[u8]) -> Option<NodeId> {
        self.known.lock().pinned.get(&(dir, name.into())).copied()
    }

    /// The pinned names in a directory.
    pub(crate) fn pinned_in(&self, dir: NodeId) -> Vec<Box<[u8]>> {
        let known = self.known.lock();
        let from = (dir, Box::default());
        let names = known.pinned.range(from..).take_while(|((at, _), _)| *at == dir);
        names.map(|((_, name), _)| name.clone()).collect()
    }

    pub(crate) fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        if let Some(id) = self.pinned(dir, name) {
            return Ok(Some(id));
        }
        let path = self.path_of(dir)?.join(OsStr::from_bytes(name));
        let Some(Seen { inode, node }) = look::at(&path)? else { return Ok(None) };
        let mut known = self.known.lock();
        Ok(Some(known.number(&self.root, dir, name, inode, node.kind)))
    }

    /// The names in a directory. They are read when a listing starts, and remembered while it goes on.
    pub(crate) fn entries(&self, dir: NodeId, from: u64) -> Result<Arc<Listing>, Error> {
        if from > 0
            && let Some(listing) = self.known.lock().listings.get(&dir)
        {
            return Ok(listing.clone());
        }
        let path = self.path_of(dir)?;
        let (device, names) = look::list(&path)?;
        let mut known = self.known.lock();
        let mut present: HashMap<Box<[u8]>, Listed> = HashMap::with_capacity(names.len());
        let mut order = Vec::with_capacity(names.len());
        for (name, ino, kind) in names {
            let pinned = known.pinned.get(&(dir, name.clone())).copied();
            let (node, kind) = match pinned {
                Some(id) => (id, known.kind(id).unwrap_or(kind)),
                None => (known.number(&self.root, dir, &name, (device, ino), kind), kind),
            };
            order.push(name.clone());
            present.insert(name.clone(), Listed { name, node, kind });
        }
        for name in known.pinned_missing(dir, &present) {
            if let Some(node) = known.pinned.get(&(dir, name.clone())).copied() {
                let kind = known.kind(node).unwrap_or_default();
                order.push(name.clone());
                present.insert(name.clone(), Listed { name, node, kind });
            }
        }
        let before = known.listings.remove(&dir).unwrap_or_default();
        let listing = Arc::new(before.refreshed(order, present));
        known.listings.insert(dir, listing.clone());
        Ok(listing)
    }

    pub(crate) fn target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        match self.pin_of(link)?.and_then(|pin| pin.target.clone()) {
            Some(target) => Ok(target.into_vec()),
            None => look::target(&self.path_of(link)?),
        }
    }

    /// The extended attributes of a node, sorted by name.
    pub(crate) fn xattrs(&self, id: NodeId) -> Result<Vec<Xattr>, Error> {
        match self.pin_of(id)? {
            Some(pin) => Ok(pin.xattrs.clone()),
            None => look::xattrs(&self.path_of(id)?),
        }
    }

    /// Whether the host's file is still the one that was pinned, with the content it had then.
    pub(crate) fn stands(&self, id: NodeId) -> Result<bool, Error> {
        let Some(pin) = self.pin_of(id)? else { return Ok(true) };
        let now = look::at(&self.path_of(id)?)?;
        let same = |now: &Seen| {
            let key = |node: &Node| (node.kind, node.size, node.mtime);
            now.inode == pin.inode && key(&now.node) == key(&pin.node)
        };
        Ok(now.is_some_and(|now| same(&now)))
    }

    /// What is to be kept of a node when it is pinned.
    pub(crate) fn keepsake(&self, id: NodeId) -> Result<Pin, Error> {
        let path = self.path_of(id)?;
        let gone = || Error::Lower { path: path.clone(), source: Errno::STALE.into() };
        let Seen { inode, node } = look::at(&path)?.ok_or_else(gone)?;
        let target = match node.kind {
            Kind::Symlink => Some(look::target(&path)?.into()),
            _ => None,
        };
        Ok(Pin { inode, node, target, xattrs: look::xattrs(&path)? })
    }

    /// Keeps a node, and a name that it has, as they are from now on.
    pub(crate) fn pin(&self, id: NodeId, dir: NodeId, name: &[u8], pin: Pin) {
        let mut known = self.known.lock();
        known.next = known.next.max(id.0.saturating_add(1));
        let inode = pin.inode;
        let found = known.nodes.entry(id).or_insert_with(|| Found::new(dir, name));
        found.meet(dir, name);
        if found.pinned.is_none() {
            // It is known by the pinned one of its names from now on.
            let former = (found.dir, std::mem::replace(&mut found.name, name.into()));
            found.others.retain(|(at, other)| *at != dir || **other != *name);
            found.dir = dir;
            found.meet(former.0, &former.1);
            found.pinned = Some(Arc::new(pin));
            known.inodes.insert(inode, id);
        }
        if id != NodeId::ROOT {
            known.pinned.insert((dir, name.into()), id);
        }
    }
}

impl Known {
    fn found(&self, id: NodeId, root: &Path) -> Result<&Found, Error> {
        let unknown = || Error::Lower { path: root.to_owned(), source: Errno::STALE.into() };
        self.nodes.get(&id).ok_or_else(unknown)
    }

    fn kind(&self, id: NodeId) -> Option<Kind> {
        Some(self.nodes.get(&id)?.pinned.as_ref()?.node.kind)
    }

    fn path_of(&self, id: NodeId, root: &Path) -> Result<PathBuf, Error> {
        let mut names = Vec::new();
        let mut at = id;
        while at != NodeId::ROOT {
            let found = self.found(at, root)?;
            names.push(&found.name);
            at = found.dir;
        }
        let mut path = root.to_owned();
        path.extend(names.iter().rev().map(|name| OsStr::from_bytes(name)));
        Ok(path)
    }

    /// The number of the node that was seen under a name: the same as before if it is the same file.
    fn number(
        &mut self,
        root: &Path,
        dir: NodeId,
        name: &[u8],
        inode: Inode,
        kind: Kind,
    ) -> NodeId {
        if let Some(&id) = self.inodes.get(&inode)
            && let Some(found) = self.nodes.get(&id)
        {
            if found.dir == dir && *found.name == *name {
                return id;
            }
            let same = match &found.pinned {
                // A file that is gone may have left its number to another one.
                Some(pin) => kind != Kind::Directory && pin.node.nlink > 1 && pin.node.kind == kind,
                None => id != NodeId::ROOT,
            };
            // A file of several names is known by the first; one that was moved, by the new one.
            if same && (found.pinned.is_some() || self.leads_to(id, inode, root)) {
                if let Some(found) = self.nodes.get_mut(&id) {
                    found.meet(dir, name);
                }
                return id;
            }
            if same {
                self.nodes.insert(id, Found::new(dir, name));
                return id;
            }
        }
        let id = NodeId(self.next);
        // Memory ends before two thousand million files have been seen.
        self.next = (self.next + 1).min(IDS - 1);
        self.nodes.insert(id, Found::new(dir, name));
        self.inodes.insert(inode, id);
        id
    }

    /// Whether the file is still where it was found.
    fn leads_to(&self, id: NodeId, inode: Inode, root: &Path) -> bool {
        let seen = self.path_of(id, root).and_then(|path| look::at(&path));
        seen.is_ok_and(|seen| seen.is_some_and(|seen| seen.inode == inode))
    }

    /// Pinned names of a directory that the host does not have any more.
    fn pinned_missing(&self, dir: NodeId, present: &HashMap<Box<[u8]>, Listed>) -> Vec<Box<[u8]>> {
        let from = (dir, Box::default());
        let names = self.pinned.range(from..).take_while(|((at, _), _)| *at == dir);
        let missing = names.filter(|((_, name), _)| !present.contains_key(name));
        missing.map(|((_, name), _)| name.clone()).collect()
    }
}

impl Listing {
    /// The names that are present now, at the positions they had; new ones come last.
    fn refreshed(&self, order: Vec<Box<[u8]>>, mut now: HashMap<Box<[u8]>, Listed>) -> Listing {
        let kept = |slot: &Option<Listed>| slot.as_ref().and_then(|old| now.remove(&old.name));
        let mut slots: Vec<Option<Listed>> = self.slots.iter().map(kept).collect();
        slots.extend(order.into_iter().filter_map(|name| now.remove(&name)).map(Some));
        Listing { slots }
    }
}
