//! The header and the byte order: everything of the format that is not a record.
//!
//! Sections follow each other without gaps in the order of [`Section`]; their sizes follow from
//! the counts. The header states them all the same, so that a later version may add sections and
//! say so, and a reader of this version accepts exactly the layout that its writer makes.

use std::ops::Range;
use std::path::Path;

use vrift_cas::Digest;

use super::Error;

/// The first bytes of every manifest: not text, and changed by anything that rewrites line ends.
const MAGIC: [u8; 8] = *b"\x89VRIFT\r\n";
/// The version this program writes and reads.
const VERSION: u32 = 1;
/// The size of the header, its checksum included.
pub(super) const HEADER_SIZE: usize = 192;
/// How much of the header its checksum covers.
const HEADER_COVERED: usize = HEADER_SIZE - 32;
/// The size of a node's record.
pub(super) const NODE_SIZE: usize = 128;
/// The size of a directory entry's record.
pub(super) const DENTRY_SIZE: usize = 24;
/// The size of a slot of the hash index.
pub(super) const SLOT_SIZE: usize = 8;

/// A part of the file after the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// One record per node.
    Nodes,
    /// One record per name, by directory, then by name.
    Dentries,
    /// The hash table from (directory, name) to dentry.
    Index,
    /// Names, then symlink targets.
    Strings,
}

/// The decoded header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The number of nodes.
    pub(super) nodes: u32,
    /// The number of directory entries.
    pub(super) dentries: u32,
    /// The number of slots of the index, a power of two.
    pub(super) slots: u64,
    /// The size of the strings section.
    pub(super) strings: u64,
    /// The digest of everything after the header.
    pub(super) body: Digest,
    /// The digest of the header.
    pub(super) id: Digest,
}

impl Header {
    /// Where a section is. All ends were checked against the file's length by [`Header::parse`].
    pub(super) fn extent(&self, section: Section) -> Range<usize> {
        let ends = self.ends().unwrap_or_default();
        let start = |end: u64| usize::try_from(end).unwrap_or(usize::MAX);
        match section {
            Section::Nodes => HEADER_SIZE..start(ends[0]),
            Section::Dentries => start(ends[0])..start(ends[1]),
            Section::Index => start(ends[1])..start(ends[2]),
            Section::Strings => start(ends[2])..start(ends[3]),
        }
    }

    /// The end of each section, unless that is beyond all files.
    fn ends(&self) -> Option<[u64; 4]> {
        let nodes = HEADER_SIZE as u64 + u64::from(self.nodes) * NODE_SIZE as u64;
        let dentries = nodes + u64::from(self.dentries) * DENTRY_SIZE as u64;
        let index = dentries.checked_add(self.slots.checked_mul(SLOT_SIZE as u64)?)?;
        Some([nodes, dentries, index, index.checked_add(self.strings)?])
    }

    /// Writes the header for a body with this digest, and returns it with the manifest's id.
    pub(super) fn encode(&self) -> ([u8; HEADER_SIZE], Digest) {
        let ends = self.ends().unwrap_or_default();
        let mut out = Vec::with_capacity(HEADER_SIZE);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        out.extend(ends[3].to_le_bytes());
        out.extend(u64::from(self.nodes).to_le_bytes());
        out.extend(u64::from(self.dentries).to_le_bytes());
        let mut start = HEADER_SIZE as u64;
        for end in ends {
            out.extend(start.to_le_bytes());
            out.extend((end - start).to_le_bytes());
            start = end;
        }
        out.extend(self.body.0);
        out.resize(HEADER_COVERED, 0);
        let id = Digest::of(&out);
        let mut header = [0; HEADER_SIZE];
        header[..HEADER_COVERED].copy_from_slice(&out);
        header[HEADER_COVERED..].copy_from_slice(&id.0);
        (header, id)
    }

    /// Reads and checks the header of the file whose bytes are `file`.
    pub(super) fn parse(file: &[u8], path: &Path) -> Result<Header, Error> {
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
        let header = fields.header(id).ok_or_else(|| damaged("the header is not valid"))?;
        // Encoding again compares every offset, the flags and the reserved bytes at once.
        if header.encode().1 != id {
            return Err(damaged("the section table is not valid"));
        }
        if header.ends().map(|ends| ends[3]) != Some(file.len() as u64) {
            return Err(damaged("the file does not have the length it should have"));
        }
        Ok(header)
    }
}

/// Takes little-endian fields from the front of some bytes; `None` when they are used up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.bytes().map(i64::from_le_bytes)
    }

    /// The header's fields after the version.
    fn header(&mut self, id: Digest) -> Option<Header> {
        let _flags = self.u32()?;
        let _file_length = self.u64()?;
        let nodes = u32::try_from(self.u64()?).ok()?;
        let dentries = u32::try_from(self.u64()?).ok()?;
        let mut lengths = [0; 4];
        for length in &mut lengths {
            let _offset = self.u64()?;
            *length = self.u64()?;
        }
        let [_, _, index, strings] = lengths;
        let slots = index / SLOT_SIZE as u64;
        let body = Digest(self.bytes()?);
        let header = Header { nodes, dentries, slots, strings, body, id };
        header.ends()?;
        let valid = nodes > 0 && slots == super::index::slots_for(dentries);
        valid.then_some(header)
    }
}
