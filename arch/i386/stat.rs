//! The three structures with which i386 answers the stat calls (`arch/x86/include/uapi/asm/stat.h`,
//! and as an x86_64 kernel fills them: `cp_stat64` in `arch/x86/kernel/sys_ia32.c`, `cp_compat_stat`
//! and `cp_old_stat` in `fs/stat.c`).
//!
//! The older two lack room for some values. Where the kernel says `EOVERFLOW`, encoding gives `None`;
//! where it cuts, or puts in the overflow id, so does encoding.
//!
//! Deliberately absent: which call gets which, which is in `mod.rs`.

use crate::abi::{Stat, Timespec};
use crate::bytes::{get_i64, get_u16, get_u32, get_u64, put};

/// The size of `struct stat64`.
pub(super) const SIZE64: usize = 96;
/// The size of `struct stat`.
pub(super) const SIZE: usize = 64;
/// The size of `struct __old_kernel_stat`.
pub(super) const SIZE_OLD: usize = 32;

/// The largest file that calls without `O_LARGEFILE` know of (`MAX_NON_LFS`).
const SIZE_MAX: i64 = 0x7fff_ffff;

/// What an id is called that 16 bits do not hold (`DEFAULT_OVERFLOWUID`).
const OVERFLOW_ID: u16 = 65534;

/// `struct stat64`, padding zeroed.
///
/// `nlink` and `blksize` have 32 bits here, as in the kernel itself; what does not fit becomes the
/// largest value. Seconds are cut to 32 bits.
pub(super) fn encode64(stat: &Stat) -> [u8; SIZE64] {
    let mut bytes = [0; SIZE64];
    put(&mut bytes, 0, stat.dev.to_le_bytes());
    put(&mut bytes, 12, (stat.ino as u32).to_le_bytes());
    put(&mut bytes, 16, stat.mode.to_le_bytes());
    put(&mut bytes, 20, u32::try_from(stat.nlink).unwrap_or(u32::MAX).to_le_bytes());
    put(&mut bytes, 24, stat.uid.to_le_bytes());
    put(&mut bytes, 28, stat.gid.to_le_bytes());
    put(&mut bytes, 32, stat.rdev.to_le_bytes());
    put(&mut bytes, 44, stat.size.to_le_bytes());
    put(&mut bytes, 52, u32::try_from(stat.blksize).unwrap_or(u32::MAX).to_le_bytes());
    put(&mut bytes, 56, stat.blocks.to_le_bytes());
    put_times(&mut bytes, 64, stat);
    put(&mut bytes, 88, stat.ino.to_le_bytes());
    bytes
}

/// Reads `struct stat64`; `None` if `bytes` is too short.
pub(super) fn decode64(bytes: &[u8]) -> Option<Stat> {
    let bytes: &[u8; SIZE64] = bytes.first_chunk()?;
    let [atime, mtime, ctime] = get_times(bytes, 64)?;
    Some(Stat {
        dev: get_u64(bytes, 0)?,
        ino: get_u64(bytes, 88)?,
        nlink: get_u32(bytes, 20)?.into(),
        mode: get_u32(bytes, 16)?,
        uid: get_u32(bytes, 24)?,
        gid: get_u32(bytes, 28)?,
        rdev: get_u64(bytes, 32)?,
        size: get_i64(bytes, 44)?,
        blksize: get_u32(bytes, 52)?.into(),
        blocks: get_i64(bytes, 56)?,
        atime,
        mtime,
        ctime,
    })
}

/// `struct stat`; `None` if the inode, the links or the size do not fit.
pub(super) fn encode(stat: &Stat) -> Option<[u8; SIZE]> {
    if !(0..=SIZE_MAX).contains(&stat.size) {
        return None;
    }
    let mut bytes = [0; SIZE];
    put(&mut bytes, 0, (stat.dev as u32).to_le_bytes());
    put(&mut bytes, 4, u32::try_from(stat.ino).ok()?.to_le_bytes());
    put(&mut bytes, 8, (stat.mode as u16).to_le_bytes());
    put(&mut bytes, 10, u16::try_from(stat.nlink).ok()?.to_le_bytes());
    put(&mut bytes, 12, low_id(stat.uid).to_le_bytes());
    put(&mut bytes, 14, low_id(stat.gid).to_le_bytes());
    put(&mut bytes, 16, (stat.rdev as u32).to_le_bytes());
    put(&mut bytes, 20, (stat.size as u32).to_le_bytes());
    put(&mut bytes, 24, (stat.blksize as u32).to_le_bytes());
    put(&mut bytes, 28, (stat.blocks as u32).to_le_bytes());
    put_times(&mut bytes, 32, stat);
    Some(bytes)
}

