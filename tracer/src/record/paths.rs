//! Absolute paths of what a call names.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use vrift_vfs::{At, PathOp};

use super::opened::{named, opened};
use crate::view::places::Seat;

/// Stands for a directory of which the kernel does not tell the path: it has none any more, or one of more than
/// 4096 bytes.
const NOWHERE: &[u8] = b"/?";

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

/// The current directory; it may have lost that name.
pub(super) fn directory(seat: &Seat<'_>) -> Vec<u8> {
    let of_host = || std::fs::read_link(format!("/proc/{}/cwd", seat.tid)).ok();
    let path = seat.places.mounted_directory().or_else(of_host);
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
