//! What the kernel checks of a call's arguments before it looks at the call's paths.
//!
//! A call that fails here fails with the same errno wherever its paths lead, so this comes before
//! judging. Flags that are not known here are refused even if the kernel is new enough to take
//! them: what they mean for a mount is not known either.

use nix::errno::Errno;
use vrift_arch::abi::{self, OpenHow, open, resolve};
use vrift_arch::{Arch, Arg, Syscall};

use crate::attributes::XattrArgs;
use crate::call::Call;
use crate::memory::{GuestAddr, Memory};

/// What becomes of a call whose arguments are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precheck {
    /// Its paths are looked at.
    GoOn,
    /// It succeeds without a look at its paths.
    NothingToDo,
}

/// The longest name of an extended attribute, and the largest value (include/uapi/linux/limits.h).
const XATTR_NAME_MAX: usize = 255;
const XATTR_SIZE_MAX: u64 = 65536;

/// `tv_nsec` for "leave this time alone" (include/linux/stat.h).
const UTIME_OMIT: u64 = (1 << 30) - 2;

/// A bit of statx's mask that no kernel gives a meaning.
const STATX_RESERVED: u64 = 0x8000_0000;

const STAT_FLAGS: u32 =
    abi::AT_SYMLINK_NOFOLLOW | abi::AT_NO_AUTOMOUNT | abi::AT_EMPTY_PATH | abi::AT_STATX_SYNC_TYPE;
const NAME_FLAGS: u32 = abi::AT_SYMLINK_NOFOLLOW | abi::AT_EMPTY_PATH;

/// With `AT_HANDLE_FID`, `AT_HANDLE_MNT_ID_UNIQUE` and `AT_HANDLE_CONNECTABLE`.
const HANDLE_FLAGS: u32 = abi::AT_SYMLINK_FOLLOW | abi::AT_EMPTY_PATH | 0x200 | 1 | 2;

/// The bits an argument may have; any other is `EINVAL`.
const ALLOWED: &[(Syscall, Arg, u32)] = &[
    (Syscall::Newfstatat, Arg::A3, STAT_FLAGS),
    (Syscall::Fstatat64, Arg::A3, STAT_FLAGS),
    (Syscall::Statx, Arg::A2, STAT_FLAGS),
    (Syscall::Access, Arg::A1, 7),
    (Syscall::Faccessat, Arg::A2, 7),
    (Syscall::Faccessat2, Arg::A2, 7),
    (Syscall::Faccessat2, Arg::A3, NAME_FLAGS | abi::AT_EACCESS),
    (Syscall::Unlinkat, Arg::A2, abi::AT_REMOVEDIR),
    (Syscall::Linkat, Arg::A4, abi::AT_SYMLINK_FOLLOW | abi::AT_EMPTY_PATH),
    (Syscall::Fchownat, Arg::A4, NAME_FLAGS),
    (Syscall::Fchmodat2, Arg::A3, NAME_FLAGS),
    (Syscall::Utimensat, Arg::A3, NAME_FLAGS),
    (Syscall::UtimensatTime64, Arg::A3, NAME_FLAGS),
    (Syscall::Listxattrat, Arg::A2, NAME_FLAGS),
    (Syscall::FileGetattr, Arg::A4, NAME_FLAGS),
    (Syscall::FileSetattr, Arg::A4, NAME_FLAGS),
    (Syscall::NameToHandleAt, Arg::A4, HANDLE_FLAGS),
    // RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT
    (Syscall::Renameat2, Arg::A4, 7),
    // XATTR_CREATE, XATTR_REPLACE
    (Syscall::Setxattr, Arg::A4, 3),
    (Syscall::Lsetxattr, Arg::A4, 3),
    (Syscall::Fsetxattr, Arg::A4, 3),
];

/// The size of `struct statfs64` of i386, which its callers must give (`compat_statfs64`).
const STATFS64_BYTES: u64 = 84;

