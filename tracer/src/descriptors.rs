//! Open files of a tracee, reached without its doing.
#![expect(unsafe_code, reason = "pidfds, kcmp(2), prlimit(2) and leases have no safe wrappers")]

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::socket::{self, SockType, UnixAddr, sockopt};
use nix::unistd::{Pid, Whence, getpid, lseek};

use crate::fdinfo::Kind;

/// The flag of `pidfd_open` for a thread (Linux 6.9, include/uapi/linux/pidfd.h).
const PIDFD_THREAD: libc::c_int = libc::O_EXCL;

/// `F_SETSIG` (include/uapi/asm-generic/fcntl.h), which the libc crate lacks.
const F_SETSIG: libc::c_int = 10;

/// `KCMP_FILE` (include/uapi/linux/kcmp.h).
const KCMP_FILE: libc::c_int = 0;

/// Moves the position of a task's open file. *Errors:* that the kernel does not let us at it; then
/// nothing has been moved.
pub(crate) fn seek(tid: Pid, process: Pid, fd: i32, to: u64) -> Result<(), Errno> {
    lseek(&copied(tid, process, fd)?, to as i64, Whence::SeekSet).map(drop)
}

/// Binds a task's socket to `path`. *Errors:* the kernel's, or that it does not let us at it
/// (`EPERM`).
pub(crate) fn bind(tid: Pid, process: Pid, fd: i32, path: &Path) -> Result<(), Errno> {
    let socket = copied(tid, process, fd)?;
    socket::bind(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

/// An end of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Own,
    Peer,
}

/// The path a task's UNIX socket, or the one it is connected to, is bound to.
pub(crate) fn socket_path(tid: Pid, process: Pid, fd: i32, end: End) -> Option<PathBuf> {
    let socket = copied(tid, process, fd).ok()?;
    let name: UnixAddr = match end {
        End::Own => socket::getsockname(socket.as_raw_fd()),
        End::Peer => socket::getpeername(socket.as_raw_fd()),
    }
    .ok()?;
    name.path().map(Path::to_owned)
}

/// Whether a task's descriptor is a UNIX socket for datagrams.
pub(crate) fn is_datagram(tid: Pid, process: Pid, fd: i32) -> bool {
    let Ok(socket) = copied(tid, process, fd) else { return false };
    let is_unix = socket::getsockname::<UnixAddr>(socket.as_raw_fd()).is_ok();
    is_unix && socket::getsockopt(&socket, sockopt::SockType) == Ok(SockType::Datagram)
}

/// A descriptor of our own on a task's open file. *Errors:* that the kernel does not give us one.
pub(crate) fn copied(tid: Pid, process: Pid, fd: i32) -> Result<OwnedFd, Errno> {
    let task = match open(tid, PIDFD_THREAD) {
        Err(Errno::EINVAL) => open(process, 0)?,
        other => other?,
    };
    // SAFETY: the call takes numbers.
    let file = owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, task.as_raw_fd(), fd, 0) })?;
    // SAFETY: the call takes numbers. A thread may have another table than its process.
    let compared = unsafe {
        let (us, them) = (getpid().as_raw(), tid.as_raw());
        libc::syscall(libc::SYS_kcmp, us, them, KCMP_FILE, file.as_raw_fd(), fd)
    };
    if Errno::result(compared)? != 0 {
        return Err(Errno::EBADF);
    }
    Ok(file)
}

/// Whether a task has a descriptor for every number below its limit: then the kernel opens nothing, and does
/// not even look at the path (`do_sys_openat2` in fs/open.c). *Errors:* that the kernel does not tell.
pub(crate) fn are_used_up(tid: Pid) -> Result<bool, Errno> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is what the call fills in, and nothing is to be set.
    let told =
        unsafe { libc::prlimit(tid.as_raw(), libc::RLIMIT_NOFILE, std::ptr::null(), &mut limit) };
    Errno::result(told)?;
    let Some(last) = limit.rlim_cur.checked_sub(1) else { return Ok(true) };
    // The highest number is hardly ever taken, and one that is free is all it takes.
    match readlink(format!("/proc/{tid}/fd/{last}").as_str()) {
        Err(Errno::ENOENT) => return Ok(false),
        found => found?,
    };
    let taken = fs::read_dir(format!("/proc/{tid}/fd")).map_err(errno)?;
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u64>().ok();
    let mut below = 0;
    for entry in taken {
        below += u64::from(number(entry.map_err(errno)?).is_some_and(|fd| fd <= last));
    }
    Ok(below > last)
}

fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Whether two descriptors share one open file, as far as the kernel tells.
pub(crate) fn are_one((tid, fd): (Pid, i32), (other, other_fd): (Pid, i32)) -> bool {
    let (tid, other) = (tid.as_raw(), other.as_raw());
    // SAFETY: the call takes numbers.
    let compared = unsafe { libc::syscall(libc::SYS_kcmp, tid, other, KCMP_FILE, fd, other_fd) };
    compared == 0
}

/// Takes a lock of the open file, if nobody has another.
pub(crate) fn lock_whole(file: &File, kind: Kind) {
    // SAFETY: the call takes numbers.
    let _ = unsafe { libc::flock(file.as_raw_fd(), kind.flock() | libc::LOCK_NB) };
}

/// Takes a lock of the open file for reading from `start` on, if nobody has another; a length of 0 is all.
pub(crate) fn lock_range(file: &File, start: u64, length: u64) {
    let range = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start as libc::off_t,
        l_len: length as libc::off_t,
        l_pid: 0,
    };
    let _ = nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_OFD_SETLK(&range));
}

/// Whether anybody has a file open for writing, or mapped so: then it gets no lease for readers
/// (`check_conflicting_open` in fs/locks.c). Files that nobody may have a lease on count as not
/// written to.
pub(crate) fn is_open_to_write(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    // SAFETY: the call takes numbers. The lease goes with the descriptor, before anybody who could
    // break it runs on; a signal about it would be SIGURG, which is ignored unless caught.
    let leased = unsafe {
        libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG);
        libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK)
    };
    Errno::result(leased) == Err(Errno::EAGAIN)
}

fn open(pid: Pid, flags: libc::c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), flags) })
}

fn owned(fd: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(fd)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_moved_for_all_who_share_it() {
        let file = tempfile::tempfile().expect("a file");
        let moved = seek(nix::unistd::gettid(), getpid(), file.as_raw_fd(), 77);
        if moved != Err(Errno::ENOSYS) {
            assert_eq!(moved, Ok(()));
            assert_eq!(lseek(&file, 0, Whence::SeekCur), Ok(77));
        }
        assert!(seek(nix::unistd::gettid(), getpid(), -1, 0).is_err());
    }
}
