//! The meaning of every request in a mount: one dispatch, one function per family.
//!
//! Errors come in the order in which Linux makes its checks on a read-only file system
//! (`fs/namei.c`, `fs/open.c`): resolution first, then existence and type, then `EROFS`.

mod change;
mod exec;
mod lookup;
mod mappings;
mod memory;
mod mounts;
mod names;
mod open;
mod sockets;
mod status;
mod views;
mod write;
mod xattr;

use std::path::PathBuf;

use nix::errno::Errno;

use crate::caller::{Caller, Jump};
use crate::creds::Ids;
use crate::error::Error;
use crate::files::{OpenNode, Usage};
use crate::namespace::Namespace;
use crate::place::NodeRef;
use crate::request::{At, PathOp, Request, Target};
use crate::resolve::{Bounds, Course, Ending, Found, Resolved, resolve, resolve_within};
use crate::verdict::{Judged, Paths};

/// Why a request could not be judged: the caller's fault or ours.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller must see this errno.
    Guest(Errno),
    /// The file system is damaged.
    Ours(Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Guest(errno)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Ours(error)
    }
}

type Outcome = Result<Judged, Failure>;

impl Namespace {
    /// Decides what is to be done with `request`. Nothing changes for the caller yet; names and
    /// attributes of a mount with a session change now, and a second judgement is another request.
    ///
    /// *Errors:* a damaged manifest, or a stand-in that cannot be made. What the caller must see
    /// is a [`crate::Verdict::Deny`], not an error.
    pub fn judge(&mut self, caller: &dyn Caller, request: &Request) -> Result<Judged, Error> {
        match self.dispatch(caller, request) {
            Ok(judged) => Ok(judged),
            Err(Failure::Guest(errno)) => Ok(Judged::deny(errno)),
            Err(Failure::Ours(error)) => Err(error),
        }
    }

    fn dispatch(&mut self, caller: &dyn Caller, request: &Request) -> Outcome {
        match request {
            Request::Open(open) => self.open(caller, open),
            Request::Stat(target) => self.stat(caller, target),
            Request::Access(target, wanted) => self.access(caller, target, *wanted),
            Request::Readlink(target) => self.readlink(caller, target),
            Request::ReadDir(fd) => self.read_dir(caller, *fd),
            Request::Chdir(target) => self.chdir(caller, target),
            Request::Getcwd => self.getcwd(caller),
            Request::Statfs(target) => self.statfs(caller, target),
            Request::Exec(exec) => self.exec(caller, exec),
            Request::GetXattr(target, name) => self.get_xattr(caller, target, name),
            Request::ListXattr(target) => self.list_xattr(caller, target),
            Request::Make(path, kind) => self.make(caller, path, kind),
            Request::Link(from, to) => self.link(caller, from, to),
            Request::Remove(path, removal) => self.remove(caller, path, *removal),
            Request::Rename(from, to, mode) => self.rename(caller, from, to, *mode),
            Request::Truncate(path) => self.truncate(caller, path),
            Request::Lock(fd) => self.lock(caller, *fd),
            Request::SetAttr(target, change) => self.set_attr(caller, target, change),
            Request::Bind(path) => self.bind(caller, path),
            Request::Connect(path) => self.connect(caller, path),
            Request::Watch(path, subject, events) => self.watch(caller, path, *subject, *events),
            Request::Unmodelled(target, errno) => self.unmodelled(caller, target, *errno),
        }
    }

    /// Finds what `target` names.
    fn find(&self, caller: &dyn Caller, target: &Target) -> Result<Subject, Failure> {
        self.find_as(caller, target, Ids::FileSystem)
    }

    /// The same with the permission to search of `ids`.
    fn find_as(&self, caller: &dyn Caller, target: &Target, ids: Ids) -> Result<Subject, Failure> {
        match target {
            Target::Path(op) => {
                let bounds = Bounds { ids, ..Bounds::default() };
                Ok(Subject::from(resolve_within(self, caller, op, Ending::Lookup, bounds)?))
            }
            // The kernel refuses a descriptor that only names its file.
            Target::Content(fd) => Ok(match caller.open_node(*fd) {
                Some(OpenNode { node, usage: Usage::Content, .. }) => Subject::Node(node),
                _ => Subject::Untouched,
            }),
            Target::Open(at) => {
                let node = match at {
                    At::Fd(fd) => caller.node(*fd),
                    At::Cwd => match caller.cwd() {
                        Ok(crate::Place::Node(node)) => Some(node),
                        _ => None,
                    },
                };
                Ok(node.map_or(Subject::Untouched, Subject::Node))
            }
        }
    }

    /// Finds what a path names.
    fn find_path(&self, caller: &dyn Caller, op: &PathOp) -> Result<Subject, Failure> {
        Ok(Subject::from(resolve(self, caller, op, Ending::Lookup)?))
    }
}

/// What an operation turned out to be about.
enum Subject {
    /// Nothing of a mount: the kernel sees the call as it was made.
    Untouched,
    /// A host path that the kernel would not have found by itself.
    Host(PathBuf),
    /// A node of a mount.
    Node(NodeRef),
    /// A name that a directory of a mount does not have.
    Absent,
    /// A link of `/proc` itself, which leads where the kernel does not know.
    Magic(Jump),
}

impl From<Resolved> for Subject {
    fn from(resolved: Resolved) -> Subject {
        match (resolved.found, resolved.course) {
            (Found::Host(_), Course::Plain) => Subject::Untouched,
            (Found::Host(path), Course::Crossed) => Subject::Host(path),
            (Found::Node(node), _) => Subject::Node(node),
            (Found::Absent | Found::TooLong, _) => Subject::Absent,
            (Found::Magic(jump, _), _) => Subject::Magic(jump),
        }
    }
}

/// The verdict where a single path stayed on the host.
fn on_host(path: PathBuf) -> Judged {
    Judged::redirect(Paths { first: Some(path), second: None })
}
