//! Socket addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::flags::ethernet;
use super::raw::Raw;
use super::{Cx, strings};
use crate::call::Outcome;
use crate::view::names::{choices, netlink};
use crate::view::value::{Cut, Quoting, Text, Value, fields};
use crate::view::word::{Number, Word};

/// `sizeof(struct sockaddr_storage)`: nothing longer is an address.
const BYTES_MAX: u64 = 128;
/// `sizeof(sun_path)`
const SUN_PATH: usize = 108;

/// An address of `bytes` bytes.
pub(super) fn at(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    // The kernel takes the length for a signed number of four bytes.
    if (bytes as u32 as i32) < 2 {
        return Value::Addr(addr);
    }
    let bytes = bytes.min(BYTES_MAX) as usize;
    cx.at(addr, bytes, spell)
}

/// An address the kernel filled in; how long it is stands behind the pointer `len`, and how much
/// room there was is in `room`.
pub(super) fn filled(cx: &Cx<'_>, addr: u64, len: u64, room: &Value, outcome: Outcome) -> Value {
    let Outcome::Value(_) = outcome else {
        return match outcome {
            Outcome::Never => Value::Pending,
            _ => Value::Addr(addr),
        };
    };
    let Some(length) = cx.raw(len, 4) else { return Value::Addr(addr) };
    let room = match room {
        Value::Array(one) => match one.first() {
            Some(Value::Int(room)) => *room as u64,
            _ => BYTES_MAX,
        },
        _ => BYTES_MAX,
    };
    at(cx, addr, u64::from(length.u32(0)).min(room))
}

/// An address whose bytes are all here.
pub(super) fn spell(raw: &Raw) -> Value {
    let bytes = raw.bytes().len();
    match i32::from(raw.u16(0)) {
        libc::AF_UNIX => unix(raw),
        libc::AF_INET if bytes >= 8 => Value::Struct(fields! {
            sa_family: family(libc::AF_INET, "AF_INET"),
            sin_port: port(raw.slice(2, 2), Value::UInt(raw.be16(2).into())),
            sin_addr: inet_address(raw.slice(4, 4)),
        }),
        libc::AF_INET6 if bytes >= 24 => inet6(raw),
        libc::AF_NETLINK if bytes >= 12 => netlink(raw),
        libc::AF_PACKET if bytes >= 20 => packet(raw),
        libc::AF_VSOCK if bytes >= 12 => vsock(raw),
        other => {
            let mut shown = fields! { sa_family: Value::name(choices::FAMILY.spell(other as u64)) };
            if bytes > 2 {
                let data = strings::literal(raw.slice(2, bytes), Cut::Whole);
                shown.extend(fields! { sa_data: data });
            }
            Value::Struct(shown)
        }
    }
}

/// Whether an address is one of netlink, however short.
pub(super) fn is_netlink(address: &Value) -> bool {
    let Value::Struct(fields) = address else { return false };
    let number = Some(Number::Hex(libc::AF_NETLINK as u64));
    matches!(fields.first(), Some((_, Value::Name(word))) if word.number == number)
}

/// A path, an abstract name (`@"…"`), or nothing.
fn unix(raw: &Raw) -> Value {
    let mut shown = fields! { sa_family: family(libc::AF_UNIX, "AF_UNIX") };
    let path = raw.slice(2, SUN_PATH);
    match path {
        [] => {}
        [0, name @ ..] => {
            let name = Value::Abstract(Box::new(strings::literal(name, Cut::Whole)));
            shown.extend(fields! { sun_path: name });
        }
        _ => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            let path = strings::literal(&path[..end], Cut::Whole);
            shown.extend(fields! { sun_path: path });
        }
    }
    Value::Struct(shown)
}

fn family(number: i32, name: &'static str) -> Value {
    Value::name(Word::hex(name, number as u64))
}

fn inet6(raw: &Raw) -> Value {
    let octets = raw.slice(8, 16);
    let flow = Value::call("htonl", [Value::UInt(raw.be32(4).into())]);
    let mut shown = fields! {
        sa_family: family(libc::AF_INET6, "AF_INET6"),
        sin6_port: port(raw.slice(2, 2), Value::UInt(raw.be16(2).into())),
        sin6_flowinfo: Value::coded(self::octets(raw.slice(4, 4)), flow),
    };
    shown.push(("".into(), inet6_address(octets, Some(("sin6_addr", "&sin6_addr")))));
    if raw.bytes().len() >= 28 {
        let scope = raw.u32(24);
        // Elsewhere the number means no interface.
        let local = octets[0] == 0xfe && octets[1] & 0xc0 == 0x80
            || octets[0] == 0xff && octets[1] & 0xf == 2;
        let scope = if local { interface(scope) } else { Value::UInt(scope.into()) };
        shown.extend(fields! { sin6_scope_id: scope });
    }
    Value::Struct(shown)
}

