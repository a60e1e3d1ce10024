//! Structures about processes: how they ended, what they used, what they may use.

use super::Cx;
use super::raw::Raw;
use super::siginfo::ticks;
use super::time::timeval;
use crate::call::Outcome;
use crate::view::names::{choices, signal_name};
use crate::view::value::{Value, fields};
use crate::view::word::{Number, Word};

/// What the flag words of `wait` statuses mean, by ptrace event.
const PTRACE_EVENTS: [&str; 8] = [
    "PTRACE_EVENT_FORK",
    "PTRACE_EVENT_VFORK",
    "PTRACE_EVENT_CLONE",
    "PTRACE_EVENT_EXEC",
    "PTRACE_EVENT_VFORK_DONE",
    "PTRACE_EVENT_EXIT",
    "PTRACE_EVENT_SECCOMP",
    "PTRACE_EVENT_STOP",
];

/// `CPU_SETSIZE` of the largest kernels, in bytes.
const CPU_BYTES_MAX: u64 = 8192;

/// A wait status; with no child to report on, the address.
pub(super) fn wait_status(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(0) => Value::Addr(addr),
        _ => cx.filled(addr, outcome, 4, |raw| Value::Array(vec![status(raw.u32(0))])),
    }
}

/// The macros of `<sys/wait.h>` that hold for a status.
fn status(status: u32) -> Value {
    let (low, high, event) = (status & 0x7f, status >> 8 & 0xff, status >> 16);
    let text = match (low, status & 0xff) {
        _ if status == 0xffff => "{WIFCONTINUED(s)}".to_owned(),
        (0, _) => format!("{{WIFEXITED(s) && WEXITSTATUS(s) == {high}}}"),
        (_, 0x7f) => stopped(high as i32),
        _ => {
            let signal = signal_name(low as i32);
            let core = if status & 0x80 != 0 { " && WCOREDUMP(s)" } else { "" };
            format!("{{WIFSIGNALED(s) && WTERMSIG(s) == {signal}{core}}}")
        }
    };
    let text = match (event as usize).checked_sub(1).and_then(|at| PTRACE_EVENTS.get(at)) {
        Some(name) if status & 0xff == 0x7f => format!("{text}|{name}<<16"),
        _ if event != 0 && status != 0xffff => format!("{text}|{event:#x}<<16"),
        _ => text,
    };
    Value::Verbatim(text)
}

fn stopped(signo: i32) -> String {
    let syscall = if signo & 0x80 != 0 { " | 0x80" } else { "" };
    format!("{{WIFSTOPPED(s) && WSTOPSIG(s) == {}{syscall}}}", signal_name(signo & 0x7f))
}

