//! Names of what netlink messages hold: numbers of linux/netlink.h, linux/rtnetlink.h and the headers of
//! what those carry.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::{Menu, Set};

/// Messages of netlink itself.
pub(crate) const CONTROL: Menu = Menu {
    unknown: "NLMSG_???",
    names: &[
        (1, "NLMSG_NOOP"), (2, "NLMSG_ERROR"), (3, "NLMSG_DONE"), (4, "NLMSG_OVERRUN"),
    ],
};

/// Messages of `NETLINK_ROUTE`.
pub(crate) const ROUTE: Menu = Menu {
    unknown: "RTM_???",
    names: &[
        (16, "RTM_NEWLINK"), (17, "RTM_DELLINK"), (18, "RTM_GETLINK"), (19, "RTM_SETLINK"),
        (20, "RTM_NEWADDR"), (21, "RTM_DELADDR"), (22, "RTM_GETADDR"), (24, "RTM_NEWROUTE"),
        (25, "RTM_DELROUTE"), (26, "RTM_GETROUTE"), (28, "RTM_NEWNEIGH"), (29, "RTM_DELNEIGH"),
        (30, "RTM_GETNEIGH"), (32, "RTM_NEWRULE"), (33, "RTM_DELRULE"), (34, "RTM_GETRULE"),
        (36, "RTM_NEWQDISC"), (37, "RTM_DELQDISC"), (38, "RTM_GETQDISC"), (40, "RTM_NEWTCLASS"),
        (41, "RTM_DELTCLASS"), (42, "RTM_GETTCLASS"), (44, "RTM_NEWTFILTER"),
        (45, "RTM_DELTFILTER"), (46, "RTM_GETTFILTER"), (48, "RTM_NEWACTION"),
        (49, "RTM_DELACTION"), (50, "RTM_GETACTION"), (52, "RTM_NEWPREFIX"),
        (58, "RTM_GETMULTICAST"), (62, "RTM_GETANYCAST"), (64, "RTM_NEWNEIGHTBL"),
        (66, "RTM_GETNEIGHTBL"), (67, "RTM_SETNEIGHTBL"), (68, "RTM_NEWNDUSEROPT"),
        (72, "RTM_NEWADDRLABEL"), (73, "RTM_DELADDRLABEL"), (74, "RTM_GETADDRLABEL"),
        (78, "RTM_GETDCB"), (79, "RTM_SETDCB"), (80, "RTM_NEWNETCONF"), (81, "RTM_DELNETCONF"),
        (82, "RTM_GETNETCONF"), (84, "RTM_NEWMDB"), (85, "RTM_DELMDB"), (86, "RTM_GETMDB"),
        (88, "RTM_NEWNSID"), (89, "RTM_DELNSID"), (90, "RTM_GETNSID"), (92, "RTM_NEWSTATS"),
        (94, "RTM_GETSTATS"), (96, "RTM_NEWCACHEREPORT"), (100, "RTM_NEWCHAIN"),
        (101, "RTM_DELCHAIN"), (102, "RTM_GETCHAIN"), (104, "RTM_NEWNEXTHOP"),
        (105, "RTM_DELNEXTHOP"), (106, "RTM_GETNEXTHOP"), (108, "RTM_NEWLINKPROP"),
        (109, "RTM_DELLINKPROP"), (110, "RTM_GETLINKPROP"), (112, "RTM_NEWVLAN"),
        (113, "RTM_DELVLAN"), (114, "RTM_GETVLAN"), (116, "RTM_NEWNEXTHOPBUCKET"),
        (117, "RTM_DELNEXTHOPBUCKET"), (118, "RTM_GETNEXTHOPBUCKET"),
    ],
};

/// Messages of `NETLINK_SOCK_DIAG`.
pub(crate) const SOCK_DIAG: Menu = Menu {
    unknown: "SOCK_DIAG_???",
    names: &[
        (18, "TCPDIAG_GETSOCK"), (19, "DCCPDIAG_GETSOCK"), (20, "SOCK_DIAG_BY_FAMILY"),
        (21, "SOCK_DESTROY"),
    ],
};

