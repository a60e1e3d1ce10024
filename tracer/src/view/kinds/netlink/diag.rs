//! Messages of `NETLINK_SOCK_DIAG`: questions about sockets, and what is told of each.
//!
//! Deliberately absent: sockets of `AF_SMC`, and what is told of protocols above TCP
//! (`INET_DIAG_ULP_INFO`) and of programs' own data (`INET_DIAG_SK_BPF_STORAGES`); that is shown as bytes.

use super::attributes::{Attributes, Data, Span, Walk, beside, bytes, places};
use super::{Raw, bytecode, family, headed};
use crate::view::kinds::{Cx, files, sockaddr};
use crate::view::names::{choices, netlink, sockdiag};
use crate::view::value::{Field, Value, fields};
use crate::view::word::Word;

/// `NLM_F_REQUEST`
const REQUEST: u16 = 1;
/// `TCPDIAG_GETSOCK` and `DCCPDIAG_GETSOCK`, which ask in an older way.
const OLD: std::ops::RangeInclusive<u16> = 18..=19;

/// What a message begins with, behind the family in its first byte.
struct Head {
    family: &'static str,
    bytes: usize,
    fields: fn(&Walk<'_, '_>, &Raw) -> Vec<Field>,
    attributes: Option<&'static Attributes>,
}

/// What stands behind the header of a message.
pub(super) fn payload(cx: &Cx<'_>, kind: u16, bits: u16, span: Span) -> Vec<Value> {
    let Some(first) = span.fetch(cx, 1) else { return vec![Value::Addr(span.addr)] };
    let number = first.u8(0);
    let walk = Walk { cx, family: number };
    let head = match (i32::from(number), bits & REQUEST != 0) {
        (libc::AF_UNIX, true) => &UNIX_ASKED,
        (libc::AF_UNIX, false) => &UNIX_TOLD,
        (libc::AF_INET | libc::AF_INET6, true) if OLD.contains(&kind) => &INET_ASKED_BEFORE,
        (libc::AF_INET | libc::AF_INET6, true) => &INET_ASKED,
        (libc::AF_INET | libc::AF_INET6, false) => &INET_TOLD,
        (libc::AF_NETLINK, true) => &NETLINK_ASKED,
        (libc::AF_NETLINK, false) => &NETLINK_TOLD,
        (libc::AF_PACKET, true) => &PACKET_ASKED,
        (libc::AF_PACKET, false) => &PACKET_TOLD,
        _ => return vec![plain(&walk, span)],
    };
    if span.count < 2 {
        return vec![plain(&walk, span)];
    }
    let fields = |raw: &Raw| (head.fields)(&walk, raw);
    headed(&walk, span, head.family, head.bytes, Some(&fields), head.attributes)
}

/// A family of which nothing is known, or only the family.
fn plain(walk: &Walk<'_, '_>, span: Span) -> Value {
    let mut shown = fields! { family: family(walk.family) };
    if let Some(data) = span.behind(1) {
        shown.extend(fields! { data: bytes(walk.cx, data) });
    }
    Value::Struct(shown)
}

/// `struct unix_diag_req`
const UNIX_ASKED: Head = Head {
    family: "sdiag_family",
    bytes: 24,
    fields: |_, raw| {
        fields! {
            sdiag_protocol: Value::UInt(raw.u8(1).into()),
            udiag_states: Value::flags(sockdiag::STATES.spell(raw.u32(4).into())),
            udiag_ino: Value::UInt(raw.u32(8).into()),
            udiag_show: Value::flags(sockdiag::UNIX_SHOW.spell(raw.u32(12).into())),
            udiag_cookie: cookie(raw, 16),
        }
    },
    attributes: None,
};

/// `struct unix_diag_msg`
const UNIX_TOLD: Head = Head {
    family: "udiag_family",
    bytes: 16,
    fields: |_, raw| {
        fields! {
            udiag_type: Value::name(choices::SOCKET_TYPE.spell(raw.u8(1).into())),
            udiag_state: Value::name(sockdiag::STATE.spell(raw.u8(2).into())),
            udiag_ino: Value::UInt(raw.u32(4).into()),
            udiag_cookie: cookie(raw, 8),
        }
    },
    attributes: Some(&UNIX),
};

