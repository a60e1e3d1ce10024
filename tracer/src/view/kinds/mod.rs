//! How each kind of argument is read and spelled.
//!
//! The rows of `vrift-arch` say of what kind an argument is; here is one spelling per kind, and in
//! `special` one per call whose arguments depend on each other. Every spelling comes in two
//! halves, at entry and at exit.
//!
//! **Invariant:** sizes that come from a tracee are capped before anything is allocated.

mod cmsg;
mod descriptors;
mod files;
mod flags;
mod halves;
mod memory;
mod netlink;
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
use vrift_arch::{Arch, Syscall, abi};

use self::raw::{Raw, Widths};
use super::places::Seat;
use super::spelled::{Comma, ResultForm, Spelled, Split};
use super::style::Style;
use super::value::{Cut, Quoting, Text, Value};
use super::word::Word;
use crate::call::{Abi, Call, Layer, Outcome};
use crate::memory::{GuestAddr, Memory, PAGE};

/// No more elements of an array are ever shown.
const ELEMENTS_MAX: usize = 1 << 16;

/// What an architecture lays out in its own way.
#[derive(Debug, Clone, Copy)]
struct Layouts {
    widths: Widths,
    open: OpenBits,
    stat_bytes: fn(Syscall) -> usize,
    decode_stat: fn(Syscall, &[u8]) -> Option<Stat>,
    /// The distance from the stack pointer to the signal mask at rt_sigreturn.
    sigreturn_mask: u64,
    epoll: polls::Packed,
    semaphores: Semaphores,
    /// The positions of clone's thread pointer and of the address of its child's id.
    clone: (usize, usize),
    registers: special::Registers,
    /// The architecture's `AUDIT_ARCH_*`, and the call with a number in one that has tables.
    audit_arch: u32,
    syscall: fn(u32, u64) -> Option<Syscall>,
}

/// Where `struct semid64_ds` has the time of the last change and the number of semaphores, and its size.
#[derive(Debug, Clone, Copy)]
struct Semaphores {
    changed: usize,
    count: usize,
    bytes: usize,
}

/// The first of i386's calls whose times have 64 bits; those that come after do as well.
const TIME64: u64 = 403;

impl Layouts {
    fn of<A: Arch>(call: &Call) -> Layouts {
        // x86_64's frame starts with the ucontext whose mask follows the machine context; aarch64's
        // starts with a siginfo and has the mask before the machine context; i386's has the
        // arguments of the handler and a siginfo before the ucontext.
        let (sigreturn_mask, epoll, clone) = match A::NAME {
            "aarch64" => (128 + 40, polls::Packed::No, (3, 4)),
            "i386" => (12 + 128 + 20 + 88, polls::Packed::Yes, (3, 4)),
            _ => (40 + 256, polls::Packed::Yes, (4, 3)),
        };
        let semaphores = match A::NAME {
            "aarch64" => Semaphores { changed: 56, count: 64, bytes: 88 },
            _ => Semaphores { changed: 64, count: 80, bytes: 104 },
        };
        let registers = match A::NAME {
            "x86_64" => special::Registers::Amd64,
            _ => special::Registers::Others,
        };
        let time = if A::WORD == 4 && call.nr < TIME64 { 4 } else { 8 };
        Layouts {
            widths: Widths { word: A::WORD, time },
            open: A::OPEN,
            stat_bytes: A::stat_size_of,
            decode_stat: A::decode_stat_of,
            sigreturn_mask,
            epoll,
            semaphores,
            clone,
            registers,
            audit_arch: A::AUDIT_ARCH,
            syscall: syscall_of::<A>,
        }
    }
}

/// The call with a number in an ABI of an architecture.
fn syscall_of<A: Arch>(arch: u32, number: u64) -> Option<Syscall> {
    match arch {
        arch if arch == A::AUDIT_ARCH => A::syscall(number),
        arch if arch == A::Compat::AUDIT_ARCH => A::Compat::syscall(number),
        _ => None,
    }
}

/// One call with everything needed to spell it.
#[derive(Clone, Copy)]
pub(super) struct Cx<'a> {
    call: &'a Call,
    seat: Seat<'a>,
    memory: &'a dyn Memory,
    style: &'a Style,
    layouts: Layouts,
    kinds: &'static [Kind],
}

