//! The words in which a syscall is described: policy, classes, kinds of arguments.
//!
//! The rows that use them are in `rows.rs` and `rows/compat.rs`, the numbers in `table.rs` of each
//! architecture.
//!
//! Deliberately absent: how a kind is read and printed (`vrift-tracer`).

pub use crate::rows::Syscall;

/// What vrift knows of one syscall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The kernel's name, which is also strace's.
    pub name: &'static str,
    /// How each argument is printed, by position; at most six. An architecture may pass some
    /// otherwise: [`Arch::args`](crate::Arch::args) has the last word.
    pub args: &'static [Kind],
    /// The `-e trace=%class` sets that contain the call.
    pub classes: Classes,
    /// What happens to the call while a mount is served.
    pub policy: Policy,
}

/// What vrift does with a syscall while a mount is served. Without a mount every call passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Cannot concern a mount: the kernel answers, no stop.
    Pass,
    /// Decoded, judged, and answered, rewritten or tracked.
    Model(Model),
    /// Refused with this errno, whatever its arguments: it would undermine the mount.
    Refuse(u16),
}

/// Families of syscalls that are decoded alike; where the arguments lie, the row's kinds tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// open, openat, creat
    Open,
    /// openat2
    OpenHow,
    /// stat, newfstatat, stat64, fstatat64, oldstat
    Stat,
    /// lstat, lstat64, oldlstat
    Lstat,
    /// fstat, fstat64, oldfstat
    Fstat,
    /// statx
    Statx,
    /// access, faccessat, faccessat2
    Access,
    /// readlink, readlinkat
    Readlink,
    /// getdents, getdents64, readdir
    Getdents,
    /// chdir
    Chdir,
    /// fchdir
    Fchdir,
    /// getcwd
    Getcwd,
    /// statfs, statfs64
    Statfs,
    /// fstatfs
    Fstatfs,
    /// execve, execveat
    Exec,
    /// mkdir, mkdirat, mknod, mknodat: makes a name
    Make,
    /// symlink, symlinkat: makes a name whose target is not looked up
    Symlink,
    /// link, linkat
    Link,
    /// unlink
    Unlink,
    /// rmdir
    Rmdir,
    /// unlinkat (AT_REMOVEDIR decides)
    Unlinkat,
    /// rename, renameat, renameat2
    Rename,
    /// chmod, chown, utime, truncate and relatives, set/removexattr(at) and file_setattr: by path
    SetAttr,
    /// the same with a final symlink not followed (lchown, lsetxattr, lremovexattr)
    LsetAttr,
    /// fchmod, fchown, fsetxattr, fremovexattr: by descriptor
    FsetAttr,
    /// inotify_add_watch
    Watch,
    /// getxattr, getxattrat
    GetXattr,
    /// lgetxattr
    LgetXattr,
    /// fgetxattr
    FgetXattr,
    /// listxattr, listxattrat
    ListXattr,
    /// llistxattr
    LlistXattr,
    /// flistxattr
    FlistXattr,
    /// bind on an AF_UNIX path
    Bind,
    /// connect on an AF_UNIX path
    Connect,
    /// fsync, fdatasync, syncfs, sync: what was changed is to be on disk
    Sync,
    /// the same by msync, if it is to wait
    Msync,
    /// flock: what is locked must be the node's own
    Lock,
    /// getsockname, getpeername: the path of an AF_UNIX socket
    SockName,
    /// accept, accept4: the path of an AF_UNIX socket, if it is asked for
    Accept,
    /// recvfrom: the same
    RecvFrom,
    /// sendto on an AF_UNIX path
    SendTo,
    /// sendmsg, sendmmsg: their messages name paths and carry descriptors
    SendMsg,
    /// recvmsg, recvmmsg: descriptors arrive, and paths of AF_UNIX sockets
    RecvMsg,
    /// pidfd_getfd
    Getfd,
    /// socketcall: of the calls inside it only bind and connect name paths; their arguments are an
    /// array of words behind the second argument
    Socketcall,
    /// names a file in a way that vrift does not model: passes on the host, fails with this errno
    /// (ENOSYS, EOPNOTSUPP) in a mount
    Guard(u16),
    /// dup, dup2, dup3
    Dup,
    /// fcntl, fcntl64: only F_DUPFD, F_DUPFD_CLOEXEC and F_NOTIFY matter
    Fcntl,
    /// ioctl: only those that change attributes through a read-only descriptor matter
    Ioctl,
    /// fork, vfork, clone, clone3
    Spawn,
    /// unshare
    Unshare,
    /// set*id, setgroups, umask: the task's credentials change, or the permissions it takes away
    Creds,
}

