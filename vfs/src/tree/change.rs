//! What can happen to a tree, one value each: what a session's journal keeps, and what
//! [`Tree::apply`](super::Tree::apply) does.
//!
//! A change says only what happened, never why it was allowed: permission is judged before. Times
//! are part of a change, so that the same changes give the same tree whenever they are applied.

use serde::{Deserialize, Serialize};

use crate::attr::{Kind, Timestamp};
use crate::manifest::{NodeId, Xattr};

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// The directory.
    pub dir: NodeId,
    /// The name.
    pub name: Box<[u8]>,
}

impl Slot {
    /// The name `name` in `dir`.
    pub fn new(dir: NodeId, name: &[u8]) -> Slot {
        Slot { dir, name: name.into() }
    }
}

/// What a node is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// What a symlink points to; empty for everything else.
    pub target: Box<[u8]>,
    /// What a device node stands for, as `stat` encodes it; 0 for everything else.
    pub rdev: u64,
}

/// Attributes that are set; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Setting {
    /// Permission bits with set-id and sticky bits.
    pub mode: Option<u32>,
    /// The owner.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
    /// The last access.
    pub atime: Option<Timestamp>,
    /// The last change of the content.
    pub mtime: Option<Timestamp>,
}

/// What is kept of a node of a directory of the host, when something of it is changed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of statx(2)")]
pub struct Discovery {
    /// Device and inode number.
    pub inode: (u64, u64),
    pub kind: Kind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    pub size: u64,
    pub blocks: u64,
    pub rdev: u64,
    /// Access, modification, change of attributes.
    pub times: [Timestamp; 3],
    pub btime: Option<Timestamp>,
    /// What a symlink points to.
    pub target: Option<Box<[u8]>>,
    /// The extended attributes.
    pub xattrs: Vec<Xattr>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A node was made. A file starts out empty, with a staging file of its own.
    Make {
        /// Its id: the next free one.
        node: NodeId,
        /// Its first name; `None` for `O_TMPFILE`.
        at: Option<Slot>,
        /// What it was made with.
        birth: Birth,
        /// When.
        time: Timestamp,
    },
    /// A node that is no directory got a further name.
    Link {
        /// The node.
        node: NodeId,
        /// The name.
        at: Slot,
        /// When.
        time: Timestamp,
    },
    /// A name was removed; an empty directory's, too.
    Unlink {
        /// The name.
        at: Slot,
        /// When.
        time: Timestamp,
    },
    /// A name was moved to a free name or over another one.
    Rename {
        /// The old name.
        from: Slot,
        /// The new name.
        to: Slot,
        /// When.
        time: Timestamp,
    },
    /// Two names changed places.
    Exchange {
        /// One name.
        a: Slot,
        /// The other.
        b: Slot,
        /// When.
        time: Timestamp,
    },
    /// Attributes were set.
    Set {
        /// The node.
        node: NodeId,
        /// What was set.
        setting: Setting,
        /// When.
        time: Timestamp,
    },
    /// An extended attribute was set, or removed (`None`).
    Xattr {
        /// The node.
        node: NodeId,
        /// The name.
        name: Box<[u8]>,
        /// The value.
        value: Option<Box<[u8]>>,
        /// When.
        time: Timestamp,
    },
    /// The content of a file lies in its staging file from now on.
    Stage {
        /// The node.
        node: NodeId,
    },
    /// A node of a directory of the host got its number, and keeps its name and attributes.
    Discover {
        /// The number.
        node: NodeId,
        /// The name.
        at: Slot,
        /// What it was found as.
        found: Box<Discovery>,
    },
}
