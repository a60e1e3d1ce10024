//! ptrace: the request says which arguments count, and what they point to.

use super::super::raw::Raw;
use super::super::{Cx, siginfo, signals};
use super::registers;
use crate::call::Outcome;
use crate::view::names::{Menu, Set, choices, errno_name};
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};
use crate::view::word::{Number, Word};

/// `PTRACE_O_*`
const OPTIONS: Set = Set {
    zero: "0",
    unknown: "PTRACE_O_???",
    names: &[
        (0x1, "PTRACE_O_TRACESYSGOOD"),
        (0x2, "PTRACE_O_TRACEFORK"),
        (0x4, "PTRACE_O_TRACEVFORK"),
        (0x8, "PTRACE_O_TRACECLONE"),
        (0x10, "PTRACE_O_TRACEEXEC"),
        (0x20, "PTRACE_O_TRACEVFORKDONE"),
        (0x40, "PTRACE_O_TRACEEXIT"),
        (0x80, "PTRACE_O_TRACESECCOMP"),
        (0x100000, "PTRACE_O_EXITKILL"),
        (0x200000, "PTRACE_O_SUSPEND_SECCOMP"),
    ],
};

const PEEKED: Set = Set {
    zero: "0",
    unknown: "PTRACE_PEEKSIGINFO_???",
    names: &[(1, "PTRACE_PEEKSIGINFO_SHARED")],
};

/// `PTRACE_SYSCALL_INFO_*`
const STOP: Menu = Menu {
    unknown: "PTRACE_SYSCALL_INFO_???",
    names: &[
        (0, "PTRACE_SYSCALL_INFO_NONE"),
        (1, "PTRACE_SYSCALL_INFO_ENTRY"),
        (2, "PTRACE_SYSCALL_INFO_EXIT"),
        (3, "PTRACE_SYSCALL_INFO_SECCOMP"),
    ],
};

/// What the last two arguments of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing, not even whose they are.
    Alone,
    /// They do not count.
    Task,
    /// Two addresses.
    Addresses,
    /// An address, and where the word there goes.
    Word,
    /// A place in `struct user`, and where its word goes.
    Register,
    /// A place in `struct user`, and its new word.
    NewRegister,
    /// The signal to go on with.
    Signal,
    Options,
    /// What an event says, as a number.
    Message,
    Siginfo,
    NewSiginfo,
    Peek,
    Mask,
    NewMask,
    /// The whole set, without the argument before it.
    General,
    NewGeneral,
    Float,
    NewFloat,
    /// A set by its type, through a vector.
    Set,
    NewSet,
    Filter,
    Metadata,
    /// What a stop is about.
    Stop,
}

fn form(request: u64) -> Form {
    match request {
        0 => Form::Alone,
        8 | 16 | 0x4207 | 0x4208 => Form::Task,
        1 | 2 => Form::Word,
        3 => Form::Register,
        6 => Form::NewRegister,
        7 | 9 | 17 | 24 | 31 | 32 | 33 => Form::Signal,
        12 => Form::General,
        13 => Form::NewGeneral,
        14 => Form::Float,
        15 => Form::NewFloat,
        21 | 0x4200 | 0x4206 => Form::Options,
        0x4201 => Form::Message,
        0x4202 => Form::Siginfo,
        0x4203 => Form::NewSiginfo,
        0x4204 => Form::Set,
        0x4205 => Form::NewSet,
        0x4209 => Form::Peek,
        0x420a => Form::Mask,
        0x420b => Form::NewMask,
        0x420c => Form::Filter,
        0x420d => Form::Metadata,
        0x420e => Form::Stop,
        _ => Form::Addresses,
    }
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = vec![Value::name(choices::PTRACE.spell(cx.arg(0)))];
    let form = form(cx.arg(0));
    if form == Form::Alone {
        return args;
    }
    args.push(Value::Int(cx.int(1).into()));
    let (addr, data) = (cx.arg(2), cx.arg(3));
    match form {
        Form::Alone | Form::Task => {}
        Form::General | Form::Float => args.push(Value::Pending),
        Form::NewGeneral => args.push(registers::general(cx, data)),
        Form::NewFloat => args.push(registers::float(cx, data)),
        _ => args.extend([place(cx, form, addr), given(cx, form, data)]),
    }
    args
}

