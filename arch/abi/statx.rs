//! `struct statx` (`linux/stat.h`), the same on every architecture.

use crate::abi::{Statx, Timespec};
use crate::bytes::{get_i64, get_u16, get_u32, get_u64, put};

/// The size of the structure.
pub const STATX_SIZE: usize = 256;

/// The structure as the kernel writes it. Fields vrift does not fill are zero.
pub fn encode_statx(statx: &Statx) -> [u8; STATX_SIZE] {
    let mut bytes = [0; STATX_SIZE];
    put(&mut bytes, 0, statx.mask.to_le_bytes());
    put(&mut bytes, 4, statx.blksize.to_le_bytes());
    put(&mut bytes, 8, statx.attributes.to_le_bytes());
    put(&mut bytes, 16, statx.nlink.to_le_bytes());
    put(&mut bytes, 20, statx.uid.to_le_bytes());
    put(&mut bytes, 24, statx.gid.to_le_bytes());
    put(&mut bytes, 28, statx.mode.to_le_bytes());
    put(&mut bytes, 32, statx.ino.to_le_bytes());
    put(&mut bytes, 40, statx.size.to_le_bytes());
    put(&mut bytes, 48, statx.blocks.to_le_bytes());
    put(&mut bytes, 56, statx.attributes_mask.to_le_bytes());
    put_time(&mut bytes, 64, statx.atime);
    put_time(&mut bytes, 80, statx.btime);
    put_time(&mut bytes, 96, statx.ctime);
    put_time(&mut bytes, 112, statx.mtime);
    put(&mut bytes, 128, statx.rdev.0.to_le_bytes());
    put(&mut bytes, 132, statx.rdev.1.to_le_bytes());
    put(&mut bytes, 136, statx.dev.0.to_le_bytes());
    put(&mut bytes, 140, statx.dev.1.to_le_bytes());
    put(&mut bytes, 144, statx.mnt_id.to_le_bytes());
    bytes
}

/// Reads the structure; `None` if `bytes` is too short.
pub fn decode_statx(bytes: &[u8]) -> Option<Statx> {
    let bytes: &[u8; STATX_SIZE] = bytes.first_chunk()?;
    Some(Statx {
        mask: get_u32(bytes, 0)?,
        blksize: get_u32(bytes, 4)?,
        attributes: get_u64(bytes, 8)?,
        nlink: get_u32(bytes, 16)?,
        uid: get_u32(bytes, 20)?,
        gid: get_u32(bytes, 24)?,
        mode: get_u16(bytes, 28)?,
        ino: get_u64(bytes, 32)?,
        size: get_u64(bytes, 40)?,
        blocks: get_u64(bytes, 48)?,
        attributes_mask: get_u64(bytes, 56)?,
        atime: get_time(bytes, 64)?,
        btime: get_time(bytes, 80)?,
        ctime: get_time(bytes, 96)?,
        mtime: get_time(bytes, 112)?,
        rdev: (get_u32(bytes, 128)?, get_u32(bytes, 132)?),
        dev: (get_u32(bytes, 136)?, get_u32(bytes, 140)?),
        mnt_id: get_u64(bytes, 144)?,
    })
}

/// Writes a `struct statx_timestamp`, whose nanoseconds have 32 bits.
fn put_time(bytes: &mut [u8], at: usize, time: Timespec) {
    put(bytes, at, time.sec.to_le_bytes());
    put(bytes, at + 8, (time.nsec as u32).to_le_bytes());
}

fn get_time(bytes: &[u8], at: usize) -> Option<Timespec> {
    Some(Timespec { sec: get_i64(bytes, at)?, nsec: i64::from(get_u32(bytes, at + 8)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    const SAMPLE: Statx = Statx {
        mask: 0x11,
        blksize: 0x12,
        attributes: 0x13,
        nlink: 0x14,
        uid: 0x15,
        gid: 0x16,
        mode: 0x17,
        ino: 0x18,
        size: 0x19,
        blocks: 0x1a,
        attributes_mask: 0x1b,
        atime: Timespec { sec: -1, nsec: 0x1c },
        btime: Timespec { sec: -2, nsec: 0x1d },
        ctime: Timespec { sec: -3, nsec: 0x1e },
        mtime: Timespec { sec: -4, nsec: 0x1f },
        rdev: (0x20, 0x21),
        dev: (0x22, 0x23),
        mnt_id: 0x24,
    };

    #[test]
    fn bytes_round_trip() {
        let bytes = encode_statx(&SAMPLE);
        assert_eq!(decode_statx(&bytes), Some(SAMPLE));
        assert_eq!(decode_statx(&bytes[..255]), None);
    }

    #[test]
    fn fields_lie_where_libc_has_them() {
        type S = libc::statx;
        assert_eq!(size_of::<S>(), STATX_SIZE);
        let bytes = encode_statx(&SAMPLE);
        let fields = [
            (offset_of!(S, stx_mask), 0x11),
            (offset_of!(S, stx_blksize), 0x12),
            (offset_of!(S, stx_attributes), 0x13),
            (offset_of!(S, stx_nlink), 0x14),
            (offset_of!(S, stx_uid), 0x15),
            (offset_of!(S, stx_gid), 0x16),
            (offset_of!(S, stx_mode), 0x17),
            (offset_of!(S, stx_ino), 0x18),
            (offset_of!(S, stx_size), 0x19),
            (offset_of!(S, stx_blocks), 0x1a),
            (offset_of!(S, stx_attributes_mask), 0x1b),
            (offset_of!(S, stx_atime.tv_nsec), 0x1c),
            (offset_of!(S, stx_btime.tv_nsec), 0x1d),
            (offset_of!(S, stx_ctime.tv_nsec), 0x1e),
            (offset_of!(S, stx_mtime.tv_nsec), 0x1f),
            (offset_of!(S, stx_rdev_major), 0x20),
            (offset_of!(S, stx_rdev_minor), 0x21),
            (offset_of!(S, stx_dev_major), 0x22),
            (offset_of!(S, stx_dev_minor), 0x23),
        ];
        for (at, value) in fields {
            assert_eq!(bytes[at], value, "at {at}");
        }
    }
}
