//! Requests that would change what a name stands for: refused in a mount, with the errno that Linux
//! gives on a read-only file system, and passed on the host.

use nix::errno::Errno;

use super::names::{Side, cannot_make};
use super::{Outcome, Subject, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{Ids, WRITE};
use crate::host;
use crate::mutate::AttrChange;
use crate::namespace::Namespace;
use crate::request::{Follow, PathOp, Target};
use crate::verdict::Judged;

impl Namespace {
    pub(super) fn truncate(&mut self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => match self.node(at)?.kind {
                Kind::Directory => Err(Errno::EISDIR.into()),
                Kind::File if self.is_writable(at.mount) => self.truncate_in_mount(caller, at),
                Kind::File | Kind::Symlink => Err(Errno::EROFS.into()),
                // Only a file has a length (`vfs_truncate` in fs/open.c).
                Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => {
                    Err(Errno::EINVAL.into())
                }
            },
        }
    }

    pub(super) fn set_attr(
        &mut self,
        caller: &dyn Caller,
        target: &Target,
        change: &AttrChange,
    ) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => self.change_attributes(caller, at, change),
        }
    }

    pub(super) fn bind(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.side(caller, op)? {
            Side::MountPoint(_) => Err(Errno::EADDRINUSE.into()),
            Side::Mount(at) if self.can_change(&at) && cannot_make(&at, false) == Errno::EROFS => {
                Ok(Judged::limit(Errno::EPERM, "a socket cannot be made in a mount yet"))
            }
            Side::Mount(at) => Err(match cannot_make(&at, false) {
                Errno::EEXIST => Errno::EADDRINUSE,
                other => other,
            }
            .into()),
            Side::Host(name) if name.is_plain() => Ok(Judged::pass()),
            Side::Host(name) => {
                name.reach_directory()?;
                Ok(socket_out_of_reach())
            }
        }
    }

    pub(super) fn connect(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => {
                host::look(&path, Follow::Yes)?;
                Ok(socket_out_of_reach())
            }
            Subject::Absent => Err(Errno::ENOENT.into()),
            // Write permission is asked for before the type (`unix_find_bsd` in net/unix); nobody
            // has bound a socket of a mount.
            Subject::Node(at) => Err(match self.node(at)? {
                node if node.kind.is_stored() && !self.is_writable(at.mount) => Errno::EROFS,
                node if !caller.creds(Ids::FileSystem).may(&node, WRITE) => Errno::EACCES,
                _ => Errno::ECONNREFUSED,
            }
            .into()),
        }
    }

    pub(super) fn unmodelled(&self, caller: &dyn Caller, target: &Target, errno: i32) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(_) => {
                Ok(Judged::limit(Errno::from_raw(errno), "the call is not served in a mount"))
            }
        }
    }
}

/// A socket address holds 108 bytes and is not rewritten.
fn socket_out_of_reach() -> Judged {
    Judged::limit(Errno::EPERM, "a socket on the host is not reachable by a path through a mount")
}
