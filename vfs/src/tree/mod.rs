//! A tree that can change: a manifest or a directory of the host, and on top of it what a session
//! has changed.
//!
//! What lies below is never written to. What was changed of a node is in a [`Live`], what was changed
//! of a directory's names in a [`Names`]; everything else is read from the manifest. So opening a
//! tree costs nothing, and a change costs the same however large the tree is.
//!
//! Changes come as [`Change`] values and are applied by [`Tree::apply`] alone. Whoever applies one
//! has judged it first (`judge/`); what is checked here is only what keeps the tree a tree, so that
//! a journal, which repeats changes, cannot break it.
//!
//! **Invariant:** an id is never given twice, and a node keeps its id whatever it is named.
//! **Invariant:** a directory's names keep their positions; a name that is made gets a position after
//! all others. So a listing that goes on after a change neither repeats nor leaves out a name that
//! was there all along.
//!
//! Deliberately absent: contents. A file's content is a blob or a staging file, and the tree only
//! knows which.

mod apply;
mod base;
mod change;
mod listing;
mod live;
mod nameless;
mod settle;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use nix::errno::Errno;
use vrift_cas::Digest;

use crate::error::Error;
use crate::manifest::{Kind, Node, NodeId};

pub use base::{Attribute, Base};
pub use change::{Birth, Change, Discovery, Setting, Slot};
pub use listing::Entry;
use live::{Live, Lives, Names};
use nameless::Nameless;

/// Where a file's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// In the store.
    Blob(Digest),
    /// In the host's file.
    Lower,
    /// In the staging file of the node.
    Staged,
}

/// Why a change cannot be applied.
#[derive(Debug)]
pub enum Refusal {
    /// It would not leave a tree; a file system says it with this errno.
    Contradiction(Errno),
    /// The manifest is damaged.
    Broken(Error),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Refusal {
        Refusal::Contradiction(errno)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Broken(error)
    }
}

impl From<crate::manifest::Error> for Refusal {
    fn from(error: crate::manifest::Error) -> Refusal {
        Refusal::Broken(error.into())
    }
}

/// A manifest, or a directory of the host, with changes.
#[derive(Debug)]
pub struct Tree {
    base: Base,
    /// Nodes that were made or changed.
    live: Lives,
    /// Directories whose names were changed.
    names: HashMap<NodeId, Names>,
    /// The next free id.
    next: u32,
    nameless: Nameless,
    /// The names of the manifest's nodes that have several; made when first needed.
    linked: Option<HashMap<NodeId, Vec<Slot>>>,
}

impl Tree {
    /// The tree of `base`, unchanged.
    pub fn new(base: impl Into<Base>) -> Tree {
        let base = base.into();
        let next = base.len();
        Tree {
            base,
            live: Lives::new(next),
            names: HashMap::new(),
            next,
            nameless: Nameless::default(),
            linked: None,
        }
    }

    /// What lies below.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The root directory.
    pub fn root(&self) -> NodeId {
        NodeId::ROOT
    }

    /// The id the next node gets.
    pub fn next_id(&self) -> NodeId {
        NodeId(self.next)
    }

    /// Whether nothing was changed.
    pub fn is_unchanged(&self) -> bool {
        self.live.is_empty() && self.names.is_empty()
    }

    /// The nodes that were made or changed, in no order.
    pub fn changed(&self) -> impl Iterator<Item = NodeId> {
        self.live.iter().map(|(id, _)| id)
    }

    /// Whether the node was made or changed.
    pub fn is_changed(&self, id: NodeId) -> bool {
        self.live.get(id).is_some()
    }

    /// The attributes of a node. Of a file whose content is staged, size, blocks and the times of
    /// access and modification are those of the staging file, which the caller must ask.
    pub fn node(&self, id: NodeId) -> Result<Node, Error> {
        match self.live.get(id) {
            Some(live) => Ok(live.node),
            None => self.base.node(id),
        }
    }

    /// Where a file's content is.
    pub fn content(&self, id: NodeId) -> Result<Content, Error> {
        match self.live.get(id) {
            Some(live) => Ok(live.content),
            None => self.base.content(id),
        }
    }

    /// The host's file that has the content of a node of a directory of the host.
    pub(crate) fn lower_path(&self, id: NodeId) -> Result<PathBuf, Error> {
        let none = || Error::Lower { path: PathBuf::new(), source: Errno::ESTALE.into() };
        self.base.lower().ok_or_else(none)?.path_of(id)
    }