/// The sets of `-e trace=%class`, as bits; names are strace's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classes(pub u32);

#[allow(missing_docs, reason = "the names are strace's class names")]
impl Classes {
    pub const NONE: Classes = Classes(0);
    pub const FILE: Classes = Classes(1);
    pub const DESC: Classes = Classes(1 << 1);
    pub const PROCESS: Classes = Classes(1 << 2);
    pub const MEMORY: Classes = Classes(1 << 3);
    pub const SIGNAL: Classes = Classes(1 << 4);
    pub const NETWORK: Classes = Classes(1 << 5);
    pub const IPC: Classes = Classes(1 << 6);
    pub const CREDS: Classes = Classes(1 << 7);
    pub const CLOCK: Classes = Classes(1 << 8);
    pub const PURE: Classes = Classes(1 << 9);
    pub const STAT: Classes = Classes(1 << 10);
    pub const LSTAT: Classes = Classes(1 << 11);
    pub const FSTAT: Classes = Classes(1 << 12);
    pub const STATFS: Classes = Classes(1 << 13);
    pub const FSTATFS: Classes = Classes(1 << 14);
    /// Calls that tell of a file system, named otherwise.
    pub const USTAT: Classes = Classes(1 << 15);

    /// Both sets together.
    pub const fn and(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    /// Whether the sets share a class.
    pub const fn meets(self, other: Classes) -> bool {
        self.0 & other.0 != 0
    }
}

/// How one argument is read and printed. `u8` fields are positions of other arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Signed 32-bit decimal.
    Int,
    /// Unsigned 32-bit decimal.
    UInt,
    /// Signed decimal of the architecture's word.
    Long,
    /// Unsigned decimal of the architecture's word (sizes and counts).
    ULong,
    /// Hexadecimal, `0` for zero.
    Hex,
    /// The same of 32 bits.
    Hex32,
    /// An address, `NULL` for zero.
    Addr,
    /// A file descriptor.
    Fd,
    /// A directory descriptor or `AT_FDCWD`.
    DirFd,
    /// A process or thread id.
    Pid,
    /// A user or group id; all ones is -1.
    Id,
    /// A user or group id in the low 16 bits (i386's older calls); all ones is -1.
    Id16,
    /// A file mode in octal.
    Mode,
    /// A file mode with a type for mknod.
    NodeMode,
    /// A device number.
    Dev,
    /// A signal.
    Signal,
    /// A path: a string that is never shortened.
    Path,
    /// Another NUL-terminated string.
    Text,
    /// Bytes the caller gives, as many as argument `len` says.
    InBytes {
        /// The position of the length.
        len: u8,
    },
    /// Bytes the kernel filled in, as many as the result says.
    OutBytes,
    /// A NUL-terminated string the kernel filled in (getcwd).
    OutText,
    /// `argv`: every string.
    Argv,
    /// `envp`: the address and the number of variables.
    Envp,
    /// A set of flags.
    Flags(Flags),
    /// One of a set of names.
    Choice(Choice),
    /// A structure the caller gives.
    In(Shape),
    /// A structure the kernel fills in.
    Out(Shape),
    /// A structure read at entry and printed again as changed at exit.
    InOut(Shape),
    /// What the position means depends on another argument, or it is half of a value that takes
    /// two registers; the view has a decoder for the call.
    Special,
    /// A register the kernel ignores (the high half of preadv2's offset): not printed.
    Unused,
}

