//! How attributes are spelled for people: as ls(1) and stat(1) do.

use std::io::{self, Write};

use vrift_record::Utc;
use vrift_vfs::manifest::{Kind, Timestamp};

/// Names are bytes; only what would break the line is escaped, as `ls -b` does.
pub(in crate::commands) fn write_path(out: &mut impl Write, path: &[u8]) -> io::Result<()> {
    for &byte in path {
        match byte {
            b'\n' => out.write_all(b"\\n")?,
            b'\\' => out.write_all(b"\\\\")?,
            0..0x20 | 0x7f => write!(out, "\\{byte:03o}")?,
            _ => out.write_all(&[byte])?,
        }
    }
    Ok(())
}

/// The value of an extended attribute, as getfattr(1) spells it: text in quotes, or hexadecimal.
pub(super) fn value(bytes: &[u8]) -> String {
    let plain = |text: &&str| !text.chars().any(|c| c.is_control());
    match std::str::from_utf8(bytes).ok().filter(plain) {
        Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        None => format!("0x{}", hex(bytes)),
    }
}

/// Bytes as pairs of hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The letter that `ls -l` begins a line with.
pub(super) fn letter(kind: Kind) -> char {
    match kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Symlink => 'l',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
        Kind::CharDevice => 'c',
        Kind::BlockDevice => 'b',
    }
}

/// The permission letters of `ls -l`, set-id and sticky bits included.
pub(super) fn permissions(mode: u32) -> String {
    let letters = |class: u32, special: bool, lower: char| {
        let bits = mode >> (class * 3);
        let execute = match (bits & 1 != 0, special) {
            (true, true) => lower,
            (false, true) => lower.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        };
        let read = if bits & 4 != 0 { 'r' } else { '-' };
        let write = if bits & 2 != 0 { 'w' } else { '-' };
        [read, write, execute]
    };
    let owner = letters(2, mode & 0o4000 != 0, 's');
    let group = letters(1, mode & 0o2000 != 0, 's');
    let other = letters(0, mode & 0o1000 != 0, 't');
    [owner, group, other].concat().into_iter().collect()
}

/// The two numbers of a device, as `makedev(3)` puts them into one.
pub(super) fn device(rdev: u64) -> (u64, u64) {
    let major = rdev >> 32 & 0xffff_f000 | rdev >> 8 & 0xfff;
    let minor = rdev >> 12 & 0xffff_ff00 | rdev & 0xff;
    (major, minor)
}

/// Date and time of day in UTC, without what is less than a second.
pub(super) fn date(time: Timestamp) -> String {
    let utc = Utc::of(time.sec);
    format!("{} {}", utc.date(), utc.time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_spelled_as_ls_does() {
        for (mode, spelled) in [
            (0o644, "rw-r--r--"),
            (0o4755, "rwsr-xr-x"),
            (0o2640, "rw-r-S---"),
            (0o1777, "rwxrwxrwt"),
            (0o1000, "--------T"),
        ] {
            assert_eq!(permissions(mode), spelled);
        }
    }

    #[test]
    fn names_never_break_a_line() {
        let mut out = Vec::new();
        write_path(&mut out, b"a\nb\\\x01\xff").expect("a vector takes everything");
        assert_eq!(out, b"a\\nb\\\\\\001\xff");
    }

    #[test]
    fn values_are_spelled_as_getfattr_does() {
        assert_eq!(value(b"a\"b\\"), r#""a\"b\\""#);
        assert_eq!(value(b""), "\"\"");
        assert_eq!(value(b"\x00\xff"), "0x00ff");
        assert_eq!(value(b"line\n"), "0x6c696e650a");
    }

    #[test]
    fn devices_are_taken_apart_as_the_c_library_does() {
        for (major, minor) in [(1, 3), (8, 256), (259, 7), (0xfff0, 0xf_ffff), (1 << 31, 1 << 31)] {
            let rdev = nix::sys::stat::makedev(major, minor);
            assert_eq!(device(rdev), (major, minor));
        }
    }

    /// As `date -u -d @SECONDS` has them.
    #[test]
    fn dates() {
        for (sec, wanted) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_700_000_000, "2023-11-14 22:13:20"),
            (4_107_542_399, "2100-02-28 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (-62_135_596_800, "0001-01-01 00:00:00"),
            (253_402_300_800, "10000-01-01 00:00:00"),
        ] {
            assert_eq!(date(Timestamp { sec, nsec: 0 }), wanted);
        }
        for sec in [i64::MIN, i64::MAX] {
            assert!(date(Timestamp { sec, nsec: 0 }).ends_with(|c: char| c.is_ascii_digit()));
        }
    }
}
