//! Listings: the names of a directory from a position on.
//!
//! A name keeps its position, and one that is made comes behind all others. So that whoever renames what it
//! lists comes to an end, a position also says which names there were when the listing began: those made
//! since are not in it. Not every file system holds such large positions, nor do calls of 32 bits; there they say nothing,
//! and a listing shows what there is when it comes to it.

use std::borrow::Cow;
use std::os::unix::fs::MetadataExt;

use crate::error::Error;
use crate::manifest::Kind;
use crate::namespace::{Namespace, ino};
use crate::place::{NodeRef, Place};

/// One name in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Its inode number.
    pub ino: u64,
    /// The position after it, as `d_off` and `lseek` use it.
    pub next: u64,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Cow<'a, [u8]>,
}

/// How large positions can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// As 31 bits.
    Narrow,
    /// As 62 bits.
    Wide,
}

/// The bits of a position by itself.
const BITS: u32 = 31;

/// What a caller's position says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    at: u64,
    /// As many names have been made when the listing began, if that is known.
    made: Option<u64>,
}

impl Position {
    fn decode(position: u64) -> Position {
        Position { at: position & ((1 << BITS) - 1), made: (position >> BITS).checked_sub(1) }
    }

    fn encode(self) -> u64 {
        let made = self.made.filter(|&made| made < (1 << BITS) - 1);
        self.at | made.map_or(0, |made| (made + 1) << BITS)
    }
}

impl Namespace {
    /// The names of the directory `at` from position `from` on, `.` and `..` first, for a caller to whom
    /// positions can be as large as that.
    pub fn entries(
        &self,
        at: NodeRef,
        from: u64,
        positions: Positions,
    ) -> Result<impl Iterator<Item = Result<DirEntry<'_>, Error>>, Error> {
        let tree = self.mount(at.mount).tree();
        let above = match self.parent(at)? {
            Place::Host(path) => std::fs::metadata(path).map_or(ino(at.node), |m| m.ino()),
            Place::Node(above) => ino(above.node),
        };
        let mut begun = Position::decode(from);
        if (positions, self.positions, from) == (Positions::Wide, Positions::Wide, 0) {
            begun.made = Some(tree.made_in(at.node));
        }
        let (from, made) = (begun.at, begun.made);
        let next = move |position: u64| Position { at: position + 1, made }.encode();
        let dots = [(ino(at.node), &b"."[..]), (above, &b".."[..])];
        let dots = (0u64..).zip(dots).filter(move |(position, _)| *position >= from).map(
            move |(position, (ino, name))| {
                let name = Cow::Borrowed(name);
                Ok(DirEntry { ino, next: next(position), kind: Kind::Directory, name })
            },
        );
        // Mounts come before the tree's own names, so that the position of neither ever moves.
        let mounted = self.mounted_in(at);
        let ahead = 2 + mounted.len() as u64;
        let mounted = (2u64..).zip(mounted).filter(move |(position, _)| *position >= from).map(
            move |(position, (name, root))| {
                let (ino, next) = (ino(root.node), next(position));
                Ok(DirEntry { ino, next, kind: Kind::Directory, name: Cow::Borrowed(name) })
            },
        );
        let until = made.unwrap_or(u64::MAX);
        let named = tree.entries_until(at.node, from.saturating_sub(ahead), until)?;
        let named = named.map(move |entry| {
            let entry = entry?;
            let next = next(entry.position + ahead);
            Ok(DirEntry { ino: ino(entry.node), next, kind: entry.kind, name: entry.name })
        });
        Ok(dots.chain(mounted).chain(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_say_what_they_are_given() {
        for at in [0, 1, 2, (1 << 30) + 5, (1 << 31) - 1] {
            for made in [None, Some(0), Some(1), Some((1 << 31) - 2)] {
                let position = Position { at, made };
                assert_eq!(Position::decode(position.encode()), position);
                assert!(i64::try_from(position.encode()).is_ok());
            }
        }
        // Too many have been made for it to be told.
        let full = Position { at: 7, made: Some(1 << 31) };
        assert_eq!(Position::decode(full.encode()), Position { at: 7, made: None });
    }
}
