//! How the tree of a session differs from the manifest it was started from.
//!
//! Only directories in or below which something was changed are looked at, so that the cost follows
//! the changes and not the tree.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;

use vrift_cas::Digest;

use super::error::Error;
use super::{Failed, Keep, Session};
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

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The node; a node that is named by another path than before is the same.
    pub id: NodeId,
    /// Its attributes.
    pub node: Node,
}

/// Which of the two trees is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The one the session was started from.
    Before,
    /// The changed one.
    Now,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path from the root, without a slash before it; `.` for the root.
    pub path: Vec<u8>,
    /// How.
    pub what: What,
    /// What it named in the manifest.
    pub before: Option<Side>,
    /// What it names now.
    pub after: Option<Side>,
}

impl Difference {
    /// The kind it has, or had if it was removed.
    pub fn kind(&self) -> Kind {
        self.after.or(self.before).map(|side| side.node.kind).unwrap_or_default()
    }
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
        self.tree.meet_links()?;
        let touched = self.tree.touched()?;
        let mut found = Vec::new();
        let root = self.tree.root();
        let mut below = vec![Pair { path: Vec::new(), before: Some(root), after: Some(root) }];
        if let Some(what) = self.attributes_differ(root, root)? {
            let before = Some(Side { id: root, node: self.tree.base().node(root)? });
            let after = Some(Side { id: root, node: self.tree.node(root)? });
            found.push(Difference { path: b".".to_vec(), what, before, after });
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
        let mut names: BTreeMap<Vec<u8>, (Option<NodeId>, Option<NodeId>)> = BTreeMap::new();
        if let Some(dir) = pair.before {
            for entry in self.tree.entries_before(dir)? {
                names.entry(entry.name.into_owned()).or_default().0 = Some(entry.node);
            }
        }
        if let Some(dir) = pair.after {
            for entry in self.tree.entries(dir, 0)? {
                let entry = entry?;
                names.entry(entry.name.into_owned()).or_default().1 = Some(entry.node);
            }
        }
        for (name, (before, after)) in names {
            let mut path = pair.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
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
        let old = match before {
            Some(id) => Some(Side { id, node: self.tree.base().node(id)? }),
            None => None,
        };
        let new = match after {
            Some(id) => Some(Side { id, node: self.node(id)? }),
            None => None,
        };
        let what = match (old, new) {
            (Some(_), None) => Some(What::Removed),
            (None, Some(_)) => Some(What::Added),
            (Some(old), Some(new)) if old.node.kind != new.node.kind => Some(What::Kind),
            (Some(old), Some(new)) => match old.node.kind {
                _ if old.id == new.id && !self.tree.is_changed(new.id) => None,
                Kind::File | Kind::Symlink if self.content_differs(&old, &new)? => {
                    Some(What::Content)
                }
                Kind::Directory => self.attributes_differ(old.id, new.id)?,
                _ => match self.attributes_differ(old.id, new.id)? {
                    None if old.node.mtime != new.node.mtime => Some(What::Time),
                    other => other,
                },
            },
            (None, None) => None,
        };
        let directory = |side: Side| (side.node.kind == Kind::Directory).then_some(side.id);
        let pair = Pair {
            path: path.clone(),
            before: old.and_then(directory),
            after: new.and_then(directory),
        };
        let same = pair.before == pair.after;
        if (pair.before.is_some() || pair.after.is_some())
            && !(same && pair.after.is_some_and(|id| !touched.contains(&id)))
        {
            below.push(pair);
        }
        if let Some(what) = what {
            found.push(Difference { path, what, before: old, after: new });
        }
        Ok(())
    }

    /// Whether two files differ in content, or two symlinks in their targets. The first is the
    /// manifest's, the second one of now.
    pub fn content_differs(&self, old: &Side, new: &Side) -> Result<bool, Error> {
        if old.node.size != new.node.size {
            return Ok(true);
        }
        if old.node.kind == Kind::Symlink {
            return Ok(self.tree.base().target(old.id)? != self.tree.target(new.id)?);
        }
        let content = self.tree.content(new.id)?;
        if old.id == new.id && content != Content::Staged {
            return Ok(false);
        }
        // What the host does not have any more cannot be compared.
        if !self.stands(old.id)? || content == Content::Lower && !self.stands(new.id)? {
            return Ok(true);
        }
        Ok(self.digest(When::Before, old)? != self.digest(When::Now, new)?)
    }

    /// Whether a directory of the host lies below.
    pub(crate) fn is_over_lower(&self) -> bool {
        self.tree.base().lower().is_some()
    }

    /// Whether what a node was before can still be told: the host's file may be another one by now.
    pub(crate) fn stands(&self, id: NodeId) -> Result<bool, Error> {
        let lower = self.tree.base().lower().filter(|_| self.tree.is_base(id));
        Ok(lower.map_or(Ok(true), |lower| lower.stands(id))?)
    }

    /// Device and inode number of a node of a directory of the host, if it was changed.
    pub(crate) fn inode(&self, id: NodeId) -> Result<Option<(u64, u64)>, Error> {
        let Some(lower) = self.tree.base().lower() else { return Ok(None) };
        // Those that the session made are no one's.
        Ok(lower.pin_of(id).ok().flatten().map(|pin| pin.inode))
    }

    /// Makes the session independent of the directory of the host below it, as far as it has changed
    /// something: what that held is copied into the session, and stays what it was.
    pub(crate) fn detach(&mut self, found: &[Difference]) -> Result<(), Failed> {
        for difference in found {
            for side in [difference.before, difference.after].into_iter().flatten() {
                if self.tree.is_base(side.id) {
                    self.settle_node(side.id)?;
                }
            }
            if let Some(new) = difference.after
                && new.node.kind == Kind::File
                && self.tree.content(new.id).map_err(Error::from)? == Content::Lower
                && difference.before.is_none_or(|old| old.id != new.id)
            {
                self.stage(new.id, Keep::Content)?;
            }
        }
        Ok(())
    }

    /// Opens the content that a file had before, or has now.
    pub fn open_content(&self, when: When, side: &Side) -> Result<File, Error> {
        match (when, self.tree.content(side.id)) {
            (When::Now, Ok(Content::Staged)) => self.stage.open(side.id),
            _ if self.is_over_lower() => self.open_lower(side.id),
            _ => Ok(self.store.open_blob(&side.node.digest)?),
        }
    }

    /// What a symlink pointed to before, or points to now.
    pub fn target(&self, when: When, side: &Side) -> Result<Vec<u8>, Error> {
        Ok(match when {
            When::Before => self.tree.base().target(side.id)?.into_owned(),
            When::Now => self.tree.target(side.id)?.into_owned(),
        })
    }

    /// The digest of the content that a file had before, or has now.
    pub(crate) fn digest(&self, when: When, side: &Side) -> Result<Digest, Error> {
        match (when, self.tree.content(side.id)) {
            (When::Before, _) | (_, Ok(Content::Blob(_))) if !self.is_over_lower() => {
                Ok(side.node.digest)
            }
            _ => {
                let file = self.open_content(when, side)?;
                Digest::of_file(&file).map_err(Error::io("read", self.stage.dir()))
            }
        }
    }

    /// The names that a directory had before.
    pub(crate) fn names_before(&self, dir: NodeId) -> Result<Vec<Vec<u8>>, Error> {
        let entries = self.tree.entries_before(dir)?.into_iter();
        Ok(entries.map(|entry| entry.name.into_owned()).collect())
    }

    /// The names of the extended attributes that a node had before.
    pub(crate) fn xattr_names_before(&self, id: NodeId) -> Result<Vec<Vec<u8>>, Error> {
        let xattrs = self.tree.base().xattrs(id)?.into_iter();
        Ok(xattrs.map(|(name, _)| name.into_owned()).collect())
    }

    fn attributes_differ(&self, before: NodeId, after: NodeId) -> Result<Option<What>, Error> {
        let (old, new) = (self.tree.base().node(before)?, self.node(after)?);
        let plain = |node: &Node| (node.mode, node.uid, node.gid);
        let xattrs = self.tree.base().xattrs(before)?;
        let differ = plain(&old) != plain(&new) || xattrs != self.tree.xattrs(after)?;
        Ok(differ.then_some(What::Attributes))
    }
}