    /// Finds `name` in the directory `dir`.
    pub fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        if let Some(known) = self.names.get(&dir).and_then(|names| names.get(name)) {
            return Ok(known);
        }
        if !self.is_base(dir) {
            return Ok(None);
        }
        self.base.lookup(dir, name)
    }

    /// The same as far as a journal can rely on it: the host may have other names tomorrow.
    fn settled(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        if let Some(known) = self.names.get(&dir).and_then(|names| names.get(name)) {
            return Ok(known);
        }
        if !self.is_base(dir) {
            return Ok(None);
        }
        self.base.settled(dir, name)
    }

    /// Finds a node by its path from the root, as [`crate::manifest::Manifest::find`] does.
    pub fn find(&self, path: &[u8]) -> Result<Option<NodeId>, Error> {
        if self.is_unchanged()
            && let Some(manifest) = self.base.manifest()
        {
            return Ok(manifest.find(path)?);
        }
        let mut at = self.root();
        for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            if !self.is_directory(at)? {
                return Ok(None);
            }
            match self.lookup(at, name)? {
                Some(node) => at = node,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The directory above the directory `dir`; the root is above itself, and a removed directory
    /// keeps the one it was removed from.
    pub fn parent(&self, dir: NodeId) -> Result<NodeId, Error> {
        match self.live.get(dir) {
            Some(live) => Ok(live.parent.unwrap_or(self.root())),
            None => self.base.parent(dir),
        }
    }

    /// What a symlink points to.
    pub fn target(&self, link: NodeId) -> Result<Cow<'_, [u8]>, Error> {
        match self.live.get(link).and_then(|live| live.target.as_deref()) {
            Some(target) => Ok(Cow::Borrowed(target)),
            None => self.base.target(link),
        }
    }

    /// The extended attributes of a node, sorted by name.
    pub fn xattrs(&self, id: NodeId) -> Result<Vec<Attribute<'_>>, Error> {
        if let Some(changed) = self.live.get(id).and_then(|live| live.xattrs.as_ref()) {
            let borrowed = |(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value));
            let changed = changed.iter().map(|(name, value)| (&name[..], &value[..]));
            return Ok(changed.map(borrowed).collect());
        }
        if !self.is_base(id) {
            return Ok(Vec::new());
        }
        self.base.xattrs(id)
    }

    /// An extended attribute of a node.
    pub fn xattr(&self, id: NodeId, name: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Error> {
        if let Some(changed) = self.live.get(id).and_then(|live| live.xattrs.as_ref()) {
            return Ok(changed.get(name).map(|value| Cow::Borrowed(&value[..])));
        }
        if !self.is_base(id) {
            return Ok(None);
        }
        self.base.xattr(id, name)
    }

    /// The directories in or below which something was changed.
    pub fn touched(&self) -> Result<HashSet<NodeId>, Error> {
        let mut touched = HashSet::new();
        for (id, live) in self.live.iter() {
            let mut at = match live.parent {
                Some(_) => Some(id),
                None if id == self.root() => Some(id),
                None => None,
            };
            let names = self.names_of(id, live)?;
            let mut above: Vec<NodeId> = names.iter().map(|slot| slot.dir).collect();
            loop {
                while let Some(dir) = at {
                    let new = touched.insert(dir);
                    at = (new && dir != self.root()).then(|| self.parent(dir)).transpose()?;
                }
                match above.pop() {
                    Some(dir) => at = Some(dir),
                    None => break,
                }
            }
        }
        Ok(touched)
    }

    /// A path of a node from the root, without a slash before it: one of them, if it has several
    /// names; `None` if it or a directory above it has none left.
    pub fn path_of(&self, id: NodeId) -> Result<Option<Vec<u8>>, Error> {
        if self.is_unchanged()
            && let Some(manifest) = self.base.manifest()
        {
            return Ok(Some(manifest.path_of(id)?));
        }
        self.path_by(id, |at| self.name_of(at))
    }

    /// The same, of what has no name left by the last one it had; `None` if it never had one.
    pub fn lost_path_of(&self, id: NodeId) -> Result<Option<Vec<u8>>, Error> {
        let lost = |at| self.live.get(at).and_then(|live| live.lost.clone());
        self.path_by(id, |at| Ok(self.name_of(at)?.or_else(|| lost(at))))
    }

    fn path_by(
        &self,
        id: NodeId,
        name: impl Fn(NodeId) -> Result<Option<Slot>, Error>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut parts = Vec::new();
        let mut at = id;
        while at != self.root() {
            let Some(slot) = name(at)? else { return Ok(None) };
            parts.push(slot.name);
            at = slot.dir;
        }
        parts.reverse();
        Ok(Some(parts.join(&b'/')))
    }

    /// All paths of a node that was changed, each as [`Tree::path_of`] has it.
    pub fn paths_of(&self, id: NodeId) -> Result<Vec<Vec<u8>>, Error> {
        let Some(live) = self.live.get(id) else {
            return Ok(self.path_of(id)?.into_iter().collect());
        };
        let mut paths = Vec::with_capacity(live.names.len());
        for slot in &self.names_of(id, live)? {
            if let Some(mut path) = self.path_of(slot.dir)? {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(&slot.name);
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// One name of a node; `None` for the root and for what has none left.
    fn name_of(&self, id: NodeId) -> Result<Option<Slot>, Error> {
        match self.live.get(id) {
            Some(live) if live.names.is_empty() => Ok(self.names_of(id, live)?.into_iter().next()),
            Some(live) => Ok(live.names.first().cloned()),
            None => self.base.slot_of(id),
        }
    }

    /// Whether the directory `dir` has no names.
    pub fn is_empty(&self, dir: NodeId) -> Result<bool, Error> {
        match self.entries(dir, 0)?.next() {
            None => Ok(true),
            Some(entry) => entry.map(|_| false),
        }
    }

    /// Whether `dir` is `above` or lies below it.
    pub fn is_within(&self, dir: NodeId, above: NodeId) -> Result<bool, Error> {
        let mut at = dir;
        // Ends: directories make a tree, and the root is its own parent.
        while at != above {
            if at == self.root() {
                return Ok(false);
            }
            at = self.parent(at)?;
        }
        Ok(true)
    }

    /// Whether the node is one of the lower layer's.
    pub(crate) fn is_base(&self, id: NodeId) -> bool {
        id.0 < self.base.len()
    }

    fn is_directory(&self, id: NodeId) -> Result<bool, Error> {
        Ok(self.node(id)?.kind == Kind::Directory)
    }
}
