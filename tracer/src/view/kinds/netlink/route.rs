//! Messages of `NETLINK_ROUTE`: addresses, routes, neighbours, rules.

use super::attributes::{Attributes, Data, Span, Walk, inet, list};
use super::{Fields, Raw, bytes, family, headed, heads};
use crate::view::kinds::Cx;
use crate::view::names::{choices, netlink};
use crate::view::value::{Value, fields};

/// What stands behind the header of a message.
pub(super) fn payload(cx: &Cx<'_>, kind: u16, span: Span) -> Vec<Value> {
    let Some(first) = span.fetch(cx, 1) else { return vec![Value::Addr(span.addr)] };
    let number = first.u8(0);
    match heads::of(kind, number) {
        Some(head) => {
            let value = |raw: &Raw, &(name, at, data): &(&'static str, usize, Data)| {
                (name.into(), data.value(cx, raw, at))
            };
            let fields = |raw: &Raw| head.fields.iter().map(|field| value(raw, field)).collect();
            let fields: Option<Fields<'_>> = match head.fields {
                [] => None,
                _ => Some(&fields),
            };
            let walk = Walk { cx, family: number };
            headed(&walk, span, head.family, head.bytes, fields, Some(head.attributes))
        }
        None => {
            let mut shown = fields! { family: family(number) };
            if let Some(data) = span.behind(1) {
                shown.extend(fields! { data: bytes(cx, data) });
            }
            vec![Value::Struct(shown)]
        }
    }
}

/// `IFA_*`
pub(super) const ADDRESS: Attributes = Attributes {
    unknown: "IFA_???",
    known: &[
        ("IFA_UNSPEC", Data::Bytes),
        ("IFA_ADDRESS", Data::Address),
        ("IFA_LOCAL", Data::Address),
        ("IFA_LABEL", Data::Text),
        ("IFA_BROADCAST", Data::Address),
        ("IFA_ANYCAST", Data::Address),
        (
            "IFA_CACHEINFO",
            Data::Numbers(&["ifa_prefered", "ifa_valid", "cstamp", "tstamp"], 4, &[16]),
        ),
        ("IFA_MULTICAST", Data::Address),
        ("IFA_FLAGS", Data::Some(&netlink::ADDRESS_FLAGS, 4)),
        ("IFA_RT_PRIORITY", Data::Unsigned(4)),
        ("IFA_TARGET_NETNSID", Data::Signed(4)),
        ("IFA_PROTO", Data::Bytes),
    ],
};

/// `RTA_*`
pub(super) const ROUTE: Attributes = Attributes {
    unknown: "RTA_???",
    known: &[
        ("RTA_UNSPEC", Data::Bytes),
        ("RTA_DST", Data::Address),
        ("RTA_SRC", Data::Address),
        ("RTA_IIF", Data::Interface),
        ("RTA_OIF", Data::Interface),
        ("RTA_GATEWAY", Data::Address),
        ("RTA_PRIORITY", Data::Unsigned(4)),
        ("RTA_PREFSRC", Data::Address),
        ("RTA_METRICS", Data::Nested(&METRICS)),
        ("RTA_MULTIPATH", Data::Special(hops)),
        ("RTA_PROTOINFO", Data::Unsigned(4)),
        ("RTA_FLOW", Data::Unsigned(4)),
        ("RTA_CACHEINFO", Data::Fields(32, CACHE)),
        ("RTA_SESSION", Data::Bytes),
        ("RTA_MP_ALGO", Data::Unsigned(4)),
        ("RTA_TABLE", Data::One(&netlink::TABLE, 4)),
        ("RTA_MARK", Data::Unsigned(4)),
        (
            "RTA_MFC_STATS",
            Data::Numbers(&["mfcs_packets", "mfcs_bytes", "mfcs_wrong_if"], 8, &[24]),
        ),
        ("RTA_VIA", Data::Special(via)),
        ("RTA_NEWDST", Data::Address),
        ("RTA_PREF", Data::Unsigned(1)),
        ("RTA_ENCAP_TYPE", Data::One(&netlink::ENCAPSULATION, 2)),
        ("RTA_ENCAP", Data::Bytes),
        ("RTA_EXPIRES", Data::Unsigned(8)),
        ("RTA_PAD", Data::Bytes),
        ("RTA_UID", Data::Unsigned(4)),
        ("RTA_TTL_PROPAGATE", Data::Unsigned(1)),
        ("RTA_IP_PROTO", Data::Unsigned(1)),
        ("RTA_SPORT", Data::Unsigned(2)),
        ("RTA_DPORT", Data::Unsigned(2)),
        ("RTA_NH_ID", Data::Bytes),
    ],
};