/// `UNIX_DIAG_*`
const UNIX: Attributes = Attributes {
    unknown: "UNIX_DIAG_???",
    known: &[
        ("UNIX_DIAG_NAME", Data::Text),
        ("UNIX_DIAG_VFS", Data::Special(inode)),
        ("UNIX_DIAG_PEER", Data::Unsigned(4)),
        ("UNIX_DIAG_ICONS", Data::Special(peers)),
        ("UNIX_DIAG_RQLEN", Data::Numbers(&["udiag_rqueue", "udiag_wqueue"], 4, &[8])),
        ("UNIX_DIAG_MEMINFO", Data::Special(memory)),
        ("UNIX_DIAG_SHUTDOWN", Data::Unsigned(1)),
        ("UNIX_DIAG_UID", Data::Special(user)),
    ],
};

/// `struct unix_diag_vfs`
fn inode(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    known(walk, span, 8, |raw| {
        Value::Struct(fields! {
            udiag_vfs_dev: files::device(raw.u32(4).into()),
            udiag_vfs_ino: Value::UInt(raw.u32(0).into()),
        })
    })
}

/// The sockets that wait to be accepted, by their inode numbers.
fn peers(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    array(walk, span, 4, |raw| Value::UInt(raw.u32(0).into()))
}

/// `struct inet_diag_req_v2`
const INET_ASKED: Head = Head {
    family: "sdiag_family",
    bytes: 56,
    fields: |walk, raw| {
        fields! {
            sdiag_protocol: Value::name(choices::PROTOCOL.spell(raw.u8(1).into())),
            idiag_ext: Value::flags(sockdiag::INET_EXTENSIONS.spell(raw.u8(2).into())),
            idiag_states: Value::flags(sockdiag::STATES.spell(raw.u32(4).into())),
            id: socket(walk, &raw.part(8, 48)),
        }
    },
    attributes: Some(&INET_WISHES),
};

/// `struct inet_diag_req`
const INET_ASKED_BEFORE: Head = Head {
    family: "idiag_family",
    bytes: 60,
    fields: |walk, raw| {
        fields! {
            idiag_src_len: Value::UInt(raw.u8(1).into()),
            idiag_dst_len: Value::UInt(raw.u8(2).into()),
            idiag_ext: Value::flags(sockdiag::INET_EXTENSIONS.spell(raw.u8(3).into())),
            id: socket(walk, &raw.part(4, 48)),
            idiag_states: Value::flags(sockdiag::STATES.spell(raw.u32(52).into())),
            idiag_dbs: Value::UInt(raw.u32(56).into()),
        }
    },
    attributes: Some(&INET_WISHES),
};

/// `INET_DIAG_REQ_*`
const INET_WISHES: Attributes = Attributes {
    unknown: "INET_DIAG_REQ_???",
    known: &[
        ("INET_DIAG_REQ_NONE", Data::Bytes),
        ("INET_DIAG_REQ_BYTECODE", Data::Special(bytecode::spell)),
        ("INET_DIAG_REQ_SK_BPF_STORAGES", Data::Bytes),
        ("INET_DIAG_REQ_PROTOCOL", Data::Any(&choices::PROTOCOL)),
    ],
};

/// `struct inet_diag_msg`
const INET_TOLD: Head = Head {
    family: "idiag_family",
    bytes: 72,
    fields: |walk, raw| {
        fields! {
            idiag_state: Value::name(sockdiag::STATE.spell(raw.u8(1).into())),
            idiag_timer: Value::UInt(raw.u8(2).into()),
            idiag_retrans: Value::UInt(raw.u8(3).into()),
            id: socket(walk, &raw.part(4, 48)),
            idiag_expires: Value::UInt(raw.u32(52).into()),
            idiag_rqueue: Value::UInt(raw.u32(56).into()),
            idiag_wqueue: Value::UInt(raw.u32(60).into()),
            idiag_uid: Value::UInt(raw.u32(64).into()),
            idiag_inode: Value::UInt(raw.u32(68).into()),
        }
    },
    attributes: Some(&INET),
};

