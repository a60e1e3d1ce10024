//! What a caller asks of the file system, in words that hold for every ABI and operating system.

use nix::errno::Errno;

use crate::attr::Kind;

pub use crate::mutate::{AttrChange, TimeChange, XattrMode};

/// Where a relative path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The current directory.
    Cwd,
    /// An open directory.
    Fd(i32),
}

/// What becomes of a symlink as the last component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The link's target is meant.
    Yes,
    /// The link itself is meant.
    No,
}

/// The one way to name a file by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathOp {
    /// Where a relative path starts.
    pub at: At,
    /// The path as the caller gave it.
    pub path: Vec<u8>,
    /// What becomes of a final symlink.
    pub follow: Follow,
}

/// A second path, or why it cannot be read: which counts only once the first has been looked up.
pub type Given = Result<PathOp, Errno>;

/// What an operation is about: a path or an open file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path.
    Path(PathOp),
    /// An open file (or, as `At::Cwd`, the current directory) that is only named: `fstat`, or an
    /// empty path with `AT_EMPTY_PATH`.
    Open(At),
    /// An open file that is used: `fchmod`. A descriptor that only names its file will not do.
    Content(i32),
}

/// What an open may do to the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handle {
    /// Only names the file (`O_PATH`).
    Path,
    /// Reads.
    Read,
    /// Writes, truncates, or both, and reads if so asked.
    Write {
        /// Whether it reads as well.
        reads: bool,
        /// Whether what is there is thrown away (`O_TRUNC`).
        truncates: bool,
    },
}

/// Whether an open makes the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// It must exist.
    No,
    /// Made if missing (`O_CREAT`).
    IfMissing,
    /// Must not exist (`O_CREAT | O_EXCL`).
    New,
    /// A nameless file in the directory the path names (`O_TMPFILE`).
    Nameless,
    /// One that is never to have a name (`O_TMPFILE | O_EXCL`).
    NamelessForGood,
}

impl Create {
    /// Whether the path's last name may be made.
    pub(crate) fn makes_a_name(self) -> bool {
        matches!(self, Create::IfMissing | Create::New)
    }
}

/// Which kinds of file an open accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Any.
    Any,
    /// A directory only (`O_DIRECTORY`).
    Directory,
}

/// Which events a watch is to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// Changes only.
    Changes,
    /// That something is opened or read as well.
    Uses,
}

/// How far from where it starts a walk may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Anywhere.
    #[default]
    Anywhere,
    /// Not above the starting point (`RESOLVE_BENEATH`).
    Beneath,
    /// The starting point is the root (`RESOLVE_IN_ROOT`).
    Root,
}

/// Which symlinks a walk may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// All.
    #[default]
    All,
    /// Those that are read as a path (`RESOLVE_NO_MAGICLINKS`).
    NoMagic,
    /// None (`RESOLVE_NO_SYMLINKS`).
    None,
}

/// Whether a walk may lead from one mount to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crossing {
    /// It may.
    #[default]
    Allowed,
    /// It may not (`RESOLVE_NO_XDEV`).
    Refused,
}

/// The limits `openat2` puts on a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How far it may lead.
    pub scope: Scope,
    /// Which symlinks it may follow.
    pub links: Links,
    /// Whether it may change mounts.
    pub crossing: Crossing,
}

/// Whether reading through a descriptor counts as an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessTime {
    /// It does.
    #[default]
    Updated,
    /// It does not (`O_NOATIME`), which only the owner may ask for.
    Kept,
}

/// When a write through a descriptor returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writes {
    /// When the kernel has it.
    #[default]
    Cached,
    /// When the disk has it (`O_DSYNC`, `O_SYNC`).
    Durable,
}

/// An open, whichever syscall it came through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What it names.
    pub path: PathOp,
    /// What it may do.
    pub handle: Handle,
    /// Whether it makes the file.
    pub create: Create,
    /// What it accepts.
    pub subject: Subject,
    /// The mode of what it makes, before the umask.
    pub mode: u32,
    /// What the walk to it may pass through.
    pub limits: Limits,
    /// Whether reading counts as an access.
    pub access_time: AccessTime,
    /// When a write returns.
    pub writes: Writes,
}

/// The permissions `access(2)` asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessWanted {
    /// Read, write and execute as the octal digit of a mode; 0 asks for existence.
    pub bits: u32,
    /// Whose identity decides.
    pub ids: crate::Ids,
}

/// What becomes of a file that is to be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is.
    Run,
    /// The caller is told whether it could be (`AT_EXECVE_CHECK`).
    Check,
}

/// The execution of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program.
    pub target: Target,
    /// Whether it runs.
    pub purpose: Purpose,
}

/// What a name is made for; modes are those before the umask.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the arguments of mkdir(2), mknod(2), symlink(2)")]
pub enum MakeKind {
    /// A directory: a trailing slash is allowed.
    Directory { mode: u32 },
    /// A file.
    File { mode: u32 },
    /// A FIFO.
    Fifo { mode: u32 },
    /// A socket.
    Socket { mode: u32 },
    /// A character or block device with this number, as `stat` encodes it.
    Device { kind: Kind, mode: u32, rdev: u64 },
    /// A symlink.
    Symlink { target: Vec<u8> },
}

impl MakeKind {
    /// Whether a slash may follow the name.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self, MakeKind::Directory { .. })
    }
}

/// Which kind of name is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// `unlink`
    File,
    /// `rmdir`
    Directory,
}

/// What a rename does to an existing target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameMode {
    /// Replaces it.
    Replace,
    /// Fails (`RENAME_NOREPLACE`).
    KeepTarget,
    /// Swaps both (`RENAME_EXCHANGE`).
    Exchange,
}

/// A file operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// open, openat, openat2, creat
    Open(Open),
    /// The stat family.
    Stat(Target),
    /// The access family.
    Access(Target, AccessWanted),
    /// readlink, readlinkat
    Readlink(Target),
    /// getdents, getdents64
    ReadDir(i32),
    /// chdir, fchdir
    Chdir(Target),
    /// getcwd
    Getcwd,
    /// statfs, fstatfs
    Statfs(Target),
    /// execve, execveat
    Exec(Exec),
    /// mkdir, mknod, symlink and relatives
    Make(PathOp, MakeKind),
    /// link, linkat
    Link(Target, Given),
    /// unlink, rmdir, unlinkat
    Remove(PathOp, Removal),
    /// rename, renameat, renameat2
    Rename(PathOp, Given, RenameMode),
    /// truncate
    Truncate(PathOp),
    /// flock on this descriptor
    Lock(i32),
    /// chmod, chown, utimes, setxattr, … by path or descriptor
    SetAttr(Target, AttrChange),
    /// getxattr family: the attribute of this name
    GetXattr(Target, Vec<u8>),
    /// listxattr family
    ListXattr(Target),
    /// bind of a UNIX socket to a path
    Bind(PathOp),
    /// connect of a UNIX socket to a path
    Connect(PathOp),
    /// inotify_add_watch
    Watch(PathOp, Subject, Events),
    /// An operation that is not modelled: fails with this errno in a mount.
    Unmodelled(Target, i32),
}
