//! Requests that would change the tree: refused in a mount, with the errno that Linux gives on a
//! read-only file system, and passed on the host.

use std::path::PathBuf;

use nix::errno::Errno;

use super::{Failure, Outcome, Subject, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::namespace::Namespace;
use crate::request::{Follow, MakeKind, PathOp, Removal, RenameMode, Target};
use crate::resolve::{Course, Found, Last, Resolved, resolve};
use crate::verdict::{Judged, Paths};

/// One side of a rename or link.
enum Side {
    Host(Option<PathBuf>),
    Mount(Resolved),
}

impl Namespace {
    pub(super) fn make(&self, caller: &dyn Caller, op: &PathOp, kind: MakeKind) -> Outcome {
        match self.side(caller, op)? {
            Side::Host(path) => Ok(rewritten(path, None)),
            Side::Mount(at) => Err(self.make_name(&at, kind).into()),
        }
    }

    /// Why the name `at` cannot be made (`filename_create` in fs/namei.c).
    fn make_name(&self, at: &Resolved, kind: MakeKind) -> Errno {
        match at.found {
            Found::Absent if at.trailing_slash && kind == MakeKind::Other => Errno::ENOENT,
            Found::Absent => Errno::EROFS,
            _ => Errno::EEXIST,
        }
    }

    pub(super) fn link(&self, caller: &dyn Caller, from: &Target, to: &PathOp) -> Outcome {
        let from = match from {
            Target::Path(op) => self.side(caller, op)?,
            Target::Open(_) => match self.find(caller, from)? {
                Subject::Node(_) => return Err(self.link_crosses(caller, to)?.into()),
                _ => Side::Host(None),
            },
        };
        match (from, self.side(caller, to)?) {
            (Side::Mount(Resolved { found: Found::Absent, .. }), _) => Err(Errno::ENOENT.into()),
            (_, Side::Mount(to)) => Err(self.make_name(&to, MakeKind::Other).into()),
            (Side::Mount(_), Side::Host(_)) => Err(Errno::EXDEV.into()),
            (Side::Host(from), Side::Host(to)) => Ok(rewritten(from, to)),
        }
    }

    fn link_crosses(&self, caller: &dyn Caller, to: &PathOp) -> Result<Errno, Failure> {
        Ok(match self.side(caller, to)? {
            Side::Mount(to) => self.make_name(&to, MakeKind::Other),
            Side::Host(_) => Errno::EXDEV,
        })
    }

    pub(super) fn remove(&self, caller: &dyn Caller, op: &PathOp, removal: Removal) -> Outcome {
        let at = match self.side(caller, op)? {
            Side::Host(path) => return Ok(rewritten(path, None)),
            Side::Mount(at) => at,
        };
        let errno = match (removal, at.last) {
            (Removal::File, Last::Dot | Last::DotDot | Last::Root) => Errno::EISDIR,
            (Removal::Directory, Last::DotDot) => Errno::ENOTEMPTY,
            (Removal::Directory, Last::Dot) => Errno::EINVAL,
            (Removal::Directory, Last::Root) => Errno::EBUSY,
            (_, Last::Name) if self.names_mount_root(&at) => match removal {
                Removal::File => Errno::EISDIR,
                Removal::Directory => Errno::EBUSY,
            },
            // The kernel asks for write access to the mount before it looks the name up.
            (_, Last::Name) => Errno::EROFS,
        };
        Err(errno.into())
    }

    pub(super) fn rename(
        &self,
        caller: &dyn Caller,
        from: &PathOp,
        to: &PathOp,
        mode: RenameMode,
    ) -> Outcome {
        let not_a_name = |at: &Resolved| at.last != Last::Name;
        match (self.side(caller, from)?, self.side(caller, to)?) {
            (Side::Host(from), Side::Host(to)) => Ok(rewritten(from, to)),
            (Side::Mount(from), Side::Mount(to)) => {
                if self.names_mount_root(&from) || self.names_mount_root(&to) {
                    // The names of mount points are the host's.
                    return Err(Errno::EBUSY.into());
                }
                if not_a_name(&from) {
                    return Err(Errno::EBUSY.into());
                }
                if not_a_name(&to) {
                    let keeps = mode == RenameMode::KeepTarget;
                    return Err(if keeps { Errno::EEXIST } else { Errno::EBUSY }.into());
                }
                Err(Errno::EROFS.into())
            }
            (Side::Mount(at), Side::Host(_)) | (Side::Host(_), Side::Mount(at)) => {
                let root = self.names_mount_root(&at);
                Err(if root { Errno::EBUSY } else { Errno::EXDEV }.into())
            }
        }
    }

    pub(super) fn truncate(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => match self.node(at)?.kind {
                Kind::Directory => Err(Errno::EISDIR.into()),
                Kind::File | Kind::Symlink => Err(Errno::EROFS.into()),
            },
        }
    }

    pub(super) fn set_attr(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(_) => Err(Errno::EROFS.into()),
        }
    }

    pub(super) fn bind(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.side(caller, op)? {
            Side::Host(None) => Ok(Judged::pass()),
            Side::Host(Some(_)) => Ok(socket_out_of_reach()),
            Side::Mount(at) => Err(match self.make_name(&at, MakeKind::Other) {
                Errno::EEXIST => Errno::EADDRINUSE,
                other => other,
            }
            .into()),
        }
    }

    pub(super) fn connect(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(_) => Ok(socket_out_of_reach()),
            Subject::Absent => Err(Errno::ENOENT.into()),
            // Write permission is asked for before the type (`unix_find_bsd` in net/unix).
            Subject::Node(_) => Err(Errno::EROFS.into()),
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

    /// Which tree the name `op` is in.
    fn side(&self, caller: &dyn Caller, op: &PathOp) -> Result<Side, Failure> {
        let at = resolve(self, caller, op)?;
        Ok(match (&at.found, at.course) {
            (Found::Host(_), Course::Plain) => Side::Host(None),
            (Found::Host(path), Course::Crossed) => Side::Host(Some(path.clone())),
            // The link itself is a name in /proc.
            (Found::Magic(_), _) if op.follow == Follow::No => Side::Host(None),
            _ => Side::Mount(at),
        })
    }

    fn names_mount_root(&self, at: &Resolved) -> bool {
        matches!(at.found, Found::Node(node) if self.is_mount_root(node)) && at.last == Last::Name
    }
}

fn rewritten(first: Option<PathBuf>, second: Option<PathBuf>) -> Judged {
    if first.is_none() && second.is_none() {
        return Judged::pass();
    }
    Judged::redirect(Paths { first, second })
}

/// A socket address holds 108 bytes and is not rewritten.
fn socket_out_of_reach() -> Judged {
    Judged::limit(Errno::EPERM, "a socket on the host is not reachable by a path through a mount")
}
