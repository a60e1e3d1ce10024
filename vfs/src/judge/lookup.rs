//! Requests that only look: stat, access, readlink, listings, the current directory.

use nix::errno::Errno;

use super::{Outcome, Subject, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{EXEC, Ids, READ, WRITE};
use crate::namespace::Namespace;
use crate::place::Place;
use crate::request::{AccessWanted, At, Events, PathOp, Subject as Wanted, Target};
use crate::verdict::{Effect, Judged, Reply};

impl Namespace {
    pub(super) fn stat(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(node) => {
                let attr = self.attr(node)?;
                // Without a name, only the descriptor still leads to the content.
                let staged = match target {
                    Target::Open(At::Fd(fd))
                        if attr.nlink == 0
                            && attr.kind == Kind::File
                            && self.digest(node)?.is_none() =>
                    {
                        caller.staged(*fd)
                    }
                    _ => None,
                };
                let attr = staged.map_or(attr, |staged| attr.with(staged));
                Ok(Judged::reply(Reply::Attr(attr)))
            }
        }
    }

    pub(super) fn access(
        &self,
        caller: &dyn Caller,
        target: &Target,
        wanted: AccessWanted,
    ) -> Outcome {
        match self.find_as(caller, target, wanted.ids)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => {
                let node = self.node(at)?;
                let stored = node.kind.is_stored() && !self.is_writable(at.mount);
                if wanted.bits & WRITE != 0 && stored {
                    return Err(Errno::EROFS.into());
                }
                if !self.allows(&caller.creds(wanted.ids), (at, &node), wanted.bits)? {
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
                    (None, Place::Node(node)) => self.shown_path(node)?,
                };
                Ok(Judged::reply(Reply::Link(path.into_os_string().into_encoded_bytes())))
            }
            Subject::Node(node) if self.node(node)?.kind == Kind::Symlink => {
                Ok(Judged::reply(Reply::Link(self.target(node)?.into_owned())))
            }
            // An empty path asks about the descriptor itself, which then must be a link
            // (`do_readlinkat` in fs/stat.c).
            Subject::Node(_) if matches!(target, Target::Open(_)) => Err(Errno::ENOENT.into()),
            Subject::Node(_) => Err(Errno::EINVAL.into()),
        }
    }

    pub(super) fn read_dir(&self, caller: &dyn Caller, fd: i32) -> Outcome {
        match self.find(caller, &Target::Content(fd))? {
            Subject::Node(node) if self.node(node)?.kind == Kind::Directory => {
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
                if !self.allows(&caller.creds(Ids::FileSystem), (at, &node), EXEC)? {
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
                let path = self.path_of(node)?.ok_or(Errno::ENOENT)?.into_os_string();
                Ok(Judged::reply(Reply::Cwd(path.into_encoded_bytes())))
            }
            _ => Ok(Judged::pass()),
        }
    }

    pub(super) fn statfs(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(node) => Ok(Judged::reply(Reply::Figures(self.figures(node)?))),
        }
    }

    /// Nothing ever changes in a mount that cannot be written to, so a watch for changes is one on an
    /// object that stands for this node alone and never changes either. The kernel would tell of no
    /// other event: what is opened and read is a blob or a stand-in, and both are several nodes'.
    pub(super) fn watch(
        &self,
        caller: &dyn Caller,
        op: &PathOp,
        wanted: Wanted,
        events: Events,
    ) -> Outcome {
        match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => {
                let node = self.node(at)?;
                if wanted == Wanted::Directory && node.kind != Kind::Directory {
                    return Err(Errno::ENOTDIR.into());
                }
                if !self.allows(&caller.creds(Ids::FileSystem), (at, &node), READ)? {
                    return Err(Errno::EACCES.into());
                }
                match events {
                    _ if self.is_writable(at.mount) => {
                        Ok(Judged::limit(Errno::ENOSYS, "changes of a mount are not told of"))
                    }
                    Events::Uses => Ok(Judged::limit(
                        Errno::ENOSYS,
                        "the use of a mount's files is not told of",
                    )),
                    Events::Changes => Ok(on_host(self.unchanging(at)?)),
                }
            }
        }
    }
}
