//! ioctl: the command says what the third argument is.

use super::super::{Cx, files, raw::Raw, sockaddr};
use super::interface;
use crate::call::Outcome;
use crate::view::names::{Set, choices, ioctls, terminal};
use crate::view::spelled::Spelled;
use crate::view::value::{Value, fields};
use crate::view::word::Word;

/// The kernel's `struct termios`.
const TERMIOS_BYTES: usize = 36;
/// `struct ifreq`
const IFREQ_BYTES: usize = 40;
/// What asks for all interfaces.
const SIOCGIFCONF: u32 = 0x8912;

/// Which way an argument's bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// What the third argument of a command is.
enum Third {
    None,
    Int,
    Hex,
    Fd,
    Named(&'static [&'static str], &'static str),
    Memory(Way, usize, fn(&Raw) -> Value),
    Interfaces,
    Interface,
}

fn third(command: u32) -> Third {
    match command {
        // TCGETS; TCSETS, TCSETSW, TCSETSF; TIOCGLCKTRMIOS, TIOCSLCKTRMIOS
        0x5401 | 0x5456 => Third::Memory(Way::Out, TERMIOS_BYTES, termios),
        0x5402..=0x5404 | 0x5457 => Third::Memory(Way::In, TERMIOS_BYTES, termios),
        // TCSBRK, TCSBRKP, TIOCSCTTY
        0x5409 | 0x5425 | 0x540e => Third::Int,
        // TCXONC, TCFLSH
        0x540a => Third::Named(&["TCOOFF", "TCOON", "TCIOFF", "TCION"], "TC???"),
        0x540b => Third::Named(&["TCIFLUSH", "TCOFLUSH", "TCIOFLUSH"], "TC???"),
        // TIOCEXCL, TIOCNXCL, TIOCNOTTY, TIOCSBRK, TIOCCBRK, TIOCVHANGUP, FIONCLEX, FIOCLEX
        0x540c | 0x540d | 0x5422 | 0x5427 | 0x5428 | 0x5437 | 0x5450 | 0x5451 => Third::None,
        // TIOCGPGRP, TIOCOUTQ, FIONREAD, TIOCGSID, TIOCGETD, TIOCGPTN, TIOCGDEV, …
        0x540f | 0x5411 | 0x541b | 0x5429 | 0x5424 | 0x8004_5430 | 0x8004_5438..=0x8004_5440 => {
            Third::Memory(Way::Out, 4, number)
        }
        0x8902..=0x8905 if command % 2 == 1 => Third::Memory(Way::Out, 4, number),
        // TIOCSPGRP, FIONBIO, FIOASYNC, TIOCSETD, TIOCPKT, TIOCSPTLCK
        0x5410 | 0x5421 | 0x5452 | 0x5423 | 0x5420 | 0x4004_5431 => {
            Third::Memory(Way::In, 4, number)
        }
        // TIOCGWINSZ, TIOCSWINSZ
        0x5413 => Third::Memory(Way::Out, 8, winsize),
        0x5414 => Third::Memory(Way::In, 8, winsize),
        // FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
        0x8008_6601 => Third::Memory(Way::Out, 4, file_flags),
        0x4008_6602 => Third::Memory(Way::In, 4, file_flags),
        // FICLONE
        0x4004_9409 => Third::Fd,
        SIOCGIFCONF => Third::Interfaces,
        _ if interface::is_of_interface(command) => Third::Interface,
        _ => Third::Hex,
    }
}

/// The same with structures as long as the style wants them.
fn third_of(cx: &Cx<'_>) -> Third {
    match third(cx.uint(1)) {
        // The structures of 32-bit programs are others.
        Third::Interfaces if cx.word() != 8 => Third::Hex,
        Third::Memory(way, TERMIOS_BYTES, _) if !cx.abbreviates() => {
            Third::Memory(way, TERMIOS_BYTES, whole_termios)
        }
        third => third,
    }
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let command = cx.uint(1);
    let mut args = vec![cx.fd(cx.int(0)), Value::name(Word::hex(name(command), command.into()))];
    match third_of(cx) {
        Third::None => {}
        Third::Int => args.push(Value::Int(cx.int(2).into())),
        Third::Fd => args.push(cx.fd(cx.int(2))),
        Third::Memory(Way::In, bytes, spell) => args.push(cx.at(cx.arg(2), bytes, spell)),
        Third::Memory(Way::Out, ..) | Third::Interfaces => args.push(Value::Pending),
        Third::Named(names, unknown) => {
            let value = cx.uint(2);
            args.push(Value::name(match names.get(value as usize) {
                Some(name) => (*name).to_owned(),
                None => format!("{value:#x} /* {unknown} */"),
            }));
        }
        Third::Interface => args.push(interface::enter(cx)),
        Third::Hex => args.push(Value::Hex(cx.arg(2))),
    }
    args
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let room = spelled.kept;
    let Some(last) = spelled.args.last_mut() else { return };
    match third_of(cx) {
        Third::Memory(Way::Out, bytes, spell) => {
            *last = cx.filled(cx.arg(2), outcome, bytes, spell);
        }
        Third::Interface => interface::leave(cx, last, outcome),
        Third::Interfaces if outcome != Outcome::Never => {
            *last = interfaces(cx, room as u32 as i32, outcome);
        }
        _ => {}
    }
}

/// The room for interfaces, to be kept from entry to exit.
pub(super) fn keep(cx: &Cx<'_>) -> u64 {
    match cx.uint(1) {
        SIOCGIFCONF => cx.peek(cx.arg(2), 4).map_or(0, |raw| raw.u32(0).into()),
        _ => 0,
    }
}

