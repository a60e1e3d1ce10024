//! Looking at files of the host without following a symlink.

use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, Statx, StatxFlags, StatxTimestamp, fstat,
    lgetxattr, llistxattr, makedev, openat, readlinkat, statx,
};
use rustix::io::Errno;

use super::Inode;
use crate::error::Error;
use crate::manifest::{Kind, Node, Timestamp, Xattr};

/// The longest list of names, and the longest value, that an extended attribute can have
/// (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const XATTR_MAX: usize = 1 << 16;

/// A file as it is now.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) inode: Inode,
    pub(super) node: Node,
}

/// A name with its inode number and kind.
type Name = (Box<[u8]>, u64, Kind);

/// What is at `path`; `None` if nothing is.
pub(super) fn at(path: &Path) -> Result<Option<Seen>, Error> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, wanted) {
        Ok(found) => Ok(seen(&found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

fn seen(found: &Statx) -> Option<Seen> {
    let time = |time: StatxTimestamp| Timestamp { sec: time.tv_sec, nsec: time.tv_nsec };
    let kind = Kind::of(FileType::from_raw_mode(found.stx_mode.into()))?;
    let node = Node {
        kind,
        mode: u32::from(found.stx_mode) & 0o7777,
        uid: found.stx_uid,
        gid: found.stx_gid,
        nlink: found.stx_nlink,
        size: found.stx_size,
        blocks: found.stx_blocks,
        rdev: makedev(found.stx_rdev_major, found.stx_rdev_minor),
        atime: time(found.stx_atime),
        mtime: time(found.stx_mtime),
        ctime: time(found.stx_ctime),
        btime: (found.stx_mask & StatxFlags::BTIME.bits() != 0).then(|| time(found.stx_btime)),
        ..Node::default()
    };
    Some(Seen { inode: (makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino), node })
}

/// The device of a directory and the names in it; none if it is gone.
pub(super) fn list(path: &Path) -> Result<(u64, Vec<Name>), Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match openat(CWD, path, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok((0, Vec::new())),
        opened => opened.map_err(failed(path))?,
    };
    let device = fstat(&dir).map_err(failed(path))?.st_dev;
    let mut buffer = vec![MaybeUninit::uninit(); 1 << 15];
    let mut listing = RawDir::new(&dir, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = listing.next() {
        let entry = entry.map_err(failed(path))?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let kind = match Kind::of(entry.file_type()) {
            Some(kind) => kind,
            // Some file systems do not tell here.
            None => match at(&path.join(OsStr::from_bytes(name)))? {
                Some(seen) => seen.node.kind,
                None => continue,
            },
        };
        names.push((name.into(), entry.ino(), kind));
    }
    Ok((device, names))
}

pub(super) fn target(path: &Path) -> Result<Vec<u8>, Error> {
    Ok(readlinkat(CWD, path, Vec::new()).map_err(failed(path))?.into_bytes())
}

/// All extended attributes that vrift can read, sorted by name.
pub(super) fn xattrs(path: &Path) -> Result<Vec<Xattr>, Error> {
    let mut names = Vec::with_capacity(256);
    loop {
        names.resize(names.capacity(), 0);
        match llistxattr(path, &mut names[..]) {
            Ok(length) => {
                names.truncate(length);
                break;
            }
            Err(Errno::RANGE) if names.len() < XATTR_MAX => names.reserve(XATTR_MAX),
            Err(Errno::OPNOTSUPP | Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(failed(path)(error)),
        }
    }
    let mut found: Vec<Xattr> = Vec::new();
    for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; XATTR_MAX];
        match lgetxattr(path, name, &mut value[..]) {
            Ok(length) => found.push((name.into(), value[..length].into())),
            // It went in between, or is not for everybody.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => {}
            Err(error) => return Err(failed(path)(error)),
        }
    }
    found.sort();
    Ok(found)
}

fn failed(path: &Path) -> impl FnOnce(Errno) -> Error {
    let path = path.to_owned();
    move |errno| Error::Lower { path, source: io::Error::from(errno) }
}
