//! Signal sets and the structures about signals.

use super::Cx;
use super::raw::Raw;
use crate::view::names::{signal_short, tasks};
use crate::view::value::{Value, fields};
use crate::view::word::{Number, Word};

/// The number of signals.
const SIGNALS: u32 = 64;

/// The only size of a signal set the kernel takes.
const SET_BYTES: u64 = 8;

/// The ways of telling that name a signal.
const SIGEV_SIGNAL: i32 = 0;
const SIGEV_THREAD: i32 = 2;
const SIGEV_THREAD_ID: i32 = 4;

/// `SA_RESTORER`
const SA_RESTORER: u64 = 0x0400_0000;

/// A signal set; of a mostly full one, the signals that are missing.
pub(super) fn set(bits: u64) -> Value {
    let complement = bits.count_ones() >= SIGNALS * 2 / 3;
    let shown = if complement { !bits } else { bits };
    let members = (1..=SIGNALS as i32)
        .filter(|signo| shown >> (signo - 1) & 1 == 1)
        .filter_map(|signo| Some(Word::new(signal_short(signo)?, Number::Signed(signo.into()))))
        .collect();
    Value::Set { complement, members }
}

/// A signal set in memory, of the size the call's last argument gives.
pub(super) fn set_at(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    // Of those that are pending the kernel tells as many as there is room for.
    let part = cx.call.syscall == Some(vrift_arch::Syscall::RtSigpending);
    match bytes {
        SET_BYTES => cx.at(addr, 8, |raw| set(raw.u64(0))),
        1..SET_BYTES if part => cx.at(addr, bytes as usize, |raw| {
            let bits = raw.bytes().iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
            set(bits)
        }),
        _ => Value::Addr(addr),
    }
}

/// The kernel's `struct sigaction`: handler, flags, restorer, mask.
pub(super) fn action(raw: &Raw) -> Value {
    let word = raw.word();
    spell_action(raw.uword(0), raw.u64(3 * word), raw.uword(word), raw.uword(2 * word))
}

/// `struct old_sigaction`: handler, mask, flags, restorer.
pub(super) fn old_action(raw: &Raw) -> Value {
    let field = |index| raw.uword(index * raw.word());
    spell_action(field(0), field(1), field(2), field(3))
}

fn spell_action(handled: u64, mask: u64, flags: u64, restorer: u64) -> Value {
    let mut shown = fields! {
        sa_handler: handler(handled),
        sa_mask: set(mask),
        sa_flags: Value::flags(tasks::SIGACTION.spell(flags)),
    };
    if flags & SA_RESTORER != 0 {
        shown.extend(fields! { sa_restorer: Value::Addr(restorer) });
    }
    Value::Struct(shown)
}

pub(super) fn handler(addr: u64) -> Value {
    match addr {
        0 => Value::name(Word::hex("SIG_DFL", 0)),
        1 => Value::name(Word::hex("SIG_IGN", 1)),
        u64::MAX => Value::name(Word::hex("SIG_ERR", u64::MAX)),
        _ => Value::Addr(addr),
    }
}

/// `stack_t`.
pub(super) fn stack(raw: &Raw) -> Value {
    let word = raw.word();
    Value::Struct(fields! {
        ss_sp: Value::Addr(raw.uword(0)),
        ss_flags: Value::flags(tasks::SIGSTACK.spell(raw.u32(word).into())),
        ss_size: Value::UInt(raw.uword(2 * word)),
    })
}

/// `struct sigevent`: how a timer or queue tells.
pub(super) fn event(cx: &Cx<'_>, addr: u64) -> Value {
    let word = cx.word();
    // What may be behind its fields is there to make room.
    cx.at(addr, 3 * word + 8, |raw| {
        let (signo, notify) = (raw.i32(word), raw.i32(word + 4));
        let signal = match notify {
            SIGEV_SIGNAL | SIGEV_THREAD | SIGEV_THREAD_ID => Value::signal(signo),
            _ => Value::UInt(raw.u32(word).into()),
        };
        let name = match notify {
            SIGEV_SIGNAL => Word::hex("SIGEV_SIGNAL", 0),
            1 => Word::hex("SIGEV_NONE", 1),
            SIGEV_THREAD => Word::hex("SIGEV_THREAD", SIGEV_THREAD as u64),
            SIGEV_THREAD_ID => Word::hex("SIGEV_THREAD_ID", SIGEV_THREAD_ID as u64),
            other => Word::hex(format!("{other:#x} /* SIGEV_??? */"), other as u32 as u64),
        };
        let mut shown = Vec::new();
        if raw.uword(0) != 0 {
            shown.extend(fields! {
                sigev_value: Value::Struct(fields! {
                    sival_int: Value::Int(raw.i32(0).into()),
                    sival_ptr: Value::Addr(raw.uword(0)),
                }),
            });
        }
        shown.extend(fields! { sigev_signo: signal, sigev_notify: Value::name(name) });
        if notify == SIGEV_THREAD
            && let Some(raw) = cx.raw(addr, 3 * word + 8)
        {
            shown.extend(fields! {
                sigev_notify_function: Value::Addr(raw.uword(word + 8)),
                sigev_notify_attributes: Value::Addr(raw.uword(2 * word + 8)),
            });
        }
        if notify == SIGEV_THREAD_ID {
            shown.extend(fields! { sigev_notify_thread_id: Value::Int(raw.i32(word + 8).into()) });
        }
        Value::Struct(shown)
    })
}
