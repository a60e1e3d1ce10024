//! One member of an archive: what its header block and its extended headers say of it.

use tar::{EntryType, Header};

use super::pax::{Records, xattr_name};
use super::sparse::Map;
use crate::manifest::{Kind, Timestamp, Xattr};

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Node(Kind),
    /// A further name of an earlier member.
    Link,
    /// Something with a content that is skipped.
    Unknown,
}

/// How a member's content is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    Whole,
    Holes(Map),
    /// The map is in front of the content; the file has this length.
    HolesInFront(u64),
    /// Nobody can make sense of it.
    Unknown,
}

/// A member's attributes.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    /// The target of a symlink, or the path of the member that has the content.
    pub(super) link: Vec<u8>,
    pub(super) sort: Sort,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Timestamp,
    pub(super) atime: Timestamp,
    pub(super) device: (u32, u32),
    pub(super) xattrs: Vec<Xattr>,
    /// How many bytes of content follow.
    pub(super) stored: u64,
    pub(super) layout: Layout,
}

/// Names that came in blocks of their own.
#[derive(Debug, Default)]
pub(super) struct LongNames {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
}

impl Member {
    /// Puts together what a header, its long names and its records say; `None` if a number in the
    /// header is none.
    pub(super) fn new(header: &Header, names: LongNames, records: &Records) -> Option<Member> {
        let fields = header.as_old();
        let path = records.get("GNU.sparse.name").or_else(|| records.get("path"));
        let path = path.map(<[u8]>::to_vec).or(names.path);
        let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = records.get("linkpath").map(<[u8]>::to_vec).or(names.link);
        let link = link.unwrap_or_else(|| until_zero(&fields.linkname).to_vec());
        let sort = sort(header, &path);
        let stored = match (sort, records.number("size")) {
            // As GNU tar has it: whatever the header says, there is nothing.
            (Sort::Link, _) => 0,
            (_, Some(size)) => size,
            (_, None) => u64::try_from(number(&fields.size)?).ok()?,
        };
        let id = |key, field| -> Option<u32> {
            match records.number(key) {
                Some(id) => u32::try_from(id).ok(),
                None => u32::try_from(number(field)?).ok(),
            }
        };
        let mtime = match records.time("mtime") {
            Some(time) => time,
            None => Timestamp { sec: number(&fields.mtime)?, nsec: 0 },
        };
        let device = match sort {
            Sort::Node(Kind::CharDevice | Kind::BlockDevice) => {
                (header.device_major().ok()??, header.device_minor().ok()??)
            }
            _ => (0, 0),
        };
        Some(Member {
            link,
            sort,
            mode: u32::try_from(number(&fields.mode)?).ok()? & 0o7777,
            uid: id("uid", &fields.uid)?,
            gid: id("gid", &fields.gid)?,
            mtime,
            atime: records.time("atime").unwrap_or(mtime),
            device,
            xattrs: xattrs(records),
            stored,
            layout: layout(header, records),
            path,
        })
    }
}

fn sort(header: &Header, path: &[u8]) -> Sort {
    match header.entry_type() {
        // Before there were kinds, a slash told a directory.
        EntryType::Regular if path.ends_with(b"/") => Sort::Node(Kind::Directory),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Sort::Node(Kind::File),
        EntryType::Link => Sort::Link,
        EntryType::Symlink => Sort::Node(Kind::Symlink),
        EntryType::Char => Sort::Node(Kind::CharDevice),
        EntryType::Block => Sort::Node(Kind::BlockDevice),
        EntryType::Directory => Sort::Node(Kind::Directory),
        EntryType::Fifo => Sort::Node(Kind::Fifo),
        // A directory with a list of what was in it, for incremental archives.
        other if other.as_byte() == b'D' => Sort::Node(Kind::Directory),
        _ => Sort::Unknown,
    }
}

fn layout(header: &Header, records: &Records) -> Layout {
    if header.entry_type() == EntryType::GNUSparse {
        // The blocks that hold the rest of the map are read by who reads blocks.
        let gnu = header.as_gnu();
        let size = gnu.and_then(|gnu| u64::try_from(number(&gnu.realsize)?).ok());
        return size.map_or(Layout::Unknown, |size| Layout::Holes(Map { parts: Vec::new(), size }));
    }
    match (records.number("GNU.sparse.major"), records.number("GNU.sparse.minor")) {
        (Some(1), Some(0)) => {
            records.number("GNU.sparse.realsize").map_or(Layout::Unknown, Layout::HolesInFront)
        }
        (None, _) | (Some(0), _) => match records.get("GNU.sparse.size") {
            Some(_) => Map::in_records(records).map_or(Layout::Unknown, Layout::Holes),
            None => Layout::Whole,
        },
        _ => Layout::Unknown,
    }
}

fn xattrs(records: &Records) -> Vec<Xattr> {
    let named = |(key, value): &(Vec<u8>, Vec<u8>)| {
        Some((xattr_name(key)?.into(), value.clone().into_boxed_slice()))
    };
    records.0.iter().filter_map(named).collect()
}

/// The bytes before the first zero.
pub(super) fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number of a header: octal digits between spaces, or big-endian with the top bit set, where
/// GNU tar also writes negative ones.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    if let Some((&first, rest)) = field.split_first()
        && first & 0x80 != 0
    {
        let negative = first & 0x40 != 0;
        let start = if negative { i128::from(first) - 0x100 } else { i128::from(first & 0x3f) };
        let value = rest
            .iter()
            .try_fold(start, |value, &byte| value.checked_mul(256)?.checked_add(i128::from(byte)));
        return i64::try_from(value?).ok();
    }
    let text = std::str::from_utf8(until_zero(field)).ok()?.trim_matches(' ');
    if text.is_empty() { Some(0) } else { i64::from_str_radix(text, 8).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   755 \0"), Some(0o755));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\x01\0\0\0\0\0"), Some(1 << 40));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"), Some(-2));
        for bad in [&b"9"[..], b"12x", b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
            assert_eq!(number(bad), None, "{}", bad.escape_ascii());
        }
    }
}
