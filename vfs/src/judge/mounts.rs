//! `/proc/<pid>/mounts` and `mountinfo`: the kernel's own list, and a line for each mount of ours.
//!
//! `poll` does not tell of changes. The mounts of a process that is not traced are the kernel's alone.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::namespace::Namespace;

/// The id of the first mount in `mountinfo`. The kernel gives the lowest that is free and never gets
/// this far.
const FIRST_ID: u32 = 0x7fff_0000;

/// What `show_vfsmnt` in fs/proc_namespace.c escapes in a mount point, and in a source.
const IN_POINT: &[u8] = b" \t\n\\";
const IN_SOURCE: &[u8] = b" \t\n\\#";

/// What is not allowed in a mount: programs get no other rights, and devices are names only.
const OPTIONS: &[u8] = b",nosuid,nodev";

/// How a list tells of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// As `/etc/fstab` would.
    Mounts,
    /// With ids, devices and roots.
    MountInfo,
}

impl Namespace {
    /// The list of mounts that a caller must see instead of `text`.
    pub(super) fn mount_list(&self, list: List, text: Vec<u8>) -> Vec<u8> {
        let mut lines = Vec::new();
        for (number, (mount, point, (major, minor), on)) in self.mounts().enumerate() {
            let shown = escaped(&point, IN_POINT);
            let source = std::path::absolute(mount.source());
            let source = source.as_deref().unwrap_or(mount.source());
            let source = escaped(source, IN_SOURCE);
            let access: &[u8] = if mount.is_writable() { b"rw" } else { b"ro" };
            let options = &[access, OPTIONS].concat()[..];
            let line = match list {
                List::Mounts => [&source[..], &shown, b"vrift", options, b"0 0"].join(&b' '),
                List::MountInfo => {
                    let on = on.map_or_else(|| host_mount(&text, &point), id);
                    let place = format!("{} {on} {major}:{minor} /", id(number));
                    [place.as_bytes(), &shown, options, b"- vrift", &source, access].join(&b' ')
                }
            };
            lines.extend(line);
            lines.push(b'\n');
        }
        [text, lines].concat()
    }
}

/// The id of a mount of ours.
fn id(number: usize) -> u32 {
    FIRST_ID + number as u32
}

/// The id of the host's mount on which a mount point lies, by the lines of `mountinfo`; 0 if the
/// caller sees none.
fn host_mount(text: &[u8], point: &Path) -> u32 {
    let mut nearest = (0, 0);
    for line in text.split(|&b| b == b'\n') {
        let mut fields = line.split(|&b| b == b' ');
        let Some(id) = fields.next().and_then(|id| std::str::from_utf8(id).ok()?.parse().ok())
        else {
            continue;
        };
        let Some(at) = fields.nth(3) else { continue };
        // Of two at one place the later lies above.
        let covers = |at: &[u8]| point.ancestors().any(|part| escaped(part, IN_POINT) == at);
        if at.len() >= nearest.1 && covers(at) {
            nearest = (id, at.len());
        }
    }
    nearest.0
}

/// A path as the list spells it.
fn escaped(path: &Path, special: &[u8]) -> Vec<u8> {
    let octal = |byte: &u8| match special.contains(byte) {
        true => format!("\\{byte:03o}").into_bytes(),
        false => vec![*byte],
    };
    path.as_os_str().as_bytes().iter().flat_map(octal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_spelled_as_the_kernel_spells_them() {
        assert_eq!(escaped(Path::new("/a b\t\\#"), IN_POINT), b"/a\\040b\\011\\134#");
        assert_eq!(escaped(Path::new("/a#\n"), IN_SOURCE), b"/a\\043\\012");
    }

    #[test]
    fn a_mount_lies_on_the_nearest_of_the_host() {
        let text = b"27 1 8:1 / / rw - ext4 a rw\n30 27 0:5 / /a\\040b rw - tmpfs t rw\n\
                     31 30 0:6 / /a\\040b rw - tmpfs t rw\n32 27 0:7 / /abc rw - tmpfs t rw\n";
        for (point, id) in [("/x", 27), ("/a b/x", 31), ("/a b", 31), ("/ab/c", 27), ("/abc/d", 32)]
        {
            assert_eq!(host_mount(text, Path::new(point)), id, "{point}");
        }
    }
}
