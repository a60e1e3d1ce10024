//! The bytes of a manifest, each checked before its first use.
//!
//! What follows the table of checksums is divided into chunks of [`CHUNK`] bytes. A chunk is hashed
//! when something in it is asked for the first time; a bit remembers that its digest was right. So
//! opening a file of any size costs the same, damage is found by whoever would have believed it,
//! and what was found right once costs one load more.
//!
//! **Invariant:** no byte after the table leaves this file unless its chunk was hashed.
//!
//! A file of at most [`READ_MAX`] bytes is read into memory and checked at once. A larger one is
//! mapped: somebody who may write to it can cut it off while it is mapped, and the next touch of
//! what is gone is a SIGBUS, which ends vrift. Writers of manifests never do that.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use vrift_cas::{Digest, Mapped, map_file};

use super::Error;
use super::format::{DIGEST_SIZE, Header, Section};

/// The size of a chunk: its hashing takes a few microseconds, and the checksums of a thousand
/// chunks are two of them.
pub(super) const CHUNK: usize = 16 * 1024;
/// Files up to this size are read and checked as a whole when they are opened: it takes less than a
/// millisecond and covers trees of a few thousand names.
pub(super) const READ_MAX: u64 = 1 << 20;

/// Why some bytes are not handed out, in words.
pub(super) type Refusal = &'static str;

/// The bytes of a manifest whose header and table of checksums are right.
#[derive(Debug)]
pub(super) struct Bytes {
    source: Source,
    /// Where the table of checksums is.
    table: Range<usize>,
    /// One bit per chunk: whether it was found to be right.
    right: Box<[AtomicU64]>,
}

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Source {
    Memory(Vec<u8>),
    Mapped(Mapped),
}

impl Source {
    /// Reads or maps `file`, whose length is `length`.
    pub(super) fn of(file: &File, length: u64) -> io::Result<Source> {
        if length > READ_MAX {
            return map_file(file).map(Source::Mapped);
        }
        let mut bytes = Vec::new();
        // If it grows meanwhile, one byte too many makes the length wrong.
        file.take(READ_MAX + 1).read_to_end(&mut bytes)?;
        Ok(Source::Memory(bytes))
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Source::Memory(bytes) => bytes,
            Source::Mapped(map) => map,
        }
    }
}

impl Bytes {
    /// Checks header and checksums, and everything else if the bytes are in memory. Returns the
    /// header and the manifest's id as well.
    pub(super) fn check(source: Source, path: &Path) -> Result<(Bytes, Header, Digest), Error> {
        let damaged = |what| Error::Damaged { path: path.to_owned(), what };
        let (header, id) = Header::parse(source.bytes(), path)?;
        let table = header.extent(Section::Checksums);
        if Digest::of(source.bytes().get(table.clone()).unwrap_or_default()) != header.checksums {
            return Err(damaged("the table of checksums is not the one that was written"));
        }
        let chunks = table.len() / DIGEST_SIZE;
        let right = (0..chunks.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let bytes = Bytes { source, table, right };
        if let Source::Memory(_) = bytes.source {
            bytes.check_all().map_err(damaged)?;
        }
        Ok((bytes, header, id))
    }

    /// The bytes in `range`, which is counted from the start of the file.
    #[inline]
    pub(super) fn get(&self, range: Range<usize>) -> Result<&[u8], Refusal> {
        let found = self.all().get(range.clone()).ok_or("a record reaches beyond the file")?;
        if let Some(start) = range.start.checked_sub(self.table.end)
            && !found.is_empty()
        {
            let last = (range.end - 1 - self.table.end) / CHUNK;
            for chunk in start / CHUNK..=last {
                self.check_chunk(chunk)?;
            }
        }
        Ok(found)
    }

    /// All bytes, checked or not.
    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        self.source.bytes()
    }

    /// Checks all chunks, whether that was done before or not.
    pub(super) fn check_all(&self) -> Result<(), Refusal> {
        (0..self.table.len() / DIGEST_SIZE).try_for_each(|chunk| self.hash_chunk(chunk))
    }

    /// Checks the chunks of which nothing was asked for yet.
    pub(super) fn check_rest(&self) -> Result<(), Refusal> {
        (0..self.table.len() / DIGEST_SIZE).try_for_each(|chunk| self.check_chunk(chunk))
    }

    #[inline]
    fn check_chunk(&self, chunk: usize) -> Result<(), Refusal> {
        // The bits guard no other memory, so their order does not matter; at worst, two threads
        // hash the same chunk.
        match self.right.get(chunk / 64) {
            Some(word) if word.load(Ordering::Relaxed) >> (chunk % 64) & 1 != 0 => Ok(()),
            _ => self.hash_chunk(chunk),
        }
    }

    #[cold]
    fn hash_chunk(&self, chunk: usize) -> Result<(), Refusal> {
        let body = self.all().get(self.table.end..).unwrap_or_default();
        let table = self.all().get(self.table.clone()).unwrap_or_default();
        let (digests, _) = table.as_chunks::<DIGEST_SIZE>();
        match (body.chunks(CHUNK).nth(chunk), digests.get(chunk)) {
            (Some(bytes), Some(digest)) if Digest::of(bytes).0 == *digest => {
                if let Some(word) = self.right.get(chunk / 64) {
                    word.fetch_or(1 << (chunk % 64), Ordering::Relaxed);
                }
                Ok(())
            }
            _ => Err("a checksum does not match"),
        }
    }
}

/// The table of checksums of a body.
pub(super) fn checksums(body: &[u8]) -> Vec<u8> {
    body.chunks(CHUNK).flat_map(|chunk| Digest::of(chunk).0).collect()
}

/// Makes the checksums right again, as somebody would who forges a manifest.
#[cfg(any(test, fuzzing))]
pub fn seal(file: &mut [u8]) {
    use super::format::{HEADER_COVERED, HEADER_SIZE};
    let length = |field: &[u8]| field.first_chunk().map_or(0, |field| u64::from_le_bytes(*field));
    let Some((header, rest)) = file.split_first_chunk_mut::<HEADER_SIZE>() else { return };
    let table = (length(&header[48..]) as usize).min(rest.len());
    let (table, body) = rest.split_at_mut(table);
    let sums = checksums(body);
    let copied = sums.len().min(table.len());
    table[..copied].copy_from_slice(&sums[..copied]);
    header[184..216].copy_from_slice(&Digest::of(table).0);
    let (covered, id) = header.split_at_mut(HEADER_COVERED);
    id.copy_from_slice(&Digest::of(covered).0);
}
