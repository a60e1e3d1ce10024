//! `struct stat` as aarch64 lays it out (`include/uapi/asm-generic/stat.h`).

use crate::abi::{Stat, Timespec};
use crate::bytes::{get_i64, get_u32, get_u64, put};

/// The size of the structure.
pub(super) const SIZE: usize = 128;

/// The structure as the kernel writes it, padding zeroed.
///
/// `nlink` and `blksize` have 32 bits here; what does not fit becomes the largest value.
pub(super) fn encode(stat: &Stat) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    put(&mut bytes, 0, stat.dev.to_le_bytes());
    put(&mut bytes, 8, stat.ino.to_le_bytes());
    put(&mut bytes, 16, stat.mode.to_le_bytes());
    put(&mut bytes, 20, u32::try_from(stat.nlink).unwrap_or(u32::MAX).to_le_bytes());
    put(&mut bytes, 24, stat.uid.to_le_bytes());
    put(&mut bytes, 28, stat.gid.to_le_bytes());
    put(&mut bytes, 32, stat.rdev.to_le_bytes());
    put(&mut bytes, 48, stat.size.to_le_bytes());
    put(&mut bytes, 56, i32::try_from(stat.blksize).unwrap_or(i32::MAX).to_le_bytes());
    put(&mut bytes, 64, stat.blocks.to_le_bytes());
    for (at, time) in [(72, stat.atime), (88, stat.mtime), (104, stat.ctime)] {
        put(&mut bytes, at, time.sec.to_le_bytes());
        put(&mut bytes, at + 8, time.nsec.to_le_bytes());
    }
    bytes
}

/// Reads the structure; `None` if `bytes` is too short.
pub(super) fn decode(bytes: &[u8]) -> Option<Stat> {
    let bytes: &[u8; SIZE] = bytes.first_chunk()?;
    let time = |at| Some(Timespec { sec: get_i64(bytes, at)?, nsec: get_i64(bytes, at + 8)? });
    Some(Stat {
        dev: get_u64(bytes, 0)?,
        ino: get_u64(bytes, 8)?,
        nlink: u64::from(get_u32(bytes, 20)?),
        mode: get_u32(bytes, 16)?,
        uid: get_u32(bytes, 24)?,
        gid: get_u32(bytes, 28)?,
        rdev: get_u64(bytes, 32)?,
        size: get_i64(bytes, 48)?,
        blksize: i64::from(get_u32(bytes, 56)?.cast_signed()),
        blocks: get_i64(bytes, 64)?,
        atime: time(72)?,
        mtime: time(88)?,
        ctime: time(104)?,
    })
}
