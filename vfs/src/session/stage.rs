//! Staging files: the real file behind each file of a session that is being written.
//!
//! One node has one staging file, whoever opens it, so data, locks and mappings are shared as they
//! are on any file system. Its size, blocks and times of access and modification are the node's.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use rustix::fs::{
    AtFlags, FileType, Mode, XattrFlags, chmodat, mknodat, setxattr, statat, unlinkat,
};

use super::error::Error;
use crate::acl;
use crate::attr::Timestamp;
use crate::files::Backing;
use crate::manifest::{Node, NodeId};

/// Whoever a tracee becomes can pass through; names cannot be listed.
const DIRECTORY_MODE: u32 = 0o711;
/// Permission was judged by the node's mode; the kernel must let whoever passed that open it.
const FILE_MODE: u32 = 0o666;
/// A staging file has this bit if its node has a set-id bit that writing takes away, so that the kernel
/// takes it away from the staging file, when and from whom it would (`file_remove_privs` in fs/inode.c).
/// Nobody can execute the file, so it gives nobody any right.
const MARK: u32 = 0o4000;
/// The same for a set-group-id bit that only somebody outside of the group takes away
/// (`setattr_should_drop_sgid` in fs/attr.c): the staging file has the node's group then.
const GROUP_MARK: u32 = 0o2000;

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const GROUP_EXEC: u32 = 0o010;

/// The bits of a node's mode that whoever has not CAP_FSETID takes away by writing.
fn lost_to_all(mode: u32) -> u32 {
    let set_gid = if mode & GROUP_EXEC != 0 { SET_GID } else { 0 };
    mode & (SET_UID | set_gid)
}

/// Those that only somebody outside of the group does.
fn lost_to_outsiders(mode: u32) -> u32 {
    if mode & GROUP_EXEC == 0 { mode & SET_GID } else { 0 }
}

/// The marks of the staging file of a node with this mode.
fn marks(mode: u32) -> u32 {
    let mark = if lost_to_all(mode) != 0 { MARK } else { 0 };
    mark | if lost_to_outsiders(mode) != 0 { GROUP_MARK } else { 0 }
}

/// Whether staging files of nodes with these modes differ, or may have come to by a write.
pub(super) fn differ(one: u32, other: u32) -> bool {
    marks(one) | marks(other) != 0
}

/// What a staging file says of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staged {
    /// `st_size`
    pub size: u64,
    /// `st_blocks`
    pub blocks: u64,
    /// `st_atime`
    pub atime: Timestamp,
    /// `st_mtime`
    pub mtime: Timestamp,
    /// `st_ctime`, or long ago if that is of the time when the content was copied here.
    pub ctime: Timestamp,
    /// What has become of the node's set-id bits.
    pub set_id: SetId,
}

/// What writes have left of a node's set-id bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetId {
    /// They are the node's.
    Kept,
    /// Somebody in the file's group has written to it.
    KeptFromGroup,
    /// They are gone.
    Taken,
}

impl Staged {
    /// What `meta` says.
    pub fn from(meta: &fs::Metadata) -> Staged {
        let time = |sec, nsec| Timestamp { sec, nsec: u32::try_from(nsec).unwrap_or_default() };
        Staged {
            size: meta.size(),
            blocks: meta.blocks(),
            atime: time(meta.atime(), meta.atime_nsec()),
            mtime: time(meta.mtime(), meta.mtime_nsec()),
            ctime: time(meta.ctime(), meta.ctime_nsec()),
            set_id: match meta.mode() & (MARK | GROUP_MARK) {
                0 => SetId::Taken,
                GROUP_MARK => SetId::KeptFromGroup,
                _ => SetId::Kept,
            },
        }
    }

    /// What is left of a node's mode.
    pub(crate) fn mode(self, mode: u32) -> u32 {
        let lost = match self.set_id {
            SetId::Kept => 0,
            SetId::KeptFromGroup => lost_to_all(mode),
            SetId::Taken => lost_to_all(mode) | lost_to_outsiders(mode),
        };
        mode & !lost
    }

    /// The attributes of `node` with these.
    pub fn over(self, node: Node) -> Node {
        Node {
            mode: self.mode(node.mode),
            size: self.size,
            blocks: self.blocks,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime.max(node.ctime),
            ..node
        }
    }
}

/// The directory of staging files.
#[derive(Debug)]
pub(super) struct Stage {
    dir: PathBuf,
    open: File,
    modes: Modes,
    /// When the staging files that got a copy were complete. As long as that is the last change of one,
    /// nobody has changed its node's content.
    copied: HashMap<NodeId, Timestamp>,
}

/// What mode a file that is made in the directory gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modes {
    /// None has been made yet.
    Unknown,
    /// The one that was asked for.
    Asked,
    /// Less than that: the umask decides.
    Masked,
}

