//! perf_event_open: what is counted or sampled.

use super::super::{Cx, raw::Raw};
use crate::view::names::{Menu, Set, choices};
use crate::view::value::{Field, Value, fields};
use crate::view::word::Word;

/// The first version of `struct perf_event_attr` and the last one that strace 6.1 knows.
const FIRST_BYTES: u32 = 64;
const KNOWN_BYTES: u32 = 128;

/// `PERF_TYPE_*`
const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;
const TRACEPOINT: u32 = 2;
const CACHE: u32 = 3;
const BREAKPOINT: u32 = 5;

/// Bits of the 64 behind `read_format`.
const FREQ: u32 = 10;
const WATERMARK: u32 = 14;
const PRECISE: u32 = 15;
const USE_CLOCK: u32 = 25;
const RESERVED: u32 = 38;

/// Members of `sample_type` that fields belong to.
const BRANCH_STACK: u64 = 1 << 11;
const STACK_USER: u64 = 1 << 13;

const TYPE: Menu = Menu {
    unknown: "PERF_TYPE_???",
    names: &[
        (0, "PERF_TYPE_HARDWARE"),
        (1, "PERF_TYPE_SOFTWARE"),
        (2, "PERF_TYPE_TRACEPOINT"),
        (3, "PERF_TYPE_HW_CACHE"),
        (4, "PERF_TYPE_RAW"),
        (5, "PERF_TYPE_BREAKPOINT"),
    ],
};

const SIZE: Menu = Menu {
    unknown: "PERF_ATTR_SIZE_???",
    names: &[
        (64, "PERF_ATTR_SIZE_VER0"),
        (72, "PERF_ATTR_SIZE_VER1"),
        (80, "PERF_ATTR_SIZE_VER2"),
        (96, "PERF_ATTR_SIZE_VER3"),
        (104, "PERF_ATTR_SIZE_VER4"),
        (112, "PERF_ATTR_SIZE_VER5"),
        (120, "PERF_ATTR_SIZE_VER6"),
        (128, "PERF_ATTR_SIZE_VER7"),
    ],
};

const HARDWARE_EVENT: Menu = Menu {
    unknown: "PERF_COUNT_HW_???",
    names: &[
        (0, "PERF_COUNT_HW_CPU_CYCLES"),
        (1, "PERF_COUNT_HW_INSTRUCTIONS"),
        (2, "PERF_COUNT_HW_CACHE_REFERENCES"),
        (3, "PERF_COUNT_HW_CACHE_MISSES"),
        (4, "PERF_COUNT_HW_BRANCH_INSTRUCTIONS"),
        (5, "PERF_COUNT_HW_BRANCH_MISSES"),
        (6, "PERF_COUNT_HW_BUS_CYCLES"),
        (7, "PERF_COUNT_HW_STALLED_CYCLES_FRONTEND"),
        (8, "PERF_COUNT_HW_STALLED_CYCLES_BACKEND"),
        (9, "PERF_COUNT_HW_REF_CPU_CYCLES"),
    ],
};

const SOFTWARE_EVENT: Menu = Menu {
    unknown: "PERF_COUNT_SW_???",
    names: &[
        (0, "PERF_COUNT_SW_CPU_CLOCK"),
        (1, "PERF_COUNT_SW_TASK_CLOCK"),
        (2, "PERF_COUNT_SW_PAGE_FAULTS"),
        (3, "PERF_COUNT_SW_CONTEXT_SWITCHES"),
        (4, "PERF_COUNT_SW_CPU_MIGRATIONS"),
        (5, "PERF_COUNT_SW_PAGE_FAULTS_MIN"),
        (6, "PERF_COUNT_SW_PAGE_FAULTS_MAJ"),
        (7, "PERF_COUNT_SW_ALIGNMENT_FAULTS"),
        (8, "PERF_COUNT_SW_EMULATION_FAULTS"),
        (9, "PERF_COUNT_SW_DUMMY"),
        (10, "PERF_COUNT_SW_BPF_OUTPUT"),
        (11, "PERF_COUNT_SW_CGROUP_SWITCHES"),
    ],
};

const CACHE_ID: Menu = Menu {
    unknown: "PERF_COUNT_HW_CACHE_???",
    names: &[
        (0, "PERF_COUNT_HW_CACHE_L1D"),
        (1, "PERF_COUNT_HW_CACHE_L1I"),
        (2, "PERF_COUNT_HW_CACHE_LL"),
        (3, "PERF_COUNT_HW_CACHE_DTLB"),
        (4, "PERF_COUNT_HW_CACHE_ITLB"),
        (5, "PERF_COUNT_HW_CACHE_BPU"),
        (6, "PERF_COUNT_HW_CACHE_NODE"),
    ],
};

