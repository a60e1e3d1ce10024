//! prctl: the option says which arguments count.

use super::super::{Cx, sockopts, strings};
use crate::call::Outcome;
use crate::view::names::{Menu, Set, choices, tasks};
use crate::view::spelled::Spelled;
use crate::view::value::Value;
use crate::view::word::Word;

/// `PR_UNALIGN_*`, `PR_TSC_*` and `PR_FP_MODE_*`.
const UNALIGNED: Set = Set {
    zero: "0",
    unknown: "PR_UNALIGN_???",
    names: &[(1, "PR_UNALIGN_NOPRINT"), (2, "PR_UNALIGN_SIGBUS")],
};
const TSC: Menu =
    Menu { unknown: "PR_TSC_???", names: &[(1, "PR_TSC_ENABLE"), (2, "PR_TSC_SIGSEGV")] };
const FLOAT_MODE: Set = Set {
    zero: "0",
    unknown: "PR_FP_MODE_???",
    names: &[(1, "PR_FP_MODE_FR"), (2, "PR_FP_MODE_FRE")],
};

/// `SUID_DUMP_*`
const DUMPABLE: Menu = Menu {
    unknown: "SUID_DUMP_???",
    names: &[(0, "SUID_DUMP_DISABLE"), (1, "SUID_DUMP_USER"), (2, "SUID_DUMP_ROOT")],
};

/// `PR_CAP_AMBIENT_*`
const AMBIENT: Menu = Menu {
    unknown: "PR_CAP_AMBIENT_???",
    names: &[
        (1, "PR_CAP_AMBIENT_IS_SET"),
        (2, "PR_CAP_AMBIENT_RAISE"),
        (3, "PR_CAP_AMBIENT_LOWER"),
        (4, "PR_CAP_AMBIENT_CLEAR_ALL"),
    ],
};

/// `PR_SCHED_CORE_*`
const SCHED_CORE: Menu = Menu {
    unknown: "PR_SCHED_CORE_???",
    names: &[
        (0, "PR_SCHED_CORE_GET"),
        (1, "PR_SCHED_CORE_CREATE"),
        (2, "PR_SCHED_CORE_SHARE_TO"),
        (3, "PR_SCHED_CORE_SHARE_FROM"),
    ],
};

/// `PR_SPEC_*`: how it is about a misfeature.
pub(in super::super) const MITIGATION: Set = Set {
    zero: "PR_SPEC_NOT_AFFECTED",
    unknown: "",
    names: &[
        (1, "PR_SPEC_PRCTL"),
        (2, "PR_SPEC_ENABLE"),
        (4, "PR_SPEC_DISABLE"),
        (8, "PR_SPEC_FORCE_DISABLE"),
        (16, "PR_SPEC_DISABLE_NOEXEC"),
    ],
};

/// So many bytes of a task's name count.
const NAME: usize = 15;

/// No signal has a greater number, on any machine.
const SIGNAL_MAX: u64 = 128;

/// What the arguments behind an option are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// Nothing.
    None,
    /// One number.
    Number,
    /// One number, then three registers.
    NumberThenRegisters,
    /// Four registers.
    Registers,
    /// A number the kernel fills in.
    NumberOut,
    /// A pointer the kernel fills in.
    AddrOut,
    SignalOut,
    TscOut,
    Name,
    NameOut,
    Signal,
    Dumpable,
    Capability,
    Seccomp,
    Securebits,
    Ambient,
    /// A field of the memory map, then three registers.
    Mm,
    Vma,
    Ptracer,
    /// An address where a processor that has such a thing tells of it.
    Address,
    Unaligned,
    Tsc,
    FloatMode,
    /// What to do about a page whose memory failed.
    MachineCheck,
    /// A misfeature of the processor, and what to do about it.
    Speculation,
    /// A misfeature of the processor that is asked about.
    Misfeature,
    /// A switch, two registers and an address.
    Dispatch,
    /// What is to be done with a cookie, whose, and where to.
    SchedCore,
}

