//! Names of enumerations.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::Menu;

/// Types of directory entries.
pub(crate) const ENTRY: Menu = Menu {
    unknown: "DT_???",
    names: &[
        (0, "DT_UNKNOWN"),
        (1, "DT_FIFO"),
        (2, "DT_CHR"),
        (4, "DT_DIR"),
        (6, "DT_BLK"),
        (8, "DT_REG"),
        (10, "DT_LNK"),
        (12, "DT_SOCK"),
        (14, "DT_WHT"),
    ],
};

/// Line disciplines of terminals.
pub(crate) const DISCIPLINE: Menu = Menu {
    unknown: "N_???",
    names: &[
        (0, "N_TTY"),
        (1, "N_SLIP"),
        (2, "N_MOUSE"),
        (3, "N_PPP"),
        (4, "N_STRIP"),
        (5, "N_AX25"),
        (6, "N_X25"),
        (13, "N_HDLC"),
        (15, "N_HCI"),
    ],
};

/// `SEEK_*`.
pub(crate) const WHENCE: Menu = Menu {
    unknown: "SEEK_???",
    names: &[
        (0, "SEEK_SET"), (1, "SEEK_CUR"), (2, "SEEK_END"), (3, "SEEK_DATA"), (4, "SEEK_HOLE"),
    ],
};

/// `RLIMIT_*`.
pub(crate) const RESOURCE: Menu = Menu {
    unknown: "RLIMIT_???",
    names: &[
        (0, "RLIMIT_CPU"), (1, "RLIMIT_FSIZE"), (2, "RLIMIT_DATA"), (3, "RLIMIT_STACK"),
        (4, "RLIMIT_CORE"), (5, "RLIMIT_RSS"), (6, "RLIMIT_NPROC"), (7, "RLIMIT_NOFILE"),
        (8, "RLIMIT_MEMLOCK"), (9, "RLIMIT_AS"), (10, "RLIMIT_LOCKS"), (11, "RLIMIT_SIGPENDING"),
        (12, "RLIMIT_MSGQUEUE"), (13, "RLIMIT_NICE"), (14, "RLIMIT_RTPRIO"), (15, "RLIMIT_RTTIME"),
    ],
};

/// `CLOCK_*`.
pub(crate) const CLOCK: Menu = Menu {
    unknown: "CLOCK_???",
    names: &[
        (0, "CLOCK_REALTIME"), (1, "CLOCK_MONOTONIC"), (2, "CLOCK_PROCESS_CPUTIME_ID"),
        (3, "CLOCK_THREAD_CPUTIME_ID"), (4, "CLOCK_MONOTONIC_RAW"), (5, "CLOCK_REALTIME_COARSE"),
        (6, "CLOCK_MONOTONIC_COARSE"), (7, "CLOCK_BOOTTIME"), (8, "CLOCK_REALTIME_ALARM"),
        (9, "CLOCK_BOOTTIME_ALARM"), (10, "CLOCK_SGI_CYCLE"), (11, "CLOCK_TAI"),
    ],
};

/// `SIG_*` of rt_sigprocmask.
pub(crate) const SIGPROCMASK: Menu = Menu {
    unknown: "SIG_???",
    names: &[
        (0, "SIG_BLOCK"), (1, "SIG_UNBLOCK"), (2, "SIG_SETMASK"),
    ],
};

/// `ITIMER_*`.
pub(crate) const ITIMER: Menu = Menu {
    unknown: "ITIMER_???",
    names: &[
        (0, "ITIMER_REAL"), (1, "ITIMER_VIRTUAL"), (2, "ITIMER_PROF"),
    ],
};

/// `MADV_*`.
pub(crate) const MADVISE: Menu = Menu {
    unknown: "MADV_???",
    names: &[
        (0, "MADV_NORMAL"), (1, "MADV_RANDOM"), (2, "MADV_SEQUENTIAL"), (3, "MADV_WILLNEED"),
        (4, "MADV_DONTNEED"), (8, "MADV_FREE"), (9, "MADV_REMOVE"), (10, "MADV_DONTFORK"),
        (11, "MADV_DOFORK"), (12, "MADV_MERGEABLE"), (13, "MADV_UNMERGEABLE"),
        (14, "MADV_HUGEPAGE"), (15, "MADV_NOHUGEPAGE"), (16, "MADV_DONTDUMP"), (17, "MADV_DODUMP"),
        (18, "MADV_WIPEONFORK"), (19, "MADV_KEEPONFORK"), (20, "MADV_COLD"), (21, "MADV_PAGEOUT"),
        (22, "MADV_POPULATE_READ"), (23, "MADV_POPULATE_WRITE"), (24, "MADV_DONTNEED_LOCKED"),
        (25, "MADV_COLLAPSE"), (100, "MADV_HWPOISON"), (101, "MADV_SOFT_OFFLINE"),
    ],
};

/// `POSIX_FADV_*`.
pub(crate) const FADVISE: Menu = Menu {
    unknown: "POSIX_FADV_???",
    names: &[
        (0, "POSIX_FADV_NORMAL"), (1, "POSIX_FADV_RANDOM"), (2, "POSIX_FADV_SEQUENTIAL"),
        (3, "POSIX_FADV_WILLNEED"), (4, "POSIX_FADV_DONTNEED"), (5, "POSIX_FADV_NOREUSE"),
    ],
};

