//! What a change takes for granted of a directory of the host, written down before it is made.
//!
//! A journal must give the same tree whenever it is applied, and the host's directory may be another
//! one by then. So whatever a change is about (nodes, names, the names a directory has) is pinned first,
//! by changes of its own ([`Change::Discover`]), and applying looks at pinned names alone.

use std::collections::HashSet;

use super::live::{Live, Names};
use super::{Change, Discovery, Entry, Refusal, Slot, Tree};
use crate::acl;
use crate::creds::{Creds, EXEC, READ};
use crate::error::Error;
use crate::lower::{Lower, Pin};
use crate::manifest::{Kind, Node, NodeId};

impl Tree {
    /// What must be pinned before `change` is made, in order. Nothing over a manifest.
    pub(crate) fn unsettled(&self, change: &Change) -> Result<Vec<Change>, Error> {
        let Some(lower) = self.base.lower() else { return Ok(Vec::new()) };
        let mut pins = Pins { tree: self, lower, met: HashSet::new(), changes: Vec::new() };
        match change {
            Change::Make { at, .. } => at.iter().try_for_each(|at| pins.slot(at))?,
            Change::Link { node, at, .. } => {
                pins.node(*node)?;
                pins.slot(at)?;
            }
            Change::Unlink { at, .. } => {
                pins.slot(at)?;
                pins.contents(at)?;
            }
            Change::Rename { from, to, .. } => {
                pins.slot(from)?;
                pins.slot(to)?;
                pins.contents(to)?;
            }
            Change::Exchange { a, b, .. } => {
                pins.slot(a)?;
                pins.slot(b)?;
            }
            Change::Set { node, .. } | Change::Xattr { node, .. } | Change::Stage { node } => {
                pins.node(*node)?;
            }
            Change::Discover { .. } => {}
        }
        Ok(pins.changes)
    }

    /// What must be pinned for `node` to stay what it is.
    pub(crate) fn unsettled_node(&self, node: NodeId) -> Result<Vec<Change>, Error> {
        let Some(lower) = self.base.lower() else { return Ok(Vec::new()) };
        let mut pins = Pins { tree: self, lower, met: HashSet::new(), changes: Vec::new() };
        pins.node(node)?;
        Ok(pins.changes)
    }

    /// The names that the directory `dir` of the lower layer had before anything was changed. Of a
    /// directory of the host, those that others have made since where the session made or removed
    /// something are not among them.
    pub(crate) fn entries_before(&self, dir: NodeId) -> Result<Vec<Entry<'_>>, Error> {
        let entries = self.base.entries(dir)?;
        let Some(lower) = self.base.lower() else { return entries.collect() };
        let gone = self.path_of(dir)?.is_none();
        let names = self.names.get(&dir);
        let was_there = |entry: &Entry<'_>| {
            let hidden = names.is_some_and(|names| names.hides(&entry.name));
            !gone && !hidden || lower.pinned(dir, &entry.name).is_some()
        };
        let there = |entry: &Result<Entry<'_>, Error>| entry.as_ref().map_or(true, was_there);
        entries.filter(there).collect()
    }

    /// Whether the kernel lets a caller, who may read the file `id`, read the host's file that has its
    /// content: what was changed of its mode, and of the directories it was moved out of, is not so on
    /// the host.
    pub(crate) fn host_lets(&self, id: NodeId, creds: &Creds) -> Result<bool, Error> {
        let Some(lower) = self.base.lower() else { return Ok(true) };
        let mut at = id;
        loop {
            // What is not pinned has not been changed, and the caller has come through it.
            if let Some(pin) = lower.pin_of(at)? {
                let want = if at == id { READ } else { EXEC };
                let mut lists = pin.xattrs.iter().filter(|_| creds.heeds_list(&pin.node));
                let list = lists.find(|(name, _)| **name == *acl::ACCESS);
                if !creds.may(&pin.node, list.map(|(_, value)| &value[..]), want) {
                    return Ok(false);
                }
            }
            match lower.slot_of(at)? {
                Some((above, _)) => at = above,
                None => return Ok(true),
            }
        }
    }

    /// The names of a changed node as far as they are known: a file of the host has names that nobody
    /// has changed, beside those that the session knows.
    pub(super) fn names_of(&self, id: NodeId, live: &Live) -> Result<Vec<Slot>, Error> {
        let mut names = live.names.clone();
        if let Some(lower) = self.base.lower()
            && self.is_base(id)
            && live.node.kind != Kind::Directory
            && live.node.nlink as usize > names.len()
        {
            for (dir, name) in lower.met_names(id)? {
                let slot = Slot { dir, name };
                let hides = |names: &Names| names.hides(&slot.name);
                if !self.names.get(&dir).is_some_and(hides) && !names.contains(&slot) {
                    names.push(slot);
                }
            }
        }
        Ok(names)
    }

    /// Meets all names of the files that were changed: of a file of the host that has several, some may
    /// lie where nobody has looked yet. Looks at all names of the tree, if there is such a file.
    pub(crate) fn meet_links(&self) -> Result<(), Error> {
        if self.base.lower().is_none() {
            return Ok(());
        }
        let mut missing = false;
        for (id, live) in self.live.iter() {
            let linked = self.is_base(id) && live.node.kind != Kind::Directory;
            missing |= linked && live.node.nlink as usize > self.names_of(id, live)?.len();
        }
        let mut below: Vec<NodeId> = missing.then_some(self.root()).into_iter().collect();
        while let Some(dir) = below.pop() {
            for entry in self.entries(dir, 0)? {
                let entry = entry?;
                if entry.kind == Kind::Directory {
                    below.push(entry.node);
                }
            }
        }
        Ok(())
    }

    /// Whether the directory `dir` has no names, as far as a journal can rely on it.
    pub(super) fn is_settled_empty(&self, dir: NodeId) -> Result<bool, Error> {
        let Some(lower) = self.base.lower() else { return self.is_empty(dir) };
        let names = self.names.get(&dir);
        if names.is_some_and(|names| names.made(0).next().is_some()) {
            return Ok(false);
        }
        let hidden = |name: &[u8]| names.is_some_and(|names| names.hides(name));
        Ok(!self.is_base(dir) || lower.pinned_in(dir).iter().all(|name| hidden(name)))
    }

    /// See [`Change::Discover`].
    pub(super) fn discover(
        &mut self,
        id: NodeId,
        at: &Slot,
        found: &Discovery,
    ) -> Result<(), Refusal> {
        let Some(lower) = self.base.lower() else { return Err(nix::errno::Errno::EINVAL.into()) };
        lower.pin(id, at.dir, &at.name, found.into());
        if let Some(live) = self.live.get_mut(id)
            && live.node.kind != Kind::Directory
            && !live.names.contains(at)
        {
            live.names.push(at.clone());
        }
        Ok(())
    }
}

