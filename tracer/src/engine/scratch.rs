//! Memory in a tracee that only the tracer writes, where rewritten paths lie.
//!
//! A region is mapped private and read-only by a call injected into the tracee when the first path
//! is rewritten, and filled with forced writes; nothing is mapped from a file, so no descriptor of
//! ours enters the tracee, and a forked child has a copy of its own. One slot holds one path of one
//! call in flight.

use nix::errno::Errno;

use crate::call::Abi;
use crate::memory::{GuestAddr, Memory};

/// One path with its NUL.
pub(super) const SLOT_BYTES: u64 = 4096;

/// Room for a structure at the end of a slot. The paths of blobs and stand-ins leave it free; the
/// store's own path would have to be 4,000 bytes long.
const STRUCTURE_BYTES: u64 = 64;

/// Slots of one region, the first of which holds its sign; a tracee with more calls in flight, or a
/// call that needs more at once, gets more regions.
const REGION_SLOTS: u64 = 128;

/// A place for one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    at: GuestAddr,
    region: GuestAddr,
}

impl Slot {
    pub(super) fn addr(self) -> GuestAddr {
        self.at
    }

    /// Where a small structure may lie behind a path that is not among the longest.
    pub(super) fn structure(self) -> GuestAddr {
        self.at.offset(SLOT_BYTES - STRUCTURE_BYTES)
    }

    fn is_in_reach(self, abi: Abi) -> bool {
        match abi {
            Abi::Native | Abi::Foreign { .. } => true,
            Abi::Compat => self.at.0 <= u64::from(u32::MAX),
        }
    }

    /// Whether the region is still ours: a tracee may have unmapped it, or put memory of its own
    /// there, which a forced write would change.
    pub(super) fn is_ours(self, memory: &dyn Memory) -> Result<bool, Errno> {
        let mut found = [0; SIGN_BYTES];
        match memory.read_exact(self.region, &mut found) {
            Ok(()) => Ok(found == sign(self.region)),
            Err(Errno::ESRCH) => Err(Errno::ESRCH),
            Err(_) => Ok(false),
        }
    }
}

const SIGN_BYTES: usize = 16;

/// What the start of a region holds: nothing a program has there by chance.
pub(super) fn sign(region: GuestAddr) -> [u8; SIGN_BYTES] {
    let mut sign = *b"vrift's pages   ";
    sign[8..].copy_from_slice(&(region.0 ^ 0x9e37_79b9_7f4a_7c15).to_ne_bytes());
    sign
}

/// The slots of one address space.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    regions: Vec<Region>,
    free: Vec<Slot>,
    writes: Writes,
}

/// Whether memory that the tracee may only read can be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Writes {
    #[default]
    Forced,
    /// The kernel was built or started without forced writes.
    Refused,
}

/// A mapping and its size.
#[derive(Debug, Clone, Copy)]
struct Region {
    at: GuestAddr,
    slots: u64,
}

impl Scratch {
    /// Takes a free slot that a call through `abi` can point at; `None` if a region must be mapped
    /// first.
    pub(super) fn take(&mut self, abi: Abi) -> Option<Slot> {
        let last = self.free.iter().rposition(|slot| slot.is_in_reach(abi))?;
        Some(self.free.remove(last))
    }

    /// Takes free slots that lie one behind the other, where a call through `abi` can point at;
    /// `None` if a region must be mapped first.
    pub(super) fn take_run(&mut self, count: usize, abi: Abi) -> Option<Vec<Slot>> {
        self.free.sort_unstable_by_key(|slot| std::cmp::Reverse(slot.at));
        let runs = |run: &[Slot]| {
            run.iter().all(|slot| slot.is_in_reach(abi))
                && run.windows(2).all(|pair| {
                    pair[0].region == pair[1].region && pair[0].at.0 - pair[1].at.0 == SLOT_BYTES
                })
        };
        let start = self.free.windows(count).position(runs)?;
        let mut run: Vec<Slot> = self.free.drain(start..start + count).collect();
        run.reverse();
        Some(run)
    }

    /// Gives slots back.
    pub(super) fn release(&mut self, slots: &[Slot]) {
        self.free.extend_from_slice(slots);
    }

    /// Adds a freshly mapped region of so many bytes.
    pub(super) fn add(&mut self, at: GuestAddr, bytes: u64) {
        self.push(Region { at, slots: bytes / SLOT_BYTES });
    }

    fn push(&mut self, region: Region) {
        self.regions.push(region);
        let slot = |n| Slot { at: region.at.offset(n * SLOT_BYTES), region: region.at };
        self.free.extend((1..region.slots).rev().map(slot));
    }

    /// Whether nothing is mapped.
    pub(super) fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// Whether a region could be filled if it were mapped.
    pub(super) fn is_writable(&self) -> bool {
        self.writes == Writes::Forced
    }

    /// Takes note that a region cannot be filled.
    pub(super) fn give_up(&mut self) {
        self.writes = Writes::Refused;
    }

    /// Forgets everything: the tracee has unmapped it.
    pub(super) fn reset(&mut self) {
        *self = Scratch { writes: self.writes, ..Scratch::default() };
    }

    /// The same regions in a forked address space, where no call is in flight.
    pub(super) fn copied(&self) -> Scratch {
        let mut copy = Scratch { writes: self.writes, ..Scratch::default() };
        for &region in &self.regions {
            copy.push(region);
        }
        copy
    }
}

/// The size of a region in which so many slots can be taken at once.
pub(super) fn region_bytes(slots: usize) -> u64 {
    SLOT_BYTES * REGION_SLOTS.max(slots as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_never_overlap_and_come_back() {
        let mut scratch = Scratch::default();
        assert_eq!(scratch.take(Abi::Native), None);
        scratch.add(GuestAddr(0x10000), region_bytes(1));
        let mut taken: Vec<Slot> = std::iter::from_fn(|| scratch.take(Abi::Native)).collect();
        assert_eq!(taken.len() as u64, REGION_SLOTS - 1);
        scratch.release(&taken[..1]);
        assert_eq!(scratch.take(Abi::Native), Some(taken[0]));
        taken.sort_by_key(|slot| slot.at);
        assert!(taken.windows(2).all(|pair| pair[1].at.0 - pair[0].at.0 == SLOT_BYTES));
        assert_eq!(scratch.copied().free.len() as u64, REGION_SLOTS - 1);
    }

    #[test]
    fn pointers_of_32_bits_get_what_they_reach() {
        let mut scratch = Scratch::default();
        scratch.add(GuestAddr(0x7fff_0000_0000), region_bytes(1));
        assert_eq!(scratch.take(Abi::Compat), None);
        scratch.add(GuestAddr(0xf7f0_0000), region_bytes(1));
        scratch.add(GuestAddr(0x7ffe_0000_0000), region_bytes(1));
        let low = scratch.take(Abi::Compat).expect("there is a region below 4 GiB");
        assert_eq!(low.region, GuestAddr(0xf7f0_0000));
        scratch.release(&[low]);
        assert_eq!(scratch.take(Abi::Native), Some(low));
    }
}
