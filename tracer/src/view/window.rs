//! A tracee's memory as it is at one stop, read in pieces larger than asked for.
//!
//! What a call points at lies close together: a vector and its strings, a header and what it leads
//! to. Reading is a system call each time, so what lies around the bytes asked for is read with them
//! and kept for the stop. A piece is part of one page: it is readable as a whole or not at all.

use std::cell::RefCell;

use nix::errno::Errno;

use crate::memory::{GuestAddr, Memory, PAGE};

/// The size of a piece, unless much is to be read; who asks for as much reads past the window.
const PIECE: usize = 512;

/// How much of a piece lies before what is asked for: of two paths the second is as often the lower one.
const BEFORE: u64 = 128;

/// A vector and the strings it leads to are read in turns.
const PIECES: usize = 2;

/// For who reads a hundred strings: whole pages, and as many as a program's variables lie in that has made them itself.
const LARGE_PIECE: usize = PAGE as usize;
const LARGE_PIECES: usize = 16;

/// A view of a tracee's memory that lasts for one stop.
pub(crate) struct Window<'a, const SIZE: usize = PIECE, const COUNT: usize = PIECES> {
    memory: &'a dyn Memory,
    seen: RefCell<Seen<SIZE, COUNT>>,
}

/// The pieces that were read.
struct Seen<const SIZE: usize, const COUNT: usize> {
    pieces: [Piece<SIZE>; COUNT],
    /// How often one was used.
    uses: u64,
}

#[derive(Clone, Copy)]
struct Piece<const SIZE: usize> {
    from: u64,
    count: usize,
    /// The last time that it was used.
    used: u64,
    bytes: [u8; SIZE],
}

impl<const SIZE: usize> Piece<SIZE> {
    const EMPTY: Piece<SIZE> = Piece { from: 0, count: 0, used: 0, bytes: [0; SIZE] };

    /// Becomes what lies at `from` and behind it.
    fn read(&mut self, memory: &dyn Memory, from: GuestAddr) -> Result<(), Errno> {
        let to_page_end = (PAGE - from.0 % PAGE) as usize;
        self.count = 0;
        self.count = memory.read(from, &mut self.bytes[..to_page_end.min(SIZE)])?;
        self.from = from.0;
        Ok(())
    }

    /// The bytes from `at` on.
    fn behind(&self, at: GuestAddr) -> Option<&[u8]> {
        let skipped = usize::try_from(at.0.checked_sub(self.from)?).ok()?;
        self.bytes[..self.count].get(skipped..).filter(|bytes| !bytes.is_empty())
    }
}

impl<'a> Window<'a> {
    pub(crate) fn new(memory: &'a dyn Memory) -> Window<'a> {
        Window::on(memory)
    }
}

impl<'a> Window<'a, LARGE_PIECE, LARGE_PIECES> {
    /// One with more and larger pieces.
    pub(crate) fn large(memory: &'a dyn Memory) -> Window<'a, LARGE_PIECE, LARGE_PIECES> {
        Window::on(memory)
    }
}

impl<'a, const SIZE: usize, const COUNT: usize> Window<'a, SIZE, COUNT> {
    fn on(memory: &'a dyn Memory) -> Window<'a, SIZE, COUNT> {
        Window { memory, seen: RefCell::new(Seen { pieces: [Piece::EMPTY; COUNT], uses: 0 }) }
    }
}

impl<const SIZE: usize, const COUNT: usize> Seen<SIZE, COUNT> {
    /// As much of what lies before a byte is read with it.
    const BEFORE: u64 = if SIZE == LARGE_PIECE { PAGE } else { BEFORE };

