//! What a record tells, one event after the other.
//!
//! Every type that names a text is generic over how: on disk by number, in memory by its bytes. The
//! order of variants is part of the format: new ones come last.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vrift_cas::Digest;

use crate::header::Ending;
use crate::text::Text;

/// The id of a thread of the recorded tree. The kernel may use it again when its thread has ended.
pub type Tid = i32;

/// One version of a file's content, as the record numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionId(pub u32);

/// An event, when it happened and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The time since the start of the record.
    pub at: Duration,
    /// The thread that did it; 0 for what the recorder itself found.
    pub tid: Tid,
    /// What happened.
    pub event: Event<Text>,
}

/// Something that a program tree did, or that the recorder found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event<T = Text> {
    /// The thread made another, or is the first of all.
    Started {
        /// The new thread; for the first of all the entry's own.
        child: Tid,
        /// What it is to the one that made it.
        kin: Kin,
    },
    /// The thread's process executed a program. The files the kernel opened for it are told by
    /// events of their own ([`Act::Execute`], [`Act::Load`]) before this one.
    Executed(Execution<T>),
    /// The thread ended.
    Ended {
        /// In which way.
        how: How,
        /// What it had used; for the leader of a process this is about the whole process.
        used: Usage,
    },
    /// The thread asked for something to be done with a file.
    File(Access<T>),
    /// The thread spoke to the network, or to a socket.
    Network {
        /// The system call.
        call: T,
        /// What it was to do.
        act: NetworkAct,
        /// With whom.
        endpoint: Endpoint<T>,
        /// Whether it is the first endpoint of the call.
        part: Part,
        /// On what grounds it was answered.
        verdict: Verdict,
        /// What came of it.
        outcome: Outcome,
    },
    /// A call that names no file, of which there is a verdict.
    Call {
        /// The system call.
        call: T,
        /// On what grounds it was answered.
        verdict: Verdict,
        /// What came of it.
        outcome: Outcome,
    },
    /// Something happened that other events may not tell everything of.
    Escape {
        /// What.
        kind: Escape,
        /// The system call; empty for what the recorder found.
        call: T,
        /// What it was about: a path, an address, a number.
        detail: T,
        /// What came of it.
        outcome: Outcome,
    },
    /// A version of a file's content was met for the first time.
    Version {
        /// Its number in this record.
        version: VersionId,
        /// A path under which it was met.
        path: T,
        /// Its length in bytes.
        size: u64,
        /// Where it was.
        origin: Origin,
    },
    /// The content of a version is known.
    Content {
        /// The version.
        version: VersionId,
        /// What is known.
        content: Content,
    },
    /// How a file that the tree wrote was at the end of the run.
    Left {
        /// Its path.
        path: T,
        /// How it was.
        state: Left,
    },
    /// A rule of the policy was broken.
    Violation {
        /// The kind of rule.
        class: Class,
        /// The rule, as the policy has it; empty if the class itself is forbidden.
        rule: T,
        /// The system call.
        call: T,
        /// The path, endpoint or escape.
        subject: T,
        /// What was done about it.
        response: Response,
    },
}

/// What a new thread is to the one that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kin {
    /// The first of all: the command itself.
    Root,
    /// A process of its own.
    Process,
    /// Another thread of its process.
    Thread,
}

/// The execution of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution<T = Text> {
    /// The program's absolute path.
    pub program: T,
    /// Its arguments.
    pub argv: Vec<T>,
    /// Its environment, in its order.
    pub env: Vec<Variable<T>>,
    /// Its current directory.
    pub cwd: T,
}

/// A variable of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable<T = Text> {
    /// Its name: all before the first `=`.
    pub name: T,
    /// Its value.
    pub value: Value<T>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value<T = Text> {
    /// As it was.
    Plain(T),
    /// Kept out of the record, because it looks like a secret.
    Redacted,
}

/// How a thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// By itself, or by a signal.
    Ended(Ending),
    /// Another thread of its process executed a program.
    Superseded,
}

/// What a thread or process used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Microseconds in its own code.
    pub user_us: u64,
    /// Microseconds in the kernel.
    pub system_us: u64,
    /// The most memory it had at a time, in KiB; 0 if not known.
    pub memory_max_kib: u64,
    /// Blocks of 512 bytes read from devices for it.
    pub blocks_read: u64,
    /// Blocks of 512 bytes written to devices for it.
    pub blocks_written: u64,
}

/// Something that was to be done with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access<T = Text> {
    /// The system call.
    pub call: T,
    /// What it was to do.
    pub act: Act,
    /// The file's absolute path. Of what was opened or executed it is what the path led to; else
    /// symlinks are as the caller wrote them.
    pub path: T,
    /// The other path: the new name of a rename or link, the target of a symlink; of what was opened
    /// or executed what was asked for, if that differs.
    pub other: Option<T>,
    /// The version that was read, executed or mapped.
    pub version: Option<VersionId>,
    /// Whether the call is told of here for the first time.
    pub part: Part,
    /// On what grounds it was answered.
    pub verdict: Verdict,
    /// What came of it.
    pub outcome: Outcome,
}

