//! File types and permission bits (`linux/stat.h`), and the types of directory entries.

/// The bits of a mode that hold the type.
pub const S_IFMT: u32 = 0o170_000;
/// A socket.
pub const S_IFSOCK: u32 = 0o140_000;
/// A symbolic link.
pub const S_IFLNK: u32 = 0o120_000;
/// A regular file.
pub const S_IFREG: u32 = 0o100_000;
/// A block device.
pub const S_IFBLK: u32 = 0o060_000;
/// A directory.
pub const S_IFDIR: u32 = 0o040_000;
/// A character device.
pub const S_IFCHR: u32 = 0o020_000;
/// A FIFO.
pub const S_IFIFO: u32 = 0o010_000;
/// Set-user-id.
pub const S_ISUID: u32 = 0o4_000;
/// Set-group-id.
pub const S_ISGID: u32 = 0o2_000;
/// Sticky.
pub const S_ISVTX: u32 = 0o1_000;

/// A type that the file system does not tell.
pub const DT_UNKNOWN: u8 = 0;
/// A FIFO.
pub const DT_FIFO: u8 = 1;
/// A character device.
pub const DT_CHR: u8 = 2;
/// A directory.
pub const DT_DIR: u8 = 4;
/// A block device.
pub const DT_BLK: u8 = 6;
/// A regular file.
pub const DT_REG: u8 = 8;
/// A symbolic link.
pub const DT_LNK: u8 = 10;
/// A socket.
pub const DT_SOCK: u8 = 12;
/// A whiteout of a union mount.
pub const DT_WHT: u8 = 14;
