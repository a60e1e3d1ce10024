//! Names of the flag sets of calls on memory, tasks and signals, in the order in which they are printed.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::Set;

/// `ADJ_*` of adjtimex.
pub(crate) const ADJUST: Set = Set {
    zero: "0",
    unknown: "ADJ_???",
    names: &[
        (0xa001, "ADJ_OFFSET_SS_READ"), (0x8001, "ADJ_OFFSET_SINGLESHOT"), (0x1, "ADJ_OFFSET"),
        (0x2, "ADJ_FREQUENCY"), (0x4, "ADJ_MAXERROR"), (0x8, "ADJ_ESTERROR"), (0x10, "ADJ_STATUS"),
        (0x20, "ADJ_TIMECONST"), (0x80, "ADJ_TAI"), (0x100, "ADJ_SETOFFSET"), (0x1000, "ADJ_MICRO"),
        (0x2000, "ADJ_NANO"), (0x4000, "ADJ_TICK"),
    ],
};

/// `STA_*` of adjtimex.
pub(crate) const CLOCK_STATUS: Set = Set {
    zero: "0",
    unknown: "STA_???",
    names: &[
        (0x1, "STA_PLL"), (0x2, "STA_PPSFREQ"), (0x4, "STA_PPSTIME"), (0x8, "STA_FLL"),
        (0x10, "STA_INS"), (0x20, "STA_DEL"), (0x40, "STA_UNSYNC"), (0x80, "STA_FREQHOLD"),
        (0x100, "STA_PPSSIGNAL"), (0x200, "STA_PPSJITTER"), (0x400, "STA_PPSWANDER"),
        (0x800, "STA_PPSERROR"), (0x1000, "STA_CLOCKERR"), (0x2000, "STA_NANO"),
        (0x4000, "STA_MODE"), (0x8000, "STA_CLK"),
    ],
};

/// `PROT_*`.
pub(crate) const PROT: Set = Set {
    zero: "PROT_NONE",
    unknown: "PROT_???",
    names: &[
        (0x1, "PROT_READ"), (0x2, "PROT_WRITE"), (0x4, "PROT_EXEC"), (0x8, "PROT_SEM"),
        (0x1000000, "PROT_GROWSDOWN"), (0x2000000, "PROT_GROWSUP"),
    ],
};

/// `MAP_*` without the low bits that choose the type of a mapping.
pub(crate) const MAP: Set = Set {
    zero: "0",
    unknown: "MAP_???",
    names: &[
        (0x10, "MAP_FIXED"), (0x20, "MAP_ANONYMOUS"), (0x40, "MAP_32BIT"),
        (0x4000, "MAP_NORESERVE"), (0x8000, "MAP_POPULATE"), (0x10000, "MAP_NONBLOCK"),
        (0x100, "MAP_GROWSDOWN"), (0x800, "MAP_DENYWRITE"), (0x1000, "MAP_EXECUTABLE"),
        (0x2000, "MAP_LOCKED"), (0x20000, "MAP_STACK"), (0x40000, "MAP_HUGETLB"),
        (0x80000, "MAP_SYNC"), (0x100000, "MAP_FIXED_NOREPLACE"),
    ],
};

/// `MREMAP_*`.
pub(crate) const REMAP: Set = Set {
    zero: "0",
    unknown: "MREMAP_???",
    names: &[
        (0x1, "MREMAP_MAYMOVE"), (0x2, "MREMAP_FIXED"), (0x4, "MREMAP_DONTUNMAP"),
    ],
};

/// `MS_*` of msync.
pub(crate) const MSYNC: Set = Set {
    zero: "0",
    unknown: "MS_???",
    names: &[
        (0x4, "MS_SYNC"), (0x1, "MS_ASYNC"), (0x2, "MS_INVALIDATE"),
    ],
};

/// `MLOCK_*`.
pub(crate) const MLOCK2: Set = Set {
    zero: "0",
    unknown: "MLOCK_???",
    names: &[
        (0x1, "MLOCK_ONFAULT"),
    ],
};

/// `MCL_*`.
pub(crate) const MLOCKALL: Set = Set {
    zero: "0",
    unknown: "MCL_???",
    names: &[
        (0x1, "MCL_CURRENT"), (0x2, "MCL_FUTURE"), (0x4, "MCL_ONFAULT"),
    ],
};

/// `MEMBARRIER_CMD_FLAG_*`.
pub(crate) const MEMBARRIER: Set = Set {
    zero: "0",
    unknown: "MEMBARRIER_CMD_FLAG_???",
    names: &[
        (0x1, "MEMBARRIER_CMD_FLAG_CPU"),
    ],
};

