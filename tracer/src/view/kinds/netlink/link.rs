//! Attributes of network interfaces.

use super::attributes::{
    Attributes, Data, HARDWARE_MAX, Span, Walk, bare, hardware, list, list_by,
};
use crate::view::names::{choices, devconf, netlink};
use crate::view::value::Value;

/// `IFLA_*`
pub(super) const LINK: Attributes = Attributes {
    unknown: "IFLA_???",
    known: &[
        ("IFLA_UNSPEC", Data::Bytes),
        ("IFLA_ADDRESS", Data::Special(hardware_address)),
        ("IFLA_BROADCAST", Data::Special(hardware_address)),
        ("IFLA_IFNAME", Data::Text),
        ("IFLA_MTU", Data::Unsigned(4)),
        ("IFLA_LINK", Data::Unsigned(4)),
        ("IFLA_QDISC", Data::Text),
        ("IFLA_STATS", Data::Numbers(COUNTS.0, 4, &[92, 96])),
        ("IFLA_COST", Data::Bytes),
        ("IFLA_PRIORITY", Data::Bytes),
        ("IFLA_MASTER", Data::Unsigned(4)),
        ("IFLA_WIRELESS", Data::Bytes),
        ("IFLA_PROTINFO", Data::Special(of_protocol)),
        ("IFLA_TXQLEN", Data::Unsigned(4)),
        ("IFLA_MAP", Data::Fields(28, MAP)),
        ("IFLA_WEIGHT", Data::Unsigned(4)),
        ("IFLA_OPERSTATE", Data::Unsigned(1)),
        ("IFLA_LINKMODE", Data::Unsigned(1)),
        ("IFLA_LINKINFO", Data::Nested(&INFO)),
        ("IFLA_NET_NS_PID", Data::Unsigned(4)),
        ("IFLA_IFALIAS", Data::Text),
        ("IFLA_NUM_VF", Data::Unsigned(4)),
        ("IFLA_VFINFO_LIST", Data::Bytes),
        ("IFLA_STATS64", Data::Numbers(COUNTS.1, 8, &[184, 192, 200])),
        ("IFLA_VF_PORTS", Data::Bytes),
        ("IFLA_PORT_SELF", Data::Bytes),
        ("IFLA_AF_SPEC", Data::Special(by_family)),
        ("IFLA_GROUP", Data::Unsigned(4)),
        ("IFLA_NET_NS_FD", Data::Descriptor),
        ("IFLA_EXT_MASK", Data::Some(&netlink::LINK_FILTER, 4)),
        ("IFLA_PROMISCUITY", Data::Unsigned(4)),
        ("IFLA_NUM_TX_QUEUES", Data::Unsigned(4)),
        ("IFLA_NUM_RX_QUEUES", Data::Unsigned(4)),
        ("IFLA_CARRIER", Data::Unsigned(1)),
        ("IFLA_PHYS_PORT_ID", Data::Bytes),
        ("IFLA_CARRIER_CHANGES", Data::Unsigned(4)),
        ("IFLA_PHYS_SWITCH_ID", Data::Bytes),
        ("IFLA_LINK_NETNSID", Data::Signed(4)),
        ("IFLA_PHYS_PORT_NAME", Data::Text),
        ("IFLA_PROTO_DOWN", Data::Unsigned(1)),
        ("IFLA_GSO_MAX_SEGS", Data::Unsigned(4)),
        ("IFLA_GSO_MAX_SIZE", Data::Unsigned(4)),
        ("IFLA_PAD", Data::Bytes),
        ("IFLA_XDP", Data::Nested(&XDP)),
        ("IFLA_EVENT", Data::One(&netlink::LINK_EVENT, 4)),
        ("IFLA_NEW_NETNSID", Data::Signed(4)),
        ("IFLA_IF_NETNSID", Data::Signed(4)),
        ("IFLA_CARRIER_UP_COUNT", Data::Unsigned(4)),
        ("IFLA_CARRIER_DOWN_COUNT", Data::Unsigned(4)),
        ("IFLA_NEW_IFINDEX", Data::Interface),
        ("IFLA_MIN_MTU", Data::Unsigned(4)),
        ("IFLA_MAX_MTU", Data::Unsigned(4)),
        ("IFLA_PROP_LIST", Data::Special(properties)),
        ("IFLA_ALT_IFNAME", Data::Text),
        ("IFLA_PERM_ADDRESS", Data::Special(hardware_address)),
        ("IFLA_PROTO_DOWN_REASON", Data::Nested(&DOWN)),
        ("IFLA_PARENT_DEV_NAME", Data::Text),
        ("IFLA_PARENT_DEV_BUS_NAME", Data::Text),
        ("IFLA_GRO_MAX_SIZE", Data::Unsigned(4)),
        ("IFLA_TSO_MAX_SIZE", Data::Unsigned(4)),
        ("IFLA_TSO_MAX_SEGS", Data::Unsigned(4)),
        ("IFLA_ALLMULTI", Data::Unsigned(4)),
    ],
};