/// Checks `call`, which came through the ABI `A`.
pub(crate) fn precheck<A: Arch>(call: &Call, memory: &dyn Memory) -> Result<Precheck, Errno> {
    let Some(syscall) = call.syscall else { return Ok(Precheck::GoOn) };
    if leaves_both_times::<A>(call, memory)? {
        return Ok(Precheck::NothingToDo);
    }
    let invalid = |&(of, arg, allowed): &(Syscall, Arg, u32)| {
        of == syscall && call.arg(arg) as u32 & !allowed != 0
    };
    if ALLOWED.iter().any(invalid) {
        return Err(Errno::EINVAL);
    }
    match syscall {
        Syscall::Open => open_flags::<A>(call.arg(Arg::A1) as u32)?,
        Syscall::Openat => open_flags::<A>(call.arg(Arg::A2) as u32)?,
        Syscall::Statx => statx(call)?,
        Syscall::Renameat2 => renameat2(call.arg(Arg::A4))?,
        Syscall::Readlink => positive(call.arg(Arg::A2))?,
        Syscall::Readlinkat => positive(call.arg(Arg::A3))?,
        Syscall::Truncate if A::signed(call.arg(Arg::A1)) < 0 => return Err(Errno::EINVAL),
        // The high half of the size comes last.
        Syscall::Truncate64 if A::signed(call.arg(Arg::A2)) < 0 => return Err(Errno::EINVAL),
        Syscall::Statfs64 if call.arg(Arg::A1) != STATFS64_BYTES => return Err(Errno::EINVAL),
        Syscall::Mknod => node_mode(call.arg(Arg::A1) as u32)?,
        Syscall::Mknodat => node_mode(call.arg(Arg::A2) as u32)?,
        Syscall::Symlink | Syscall::Symlinkat => symlink_target(call, memory)?,
        Syscall::Setxattr | Syscall::Lsetxattr | Syscall::Fsetxattr => {
            xattr_name(call, Arg::A1, memory)?;
            if call.arg(Arg::A3) > XATTR_SIZE_MAX {
                return Err(Errno::E2BIG);
            }
        }
        Syscall::Getxattrat => getxattrat(call, memory)?,
        Syscall::Setxattrat => setxattrat(call, memory)?,
        Syscall::Removexattrat => {
            name_flags(call)?;
            xattr_name(call, Arg::A3, memory)?;
        }
        Syscall::FileGetattr | Syscall::FileSetattr => file_attr_size(call.arg(Arg::A3))?,
        Syscall::InotifyAddWatch => watch_mask(call.arg(Arg::A2) as u32)?,
        Syscall::Getxattr
        | Syscall::Lgetxattr
        | Syscall::Fgetxattr
        | Syscall::Removexattr
        | Syscall::Lremovexattr
        | Syscall::Fremovexattr => xattr_name(call, Arg::A1, memory)?,
        _ => {}
    }
    Ok(Precheck::GoOn)
}

/// Reads and checks `struct open_how` (`do_sys_openat2` and `build_open_flags` in fs/open.c).
pub(crate) fn open_how<A: Arch>(call: &Call, memory: &dyn Memory) -> Result<OpenHow, Errno> {
    const PAGE: u64 = 4096;
    let size = call.arg(Arg::A3);
    if size < OpenHow::SIZE as u64 {
        return Err(Errno::EINVAL);
    }
    if size > PAGE {
        return Err(Errno::E2BIG);
    }
    let mut bytes = vec![0; size as usize];
    memory.read_exact(GuestAddr(call.arg(Arg::A2)), &mut bytes)?;
    if bytes[OpenHow::SIZE..].iter().any(|&byte| byte != 0) {
        return Err(Errno::E2BIG);
    }
    let how = OpenHow::decode(&bytes).ok_or(Errno::EINVAL)?;
    let makes = how.flags & u64::from(open::O_CREAT | open::__O_TMPFILE) != 0;
    let names = how.flags & u64::from(open::O_PATH) != 0;
    let invalid = how.flags & !u64::from(valid_open_flags::<A>()) != 0
        || names && how.flags & !u64::from(path_flags::<A>()) != 0
        || how.mode & !(if makes { 0o7777 } else { 0 }) != 0
        || how.resolve & !VALID_RESOLVE != 0
        || how.resolve & BENEATH_AND_IN_ROOT == BENEATH_AND_IN_ROOT;
    if invalid {
        return Err(Errno::EINVAL);
    }
    open_flags::<A>(how.flags as u32)?;
    let changes = u64::from(open::O_TRUNC | open::O_CREAT | open::__O_TMPFILE);
    if how.resolve & resolve::RESOLVE_CACHED != 0 && how.flags & changes != 0 {
        return Err(Errno::EAGAIN);
    }
    Ok(how)
}

const BENEATH_AND_IN_ROOT: u64 = resolve::RESOLVE_BENEATH | resolve::RESOLVE_IN_ROOT;
const VALID_RESOLVE: u64 = BENEATH_AND_IN_ROOT
    | resolve::RESOLVE_NO_XDEV
    | resolve::RESOLVE_NO_MAGICLINKS
    | resolve::RESOLVE_NO_SYMLINKS
    | resolve::RESOLVE_CACHED;

/// The flags that mean something together with `O_PATH`.
fn path_flags<A: Arch>() -> u32 {
    open::O_PATH | open::O_CLOEXEC | A::OPEN.directory | A::OPEN.nofollow
}

fn valid_open_flags<A: Arch>() -> u32 {
    open::O_ACCMODE
        | open::O_CREAT
        | open::O_EXCL
        | open::O_NOCTTY
        | open::O_TRUNC
        | open::O_APPEND
        | open::O_NONBLOCK
        | open::O_SYNC
        | open::O_ASYNC
        | open::O_NOATIME
        | open::__O_TMPFILE
        | A::OPEN.direct
        | A::OPEN.largefile
        | path_flags::<A>()
}

