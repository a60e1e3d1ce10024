//! The names of blobs and of their directories, relative to the store, as the kernel wants them.

use std::ffi::CStr;

use crate::digest::Digest;

const LENGTH: usize = "blake3/ab/cd/".len() + 64;

/// `blake3/ab/cd/<64 hex digits>`, ending with a zero byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    bytes: [u8; LENGTH + 1],
    dir: u16,
}

impl Name {
    /// Of the blob `digest`.
    pub(crate) fn of(digest: &Digest) -> Name {
        let hex = digest.hex();
        let mut bytes = [0; LENGTH + 1];
        bytes[..13].copy_from_slice(b"blake3/ab/cd/");
        bytes[7..9].copy_from_slice(&hex[..2]);
        bytes[10..12].copy_from_slice(&hex[2..4]);
        bytes[13..LENGTH].copy_from_slice(&hex);
        Name { bytes, dir: u16::from_be_bytes([digest.0[0], digest.0[1]]) }
    }

    /// The path.
    pub(crate) fn path(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.bytes).expect("hex digits and slashes hold no zero byte")
    }

    /// The two directories above it, from the outer one.
    pub(crate) fn dirs(&self) -> [&[u8]; 2] {
        [&self.bytes[..9], &self.bytes[..12]]
    }

    /// The number of the directory it is in: the first two bytes of the digest.
    pub(crate) fn dir(&self) -> u16 {
        self.dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_where_the_layout_says() {
        let digest = Digest::of(b"");
        let name = Name::of(&digest);
        assert_eq!(name.path().to_str().unwrap(), format!("blake3/af/13/{digest}"));
        assert_eq!(name.dirs(), [&b"blake3/af"[..], b"blake3/af/13"]);
        assert_eq!(name.dir(), 0xaf13);
    }
}
