//! How much of a value is shown and where the result stands.
//!
//! Deliberately absent: options nobody can set yet; a field appears here together with the
//! command-line flag that sets it.

/// The limits and columns of strace's text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// The number of bytes of a string, and of elements of an array, that are shown (`-s`).
    pub string_max: usize,
    /// The column in which ` = result` starts (`-a`).
    pub column: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style { string_max: 32, column: 40 }
    }
}