/// The argument that is an address in general.
fn place(cx: &Cx<'_>, form: Form, addr: u64) -> Value {
    match form {
        Form::Register | Form::NewRegister => registers::place(cx, addr),
        Form::Set | Form::NewSet => Value::name(registers::SETS.spell(addr)),
        Form::Mask | Form::NewMask | Form::Filter | Form::Metadata | Form::Stop => {
            Value::UInt(addr)
        }
        Form::Peek => cx.at(addr, 16, |raw| {
            Value::Struct(fields! {
                off: Value::UInt(raw.u64(0)),
                flags: Value::flags(PEEKED.spell(raw.u32(8).into())),
                nr: Value::UInt(raw.u32(12).into()),
            })
        }),
        _ => Value::Addr(addr),
    }
}

/// The last argument, as far as it is the caller's.
fn given(cx: &Cx<'_>, form: Form, data: u64) -> Value {
    match form {
        Form::Signal => Value::signal(data as i32),
        Form::Options => Value::flags(OPTIONS.spell(data)),
        Form::NewSiginfo => told(cx, data),
        Form::NewMask => signals::set_at(cx, data, cx.arg(2)),
        Form::NewSet => registers::set(cx, data, cx.arg(2), None),
        Form::Word
        | Form::Register
        | Form::Message
        | Form::Siginfo
        | Form::Peek
        | Form::Mask
        | Form::Set
        | Form::Metadata
        | Form::Stop => Value::Pending,
        _ => Value::Addr(data),
    }
}

fn told(cx: &Cx<'_>, addr: u64) -> Value {
    cx.at(addr, siginfo::BYTES, |raw| siginfo::told(raw, cx.descriptors()))
}

/// The room for a set of registers, which the kernel shortens.
pub(super) fn keep(cx: &Cx<'_>) -> u64 {
    match form(cx.arg(0)) {
        Form::Set => cx.peek(cx.arg(3), 2 * cx.word()).map_or(0, |raw| raw.uword(cx.word())),
        _ => 0,
    }
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let data = cx.arg(3);
    let answered = match outcome {
        Outcome::Value(count) => Some(u64::try_from(count).unwrap_or(0)),
        Outcome::Never => return,
        Outcome::Error(_) | Outcome::Restarts(_) => None,
    };
    let Some(last) = spelled.args.last_mut().filter(|last| last.is_pending()) else { return };
    let form = form(cx.arg(0));
    let Some(count) = answered else {
        *last = match form {
            Form::Set => registers::unset(cx, data),
            Form::Metadata => metadata(cx, data, 0),
            _ => Value::Addr(data),
        };
        return;
    };
    let one = |value| Value::Array(vec![value]);
    let word = cx.word();
    *last = match form {
        Form::Word | Form::Register => cx.at(data, word, |raw| one(Value::Addr(raw.uword(0)))),
        Form::Message => cx.at(data, word, |raw| one(Value::UInt(raw.uword(0)))),
        Form::Siginfo => told(cx, data),
        Form::Peek if cx.follows() => {
            cx.array(data, count, siginfo::BYTES, |raw| siginfo::told(raw, cx.descriptors()))
        }
        Form::Mask => signals::set_at(cx, data, cx.arg(2)),
        Form::Set => registers::set(cx, data, cx.arg(2), Some(spelled.kept)),
        Form::General => registers::general(cx, data),
        Form::Float => registers::float(cx, data),
        Form::Metadata => metadata(cx, data, count),
        Form::Stop => stop(cx, data, count.min(cx.arg(2))),
        _ => Value::Addr(data),
    };
}