/// `struct inet_diag_sockid`
fn socket(walk: &Walk<'_, '_>, raw: &Raw) -> Value {
    let mut shown = fields! {
        idiag_sport: sockaddr::port(raw.slice(0, 2), Value::UInt(raw.be16(0).into())),
        idiag_dport: sockaddr::port(raw.slice(2, 2), Value::UInt(raw.be16(2).into())),
    };
    shown.push(address(walk.family, raw, 4, "idiag_src", "&idiag_src"));
    shown.push(address(walk.family, raw, 20, "idiag_dst", "&idiag_dst"));
    shown.extend(fields! {
        idiag_if: sockaddr::interface(raw.u32(36)),
        idiag_cookie: cookie(raw, 40),
    });
    Value::Struct(shown)
}

/// A field with an address of an internet family, and with room for one of IPv6 in any case.
pub(super) fn address(
    family: u8,
    raw: &Raw,
    at: usize,
    name: &'static str,
    place: &'static str,
) -> Field {
    match i32::from(family) {
        libc::AF_INET6 => {
            ("".into(), sockaddr::inet6_address(raw.slice(at, 16), Some((name, place))))
        }
        _ => match sockaddr::inet_address(raw.slice(at, 4)) {
            Value::Coded { meaning, .. } => {
                (name.into(), Value::coded(sockaddr::octets(raw.slice(at, 16)), *meaning))
            }
            other => (name.into(), other),
        },
    }
}

/// `INET_DIAG_*`
const INET: Attributes = Attributes {
    unknown: "INET_DIAG_???",
    known: &[
        ("INET_DIAG_NONE", Data::Bytes),
        (
            "INET_DIAG_MEMINFO",
            Data::Numbers(&["idiag_rmem", "idiag_wmem", "idiag_fmem", "idiag_tmem"], 4, &[16]),
        ),
        ("INET_DIAG_INFO", Data::Bytes),
        (
            "INET_DIAG_VEGASINFO",
            Data::Numbers(&["tcpv_enabled", "tcpv_rttcnt", "tcpv_rtt", "tcpv_minrtt"], 4, &[16]),
        ),
        ("INET_DIAG_CONG", Data::Text),
        ("INET_DIAG_TOS", Data::Unsigned(1)),
        ("INET_DIAG_TCLASS", Data::Unsigned(1)),
        ("INET_DIAG_SKMEMINFO", Data::Special(memory)),
        ("INET_DIAG_SHUTDOWN", Data::Special(shut)),
        ("INET_DIAG_DCTCPINFO", Data::Fields(16, DCTCP)),
        ("INET_DIAG_PROTOCOL", Data::Any(&choices::PROTOCOL)),
        ("INET_DIAG_SKV6ONLY", Data::Unsigned(1)),
        ("INET_DIAG_LOCALS", Data::Special(addresses)),
        ("INET_DIAG_PEERS", Data::Special(addresses)),
        ("INET_DIAG_PAD", Data::Bytes),
        ("INET_DIAG_MARK", Data::Unsigned(4)),
        ("INET_DIAG_BBRINFO", Data::Fields(20, BBR)),
        ("INET_DIAG_CLASS_ID", Data::Unsigned(4)),
        ("INET_DIAG_MD5SIG", Data::Special(keys)),
        ("INET_DIAG_ULP_INFO", Data::Bytes),
        ("INET_DIAG_SK_BPF_STORAGES", Data::Bytes),
        ("INET_DIAG_CGROUP_ID", Data::Unsigned(8)),
        ("INET_DIAG_SOCKOPT", Data::Special(options)),
    ],
};

