//! How values are spelled: how much of them, and in which of strace's forms.

use super::filter::{Names, UnknownWord, Words, bit};
use super::quote::{Quoting, is_plain};
use super::select::Selection;

/// What is told of descriptors beside their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors(Words);

/// The details of `-e decode-fds=`.
const DETAILS: Names = &[("path", PATH), ("dev", DEVICE), ("pidfd", PROCESS), ("socket", SOCKET)];
const PATH: u64 = 1;
const DEVICE: u64 = 1 << 1;
const PROCESS: u64 = 1 << 2;
const SOCKET: u64 = 1 << 3;

impl Descriptors {
    /// Nothing.
    pub const NOTHING: Descriptors = Descriptors(Words::NONE);
    /// Everything that is known (`-yy`).
    pub const EVERYTHING: Descriptors = Descriptors(Words::ALL);

    /// Reads a list of details.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that is none.
    pub fn parse(list: &str) -> Result<Descriptors, UnknownWord> {
        Words::read(list, "detail of descriptors", |word| bit(DETAILS, word))
            .map(Descriptors)
            .map_err(|error| error.resembling(DETAILS))
    }

    /// Whether anything is told.
    pub(super) fn tell(self) -> bool {
        DETAILS.iter().any(|&(_, bit)| self.0.has(bit))
    }

    /// What they are open on (`-y`).
    pub(super) fn tell_paths(self) -> bool {
        self.0.has(PATH)
    }

    /// The numbers of devices, with their paths.
    pub(super) fn tell_devices(self) -> bool {
        self.0.has(DEVICE)
    }

    /// The processes that they stand for.
    pub(super) fn tell_processes(self) -> bool {
        self.0.has(PROCESS)
    }

    /// What sockets are connected to.
    pub(super) fn tell_sockets(self) -> bool {
        self.0.has(SOCKET)
    }
}

/// How named constants are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Constants {
    /// By name.
    #[default]
    Abbrev,
    /// By number (`-X raw`).
    Raw,
    /// By number, with the name as a comment (`-X verbose`).
    Verbose,
}

/// Which strings are written in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hex {
    /// None.
    #[default]
    Never,
    /// Those with a character that is not printable ASCII (`-x`).
    NonAscii,
    /// None, but escapes in all are hexadecimal instead of octal.
    Escapes,
    /// All (`-xx`).
    Always,
}

/// The form of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// The number of bytes of a string, and of elements of an array, that are shown (`-s`).
    pub string_max: usize,
    /// The calls whose structures and arrays are shortened (`-e abbrev=`, `-v`).
    pub abbrev: Selection,
    /// The calls whose structures are looked into (`-e verbose=`).
    pub verbose: Selection,
    /// The calls whose arguments are shown as the registers hold them (`-e raw=`).
    pub raw: Selection,
    /// What is told of descriptors.
    pub descriptors: Descriptors,
    /// How named constants are written.
    pub constants: Constants,
    /// Which strings are in hexadecimal.
    pub hex: Hex,
}

impl Style {
    /// Whether values must be gone through once more after they are spelled.
    pub(super) fn dresses(&self) -> bool {
        self.constants != Constants::Abbrev || self.hex != Hex::Never
    }

    /// How bytes are escaped that would be escaped as `quoting` by default.
    pub(super) fn quoting(&self, quoting: Quoting, bytes: &[u8]) -> Quoting {
        match self.hex {
            Hex::Always => Quoting::Hex,
            Hex::NonAscii if !is_plain(bytes) => Quoting::Hex,
            Hex::Escapes if quoting == Quoting::Octal => Quoting::HexEscapes,
            Hex::NonAscii | Hex::Escapes | Hex::Never => quoting,
        }
    }
}

impl Default for Style {
    fn default() -> Style {
        Style {
            string_max: 32,
            abbrev: Selection::all(),
            verbose: Selection::all(),
            raw: Selection::none(),
            descriptors: Descriptors::NOTHING,
            constants: Constants::Abbrev,
            hex: Hex::Never,
        }
    }
}
