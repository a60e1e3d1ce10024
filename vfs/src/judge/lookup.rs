//! Requests that only look: stat, access, readlink, listings, the current directory.

use nix::errno::Errno;

use super::{Outcome, Subject, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{EXEC, Ids, WRITE};
use crate::namespace::Namespace;
use crate::place::Place;
use crate::request::{AccessWanted, PathOp, Target};
use crate::verdict::{Effect, Judged, Reply};

impl Namespace {
    pub(super) fn stat(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(node) => Ok(Judged::reply(Reply::Attr(self.attr(node)?))),
        }
    }

    pub(super) fn access(
        &self,
        caller: &dyn Caller,
        target: &Target,
        wanted: AccessWanted,
    ) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            // Whatever is stored in a mount (files, directories, links) is on a read-only file
            // system: `sb_permission` refuses writing before it looks at the mode.
            Subject::Node(_) if wanted.bits & WRITE != 0 => Err(Errno::EROFS.into()),
            Subject::Node(node) => {
                if !caller.creds(wanted.ids).may(&self.node(node)?, wanted.bits) {
                    return Err(Errno::EACCES.into());
                }
                Ok(Judged::reply(Reply::Done))
            }
        }
    }

    pub(super) fn readlink(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Magic(jump) => {
                let path = match (jump.text, jump.place) {
                    (Some(path), _) | (None, Place::Host(path)) => path,
                    (None, Place::Node(node)) => self.path_of(node)?,
                };
                Ok(Judged::reply(Reply::Link(path.into_os_string().into_encoded_bytes())))
            }
            Subject::Node(node) if self.node(node)?.kind == Kind::Symlink => {
                Ok(Judged::reply(Reply::Link(self.target(node)?.to_vec())))
            }
            // An empty path asks about the descriptor itself, which then must be a link
            // (`do_readlinkat` in fs/stat.c).
            Subject::Node(_) if matches!(target, Target::Open(_)) => Err(Errno::ENOENT.into()),
            Subject::Node(_) => Err(Errno::EINVAL.into()),
        }
    }

    pub(super) fn read_dir(&self, caller: &dyn Caller, fd: i32) -> Outcome {
        match caller.node(fd) {
            Some(node) if self.node(node)?.kind == Kind::Directory => {
                Ok(Judged::reply(Reply::Directory(node)))
            }
            _ => Ok(Judged::pass()),
        }
    }

    pub(super) fn chdir(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        let leaves_mount = matches!(caller.cwd(), Ok(Place::Node(_)));
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) if !leaves_mount => Ok(Judged::pass()),
            Subject::Untouched | Subject::Magic(_) => {
                Ok(Judged::pass().with(Effect::Enters(Place::Host("/".into()))))
            }
            Subject::Host(path) => {
                Ok(on_host(path.clone()).with(Effect::Enters(Place::Host(path))))
            }
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => {
                let node = self.node(at)?;
                if node.kind != Kind::Directory {
                    return Err(Errno::ENOTDIR.into());
                }
                if !caller.creds(Ids::FileSystem).may(&node, EXEC) {
                    return Err(Errno::EACCES.into());
                }
                let entered = Effect::Enters(Place::Node(at));
                match target {
                    // The descriptor is the stand-in already.
                    Target::Open(_) | Target::Content(_) => Ok(Judged::pass().with(entered)),
                    Target::Path(_) => Ok(on_host(self.stand_in(at)?).with(entered)),
                }
            }
        }
    }

    pub(super) fn getcwd(&self, caller: &dyn Caller) -> Outcome {
        match caller.cwd() {
            Ok(Place::Node(node)) => {
                let path = self.path_of(node)?.into_os_string();
                Ok(Judged::reply(Reply::Cwd(path.into_encoded_bytes())))
            }
            _ => Ok(Judged::pass()),
        }
    }

    /// The figures are those of the file system the mount's contents lie on.
    pub(super) fn statfs(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(_) => Ok(on_host(self.blob_root())),
        }
    }

    pub(super) fn get_xattr(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(_) => Err(Errno::ENODATA.into()),
        }
    }

    pub(super) fn list_xattr(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(_) => Ok(Judged::reply(Reply::NoNames)),
        }
    }
}
