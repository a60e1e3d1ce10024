//! Making a manifest from nodes and names that arrive in any order.
//!
//! What the builder was told is checked here; `encode.rs` makes the bytes.
//!
//! Deliberately absent: building in less memory than the finished file takes.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use vrift_cas::{Digest, Temp, map_file};

use super::encode::Numbered;
use super::node;
use super::tree::{TARGET_MAX, is_name};
use super::xattr::{Pool, Xattr};
use super::{Error, Kind, Node};

/// A node that was given to a [`Builder`]; ids exist only in the finished file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Draft(pub(super) u32);

/// A manifest in the making.
#[derive(Debug)]
pub struct Builder {
    pub(super) nodes: Vec<Drafted>,
    pub(super) names: Vec<Name>,
    pub(super) xattrs: Pool,
}

/// A manifest that is complete, but not in a file yet.
#[derive(Debug)]
pub struct Finished {
    bytes: Vec<u8>,
    id: Digest,
}

#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) node: Node,
    pub(super) target: Box<[u8]>,
    /// The number of its set of extended attributes.
    pub(super) xattrs: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) parent: Draft,
    pub(super) name: Box<[u8]>,
    pub(super) node: Draft,
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

    /// Writes the manifest to `path`, as [`Finished::write`] does, and returns its id.
    ///
    /// # Errors
    /// [`Error::NotATree`] if nodes and names do not make a tree, [`Error::Io`] if writing fails.
    pub fn write(self, path: &Path) -> Result<Digest, Error> {
        self.finish()?.write(path)
    }

    /// Makes the manifest, and writes nothing yet.
    ///
    /// # Errors
    /// [`Error::NotATree`] if nodes and names do not make a tree.
    pub fn finish(self) -> Result<Finished, Error> {
        let (bytes, id) = self.encode()?;
        Ok(Finished { bytes, id })
    }

    /// The bytes of the file, and its id.
    pub(super) fn encode(mut self) -> Result<(Vec<u8>, Digest), Error> {
        self.check()?;
        self.names.sort_unstable();
        let tree = Numbered::new(&self)?;
        tree.encode(&self).ok_or_else(|| fault(&[], "it is too large"))
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
    pub(super) fn names_in(&self, dir: Draft) -> &[Name] {
        let start = self.names.partition_point(|name| name.parent < dir);
        let names = &self.names[start..];
        &names[..names.partition_point(|name| name.parent == dir)]
    }
}

impl Finished {
    /// Its id.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// Whether the file `path` holds exactly this manifest. A symlink to such a file does not.
    pub fn is_at(&self, path: &Path) -> bool {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        options.open(path).and_then(|file| map_file(&file)).is_ok_and(|map| *map == *self.bytes)
    }

    /// Writes it to `path`, replacing what is there at once and only when the new one is on disk,
    /// and returns its id.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails.
    pub fn write(self, path: &Path) -> Result<Digest, Error> {
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let io = |operation| move |source| Error::Io { operation, path: path.to_owned(), source };
        let temp = Temp::create(dir, ".vrift-manifest-", 0o644).map_err(io("create"))?;
        temp.file().write_all(&self.bytes).map_err(io("write"))?;
        temp.file().sync_all().map_err(io("sync"))?;
        temp.replace(path).map_err(io("replace"))?;
        let names = std::fs::File::open(dir).and_then(|dir| dir.sync_all());
        names.map_err(io("sync the directory of"))?;
        Ok(self.id)
    }
}

pub(super) fn fault(name: &[u8], what: &'static str) -> Error {
    Error::NotATree { name: name.into(), what }
}