/// `struct seccomp_metadata`, of which the offset is the caller's.
fn metadata(cx: &Cx<'_>, addr: u64, filled: u64) -> Value {
    if cx.arg(2) < 8 {
        return Value::Addr(addr);
    }
    cx.at(addr, 8, |raw| {
        let mut shown = fields! { filter_off: Value::UInt(raw.u64(0)) };
        if filled > 8 {
            let flags = cx.peek(addr.wrapping_add(8), 8).map_or(0, |raw| raw.u64(0));
            shown.extend(fields! { flags: Value::Hex(flags) });
        }
        Value::Struct(shown)
    })
}

/// `AUDIT_ARCH_*`
const ARCHITECTURE: Menu = Menu {
    unknown: "AUDIT_ARCH_???",
    names: &[
        (0x4000_0003, "AUDIT_ARCH_I386"),
        (0x4000_0028, "AUDIT_ARCH_ARM"),
        (0xc000_003e, "AUDIT_ARCH_X86_64"),
        (0xc000_00b7, "AUDIT_ARCH_AARCH64"),
    ],
};

/// The size of `struct ptrace_syscall_info`.
const STOP_BYTES: u64 = 88;

/// `struct ptrace_syscall_info`, as much of it as was filled in and there is room for.
fn stop(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    if count == 0 {
        return Value::Addr(addr);
    }
    let has = |end: u64| count >= end;
    cx.at(addr, count.min(STOP_BYTES) as usize, |raw| {
        let mut shown = fields! { op: Value::name(STOP.spell(raw.u8(0).into())) };
        if has(8) {
            shown.extend(fields! { arch: Value::name(ARCHITECTURE.spell(raw.u32(4).into())) });
        }
        if has(16) {
            shown.extend(fields! { instruction_pointer: Value::Hex(raw.u64(8)) });
        }
        if has(24) {
            shown.extend(fields! { stack_pointer: Value::Hex(raw.u64(16)) });
        }
        match raw.u8(0) {
            1 if has(32) => shown.extend(fields! { entry: Value::Struct(entry(cx, raw, count)) }),
            2 if has(32) => shown.extend(fields! { exit: Value::Struct(exit(raw, count)) }),
            3 if has(32) => {
                let mut entered = entry(cx, raw, count);
                if has(84) {
                    entered.extend(fields! { ret_data: Value::UInt(raw.u32(80).into()) });
                }
                shown.extend(fields! { seccomp: Value::Struct(entered) });
            }
            _ => {}
        }
        Value::Struct(shown)
    })
}

fn entry(cx: &Cx<'_>, raw: &Raw, count: u64) -> Vec<Field> {
    let (arch, number) = (raw.u32(4), raw.u64(24));
    let mut shown = fields! {
        nr: match (cx.layouts.syscall)(arch, number) {
            // Only numbers of the caller's own kind have names of constants.
            Some(call) if arch == cx.layouts.audit_arch => {
                let name = format!("__NR_{}", call.name());
                Value::name(Word::new(name, Number::Unsigned(number)))
            }
            Some(call) => {
                let number = Value::UInt(number);
                Value::coded(number.clone(), number.remarked(call.name()))
            }
            None => Value::UInt(number),
        },
    };
    let args: Vec<Value> = (0..6)
        .map(|index| 32 + 8 * index)
        .take_while(|&at| count >= at as u64 + 8)
        .map(|at| Value::Hex(raw.u64(at)))
        .collect();
    if !args.is_empty() {
        shown.extend(fields! { args: Value::Array(args) });
    }
    shown
}

fn exit(raw: &Raw, count: u64) -> Vec<Field> {
    let (value, failed) = (raw.i64(24), raw.u8(32));
    let told = match i32::try_from(value.wrapping_neg()) {
        Ok(errno) if count > 32 && failed != 0 => {
            Value::Verbatim(format!("-{}", errno_name(errno)))
        }
        _ => Value::Int(value),
    };
    let mut shown = fields! { rval: told };
    if count > 32 {
        shown.extend(fields! { is_error: Value::UInt(failed.into()) });
    }
    shown
}
