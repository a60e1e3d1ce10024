//! What the kernel offers only as an `ioctl(2)` or through `statx(2)`: sharing extents between two
//! files, and the immutable flag.
//!
//! The flag is `FS_IMMUTABLE_FL`, what `chattr +i` sets. While a file has it, nobody can write,
//! rename, link or unlink it or change its attributes, root included; setting and clearing it needs
//! `CAP_LINUX_IMMUTABLE` and a file system that keeps it.
#![expect(unsafe_code, reason = "ioctl(2) and statx(2) take pointers that Rust cannot check")]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;

/// `FS_IMMUTABLE_FL` of `<linux/fs.h>`.
const IMMUTABLE: libc::c_int = 0x10;

mod raw {
    //! The calls as `<linux/fs.h>` numbers them. The size in the flags' numbers is that of `long`,
    //! while the kernel reads and writes an `int`; so it has been since the beginning.
    use nix::libc;

    nix::ioctl_write_int_bad!(ficlone, nix::request_code_write!(0x94, 9, size_of::<libc::c_int>()));
    nix::ioctl_read_bad!(
        getflags,
        nix::request_code_read!(b'f', 1, size_of::<libc::c_long>()),
        libc::c_int
    );
    nix::ioctl_write_ptr_bad!(
        setflags,
        nix::request_code_write!(b'f', 2, size_of::<libc::c_long>()),
        libc::c_int
    );
}

/// Makes `to` share all extents of `from`, as they are at this moment.
pub(crate) fn clone(from: &File, to: &File) -> io::Result<()> {
    // SAFETY: FICLONE takes a descriptor as its argument; both are open as long as the borrows last.
    unsafe { raw::ficlone(to.as_raw_fd(), from.as_raw_fd()) }?;
    Ok(())
}

/// Whether a file has the immutable flag. The link itself is asked, not what it points to.
pub(crate) fn is_immutable(path: &Path) -> io::Result<bool> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statx>::uninit();
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: the path ends with a zero byte and the buffer has room for what the call writes.
    let result =
        unsafe { libc::statx(libc::AT_FDCWD, path.as_ptr(), flags, 0, found.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has succeeded, and so has filled the buffer.
    let found = unsafe { found.assume_init() };
    Ok(found.stx_attributes & libc::STATX_ATTR_IMMUTABLE as u64 != 0)
}

/// Sets or clears the immutable flag; returns whether that changed anything.
pub(crate) fn set_immutable(file: &File, wanted: bool) -> io::Result<bool> {
    let mut flags = 0;
    // SAFETY: the kernel writes one `int`, which `flags` is.
    unsafe { raw::getflags(file.as_raw_fd(), &mut flags) }?;
    let changed = if wanted { flags | IMMUTABLE } else { flags & !IMMUTABLE };
    if changed != flags {
        // SAFETY: the kernel reads one `int`, which `changed` is.
        unsafe { raw::setflags(file.as_raw_fd(), &changed) }?;
    }
    Ok(changed != flags)
}
