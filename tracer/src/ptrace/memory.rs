//! A tracee's memory by `process_vm_readv(2)`, with `/proc/<tid>/mem` where that is forbidden.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use crate::memory::GuestAddr;

fn remote(at: GuestAddr, len: usize) -> RemoteIoVec {
    RemoteIoVec { base: at.0 as usize, len }
}

/// Reads up to `buf.len()` bytes, fewer at the end of a mapping.
pub(super) fn read(tid: Pid, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
    if buf.is_empty() {
        return Ok(0);
    }
    let len = buf.len();
    match process_vm_readv(tid, &mut [IoSliceMut::new(buf)], &[remote(at, len)]) {
        Err(Errno::EPERM | Errno::ENOSYS) => from_mem_file(tid, at, buf),
        other => other,
    }
}

fn from_mem_file(tid: Pid, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
    let errno = |e: std::io::Error| match e.raw_os_error() {
        // The file answers EIO for what is not mapped.
        None | Some(libc::EIO) => Errno::EFAULT,
        Some(other) => Errno::from_raw(other),
    };
    File::open(mem_path(tid)).map_err(errno)?.read_at(buf, at.0).map_err(errno)
}

/// Writes all of `bytes` where the tracee itself may write.
pub(super) fn write(tid: Pid, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
    if bytes.is_empty() {
        return Ok(());
    }
    match process_vm_writev(tid, &[IoSlice::new(bytes)], &[remote(at, bytes.len())])? {
        n if n == bytes.len() => Ok(()),
        _ => Err(Errno::EFAULT),
    }
}

/// Writes `bytes` into memory that the tracee can only read, as a debugger sets a breakpoint.
pub(super) fn plant(tid: Pid, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
    let errno = |e: std::io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO));
    let file = File::options().write(true).open(mem_path(tid)).map_err(errno)?;
    file.write_all_at(bytes, at.0).map_err(errno)
}

fn mem_path(tid: Pid) -> String {
    format!("/proc/{tid}/mem")
}