/// Messages of `NETLINK_XFRM`.
pub(crate) const XFRM: Menu = Menu {
    unknown: "XFRM_MSG_???",
    names: &[
        (16, "XFRM_MSG_NEWSA"), (17, "XFRM_MSG_DELSA"), (18, "XFRM_MSG_GETSA"),
        (19, "XFRM_MSG_NEWPOLICY"), (20, "XFRM_MSG_DELPOLICY"), (21, "XFRM_MSG_GETPOLICY"),
        (22, "XFRM_MSG_ALLOCSPI"), (23, "XFRM_MSG_ACQUIRE"), (24, "XFRM_MSG_EXPIRE"),
        (25, "XFRM_MSG_UPDPOLICY"), (26, "XFRM_MSG_UPDSA"), (27, "XFRM_MSG_POLEXPIRE"),
        (28, "XFRM_MSG_FLUSHSA"), (29, "XFRM_MSG_FLUSHPOLICY"), (30, "XFRM_MSG_NEWAE"),
        (31, "XFRM_MSG_GETAE"), (32, "XFRM_MSG_REPORT"), (33, "XFRM_MSG_MIGRATE"),
        (34, "XFRM_MSG_NEWSADINFO"), (35, "XFRM_MSG_GETSADINFO"), (36, "XFRM_MSG_NEWSPDINFO"),
        (37, "XFRM_MSG_GETSPDINFO"), (38, "XFRM_MSG_MAPPING"), (39, "XFRM_MSG_SETDEFAULT"),
        (40, "XFRM_MSG_GETDEFAULT"),
    ],
};

/// Messages of `NETLINK_CRYPTO`.
pub(crate) const CRYPTO: Menu = Menu {
    unknown: "CRYPTO_MSG_???",
    names: &[
        (16, "CRYPTO_MSG_NEWALG"), (17, "CRYPTO_MSG_DELALG"), (18, "CRYPTO_MSG_UPDATEALG"),
        (19, "CRYPTO_MSG_GETALG"), (20, "CRYPTO_MSG_DELRNG"),
    ],
};

/// Messages of `NETLINK_SELINUX`.
pub(crate) const SELINUX: Menu = Menu {
    unknown: "SELNL_MSG_???",
    names: &[
        (16, "SELNL_MSG_SETENFORCE"), (17, "SELNL_MSG_POLICYLOAD"),
    ],
};