const CACHE_OP: Menu = Menu {
    unknown: "PERF_COUNT_HW_CACHE_OP_???",
    names: &[
        (0, "PERF_COUNT_HW_CACHE_OP_READ"),
        (1, "PERF_COUNT_HW_CACHE_OP_WRITE"),
        (2, "PERF_COUNT_HW_CACHE_OP_PREFETCH"),
    ],
};

const CACHE_RESULT: Menu = Menu {
    unknown: "PERF_COUNT_HW_CACHE_RESULT_???",
    names: &[(0, "PERF_COUNT_HW_CACHE_RESULT_ACCESS"), (1, "PERF_COUNT_HW_CACHE_RESULT_MISS")],
};

const SAMPLE: Set = Set {
    zero: "0",
    unknown: "PERF_SAMPLE_???",
    names: &[
        (0x1, "PERF_SAMPLE_IP"),
        (0x2, "PERF_SAMPLE_TID"),
        (0x4, "PERF_SAMPLE_TIME"),
        (0x8, "PERF_SAMPLE_ADDR"),
        (0x10, "PERF_SAMPLE_READ"),
        (0x20, "PERF_SAMPLE_CALLCHAIN"),
        (0x40, "PERF_SAMPLE_ID"),
        (0x80, "PERF_SAMPLE_CPU"),
        (0x100, "PERF_SAMPLE_PERIOD"),
        (0x200, "PERF_SAMPLE_STREAM_ID"),
        (0x400, "PERF_SAMPLE_RAW"),
        (0x800, "PERF_SAMPLE_BRANCH_STACK"),
        (0x1000, "PERF_SAMPLE_REGS_USER"),
        (0x2000, "PERF_SAMPLE_STACK_USER"),
        (0x4000, "PERF_SAMPLE_WEIGHT"),
        (0x8000, "PERF_SAMPLE_DATA_SRC"),
        (0x10000, "PERF_SAMPLE_IDENTIFIER"),
        (0x20000, "PERF_SAMPLE_TRANSACTION"),
        (0x40000, "PERF_SAMPLE_REGS_INTR"),
        (0x80000, "PERF_SAMPLE_PHYS_ADDR"),
        (0x100000, "PERF_SAMPLE_AUX"),
        (0x200000, "PERF_SAMPLE_CGROUP"),
        (0x400000, "PERF_SAMPLE_DATA_PAGE_SIZE"),
        (0x800000, "PERF_SAMPLE_CODE_PAGE_SIZE"),
        (0x1000000, "PERF_SAMPLE_WEIGHT_STRUCT"),
    ],
};

const FORMAT: Set = Set {
    zero: "0",
    unknown: "PERF_FORMAT_???",
    names: &[
        (0x1, "PERF_FORMAT_TOTAL_TIME_ENABLED"),
        (0x2, "PERF_FORMAT_TOTAL_TIME_RUNNING"),
        (0x4, "PERF_FORMAT_ID"),
        (0x8, "PERF_FORMAT_GROUP"),
        (0x10, "PERF_FORMAT_LOST"),
    ],
};

const BRANCH: Set = Set {
    zero: "0",
    unknown: "PERF_SAMPLE_BRANCH_???",
    names: &[
        (0x1, "PERF_SAMPLE_BRANCH_USER"),
        (0x2, "PERF_SAMPLE_BRANCH_KERNEL"),
        (0x4, "PERF_SAMPLE_BRANCH_HV"),
        (0x8, "PERF_SAMPLE_BRANCH_ANY"),
        (0x10, "PERF_SAMPLE_BRANCH_ANY_CALL"),
        (0x20, "PERF_SAMPLE_BRANCH_ANY_RETURN"),
        (0x40, "PERF_SAMPLE_BRANCH_IND_CALL"),
        (0x80, "PERF_SAMPLE_BRANCH_ABORT_TX"),
        (0x100, "PERF_SAMPLE_BRANCH_IN_TX"),
        (0x200, "PERF_SAMPLE_BRANCH_NO_TX"),
        (0x400, "PERF_SAMPLE_BRANCH_COND"),
        (0x800, "PERF_SAMPLE_BRANCH_CALL_STACK"),
        (0x1000, "PERF_SAMPLE_BRANCH_IND_JUMP"),
        (0x2000, "PERF_SAMPLE_BRANCH_CALL"),
        (0x4000, "PERF_SAMPLE_BRANCH_NO_FLAGS"),
        (0x8000, "PERF_SAMPLE_BRANCH_NO_CYCLES"),
        (0x10000, "PERF_SAMPLE_BRANCH_TYPE_SAVE"),
        (0x20000, "PERF_SAMPLE_BRANCH_HW_INDEX"),
        (0x40000, "PERF_SAMPLE_BRANCH_PRIV_SAVE"),
    ],
};

