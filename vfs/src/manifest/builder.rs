//! Making a manifest from nodes and names that arrive in any order.
//!
//! Ids are given out breadth first: the root, then what its names name, in their order, then what
//! the names of the first directory among these name, and so on. Everything else in the file
//! follows from the ids, and they follow from the tree alone.
//!
//! Deliberately absent: building in less memory than the finished file takes.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use vrift_cas::{Digest, Temp};

use super::format::{self, Header, SECTIONS};
use super::node::{self, Links, UNNAMED};
use super::tree::{TARGET_MAX, is_name};
use super::xattr::{Pool, Xattr};
use super::{Error, Kind, Node, index};

/// A node that was given to a [`Builder`]; ids exist only in the finished file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Draft(u32);

/// A manifest in the making.
#[derive(Debug)]
pub struct Builder {
    nodes: Vec<Drafted>,
    names: Vec<Name>,
    xattrs: Pool,
}

#[derive(Debug)]
struct Drafted {
    node: Node,
    target: Box<[u8]>,
    /// The number of its set of extended attributes.
    xattrs: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    parent: Draft,
    name: Box<[u8]>,
    node: Draft,
}

impl Builder {
    /// Starts a tree whose root directory is `root`.
    pub fn new(root: Node) -> Builder {
        let root = Drafted { node: root, target: Box::default(), xattrs: None };
        Builder { nodes: vec![root], names: Vec::new(), xattrs: Pool::default() }
    }

    /// The root directory.
    pub fn root(&self) -> Draft {
        Draft(0)
    }

    /// Adds anything but a symlink. Unless it is a directory, `nlink` is ignored: the manifest
    /// says how many names it has there.
    pub fn add(&mut self, node: Node) -> Draft {
        self.push(node, &[])
    }

    /// Adds a symlink. Of its attributes `nlink` and `size` are ignored: they follow.
    pub fn add_symlink(&mut self, node: Node, target: &[u8]) -> Draft {
        self.push(Node { kind: Kind::Symlink, size: target.len() as u64, ..node }, target)
    }

    /// Gives a node extended attributes, in any order: full names with their values. What it had
    /// is replaced.
    pub fn set_xattrs(&mut self, node: Draft, mut xattrs: Vec<Xattr>) {
        xattrs.sort_unstable();
        let set = self.xattrs.add(xattrs.iter().map(|(name, value)| (&**name, &**value)));
        if let Some(drafted) = self.nodes.get_mut(node.0 as usize) {
            drafted.xattrs = set;
        }
    }

    /// The sets of extended attributes, to add to.
    pub(super) fn pool(&mut self) -> &mut Pool {
        &mut self.xattrs
    }

    /// Gives a node the extended attributes with this number in [`Builder::pool`].
    pub(super) fn set_pooled(&mut self, node: Draft, set: u32) {
        if let Some(drafted) = self.nodes.get_mut(node.0 as usize) {
            drafted.xattrs = Some(set);
        }
    }

    /// Names `node` in the directory `parent`. A directory other than the root has exactly one
    /// name, anything else may have several.
    pub fn add_name(&mut self, parent: Draft, name: &[u8], node: Draft) {
        self.names.push(Name { parent, name: name.into(), node });
    }

    /// Writes the manifest to `path`, replacing what is there at once and only when the new one is
    /// on disk, and returns its id.
    ///
    /// # Errors
    /// [`Error::NotATree`] if nodes and names do not make a tree, [`Error::Io`] if writing fails.
    pub fn write(self, path: &Path) -> Result<Digest, Error> {
        let (bytes, id) = self.encode()?;
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let io = |operation| move |source| Error::Io { operation, path: path.to_owned(), source };
        let temp = Temp::create(dir, ".vrift-manifest-", 0o644).map_err(io("create"))?;
        temp.file().write_all(&bytes).map_err(io("write"))?;
        temp.file().sync_all().map_err(io("sync"))?;
        temp.replace(path).map_err(io("replace"))?;
        let names = std::fs::File::open(dir).and_then(|dir| dir.sync_all());
        names.map_err(io("sync the directory of"))?;
        Ok(id)
    }

