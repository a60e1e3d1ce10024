//! How each kind of argument is read and spelled.
//!
//! The rows of `vrift-arch` say of what kind an argument is; here is one spelling per kind, and in
//! `special` one per call whose arguments depend on each other. Every spelling comes in two
//! halves, at entry and at exit.
//!
//! **Invariant:** sizes that come from a tracee are capped before anything is allocated.

mod descriptors;
mod files;
mod flags;
mod memory;
mod polls;
mod process;
mod raw;
mod results;
mod scalars;
mod shapes;
pub(super) mod siginfo;
mod signals;
mod sockaddr;
mod sockets;
mod sockopts;
mod special;
mod strings;
mod time;

use vrift_arch::abi::{OpenBits, Stat};
use vrift_arch::syscall::{Kind, Row, Shape};
use vrift_arch::{Arch, abi};

use self::raw::Raw;
use super::places::Seat;
use super::spelled::{Comma, ResultForm, Spelled, Split};
use super::style::Style;
use super::value::Value;
use crate::call::{Call, Outcome};
use crate::memory::{GuestAddr, Memory};

/// No more elements of an array are ever shown.
const ELEMENTS_MAX: usize = 1 << 16;

/// What an architecture lays out in its own way.
#[derive(Debug, Clone, Copy)]
struct Layouts {
    open: OpenBits,
    stat_bytes: usize,
    decode_stat: fn(&[u8]) -> Option<Stat>,
    /// The distance from the stack pointer to the signal mask at rt_sigreturn.
    sigreturn_mask: u64,
    epoll: polls::Packed,
}

/// One call with everything needed to spell it.
#[derive(Clone, Copy)]
pub(super) struct Cx<'a> {
    call: &'a Call,
    seat: Seat<'a>,
    memory: &'a dyn Memory,
    style: &'a Style,
    layouts: Layouts,
}

