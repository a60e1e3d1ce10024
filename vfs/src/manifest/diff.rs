//! What differs between two manifests: names that only one has, and nodes of one path that are not
//! alike.
//!
//! Compared is what a copy would have to have: kind, content, mode, owner, time of modification,
//! target, device, extended attributes, and which names are links to each other. The times of
//! access, change and creation, blocks, and a directory's size and link count are not: they differ
//! between two ingests of one tree.

use std::cmp::Ordering;
use std::iter::Peekable;

use super::tree::{Entries, Entry};
use super::{Error, Kind, Manifest, NodeId};

/// Something that differs between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// What they are.
    Kind,
    /// What the files contain.
    Content,
    /// The permission bits.
    Mode,
    /// The user or the group.
    Owner,
    /// The time of modification.
    Mtime,
    /// Where the symlinks point to.
    Target,
    /// Which device they stand for.
    Device,
    /// The extended attributes.
    Xattrs,
    /// Which other names are links to it.
    Links,
}

/// What differs at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Only the second manifest has it.
    Added(NodeId),
    /// Only the first manifest has it.
    Removed(NodeId),
    /// Both have it, not alike.
    Changed {
        /// In the first manifest.
        before: NodeId,
        /// In the second one.
        after: NodeId,
        /// What differs.
        aspects: Vec<Aspect>,
    },
}

/// The names of a directory that both manifests, or one of them, have.
struct Level<'a> {
    before: Option<Peekable<Entries<'a>>>,
    after: Option<Peekable<Entries<'a>>>,
    /// The length of the directory's path.
    length: usize,
}

/// Calls `report` with the path of everything that differs: each directory before what is in it,
/// names in the order of their bytes. The root's path is empty.
///
/// # Errors
/// Those of accesses to either manifest.
pub fn diff(
    before: &Manifest,
    after: &Manifest,
    report: &mut dyn FnMut(&[u8], Change),
) -> Result<(), Error> {
    if before.id() == after.id() {
        return Ok(());
    }
    let pair = Pair { before, after };
    let mut path = Vec::new();
    let mut stack = vec![pair.compare(&path, Some(before.root()), Some(after.root()), report)?];
    while let Some(top) = stack.last_mut() {
        let Some(level) = top else {
            stack.pop();
            continue;
        };
        path.truncate(level.length);
        let [left, right] = level.next()?;
        let Some(name) = left.or(right).map(|entry| entry.name) else {
            stack.pop();
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        let (left, right) = (left.map(|entry| entry.node), right.map(|entry| entry.node));
        let below = pair.compare(&path, left, right, report)?;
        stack.push(below);
    }
    Ok(())
}

impl<'a> Level<'a> {
    /// The entry or entries with the next name; neither after the last one.
    fn next(&mut self) -> Result<[Option<Entry<'a>>; 2], Error> {
        fn peek<'i, 'a>(side: &'i mut Option<Peekable<Entries<'a>>>) -> Option<&'i [u8]> {
            // A damaged entry comes first, and ends the comparison.
            let entry = side.as_mut()?.peek()?.as_ref();
            Some(entry.map_or(&[], |entry| entry.name))
        }
        fn take<'a>(side: &mut Option<Peekable<Entries<'a>>>) -> Result<Option<Entry<'a>>, Error> {
            side.as_mut().and_then(Iterator::next).transpose()
        }
        let order = match (peek(&mut self.before), peek(&mut self.after)) {
            (None, None) => return Ok([None, None]),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.cmp(right),
        };
        let left = if order.is_le() { take(&mut self.before)? } else { None };
        let right = if order.is_ge() { take(&mut self.after)? } else { None };
        Ok([left, right])
    }
}

struct Pair<'a> {
    before: &'a Manifest,
    after: &'a Manifest,
}

impl<'a> Pair<'a> {
    /// Reports what differs between two nodes of one path, and returns what is in them, if they
    /// are directories.
    fn compare(
        &self,
        path: &[u8],
        left: Option<NodeId>,
        right: Option<NodeId>,
        report: &mut dyn FnMut(&[u8], Change),
    ) -> Result<Option<Level<'a>>, Error> {
        match (left, right) {
            (Some(before), Some(after)) => {
                let aspects = self.aspects(before, after)?;
                if !aspects.is_empty() {
                    report(path, Change::Changed { before, after, aspects });
                }
            }
            (Some(before), None) => report(path, Change::Removed(before)),
            (None, Some(after)) => report(path, Change::Added(after)),
            (None, None) => {}
        }
        let before = names(self.before, left)?;
        let after = names(self.after, right)?;
        let any = before.is_some() || after.is_some();
        Ok(any.then_some(Level { before, after, length: path.len() }))
    }

    fn aspects(&self, before: NodeId, after: NodeId) -> Result<Vec<Aspect>, Error> {
        let (left, right) = (self.before.node(before)?, self.after.node(after)?);
        let same_kind = left.kind == right.kind;
        let is = |kind| same_kind && left.kind == kind;
        let device = is(Kind::CharDevice) || is(Kind::BlockDevice);
        let content = (left.digest, left.size) != (right.digest, right.size);
        let target =
            is(Kind::Symlink) && self.before.target(before)? != self.after.target(after)?;
        let differ = [
            (Aspect::Kind, !same_kind),
            (Aspect::Content, is(Kind::File) && content),
            (Aspect::Mode, left.mode != right.mode),
            (Aspect::Owner, (left.uid, left.gid) != (right.uid, right.gid)),
            (Aspect::Mtime, left.mtime != right.mtime),
            (Aspect::Target, target),
            (Aspect::Device, device && left.rdev != right.rdev),
            (Aspect::Xattrs, !self.same_xattrs(before, after)?),
            (Aspect::Links, {
                let several = left.nlink.max(right.nlink) > 1;
                same_kind && !is(Kind::Directory) && several && !self.same_links(before, after)?
            }),
        ];
        Ok(differ.into_iter().filter_map(|(aspect, differs)| differs.then_some(aspect)).collect())
    }

    fn same_xattrs(&self, before: NodeId, after: NodeId) -> Result<bool, Error> {
        let (mut left, mut right) = (self.before.xattrs(before)?, self.after.xattrs(after)?);
        loop {
            match (left.next().transpose()?, right.next().transpose()?) {
                (None, None) => return Ok(true),
                (left, right) if left == right => {}
                _ => return Ok(false),
            }
        }
    }

    /// Whether the first of a node's names is the same: if that holds for all names, the same ones
    /// are links to each other.
    fn same_links(&self, before: NodeId, after: NodeId) -> Result<bool, Error> {
        Ok(self.before.path_of(before)? == self.after.path_of(after)?)
    }
}

fn names(manifest: &Manifest, id: Option<NodeId>) -> Result<Option<Peekable<Entries<'_>>>, Error> {
    match id {
        Some(id) if manifest.kind(id)? == Kind::Directory => {
            Ok(Some(manifest.entries(id, 0)?.peekable()))
        }
        _ => Ok(None),
    }
}
