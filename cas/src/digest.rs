//! The name of a blob: a BLAKE3 digest, written as 64 lower-case hexadecimal digits.
//!
//! Deliberately absent: other hash functions. A store that used one would have another directory
//! beside `blake3/`.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

/// What a hole is hashed as, piece by piece.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The BLAKE3 digest of some content.
///
/// The default value, 32 zero bytes, stands for "no content" where a record has no digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Digest {
        Digest(*blake3::hash(content).as_bytes())
    }

    /// The 64 digits, without an allocation.
    pub(crate) fn hex(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        hex
    }

    /// The digest of all that `source` still has to give.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of_reader(source: &mut dyn Read) -> io::Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(source)?;
        Ok(hasher.finalize().into())
    }

    /// The digest of all of a file. Holes are not read: the kernel would make pages of them, which takes twenty times as
    /// long as hashing their zeros.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of_file(mut file: &File) -> io::Result<Digest> {
        let meta = file.metadata()?;
        if meta.blocks() * 512 >= meta.len() {
            file.rewind()?;
            return Digest::of_reader(&mut file);
        }
        let mut hasher = blake3::Hasher::new();
        while let Some(data) = next(file, hasher.count(), Whence::SeekData)? {
            zeros(&mut hasher, data);
            // It ends before that if somebody makes it shorter meanwhile.
            let hole = next(file, data, Whence::SeekHole)?.unwrap_or(data);
            file.seek(SeekFrom::Start(data))?;
            hasher.update_reader(file.take(hole - data))?;
            if hasher.count() < hole || hole == data {
                return Ok(hasher.finalize().into());
            }
        }
        zeros(&mut hasher, file.metadata()?.len());
        Ok(hasher.finalize().into())
    }
}

/// Where the next data or the next hole of a file begins; `None` if there is none up to its end.
fn next(file: &File, at: u64, what: Whence) -> io::Result<Option<u64>> {
    match lseek(file, at.cast_signed(), what) {
        Ok(at) => Ok(Some(at.cast_unsigned())),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Hashes zeros, so that it is `end` bytes in all.
fn zeros(hasher: &mut blake3::Hasher, end: u64) {
    while hasher.count() < end {
        let count = (end - hasher.count()).min(ZEROS.len() as u64);
        hasher.update(&ZEROS[..count as usize]);
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Digest {
        Digest(*hash.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hex().iter().try_for_each(|&digit| fmt::Write::write_char(f, char::from(digit)))
    }
}

/// Shows the first four bytes, which is enough to tell blobs apart in a trace or a test.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}…")
    }
}

/// Says that a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADigest;

impl fmt::Display for NotADigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a digest is 64 lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotADigest {}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let mut digest = Digest::default();
        if text.len() != 2 * digest.0.len() {
            return Err(NotADigest);
        }
        for (byte, pair) in digest.0.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = pair.iter().try_fold(0, |high, &digit| Ok(high << 4 | nibble(digit)?))?;
        }
        Ok(digest)
    }
}

fn nibble(digit: u8) -> Result<u8, NotADigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotADigest),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// The digest of no bytes at all, from the BLAKE3 specification's test vectors.
    const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn text_and_digest_convert_both_ways() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        assert_eq!(format!("{:?}", Digest::of(b"")), "af1349b9…");
    }

    /// How many bytes this thread has read.
    fn read_so_far() -> Option<u64> {
        let told = std::fs::read_to_string("/proc/thread-self/io").ok()?;
        told.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
    }

    #[test]
    fn holes_are_hashed_without_being_read() {
        const MIB: u64 = 1 << 20;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        for (size, data) in [
            (0, &[][..]),
            (5, &[(0, 5)]),
            (3 * MIB + 7, &[]),
            (MIB, &[(0, 10)]),
            (9 * MIB, &[(4 * MIB, 70_000), (8 * MIB + 5, 3)]),
            (2 * MIB, &[(2 * MIB - 1, 1)]),
        ] {
            let file = File::create(&path).unwrap();
            file.set_len(size).unwrap();
            for &(at, count) in data {
                file.write_all_at(&vec![b'x'; count], at).unwrap();
            }
            let file = File::open(&path).unwrap();
            let before = read_so_far();
            let digest = Digest::of_file(&file).unwrap();
            let (before, after) = (before.unwrap_or_default(), read_so_far().unwrap_or_default());
            assert!(after - before < MIB / 2, "{} of {size}", after - before);
            assert_eq!(digest, Digest::of(&std::fs::read(&path).unwrap()), "{size}");
            // Wherever it has been read to.
            assert_eq!(digest, Digest::of_file(&file).unwrap(), "{size}");
        }
    }

    #[test]
    fn only_the_one_spelling_is_a_digest() {
        let odd = EMPTY.replacen('a', "é", 1);
        for text in ["", "af", &EMPTY[1..], &EMPTY.to_uppercase(), &odd, &format!("{EMPTY}0")] {
            assert_eq!(text.parse::<Digest>(), Err(NotADigest), "{text}");
        }
    }
}
