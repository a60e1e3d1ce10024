//! Files that a task has open: where they are, and what they hold.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use vrift_record::{VersionId, names_memory};
use vrift_vfs::{Held, LOST};

use super::Recorder;
use super::contents::{Keeper, When};
use super::stat::Stat;
use crate::procfs;
use crate::view::places::Seat;

/// An open file.
#[derive(Debug)]
pub(super) struct OpenFile {
    /// Its path; it may have lost that name.
    pub(super) path: Vec<u8>,
    /// The attributes of the file of the host that is behind it.
    pub(super) stat: Stat,
    /// The way to that file.
    way: PathBuf,
    place: Where,
}

/// Whose a file is.
#[derive(Debug)]
enum Where {
    Host,
    /// A file of `/proc`'s, in which a mount is told of: its content is made when it is opened.
    Viewed,
    /// A mount's; this is the path of the file of the host that is behind it.
    Mount(PathBuf),
}

impl OpenFile {
    /// What a descriptor is open on; `None` if that has no path.
    pub(super) fn of(fd: i32, seat: &Seat<'_>) -> Option<OpenFile> {
        let link = PathBuf::from(format!("/proc/{}/fd/{fd}", seat.tid));
        let real = procfs::link(seat.tid, fd).filter(|real| !is_memory(real))?;
        let (path, place) = match seat.places.mounted(seat.tid, fd) {
            Some(shown) => (shown, Where::Mount(real)),
            None => match seat.places.viewed(&real) {
                Some(viewed) => (viewed, Where::Viewed),
                None => (real, Where::Host),
            },
        };
        let path = named(path)?;
        let stat = Stat::from(link.metadata().ok()?);
        Some(OpenFile { path, stat, way: link, place })
    }

    /// The file of the host at `path`, by a way that leads there.
    pub(super) fn of_host(path: Vec<u8>, stat: Stat, way: PathBuf) -> OpenFile {
        OpenFile { path, stat, way, place: Where::Host }
    }

    /// Whether it is a file of a directory that a mount shows where it is.
    pub(super) fn is_below_overlay(&self) -> bool {
        matches!(&self.place, Where::Mount(real) if real.as_os_str().as_bytes() == self.path)
    }

    /// Whether a mount serves it.
    pub(super) fn is_mounted(&self) -> bool {
        matches!(self.place, Where::Mount(_))
    }
}

impl Recorder {
    /// The version of what an open file holds.
    pub(super) fn held_by(&mut self, file: &OpenFile, seat: &Seat<'_>) -> Option<VersionId> {
        let keeper = match &file.place {
            Where::Host => Keeper::Host,
            Where::Viewed => return None,
            Where::Mount(_) if file.is_below_overlay() => Keeper::Host,
            Where::Mount(real) => match seat.places.behind(real) {
                Some((_, Held::Blob(digest, size))) => {
                    return Some(self.contents.blob(digest, &file.path, size));
                }
                _ => Keeper::Session,
            },
        };
        self.contents.version(&file.way, &file.stat, &file.path, keeper, When::AsNeeded)
    }
}

/// The path of an open file, as `/proc` shows it; it may have lost that name.
pub(super) fn opened(seat: &Seat<'_>, fd: i32) -> Option<Vec<u8>> {
    let of_host = || {
        let real = procfs::link(seat.tid, fd).filter(|real| !is_memory(real))?;
        Some(seat.places.viewed(&real).unwrap_or(real))
    };
    named(seat.places.mounted(seat.tid, fd).or_else(of_host)?)
}

fn is_memory(shown: &Path) -> bool {
    names_memory(shown.as_os_str().as_bytes())
}

/// The path that `/proc` shows; memory keeps the mark that tells it from a file. What is none (of pipes, of
/// sockets) has no slash at its start.
pub(super) fn named(shown: PathBuf) -> Option<Vec<u8>> {
    // A name may end so too.
    let lost = shown.as_os_str().as_bytes().ends_with(LOST)
        && !is_memory(&shown)
        && shown.symlink_metadata().is_err();
    let mut path = OsString::from(shown).into_vec();
    if lost {
        path.truncate(path.len() - LOST.len());
    }
    (path.first() == Some(&b'/')).then_some(path)
}