/// Messages of `NETLINK_AUDIT`.
pub(crate) const AUDIT: Menu = Menu {
    unknown: "AUDIT_???",
    names: &[
        (1000, "AUDIT_GET"), (1001, "AUDIT_SET"), (1002, "AUDIT_LIST"), (1003, "AUDIT_ADD"),
        (1004, "AUDIT_DEL"), (1005, "AUDIT_USER"), (1006, "AUDIT_LOGIN"),
        (1007, "AUDIT_WATCH_INS"), (1008, "AUDIT_WATCH_REM"), (1009, "AUDIT_WATCH_LIST"),
        (1010, "AUDIT_SIGNAL_INFO"), (1011, "AUDIT_ADD_RULE"), (1012, "AUDIT_DEL_RULE"),
        (1013, "AUDIT_LIST_RULES"), (1014, "AUDIT_TRIM"), (1015, "AUDIT_MAKE_EQUIV"),
        (1016, "AUDIT_TTY_GET"), (1017, "AUDIT_TTY_SET"), (1018, "AUDIT_SET_FEATURE"),
        (1019, "AUDIT_GET_FEATURE"), (1100, "AUDIT_FIRST_USER_MSG"), (1107, "AUDIT_USER_AVC"),
        (1124, "AUDIT_USER_TTY"), (1199, "AUDIT_LAST_USER_MSG"), (1200, "AUDIT_DAEMON_START"),
        (1201, "AUDIT_DAEMON_END"), (1202, "AUDIT_DAEMON_ABORT"), (1203, "AUDIT_DAEMON_CONFIG"),
        (1300, "AUDIT_SYSCALL"), (1301, "AUDIT_FS_WATCH"), (1302, "AUDIT_PATH"),
        (1303, "AUDIT_IPC"), (1304, "AUDIT_SOCKETCALL"), (1305, "AUDIT_CONFIG_CHANGE"),
        (1306, "AUDIT_SOCKADDR"), (1307, "AUDIT_CWD"), (1309, "AUDIT_EXECVE"),
        (1311, "AUDIT_IPC_SET_PERM"), (1312, "AUDIT_MQ_OPEN"), (1313, "AUDIT_MQ_SENDRECV"),
        (1314, "AUDIT_MQ_NOTIFY"), (1315, "AUDIT_MQ_GETSETATTR"), (1316, "AUDIT_KERNEL_OTHER"),
        (1317, "AUDIT_FD_PAIR"), (1318, "AUDIT_OBJ_PID"), (1319, "AUDIT_TTY"),
        (1320, "AUDIT_EOE"), (1321, "AUDIT_BPRM_FCAPS"), (1322, "AUDIT_CAPSET"),
        (1323, "AUDIT_MMAP"), (1324, "AUDIT_NETFILTER_PKT"), (1325, "AUDIT_NETFILTER_CFG"),
        (1326, "AUDIT_SECCOMP"), (1327, "AUDIT_PROCTITLE"), (1328, "AUDIT_FEATURE_CHANGE"),
        (1329, "AUDIT_REPLACE"), (1330, "AUDIT_KERN_MODULE"), (1331, "AUDIT_FANOTIFY"),
        (1332, "AUDIT_TIME_INJOFFSET"), (1333, "AUDIT_TIME_ADJNTPVAL"), (1334, "AUDIT_BPF"),
        (1335, "AUDIT_EVENT_LISTENER"), (1336, "AUDIT_URINGOP"), (1337, "AUDIT_OPENAT2"),
        (1338, "AUDIT_DM_CTRL"), (1339, "AUDIT_DM_EVENT"), (1400, "AUDIT_AVC"),
        (1401, "AUDIT_SELINUX_ERR"), (1402, "AUDIT_AVC_PATH"), (1403, "AUDIT_MAC_POLICY_LOAD"),
        (1404, "AUDIT_MAC_STATUS"), (1405, "AUDIT_MAC_CONFIG_CHANGE"),
        (1406, "AUDIT_MAC_UNLBL_ALLOW"), (1407, "AUDIT_MAC_CIPSOV4_ADD"),
        (1408, "AUDIT_MAC_CIPSOV4_DEL"), (1409, "AUDIT_MAC_MAP_ADD"),
        (1410, "AUDIT_MAC_MAP_DEL"), (1411, "AUDIT_MAC_IPSEC_ADDSA"),
        (1412, "AUDIT_MAC_IPSEC_DELSA"), (1413, "AUDIT_MAC_IPSEC_ADDSPD"),
        (1414, "AUDIT_MAC_IPSEC_DELSPD"), (1415, "AUDIT_MAC_IPSEC_EVENT"),
        (1416, "AUDIT_MAC_UNLBL_STCADD"), (1417, "AUDIT_MAC_UNLBL_STCDEL"),
        (1418, "AUDIT_MAC_CALIPSO_ADD"), (1419, "AUDIT_MAC_CALIPSO_DEL"),
        (1700, "AUDIT_ANOM_PROMISCUOUS"), (1701, "AUDIT_ANOM_ABEND"), (1702, "AUDIT_ANOM_LINK"),
        (1703, "AUDIT_ANOM_CREAT"), (1799, "AUDIT_LAST_KERN_ANOM_MSG"),
        (1800, "AUDIT_INTEGRITY_DATA"), (1801, "AUDIT_INTEGRITY_METADATA"),
        (1802, "AUDIT_INTEGRITY_STATUS"), (1803, "AUDIT_INTEGRITY_HASH"),
        (1804, "AUDIT_INTEGRITY_PCR"), (1805, "AUDIT_INTEGRITY_RULE"),
        (1806, "AUDIT_INTEGRITY_EVM_XATTR"), (1807, "AUDIT_INTEGRITY_POLICY_RULE"),
        (2000, "AUDIT_KERNEL"), (2100, "AUDIT_FIRST_USER_MSG2"), (2999, "AUDIT_LAST_USER_MSG2"),
    ],
};

/// Flags of any message.
pub(crate) const FLAGS: Set = Set {
    zero: "0",
    unknown: "NLM_F_???",
    names: &[
        (0x1, "NLM_F_REQUEST"), (0x2, "NLM_F_MULTI"), (0x4, "NLM_F_ACK"), (0x8, "NLM_F_ECHO"),
        (0x10, "NLM_F_DUMP_INTR"), (0x20, "NLM_F_DUMP_FILTERED"),
    ],
};

/// Flags of a message that asks.
pub(crate) const FLAGS_GET: Set = Set {
    zero: "0",
    unknown: "NLM_F_???",
    names: &[
        (0x1, "NLM_F_REQUEST"), (0x2, "NLM_F_MULTI"), (0x4, "NLM_F_ACK"), (0x8, "NLM_F_ECHO"),
        (0x10, "NLM_F_DUMP_INTR"), (0x20, "NLM_F_DUMP_FILTERED"), (0x300, "NLM_F_DUMP"),
        (0x100, "NLM_F_ROOT"), (0x200, "NLM_F_MATCH"), (0x400, "NLM_F_ATOMIC"),
    ],
};

/// Flags of a message that makes something.
pub(crate) const FLAGS_NEW: Set = Set {
    zero: "0",
    unknown: "NLM_F_???",
    names: &[
        (0x1, "NLM_F_REQUEST"), (0x2, "NLM_F_MULTI"), (0x4, "NLM_F_ACK"), (0x8, "NLM_F_ECHO"),
        (0x10, "NLM_F_DUMP_INTR"), (0x20, "NLM_F_DUMP_FILTERED"), (0x100, "NLM_F_REPLACE"),
        (0x200, "NLM_F_EXCL"), (0x400, "NLM_F_CREATE"), (0x800, "NLM_F_APPEND"),
    ],
};