/// Several events may tell of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The first, or only one: who counts calls counts these.
    First,
    /// Another file of the same call, such as the interpreter of a script.
    Further,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Act {
    /// It is opened to be read.
    Read,
    /// It is opened to be written; what it held stays where it is not written over.
    Write,
    /// It is opened to be read and written.
    ReadWrite,
    /// It is opened to be written and emptied: nothing of what it held remains.
    Replace,
    /// It is made by being opened.
    Create,
    /// A node is made: FIFO, socket, device or file.
    MakeNode,
    /// A directory is made.
    MakeDirectory,
    /// A symlink is made; the other path is its target.
    Symlink,
    /// It gets another name, which is the other path.
    Link,
    /// It is renamed to the other path.
    Rename,
    /// It and the other path change places.
    Exchange,
    /// Its name is removed.
    Remove,
    /// A directory is removed.
    RemoveDirectory,
    /// Its length is changed by path.
    Truncate,
    /// Its mode, owner, times or extended attributes are changed.
    Attribute,
    /// It is asked about: stat, access, an extended attribute, an open that gives no content.
    Probe,
    /// A symlink's target is read.
    ReadLink,
    /// A directory is opened, to be listed or to start paths from.
    List,
    /// It becomes the current directory, or the root.
    Enter,
    /// It is executed: named by the call.
    Execute,
    /// The kernel opens it for an execution: interpreter of a script, dynamic linker.
    Load,
    /// It is mapped into memory as code.
    Map,
    /// It is watched for changes.
    Watch,
}

/// What is done with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NetworkAct {
    /// A connection to it is asked for.
    Connect,
    /// A socket gets it as its own address.
    Bind,
    /// Connections to it are waited for.
    Listen,
    /// A connection from it is taken.
    Accept,
    /// A message is sent to it.
    Send,
    /// A socket is opened that needs no address to get what comes from its network.
    Open,
}

/// One end of a communication.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Endpoint<T = Text> {
    /// Over IP.
    Inet {
        /// The address.
        ip: IpAddr,
        /// The port.
        port: u16,
    },
    /// A UNIX socket by its absolute path.
    Unix(T),
    /// A UNIX socket by its name in the abstract name space.
    Abstract(T),
    /// A UNIX socket without a name.
    Unnamed,
    /// The kernel, over netlink.
    Netlink {
        /// Port id: 0 is the kernel.
        port: u32,
    },
    /// An address of another family (`AF_*`), or one that could not be read (0).
    Other {
        /// The family's number.
        family: u16,
    },
}

/// On what grounds a call was answered, in the words of RFC-0047.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// No mount was concerned: the host answered.
    Host,
    /// The manifest answered.
    Manifest,
    /// The manifest decided, and the content comes from the store.
    Content,
    /// A private copy takes the writes.
    CopyOnWrite,
    /// It concerns a mount and goes to the kernel as it is, which is right.
    ByDesign,
    /// It was refused although a plain file system would have served it.
    Refused,
    /// It could concern a mount, and nobody modelled it. The recorder never says so: what is not modelled is
    /// refused.
    Unmodelled,
    /// The policy forbids it: nobody else was asked.
    Denied,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// It failed with this errno.
    Failed(u16),
    /// It did not return: its caller ended, or became another program.
    Never,
}

/// Something through which other programs, or the kernel on its own, may act for the tree unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Escape {
    /// A connection to a process outside of the tree.
    Daemon,
    /// The execution of a program with set-id bits.
    SetId,
    /// An attempt to use io_uring.
    IoUring,
    /// An attempt to trace another process.
    Ptrace,
    /// A call that makes, joins or changes name spaces or mounts.
    Namespace,
    /// A number that no table knows.
    UnknownCall,
    /// A call through an interface that is not the architecture's own or its 32-bit one.
    ForeignAbi,
    /// Another process's memory or descriptors.
    OtherProcess,
    /// A file opened by a handle instead of a path.
    FileHandle,
    /// A change of the kernel itself: modules, BPF, kexec.
    Kernel,
    /// A file that was read changed afterwards, and nobody of the tree changed it.
    ChangedByOthers,
    /// A file changed while its digest was made.
    ChangedWhileHashed,
    /// What a file held could not be told.
    NotHashed,
    /// A descriptor came from outside of the tree.
    Descriptor,
    /// An attempt to change what vrift has put into a process.
    FastLane,
    /// The kernel dumped a core: into a file, or into a program that it started.
    CoreDump,
    /// Shared memory, messages or semaphores that somebody outside of the tree has made.
    Ipc,
    /// Files that others use are opened for the one that is told of it (fanotify).
    Fanotify,
}

