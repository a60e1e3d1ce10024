//! Names of the flag sets of calls on files and descriptors, in the order in which they are printed.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::Set;

/// `O_*` of open, with x86_64 values; `open_flags` adjusts for other architectures.
pub(crate) const OPEN: Set = Set {
    zero: "0",
    unknown: "O_???",
    names: &[
        (0x40, "O_CREAT"), (0x80, "O_EXCL"), (0x100, "O_NOCTTY"), (0x200, "O_TRUNC"),
        (0x400, "O_APPEND"), (0x800, "O_NONBLOCK"), (0x101000, "O_SYNC"), (0x1000, "O_DSYNC"),
        (0x100000, "__O_SYNC"), (0x4000, "O_DIRECT"), (0x8000, "O_LARGEFILE"),
        (0x20000, "O_NOFOLLOW"), (0x40000, "O_NOATIME"), (0x80000, "O_CLOEXEC"),
        (0x200000, "O_PATH"), (0x410000, "O_TMPFILE"), (0x10000, "O_DIRECTORY"),
        (0x400000, "__O_TMPFILE"), (0x2000, "FASYNC"),
    ],
};

/// `AT_*` of calls that take a path.
pub(crate) const AT: Set = Set {
    zero: "0",
    unknown: "AT_???",
    names: &[
        (0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_REMOVEDIR"), (0x400, "AT_SYMLINK_FOLLOW"),
        (0x800, "AT_NO_AUTOMOUNT"), (0x1000, "AT_EMPTY_PATH"), (0x8000, "AT_RECURSIVE"),
    ],
};

/// `AT_*` of statx, beside when attributes are fetched.
pub(crate) const AT_STATX: Set = Set { unknown: "", ..AT };

/// `AT_STATX_*`: when attributes are fetched.
pub(crate) const STATX_SYNC: Set = Set {
    zero: "AT_STATX_SYNC_AS_STAT",
    unknown: "",
    names: &[
        (0x2000, "AT_STATX_FORCE_SYNC"), (0x4000, "AT_STATX_DONT_SYNC"),
    ],
};

/// `AT_*` of faccessat2.
pub(crate) const AT_ACCESS: Set = Set {
    zero: "0",
    unknown: "AT_???",
    names: &[
        (0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_EACCESS"), (0x1000, "AT_EMPTY_PATH"),
    ],
};

/// `STATX_*`.
pub(crate) const STATX_MASK: Set = Set {
    zero: "0",
    unknown: "STATX_???",
    names: &[
        (0xfff, "STATX_ALL"), (0x7ff, "STATX_BASIC_STATS"), (0x1, "STATX_TYPE"), (0x2, "STATX_MODE"), (0x4, "STATX_NLINK"),
        (0x8, "STATX_UID"), (0x10, "STATX_GID"), (0x20, "STATX_ATIME"), (0x40, "STATX_MTIME"),
        (0x80, "STATX_CTIME"), (0x100, "STATX_INO"), (0x200, "STATX_SIZE"),
        (0x400, "STATX_BLOCKS"), (0x800, "STATX_BTIME"), (0x1000, "STATX_MNT_ID"),
        (0x2000, "STATX_DIOALIGN"),
    ],
};

/// Modes of access.
pub(crate) const ACCESS: Set = Set {
    zero: "F_OK",
    unknown: "?_OK",
    names: &[
        (0x4, "R_OK"), (0x2, "W_OK"), (0x1, "X_OK"),
    ],
};

/// `EPOLL_*` of epoll_create1.
pub(crate) const EPOLL_CREATE: Set = Set {
    zero: "0",
    unknown: "EPOLL_???",
    names: &[
        (0x80000, "EPOLL_CLOEXEC"),
    ],
};

/// `EFD_*`.
pub(crate) const EVENTFD: Set = Set {
    zero: "0",
    unknown: "EFD_???",
    names: &[
        (0x1, "EFD_SEMAPHORE"), (0x80000, "EFD_CLOEXEC"), (0x800, "EFD_NONBLOCK"),
    ],
};

/// `SFD_*`.
pub(crate) const SIGNALFD: Set = Set {
    zero: "0",
    unknown: "SFD_???",
    names: &[
        (0x80000, "SFD_CLOEXEC"), (0x800, "SFD_NONBLOCK"),
    ],
};

/// `TFD_*`.
pub(crate) const TIMERFD: Set = Set {
    zero: "0",
    unknown: "TFD_???",
    names: &[
        (0x1, "TFD_TIMER_ABSTIME"), (0x2, "TFD_TIMER_CANCEL_ON_SET"), (0x80000, "TFD_CLOEXEC"),
        (0x800, "TFD_NONBLOCK"),
    ],
};

/// `IN_*` of inotify_init1.
pub(crate) const INOTIFY: Set = Set {
    zero: "0",
    unknown: "IN_???",
    names: &[
        (0x800, "IN_NONBLOCK"), (0x80000, "IN_CLOEXEC"),
    ],
};

/// `IN_*` of inotify_add_watch.
pub(crate) const INOTIFY_MASK: Set = Set {
    zero: "0",
    unknown: "IN_???",
    names: &[
        (0x1, "IN_ACCESS"), (0x2, "IN_MODIFY"), (0x4, "IN_ATTRIB"), (0x8, "IN_CLOSE_WRITE"),
        (0x10, "IN_CLOSE_NOWRITE"), (0x20, "IN_OPEN"), (0x40, "IN_MOVED_FROM"),
        (0x80, "IN_MOVED_TO"), (0x100, "IN_CREATE"), (0x200, "IN_DELETE"),
        (0x400, "IN_DELETE_SELF"), (0x800, "IN_MOVE_SELF"), (0x2000, "IN_UNMOUNT"),
        (0x4000, "IN_Q_OVERFLOW"), (0x8000, "IN_IGNORED"), (0x1000000, "IN_ONLYDIR"),
        (0x2000000, "IN_DONT_FOLLOW"), (0x4000000, "IN_EXCL_UNLINK"),
        (0x10000000, "IN_MASK_CREATE"), (0x20000000, "IN_MASK_ADD"), (0x40000000, "IN_ISDIR"),
        (0x80000000, "IN_ONESHOT"),
    ],
};

/// `FAN_*` of fanotify_init.
pub(crate) const FAN_INIT: Set = Set {
    zero: "0",
    unknown: "FAN_???",
    names: &[
        (0x1, "FAN_CLOEXEC"), (0x2, "FAN_NONBLOCK"), (0x10, "FAN_UNLIMITED_QUEUE"),
        (0x20, "FAN_UNLIMITED_MARKS"), (0x40, "FAN_ENABLE_AUDIT"), (0x80, "FAN_REPORT_PIDFD"),
        (0x100, "FAN_REPORT_TID"), (0x200, "FAN_REPORT_FID"), (0x400, "FAN_REPORT_DIR_FID"),
        (0x800, "FAN_REPORT_NAME"), (0x1000, "FAN_REPORT_TARGET_FID"),
    ],
};

/// `FAN_MARK_*`.
pub(crate) const FAN_MARK: Set = Set {
    zero: "0",
    unknown: "FAN_MARK_???",
    names: &[
        (0x1, "FAN_MARK_ADD"), (0x2, "FAN_MARK_REMOVE"), (0x4, "FAN_MARK_DONT_FOLLOW"),
        (0x8, "FAN_MARK_ONLYDIR"), (0x10, "FAN_MARK_MOUNT"), (0x20, "FAN_MARK_IGNORED_MASK"),
        (0x40, "FAN_MARK_IGNORED_SURV_MODIFY"), (0x80, "FAN_MARK_FLUSH"),
        (0x100, "FAN_MARK_FILESYSTEM"), (0x200, "FAN_MARK_EVICTABLE"), (0x400, "FAN_MARK_IGNORE"),
    ],
};

/// `FAN_*` of events.
pub(crate) const FAN_EVENTS: Set = Set {
    zero: "0",
    unknown: "FAN_???",
    names: &[
        (0x1, "FAN_ACCESS"), (0x2, "FAN_MODIFY"), (0x4, "FAN_ATTRIB"), (0x8, "FAN_CLOSE_WRITE"),
        (0x10, "FAN_CLOSE_NOWRITE"), (0x20, "FAN_OPEN"), (0x40, "FAN_MOVED_FROM"),
        (0x80, "FAN_MOVED_TO"), (0x100, "FAN_CREATE"), (0x200, "FAN_DELETE"),
        (0x400, "FAN_DELETE_SELF"), (0x800, "FAN_MOVE_SELF"), (0x1000, "FAN_OPEN_EXEC"),
        (0x4000, "FAN_Q_OVERFLOW"), (0x8000, "FAN_FS_ERROR"), (0x10000, "FAN_OPEN_PERM"),
        (0x20000, "FAN_ACCESS_PERM"), (0x40000, "FAN_OPEN_EXEC_PERM"), (0x80000, "FAN_DIR_MODIFY"),
        (0x40000000, "FAN_ONDIR"), (0x8000000, "FAN_EVENT_ON_CHILD"), (0x10000000, "FAN_RENAME"),
    ],
};

/// `RENAME_*`.
pub(crate) const RENAME: Set = Set {
    zero: "0",
    unknown: "RENAME_??",
    names: &[
        (0x1, "RENAME_NOREPLACE"), (0x2, "RENAME_EXCHANGE"), (0x4, "RENAME_WHITEOUT"),
    ],
};

/// `FALLOC_FL_*`.
pub(crate) const FALLOC: Set = Set {
    zero: "0",
    unknown: "FALLOC_FL_???",
    names: &[
        (0x1, "FALLOC_FL_KEEP_SIZE"), (0x2, "FALLOC_FL_PUNCH_HOLE"),
        (0x4, "FALLOC_FL_NO_HIDE_STALE"), (0x8, "FALLOC_FL_COLLAPSE_RANGE"),
        (0x10, "FALLOC_FL_ZERO_RANGE"), (0x20, "FALLOC_FL_INSERT_RANGE"),
        (0x40, "FALLOC_FL_UNSHARE_RANGE"),
    ],
};

/// `SPLICE_F_*`.
pub(crate) const SPLICE: Set = Set {
    zero: "0",
    unknown: "SPLICE_F_???",
    names: &[
        (0x1, "SPLICE_F_MOVE"), (0x2, "SPLICE_F_NONBLOCK"), (0x4, "SPLICE_F_MORE"),
        (0x8, "SPLICE_F_GIFT"),
    ],
};

/// `RWF_*`.
pub(crate) const RWF: Set = Set {
    zero: "0",
    unknown: "RWF_???",
    names: &[
        (0x1, "RWF_HIPRI"), (0x2, "RWF_DSYNC"), (0x4, "RWF_SYNC"), (0x8, "RWF_NOWAIT"),
        (0x10, "RWF_APPEND"),
    ],
};

/// `CLOSE_RANGE_*`.
pub(crate) const CLOSE_RANGE: Set = Set {
    zero: "0",
    unknown: "CLOSE_RANGE_???",
    names: &[
        (0x2, "CLOSE_RANGE_UNSHARE"), (0x4, "CLOSE_RANGE_CLOEXEC"),
    ],
};

/// `MS_*` of mount.
pub(crate) const MOUNT: Set = Set {
    zero: "0",
    unknown: "MS_???",
    names: &[
        (0x1, "MS_RDONLY"), (0x2, "MS_NOSUID"), (0x4, "MS_NODEV"), (0x8, "MS_NOEXEC"),
        (0x10, "MS_SYNCHRONOUS"), (0x20, "MS_REMOUNT"), (0x40, "MS_MANDLOCK"),
        (0x80, "MS_DIRSYNC"), (0x100, "MS_NOSYMFOLLOW"), (0x400, "MS_NOATIME"),
        (0x800, "MS_NODIRATIME"), (0x1000, "MS_BIND"), (0x2000, "MS_MOVE"), (0x4000, "MS_REC"),
        (0x8000, "MS_SILENT"), (0x10000, "MS_POSIXACL"), (0x20000, "MS_UNBINDABLE"),
        (0x40000, "MS_PRIVATE"), (0x80000, "MS_SLAVE"), (0x100000, "MS_SHARED"),
        (0x200000, "MS_RELATIME"), (0x400000, "MS_KERNMOUNT"), (0x800000, "MS_I_VERSION"),
        (0x1000000, "MS_STRICTATIME"), (0x2000000, "MS_LAZYTIME"), (0x4000000, "MS_SUBMOUNT"),
        (0x8000000, "MS_NOREMOTELOCK"), (0x10000000, "MS_NOSEC"), (0x20000000, "MS_BORN"),
        (0x40000000, "MS_ACTIVE"), (0x80000000, "MS_NOUSER"),
    ],
};

/// `MNT_*` of umount2.
pub(crate) const UMOUNT: Set = Set {
    zero: "0",
    unknown: "MNT_???",
    names: &[
        (0x1, "MNT_FORCE"), (0x2, "MNT_DETACH"), (0x4, "MNT_EXPIRE"), (0x8, "UMOUNT_NOFOLLOW"),
    ],
};

/// `XATTR_*`.
pub(crate) const XATTR: Set = Set {
    zero: "0",
    unknown: "XATTR_???",
    names: &[
        (0x1, "XATTR_CREATE"), (0x2, "XATTR_REPLACE"),
    ],
};

/// `SYNC_FILE_RANGE_*`.
pub(crate) const SYNC_FILE_RANGE: Set = Set {
    zero: "0",
    unknown: "SYNC_FILE_RANGE_???",
    names: &[
        (0x1, "SYNC_FILE_RANGE_WAIT_BEFORE"), (0x2, "SYNC_FILE_RANGE_WRITE"),
        (0x4, "SYNC_FILE_RANGE_WAIT_AFTER"),
    ],
};

/// `AT_*` of name_to_handle_at.
pub(crate) const HANDLE: Set = Set {
    zero: "0",
    unknown: "AT_???",
    names: &[
        (0x400, "AT_SYMLINK_FOLLOW"), (0x1000, "AT_EMPTY_PATH"),
    ],
};

/// `MOVE_MOUNT_*`.
pub(crate) const MOVE_MOUNT: Set = Set {
    zero: "0",
    unknown: "MOVE_MOUNT_???",
    names: &[
        (0x1, "MOVE_MOUNT_F_SYMLINKS"), (0x2, "MOVE_MOUNT_F_AUTOMOUNTS"),
        (0x4, "MOVE_MOUNT_F_EMPTY_PATH"), (0x10, "MOVE_MOUNT_T_SYMLINKS"),
        (0x20, "MOVE_MOUNT_T_AUTOMOUNTS"), (0x40, "MOVE_MOUNT_T_EMPTY_PATH"),
        (0x100, "MOVE_MOUNT_SET_GROUP"),
    ],
};

/// `OPEN_TREE_*`.
pub(crate) const OPEN_TREE: Set = Set {
    zero: "0",
    unknown: "OPEN_TREE_???",
    names: &[
        (0x1, "OPEN_TREE_CLONE"), (0x80000, "OPEN_TREE_CLOEXEC"), (0x100, "AT_SYMLINK_NOFOLLOW"),
        (0x200, "AT_REMOVEDIR"), (0x400, "AT_SYMLINK_FOLLOW"), (0x800, "AT_NO_AUTOMOUNT"),
        (0x1000, "AT_EMPTY_PATH"), (0x8000, "AT_RECURSIVE"),
    ],
};

/// `FSOPEN_*`.
pub(crate) const FSOPEN: Set = Set {
    zero: "0",
    unknown: "FSOPEN_???",
    names: &[
        (0x1, "FSOPEN_CLOEXEC"),
    ],
};

/// `FSMOUNT_*`.
pub(crate) const FSMOUNT: Set = Set {
    zero: "0",
    unknown: "FSMOUNT_???",
    names: &[
        (0x1, "FSMOUNT_CLOEXEC"),
    ],
};

/// `LOCK_*` of flock.
pub(crate) const FLOCK: Set = Set {
    zero: "0",
    unknown: "LOCK_???",
    names: &[
        (0x1, "LOCK_SH"), (0x2, "LOCK_EX"), (0x4, "LOCK_NB"), (0x8, "LOCK_UN"),
        (0x20, "LOCK_MAND"), (0xc0, "LOCK_RW"), (0x40, "LOCK_READ"), (0x80, "LOCK_WRITE"),
    ],
};

/// `POLL*` events.
pub(crate) const POLL: Set = Set {
    zero: "0",
    unknown: "POLL???",
    names: &[
        (0x1, "POLLIN"), (0x2, "POLLPRI"), (0x4, "POLLOUT"), (0x8, "POLLERR"), (0x10, "POLLHUP"),
        (0x20, "POLLNVAL"), (0x40, "POLLRDNORM"), (0x80, "POLLRDBAND"), (0x100, "POLLWRNORM"),
        (0x200, "POLLWRBAND"), (0x400, "POLLMSG"), (0x1000, "POLLREMOVE"), (0x2000, "POLLRDHUP"),
        (0x8000, "POLL_BUSY_LOOP"),
    ],
};

/// `EPOLL*` events.
pub(crate) const EPOLL: Set = Set {
    zero: "0",
    unknown: "EPOLL???",
    names: &[
        (0x1, "EPOLLIN"), (0x2, "EPOLLPRI"), (0x4, "EPOLLOUT"), (0x8, "EPOLLERR"),
        (0x10, "EPOLLHUP"), (0x20, "EPOLLNVAL"), (0x40, "EPOLLRDNORM"), (0x80, "EPOLLRDBAND"),
        (0x100, "EPOLLWRNORM"), (0x200, "EPOLLWRBAND"), (0x400, "EPOLLMSG"),
        (0x2000, "EPOLLRDHUP"), (0x10000000, "EPOLLEXCLUSIVE"), (0x20000000, "EPOLLWAKEUP"),
        (0x40000000, "EPOLLONESHOT"), (0x80000000, "EPOLLET"),
    ],
};

/// `FD_CLOEXEC`.
pub(crate) const FD_FLAGS: Set = Set {
    zero: "0",
    unknown: "FD_???",
    names: &[
        (0x1, "FD_CLOEXEC"),
    ],
};

/// `F_SEAL_*`.
pub(crate) const SEALS: Set = Set {
    zero: "0",
    unknown: "F_SEAL_???",
    names: &[
        (0x1, "F_SEAL_SEAL"), (0x2, "F_SEAL_SHRINK"), (0x4, "F_SEAL_GROW"), (0x8, "F_SEAL_WRITE"),
        (0x10, "F_SEAL_FUTURE_WRITE"),
    ],
};

/// `DN_*` of F_NOTIFY.
pub(crate) const NOTIFY: Set = Set {
    zero: "0",
    unknown: "DN_???",
    names: &[
        (0x1, "DN_ACCESS"), (0x2, "DN_MODIFY"), (0x4, "DN_CREATE"), (0x8, "DN_DELETE"),
        (0x10, "DN_RENAME"), (0x20, "DN_ATTRIB"), (0x80000000, "DN_MULTISHOT"),
    ],
};

/// `RESOLVE_*` of openat2.
pub(crate) const RESOLVE: Set = Set {
    zero: "0",
    unknown: "RESOLVE_???",
    names: &[
        (0x1, "RESOLVE_NO_XDEV"), (0x2, "RESOLVE_NO_MAGICLINKS"), (0x4, "RESOLVE_NO_SYMLINKS"),
        (0x8, "RESOLVE_BENEATH"), (0x10, "RESOLVE_IN_ROOT"), (0x20, "RESOLVE_CACHED"),
    ],
};

/// `ST_*` of statfs.
pub(crate) const STATFS: Set = Set {
    zero: "0",
    unknown: "ST_???",
    names: &[
        (0x20, "ST_VALID"), (0x1, "ST_RDONLY"), (0x2, "ST_NOSUID"), (0x4, "ST_NODEV"),
        (0x8, "ST_NOEXEC"), (0x10, "ST_SYNCHRONOUS"), (0x40, "ST_MANDLOCK"), (0x400, "ST_NOATIME"),
        (0x800, "ST_NODIRATIME"), (0x1000, "ST_RELATIME"), (0x2000, "ST_NOSYMFOLLOW"),
    ],
};

/// `STATX_ATTR_*`.
pub(crate) const STATX_ATTRIBUTE: Set = Set {
    zero: "0",
    unknown: "STATX_ATTR_???",
    names: &[
        (0x4, "STATX_ATTR_COMPRESSED"), (0x10, "STATX_ATTR_IMMUTABLE"),
        (0x20, "STATX_ATTR_APPEND"), (0x40, "STATX_ATTR_NODUMP"),
        (0x800, "STATX_ATTR_ENCRYPTED"), (0x1000, "STATX_ATTR_AUTOMOUNT"),
        (0x2000, "STATX_ATTR_MOUNT_ROOT"), (0x100000, "STATX_ATTR_VERITY"),
        (0x200000, "STATX_ATTR_DAX"),
    ],
};

/// `FSPICK_*`.
pub(crate) const FSPICK: Set = Set {
    zero: "0",
    unknown: "FSPICK_???",
    names: &[
        (0x1, "FSPICK_CLOEXEC"), (0x2, "FSPICK_SYMLINK_NOFOLLOW"), (0x4, "FSPICK_NO_AUTOMOUNT"),
        (0x8, "FSPICK_EMPTY_PATH"),
    ],
};

/// `AT_*` of mount_setattr.
pub(crate) const MOUNT_SETATTR: Set = Set {
    zero: "0",
    unknown: "AT_???",
    names: &[
        (0x100, "AT_SYMLINK_NOFOLLOW"), (0x800, "AT_NO_AUTOMOUNT"), (0x1000, "AT_EMPTY_PATH"),
        (0x8000, "AT_RECURSIVE"),
    ],
};

/// `MOUNT_ATTR_*` of fsmount.
pub(crate) const FSMOUNT_ATTRIBUTE: Set = Set {
    zero: "0",
    unknown: "MOUNT_ATTR_???",
    names: &[
        (0x1, "MOUNT_ATTR_RDONLY"), (0x2, "MOUNT_ATTR_NOSUID"), (0x4, "MOUNT_ATTR_NODEV"),
        (0x8, "MOUNT_ATTR_NOEXEC"), (0x10, "MOUNT_ATTR_NOATIME"), (0x20, "MOUNT_ATTR_STRICTATIME"),
        (0x80, "MOUNT_ATTR_NODIRATIME"),
    ],
};

/// `MOUNT_ATTR_*` of mount_setattr.
pub(crate) const MOUNT_ATTRIBUTE: Set = Set {
    zero: "0",
    unknown: "MOUNT_ATTR_???",
    names: &[
        (0x1, "MOUNT_ATTR_RDONLY"), (0x2, "MOUNT_ATTR_NOSUID"), (0x4, "MOUNT_ATTR_NODEV"),
        (0x8, "MOUNT_ATTR_NOEXEC"), (0x10, "MOUNT_ATTR_NOATIME"), (0x20, "MOUNT_ATTR_STRICTATIME"),
        (0x80, "MOUNT_ATTR_NODIRATIME"), (0x100000, "MOUNT_ATTR_IDMAP"),
        (0x200000, "MOUNT_ATTR_NOSYMFOLLOW"),
    ],
};

/// `SWAP_FLAG_*` beside a priority.
pub(crate) const SWAP: Set = Set {
    zero: "0",
    unknown: "SWAP_FLAG_???",
    names: &[
        (0x8000, "SWAP_FLAG_PREFER"), (0x10000, "SWAP_FLAG_DISCARD"),
        (0x20000, "SWAP_FLAG_DISCARD_ONCE"), (0x40000, "SWAP_FLAG_DISCARD_PAGES"),
    ],
};
