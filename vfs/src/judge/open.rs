//! Opening a file.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{Failure, Outcome, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{Ids, READ, WRITE};
use crate::files::Usage;
use crate::namespace::Namespace;
use crate::place::NodeRef;
use crate::request::{self, Create, Follow, Handle, PathOp};
use crate::resolve::{Course, Ending, Found, resolve};
use crate::verdict::{Effect, Judged, Paths};

impl Namespace {
    pub(super) fn open(&self, caller: &dyn Caller, open: &request::Open) -> Outcome {
        // A new name is never made through a symlink.
        let follow = if open.create == Create::New { Follow::No } else { open.path.follow };
        let path = PathOp { follow, ..open.path.clone() };
        let ending = if open.create.makes_a_name() { Ending::Create } else { Ending::Lookup };
        let at = resolve(self, caller, &path, ending)?;
        match at.found {
            Found::Host(path) => match self.view(caller, open, &path)? {
                Some(view) => Ok(on_host(view.clone()).with(Effect::Discards(view))),
                None if at.course == Course::Plain => Ok(Judged::pass()),
                None => Ok(on_host(path)),
            },
            Found::Magic(_) if open.create == Create::New => Err(Errno::EEXIST.into()),
            Found::Magic(_) if open.handle == Handle::Path => Ok(Judged::pass()),
            Found::Magic(_) => Err(Errno::ELOOP.into()),
            Found::Absent if open.create.makes_a_name() => Err(Errno::EROFS.into()),
            Found::Absent => Err(Errno::ENOENT.into()),
            Found::Node(node) => self.open_node(caller, open, node),
        }
    }

    /// What is opened instead of a file of `/proc`.
    fn view(
        &self,
        caller: &dyn Caller,
        open: &request::Open,
        path: &Path,
    ) -> Result<Option<PathBuf>, Failure> {
        match open.handle {
            Handle::Read if path.starts_with("/proc") => self.mappings(caller, path),
            _ => Ok(None),
        }
    }

    fn open_node(&self, caller: &dyn Caller, open: &request::Open, at: NodeRef) -> Outcome {
        let node = self.node(at)?;
        let directory = node.kind == Kind::Directory;
        match open.create {
            Create::New => return Err(Errno::EEXIST.into()),
            Create::IfMissing if directory => return Err(Errno::EISDIR.into()),
            Create::Nameless if directory => return Err(Errno::EROFS.into()),
            Create::Nameless => return Err(Errno::ENOTDIR.into()),
            Create::IfMissing | Create::No => {}
        }
        if open.subject == request::Subject::Directory && !directory {
            return Err(Errno::ENOTDIR.into());
        }
        if open.handle != Handle::Path {
            self.check_handle(caller, open.handle, at)?;
            if let Some(refused) = cannot_serve(node.kind) {
                return Ok(refused);
            }
        }
        let (path, blob) = match node.kind {
            Kind::File => {
                self.opened(node.digest, at);
                (self.blob_path(&node.digest), Some(node.digest))
            }
            _ => (self.stand_in(at)?, None),
        };
        let paths = Paths { first: Some(path), second: None };
        let usage = if open.handle == Handle::Path { Usage::Name } else { Usage::Content };
        Ok(Judged::redirect(paths).with(Effect::Opens { node: at, usage, blob }))
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
            Kind::File if writes => Err(Errno::EROFS.into()),
            // As on every file system mounted with `nodev` (`may_open` in fs/namei.c).
            Kind::CharDevice | Kind::BlockDevice => Err(Errno::EACCES.into()),
            Kind::Directory | Kind::File | Kind::Fifo | Kind::Socket => {
                let want = match handle {
                    Handle::Write { reads: true } => READ | WRITE,
                    Handle::Write { reads: false } => WRITE,
                    Handle::Read | Handle::Path => READ,
                };
                if !caller.creds(Ids::FileSystem).may(&node, want) {
                    return Err(Errno::EACCES.into());
                }
                Ok(())
            }
        }
    }
}

/// The refusal of what has no content to be opened.
fn cannot_serve(kind: Kind) -> Option<Judged> {
    match kind {
        // A socket has a name to connect to and nothing to open (`no_open` in fs/inode.c).
        Kind::Socket => Some(Judged::deny(Errno::ENXIO)),
        Kind::Fifo => {
            Some(Judged::limit(Errno::EOPNOTSUPP, "opening a FIFO of a mount is not supported yet"))
        }
        _ => None,
    }
}