/// `struct tcp_dctcp_info`
const DCTCP: &[(&str, usize, Data)] = &[
    ("dctcp_enabled", 0, Data::Unsigned(2)),
    ("dctcp_ce_state", 2, Data::Unsigned(2)),
    ("dctcp_alpha", 4, Data::Unsigned(4)),
    ("dctcp_ab_ecn", 8, Data::Unsigned(4)),
    ("dctcp_ab_tot", 12, Data::Unsigned(4)),
];

/// `struct tcp_bbr_info`
const BBR: &[(&str, usize, Data)] = &[
    ("bbr_bw_lo", 0, Data::Hex(4)),
    ("bbr_bw_hi", 4, Data::Hex(4)),
    ("bbr_min_rtt", 8, Data::Unsigned(4)),
    ("bbr_pacing_gain", 12, Data::Unsigned(4)),
    ("bbr_cwnd_gain", 16, Data::Unsigned(4)),
];

/// Which directions are shut: a number of any width with its meaning.
fn shut(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    if span.count > 8 {
        return None;
    }
    known(walk, span, 1, |raw| match raw.u8(0).into() {
        0 => Value::Hex(0),
        bits => {
            let (names, rest) = sockdiag::SHUT.split(bits);
            let rest = (rest != 0).then(|| format!("{rest:#x}"));
            let meaning = match names.is_empty() {
                true => sockdiag::SHUT.unknown.to_owned(),
                false => names.into_iter().chain(rest).collect::<Vec<_>>().join("|"),
            };
            Value::name(Word::hex(format!("{bits:#x} /* {meaning} */"), bits))
        }
    })
}

/// Addresses, each with room for one of any family.
fn addresses(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    array(walk, span, 128, sockaddr::spell)
}

/// Keys of signatures (`struct tcp_diag_md5sig`).
fn keys(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    const KEY_MAX: usize = 80;
    array(walk, span, 100, |raw| {
        let (number, length) = (raw.u8(0), raw.u16(2));
        let mut shown = fields! {
            tcpm_family: family(number),
            tcpm_prefixlen: Value::UInt(raw.u8(1).into()),
            tcpm_keylen: Value::UInt(length.into()),
        };
        shown.push(match i32::from(number) {
            libc::AF_INET | libc::AF_INET6 => address(number, raw, 4, "tcpm_addr", "&tcpm_addr"),
            _ => ("tcpm_addr".into(), sockaddr::octets(raw.slice(4, 16))),
        });
        let key = raw.slice(20, usize::from(length).min(KEY_MAX));
        shown.extend(fields! { tcpm_key: sockaddr::octets(key) });
        Value::Struct(shown)
    })
}

/// The bits of `struct inet_diag_sockopt`.
const OPTIONS: &[&str] = &[
    "recverr",
    "is_icsk",
    "freebind",
    "hdrincl",
    "mc_loop",
    "transparent",
    "mc_all",
    "nodefrag",
    "bind_address_no_port",
    "recverr_rfc4884",
    "defer_connect",
];

/// Options of a socket, and what a newer kernel tells behind them.
fn options(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    const BYTES: usize = 2;
    let told = known(walk, span, BYTES, |raw| {
        let bits = raw.u16(0);
        let all = !walk.cx.abbreviates();
        let set = |at: usize| bits >> at & 1;
        let named = OPTIONS.iter().enumerate().filter(|&(at, _)| all || set(at) != 0);
        let mut shown: Vec<Field> =
            named.map(|(at, name)| ((*name).into(), Value::UInt(set(at).into()))).collect();
        let unused = bits >> OPTIONS.len();
        if all || unused != 0 {
            let unused = format!("{} /* bits 3..8 */", Value::Hex(unused.into()));
            shown.extend(fields! { unused: Value::Verbatim(unused) });
        }
        Value::Struct(shown)
    })?;
    let rest = span.from(BYTES as u64);
    if rest
        .fetch(walk.cx, rest.count as usize)
        .is_none_or(|raw| raw.bytes().iter().all(|&byte| byte == 0))
    {
        return Some(told);
    }
    let between = format!("/* bytes {BYTES}..{} */ ", span.count - 1);
    Some(beside(walk.cx, told, &between, bytes(walk.cx, rest)))
}

