//! What `/proc` tells about a tracee that ptrace does not.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_vfs::Backing;
use vrift_vfs::session::Staged;

/// The path of a task's current directory. *Errors:* `ENOENT` if that has been removed.
pub(crate) fn directory(tid: Pid) -> Result<PathBuf, Errno> {
    linked_path(format!("/proc/{tid}/cwd"))
}

/// The path of what a task's descriptor is open on. *Errors:* `EBADF` if it is closed, `ENOTDIR` if
/// what it is open on never has a path (a pipe, a socket), `ENOENT` if that has been removed.
pub(crate) fn opened(tid: Pid, fd: i32) -> Result<PathBuf, Errno> {
    let link = format!("/proc/{tid}/fd/{fd}");
    match nix::fcntl::readlink(link.as_str()) {
        Err(Errno::ENOENT) => Err(Errno::EBADF),
        Err(errno) => Err(errno),
        Ok(path) if !PathBuf::from(&path).is_absolute() => Err(Errno::ENOTDIR),
        Ok(_) => linked_path(link),
    }
}

/// All of a file of `/proc`. Such a file tells no size, so it is read into room that is enough for most.
pub(crate) fn bytes(path: &str) -> io::Result<Vec<u8>> {
    const ROOM: usize = 8 << 10;
    let mut file = File::open(path)?;
    let (mut bytes, mut count) = (vec![0; ROOM], 0);
    loop {
        match file.read(&mut bytes[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if count == bytes.len() {
            bytes.resize(2 * count, 0);
        }
    }
    bytes.truncate(count);
    Ok(bytes)
}

/// The same, where it is text. What is no UTF-8 is replaced: a program's name, which may be any bytes, stands among
/// its ids.
pub(crate) fn text(path: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&bytes(path)?).into_owned())
}

/// What a task has mapped, as text of the kernel's; empty if it is gone, or may not be looked at.
pub(crate) fn maps(tid: Pid) -> Vec<u8> {
    bytes(&format!("/proc/{tid}/maps")).unwrap_or_default()
}

/// What the link of a task's descriptor says, be it a path or not.
pub(crate) fn link(tid: Pid, fd: i32) -> Option<PathBuf> {
    nix::fcntl::readlink(format!("/proc/{tid}/fd/{fd}").as_str()).map(PathBuf::from).ok()
}

/// The process a pidfd stands for.
pub(crate) fn pidfd(tid: Pid, fd: i32) -> Option<i32> {
    let info = text(&format!("/proc/{tid}/fdinfo/{fd}")).ok()?;
    info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
}

/// The real object behind a task's descriptor.
pub(crate) fn backing(tid: Pid, fd: i32) -> Option<Backing> {
    let meta = fs::metadata(format!("/proc/{tid}/fd/{fd}")).ok()?;
    Some(Backing { dev: meta.dev(), ino: meta.ino() })
}

/// What the staging file behind a task's descriptor says.
pub(crate) fn staged(tid: Pid, fd: i32) -> Option<Staged> {
    fs::metadata(format!("/proc/{tid}/fd/{fd}")).ok().map(|meta| Staged::from(&meta))
}

/// The permissions a task takes from what it makes; all that others would get, if it is gone.
pub(crate) fn umask(tid: Pid) -> u32 {
    let status = status(tid);
    let octal = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    octal.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok()).unwrap_or(0o077)
}

/// The file position of a task's descriptor.
pub(crate) fn position(tid: Pid, fd: i32) -> Option<u64> {
    let info = text(&format!("/proc/{tid}/fdinfo/{fd}")).ok()?;
    info.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok()
}

/// The process a task belongs to.
pub(crate) fn process(tid: Pid) -> Option<Pid> {
    let status = status(tid);
    let id = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()?;
    Some(Pid::from_raw(id))
}

/// Whether a task is of this process, or traced by it.
pub(crate) fn is_ours(tid: Pid) -> bool {
    is_of_us(&status(tid))
}

/// Whether a task lives, and is neither of this process nor traced by it.
pub(crate) fn is_of_others(tid: Pid) -> bool {
    let status = status(tid);
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    // One that has ended and is still waited for is traced no more.
    let lives = state.is_some_and(|state| !state.trim_start().starts_with(['Z', 'X']));
    lives && !is_of_us(&status)
}

fn is_of_us(status: &str) -> bool {
    let own = nix::unistd::getpid().as_raw();
    let words = ["Tgid:", "TracerPid:"];
    let id = |word| status.lines().find_map(|line| line.strip_prefix(word))?.trim().parse().ok();
    words.into_iter().any(|word| id(word) == Some(own))
}

/// The words a process was started with, each with a NUL behind it; empty if it is gone.
pub(crate) fn command_line(process: Pid) -> Vec<u8> {
    bytes(&format!("/proc/{process}/cmdline")).unwrap_or_default()
}

/// A program's auxiliary vector; empty if it is gone.
pub(crate) fn auxv(tid: Pid) -> Vec<u8> {
    bytes(&format!("/proc/{tid}/auxv")).unwrap_or_default()
}

/// How large a task's stack may grow.
pub(crate) fn stack_limit(tid: Pid) -> u64 {
    let limits = text(&format!("/proc/{tid}/limits")).unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max stack size"));
    // "unlimited" is no number.
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(u64::MAX)
}

