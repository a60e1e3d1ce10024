//! Names of terminal settings and of file attributes that ioctl reads and writes.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::Set;

/// `c_iflag`.
pub(crate) const INPUT: Set = Set {
    zero: "0",
    unknown: "",
    names: &[
        (0x1, "IGNBRK"), (0x2, "BRKINT"), (0x4, "IGNPAR"), (0x8, "PARMRK"), (0x10, "INPCK"),
        (0x20, "ISTRIP"), (0x40, "INLCR"), (0x80, "IGNCR"), (0x100, "ICRNL"), (0x200, "IUCLC"),
        (0x400, "IXON"), (0x800, "IXANY"), (0x1000, "IXOFF"), (0x2000, "IMAXBEL"),
        (0x4000, "IUTF8"),
    ],
};

/// `c_oflag` without the delays.
pub(crate) const OUTPUT: Set = Set {
    zero: "",
    unknown: "",
    names: &[
        (0x1, "OPOST"), (0x2, "OLCUC"), (0x4, "ONLCR"), (0x8, "OCRNL"), (0x10, "ONOCR"),
        (0x20, "ONLRET"), (0x40, "OFILL"), (0x80, "OFDEL"),
    ],
};

/// `c_cflag` without speed and size.
pub(crate) const CONTROL: Set = Set {
    zero: "",
    unknown: "",
    names: &[
        (0x40, "CSTOPB"), (0x80, "CREAD"), (0x100, "PARENB"), (0x200, "PARODD"), (0x400, "HUPCL"),
        (0x800, "CLOCAL"), (0x40000000, "CMSPAR"), (0x80000000, "CRTSCTS"),
    ],
};

/// `c_lflag`.
pub(crate) const LOCAL: Set = Set {
    zero: "0",
    unknown: "",
    names: &[
        (0x1, "ISIG"), (0x2, "ICANON"), (0x4, "XCASE"), (0x8, "ECHO"), (0x10, "ECHOE"),
        (0x20, "ECHOK"), (0x40, "ECHONL"), (0x80, "NOFLSH"), (0x8000, "IEXTEN"),
        (0x200, "ECHOCTL"), (0x400, "ECHOPRT"), (0x800, "ECHOKE"), (0x1000, "FLUSHO"),
        (0x4000, "PENDIN"), (0x100, "TOSTOP"), (0x10000, "EXTPROC"),
    ],
};

/// `FS_*_FL`.
pub(crate) const FILE_FLAGS: Set = Set {
    zero: "0",
    unknown: "FS_???_FL",
    names: &[
        (0x1, "FS_SECRM_FL"), (0x2, "FS_UNRM_FL"), (0x4, "FS_COMPR_FL"), (0x8, "FS_SYNC_FL"),
        (0x10, "FS_IMMUTABLE_FL"), (0x20, "FS_APPEND_FL"), (0x40, "FS_NODUMP_FL"),
        (0x80, "FS_NOATIME_FL"), (0x100, "FS_DIRTY_FL"), (0x200, "FS_COMPRBLK_FL"),
        (0x400, "FS_NOCOMP_FL"), (0x800, "FS_ENCRYPT_FL"), (0x1000, "FS_INDEX_FL"),
        (0x2000, "FS_IMAGIC_FL"), (0x4000, "FS_JOURNAL_DATA_FL"), (0x8000, "FS_NOTAIL_FL"),
        (0x10000, "FS_DIRSYNC_FL"), (0x20000, "FS_TOPDIR_FL"), (0x40000, "FS_HUGE_FILE_FL"),
        (0x80000, "FS_EXTENT_FL"), (0x100000, "FS_VERITY_FL"), (0x200000, "FS_EA_INODE_FL"),
        (0x400000, "FS_EOFBLOCKS_FL"), (0x800000, "FS_NOCOW_FL"), (0x2000000, "FS_DAX_FL"),
        (0x10000000, "FS_INLINE_DATA_FL"), (0x20000000, "FS_PROJINHERIT_FL"),
        (0x40000000, "FS_CASEFOLD_FL"), (0x80000000, "FS_RESERVED_FL"),
    ],
};

/// `FS_XFLAG_*`.
pub(crate) const EXTENDED_FLAGS: Set = Set {
    zero: "0",
    unknown: "FS_XFLAG_???",
    names: &[
        (0x1, "FS_XFLAG_REALTIME"), (0x2, "FS_XFLAG_PREALLOC"), (0x8, "FS_XFLAG_IMMUTABLE"),
        (0x10, "FS_XFLAG_APPEND"), (0x20, "FS_XFLAG_SYNC"), (0x40, "FS_XFLAG_NOATIME"),
        (0x80, "FS_XFLAG_NODUMP"), (0x100, "FS_XFLAG_RTINHERIT"), (0x200, "FS_XFLAG_PROJINHERIT"),
        (0x400, "FS_XFLAG_NOSYMLINKS"), (0x800, "FS_XFLAG_EXTSIZE"),
        (0x1000, "FS_XFLAG_EXTSZINHERIT"), (0x2000, "FS_XFLAG_NODEFRAG"),
        (0x4000, "FS_XFLAG_FILESTREAM"), (0x8000, "FS_XFLAG_DAX"),
        (0x10000, "FS_XFLAG_COWEXTSIZE"), (0x80000000, "FS_XFLAG_HASATTR"),
    ],
};

/// `FIEMAP_EXTENT_*`.
pub(crate) const EXTENT_FLAGS: Set = Set {
    zero: "0",
    unknown: "FIEMAP_EXTENT_???",
    names: &[
        (0x1, "FIEMAP_EXTENT_LAST"), (0x2, "FIEMAP_EXTENT_UNKNOWN"),
        (0x4, "FIEMAP_EXTENT_DELALLOC"), (0x8, "FIEMAP_EXTENT_ENCODED"),
        (0x80, "FIEMAP_EXTENT_DATA_ENCRYPTED"), (0x100, "FIEMAP_EXTENT_NOT_ALIGNED"),
        (0x200, "FIEMAP_EXTENT_DATA_INLINE"), (0x400, "FIEMAP_EXTENT_DATA_TAIL"),
        (0x800, "FIEMAP_EXTENT_UNWRITTEN"), (0x1000, "FIEMAP_EXTENT_MERGED"),
        (0x2000, "FIEMAP_EXTENT_SHARED"),
    ],
};

/// `TIOCM_*`.
pub(crate) const MODEM: Set = Set {
    zero: "0",
    unknown: "TIOCM_???",
    names: &[
        (1, "TIOCM_LE"), (2, "TIOCM_DTR"), (4, "TIOCM_RTS"), (8, "TIOCM_ST"), (0x10, "TIOCM_SR"),
        (0x20, "TIOCM_CTS"), (0x40, "TIOCM_CAR"), (0x80, "TIOCM_RNG"), (0x100, "TIOCM_DSR"),
        (0x2000, "TIOCM_OUT1"), (0x4000, "TIOCM_OUT2"), (0x8000, "TIOCM_LOOP"),
    ],
};