/// `struct ifconf`: the interfaces, or only how much room they take. strace looks into it even if it is told
/// not to.
fn interfaces(cx: &Cx<'_>, room: i32, outcome: Outcome) -> Value {
    let Some(raw) = cx.peek(cx.arg(2), 16) else { return Value::Addr(cx.arg(2)) };
    let (length, list) = (raw.i32(0), raw.u64(8));
    let (length, list) = match outcome {
        Outcome::Value(_) if list != 0 => (
            of_requests(room).changed_to(of_requests(length)),
            cx.array(list, u64::try_from(length).unwrap_or(0) / 40, IFREQ_BYTES, |raw| {
                Value::Struct(fields! {
                    ifr_name: files::fixed_text(raw, 0, 16),
                    ifr_addr: sockaddr::spell(&raw.part(16, 16)),
                })
            }),
        ),
        Outcome::Value(_) => (of_requests(length), Value::Addr(list)),
        _ => (of_requests(room), Value::Addr(list)),
    };
    Value::Struct(fields! { ifc_len: length, ifc_buf: list })
}

/// A number of bytes, and how many interfaces they are.
fn of_requests(bytes: i32) -> Value {
    let value = Value::Int(bytes.into());
    match (bytes / IFREQ_BYTES as i32, bytes % IFREQ_BYTES as i32) {
        (count @ 1.., 0) => value.remarked(format!("{count} * sizeof(struct ifreq)")),
        _ => value,
    }
}

/// A command's name, or what its bits say: direction, type, number, size.
fn name(command: u32) -> String {
    if let Some(name) = ioctls::IOCTL.name(command.into()) {
        return name.to_owned();
    }
    let direction = match command >> 30 {
        0 => "_IOC_NONE",
        1 => "_IOC_WRITE",
        2 => "_IOC_READ",
        _ => "_IOC_READ|_IOC_WRITE",
    };
    let [kind, number, size] =
        [command >> 8 & 0xff, command & 0xff, command >> 16 & 0x3fff].map(|part| match part {
            0 => "0".to_owned(),
            part => format!("{part:#x}"),
        });
    format!("_IOC({direction}, {kind}, {number}, {size})")
}

fn number(raw: &Raw) -> Value {
    Value::Array(vec![Value::Int(raw.i32(0).into())])
}

fn winsize(raw: &Raw) -> Value {
    Value::Struct(fields! {
        ws_row: Value::UInt(raw.u16(0).into()),
        ws_col: Value::UInt(raw.u16(2).into()),
        ws_xpixel: Value::UInt(raw.u16(4).into()),
        ws_ypixel: Value::UInt(raw.u16(6).into()),
    })
}

fn file_flags(raw: &Raw) -> Value {
    Value::Array(vec![Value::flags(terminal::FILE_FLAGS.spell(raw.u32(0).into()))])
}

/// `struct termios`, shortened.
fn termios(raw: &Raw) -> Value {
    let mut shown = termios_flags(raw);
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// The same in full.
fn whole_termios(raw: &Raw) -> Value {
    const CHARACTERS: [&str; 19] = [
        "VINTR", "VQUIT", "VERASE", "VKILL", "VEOF", "VTIME", "VMIN", "VSWTC", "VSTART", "VSTOP",
        "VSUSP", "VEOL", "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2", "17", "18",
    ];
    let mut shown = termios_flags(raw);
    let character = |(at, name): (usize, &&str)| {
        Value::Verbatim(format!("[{name}]={}", Value::Hex(raw.u8(17 + at).into())))
    };
    shown.extend(fields! {
        c_line: Value::name(choices::DISCIPLINE.spell(raw.u8(16).into())),
        c_cc: Value::Array(CHARACTERS.iter().enumerate().map(character).collect()),
    });
    Value::Struct(shown)
}

fn termios_flags(raw: &Raw) -> Vec<crate::view::value::Field> {
    fields! {
        c_iflag: mode(bare(&terminal::INPUT, raw.u32(0)), raw.u32(0)),
        c_oflag: mode(output(raw.u32(4)), raw.u32(4)),
        c_cflag: mode(control(raw.u32(8)), raw.u32(8)),
        c_lflag: mode(bare(&terminal::LOCAL, raw.u32(12)), raw.u32(12)),
    }
}

/// The bits of one mode word.
fn mode(text: String, bits: u32) -> Value {
    Value::flags(Word::hex(text, bits.into()))
}

/// A set that is nothing at all when empty.
fn bare(set: &Set, bits: u32) -> String {
    if bits == 0 { String::new() } else { set.spell(bits.into()).into() }
}

/// The delays, then the rest.
fn output(bits: u32) -> String {
    let tab = match bits >> 11 & 3 {
        3 => "XTABS".to_owned(),
        tab => format!("TAB{tab}"),
    };
    let delays = format!(
        "NL{}|CR{}|{tab}|BS{}|VT{}|FF{}|",
        bits >> 8 & 1,
        bits >> 9 & 3,
        bits >> 13 & 1,
        bits >> 14 & 1,
        bits >> 15 & 1
    );
    delays + &bare(&terminal::OUTPUT, bits & !0xff00)
}

/// The speeds, the size of a character, then the rest.
fn control(bits: u32) -> String {
    let (speed, input) = (bits & 0x100f, bits >> 16 & 0x100f);
    let mut text = String::from(choices::SPEED.spell(speed.into()));
    if input != 0 {
        text.push_str(&format!("|{}<<IBSHIFT", choices::SPEED.spell(input.into())));
    }
    text.push_str(&format!("|CS{}|", 5 + (bits >> 4 & 3)));
    text + &bare(&terminal::CONTROL, bits & !0x100f_103f)
}