/// `struct rta_cacheinfo`
const CACHE: &[(&str, usize, Data)] = &[
    ("rta_clntref", 0, Data::Unsigned(4)),
    ("rta_lastuse", 4, Data::Unsigned(4)),
    ("rta_expires", 8, Data::Unsigned(4)),
    ("rta_error", 12, Data::Unsigned(4)),
    ("rta_used", 16, Data::Unsigned(4)),
    ("rta_id", 20, Data::Hex(4)),
    ("rta_ts", 24, Data::Unsigned(4)),
    ("rta_tsage", 28, Data::Unsigned(4)),
];

/// `RTAX_*`
const METRICS: Attributes = Attributes {
    unknown: "RTAX_???",
    known: &[
        ("RTAX_UNSPEC", Data::Bytes),
        ("RTAX_LOCK", Data::Unsigned(4)),
        ("RTAX_MTU", Data::Unsigned(4)),
        ("RTAX_WINDOW", Data::Unsigned(4)),
        ("RTAX_RTT", Data::Unsigned(4)),
        ("RTAX_RTTVAR", Data::Unsigned(4)),
        ("RTAX_SSTHRESH", Data::Unsigned(4)),
        ("RTAX_CWND", Data::Unsigned(4)),
        ("RTAX_ADVMSS", Data::Unsigned(4)),
        ("RTAX_REORDERING", Data::Unsigned(4)),
        ("RTAX_HOPLIMIT", Data::Unsigned(4)),
        ("RTAX_INITCWND", Data::Unsigned(4)),
        ("RTAX_FEATURES", Data::Unsigned(4)),
        ("RTAX_RTO_MIN", Data::Unsigned(4)),
        ("RTAX_INITRWND", Data::Unsigned(4)),
        ("RTAX_QUICKACK", Data::Unsigned(4)),
        ("RTAX_CC_ALGO", Data::Text),
        ("RTAX_FASTOPEN_NO_COOKIE", Data::Bytes),
    ],
};

/// `struct rtnexthop`
const HOP: &[(&str, usize, Data)] = &[
    ("rtnh_len", 0, Data::Unsigned(2)),
    ("rtnh_flags", 2, Data::Some(&netlink::HOP_FLAGS, 1)),
    ("rtnh_hops", 3, Data::Unsigned(1)),
    ("rtnh_ifindex", 4, Data::Interface),
];

/// The next hops of a route, each with attributes of its own.
fn hops(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    const BYTES: usize = 8;
    if span.count < BYTES as u64 {
        return None;
    }
    let (mut rest, mut several, mut shown) = (span, false, Vec::new());
    loop {
        let Some(raw) = rest.fetch(walk.cx, BYTES) else {
            shown.push(Value::Addr(rest.addr));
            break;
        };
        several |= shown.is_empty() && u64::from(raw.u16(0)) < span.count;
        let head = Data::Fields(BYTES, HOP).value(walk.cx, &raw, 0);
        let whole = rest.first(raw.u16(0).into());
        shown.push(match whole.behind(BYTES as u64) {
            Some(attributes) => Value::Array(vec![head, list(walk, attributes, &ROUTE)]),
            None => head,
        });
        match rest.behind(whole.count.next_multiple_of(4)) {
            // One without a length is followed by itself.
            Some(next) if next.addr != rest.addr => rest = next,
            _ => break,
        }
    }
    if several { Some(Value::Array(shown)) } else { shown.pop() }
}

/// `struct rtvia`: an address with its family.
fn via(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    const FAMILY: usize = 2;
    if span.count < FAMILY as u64 {
        return None;
    }
    let Some(raw) = span.fetch(walk.cx, FAMILY) else { return Some(Value::Addr(span.addr)) };
    let number = raw.u16(0);
    let mut shown = fields! { rtvia_family: Value::name(choices::FAMILY.spell(number.into())) };
    if let Some(rest) = span.behind(FAMILY as u64) {
        let address = inet(walk.cx, rest, number.into()).unwrap_or_else(|| bytes(walk.cx, rest));
        shown.extend(match address {
            Value::Coded { code, meaning, .. } if number == libc::AF_INET6 as u16 => {
                vec![("".into(), placed(*code, *meaning))]
            }
            address => fields! { rtvia_addr: address },
        });
    }
    Some(Value::Struct(shown))
}

