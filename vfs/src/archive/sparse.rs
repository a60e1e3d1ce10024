//! Contents with holes: which parts of a file are in the archive, and the file they make.

use std::io::{self, Read};

use super::pax::Records;

/// The most parts a file may have, and the longest it may be: what is not in the archive costs its
/// maker nothing, so that there has to be a limit.
const PARTS_MAX: usize = 1 << 20;
const SIZE_MAX: u64 = 1 << 40;

/// Where the parts of a file belong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Map {
    /// Beginning and length of each part.
    pub(super) parts: Vec<(u64, u64)>,
    /// The length of the file.
    pub(super) size: u64,
}

impl Map {
    /// Whether the parts come in order and lie in the file, and `stored` bytes hold all of them.
    pub(super) fn is_valid(&self, stored: u64) -> bool {
        let mut end = 0u64;
        let mut sum = 0u64;
        for &(start, length) in &self.parts {
            let Some(next) = start.checked_add(length) else { return false };
            if start < end || next > self.size {
                return false;
            }
            end = next;
            sum += length;
        }
        self.size <= SIZE_MAX && self.parts.len() <= PARTS_MAX && sum == stored
    }

    /// The map that is in the records themselves (GNU's formats 0.0 and 0.1).
    pub(super) fn in_records(records: &Records) -> Option<Map> {
        let size = records.number("GNU.sparse.size")?;
        let numbers: Vec<u64> = match records.get("GNU.sparse.map") {
            Some(map) => std::str::from_utf8(map)
                .ok()?
                .split(',')
                .map(|number| number.parse().ok())
                .collect::<Option<_>>()?,
            None => {
                let is_part =
                    |key: &[u8]| matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes");
                let numbers = records.0.iter().filter(|(key, _)| is_part(key));
                numbers
                    .map(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
                    .collect::<Option<_>>()?
            }
        };
        pairs(&numbers).map(|parts| Map { parts, size })
    }

    /// Reads the map from the beginning of the content (format 1.0), and returns how many bytes of
    /// it that took.
    pub(super) fn in_content(content: &mut dyn Read, size: u64) -> io::Result<(Map, u64)> {
        let mut block = [0; 512];
        let (mut at, mut blocks) = (block.len(), 0u64);
        let mut byte = || -> io::Result<u8> {
            if at == block.len() {
                content.read_exact(&mut block)?;
                (at, blocks) = (0, blocks + 1);
            }
            at += 1;
            Ok(block[at - 1])
        };
        let mut number = || -> io::Result<u64> {
            let mut value = 0u64;
            loop {
                let digit = match byte()? {
                    b'\n' => return Ok(value),
                    digit @ b'0'..=b'9' => u64::from(digit - b'0'),
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                };
                let next = value.checked_mul(10).and_then(|tens| tens.checked_add(digit));
                value = next.ok_or(io::ErrorKind::InvalidData)?;
            }
        };
        let count = number()?;
        if count > PARTS_MAX as u64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push((number()?, number()?));
        }
        Ok((Map { parts, size }, blocks * 512))
    }
}

fn pairs(numbers: &[u64]) -> Option<Vec<(u64, u64)>> {
    let pairs = numbers.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| (pair[0], pair[1])).collect())
}

/// The whole file: zeros where it has no part.
pub(super) struct Filled<'a, R> {
    stored: &'a mut R,
    parts: std::slice::Iter<'a, (u64, u64)>,
    part: (u64, u64),
    at: u64,
    size: u64,
}

impl<'a, R: Read> Filled<'a, R> {
    /// Fills the holes of what `stored` yields; `map` is valid for it.
    pub(super) fn new(stored: &'a mut R, map: &'a Map) -> Filled<'a, R> {
        let mut parts = map.parts.iter();
        let part = parts.next().copied().unwrap_or((map.size, 0));
        Filled { stored, parts, part, at: 0, size: map.size }
    }
}

impl<R: Read> Read for Filled<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.part.0 + self.part.1 && self.at < self.size {
            match self.parts.next() {
                Some(&part) => self.part = part,
                None => self.part = (self.size, 0),
            }
            if self.part.0 > self.at || self.part.1 > 0 {
                break;
            }
        }
        let (start, length) = self.part;
        let hole = self.at < start;
        let left = if hole { start - self.at } else { start + length - self.at };
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = if hole {
            buffer[..wanted].fill(0);
            wanted
        } else {
            let read = self.stored.read(&mut buffer[..wanted])?;
            if read == 0 && wanted > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read
        };
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(parts: &[(u64, u64)], size: u64) -> Vec<u8> {
        let map = Map { parts: parts.to_vec(), size };
        let stored: u64 = parts.iter().map(|part| part.1).sum();
        assert!(map.is_valid(stored), "{map:?}");
        let mut content = Vec::new();
        let mut stored = io::repeat(b'x').take(stored);
        Filled::new(&mut stored, &map).read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn holes_are_filled_with_zeros() {
        assert_eq!(fill(&[], 0), b"");
        assert_eq!(fill(&[], 3), b"\0\0\0");
        assert_eq!(fill(&[(0, 2)], 2), b"xx");
        assert_eq!(fill(&[(1, 2), (4, 1)], 6), b"\0xx\0x\0");
        assert_eq!(fill(&[(0, 1), (1, 1), (5, 0)], 5), b"xx\0\0\0");
        assert_eq!(fill(&[(2, 0), (3, 1)], 4), b"\0\0\0x");
    }

    #[test]
    fn maps_that_cannot_be_are_refused() {
        let valid = |parts: &[(u64, u64)], size, stored| {
            Map { parts: parts.to_vec(), size }.is_valid(stored)
        };
        assert!(!valid(&[(0, 3)], 2, 3), "beyond the end");
        assert!(!valid(&[(5, 1), (0, 1)], 9, 2), "out of order");
        assert!(!valid(&[(0, 2), (1, 2)], 9, 4), "overlapping");
        assert!(!valid(&[(u64::MAX, 2)], u64::MAX, 2), "overflowing");
        assert!(!valid(&[(0, 2)], 2, 3), "more stored than told");
        assert!(!valid(&[], 1 << 62, 0), "longer than anybody can read");
    }

    #[test]
    fn a_map_may_be_in_front_of_the_content() {
        let mut bytes = b"2\n0\n10\n4096\n5\n".to_vec();
        bytes.resize(512, 0);
        bytes.extend(b"content");
        let mut rest = &bytes[..];
        let (map, taken) = Map::in_content(&mut rest, 5000).unwrap();
        assert_eq!((map.parts, taken, rest), (vec![(0, 10), (4096, 5)], 512, &b"content"[..]));
        for bad in [&b"x\n"[..], b"99999999999999999999999\n", b"9999999999\n", b"1\n0\n"] {
            assert!(Map::in_content(&mut &bad[..], 1).is_err());
        }
    }
}