    /// The piece that holds `at`, read in the place of the one that was not used for longest if need be.
    fn piece(&mut self, memory: &dyn Memory, at: GuestAddr) -> Result<&[u8], Errno> {
        self.uses += 1;
        let known = self.pieces.iter().position(|piece| piece.behind(at).is_some());
        let oldest = || (0..COUNT).min_by_key(|&index| self.pieces[index].used);
        let index = known.or_else(oldest).unwrap_or_default();
        let piece = &mut self.pieces[index];
        piece.used = self.uses;
        if known.is_none() {
            let before = GuestAddr(at.0 - Self::BEFORE.min(at.0 % PAGE));
            // Of a call that is told of later only what it pointed at is known, piece by piece.
            let known = piece.read(memory, before);
            if known.is_err() || piece.behind(at).is_none() {
                piece.read(memory, at)?;
            }
        }
        Ok(piece.behind(at).unwrap_or_default())
    }
}

impl<const SIZE: usize, const COUNT: usize> Memory for Window<'_, SIZE, COUNT> {
    fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
        if buf.is_empty() || buf.len() >= SIZE {
            return self.memory.read(at, buf);
        }
        let mut seen = self.seen.borrow_mut();
        let bytes = seen.piece(self.memory, at)?;
        let count = bytes.len().min(buf.len());
        buf[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
        self.seen.borrow_mut().pieces.iter_mut().for_each(|piece| piece.count = 0);
        self.memory.write(at, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Bytes from where memory begins up to where it ends, and how often they were read.
    struct Counted {
        start: u64,
        end: u64,
        reads: Cell<usize>,
    }

    /// Memory holds the low half of each word's address.
    fn byte(at: u64) -> u8 {
        (at >> (8 * (at % 4))) as u8
    }

    impl Memory for Counted {
        fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
            self.reads.set(self.reads.get() + 1);
            if !(self.start..self.end).contains(&at.0) {
                return Err(Errno::EFAULT);
            }
            let count = buf.len().min((self.end - at.0) as usize);
            (at.0..).zip(&mut buf[..count]).for_each(|(at, place)| *place = byte(at));
            Ok(count)
        }

        fn write(&self, _: GuestAddr, _: &[u8]) -> Result<(), Errno> {
            Ok(())
        }
    }

    #[test]
    fn what_lies_before_need_not_be_there() {
        let memory = Counted { start: 0x1040, end: 0x2000, reads: Cell::new(0) };
        let window = Window::new(&memory);
        let mut word = [0; 4];
        assert_eq!(window.read(GuestAddr(0x1080), &mut word), Ok(4));
        assert_eq!(word, [byte(0x1080), byte(0x1081), byte(0x1082), byte(0x1083)]);
        assert_eq!(window.read(GuestAddr(0x1010), &mut word), Err(Errno::EFAULT));
    }

    /// Memory of which no read goes on behind 0x1060.
    struct InPieces;

    impl Memory for InPieces {
        fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
            let end = if at.0 < 0x1060 { 0x1060 } else { 0x2000 };
            let count = buf.len().min((end - at.0) as usize);
            (at.0..).zip(&mut buf[..count]).for_each(|(at, place)| *place = byte(at));
            Ok(count)
        }

        fn write(&self, _: GuestAddr, _: &[u8]) -> Result<(), Errno> {
            Ok(())
        }
    }

    #[test]
    fn what_lies_before_may_end_there() {
        for at in [0x1058, 0x1060, 0x1064, 0x1200] {
            let mut word = [0; 4];
            Window::new(&InPieces).read_exact(GuestAddr(at), &mut word).expect("it is there");
            assert!((at..).zip(word).all(|(at, read)| byte(at) == read), "{at:#x}");
        }
    }

    #[test]
    fn what_lies_close_together_is_read_once() {
        let memory = Counted { start: 0x1000, end: 0x9000, reads: Cell::new(0) };
        let window = Window::new(&memory);
        for index in 0..40 {
            for start in [0x1100, 0x4000] {
                let mut word = [0; 8];
                let at = start + 8 * index;
                window.read_exact(GuestAddr(at), &mut word).expect("it is mapped");
                assert!((at..).zip(word).all(|(at, read)| byte(at) == read), "{at:#x}");
            }
        }
        assert_eq!(memory.reads.get(), 2);
        window.write(GuestAddr(0x1100), &[0]).expect("it is writable");
        window.read_exact(GuestAddr(0x1100), &mut [0]).expect("it is mapped");
        assert_eq!(memory.reads.get(), 3, "what was written is read again");
    }

    #[test]
    fn pages_that_lead_here_and_there_are_read_once() {
        let memory = Counted { start: 0x1000, end: 0x20000, reads: Cell::new(0) };
        let window = Window::large(&memory);
        let words = |word: u64| {
            (0..LARGE_PIECES as u64).rev().map(move |page| 0x1000 + page * PAGE + 0xff0 - 24 * word)
        };
        for at in (0..100).flat_map(words) {
            let mut read = [0; 8];
            window.read_exact(GuestAddr(at), &mut read).expect("it is mapped");
            assert!((at..).zip(read).all(|(at, read)| byte(at) == read), "{at:#x}");
        }
        assert_eq!(memory.reads.get(), LARGE_PIECES);
    }

    #[test]
    fn reads_are_as_long_as_without_the_window() {
        let memory = Counted { start: 0x1000, end: 0x3000, reads: Cell::new(0) };
        for at in [0xfff, 0x1000, 0x1e01, 0x1fff, 0x2000, 0x2ff8, 0x2fff, 0x3000] {
            for count in [0, 1, 8, 511, 512, 4096, 5000] {
                let read = |memory: &dyn Memory| {
                    let mut buffer = vec![0; count];
                    memory.read_exact(GuestAddr(at), &mut buffer).map(|()| buffer)
                };
                let window = Window::new(&memory);
                assert_eq!(read(&window), read(&memory), "{count} bytes at {at:#x}");
                assert_eq!(read(&window), read(&memory), "{count} bytes at {at:#x} again");
            }
        }
    }
}
