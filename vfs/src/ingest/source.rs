//! Looking at the source without following, changing or waiting for anything in it.
//!
//! Everything is opened by its name in an open directory. The kind is known before opening, because
//! merely opening a FIFO or a device can have an effect; whether it is still the same thing is
//! asked again of the descriptor.
//!
//! The one file of the ingest that knows Linux: `statx`, `O_PATH` and `O_NOATIME` exist nowhere
//! else.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, Statx, StatxFlags, StatxTimestamp, fgetxattr,
    flistxattr, getxattr, listxattr, makedev, openat, readlinkat, statx,
};
use rustix::io::{Errno, Result};

use crate::manifest::{Kind, Node, Timestamp, Xattr};

/// The longest list of names, and the longest value, that an extended attribute can have
/// (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const XATTR_MAX: usize = 1 << 16;

/// An open directory of the source.
#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

/// The names in a directory without `.` and `..`, in the order of their inode numbers, in which a
/// disk finds them fastest.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// All names, each with the zero byte at its end.
    bytes: Vec<u8>,
    names: Vec<Listed>,
}

/// Where a name is in a listing, with what the directory says of it.
#[derive(Debug)]
struct Listed {
    ino: u64,
    bytes: Range<usize>,
    /// `None` where the file system does not tell.
    kind: Option<Kind>,
}

/// What the kernel says of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat(Statx);

/// What distinguishes a file from all others, for as long as the source exists: a number that was
/// given up and taken again comes with another time of creation, where the file system keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) btime: Option<Timestamp>,
}

/// Buffers for extended attributes.
#[derive(Debug)]
pub(crate) struct XattrBuffers {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Directory {
    /// Opens a directory that the user named; here, and only here, a symlink is followed.
    pub(super) fn named(path: &Path) -> Result<Directory> {
        open(CWD, path, OFlags::DIRECTORY).map(Directory)
    }

    /// Opens a directory in this one.
    pub(super) fn directory(&self, name: &CStr) -> Result<Directory> {
        open(&self.0, name, OFlags::DIRECTORY | OFlags::NOFOLLOW).map(Directory)
    }

    /// Opens a regular file in this directory. If something else has its name by now, it is not
    /// waited for.
    pub(super) fn file(&self, name: &CStr) -> Result<File> {
        open(&self.0, name, OFlags::NONBLOCK | OFlags::NOFOLLOW).map(File::from)
    }

    /// Holds on to what `name` stands for, a symlink itself included, without opening it.
    pub(super) fn hold(&self, name: &CStr) -> Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.0, name, flags, Mode::empty())
    }

    /// What the kernel says of `name`.
    pub(super) fn stat(&self, name: &CStr) -> Result<Stat> {
        statx(&self.0, name, AtFlags::SYMLINK_NOFOLLOW, wanted()).map(Stat)
    }

    /// The names in this directory. To be called once: the position is the descriptor's.
    pub(super) fn names(&self) -> Result<Listing> {
        let mut buffer = [MaybeUninit::uninit(); 1 << 15];
        let mut entries = RawDir::new(&self.0, &mut buffer);
        let mut listing = Listing::default();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                listing.add(name, entry.ino(), Kind::of(entry.file_type()));
            }
        }
        listing.names.sort_unstable_by_key(|name| name.ino);
        Ok(listing)
    }
}

impl Listing {
    /// Just one name.
    pub(super) fn of(name: &CStr, kind: Option<Kind>) -> Listing {
        let mut listing = Listing::default();
        listing.add(name, 0, kind);
        listing
    }

    fn add(&mut self, name: &CStr, ino: u64, kind: Option<Kind>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
        self.names.push(Listed { ino, bytes: start..self.bytes.len(), kind });
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Some of the names, by their positions, each with what it names where that is told.
    pub(super) fn some(&self, range: Range<usize>) -> impl Iterator<Item = (&CStr, Option<Kind>)> {
        self.names.get(range).unwrap_or_default().iter().filter_map(|name| {
            let bytes = self.bytes.get(name.bytes.clone())?;
            Some((CStr::from_bytes_with_nul(bytes).ok()?, name.kind))
        })
    }

    /// All names with their positions, in the order of their bytes.
    pub(super) fn sorted(&self) -> Vec<(&[u8], usize)> {
        let name = |listed: &Listed| {
            let end = listed.bytes.end.saturating_sub(1);
            self.bytes.get(listed.bytes.start..end).unwrap_or_default()
        };
        // The first bytes as a number decide nearly always, and faster.
        let number = |name: &[u8]| {
            let mut first = [0; 8];
            let length = name.len().min(8);
            first[..length].copy_from_slice(&name[..length]);
            u64::from_be_bytes(first)
        };
        let names = self.names.iter().map(name).enumerate();
        let mut sorted: Vec<_> = names.map(|(at, name)| (number(name), name, at)).collect();
        sorted.sort_unstable();
        sorted.into_iter().map(|(_, name, at)| (name, at)).collect()
    }

    /// Whether this is one of the names.
    pub(super) fn has(&self, wanted: &CStr) -> bool {
        self.some(0..self.len()).any(|(name, _)| name == wanted)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What the kernel says of an open file.
pub(super) fn stat(file: impl AsFd) -> Result<Stat> {
    statx(file, c"", AtFlags::EMPTY_PATH, wanted()).map(Stat)
}

/// What the kernel says of what the user named, or of what that points to if it is a symlink.
pub(super) fn follow(path: &Path) -> Result<Stat> {
    statx(CWD, path, AtFlags::empty(), wanted()).map(Stat)
}

/// What the kernel says of what the user named, a symlink itself included.
pub(super) fn look(path: &Path) -> Result<Stat> {
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, wanted()).map(Stat)
}

/// The target of a symlink that is held.
pub(super) fn target(link: &OwnedFd) -> Result<Vec<u8>> {
    readlinkat(link, c"", Vec::new()).map(CString::into_bytes)
}

fn wanted() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME
}

/// Opens for reading, without marking an access where that is allowed.
fn open<P: rustix::path::Arg + Copy>(dir: impl AsFd, name: P, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    match openat(&dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        // Not the owner: reading is still allowed, only not unnoticed.
        Err(Errno::PERM) => openat(&dir, name, flags, Mode::empty()),
        other => other,
    }
}

impl Stat {
    /// What it is; `None` for a kind that Linux did not have when this was written.
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::of(FileType::from_raw_mode(self.0.stx_mode.into()))
    }