/// `ARCH_*`.
pub(crate) const ARCH_PRCTL: Menu = Menu {
    unknown: "ARCH_???",
    names: &[
        (0x1001, "ARCH_SET_GS"), (0x1002, "ARCH_SET_FS"), (0x1003, "ARCH_GET_FS"),
        (0x1004, "ARCH_GET_GS"), (0x1011, "ARCH_GET_CPUID"), (0x1012, "ARCH_SET_CPUID"),
        (0x1021, "ARCH_GET_XCOMP_SUPP"), (0x1022, "ARCH_GET_XCOMP_PERM"),
        (0x1023, "ARCH_REQ_XCOMP_PERM"), (0x1024, "ARCH_GET_XCOMP_GUEST_PERM"),
        (0x1025, "ARCH_REQ_XCOMP_GUEST_PERM"), (0x2001, "ARCH_MAP_VDSO_X32"),
        (0x2002, "ARCH_MAP_VDSO_32"), (0x2003, "ARCH_MAP_VDSO_64"),
    ],
};

/// `F_OWNER_*`: who gets a file's signals.
pub(crate) const FILE_OWNER: Menu = Menu {
    unknown: "F_OWNER_???",
    names: &[
        (0, "F_OWNER_TID"), (1, "F_OWNER_PID"), (2, "F_OWNER_PGRP"),
    ],
};

/// `PACKET_*`: to whom a packet was sent.
pub(crate) const PACKET_TYPE: Menu = Menu {
    unknown: "PACKET_???",
    names: &[
        (0, "PACKET_HOST"), (1, "PACKET_BROADCAST"), (2, "PACKET_MULTICAST"),
        (3, "PACKET_OTHERHOST"), (4, "PACKET_OUTGOING"), (5, "PACKET_LOOPBACK"),
        (6, "PACKET_USER"), (7, "PACKET_KERNEL"),
    ],
};

/// `AF_*`.
pub(crate) const FAMILY: Menu = Menu {
    unknown: "AF_???",
    names: &[
        (0, "AF_UNSPEC"), (1, "AF_UNIX"), (2, "AF_INET"), (3, "AF_AX25"), (4, "AF_IPX"),
        (5, "AF_APPLETALK"), (6, "AF_NETROM"), (7, "AF_BRIDGE"), (8, "AF_ATMPVC"), (9, "AF_X25"),
        (10, "AF_INET6"), (11, "AF_ROSE"), (12, "AF_DECnet"), (13, "AF_NETBEUI"),
        (14, "AF_SECURITY"), (15, "AF_KEY"), (16, "AF_NETLINK"), (17, "AF_PACKET"), (18, "AF_ASH"),
        (19, "AF_ECONET"), (20, "AF_ATMSVC"), (21, "AF_RDS"), (22, "AF_SNA"), (23, "AF_IRDA"),
        (24, "AF_PPPOX"), (25, "AF_WANPIPE"), (26, "AF_LLC"), (27, "AF_IB"), (28, "AF_MPLS"),
        (29, "AF_CAN"), (30, "AF_TIPC"), (31, "AF_BLUETOOTH"), (32, "AF_IUCV"), (33, "AF_RXRPC"),
        (34, "AF_ISDN"), (35, "AF_PHONET"), (36, "AF_IEEE802154"), (37, "AF_CAIF"), (38, "AF_ALG"),
        (39, "AF_NFC"), (40, "AF_VSOCK"), (41, "AF_KCM"), (42, "AF_QIPCRTR"), (43, "AF_SMC"),
        (44, "AF_XDP"), (45, "AF_MCTP"),
    ],
};

/// `SOCK_*`.
pub(crate) const SOCKET_TYPE: Menu = Menu {
    unknown: "SOCK_???",
    names: &[
        (1, "SOCK_STREAM"), (2, "SOCK_DGRAM"), (3, "SOCK_RAW"), (4, "SOCK_RDM"),
        (5, "SOCK_SEQPACKET"), (6, "SOCK_DCCP"), (10, "SOCK_PACKET"),
    ],
};

/// `IPPROTO_*`.
pub(crate) const PROTOCOL: Menu = Menu {
    unknown: "IPPROTO_???",
    names: &[
        (0, "IPPROTO_IP"), (1, "IPPROTO_ICMP"), (2, "IPPROTO_IGMP"), (4, "IPPROTO_IPIP"),
        (6, "IPPROTO_TCP"), (8, "IPPROTO_EGP"), (12, "IPPROTO_PUP"), (17, "IPPROTO_UDP"),
        (22, "IPPROTO_IDP"), (29, "IPPROTO_TP"), (33, "IPPROTO_DCCP"), (41, "IPPROTO_IPV6"),
        (43, "IPPROTO_ROUTING"), (44, "IPPROTO_FRAGMENT"), (46, "IPPROTO_RSVP"),
        (47, "IPPROTO_GRE"), (50, "IPPROTO_ESP"), (51, "IPPROTO_AH"), (58, "IPPROTO_ICMPV6"),
        (59, "IPPROTO_NONE"), (60, "IPPROTO_DSTOPTS"), (92, "IPPROTO_MTP"), (94, "IPPROTO_BEETPH"),
        (98, "IPPROTO_ENCAP"), (103, "IPPROTO_PIM"), (108, "IPPROTO_COMP"), (115, "IPPROTO_L2TP"),
        (132, "IPPROTO_SCTP"), (135, "IPPROTO_MH"), (136, "IPPROTO_UDPLITE"),
        (137, "IPPROTO_MPLS"), (143, "IPPROTO_ETHERNET"), (255, "IPPROTO_RAW"),
        (262, "IPPROTO_MPTCP"),
    ],
};

