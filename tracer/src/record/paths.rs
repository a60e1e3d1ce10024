//! Absolute paths of what a call names.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use vrift_vfs::{At, Follow, PathOp};

use super::opened::{named, opened};
use crate::view::places::Seat;

/// Stands for a directory of which the kernel does not tell the path: it has none any more, or one of more than
/// 4096 bytes.
pub(super) const NOWHERE: &[u8] = b"/?";

/// Whether a path starts in a directory whose own path is not known.
pub(super) fn is_nowhere(path: &[u8]) -> bool {
    path.strip_prefix(NOWHERE).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// The path an operation names, made absolute; its symlinks are as they are.
pub(super) fn absolute(op: &PathOp, seat: &Seat<'_>) -> Vec<u8> {
    absolute_by(op, seat, |directory| directory.canonicalize().ok())
}

/// The same for who knows what paths directories have without symlinks.
pub(super) fn absolute_by(
    op: &PathOp,
    seat: &Seat<'_>,
    physical: impl FnMut(&Path) -> Option<PathBuf>,
) -> Vec<u8> {
    if op.path.first() == Some(&b'/') {
        return clean(&op.path, physical);
    }
    let base = match op.at {
        At::Cwd => directory(seat),
        At::Fd(fd) => opened(seat, fd).unwrap_or_else(|| NOWHERE.to_vec()),
    };
    if op.path.is_empty() {
        return base;
    }
    clean(&[&base[..], b"/", &op.path].concat(), physical)
}

/// The path for a walk of which the start is the root (`RESOLVE_IN_ROOT`), by what it leads to.
pub(super) fn absolute_in_root(op: &PathOp, seat: &Seat<'_>) -> Vec<u8> {
    let (base, start) = match op.at {
        At::Cwd => (directory(seat), format!("/proc/{}/cwd", seat.tid)),
        At::Fd(fd) => (
            opened(seat, fd).unwrap_or_else(|| NOWHERE.to_vec()),
            format!("/proc/{}/fd/{fd}", seat.tid),
        ),
    };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in op.path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let joined = |base: &[u8], names: &[&[u8]]| {
        let names = names.iter().flat_map(|name| [b"/", *name]);
        std::iter::once(base).chain(names).collect::<Vec<_>>().concat()
    };
    let led = |path: &[u8], nofollow| {
        let directory =
            openat(AT_FDCWD, start.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | nofollow)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        let found = openat2(directory.ok()?, path, how).ok()?;
        named(std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).ok()?)
    };
    let nofollow = match op.follow {
        Follow::Yes => OFlag::empty(),
        Follow::No => OFlag::O_NOFOLLOW,
    };
    let above = || match op.path.iter().rposition(|&byte| byte == b'/') {
        Some(end) => led(&op.path[..=end], OFlag::empty()),
        None => Some(base.clone()),
    };
    let missing = || Some(joined(&above()?, names.last().map_or(&[], std::slice::from_ref)));
    led(&op.path, nofollow).or_else(missing).unwrap_or_else(|| joined(&base, &names))
}

/// The ways to a caller's own, and where they lead in `/proc/<tid>`: for vrift they would lead to vrift's own.
const OWN: [(&[u8], &str); 6] = [
    (b"/proc/self", ""),
    (b"/proc/thread-self", ""),
    (b"/dev/fd", "/fd"),
    (b"/dev/stdin", "/fd/0"),
    (b"/dev/stdout", "/fd/1"),
    (b"/dev/stderr", "/fd/2"),
];

/// A path that leads vrift to where it leads a task.
pub(super) fn seen_by(tid: Pid, path: &[u8]) -> Vec<u8> {
    let own = OWN.iter().find_map(|(own, place)| {
        let rest = path.strip_prefix(*own)?;
        matches!(rest.first(), None | Some(b'/')).then_some((place, rest))
    });
    own.map_or_else(
        || path.to_vec(),
        |(place, rest)| [format!("/proc/{tid}{place}").as_bytes(), rest].concat(),
    )
}

