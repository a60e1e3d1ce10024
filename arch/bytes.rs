//! Little-endian fields at fixed offsets of a byte layout; every architecture here is such.
//!
//! Deliberately absent: layouts themselves, and any cast between structures and bytes.

/// Writes `field` at offset `at`. The layouts are constants of this crate, so the field fits.
pub(crate) fn put<const N: usize>(bytes: &mut [u8], at: usize, field: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&field);
}

/// Reads the `N` bytes at offset `at`; `None` behind the end.
pub(crate) fn get<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Reads a `u16`.
pub(crate) fn get_u16(bytes: &[u8], at: usize) -> Option<u16> {
    get(bytes, at).map(u16::from_le_bytes)
}

/// Reads a `u32`.
pub(crate) fn get_u32(bytes: &[u8], at: usize) -> Option<u32> {
    get(bytes, at).map(u32::from_le_bytes)
}

/// Reads a `u64`.
pub(crate) fn get_u64(bytes: &[u8], at: usize) -> Option<u64> {
    get(bytes, at).map(u64::from_le_bytes)
}

/// Reads an `i64`.
pub(crate) fn get_i64(bytes: &[u8], at: usize) -> Option<i64> {
    get(bytes, at).map(i64::from_le_bytes)
}