const WATCHED: Menu = Menu {
    unknown: "HW_BREAKPOINT_???",
    names: &[
        (0, "HW_BREAKPOINT_EMPTY"),
        (1, "HW_BREAKPOINT_R"),
        (2, "HW_BREAKPOINT_W"),
        (3, "HW_BREAKPOINT_RW"),
        (4, "HW_BREAKPOINT_X"),
    ],
};

/// What is executed cannot be watched for other accesses as well.
fn watched(kind: u32) -> Word {
    match kind {
        5..=7 => Word::hex(format!("{kind:#x} /* HW_BREAKPOINT_INVALID */"), kind.into()),
        _ => WATCHED.spell(kind.into()),
    }
}

/// Flags of the call.
const FLAGS: Set = Set {
    zero: "0",
    unknown: "PERF_FLAG_???",
    names: &[
        (0x1, "PERF_FLAG_FD_NO_GROUP"),
        (0x2, "PERF_FLAG_FD_OUTPUT"),
        (0x4, "PERF_FLAG_PID_CGROUP"),
        (0x8, "PERF_FLAG_FD_CLOEXEC"),
    ],
};

/// The names of single bits, from the first on. The two of `precise_ip` are one number.
const BITS: [&str; RESERVED as usize] = [
    "disabled",
    "inherit",
    "pinned",
    "exclusive",
    "exclude_user",
    "exclude_kernel",
    "exclude_hv",
    "exclude_idle",
    "mmap",
    "comm",
    "freq",
    "inherit_stat",
    "enable_on_exec",
    "task",
    "watermark",
    "precise_ip",
    "",
    "mmap_data",
    "sample_id_all",
    "exclude_host",
    "exclude_guest",
    "exclude_callchain_kernel",
    "exclude_callchain_user",
    "mmap2",
    "comm_exec",
    "use_clockid",
    "context_switch",
    "write_backward",
    "namespaces",
    "ksymbol",
    "bpf_event",
    "aux_output",
    "cgroup",
    "text_poke",
    "build_id",
    "inherit_thread",
    "remove_on_exec",
    "sigtrap",
];

/// How far from the event a sample may be taken.
const SKID: [&str; 4] =
    ["arbitrary skid", "constant skid", "requested to have 0 skid", "must have 0 skid"];

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    vec![
        attributes(cx, cx.arg(0)),
        Value::Int(cx.int(1).into()),
        Value::Int(cx.int(2).into()),
        cx.fd(cx.int(3)),
        Value::flags(FLAGS.spell(cx.arg(4))),
    ]
}

/// `struct perf_event_attr`, as much of it as the caller says there is.
fn attributes(cx: &Cx<'_>, addr: u64) -> Value {
    let Some(size) = cx.raw(addr, 8).map(|raw| raw.u32(4)) else { return Value::Addr(addr) };
    // The kernel takes none as the first version.
    let given = if size == 0 { FIRST_BYTES } else { size };
    if given < FIRST_BYTES {
        return Value::Addr(addr);
    }
    cx.at(addr, given.min(KNOWN_BYTES) as usize, |raw| {
        let raw = &raw.padded(KNOWN_BYTES as usize);
        let mut shown = event(cx, raw);
        shown.extend(bits(cx, raw.u64(40)));
        let mut rest = if cx.abbreviates() { vec![] } else { behind(raw, given) };
        if cx.abbreviates() || given > KNOWN_BYTES {
            rest.push(("".into(), Value::More));
        }
        shown.extend(rest);
        Value::Struct(shown)
    })
}

/// Up to the single bits.
fn event(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    let mut shown = fields! {
        type: Value::name(TYPE.spell(raw.u32(0).into())),
        size: Value::name(SIZE.spell(raw.u32(4).into())),
        config: config(cx, raw.u32(0), raw.u64(8)),
    };
    let rate = Value::UInt(raw.u64(16));
    shown.extend(match raw.u64(40) >> FREQ & 1 {
        0 => fields! { sample_period: rate },
        _ => fields! { sample_freq: rate },
    });
    shown.extend(fields! {
        sample_type: Value::flags(SAMPLE.spell(raw.u64(24))),
        read_format: Value::flags(FORMAT.spell(raw.u64(32))),
    });
    shown
}