impl Stage {
    /// The staging files in `dir`, which is made if it is missing.
    pub(super) fn at(dir: PathBuf) -> Result<Stage, Error> {
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => {
                fs::set_permissions(&dir, Permissions::from_mode(DIRECTORY_MODE))
                    .map_err(Error::io("set the mode of", &dir))?;
                // Where there are no such lists, each file gets its mode by a call of its own.
                let _ = setxattr(&dir, acl::DEFAULT, &acl::of_mode(FILE_MODE), XattrFlags::CREATE);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("make", &dir)(error)),
        }
        let open = File::open(&dir).map_err(Error::io("open", &dir))?;
        Ok(Stage { dir, open, modes: Modes::Unknown, copied: HashMap::new() })
    }

    /// Where the staging file of `node` is.
    pub(super) fn path_of(&self, node: NodeId) -> PathBuf {
        self.dir.join(node.0.to_string())
    }

    /// Makes an empty staging file for a node of this mode and group.
    pub(super) fn make(&mut self, node: NodeId, mode: u32, gid: u32) -> Result<(), Error> {
        let (name, wanted) = (node.0.to_string(), Mode::from_raw_mode(FILE_MODE));
        let path = self.path_of(node);
        let io = |operation| {
            let failed = Error::io(operation, &path);
            move |errno: rustix::io::Errno| failed(errno.into())
        };
        let make = || mknodat(&self.open, &name, FileType::RegularFile, wanted, 0);
        let made = match make() {
            // A file of that name is what was left of a change that did not reach the journal.
            Err(rustix::io::Errno::EXIST) => {
                unlinkat(&self.open, &name, AtFlags::empty()).and_then(|()| make())
            }
            other => other,
        };
        made.map_err(io("make"))?;
        if self.modes == Modes::Unknown {
            let there = statat(&self.open, &name, AtFlags::SYMLINK_NOFOLLOW);
            let there = there.map_err(io("stat"))?;
            let exact = Mode::from_raw_mode(there.st_mode).contains(Mode::from_raw_mode(FILE_MODE));
            self.modes = if exact { Modes::Asked } else { Modes::Masked };
        }
        if marks(mode) != 0 {
            return set_mode(&path, mode, gid);
        }
        if self.modes == Modes::Masked {
            chmodat(&self.open, &name, wanted, AtFlags::empty()).map_err(io("set the mode of"))?;
        }
        Ok(())
    }

    /// Makes a staging file that holds what `from` holds, with the times of `node`.
    pub(super) fn copy(&mut self, id: NodeId, node: &Node, mut from: File) -> Result<(), Error> {
        let path = self.path_of(id);
        let mut options = OpenOptions::new();
        // As above, one that is there already counts for nothing.
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut to = options.open(&path).map_err(Error::io("create", &path))?;
        // On Linux this is copy_file_range, which shares extents where the file system can. A signal may
        // interrupt it; the offsets of both files tell how far it has come.
        while let Err(error) = io::copy(&mut from, &mut to) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(Error::io("copy into", &path)(error));
            }
        }
        // Now: what has been copied is no write to it.
        set_mode(&path, node.mode, node.gid)?;
        set_times(&path, Some(node.atime), Some(node.mtime))?;
        let complete = to.metadata().map_err(Error::io("stat", &path))?;
        self.copied.insert(id, Staged::from(&complete).ctime);
        Ok(())
    }

    /// What the staging file of `node` says.
    pub(super) fn staged(&self, node: NodeId) -> Result<Staged, Error> {
        let path = self.path_of(node);
        let meta = fs::symlink_metadata(&path).map_err(Error::io("stat", &path))?;
        let staged = Staged::from(&meta);
        Ok(match self.copied.get(&node) {
            Some(copied) if *copied == staged.ctime => Staged { ctime: Timestamp::MIN, ..staged },
            _ => staged,
        })
    }

    /// What the staging file of `node` is to the kernel, if it has its name.
    pub(super) fn backing(&self, node: NodeId) -> Option<Backing> {
        let found = statat(&self.open, node.0.to_string(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Backing { dev: found.st_dev, ino: found.st_ino })
    }

    /// Opens the staging file of `node` for reading.
    pub(super) fn open(&self, node: NodeId) -> Result<File, Error> {
        let path = self.path_of(node);
        File::open(&path).map_err(Error::io("open", &path))
    }

    /// Removes the name of a staging file; who has it open keeps it.
    pub(super) fn remove(&mut self, node: NodeId) {
        self.copied.remove(&node);
        // What cannot be removed goes with the session.
        let _ = unlinkat(&self.open, node.0.to_string(), AtFlags::empty());
    }

    /// The directory itself.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Sets the times of the staging file at `path`; what is `None` stays.
pub(super) fn set_times(
    path: &Path,
    atime: Option<Timestamp>,
    mtime: Option<Timestamp>,
) -> Result<(), Error> {
    let spec = |time: Option<Timestamp>| match time {
        Some(time) => TimeSpec::new(time.sec, i64::from(time.nsec)),
        None => TimeSpec::UTIME_OMIT,
    };
    let follow = UtimensatFlags::FollowSymlink;
    utimensat(nix::fcntl::AT_FDCWD, path, &spec(atime), &spec(mtime), follow)
        .map_err(|errno| Error::io("set the times of", path)(errno.into()))
}

/// Takes note in the staging file at `path` that its node has this mode and group.
pub(super) fn set_mode(path: &Path, mode: u32, gid: u32) -> Result<(), Error> {
    let mut marks = marks(mode);
    if marks & GROUP_MARK != 0 && chown(path, None, Some(gid)).is_err() {
        // None of ours is in that group.
        marks = MARK;
    }
    fs::set_permissions(path, Permissions::from_mode(FILE_MODE | marks))
        .map_err(Error::io("set the mode of", path))
}

/// The clock by which the kernel stamps files, so that times of nodes and of staging files have one
/// order.
pub(crate) fn now() -> Result<Timestamp, Errno> {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME_COARSE)?;
    Ok(Timestamp { sec: time.tv_sec(), nsec: u32::try_from(time.tv_nsec()).unwrap_or_default() })
}