/// Where a path leads that starts at a process' directory or open file, or at the caller's own root, as `/proc` has
/// them: what is there in a mount has another path for the kernel.
pub(super) fn task_place(at: &[u8], follow: Follow, seat: &Seat<'_>) -> Option<Vec<u8>> {
    let seen = seen_by(seat.tid, at);
    let rest = seen.strip_prefix(b"/proc/")?;
    let end = rest.iter().position(|&byte| byte == b'/')?;
    let process: i32 = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let process = Pid::from_raw(process);
    let is_own = process == seat.tid || Some(process) == crate::procfs::process(seat.tid);
    let link = &rest[end + 1..];
    let seat = if is_own { seat } else { &Seat { tid: process, ..*seat } };
    let (place, rest) = if let Some(rest) = link.strip_prefix(b"cwd") {
        (directory(seat), rest)
    } else if let (Some(rest), true) = (link.strip_prefix(b"root"), is_own) {
        (Vec::new(), rest)
    } else {
        let number = link.strip_prefix(b"fd/")?;
        let end = number.iter().position(|&byte| byte == b'/').unwrap_or(number.len());
        let fd = std::str::from_utf8(&number[..end]).ok()?.parse().ok()?;
        (opened(seat, fd)?, &number[end..])
    };
    match rest.first() {
        None if follow == Follow::No || place.is_empty() => None,
        None | Some(b'/') => Some([&place, rest].concat()),
        Some(_) => None,
    }
}

/// The descriptor of a task's own that a path leads to.
pub(super) fn own_descriptor(tid: Pid, path: &[u8]) -> Option<i32> {
    let seen = seen_by(tid, path);
    let number = seen.strip_prefix(format!("/proc/{tid}/fd/").as_bytes())?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// The current directory; it may have lost that name.
pub(super) fn directory(seat: &Seat<'_>) -> Vec<u8> {
    let of_host = || std::fs::read_link(format!("/proc/{}/cwd", seat.tid)).ok();
    let path = seat.places.mounted_directory_of(seat.tid).or_else(of_host);
    path.and_then(named).unwrap_or_else(|| NOWHERE.to_vec())
}

/// A regular file of the host, to be read. It must not wait for anybody, nor become a terminal of
/// vrift's, if it is another by now.
pub(super) fn open(path: &Path) -> Option<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path).ok()
}

/// Bytes as a path.
pub(super) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// A path without `.` and without empty names. `..` is taken physically, which only the kernel can
/// tell where symlinks are before it.
fn clean(path: &[u8], physical: impl FnMut(&Path) -> Option<PathBuf>) -> Vec<u8> {
    let names = || path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    if path.first() == Some(&b'/')
        && names().any(|name| name == b"..")
        && let Some(physical) = resolved(path, physical)
    {
        return physical.into_os_string().into_vec();
    }
    let mut clean = Vec::with_capacity(path.len());
    for name in names() {
        clean.push(b'/');
        clean.extend(name);
    }
    if clean.is_empty() { b"/".to_vec() } else { clean }
}

/// A path with all but its last name resolved.
fn resolved(bytes: &[u8], mut physical: impl FnMut(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
    let full = path(bytes);
    match full.file_name() {
        Some(name) => Some(physical(full.parent()?)?.join(name)),
        None => physical(full),
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;

    #[test]
    fn what_is_a_tasks_own_is_not_vrifts() {
        let tid = Pid::from_raw(7);
        for (path, seen, fd) in [
            ("/proc/self/fd/3", "/proc/7/fd/3", Some(3)),
            ("/proc/thread-self/cwd/x", "/proc/7/cwd/x", None),
            ("/proc/self", "/proc/7", None),
            ("/proc/selfish", "/proc/selfish", None),
            ("/dev/fd/12", "/proc/7/fd/12", Some(12)),
            ("/dev/fd/12/x", "/proc/7/fd/12/x", None),
            ("/dev/stdout", "/proc/7/fd/1", Some(1)),
            ("/proc/8/fd/1", "/proc/8/fd/1", None),
            ("/etc/passwd", "/etc/passwd", None),
        ] {
            assert_eq!(super::seen_by(tid, path.as_bytes()), seen.as_bytes(), "{path}");
            assert_eq!(super::own_descriptor(tid, path.as_bytes()), fd, "{path}");
        }
    }

    #[test]
    fn paths_are_cleaned_without_changing_what_they_name() {
        for (given, clean) in [
            ("/", "/"),
            ("//a//b/./c/", "/a/b/c"),
            ("/usr/../etc", "/etc"),
            ("/usr/bin/../lib/../../etc/passwd", "/etc/passwd"),
            ("/proc/self/nothing-here/../x", "/proc/self/nothing-here/../x"),
        ] {
            let cleaned = super::clean(given.as_bytes(), |path| path.canonicalize().ok());
            assert_eq!(cleaned, clean.as_bytes(), "{given}");
        }
    }
}
