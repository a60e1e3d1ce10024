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
//! A changed byte is found before it is believed: see `bytes.rs`. Whether somebody who can compute
//! digests wrote a file that no [`Builder`] would, [`Manifest::verify`] finds out; accesses to such
//! a file rely on the checks of each record.
//!
//! Deliberately absent: changing a manifest (a session keeps a journal and writes a new one).

mod builder;
mod bytes;
mod diff;
mod encode;
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
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};
use vrift_cas::Digest;

use bytes::{Bytes, Source};
use format::{Header, NODE_SIZE, Section};

pub use builder::{Builder, Draft, Finished};
#[cfg(any(test, fuzzing))]
pub use bytes::seal;
pub use diff::{Aspect, Change, diff};
pub use error::Error;
pub use node::{Kind, Node, Timestamp};
pub use tree::{Entries, Entry};
pub use verify::BlobDefect;
pub use xattr::{Xattr, Xattrs};

/// The number of a node in one manifest; the root is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The root directory.
    pub const ROOT: NodeId = NodeId(0);
}

/// An open manifest.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    bytes: Bytes,
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
        // A FIFO of this name is not waited for.
        let unblocked = OFlag::O_NONBLOCK.bits();
        let file = File::options().read(true).custom_flags(unblocked).open(path);
        let file = file.map_err(io("open"))?;
        let meta = file.metadata().map_err(io("stat"))?;
        if !meta.is_file() {
            return Err(Error::NotAManifest { path: path.to_owned() });
        }
        let source = Source::of(&file, meta.len()).map_err(io("read"))?;
        Manifest::from_source(source, path)
    }

    /// Opens a manifest whose bytes were read already; messages call it `path`.
    ///
    /// # Errors
    /// As [`Manifest::open`].
    pub fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Manifest, Error> {
        Manifest::from_source(Source::Memory(bytes), path)
    }

    fn from_source(source: Source, path: &Path) -> Result<Manifest, Error> {
        let (bytes, header, id) = Bytes::check(source, path)?;
        let manifest = Manifest { path: path.to_owned(), bytes, header, id };
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

    /// The number of names in all directories together.
    pub fn names(&self) -> u32 {
        self.header.dentries
    }

    /// Checks that every byte is what was written, as far as checksums tell; see
    /// [`Manifest::verify`] for more.
    ///
    /// # Errors
    /// [`Error::Damaged`] if one is not.
    pub fn check_bytes(&self) -> Result<(), Error> {
        self.bytes.check_rest().map_err(|what| self.damaged(what))
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

    /// The kind of a node.
    fn kind(&self, id: NodeId) -> Result<Kind, Error> {
        node::decode_kind(self.node_bytes(id)?)
            .ok_or_else(|| self.damaged("a node record is not valid"))
    }

    /// The bytes of a node's record.
    #[inline]
    fn node_bytes(&self, id: NodeId) -> Result<&[u8; NODE_SIZE], Error> {
        if id.0 >= self.header.nodes {
            return Err(Error::NoSuchNode { path: self.path.clone(), node: id });
        }
        self.record(Section::Nodes, id.0.into())
    }

    /// Record number `index` of a section of records of `SIZE` bytes.
    #[inline]
    fn record<const SIZE: usize>(
        &self,
        section: Section,
        index: u64,
    ) -> Result<&[u8; SIZE], Error> {
        let record = self.slice(section, index.saturating_mul(SIZE as u64), SIZE as u64)?;
        record.first_chunk().ok_or_else(|| self.damaged("a record is cut off"))
    }

    /// Some bytes of a section.
    #[inline]
    fn slice(&self, section: Section, start: u64, length: u64) -> Result<&[u8], Error> {
        let extent = self.header.extent(section);
        let end = start.checked_add(length).filter(|&end| end <= extent.len() as u64);
        let end = end.ok_or_else(|| self.damaged("a record points beyond its section"))?;
        // Both are at most the section's length.
        let range = extent.start + start as usize..extent.start + end as usize;
        self.bytes.get(range).map_err(|what| self.damaged(what))
    }

    #[cold]
    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), what }
    }
}
