//! `RESOLVE_*`: limits that openat2 puts on the walk along a path (`linux/openat2.h`).

/// No component leads to another mount.
pub const RESOLVE_NO_XDEV: u64 = 0x01;
/// No magic link of procfs is followed.
pub const RESOLVE_NO_MAGICLINKS: u64 = 0x02;
/// No symlink is followed, magic links included.
pub const RESOLVE_NO_SYMLINKS: u64 = 0x04;
/// The walk stays below the directory it starts at.
pub const RESOLVE_BENEATH: u64 = 0x08;
/// The directory it starts at is the root for the walk.
pub const RESOLVE_IN_ROOT: u64 = 0x10;
/// Only what the kernel has cached is used; `EAGAIN` otherwise.
pub const RESOLVE_CACHED: u64 = 0x20;