/// Flags of a message that removes something.
pub(crate) const FLAGS_DELETE: Set = Set {
    zero: "0",
    unknown: "NLM_F_???",
    names: &[
        (0x1, "NLM_F_REQUEST"), (0x2, "NLM_F_MULTI"), (0x4, "NLM_F_ACK"), (0x8, "NLM_F_ECHO"),
        (0x10, "NLM_F_DUMP_INTR"), (0x20, "NLM_F_DUMP_FILTERED"), (0x100, "NLM_F_NONREC"),
        (0x200, "NLM_F_BULK"),
    ],
};

/// Flags of an answer.
pub(crate) const FLAGS_ERROR: Set = Set {
    zero: "0",
    unknown: "NLM_F_???",
    names: &[
        (0x1, "NLM_F_REQUEST"), (0x2, "NLM_F_MULTI"), (0x4, "NLM_F_ACK"), (0x8, "NLM_F_ECHO"),
        (0x10, "NLM_F_DUMP_INTR"), (0x20, "NLM_F_DUMP_FILTERED"), (0x100, "NLM_F_CAPPED"),
        (0x200, "NLM_F_ACK_TLVS"),
    ],
};

/// `IFA_F_*`.
pub(crate) const ADDRESS_FLAGS: Set = Set {
    zero: "0",
    unknown: "IFA_F_???",
    names: &[
        (0x1, "IFA_F_SECONDARY"), (0x2, "IFA_F_NODAD"), (0x4, "IFA_F_OPTIMISTIC"),
        (0x8, "IFA_F_DADFAILED"), (0x10, "IFA_F_HOMEADDRESS"), (0x20, "IFA_F_DEPRECATED"),
        (0x40, "IFA_F_TENTATIVE"), (0x80, "IFA_F_PERMANENT"), (0x100, "IFA_F_MANAGETEMPADDR"),
        (0x200, "IFA_F_NOPREFIXROUTE"), (0x400, "IFA_F_MCAUTOJOIN"),
        (0x800, "IFA_F_STABLE_PRIVACY"),
    ],
};

/// `RT_SCOPE_*`.
pub(crate) const SCOPE: Menu = Menu {
    unknown: "",
    names: &[
        (0, "RT_SCOPE_UNIVERSE"), (200, "RT_SCOPE_SITE"), (253, "RT_SCOPE_LINK"),
        (254, "RT_SCOPE_HOST"), (255, "RT_SCOPE_NOWHERE"),
    ],
};

/// `RT_TABLE_*`.
pub(crate) const TABLE: Menu = Menu {
    unknown: "",
    names: &[
        (0, "RT_TABLE_UNSPEC"), (252, "RT_TABLE_COMPAT"), (253, "RT_TABLE_DEFAULT"),
        (254, "RT_TABLE_MAIN"), (255, "RT_TABLE_LOCAL"),
    ],
};

/// The same in a rule.
pub(crate) const RULE_TABLE: Menu = Menu {
    unknown: "RT_TABLE_???",
    names: &[
        (0, "RT_TABLE_UNSPEC"), (252, "RT_TABLE_COMPAT"), (253, "RT_TABLE_DEFAULT"),
        (254, "RT_TABLE_MAIN"), (255, "RT_TABLE_LOCAL"),
    ],
};

/// `RTPROT_*`: who made a route.
pub(crate) const ORIGIN: Menu = Menu {
    unknown: "RTPROT_???",
    names: &[
        (0, "RTPROT_UNSPEC"), (1, "RTPROT_REDIRECT"), (2, "RTPROT_KERNEL"), (3, "RTPROT_BOOT"),
        (4, "RTPROT_STATIC"), (8, "RTPROT_GATED"), (9, "RTPROT_RA"), (10, "RTPROT_MRT"),
        (11, "RTPROT_ZEBRA"), (12, "RTPROT_BIRD"), (13, "RTPROT_DNROUTED"), (14, "RTPROT_XORP"),
        (15, "RTPROT_NTK"), (16, "RTPROT_DHCP"), (17, "RTPROT_MROUTED"),
        (18, "RTPROT_KEEPALIVED"), (42, "RTPROT_BABEL"), (99, "RTPROT_OPENR"),
        (186, "RTPROT_BGP"), (187, "RTPROT_ISIS"), (188, "RTPROT_OSPF"), (189, "RTPROT_RIP"),
        (192, "RTPROT_EIGRP"),
    ],
};