/// `struct rtnl_link_stats` and `struct rtnl_link_stats64`.
const COUNTS: (&[&str], &[&str]) = (LINK_COUNTS.split_at(24).0, LINK_COUNTS);
const LINK_COUNTS: &[&str] = &[
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "multicast",
    "collisions",
    "rx_length_errors",
    "rx_over_errors",
    "rx_crc_errors",
    "rx_frame_errors",
    "rx_fifo_errors",
    "rx_missed_errors",
    "tx_aborted_errors",
    "tx_carrier_errors",
    "tx_fifo_errors",
    "tx_heartbeat_errors",
    "tx_window_errors",
    "rx_compressed",
    "tx_compressed",
    "rx_nohandler",
    "rx_otherhost_dropped",
];

/// `struct rtnl_link_ifmap`
const MAP: &[(&str, usize, Data)] = &[
    ("mem_start", 0, Data::Hex(8)),
    ("mem_end", 8, Data::Hex(8)),
    ("base_addr", 16, Data::Hex(8)),
    ("irq", 24, Data::Unsigned(2)),
    ("dma", 26, Data::Unsigned(1)),
    ("port", 27, Data::Unsigned(1)),
];

/// `IFLA_INFO_*`; what is told of a kind of device is not looked into.
const INFO: Attributes = Attributes {
    unknown: "IFLA_INFO_???",
    known: &[
        ("IFLA_INFO_UNSPEC", Data::Bytes),
        ("IFLA_INFO_KIND", Data::Terminated),
        ("IFLA_INFO_DATA", Data::Bytes),
        ("IFLA_INFO_XSTATS", Data::Bytes),
        ("IFLA_INFO_SLAVE_KIND", Data::Terminated),
        ("IFLA_INFO_SLAVE_DATA", Data::Bytes),
    ],
};

/// `IFLA_XDP_*`
const XDP: Attributes = Attributes {
    unknown: "IFLA_XDP_???",
    known: &[
        ("IFLA_XDP_UNSPEC", Data::Bytes),
        ("IFLA_XDP_FD", Data::Descriptor),
        ("IFLA_XDP_ATTACHED", Data::One(&netlink::XDP_ATTACHED, 1)),
        ("IFLA_XDP_FLAGS", Data::Some(&netlink::XDP_FLAGS, 4)),
        ("IFLA_XDP_PROG_ID", Data::Unsigned(4)),
        ("IFLA_XDP_DRV_PROG_ID", Data::Unsigned(4)),
        ("IFLA_XDP_SKB_PROG_ID", Data::Unsigned(4)),
        ("IFLA_XDP_HW_PROG_ID", Data::Unsigned(4)),
        ("IFLA_XDP_EXPECTED_FD", Data::Descriptor),
    ],
};

/// `IFLA_PROTO_DOWN_REASON_*`
const DOWN: Attributes = Attributes {
    unknown: "IFLA_PROTO_DOWN_REASON_???",
    known: &[
        ("IFLA_PROTO_DOWN_REASON_UNSPEC", Data::Bytes),
        ("IFLA_PROTO_DOWN_REASON_MASK", Data::Hex(4)),
        ("IFLA_PROTO_DOWN_REASON_VALUE", Data::Hex(4)),
    ],
};

