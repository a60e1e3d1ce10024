//! Walking the tree: names in directories, parents, paths, symlink targets.

use super::format::{DENTRY_SIZE, Fields, Section};
use super::node::{self, Links, UNNAMED};
use super::{Error, Kind, Manifest, NodeId, index};

/// The longest name of a file in a directory, in bytes.
pub(super) const NAME_MAX: usize = 255;
/// The longest target of a symlink, in bytes: one less than the kernel's `PATH_MAX`.
pub(super) const TARGET_MAX: u64 = 4095;

/// The longest path that is found in one step and stored for a directory, in bytes; the kernel
/// takes no longer one.
pub(super) const PATH_MAX: usize = 4095;

/// One name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// What it names.
    pub node: NodeId,
    /// The kind of that node.
    pub kind: Kind,
    /// The position in the directory, counted from 0.
    pub index: u64,
}

/// A dentry's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dentry<'a> {
    parent: NodeId,
    node: NodeId,
    kind: Kind,
    name: &'a [u8],
}

/// Whether `name` may stand in a directory.
pub(super) fn is_name(name: &[u8]) -> bool {
    let length = 1..=NAME_MAX;
    // Without an early end, so that the compiler can look at many bytes at once.
    let bad = |found, &byte: &u8| found | (byte == b'/') | (byte == 0);
    length.contains(&name.len()) && !name.iter().fold(false, bad) && name != b"." && name != b".."
}

