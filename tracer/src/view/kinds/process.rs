//! Structures about processes: how they ended, what they used, what they may use.

use super::raw::Raw;
use super::siginfo::ticks;
use super::time::timeval;
use super::{Cx, strings};
use crate::call::Outcome;
use crate::view::names::{choices, signal_name, tasks};
use crate::view::style::Constants;
use crate::view::value::{Cut, Field, Value, fields};
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

/// `sizeof(cpu_set_t)`: larger sets are shown so far.
const CPU_BYTES_MAX: u64 = 128;

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
        _ if status == 0xffff => return Value::Verbatim("{WIFCONTINUED(s)}".to_owned()),
        (0, _) => format!("{{WIFEXITED(s) && WEXITSTATUS(s) == {high}}}"),
        (_, 0x7f) => stopped(high as i32),
        _ => {
            let signal = signal_name(low as i32);
            let core = if status & 0x80 != 0 { " && WCOREDUMP(s)" } else { "" };
            format!("{{WIFSIGNALED(s) && WTERMSIG(s) == {signal}{core}}}")
        }
    };
    let text = match (event as usize).checked_sub(1).and_then(|at| PTRACE_EVENTS.get(at)) {
        Some(name) => format!("{text}|{name}<<16"),
        None if event != 0 => format!("{text}|{event:#x} /* PTRACE_EVENT_??? */<<16"),
        None => text,
    };
    // Of a death by a signal the second byte says nothing.
    match status & 0xff00 {
        rest if rest != 0 && low != 0 && low != 0x7f => {
            Value::Verbatim(format!("{text}|{rest:#x}"))
        }
        _ => Value::Verbatim(text),
    }
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

/// One of the strings of `struct utsname`; of one without an end, all that could stand before it.
fn utsname_part(raw: &Raw, index: usize) -> Value {
    const BYTES: usize = 65;
    let bytes = raw.slice(BYTES * index, BYTES);
    match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => strings::literal(&bytes[..end], Cut::Whole),
        None => strings::literal(&bytes[..BYTES.min(bytes.len()).saturating_sub(1)], Cut::Short),
    }
}