/// `MFD_*` without the size of huge pages.
pub(crate) const MEMFD: Set = Set {
    zero: "0",
    unknown: "MFD_???",
    names: &[
        (0x1, "MFD_CLOEXEC"), (0x2, "MFD_ALLOW_SEALING"), (0x4, "MFD_HUGETLB"),
    ],
};

/// `O_CLOEXEC`, which is all that memfd_secret knows.
pub(crate) const MEMFD_SECRET: Set = Set {
    zero: "0",
    unknown: "",
    names: &[
        (0x80000, "O_CLOEXEC"),
    ],
};

/// `SCHED_FLAG_*`.
pub(crate) const SCHED_FLAG: Set = Set {
    zero: "0",
    unknown: "SCHED_FLAG_???",
    names: &[
        (0x1, "SCHED_FLAG_RESET_ON_FORK"), (0x2, "SCHED_FLAG_RECLAIM"),
        (0x4, "SCHED_FLAG_DL_OVERRUN"), (0x8, "SCHED_FLAG_KEEP_POLICY"),
        (0x10, "SCHED_FLAG_KEEP_PARAMS"), (0x20, "SCHED_FLAG_UTIL_CLAMP_MIN"),
        (0x40, "SCHED_FLAG_UTIL_CLAMP_MAX"),
    ],
};