/// `struct rusage`, shortened.
pub(super) fn rusage(raw: &Raw) -> Value {
    let mut shown = fields! { ru_utime: timeval(raw, 0), ru_stime: timeval(raw, 2 * raw.time()) };
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// The same in full.
pub(super) fn whole_rusage(raw: &Raw) -> Value {
    const NAMES: [&str; 14] = [
        "ru_maxrss",
        "ru_ixrss",
        "ru_idrss",
        "ru_isrss",
        "ru_minflt",
        "ru_majflt",
        "ru_nswap",
        "ru_inblock",
        "ru_oublock",
        "ru_msgsnd",
        "ru_msgrcv",
        "ru_nsignals",
        "ru_nvcsw",
        "ru_nivcsw",
    ];
    let mut shown = fields! { ru_utime: timeval(raw, 0), ru_stime: timeval(raw, 2 * raw.time()) };
    let counts = NAMES.iter().enumerate();
    shown.extend(
        counts.map(|(at, name)| ((*name).into(), Value::UInt(raw.uword((4 + at) * raw.word())))),
    );
    Value::Struct(shown)
}

/// `struct rlimit`. strace names no limit at all after the 64-bit structure where that is the same.
pub(super) fn rlimit(raw: &Raw) -> Value {
    match raw.word() {
        8 => rlimit64(raw),
        _ => limits(raw, 4, u32::MAX.into(), "RLIM_INFINITY"),
    }
}

/// `struct rlimit64`.
pub(super) fn rlimit64(raw: &Raw) -> Value {
    limits(raw, 8, u64::MAX, "RLIM64_INFINITY")
}

fn limits(raw: &Raw, width: usize, infinite: u64, infinity: &'static str) -> Value {
    let limit = |at| match raw.uint(at, width) {
        value if value == infinite => Value::name(Word::new(infinity, Number::Unsigned(value))),
        value => limit(value),
    };
    Value::Struct(fields! { rlim_cur: limit(0), rlim_max: limit(width) })
}

/// A limit; multiples of 1024 are easier to read as such.
fn limit(value: u64) -> Value {
    match value {
        1025.. if value.is_multiple_of(1024) => {
            let multiple = format!("{}*1024", value / 1024);
            Value::name(Word { text: multiple.into(), number: Some(Number::Unsigned(value)) })
        }
        _ => Value::UInt(value),
    }
}

/// `struct utsname`, shortened.
pub(super) fn utsname(raw: &Raw) -> Value {
    let mut shown = fields! {
        sysname: super::files::fixed_text(raw, 0, 65),
        nodename: super::files::fixed_text(raw, 65, 65),
    };
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// The same in full.
pub(super) fn whole_utsname(raw: &Raw) -> Value {
    let part = |index: usize| super::files::fixed_text(raw, 65 * index, 65);
    Value::Struct(fields! {
        sysname: part(0),
        nodename: part(1),
        release: part(2),
        version: part(3),
        machine: part(4),
        domainname: part(5),
    })
}

/// `sizeof(struct sysinfo)`: the shorter one is padded.
pub(super) fn sysinfo_bytes(word: usize) -> usize {
    if word == 8 { 112 } else { 64 }
}

/// `struct sysinfo`.
pub(super) fn sysinfo(raw: &Raw) -> Value {
    let word = raw.word();
    let number = |index| Value::UInt(raw.uword(index * word));
    Value::Struct(fields! {
        uptime: Value::Int(raw.iword(0)),
        loads: Value::Array([1, 2, 3].map(number).to_vec()),
        totalram: number(4),
        freeram: number(5),
        sharedram: number(6),
        bufferram: number(7),
        totalswap: number(8),
        freeswap: number(9),
        procs: Value::UInt(raw.u16(10 * word).into()),
        totalhigh: number(11),
        freehigh: number(12),
        mem_unit: Value::UInt(raw.u32(13 * word).into()),
    })
}

/// `struct tms`.
pub(super) fn tms(raw: &Raw) -> Value {
    let time = |index| ticks(raw.iword(index * raw.word()));
    Value::Struct(fields! {
        tms_utime: time(0),
        tms_stime: time(1),
        tms_cutime: time(2),
        tms_cstime: time(3),
    })
}

/// The processors in a set of `bytes` bytes.
pub(super) fn cpu_set(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    let bytes = bytes.min(CPU_BYTES_MAX) as usize;
    if bytes == 0 && addr != 0 {
        return Value::Set { complement: false, members: Vec::new() };
    }
    cx.at(addr, bytes, |raw| {
        let members = (0..bytes * 8)
            .filter(|cpu| raw.u8(cpu / 8) >> (cpu % 8) & 1 == 1)
            .map(|cpu| cpu.to_string().into())
            .collect();
        Value::Set { complement: false, members }
    })
}

/// `struct sched_attr` of the first version.
pub(super) fn sched_attr(raw: &Raw) -> Value {
    Value::Struct(fields! {
        size: Value::UInt(raw.u32(0).into()),
        sched_policy: Value::name(choices::SCHED.spell(raw.u32(4).into())),
        sched_flags: Value::Hex(raw.u64(8)),
        sched_nice: Value::Int(raw.i32(16).into()),
        sched_priority: Value::UInt(raw.u32(20).into()),
        sched_runtime: Value::UInt(raw.u64(24)),
        sched_deadline: Value::UInt(raw.u64(32)),
        sched_period: Value::UInt(raw.u64(40)),
    })
}

/// `_LINUX_CAPABILITY_VERSION_3`, which is the only one in use.
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// The header of capget and capset.
pub(super) fn cap_header(raw: &Raw) -> Value {
    let version = match raw.u32(0) {
        0x1998_0330 => Value::name("_LINUX_CAPABILITY_VERSION_1"),
        0x2007_1026 => Value::name("_LINUX_CAPABILITY_VERSION_2"),
        CAPABILITY_VERSION_3 => Value::name("_LINUX_CAPABILITY_VERSION_3"),
        other => Value::Hex(other.into()).remarked("_LINUX_CAPABILITY_VERSION_???"),
    };
    Value::Struct(fields! { version: version, pid: Value::Int(raw.i32(4).into()) })
}

/// The sets of capget and capset: three low words, then three high words.
pub(super) fn cap_data(raw: &Raw) -> Value {
    let set = |at| capabilities(u64::from(raw.u32(at)) | u64::from(raw.u32(at + 12)) << 32);
    Value::Struct(fields! { effective: set(0), permitted: set(4), inheritable: set(8) })
}

/// Capabilities as shifts.
fn capabilities(bits: u64) -> Value {
    if bits == 0 {
        return Value::Hex(0);
    }
    let names: Vec<String> = (0..64)
        .filter(|bit| bits >> bit & 1 == 1)
        .filter_map(|bit| choices::CAPABILITY.name(bit))
        .map(|name| format!("1<<{name}"))
        .collect();
    let unnamed = bits & !((1 << choices::CAPABILITY.names.len()) - 1);
    match unnamed {
        0 => Value::flags(names.join("|")),
        _ if names.is_empty() => Value::flags(format!("{unnamed:#x} /* CAP_??? */")),
        _ => Value::flags(format!("{}|{unnamed:#x}", names.join("|"))),
    }
}
