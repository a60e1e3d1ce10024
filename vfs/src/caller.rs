//! What the file system must know of the task that asks; the tracer and the shim each answer.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::creds::{Creds, Ids};
use crate::files::OpenNode;
use crate::place::{NodeRef, Place};
use crate::session::Staged;

/// A process or thread as a component of `/proc` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcId {
    /// `/proc/<pid>`
    Process(i32),
    /// `/proc/<pid>/task/<tid>`
    Thread(i32),
}

/// Which magic link of a `/proc` directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcEntry {
    /// `cwd`
    Cwd,
    /// `exe`
    Exe,
    /// `fd/N`
    Fd(i32),
}

/// A link in `/proc` that jumps to an open file instead of being read as a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MagicLink {
    /// Whose directory it is in.
    pub of: ProcId,
    /// Which link.
    pub entry: ProcEntry,
}

/// The program a process runs, where `/proc` would show something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exe {
    /// The file.
    pub place: Place,
    /// The path it was run by, without symlinks.
    pub path: PathBuf,
}

/// Where a magic link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// The file or directory.
    pub place: Place,
    /// What the link reads as; `None` for the path of the node.
    pub text: Option<PathBuf>,
}

/// The task that makes a request.
pub trait Caller {
    /// Its current directory. *Errors:* `ENOENT` if a host directory has been removed.
    fn cwd(&self) -> Result<Place, Errno>;

    /// What a descriptor is open on, if that is a file of a mount.
    fn open_node(&self, fd: i32) -> Option<OpenNode>;

    /// The node behind a descriptor, if it is one of a mount.
    fn node(&self, fd: i32) -> Option<NodeRef> {
        self.open_node(fd).map(|open| open.node)
    }

    /// The path of a host directory behind a descriptor. *Errors:* `EBADF`; `ENOTDIR` if the
    /// descriptor never has a path (a pipe, a socket); `ENOENT` if what it is has been removed.
    fn host_path(&self, fd: i32) -> Result<PathBuf, Errno>;

    /// The permissions it takes from what it makes.
    fn umask(&self) -> u32;

    /// What the staging file behind a descriptor says, which may have no name left.
    fn staged(&self, fd: i32) -> Option<Staged>;

    /// Its credentials.
    fn creds(&self, ids: Ids) -> Creds;

    /// What `/proc/self` and `/proc/thread-self` name: process id and thread id.
    fn ids(&self) -> (i32, i32);

    /// Whether it is let see what a tracee has mapped.
    fn may_look_into(&self, of: ProcId) -> bool;

    /// Whether nobody is to write to a process's memory by its file: it is a tracee, or the tracer.
    fn keeps_memory_of(&self, _of: ProcId) -> bool {
        false
    }

    /// The cores, ascending, that a task is to see it may use; `None` if the kernel's answer is right.
    fn cores(&self, _of: ProcId) -> Option<Vec<usize>> {
        None
    }

    /// Whether some process runs the program `node`.
    fn is_executed(&self, node: NodeRef) -> bool;

    /// Whether anybody has the real file at `path` open for writing.
    fn is_open_to_write(&self, path: &Path) -> bool;

    /// Whether a descriptor vanishes when a program is executed.
    fn closes_on_exec(&self, fd: i32) -> bool;

    /// Where a magic link leads, if the kernel does not know.
    fn magic(&self, link: MagicLink) -> Option<Jump>;
}
