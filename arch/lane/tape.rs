//! The tape: calls that made no stop, one after the other, in memory that a tracee writes and vrift reads.
//!
//! ```text
//!  0            end of what is written, from the tape's beginning (8 bytes)
//!  HEADER       records, each at a multiple of 8 bytes:
//!                 0   number, five arguments, result (8 bytes each)
//!                 56  when it was written, in cycles of the processor
//!                 64  where the path was; 0 without one
//!                 72  where the kernel has filled something in; 0 if it has not, OPENED if the page has asked for
//!                     the attributes of the file that was opened
//!                 80  size of the record
//!                 88  the path with its NUL, what was filled in
//! ```
//!
//! A record counts when the end has moved behind it. What is there is a tracee's word: it may be anything.

/// The size of a tape.
pub const BYTES: u64 = 512 << 10;

/// Where records begin.
pub const HEADER: u64 = 64;

/// Up to this end a call begins a record. Behind it is room for the one it makes, and for those of handlers
/// that interrupt it one in the other when it has seen that there is room.
pub const LAST: u64 = BYTES - 16 * RECORD_MAX;

/// A path and what a symlink says have at most `PATH_MAX` bytes each.
pub const RECORD_MAX: u64 = FIXED as u64 + 2 * 4096 + 8;

/// Where no program has memory (`vm.mmap_min_addr`).
pub const OPENED: u64 = 1;

/// The bytes of a record before its path.
pub const FIXED: usize = 88;

/// A call on a tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taped<'a> {
    /// Its number.
    pub nr: u64,
    /// Its arguments; no call of the lane has a sixth.
    pub args: [u64; 6],
    /// What came of it.
    pub result: i64,
    /// When it was written down: what came later has more.
    pub stamp: u64,
    /// Its path with its NUL.
    pub path: Piece<'a>,
    /// What was filled in.
    pub answer: Piece<'a>,
}

/// A piece of the caller's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where it was.
    pub at: u64,
    /// What was there: nothing if it was not looked at.
    pub bytes: &'a [u8],
}

impl<'a> Taped<'a> {
    /// `struct stat` of the file that was opened, if the page has asked for it.
    pub fn opened(&self) -> Option<&'a [u8]> {
        (self.answer.at == OPENED).then_some(self.answer.bytes)
    }
}

impl Piece<'_> {
    const NONE: Piece<'static> = Piece { at: 0, bytes: &[] };

    fn overlaps(&self, other: &Piece<'_>) -> bool {
        let end = |piece: &Piece<'_>| piece.at.saturating_add(piece.bytes.len() as u64);
        self.at < end(other) && other.at < end(self)
    }
}

/// The calls in `bytes`, a piece of a tape that begins with a record, each with the room it takes.
pub fn calls(bytes: &[u8]) -> impl Iterator<Item = (Taped<'_>, usize)> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let word = |n: usize| Some(u64::from_le_bytes(*left.get(8 * n..)?.first_chunk()?));
        let size = usize::try_from(word(10)?).ok()?;
        let rest = left.get(FIXED..size)?;
        let path_bytes = match word(8)? {
            0 => 0,
            _ => rest.iter().position(|&byte| byte == 0).map_or(rest.len(), |nul| nul + 1),
        };
        let (path, answer) = rest.split_at(path_bytes);
        let mut path = Piece { at: word(8)?, bytes: path };
        let mut answer = match word(9)? {
            0 => Piece::NONE,
            at => Piece { at, bytes: answer },
        };
        if path.overlaps(&answer) {
            // The path was copied when the answer had been given: what it was nobody knows.
            (path, answer) = (Piece::NONE, Piece::NONE);
        }
        let args = [word(1)?, word(2)?, word(3)?, word(4)?, word(5)?, 0];
        let (nr, result, stamp) = (word(0)?, word(6)?.cast_signed(), word(7)?);
        let room = size.next_multiple_of(8);
        left = left.get(room..)?;
        Some((Taped { nr, args, result, stamp, path, answer }, room))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(nr: u64, path_at: u64, answer_at: u64, rest: &[u8]) -> Vec<u8> {
        let size = (FIXED + rest.len()) as u64;
        let words = [nr, 1, 2, 3, 4, 5, (-2i64).cast_unsigned(), 9 * nr, path_at, answer_at, size];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(rest);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn records_stand_one_behind_the_other() {
        let bytes = [
            record(7, 0x1000, 0, b"/etc\0"),
            record(8, 0, 0x2000, b"answered"),
            record(9, 0x1000, 0x1005, b"/etc\0answer"),
            record(10, 0x1000, 0x1004, b"/etc\0answer"),
            record(11, 0x1000, 0xff8, b"/etc\0answered"),
            record(12, 0x1000, 0xff9, b"/etc\0answered"),
            record(13, 0x1000, OPENED, b"/etc\0attributes"),
        ]
        .concat();
        let piece = |at, bytes| Piece { at, bytes };
        let path = piece(0x1000, b"/etc\0");
        let expected = [
            (7, path, Piece::NONE),
            (8, Piece::NONE, piece(0x2000, b"answered")),
            (9, path, piece(0x1005, b"answer")),
            (10, Piece::NONE, Piece::NONE),
            (11, path, piece(0xff8, b"answered")),
            (12, Piece::NONE, Piece::NONE),
            (13, path, piece(OPENED, b"attributes")),
        ];
        let read: Vec<Taped<'_>> = calls(&bytes).map(|(call, _)| call).collect();
        assert_eq!(read.len(), expected.len());
        for (read, (nr, path, answer)) in read.into_iter().zip(expected) {
            let args = [1, 2, 3, 4, 5, 0];
            assert_eq!(read, Taped { nr, args, result: -2, stamp: 9 * nr, path, answer });
            assert_eq!(read.opened().is_some(), nr == 13);
        }
        assert_eq!(calls(&bytes).map(|(_, size)| size).sum::<usize>(), bytes.len());
    }

    #[test]
    fn what_is_no_record_ends_the_tape() {
        let whole = record(7, 0x1000, 0, b"/etc\0");
        for cut in 0..whole.len() {
            assert_eq!(calls(&whole[..cut]).count(), 0, "{cut} bytes");
        }
        for size in [0, 8, 87, 97, u64::MAX] {
            let mut wrong = whole.clone();
            wrong[80..88].copy_from_slice(&size.to_le_bytes());
            assert_eq!(calls(&wrong).count(), 0, "a record of {size} bytes");
        }
        // A path without an end is one up to the end.
        let endless = record(7, u64::MAX, u64::MAX - 4, b"/endless");
        assert_eq!(calls(&endless).count(), 1);
    }
}
