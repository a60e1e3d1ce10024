//! Directory entries as getdents64 and the older getdents return them (`fs/readdir.c`).

/// Where the name starts in `struct linux_dirent64`.
const NAME64: usize = 19;
/// Where the name starts in `struct linux_dirent`.
const NAME: usize = 18;

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

/// Appends a record of getdents64. `off` is the position of the entry after this one.
pub fn push_dirent64(out: &mut Vec<u8>, ino: u64, off: i64, dtype: u8, name: &[u8]) {
    let len = dirent64_len(name.len());
    let end = out.len() + len;
    push_head(out, ino, off, len);
    out.push(dtype);
    out.extend_from_slice(name);
    out.resize(end, 0);
}

/// Appends a record of getdents, which only x86_64 has: the type is the record's last byte.
pub fn push_dirent(out: &mut Vec<u8>, ino: u64, off: i64, dtype: u8, name: &[u8]) {
    let len = dirent_len(name.len());
    let end = out.len() + len;
    push_head(out, ino, off, len);
    out.extend_from_slice(name);
    out.resize(end - 1, 0);
    out.push(dtype);
}

/// The fields both records start with.
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
    fn fields_lie_where_libc_has_them() {
        assert_eq!(offset_of!(libc::dirent64, d_ino), 0);
        assert_eq!(offset_of!(libc::dirent64, d_off), 8);
        assert_eq!(offset_of!(libc::dirent64, d_reclen), 16);
        assert_eq!(offset_of!(libc::dirent64, d_type), 18);
        assert_eq!(offset_of!(libc::dirent64, d_name), NAME64);
    }
}