/// Flag sets with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the set of the call it is named after")]
pub enum Flags {
    Open,
    /// `AT_*` of fstatat, utimensat, linkat, fchownat and execveat.
    At,
    AtAccess,
    AtUnlink,
    AtStatx,
    StatxMask,
    Access,
    Prot,
    Map,
    Remap,
    Msync,
    Mlock2,
    Mlockall,
    Membarrier,
    Pipe,
    Dup3,
    EpollCreate,
    Eventfd,
    Signalfd,
    TimerfdCreate,
    TimerSet,
    Inotify,
    InotifyMask,
    Memfd,
    MemfdSecret,
    Clone,
    Unshare,
    /// The namespace that setns is to enter.
    Namespace,
    Wait,
    WaitId,
    Rename,
    Random,
    Falloc,
    Splice,
    Rwf,
    Msg,
    SocketType,
    Accept4,
    CloseRange,
    Mount,
    Umount,
    Xattr,
    PidfdOpen,
    Futex2,
    Rseq,
    SyncFileRange,
    MlockOnfault,
    Handle,
    MoveMount,
    OpenTree,
    Fsopen,
    Fsmount,
    Fspick,
    MountSetattr,
    /// `MOUNT_ATTR_*` of fsmount.
    MountAttr,
    DeleteModule,
    FinitModule,
    Landlock,
    Seccomp,
}

/// Enumerations with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the enumeration of the call it is named after")]
pub enum Choice {
    Whence,
    Resource,
    ClockId,
    SigprocmaskHow,
    Itimer,
    Madvise,
    Fadvise,
    Flock,
    ArchPrctl,
    AddressFamily,
    SocketProtocol,
    SockLevel,
    Shutdown,
    EpollCtl,
    IdType,
    RusageWho,
    Sched,
    PriorityWhich,
    IoprioWho,
    SeccompOp,
    Reboot,
    Ptrace,
    KcmpType,
    MembarrierCmd,
    Keyctl,
    Bpf,
    Quotactl,
    Mempolicy,
    Personality,
    FsconfigCommand,
}

/// Structures with a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the structure it is named after")]
pub enum Shape {
    Stat,
    Statx,
    Statfs,
    Timespec,
    /// Two timespecs (utimensat).
    TimespecPair,
    Timeval,
    /// Two timevals (utimes).
    TimevalPair,
    Timezone,
    Utimbuf,
    Itimerval,
    Itimerspec,
    Rlimit,
    Rusage,
    WaitStatus,
    Sigaction,
    /// A signal set of eight bytes.
    Sigset,
    SigStack,
    Siginfo,
    Sigevent,
    /// An array of iovec whose count is argument `count`; when the kernel fills the buffers, the
    /// result limits what is shown.
    Iovec {
        count: u8,
    },
    /// A message header with what it points to.
    Msghdr,
    Mmsghdr {
        count: u8,
    },
    /// A socket address whose length is argument `len`.
    Sockaddr {
        len: u8,
    },
    /// A socket address whose length is behind the pointer in argument `len`.
    SockaddrOut {
        len: u8,
    },
    /// A `socklen_t`.
    SockLen,
    /// Socket option value; length in argument `len`.
    SockOpt {
        len: u8,
    },
    Int,
    IntPair,
    UInt,
    /// A user or group id.
    Id,
    Long,
    ULong,
    Dirents64,
    Dirents,
    /// One `struct old_linux_dirent` (readdir).
    OldDirent,
    /// A file position of eight bytes on every architecture.
    Loff,
    Statfs64,
    /// Limits of eight bytes on every architecture (prlimit64).
    Rlimit64,
    /// `struct old_sigaction`
    OldSigaction,
    /// A signal set of one word.
    OldSigset,
    /// `struct old_utsname`: five strings of 65 bytes.
    OldUtsname,
    /// `struct oldold_utsname`: five strings of 9 bytes.
    OldestUtsname,
    /// An id of 16 bits.
    UShort,
    CloneArgs,
    OpenHow,
    Utsname,
    Sysinfo,
    Tms,
    PollFds {
        count: u8,
    },
    EpollEvent,
    EpollEvents,
    FdSet {
        count: u8,
    },
    CpuSet {
        len: u8,
    },
    SchedParam,
    SchedAttr,
    CapHeader,
    CapData,
    Groups {
        count: u8,
    },
    /// Group ids of 16 bits.
    Groups16 {
        count: u8,
    },
    Timex,
    Rseq,
    RobustList,
}
