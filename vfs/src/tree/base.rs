//! What lies below the changes: a manifest, or a directory of the host.

use std::borrow::Cow;
use std::sync::Arc;

use vrift_cas::Digest;

use super::{Content, Entry, Slot};
use crate::error::Error;
use crate::lower::{IDS, Listing, Lower, POSITIONS};
use crate::manifest::{Manifest, Node, NodeId};

/// The name and the value of an extended attribute.
pub type Attribute<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The lower layer of a tree, which never changes by what is done to the tree.
#[derive(Debug)]
pub enum Base {
    /// A manifest.
    Manifest(Box<Manifest>),
    /// A directory of the host, of which only what is asked for is read.
    Lower(Lower),
}

/// Names of a directory with their positions.
pub(super) enum Names<'a> {
    Manifest(crate::manifest::Entries<'a>),
    Lower(Arc<Listing>, u64),
}

impl<'a> Iterator for Names<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Names::Manifest(entries) => Some(match entries.next()? {
                Ok(entry) => Ok(Entry {
                    name: Cow::Borrowed(entry.name),
                    node: entry.node,
                    kind: entry.kind,
                    position: entry.index,
                }),
                Err(error) => Err(error.into()),
            }),
            Names::Lower(listing, next) => loop {
                let position = *next;
                *next += 1;
                if let Some(listed) = listing.get(position)? {
                    let (node, kind) = (listed.node, listed.kind);
                    let name = Cow::Owned(listed.name.to_vec());
                    return Some(Ok(Entry { name, node, kind, position }));
                }
            },
        }
    }
}

impl Base {
    /// What identifies it: the id of a manifest, or a digest of the directory's path.
    pub fn id(&self) -> Digest {
        match self {
            Base::Manifest(manifest) => manifest.id(),
            Base::Lower(lower) => {
                let path = lower.root().as_os_str().as_encoded_bytes();
                Digest::of(&[b"vrift overlay\0", path].concat())
            }
        }
    }

    /// The manifest, if it is one.
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Base::Manifest(manifest) => Some(manifest),
            Base::Lower(_) => None,
        }
    }

    /// The directory of the host, if it is one.
    pub(crate) fn lower(&self) -> Option<&Lower> {
        match self {
            Base::Manifest(_) => None,
            Base::Lower(lower) => Some(lower),
        }
    }

    /// All ids of its nodes are below this.
    pub(super) fn len(&self) -> u32 {
        match self {
            Base::Manifest(manifest) => manifest.len(),
            Base::Lower(_) => IDS,
        }
    }

    /// The attributes of a node.
    pub fn node(&self, id: NodeId) -> Result<Node, Error> {
        match self {
            Base::Manifest(manifest) => Ok(manifest.node(id)?),
            Base::Lower(lower) => lower.node(id),
        }
    }

    /// Where the content of a file is.
    pub(super) fn content(&self, id: NodeId) -> Result<Content, Error> {
        match self {
            Base::Manifest(manifest) => Ok(Content::Blob(manifest.node(id)?.digest)),
            Base::Lower(_) => Ok(Content::Lower),
        }
    }

    pub(super) fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        match self {
            Base::Manifest(manifest) => Ok(manifest.lookup(dir, name)?),
            Base::Lower(lower) => lower.lookup(dir, name),
        }
    }

    /// The same as far as a journal can rely on it: only pinned names of a directory of the host.
    pub(super) fn settled(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>, Error> {
        match self {
            Base::Manifest(manifest) => Ok(manifest.lookup(dir, name)?),
            Base::Lower(lower) => Ok(lower.pinned(dir, name)),
        }
    }

    /// Whether a name that is removed must be remembered.
    pub(super) fn may_have(&self, dir: NodeId, name: &[u8]) -> Result<bool, Error> {
        match self {
            Base::Manifest(manifest) => Ok(manifest.lookup(dir, name)?.is_some()),
            // It may come at any time.
            Base::Lower(_) => Ok(true),
        }
    }

    pub(super) fn parent(&self, dir: NodeId) -> Result<NodeId, Error> {
        match self {
            Base::Manifest(manifest) => Ok(manifest.parent(dir)?),
            Base::Lower(lower) => Ok(lower.slot_of(dir)?.map_or(NodeId::ROOT, |(above, _)| above)),
        }
    }

    /// A name of a node; `None` for the root.
    pub(super) fn slot_of(&self, id: NodeId) -> Result<Option<Slot>, Error> {
        Ok(match self {
            Base::Manifest(manifest) => {
                manifest.slot_of(id)?.map(|(dir, name)| Slot::new(dir, name))
            }
            Base::Lower(lower) => lower.slot_of(id)?.map(|(dir, name)| Slot { dir, name }),
        })
    }

    /// What a symlink points to.
    pub fn target(&self, link: NodeId) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Base::Manifest(manifest) => Ok(Cow::Borrowed(manifest.target(link)?)),
            Base::Lower(lower) => Ok(Cow::Owned(lower.target(link)?)),
        }
    }

    /// The extended attributes of a node, sorted by name.
    pub fn xattrs(&self, id: NodeId) -> Result<Vec<Attribute<'_>>, Error> {
        match self {
            Base::Manifest(manifest) => {
                let borrowed = |(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value));
                Ok(manifest.xattrs(id)?.map(|x| x.map(borrowed)).collect::<Result<_, _>>()?)
            }
            Base::Lower(lower) => {
                let owned = lower.xattrs(id)?.into_iter();
                Ok(owned
                    .map(|(name, value)| (Cow::Owned(name.into()), Cow::Owned(value.into())))
                    .collect())
            }
        }
    }

    pub(super) fn xattr(&self, id: NodeId, name: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Error> {
        match self {
            Base::Manifest(manifest) => Ok(manifest.xattr(id, name)?.map(Cow::Borrowed)),
            Base::Lower(_) => {
                let found = self.xattrs(id)?.into_iter().find(|(known, _)| **known == *name);
                Ok(found.map(|(_, value)| value))
            }
        }
    }

    /// The names in a directory from a position on, and the position behind all of them.
    pub(super) fn names(&self, dir: NodeId, from: u64) -> Result<(Names<'_>, u64), Error> {
        match self {
            Base::Manifest(manifest) => {
                let entries = manifest.entries(dir, from)?;
                let end = entries.end();
                Ok((Names::Manifest(entries), end))
            }
            Base::Lower(lower) => Ok((Names::Lower(lower.entries(dir, from)?, from), POSITIONS)),
        }
    }

    /// The names in a directory.
    pub fn entries(
        &self,
        dir: NodeId,
    ) -> Result<impl Iterator<Item = Result<Entry<'_>, Error>>, Error> {
        Ok(self.names(dir, 0)?.0)
    }
}

impl From<Manifest> for Base {
    fn from(manifest: Manifest) -> Base {
        Base::Manifest(Box::new(manifest))
    }
}

impl From<Lower> for Base {
    fn from(lower: Lower) -> Base {
        Base::Lower(lower)
    }
}
