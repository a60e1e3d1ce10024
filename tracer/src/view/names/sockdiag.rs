//! Names of what messages of `NETLINK_SOCK_DIAG` hold: numbers of linux/sock_diag.h, linux/inet_diag.h,
//! linux/unix_diag.h, linux/netlink_diag.h and linux/packet_diag.h.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::{Menu, Set};

/// `TCP_*`: states of sockets of all families.
pub(crate) const STATE: Menu = Menu {
    unknown: "TCP_???",
    names: &[
        (1, "TCP_ESTABLISHED"), (2, "TCP_SYN_SENT"), (3, "TCP_SYN_RECV"), (4, "TCP_FIN_WAIT1"),
        (5, "TCP_FIN_WAIT2"), (6, "TCP_TIME_WAIT"), (7, "TCP_CLOSE"), (8, "TCP_CLOSE_WAIT"),
        (9, "TCP_LAST_ACK"), (10, "TCP_LISTEN"), (11, "TCP_CLOSING"), (12, "TCP_NEW_SYN_RECV"),
    ],
};

/// Sets of them.
pub(crate) const STATES: Set = Set {
    zero: "0",
    unknown: "1<<TCP_???",
    names: &[
        (1 << 1, "1<<TCP_ESTABLISHED"), (1 << 2, "1<<TCP_SYN_SENT"), (1 << 3, "1<<TCP_SYN_RECV"),
        (1 << 4, "1<<TCP_FIN_WAIT1"), (1 << 5, "1<<TCP_FIN_WAIT2"), (1 << 6, "1<<TCP_TIME_WAIT"),
        (1 << 7, "1<<TCP_CLOSE"), (1 << 8, "1<<TCP_CLOSE_WAIT"), (1 << 9, "1<<TCP_LAST_ACK"),
        (1 << 10, "1<<TCP_LISTEN"), (1 << 11, "1<<TCP_CLOSING"), (1 << 12, "1<<TCP_NEW_SYN_RECV"),
    ],
};

/// `UDIAG_SHOW_*`.
pub(crate) const UNIX_SHOW: Set = Set {
    zero: "0",
    unknown: "UDIAG_SHOW_???",
    names: &[
        (1, "UDIAG_SHOW_NAME"), (2, "UDIAG_SHOW_VFS"), (4, "UDIAG_SHOW_PEER"), (8, "UDIAG_SHOW_ICONS"),
        (0x10, "UDIAG_SHOW_RQLEN"), (0x20, "UDIAG_SHOW_MEMINFO"), (0x40, "UDIAG_SHOW_UID"),
    ],
};

/// Bits of `idiag_ext`: what is to be told of internet sockets beside the rest.
pub(crate) const INET_EXTENSIONS: Set = Set {
    zero: "0",
    unknown: "1<<INET_DIAG_???",
    names: &[
        (1, "1<<(INET_DIAG_MEMINFO-1)"), (2, "1<<(INET_DIAG_INFO-1)"), (4, "1<<(INET_DIAG_VEGASINFO-1)"),
        (8, "1<<(INET_DIAG_CONG-1)"), (0x10, "1<<(INET_DIAG_TOS-1)"), (0x20, "1<<(INET_DIAG_TCLASS-1)"),
        (0x40, "1<<(INET_DIAG_SKMEMINFO-1)"), (0x80, "1<<(INET_DIAG_SHUTDOWN-1)"),
    ],
};

/// `INET_DIAG_BC_*`: what a filter of internet sockets looks at.
pub(crate) const INET_CODE: Menu = Menu {
    unknown: "INET_DIAG_BC_???",
    names: &[
        (0, "INET_DIAG_BC_NOP"), (1, "INET_DIAG_BC_JMP"), (2, "INET_DIAG_BC_S_GE"),
        (3, "INET_DIAG_BC_S_LE"), (4, "INET_DIAG_BC_D_GE"), (5, "INET_DIAG_BC_D_LE"),
        (6, "INET_DIAG_BC_AUTO"), (7, "INET_DIAG_BC_S_COND"), (8, "INET_DIAG_BC_D_COND"),
        (9, "INET_DIAG_BC_DEV_COND"), (10, "INET_DIAG_BC_MARK_COND"), (11, "INET_DIAG_BC_S_EQ"),
        (12, "INET_DIAG_BC_D_EQ"), (13, "INET_DIAG_BC_CGROUP_COND"),
    ],
};

