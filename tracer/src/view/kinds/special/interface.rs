//! ioctls on network interfaces: `struct ifreq` is a name and one of many things.

use super::super::{Cx, files, raw::Raw, sockaddr};
use crate::call::Outcome;
use crate::view::names::sockets;
use crate::view::value::{Field, Value, fields};

/// Which way the second half goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The caller gives it.
    In,
    /// The kernel fills it in.
    Out,
}

/// The second half of the structure.
type Half = fn(&Raw) -> Vec<Field>;

/// Commands with what they ask of an interface.
const COMMANDS: &[(u32, Way, Half)] = &[
    (0x8913, Way::Out, flags),
    (0x8914, Way::In, flags),
    (0x8915, Way::Out, |raw| fields! { ifr_addr: address(raw) }),
    (0x8916, Way::In, |raw| fields! { ifr_addr: address(raw) }),
    (0x8917, Way::Out, |raw| fields! { ifr_dstaddr: address(raw) }),
    (0x8918, Way::In, |raw| fields! { ifr_dstaddr: address(raw) }),
    (0x8919, Way::Out, |raw| fields! { ifr_broadaddr: address(raw) }),
    (0x891a, Way::In, |raw| fields! { ifr_broadaddr: address(raw) }),
    (0x891b, Way::Out, |raw| fields! { ifr_netmask: address(raw) }),
    (0x891c, Way::In, |raw| fields! { ifr_netmask: address(raw) }),
    (0x891d, Way::Out, |raw| fields! { ifr_metric: number(raw) }),
    (0x891e, Way::In, |raw| fields! { ifr_metric: number(raw) }),
    (0x8921, Way::Out, |raw| fields! { ifr_mtu: number(raw) }),
    (0x8922, Way::In, |raw| fields! { ifr_mtu: number(raw) }),
    (0x8923, Way::In, |raw| fields! { ifr_newname: files::fixed_text(raw, HALF, HALF) }),
    (0x8924, Way::In, hardware),
    (0x8927, Way::Out, hardware),
    (0x8929, Way::Out, |raw| fields! { ifr_slave: files::fixed_text(raw, HALF, HALF) }),
    (0x8930, Way::In, |raw| fields! { ifr_slave: files::fixed_text(raw, HALF, HALF) }),
    (0x8931, Way::In, hardware),
    (0x8932, Way::In, hardware),
    (0x8933, Way::Out, |raw| fields! { ifr_ifindex: number(raw) }),
    (0x8937, Way::In, hardware),
    (0x8942, Way::Out, |raw| fields! { ifr_qlen: number(raw) }),
    (0x8943, Way::In, |raw| fields! { ifr_qlen: number(raw) }),
    (0x8970, Way::Out, map),
    (0x8971, Way::In, map),
];

/// SIOCGIFNAME goes from the number to the name.
const NAME_OF: u32 = 0x8910;

/// The size of each half that is shown.
const HALF: usize = 16;

/// Whether a command is one of these.
pub(super) fn is_of_interface(command: u32) -> bool {
    command == NAME_OF || row(command).is_some()
}

fn row(command: u32) -> Option<&'static (u32, Way, Half)> {
    COMMANDS.iter().find(|(known, ..)| *known == command)
}

/// The structure at entry, if the caller gives all of it.
pub(super) fn enter(cx: &Cx<'_>) -> Value {
    match row(cx.uint(1)) {
        Some((_, Way::In, half)) => whole(cx, *half),
        _ => Value::Pending,
    }
}

/// The structure at exit; of a call that failed, what the caller asked for.
pub(super) fn leave(cx: &Cx<'_>, value: &mut Value, outcome: Outcome) {
    if outcome == Outcome::Never || !value.is_pending() {
        return;
    }
    let answered = matches!(outcome, Outcome::Value(_));
    *value = match row(cx.uint(1)) {
        Some((.., half)) if answered => whole(cx, *half),
        Some(_) => request(cx, |raw| fields! { ifr_name: name(raw) }),
        None if answered => {
            request(cx, |raw| fields! { ifr_ifindex: number(raw), ifr_name: name(raw) })
        }
        None => request(cx, |raw| fields! { ifr_ifindex: number(raw) }),
    };
}

/// The name and the rest.
fn whole(cx: &Cx<'_>, half: Half) -> Value {
    request(cx, |raw| {
        let mut shown = fields! { ifr_name: name(raw) };
        shown.extend(half(raw));
        shown
    })
}

/// `struct ifreq`, whose second half has room for a map of words.
fn request(cx: &Cx<'_>, spell: impl FnOnce(&Raw) -> Vec<Field>) -> Value {
    let bytes = if cx.word() == 8 { 40 } else { 32 };
    cx.at(cx.arg(2), bytes, |raw| Value::Struct(spell(raw)))
}

fn name(raw: &Raw) -> Value {
    files::fixed_text(raw, 0, HALF)
}

fn number(raw: &Raw) -> Value {
    Value::Int(raw.i32(HALF).into())
}

fn address(raw: &Raw) -> Value {
    sockaddr::spell(&raw.part(HALF, HALF))
}

fn flags(raw: &Raw) -> Vec<Field> {
    fields! { ifr_flags: Value::flags(sockets::INTERFACE.spell(raw.u16(HALF).into())) }
}

/// `struct ifmap`
fn map(raw: &Raw) -> Vec<Field> {
    let word = raw.word();
    let rest = HALF + 2 * word;
    fields! {
        ifr_map: Value::Struct(fields! {
            mem_start: Value::Hex(raw.uword(HALF)),
            mem_end: Value::Hex(raw.uword(HALF + word)),
            base_addr: Value::Hex(raw.u16(rest).into()),
            irq: Value::Hex(raw.u8(rest + 2).into()),
            dma: Value::Hex(raw.u8(rest + 3).into()),
            port: Value::Hex(raw.u8(rest + 4).into()),
        }),
    }
}

/// How many octets of an address count for a kind of device; all that there is room for if nothing says so.
fn address_bytes(kind: u16) -> usize {
    match kind {
        // Arcnet, MCTP, LocalTalk, Phonet, CAIF
        7 | 290 | 773 | 820..=822 => 1,
        // frame relay
        15 => 2,
        // tunnels, IrDA
        768 | 776..=779 | 783 => 4,
        // X.25
        270 | 271 => 5,
        // Ethernet, 802.x, the loopback, FDDI, HIPPI
        1 | 6 | 772 | 774 | 780 | 801..=803 => 6,
        // AX.25
        0 | 3 => 7,
        // addresses of 64 bits
        27 | 804 | 805 | 825 | 826 => 8,
        _ => 14,
    }
}

/// The address of the device itself.
fn hardware(raw: &Raw) -> Vec<Field> {
    let count = address_bytes(raw.u16(HALF));
    let octets: Vec<_> =
        raw.slice(HALF + 2, count).iter().map(|byte| format!("{byte:02x}")).collect();
    fields! {
        ifr_hwaddr: Value::Struct(fields! {
            sa_family: sockaddr::hardware_type(raw.u16(HALF)),
            sa_data: Value::coded(
                sockaddr::octets(raw.slice(HALF + 2, 14)),
                Value::Verbatim(octets.join(":")),
            ),
        }),
    }
}
