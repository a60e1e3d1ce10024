//! Constants and structure layouts of the kernel's UAPI that vrift reads or writes itself.
//!
//! Layouts are encoded to and decoded from bytes; no reference to guest memory ever exists. What
//! differs between architectures is in [`OpenBits`] and in `stat.rs` of each architecture; all
//! else here is the same on each.
//!
//! Deliberately absent: names of constants for printing (`vrift-tracer` has them).

pub mod clone;
pub mod open;
pub mod resolve;

mod at;
mod dirent;
mod mode;
mod statfs;
mod statx;
mod unix;

pub use at::*;
pub use clone::CloneArgs;
pub use dirent::{
    dirent_len, dirent32_len, dirent64_len, old_dirent, push_dirent, push_dirent32, push_dirent64,
};
pub use mode::*;
pub use open::OpenHow;
pub use statfs::{
    COMPAT_STATFS64_SIZE, STATFS_SIZE, encode_compat_statfs, encode_compat_statfs64, encode_statfs,
};
pub use statx::{STATX_SIZE, decode_statx, encode_statx};
pub use unix::{AF_UNIX, UnixName, unix_address, unix_name};

/// The `open(2)` flags whose values differ between architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBits {
    /// `O_DIRECTORY`
    pub directory: u32,
    /// `O_NOFOLLOW`
    pub nofollow: u32,
    /// `O_DIRECT`
    pub direct: u32,
    /// `O_LARGEFILE` as the kernel sees it
    pub largefile: u32,
}

/// A time stamp as the kernel spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timespec {
    /// Seconds since the epoch.
    pub sec: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nsec: i64,
}

/// The fields of `struct stat`, whatever their order and width on an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of stat(2)")]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub nlink: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: u64,
    pub size: i64,
    pub blksize: i64,
    pub blocks: i64,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
}

/// `f_flags`: the file system is read-only, ignores set-id bits, and opens no devices.
pub const ST_RDONLY: u64 = 1;
/// See [`ST_RDONLY`].
pub const ST_NOSUID: u64 = 2;
/// See [`ST_RDONLY`].
pub const ST_NODEV: u64 = 4;
/// `f_flags` are filled in (`include/linux/statfs.h`).
pub const ST_VALID: u64 = 0x20;

/// `stx_attributes`: the root of a mount.
pub const STATX_ATTR_MOUNT_ROOT: u64 = 0x2000;

/// The fields of `struct statfs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of statfs(2)")]
pub struct Statfs {
    pub kind: i64,
    pub bsize: u64,
    pub blocks: u64,
    pub bfree: u64,
    pub bavail: u64,
    pub files: u64,
    pub ffree: u64,
    pub fsid: (u32, u32),
    pub namelen: u64,
    pub frsize: u64,
    pub flags: u64,
}

/// The fields of `struct statx` that vrift fills or shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of statx(2)")]
pub struct Statx {
    pub mask: u32,
    pub blksize: u32,
    pub attributes: u64,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub mode: u16,
    pub ino: u64,
    pub size: u64,
    pub blocks: u64,
    pub attributes_mask: u64,
    pub atime: Timespec,
    pub btime: Timespec,
    pub ctime: Timespec,
    pub mtime: Timespec,
    pub rdev: (u32, u32),
    pub dev: (u32, u32),
    pub mnt_id: u64,
}
