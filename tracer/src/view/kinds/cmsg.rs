//! Control messages: what travels beside the data of a socket.

use super::raw::Raw;
use super::{Cx, sockaddr, sockets, strings, time};
use crate::view::names::sockopts;
use crate::view::value::{Cut, Value, fields};
use crate::view::word::Word;

/// Control messages beyond this are not read.
const CONTROL_BYTES_MAX: u64 = 1 << 17;

/// What `SOL_SOCKET` carries that is not a descriptor or an option.
const SCM_SECURITY: i32 = 3;
/// `sizeof(struct sockaddr_storage)`
const ADDRESS_BYTES_MAX: usize = 128;
/// `struct sock_extended_err`, and with who told of the error.
const IP_RECVERR_BYTES: usize = 16;
const ERROR_BYTES: usize = IP_RECVERR_BYTES + 16;

/// The messages in `bytes` bytes at `addr`.
pub(super) fn messages(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    let bytes = bytes.min(CONTROL_BYTES_MAX) as usize;
    // `sizeof(struct cmsghdr)`
    let header = cx.word() + 8;
    if bytes < header {
        return Value::Addr(addr);
    }
    cx.at(addr, bytes, |raw| {
        let mut elements = Vec::new();
        let mut at = 0;
        while at + header <= bytes {
            let length = usize::try_from(raw.uword(at)).unwrap_or(usize::MAX);
            elements.push(message(cx, raw, at, length.min(bytes - at)));
            if length < header || length > bytes - at {
                at = if length < header { at + header } else { bytes };
                break;
            }
            at += length.next_multiple_of(cx.word());
        }
        // No message fits there.
        if at < bytes {
            let place = addr.wrapping_add(at as u64);
            elements.push(Value::Verbatim(format!("... /* {place:#x} */")));
        }
        Value::Array(elements)
    })
}