impl<'a> Cx<'a> {
    pub(super) fn new<A: Arch>(call: &'a Call, seat: &Seat<'a>, style: &'a Style) -> Cx<'a> {
        // x86_64's frame starts with the ucontext whose mask follows the machine context;
        // aarch64's starts with a siginfo and has the mask before the machine context.
        let (sigreturn_mask, epoll) = match A::NAME {
            "aarch64" => (128 + 40, polls::Packed::No),
            _ => (40 + 256, polls::Packed::Yes),
        };
        let layouts = Layouts {
            open: A::OPEN,
            stat_bytes: A::STAT_SIZE,
            decode_stat: A::decode_stat,
            sigreturn_mask,
            epoll,
        };
        Cx { call, seat: *seat, memory: seat.memory, style, layouts }
    }

    /// The register of an argument; 0 for a position no call has.
    fn arg(&self, at: usize) -> u64 {
        self.call.args.get(at).copied().unwrap_or(0)
    }

    /// The low half of an argument, signed.
    fn int(&self, at: usize) -> i32 {
        self.arg(at) as i32
    }

    /// The low half of an argument.
    fn uint(&self, at: usize) -> u32 {
        self.arg(at) as u32
    }

    /// Whether nothing of this call is decoded.
    fn is_raw(&self) -> bool {
        self.style.raw.contains(self.call.syscall)
    }

    /// Whether structures and arrays of this call are shortened.
    fn abbreviates(&self) -> bool {
        self.style.abbrev.contains(self.call.syscall)
    }

    /// Whether pointers to structures are followed in this call.
    fn follows(&self) -> bool {
        self.style.verbose.contains(self.call.syscall)
    }

    /// How many elements of an array are shown.
    fn elements_max(&self) -> usize {
        if self.abbreviates() { self.style.string_max } else { ELEMENTS_MAX }
    }

    /// Exactly `count` bytes at `addr`, if structures are looked into.
    fn raw(&self, addr: u64, count: usize) -> Option<Raw> {
        if self.follows() { self.peek(addr, count) } else { None }
    }

    /// Exactly `count` bytes at `addr`.
    fn peek(&self, addr: u64, count: usize) -> Option<Raw> {
        if addr == 0 || count > raw::BYTES_MAX {
            return None;
        }
        let mut buffer = vec![0; count];
        self.memory.read_exact(GuestAddr(addr), &mut buffer).ok()?;
        Some(Raw::new(buffer))
    }

    /// What `spell` makes of the `count` bytes at `addr`, or the address.
    fn at(&self, addr: u64, count: usize, spell: impl FnOnce(&Raw) -> Value) -> Value {
        self.raw(addr, count).map_or(Value::Addr(addr), |raw| spell(&raw))
    }

    /// The same for what the kernel filled in: the address if it did not.
    fn filled(
        &self,
        addr: u64,
        outcome: Outcome,
        count: usize,
        spell: impl FnOnce(&Raw) -> Value,
    ) -> Value {
        match outcome {
            Outcome::Value(_) => self.at(addr, count, spell),
            Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(addr),
            Outcome::Never => Value::Pending,
        }
    }

    /// An array of `count` elements of `size` bytes, shown up to the style's limit; an empty one
    /// at any address but zero is empty.
    fn array(
        &self,
        addr: u64,
        count: u64,
        size: usize,
        mut spell: impl FnMut(&Raw) -> Value,
    ) -> Value {
        if addr == 0 {
            return Value::Addr(0);
        }
        let mut elements = Vec::new();
        for index in 0..count {
            if index as usize >= self.elements_max() {
                elements.push(Value::More);
                break;
            }
            let at = addr.wrapping_add(index.wrapping_mul(size as u64));
            match self.raw(at, size) {
                Some(raw) => elements.push(spell(&raw)),
                None if index == 0 => return Value::Addr(addr),
                None => {
                    elements.push(Value::Verbatim(format!("... /* {at:#x} */")));
                    break;
                }
            }
        }
        Value::Array(elements)
    }
}

/// Spells a call at entry.
pub(super) fn enter(cx: &Cx<'_>, row: &'static Row) -> Spelled {
    if cx.is_raw() {
        return raw_call(cx, row);
    }
    let args = match special::find(row.name) {
        Some(special) => (special.enter)(cx),
        None => row_in(cx, row),
    };
    Spelled {
        number: cx.call.nr,
        ip: cx.call.ip,
        name: row.name.into(),
        args,
        result: ResultForm::default(),
        split: special::split(cx, row.name),
        kept: special::keep(cx, row.name),
    }
}

/// A call whose arguments are shown as the registers hold them.
fn raw_call(cx: &Cx<'_>, row: &'static Row) -> Spelled {
    let shown = row.args.iter().zip(cx.call.args).filter(|(kind, _)| **kind != Kind::Unused);
    Spelled {
        number: cx.call.nr,
        ip: cx.call.ip,
        name: row.name.into(),
        args: shown.map(|(_, arg)| Value::Hex(arg)).collect(),
        result: ResultForm::hex(),
        split: Split::Pending(Comma::Later),
        kept: 0,
    }
}

/// Fills in what the kernel answered.
pub(super) fn leave(cx: &Cx<'_>, row: &'static Row, spelled: &mut Spelled, outcome: Outcome) {
    if cx.is_raw() {
        return;
    }
    match special::find(row.name) {
        Some(special) => (special.leave)(cx, spelled, outcome),
        None => row_out(cx, row, spelled, outcome),
    }
    results::form(cx, row.name, spelled, outcome);
}

/// The arguments of a row that are shown, with their positions.
fn shown(row: &Row, count: usize) -> impl Iterator<Item = (usize, Kind)> {
    let kinds = row.args[..count].iter().copied().enumerate();
    kinds.filter(|(_, kind)| *kind != Kind::Unused)
}

/// All arguments of a row at entry.
fn row_in(cx: &Cx<'_>, row: &Row) -> Vec<Value> {
    let shown = shown(row, special::shown(cx, row));
    shown.map(|(at, kind)| kind_in(cx, special::kind(row, at, kind), at)).collect()
}

/// All arguments of a row at exit.
fn row_out(cx: &Cx<'_>, row: &Row, spelled: &mut Spelled, outcome: Outcome) {
    for (index, (at, kind)) in shown(row, row.args.len()).enumerate() {
        if index >= spelled.args.len() {
            break;
        }
        if let Kind::Out(Shape::SockaddrOut { len }) = kind {
            let room = spelled.args.get(usize::from(len)).cloned().unwrap_or(Value::Pending);
            let value = sockaddr::filled(cx, cx.arg(at), cx.arg(len.into()), &room, outcome);
            spelled.args[index] = value;
            continue;
        }
        kind_out(cx, kind, at, &mut spelled.args[index], outcome);
    }
}

/// One argument at entry.
fn kind_in(cx: &Cx<'_>, kind: Kind, at: usize) -> Value {
    match kind {
        Kind::Out(_) | Kind::OutBytes | Kind::OutText => Value::Pending,
        Kind::In(shape) => shapes::spell(cx, shape, at),
        Kind::InOut(shape) => shapes::enter(cx, shape, at),
        Kind::Path => strings::path(cx, cx.arg(at)),
        Kind::Text => strings::text(cx, cx.arg(at)),
        Kind::InBytes { len } => strings::bytes(cx, cx.arg(at), cx.arg(len.into())),
        Kind::Argv => strings::argv(cx, cx.arg(at)),
        Kind::Envp => strings::envp(cx, cx.arg(at)),
        Kind::Flags(set) => flags::flags(cx, set, at),
        Kind::Choice(choice) => flags::choice(cx, choice, at),
        scalar => scalars::spell(cx, scalar, at),
    }
}

/// One argument at exit, if the kernel had a part in it.
fn kind_out(cx: &Cx<'_>, kind: Kind, at: usize, value: &mut Value, outcome: Outcome) {
    match kind {
        Kind::Out(shape) => *value = shapes::out(cx, shape, at, outcome),
        Kind::InOut(shape) => shapes::leave(cx, shape, at, value, outcome),
        Kind::OutBytes => *value = strings::out_bytes(cx, cx.arg(at), outcome),
        Kind::OutText => *value = strings::out_text(cx, cx.arg(at), outcome),
        _ => {}
    }
}

/// `struct stat` of the architecture.
fn stat_of(cx: &Cx<'_>, raw: &Raw) -> Option<abi::Stat> {
    (cx.layouts.decode_stat)(raw.bytes())
}