    /// The bytes of the file, and its id.
    pub(super) fn encode(mut self) -> Result<(Vec<u8>, Digest), Error> {
        self.check()?;
        self.names.sort_unstable();
        let tree = Numbered::new(&self)?;
        let (sections, header) = tree.encode(&self);
        let header = header.ok_or_else(|| fault(&[], "it is too large"))?;
        let (head, id) = header.encode();
        let mut bytes = Vec::with_capacity(head.len() + sections.len());
        bytes.extend(head);
        bytes.extend(sections);
        Ok((bytes, id))
    }

    fn push(&mut self, node: Node, target: &[u8]) -> Draft {
        // More nodes than a u32 counts are refused by `check`; until then numbers may repeat.
        let draft = Draft(self.nodes.len() as u32);
        self.nodes.push(Drafted { node, target: target.into(), xattrs: None });
        draft
    }

    /// Checks what can be seen of single nodes and names.
    fn check(&self) -> Result<(), Error> {
        if self.nodes.len().max(self.names.len()) >= u32::MAX as usize {
            return Err(fault(&[], "it has more nodes or names than the format can number"));
        }
        if let Some((name, what)) = self.xattrs.fault() {
            return Err(fault(name, what));
        }
        for Drafted { node, target, .. } in &self.nodes {
            let symlink = node.kind == Kind::Symlink;
            if symlink && !(1..=TARGET_MAX).contains(&node.size) || target.contains(&0) {
                return Err(fault(target, "a symlink cannot have this target"));
            }
            if !node::is_valid(node) {
                return Err(fault(&[], "an attribute is out of range"));
            }
        }
        match self.names.iter().find(|name| !is_name(&name.name)) {
            Some(bad) => Err(fault(&bad.name, "this is not a name")),
            None => Ok(()),
        }
    }

    /// The names in a directory. `self.names` is sorted.
    fn names_in(&self, dir: Draft) -> &[Name] {
        let start = self.names.partition_point(|name| name.parent < dir);
        let names = &self.names[start..];
        &names[..names.partition_point(|name| name.parent == dir)]
    }
}

/// The same tree with ids.
struct Numbered<'a> {
    /// The drafts in the order of their ids.
    order: Vec<Draft>,
    /// By draft: the id, and what the record points to.
    places: Vec<Option<Place>>,
    /// The names in the order of their dentries.
    dentries: Vec<&'a Name>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    id: u32,
    names: u32,
    links: Links,
}

impl<'a> Numbered<'a> {
    fn new(tree: &'a Builder) -> Result<Numbered<'a>, Error> {
        let count = tree.nodes.len();
        let dentries = Vec::with_capacity(tree.names.len());
        let mut numbered =
            Numbered { order: Vec::with_capacity(count), places: vec![None; count], dentries };
        if tree.nodes[0].node.kind != Kind::Directory {
            return Err(fault(&[], "the root is not a directory"));
        }
        numbered.number(tree.root(), UNNAMED);
        let mut at = 0;
        while let Some(&dir) = numbered.order.get(at) {
            numbered.number_names(tree, dir)?;
            at += 1;
        }
        if numbered.order.len() < count {
            return Err(fault(&[], "a node cannot be reached from the root"));
        }
        if numbered.dentries.len() < tree.names.len() {
            return Err(fault(&[], "a name is in a directory that was never added"));
        }
        Ok(numbered)
    }

    fn number(&mut self, draft: Draft, named_by: u32) {
        let links = Links { named_by, start: 0, count: 0, xattrs: 0 };
        let id = self.order.len() as u32;
        self.places[draft.0 as usize] = Some(Place { id, names: 0, links });
        self.order.push(draft);
    }

    fn number_names(&mut self, tree: &'a Builder, dir: Draft) -> Result<(), Error> {
        let names = tree.names_in(dir);
        let directory = tree.nodes[dir.0 as usize].node.kind == Kind::Directory;
        if let (false, Some(name)) = (directory, names.first()) {
            return Err(fault(&name.name, "a name is in something that is not a directory"));
        }
        if let Some(twice) = names.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(fault(&twice[0].name, "a directory has the same name twice"));
        }
        if let Some(place) = directory.then(|| self.places[dir.0 as usize].as_mut()).flatten() {
            place.links.start = self.dentries.len() as u64;
            place.links.count = names.len() as u32;
        }
        for name in names {
            let Some(child) = tree.nodes.get(name.node.0 as usize) else {
                return Err(fault(&name.name, "a name is of a node that was never added"));
            };
            match self.places[name.node.0 as usize] {
                None => self.number(name.node, self.dentries.len() as u32),
                Some(_) if child.node.kind == Kind::Directory => {
                    return Err(fault(&name.name, "a directory has a second name"));
                }
                Some(_) => {}
            }
            if let Some(place) = &mut self.places[name.node.0 as usize] {
                place.names += 1;
            }
            self.dentries.push(name);
        }
        Ok(())
    }