/// `RTN_*`.
pub(crate) const ROUTE_TYPE: Menu = Menu {
    unknown: "RTN_???",
    names: &[
        (0, "RTN_UNSPEC"), (1, "RTN_UNICAST"), (2, "RTN_LOCAL"), (3, "RTN_BROADCAST"),
        (4, "RTN_ANYCAST"), (5, "RTN_MULTICAST"), (6, "RTN_BLACKHOLE"), (7, "RTN_UNREACHABLE"),
        (8, "RTN_PROHIBIT"), (9, "RTN_THROW"), (10, "RTN_NAT"), (11, "RTN_XRESOLVE"),
    ],
};

/// `RTM_F_*`.
pub(crate) const ROUTE_FLAGS: Set = Set {
    zero: "0",
    unknown: "RTM_F_???",
    names: &[
        (0x100, "RTM_F_NOTIFY"), (0x200, "RTM_F_CLONED"), (0x400, "RTM_F_EQUALIZE"),
        (0x800, "RTM_F_PREFIX"), (0x1000, "RTM_F_LOOKUP_TABLE"), (0x2000, "RTM_F_FIB_MATCH"),
        (0x4000, "RTM_F_OFFLOAD"), (0x8000, "RTM_F_TRAP"), (0x20000000, "RTM_F_OFFLOAD_FAILED"),
    ],
};

/// `IPTOS_*`.
pub(crate) const SERVICE: Set = Set {
    zero: "0",
    unknown: "IPTOS_TOS_???",
    names: &[
        (0x10, "IPTOS_LOWDELAY"), (0x8, "IPTOS_THROUGHPUT"), (0x4, "IPTOS_RELIABILITY"),
        (0x2, "IPTOS_MINCOST"),
    ],
};

/// `RTNH_F_*`.
pub(crate) const HOP_FLAGS: Set = Set {
    zero: "0",
    unknown: "RTNH_F_???",
    names: &[
        (0x1, "RTNH_F_DEAD"), (0x2, "RTNH_F_PERVASIVE"), (0x4, "RTNH_F_ONLINK"),
        (0x8, "RTNH_F_OFFLOAD"), (0x10, "RTNH_F_LINKDOWN"), (0x20, "RTNH_F_UNRESOLVED"),
        (0x40, "RTNH_F_TRAP"),
    ],
};

/// `LWTUNNEL_ENCAP_*`.
pub(crate) const ENCAPSULATION: Menu = Menu {
    unknown: "LWTUNNEL_ENCAP_???",
    names: &[
        (0, "LWTUNNEL_ENCAP_NONE"), (1, "LWTUNNEL_ENCAP_MPLS"), (2, "LWTUNNEL_ENCAP_IP"),
        (3, "LWTUNNEL_ENCAP_ILA"), (4, "LWTUNNEL_ENCAP_IP6"), (5, "LWTUNNEL_ENCAP_SEG6"),
        (6, "LWTUNNEL_ENCAP_BPF"), (7, "LWTUNNEL_ENCAP_SEG6_LOCAL"), (8, "LWTUNNEL_ENCAP_RPL"),
    ],
};

/// `XDP_ATTACHED_*`.
pub(crate) const XDP_ATTACHED: Menu = Menu {
    unknown: "XDP_ATTACHED_???",
    names: &[
        (0, "XDP_ATTACHED_NONE"), (1, "XDP_ATTACHED_DRV"), (2, "XDP_ATTACHED_SKB"),
        (3, "XDP_ATTACHED_HW"), (4, "XDP_ATTACHED_MULTI"),
    ],
};

/// `XDP_FLAGS_*`.
pub(crate) const XDP_FLAGS: Set = Set {
    zero: "0",
    unknown: "XDP_FLAGS_???",
    names: &[
        (0xe, "XDP_FLAGS_MODES"), (0x1, "XDP_FLAGS_UPDATE_IF_NOEXIST"),
        (0x2, "XDP_FLAGS_SKB_MODE"), (0x4, "XDP_FLAGS_DRV_MODE"), (0x8, "XDP_FLAGS_HW_MODE"),
        (0x10, "XDP_FLAGS_REPLACE"),
    ],
};

/// `IFLA_EVENT_*`.
pub(crate) const LINK_EVENT: Menu = Menu {
    unknown: "IFLA_EVENT_???",
    names: &[
        (0, "IFLA_EVENT_NONE"), (1, "IFLA_EVENT_REBOOT"), (2, "IFLA_EVENT_FEATURES"),
        (3, "IFLA_EVENT_BONDING_FAILOVER"), (4, "IFLA_EVENT_NOTIFY_PEERS"),
        (5, "IFLA_EVENT_IGMP_RESEND"), (6, "IFLA_EVENT_BONDING_OPTIONS"),
    ],
};

