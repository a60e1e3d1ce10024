//! Directory entries as getdents64, the older getdents of either word and readdir return them
//! (`fs/readdir.c`).

/// Where the name starts in `struct linux_dirent64`.
const NAME64: usize = 19;
/// Where the name starts in `struct linux_dirent`.
const NAME: usize = 18;
/// Where the name starts in `struct compat_linux_dirent` and `struct compat_old_linux_dirent`.
const NAME32: usize = 10;

/// The length of a getdents64 record whose name has `name_len` bytes: the name ends with NUL, and
/// the record with a multiple of eight.
pub const fn dirent64_len(name_len: usize) -> usize {
    (NAME64 + name_len + 1).next_multiple_of(8)
}

/// The length of a getdents record whose name has `name_len` bytes: NUL and the type follow the
/// name, and the record ends with a multiple of eight.
pub const fn dirent_len(name_len: usize) -> usize {
    (NAME + name_len + 2).next_multiple_of(8)
}

/// The length of a record of i386's getdents, which ends with a multiple of four.
pub const fn dirent32_len(name_len: usize) -> usize {
    (NAME32 + name_len + 2).next_multiple_of(4)
}

/// Appends a record of getdents64. `off` is the position of the entry after this one.
pub fn push_dirent64(out: &mut Vec<u8>, ino: u64, off: i64, dtype: u8, name: &[u8]) {
    let len = dirent64_len(name.len());
    let end = out.len() + len;
    push_head(out, ino, off, len);
    out.push(dtype);
    out.extend_from_slice(name);
    out.resize(end, 0);
}

/// Appends a record of x86_64's getdents, which aarch64 lacks: the type is the record's last byte.
pub fn push_dirent(out: &mut Vec<u8>, ino: u64, off: i64, dtype: u8, name: &[u8]) {
    let len = dirent_len(name.len());
    let end = out.len() + len;
    push_head(out, ino, off, len);
    out.extend_from_slice(name);
    out.resize(end - 1, 0);
    out.push(dtype);
}

/// Appends a record of i386's getdents; `None` if the inode does not fit, upon which the kernel says
/// `EOVERFLOW`. The position is cut.
pub fn push_dirent32(out: &mut Vec<u8>, ino: u64, off: i64, dtype: u8, name: &[u8]) -> Option<()> {
    let len = dirent32_len(name.len());
    let end = out.len() + len;
    push_head32(out, ino, off, len)?;
    out.extend_from_slice(name);
    out.resize(end - 1, 0);
    out.push(dtype);
    Some(())
}

/// The one record that i386's readdir gives; `None` as for [`push_dirent32`]. `off` is the position
/// of the entry itself.
pub fn old_dirent(ino: u64, off: i64, name: &[u8]) -> Option<Vec<u8>> {
    let mut record = Vec::new();
    push_head32(&mut record, ino, off, name.len())?;
    record.extend_from_slice(name);
    record.push(0);
    Some(record)
}

/// The fields both records of words of four bytes start with.
fn push_head32(out: &mut Vec<u8>, ino: u64, off: i64, len: usize) -> Option<()> {
    out.extend_from_slice(&u32::try_from(ino).ok()?.to_le_bytes());
    out.extend_from_slice(&(off as u32).to_le_bytes());
    let len = u16::try_from(len).expect("a name has at most 255 bytes");
    out.extend_from_slice(&len.to_le_bytes());
    Some(())
}

/// The fields both records of words of eight bytes start with.
fn push_head(out: &mut Vec<u8>, ino: u64, off: i64, len: usize) {
    out.extend_from_slice(&ino.to_le_bytes());
    out.extend_from_slice(&off.to_le_bytes());
    let len = u16::try_from(len).expect("a name has at most 255 bytes");
    out.extend_from_slice(&len.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::DT_REG;
    use std::mem::offset_of;

    #[test]
    fn records_end_with_a_multiple_of_eight() {
        for name in 0..=255 {
            let name = vec![b'n'; name];
            let mut out = vec![];
            push_dirent64(&mut out, 7, 9, DT_REG, &name);
            assert_eq!(out.len(), dirent64_len(name.len()));
            assert_eq!(out[16..18], (out.len() as u16).to_le_bytes());
            assert_eq!((out[18], out[NAME64 + name.len()]), (DT_REG, 0));
            let first = out.len();
            push_dirent(&mut out, 7, 9, DT_REG, &name);
            let record = &out[first..];
            assert_eq!(record.len(), dirent_len(name.len()));
            assert_eq!(record.len() % 8, 0);
            assert_eq!(record[NAME..NAME + name.len()], name);
            assert_eq!((record[NAME + name.len()], record.last()), (0, Some(&DT_REG)));
        }
    }

    #[test]
    fn narrow_records_are_those_of_a_kernel() {
        let mut out = vec![];
        push_dirent32(&mut out, 0x3_04, 0x1_0000_0007, DT_REG, b"abc").unwrap();
        let record = [4, 3, 0, 0, 7, 0, 0, 0, 16, 0, b'a', b'b', b'c', 0, 0, DT_REG];
        assert_eq!(out, record);
        assert_eq!(push_dirent32(&mut out, 1 << 32, 0, DT_REG, b"abc"), None);
        assert_eq!(out, record);
        for name in 0..=255 {
            let mut out = vec![];
            push_dirent32(&mut out, 7, 9, DT_REG, &vec![b'n'; name]).unwrap();
            assert_eq!((out.len(), out.len() % 4), (dirent32_len(name), 0));
            assert_eq!((out[NAME32 + name], out.last()), (0, Some(&DT_REG)));
        }
        let old = [4, 3, 0, 0, 7, 0, 0, 0, 3, 0, b'a', b'b', b'c', 0];
        assert_eq!(old_dirent(0x304, 7, b"abc").unwrap(), old);
        assert_eq!(old_dirent(1 << 32, 7, b"abc"), None);
    }

    #[test]
    fn fields_lie_where_libc_has_them() {
        assert_eq!(offset_of!(libc::dirent64, d_ino), 0);
        assert_eq!(offset_of!(libc::dirent64, d_off), 8);
        assert_eq!(offset_of!(libc::dirent64, d_reclen), 16);
        assert_eq!(offset_of!(libc::dirent64, d_type), 18);
        assert_eq!(offset_of!(libc::dirent64, d_name), NAME64);
    }
}