/// Reads `struct stat`; `None` if `bytes` is too short.
pub(super) fn decode(bytes: &[u8]) -> Option<Stat> {
    let bytes: &[u8; SIZE] = bytes.first_chunk()?;
    let [atime, mtime, ctime] = get_times(bytes, 32)?;
    Some(Stat {
        dev: get_u32(bytes, 0)?.into(),
        ino: get_u32(bytes, 4)?.into(),
        nlink: get_u16(bytes, 10)?.into(),
        mode: get_u16(bytes, 8)?.into(),
        uid: get_u16(bytes, 12)?.into(),
        gid: get_u16(bytes, 14)?.into(),
        rdev: get_u32(bytes, 16)?.into(),
        size: get_u32(bytes, 20)?.into(),
        blksize: get_u32(bytes, 24)?.into(),
        blocks: get_u32(bytes, 28)?.into(),
        atime,
        mtime,
        ctime,
    })
}

/// `struct __old_kernel_stat`; `None` if the inode or the links do not fit. A 64-bit kernel cuts the
/// size without a word.
pub(super) fn encode_old(stat: &Stat) -> Option<[u8; SIZE_OLD]> {
    let mut bytes = [0; SIZE_OLD];
    put(&mut bytes, 0, old_dev(stat.dev).to_le_bytes());
    put(&mut bytes, 2, u16::try_from(stat.ino).ok()?.to_le_bytes());
    put(&mut bytes, 4, (stat.mode as u16).to_le_bytes());
    put(&mut bytes, 6, u16::try_from(stat.nlink).ok()?.to_le_bytes());
    put(&mut bytes, 8, low_id(stat.uid).to_le_bytes());
    put(&mut bytes, 10, low_id(stat.gid).to_le_bytes());
    put(&mut bytes, 12, old_dev(stat.rdev).to_le_bytes());
    put(&mut bytes, 16, (stat.size as u32).to_le_bytes());
    for (at, time) in [(20, stat.atime), (24, stat.mtime), (28, stat.ctime)] {
        put(&mut bytes, at, (time.sec as u32).to_le_bytes());
    }
    Some(bytes)
}

/// Reads `struct __old_kernel_stat`; `None` if `bytes` is too short. Block counts and nanoseconds,
/// which it lacks, are zero.
pub(super) fn decode_old(bytes: &[u8]) -> Option<Stat> {
    let bytes: &[u8; SIZE_OLD] = bytes.first_chunk()?;
    let time = |at| Some(Timespec { sec: seconds(bytes, at)?, nsec: 0 });
    Some(Stat {
        dev: get_u16(bytes, 0)?.into(),
        ino: get_u16(bytes, 2)?.into(),
        mode: get_u16(bytes, 4)?.into(),
        nlink: get_u16(bytes, 6)?.into(),
        uid: get_u16(bytes, 8)?.into(),
        gid: get_u16(bytes, 10)?.into(),
        rdev: get_u16(bytes, 12)?.into(),
        size: get_u32(bytes, 16)?.into(),
        atime: time(20)?,
        mtime: time(24)?,
        ctime: time(28)?,
        ..Stat::default()
    })
}

/// An id as 16 bits tell it (`high2lowuid` of `linux/highuid.h`).
fn low_id(id: u32) -> u16 {
    u16::try_from(id).unwrap_or(OVERFLOW_ID)
}

/// A device number with eight bits for the minor one (`old_encode_dev` of `linux/kdev_t.h`), from the
/// 32 bits that `struct stat` has for it otherwise.
fn old_dev(dev: u64) -> u16 {
    let major = dev >> 8 & 0xfff;
    let minor = dev & 0xff | dev >> 12 & 0xf_ff00;
    (major << 8 | minor) as u16
}

/// Three times of two 32-bit words each.
fn put_times(bytes: &mut [u8], at: usize, stat: &Stat) {
    for (i, time) in [stat.atime, stat.mtime, stat.ctime].into_iter().enumerate() {
        put(bytes, at + 8 * i, (time.sec as u32).to_le_bytes());
        put(bytes, at + 8 * i + 4, (time.nsec as u32).to_le_bytes());
    }
}

fn get_times(bytes: &[u8], at: usize) -> Option<[Timespec; 3]> {
    let time =
        |at| Some(Timespec { sec: seconds(bytes, at)?, nsec: get_u32(bytes, at + 4)?.into() });
    Some([time(at)?, time(at + 8)?, time(at + 16)?])
}

/// Seconds as `time_t` has them here, which may be before the epoch.
fn seconds(bytes: &[u8], at: usize) -> Option<i64> {
    get_u32(bytes, at).map(|sec| i64::from(sec.cast_signed()))
}