fn packet(raw: &Raw) -> Value {
    let length = raw.u8(11);
    let mut hardware: Vec<Value> =
        raw.slice(12, length.into()).iter().map(|&byte| octet(byte)).collect();
    if hardware.len() < length.into() {
        hardware.push(Value::More);
    }
    let mut shown = fields! {
        sa_family: family(libc::AF_PACKET, "AF_PACKET"),
        sll_protocol: port(raw.slice(2, 2), Value::name(ethernet(raw.be16(2)))),
        sll_ifindex: interface(raw.u32(4)),
        sll_hatype: hardware_type(raw.u16(8)),
        sll_pkttype: Value::name(choices::PACKET_TYPE.spell(raw.u8(10).into())),
        sll_halen: Value::UInt(length.into()),
    };
    if length > 0 {
        shown.extend(fields! { sll_addr: Value::Array(hardware) });
    }
    Value::Struct(shown)
}

/// As printf's `%#02x` has it: the prefix counts among the two, and zero has none.
fn octet(byte: u8) -> Value {
    match byte {
        0 => Value::Verbatim("00".to_owned()),
        _ => Value::Hex(byte.into()),
    }
}

/// The kind of a network device.
pub(super) fn hardware_type(number: u16) -> Value {
    Value::name(netlink::HARDWARE.spell(number.into()))
}

fn vsock(raw: &Raw) -> Value {
    let cid = match raw.u32(8) {
        u32::MAX => Value::name("VMADDR_CID_ANY"),
        0 => Value::name("VMADDR_CID_HYPERVISOR"),
        1 => Value::name("VMADDR_CID_LOCAL"),
        2 => Value::name("VMADDR_CID_HOST"),
        cid => Value::Hex(cid.into()),
    };
    let port = match raw.u32(4) {
        u32::MAX => Value::name("VMADDR_PORT_ANY"),
        port => Value::Hex(port.into()),
    };
    Value::Struct(fields! {
        sa_family: family(libc::AF_VSOCK, "AF_VSOCK"),
        svm_cid: cid,
        svm_port: port,
        svm_flags: Value::Hex(raw.u8(12).into()),
    })
}

fn netlink(raw: &Raw) -> Value {
    let mut shown = fields! { sa_family: family(libc::AF_NETLINK, "AF_NETLINK") };
    if raw.u16(2) != 0 {
        shown.extend(fields! { nl_pad: Value::Hex(raw.u16(2).into()) });
    }
    shown.extend(fields! {
        nl_pid: Value::Int(raw.i32(4).into()),
        nl_groups: Value::Verbatim(padded(raw.u32(8))),
    });
    Value::Struct(shown)
}

/// A number of two bytes in network byte order.
pub(super) fn port(octets: &[u8], number: Value) -> Value {
    Value::coded(self::octets(octets), Value::call("htons", [number]))
}

/// An IPv4 address.
pub(super) fn inet_address(octets: &[u8]) -> Value {
    let address: [u8; 4] = octets.try_into().unwrap_or_default();
    let address = text(&Ipv4Addr::from(address).to_string());
    Value::coded(self::octets(octets), Value::call("inet_addr", [address]))
}

/// An IPv6 address; a call stores it at a place, whose name the field has without the call.
pub(super) fn inet6_address(octets: &[u8], place: Option<(&'static str, &str)>) -> Value {
    let address: [u8; 16] = octets.try_into().unwrap_or_default();
    let mut args =
        vec![family(libc::AF_INET6, "AF_INET6"), text(&Ipv6Addr::from(address).to_string())];
    args.extend(place.map(|(_, place)| Value::Verbatim(place.to_owned())));
    Value::Coded {
        code: Box::new(self::octets(octets)),
        meaning: Box::new(Value::call("inet_pton", args)),
        field: place.map(|(field, _)| field),
    }
}

/// Bytes, each in hexadecimal.
pub(super) fn octets(octets: &[u8]) -> Value {
    Value::Str(Text { bytes: octets.to_vec(), cut: Cut::Whole, quoting: Quoting::Hex })
}

/// A flag word as printf's `%#08x` pads it.
pub(super) fn padded(bits: u32) -> String {
    if bits == 0 { "00000000".to_owned() } else { format!("{bits:#08x}") }
}

/// An interface, by name where this machine knows one.
pub(super) fn interface(index: u32) -> Value {
    let number = Value::UInt(index.into());
    match interface_name(index) {
        Some(name) => Value::coded(number, Value::call("if_nametoindex", [text(&name)])),
        None => number,
    }
}

/// The name of the interface with this index on this machine.
fn interface_name(index: u32) -> Option<String> {
    if index == 0 {
        return None;
    }
    let entries = std::fs::read_dir("/sys/class/net").ok()?;
    entries.flatten().find_map(|entry| {
        let number = std::fs::read_to_string(entry.path().join("ifindex")).ok()?;
        (number.trim() == index.to_string()).then(|| entry.file_name().to_string_lossy().into())
    })
}

fn text(text: &str) -> Value {
    strings::literal(text.as_bytes(), Cut::Whole)
}
