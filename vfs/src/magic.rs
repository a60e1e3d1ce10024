//! Links in `/proc` that jump to an object instead of being read as a path, told by their names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::caller::{MagicLink, ProcEntry, ProcId};

/// Whether a symlink of `/proc` jumps to an object instead of being read as a path.
pub(crate) fn jumps(path: &Path) -> bool {
    magic_link(path).is_some()
        || matches!(path.file_name().map(OsStr::as_bytes), Some(b"root"))
            && path.parent().is_some_and(|process| magic_link(&process.join("cwd")).is_some())
}

/// Recognises `/proc/<pid>/cwd`, `/proc/<pid>/exe`, `/proc/<pid>/fd/<n>` and the same below
/// `task/<tid>`.
pub(crate) fn magic_link(path: &Path) -> Option<MagicLink> {
    let (of, mut parts) = process_of(path)?;
    let entry = match parts.next()? {
        b"cwd" => ProcEntry::Cwd,
        b"exe" => ProcEntry::Exe,
        b"fd" => ProcEntry::Fd(number(parts.next()?)?),
        _ => return None,
    };
    parts.next().is_none().then_some(MagicLink { of, entry })
}

/// Recognises a file right below `/proc/<pid>` or `/proc/<pid>/task/<tid>`.
pub(crate) fn proc_file(path: &Path) -> Option<(ProcId, &[u8])> {
    let (of, mut parts) = process_of(path)?;
    let name = parts.next()?;
    parts.next().is_none().then_some((of, name))
}

/// Whose directory of `/proc` a path leads into, and what follows.
fn process_of(path: &Path) -> Option<(ProcId, impl Iterator<Item = &[u8]>)> {
    let mut parts = path.strip_prefix("/proc").ok()?.iter().map(OsStr::as_bytes).peekable();
    let mut of = ProcId::Process(number(parts.next()?)?);
    if parts.peek() == Some(&&b"task"[..]) {
        parts.next();
        of = ProcId::Thread(number(parts.next()?)?);
    }
    Some((of, parts))
}

/// A number as a name in `/proc` (`name_to_int` in fs/proc/util.c): digits, and no zero before them.
fn number(part: &[u8]) -> Option<i32> {
    let plain =
        part.iter().all(u8::is_ascii_digit) && (part.len() == 1 || part.first() != Some(&b'0'));
    std::str::from_utf8(part).ok().filter(|_| plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_links_are_recognised_by_their_exact_shape() {
        let fd = |of, n| Some(MagicLink { of, entry: ProcEntry::Fd(n) });
        let link = |path: &str| magic_link(Path::new(path));
        assert_eq!(link("/proc/7/fd/3"), fd(ProcId::Process(7), 3));
        assert_eq!(link("/proc/7/task/9/fd/3"), fd(ProcId::Thread(9), 3));
        assert_eq!(
            link("/proc/7/cwd"),
            Some(MagicLink { of: ProcId::Process(7), entry: ProcEntry::Cwd })
        );
        for other in ["/proc/7", "/proc/7/fd", "/proc/x/cwd", "/proc/7/cwd/a", "/7/cwd"] {
            assert_eq!(link(other), None, "{other}");
        }
        for other in ["/proc/+7/cwd", "/proc/7/fd/+3", "/proc/7/fd/03", "/proc/7/task/+9/fd/3"] {
            assert_eq!(link(other), None, "{other} is no name that /proc has");
        }
        assert_eq!(link("/proc/7/fd/0"), fd(ProcId::Process(7), 0));
        assert!(jumps(Path::new("/proc/7/root")) && jumps(Path::new("/proc/7/task/9/exe")));
        assert!(!jumps(Path::new("/proc/self")) && !jumps(Path::new("/root")));
    }
}
