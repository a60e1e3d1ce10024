//! A tracee's memory by `process_vm_readv(2)` and `process_vm_writev(2)`, with `/proc/<tid>/mem` where
//! those are forbidden (a container's filter) or missing.

use std::cell::RefCell;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use crate::memory::GuestAddr;
use crate::procfs;

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
    match process_vm_writev(tid, &[IoSlice::new(bytes)], &[remote(at, bytes.len())]) {
        Ok(n) if n == bytes.len() => Ok(()),
        Ok(_) => Err(Errno::EFAULT),
        Err(Errno::EPERM | Errno::ENOSYS) => to_mem_file(tid, at, bytes),
        Err(errno) => Err(errno),
    }
}

/// The file takes what the tracee itself may not write, so that is asked first.
fn to_mem_file(tid: Pid, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
    let maps = procfs::text(&format!("/proc/{tid}/maps")).map_err(|e| errno_of(&e))?;
    let end = at.0.checked_add(bytes.len() as u64).ok_or(Errno::EFAULT)?;
    if !is_writable(&maps, at.0, end) {
        return Err(Errno::EFAULT);
    }
    plant(tid, at, bytes)
}

/// Whether `maps`, which is in the order of addresses, allows writing to all of a range.
fn is_writable(maps: &str, from: u64, end: u64) -> bool {
    let mut next = from;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let range = words.next().and_then(|range| range.split_once('-'));
        let writable = words.next().is_some_and(|mode| mode.as_bytes().get(1) == Some(&b'w'));
        let Some((begins, ends)) = range else { continue };
        let number = |text| u64::from_str_radix(text, 16).unwrap_or(0);
        if (number(begins)..number(ends)).contains(&next) && writable {
            next = number(ends);
        }
        if next >= end {
            return true;
        }
    }
    false
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// As many memories stay open.
const PLANTED_MAX: usize = 4;

thread_local! {
    /// The memories that were written to last, and whose they are: a task that makes one call after another
    /// needs its own again, and so do tasks that take turns.
    static PLANTED: RefCell<Vec<(Pid, File)>> = const { RefCell::new(Vec::new()) };
}

/// Writes `bytes` into memory that the tracee can only read, as a debugger sets a breakpoint.
pub(super) fn plant(tid: Pid, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
    PLANTED.with_borrow_mut(|planted| {
        let known = planted.iter().position(|(whose, _)| *whose == tid);
        let place = match known {
            Some(place) => place,
            None => {
                let file = File::options().write(true).open(mem_path(tid));
                let file = file.map_err(|e| errno_of(&e))?;
                planted.truncate(PLANTED_MAX - 1);
                planted.insert(0, (tid, file));
                0
            }
        };
        planted[place].1.write_all_at(bytes, at.0).map_err(|e| errno_of(&e))
    })
}

/// Takes note that `tid` is nobody's any more, or that its memory is another.
pub(super) fn forget(tid: Pid) {
    PLANTED.with_borrow_mut(|planted| planted.retain(|(whose, _)| *whose != tid));
}

fn mem_path(tid: Pid) -> String {
    format!("/proc/{tid}/mem")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_032_a_range_is_writable_if_all_of_it_is() {
        let maps = "1000-2000 r--p 0 00:00 0\n2000-3000 rw-p 0 00:00 0\n3000-4000 rw-s 0 00:00 0 /x\n\
                    5000-6000 rw-p 0 00:00 0\n6000-7000 r-xp 0 00:00 0\n";
        assert!(is_writable(maps, 0x2000, 0x2008));
        assert!(is_writable(maps, 0x2ff8, 0x4000));
        assert!(is_writable(maps, 0x5000, 0x6000));
        for (from, end) in [(0x1ff8, 0x2008), (0x3ff8, 0x4008), (0x4800, 0x4801), (0x5fff, 0x6001)]
        {
            assert!(!is_writable(maps, from, end), "{from:#x}");
        }
        assert!(!is_writable("", 0, 1));
    }
}
