//! Attributes of netlink messages: each has its length and its number, and what it holds is told by a
//! table.

use super::super::raw::Raw;
use super::super::{Cx, sockaddr, strings};
use crate::view::names::{Menu, Set};
use crate::view::style::Hex;
use crate::view::value::{Cut, Quoting, Text, Value, fields};
use crate::view::word::{Number, Word};

/// `sizeof(struct nlattr)`
const HEADER: usize = 4;
/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`, which stand beside an attribute's number.
const NESTED: u16 = 0x8000;
const NET_BYTEORDER: u16 = 0x4000;
/// `MAX_ADDR_LEN`
pub(super) const HARDWARE_MAX: u64 = 32;

/// A part of a tracee's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) addr: u64,
    pub(super) count: u64,
}

impl Span {
    /// At most the first `count` bytes.
    pub(super) fn first(self, count: u64) -> Span {
        Span { count: self.count.min(count), ..self }
    }

    /// What lies behind the first `count` bytes; there may be nothing.
    pub(super) fn from(self, count: u64) -> Span {
        Span { addr: self.addr.wrapping_add(count), count: self.count.saturating_sub(count) }
    }

    /// What lies behind the first `count` bytes, if there is anything.
    pub(super) fn behind(self, count: u64) -> Option<Span> {
        Some(self.from(count)).filter(|rest| rest.count > 0)
    }

    /// The first `count` bytes.
    pub(super) fn fetch(self, cx: &Cx<'_>, count: usize) -> Option<Raw> {
        cx.peek(self.addr, count)
    }
}

/// What the spelling of an attribute depends on.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a, 'b> {
    pub(super) cx: &'a Cx<'b>,
    /// The address family of the message.
    pub(super) family: u8,
}

/// The attributes of a kind of message, by their numbers.
#[derive(Debug)]
pub(super) struct Attributes {
    pub(super) unknown: &'static str,
    /// The first of them is number 0, which may have no name.
    pub(super) known: &'static [(&'static str, Data)],
}

/// An attribute's spelling, if it has a good one.
pub(super) type Spell = fn(&Walk<'_, '_>, Span) -> Option<Value>;

/// What an attribute, or a field of a structure, holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Data {
    Bytes,
    /// Numbers of so many bytes.
    Unsigned(usize),
    Signed(usize),
    Hex(usize),
    /// A flag word as printf's `%#08x` pads it.
    Padded,
    /// A constant, or several, of so many bytes.
    One(&'static Menu, usize),
    Some(&'static Set, usize),
    /// The number of a network interface.
    Interface,
    /// A port in network byte order.
    Port,
    /// A number of eight bytes in network byte order.
    Wide,
    Descriptor,
    /// A constant of any width.
    Any(&'static Menu),
    /// A string whose last byte is NUL, and one that ends at the first NUL.
    Text,
    Terminated,
    /// An address of the message's family, and one of a family of its own.
    Address,
    Inet6,
    /// An address of a network device.
    Hardware,
    /// Numbers of one byte each.
    Octets,
    /// An array in which each place has a name; its elements have so many bytes.
    Places(&'static Menu, usize),
    /// A structure of unsigned numbers of equal width; the fields that are in all versions, and those
    /// that came later.
    Numbers(&'static [&'static str], usize, &'static [usize]),
    /// Another structure: its size and its fields, each with its place.
    Fields(usize, &'static [(&'static str, usize, Data)]),
    Nested(&'static Attributes),
    Special(Spell),
}

/// Bytes that nobody knows better.
pub(super) fn bytes(cx: &Cx<'_>, span: Span) -> Value {
    strings::quoted(cx, span.addr, span.count, Quoting::Hex)
}

/// What follows each other in a buffer, each with its length in its header.
pub(super) fn chain(
    cx: &Cx<'_>,
    mut span: Span,
    header: usize,
    length: impl Fn(&Raw) -> u64,
    mut spell: impl FnMut(&Raw, Span) -> Value,
) -> Value {
    let mut elements = Vec::new();
    loop {
        if span.count < header as u64 {
            elements.push(bytes(cx, span));
            break;
        }
        let Some(raw) = span.fetch(cx, header) else {
            elements.push(match elements.is_empty() {
                true => Value::Addr(span.addr),
                false => Value::Verbatim(format!("... /* {:#x} */", span.addr)),
            });
            break;
        };
        if elements.len() >= cx.elements_max() {
            elements.push(Value::More);
            break;
        }
        elements.push(spell(&raw, span));
        let length = length(&raw);
        match span.behind(length.next_multiple_of(4)) {
            Some(rest) if length >= header as u64 => span = rest,
            _ => break,
        }
    }
    if elements.len() > 1 { Value::Array(elements) } else { elements.pop().unwrap_or(Value::More) }
}

/// A list of attributes of a table.
pub(super) fn list(walk: &Walk<'_, '_>, span: Span, table: &Attributes) -> Value {
    list_by(walk, span, table.unknown, |number| {
        let &(name, data) = table.known.get(usize::from(bare(number)))?;
        Some((Some(name).filter(|name| !name.is_empty()), data))
    })
}

/// An attribute's number without what stands beside it.
pub(super) fn bare(number: u16) -> u16 {
    number & !(NESTED | NET_BYTEORDER)
}

/// A list of attributes of which `row` tells the name and what is in them.
pub(super) fn list_by(
    walk: &Walk<'_, '_>,
    span: Span,
    unknown: &str,
    row: impl Fn(u16) -> Option<(Option<&'static str>, Data)>,
) -> Value {
    chain(
        walk.cx,
        span,
        HEADER,
        |raw| raw.u16(0).into(),
        |raw, span| {
            let (length, number) = (raw.u16(0), raw.u16(2));
            let (name, data) = row(number).unwrap_or((None, Data::Bytes));
            let head = Value::Struct(fields! {
                nla_len: Value::UInt(length.into()),
                nla_type: Value::name(number_of(walk.cx, number, name, unknown)),
            });
            match span.first(length.into()).behind(HEADER as u64) {
                Some(payload) => Value::Array(vec![head, data.spell(walk, payload)]),
                None => head,
            }
        },
    )
}

/// An attribute's number and what stands beside it.
fn number_of(cx: &Cx<'_>, number: u16, name: Option<&'static str>, unknown: &str) -> Word {
    let bare = u64::from(bare(number));
    let mut word = match name {
        Some(name) => Word::hex(name, bare),
        None => Word::hex(format!("{} /* {unknown} */", Number::Hex(bare)), bare),
    };
    for (flag, name) in [(NET_BYTEORDER, "NLA_F_NET_BYTEORDER"), (NESTED, "NLA_F_NESTED")] {
        if number & flag != 0 {
            word = Word::hex(name, flag.into()).beside(word, cx.style.constants);
        }
    }
    word
}

impl Data {
    /// What is in an attribute.
    pub(super) fn spell(self, walk: &Walk<'_, '_>, span: Span) -> Value {
        self.known(walk, span).unwrap_or_else(|| bytes(walk.cx, span))
    }

    /// The same, if it is as long as it has to be.
    fn known(self, walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
        let cx = walk.cx;
        let count = match self {
            Data::Bytes => return None,
            Data::Special(spell) => return spell(walk, span),
            Data::Nested(table) => return Some(list(walk, span, table)),
            Data::Text => return Some(text(cx, span)),
            Data::Terminated => return Some(terminated(cx, span)),
            Data::Address => return Some(address(walk, span)),
            Data::Octets => {
                return Some(
                    cx.array(span.addr, span.count, 1, |raw| Value::UInt(raw.u8(0).into())),
                );
            }
            Data::Places(names, 4) => return places(cx, span, names, 4, |raw| raw.i32(0).into()),
            Data::Places(names, bytes) => {
                return places(cx, span, names, bytes, |raw| raw.u64(0).into());
            }
            Data::Hardware if span.count > HARDWARE_MAX => return None,
            Data::Any(_) if span.count > 8 => return None,
            Data::Hardware | Data::Any(_) => span.count as usize,
            Data::Numbers(_, _, sizes) => {
                let whole = sizes.last().copied().filter(|&whole| span.count >= whole as u64);
                whole.or_else(|| sizes.iter().copied().find(|&size| span.count == size as u64))?
            }
            other => other.bytes(),
        };
        if span.count < count as u64 {
            return None;
        }
        Some(match span.fetch(cx, count) {
            Some(raw) => self.value(cx, &raw, 0),
            None => Value::Addr(span.addr),
        })
    }

    /// How many bytes it takes, if that is always the same.
    fn bytes(self) -> usize {
        match self {
            Data::Unsigned(bytes)
            | Data::Signed(bytes)
            | Data::Hex(bytes)
            | Data::One(_, bytes)
            | Data::Some(_, bytes)
            | Data::Fields(bytes, _) => bytes,
            Data::Interface | Data::Descriptor | Data::Padded => 4,
            Data::Port => 2,
            Data::Wide => 8,
            Data::Inet6 => 16,
            _ => 0,
        }
    }

    /// What stands at a place of bytes that are all here.
    pub(super) fn value(self, cx: &Cx<'_>, raw: &Raw, at: usize) -> Value {
        match self {
            Data::Unsigned(bytes) => Value::UInt(unsigned(raw, at, bytes)),
            Data::Signed(_) => Value::Int(raw.i32(at).into()),
            Data::Hex(bytes) => Value::Hex(unsigned(raw, at, bytes)),
            Data::Padded => Value::Verbatim(sockaddr::padded(raw.u32(at))),
            Data::One(menu, bytes) => Value::name(menu.spell(unsigned(raw, at, bytes))),
            Data::Any(menu) => Value::name(menu.spell(unsigned(raw, at, raw.bytes().len()))),
            Data::Some(set, bytes) => Value::flags(set.spell(unsigned(raw, at, bytes))),
            Data::Interface => sockaddr::interface(raw.u32(at)),
            Data::Port => Value::call("htons", [Value::UInt(raw.be16(at).into())]),
            Data::Wide => Value::call("htobe64", [Value::UInt(raw.u64(at).swap_bytes())]),
            Data::Descriptor => cx.fd(raw.i32(at)),
            Data::Inet6 => sockaddr::inet6_address(raw.slice(at, 16), None),
            Data::Hardware => hardware(raw.bytes(), usize::MAX),
            Data::Numbers(names, width, _) => {
                let places = names.iter().enumerate().map(|(n, name)| (*name, n * width));
                let there = places.filter(|(_, at)| at + width <= raw.bytes().len());
                let number = |at| Value::UInt(unsigned(raw, at, width));
                Value::Struct(there.map(|(name, at)| (name.into(), number(at))).collect())
            }
            Data::Fields(_, known) => {
                let shown =
                    known.iter().map(|&(name, at, data)| (name.into(), data.value(cx, raw, at)));
                Value::Struct(shown.collect())
            }
            Data::Bytes
            | Data::Text
            | Data::Terminated
            | Data::Address
            | Data::Octets
            | Data::Places(..)
            | Data::Nested(_)
            | Data::Special(_) => Value::More,
        }
    }
}

/// A number of up to eight bytes.
fn unsigned(raw: &Raw, at: usize, bytes: usize) -> u64 {
    let mut octets = [0; 8];
    let given = raw.slice(at, bytes.min(8));
    if cfg!(target_endian = "big") {
        octets[8 - given.len()..].copy_from_slice(given);
    } else {
        octets[..given.len()].copy_from_slice(given);
    }
    u64::from_ne_bytes(octets)
}

/// A string; without the NUL that ends it nobody knows whether it goes on.
fn text(cx: &Cx<'_>, span: Span) -> Value {
    let shown = span.count.min(cx.style.string_max as u64);
    let read = span.count.min(shown + 1) as usize;
    let Some(raw) = cx.peek(span.addr, read) else { return Value::Addr(span.addr) };
    let (bytes, cut) = match raw.slice(0, shown as usize) {
        // In hexadecimal the NUL is a byte as any other.
        [text @ .., 0] if cx.style.hex == Hex::Never => (text, Cut::Whole),
        text => (text, Cut::Short),
    };
    Value::Str(Text { bytes: bytes.to_vec(), cut, quoting: Quoting::Octal })
}

/// A string that ends at the first NUL.
fn terminated(cx: &Cx<'_>, span: Span) -> Value {
    let room = span.count.min(cx.style.string_max as u64 + 1) as usize;
    let Some(raw) = cx.peek(span.addr, room) else { return Value::Addr(span.addr) };
    match raw.bytes().iter().position(|&byte| byte == 0) {
        Some(end) => strings::literal(raw.slice(0, end), Cut::Whole),
        None => strings::literal(raw.slice(0, cx.style.string_max), Cut::Short),
    }
}

/// An address of the message's family.
fn address(walk: &Walk<'_, '_>, span: Span) -> Value {
    let cx = walk.cx;
    inet(cx, span, walk.family.into()).unwrap_or_else(|| bytes(cx, span))
}

/// An address of an internet family.
pub(super) fn inet(cx: &Cx<'_>, span: Span, family: i32) -> Option<Value> {
    let count = match family {
        libc::AF_INET => 4,
        libc::AF_INET6 => 16,
        _ => return None,
    };
    if span.count < count as u64 {
        return None;
    }
    let Some(raw) = span.fetch(cx, count) else { return Some(Value::Addr(span.addr)) };
    Some(match count {
        4 => sockaddr::inet_address(raw.bytes()),
        _ => sockaddr::inet6_address(raw.bytes(), None),
    })
}

/// `00:16:3e:01:02:03`, of which no more than `most` are read.
pub(super) fn hardware(octets: &[u8], most: usize) -> Value {
    let parts: Vec<String> = octets.iter().take(most).map(|octet| format!("{octet:02x}")).collect();
    Value::coded(sockaddr::octets(octets), Value::Verbatim(parts.join(":")))
}

/// `[[DEVCONF_FORWARDING]=0, …]`
pub(super) fn places(
    cx: &Cx<'_>,
    span: Span,
    names: &Menu,
    bytes: usize,
    value: impl Fn(&Raw) -> i128,
) -> Option<Value> {
    let count = span.count / bytes as u64;
    if count == 0 {
        return None;
    }
    let mut at = 0;
    Some(cx.array(span.addr, count, bytes, |raw| {
        let number = Number::Unsigned(at);
        let mut name = match names.name(at) {
            Some(name) => Word::new(name, number),
            None => Word::new(format!("{number} /* {} */", names.unknown), number),
        };
        name.dress(cx.style.constants);
        at += 1;
        Value::Verbatim(format!("[{name}]={}", value(raw)))
    }))
}

/// Two values that stand beside each other in an attribute.
pub(super) fn beside(cx: &Cx<'_>, mut first: Value, between: &str, mut second: Value) -> Value {
    first.dress(cx.style);
    second.dress(cx.style);
    Value::Verbatim(format!("{first}, {between}{second}"))
}