/// `RTEXT_FILTER_*`.
pub(crate) const LINK_FILTER: Set = Set {
    zero: "0",
    unknown: "RTEXT_FILTER_???",
    names: &[
        (0x1, "RTEXT_FILTER_VF"), (0x2, "RTEXT_FILTER_BRVLAN"),
        (0x4, "RTEXT_FILTER_BRVLAN_COMPRESSED"), (0x8, "RTEXT_FILTER_SKIP_STATS"),
        (0x10, "RTEXT_FILTER_MRP"), (0x20, "RTEXT_FILTER_CFM_CONFIG"),
        (0x40, "RTEXT_FILTER_CFM_STATUS"),
    ],
};

/// `IN6_ADDR_GEN_MODE_*`.
pub(crate) const ADDRESS_MODE: Menu = Menu {
    unknown: "IN6_ADDR_GEN_MODE_???",
    names: &[
        (0, "IN6_ADDR_GEN_MODE_EUI64"), (1, "IN6_ADDR_GEN_MODE_NONE"),
        (2, "IN6_ADDR_GEN_MODE_STABLE_PRIVACY"), (3, "IN6_ADDR_GEN_MODE_RANDOM"),
    ],
};

/// Flags of an interface for IPv6.
pub(crate) const INET6_FLAGS: Set = Set {
    zero: "0",
    unknown: "IF_???",
    names: &[
        (0x10, "IF_RS_SENT"), (0x20, "IF_RA_RCVD"), (0x40, "IF_RA_MANAGED"),
        (0x80, "IF_RA_OTHERCONF"), (0x80000000, "IF_READY"),
    ],
};

/// `NTF_*`.
pub(crate) const NEIGHBOUR_FLAGS: Set = Set {
    zero: "0",
    unknown: "NTF_???",
    names: &[
        (0x1, "NTF_USE"), (0x2, "NTF_SELF"), (0x4, "NTF_MASTER"), (0x8, "NTF_PROXY"),
        (0x10, "NTF_EXT_LEARNED"), (0x20, "NTF_OFFLOADED"), (0x40, "NTF_STICKY"),
        (0x80, "NTF_ROUTER"),
    ],
};

/// `NTF_EXT_*`.
pub(crate) const NEIGHBOUR_EXT_FLAGS: Set = Set {
    zero: "0",
    unknown: "NTF_EXT_???",
    names: &[
        (0x1, "NTF_EXT_MANAGED"),
    ],
};

/// `NUD_*`.
pub(crate) const NEIGHBOUR_STATE: Set = Set {
    zero: "NUD_NONE",
    unknown: "NUD_???",
    names: &[
        (0x1, "NUD_INCOMPLETE"), (0x2, "NUD_REACHABLE"), (0x4, "NUD_STALE"), (0x8, "NUD_DELAY"),
        (0x10, "NUD_PROBE"), (0x20, "NUD_FAILED"), (0x40, "NUD_NOARP"), (0x80, "NUD_PERMANENT"),
    ],
};

/// `FR_ACT_*`.
pub(crate) const RULE_ACTION: Menu = Menu {
    unknown: "FR_ACT_???",
    names: &[
        (0, "FR_ACT_UNSPEC"), (1, "FR_ACT_TO_TBL"), (2, "FR_ACT_GOTO"), (3, "FR_ACT_NOP"),
        (4, "FR_ACT_RES3"), (5, "FR_ACT_RES4"), (6, "FR_ACT_BLACKHOLE"),
        (7, "FR_ACT_UNREACHABLE"), (8, "FR_ACT_PROHIBIT"),
    ],
};

/// `FIB_RULE_*`.
pub(crate) const RULE_FLAGS: Set = Set {
    zero: "0",
    unknown: "FIB_RULE_???",
    names: &[
        (0x1, "FIB_RULE_PERMANENT"), (0x2, "FIB_RULE_INVERT"), (0x4, "FIB_RULE_UNRESOLVED"),
        (0x8, "FIB_RULE_IIF_DETACHED"), (0x10, "FIB_RULE_OIF_DETACHED"),
        (0x10000, "FIB_RULE_FIND_SADDR"),
    ],
};

