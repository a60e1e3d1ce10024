//! `struct statfs` of the 64-bit ABIs (`asm-generic/statfs.h`), and the two of i386 (`asm/compat.h`,
//! `asm-generic/compat.h`).

use crate::abi::Statfs;
use crate::bytes::put;

/// The size of the structure.
pub const STATFS_SIZE: usize = 120;

/// The structure as the kernel writes it.
pub fn encode_statfs(statfs: &Statfs) -> [u8; STATFS_SIZE] {
    let mut bytes = [0; STATFS_SIZE];
    let blocks = [statfs.blocks, statfs.bfree, statfs.bavail, statfs.files, statfs.ffree];
    put(&mut bytes, 0, statfs.kind.to_le_bytes());
    put(&mut bytes, 8, statfs.bsize.to_le_bytes());
    for (i, word) in blocks.into_iter().enumerate() {
        put(&mut bytes, 16 + 8 * i, word.to_le_bytes());
    }
    put(&mut bytes, 56, statfs.fsid.0.to_le_bytes());
    put(&mut bytes, 60, statfs.fsid.1.to_le_bytes());
    put(&mut bytes, 64, statfs.namelen.to_le_bytes());
    put(&mut bytes, 72, statfs.frsize.to_le_bytes());
    put(&mut bytes, 80, statfs.flags.to_le_bytes());
    bytes
}

/// The size of i386's `struct statfs`.
const COMPAT_STATFS_SIZE: usize = 64;

/// The size of i386's `struct statfs64`, which the caller has to name.
pub const COMPAT_STATFS64_SIZE: usize = 84;

/// i386's `struct statfs`; `None` if it lacks room for a value (`put_compat_statfs` in fs/statfs.c).
pub fn encode_compat_statfs(statfs: &Statfs) -> Option<[u8; COMPAT_STATFS_SIZE]> {
    let all =
        [statfs.bsize, statfs.blocks, statfs.bfree, statfs.bavail, statfs.files, statfs.ffree];
    let mut words = vec![statfs.kind as u32];
    for word in all {
        words.push(u32::try_from(word).ok()?);
    }
    words.extend([statfs.fsid.0, statfs.fsid.1, u32::try_from(statfs.namelen).ok()?]);
    words.extend([u32::try_from(statfs.frsize).ok()?, statfs.flags as u32]);
    let mut bytes = [0; COMPAT_STATFS_SIZE];
    for (i, word) in words.into_iter().enumerate() {
        put(&mut bytes, 4 * i, word.to_le_bytes());
    }
    Some(bytes)
}

/// i386's `struct statfs64`, which is packed.
pub fn encode_compat_statfs64(statfs: &Statfs) -> [u8; COMPAT_STATFS64_SIZE] {
    let mut bytes = [0; COMPAT_STATFS64_SIZE];
    let blocks = [statfs.blocks, statfs.bfree, statfs.bavail, statfs.files, statfs.ffree];
    put(&mut bytes, 0, (statfs.kind as u32).to_le_bytes());
    put(&mut bytes, 4, (statfs.bsize as u32).to_le_bytes());
    for (i, word) in blocks.into_iter().enumerate() {
        put(&mut bytes, 8 + 8 * i, word.to_le_bytes());
    }
    let words = [statfs.fsid.0, statfs.fsid.1, statfs.namelen as u32, statfs.frsize as u32];
    for (i, word) in words.into_iter().chain([statfs.flags as u32]).enumerate() {
        put(&mut bytes, 48 + 4 * i, word.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn fields_lie_where_libc_has_them() {
        type S = libc::statfs;
        assert_eq!(size_of::<S>(), STATFS_SIZE);
        let bytes = encode_statfs(&Statfs {
            kind: 1,
            bsize: 2,
            blocks: 3,
            bfree: 4,
            bavail: 5,
            files: 6,
            ffree: 7,
            fsid: (8, 9),
            namelen: 10,
            frsize: 11,
            flags: 12,
        });
        let fields = [
            (offset_of!(S, f_type), 1),
            (offset_of!(S, f_bsize), 2),
            (offset_of!(S, f_blocks), 3),
            (offset_of!(S, f_bfree), 4),
            (offset_of!(S, f_bavail), 5),
            (offset_of!(S, f_files), 6),
            (offset_of!(S, f_ffree), 7),
            (offset_of!(S, f_fsid), 8),
            (offset_of!(S, f_fsid) + 4, 9),
            (offset_of!(S, f_namelen), 10),
            (offset_of!(S, f_frsize), 11),
            // libc does not name `f_flags`.
            (offset_of!(S, f_frsize) + 8, 12),
        ];
        for (at, value) in fields {
            assert_eq!(bytes[at], value, "at {at}");
        }
    }
}
