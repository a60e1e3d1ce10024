//! clone and clone3.

use super::super::{Cx, raw::Raw};
use crate::call::Outcome;
use crate::view::names::{signal_name, tasks};
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};
use crate::view::word::{Number, Word};

const CLONE_PIDFD: u64 = 0x1000;
const CLONE_SETTLS: u64 = 0x8_0000;
const CLONE_PARENT_SETTID: u64 = 0x10_0000;
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;
const CLONE_CHILD_SETTID: u64 = 0x100_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// The low byte of clone's flags is the signal sent at exit.
const EXIT_SIGNAL: u64 = 0xff;
/// The size of clone3's first structure, and offsets of what came later.
const ARGS_BYTES_MIN: usize = 64;
const ARGS_BYTES_MAX: usize = 88;

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let flags = cx.arg(0);
    let mut args = vec![
        Value::Addr(cx.arg(1)).named("child_stack"),
        Value::flags(clone_flags(cx, flags)).named("flags"),
    ];
    if flags & (CLONE_PARENT_SETTID | CLONE_PIDFD) != 0 {
        args.push(Value::Pending.named("parent_tid"));
    }
    let (tls, child) = cx.layouts.clone;
    if flags & CLONE_SETTLS != 0 {
        // i386 passes a descriptor of the storage, not its address.
        let storage = match cx.word() {
            8 => Value::Addr(cx.arg(tls)),
            _ => super::segment::given(cx, cx.arg(tls)),
        };
        args.push(storage.named("tls"));
    }
    if flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) != 0 {
        args.push(Value::Addr(cx.arg(child)).named("child_tidptr"));
    }
    args
}

/// Flags and a signal, which are two words where constants are shown as numbers.
fn clone_flags(cx: &Cx<'_>, flags: u64) -> Word {
    let signal = (flags & EXIT_SIGNAL) as i32;
    let flags = flags & !EXIT_SIGNAL;
    let named = Word::new(signal_name(signal), Number::Signed(signal.into()));
    match (flags, signal) {
        (0, 0) => "0".into(),
        (0, _) => named,
        (_, 0) => tasks::CLONE.spell(flags),
        _ => tasks::CLONE.spell(flags).beside(named, cx.style.constants),
    }
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let addr = cx.arg(2);
    for arg in &mut spelled.args {
        if arg.is_pending() {
            let filled = cx
                .filled(addr, outcome, 4, |raw| Value::Array(vec![Value::Int(raw.i32(0).into())]));
            *arg = filled.named("parent_tid");
        }
    }
}

pub(super) fn enter3(cx: &Cx<'_>) -> Vec<Value> {
    vec![clone_args(cx), Value::UInt(cx.arg(1))]
}

/// Whether clone3 fills in something that is shown.
pub(super) fn answers(cx: &Cx<'_>) -> bool {
    let flags = cx.raw(cx.arg(0), ARGS_BYTES_MIN).map_or(0, |raw| raw.u64(0));
    flags & (CLONE_PIDFD | CLONE_PARENT_SETTID) != 0
}

/// `struct clone_args`, as much of it as the caller gives.
fn clone_args(cx: &Cx<'_>) -> Value {
    let (addr, bytes) = (cx.arg(0), cx.arg(1));
    let Ok(bytes) = usize::try_from(bytes) else { return Value::Addr(addr) };
    if bytes < ARGS_BYTES_MIN {
        return Value::Addr(addr);
    }
    cx.at(addr, bytes.min(ARGS_BYTES_MAX), |raw| {
        let mut shown = clone_fields(cx, raw);
        let behind = cx.behind(addr, ARGS_BYTES_MAX, bytes as u64);
        shown.extend(behind.map(|rest| ("".into(), rest)));
        Value::Struct(shown)
    })
}

fn clone_fields(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    let flags = raw.u64(0);
    let mut shown = fields! { flags: Value::flags(tasks::CLONE3.spell(flags)) };
    if flags & CLONE_PIDFD != 0 {
        shown.extend(fields! { pidfd: Value::Addr(raw.u64(8)) });
    }
    if flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) != 0 {
        shown.extend(fields! { child_tid: Value::Addr(raw.u64(16)) });
    }
    if flags & CLONE_PARENT_SETTID != 0 {
        shown.extend(fields! { parent_tid: Value::Addr(raw.u64(24)) });
    }
    shown.extend(fields! {
        exit_signal: exit_signal(raw.u64(32)),
        stack: Value::Addr(raw.u64(40)),
        stack_size: Value::Hex(raw.u64(48)),
    });
    if flags & CLONE_SETTLS != 0 {
        shown.extend(fields! { tls: Value::Addr(raw.u64(56)) });
    }
    let (ids, count) = (raw.u64(64), raw.u64(72));
    if ids != 0 || count != 0 {
        let ids = match count {
            0 => Value::Addr(ids),
            _ => cx.array(ids, count, 4, |raw| Value::Int(raw.i32(0).into())),
        };
        shown.extend(fields! { set_tid: ids, set_tid_size: Value::UInt(count) });
    }
    // What the caller's structure is too short for reads as zero.
    let has_group = raw.bytes().len() > 80;
    if has_group && flags & CLONE_INTO_CGROUP != 0 || raw.u64(80) != 0 {
        shown.extend(fields! { cgroup: Value::UInt(raw.u64(80)) });
    }
    shown
}

/// A number of eight bytes, of which a signal is the smallest part.
fn exit_signal(number: u64) -> Value {
    match i32::try_from(number) {
        Ok(signo) => Value::signal(signo),
        Err(_) => Value::UInt(number),
    }
}

/// Behind what the caller gave, the numbers the kernel wrote for it.
pub(super) fn leave3(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let (Outcome::Value(_), Some(raw)) = (outcome, cx.raw(cx.arg(0), ARGS_BYTES_MIN)) else {
        return;
    };
    let Some(given @ Value::Struct(_)) = spelled.args.first_mut() else { return };
    let number = |addr| cx.at(addr, 4, |raw| Value::Array(vec![Value::Int(raw.i32(0).into())]));
    let descriptor = |addr| cx.at(addr, 4, |raw| Value::Array(vec![cx.fd(raw.i32(0))]));
    let mut written = Vec::new();
    if raw.u64(0) & CLONE_PIDFD != 0 {
        written.extend(fields! { pidfd: descriptor(raw.u64(8)) });
    }
    if raw.u64(0) & CLONE_PARENT_SETTID != 0 {
        written.extend(fields! { parent_tid: number(raw.u64(24)) });
    }
    if !written.is_empty() {
        let before = std::mem::replace(given, Value::Pending);
        *given = before.changed_to(Value::Struct(written));
    }
}
