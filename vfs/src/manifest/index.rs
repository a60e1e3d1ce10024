//! The hash index: from a directory and a name to the dentry, in constant time.
//!
//! Open addressing with linear probing over a power of two of slots, at least twice as many as
//! dentries. A slot is the upper half of the hash and the dentry's number plus one; zero is an
//! empty slot. Dentries are entered in ascending order, so that the table follows from them.

use super::format::{Fields, SLOT_SIZE};

/// How many slots an index of `dentries` has.
pub(super) fn slots_for(dentries: u32) -> u64 {
    (2 * u64::from(dentries)).next_power_of_two()
}

/// The hash of a name in a directory.
///
/// Each step multiplies by an odd constant and folds the upper bits down, twice, which moves every
/// input bit to every output bit; names are short, so the steps per name are few. It is no defence
/// against names made to collide: those cost their own directory's lookups time, and nothing else.
pub(super) fn hash(parent: u32, name: &[u8]) -> u64 {
    let start = mix(u64::from(parent) << 32 | name.len() as u64);
    name.chunks(8).fold(start, |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(state ^ u64::from_le_bytes(word))
    })
}

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

/// Builds the table for dentries with these hashes, in their order.
pub(super) fn build(hashes: &[u64]) -> Vec<u8> {
    // The builder limits dentries to what a u32 counts, and slots fit the memory they are built in.
    let slots = slots_for(hashes.len() as u32) as usize;
    let mut table = vec![[0; SLOT_SIZE]; slots];
    for (number, &hash) in (1u32..).zip(hashes) {
        let mut at = hash as usize & (slots - 1);
        while table[at] != [0; SLOT_SIZE] {
            at = (at + 1) & (slots - 1);
        }
        table[at][..4].copy_from_slice(&tag(hash).to_le_bytes());
        table[at][4..].copy_from_slice(&number.to_le_bytes());
    }
    table.into_flattened()
}

/// The dentries that may have this hash: those in its run with its tag. Ends at the first empty
/// slot, or when the whole table was seen.
pub(super) fn candidates(table: &[u8], hash: u64) -> impl Iterator<Item = u32> {
    let (slots, _) = table.as_chunks::<SLOT_SIZE>();
    let home = hash as usize & slots.len().saturating_sub(1);
    let (before, from_home) = slots.split_at_checked(home).unwrap_or_default();
    let run = from_home.iter().chain(before).map_while(|slot| {
        let mut fields = Fields(slot);
        let (tag, number) = (fields.u32()?, fields.u32()?);
        Some((tag, number.checked_sub(1)?))
    });
    run.filter_map(move |(found, dentry)| (found == tag(hash)).then_some(dentry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_part_of_the_format() {
        // Changing the function makes every manifest unreadable; these values may never change.
        assert_eq!(hash(0, b"a"), 0x4988_298b_8a06_5982);
        assert_eq!(hash(7, b"nine byte"), 0x6fdc_a7d3_5a3e_9e6b);
    }

    #[test]
    fn every_dentry_is_a_candidate_for_its_hash() {
        for count in [0u32, 1, 2, 3, 100, 1000] {
            let hashes: Vec<_> = (0..count).map(|i| hash(i / 10, &i.to_le_bytes())).collect();
            let table = build(&hashes);
            assert_eq!(table.len() as u64, slots_for(count) * SLOT_SIZE as u64);
            for (dentry, &hash) in (0..).zip(&hashes) {
                assert!(candidates(&table, hash).any(|candidate| candidate == dentry));
            }
            assert_eq!(candidates(&table, hash(9999, b"absent")).count(), 0);
        }
    }

    #[test]
    fn collisions_and_full_tables_end() {
        let table = build(&[5; 9]);
        assert_eq!(candidates(&table, 5).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
        assert_eq!(candidates(&[0xff; 64], u64::MAX).count(), 8);
        assert_eq!(candidates(&[], 1).count(), 0);
    }

    #[test]
    fn similar_names_spread() {
        let names = (0..4096u32).map(|i| format!("file{i:04}.o"));
        let table = build(&names.clone().map(|n| hash(3, n.as_bytes())).collect::<Vec<_>>());
        let (slots, _) = table.as_chunks::<SLOT_SIZE>();
        let runs = slots.split(|slot| *slot == [0; SLOT_SIZE]);
        assert!(runs.map(<[_]>::len).max() < Some(40));
    }
}