    /// The sections, and the header that describes them.
    fn encode(&self, tree: &Builder) -> (Vec<u8>, Option<Header>) {
        let ids: Vec<u32> = self.places.iter().flatten().map(|place| place.id).collect();
        let mut strings = Vec::new();
        let mut dentries = Vec::with_capacity(self.dentries.len() * format::DENTRY_SIZE);
        let mut hashes = Vec::with_capacity(self.dentries.len());
        for Name { parent, name, node } in self.dentries.iter().copied() {
            let (parent, node) = (ids[parent.0 as usize], ids[node.0 as usize]);
            dentries.extend(parent.to_le_bytes());
            dentries.extend(node.to_le_bytes());
            dentries.extend((strings.len() as u64).to_le_bytes());
            dentries.extend((name.len() as u16).to_le_bytes());
            dentries.extend([0; 6]);
            strings.extend_from_slice(name);
            hashes.push(index::hash(parent, name));
        }
        let mut body = Vec::with_capacity(self.order.len() * format::NODE_SIZE);
        let mut sets = Sets::default();
        for draft in &self.order {
            let Drafted { node, target, xattrs } = &tree.nodes[draft.0 as usize];
            let Some(mut place) = self.places[draft.0 as usize] else { continue };
            let mut node = *node;
            if node.kind != Kind::Directory {
                node.nlink = place.names;
            }
            if node.kind == Kind::Symlink {
                place.links.start = strings.len() as u64;
                strings.extend_from_slice(target);
            }
            place.links.xattrs = xattrs.map_or(0, |set| sets.number(set));
            node::encode(&node, &place.links, &mut body);
        }
        let index = index::build(&hashes);
        let (sets, xattrs) = tree.xattrs.encode(&sets.order, &mut strings);
        // The nodes, and in the order of `Section` the others.
        let mut lengths = [body.len() as u64; SECTIONS];
        let others = [dentries, index, sets, xattrs, strings];
        for (length, section) in lengths[1..].iter_mut().zip(others) {
            *length = section.len() as u64;
            body.extend(section);
        }
        let (nodes, dentries) = (self.order.len() as u32, self.dentries.len() as u32);
        let header = Header::new(nodes, dentries, lengths, Digest::of(&body));
        (body, header)
    }
}

/// Sets of extended attributes in the order in which nodes have them first.
#[derive(Default)]
struct Sets {
    order: Vec<u32>,
    places: HashMap<u32, u32>,
}

impl Sets {
    /// The number in the file of a set in the builder's pool, plus 1.
    fn number(&mut self, set: u32) -> u32 {
        let next = self.order.len() as u32 + 1;
        let number = *self.places.entry(set).or_insert(next);
        if number == next {
            self.order.push(set);
        }
        number
    }
}

fn fault(name: &[u8], what: &'static str) -> Error {
    Error::NotATree { name: name.into(), what }
}
