//! Answers in the layout the tracee's ABI expects.

use nix::errno::Errno;
use vrift_arch::abi::{self, Stat, Statfs, Statx, Timespec};
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{Attr, DirEntry, Error, Figures, Kind as NodeKind, Reply, Timestamp};

use crate::call::Call;
use crate::decode::out_arg;
use crate::memory::{GuestAddr, Memory};

/// The `STATX_*` bits of what every node has, and of the birth time.
const STATX_BASIC: u32 = 0x7ff;
const STATX_BTIME: u32 = 0x800;

/// Writes `reply` where `call` wants it and returns the call's result.
pub(crate) fn answer<A: Arch>(
    call: &Call,
    reply: &Reply,
    memory: &dyn Memory,
) -> Result<i64, Errno> {
    match reply {
        Reply::Done | Reply::Directory(_) => Ok(0),
        Reply::Attr(attr) if call.syscall == Some(Syscall::Statx) => {
            put::<A>(call, memory, &abi::encode_statx(&statx(attr, call.arg(Arg::A3) as u32)))?;
            Ok(0)
        }
        Reply::Figures(figures) => {
            put::<A>(call, memory, &statfs_bytes::<A>(call, &statfs(figures))?)?;
            Ok(0)
        }
        Reply::Attr(attr) => {
            let syscall = call.syscall.ok_or(Errno::ENOSYS)?;
            // Older layouts lack room for what some files have.
            let bytes = A::encode_stat_of(syscall, &stat(attr)).ok_or(Errno::EOVERFLOW)?;
            put::<A>(call, memory, &bytes)?;
            Ok(0)
        }
        Reply::Attribute(bytes) => attribute::<A>(call, bytes, memory),
        Reply::Link(target) => {
            let room = buffer_len::<A>(call) as i32;
            if room <= 0 {
                return Err(Errno::EINVAL);
            }
            let cut = &target[..target.len().min(room as usize)];
            put::<A>(call, memory, cut)?;
            Ok(cut.len() as i64)
        }
        Reply::Cwd(path) => {
            if path.len() as u64 >= buffer_len::<A>(call) {
                return Err(Errno::ERANGE);
            }
            let mut bytes = path.clone();
            bytes.push(0);
            put::<A>(call, memory, &bytes)?;
            Ok(bytes.len() as i64)
        }
    }
}

/// The result of getxattr, listxattr and relatives: a size of 0 asks for the length.
fn attribute<A: Arch>(call: &Call, bytes: &[u8], memory: &dyn Memory) -> Result<i64, Errno> {
    let (at, room) = match call.syscall {
        Some(Syscall::Getxattrat) => {
            // `struct xattr_args` (linux/xattr.h); `precheck` has looked at the rest.
            let args = GuestAddr(call.arg(Arg::A4));
            (memory.read_u64(args)?, u64::from(memory.read_u32(args.offset(8))?))
        }
        _ => (out_arg::<A>(call).map_or(0, |arg| call.arg(arg)), A::word(buffer_len::<A>(call))),
    };
    if room != 0 {
        if room < bytes.len() as u64 {
            return Err(Errno::ERANGE);
        }
        memory.write(GuestAddr(at), bytes)?;
    }
    Ok(bytes.len() as i64)
}

/// The size of the buffer the kernel fills in: the argument after it.
fn buffer_len<A: Arch>(call: &Call) -> u64 {
    let next = out_arg::<A>(call).map_or(0, |arg| arg.index() + 1);
    call.args.get(next).copied().unwrap_or(0)
}

fn put<A: Arch>(call: &Call, memory: &dyn Memory, bytes: &[u8]) -> Result<(), Errno> {
    let arg = out_arg::<A>(call).ok_or(Errno::ENOSYS)?;
    memory.write(GuestAddr(call.arg(arg)), bytes)
}

/// A directory listing as far as it fits.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The records.
    pub(crate) bytes: Vec<u8>,
    /// The position after the last of them.
    pub(crate) next: u64,
    /// What the call returns: the bytes, or in `readdir` the entries.
    pub(crate) result: i64,
}