/// What is to be pinned.
struct Pins<'a> {
    tree: &'a Tree,
    lower: &'a Lower,
    met: HashSet<Slot>,
    changes: Vec<Change>,
}

impl Pins<'_> {
    /// A directory and, if the host has it, a name in it.
    fn slot(&mut self, at: &Slot) -> Result<(), Error> {
        self.node(at.dir)?;
        let named = self.tree.lookup(at.dir, &at.name)?;
        let own = self.tree.names.get(&at.dir).is_some_and(|names| names.hides(&at.name));
        match named.filter(|node| self.tree.is_base(*node)) {
            Some(node) if self.tree.is_base(at.dir) && !own => self.name(node, at.clone()),
            Some(node) => self.node(node),
            None => Ok(()),
        }
    }

    /// A name in the directory that `at` names, if there is one.
    fn contents(&mut self, at: &Slot) -> Result<(), Error> {
        let Some(dir) = self.tree.lookup(at.dir, &at.name)? else { return Ok(()) };
        if !self.tree.is_base(dir) || self.tree.node(dir)?.kind != Kind::Directory {
            return Ok(());
        }
        let inside = self.tree.entries(dir, 0)?.next().transpose()?;
        match inside.map(|entry| Slot { dir, name: entry.name.into_owned().into() }) {
            Some(inside) => self.slot(&inside),
            None => Ok(()),
        }
    }

    /// A node, by the name it is known by, with all directories above it.
    fn node(&mut self, id: NodeId) -> Result<(), Error> {
        if !self.tree.is_base(id) || self.lower.pin_of(id)?.is_some() {
            return Ok(());
        }
        let at = self.lower.slot_of(id)?;
        let at = at.map_or_else(|| Slot::new(id, b""), |(dir, name)| Slot { dir, name });
        self.name(id, at)
    }

    fn name(&mut self, node: NodeId, at: Slot) -> Result<(), Error> {
        if at.dir != node {
            self.node(at.dir)?;
            if self.lower.pinned(at.dir, &at.name).is_some() {
                return Ok(());
            }
        }
        if !self.met.insert(at.clone()) {
            return Ok(());
        }
        let pin = match self.lower.pin_of(node)? {
            Some(pin) => Pin::clone(&pin),
            None => self.lower.keepsake(node)?,
        };
        self.changes.push(Change::Discover { node, at, found: Box::new(Discovery::from(pin)) });
        Ok(())
    }
}

impl From<Pin> for Discovery {
    fn from(Pin { inode, node, target, xattrs }: Pin) -> Discovery {
        Discovery {
            inode,
            kind: node.kind,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            nlink: node.nlink,
            size: node.size,
            blocks: node.blocks,
            rdev: node.rdev,
            times: [node.atime, node.mtime, node.ctime],
            btime: node.btime,
            target,
            xattrs,
        }
    }
}

impl From<&Discovery> for Pin {
    fn from(found: &Discovery) -> Pin {
        let [atime, mtime, ctime] = found.times;
        let node = Node {
            kind: found.kind,
            mode: found.mode,
            uid: found.uid,
            gid: found.gid,
            nlink: found.nlink,
            size: found.size,
            blocks: found.blocks,
            rdev: found.rdev,
            atime,
            mtime,
            ctime,
            btime: found.btime,
            ..Node::default()
        };
        Pin { inode: found.inode, node, target: found.target.clone(), xattrs: found.xattrs.clone() }
    }
}
