//! What `stat` says of a node, before any ABI's layout.

pub use crate::manifest::{Kind, Timestamp};

use crate::session::Staged;

/// The attributes of a node as a caller sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of stat(2) and statx(2)")]
pub struct Attr {
    /// Major and minor number of the mount's own device.
    pub dev: (u32, u32),
    pub ino: u64,
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits, without the type.
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    /// Major and minor number, for device nodes.
    pub rdev: (u32, u32),
    pub size: u64,
    /// In units of 512 bytes.
    pub blocks: u64,
    pub block_size: u32,
    pub atime: Timestamp,
    pub mtime: Timestamp,
    pub ctime: Timestamp,
    pub btime: Option<Timestamp>,
    /// Whether it is the root of its mount.
    pub mount_root: bool,
}

/// What `statfs` says of the file system of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of statfs(2)")]
pub struct Figures {
    /// The type of the file system the contents lie on: what a program concludes from it (that
    /// locks are local, say) is true of the descriptors it reads from.
    pub fs_type: i64,
    pub block_size: u64,
    pub blocks: u64,
    pub blocks_free: u64,
    pub blocks_available: u64,
    pub files: u64,
    pub files_free: u64,
    /// Whether nothing of it can be changed.
    pub read_only: bool,
    /// The mount's own.
    pub fs_id: (u32, u32),
    pub name_max: u64,
}

impl Attr {
    /// These attributes with what a staging file says.
    pub(crate) fn with(self, staged: Staged) -> Attr {
        let Staged { size, blocks, atime, mtime, ctime, .. } = staged;
        let (mode, ctime) = (staged.mode(self.mode), ctime.max(self.ctime));
        Attr { mode, size, blocks, atime, mtime, ctime, ..self }
    }
}