    /// Who it is.
    pub(super) fn identity(&self) -> Identity {
        Identity { dev: self.dev(), ino: self.0.stx_ino, btime: self.btime() }
    }

    /// The file system it is in.
    pub(super) fn dev(&self) -> u64 {
        makedev(self.0.stx_dev_major, self.0.stx_dev_minor)
    }

    pub(super) fn size(&self) -> u64 {
        self.0.stx_size
    }

    pub(super) fn nlink(&self) -> u32 {
        self.0.stx_nlink
    }

    pub(super) fn mtime(&self) -> Timestamp {
        timestamp(self.0.stx_mtime)
    }

    pub(super) fn ctime(&self) -> Timestamp {
        timestamp(self.0.stx_ctime)
    }

    fn btime(&self) -> Option<Timestamp> {
        let known = StatxFlags::from_bits_retain(self.0.stx_mask).contains(StatxFlags::BTIME);
        known.then(|| timestamp(self.0.stx_btime))
    }

    /// Whether both can be of the same content and attributes. The time of access may differ;
    /// others may read too.
    pub(super) fn unchanged(&self, later: &Stat) -> bool {
        let fields = |s: &Stat| (s.identity(), s.size(), s.mtime(), s.ctime());
        fields(self) == fields(later)
    }

    /// What a manifest says of something with these attributes, without its content.
    pub(super) fn node(&self, kind: Kind) -> Node {
        let stat = &self.0;
        Node {
            kind,
            mode: u32::from(stat.stx_mode) & 0o7777,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            nlink: stat.stx_nlink,
            size: stat.stx_size,
            blocks: stat.stx_blocks,
            rdev: makedev(stat.stx_rdev_major, stat.stx_rdev_minor),
            atime: timestamp(stat.stx_atime),
            mtime: self.mtime(),
            ctime: self.ctime(),
            btime: self.btime(),
            ..Node::default()
        }
    }
}

fn timestamp(time: StatxTimestamp) -> Timestamp {
    Timestamp { sec: time.tv_sec, nsec: time.tv_nsec }
}

impl XattrBuffers {
    pub(crate) fn new() -> XattrBuffers {
        XattrBuffers { names: vec![0; XATTR_MAX], value: vec![0; XATTR_MAX] }
    }

    /// The extended attributes of an open file.
    pub(super) fn of_open(&mut self, file: impl AsFd) -> Result<Vec<Xattr>> {
        let listed = flistxattr(&file, &mut self.names[..]);
        self.read(listed, |name, value| fgetxattr(&file, name, value))
    }

    /// The extended attributes of what is held with `O_PATH`, which the calls on descriptors
    /// refuse; the kernel's link to it leads to itself, even if it is a symlink.
    pub(crate) fn of_held(&mut self, held: &OwnedFd) -> Result<Vec<Xattr>> {
        let path = format!("/proc/self/fd/{}", held.as_raw_fd());
        let listed = listxattr(&path, &mut self.names[..]);
        self.read(listed, |name, value| getxattr(&path, name, value))
    }

    fn read(
        &mut self,
        listed: Result<usize>,
        get: impl Fn(&CStr, &mut [u8]) -> Result<usize>,
    ) -> Result<Vec<Xattr>> {
        let length = match listed {
            Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            other => other?,
        };
        let mut found = Vec::new();
        for name in self.names[..length].split_inclusive(|&byte| byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            match get(name, &mut self.value) {
                Ok(length) => found.push((name.to_bytes().into(), self.value[..length].into())),
                // It was removed since, or it is another name space's that is only listed.
                Err(Errno::NODATA) => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}