/// An address that a call stores in a field.
fn placed(code: Value, meaning: Value) -> Value {
    let meaning = match meaning {
        Value::Call { name, mut args } => {
            args.push(Value::Verbatim("&rtvia_addr".to_owned()));
            Value::Call { name, args }
        }
        other => other,
    };
    Value::Coded { code: Box::new(code), meaning: Box::new(meaning), field: Some("rtvia_addr") }
}

/// `NDA_*`
pub(super) const NEIGHBOUR: Attributes = Attributes {
    unknown: "NDA_???",
    known: &[
        ("NDA_UNSPEC", Data::Bytes),
        ("NDA_DST", Data::Address),
        ("NDA_LLADDR", Data::Hardware),
        (
            "NDA_CACHEINFO",
            Data::Numbers(&["ndm_confirmed", "ndm_used", "ndm_updated", "ndm_refcnt"], 4, &[16]),
        ),
        ("NDA_PROBES", Data::Unsigned(4)),
        ("NDA_VLAN", Data::Unsigned(2)),
        ("NDA_PORT", Data::Port),
        ("NDA_VNI", Data::Unsigned(4)),
        ("NDA_IFINDEX", Data::Interface),
        ("NDA_MASTER", Data::Interface),
        ("NDA_LINK_NETNSID", Data::Unsigned(4)),
        ("NDA_SRC_VNI", Data::Unsigned(4)),
        ("NDA_PROTOCOL", Data::Any(&choices::PROTOCOL)),
        ("NDA_NH_ID", Data::Unsigned(4)),
        ("NDA_FDB_EXT_ATTRS", Data::Bytes),
        ("NDA_FLAGS_EXT", Data::Some(&netlink::NEIGHBOUR_EXT_FLAGS, 4)),
        ("NDA_NDM_STATE_MASK", Data::Some(&netlink::NEIGHBOUR_STATE, 2)),
        ("NDA_NDM_FLAGS_MASK", Data::Some(&netlink::NEIGHBOUR_FLAGS, 1)),
    ],
};

/// `FRA_*`
pub(super) const RULE: Attributes = Attributes {
    unknown: "FRA_???",
    known: &[
        ("FRA_UNSPEC", Data::Bytes),
        ("FRA_DST", Data::Address),
        ("FRA_SRC", Data::Address),
        ("FRA_IIFNAME", Data::Text),
        ("FRA_GOTO", Data::Unsigned(4)),
        ("FRA_UNUSED2", Data::Bytes),
        ("FRA_PRIORITY", Data::Unsigned(4)),
        ("FRA_UNUSED3", Data::Bytes),
        ("FRA_UNUSED4", Data::Bytes),
        ("FRA_UNUSED5", Data::Bytes),
        ("FRA_FWMARK", Data::Unsigned(4)),
        ("FRA_FLOW", Data::Unsigned(4)),
        ("FRA_TUN_ID", Data::Wide),
        ("FRA_SUPPRESS_IFGROUP", Data::Unsigned(4)),
        ("FRA_SUPPRESS_PREFIXLEN", Data::Unsigned(4)),
        ("FRA_TABLE", Data::One(&netlink::TABLE, 4)),
        ("FRA_FWMASK", Data::Unsigned(4)),
        ("FRA_OIFNAME", Data::Text),
        ("FRA_PAD", Data::Bytes),
        ("FRA_L3MDEV", Data::Unsigned(1)),
        ("FRA_UID_RANGE", Data::Numbers(&["start", "end"], 4, &[8])),
        ("FRA_PROTOCOL", Data::One(&netlink::ORIGIN, 1)),
        ("FRA_IP_PROTO", Data::Any(&choices::PROTOCOL)),
        ("FRA_SPORT_RANGE", Data::Numbers(&["start", "end"], 2, &[4])),
        ("FRA_DPORT_RANGE", Data::Numbers(&["start", "end"], 2, &[4])),
    ],
};
