//! PAX extended headers: records of the form `LENGTH KEY=VALUE\n`, where the length counts itself.

use crate::manifest::Timestamp;

/// What `SCHILY.xattr.` is followed by: the name of an extended attribute.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";

/// The records of one header, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Records(pub(super) Vec<(Vec<u8>, Vec<u8>)>);

impl Records {
    /// Takes the bytes of a header apart; `None` if they are no records.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Records> {
        let mut records = Vec::new();
        // What follows the last record, if anything, is zeros.
        while bytes.first().is_some_and(|&byte| byte != 0) {
            let space = bytes.iter().position(|&byte| byte == b' ')?;
            let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
            let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|&byte| byte == b'=')?;
            records.push((record[..equals].to_vec(), record[equals + 1..].to_vec()));
            bytes = &bytes[length..];
        }
        Some(Records(records))
    }

    /// The last value of a key. An empty one takes back an earlier one, also a global header's.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        let found = self.0.iter().rev().find(|(found, _)| found == key.as_bytes());
        found.map(|(_, value)| &value[..]).filter(|value| !value.is_empty())
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        std::str::from_utf8(self.get(key)?).ok()?.parse().ok()
    }

    pub(super) fn time(&self, key: &str) -> Option<Timestamp> {
        parse_time(self.get(key)?)
    }

    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), value.to_vec()));
    }

    /// The bytes of the header.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in &self.0 {
            // A space, an equals sign and a newline.
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while rest + length.to_string().len() != length {
                length = rest + length.to_string().len();
            }
            bytes.extend(length.to_string().into_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(key);
            bytes.push(b'=');
            bytes.extend_from_slice(value);
            bytes.push(b'\n');
        }
        bytes
    }
}

/// A time stamp in decimal, with as many digits after the point as it has.
pub(super) fn spell_time(time: Timestamp) -> String {
    let (sign, sec, nsec) = match (time.sec < 0, time.nsec) {
        // Nanoseconds are added, so that -0.5 is a second before and half a second after.
        (true, 1..) => ("-", (time.sec + 1).unsigned_abs(), 1_000_000_000 - time.nsec),
        (true, 0) => ("-", time.sec.unsigned_abs(), 0),
        (false, nsec) => ("", time.sec.unsigned_abs(), nsec),
    };
    match nsec {
        0 => format!("{sign}{sec}"),
        nsec => format!("{sign}{sec}.{nsec:09}").trim_end_matches('0').to_owned(),
    }
}

fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let sec: i64 = if whole == "-" { 0 } else { whole.parse().ok()? };
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nsec: u32 = digits.parse().ok()?;
    Some(match (negative, nsec) {
        (true, 1..) => Timestamp { sec: sec.checked_sub(1)?, nsec: 1_000_000_000 - nsec },
        (_, nsec) => Timestamp { sec, nsec },
    })
}

/// The key of an extended attribute. GNU tar escapes what would end a key.
pub(super) fn xattr_key(name: &[u8]) -> Vec<u8> {
    let mut key = XATTR.to_vec();
    for &byte in name {
        match byte {
            b'%' => key.extend(b"%25"),
            b'=' => key.extend(b"%3D"),
            other => key.push(other),
        }
    }
    key
}

/// The extended attribute that a key names, if it names one.
pub(super) fn xattr_name(key: &[u8]) -> Option<Vec<u8>> {
    let escaped = key.strip_prefix(XATTR)?;
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (rest.strip_prefix(b"%25"), rest.strip_prefix(b"%3D")) {
            (Some(after), _) => (b'%', after),
            (_, Some(after)) => (b'=', after),
            _ => (byte, after),
        };
        name.push(byte);
        rest = after;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_may_hold_any_bytes() {
        let mut records = Records::default();
        for length in [0, 1, 2, 80, 90, 93, 94, 95, 96, 97, 98, 99, 990, 5000] {
            records.add(b"key", &b"a\n=\0 9".repeat(length)[..length]);
        }
        let again = Records::parse(&records.encode()).unwrap();
        assert_eq!(again.0, records.0);
        assert!(Records::parse(b"11 path=ab\n\0\0\0").is_some());
        for bad in [&b"9 path=ab\n"[..], b"12 path=ab\n", b"x path=ab\n", b"11 path ab\n", b"11"] {
            assert!(Records::parse(bad).is_none(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn the_last_value_counts_and_an_empty_one_takes_back() {
        let records = Records::parse(b"7 a=12\n7 a=34\n5 b=\n").unwrap();
        assert_eq!((records.number("a"), records.get("b")), (Some(34), None));
    }

    #[test]
    fn times_are_spelled_as_decimal_numbers() {
        for (sec, nsec, text) in [
            (0, 0, "0"),
            (5, 500_000_000, "5.5"),
            (1, 1, "1.000000001"),
            (-1, 0, "-1"),
            (-1, 500_000_000, "-0.5"),
            (-6, 499_999_999, "-5.500000001"),
            (i64::MAX, 0, "9223372036854775807"),
        ] {
            let time = Timestamp { sec, nsec };
            assert_eq!(spell_time(time), text);
            assert_eq!(parse_time(text.as_bytes()), Some(time));
        }
        assert_eq!(parse_time(b"1.12345678999"), Some(Timestamp { sec: 1, nsec: 123_456_789 }));
        for bad in ["", "x", "1.x", "1.-5", "."] {
            assert_eq!(parse_time(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn names_of_attributes_are_escaped() {
        let name = b"user.a=b%c%3D";
        assert_eq!(xattr_key(name), b"SCHILY.xattr.user.a%3Db%25c%253D");
        assert_eq!(xattr_name(&xattr_key(name)).unwrap(), name);
        assert_eq!(xattr_name(b"path"), None);
    }
}