/// Where a version of a file was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// On the host; device, inode number and modification time as `stat` shows them.
    Host {
        /// `st_dev`
        dev: u64,
        /// `st_ino`
        ino: u64,
        /// Nanoseconds since 1970.
        mtime_ns: i64,
    },
    /// A blob of the store, seen in a mount.
    Store,
    /// A file that was written in a mount. The store has it when the session is committed.
    Session,
}

/// What is known of a version's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Its digest.
    Whole(#[serde(with = "bytes")] Digest),
    /// It changed while it was being read; the digest is of what was read.
    Changing(#[serde(with = "bytes")] Digest),
    /// It could not be read, with this errno.
    Unreadable(u16),
}

impl Content {
    /// The digest, if it is that of a version that existed.
    pub fn digest(self) -> Option<Digest> {
        match self {
            Content::Whole(digest) => Some(digest),
            Content::Changing(_) | Content::Unreadable(_) => None,
        }
    }
}

/// How a file was at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// There, with this content.
    File(VersionId),
    /// There, and no regular file.
    Other,
    /// Gone.
    Gone,
}

/// Kinds of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// A file was read that the policy does not name.
    UndeclaredInput,
    /// A file of the host was changed.
    HostWrite,
    /// The network was used.
    Network,
    /// Something else might act for the tree.
    Escape,
    /// A path was read that the policy forbids.
    DeniedRead,
    /// A path was written that the policy forbids.
    DeniedWrite,
    /// A program was executed that the policy forbids.
    DeniedExec,
}

/// What was done about a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// It was let happen, and noted.
    Noted,
    /// The call failed.
    Denied,
}

impl<T> Event<T> {
    /// The same event with its texts given in another way.
    ///
    /// # Errors
    /// The first of `give`.
    pub fn try_map<U, E>(self, give: &mut impl FnMut(T) -> Result<U, E>) -> Result<Event<U>, E> {
        Ok(match self {
            Event::Started { child, kin } => Event::Started { child, kin },
            Event::Executed(Execution { program, argv, env, cwd }) => Event::Executed(Execution {
                program: give(program)?,
                argv: argv.into_iter().map(&mut *give).collect::<Result<_, E>>()?,
                env: env.into_iter().map(|v| v.try_map(give)).collect::<Result<_, E>>()?,
                cwd: give(cwd)?,
            }),
            Event::Ended { how, used } => Event::Ended { how, used },
            Event::File(Access { call, act, path, other, version, part, verdict, outcome }) => {
                Event::File(Access {
                    call: give(call)?,
                    act,
                    path: give(path)?,
                    other: other.map(&mut *give).transpose()?,
                    version,
                    part,
                    verdict,
                    outcome,
                })
            }
            Event::Network { call, act, endpoint, part, verdict, outcome } => Event::Network {
                call: give(call)?,
                act,
                endpoint: endpoint.try_map(give)?,
                part,
                verdict,
                outcome,
            },
            Event::Call { call, verdict, outcome } => {
                Event::Call { call: give(call)?, verdict, outcome }
            }
            Event::Escape { kind, call, detail, outcome } => {
                Event::Escape { kind, call: give(call)?, detail: give(detail)?, outcome }
            }
            Event::Version { version, path, size, origin } => {
                Event::Version { version, path: give(path)?, size, origin }
            }
            Event::Content { version, content } => Event::Content { version, content },
            Event::Left { path, state } => Event::Left { path: give(path)?, state },
            Event::Violation { class, rule, call, subject, response } => Event::Violation {
                class,
                rule: give(rule)?,
                call: give(call)?,
                subject: give(subject)?,
                response,
            },
        })
    }
}

impl<T> Variable<T> {
    fn try_map<U, E>(self, give: &mut impl FnMut(T) -> Result<U, E>) -> Result<Variable<U>, E> {
        let name = give(self.name)?;
        let value = match self.value {
            Value::Plain(value) => Value::Plain(give(value)?),
            Value::Redacted => Value::Redacted,
        };
        Ok(Variable { name, value })
    }
}

impl<T> Endpoint<T> {
    fn try_map<U, E>(self, give: &mut impl FnMut(T) -> Result<U, E>) -> Result<Endpoint<U>, E> {
        Ok(match self {
            Endpoint::Inet { ip, port } => Endpoint::Inet { ip, port },
            Endpoint::Unix(path) => Endpoint::Unix(give(path)?),
            Endpoint::Abstract(name) => Endpoint::Abstract(give(name)?),
            Endpoint::Unnamed => Endpoint::Unnamed,
            Endpoint::Netlink { port } => Endpoint::Netlink { port },
            Endpoint::Other { family } => Endpoint::Other { family },
        })
    }
}

/// A digest as its 32 bytes.
mod bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use vrift_cas::Digest;

    pub(super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        digest.0.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        <[u8; 32]>::deserialize(from).map(Digest)
    }
}