/// `struct netlink_diag_req`
const NETLINK_ASKED: Head = Head {
    family: "sdiag_family",
    bytes: 20,
    fields: |_, raw| {
        let protocol = match raw.u8(1) {
            0xff => Word::hex("NDIAG_PROTO_ALL", 0xff),
            number => choices::NETLINK.spell(number.into()),
        };
        fields! {
            sdiag_protocol: Value::name(protocol),
            ndiag_ino: Value::UInt(raw.u32(4).into()),
            ndiag_show: Value::flags(sockdiag::NETLINK_SHOW.spell(raw.u32(8).into())),
            ndiag_cookie: cookie(raw, 12),
        }
    },
    attributes: None,
};

/// `struct netlink_diag_msg`
const NETLINK_TOLD: Head = Head {
    family: "ndiag_family",
    bytes: 28,
    fields: |_, raw| {
        fields! {
            ndiag_type: Value::name(choices::SOCKET_TYPE.spell(raw.u8(1).into())),
            ndiag_protocol: Value::name(choices::NETLINK.spell(raw.u8(2).into())),
            ndiag_state: Value::name(sockdiag::NETLINK_STATE.spell(raw.u8(3).into())),
            ndiag_portid: Value::UInt(raw.u32(4).into()),
            ndiag_dst_portid: Value::UInt(raw.u32(8).into()),
            ndiag_dst_group: Value::UInt(raw.u32(12).into()),
            ndiag_ino: Value::UInt(raw.u32(16).into()),
            ndiag_cookie: cookie(raw, 20),
        }
    },
    attributes: Some(&NETLINK),
};

/// `NETLINK_DIAG_*`
const NETLINK: Attributes = Attributes {
    unknown: "NETLINK_DIAG_???",
    known: &[
        ("NETLINK_DIAG_MEMINFO", Data::Special(memory)),
        ("NETLINK_DIAG_GROUPS", Data::Special(groups)),
        ("NETLINK_DIAG_RX_RING", Data::Numbers(NETLINK_RING, 4, &[16])),
        ("NETLINK_DIAG_TX_RING", Data::Numbers(NETLINK_RING, 4, &[16])),
        ("NETLINK_DIAG_FLAGS", Data::Some(&sockdiag::NETLINK_FLAGS, 4)),
    ],
};

/// `struct netlink_diag_ring`
const NETLINK_RING: &[&str] = &["ndr_block_size", "ndr_block_nr", "ndr_frame_size", "ndr_frame_nr"];

/// Words of bits, as printf's `%#016lx` pads them.
fn groups(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    array(walk, span, 8, |raw| {
        Value::Verbatim(match raw.u64(0) {
            0 => "0".repeat(16),
            bits => format!("{bits:#016x}"),
        })
    })
}

/// `struct packet_diag_req`
const PACKET_ASKED: Head = Head {
    family: "sdiag_family",
    bytes: 20,
    fields: |_, raw| {
        fields! {
            sdiag_protocol: Value::Hex(raw.u8(1).into()),
            pdiag_ino: Value::UInt(raw.u32(4).into()),
            pdiag_show: Value::flags(sockdiag::PACKET_SHOW.spell(raw.u32(8).into())),
            pdiag_cookie: cookie(raw, 12),
        }
    },
    attributes: None,
};

/// `struct packet_diag_msg`
const PACKET_TOLD: Head = Head {
    family: "pdiag_family",
    bytes: 16,
    fields: |_, raw| {
        fields! {
            pdiag_type: Value::name(choices::SOCKET_TYPE.spell(raw.u8(1).into())),
            pdiag_num: Value::name(netlink::ETHERNET.spell(raw.u16(2).into())),
            pdiag_ino: Value::UInt(raw.u32(4).into()),
            pdiag_cookie: cookie(raw, 8),
        }
    },
    attributes: Some(&PACKET),
};