/// How the data of a message are spelled.
type Spell = fn(&Cx<'_>, &Raw) -> Value;

/// What a message carries.
#[derive(Clone, Copy)]
enum Data {
    /// A structure of at least so many bytes; of fewer nothing is told.
    Whole(usize, Spell),
    /// A time of so many words; of fewer it is told that they are none.
    Time(usize, Spell),
    /// As many things of so many bytes as there are.
    Each(usize, Spell),
}

/// Messages of `SOL_SOCKET`.
const OF_SOCKET: &[(i32, &str, Data)] = &[
    (libc::SCM_RIGHTS, "SCM_RIGHTS", Data::Each(4, |cx, data| cx.fd(data.i32(0)))),
    (
        libc::SCM_CREDENTIALS,
        "SCM_CREDENTIALS",
        Data::Whole(12, |_, data| sockets::credentials(data)),
    ),
    (SCM_SECURITY, "SCM_SECURITY", SECURITY),
    (29, "SO_TIMESTAMP_OLD", Data::Time(2, |_, data| time::timeval(data, 0))),
    (35, "SO_TIMESTAMPNS_OLD", Data::Time(2, |_, data| time::timespec(data, 0))),
    (37, "SO_TIMESTAMPING_OLD", Data::Time(6, |_, data| stamps(data))),
    (63, "SO_TIMESTAMP_NEW", Data::Time(2, |_, data| time::timeval(data, 0))),
    (64, "SO_TIMESTAMPNS_NEW", Data::Time(2, |_, data| time::timespec(data, 0))),
    (65, "SO_TIMESTAMPING_NEW", Data::Time(6, |_, data| stamps(data))),
];

/// Messages of `SOL_IP`.
const OF_IP: &[(i32, &str, Data)] = &[
    (1, "IP_TOS", OCTETS),
    (2, "IP_TTL", NUMBERS),
    (3, "SCM_SECURITY", SECURITY),
    (6, "IP_RECVOPTS", OCTETS),
    (7, "IP_RETOPTS", OCTETS),
    (8, "IP_PKTINFO", Data::Whole(12, |_, data| packet_info(data))),
    (11, "IP_RECVERR", Data::Whole(ERROR_BYTES, |_, data| error(data))),
    (
        20,
        "IP_ORIGDSTADDR",
        Data::Whole(16, |_, data| sockaddr::spell(&data.part(0, ADDRESS_BYTES_MAX))),
    ),
    (23, "IP_CHECKSUM", NUMBERS),
];

const SECURITY: Data = Data::Whole(1, |_, data| strings::literal(data.bytes(), Cut::Whole));
const OCTETS: Data = Data::Each(1, |_, data| Value::Hex(data.u8(0).into()));
const NUMBERS: Data = Data::Each(4, |_, data| Value::UInt(data.u32(0).into()));

impl Data {
    fn spell(self, cx: &Cx<'_>, data: &Raw) -> Option<Value> {
        let bytes = data.bytes().len();
        match self {
            Data::Whole(least, spell) => (bytes >= least).then(|| spell(cx, data)),
            Data::Time(..) if bytes == 0 => None,
            Data::Time(words, _) if bytes < words * data.time() => {
                Some(Value::Verbatim("???".to_owned()))
            }
            Data::Time(_, spell) => Some(spell(cx, data)),
            Data::Each(size, _) if bytes < size => None,
            Data::Each(size, spell) => {
                let count = bytes / size;
                let shown = count.min(cx.elements_max());
                let mut elements: Vec<_> =
                    (0..shown).map(|at| spell(cx, &data.part(at * size, size))).collect();
                if shown < count {
                    elements.push(Value::More);
                }
                Some(Value::Array(elements))
            }
        }
    }
}

fn message(cx: &Cx<'_>, raw: &Raw, at: usize, length: usize) -> Value {
    let (word, header) = (raw.word(), raw.word() + 8);
    let (level, kind) = (raw.u32(at + word), raw.u32(at + word + 4));
    let named = |number: u32, name: Option<&'static str>, unknown: &str| {
        Value::name(match name {
            Some(name) => Word::hex(name, number.into()),
            None => {
                let text = format!("{} /* {unknown} */", Value::Hex(number.into()));
                Word::hex(text, number.into())
            }
        })
    };
    let mut shown = fields! {
        cmsg_len: Value::UInt(raw.uword(at)),
        cmsg_level: named(level, sockopts::LEVEL.name(level.into()), "SOL_???"),
    };
    let (table, unknown) = match level as i32 {
        libc::SOL_SOCKET => (OF_SOCKET, "SCM_???"),
        libc::IPPROTO_IP => (OF_IP, "IP_???"),
        _ => {
            shown.extend(fields! { cmsg_type: Value::Hex(kind.into()) });
            return Value::Struct(shown);
        }
    };
    let row = table.iter().find(|(known, ..)| *known == kind as i32);
    shown.extend(fields! { cmsg_type: named(kind, row.map(|row| row.1), unknown) });
    let data = raw.part(at + header, length.saturating_sub(header));
    if let Some(told) = row.and_then(|(.., carried)| carried.spell(cx, &data)) {
        shown.extend(fields! { cmsg_data: told });
    }
    Value::Struct(shown)
}

/// When a packet was seen: by software, unused, by hardware.
fn stamps(data: &Raw) -> Value {
    Value::Array((0..3).map(|n| time::timespec(data, n * 2 * data.time())).collect())
}

/// `struct in_pktinfo`
fn packet_info(data: &Raw) -> Value {
    let address = |at| sockaddr::inet_address(data.slice(at, 4));
    Value::Struct(fields! {
        ipi_ifindex: sockaddr::interface(data.u32(0)),
        ipi_spec_dst: address(4),
        ipi_addr: address(8),
    })
}

/// `struct sock_extended_err`, and behind it who told of the error.
fn error(data: &Raw) -> Value {
    Value::Struct(fields! {
        ee_errno: Value::UInt(data.u32(0).into()),
        ee_origin: Value::UInt(data.u8(4).into()),
        ee_type: Value::UInt(data.u8(5).into()),
        ee_code: Value::UInt(data.u8(6).into()),
        ee_info: Value::UInt(data.u32(8).into()),
        ee_data: Value::UInt(data.u32(12).into()),
        offender: sockaddr::spell(&data.part(IP_RECVERR_BYTES, 16)),
    })
}
