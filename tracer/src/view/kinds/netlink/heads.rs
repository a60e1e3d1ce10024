//! What messages of `NETLINK_ROUTE` begin with: a structure whose first byte is an address family.

use super::attributes::{Attributes, Data};
use super::{link, route};
use crate::view::names::{netlink, sockets};

/// The structure at the start of a message, and the attributes behind it.
#[derive(Debug)]
pub(super) struct Head {
    /// The name of the family.
    pub(super) family: &'static str,
    pub(super) bytes: usize,
    /// The other fields that are shown.
    pub(super) fields: &'static [(&'static str, usize, Data)],
    pub(super) attributes: &'static Attributes,
}

/// The structure of a message, if it is known.
pub(super) fn of(kind: u16, family: u8) -> Option<&'static Head> {
    Some(match kind {
        16..=19 => &LINK,
        // RTM_GETMULTICAST and RTM_GETANYCAST ask for addresses, too.
        20..=22 | 58 | 62 => &ADDRESS,
        24..=26 => &ROUTE,
        // A bridge is asked about the neighbours of its ports.
        30 if i32::from(family) == libc::AF_BRIDGE => &LINK,
        28..=30 => &NEIGHBOUR,
        32..=34 => &RULE,
        64 | 66 | 67 => &NEIGHBOUR_TABLE,
        72..=74 => &LABEL,
        80..=82 => &CONFIGURATION,
        88..=90 => &NAMESPACE,
        _ => return None,
    })
}

/// `struct ifinfomsg`
const LINK: Head = Head {
    family: "ifi_family",
    bytes: 16,
    fields: &[
        ("ifi_type", 2, Data::One(&netlink::HARDWARE, 2)),
        ("ifi_index", 4, Data::Interface),
        ("ifi_flags", 8, Data::Some(&sockets::INTERFACE, 4)),
        ("ifi_change", 12, Data::Hex(4)),
    ],
    attributes: &link::LINK,
};

/// `struct ifaddrmsg`
const ADDRESS: Head = Head {
    family: "ifa_family",
    bytes: 8,
    fields: &[
        ("ifa_prefixlen", 1, Data::Unsigned(1)),
        ("ifa_flags", 2, Data::Some(&netlink::ADDRESS_FLAGS, 1)),
        ("ifa_scope", 3, Data::One(&netlink::SCOPE, 1)),
        ("ifa_index", 4, Data::Interface),
    ],
    attributes: &route::ADDRESS,
};

/// `struct rtmsg`
const ROUTE: Head = Head {
    family: "rtm_family",
    bytes: 12,
    fields: &[
        ("rtm_dst_len", 1, Data::Unsigned(1)),
        ("rtm_src_len", 2, Data::Unsigned(1)),
        ("rtm_tos", 3, Data::Some(&netlink::SERVICE, 1)),
        ("rtm_table", 4, Data::One(&netlink::TABLE, 1)),
        ("rtm_protocol", 5, Data::One(&netlink::ORIGIN, 1)),
        ("rtm_scope", 6, Data::One(&netlink::SCOPE, 1)),
        ("rtm_type", 7, Data::One(&netlink::ROUTE_TYPE, 1)),
        ("rtm_flags", 8, Data::Some(&netlink::ROUTE_FLAGS, 4)),
    ],
    attributes: &route::ROUTE,
};

/// `struct ndmsg`
const NEIGHBOUR: Head = Head {
    family: "ndm_family",
    bytes: 12,
    fields: &[
        ("ndm_ifindex", 4, Data::Interface),
        ("ndm_state", 8, Data::Some(&netlink::NEIGHBOUR_STATE, 2)),
        ("ndm_flags", 10, Data::Some(&netlink::NEIGHBOUR_FLAGS, 1)),
        ("ndm_type", 11, Data::One(&netlink::ROUTE_TYPE, 1)),
    ],
    attributes: &route::NEIGHBOUR,
};

/// `struct fib_rule_hdr`
const RULE: Head = Head {
    family: "family",
    bytes: 12,
    fields: &[
        ("dst_len", 1, Data::Unsigned(1)),
        ("src_len", 2, Data::Unsigned(1)),
        ("tos", 3, Data::Some(&netlink::SERVICE, 1)),
        ("table", 4, Data::One(&netlink::RULE_TABLE, 1)),
        ("action", 7, Data::One(&netlink::RULE_ACTION, 1)),
        ("flags", 8, Data::Some(&netlink::RULE_FLAGS, 4)),
    ],
    attributes: &route::RULE,
};

/// `struct ifaddrlblmsg`
const LABEL: Head = Head {
    family: "ifal_family",
    bytes: 12,
    fields: &[
        ("ifal_prefixlen", 2, Data::Unsigned(1)),
        ("ifal_flags", 3, Data::Unsigned(1)),
        ("ifal_index", 4, Data::Interface),
        ("ifal_seq", 8, Data::Unsigned(4)),
    ],
    attributes: &Attributes {
        unknown: "IFAL_???",
        known: &[
            ("", Data::Bytes),
            ("IFAL_ADDRESS", Data::Address),
            ("IFAL_LABEL", Data::Unsigned(4)),
        ],
    },
};