/// `NETLINK_*` protocols.
pub(crate) const NETLINK: Menu = Menu {
    unknown: "NETLINK_???",
    names: &[
        (0, "NETLINK_ROUTE"), (1, "NETLINK_UNUSED"), (2, "NETLINK_USERSOCK"),
        (3, "NETLINK_FIREWALL"), (4, "NETLINK_SOCK_DIAG"), (5, "NETLINK_NFLOG"),
        (6, "NETLINK_XFRM"), (7, "NETLINK_SELINUX"), (8, "NETLINK_ISCSI"), (9, "NETLINK_AUDIT"),
        (10, "NETLINK_FIB_LOOKUP"), (11, "NETLINK_CONNECTOR"), (12, "NETLINK_NETFILTER"),
        (13, "NETLINK_IP6_FW"), (14, "NETLINK_DNRTMSG"), (15, "NETLINK_KOBJECT_UEVENT"),
        (16, "NETLINK_GENERIC"), (18, "NETLINK_SCSITRANSPORT"), (19, "NETLINK_ECRYPTFS"),
        (20, "NETLINK_RDMA"), (21, "NETLINK_CRYPTO"), (22, "NETLINK_SMC"),
    ],
};

/// `SHUT_*`.
pub(crate) const SHUTDOWN: Menu = Menu {
    unknown: "SHUT_???",
    names: &[
        (0, "SHUT_RD"), (1, "SHUT_WR"), (2, "SHUT_RDWR"),
    ],
};

/// `EPOLL_CTL_*`.
pub(crate) const EPOLL_CTL: Menu = Menu {
    unknown: "EPOLL_CTL_???",
    names: &[
        (1, "EPOLL_CTL_ADD"), (2, "EPOLL_CTL_DEL"), (3, "EPOLL_CTL_MOD"),
    ],
};

/// `P_*`.
pub(crate) const ID_TYPE: Menu = Menu {
    unknown: "P_???",
    names: &[
        (0, "P_ALL"), (1, "P_PID"), (2, "P_PGID"), (3, "P_PIDFD"),
    ],
};

/// `RUSAGE_*`.
pub(crate) const RUSAGE: Menu = Menu {
    unknown: "RUSAGE_???",
    names: &[
        (0xfffffffe, "RUSAGE_BOTH"), (0xffffffff, "RUSAGE_CHILDREN"), (0, "RUSAGE_SELF"),
        (1, "RUSAGE_THREAD"),
    ],
};

/// `SCHED_*`.
pub(crate) const SCHED: Menu = Menu {
    unknown: "SCHED_???",
    names: &[
        (0, "SCHED_OTHER"), (1, "SCHED_FIFO"), (2, "SCHED_RR"), (3, "SCHED_BATCH"),
        (4, "SCHED_ISO"), (5, "SCHED_IDLE"), (6, "SCHED_DEADLINE"),
    ],
};

/// `PRIO_*`.
pub(crate) const PRIORITY: Menu = Menu {
    unknown: "PRIO_???",
    names: &[
        (0, "PRIO_PROCESS"), (1, "PRIO_PGRP"), (2, "PRIO_USER"),
    ],
};

/// `IOPRIO_WHO_*`.
pub(crate) const IOPRIO: Menu = Menu {
    unknown: "IOPRIO_WHO_???",
    names: &[
        (1, "IOPRIO_WHO_PROCESS"), (2, "IOPRIO_WHO_PGRP"), (3, "IOPRIO_WHO_USER"),
    ],
};

/// `SECCOMP_*` operations.
pub(crate) const SECCOMP_OP: Menu = Menu {
    unknown: "SECCOMP_SET_MODE_???",
    names: &[
        (0, "SECCOMP_SET_MODE_STRICT"), (1, "SECCOMP_SET_MODE_FILTER"),
        (2, "SECCOMP_GET_ACTION_AVAIL"), (3, "SECCOMP_GET_NOTIF_SIZES"),
    ],
};

/// `LINUX_REBOOT_CMD_*`.
pub(crate) const REBOOT: Menu = Menu {
    unknown: "LINUX_REBOOT_CMD_???",
    names: &[
        (0, "LINUX_REBOOT_CMD_CAD_OFF"), (0x1234567, "LINUX_REBOOT_CMD_RESTART"),
        (0xcdef0123, "LINUX_REBOOT_CMD_HALT"), (0x4321fedc, "LINUX_REBOOT_CMD_POWER_OFF"),
        (0xa1b2c3d4, "LINUX_REBOOT_CMD_RESTART2"), (0xd000fce2, "LINUX_REBOOT_CMD_SW_SUSPEND"),
        (0x45584543, "LINUX_REBOOT_CMD_KEXEC"), (0x89abcdef, "LINUX_REBOOT_CMD_CAD_ON"),
    ],
};

