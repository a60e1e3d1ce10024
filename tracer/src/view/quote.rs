//! Bytes as a C string literal, the way strace writes them.

use std::fmt::{self, Write};

/// How bytes that are not printable are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// `\n` and its kin, octal for the rest; octal is as short as the next byte allows.
    Octal,
    /// `\n` and its kin, `\xNN` for the rest.
    HexEscapes,
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
        let plain = quoting != Quoting::Hex && !special.contains(&byte);
        match named(byte).filter(|_| plain) {
            Some(escape) => f.write_str(escape)?,
            None if plain && matches!(byte, b' '..=b'~') => f.write_char(byte as char)?,
            None if quoting == Quoting::Octal => write_octal(f, byte, bytes.get(at + 1))?,
            None => write!(f, "\\x{byte:02x}")?,
        }
    }
    Ok(())
}

/// Whether `-x` leaves bytes as they are: printable ASCII and white space.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'..=b'\r'))
}

/// The escape that a byte has of its own.
fn named(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\t' => "\\t",
        b'\r' => "\\r",
        0x0b => "\\v",
        0x0c => "\\f",
        _ => return None,
    })
}

/// An octal digit that follows would be taken into a short escape.
fn write_octal(f: &mut impl Write, byte: u8, next: Option<&u8>) -> fmt::Result {
    if next.is_some_and(|next| (b'0'..=b'7').contains(next)) {
        write!(f, "\\{byte:03o}")
    } else {
        write!(f, "\\{byte:o}")
    }
}
