//! A manifest: one file that holds a whole tree's names and attributes, with contents by digest.
//!
//! The file is mapped, not decoded: opening checks the header and the extent of the sections, and
//! each access decodes just the records it needs. `docs/manifest-format.md` describes every byte.
//!
//! **Invariant:** the same tree gives the same bytes, and so the same id, whatever the order in
//! which [`Builder`] was told of it.
//! **Invariant:** no content of a file can make an access panic, loop for ever, or read outside of
//! the file. A record that cannot be right is an [`Error::Damaged`].
//! **Invariant:** a directory has one parent, whose id is smaller; following parents ends at the
//! root.
//!
//! What [`Manifest::open`] proves depends on the size. Up to [`CHECKED_ON_OPEN`] bytes it hashes
//! everything, so that any damage is reported before the first use. Hashing a larger file would
//! cost more than everything else at start-up, so there only the header is hashed and accesses
//! rely on the checks of each record; [`Manifest::verify`] proves the rest.
//!
//! Deliberately absent: changing a manifest (a session keeps a journal and writes a new one).

mod builder;
mod error;
mod format;
mod index;
mod node;
mod tree;
mod verify;
mod xattr;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

use vrift_cas::{Digest, Mapped, map_file};

use format::{Header, NODE_SIZE, Section};

pub use builder::{Builder, Draft};
pub use error::Error;
pub use node::{Kind, Node, Timestamp};
pub use tree::{Entries, Entry};
pub use verify::BlobDefect;
pub use xattr::{Xattr, Xattrs};

/// Files up to this size are hashed as a whole when they are opened: it takes less than a
/// millisecond and covers trees of a few thousand names.
pub const CHECKED_ON_OPEN: u64 = 1 << 20;

/// The number of a node in one manifest; the root is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The root directory.
    pub const ROOT: NodeId = NodeId(0);
}

/// An open manifest.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    map: Mapped,
    header: Header,
    id: Digest,
}

impl Manifest {
    /// Opens the manifest at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::NotAManifest`] and [`Error::Version`] if it
    /// is something else or newer, [`Error::Damaged`] if a check fails.
    pub fn open(path: &Path) -> Result<Manifest, Error> {
        let io = |operation| move |source| Error::Io { operation, path: path.to_owned(), source };
        let file = File::open(path).map_err(io("open"))?;
        if !file.metadata().map_err(io("stat"))?.is_file() {
            return Err(Error::NotAManifest { path: path.to_owned() });
        }
        let map = map_file(&file).map_err(io("map"))?;
        let (header, id) = Header::parse(&map, path)?;
        let manifest = Manifest { path: path.to_owned(), map, header, id };
        if manifest.map.len() as u64 <= CHECKED_ON_OPEN {
            manifest.check_body()?;
        }
        if manifest.node(NodeId::ROOT)?.kind != Kind::Directory {
            return Err(manifest.damaged("the root is not a directory"));
        }
        Ok(manifest)
    }

    /// What identifies the content of this manifest: the digest of its header, which contains the
    /// digest of everything else.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root directory.
    pub fn root(&self) -> NodeId {
        NodeId::ROOT
    }

    /// The number of nodes; their ids are the numbers below it. Never 0.
    pub fn len(&self) -> u32 {
        self.header.nodes
    }

    /// Whether there is nothing but the root directory.
    pub fn is_empty(&self) -> bool {
        self.header.nodes == 1
    }

    /// The attributes of a node.
    ///
    /// # Errors
    /// [`Error::NoSuchNode`] if the id is not below [`Manifest::len`], [`Error::Damaged`] if the
    /// record holds what no node can have.
    pub fn node(&self, id: NodeId) -> Result<Node, Error> {
        let bytes = self.node_bytes(id)?;
        node::decode(bytes).ok_or_else(|| self.damaged("a node record is not valid"))
    }

    /// The bytes of a node's record.
    fn node_bytes(&self, id: NodeId) -> Result<&[u8; NODE_SIZE], Error> {
        if id.0 >= self.header.nodes {
            return Err(Error::NoSuchNode { path: self.path.clone(), node: id });
        }
        self.record(Section::Nodes, id.0)
            .ok_or_else(|| self.damaged("a node lies outside of its section"))
    }

    /// Record number `index` of a section of records of `SIZE` bytes.
    fn record<const SIZE: usize>(&self, section: Section, index: u32) -> Option<&[u8; SIZE]> {
        let start = usize::try_from(index).ok()?.checked_mul(SIZE)?;
        self.section(section).get(start..)?.first_chunk()
    }

    fn section(&self, section: Section) -> &[u8] {
        self.map.get(self.header.extent(section)).unwrap_or_default()
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), what }
    }

    /// Compares everything after the header with the digest in the header.
    fn check_body(&self) -> Result<(), Error> {
        let body = self.map.get(format::HEADER_SIZE..).unwrap_or_default();
        if Digest::of(body) != self.header.body {
            return Err(self.damaged("the body checksum does not match"));
        }
        Ok(())
    }
}