impl<'a> Cx<'a> {
    pub(super) fn new<A: Arch>(call: &'a Call, seat: &Seat<'a>, style: &'a Style) -> Cx<'a> {
        let (layouts, kinds) = match call.abi {
            Abi::Compat => (Layouts::of::<A::Compat>(call), kinds_of::<A::Compat>(call)),
            Abi::Native | Abi::Foreign { .. } => (Layouts::of::<A>(call), kinds_of::<A>(call)),
        };
        Cx { call, seat: *seat, memory: seat.memory, style, layouts, kinds }
    }

    /// The bytes of a word.
    fn word(&self) -> usize {
        self.layouts.widths.word
    }

    /// The bytes of each part of a time.
    fn time(&self) -> usize {
        self.layouts.widths.time
    }

    /// A word with a sign.
    fn long(&self, at: usize) -> i64 {
        if self.word() == 8 { self.arg(at) as i64 } else { self.int(at).into() }
    }

    /// A pointer in memory.
    fn pointer(&self, addr: u64) -> Option<u64> {
        Some(self.peek(addr, self.word())?.uword(0))
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
        self.style.raw.contains(self.call.abi, self.call.syscall)
    }

    /// A word that is part of a text, in the form the style wants.
    fn dressed(&self, mut word: Word) -> Word {
        word.dress(self.style.constants);
        word
    }

    /// Whether structures and arrays of this call are shortened.
    fn abbreviates(&self) -> bool {
        self.style.abbrev.contains(self.call.abi, self.call.syscall)
    }

    /// Whether pointers to structures are followed in this call.
    fn follows(&self) -> bool {
        self.style.verbose.contains(self.call.abi, self.call.syscall)
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
        Some(Raw::new(buffer, self.layouts.widths))
    }

    /// What a caller gives behind the `known` bytes of a structure that may grow, if that is not empty.
    fn behind(&self, addr: u64, known: usize, size: u64) -> Option<Value> {
        let end = size.min(PAGE);
        let count = usize::try_from(end).ok()?.checked_sub(known).filter(|&count| count > 0)?;
        let Some(raw) = self.raw(addr.wrapping_add(known as u64), count) else {
            return Some(Value::Verbatim("???".to_owned()));
        };
        if raw.bytes().iter().all(|&byte| byte == 0) {
            return None;
        }
        let shown = raw.slice(0, self.style.string_max);
        let cut = if shown.len() < count { Cut::Short } else { Cut::Whole };
        let text = Value::Str(Text { bytes: shown.to_vec(), cut, quoting: Quoting::Hex });
        Some(Value::Verbatim(format!("/* bytes {known}..{} */ {text}", end - 1)))
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
    fn array(&self, addr: u64, count: u64, size: usize, spell: impl FnMut(&Raw) -> Value) -> Value {
        self.array_up_to(self.elements_max(), addr, count, size, spell)
    }

    /// The same with a limit of its own.
    fn array_up_to(
        &self,
        shown_max: usize,
        addr: u64,
        count: u64,
        size: usize,
        mut spell: impl FnMut(&Raw) -> Value,
    ) -> Value {
        let end = count.checked_mul(size as u64).and_then(|bytes| addr.checked_add(bytes));
        if addr == 0 || end.is_none() {
            return Value::Addr(addr);
        }
        let mut elements = Vec::new();
        for index in 0..count {
            let at = addr.wrapping_add(index.wrapping_mul(size as u64));
            match self.raw(at, size) {
                // Whoever leaves elements out has looked whether there is one.
                Some(_) if index as usize >= shown_max => {
                    elements.push(Value::More);
                    break;
                }
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

/// What each argument of a call is. One that was found in memory, inside another call, has the
/// arguments of its row.
fn kinds_of<A: Arch>(call: &Call) -> &'static [Kind] {
    match call.syscall {
        Some(syscall) if call.layer == Layer::Inner => syscall.row().args,
        Some(syscall) => A::args(syscall),
        None => &[],
    }
}

/// Spells a call at entry.
pub(super) fn enter(cx: &Cx<'_>, row: &'static Row) -> Spelled {
    if cx.is_raw() {
        return raw_call(cx, row);
    }
    let args = match special_of(cx, row) {
        Some(special) => (special.enter)(cx),
        None => row_in(cx, row),
    };
    Spelled {
        number: cx.call.nr,
        ip: cx.call.ip,
        name: row.name.into(),
        args,
        result: ResultForm::default(),
        split: special::split(cx, common_name(row.name)),
        kept: special::keep(cx, common_name(row.name)),
        abi: cx.call.abi,
        meant: None,
    }
}

/// The spelling of a call that needs one.
fn special_of(cx: &Cx<'_>, row: &'static Row) -> Option<&'static special::Special> {
    // Where only the address of the arguments is known, they are not.
    if cx.kinds == [Kind::Special] && row.args.len() > 1 {
        return None;
    }
    special::find(common_name(row.name))
}

/// The name under which i386's wider variants of a call have its spelling.
fn common_name(name: &'static str) -> &'static str {
    match name {
        "_newselect" => "select",
        "mmap2" => "mmap",
        "fcntl64" => "fcntl",
        "clock_adjtime64" => "clock_adjtime",
        "truncate64" => "truncate",
        "ftruncate64" => "ftruncate",
        _ => name.strip_suffix("_time64").unwrap_or(name),
    }
}

/// A call whose arguments are shown as the registers hold them.
fn raw_call(cx: &Cx<'_>, row: &'static Row) -> Spelled {
    let shown = cx.kinds.iter().zip(cx.call.args).filter(|(kind, _)| **kind != Kind::Unused);
    Spelled {
        number: cx.call.nr,
        ip: cx.call.ip,
        name: row.name.into(),
        args: shown.map(|(_, arg)| Value::Hex(arg)).collect(),
        result: ResultForm::hex(),
        split: Split::Pending(Comma::Later),
        kept: 0,
        abi: cx.call.abi,
        meant: None,
    }
}

/// Fills in what the kernel answered.
pub(super) fn leave(cx: &Cx<'_>, row: &'static Row, spelled: &mut Spelled, outcome: Outcome) {
    if cx.is_raw() {
        return;
    }
    match special_of(cx, row) {
        Some(special) => (special.leave)(cx, spelled, outcome),
        None => row_out(cx, spelled, outcome),
    }
    results::form(cx, common_name(row.name), spelled, outcome);
}

/// The arguments that are shown, with their positions; a value in two registers once, at the first.
fn shown(cx: &Cx<'_>, count: usize) -> impl Iterator<Item = (usize, Kind)> {
    let mut columns = Vec::new();
    let mut at = 0;
    while let Some(&kind) = cx.kinds[..count].get(at) {
        if kind != Kind::Unused {
            columns.push((at, kind));
        }
        at += if halves::start_at(cx, at) { 2 } else { 1 };
    }
    columns.into_iter()
}

/// All arguments of a row at entry.
fn row_in(cx: &Cx<'_>, row: &Row) -> Vec<Value> {
    let shown = shown(cx, special::shown(cx, row));
    shown.map(|(at, kind)| kind_in(cx, special::kind(row, at, kind), at)).collect()
}

/// All arguments of a row at exit.
fn row_out(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let mut unwanted = None;
    for (index, (at, kind)) in shown(cx, cx.kinds.len()).enumerate() {
        if index >= spelled.args.len() {
            break;
        }
        if unwanted == Some(at) {
            spelled.args[index] = Value::Addr(cx.arg(at));
            continue;
        }
        if let Kind::Out(Shape::SockaddrOut { len }) = kind {
            // Where nobody wants the address, its length says nothing.
            if cx.arg(at) == 0 && outcome != Outcome::Never {
                spelled.args[index] = Value::Addr(0);
                unwanted = Some(usize::from(len));
                continue;
            }
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
        Kind::InBytes { len } => given(cx, cx.arg(at), cx.arg(len.into())),
        Kind::Argv => strings::argv(cx, cx.arg(at)),
        Kind::Envp => strings::envp(cx, cx.arg(at)),
        Kind::Flags(set) => flags::flags(cx, set, at),
        Kind::Choice(choice) => flags::choice(cx, choice, at),
        Kind::Special if halves::start_at(cx, at) => halves::spell(cx, at),
        Kind::Special => special::lone(cx, at),
        scalar => scalars::spell(cx, scalar, at),
    }
}

/// One argument at exit, if the kernel had a part in it.
fn kind_out(cx: &Cx<'_>, kind: Kind, at: usize, value: &mut Value, outcome: Outcome) {
    match kind {
        Kind::Out(shape) => *value = shapes::out(cx, shape, at, outcome),
        Kind::InOut(shape) => shapes::leave(cx, shape, at, value, outcome),
        Kind::OutBytes if receives(cx) => *value = received(cx, at, outcome),
        Kind::OutBytes => *value = strings::out_bytes(cx, cx.arg(at), outcome),
        Kind::OutText => *value = strings::out_text(cx, cx.arg(at), outcome),
        _ => {}
    }
}

/// Bytes that the caller gives: messages, if it sends them over a socket of netlink.
fn given(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    match cx.call.syscall {
        Some(Syscall::Sendto | Syscall::Send) => netlink::buffer(cx, addr, count),
        _ => strings::bytes(cx, addr, count),
    }
}

/// Whether the call receives from a socket.
fn receives(cx: &Cx<'_>) -> bool {
    matches!(cx.call.syscall, Some(Syscall::Recvfrom | Syscall::Recv))
}

/// What came over a socket: with `MSG_TRUNC` a call returns how long the datagram was.
fn received(cx: &Cx<'_>, at: usize, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(count) if count >= 0 => {
            netlink::buffer(cx, cx.arg(at), cx.arg(2).min(count as u64))
        }
        Outcome::Never => Value::Pending,
        _ => Value::Addr(cx.arg(at)),
    }
}

/// The structure that a call of the stat family fills in.
fn stat_of(cx: &Cx<'_>, raw: &Raw) -> Option<abi::Stat> {
    (cx.layouts.decode_stat)(cx.call.syscall?, raw.bytes())
}