/// `PACKET_DIAG_*`
const PACKET: Attributes = Attributes {
    unknown: "PACKET_DIAG_???",
    known: &[
        ("PACKET_DIAG_INFO", Data::Fields(24, PACKET_INFO)),
        ("PACKET_DIAG_MCLIST", Data::Special(memberships)),
        ("PACKET_DIAG_RX_RING", Data::Numbers(PACKET_RING, 4, &[28])),
        ("PACKET_DIAG_TX_RING", Data::Numbers(PACKET_RING, 4, &[28])),
        ("PACKET_DIAG_FANOUT", Data::Unsigned(4)),
        ("PACKET_DIAG_UID", Data::Special(user)),
        ("PACKET_DIAG_MEMINFO", Data::Special(memory)),
        ("PACKET_DIAG_FILTER", Data::Special(filter)),
    ],
};

/// `struct packet_diag_info`
const PACKET_INFO: &[(&str, usize, Data)] = &[
    ("pdi_index", 0, Data::Interface),
    ("pdi_version", 4, Data::One(&sockdiag::PACKET_VERSION, 4)),
    ("pdi_reserve", 8, Data::Unsigned(4)),
    ("pdi_copy_thresh", 12, Data::Unsigned(4)),
    ("pdi_tstamp", 16, Data::Unsigned(4)),
    ("pdi_flags", 20, Data::Some(&sockdiag::PACKET_FLAGS, 4)),
];

/// `struct packet_diag_ring`
const PACKET_RING: &[&str] = &[
    "pdr_block_size",
    "pdr_block_nr",
    "pdr_frame_size",
    "pdr_frame_nr",
    "pdr_retire_tmo",
    "pdr_sizeof_priv",
    "pdr_features",
];

/// Instructions of classic BPF, which are not looked into.
fn filter(_: &Walk<'_, '_>, span: Span) -> Option<Value> {
    (span.count >= 8).then_some(Value::Addr(span.addr))
}

/// What is received beside what is for this machine (`struct packet_diag_mclist`).
fn memberships(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    array(walk, span, 44, |raw| {
        let length = raw.u16(10);
        Value::Struct(fields! {
            pdmc_index: sockaddr::interface(raw.u32(0)),
            pdmc_count: Value::UInt(raw.u32(4).into()),
            pdmc_type: Value::UInt(raw.u16(8).into()),
            pdmc_alen: Value::UInt(length.into()),
            pdmc_addr: sockaddr::octets(raw.slice(12, usize::from(length).min(32))),
        })
    })
}

/// A user, or nobody.
fn user(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    known(walk, span, 4, |raw| match raw.u32(0) {
        u32::MAX => Value::Int(-1),
        user => Value::UInt(user.into()),
    })
}

/// How much memory a socket takes for what.
fn memory(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    places(walk.cx, span, &sockdiag::MEMORY, 4, |raw| raw.u32(0).into())
}

/// By what the kernel tells sockets apart.
fn cookie(raw: &Raw, at: usize) -> Value {
    Value::Array([at, at + 4].map(|at| Value::UInt(raw.u32(at).into())).to_vec())
}

/// A structure, if all of it is there.
pub(super) fn known(
    walk: &Walk<'_, '_>,
    span: Span,
    bytes: usize,
    spell: impl FnOnce(&Raw) -> Value,
) -> Option<Value> {
    (span.count >= bytes as u64).then(|| match span.fetch(walk.cx, bytes) {
        Some(raw) => spell(&raw),
        None => Value::Addr(span.addr),
    })
}

/// As many elements as there are whole ones; `None` if there is none.
fn array(
    walk: &Walk<'_, '_>,
    span: Span,
    bytes: usize,
    spell: impl FnMut(&Raw) -> Value,
) -> Option<Value> {
    let count = span.count / bytes as u64;
    (count > 0).then(|| walk.cx.array(span.addr, count, bytes, spell))
}
