//! Bytes as a C string literal, the way strace writes them.

use std::fmt::{self, Write};

/// How bytes that are not printable are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// `\n` and its kin, octal for the rest; octal is as short as the next byte allows.
    Octal,
    /// Every byte as `\xNN` (random bytes).
    Hex,
}

/// Writes `bytes` between double quotes.
pub(super) fn write_quoted(f: &mut impl Write, bytes: &[u8], quoting: Quoting) -> fmt::Result {
    f.write_char('"')?;
    write_all(f, bytes, quoting, b"")?;
    f.write_char('"')
}

/// Writes `bytes` as they stand between angle brackets.
pub(super) fn write_bracketed(f: &mut impl Write, bytes: &[u8], quoting: Quoting) -> fmt::Result {
    write_all(f, bytes, quoting, b"<>")
}

fn write_all(f: &mut impl Write, bytes: &[u8], quoting: Quoting, special: &[u8]) -> fmt::Result {
    for (at, &byte) in bytes.iter().enumerate() {
        match quoting {
            Quoting::Hex => write!(f, "\\x{byte:02x}")?,
            Quoting::Octal => write_escaped(f, byte, bytes.get(at + 1), special)?,
        }
    }
    Ok(())
}

/// Whether `-x` leaves bytes as they are: printable ASCII and white space.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'..=b'\r'))
}

/// Writes one byte; an octal digit that follows would be taken into a short octal escape.
fn write_escaped(f: &mut impl Write, byte: u8, next: Option<&u8>, special: &[u8]) -> fmt::Result {
    match byte {
        _ if special.contains(&byte) => write_octal(f, byte, next),
        b'"' => f.write_str("\\\""),
        b'\\' => f.write_str("\\\\"),
        b'\n' => f.write_str("\\n"),
        b'\t' => f.write_str("\\t"),
        b'\r' => f.write_str("\\r"),
        0x0b => f.write_str("\\v"),
        0x0c => f.write_str("\\f"),
        b' '..=b'~' => f.write_char(byte as char),
        _ => write_octal(f, byte, next),
    }
}

fn write_octal(f: &mut impl Write, byte: u8, next: Option<&u8>) -> fmt::Result {
    if next.is_some_and(|next| (b'0'..=b'7').contains(next)) {
        write!(f, "\\{byte:03o}")
    } else {
        write!(f, "\\{byte:o}")
    }
}
