//! The two hash tables, from a name in a directory and from a path to the dentry, and the Bloom
//! filter in front of them.
//!
//! A table uses open addressing with linear probing over a power of two of slots, at least twice as
//! many as dentries. A slot is the upper half of the hash and the dentry's number plus one; zero is
//! an empty slot. Dentries are entered in ascending order, so that the table follows from them.
//!
//! The filter says of most names and paths that do not exist that they do not, with one load from
//! a table that is a fraction of the others' size. All bits of a key are in one word.

use super::format::{Fields, SLOT_SIZE, Section, WORD_SIZE};
use super::{Error, Manifest};

/// Paths are hashed as names in this directory, which cannot exist.
const PATHS: u32 = u32::MAX;

/// How many slots an index of `dentries` has.
pub(super) fn slots_for(dentries: u32) -> u64 {
    (2 * u64::from(dentries)).next_power_of_two()
}

/// How many words the filter for the names and paths of `dentries` has.
pub(super) fn words_for(dentries: u32) -> u64 {
    u64::from(dentries / 2).next_power_of_two()
}

/// The hash of a path.
pub(super) fn path_hash(path: &[u8]) -> u64 {
    hash(PATHS, path)
}

/// The hash of a name in a directory.
///
/// Each step multiplies by an odd constant and folds the upper bits down, twice, which moves every
/// input bit to every output bit; names are short, so the steps per name are few. It is no defence
/// against names made to collide: those cost their own directory's lookups time, and nothing else.
#[inline]
pub(super) fn hash(parent: u32, name: &[u8]) -> u64 {
    let start = mix(u64::from(parent) << 32 | name.len() as u64);
    let (words, rest) = name.as_chunks::<8>();
    let state = words.iter().fold(start, |state, &word| mix(state ^ u64::from_le_bytes(word)));
    if rest.is_empty() {
        return state;
    }
    // Byte by byte, the last one first: copying a few bytes costs a call.
    let last = rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(state ^ last)
}

