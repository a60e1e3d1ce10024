//! Reading an archive member by member.

use std::io::{self, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader, Header};

use super::Error;
use super::member::{Layout, LongNames, Member, number, until_zero};
use super::pax::Records;
use super::sparse::Map;

const BLOCK: usize = 512;

/// The longest extended header or long name that is taken into memory: 256 extended attributes of
/// the greatest length.
const EXTENDED_MAX: u64 = 16 << 20;

/// Compressed archives, told by their first bytes.
const COMPRESSED: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip -dc"),
    (b"BZh", "bzip2 -dc"),
    (b"\xfd7zXZ\0", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd -dc"),
    (b"\x04\x22\x4d\x18", "lz4 -dc"),
];

/// An archive being read.
pub(super) struct Archive<R> {
    input: R,
    /// How many bytes were read.
    at: u64,
    /// What is left of the member's content.
    left: u64,
    /// What fills up the last block of it.
    padding: u64,
    global: Records,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(input: R) -> Archive<R> {
        Archive { input, at: 0, left: 0, padding: 0, global: Records::default() }
    }

    /// The next member, after skipping what was not read of the one before; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Error> {
        self.skip()?;
        let mut names = LongNames::default();
        let mut records = self.global.clone();
        loop {
            let begin = self.at;
            let damaged = |what| Error::Damaged { at: begin, what };
            let Some(header) = self.header()? else { return Ok(None) };
            match header.entry_type() {
                EntryType::XHeader => {
                    let bytes = self.extended(&header)?;
                    let local = Records::parse(&bytes);
                    records.0.extend(local.ok_or(damaged("its extended header has no records"))?.0);
                }
                EntryType::XGlobalHeader => {
                    let bytes = self.extended(&header)?;
                    let global = Records::parse(&bytes);
                    let global = global.ok_or(damaged("its global header has no records"))?.0;
                    self.global.0.extend(global.iter().cloned());
                    records.0.extend(global);
                }
                EntryType::GNULongName => {
                    names.path = Some(until_zero(&self.extended(&header)?).to_vec());
                }
                EntryType::GNULongLink => {
                    names.link = Some(until_zero(&self.extended(&header)?).to_vec());
                }
                _ => {
                    let member = Member::new(&header, names, &records);
                    let mut member = member.ok_or(damaged("a field of its header is no number"))?;
                    if let Layout::Holes(map) = &mut member.layout
                        && header.entry_type() == EntryType::GNUSparse
                    {
                        map.parts = self.parts(&header)?;
                    }
                    self.expect(member.stored);
                    return self.map_in_front(member).map(Some);
                }
            }
        }
    }

    /// Reads the map of a sparse file that is in front of its content.
    fn map_in_front(&mut self, mut member: Member) -> Result<Member, Error> {
        if let Layout::HolesInFront(size) = member.layout {
            let map = Map::in_content(&mut Content(self), size);
            member.layout = match map {
                Ok((map, taken)) => {
                    member.stored -= taken;
                    Layout::Holes(map)
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Layout::Unknown,
                Err(source) => return Err(Error::Read { source }),
            };
        }
        if let Layout::Holes(map) = &member.layout
            && !map.is_valid(member.stored)
        {
            member.layout = Layout::Unknown;
        }
        Ok(member)
    }

    /// The content of the member that was returned last.
    pub(super) fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    /// Reads a header block; `None` at the end of the archive, with or without the blocks of zeros
    /// that belong there.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        let mut header = Header::new_old();
        let begin = self.at;
        let damaged = |what| Error::Damaged { at: begin, what };
        match self.block(header.as_mut_bytes())? {
            0 if begin > 0 => return Ok(None),
            BLOCK => {}
            _ => return Err(damaged("it ends within a block")),
        }
        let bytes = header.as_bytes();
        if bytes.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        if begin == 0
            && let Some((_, with)) = COMPRESSED.iter().find(|(m, _)| bytes.starts_with(m))
        {
            return Err(Error::Compressed { with });
        }
        let sum: i64 = bytes[..148].iter().chain(&bytes[156..]).map(|&byte| i64::from(byte)).sum();
        match number(&header.as_old().cksum) {
            // The field itself counts as spaces.
            Some(wanted) if wanted == sum + 8 * 32 => Ok(Some(header)),
            _ => Err(damaged("the checksum of a header is wrong")),
        }
    }

    /// Fills a block as far as there is something.
    fn block(&mut self, block: &mut [u8]) -> Result<usize, Error> {
        let mut length = 0;
        while length < block.len() {
            match self.input.read(&mut block[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Read { source }),
            }
        }
        self.at += length as u64;
        Ok(length)
    }

    /// The content of a header that speaks of the next member.
    fn extended(&mut self, header: &Header) -> Result<Vec<u8>, Error> {
        let at = self.at;
        let size = number(&header.as_old().size).and_then(|size| u64::try_from(size).ok());
        let size = size.filter(|&size| size <= EXTENDED_MAX);
        let size = size.ok_or(Error::Damaged { at, what: "an extended header is too long" })?;
        self.expect(size);
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes).map_err(|source| Error::Read { source })?;
        self.skip()?;
        Ok(bytes)
    }

    /// The map of a sparse file in GNU's own format: four parts in the header, and 21 in each of
    /// the blocks that may follow it.
    fn parts(&mut self, header: &Header) -> Result<Vec<(u64, u64)>, Error> {
        let at = self.at;
        let damaged = || Error::Damaged { at, what: "the map of a sparse file is not valid" };
        let gnu = header.as_gnu().ok_or_else(damaged)?;
        let mut parts = Vec::new();
        let mut add = |fields: &[GnuSparseHeader]| {
            fields.iter().filter(|part| !part.is_empty()).try_for_each(|part| {
                let number = |field| u64::try_from(number(field)?).ok();
                parts.push((number(&part.offset)?, number(&part.numbytes)?));
                Some(())
            })
        };
        add(&gnu.sparse).ok_or_else(damaged)?;
        let mut extended = gnu.is_extended();
        while extended {
            let mut block = GnuExtSparseHeader::new();
            if self.block(block.as_mut_bytes())? < BLOCK {
                return Err(damaged());
            }
            add(block.sparse()).ok_or_else(damaged)?;
            extended = block.is_extended();
        }
        Ok(parts)
    }

    fn expect(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn skip(&mut self) -> Result<(), Error> {
        let rest = self.left.saturating_add(self.padding);
        let skipped = io::copy(&mut (&mut self.input).take(rest), &mut io::sink());
        let skipped = skipped.map_err(|source| Error::Read { source })?;
        self.at += skipped;
        // An archive that ends with its last content, without padding, is whole enough.
        if skipped < self.left {
            return Err(Error::Damaged { at: self.at, what: "it ends within a member" });
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }
}

/// The content of a member, as it is stored.
pub(super) struct Content<'a, R>(&'a mut Archive<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let archive = &mut *self.0;
        let wanted = usize::try_from(archive.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = archive.input.read(&mut buffer[..wanted])?;
        if read == 0 && wanted > 0 {
            let what = "the archive ends within a member";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        archive.left -= read as u64;
        archive.at += read as u64;
        Ok(read)
    }
}
