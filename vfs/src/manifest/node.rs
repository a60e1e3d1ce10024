//! A node's attributes, and the record they are stored in.
//!
//! Kinds are numbered 1 to 7. A reader rejects every number it does not know.

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use vrift_cas::Digest;

use super::format::{Fields, NODE_SIZE};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A FIFO (named pipe).
    Fifo,
    /// A socket's name.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

impl Kind {
    /// The kind of a file of the host; `None` for one that Linux did not have when this was written.
    pub(crate) fn of(host: FileType) -> Option<Kind> {
        Some(match host {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::Unknown => return None,
        })
    }

    /// Whether writing to it changes the file system it is on: refused by a read-only one before its
    /// mode is looked at (`sb_permission` in the kernel's fs/namei.c).
    pub(crate) fn is_stored(self) -> bool {
        matches!(self, Kind::File | Kind::Directory | Kind::Symlink)
    }

    /// All kinds, in the order of their numbers in the format, which start at 1.
    const ALL: [Kind; 7] = [
        Kind::File,
        Kind::Directory,
        Kind::Symlink,
        Kind::Fifo,
        Kind::Socket,
        Kind::CharDevice,
        Kind::BlockDevice,
    ];

    /// The kind in words.
    pub fn word(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Symlink => "symlink",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::CharDevice => "character device",
            Kind::BlockDevice => "block device",
        }
    }
}

/// A time stamp.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp {
    /// Seconds since 1970, negative before.
    pub sec: i64,
    /// Nanoseconds to add, 0 to 999,999,999.
    pub nsec: u32,
}

impl Timestamp {
    /// Before every other.
    pub(crate) const MIN: Timestamp = Timestamp { sec: i64::MIN, nsec: 0 };
}

/// The attributes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits, without the type: at most 07777.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// For a directory what `stat` said; for anything else the number of names in the manifest.
    pub nlink: u32,
    /// The length of a file's content or of a symlink's target; for a directory what `stat` said.
    pub size: u64,
    /// What it occupied, in units of 512 bytes.
    pub blocks: u64,
    /// The device a device node stands for, as `stat` encodes it.
    pub rdev: u64,
    /// The last access.
    pub atime: Timestamp,
    /// The last change of the content.
    pub mtime: Timestamp,
    /// The last change of the attributes.
    pub ctime: Timestamp,
    /// The creation, where the file system of the source knew it.
    pub btime: Option<Timestamp>,
    /// The content of a file; zero for every other kind.
    pub digest: Digest,
}

/// Where a node's record points to in other sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Links {
    /// The first of the dentries that name the node; [`UNNAMED`] for the root.
    pub(super) named_by: u32,
    /// Where its dentries (of a directory) or its target (of a symlink) start.
    pub(super) start: u64,
    /// How many dentries it has; 0 if it is no directory.
    pub(super) count: u32,
    /// Where the path of a directory starts, and its length; [`NO_PATH`] if it is not stored.
    pub(super) path: (u64, u32),
    /// The number of its set of extended attributes plus 1; 0 if it has none.
    pub(super) xattrs: u32,
}

/// The value of [`Links::named_by`] for the root, which has no name.
pub(super) const UNNAMED: u32 = u32::MAX;

/// The length in [`Links::path`] of a path that is too long to be stored.
pub(super) const NO_PATH: u32 = u32::MAX;

const HAS_BTIME: u8 = 1;

/// Writes the record of a node that [`is_valid`].
pub(super) fn encode(node: &Node, links: &Links, out: &mut Vec<u8>) {
    // In the order of `Kind::ALL`.
    let kind = node.kind as u8 + 1;
    let btime = node.btime.unwrap_or_default();
    let times = [node.atime, node.mtime, node.ctime, btime];
    out.extend([kind, if node.btime.is_some() { HAS_BTIME } else { 0 }]);
    // `is_valid` limits the mode to 12 bits.
    out.extend((node.mode as u16).to_le_bytes());
    out.extend([node.nlink, node.uid, node.gid].iter().flat_map(|field| field.to_le_bytes()));
    out.extend([node.size, node.blocks, node.rdev].iter().flat_map(|field| field.to_le_bytes()));
    out.extend(times.iter().flat_map(|time| time.sec.to_le_bytes()));
    out.extend(times.iter().flat_map(|time| time.nsec.to_le_bytes()));
    match node.kind {
        Kind::File => out.extend(node.digest.0),
        Kind::Directory | Kind::Symlink => {
            out.extend(links.start.to_le_bytes());
            out.extend(links.count.to_le_bytes());
            out.extend(links.path.1.to_le_bytes());
            out.extend(links.path.0.to_le_bytes());
            out.extend([0; 8]);
        }
        _ => out.extend([0; 32]),
    }
    out.extend(links.named_by.to_le_bytes());
    out.extend(links.xattrs.to_le_bytes());
}

/// Reads the kind from a record.
#[inline]
pub(super) fn decode_kind(record: &[u8; NODE_SIZE]) -> Option<Kind> {
    Kind::ALL.get(usize::from(record[0]).checked_sub(1)?).copied()
}

/// Reads the attributes from a record; `None` if no node can have them.
pub(super) fn decode(record: &[u8; NODE_SIZE]) -> Option<Node> {
    let mut fields = Fields(record);
    let kind = decode_kind(record)?;
    let _kind = fields.u8()?;
    let flags = fields.u8()?;
    let mode = u32::from(fields.u16()?);
    let (nlink, uid, gid) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (size, blocks, rdev) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let mut times = [Timestamp::default(); 4];
    for time in &mut times {
        time.sec = fields.i64()?;
    }
    for time in &mut times {
        time.nsec = fields.u32()?;
    }
    let [atime, mtime, ctime, btime] = times;
    let btime = (flags == HAS_BTIME).then_some(btime);
    let digest = match kind {
        Kind::File => Digest(fields.bytes()?),
        _ => Digest::default(),
    };
    let node = Node {
        kind,
        mode,
        uid,
        gid,
        nlink,
        size,
        blocks,
        rdev,
        atime,
        mtime,
        ctime,
        btime,
        digest,
    };
    (flags & !HAS_BTIME == 0 && is_valid(&node)).then_some(node)
}

/// Whether every attribute has a value that `stat` could report.
pub(super) fn is_valid(node: &Node) -> bool {
    let times = [node.atime, node.mtime, node.ctime, node.btime.unwrap_or_default()];
    // A size is a signed number in every interface it will be passed through.
    node.mode <= 0o7777
        && i64::try_from(node.size).is_ok()
        && times.iter().all(|time| time.nsec < 1_000_000_000)
}

/// Reads where a record points to. `start` and `count` are 0 where they mean nothing.
#[inline]
pub(super) fn decode_links(record: &[u8; NODE_SIZE], kind: Kind) -> Option<Links> {
    let mut fields = Fields(record.get(88..)?);
    let (start, count, path) = match kind {
        Kind::Directory | Kind::Symlink => {
            let (start, count, path_length) = (fields.u64()?, fields.u32()?, fields.u32()?);
            (start, count, (fields.u64()?, path_length))
        }
        _ => (0, 0, (0, 0)),
    };
    let mut fields = Fields(record.get(120..)?);
    Some(Links { named_by: fields.u32()?, start, count, path, xattrs: fields.u32()? })
}
