//! io_uring: making a ring, and entering it. What is asked of the kernel through a ring makes no call and is not seen.

use super::super::{Cx, raw::Raw};
use super::misc;
use crate::call::Outcome;
use crate::view::names::Set;
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Value, fields};

/// The size of `struct io_uring_params`.
const PARAMS_BYTES: usize = 120;

const ATTACH: u32 = 1 << 5;

/// `IORING_SETUP_*`
const SETUP: Set = Set {
    zero: "0",
    unknown: "IORING_SETUP_???",
    names: &[
        (0x1, "IORING_SETUP_IOPOLL"),
        (0x2, "IORING_SETUP_SQPOLL"),
        (0x4, "IORING_SETUP_SQ_AFF"),
        (0x8, "IORING_SETUP_CQSIZE"),
        (0x10, "IORING_SETUP_CLAMP"),
        (0x20, "IORING_SETUP_ATTACH_WQ"),
        (0x40, "IORING_SETUP_R_DISABLED"),
        (0x80, "IORING_SETUP_SUBMIT_ALL"),
        (0x100, "IORING_SETUP_COOP_TASKRUN"),
        (0x200, "IORING_SETUP_TASKRUN_FLAG"),
        (0x400, "IORING_SETUP_SQE128"),
        (0x800, "IORING_SETUP_CQE32"),
    ],
};

/// `IORING_FEAT_*`
const FEATURES: Set = Set {
    zero: "0",
    unknown: "IORING_FEAT_???",
    names: &[
        (0x1, "IORING_FEAT_SINGLE_MMAP"),
        (0x2, "IORING_FEAT_NODROP"),
        (0x4, "IORING_FEAT_SUBMIT_STABLE"),
        (0x8, "IORING_FEAT_RW_CUR_POS"),
        (0x10, "IORING_FEAT_CUR_PERSONALITY"),
        (0x20, "IORING_FEAT_FAST_POLL"),
        (0x40, "IORING_FEAT_POLL_32BITS"),
        (0x80, "IORING_FEAT_SQPOLL_NONFIXED"),
        (0x100, "IORING_FEAT_EXT_ARG"),
        (0x200, "IORING_FEAT_NATIVE_WORKERS"),
        (0x400, "IORING_FEAT_RSRC_TAGS"),
        (0x800, "IORING_FEAT_CQE_SKIP"),
        (0x1000, "IORING_FEAT_LINKED_FILE"),
    ],
};

/// `IORING_ENTER_*`
const ENTER: Set = Set {
    zero: "0",
    unknown: "IORING_ENTER_???",
    names: &[
        (0x1, "IORING_ENTER_GETEVENTS"),
        (0x2, "IORING_ENTER_SQ_WAKEUP"),
        (0x4, "IORING_ENTER_SQ_WAIT"),
        (0x8, "IORING_ENTER_EXT_ARG"),
        (0x10, "IORING_ENTER_REGISTERED_RING"),
    ],
};

pub(super) fn enter_setup(cx: &Cx<'_>) -> Vec<Value> {
    vec![Value::UInt(cx.uint(0).into()), Value::Pending]
}

pub(super) fn leave_setup(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    if outcome == Outcome::Never {
        return;
    }
    spelled.args[1] = cx.at(cx.arg(1), PARAMS_BYTES, |raw| {
        let mut shown = given(cx, raw);
        if let Outcome::Value(_) = outcome {
            shown.extend(answered(raw));
        }
        Value::Struct(shown)
    });
}

pub(super) fn enter_enter(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = misc::enter_row(cx);
    args[3] = Value::flags(ENTER.spell(cx.uint(3).into()));
    args
}

/// What the caller says of the ring.
fn given(cx: &Cx<'_>, raw: &Raw) -> Vec<Field> {
    let mut shown = fields! {
        flags: Value::flags(SETUP.spell(raw.u32(8).into())),
        sq_thread_cpu: Value::Hex(raw.u32(12).into()),
        sq_thread_idle: Value::UInt(raw.u32(16).into()),
    };
    if raw.u32(8) & ATTACH != 0 {
        shown.extend(fields! { wq_fd: cx.fd(raw.i32(24)) });
    }
    let reserved = [28, 32, 36].map(|at| raw.u32(at));
    if reserved != [0; 3] {
        let words = reserved.map(|word| Value::Hex(word.into()));
        shown.extend(fields! { resv: Value::Array(words.into()) });
    }
    shown
}

/// What the kernel says of it, with the places of its parts.
fn answered(raw: &Raw) -> Vec<Field> {
    let number = |at| Value::UInt(raw.u32(at).into());
    fields! {
        sq_entries: number(0),
        cq_entries: number(4),
        features: Value::flags(FEATURES.spell(raw.u32(20).into())),
        sq_off: Value::Struct(fields! {
            head: number(40), tail: number(44), ring_mask: number(48), ring_entries: number(52),
            flags: number(56), dropped: number(60), array: number(64),
        }),
        cq_off: Value::Struct(fields! {
            head: number(80), tail: number(84), ring_mask: number(88), ring_entries: number(92),
            overflow: number(96), cqes: number(100), flags: number(104),
        }),
    }
}
