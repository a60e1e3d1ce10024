//! How things are called in reports: one word each, the same in every format.

use std::fmt;

use crate::event::{Act, Class, Content, Endpoint, Escape, NetworkAct, Outcome, Response, Verdict};
use crate::header::{Ending, MountAccess};

impl Act {
    /// The act in a word.
    pub fn word(self) -> &'static str {
        match self {
            Act::Read => "read",
            Act::Write => "write",
            Act::ReadWrite => "read-write",
            Act::Replace => "replace",
            Act::Create => "create",
            Act::MakeNode => "make-node",
            Act::MakeDirectory => "make-directory",
            Act::Symlink => "symlink",
            Act::Link => "link",
            Act::Rename => "rename",
            Act::Exchange => "exchange",
            Act::Remove => "remove",
            Act::RemoveDirectory => "remove-directory",
            Act::Truncate => "truncate",
            Act::Attribute => "attribute",
            Act::Probe => "probe",
            Act::ReadLink => "read-link",
            Act::List => "list",
            Act::Enter => "enter",
            Act::Execute => "execute",
            Act::Load => "load",
            Act::Map => "map",
            Act::Watch => "watch",
        }
    }
}

impl NetworkAct {
    /// The act in a word.
    pub fn word(self) -> &'static str {
        match self {
            NetworkAct::Connect => "connect",
            NetworkAct::Bind => "bind",
            NetworkAct::Listen => "listen",
            NetworkAct::Accept => "accept",
            NetworkAct::Send => "send",
            NetworkAct::Open => "open",
        }
    }
}

impl Verdict {
    /// All, from the best to the worst.
    pub const ALL: [Verdict; 8] = [
        Verdict::Host,
        Verdict::Manifest,
        Verdict::Content,
        Verdict::CopyOnWrite,
        Verdict::ByDesign,
        Verdict::Denied,
        Verdict::Refused,
        Verdict::Unmodelled,
    ];

    /// The verdict in a word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Host => "host",
            Verdict::Manifest => "manifest",
            Verdict::Content => "cas",
            Verdict::CopyOnWrite => "copy-on-write",
            Verdict::ByDesign => "by-design",
            Verdict::Denied => "denied",
            Verdict::Refused => "refused",
            Verdict::Unmodelled => "unmodelled",
        }
    }
}

impl Escape {
    /// Every kind.
    pub const ALL: [Escape; 18] = [
        Escape::Daemon,
        Escape::SetId,
        Escape::IoUring,
        Escape::Ptrace,
        Escape::Namespace,
        Escape::UnknownCall,
        Escape::ForeignAbi,
        Escape::OtherProcess,
        Escape::FileHandle,
        Escape::Kernel,
        Escape::ChangedByOthers,
        Escape::ChangedWhileHashed,
        Escape::NotHashed,
        Escape::Descriptor,
        Escape::FastLane,
        Escape::CoreDump,
        Escape::Ipc,
        Escape::Fanotify,
    ];

    /// The kind in a word.
    pub fn word(self) -> &'static str {
        match self {
            Escape::Daemon => "daemon",
            Escape::SetId => "set-id",
            Escape::IoUring => "io-uring",
            Escape::Ptrace => "ptrace",
            Escape::Namespace => "namespace",
            Escape::UnknownCall => "unknown-call",
            Escape::ForeignAbi => "foreign-abi",
            Escape::OtherProcess => "other-process",
            Escape::FileHandle => "file-handle",
            Escape::Kernel => "kernel",
            Escape::ChangedByOthers => "changed-by-others",
            Escape::ChangedWhileHashed => "changed-while-hashed",
            Escape::NotHashed => "not-hashed",
            Escape::Descriptor => "descriptor",
            Escape::FastLane => "fast-lane",
            Escape::CoreDump => "core-dump",
            Escape::Ipc => "ipc",
            Escape::Fanotify => "fanotify",
        }
    }
}

impl Class {
    /// The class as a policy names it.
    pub fn word(self) -> &'static str {
        match self {
            Class::UndeclaredInput => "undeclared-input",
            Class::HostWrite => "host-write",
            Class::Network => "network",
            Class::Escape => "escape",
            Class::DeniedRead => "denied-read",
            Class::DeniedWrite => "denied-write",
            Class::DeniedExec => "denied-exec",
        }
    }
}

impl Response {
    /// The response in a word.
    pub fn word(self) -> &'static str {
        match self {
            Response::Noted => "noted",
            Response::Denied => "denied",
        }
    }
}

impl MountAccess {
    /// The access in a word.
    pub fn word(self) -> &'static str {
        match self {
            MountAccess::ReadOnly => "read-only",
            MountAccess::Writable => "writable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done => f.write_str("done"),
            Outcome::Failed(errno) => write!(f, "failed with errno {errno}"),
            Outcome::Never => f.write_str("did not return"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(status) => write!(f, "exit status {status}"),
            Ending::Killed { signo, core: false } => write!(f, "killed by signal {signo}"),
            Ending::Killed { signo, core: true } => {
                write!(f, "killed by signal {signo}, core dumped")
            }
            Ending::Unknown => f.write_str("end unknown"),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Whole(digest) => digest.fmt(f),
            Content::Changing(_) => f.write_str("changed while it was read"),
            Content::Unreadable(errno) => write!(f, "unreadable (errno {errno})"),
        }
    }
}

/// Addresses as URLs have them; names in the abstract name space with an at sign, as ss(8) does.
impl<T: fmt::Display> fmt::Display for Endpoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Inet { ip, port } => write!(f, "{}", std::net::SocketAddr::new(*ip, *port)),
            Endpoint::Unix(path) => write!(f, "unix:{path}"),
            Endpoint::Abstract(name) => write!(f, "unix:@{name}"),
            Endpoint::Unnamed => f.write_str("unix socket without a name"),
            Endpoint::Netlink { port } => write!(f, "netlink:{port}"),
            Endpoint::Other { family } => write!(f, "family {family}"),
        }
    }
}

/// Whether a path is the kernel's name for memory (memfd_create(2)), which has no place among files.
pub fn names_memory(path: &[u8]) -> bool {
    path.starts_with(b"/memfd:") && path.ends_with(b" (deleted)")
}