/// `struct utsname`, shortened.
pub(super) fn utsname(raw: &Raw) -> Value {
    let mut shown = fields! {
        sysname: utsname_part(raw, 0),
        nodename: utsname_part(raw, 1),
    };
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// The same in full.
pub(super) fn whole_utsname(raw: &Raw) -> Value {
    let part = |index: usize| utsname_part(raw, index);
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
    let time = |index| ticks(raw.uword(index * raw.word()));
    Value::Struct(fields! {
        tms_utime: time(0),
        tms_stime: time(1),
        tms_cutime: time(2),
        tms_cstime: time(3),
    })
}

/// The processors in a set of `bytes` bytes.
pub(super) fn cpu_set(cx: &Cx<'_>, addr: u64, bytes: u64) -> Value {
    let more = bytes > CPU_BYTES_MAX;
    let bytes = bytes.min(CPU_BYTES_MAX) as usize;
    if bytes == 0 && addr != 0 && cx.follows() {
        return Value::Set { complement: false, members: Vec::new() };
    }
    cx.at(addr, bytes, |raw| {
        let set = (0..bytes * 8).filter(|cpu| raw.u8(cpu / 8) >> (cpu % 8) & 1 == 1);
        let mut members: Vec<Word> = set.map(|cpu| cpu.to_string().into()).collect();
        members.extend(more.then(|| "...".into()));
        Value::Set { complement: false, members }
    })
}

/// The size of `struct sched_attr` without and with the bounds of utilisation.
const SCHED_ATTR_FIRST: usize = 48;
const SCHED_ATTR_BYTES: usize = 56;

/// `struct sched_attr` the caller gives, as much of it as it says.
pub(super) fn sched_attr(cx: &Cx<'_>, addr: u64) -> Value {
    let given = match cx.raw(addr, 4).map(|raw| raw.u32(0) as usize) {
        // The first version had no size.
        Some(0) => SCHED_ATTR_FIRST,
        Some(size @ SCHED_ATTR_FIRST..) => size.min(SCHED_ATTR_BYTES),
        // The kernel reads no further.
        Some(_) => 4,
        None => return Value::Addr(addr),
    };
    cx.at(addr, given, |raw| {
        let mut shown = sched_attr_fields(raw, raw.padded(SCHED_ATTR_FIRST).u64(8));
        if raw.u32(0) as usize > SCHED_ATTR_BYTES {
            shown.push(("".into(), Value::More));
        }
        Value::Struct(shown)
    })
}

/// With these flags the policy that is given does not count, and with the second its parameters neither.
const SCHED_FLAG_KEEP_POLICY: u64 = 8;
const SCHED_FLAG_KEEP_PARAMS: u64 = 16;

/// The same filled in, as much of it as there was room for.
pub(super) fn filled_sched_attr(cx: &Cx<'_>, addr: u64) -> Value {
    let room = (cx.uint(2) as usize).min(SCHED_ATTR_BYTES);
    if room == 0 {
        return Value::Addr(addr);
    }
    cx.at(addr, room, |raw| {
        let raw = raw.padded(SCHED_ATTR_BYTES);
        match raw.u32(0) {
            0 => Value::Struct(fields! { size: Value::UInt(0) }),
            _ => Value::Struct(sched_attr_fields(&raw, 0)),
        }
    })
}

/// `kept` are the flags that say what does not count.
fn sched_attr_fields(raw: &Raw, kept: u64) -> Vec<Field> {
    let size = raw.u32(0) as usize;
    let mut shown = fields! { size: Value::UInt(size as u64) };
    if (1..SCHED_ATTR_FIRST).contains(&size) {
        return shown;
    }
    // The kernel looks at the policy's sign even so.
    if kept & (SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS) == 0 || raw.i32(4) < 0 {
        shown.extend(fields! {
            sched_policy: Value::name(choices::SCHED.spell(raw.u32(4).into())),
        });
    }
    shown.extend(fields! {
        sched_flags: Value::flags(tasks::SCHED_FLAG.spell(raw.u64(8))),
    });
    if kept & SCHED_FLAG_KEEP_PARAMS == 0 {
        shown.extend(fields! {
            sched_nice: Value::Int(raw.i32(16).into()),
            sched_priority: Value::UInt(raw.u32(20).into()),
            sched_runtime: Value::UInt(raw.u64(24)),
            sched_deadline: Value::UInt(raw.u64(32)),
            sched_period: Value::UInt(raw.u64(40)),
        });
    }
    if size >= SCHED_ATTR_BYTES {
        shown.extend(fields! {
            sched_util_min: Value::UInt(raw.u32(48).into()),
            sched_util_max: Value::UInt(raw.u32(52).into()),
        });
    }
    shown
}

/// `_LINUX_CAPABILITY_VERSION_3`, which is the only one in use, and the second, which is like it.
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;
const CAPABILITY_VERSION_2: u32 = 0x2007_1026;

/// The header of capget and capset.
pub(super) fn cap_header(raw: &Raw) -> Value {
    let version = match raw.u32(0) {
        0x1998_0330 => Value::name(Word::hex("_LINUX_CAPABILITY_VERSION_1", 0x1998_0330)),
        CAPABILITY_VERSION_2 => {
            Value::name(Word::hex("_LINUX_CAPABILITY_VERSION_2", raw.u32(0).into()))
        }
        CAPABILITY_VERSION_3 => {
            Value::name(Word::hex("_LINUX_CAPABILITY_VERSION_3", raw.u32(0).into()))
        }
        other => {
            let number = Number::Hex(other.into());
            let text = format!("{number} /* _LINUX_CAPABILITY_VERSION_??? */");
            Value::name(Word::new(text, number))
        }
    };
    Value::Struct(fields! { version: version, pid: Value::Int(raw.i32(4).into()) })
}

/// The sets of capget and capset, as the version in the header has them: three low words, then three high words.
pub(super) fn cap_data(cx: &Cx<'_>, addr: u64) -> Value {
    let words = match cx.raw(cx.arg(0), 8).map(|header| header.u32(0)) {
        None => return Value::Addr(addr),
        Some(CAPABILITY_VERSION_2 | CAPABILITY_VERSION_3) => 6,
        Some(_) => 3,
    };
    cx.at(addr, 4 * words, |raw| {
        // A word beyond the end reads as zero.
        let set = |at| capabilities(cx, raw.u32(at).into(), u64::from(raw.u32(at + 12)) << 32);
        Value::Struct(fields! { effective: set(0), permitted: set(4), inheritable: set(8) })
    })
}

/// Two words of capabilities, each with its number if that is wanted.
fn capabilities(cx: &Cx<'_>, low: u64, high: u64) -> Value {
    match (cx.style.constants, low, high) {
        (Constants::Abbrev, _, _) | (_, _, 0) => capability_set(low | high, 0),
        (_, 0, _) => capability_set(high, 32),
        _ => match (capability_set(low, 0), capability_set(high, 32)) {
            (Value::Flags(low), Value::Flags(high)) => {
                Value::flags(low.beside(high, cx.style.constants))
            }
            (low, _) => low,
        },
    }
}

/// Capabilities as shifts; the number of their word is so many bits lower.
fn capability_set(bits: u64, shift: u32) -> Value {
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
        0 => Value::flags(Word::hex(names.join("|"), bits >> shift)),
        _ if names.is_empty() => {
            Value::flags(Word::hex(format!("{unnamed:#x} /* CAP_??? */"), bits >> shift))
        }
        _ => {
            let text = format!("{}|{unnamed:#x}", names.join("|"));
            Value::flags(Word::hex(text, bits >> shift))
        }
    }
}