/// `ARPHRD_*`: kinds of network devices.
pub(crate) const HARDWARE: Menu = Menu {
    unknown: "ARPHRD_???",
    names: &[
        (0, "ARPHRD_NETROM"), (1, "ARPHRD_ETHER"), (2, "ARPHRD_EETHER"), (3, "ARPHRD_AX25"),
        (4, "ARPHRD_PRONET"), (5, "ARPHRD_CHAOS"), (6, "ARPHRD_IEEE802"), (7, "ARPHRD_ARCNET"),
        (8, "ARPHRD_APPLETLK"), (15, "ARPHRD_DLCI"), (19, "ARPHRD_ATM"),
        (23, "ARPHRD_METRICOM"), (24, "ARPHRD_IEEE1394"), (27, "ARPHRD_EUI64"),
        (32, "ARPHRD_INFINIBAND"), (256, "ARPHRD_SLIP"), (257, "ARPHRD_CSLIP"),
        (258, "ARPHRD_SLIP6"), (259, "ARPHRD_CSLIP6"), (260, "ARPHRD_RSRVD"),
        (264, "ARPHRD_ADAPT"), (270, "ARPHRD_ROSE"), (271, "ARPHRD_X25"), (272, "ARPHRD_HWX25"),
        (280, "ARPHRD_CAN"), (290, "ARPHRD_MCTP"), (512, "ARPHRD_PPP"), (513, "ARPHRD_CISCO"),
        (516, "ARPHRD_LAPB"), (517, "ARPHRD_DDCMP"), (518, "ARPHRD_RAWHDLC"),
        (519, "ARPHRD_RAWIP"), (768, "ARPHRD_TUNNEL"), (769, "ARPHRD_TUNNEL6"),
        (770, "ARPHRD_FRAD"), (771, "ARPHRD_SKIP"), (772, "ARPHRD_LOOPBACK"),
        (773, "ARPHRD_LOCALTLK"), (774, "ARPHRD_FDDI"), (775, "ARPHRD_BIF"),
        (776, "ARPHRD_SIT"), (777, "ARPHRD_IPDDP"), (778, "ARPHRD_IPGRE"),
        (779, "ARPHRD_PIMREG"), (780, "ARPHRD_HIPPI"), (781, "ARPHRD_ASH"),
        (782, "ARPHRD_ECONET"), (783, "ARPHRD_IRDA"), (784, "ARPHRD_FCPP"),
        (785, "ARPHRD_FCAL"), (786, "ARPHRD_FCPL"), (787, "ARPHRD_FCFABRIC"),
        (800, "ARPHRD_IEEE802_TR"), (801, "ARPHRD_IEEE80211"), (802, "ARPHRD_IEEE80211_PRISM"),
        (803, "ARPHRD_IEEE80211_RADIOTAP"), (804, "ARPHRD_IEEE802154"),
        (805, "ARPHRD_IEEE802154_MONITOR"), (820, "ARPHRD_PHONET"), (821, "ARPHRD_PHONET_PIPE"),
        (822, "ARPHRD_CAIF"), (823, "ARPHRD_IP6GRE"), (824, "ARPHRD_NETLINK"),
        (825, "ARPHRD_6LOWPAN"), (826, "ARPHRD_VSOCKMON"), (65534, "ARPHRD_NONE"),
        (65535, "ARPHRD_VOID"),
    ],
};