/// `PTRACE_*`.
pub(crate) const PTRACE: Menu = Menu {
    unknown: "PTRACE_???",
    names: &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"),
        (3, "PTRACE_PEEKUSER"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSER"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"),
        (12, "PTRACE_GETREGS"), (13, "PTRACE_SETREGS"), (14, "PTRACE_GETFPREGS"),
        (15, "PTRACE_SETFPREGS"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"),
        (18, "PTRACE_GETFPXREGS"), (19, "PTRACE_SETFPXREGS"), (21, "PTRACE_OLDSETOPTIONS"),
        (24, "PTRACE_SYSCALL"), (25, "PTRACE_GET_THREAD_AREA"), (26, "PTRACE_SET_THREAD_AREA"),
        (30, "PTRACE_ARCH_PRCTL"), (31, "PTRACE_SYSEMU"), (32, "PTRACE_SYSEMU_SINGLESTEP"),
        (33, "PTRACE_SINGLEBLOCK"), (0x4200, "PTRACE_SETOPTIONS"), (0x4201, "PTRACE_GETEVENTMSG"),
        (0x4202, "PTRACE_GETSIGINFO"), (0x4203, "PTRACE_SETSIGINFO"), (0x4204, "PTRACE_GETREGSET"),
        (0x4205, "PTRACE_SETREGSET"), (0x4206, "PTRACE_SEIZE"), (0x4207, "PTRACE_INTERRUPT"),
        (0x4208, "PTRACE_LISTEN"), (0x4209, "PTRACE_PEEKSIGINFO"), (0x420a, "PTRACE_GETSIGMASK"),
        (0x420b, "PTRACE_SETSIGMASK"), (0x420c, "PTRACE_SECCOMP_GET_FILTER"),
        (0x420d, "PTRACE_SECCOMP_GET_METADATA"), (0x420e, "PTRACE_GET_SYSCALL_INFO"),
        (0x420f, "PTRACE_GET_RSEQ_CONFIGURATION"),
    ],
};

/// `KCMP_*`.
pub(crate) const KCMP: Menu = Menu {
    unknown: "KCMP_???",
    names: &[
        (0, "KCMP_FILE"), (1, "KCMP_VM"), (2, "KCMP_FILES"), (3, "KCMP_FS"), (4, "KCMP_SIGHAND"),
        (5, "KCMP_IO"), (6, "KCMP_SYSVSEM"), (7, "KCMP_EPOLL_TFD"),
    ],
};