impl Manifest {
    /// Finds `name` in the directory `dir`, without allocating.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if `dir` is no directory, [`Error::Damaged`] if a record is not valid.
    pub fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        self.expect(dir, Kind::Directory)?;
        self.lookup_in(dir, name)
    }

    /// Finds `name` in `dir`, which is a directory.
    fn lookup_in(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        let hash = index::hash(dir.0, name);
        if !self.may_have(hash)? {
            return Ok(None);
        }
        for candidate in self.candidates(Section::Names, hash) {
            let dentry = self.dentry(candidate?)?;
            if dentry.parent == dir && dentry.name == name {
                return Ok(Some(dentry.node));
            }
        }
        Ok(None)
    }

    /// Finds a node by its path from the root: names with single slashes between them, and the
    /// empty path for the root. Neither `.` nor `..` is understood and no symlink followed; a path
    /// that leads through something that is no directory leads nowhere. Does not allocate; takes
    /// one step for a path of up to 4095 bytes, and one per name for a longer one.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a record is not valid.
    pub fn find(&self, path: &[u8]) -> Result<Option<NodeId>, Error> {
        if path.is_empty() {
            return Ok(Some(self.root()));
        }
        if path.len() > PATH_MAX {
            return self.walk(path);
        }
        let hash = index::path_hash(path);
        if !self.may_have(hash)? {
            return Ok(None);
        }
        let (dir, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&[][..], path),
        };
        for candidate in self.candidates(Section::Paths, hash) {
            let dentry = self.dentry(candidate?)?;
            if dentry.name == name && self.stored_path(dentry.parent)? == Some(dir) {
                return Ok(Some(dentry.node));
            }
        }
        Ok(None)
    }

    /// As [`Manifest::find`], name by name.
    fn walk(&self, path: &[u8]) -> Result<Option<NodeId>, Error> {
        let mut at = self.root();
        for name in path.split(|&byte| byte == b'/') {
            if self.kind(at)? != Kind::Directory {
                return Ok(None);
            }
            match self.lookup_in(at, name)? {
                Some(node) => at = node,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The path of a directory as its record has it, which is for comparing only; `None` if it is
    /// longer than [`PATH_MAX`].
    fn stored_path(&self, dir: NodeId) -> Result<Option<&[u8]>, Error> {
        match self.expect(dir, Kind::Directory)?.path {
            (_, node::NO_PATH) => Ok(None),
            (_, length) if length as usize > PATH_MAX => {
                Err(self.damaged("the path of a directory is too long"))
            }
            (start, length) => self.string(start, length.into()).map(Some),
        }
    }

    /// The directory above the directory `dir`; the root is above itself.
    ///
    /// # Errors
    /// As [`Manifest::lookup`].
    pub fn parent(&self, dir: NodeId) -> Result<NodeId, Error> {
        self.expect(dir, Kind::Directory)?;
        Ok(self.first_name(dir)?.map_or(self.root(), |dentry| dentry.parent))
    }

    /// The name of the directory `dir` in its parent; empty for the root.
    ///
    /// # Errors
    /// As [`Manifest::lookup`].
    pub fn name_of(&self, dir: NodeId) -> Result<&[u8], Error> {
        self.expect(dir, Kind::Directory)?;
        Ok(self.first_name(dir)?.map_or(&[], |dentry| dentry.name))
    }

    /// The path of a node from the root, as [`Manifest::find`] takes it. A node with several names
    /// has several; this is the first one in the manifest's order.
    ///
    /// # Errors
    /// [`Error::NoSuchNode`], or [`Error::Damaged`] if a record is not valid.
    pub fn path_of(&self, node: NodeId) -> Result<Vec<u8>, Error> {
        let mut names = Vec::new();
        let mut at = node;
        // Ends: a parent is a directory, and that has a larger id than the one it is in.
        while let Some(dentry) = self.first_name(at)? {
            names.push(dentry.name);
            at = dentry.parent;
        }
        names.reverse();
        Ok(names.join(&b'/'))
    }

    /// The names in the directory `dir`, sorted by bytes, from position `from` on.
    ///
    /// # Errors
    /// As [`Manifest::lookup`], also for each item.
    pub fn entries(&self, dir: NodeId, from: u64) -> Result<Entries<'_>, Error> {
        let links = self.expect(dir, Kind::Directory)?;
        let end = links.start.checked_add(u64::from(links.count));
        match end.and_then(|end| u32::try_from(end).ok()) {
            Some(end) if end <= self.header.dentries => {}
            _ => return Err(self.damaged("a directory reaches beyond the list of names")),
        }
        Ok(Entries { manifest: self, dir, start: links.start, next: from, end: links.count })
    }

    /// What the symlink `link` points to, byte for byte.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if `link` is no symlink, [`Error::Damaged`] if a record is not valid.
    pub fn target(&self, link: NodeId) -> Result<&[u8], Error> {
        let links = self.expect(link, Kind::Symlink)?;
        let not_valid = || self.damaged("the target of a symlink is not valid");
        let target = match self.node(link)?.size {
            length @ 1..=TARGET_MAX => self.string(links.start, length)?,
            _ => return Err(not_valid()),
        };
        if target.contains(&0) { Err(not_valid()) } else { Ok(target) }
    }

    /// The name of a node and the directory it is in: the first one, if it has several; `None` for
    /// the root.
    ///
    /// # Errors
    /// As [`Manifest::path_of`].
    pub fn slot_of(&self, node: NodeId) -> Result<Option<(NodeId, &[u8])>, Error> {
        Ok(self.first_name(node)?.map(|dentry| (dentry.parent, dentry.name)))
    }

    /// Calls `tell` with every name of every node that has several. Reads the whole manifest.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a record is not valid.
    pub fn each_name_of_linked(
        &self,
        mut tell: impl FnMut(NodeId, NodeId, &[u8]),
    ) -> Result<(), Error> {
        for index in 0..self.header.dentries {
            let dentry = self.dentry(index)?;
            if dentry.kind != Kind::Directory && self.node(dentry.node)?.nlink > 1 {
                tell(dentry.node, dentry.parent, dentry.name);
            }
        }
        Ok(())
    }

    /// The dentry that names `node` first, or `None` for the root.
    fn first_name(&self, node: NodeId) -> Result<Option<Dentry<'_>>, Error> {
        let (_, links) = self.kind_and_links(node)?;
        if node == self.root() {
            return Ok(None);
        }
        let dentry = self.dentry(links.named_by)?;
        if dentry.node != node {
            return Err(self.damaged("a node is not named where it says it is"));
        }
        if self.kind(dentry.parent)? != Kind::Directory {
            return Err(self.damaged("a node is in something that is not a directory"));
        }
        Ok(Some(dentry))
    }

    /// Decodes dentry number `index` and checks that a directory has no other name and comes after
    /// the directory it is in, so that directories make a tree whatever the file says.
    fn dentry(&self, index: u32) -> Result<Dentry<'_>, Error> {
        let not_valid = || self.damaged("the record of a name is not valid");
        let mut fields = Fields(self.record::<DENTRY_SIZE>(Section::Dentries, index.into())?);
        let mut four = || Some((fields.u32()?, fields.u32()?, fields.u64()?, fields.u16()?));
        let (parent, node, start, length) = four().ok_or_else(not_valid)?;
        let (parent, node) = (NodeId(parent), NodeId(node));
        let name = self.string(start, length.into())?;
        if !is_name(name) {
            return Err(not_valid());
        }
        if node.0 >= self.len() || parent.0 >= self.len() {
            return Err(self.damaged("a name is of a node that does not exist"));
        }
        let (kind, links) = self.kind_and_links(node)?;
        if kind == Kind::Directory && (parent >= node || links.named_by != index) {
            return Err(self.damaged("a directory is named where it cannot be"));
        }
        Ok(Dentry { parent, node, kind, name })
    }

    /// Where a node points to, if it is of the kind `wanted`.
    fn expect(&self, id: NodeId, wanted: Kind) -> Result<Links, Error> {
        let (kind, links) = self.kind_and_links(id)?;
        if kind != wanted {
            return Err(Error::WrongKind { path: self.path().to_owned(), node: id, wanted });
        }
        Ok(links)
    }

    /// The kind of a node, and where its record points to.
    pub(super) fn kind_and_links(&self, id: NodeId) -> Result<(Kind, Links), Error> {
        let record = self.node_bytes(id)?;
        let both = || {
            let kind = node::decode_kind(record)?;
            Some((kind, node::decode_links(record, kind)?))
        };
        both()
            .filter(|(_, links)| (id == self.root()) == (links.named_by == UNNAMED))
            .ok_or_else(|| self.damaged("a node record is not valid"))
    }

    pub(super) fn string(&self, start: u64, length: u64) -> Result<&[u8], Error> {
        self.slice(Section::Strings, start, length)
    }
}

/// The names in a directory; see [`Manifest::entries`].
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    manifest: &'a Manifest,
    dir: NodeId,
    start: u64,
    next: u64,
    end: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if index >= u64::from(self.end) {
            return None;
        }
        self.next += 1;
        // `Manifest::entries` found the sum to be a dentry's number.
        let number = u32::try_from(self.start + index).ok()?;
        Some(self.entry(number, index))
    }
}

impl<'a> Entries<'a> {
    /// The number of names in the directory.
    pub fn end(&self) -> u64 {
        u64::from(self.end)
    }

    fn entry(&self, number: u32, index: u64) -> Result<Entry<'a>, Error> {
        let manifest = self.manifest;
        let Dentry { parent, node, kind, name } = manifest.dentry(number)?;
        if parent != self.dir {
            return Err(manifest.damaged("a directory lists a name of another one"));
        }
        Ok(Entry { name, node, kind, index })
    }
}