/// `ETH_P_*`: what an Ethernet frame carries.
pub(crate) const ETHERNET: Menu = Menu {
    unknown: "ETH_P_???",
    names: &[
        (1, "ETH_P_802_3"), (2, "ETH_P_AX25"), (3, "ETH_P_ALL"), (4, "ETH_P_802_2"),
        (5, "ETH_P_SNAP"), (6, "ETH_P_DDCMP"), (7, "ETH_P_WAN_PPP"), (8, "ETH_P_PPP_MP"),
        (9, "ETH_P_LOCALTALK"), (12, "ETH_P_CAN"), (13, "ETH_P_CANFD"), (14, "ETH_P_CANXL"),
        (16, "ETH_P_PPPTALK"), (17, "ETH_P_TR_802_2"), (21, "ETH_P_MOBITEX"),
        (22, "ETH_P_CONTROL"), (23, "ETH_P_IRDA"), (24, "ETH_P_ECONET"), (25, "ETH_P_HDLC"),
        (26, "ETH_P_ARCNET"), (27, "ETH_P_DSA"), (28, "ETH_P_TRAILER"), (96, "ETH_P_LOOP"),
        (245, "ETH_P_PHONET"), (246, "ETH_P_IEEE802154"), (247, "ETH_P_CAIF"),
        (248, "ETH_P_XDSA"), (249, "ETH_P_MAP"), (250, "ETH_P_MCTP"), (512, "ETH_P_PUP"),
        (513, "ETH_P_PUPAT"), (1536, "ETH_P_802_3_MIN"), (2048, "ETH_P_IP"),
        (2053, "ETH_P_X25"), (2054, "ETH_P_ARP"), (2303, "ETH_P_BPQ"), (2560, "ETH_P_IEEEPUP"),
        (2561, "ETH_P_IEEEPUPAT"), (8939, "ETH_P_ERSPAN2"), (8944, "ETH_P_TSN"),
        (17157, "ETH_P_BATMAN"), (24576, "ETH_P_DEC"), (24577, "ETH_P_DNA_DL"),
        (24578, "ETH_P_DNA_RC"), (24579, "ETH_P_DNA_RT"), (24580, "ETH_P_LAT"),
        (24581, "ETH_P_DIAG"), (24582, "ETH_P_CUST"), (24583, "ETH_P_SCA"),
        (25944, "ETH_P_TEB"), (32821, "ETH_P_RARP"), (32923, "ETH_P_ATALK"),
        (33011, "ETH_P_AARP"), (33024, "ETH_P_8021Q"), (33079, "ETH_P_IPX"),
        (34525, "ETH_P_IPV6"), (34824, "ETH_P_PAUSE"), (34825, "ETH_P_SLOW"),
        (34878, "ETH_P_WCCP"), (34887, "ETH_P_MPLS_UC"), (34888, "ETH_P_MPLS_MC"),
        (34892, "ETH_P_ATMMPOA"), (34915, "ETH_P_PPP_DISC"), (34916, "ETH_P_PPP_SES"),
        (34924, "ETH_P_LINK_CTL"), (34948, "ETH_P_ATMFATE"), (34958, "ETH_P_PAE"),
        (34969, "ETH_P_REALTEK"), (34978, "ETH_P_AOE"), (34984, "ETH_P_8021AD"),
        (34997, "ETH_P_802_EX1"), (35006, "ETH_P_ERSPAN"), (35015, "ETH_P_PREAUTH"),
        (35018, "ETH_P_TIPC"), (35020, "ETH_P_LLDP"), (35043, "ETH_P_MRP"),
        (35045, "ETH_P_MACSEC"), (35047, "ETH_P_8021AH"), (35061, "ETH_P_MVRP"),
        (35063, "ETH_P_1588"), (35064, "ETH_P_NCSI"), (35067, "ETH_P_PRP"),
        (35074, "ETH_P_CFM"), (35078, "ETH_P_FCOE"), (35085, "ETH_P_TDLS"),
        (35092, "ETH_P_FIP"), (35093, "ETH_P_IBOE"), (35095, "ETH_P_80221"),
        (35119, "ETH_P_HSR"), (35151, "ETH_P_NSH"), (36864, "ETH_P_LOOPBACK"),
        (37120, "ETH_P_QINQ1"), (37376, "ETH_P_QINQ2"), (37632, "ETH_P_QINQ3"),
        (56026, "ETH_P_EDSA"), (56027, "ETH_P_DSA_8021Q"), (57345, "ETH_P_DSA_A5PSW"),
        (60734, "ETH_P_IFE"), (64507, "ETH_P_AF_IUCV"),
    ],
};

/// Subsystems of `NETLINK_NETFILTER`.
pub(crate) const NETFILTER: Menu = Menu {
    unknown: "NFNL_SUBSYS_???",
    names: &[
        (0, "NFNL_SUBSYS_NONE"), (1, "NFNL_SUBSYS_CTNETLINK"), (2, "NFNL_SUBSYS_CTNETLINK_EXP"),
        (3, "NFNL_SUBSYS_QUEUE"), (4, "NFNL_SUBSYS_ULOG"), (5, "NFNL_SUBSYS_OSF"),
        (6, "NFNL_SUBSYS_IPSET"), (7, "NFNL_SUBSYS_ACCT"), (8, "NFNL_SUBSYS_CTNETLINK_TIMEOUT"),
        (9, "NFNL_SUBSYS_CTHELPER"), (10, "NFNL_SUBSYS_NFTABLES"),
        (11, "NFNL_SUBSYS_NFT_COMPAT"), (12, "NFNL_SUBSYS_HOOK"),
    ],
};

/// Messages of netfilter that are of no subsystem.
pub(crate) const NETFILTER_BATCH: Menu = Menu {
    unknown: "",
    names: &[
        (16, "NFNL_MSG_BATCH_BEGIN"), (17, "NFNL_MSG_BATCH_END"),
    ],
};

/// The one family of `NETLINK_GENERIC` that always has the same number.
pub(crate) const GENERIC: Menu = Menu {
    unknown: "GENERIC_FAMILY_???",
    names: &[
        (16, "nlctrl"),
    ],
};
