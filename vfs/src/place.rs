//! Where a path leads: to the host, or to a node of a mount.

use std::path::PathBuf;

use crate::manifest::NodeId;

/// One mount of a [`crate::Namespace`], by its position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MountId(pub u16);

/// A node of a mount: what a file or directory *is*, independent of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef {
    /// The mount it belongs to.
    pub mount: MountId,
    /// The node in that mount's manifest.
    pub node: NodeId,
}

/// A directory or file in the namespace a caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Outside every mount: an absolute path on the host without symlinks in its directory part.
    Host(PathBuf),
    /// In a mount.
    Node(NodeRef),
}