/// Whether a descriptor vanishes when a program is executed.
pub(crate) fn closes_on_exec(tid: Pid, fd: i32) -> bool {
    let info = text(&format!("/proc/{tid}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("");
    i32::from_str_radix(flags.trim(), 8).is_ok_and(|flags| flags & libc::O_CLOEXEC != 0)
}

/// What the kernel does with a core: the name of a file, or `|` and a program (core(5)).
pub(crate) fn core_pattern() -> Vec<u8> {
    let mut pattern = bytes("/proc/sys/kernel/core_pattern").unwrap_or_default();
    pattern.truncate(pattern.trim_ascii_end().len());
    pattern
}

/// A task's status file; empty if the task is gone.
pub(crate) fn status(tid: Pid) -> String {
    text(&format!("/proc/{tid}/status")).unwrap_or_default()
}

/// What a program is called (`comm`), which may be any bytes; empty if it is gone.
pub(crate) fn name(tid: Pid) -> String {
    let name = bytes(&format!("/proc/{tid}/comm")).unwrap_or_default();
    name.trim_ascii_end().escape_ascii().to_string()
}

/// Whether anything is mapped in a range of a task's memory; nothing is known to be if that may not be looked at.
pub(crate) fn is_mapped(tid: Pid, range: Range<u64>) -> bool {
    has_mapping(&maps(tid), range)
}

fn has_mapping(maps: &[u8], range: Range<u64>) -> bool {
    let mapped = |line: &[u8]| {
        let words = str::from_utf8(line.split(|&byte| byte == b' ').next()?).ok()?;
        let (from, end) = words.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        Some(number(from)?..number(end)?)
    };
    let mut lines = maps.split(|&byte| byte == b'\n').filter_map(mapped);
    lines.any(|mapped| mapped.start < range.end && range.start < mapped.end)
}

/// Whether this process may not look into a task's memory.
pub(crate) fn is_closed(tid: Pid) -> bool {
    let opened = File::open(format!("/proc/{tid}/mem"));
    opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether `/proc` names processes as the calling one does, that is, belongs to its pid namespace: where it is that of
/// one above, a process has several ids there (`proc_pid_status` in fs/proc/array.c). *Errors:* `ENOENT` if it is not
/// mounted, or belongs to a namespace that the process is not in.
pub(crate) fn is_own() -> io::Result<bool> {
    let status = text("/proc/self/status")?;
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    Ok(ids.is_none_or(|ids| ids.split_whitespace().count() == 1))
}

/// The process that traces the calling one.
pub(crate) fn own_tracer() -> Option<Pid> {
    let status = text("/proc/self/status").ok()?;
    let pid = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?.trim().parse();
    pid.ok().filter(|&pid| pid != 0).map(Pid::from_raw)
}

/// The children of the calling process; none if the kernel does not list them.
pub(crate) fn children() -> Vec<Pid> {
    let list = text("/proc/thread-self/children").unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

/// The path a link shows, if it is the path of something that still has one.
fn linked_path(link: String) -> Result<PathBuf, Errno> {
    let path = nix::fcntl::readlink(link.as_str()).map(PathBuf::from)?;
    let deleted = path.as_os_str().as_encoded_bytes().ends_with(vrift_vfs::LOST);
    if !path.is_absolute() || deleted && !path.exists() {
        return Err(Errno::ENOENT);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_told_by_object_path_and_position() {
        let file = tempfile::tempfile_in("/").or_else(|_| tempfile::tempfile()).expect("a file");
        let (pid, fd) = (nix::unistd::getpid(), std::os::fd::AsRawFd::as_raw_fd(&file));
        let meta = file.metadata().expect("its attributes");
        assert_eq!(backing(pid, fd), Some(Backing { dev: meta.dev(), ino: meta.ino() }));
        assert_eq!(opened(pid, fd), Err(Errno::ENOENT), "it has no name");
        file.set_len(9).expect("a size");
        nix::unistd::lseek(&file, 7, nix::unistd::Whence::SeekSet).expect("a position");
        assert_eq!(position(pid, fd), Some(7));
    }

    #[test]
    fn a_task_whose_name_is_no_text_is_told_of_all_the_same() {
        let told = std::thread::spawn(|| {
            // The kernel cuts names off in the middle of a letter.
            nix::sys::prctl::set_name(c"abcdefghijklmn\xc3\xa9").expect("a name");
            status(nix::unistd::gettid())
        });
        let status = told.join().expect("it ended");
        assert!(status.lines().any(|line| line.starts_with("CapEff:")), "{status}");
    }

    #[test]
    fn a_range_is_mapped_if_something_of_it_is() {
        let maps = b"1000-2000 r--p 0 00:00 0 /a\xff b\n6e0000000000-6e0000001000 --xp 0 00:00 0\n\
                     7ffc00000000-7ffc00021000 rw-p 0 00:00 0 [stack]\n";
        let at = 0x6e00_0000_0000;
        for range in [at..at + 1, at - 1..at + 1, at + 4095..at + 5000, 0..u64::MAX] {
            assert!(has_mapping(maps, range.clone()), "{range:x?}");
        }
        for range in [0..0x1000, 0x2000..at, at + 4096..at + 8192] {
            assert!(!has_mapping(maps, range.clone()), "{range:x?}");
        }
    }
}