/// `MEMBARRIER_CMD_*`.
pub(crate) const MEMBARRIER_CMD: Menu = Menu {
    unknown: "MEMBARRIER_CMD_???",
    names: &[
        (0, "MEMBARRIER_CMD_QUERY"), (1, "MEMBARRIER_CMD_GLOBAL"),
        (2, "MEMBARRIER_CMD_GLOBAL_EXPEDITED"), (4, "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED"),
        (8, "MEMBARRIER_CMD_PRIVATE_EXPEDITED"), (16, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED"),
        (32, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE"),
        (64, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE"),
        (128, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ"),
        (256, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ"),
    ],
};

/// `KEYCTL_*`.
pub(crate) const KEYCTL: Menu = Menu {
    unknown: "KEYCTL_???",
    names: &[
        (0, "KEYCTL_GET_KEYRING_ID"), (1, "KEYCTL_JOIN_SESSION_KEYRING"), (2, "KEYCTL_UPDATE"),
        (3, "KEYCTL_REVOKE"), (4, "KEYCTL_CHOWN"), (5, "KEYCTL_SETPERM"), (6, "KEYCTL_DESCRIBE"),
        (7, "KEYCTL_CLEAR"), (8, "KEYCTL_LINK"), (9, "KEYCTL_UNLINK"), (10, "KEYCTL_SEARCH"),
        (11, "KEYCTL_READ"), (12, "KEYCTL_INSTANTIATE"), (13, "KEYCTL_NEGATE"),
        (14, "KEYCTL_SET_REQKEY_KEYRING"), (15, "KEYCTL_SET_TIMEOUT"),
        (16, "KEYCTL_ASSUME_AUTHORITY"), (17, "KEYCTL_GET_SECURITY"),
        (18, "KEYCTL_SESSION_TO_PARENT"), (19, "KEYCTL_REJECT"), (20, "KEYCTL_INSTANTIATE_IOV"),
        (21, "KEYCTL_INVALIDATE"), (22, "KEYCTL_GET_PERSISTENT"), (23, "KEYCTL_DH_COMPUTE"),
        (24, "KEYCTL_PKEY_QUERY"), (25, "KEYCTL_PKEY_ENCRYPT"), (26, "KEYCTL_PKEY_DECRYPT"),
        (27, "KEYCTL_PKEY_SIGN"), (28, "KEYCTL_PKEY_VERIFY"), (29, "KEYCTL_RESTRICT_KEYRING"),
        (30, "KEYCTL_MOVE"), (31, "KEYCTL_CAPABILITIES"), (32, "KEYCTL_WATCH_KEY"),
    ],
};

/// `BPF_*` commands.
pub(crate) const BPF: Menu = Menu {
    unknown: "BPF_???",
    names: &[
        (0, "BPF_MAP_CREATE"), (1, "BPF_MAP_LOOKUP_ELEM"), (2, "BPF_MAP_UPDATE_ELEM"),
        (3, "BPF_MAP_DELETE_ELEM"), (4, "BPF_MAP_GET_NEXT_KEY"), (5, "BPF_PROG_LOAD"),
        (6, "BPF_OBJ_PIN"), (7, "BPF_OBJ_GET"), (8, "BPF_PROG_ATTACH"), (9, "BPF_PROG_DETACH"),
        (10, "BPF_PROG_TEST_RUN"), (11, "BPF_PROG_GET_NEXT_ID"), (12, "BPF_MAP_GET_NEXT_ID"),
        (13, "BPF_PROG_GET_FD_BY_ID"), (14, "BPF_MAP_GET_FD_BY_ID"),
        (15, "BPF_OBJ_GET_INFO_BY_FD"), (16, "BPF_PROG_QUERY"), (17, "BPF_RAW_TRACEPOINT_OPEN"),
        (18, "BPF_BTF_LOAD"), (19, "BPF_BTF_GET_FD_BY_ID"), (20, "BPF_TASK_FD_QUERY"),
        (21, "BPF_MAP_LOOKUP_AND_DELETE_ELEM"), (22, "BPF_MAP_FREEZE"),
        (23, "BPF_BTF_GET_NEXT_ID"), (24, "BPF_MAP_LOOKUP_BATCH"),
        (25, "BPF_MAP_LOOKUP_AND_DELETE_BATCH"), (26, "BPF_MAP_UPDATE_BATCH"),
        (27, "BPF_MAP_DELETE_BATCH"), (28, "BPF_LINK_CREATE"), (29, "BPF_LINK_UPDATE"),
        (30, "BPF_LINK_GET_FD_BY_ID"), (31, "BPF_LINK_GET_NEXT_ID"), (32, "BPF_ENABLE_STATS"),
        (33, "BPF_ITER_CREATE"), (34, "BPF_LINK_DETACH"), (35, "BPF_PROG_BIND_MAP"),
    ],
};

/// `MPOL_*`.
pub(crate) const MEMPOLICY: Menu = Menu {
    unknown: "MPOL_???",
    names: &[
        (0, "MPOL_DEFAULT"), (1, "MPOL_PREFERRED"), (2, "MPOL_BIND"), (3, "MPOL_INTERLEAVE"),
        (4, "MPOL_LOCAL"), (5, "MPOL_PREFERRED_MANY"),
    ],
};

/// `PER_*`.
pub(crate) const PERSONA: Menu = Menu {
    unknown: "PER_???",
    names: &[
        (0, "PER_LINUX"), (6, "PER_BSD"), (8, "PER_LINUX32"), (12, "PER_RISCOS"), (15, "PER_OSF4"),
        (16, "PER_HPUX"), (255, "PER_MASK"),
    ],
};

/// `FSCONFIG_*`.
pub(crate) const FSCONFIG: Menu = Menu {
    unknown: "FSCONFIG_???",
    names: &[
        (0, "FSCONFIG_SET_FLAG"), (1, "FSCONFIG_SET_STRING"), (2, "FSCONFIG_SET_BINARY"),
        (3, "FSCONFIG_SET_PATH"), (4, "FSCONFIG_SET_PATH_EMPTY"), (5, "FSCONFIG_SET_FD"),
        (6, "FSCONFIG_CMD_CREATE"), (7, "FSCONFIG_CMD_RECONFIGURE"),
    ],
};

/// `F_*` commands.
pub(crate) const FCNTL: Menu = Menu {
    unknown: "F_???",
    names: &[
        (0, "F_DUPFD"), (1, "F_GETFD"), (2, "F_SETFD"), (3, "F_GETFL"), (4, "F_SETFL"),
        (5, "F_GETLK"), (6, "F_SETLK"), (7, "F_SETLKW"), (8, "F_SETOWN"), (9, "F_GETOWN"),
        (10, "F_SETSIG"), (11, "F_GETSIG"), (12, "F_GETLK64"), (13, "F_SETLK64"),
        (14, "F_SETLKW64"), (15, "F_SETOWN_EX"), (16, "F_GETOWN_EX"), (17, "F_GETOWNER_UIDS"),
        (36, "F_OFD_GETLK"), (37, "F_OFD_SETLK"), (38, "F_OFD_SETLKW"), (1024, "F_SETLEASE"),
        (1025, "F_GETLEASE"), (1026, "F_NOTIFY"), (1029, "F_CANCELLK"), (1030, "F_DUPFD_CLOEXEC"),
        (1031, "F_SETPIPE_SZ"), (1032, "F_GETPIPE_SZ"), (1033, "F_ADD_SEALS"),
        (1034, "F_GET_SEALS"),
    ],
};

/// `PR_*` options.
pub(crate) const PRCTL: Menu = Menu {
    unknown: "PR_???",
    names: &[
        (1, "PR_SET_PDEATHSIG"), (2, "PR_GET_PDEATHSIG"), (3, "PR_GET_DUMPABLE"),
        (4, "PR_SET_DUMPABLE"), (5, "PR_GET_UNALIGN"), (6, "PR_SET_UNALIGN"),
        (7, "PR_GET_KEEPCAPS"), (8, "PR_SET_KEEPCAPS"), (9, "PR_GET_FPEMU"), (10, "PR_SET_FPEMU"),
        (11, "PR_GET_FPEXC"), (12, "PR_SET_FPEXC"), (13, "PR_GET_TIMING"), (14, "PR_SET_TIMING"),
        (15, "PR_SET_NAME"), (16, "PR_GET_NAME"), (19, "PR_GET_ENDIAN"), (20, "PR_SET_ENDIAN"),
        (21, "PR_GET_SECCOMP"), (22, "PR_SET_SECCOMP"), (23, "PR_CAPBSET_READ"),
        (24, "PR_CAPBSET_DROP"), (25, "PR_GET_TSC"), (26, "PR_SET_TSC"), (27, "PR_GET_SECUREBITS"),
        (28, "PR_SET_SECUREBITS"), (29, "PR_SET_TIMERSLACK"), (30, "PR_GET_TIMERSLACK"),
        (31, "PR_TASK_PERF_EVENTS_DISABLE"), (32, "PR_TASK_PERF_EVENTS_ENABLE"),
        (33, "PR_MCE_KILL"), (34, "PR_MCE_KILL_GET"), (35, "PR_SET_MM"),
        (36, "PR_SET_CHILD_SUBREAPER"), (37, "PR_GET_CHILD_SUBREAPER"),
        (38, "PR_SET_NO_NEW_PRIVS"), (39, "PR_GET_NO_NEW_PRIVS"), (40, "PR_GET_TID_ADDRESS"),
        (41, "PR_SET_THP_DISABLE"), (42, "PR_GET_THP_DISABLE"), (43, "PR_MPX_ENABLE_MANAGEMENT"),
        (44, "PR_MPX_DISABLE_MANAGEMENT"), (45, "PR_SET_FP_MODE"), (46, "PR_GET_FP_MODE"),
        (47, "PR_CAP_AMBIENT"), (50, "PR_SVE_SET_VL"), (51, "PR_SVE_GET_VL"),
        (52, "PR_GET_SPECULATION_CTRL"), (53, "PR_SET_SPECULATION_CTRL"),
        (54, "PR_PAC_RESET_KEYS"), (55, "PR_SET_TAGGED_ADDR_CTRL"),
        (56, "PR_GET_TAGGED_ADDR_CTRL"), (57, "PR_SET_IO_FLUSHER"), (58, "PR_GET_IO_FLUSHER"),
        (59, "PR_SET_SYSCALL_USER_DISPATCH"), (60, "PR_PAC_SET_ENABLED_KEYS"),
        (61, "PR_PAC_GET_ENABLED_KEYS"), (62, "PR_SCHED_CORE"), (63, "PR_SME_SET_VL"),
        (64, "PR_SME_GET_VL"), (0x59616d61, "PR_SET_PTRACER"), (0x53564d41, "PR_SET_VMA"),
    ],
};

/// `FUTEX_*` operations without their flags.
pub(crate) const FUTEX: Menu = Menu {
    unknown: "FUTEX_???",
    names: &[
        (0, "FUTEX_WAIT"), (1, "FUTEX_WAKE"), (2, "FUTEX_FD"), (3, "FUTEX_REQUEUE"),
        (4, "FUTEX_CMP_REQUEUE"), (5, "FUTEX_WAKE_OP"), (6, "FUTEX_LOCK_PI"),
        (7, "FUTEX_UNLOCK_PI"), (8, "FUTEX_TRYLOCK_PI"), (9, "FUTEX_WAIT_BITSET"),
        (10, "FUTEX_WAKE_BITSET"), (11, "FUTEX_WAIT_REQUEUE_PI"), (12, "FUTEX_CMP_REQUEUE_PI"),
        (13, "FUTEX_LOCK_PI2"),
    ],
};

/// `F_*LCK` of leases and locks.
pub(crate) const LEASE: Menu = Menu {
    unknown: "F_???",
    names: &[
        (0, "F_RDLCK"), (1, "F_WRLCK"), (2, "F_UNLCK"), (4, "F_EXLCK"),
    ],
};

/// Magic numbers of file systems.
pub(crate) const FILE_SYSTEM: Menu = Menu {
    unknown: "",
    names: &[
        (0x33, "Z3FOLD_MAGIC"), (0x187, "AUTOFS_SUPER_MAGIC"), (0x1373, "DEVFS_SUPER_MAGIC"),
        (0x137f, "MINIX_SUPER_MAGIC"), (0x138f, "MINIX_SUPER_MAGIC2"),
        (0x1cd1, "DEVPTS_SUPER_MAGIC"), (0x2468, "MINIX2_SUPER_MAGIC"),
        (0x2478, "MINIX2_SUPER_MAGIC2"), (0x4d44, "MSDOS_SUPER_MAGIC"),
        (0x517b, "SMB_SUPER_MAGIC"), (0x6969, "NFS_SUPER_MAGIC"), (0x72b6, "JFFS2_SUPER_MAGIC"),
        (0x9660, "ISOFS_SUPER_MAGIC"), (0x9fa0, "PROC_SUPER_MAGIC"),
        (0x9fa1, "OPENPROM_SUPER_MAGIC"), (0x9fa2, "USBDEVICE_SUPER_MAGIC"),
        (0xadf5, "ADFS_SUPER_MAGIC"), (0xadff, "AFFS_SUPER_MAGIC"), (0xef53, "EXT2_SUPER_MAGIC"),
        (0x27e0eb, "CGROUP_SUPER_MAGIC"), (0xc36400, "CEPH_SUPER_MAGIC"),
        (0x1021994, "TMPFS_MAGIC"), (0x1021997, "V9FS_MAGIC"), (0x9041934, "ANON_INODE_FS_MAGIC"),
        (0x15013346, "UDF_SUPER_MAGIC"), (0x1badface, "BFS_MAGIC"),
        (0x2011bab0, "EXFAT_SUPER_MAGIC"), (0x28cd3d45, "CRAMFS_MAGIC"),
        (0x2fc12fc1, "ZFS_SUPER_MAGIC"), (0x3153464a, "JFS_SUPER_MAGIC"),
        (0x42465331, "BEFS_SUPER_MAGIC"), (0x42494e4d, "BINFMTFS_MAGIC"),
        (0x43415d53, "SMACK_MAGIC"), (0x444d4142, "DMA_BUF_MAGIC"),
        (0x453dcd28, "CRAMFS_MAGIC_WEND"), (0x454d444d, "DEVMEM_MAGIC"),
        (0x50495045, "PIPEFS_MAGIC"), (0x52654973, "REISERFS_SUPER_MAGIC"),
        (0x5346544e, "NTFS_SB_MAGIC"), (0x534f434b, "SOCKFS_MAGIC"),
        (0x58465342, "XFS_SUPER_MAGIC"), (0x5a3c69f0, "AAFS_MAGIC"),
        (0x6165676c, "PSTOREFS_MAGIC"), (0x61756673, "AUFS_SUPER_MAGIC"),
        (0x62656570, "CONFIGFS_MAGIC"), (0x62656572, "SYSFS_MAGIC"),
        (0x63677270, "CGROUP2_SUPER_MAGIC"), (0x64626720, "DEBUGFS_MAGIC"),
        (0x64646178, "DAXFS_MAGIC"), (0x65735543, "FUSE_CTL_SUPER_MAGIC"),
        (0x65735546, "FUSE_SUPER_MAGIC"), (0x6c6f6f70, "BINDERFS_SUPER_MAGIC"),
        (0x6e736673, "NSFS_MAGIC"), (0x73636673, "SECURITYFS_MAGIC"),
        (0x73717368, "SQUASHFS_MAGIC"), (0x7461636f, "OCFS2_SUPER_MAGIC"),
        (0x74726163, "TRACEFS_MAGIC"), (0x794c7630, "OVERLAYFS_SUPER_MAGIC"),
        (0x858458f6, "RAMFS_MAGIC"), (0x9123683e, "BTRFS_SUPER_MAGIC"),
        (0x958458f6, "HUGETLBFS_MAGIC"), (0xcafe4a11, "BPF_FS_MAGIC"),
        (0xde5e81e4, "EFIVARFS_MAGIC"), (0xe0f5e1e2, "EROFS_SUPER_MAGIC_V1"),
        (0xf2f52010, "F2FS_SUPER_MAGIC"), (0xf97cff8c, "SELINUX_MAGIC"),
        (0xfe534d42, "SMB2_SUPER_MAGIC"), (0xff534d42, "CIFS_SUPER_MAGIC"),
    ],
};

/// Capabilities.
pub(crate) const CAPABILITY: Menu = Menu {
    unknown: "CAP_???",
    names: &[
        (0, "CAP_CHOWN"), (1, "CAP_DAC_OVERRIDE"), (2, "CAP_DAC_READ_SEARCH"), (3, "CAP_FOWNER"),
        (4, "CAP_FSETID"), (5, "CAP_KILL"), (6, "CAP_SETGID"), (7, "CAP_SETUID"),
        (8, "CAP_SETPCAP"), (9, "CAP_LINUX_IMMUTABLE"), (10, "CAP_NET_BIND_SERVICE"),
        (11, "CAP_NET_BROADCAST"), (12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW"),
        (14, "CAP_IPC_LOCK"), (15, "CAP_IPC_OWNER"), (16, "CAP_SYS_MODULE"), (17, "CAP_SYS_RAWIO"),
        (18, "CAP_SYS_CHROOT"), (19, "CAP_SYS_PTRACE"), (20, "CAP_SYS_PACCT"),
        (21, "CAP_SYS_ADMIN"), (22, "CAP_SYS_BOOT"), (23, "CAP_SYS_NICE"),
        (24, "CAP_SYS_RESOURCE"), (25, "CAP_SYS_TIME"), (26, "CAP_SYS_TTY_CONFIG"),
        (27, "CAP_MKNOD"), (28, "CAP_LEASE"), (29, "CAP_AUDIT_WRITE"), (30, "CAP_AUDIT_CONTROL"),
        (31, "CAP_SETFCAP"), (32, "CAP_MAC_OVERRIDE"), (33, "CAP_MAC_ADMIN"), (34, "CAP_SYSLOG"),
        (35, "CAP_WAKE_ALARM"), (36, "CAP_BLOCK_SUSPEND"), (37, "CAP_AUDIT_READ"),
        (38, "CAP_PERFMON"), (39, "CAP_BPF"), (40, "CAP_CHECKPOINT_RESTORE"),
    ],
};

/// Speeds of a terminal line, as `c_cflag` has them.
pub(crate) const SPEED: Menu = Menu {
    unknown: "B???",
    names: &[
        (0, "B0"), (1, "B50"), (2, "B75"), (3, "B110"), (4, "B134"), (5, "B150"), (6, "B200"),
        (7, "B300"), (8, "B600"), (9, "B1200"), (10, "B1800"), (11, "B2400"), (12, "B4800"),
        (13, "B9600"), (14, "B19200"), (15, "B38400"), (0x1000, "BOTHER"), (0x1001, "B57600"),
        (0x1002, "B115200"), (0x1003, "B230400"), (0x1004, "B460800"), (0x1005, "B500000"),
        (0x1006, "B576000"), (0x1007, "B921600"), (0x1008, "B1000000"), (0x1009, "B1152000"),
        (0x100a, "B1500000"), (0x100b, "B2000000"), (0x100c, "B2500000"), (0x100d, "B3000000"),
        (0x100e, "B3500000"), (0x100f, "B4000000"),
    ],
};

/// `PR_SET_MM_*`.
pub(crate) const PRCTL_MM: Menu = Menu {
    unknown: "PR_SET_MM_???",
    names: &[
        (1, "PR_SET_MM_START_CODE"), (2, "PR_SET_MM_END_CODE"), (3, "PR_SET_MM_START_DATA"),
        (4, "PR_SET_MM_END_DATA"), (5, "PR_SET_MM_START_STACK"), (6, "PR_SET_MM_START_BRK"),
        (7, "PR_SET_MM_BRK"), (8, "PR_SET_MM_ARG_START"), (9, "PR_SET_MM_ARG_END"),
        (10, "PR_SET_MM_ENV_START"), (11, "PR_SET_MM_ENV_END"), (12, "PR_SET_MM_AUXV"),
        (13, "PR_SET_MM_EXE_FILE"), (14, "PR_SET_MM_MAP"), (15, "PR_SET_MM_MAP_SIZE"),
    ],
};

/// What fanotify listeners are asked for.
pub(crate) const FAN_CLASS: Menu = Menu {
    unknown: "FAN_CLASS_???",
    names: &[
        (0, "FAN_CLASS_NOTIF"), (4, "FAN_CLASS_CONTENT"), (8, "FAN_CLASS_PRE_CONTENT"),
    ],
};

/// `PR_MCE_KILL_*`: whether a policy is set.
pub(crate) const MACHINE_CHECK: Menu = Menu {
    unknown: "PR_MCE_KILL_???",
    names: &[(0, "PR_MCE_KILL_CLEAR"), (1, "PR_MCE_KILL_SET")],
};

/// `PR_MCE_KILL_*`: which policy.
pub(crate) const MACHINE_CHECK_POLICY: Menu = Menu {
    unknown: "PR_MCE_KILL_???",
    names: &[(0, "PR_MCE_KILL_LATE"), (1, "PR_MCE_KILL_EARLY"), (2, "PR_MCE_KILL_DEFAULT")],
};

/// `PR_SPEC_*`: a misfeature of the processor.
pub(crate) const MISFEATURE: Menu = Menu {
    unknown: "PR_SPEC_???",
    names: &[
        (0, "PR_SPEC_STORE_BYPASS"), (1, "PR_SPEC_INDIRECT_BRANCH"), (2, "PR_SPEC_L1D_FLUSH"),
    ],
};

/// `PR_SPEC_*`: what to do about it.
pub(crate) const SPECULATION: Menu = Menu {
    unknown: "PR_SPEC_???",
    names: &[
        (2, "PR_SPEC_ENABLE"), (4, "PR_SPEC_DISABLE"), (8, "PR_SPEC_FORCE_DISABLE"),
        (16, "PR_SPEC_DISABLE_NOEXEC"),
    ],
};

/// `PR_SYS_DISPATCH_*`.
pub(crate) const DISPATCH: Menu = Menu {
    unknown: "PR_SYS_DISPATCH_???",
    names: &[(0, "PR_SYS_DISPATCH_OFF"), (1, "PR_SYS_DISPATCH_ON")],
};

/// `SECCOMP_RET_*`: what a filter may answer.
pub(crate) const SECCOMP_ACTION: Menu = Menu {
    unknown: "SECCOMP_RET_???",
    names: &[
        (0x8000_0000, "SECCOMP_RET_KILL_PROCESS"), (0, "SECCOMP_RET_KILL_THREAD"),
        (0x3_0000, "SECCOMP_RET_TRAP"), (0x5_0000, "SECCOMP_RET_ERRNO"),
        (0x7fc0_0000, "SECCOMP_RET_USER_NOTIF"), (0x7ff0_0000, "SECCOMP_RET_TRACE"),
        (0x7ffc_0000, "SECCOMP_RET_LOG"), (0x7fff_0000, "SECCOMP_RET_ALLOW"),
    ],
};