/// `RCV_SHUTDOWN` and `SEND_SHUTDOWN` of include/net/sock.h.
pub(crate) const SHUT: Set = Set {
    zero: "0",
    unknown: "???_SHUTDOWN",
    names: &[
        (1, "RCV_SHUTDOWN"), (2, "SEND_SHUTDOWN"),
    ],
};

/// `SK_MEMINFO_*`.
pub(crate) const MEMORY: Menu = Menu {
    unknown: "SK_MEMINFO_???",
    names: &[
        (0, "SK_MEMINFO_RMEM_ALLOC"), (1, "SK_MEMINFO_RCVBUF"), (2, "SK_MEMINFO_WMEM_ALLOC"),
        (3, "SK_MEMINFO_SNDBUF"), (4, "SK_MEMINFO_FWD_ALLOC"), (5, "SK_MEMINFO_WMEM_QUEUED"),
        (6, "SK_MEMINFO_OPTMEM"), (7, "SK_MEMINFO_BACKLOG"), (8, "SK_MEMINFO_DROPS"),
    ],
};

/// `NDIAG_SHOW_*`.
pub(crate) const NETLINK_SHOW: Set = Set {
    zero: "0",
    unknown: "NDIAG_SHOW_???",
    names: &[
        (1, "NDIAG_SHOW_MEMINFO"), (2, "NDIAG_SHOW_GROUPS"), (4, "NDIAG_SHOW_RING_CFG"),
        (8, "NDIAG_SHOW_FLAGS"),
    ],
};

/// `NETLINK_*` states of net/netlink/af_netlink.c.
pub(crate) const NETLINK_STATE: Menu = Menu {
    unknown: "NETLINK_???",
    names: &[
        (0, "NETLINK_UNCONNECTED"), (1, "NETLINK_CONNECTED"),
    ],
};

/// `NDIAG_FLAG_*`.
pub(crate) const NETLINK_FLAGS: Set = Set {
    zero: "0",
    unknown: "NDIAG_FLAG_???",
    names: &[
        (1, "NDIAG_FLAG_CB_RUNNING"), (2, "NDIAG_FLAG_PKTINFO"), (4, "NDIAG_FLAG_BROADCAST_ERROR"),
        (8, "NDIAG_FLAG_NO_ENOBUFS"), (0x10, "NDIAG_FLAG_LISTEN_ALL_NSID"), (0x20, "NDIAG_FLAG_CAP_ACK"),
    ],
};

/// `PACKET_SHOW_*`.
pub(crate) const PACKET_SHOW: Set = Set {
    zero: "0",
    unknown: "PACKET_SHOW_???",
    names: &[
        (1, "PACKET_SHOW_INFO"), (2, "PACKET_SHOW_MCLIST"), (4, "PACKET_SHOW_RING_CFG"),
        (8, "PACKET_SHOW_FANOUT"), (0x10, "PACKET_SHOW_MEMINFO"), (0x20, "PACKET_SHOW_FILTER"),
    ],
};

/// `TPACKET_*`.
pub(crate) const PACKET_VERSION: Menu = Menu {
    unknown: "TPACKET_???",
    names: &[
        (0, "TPACKET_V1"), (1, "TPACKET_V2"), (2, "TPACKET_V3"),
    ],
};

/// `PDI_*`.
pub(crate) const PACKET_FLAGS: Set = Set {
    zero: "0",
    unknown: "PDI_???",
    names: &[
        (1, "PDI_RUNNING"), (2, "PDI_AUXDATA"), (4, "PDI_ORIGDEV"), (8, "PDI_VNETHDR"),
        (0x10, "PDI_LOSS"),
    ],
};