#[inline]
fn mix(mut word: u64) -> u64 {
    const ODD: u64 = 0xd6e8_feb8_6659_fd93;
    for _ in 0..2 {
        word ^= word >> 32;
        word = word.wrapping_mul(ODD);
    }
    word ^ word >> 32
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The four bits that a key has in its word of the filter.
#[inline]
fn bits(hash: u64) -> u64 {
    1 << (hash >> 40 & 63) | 1 << (hash >> 46 & 63) | 1 << (hash >> 52 & 63) | 1 << (hash >> 58)
}

/// Builds the filter for the names and paths of `dentries` with these hashes.
pub(super) fn build_filter(dentries: u32, hashes: impl IntoIterator<Item = u64>) -> Vec<u8> {
    // Words fit the memory they are built in.
    let mut words = vec![0; words_for(dentries) as usize];
    for hash in hashes {
        let at = hash as usize & (words.len() - 1);
        words[at] |= bits(hash);
    }
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// Builds the table for `dentries`, of which these have these hashes, in ascending order.
pub(super) fn build(dentries: u32, hashes: impl IntoIterator<Item = (u32, u64)>) -> Vec<u8> {
    // The builder limits dentries to what a u32 counts, and slots fit the memory they are built in.
    let slots = slots_for(dentries) as usize;
    let mut table = vec![[0; SLOT_SIZE]; slots];
    for (dentry, hash) in hashes {
        let number = dentry + 1;
        let mut at = hash as usize & (slots - 1);
        while table[at] != [0; SLOT_SIZE] {
            at = (at + 1) & (slots - 1);
        }
        table[at][..4].copy_from_slice(&tag(hash).to_le_bytes());
        table[at][4..].copy_from_slice(&number.to_le_bytes());
    }
    table.into_flattened()
}

impl Manifest {
    /// Whether the filter leaves it open that something has this hash.
    pub(super) fn may_have(&self, hash: u64) -> Result<bool, Error> {
        let words = words_for(self.header.dentries);
        // Not beyond what a usize counts: the words are in memory.
        let word = self.record::<WORD_SIZE>(Section::Filter, hash & (words - 1))?;
        let bits = bits(hash);
        Ok(u64::from_le_bytes(*word) & bits == bits)
    }

    /// The dentries that may have this hash in a table: those in its run with its tag. Ends at the
    /// first empty slot, or when the whole table was seen.
    pub(super) fn candidates(
        &self,
        table: Section,
        hash: u64,
    ) -> impl Iterator<Item = Result<u32, Error>> {
        let slots = slots_for(self.header.dentries);
        let run = (0..slots).map_while(move |step| {
            match self.record::<SLOT_SIZE>(table, hash.wrapping_add(step) & (slots - 1)) {
                Ok(slot) => {
                    let mut fields = Fields(slot);
                    let (tag, number) = (fields.u32()?, fields.u32()?);
                    Some(Ok((tag, number.checked_sub(1)?)))
                }
                Err(error) => Some(Err(error)),
            }
        });
        run.filter_map(move |slot| match slot {
            Ok((found, dentry)) => (found == tag(hash)).then_some(Ok(dentry)),
            Err(error) => Some(Err(error)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Builder, Kind, Node, NodeId, seal};
    use super::*;

    #[test]
    fn the_hash_is_part_of_the_format() {
        // Changing the function makes every manifest unreadable; these values may never change.
        assert_eq!(hash(0, b"a"), 0x4988_298b_8a06_5982);
        assert_eq!(hash(7, b"nine byte"), 0x6fdc_a7d3_5a3e_9e6b);
        assert_eq!(path_hash(b"a/b"), 0x7ffb_1efd_5e54_3cb3);
        assert_eq!(bits(0x7ffb_1efd_5e54_3cb3), 0x8000_1000_c000_0000);
    }

    #[test]
    fn searches_in_full_tables_end() {
        let mut builder = Builder::new(Node { kind: Kind::Directory, ..Node::default() });
        for name in [&b"a"[..], b"b", b"c"] {
            let draft = builder.add(Node::default());
            builder.add_name(builder.root(), name, draft);
        }
        let (mut bytes, _) = builder.encode().unwrap();
        let header = open(&bytes).header.clone();
        let tables = header.extent(Section::Names).start..header.extent(Section::Filter).end;
        bytes[tables].fill(0xff);
        seal(&mut bytes);
        let manifest = open(&bytes);
        assert_eq!(manifest.candidates(Section::Names, u64::MAX).count(), 8);
        assert!(matches!(manifest.find(b"a"), Ok(None)));
        // As many in one run as the table has slots: the right one is among them.
        let number = 2u64 << 32;
        let start = header.extent(Section::Names).start;
        for slot in bytes[start..][..64].chunks_exact_mut(SLOT_SIZE) {
            slot.copy_from_slice(&(number | hash(0, b"b") >> 32).to_le_bytes());
        }
        seal(&mut bytes);
        let manifest = open(&bytes);
        assert_eq!(manifest.lookup(NodeId::ROOT, b"b").unwrap(), Some(NodeId(2)));
        assert_eq!(manifest.lookup(NodeId::ROOT, b"a").unwrap(), None);
    }

    fn open(bytes: &[u8]) -> Manifest {
        Manifest::from_bytes(bytes.to_vec(), Path::new("m")).unwrap()
    }

    #[test]
    fn similar_names_spread() {
        let names = (0..4096u32).map(|i| format!("file{i:04}.o"));
        let table = build(4096, (0..).zip(names.map(|n| hash(3, n.as_bytes()))));
        let (slots, _) = table.as_chunks::<SLOT_SIZE>();
        let runs = slots.split(|slot| *slot == [0; SLOT_SIZE]);
        assert!(runs.map(<[_]>::len).max() < Some(40));
    }

    #[test]
    fn the_filter_holds_all_and_little_else() {
        for count in [0u32, 1, 2, 3, 100, 5000] {
            let hashes = |from: u32| (from..from + 2 * count).map(|i| hash(9, &i.to_le_bytes()));
            let filter = build_filter(count, hashes(0));
            let (words, _) = filter.as_chunks::<WORD_SIZE>();
            assert_eq!(words.len() as u64, words_for(count));
            let has = |hash: u64| {
                let word = u64::from_le_bytes(words[hash as usize & (words.len() - 1)]);
                word & bits(hash) == bits(hash)
            };
            assert!(hashes(0).all(has));
            assert!(hashes(1 << 20).filter(|&hash| has(hash)).count() <= count as usize / 10);
        }
    }
}
