//! The header and the byte order: everything of the format that is not a record.
//!
//! Sections follow each other without gaps in the order of [`Section`]. The header states where
//! each one is, and a reader of this version accepts exactly the layout that its writer makes.

use std::ops::Range;
use std::path::Path;

use vrift_cas::Digest;

use super::bytes::CHUNK;
use super::{Error, index};

/// The first bytes of every manifest: not text, and changed by anything that rewrites line ends.
const MAGIC: [u8; 8] = *b"\x89VRIFT\r\n";
/// The version this program writes and reads.
const VERSION: u32 = 2;
/// The size of the header, its checksum included.
pub(super) const HEADER_SIZE: usize = 256;
/// How much of the header its checksum covers.
pub(super) const HEADER_COVERED: usize = HEADER_SIZE - 32;
/// The size of a node's record.
pub(super) const NODE_SIZE: usize = 128;
/// The size of a directory entry's record.
pub(super) const DENTRY_SIZE: usize = 24;
/// The size of a slot of the hash index.
pub(super) const SLOT_SIZE: usize = 8;
/// The size of the record of a set of extended attributes.
pub(super) const SET_SIZE: usize = 8;
/// The size of the record of one extended attribute.
pub(super) const XATTR_SIZE: usize = 24;

/// The size of a digest.
pub(super) const DIGEST_SIZE: usize = 32;
/// The size of a word of the filter.
pub(super) const WORD_SIZE: usize = 8;

/// A part of the file after the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// The digests of the chunks of all that follows.
    Checksums,
    /// One record per node.
    Nodes,
    /// One record per name, by directory, then by name.
    Dentries,
    /// The hash table from (directory, name) to dentry.
    Names,
    /// The hash table from path to dentry.
    Paths,
    /// The Bloom filter in front of both tables.
    Filter,
    /// One record per different set of extended attributes.
    Sets,
    /// One record per extended attribute, by set, then by name.
    Xattrs,
    /// Names, then paths of directories, then symlink targets, then names and values of extended
    /// attributes.
    Strings,
}

/// How many sections there are.
pub(super) const SECTIONS: usize = Section::Strings as usize + 1;

/// The decoded header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The number of nodes.
    pub(super) nodes: u32,
    /// The number of directory entries.
    pub(super) dentries: u32,
    /// Where each section starts, in their order, and where the last one ends.
    bounds: [u64; SECTIONS + 1],
    /// The digest of the table of checksums.
    pub(super) checksums: Digest,
}

impl Header {
    /// The header of a file with sections of these lengths, unless it is longer than all files.
    pub(super) fn new(
        nodes: u32,
        dentries: u32,
        lengths: [u64; SECTIONS],
        checksums: Digest,
    ) -> Option<Header> {
        let mut bounds = [HEADER_SIZE as u64; SECTIONS + 1];
        for (at, length) in lengths.into_iter().enumerate() {
            bounds[at + 1] = bounds[at].checked_add(length)?;
        }
        i64::try_from(bounds[SECTIONS]).ok()?;
        Some(Header { nodes, dentries, bounds, checksums })
    }

    /// Where a section is. All bounds were checked against the file's length.
    #[inline]
    pub(super) fn extent(&self, section: Section) -> Range<usize> {
        let at = section as usize;
        self.bounds[at] as usize..self.bounds[at + 1] as usize
    }

    /// Writes the header, and returns it with the manifest's id.
    pub(super) fn encode(&self) -> ([u8; HEADER_SIZE], Digest) {
        let mut out = Vec::with_capacity(HEADER_SIZE);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        out.extend(self.bounds[SECTIONS].to_le_bytes());
        out.extend(u64::from(self.nodes).to_le_bytes());
        out.extend(u64::from(self.dentries).to_le_bytes());
        for pair in self.bounds.windows(2) {
            out.extend(pair[0].to_le_bytes());
            out.extend((pair[1] - pair[0]).to_le_bytes());
        }
        out.extend(self.checksums.0);
        out.resize(HEADER_COVERED, 0);
        let id = Digest::of(&out);
        let mut header = [0; HEADER_SIZE];
        header[..HEADER_COVERED].copy_from_slice(&out);
        header[HEADER_COVERED..].copy_from_slice(&id.0);
        (header, id)
    }

    /// Reads and checks the header of the file whose bytes are `file`; returns it with the id.
    pub(super) fn parse(file: &[u8], path: &Path) -> Result<(Header, Digest), Error> {
        let damaged = |what| Error::Damaged { path: path.to_owned(), what };
        if !file.starts_with(&MAGIC) {
            return Err(Error::NotAManifest { path: path.to_owned() });
        }
        let mut fields = Fields(&file[MAGIC.len()..]);
        let found = fields.u32().ok_or_else(|| damaged("the header is cut off"))?;
        if found != VERSION {
            return Err(Error::Version { path: path.to_owned(), found, known: VERSION });
        }
        let Some((header, _)) = file.split_first_chunk::<HEADER_SIZE>() else {
            return Err(damaged("the header is cut off"));
        };
        let (covered, stored) = header.split_at(HEADER_COVERED);
        let id = Digest::of(covered);
        if id.0 != stored {
            return Err(damaged("the header checksum does not match"));
        }
        let header = fields.header().ok_or_else(|| damaged("the header is not valid"))?;
        // Encoding again compares every offset, the flags and the reserved bytes at once.
        if header.encode().1 != id {
            return Err(damaged("the section table is not valid"));
        }
        if header.bounds[SECTIONS] != file.len() as u64 {
            return Err(damaged("the file does not have the length it should have"));
        }
        Ok((header, id))
    }

    /// Whether the sections have the lengths that follow from the counts.
    fn is_consistent(&self) -> bool {
        let length = |section: Section| {
            let at = section as usize;
            self.bounds[at + 1] - self.bounds[at]
        };
        let (nodes, dentries) = (u64::from(self.nodes), u64::from(self.dentries));
        let slots = index::slots_for(self.dentries) * SLOT_SIZE as u64;
        let chunks = (self.bounds[SECTIONS] - self.bounds[1]).div_ceil(CHUNK as u64);
        nodes > 0
            && length(Section::Checksums) == chunks * DIGEST_SIZE as u64
            && length(Section::Nodes) == nodes * NODE_SIZE as u64
            && length(Section::Dentries) == dentries * DENTRY_SIZE as u64
            && length(Section::Names) == slots
            && length(Section::Paths) == slots
            && length(Section::Filter) == index::words_for(self.dentries) * WORD_SIZE as u64
            && length(Section::Sets).is_multiple_of(SET_SIZE as u64)
            && length(Section::Xattrs).is_multiple_of(XATTR_SIZE as u64)
    }
}

/// Takes little-endian fields from the front of some bytes; `None` when they are used up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    #[inline]
    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes().map(u8::from_le_bytes)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.bytes().map(i64::from_le_bytes)
    }

    /// The header's fields after the version.
    fn header(&mut self) -> Option<Header> {
        let _flags = self.u32()?;
        let _file_length = self.u64()?;
        let nodes = u32::try_from(self.u64()?).ok()?;
        let dentries = u32::try_from(self.u64()?).ok()?;
        let mut lengths = [0; SECTIONS];
        for length in &mut lengths {
            let _offset = self.u64()?;
            *length = self.u64()?;
        }
        let header = Header::new(nodes, dentries, lengths, Digest(self.bytes()?))?;
        header.is_consistent().then_some(header)
    }
}
