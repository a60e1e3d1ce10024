//! Asynchronous input and output of the kernel's own: what is asked for, and what came of it.

use super::super::raw::Raw;
use super::super::sockets::{self, Buffers};
use super::super::{Cx, signals, strings};
use super::misc;
use crate::call::Outcome;
use crate::view::names::{Menu, Set, files};
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};
use crate::view::word::{Number, Word};

/// The sizes of `struct iocb` and `struct io_event`.
const CONTROL_BYTES: usize = 64;
const EVENT_BYTES: usize = 32;

/// `IOCB_FLAG_*`
const HAS_EVENTFD: u32 = 1;
const HAS_PRIORITY: u32 = 2;

const FLAGS: Set = Set {
    zero: "0",
    unknown: "IOCB_FLAG_???",
    names: &[(0x1, "IOCB_FLAG_RESFD"), (0x2, "IOCB_FLAG_IOPRIO")],
};

/// What a request does with its buffer.
#[derive(Debug, Clone, Copy)]
enum Uses {
    Room,
    Bytes,
    Vector(Buffers),
    /// The word is a set of events.
    Events,
    Nothing,
}

/// `IOCB_CMD_*`
const COMMANDS: Menu = Menu {
    unknown: "IOCB_CMD_???",
    names: &[
        (0, "IOCB_CMD_PREAD"),
        (1, "IOCB_CMD_PWRITE"),
        (2, "IOCB_CMD_FSYNC"),
        (3, "IOCB_CMD_FDSYNC"),
        (4, "IOCB_CMD_PREADX"),
        (5, "IOCB_CMD_POLL"),
        (6, "IOCB_CMD_NOOP"),
        (7, "IOCB_CMD_PREADV"),
        (8, "IOCB_CMD_PWRITEV"),
    ],
};

fn uses(command: u16) -> Uses {
    match command {
        0 => Uses::Room,
        1 => Uses::Bytes,
        5 => Uses::Events,
        7 => Uses::Vector(Buffers::Addresses),
        8 => Uses::Vector(Buffers::Whole),
        _ => Uses::Nothing,
    }
}

pub(super) fn enter_submit(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = misc::enter_row(cx);
    if let Ok(count) = u64::try_from(cx.long(1)) {
        let word = cx.word();
        args[2] = match count {
            0 if cx.arg(2) != 0 => Value::Array(Vec::new()),
            _ => cx.array(cx.arg(2), count, word, |raw| {
                cx.at(raw.uword(0), CONTROL_BYTES, |raw| {
                    let mut shown = head(cx, raw);
                    shown.extend(body(cx, raw));
                    Value::Struct(shown)
                })
            }),
        };
    }
    args
}

pub(super) fn enter_cancel(cx: &Cx<'_>) -> Vec<Value> {
    let request = cx.at(cx.arg(1), CONTROL_BYTES, |raw| Value::Struct(head(cx, raw)));
    vec![Value::Addr(cx.arg(0)), request, Value::Pending]
}

pub(super) fn leave_cancel(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    spelled.args[2] = cx.filled(cx.arg(2), outcome, EVENT_BYTES, event);
}

pub(super) fn enter_events(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = misc::enter_row(cx);
    args[3] = Value::Pending;
    if let Some(mask) = args.get_mut(5) {
        let word = cx.word();
        *mask = cx.at(cx.arg(5), 2 * word, |raw| {
            Value::Struct(fields! {
                sigmask: signals::set_at(cx, raw.uword(0), raw.uword(word)),
                sigsetsize: Value::UInt(raw.uword(word)),
            })
        });
    }
    args
}

pub(super) fn leave_events(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    spelled.args[3] = match outcome {
        Outcome::Value(count) => {
            cx.array(cx.arg(3), u64::try_from(count).unwrap_or(0), EVENT_BYTES, event)
        }
        Outcome::Never => Value::Pending,
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(cx.arg(3)),
    };
}

fn event(raw: &Raw) -> Value {
    Value::Struct(fields! {
        data: Value::Hex(raw.u64(0)),
        obj: Value::Hex(raw.u64(8)),
        res: Value::Int(raw.i64(16)),
        res2: Value::Int(raw.i64(24)),
    })
}

/// What every request has.
fn head(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    let mut shown = fields! { aio_data: Value::Hex(raw.u64(0)) };
    if raw.u32(8) != 0 {
        shown.extend(fields! { aio_key: Value::UInt(raw.u32(8).into()) });
    }
    if raw.u32(12) != 0 {
        shown.extend(fields! { aio_rw_flags: Value::flags(files::RWF.spell(raw.u32(12).into())) });
    }
    shown.extend(fields! { aio_lio_opcode: command(raw.u16(16)) });
    if raw.u32(56) & HAS_PRIORITY != 0 {
        let word = raw.u16(18).into();
        let text = Value::Verbatim(misc::ioprio(cx, word));
        shown.extend(fields! { aio_reqprio: Value::coded(Value::Hex(word.into()), text) });
    } else if raw.i16(18) != 0 {
        shown.extend(fields! { aio_reqprio: Value::Int(raw.i16(18).into()) });
    }
    shown.extend(fields! { aio_fildes: cx.fd(raw.i32(20)) });
    shown
}

/// In decimal where the name is not wanted, or there is none.
fn command(command: u16) -> Value {
    let number = Number::Unsigned(command.into());
    Value::name(match COMMANDS.name(command.into()) {
        Some(name) => Word::new(name, number),
        None => Word::new(format!("{number} /* {} */", COMMANDS.unknown), number),
    })
}

/// What only some have.
fn body(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    let (buffer, count) = (raw.u64(24), raw.u64(32));
    let mut shown = match uses(raw.u16(16)) {
        Uses::Nothing => return Vec::new(),
        Uses::Events => {
            return {
                let mut shown = fields! { aio_buf: Value::flags(files::POLL.spell(buffer)) };
                shown.extend(signalled(cx, raw));
                shown
            };
        }
        Uses::Room => fields! { aio_buf: Value::Hex(buffer), aio_nbytes: Value::UInt(count) },
        Uses::Bytes => fields! {
            aio_buf: strings::bytes(cx, buffer, count),
            aio_nbytes: Value::UInt(count),
        },
        Uses::Vector(buffers) => {
            fields! { aio_buf: sockets::vector(cx, buffer, count, buffers) }
        }
    };
    shown.extend(fields! { aio_offset: Value::Int(raw.i64(40)) });
    shown.extend(signalled(cx, raw));
    shown
}

/// The flags, and the descriptor that is told of the end.
fn signalled(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    let (flags, descriptor) = (raw.u32(56), raw.u32(60));
    let mut shown = Vec::new();
    if flags != 0 {
        shown.extend(fields! { aio_flags: Value::flags(FLAGS.spell(flags.into())) });
    }
    if flags & HAS_EVENTFD != 0 {
        shown.extend(fields! { aio_resfd: cx.fd(raw.i32(60)) });
    } else if descriptor != 0 {
        shown.extend(fields! { aio_resfd: Value::Hex(descriptor.into()) });
    }
    shown
}
