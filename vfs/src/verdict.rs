//! What is to be done with a request.

use std::path::PathBuf;

use nix::errno::Errno;
use vrift_cas::Digest;

use crate::attr::{Attr, Figures};
use crate::caller::Exe;
use crate::files::Usage;
use crate::place::{NodeRef, Place};
use crate::tree::Slot;

/// The paths the kernel shall see instead of the request's own, in the request's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths {
    /// Instead of the first (or only) path; `None` leaves it as it is.
    pub first: Option<PathBuf>,
    /// Instead of the second path.
    pub second: Option<PathBuf>,
}

impl Paths {
    /// Whether the kernel would refuse one of them for its length (`PATH_MAX`, with the NUL).
    pub fn too_long(&self) -> bool {
        const PATH_BYTES_MAX: usize = 4096;
        let paths = [&self.first, &self.second];
        paths.into_iter().flatten().any(|path| path.as_os_str().len() >= PATH_BYTES_MAX)
    }
}

/// An answer given without the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Success with result 0.
    Done,
    /// stat
    Attr(Attr),
    /// statfs
    Figures(Figures),
    /// readlink: the target; the caller cuts it to its buffer.
    Link(Vec<u8>),
    /// getcwd: the path without NUL.
    Cwd(Vec<u8>),
    /// getdents: the directory to list.
    Directory(NodeRef),
    /// The value of an extended attribute, or the list of names, each with a NUL.
    Attribute(Vec<u8>),
}

/// A program to be executed, as the kernel must be given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The file.
    pub path: PathBuf,
    /// The same as the caller would see it.
    pub program: Exe,
    /// The name the program was given for it: what it is to find in `AT_EXECFN`.
    pub filename: Vec<u8>,
    /// What the program's arguments start with instead of the first one; empty to keep that.
    pub words: Vec<Vec<u8>>,
    /// Whether the file is a copy.
    pub made: Made,
}

/// Where a file that is executed comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is the program itself.
    Itself,
    /// It is a copy, which `/proc` would show.
    Copy,
}

/// Why a request was refused although a plain file system would have served it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The errno is what any file system would answer.
    Ordinary,
    /// The same, but the kernel would have read the program's arguments before it came to this.
    AfterArguments,
    /// vrift cannot do it; the text says what.
    Limit(&'static str),
    /// It would open the memory of a process to be written to.
    Memory,
}

/// What is to be done with a request.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No mount is concerned: the kernel sees the call as it was made.
    Pass,
    /// The kernel sees other paths.
    Redirect(Paths),
    /// Answered here.
    Reply(Reply),
    /// The kernel executes something else.
    Launch(Box<Launch>),
    /// The caller's socket is to be bound to this path.
    Bind(PathBuf),
    /// Fails with this errno.
    Deny(Errno, Cause),
}

/// A name that was made for a call before the kernel makes it, and goes again if that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    pub(crate) node: NodeRef,
    pub(crate) slot: Slot,
}

/// What to remember once the kernel has let a call succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The result is a descriptor of this node.
    Opens {
        /// The node it was opened through.
        node: NodeRef,
        /// What the descriptor can be used for.
        usage: Usage,
        /// The blob that backs it, for a file.
        blob: Option<Digest>,
        /// The name that was made for it.
        fresh: Option<Fresh>,
    },
    /// A name that was made for a socket.
    Binds(Fresh),
    /// The file at this path was made for the call and goes after it.
    Discards(PathBuf),
    /// The current directory is there now.
    Enters(Place),
}

/// A verdict with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What to do.
    pub verdict: Verdict,
    /// What to remember.
    pub effect: Effect,
}

impl Judged {
    pub(crate) fn pass() -> Judged {
        Judged { verdict: Verdict::Pass, effect: Effect::None }
    }

    pub(crate) fn reply(reply: Reply) -> Judged {
        Judged { verdict: Verdict::Reply(reply), effect: Effect::None }
    }

    pub(crate) fn deny(errno: Errno) -> Judged {
        Judged { verdict: Verdict::Deny(errno, Cause::Ordinary), effect: Effect::None }
    }

    pub(crate) fn deny_after_arguments(errno: Errno) -> Judged {
        Judged { verdict: Verdict::Deny(errno, Cause::AfterArguments), effect: Effect::None }
    }

    pub(crate) fn limit(errno: Errno, what: &'static str) -> Judged {
        Judged { verdict: Verdict::Deny(errno, Cause::Limit(what)), effect: Effect::None }
    }

    pub(crate) fn redirect(paths: Paths) -> Judged {
        Judged { verdict: Verdict::Redirect(paths), effect: Effect::None }
    }

    pub(crate) fn launch(launch: Launch) -> Judged {
        Judged { verdict: Verdict::Launch(Box::new(launch)), effect: Effect::None }
    }

    pub(crate) fn with(self, effect: Effect) -> Judged {
        Judged { effect, ..self }
    }
}