/// Lays out entries for `getdents64` or `getdents`, or the next one for `readdir`. *Errors:* `EINVAL` if not even one fits, and
/// `EOVERFLOW` if the first has an inode number for which there is no room.
pub(crate) fn listing<'a, A: Arch>(
    call: &Call,
    from: u64,
    entries: impl Iterator<Item = Result<DirEntry<'a>, Error>>,
) -> Result<Result<Listing, Errno>, Error> {
    let room = call.arg(Arg::A2) as u32 as usize;
    let form = Form::of::<A>(call);
    let mut listing = Listing { bytes: Vec::new(), next: from, result: 0 };
    for entry in entries {
        let entry = entry?;
        if form == Form::One {
            // It does not ask for room, and is told the position of the entry itself.
            let Some(bytes) = abi::old_dirent(entry.ino, from as i64, &entry.name) else {
                return Ok(Err(Errno::EOVERFLOW));
            };
            return Ok(Ok(Listing { bytes, next: entry.next, result: 1 }));
        }
        let refused = if listing.bytes.len() + form.len(entry.name.len()) > room {
            Err(Errno::EINVAL)
        } else {
            form.push(&mut listing.bytes, &entry)
        };
        match refused {
            Ok(()) => listing.next = entry.next,
            Err(errno) if listing.bytes.is_empty() => return Ok(Err(errno)),
            Err(_) => break,
        }
    }
    listing.result = listing.bytes.len() as i64;
    Ok(Ok(listing))
}

/// The layouts of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `struct linux_dirent64`
    Dirent64,
    /// `struct linux_dirent`
    Dirent,
    /// `struct compat_linux_dirent`
    Dirent32,
    /// `struct compat_old_linux_dirent`, of which there is one.
    One,
}

impl Form {
    fn of<A: Arch>(call: &Call) -> Form {
        match (call.syscall, A::WORD) {
            (Some(Syscall::Getdents), 4) => Form::Dirent32,
            (Some(Syscall::Getdents), _) => Form::Dirent,
            (Some(Syscall::Readdir), _) => Form::One,
            _ => Form::Dirent64,
        }
    }

    fn len(self, name: usize) -> usize {
        match self {
            Form::Dirent64 => abi::dirent64_len(name),
            Form::Dirent => abi::dirent_len(name),
            Form::Dirent32 | Form::One => abi::dirent32_len(name),
        }
    }

    fn push(self, out: &mut Vec<u8>, entry: &DirEntry<'_>) -> Result<(), Errno> {
        let (ino, off, kind) = (entry.ino, entry.next as i64, dirent_type(entry.kind));
        match self {
            Form::Dirent64 => abi::push_dirent64(out, ino, off, kind, &entry.name),
            Form::Dirent => abi::push_dirent(out, ino, off, kind, &entry.name),
            Form::Dirent32 | Form::One => {
                let pushed = abi::push_dirent32(out, ino, off, kind, &entry.name);
                pushed.ok_or(Errno::EOVERFLOW)?;
            }
        }
        Ok(())
    }
}

fn dirent_type(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::File => abi::DT_REG,
        NodeKind::Directory => abi::DT_DIR,
        NodeKind::Symlink => abi::DT_LNK,
        NodeKind::Fifo => abi::DT_FIFO,
        NodeKind::Socket => abi::DT_SOCK,
        NodeKind::CharDevice => abi::DT_CHR,
        NodeKind::BlockDevice => abi::DT_BLK,
    }
}

fn type_bits(kind: NodeKind) -> u32 {
    match kind {
        NodeKind::File => abi::S_IFREG,
        NodeKind::Directory => abi::S_IFDIR,
        NodeKind::Symlink => abi::S_IFLNK,
        NodeKind::Fifo => abi::S_IFIFO,
        NodeKind::Socket => abi::S_IFSOCK,
        NodeKind::CharDevice => abi::S_IFCHR,
        NodeKind::BlockDevice => abi::S_IFBLK,
    }
}

