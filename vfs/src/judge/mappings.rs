//! `/proc/<pid>/maps` and its relatives, in which the kernel names copies and blobs where a caller
//! must see the mount's files.
//!
//! If the kernel's own list names nothing of a mount, the kernel's is opened. A blob that several files have in common goes by the
//! one that was opened last.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};
use vrift_cas::Digest;

use super::Failure;
use crate::border::Held;
use crate::caller::{Caller, Exe, MagicLink, ProcEntry, ProcId};
use crate::namespace::Namespace;
use crate::place::Place;

/// Where the path of a line starts at the earliest (`seq_setwidth` in fs/proc/task_mmu.c).
const PATH_COLUMN: usize = 72;

/// How a list names files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// At the end of a line that starts with addresses.
    Maps,
    /// Behind `file=`, up to a blank.
    Numa,
}

impl Namespace {
    /// The list that a caller must see instead of `text`, if that names files of a mount.
    pub(super) fn mappings(
        &self,
        caller: &dyn Caller,
        of: ProcId,
        list: List,
        text: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let run = self.exe_of(caller, of);
        let mut changed = false;
        let mut seen = Vec::with_capacity(text.len());
        for line in text.split_inclusive(|&b| b == b'\n') {
            match self.line(list, line, run.as_ref())? {
                Some(line) => {
                    changed = true;
                    seen.extend(line);
                }
                None => seen.extend(line),
            }
        }
        Ok(changed.then_some(seen))
    }

    /// The file of a mount that the kernel knows by the path `real`, for those who look at a process
    /// from outside: its path there, and what it holds.
    pub fn file_behind(&self, real: &Path) -> Option<(PathBuf, Held)> {
        let Exe { place, path } = self.file_at(real, None).ok().flatten()?;
        let held = match place {
            Place::Node(node) => self.held_by(node),
            Place::Host(path) => Held::Host(path),
        };
        // The node may have got another content since the blob was opened.
        Some((
            path,
            match (self.blob_named(real), held) {
                (None, held) => held,
                (Some(blob), Held::Blob(digest, size)) if digest == blob => Held::Blob(blob, size),
                (Some(blob), _) => Held::Blob(blob, real.metadata().ok()?.len()),
            },
        ))
    }

    /// The digest of the blob that lies at a path.
    fn blob_named(&self, real: &Path) -> Option<Digest> {
        let name = real.starts_with(self.store_root()).then(|| real.file_name()).flatten()?;
        name.to_str()?.parse().ok()
    }

    /// The program of a process, and the directory of the copy it runs.
    fn exe_of(&self, caller: &dyn Caller, of: ProcId) -> Option<(PathBuf, Exe)> {
        let jump = caller.magic(MagicLink { of, entry: ProcEntry::Exe })?;
        let (ProcId::Process(id) | ProcId::Thread(id)) = of;
        let copy = std::fs::read_link(format!("/proc/{id}/exe")).ok()?;
        Some((copy.parent()?.to_owned(), Exe { place: jump.place, path: jump.text? }))
    }

    /// A line as the caller must see it, if it names something of a mount.
    fn line(
        &self,
        list: List,
        line: &[u8],
        run: Option<&(PathBuf, Exe)>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some((before, path, after)) = cut(list, line) else { return Ok(None) };
        let Some(file) = self.file_at(Path::new(OsStr::from_bytes(path)), run)? else {
            return Ok(None);
        };
        let mut seen = match (list, &file.place) {
            (List::Maps, Place::Node(node)) => {
                let attr = self.attr(*node)?;
                numbered(before, attr.dev, attr.ino)
            }
            (List::Maps, Place::Host(host)) => match host.metadata() {
                Ok(meta) => {
                    let dev = (major(meta.dev()) as u32, minor(meta.dev()) as u32);
                    numbered(before, dev, meta.ino())
                }
                Err(_) => before.to_vec(),
            },
            (List::Numa, _) => before.to_vec(),
        };
        seen.extend(escaped(list, file.path.as_os_str().as_bytes()));
        seen.extend(after);
        Ok(Some(seen))
    }

    /// The file a caller knows, for the path of a copy or a blob.
    fn file_at(&self, path: &Path, run: Option<&(PathBuf, Exe)>) -> Result<Option<Exe>, Failure> {
        if let Some((copy, exe)) = run
            && path.starts_with(copy)
        {
            return Ok(Some(exe.clone()));
        }
        if let Some(exe) = self.images().shown(path) {
            return Ok(Some(exe));
        }
        let blob = self.blob_named(path);
        let Some(node) = blob.and_then(|digest| self.last_opened(&digest)) else {
            return Ok(None);
        };
        Ok(Some(Exe { place: Place::Node(node), path: self.shown_path(node)? }))
    }
}

/// Cuts a line into what stands before the path of a file, the path, and what stands behind it.
fn cut(list: List, line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (start, end) = match list {
        List::Maps => {
            let blank = line.iter().position(|&b| b == b' ')?;
            // Other lines of `smaps` start with a word and a colon.
            line[..blank].contains(&b'-').then_some(())?;
            (line.iter().position(|&b| b == b'/')?, line.len() - 1)
        }
        List::Numa => {
            let mark = b" file=";
            let start = line.windows(mark.len()).position(|part| part == mark)? + mark.len();
            let length = line[start..].iter().position(|b| b" \n".contains(b))?;
            (start, start + length)
        }
    };
    Some((&line[..start], line.get(start..end)?, &line[end..]))
}

/// The start of a line with the device and the inode number of a file.
fn numbered(before: &[u8], (major, minor): (u32, u32), ino: u64) -> Vec<u8> {
    // Addresses, permissions and offset stay.
    let kept: Vec<&[u8]> = before.split(|&b| b == b' ').take(3).collect();
    let mut line = kept.join(&b' ');
    line.extend(format!(" {major:02x}:{minor:02x} {ino} ").bytes());
    line.resize(line.len().max(PATH_COLUMN), b' ');
    line.push(b' ');
    line
}

/// A path as the list spells it.
fn escaped(list: List, path: &[u8]) -> Vec<u8> {
    let special: &[u8] = if list == List::Maps { b"\n" } else { b"\n\t= " };
    let octal = |byte: &u8| match special.contains(byte) {
        true => format!("\\{byte:03o}").into_bytes(),
        false => vec![*byte],
    };
    path.iter().flat_map(octal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_the_path_is() {
        let line = b"7f00-7f10 r-xp 00000000 fe:00 12 /a b/c\n";
        let (before, path, after) = cut(List::Maps, line).expect("it has a path");
        assert!(before.ends_with(b" 12 ") && path == b"/a b/c" && after == b"\n");
        for line in [&b"7f00-7f10 rw-p 00000000 00:00 0 [heap]\n"[..], b"Size: 4 kB /\n", b"\n"] {
            assert_eq!(cut(List::Maps, line), None);
        }
        let line = b"7f00 default file=/a\\040b mapped=3 N0=3\n";
        let (_, path, after) = cut(List::Numa, line).expect("it has a path");
        assert_eq!((path, after), (&b"/a\\040b"[..], &b" mapped=3 N0=3\n"[..]));
        assert_eq!(escaped(List::Numa, b"/a b\n"), b"/a\\040b\\012");
    }

    #[test]
    fn numbers_are_those_of_the_file_and_paths_are_aligned() {
        let line = numbered(b"7f00-7f10 r-xp 00001000 fe:00 12     ", (0, 0xff000), 77);
        assert_eq!(line.len(), PATH_COLUMN + 1);
        assert!(line.starts_with(b"7f00-7f10 r-xp 00001000 00:ff000 77 "), "{line:?}");
    }
}