fn tail(option: u32) -> Tail {
    match option {
        1 => Tail::Signal,
        2 => Tail::SignalOut,
        3 | 7 | 13 | 21 | 27 | 30 | 31 | 32 | 46 | 51 | 64 => Tail::None,
        4 => Tail::Dumpable,
        8 | 10 | 12 | 14 | 20 | 29 | 36 => Tail::Number,
        5 | 9 | 11 | 19 => Tail::Address,
        6 => Tail::Unaligned,
        26 => Tail::Tsc,
        45 => Tail::FloatMode,
        38 | 41 | 57 => Tail::NumberThenRegisters,
        15 => Tail::Name,
        16 => Tail::NameOut,
        22 => Tail::Seccomp,
        23 | 24 => Tail::Capability,
        25 => Tail::TscOut,
        28 => Tail::Securebits,
        35 => Tail::Mm,
        37 => Tail::NumberOut,
        40 => Tail::AddrOut,
        47 => Tail::Ambient,
        33 => Tail::MachineCheck,
        52 => Tail::Misfeature,
        53 => Tail::Speculation,
        59 => Tail::Dispatch,
        62 => Tail::SchedCore,
        0x5356_4d41 => Tail::Vma,
        0x5961_6d61 => Tail::Ptracer,
        _ => Tail::Registers,
    }
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let option = cx.uint(0);
    let second = u64::from(cx.uint(1));
    let mut args = vec![Value::name(choices::PRCTL.spell(option.into()))];
    match tail(option) {
        Tail::None => {}
        Tail::Number => args.push(Value::UInt(cx.arg(1))),
        Tail::NumberThenRegisters => {
            args.push(Value::UInt(cx.arg(1)));
            args.extend(registers(cx, 2));
        }
        Tail::Registers => args.extend(registers(cx, 1)),
        Tail::Address => args.push(Value::Addr(cx.arg(1))),
        Tail::Unaligned => args.push(Value::flags(UNALIGNED.spell(second))),
        Tail::Tsc => args.push(Value::name(TSC.spell(second))),
        Tail::FloatMode => args.push(Value::flags(FLOAT_MODE.spell(second))),
        Tail::NumberOut | Tail::AddrOut | Tail::SignalOut | Tail::TscOut | Tail::NameOut => {
            args.push(Value::Pending);
        }
        Tail::Name => args.push(task_name(cx, NAME)),
        Tail::Signal => args.push(match cx.arg(1) {
            signo @ 0..=SIGNAL_MAX => Value::signal(signo as i32),
            other => Value::UInt(other),
        }),
        Tail::Dumpable => args.push(Value::name(DUMPABLE.spell(cx.arg(1)))),
        Tail::Capability => args.push(Value::name(choices::CAPABILITY.spell(cx.arg(1)))),
        Tail::Securebits => args.push(Value::flags(tasks::SECUREBITS.spell(cx.arg(1)))),
        Tail::Seccomp => seccomp(cx, &mut args),
        Tail::Mm => {
            args.push(Value::name(choices::PRCTL_MM.spell(second)));
            args.extend(registers(cx, 2));
        }
        Tail::Ambient => ambient(cx, &mut args),
        Tail::Vma => vma(cx, &mut args),
        Tail::MachineCheck => machine_check(cx, &mut args),
        Tail::Misfeature => args.push(Value::name(choices::MISFEATURE.spell(cx.arg(1)))),
        Tail::Speculation => {
            args.push(Value::name(choices::MISFEATURE.spell(cx.arg(1))));
            args.push(match choices::MISFEATURE.name(cx.arg(1)) {
                Some(_) => Value::name(choices::SPECULATION.spell(cx.arg(2))),
                None => Value::Hex(cx.arg(2)),
            });
        }
        Tail::Dispatch => {
            args.push(Value::name(choices::DISPATCH.spell(second)));
            args.extend([Value::Hex(cx.arg(2)), Value::Hex(cx.arg(3)), Value::Addr(cx.arg(4))]);
        }
        Tail::SchedCore => args.extend([
            Value::name(SCHED_CORE.spell(second)),
            Value::Int(cx.int(2).into()),
            Value::name(kind_of_id(cx.uint(3))),
            Value::Addr(cx.arg(4)),
        ]),
        Tail::Ptracer => args.push(match cx.int(1) {
            -1 => Value::name("PR_SET_PTRACER_ANY"),
            pid => Value::Int(pid.into()),
        }),
    }
    args
}

