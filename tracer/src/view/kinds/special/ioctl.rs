//! ioctl: the command says what the third argument is.

use super::super::{Cx, files, raw::Raw, sockaddr, strings};
use super::{extents, interface};
use crate::call::Outcome;
use crate::view::names::{Set, choices, ioctls, terminal};
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};
use crate::view::word::Word;

/// The kernel's `struct termios`, the later one with speeds, and the older one with short words.
const TERMIOS_BYTES: usize = 36;
const TERMIOS2_BYTES: usize = 44;
const TERMIO_BYTES: usize = 18;
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
    UInt,
    Hex,
    Byte,
    Addr,
    Named(&'static [&'static str], &'static str),
    Memory(Way, usize, fn(&Cx<'_>, &Raw) -> Value),
    Interfaces,
    Interface,
    Exchanged,
}

fn third(command: u32) -> Third {
    match command {
        // TCGETS; TCSETS, TCSETSW, TCSETSF; TIOCGLCKTRMIOS, TIOCSLCKTRMIOS
        0x5401 | 0x5456 => Third::Memory(Way::Out, TERMIOS_BYTES, termios),
        0x5402..=0x5404 | 0x5457 => Third::Memory(Way::In, TERMIOS_BYTES, termios),
        // TCGETA; TCSETA, TCSETAW, TCSETAF
        0x5405 => Third::Memory(Way::Out, TERMIO_BYTES, termio),
        0x5406..=0x5408 => Third::Memory(Way::In, TERMIO_BYTES, termio),
        // TCGETS2; TCSETS2, TCSETSW2, TCSETSF2
        0x802c_542a => Third::Memory(Way::Out, TERMIOS2_BYTES, termios),
        0x402c_542b..=0x402c_542d => Third::Memory(Way::In, TERMIOS2_BYTES, termios),
        // TIOCSTI
        0x5412 => Third::Byte,
        // TIOCMGET; TIOCMBIS, TIOCMBIC, TIOCMSET
        0x5415 => Third::Memory(Way::Out, 4, modem),
        0x5416..=0x5418 => Third::Memory(Way::In, 4, modem),
        // TCSBRK, TCSBRKP, TIOCSCTTY
        0x5409 | 0x5425 | 0x540e => Third::Int,
        // TCXONC, TCFLSH
        0x540a => Third::Named(&["TCOOFF", "TCOON", "TCIOFF", "TCION"], "TC???"),
        0x540b => Third::Named(&["TCIFLUSH", "TCOFLUSH", "TCIOFLUSH"], "TC???"),
        // TIOCEXCL, TIOCNXCL, TIOCNOTTY, TIOCSBRK, TIOCCBRK, TIOCVHANGUP, FIONCLEX, FIOCLEX
        // and TIOCCONS, TIOCSSERIAL
        0x540c | 0x540d | 0x5422 | 0x5427 | 0x5428 | 0x5437 | 0x5450 | 0x5451 | 0x541d | 0x541f => {
            Third::None
        }
        // TIOCGPGRP, TIOCOUTQ, FIONREAD, TIOCGSID, TIOCGETD, TIOCGPTN, TIOCGDEV, …
        0x540f | 0x5411 | 0x541b | 0x5429 | 0x5424 | 0x8004_5430 | 0x8004_5432 | 0x8004_5440
        | 0x5419 => Third::Memory(Way::Out, 4, number),
        // FIOSETOWN, SIOCSPGRP; FIOGETOWN, SIOCGPGRP, SIOCATMARK
        0x8901 | 0x8902 => Third::Memory(Way::In, 4, number),
        0x8903..=0x8905 => Third::Memory(Way::Out, 4, number),
        // TIOCSPGRP, FIONBIO, FIOASYNC, TIOCSETD, TIOCPKT, TIOCSPTLCK, TIOCSSOFTCAR
        0x5410 | 0x5421 | 0x5452 | 0x5423 | 0x5420 | 0x4004_5431 | 0x541a => {
            Third::Memory(Way::In, 4, number)
        }
        // TIOCGWINSZ, TIOCSWINSZ
        0x5413 => Third::Memory(Way::Out, 8, winsize),
        0x5414 => Third::Memory(Way::In, 8, winsize),
        // FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
        0x8008_6601 => Third::Memory(Way::Out, 4, file_flags),
        0x4008_6602 => Third::Memory(Way::In, 4, file_flags),
        // FICLONE, FICLONERANGE
        0x4004_9409 => Third::Int,
        0x4020_940d => Third::Memory(Way::In, 32, extents::clone_range),
        // FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR
        0x801c_581f => Third::Memory(Way::Out, 28, extents::attributes),
        0x401c_5820 => Third::Memory(Way::In, 28, extents::given_attributes),
        // FIFREEZE, FITHAW; NS_GET_USERNS, NS_GET_PARENT, NS_GET_NSTYPE; NS_GET_OWNER_UID
        0xc004_5877 | 0xc004_5878 | 0xb701..=0xb703 => Third::None,
        0xb704 => Third::Memory(Way::Out, 4, unsigned),
        // FITRIM
        0xc018_5879 => Third::Memory(Way::In, 24, |_, raw| {
            Value::Struct(fields! {
                start: Value::Hex(raw.u64(0)),
                len: Value::UInt(raw.u64(8)),
                minlen: Value::UInt(raw.u64(16)),
            })
        }),
        // RNDGETENTCNT, RNDADDTOENTCNT
        0x8004_5200 => Third::Memory(Way::Out, 4, number),
        0x4004_5201 => Third::Memory(Way::In, 4, number),
        SIOCGIFCONF => Third::Interfaces,
        _ if interface::is_of_interface(command) => Third::Interface,
        _ if extents::is_exchanged(command) => Third::Exchanged,
        // SIOCGSTAMP_OLD, SIOCADDRT and what else is asked of sockets.
        0x8906..=0x89ef if ioctls::name(command).is_some() => Third::Addr,
        _ => of_block_device(command),
    }
}

/// What the commands of block devices take.
fn of_block_device(command: u32) -> Third {
    match command {
        // BLKROSET, BLKBSZSET
        0x125d | 0x4008_1271 => Third::Memory(Way::In, 4, number),
        // BLKROGET, BLKSSZGET, BLKALIGNOFF, BLKBSZGET
        0x125e | 0x1268 | 0x127a | 0x8008_1270 => Third::Memory(Way::Out, 4, number),
        // BLKIOMIN, BLKIOOPT, BLKPBSZGET, BLKDISCARDZEROES
        0x1278 | 0x1279 | 0x127b | 0x127c => Third::Memory(Way::Out, 4, unsigned),
        // BLKSECTGET, BLKROTATIONAL
        0x1267 | 0x127e => Third::Memory(Way::Out, 2, |_, raw| one(raw.u16(0).into())),
        // BLKGETSIZE, BLKRAGET, BLKFRAGET; BLKGETSIZE64
        0x1260 | 0x1263 | 0x1265 | 0x8008_1272 => {
            Third::Memory(Way::Out, 8, |_, raw| one(raw.u64(0)))
        }
        // BLKDISCARD, BLKSECDISCARD, BLKZEROOUT
        0x1277 | 0x127d | 0x127f => Third::Memory(Way::In, 16, |_, raw| {
            Value::Array([0, 8].map(|at| Value::UInt(raw.u64(at))).into())
        }),
        // BLKRRPART, BLKFLSBUF
        0x125f | 0x1261 => Third::None,
        // BLKRASET, BLKFRASET
        0x1262 | 0x1264 => Third::UInt,
        _ => of_device(command),
    }
}

/// What the commands of other devices and file systems take, if it is nothing or a number.
fn of_device(command: u32) -> Third {
    match command {
        // BLKTRACESTART, BLKTRACESTOP, BLKTRACETEARDOWN; SG_GET_TIMEOUT; RNDZAPENTCNT, RNDCLEARPOOL, RNDRESEEDCRNG
        0x1274..=0x1276 | 0x2202 | 0x5204 | 0x5206 | 0x5207
        // KDENABIO, KDDISABIO, KDMAPDISP, KDUNMAPDISP, PIO_FONTRESET; WDIOC_KEEPALIVE
        | 0x4b36 | 0x4b37 | 0x4b3c | 0x4b3d | 0x4b6d | 0x8004_5705
        // LOOP_CLR_FD, LOOP_SET_CAPACITY, LOOP_CTL_GET_FREE
        | 0x4c01 | 0x4c07 | 0x4c82
        // RTC_AIE_ON, RTC_AIE_OFF, RTC_UIE_ON, RTC_PIE_ON, RTC_PIE_OFF, RTC_WIE_ON, RTC_WIE_OFF, RTC_VL_CLR
        | 0x7001..=0x7003 | 0x7005 | 0x7006 | 0x700f | 0x7010 | 0x7014
        // BTRFS_IOC_TRANS_START, …_TRANS_END, …_SYNC, …_SCRUB_CANCEL, …_QUOTA_RESCAN_WAIT, …_DEFRAG, …_BALANCE
        | 0x9406..=0x9408 | 0x941c | 0x942e | 0x5000_9402 | 0x5000_940c
        // NBD_DO_IT, NBD_CLEAR_SOCK, NBD_CLEAR_QUE, NBD_PRINT_DEBUG, NBD_DISCONNECT
        | 0xab03..=0xab06 | 0xab08 => Third::None,
        // HDIO_SET_MULTCOUNT, HDIO_SET_DMA and the like
        0x321..=0x327 | 0x32a..=0x32c | 0x32f
        // LOOP_SET_FD, LOOP_CHANGE_FD, LOOP_SET_DIRECT_IO, LOOP_SET_BLOCK_SIZE, LOOP_CTL_ADD, LOOP_CTL_REMOVE
        | 0x4c00 | 0x4c06 | 0x4c08 | 0x4c09 | 0x4c80 | 0x4c81
        // NBD_SET_SOCK, NBD_SET_BLKSIZE, NBD_SET_SIZE, NBD_SET_SIZE_BLOCKS, NBD_SET_TIMEOUT; KVM_CREATE_VCPU
        | 0xab00..=0xab02 | 0xab07 | 0xab09 | 0xae41
        // PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_PAUSE_OUTPUT; EVIOCRMFF, EVIOCGRAB, EVIOCREVOKE
        | 0x4004_2408 | 0x4004_2409 | 0x4004_4581 | 0x4004_4590 | 0x4004_4591
        // INOTIFY_IOC_SETNEXTWD; RTC_IRQP_SET, RTC_EPOCH_SET
        | 0x4004_4900 | 0x4008_700c | 0x4008_700e => Third::Int,
        _ => Third::Hex,
    }
}

/// The same with structures as long as the style wants them.
fn third_of(cx: &Cx<'_>) -> Third {
    match third(cx.uint(1)) {
        // The structures of 32-bit programs are others.
        Third::Interfaces if cx.word() != 8 => Third::Hex,
        Third::Memory(way, bytes @ (TERMIOS_BYTES | TERMIOS2_BYTES), _) if !cx.abbreviates() => {
            Third::Memory(way, bytes, whole_termios)
        }
        Third::Memory(way, TERMIO_BYTES, _) if !cx.abbreviates() => {
            Third::Memory(way, TERMIO_BYTES, whole_termio)
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
        Third::Memory(Way::In, bytes, spell) => {
            args.push(cx.at(cx.arg(2), bytes, |raw| spell(cx, raw)))
        }
        Third::Memory(Way::Out, ..) | Third::Interfaces => args.push(Value::Pending),
        Third::Named(names, unknown) => {
            let value = cx.uint(2);
            let name = match names.get(value as usize) {
                Some(name) => (*name).to_owned(),
                None => format!("{value:#x} /* {unknown} */"),
            };
            args.push(Value::name(Word::hex(name, value.into())));
        }
        Third::Interface => args.push(interface::enter(cx)),
        Third::Exchanged => args.push(extents::enter(cx)),
        Third::Byte => args.push(strings::bytes(cx, cx.arg(2), 1)),
        Third::UInt => args.push(Value::UInt(cx.arg(2))),
        Third::Addr => args.push(Value::Addr(cx.arg(2))),
        Third::Hex => args.push(Value::Hex(cx.arg(2))),
    }
    args
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let room = spelled.kept;
    let Some(last) = spelled.args.last_mut() else { return };
    match third_of(cx) {
        Third::Memory(Way::Out, bytes, spell) => {
            *last = cx.filled(cx.arg(2), outcome, bytes, |raw| spell(cx, raw));
        }
        Third::Interface => interface::leave(cx, last, outcome),
        Third::Exchanged => extents::leave(cx, last, outcome),
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
    if let Some(name) = ioctls::name(command) {
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

fn number(_: &Cx<'_>, raw: &Raw) -> Value {
    Value::Array(vec![Value::Int(raw.i32(0).into())])
}

fn unsigned(_: &Cx<'_>, raw: &Raw) -> Value {
    one(raw.u32(0).into())
}

fn one(number: u64) -> Value {
    Value::Array(vec![Value::UInt(number)])
}

/// `TIOCM_*`
fn modem(_: &Cx<'_>, raw: &Raw) -> Value {
    Value::Array(vec![Value::flags(terminal::MODEM.spell(raw.u32(0).into()))])
}

fn winsize(_: &Cx<'_>, raw: &Raw) -> Value {
    Value::Struct(fields! {
        ws_row: Value::UInt(raw.u16(0).into()),
        ws_col: Value::UInt(raw.u16(2).into()),
        ws_xpixel: Value::UInt(raw.u16(4).into()),
        ws_ypixel: Value::UInt(raw.u16(6).into()),
    })
}

fn file_flags(_: &Cx<'_>, raw: &Raw) -> Value {
    Value::Array(vec![Value::flags(terminal::FILE_FLAGS.spell(raw.u32(0).into()))])
}

/// `struct termios`, shortened.
fn termios(cx: &Cx<'_>, raw: &Raw) -> Value {
    let mut shown = termios_flags(cx, raw);
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// `struct termio`, shortened: its words are the lower halves of those.
fn termio(cx: &Cx<'_>, raw: &Raw) -> Value {
    let mut shown = termio_flags(cx, raw);
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// The same in full.
fn whole_termios(cx: &Cx<'_>, raw: &Raw) -> Value {
    let mut shown = termios_flags(cx, raw);
    shown.extend(characters(raw.u8(16), raw.slice(17, CHARACTERS.len())));
    if raw.bytes().len() >= TERMIOS2_BYTES {
        shown.extend(fields! {
            c_ispeed: Value::UInt(raw.u32(36).into()),
            c_ospeed: Value::UInt(raw.u32(40).into()),
        });
    }
    Value::Struct(shown)
}

/// The older structure in full.
fn whole_termio(cx: &Cx<'_>, raw: &Raw) -> Value {
    let mut shown = termio_flags(cx, raw);
    shown.extend(characters(raw.u8(8), raw.slice(9, 8)));
    Value::Struct(shown)
}

const CHARACTERS: [&str; 19] = [
    "VINTR", "VQUIT", "VERASE", "VKILL", "VEOF", "VTIME", "VMIN", "VSWTC", "VSTART", "VSTOP",
    "VSUSP", "VEOL", "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2", "17", "18",
];

/// The line discipline and its special characters.
fn characters(line: u8, all: &[u8]) -> Vec<Field> {
    let character = |(name, &byte): (&&str, &u8)| {
        Value::Verbatim(format!("[{name}]={}", Value::Hex(byte.into())))
    };
    fields! {
        c_line: Value::name(choices::DISCIPLINE.spell(line.into())),
        c_cc: Value::Array(CHARACTERS.iter().zip(all).map(character).collect()),
    }
}

fn termio_flags(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    mode_words(cx, [0, 2, 4, 6].map(|at| raw.u16(at).into()))
}

fn termios_flags(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    mode_words(cx, [0, 4, 8, 12].map(|at| raw.u32(at)))
}

fn mode_words(cx: &Cx<'_>, [input, output, control, local]: [u32; 4]) -> Vec<Field> {
    fields! {
        c_iflag: Value::flags(bare(cx, &terminal::INPUT, input)),
        c_oflag: Value::flags(output_mode(cx, output)),
        c_cflag: Value::flags(control_mode(cx, control)),
        c_lflag: Value::flags(bare(cx, &terminal::LOCAL, local)),
    }
}

/// A set that is nothing at all when empty.
fn bare(cx: &Cx<'_>, set: &Set, bits: u32) -> Word {
    if bits == 0 { "".into() } else { cx.dressed(set.spell(bits.into())) }
}

/// Parts of one word, each with its own number.
fn parts(cx: &Cx<'_>, all: impl IntoIterator<Item = (String, u32)>) -> String {
    let dressed = all.into_iter().map(|(name, bits)| cx.dressed(Word::hex(name, bits.into())));
    dressed.map(|word| format!("{word}|")).collect()
}

/// The delays, then the rest.
fn output_mode(cx: &Cx<'_>, bits: u32) -> String {
    const DELAYS: [(&str, u32, u32); 6] =
        [("NL", 8, 1), ("CR", 9, 3), ("TAB", 11, 3), ("BS", 13, 1), ("VT", 14, 1), ("FF", 15, 1)];
    let delay = |(name, shift, mask): (&str, u32, u32)| {
        let name = match bits >> shift & mask {
            3 if name == "TAB" => "XTABS".to_owned(),
            number => format!("{name}{number}"),
        };
        (name, bits & mask << shift)
    };
    parts(cx, DELAYS.map(delay)) + &bare(cx, &terminal::OUTPUT, bits & !0xff00).text
}

/// The speeds, the size of a character, then the rest.
fn control_mode(cx: &Cx<'_>, bits: u32) -> String {
    let speed = |bits: u32| cx.dressed(choices::SPEED.spell(bits.into()));
    let mut text = speed(bits & 0x100f).text.into_owned();
    match bits >> 16 & 0x100f {
        0 => {}
        input => {
            let shift = cx.dressed(Word::hex("IBSHIFT", 16));
            text.push_str(&format!("|{}<<{shift}", speed(input)));
        }
    }
    let size = (format!("CS{}", 5 + (bits >> 4 & 3)), bits & 0x30);
    text + "|" + &parts(cx, [size]) + &bare(cx, &terminal::CONTROL, bits & !0x100f_103f).text
}
