//! Memory that a tracee writes to and vrift reads, word by word: what is there may change at any time, and
//! nobody may rely on any of it.
#![expect(unsafe_code, reason = "others write to what is mapped here")]

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};

/// Who writes without a pause, as no call does, is not waited for longer than this.
const LOOKS_MAX: usize = 1000;

/// So many are copied at once.
const LINE_WORDS: usize = 8;

/// A file without a name that cannot get another size.
#[derive(Debug)]
pub(super) struct Shared {
    map: MmapRaw,
}

impl Shared {
    /// `bytes` bytes of an empty file of memfd_create(2), which must allow seals.
    pub(super) fn new(file: &File, bytes: u64) -> io::Result<Shared> {
        file.set_len(bytes)?;
        // Who reads what is mapped and behind a file's end is killed (SIGBUS).
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(file, FcntlArg::F_ADD_SEALS(seals))?;
        let map = MmapOptions::new().len(bytes as usize).map_raw(file)?;
        Ok(Shared { map })
    }

    fn words(&self) -> &[AtomicU64] {
        let count = self.map.len() / size_of::<AtomicU64>();
        // SAFETY: the mapping is as long as `self`, begins at a page, and has pages of the file behind all of
        // it: the seals keep the file as large as it is. What others do to them does no harm to atomic words.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), count) }
    }

    /// The first word.
    pub(super) fn first(&self) -> u64 {
        self.words()[0].load(Ordering::Acquire)
    }

    /// Puts what is from one place to another, both multiples of a word, behind what is in `bytes`; `None` if they are none, or
    /// not there.
    pub(super) fn copy(&self, from: u64, to: u64, bytes: &mut Vec<u8>) -> Option<()> {
        let word = size_of::<AtomicU64>() as u64;
        if !from.is_multiple_of(word) || !to.is_multiple_of(word) {
            return None;
        }
        let words = self.words().get((from / word) as usize..(to / word) as usize)?;
        bytes.reserve(size_of_val(words));
        let mut line = [0; LINE_WORDS * size_of::<AtomicU64>()];
        for words in words.chunks(LINE_WORDS) {
            let (places, _) = line.as_chunks_mut();
            for (word, place) in words.iter().zip(places) {
                *place = word.load(Ordering::Relaxed).to_le_bytes();
            }
            bytes.extend_from_slice(&line[..size_of_val(words)]);
        }
        Some(())
    }

    /// Writes the first word.
    pub(super) fn set_first(&self, word: u64) {
        self.words()[0].store(word, Ordering::Release);
    }
}

/// What several words that only grow say at one moment, which is one between two looks that see the same.
pub(super) fn at_one_moment<I: Iterator<Item = u64>>(mut look: impl FnMut() -> I) -> Vec<u64> {
    let mut seen: Vec<u64> = look().collect();
    for _ in 0..LOOKS_MAX {
        let mut agrees = true;
        for (seen, now) in seen.iter_mut().zip(look()) {
            agrees &= std::mem::replace(seen, now) == now;
        }
        if agrees {
            break;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;

    fn file(flags: MFdFlags) -> File {
        memfd_create(c"tape", flags).expect("there are descriptors").into()
    }

    #[test]
    fn what_others_write_is_read_and_the_size_stays() {
        let file = file(MFdFlags::MFD_ALLOW_SEALING);
        let shared = Shared::new(&file, 4096).expect("there is memory");
        shared.set_first(7);
        assert_eq!(shared.first(), 7);
        file.write_all_at(b"abcdefgh", 4088).expect("it is there");
        let mut bytes = b"before ".to_vec();
        assert!(shared.copy(4088, 4096, &mut bytes).is_some() && bytes == b"before abcdefgh");
        assert!(shared.copy(8, 8, &mut bytes).is_some() && bytes == b"before abcdefgh");
        for (from, to) in [(4088, 4104), (1, 8), (8, 9), (16, 8), (u64::MAX - 7, u64::MAX - 7)] {
            assert_eq!(shared.copy(from, to, &mut bytes), None, "{from} to {to}");
        }
        for bytes in [0, 8192] {
            assert!(file.set_len(bytes).is_err());
        }
    }

    #[test]
    fn what_may_shrink_is_not_mapped() {
        assert!(Shared::new(&file(MFdFlags::empty()), 4096).is_err());
    }

    /// The second is written to after the first, and was looked at later.
    #[test]
    fn words_are_of_one_moment() {
        let mut looks = [[4, 5], [5, 6], [5, 5], [6, 6], [6, 6], [7, 7]].into_iter();
        let seen = at_one_moment(|| looks.next().expect("they agree before").into_iter());
        assert_eq!(seen, [6, 6]);
        let mut count = 0;
        at_one_moment(|| {
            count += 1;
            [count].into_iter()
        });
        assert!(count > 1000, "{count}");
    }
}
