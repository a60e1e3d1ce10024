//! Ways to files that were opened a moment ago, by paths that still lead there.
//!
//! What the tree changes it changes with a stop, and is told of what it has opened before. So a path leads
//! where it led, unless somebody else has changed it or it is about who asks (`/proc/self`): the attributes that
//! the kernel gave at once tell. So do directories with `..` behind them, which compilers name their headers by.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::memfd::{MFdFlags, memfd_create};
use vrift_record::Act;
use vrift_vfs::Follow;

use super::Recorder;
use super::opened::{OpenFile, named};
use super::paths::{NOWHERE, path, seen_by, task_place};
use super::stat::{Inode, Stat};
use crate::view::places::Seat;

/// How many ways are remembered; then all are forgotten.
const KNOWN_MAX: usize = 1 << 14;

/// Where paths have led to.
#[derive(Debug, Default)]
pub(super) struct Ways {
    known: HashMap<Vec<u8>, Led>,
    /// Directories, and their paths without symlinks, if they are there.
    directories: HashMap<PathBuf, Option<PathBuf>>,
}

/// A file, and its path without symlinks.
#[derive(Debug, Clone)]
struct Led {
    inode: Inode,
    path: Vec<u8>,
}

impl Ways {
    /// The tree has done something with success: a way may lead elsewhere. What is removed leads nowhere, until
    /// something else is made in its place.
    pub(super) fn after(&mut self, act: Act) {
        if leads_elsewhere(act) {
            self.directories.clear();
            // A path behind what is removed has none without symlinks any more, and leads nowhere.
            if act != Act::RemoveDirectory {
                self.known.clear();
            }
        }
    }

    /// The path of a directory without symlinks.
    pub(super) fn physical(&mut self, directory: &Path) -> Option<PathBuf> {
        if let Some(physical) = self.directories.get(directory) {
            return physical.clone();
        }
        let physical = physical(directory);
        if self.directories.len() >= KNOWN_MAX {
            self.directories.clear();
        }
        self.directories.insert(directory.to_owned(), physical.clone());
        physical
    }

    /// Whether this path is known to lead to this file, for whoever asks.
    pub(super) fn lead(&self, asked: &[u8], stat: &Stat) -> bool {
        self.known.get(asked).is_some_and(|led| led.inode == stat.inode)
    }

    /// The path without symlinks of what is at a path of the host, or would be if it were made.
    fn place(&mut self, at: &Path, follow: Follow) -> Option<PathBuf> {
        if follow == Follow::Yes && at.is_symlink() {
            return at.canonicalize().ok();
        }
        Some(self.physical(at.parent()?)?.join(at.file_name()?))
    }

    /// The path without symlinks of the file that `asked` led to, if it still does.
    fn still(&mut self, asked: &[u8], follow: Follow, stat: &Stat) -> Option<Vec<u8>> {
        if let Some(led) = self.known.get(asked)
            && led.inode == stat.inode
            && follow == Follow::Yes
        {
            return Some(led.path.clone());
        }
        let (inode, path) = look(path(asked), follow)?;
        if inode != stat.inode {
            return None;
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(asked.to_owned(), Led { inode, path: path.clone() });
        Some(path)
    }
}

/// Whether a path may lead elsewhere, or a directory have another path, when this has been done.
pub(super) fn leads_elsewhere(act: Act) -> bool {
    use Act as A;
    matches!(
        act,
        A::Rename | A::Exchange | A::Symlink | A::Link | A::MakeDirectory | A::RemoveDirectory
    )
}

/// The path of a directory without symlinks. The kernel is asked once, and not for every name: in a deep tree each call
/// would take the square of its depth.
fn physical(directory: &Path) -> Option<PathBuf> {
    let (_, path) = look(&directory.components().collect::<PathBuf>(), Follow::Yes)?;
    Some(OsString::from_vec(path).into())
}

/// What a path leads to, and its path without symlinks. Nothing happens to it: a FIFO is not opened for reading, nor
/// a device.
fn look(at: &Path, follow: Follow) -> Option<(Inode, Vec<u8>)> {
    let inode = |file: &File| Some(Stat::from(file.metadata().ok()?).inode);
    let flags = match follow {
        Follow::Yes => OFlag::O_PATH | OFlag::O_CLOEXEC,
        Follow::No => OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
    };
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    // Most paths have no symlinks, and need not be asked for.
    if !at.components().any(|name| name == Component::ParentDir)
        && let Ok(file) = openat2(AT_FDCWD, at, how)
    {
        return Some((inode(&File::from(file))?, at.as_os_str().as_bytes().to_owned()));
    }
    let file: File = OpenOptions::new().read(true).custom_flags(flags.bits()).open(at).ok()?;
    let shown = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let length = shown.as_os_str().len();
    // One that has lost its name is not found by it.
    Some((inode(&file)?, named(shown).filter(|path| path.len() == length)?))
}

/// Whether a file is memory (memfd_create(2)): all of that is on one device of the kernel's own.
fn is_memory(stat: &Stat) -> bool {
    static DEVICE: OnceLock<Option<u64>> = OnceLock::new();
    let device = DEVICE.get_or_init(|| {
        let made = memfd_create(c"vrift", MFdFlags::MFD_CLOEXEC).ok()?;
        Some(Stat::from(File::from(made).metadata().ok()?).inode.0)
    });
    *device == Some(stat.inode.0)
}

impl Recorder {
    /// The path by which a change is told: what is opened there later has it too, whatever way leads there.
    pub(super) fn place(&mut self, asked: Vec<u8>, follow: Follow, seat: &Seat<'_>) -> Vec<u8> {
        let asked = task_place(&asked, follow, seat).unwrap_or(asked);
        let of_host = || self.ways.place(path(&seen_by(seat.tid, &asked)), follow);
        let place = seat.places.led(path(&asked), follow).or_else(of_host);
        place.map_or(asked, |place| place.into_os_string().into_vec())
    }

