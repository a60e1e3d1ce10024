//! Ways to files that were opened a moment ago, by paths that still lead there.
//!
//! What the tree changes it changes with a stop, and is told of what it has opened before. So a path leads
//! where it led, unless somebody else has changed it or it is about who asks (`/proc/self`): the attributes that
//! the kernel gave at once tell. So do directories with `..` behind them, which compilers name their headers by.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::sys::memfd::{MFdFlags, memfd_create};
use vrift_record::Act;
use vrift_vfs::Follow;

use super::Recorder;
use super::opened::{OpenFile, named};
use super::paths::{path, seen_by, task_place};
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
        match act {
            Act::Rename | Act::Exchange | Act::Symlink | Act::Link | Act::MakeDirectory => {
                self.known.clear();
                self.directories.clear();
            }
            // A path behind it has none without symlinks any more.
            Act::RemoveDirectory => self.directories.clear(),
            _ => {}
        }
    }

    /// The path of a directory without symlinks.
    pub(super) fn physical(&mut self, directory: &Path) -> Option<PathBuf> {
        if let Some(physical) = self.directories.get(directory) {
            return physical.clone();
        }
        let physical = directory.canonicalize().ok();
        if self.directories.len() >= KNOWN_MAX {
            self.directories.clear();
        }
        self.directories.insert(directory.to_owned(), physical.clone());
        physical
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
        let (inode, led) = look(path(asked), follow)?;
        if inode != stat.inode {
            return None;
        }
        let shown = led.as_os_str().len();
        // One that has lost its name is not found by it.
        let path = named(led).filter(|path| path.len() == shown)?;
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(asked.to_owned(), Led { inode, path: path.clone() });
        Some(path)
    }
}

/// What a path leads to. Nothing happens to it: a FIFO is not opened for reading, nor a device.
fn look(at: &Path, follow: Follow) -> Option<(Inode, PathBuf)> {
    let nofollow = match follow {
        Follow::Yes => 0,
        Follow::No => libc::O_NOFOLLOW,
    };
    let flags = libc::O_PATH | libc::O_CLOEXEC | nofollow;
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(at).ok()?;
    let stat = Stat::from(file.metadata().ok()?);
    Some((stat.inode, fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?))
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

    /// The file that a task has opened, and had these attributes then; `None` if it has no path.
    pub(super) fn opened_then(
        &mut self,
        stat: Stat,
        asked: &[u8],
        follow: Follow,
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
        if let Some(led) = self.ways.still(&seen_by(seat.tid, asked), follow, &stat) {
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
        Some(of_host(led.unwrap_or_else(|| asked.to_owned())))
    }
}
