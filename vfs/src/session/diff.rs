//! How the tree of a session differs from the manifest it was started from.
//!
//! Only directories in or below which something was changed are looked at, so that the cost follows
//! the changes and not the tree.

use std::collections::{BTreeMap, HashSet};

use vrift_cas::{Digest, map_file};

use super::Session;
use super::error::Error;
use crate::manifest::{Kind, Node, NodeId};
use crate::tree::Content;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It is of another kind now.
    Kind,
    /// Its content differs, or the target of a symlink.
    Content,
    /// Its content is the same, its owner, mode or extended attributes are not.
    Attributes,
    /// Only its time of modification differs.
    Time,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path from the root, without a slash before it.
    pub path: Vec<u8>,
    /// How.
    pub what: What,
    /// The kind it has, or had if it was removed.
    pub kind: Kind,
    /// The size before.
    pub before: u64,
    /// The size now.
    pub after: u64,
}

/// A directory on both sides; on one only, if something was added or removed.
struct Pair {
    path: Vec<u8>,
    before: Option<NodeId>,
    after: Option<NodeId>,
}

impl Session {
    /// What was changed, sorted by path. Parents whose times alone changed are left out.
    pub fn differences(&self) -> Result<Vec<Difference>, Error> {
        let touched = self.tree.touched()?;
        let mut found = Vec::new();
        let root = self.tree.root();
        let mut below = vec![Pair { path: Vec::new(), before: Some(root), after: Some(root) }];
        if let Some(what) = self.attributes_differ(root, root)? {
            let kind = Kind::Directory;
            found.push(Difference { path: b".".to_vec(), what, kind, before: 0, after: 0 });
        }
        while let Some(pair) = below.pop() {
            self.compare_names(&pair, &touched, &mut found, &mut below)?;
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn compare_names(
        &self,
        pair: &Pair,
        touched: &HashSet<NodeId>,
        found: &mut Vec<Difference>,
        below: &mut Vec<Pair>,
    ) -> Result<(), Error> {
        let mut names: BTreeMap<&[u8], (Option<NodeId>, Option<NodeId>)> = BTreeMap::new();
        if let Some(dir) = pair.before {
            for entry in self.tree.base().entries(dir, 0)? {
                let entry = entry?;
                names.entry(entry.name).or_default().0 = Some(entry.node);
            }
        }
        if let Some(dir) = pair.after {
            for entry in self.tree.entries(dir, 0)? {
                let entry = entry?;
                names.entry(entry.name).or_default().1 = Some(entry.node);
            }
        }
        for (name, (before, after)) in names {
            let mut path = pair.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            self.compare(path, before, after, touched, found, below)?;
        }
        Ok(())
    }

    fn compare(
        &self,
        path: Vec<u8>,
        before: Option<NodeId>,
        after: Option<NodeId>,
        touched: &HashSet<NodeId>,
        found: &mut Vec<Difference>,
        below: &mut Vec<Pair>,
    ) -> Result<(), Error> {
        let old = before.map(|id| self.tree.base().node(id)).transpose()?;
        let new = after.map(|id| self.node(id)).transpose()?;
        let what = match (before.zip(old), after.zip(new)) {
            (Some(_), None) => Some(What::Removed),
            (None, Some(_)) => Some(What::Added),
            (Some((_, old)), Some((_, new))) if old.kind != new.kind => Some(What::Kind),
            (Some((before, old)), Some((after, new))) => match old.kind {
                _ if before == after && !self.tree.is_changed(after) => None,
                Kind::File if self.content_differs(after, &old, &new)? => Some(What::Content),
                Kind::Symlink if self.tree.base().target(before)? != self.tree.target(after)? => {
                    Some(What::Content)
                }
                Kind::Directory => self.attributes_differ(before, after)?,
                _ => match self.attributes_differ(before, after)? {
                    None if old.mtime != new.mtime => Some(What::Time),
                    other => other,
                },
            },
            (None, None) => None,
        };
        let directory = |node: Option<Node>| node.is_some_and(|node| node.kind == Kind::Directory);
        let pair = Pair {
            path: path.clone(),
            before: before.filter(|_| directory(old)),
            after: after.filter(|_| directory(new)),
        };
        let same = pair.before == pair.after;
        if (pair.before.is_some() || pair.after.is_some())
            && !(same && pair.after.is_some_and(|id| !touched.contains(&id)))
        {
            below.push(pair);
        }
        if let (Some(what), Some(node)) = (what, new.or(old)) {
            let size = |node: Option<Node>| node.map_or(0, |node| node.size);
            let (before, after) = (size(old), size(new));
            found.push(Difference { path, what, kind: node.kind, before, after });
        }
        Ok(())
    }

    fn content_differs(&self, id: NodeId, old: &Node, new: &Node) -> Result<bool, Error> {
        if old.size != new.size {
            return Ok(true);
        }
        Ok(match self.tree.content(id)? {
            Content::Blob(digest) => digest != old.digest,
            Content::Staged => {
                let file = self.stage.open(id)?;
                let map = map_file(&file).map_err(Error::io("map", self.stage.dir()))?;
                Digest::of(&map) != old.digest
            }
        })
    }

    fn attributes_differ(&self, before: NodeId, after: NodeId) -> Result<Option<What>, Error> {
        let (old, new) = (self.tree.base().node(before)?, self.tree.node(after)?);
        let plain = |node: &Node| (node.mode, node.uid, node.gid);
        let xattrs = self.tree.base().xattrs(before)?.collect::<Result<Vec<_>, _>>()?;
        let differ = plain(&old) != plain(&new) || xattrs != self.tree.xattrs(after)?;
        Ok(differ.then_some(What::Attributes))
    }
}