/// `CLONE_*` of unshare.
pub(crate) const UNSHARE: Set = Set {
    zero: "0",
    unknown: "CLONE_???",
    names: &[
        (0x80, "CLONE_NEWTIME"), (0x100, "CLONE_VM"), (0x200, "CLONE_FS"), (0x400, "CLONE_FILES"),
        (0x800, "CLONE_SIGHAND"), (0x10000, "CLONE_THREAD"), (0x20000, "CLONE_NEWNS"),
        (0x40000, "CLONE_SYSVSEM"), (0x2000000, "CLONE_NEWCGROUP"), (0x4000000, "CLONE_NEWUTS"),
        (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"), (0x20000000, "CLONE_NEWPID"),
        (0x40000000, "CLONE_NEWNET"),
    ],
};

/// `CLONE_*` of clone.
pub(crate) const CLONE: Set = Set {
    zero: "0",
    unknown: "CLONE_???",
    names: &[
        (0x100, "CLONE_VM"), (0x200, "CLONE_FS"), (0x400, "CLONE_FILES"), (0x800, "CLONE_SIGHAND"),
        (0x1000, "CLONE_PIDFD"), (0x2000, "CLONE_PTRACE"), (0x4000, "CLONE_VFORK"),
        (0x8000, "CLONE_PARENT"), (0x10000, "CLONE_THREAD"), (0x20000, "CLONE_NEWNS"),
        (0x40000, "CLONE_SYSVSEM"), (0x80000, "CLONE_SETTLS"), (0x100000, "CLONE_PARENT_SETTID"),
        (0x200000, "CLONE_CHILD_CLEARTID"), (0x800000, "CLONE_UNTRACED"),
        (0x1000000, "CLONE_CHILD_SETTID"), (0x2000000, "CLONE_NEWCGROUP"),
        (0x4000000, "CLONE_NEWUTS"), (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"),
        (0x20000000, "CLONE_NEWPID"), (0x40000000, "CLONE_NEWNET"), (0x80000000, "CLONE_IO"),
    ],
};

/// `CLONE_*` of clone3.
pub(crate) const CLONE3: Set = Set {
    zero: "0",
    unknown: "CLONE_???",
    names: &[
        (0x100, "CLONE_VM"), (0x200, "CLONE_FS"), (0x400, "CLONE_FILES"), (0x800, "CLONE_SIGHAND"),
        (0x1000, "CLONE_PIDFD"), (0x2000, "CLONE_PTRACE"), (0x4000, "CLONE_VFORK"),
        (0x8000, "CLONE_PARENT"), (0x10000, "CLONE_THREAD"), (0x20000, "CLONE_NEWNS"),
        (0x40000, "CLONE_SYSVSEM"), (0x80000, "CLONE_SETTLS"), (0x100000, "CLONE_PARENT_SETTID"),
        (0x200000, "CLONE_CHILD_CLEARTID"), (0x800000, "CLONE_UNTRACED"),
        (0x1000000, "CLONE_CHILD_SETTID"), (0x2000000, "CLONE_NEWCGROUP"),
        (0x4000000, "CLONE_NEWUTS"), (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"),
        (0x20000000, "CLONE_NEWPID"), (0x40000000, "CLONE_NEWNET"), (0x80000000, "CLONE_IO"),
        (0x80, "CLONE_NEWTIME"), (0x100000000, "CLONE_CLEAR_SIGHAND"),
        (0x200000000, "CLONE_INTO_CGROUP"),
    ],
};

/// `W*` of wait4 and waitid.
pub(crate) const WAIT: Set = Set {
    zero: "0",
    unknown: "W???",
    names: &[
        (0x1, "WNOHANG"), (0x4, "WEXITED"), (0x2, "WSTOPPED"), (0x8, "WCONTINUED"),
        (0x1000000, "WNOWAIT"), (0x80000000, "__WCLONE"), (0x40000000, "__WALL"),
        (0x20000000, "__WNOTHREAD"),
    ],
};

/// `GRND_*`.
pub(crate) const RANDOM: Set = Set {
    zero: "0",
    unknown: "GRND_???",
    names: &[
        (0x1, "GRND_NONBLOCK"), (0x2, "GRND_RANDOM"), (0x4, "GRND_INSECURE"),
    ],
};

/// `PIDFD_*`.
pub(crate) const PIDFD: Set = Set {
    zero: "0",
    unknown: "PIDFD_???",
    names: &[
        (0x800, "PIDFD_NONBLOCK"),
    ],
};

/// `LANDLOCK_CREATE_RULESET_*`.
pub(crate) const LANDLOCK: Set = Set {
    zero: "0",
    unknown: "LANDLOCK_CREATE_RULESET_???",
    names: &[
        (0x1, "LANDLOCK_CREATE_RULESET_VERSION"),
    ],
};

/// `SECCOMP_FILTER_FLAG_*`.
pub(crate) const SECCOMP: Set = Set {
    zero: "0",
    unknown: "SECCOMP_FILTER_FLAG_???",
    names: &[
        (0x1, "SECCOMP_FILTER_FLAG_TSYNC"), (0x2, "SECCOMP_FILTER_FLAG_LOG"),
        (0x4, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"), (0x8, "SECCOMP_FILTER_FLAG_NEW_LISTENER"),
        (0x10, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"),
        (0x20, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
    ],
};

/// `IPC_*` and `SHM_*` of shmget.
pub(crate) const SHMGET: Set = Set {
    zero: "0",
    unknown: "",
    names: &[
        (0x200, "IPC_CREAT"), (0x400, "IPC_EXCL"), (0x800, "SHM_HUGETLB"),
        (0x1000, "SHM_NORESERVE"),
    ],
};

/// `IPC_*` of semget and msgget.
pub(crate) const IPCGET: Set = Set {
    zero: "0",
    unknown: "",
    names: &[
        (0x200, "IPC_CREAT"), (0x400, "IPC_EXCL"), (0x800, "IPC_NOWAIT"),
    ],
};

/// Of one operation of semop.
pub(crate) const SEMAPHORE: Set = Set {
    zero: "0",
    unknown: "SEM_???",
    names: &[
        (0x1000, "SEM_UNDO"), (0x800, "IPC_NOWAIT"),
    ],
};

/// `CLONE_NEW*` of setns.
pub(crate) const NAMESPACE: Set = Set {
    zero: "0",
    unknown: "CLONE_NEW???",
    names: &[
        (0x80, "CLONE_NEWTIME"), (0x20000, "CLONE_NEWNS"), (0x2000000, "CLONE_NEWCGROUP"),
        (0x4000000, "CLONE_NEWUTS"), (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"),
        (0x20000000, "CLONE_NEWPID"), (0x40000000, "CLONE_NEWNET"),
    ],
};

/// `PKEY_DISABLE_*`.
pub(crate) const PKEY: Set = Set {
    zero: "0",
    unknown: "PKEY_???",
    names: &[
        (0x1, "PKEY_DISABLE_ACCESS"), (0x2, "PKEY_DISABLE_WRITE"), (0x4, "PKEY_DISABLE_EXECUTE"),
    ],
};

/// Flags of userfaultfd.
pub(crate) const UFFD: Set = Set {
    zero: "0",
    unknown: "UFFD_???",
    names: &[
        (0x1, "UFFD_USER_MODE_ONLY"), (0x800, "O_NONBLOCK"), (0x80000, "O_CLOEXEC"),
    ],
};

/// `SA_*`.
pub(crate) const SIGACTION: Set = Set {
    zero: "0",
    unknown: "SA_???",
    names: &[
        (0x4000000, "SA_RESTORER"), (0x8000000, "SA_ONSTACK"), (0x10000000, "SA_RESTART"),
        (0x20000000, "SA_INTERRUPT"), (0x40000000, "SA_NODEFER"), (0x80000000, "SA_RESETHAND"),
        (0x4, "SA_SIGINFO"), (0x1, "SA_NOCLDSTOP"), (0x2, "SA_NOCLDWAIT"),
    ],
};

/// `SS_*`.
pub(crate) const SIGSTACK: Set = Set {
    zero: "0",
    unknown: "SS_???",
    names: &[
        (0x1, "SS_ONSTACK"), (0x2, "SS_DISABLE"), (0x80000000, "SS_AUTODISARM"),
    ],
};

/// `TIMER_ABSTIME`.
pub(crate) const TIMER: Set = Set {
    zero: "0",
    unknown: "TIMER_???",
    names: &[
        (0x1, "TIMER_ABSTIME"),
    ],
};

/// Flags of a personality.
pub(crate) const PERSONALITY: Set = Set {
    zero: "0",
    unknown: "",
    names: &[
        (0x20000, "UNAME26"), (0x40000, "ADDR_NO_RANDOMIZE"), (0x80000, "FDPIC_FUNCPTRS"),
        (0x100000, "MMAP_PAGE_ZERO"), (0x200000, "ADDR_COMPAT_LAYOUT"),
        (0x400000, "READ_IMPLIES_EXEC"), (0x800000, "ADDR_LIMIT_32BIT"),
        (0x1000000, "SHORT_INODE"), (0x2000000, "WHOLE_SECONDS"), (0x4000000, "STICKY_TIMEOUTS"),
        (0x8000000, "ADDR_LIMIT_3GB"),
    ],
};

/// `SECBIT_*`.
pub(crate) const SECUREBITS: Set = Set {
    zero: "0",
    unknown: "SECBIT_???",
    names: &[
        (0x1, "SECBIT_NOROOT"), (0x2, "SECBIT_NOROOT_LOCKED"), (0x4, "SECBIT_NO_SETUID_FIXUP"),
        (0x8, "SECBIT_NO_SETUID_FIXUP_LOCKED"), (0x10, "SECBIT_KEEP_CAPS"),
        (0x20, "SECBIT_KEEP_CAPS_LOCKED"), (0x40, "SECBIT_NO_CAP_AMBIENT_RAISE"),
        (0x80, "SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED"),
    ],
};

/// `MPOL_F_*` beside a mode.
pub(crate) const MEMPOLICY_MODE: Set = Set {
    zero: "0",
    unknown: "MPOL_???",
    names: &[
        (0x8000, "MPOL_F_STATIC_NODES"), (0x4000, "MPOL_F_RELATIVE_NODES"),
        (0x2000, "MPOL_F_NUMA_BALANCING"),
    ],
};

/// `MPOL_F_*` of get_mempolicy.
pub(crate) const MEMPOLICY_GET: Set = Set {
    zero: "0",
    unknown: "MPOL_???",
    names: &[
        (0x1, "MPOL_F_NODE"), (0x2, "MPOL_F_ADDR"), (0x4, "MPOL_F_MEMS_ALLOWED"),
    ],
};

/// `MPOL_MF_*` of mbind.
pub(crate) const MEMPOLICY_BIND: Set = Set {
    zero: "0",
    unknown: "MPOL_???",
    names: &[
        (0x1, "MPOL_MF_STRICT"), (0x2, "MPOL_MF_MOVE"), (0x4, "MPOL_MF_MOVE_ALL"),
    ],
};

/// `SHM_*` of shmat.
pub(crate) const SHMAT: Set = Set {
    zero: "0",
    unknown: "SHM_???",
    names: &[
        (0x1000, "SHM_RDONLY"), (0x2000, "SHM_RND"), (0x4000, "SHM_REMAP"), (0x8000, "SHM_EXEC"),
    ],
};

/// Of msgsnd and msgrcv.
pub(crate) const MESSAGE: Set = Set {
    zero: "0",
    unknown: "MSG_???",
    names: &[
        (0x1000, "MSG_NOERROR"), (0x2000, "MSG_EXCEPT"), (0x4000, "MSG_COPY"), (0x800, "IPC_NOWAIT"),
    ],
};

/// The flags of open that delete_module takes.
pub(crate) const DELETE_MODULE: Set = Set {
    zero: "0",
    unknown: "O_???",
    names: &[
        (0x800, "O_NONBLOCK"), (0x200, "O_TRUNC"),
    ],
};

/// `MODULE_INIT_*`.
pub(crate) const FINIT_MODULE: Set = Set {
    zero: "0",
    unknown: "MODULE_INIT_???",
    names: &[
        (0x1, "MODULE_INIT_IGNORE_MODVERSIONS"), (0x2, "MODULE_INIT_IGNORE_VERMAGIC"),
        (0x4, "MODULE_INIT_COMPRESSED_FILE"),
    ],
};

/// The flag of a message queue.
pub(crate) const QUEUE: Set = Set {
    zero: "0",
    unknown: "O_???",
    names: &[
        (0x800, "O_NONBLOCK"),
    ],
};
