//! `AT_*`: the special directory and the flags of the calls that take one (`linux/fcntl.h`).

/// Stands for the working directory in place of a directory descriptor.
pub const AT_FDCWD: i32 = -100;
/// A final symlink is not followed.
pub const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/// faccessat2: with the effective ids.
pub const AT_EACCESS: u32 = 0x200;
/// unlinkat: removes a directory. The bit is that of [`AT_EACCESS`].
pub const AT_REMOVEDIR: u32 = 0x200;
/// linkat: a final symlink is followed.
pub const AT_SYMLINK_FOLLOW: u32 = 0x400;
/// The last component does not trigger an automount.
pub const AT_NO_AUTOMOUNT: u32 = 0x800;
/// An empty path means the descriptor itself.
pub const AT_EMPTY_PATH: u32 = 0x1000;
/// statx: attributes may be old.
pub const AT_STATX_DONT_SYNC: u32 = 0x4000;
/// statx: attributes are fetched anew.
pub const AT_STATX_FORCE_SYNC: u32 = 0x2000;
/// The bits of statx that say how fresh attributes are.
pub const AT_STATX_SYNC_TYPE: u32 = AT_STATX_DONT_SYNC | AT_STATX_FORCE_SYNC;
/// open_tree and mount_setattr: the whole subtree.
pub const AT_RECURSIVE: u32 = 0x8000;
/// execveat: checks whether execution would be allowed, and does not execute.
pub const AT_EXECVE_CHECK: u32 = 0x10000;