fn time(stamp: Timestamp) -> Timespec {
    Timespec { sec: stamp.sec, nsec: i64::from(stamp.nsec) }
}

/// `dev_t` as `stat` carries it (`new_encode_dev` in include/linux/kdev_t.h).
fn device((major, minor): (u32, u32)) -> u64 {
    u64::from((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
}

fn stat(attr: &Attr) -> Stat {
    Stat {
        dev: device(attr.dev),
        ino: attr.ino,
        nlink: u64::from(attr.nlink),
        mode: type_bits(attr.kind) | attr.mode,
        uid: attr.uid,
        gid: attr.gid,
        rdev: device(attr.rdev),
        size: attr.size as i64,
        blksize: i64::from(attr.block_size),
        blocks: attr.blocks as i64,
        atime: time(attr.atime),
        mtime: time(attr.mtime),
        ctime: time(attr.ctime),
    }
}

/// The structure of the statfs family that `call` fills in.
fn statfs_bytes<A: Arch>(call: &Call, statfs: &Statfs) -> Result<Vec<u8>, Errno> {
    match (call.syscall, A::WORD) {
        (Some(Syscall::Statfs64 | Syscall::Fstatfs64), _) => {
            // `kcompat_sys_statfs64` in fs/statfs.c.
            match call.arg(Arg::A1) as usize == abi::COMPAT_STATFS64_SIZE {
                true => Ok(abi::encode_compat_statfs64(statfs).to_vec()),
                false => Err(Errno::EINVAL),
            }
        }
        (_, 4) => abi::encode_compat_statfs(statfs).map(Vec::from).ok_or(Errno::EOVERFLOW),
        _ => Ok(abi::encode_statfs(statfs).to_vec()),
    }
}

fn statfs(figures: &Figures) -> Statfs {
    Statfs {
        kind: figures.fs_type,
        bsize: figures.block_size,
        blocks: figures.blocks,
        bfree: figures.blocks_free,
        bavail: figures.blocks_available,
        files: figures.files,
        ffree: figures.files_free,
        fsid: figures.fs_id,
        namelen: figures.name_max,
        frsize: figures.block_size,
        flags: if figures.read_only { abi::ST_RDONLY } else { 0 }
            | abi::ST_NOSUID
            | abi::ST_NODEV
            | abi::ST_VALID,
    }
}

/// The birth time is given if it was asked for, all else always.
fn statx(attr: &Attr, wanted: u32) -> Statx {
    let btime = attr.btime.filter(|_| wanted & STATX_BTIME != 0);
    Statx {
        mask: STATX_BASIC | if btime.is_some() { STATX_BTIME } else { 0 },
        attributes: if attr.mount_root { abi::STATX_ATTR_MOUNT_ROOT } else { 0 },
        attributes_mask: abi::STATX_ATTR_MOUNT_ROOT,
        blksize: attr.block_size,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        mode: (type_bits(attr.kind) | attr.mode) as u16,
        ino: attr.ino,
        size: attr.size,
        blocks: attr.blocks,
        atime: time(attr.atime),
        btime: btime.map(time).unwrap_or_default(),
        ctime: time(attr.ctime),
        mtime: time(attr.mtime),
        rdev: attr.rdev,
        dev: attr.dev,
        ..Statx::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vrift_arch::syscall::Kind;

    #[test]
    fn devices_are_encoded_as_the_c_library_decodes_them() {
        for (major, minor) in [(0, 0), (8, 1), (0, 0xff000), (259, 0x12345)] {
            let dev = device((major, minor));
            assert_eq!((libc::major(dev), libc::minor(dev)), (major, minor));
        }
    }

    #[test]
    fn every_reply_has_a_place_to_go() {
        for call in [Syscall::Stat, Syscall::Newfstatat, Syscall::Statx, Syscall::Readlinkat] {
            let out = |kind: &&Kind| matches!(kind, Kind::Out(_) | Kind::OutBytes | Kind::OutText);
            assert_eq!(call.row().args.iter().filter(out).count(), 1, "{call:?}");
        }
    }
}