/// The combinations that `build_open_flags` refuses.
fn open_flags<A: Arch>(flags: u32) -> Result<(), Errno> {
    if flags & open::O_PATH != 0 {
        // All but a few flags are ignored.
        return Ok(());
    }
    let directory = A::OPEN.directory;
    let shape = flags & (open::__O_TMPFILE | directory | open::O_CREAT);
    let writes = flags & open::O_ACCMODE != open::O_RDONLY;
    let nameless = flags & open::__O_TMPFILE != 0;
    if nameless && (shape != open::__O_TMPFILE | directory || !writes) {
        return Err(Errno::EINVAL);
    }
    if shape == directory | open::O_CREAT {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn statx(call: &Call) -> Result<(), Errno> {
    let both = call.arg(Arg::A2) as u32 & abi::AT_STATX_SYNC_TYPE == abi::AT_STATX_SYNC_TYPE;
    if both || call.arg(Arg::A3) & STATX_RESERVED != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn renameat2(flags: u64) -> Result<(), Errno> {
    const EXCHANGE: u64 = 2;
    if flags & EXCHANGE != 0 && flags & !EXCHANGE != 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

fn positive(size: u64) -> Result<(), Errno> {
    if size as i32 <= 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

/// `may_mknod` in fs/namei.c.
fn node_mode(mode: u32) -> Result<(), Errno> {
    match mode & abi::S_IFMT {
        0 | abi::S_IFREG | abi::S_IFCHR | abi::S_IFBLK | abi::S_IFIFO | abi::S_IFSOCK => Ok(()),
        abi::S_IFDIR => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

fn symlink_target(call: &Call, memory: &dyn Memory) -> Result<(), Errno> {
    match memory.read_cstr(GuestAddr(call.arg(Arg::A0)), 4096)?.is_empty() {
        true => Err(Errno::ENOENT),
        false => Ok(()),
    }
}

/// `struct xattr_args` is read before anything is checked, and the flags in it are reserved
/// (`getxattrat` in fs/xattr.c).
fn getxattrat(call: &Call, memory: &dyn Memory) -> Result<(), Errno> {
    if XattrArgs::read(call, memory)?.flags != 0 {
        return Err(Errno::EINVAL);
    }
    name_flags(call)?;
    xattr_name(call, Arg::A3, memory)
}

/// `path_setxattrat` and `setxattr_copy` in fs/xattr.c.
fn setxattrat(call: &Call, memory: &dyn Memory) -> Result<(), Errno> {
    let given = XattrArgs::read(call, memory)?;
    name_flags(call)?;
    if given.flags & !3 != 0 {
        return Err(Errno::EINVAL);
    }
    xattr_name(call, Arg::A3, memory)?;
    if given.size > XATTR_SIZE_MAX { Err(Errno::E2BIG) } else { Ok(()) }
}

fn name_flags(call: &Call) -> Result<(), Errno> {
    if call.arg(Arg::A2) as u32 & !NAME_FLAGS != 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

/// The size of `struct file_attr` (`file_getattr` in fs/file_attr.c).
fn file_attr_size(size: u64) -> Result<(), Errno> {
    const FIRST: u64 = 24;
    const PAGE: u64 = 4096;
    match size {
        ..FIRST => Err(Errno::EINVAL),
        FIRST..=PAGE => Ok(()),
        _ => Err(Errno::E2BIG),
    }
}

/// The masks that `inotify_add_watch` refuses (fs/notify/inotify/inotify_user.c).
fn watch_mask(mask: u32) -> Result<(), Errno> {
    const MASK_CREATE: u32 = 0x1000_0000;
    const MASK_ADD: u32 = 0x2000_0000;
    /// All events, and what the kernel reports or is told besides.
    const ALL: u32 = 0xfff | 0xe000 | 0xf700_0000;
    if mask & ALL == 0 || mask & (MASK_CREATE | MASK_ADD) == MASK_CREATE | MASK_ADD {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn xattr_name(call: &Call, arg: Arg, memory: &dyn Memory) -> Result<(), Errno> {
    match memory.read_cstr(GuestAddr(call.arg(arg)), XATTR_NAME_MAX + 1) {
        Ok(name) if !name.is_empty() => Ok(()),
        Ok(_) | Err(Errno::ENAMETOOLONG) => Err(Errno::ERANGE),
        Err(errno) => Err(errno),
    }
}

/// Whether `utimensat` is told to change neither time, and so does not look at its path.
fn leaves_both_times<A: Arch>(call: &Call, memory: &dyn Memory) -> Result<bool, Errno> {
    // Nanoseconds are a word; those of a 64-bit time have a high half that the kernel ignores if
    // the call comes from 32 bits (`get_timespec64` in kernel/time/time.c).
    let (word, counted) = match (call.syscall, A::WORD) {
        (Some(Syscall::Utimensat), 8) => (8, 8),
        (Some(Syscall::Utimensat), _) => (4, 4),
        (Some(Syscall::UtimensatTime64), _) => (8, 4),
        _ => return Ok(false),
    };
    let times = GuestAddr(call.arg(Arg::A2));
    if times.is_null() {
        return Ok(false);
    }
    let mut bytes = [0; 32];
    let bytes = &mut bytes[..4 * word];
    memory.read_exact(times, bytes)?;
    let omits = |at: usize| {
        let mut nsec = [0; 8];
        nsec[..counted].copy_from_slice(&bytes[at..at + counted]);
        u64::from_le_bytes(nsec) == UTIME_OMIT
    };
    Ok(omits(word) && omits(3 * word))
}