/// `struct netconfmsg`
const CONFIGURATION: Head = Head {
    family: "ncm_family",
    bytes: 1,
    fields: &[],
    attributes: &Attributes {
        unknown: "NETCONFA_???",
        known: &[
            ("NETCONFA_UNSPEC", Data::Bytes),
            ("NETCONFA_IFINDEX", Data::Interface),
            ("NETCONFA_FORWARDING", Data::Signed(4)),
            ("NETCONFA_RP_FILTER", Data::Signed(4)),
            ("NETCONFA_MC_FORWARDING", Data::Signed(4)),
            ("NETCONFA_PROXY_NEIGH", Data::Signed(4)),
            ("NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN", Data::Signed(4)),
            ("NETCONFA_INPUT", Data::Signed(4)),
            ("NETCONFA_BC_FORWARDING", Data::Signed(4)),
        ],
    },
};

/// `struct rtgenmsg` of a network namespace's number.
const NAMESPACE: Head = Head {
    family: "rtgen_family",
    bytes: 1,
    fields: &[],
    attributes: &Attributes {
        unknown: "NETNSA_???",
        known: &[
            ("NETNSA_NONE", Data::Bytes),
            ("NETNSA_NSID", Data::Signed(4)),
            ("NETNSA_PID", Data::Unsigned(4)),
            ("NETNSA_FD", Data::Descriptor),
            ("NETNSA_TARGET_NSID", Data::Signed(4)),
            ("NETNSA_CURRENT_NSID", Data::Signed(4)),
        ],
    },
};

/// `struct ndtmsg`
const NEIGHBOUR_TABLE: Head = Head {
    family: "ndtm_family",
    bytes: 4,
    fields: &[],
    attributes: &Attributes {
        unknown: "NDTA_???",
        known: &[
            ("NDTA_UNSPEC", Data::Bytes),
            ("NDTA_NAME", Data::Text),
            ("NDTA_THRESH1", Data::Unsigned(4)),
            ("NDTA_THRESH2", Data::Unsigned(4)),
            ("NDTA_THRESH3", Data::Unsigned(4)),
            ("NDTA_CONFIG", Data::Fields(32, TABLE_CONFIGURATION)),
            ("NDTA_PARMS", Data::Nested(&TABLE_PARAMETERS)),
            ("NDTA_STATS", Data::Numbers(TABLE_COUNTS, 8, &[80, 88])),
            ("NDTA_GC_INTERVAL", Data::Unsigned(8)),
            ("NDTA_PAD", Data::Bytes),
        ],
    },
};

/// `struct ndt_config`
const TABLE_CONFIGURATION: &[(&str, usize, Data)] = &[
    ("ndtc_key_len", 0, Data::Unsigned(2)),
    ("ndtc_entry_size", 2, Data::Unsigned(2)),
    ("ndtc_entries", 4, Data::Unsigned(4)),
    ("ndtc_last_flush", 8, Data::Unsigned(4)),
    ("ndtc_last_rand", 12, Data::Unsigned(4)),
    ("ndtc_hash_rnd", 16, Data::Unsigned(4)),
    ("ndtc_hash_mask", 20, Data::Padded),
    ("ndtc_hash_chain_gc", 24, Data::Unsigned(4)),
    ("ndtc_proxy_qlen", 28, Data::Unsigned(4)),
];

/// `struct ndt_stats`
const TABLE_COUNTS: &[&str] = &[
    "ndts_allocs",
    "ndts_destroys",
    "ndts_hash_grows",
    "ndts_res_failed",
    "ndts_lookups",
    "ndts_hits",
    "ndts_rcv_probes_mcast",
    "ndts_rcv_probes_ucast",
    "ndts_periodic_gc_runs",
    "ndts_forced_gc_runs",
    "ndts_table_fulls",
];

/// `NDTPA_*`
const TABLE_PARAMETERS: Attributes = Attributes {
    unknown: "NDTPA_???",
    known: &[
        ("NDTPA_UNSPEC", Data::Bytes),
        ("NDTPA_IFINDEX", Data::Interface),
        ("NDTPA_REFCNT", Data::Unsigned(4)),
        ("NDTPA_REACHABLE_TIME", Data::Unsigned(8)),
        ("NDTPA_BASE_REACHABLE_TIME", Data::Unsigned(8)),
        ("NDTPA_RETRANS_TIME", Data::Unsigned(8)),
        ("NDTPA_GC_STALETIME", Data::Unsigned(8)),
        ("NDTPA_DELAY_PROBE_TIME", Data::Unsigned(8)),
        ("NDTPA_QUEUE_LEN", Data::Unsigned(4)),
        ("NDTPA_APP_PROBES", Data::Unsigned(4)),
        ("NDTPA_UCAST_PROBES", Data::Unsigned(4)),
        ("NDTPA_MCAST_PROBES", Data::Unsigned(4)),
        ("NDTPA_ANYCAST_DELAY", Data::Unsigned(8)),
        ("NDTPA_PROXY_DELAY", Data::Unsigned(8)),
        ("NDTPA_PROXY_QLEN", Data::Unsigned(4)),
        ("NDTPA_LOCKTIME", Data::Unsigned(8)),
        ("NDTPA_QUEUE_LENBYTES", Data::Unsigned(4)),
        ("NDTPA_MCAST_REPROBES", Data::Unsigned(4)),
        ("NDTPA_PAD", Data::Bytes),
        ("NDTPA_INTERVAL_PROBE_TIME_MS", Data::Unsigned(8)),
    ],
};
