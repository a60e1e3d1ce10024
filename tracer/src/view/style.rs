//! How values are spelled: how much of them, and in which of strace's forms.

use super::quote::{Quoting, is_plain};
use super::select::Selection;

/// What is told of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Descriptors {
    /// Their number.
    #[default]
    Number,
    /// And what they are open on (`-y`).
    Path,
    /// And what sockets, devices and processes they stand for (`-yy`).
    Everything,
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
            Hex::NonAscii | Hex::Never => quoting,
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
            descriptors: Descriptors::Number,
            constants: Constants::Abbrev,
            hex: Hex::Never,
        }
    }
}