/// `IFLA_INET_*`
const INET: Attributes = Attributes {
    unknown: "IFLA_INET_???",
    known: &[
        ("IFLA_INET_UNSPEC", Data::Bytes),
        ("IFLA_INET_CONF", Data::Places(&devconf::INET, 4)),
    ],
};

/// `IFLA_INET6_*`
const INET6: Attributes = Attributes {
    unknown: "IFLA_INET6_???",
    known: &[
        ("IFLA_INET6_UNSPEC", Data::Bytes),
        ("IFLA_INET6_FLAGS", Data::Some(&netlink::INET6_FLAGS, 4)),
        ("IFLA_INET6_CONF", Data::Places(&devconf::INET6, 4)),
        ("IFLA_INET6_STATS", Data::Places(&devconf::IP_STATS, 8)),
        ("IFLA_INET6_MCAST", Data::Bytes),
        (
            "IFLA_INET6_CACHEINFO",
            Data::Numbers(&["max_reasm_len", "tstamp", "reachable_time", "retrans_time"], 4, &[16]),
        ),
        ("IFLA_INET6_ICMP6STATS", Data::Places(&devconf::ICMP6_STATS, 8)),
        ("IFLA_INET6_TOKEN", Data::Inet6),
        ("IFLA_INET6_ADDR_GEN_MODE", Data::One(&netlink::ADDRESS_MODE, 1)),
        ("IFLA_INET6_RA_MTU", Data::Unsigned(4)),
    ],
};

/// `IFLA_MCTP_*`
const MCTP: Attributes = Attributes {
    unknown: "IFLA_MCTP_???",
    known: &[("IFLA_MCTP_UNSPEC", Data::Bytes), ("IFLA_MCTP_NET", Data::Unsigned(4))],
};

/// `AF_MCTP`
const AF_MCTP: i32 = 45;

/// How long addresses of some kinds of devices are (`ARPHRD_*`).
const ADDRESS_BYTES: &[(u8, usize)] =
    &[(0, 7), (1, 6), (3, 7), (6, 6), (7, 1), (15, 2), (24, 16), (27, 8), (32, 20)];

/// An address of the interface. strace takes the address family in the header for the kind of device, and
/// shows as much of it as is in an address of that kind.
fn hardware_address(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    if span.count > HARDWARE_MAX {
        return None;
    }
    let kind = ADDRESS_BYTES.iter().find(|&&(kind, _)| kind == walk.family);
    let most = kind.map_or(usize::MAX, |&(_, bytes)| bytes);
    Some(match span.fetch(walk.cx, span.count as usize) {
        Some(raw) => hardware(raw.bytes(), most),
        None => Value::Addr(span.addr),
    })
}

/// What an address family keeps of an interface: attributes whose numbers are families.
fn by_family(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    // Of a bridge it has other attributes, which are not looked into.
    if i32::from(walk.family) == libc::AF_BRIDGE {
        return None;
    }
    Some(list_by(walk, span, choices::FAMILY.unknown, |number| {
        let data = match i32::from(number as u8) {
            libc::AF_INET => Data::Nested(&INET),
            libc::AF_INET6 => Data::Nested(&INET6),
            AF_MCTP => Data::Nested(&MCTP),
            _ => Data::Bytes,
        };
        Some((choices::FAMILY.name(bare(number).into()), data))
    }))
}

/// What the family of the message keeps of the interface.
fn of_protocol(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    (i32::from(walk.family) == libc::AF_INET6).then(|| list(walk, span, &INET6))
}

/// Other names of an interface.
fn properties(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    Some(list_by(walk, span, LINK.unknown, |number| {
        let &(name, data) = LINK.known.get(usize::from(bare(number)))?;
        let other = name == "IFLA_ALT_IFNAME" && number == bare(number);
        let data = if other { data } else { Data::Bytes };
        Some((Some(name), data))
    }))
}