/// What the number of the event means depends on its type.
fn config(cx: &Cx<'_>, kind: u32, config: u64) -> Value {
    let (low, high) = (config & u64::from(u32::MAX), config >> 32);
    let part = |menu: &Menu, value| cx.dressed(menu.spell(value)).to_string();
    let upper = if high == 0 { String::new() } else { format!("{high:#x}<<32|") };
    match kind {
        HARDWARE => Value::Verbatim(format!("{upper}{}", part(&HARDWARE_EVENT, low))),
        SOFTWARE => Value::name(SOFTWARE_EVENT.spell(config)),
        TRACEPOINT => Value::UInt(config),
        CACHE => {
            let unused = low >> 24;
            let unused = if unused == 0 { String::new() } else { format!("{unused:#x}<<24|") };
            let result = part(&CACHE_RESULT, low >> 16 & 0xff);
            let operation = part(&CACHE_OP, low >> 8 & 0xff);
            let cache = part(&CACHE_ID, low & 0xff);
            Value::Verbatim(format!("{upper}{unused}{result}<<16|{operation}<<8|{cache}"))
        }
        _ => Value::Hex(config),
    }
}

/// Those that are set, or in full all of them, and always the two of `precise_ip`.
fn bits(cx: &Cx<'_>, bits: u64) -> Vec<Field> {
    let mut shown = Vec::new();
    for (at, &name) in (0..).zip(&BITS) {
        if at == PRECISE {
            let skid = bits >> PRECISE & 3;
            let remark = SKID[skid as usize];
            shown.push((name.into(), Value::UInt(skid).remarked(remark)));
        } else if !name.is_empty() && (bits >> at & 1 != 0 || !cx.abbreviates()) {
            shown.push((name.into(), Value::UInt(bits >> at & 1)));
        }
    }
    let reserved = bits >> RESERVED;
    if reserved != 0 {
        let remark = format!("Bits 63..{RESERVED}");
        shown.extend(fields! { __reserved_1: Value::Hex(reserved).remarked(remark) });
    }
    shown
}

/// What stands behind the bits, as far as the version goes.
fn behind(raw: &Raw, size: u32) -> Vec<Field> {
    let flags = raw.u64(40);
    let mut shown = Vec::new();
    let wakeup = Value::UInt(raw.u32(48).into());
    shown.extend(match flags >> WATERMARK & 1 {
        0 => fields! { wakeup_events: wakeup },
        _ => fields! { wakeup_watermark: wakeup },
    });
    let breaks = raw.u32(0) == BREAKPOINT;
    shown.extend(if breaks {
        fields! {
            bp_type: Value::name(watched(raw.u32(52))),
            bp_addr: Value::Hex(raw.u64(56)),
        }
    } else {
        fields! { config1: Value::Hex(raw.u64(56)) }
    });
    // A field is shown if any of it is there.
    let has = |field: u32| size > field;
    if has(64) {
        shown.extend(match breaks {
            true => fields! { bp_len: Value::UInt(raw.u64(64)) },
            false => fields! { config2: Value::Hex(raw.u64(64)) },
        });
    }
    if has(72) && raw.u64(24) & BRANCH_STACK != 0 {
        shown.extend(fields! { branch_sample_type: Value::flags(BRANCH.spell(raw.u64(72))) });
    }
    if has(80) {
        shown.extend(fields! { sample_regs_user: Value::Hex(raw.u64(80)) });
    }
    if has(88) && raw.u64(24) & STACK_USER != 0 {
        shown.extend(fields! { sample_stack_user: Value::Hex(raw.u32(88).into()) });
    }
    if has(92) && flags >> USE_CLOCK & 1 != 0 {
        shown.extend(fields! { clockid: clock(raw.u32(92)) });
    }
    if has(96) {
        shown.extend(fields! { sample_regs_intr: Value::Hex(raw.u64(96)) });
    }
    if has(104) {
        shown.extend(fields! { aux_watermark: Value::UInt(raw.u32(104).into()) });
    }
    if has(108) {
        let depth = followed(raw.u16(108).into(), 110, raw.u16(110).into(), 2);
        shown.extend(fields! { sample_max_stack: depth });
    }
    if has(112) {
        let size = followed(raw.u32(112).into(), 116, raw.u32(116), 4);
        shown.extend(fields! { aux_sample_size: size });
    }
    if has(120) {
        shown.extend(fields! { sig_data: Value::Hex(raw.u64(120)) });
    }
    shown
}

fn clock(clock: u32) -> Value {
    Value::name(choices::CLOCK.spell(clock.into()))
}

/// A number and, if there are any, the bytes behind it that have no meaning yet.
fn followed(number: u64, at: usize, rest: u32, count: usize) -> Value {
    let number = Value::UInt(number);
    match rest {
        0 => number,
        _ => number.remarked(format!("bytes {at}..{}: {rest:#x}", at + count - 1)),
    }
}