    /// The file that a task has opened, by this path if it is known, and had these attributes then; `None` if it has no
    /// path.
    pub(super) fn opened_then(
        &mut self,
        stat: Stat,
        asked: Option<(&[u8], Follow)>,
        fd: i32,
        seat: &Seat<'_>,
    ) -> Option<OpenFile> {
        if is_memory(&stat) {
            return None;
        }
        let of_host = |led: Vec<u8>| {
            let way = path(&led).to_owned();
            OpenFile::of_host(led, stat, way)
        };
        if let Some((asked, follow)) = asked
            && let Some(led) = self.ways.still(&seen_by(seat.tid, asked), follow, &stat)
        {
            return Some(of_host(led));
        }
        // It is open still.
        if let Some(file) = OpenFile::of(fd, seat)
            && file.stat.inode == stat.inode
        {
            return Some(file);
        }
        // By a path that it was met at, or else one at which it is not found.
        let met = self.contents.path_of(&stat).map(<[u8]>::to_owned);
        let led = met.and_then(|met| self.ways.still(&met, Follow::Yes, &stat));
        let asked = asked.map_or(NOWHERE, |(asked, _)| asked);
        Some(of_host(led.unwrap_or_else(|| asked.to_owned())))
    }

    /// The same of one that it has mapped: it has been opened, so a path of it is known. Of several one is as good as another.
    pub(super) fn mapped_then(&mut self, stat: Stat, fd: i32, seat: &Seat<'_>) -> Option<OpenFile> {
        let met = self.contents.path_of(&stat).map(<[u8]>::to_owned);
        self.opened_then(stat, met.as_deref().map(|met| (met, Follow::Yes)), fd, seat)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn directories_are_found_as_by_every_name() {
        let scene = tempfile::tempdir().expect("there is a place for temporary files");
        let at = |name: &str| scene.path().join(name);
        fs::create_dir_all(at("a/b/c (deleted)")).expect("a new directory");
        fs::create_dir(at("gone")).expect("a new directory");
        File::create(at("file")).expect("a new file");
        symlink("a/b", at("link")).expect("a free name");
        symlink("nothing", at("dangling")).expect("a free name");
        let lost = File::open(at("gone")).expect("it was just made");
        fs::remove_dir(at("gone")).expect("it is empty");
        let lost = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&lost));
        for name in [
            "a/b",
            "a//b/./",
            "a/b/..",
            "link",
            "link/..",
            "link/c (deleted)",
            "a/../link/../b",
            "file",
            "file/..",
            "dangling",
            "dangling/..",
            "none",
            "none/..",
            &lost,
            "/",
            "/..",
            "/proc/self",
            "/proc/self/cwd",
        ] {
            let directory = scene.path().join(Path::new(name));
            assert_eq!(super::physical(&directory), directory.canonicalize().ok(), "{name}");
        }
    }
}
