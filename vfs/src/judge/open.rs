//! Opening a file.

use std::path::PathBuf;

use nix::errno::Errno;

use super::memory::is_kept;
use super::write::refuse_program;
use super::{Failure, Outcome, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{Ids, READ, WRITE};
use crate::files::Usage;
use crate::namespace::Namespace;
use crate::place::NodeRef;
use crate::request::{self, AccessTime, Create, Follow, Handle, PathOp, Scope};
use crate::resolve::{Bounds, Course, Ending, Found, resolve_within};
use crate::verdict::{Cause, Effect, Judged, Paths, Verdict};

impl Namespace {
    pub(super) fn open(&mut self, caller: &dyn Caller, open: &request::Open) -> Outcome {
        // A new name is never made through a symlink.
        let follow = if open.create == Create::New { Follow::No } else { open.path.follow };
        let path = PathOp { follow, ..open.path.clone() };
        let ending = if open.create.makes_a_name() { Ending::Create } else { Ending::Lookup };
        let bounds = Bounds { limits: open.limits, ..Bounds::default() };
        let at = resolve_within(self, caller, &path, ending, bounds)?;
        match at.found {
            // Callers take ENOSYS for a kernel without openat2 and fall back.
            Found::Host(_)
                if at.course == Course::Crossed && open.limits.scope != Scope::Anywhere =>
            {
                Ok(Judged::limit(
                    Errno::ENOSYS,
                    "a path that is to stay in a directory leads through a mount back to the host",
                ))
            }
            Found::Host(path)
                if matches!(open.handle, Handle::Write { .. }) && is_kept(caller, &path) =>
            {
                Ok(Judged {
                    verdict: Verdict::Deny(Errno::EACCES, Cause::Memory),
                    effect: Effect::None,
                })
            }
            Found::Host(path) => match self.view(caller, open, &path)? {
                Some(view) => Ok(on_host(view.clone()).with(Effect::Discards(view))),
                None if at.course == Course::Plain => Ok(Judged::pass()),
                None => Ok(on_host(path)),
            },
            Found::Magic(..) if open.create == Create::New => Err(Errno::EEXIST.into()),
            Found::Magic(..) if open.subject == request::Subject::Directory => {
                Err(Errno::ENOTDIR.into())
            }
            Found::Magic(..) if open.handle == Handle::Path => Ok(Judged::pass()),
            Found::Magic(..) => Err(Errno::ELOOP.into()),
            Found::Absent if open.create.makes_a_name() && self.can_change(&at) => {
                self.open_new(caller, open, &at)
            }
            Found::Absent if open.create.makes_a_name() => Err(Errno::EROFS.into()),
            Found::Absent | Found::TooLong => Err(Errno::ENOENT.into()),
            Found::Node(node) => {
                if let Some(link) = self.nameless(node, at.link.as_ref())? {
                    return self.open_by_link(caller, open, node, link);
                }
                let directory = at.entry.map(|(directory, _)| directory);
                self.open_node(caller, open, node, directory)
            }
        }
    }

    fn open_node(
        &mut self,
        caller: &dyn Caller,
        open: &request::Open,
        at: NodeRef,
        found_in: Option<NodeRef>,
    ) -> Outcome {
        let node = self.node(at)?;
        let directory = node.kind == Kind::Directory;
        match open.create {
            Create::New => return Err(Errno::EEXIST.into()),
            Create::IfMissing if directory => return Err(Errno::EISDIR.into()),
            Create::Nameless | Create::NamelessForGood if directory => {
                return self.open_nameless(caller, open, at);
            }
            Create::Nameless | Create::NamelessForGood => return Err(Errno::ENOTDIR.into()),
            Create::IfMissing => {
                if let Some(found_in) = found_in {
                    let (found_in, uid) = (self.node(found_in)?, caller.creds(Ids::FileSystem).uid);
                    self.protections().may_create_over(&found_in, &node, uid)?;
                }
            }
            Create::No => {}
        }
        if open.subject == request::Subject::Directory && !directory {
            return Err(Errno::ENOTDIR.into());
        }
        if open.handle != Handle::Path {
            self.check_handle(caller, open.handle, at)?;
            let creds = caller.creds(Ids::FileSystem);
            if open.access_time == AccessTime::Kept && creds.uid != node.uid && !creds.owner {
                return Err(Errno::EPERM.into());
            }
            if node.kind == Kind::Socket {
                // It has a name to connect to and nothing to open (`no_open` in fs/inode.c).
                return Err(Errno::ENXIO.into());
            }
        }
        if node.kind == Kind::File && matches!(open.handle, Handle::Write { .. }) {
            return self.open_to_write(caller, open, at);
        }
        if node.kind == Kind::File
            && (open.handle, open.create) == (Handle::Read, Create::IfMissing)
            && self.is_writable(at.mount)
        {
            return self.open_to_lock(at);
        }
        let (path, blob) = match node.kind {
            Kind::File => {
                if open.handle != Handle::Path {
                    self.copy_from_host(caller, at)?;
                }
                let blob = self.digest(at)?;
                if let Some(blob) = blob {
                    self.opened(blob, at);
                }
                (self.content_path(at)?, blob)
            }
            _ => (self.stand_in(at)?, None),
        };
        let paths = Paths { first: Some(path), second: None };
        let usage = if open.handle == Handle::Path { Usage::Name } else { Usage::Content };
        Ok(Judged::redirect(paths).with(Effect::Opens { node: at, usage, blob, fresh: None }))
    }

    /// A file that has lost its last name, and its staging file with it, is opened anew through the link that
    /// led to it.
    fn open_by_link(
        &mut self,
        caller: &dyn Caller,
        open: &request::Open,
        at: NodeRef,
        link: PathBuf,
    ) -> Outcome {
        if open.subject == request::Subject::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let usage = if open.handle == Handle::Path { Usage::Name } else { Usage::Content };
        if usage == Usage::Content {
            self.check_handle(caller, open.handle, at)?;
        }
        if let Handle::Write { .. } = open.handle {
            refuse_program(caller, at)?;
        }
        let paths = Paths { first: Some(link), second: None };
        Ok(Judged::redirect(paths).with(Effect::Opens { node: at, usage, blob: None, fresh: None }))
    }

    fn check_handle(
        &self,
        caller: &dyn Caller,
        handle: Handle,
        at: NodeRef,
    ) -> Result<(), Failure> {
        let node = self.node(at)?;
        let writes = matches!(handle, Handle::Write { .. });
        match node.kind {
            Kind::Symlink => Err(Errno::ELOOP.into()),
            Kind::Directory if writes => Err(Errno::EISDIR.into()),
            Kind::File if writes && !self.is_writable(at.mount) => Err(Errno::EROFS.into()),
            // As on every file system mounted with `nodev` (`may_open` in fs/namei.c).
            Kind::CharDevice | Kind::BlockDevice => Err(Errno::EACCES.into()),
            Kind::Directory | Kind::File | Kind::Fifo | Kind::Socket => {
                let want = match handle {
                    Handle::Write { reads: true, .. } => READ | WRITE,
                    Handle::Write { reads: false, .. } => WRITE,
                    Handle::Read | Handle::Path => READ,
                };
                if !self.allows(&caller.creds(Ids::FileSystem), (at, &node), want)? {
                    return Err(Errno::EACCES.into());
                }
                Ok(())
            }
        }
    }
}
