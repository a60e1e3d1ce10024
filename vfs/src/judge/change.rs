//! Requests that would change what a name stands for: refused in a mount, with the errno that Linux
//! gives on a read-only file system, and passed on the host.

use nix::errno::Errno;

use super::{Outcome, Subject, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::mutate::AttrChange;
use crate::namespace::Namespace;
use crate::request::{At, PathOp, Target};
use crate::resolve::{Ending, resolve};
use crate::verdict::Judged;

impl Namespace {
    pub(super) fn truncate(&mut self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        let found = resolve(self, caller, op, Ending::Lookup)?;
        match Subject::from(found.clone()) {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => match self.node(at)?.kind {
                Kind::Directory => Err(Errno::EISDIR.into()),
                Kind::File if self.is_writable(at.mount) => {
                    self.truncate_in_mount(caller, at, &found)
                }
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
            Subject::Node(at) => {
                let fd = match target {
                    Target::Content(fd) | Target::Open(At::Fd(fd)) => Some(*fd),
                    Target::Path(_) | Target::Open(At::Cwd) => None,
                };
                self.change_attributes(caller, at, fd, change)
            }
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
