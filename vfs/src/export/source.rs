//! What is exported: the tree of a manifest, or of a session.

use std::fs::File;

use vrift_cas::{Digest, Store};

use super::attributes::cannot;
use super::report::Cause;
use crate::manifest::{Kind, Manifest, Node, NodeId, Xattr};
use crate::session::{Session, Side, When};
use crate::tree::Content;

/// Why a tree cannot be read.
pub(crate) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: Vec<u8>,
    pub(crate) node: NodeId,
    pub(crate) kind: Kind,
}

/// The content of a file.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    /// What its content must be; not known of a file that has not been stored yet.
    pub(crate) digest: Option<Digest>,
}

/// A tree that can be exported, by several threads at once. Its root is [`NodeId::ROOT`].
pub(crate) trait Source: Sync {
    fn node(&self, id: NodeId) -> Result<Node, Unreadable>;

    /// Up to `count` names of a directory from position `from` on.
    fn names(&self, dir: NodeId, from: u64, count: usize) -> Result<Vec<Name>, Unreadable>;

    /// The position of each `count`-th name of a directory, from the first on.
    fn starts(&self, dir: NodeId, count: usize) -> Result<Vec<u64>, Unreadable>;

    /// One path of a node, always the same.
    fn path_of(&self, id: NodeId) -> Result<Vec<u8>, Unreadable>;

    fn target(&self, id: NodeId) -> Result<Vec<u8>, Unreadable>;

    fn xattrs(&self, id: NodeId) -> Result<Vec<Xattr>, Unreadable>;

    /// Opens the content of the file `id` with these attributes.
    fn open(&self, id: NodeId, node: &Node) -> Result<Opened, Cause>;
}

/// A manifest and where its contents are.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) store: &'a Store,
}

impl Source for Stored<'_> {
    fn node(&self, id: NodeId) -> Result<Node, Unreadable> {
        Ok(self.manifest.node(id)?)
    }

    fn names(&self, dir: NodeId, from: u64, count: usize) -> Result<Vec<Name>, Unreadable> {
        let entries = self.manifest.entries(dir, from)?.take(count);
        let name = |entry: Result<crate::manifest::Entry<'_>, _>| {
            entry.map(|entry| Name {
                name: entry.name.to_vec(),
                node: entry.node,
                kind: entry.kind,
            })
        };
        Ok(entries.map(name).collect::<Result<_, _>>()?)
    }

    fn starts(&self, dir: NodeId, count: usize) -> Result<Vec<u64>, Unreadable> {
        Ok((0..self.manifest.entries(dir, 0)?.end()).step_by(count).collect())
    }

    fn path_of(&self, id: NodeId) -> Result<Vec<u8>, Unreadable> {
        Ok(self.manifest.path_of(id)?)
    }

    fn target(&self, id: NodeId) -> Result<Vec<u8>, Unreadable> {
        Ok(self.manifest.target(id)?.to_vec())
    }

    fn xattrs(&self, id: NodeId) -> Result<Vec<Xattr>, Unreadable> {
        let all = self.manifest.xattrs(id)?;
        let own = all.map(|attribute| attribute.map(|(name, value)| (name.into(), value.into())));
        Ok(own.collect::<Result<_, _>>()?)
    }

    fn open(&self, _: NodeId, node: &Node) -> Result<Opened, Cause> {
        let file = self.store.open_blob(&node.digest).map_err(|error| match error {
            vrift_cas::Error::Missing { digest, .. } => Cause::Missing { digest },
            other => cannot("read the blob of")(std::io::Error::other(other.to_string())),
        })?;
        Ok(Opened { file, digest: Some(node.digest) })
    }
}

impl Source for Session {
    fn node(&self, id: NodeId) -> Result<Node, Unreadable> {
        Ok(Session::node(self, id)?)
    }

    fn names(&self, dir: NodeId, from: u64, count: usize) -> Result<Vec<Name>, Unreadable> {
        let mut names = Vec::new();
        for entry in self.tree().entries(dir, from)?.take(count) {
            let entry = entry?;
            let (name, node, kind) = (entry.name.into_owned(), entry.node, entry.kind);
            names.push(Name { name, node, kind });
        }
        Ok(names)
    }

    fn starts(&self, dir: NodeId, count: usize) -> Result<Vec<u64>, Unreadable> {
        let entries = self.tree().entries(dir, 0)?.step_by(count);
        Ok(entries.map(|entry| entry.map(|entry| entry.position)).collect::<Result<_, _>>()?)
    }

    fn path_of(&self, id: NodeId) -> Result<Vec<u8>, Unreadable> {
        let path = self.tree().path_of(id)?;
        Ok(path.ok_or("a node that is being exported has no name")?)
    }

    fn target(&self, id: NodeId) -> Result<Vec<u8>, Unreadable> {
        Ok(self.tree().target(id)?.into_owned())
    }

    fn xattrs(&self, id: NodeId) -> Result<Vec<Xattr>, Unreadable> {
        let all = self.tree().xattrs(id)?;
        let own = |(name, value): crate::tree::Attribute<'_>| {
            (name.into_owned().into(), value.into_owned().into())
        };
        Ok(all.into_iter().map(own).collect())
    }

    fn open(&self, id: NodeId, node: &Node) -> Result<Opened, Cause> {
        let failed = |error: &dyn std::error::Error| {
            cannot("read the content of")(std::io::Error::other(error.to_string()))
        };
        let file = self.open_content(When::Now, &Side { id, node: *node });
        let digest = match self.tree().content(id).map_err(|error| failed(&error))? {
            Content::Blob(digest) => Some(digest),
            Content::Staged | Content::Lower => None,
        };
        Ok(Opened { file: file.map_err(|error| failed(&error))?, digest })
    }
}