/// Registers from `from` to the last of the five, in hexadecimal.
fn registers(cx: &Cx<'_>, from: usize) -> Vec<Value> {
    (from..5).map(|at| Value::Hex(cx.arg(at))).collect()
}

/// The name of a task, of which `max` bytes are looked at.
fn task_name(cx: &Cx<'_>, max: usize) -> Value {
    match cx.style.string_max {
        shown @ ..NAME => strings::first(cx, cx.arg(1), shown),
        _ => strings::limited(cx, cx.arg(1), max),
    }
}

/// What an id names; strace gives number and name in every form but the raw one.
fn kind_of_id(kind: u32) -> Word {
    let name = match kind {
        0 => "PIDTYPE_PID",
        1 => "PIDTYPE_TGID",
        2 => "PIDTYPE_PGID",
        3 => "PIDTYPE_SID",
        _ => "PIDTYPE_???",
    };
    Word::hex(format!("{} /* {name} */", Value::Hex(kind.into())), kind.into())
}

/// The name of a value of the dumpable flag.
pub(in super::super) fn dumpable(value: u64) -> Word {
    DUMPABLE.spell(value)
}

fn seccomp(cx: &Cx<'_>, args: &mut Vec<Value>) {
    match cx.uint(1) {
        0 => args.push(Value::name(Word::hex("SECCOMP_MODE_DISABLED", 0))),
        1 => args.push(Value::name(Word::hex("SECCOMP_MODE_STRICT", 1))),
        2 => {
            args.push(Value::name(Word::hex("SECCOMP_MODE_FILTER", 2)));
            args.push(cx.at(cx.arg(2), 2 * cx.word(), sockopts::program));
        }
        other => {
            let text = format!("{other:#x} /* SECCOMP_MODE_??? */");
            args.push(Value::name(Word::hex(text, other.into())));
            args.extend(registers(cx, 2));
        }
    }
}

fn ambient(cx: &Cx<'_>, args: &mut Vec<Value>) {
    let operation = AMBIENT.spell(cx.uint(1).into());
    args.push(Value::name(operation));
    if matches!(cx.uint(1), 1..=3) {
        args.push(Value::name(choices::CAPABILITY.spell(cx.uint(2).into())));
        args.extend(registers(cx, 3));
    } else {
        args.extend(registers(cx, 2));
    }
}

fn machine_check(cx: &Cx<'_>, args: &mut Vec<Value>) {
    const SET: u64 = 1;
    args.push(Value::name(choices::MACHINE_CHECK.spell(cx.arg(1))));
    if cx.arg(1) == SET {
        args.push(Value::name(choices::MACHINE_CHECK_POLICY.spell(cx.arg(2))));
        args.extend(registers(cx, 3));
    } else {
        args.extend(registers(cx, 2));
    }
}

fn vma(cx: &Cx<'_>, args: &mut Vec<Value>) {
    if cx.arg(1) != 0 {
        args.push(Value::Hex(cx.arg(1)).remarked("PR_SET_VMA_???"));
        args.extend(registers(cx, 2));
        return;
    }
    args.push(Value::name("PR_SET_VMA_ANON_NAME"));
    args.push(Value::Addr(cx.arg(2)));
    args.push(Value::UInt(cx.arg(3)));
    args.push(strings::limited(cx, cx.arg(4), 80));
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let addr = cx.arg(1);
    let filled = |value: fn(i32) -> Value| {
        cx.filled(addr, outcome, 4, |raw| Value::Array(vec![value(raw.i32(0))]))
    };
    let value = match tail(cx.uint(0)) {
        Tail::NumberOut => filled(|number| Value::Int(number.into())),
        Tail::SignalOut => filled(Value::signal),
        Tail::TscOut => filled(|mode| Value::name(TSC.spell(u64::from(mode as u32)))),
        Tail::AddrOut => {
            cx.filled(addr, outcome, cx.word(), |raw| Value::Array(vec![Value::Addr(raw.uword(0))]))
        }
        Tail::NameOut => match outcome {
            // The kernel ends it.
            Outcome::Value(_) => task_name(cx, NAME + 1),
            Outcome::Never => Value::Pending,
            Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(addr),
        },
        _ => return,
    };
    if let Some(last) = spelled.args.last_mut() {
        *last = value;
    }
}
