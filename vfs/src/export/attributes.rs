//! Giving what was made the attributes of its node: first the owner, which clears set-id bits and
//! capabilities, then extended attributes, then the mode, and the times last.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod,
    fsetxattr, futimens, setxattr, utimensat,
};
use rustix::io::{Errno, Result};
use rustix::process::{getegid, geteuid};

use super::report::Cause;
use super::source::{Source, Unreadable};
use super::target::Place;
use crate::manifest::{Kind, Node, NodeId, Timestamp};

/// What an ordinary user had to leave out of one node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Missed {
    pub(crate) owners: u64,
    pub(crate) xattrs: u64,
}

/// Who is exporting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    uid: Uid,
    gid: Gid,
}

impl Caller {
    pub(crate) fn current() -> Caller {
        Caller { uid: geteuid(), gid: getegid() }
    }

    /// Gives an open file or directory its attributes.
    pub(crate) fn dress_open(
        self,
        source: &dyn Source,
        id: NodeId,
        node: &Node,
        file: impl AsFd,
        missed: &mut Missed,
    ) -> std::result::Result<(), Cause> {
        let file = file.as_fd();
        let chown = |uid, gid| chownat(file, c"", uid, gid, AtFlags::EMPTY_PATH);
        let owned = self.own(node, &chown).map_err(cannot("change the owner of"))?;
        missed.owners += u64::from(!owned);
        missed.xattrs += self.set_xattrs(source, id, &|name, value| {
            fsetxattr(file, name, value, XattrFlags::empty())
        })?;
        fchmod(file, mode(node, owned)).map_err(cannot("change the mode of"))?;
        futimens(file, &times(node)).map_err(cannot("set the times of"))
    }

    /// Gives its attributes to what cannot or must not be opened: `name` in `place`, held as `held`.
    pub(crate) fn dress_held(
        self,
        source: &dyn Source,
        id: NodeId,
        node: &Node,
        (place, name, held): (&Place, &CString, &OwnedFd),
        missed: &mut Missed,
    ) -> std::result::Result<(), Cause> {
        let itself = link_to(held);
        let chown = |uid, gid| chownat(held, c"", uid, gid, AtFlags::EMPTY_PATH);
        let owned = self.own(node, &chown).map_err(cannot("change the owner of"))?;
        missed.owners += u64::from(!owned);
        missed.xattrs += self.set_xattrs(source, id, &|name, value| {
            setxattr(&itself, name, value, XattrFlags::empty())
        })?;
        if node.kind != Kind::Symlink {
            chmodat(CWD, &itself, mode(node, owned), AtFlags::empty())
                .map_err(cannot("change the mode of"))?;
        }
        utimensat(place, name, &times(node), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(cannot("set the times of"))
    }

    /// Gives something to its owner and group. An ordinary user can at most give it to a group of
    /// his; returns whether it is as it should be.
    fn own(
        self,
        node: &Node,
        chown: &dyn Fn(Option<Uid>, Option<Gid>) -> Result<()>,
    ) -> Result<bool> {
        let (uid, gid) = (Uid::from_raw(node.uid), Gid::from_raw(node.gid));
        if !self.uid.is_root() && (uid, gid) == (self.uid, self.gid) {
            return Ok(true);
        }
        match chown(Some(uid), Some(gid)) {
            Ok(()) => Ok(true),
            // EINVAL: the owner does not exist in this user name space.
            Err(Errno::PERM | Errno::INVAL) => {
                let _ = chown(None, Some(gid));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Sets all extended attributes, and returns how many only the superuser could set.
    fn set_xattrs(
        self,
        source: &dyn Source,
        id: NodeId,
        set: &dyn Fn(&CStr, &[u8]) -> Result<()>,
    ) -> std::result::Result<u64, Cause> {
        let mut left_out = 0;
        let unreadable = |error: Unreadable| {
            cannot("read the extended attributes of")(std::io::Error::other(error.to_string()))
        };
        for (name, value) in source.xattrs(id).map_err(unreadable)? {
            let Ok(spelled) = CString::new(&*name) else { continue };
            match set(&spelled, &value) {
                Ok(()) => {}
                Err(Errno::PERM) if !self.uid.is_root() && !name.starts_with(b"user.") => {
                    left_out += 1;
                }
                Err(error) => {
                    return Err(Cause::Xattr { name: name.into_vec(), source: error.into() });
                }
            }
        }
        Ok(left_out)
    }
}

/// The kernel's link to a held file, which leads to itself even if it is a symlink.
pub(crate) fn link_to(held: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", held.as_raw_fd())
}

/// Set-id bits would give the caller's rights away if the file is not its owner's.
fn mode(node: &Node, owned: bool) -> Mode {
    Mode::from_raw_mode(if owned { node.mode } else { node.mode & 0o1777 })
}

fn times(node: &Node) -> Timestamps {
    let spec = |time: Timestamp| Timespec { tv_sec: time.sec, tv_nsec: time.nsec.into() };
    Timestamps { last_access: spec(node.atime), last_modification: spec(node.mtime) }
}

pub(crate) fn cannot<E: Into<std::io::Error>>(operation: &'static str) -> impl FnOnce(E) -> Cause {
    move |error| Cause::Io { operation, source: error.into() }
}
