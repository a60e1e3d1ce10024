//! Memory policies and their masks of nodes.

use super::super::Cx;
use super::misc::enter_row;
use crate::call::Outcome;
use crate::view::names::{Set, choices, errno_name, errno_text, tasks};
use crate::view::spelled::Spelled;
use crate::view::value::Value;
use crate::view::word::{Number, Word};

/// `MPOL_F_*` beside a mode.
const MODE_FLAGS: u64 = 0xe000;

/// `MPOL_MF_*` of move_pages.
const MOVE: Set = Set {
    zero: "0",
    unknown: "MPOL_???",
    names: &[(1 << 1, "MPOL_MF_MOVE"), (1 << 2, "MPOL_MF_MOVE_ALL")],
};

/// A mode and its flags; where the mode has no name, the flags come first.
fn mode(word: u64) -> Value {
    let (mode, flags) = (word & !MODE_FLAGS, word & MODE_FLAGS);
    Value::flags(match (choices::MEMPOLICY.name(mode), flags) {
        (_, 0) => choices::MEMPOLICY.spell(mode),
        (Some(name), _) => {
            Word::hex(format!("{name}|{}", tasks::MEMPOLICY_MODE.spell(flags)), word)
        }
        (None, _) => tasks::MEMPOLICY_MODE.spell(word),
    })
}

/// A mask of nodes, in words. The kernel counts one node fewer than the caller says.
fn nodes(cx: &Cx<'_>, addr: u64, count: u64) -> Value {
    let words = match count {
        0 => 0,
        1 => return Value::Addr(addr),
        // Words of another size are padded otherwise.
        _ if cx.word() != 8 => return Value::Addr(addr),
        count => match (count - 1).checked_next_multiple_of(64) {
            Some(bits) => bits / 64,
            None => return Value::Addr(addr),
        },
    };
    cx.array(addr, words, 8, |raw| {
        let word = raw.u64(0);
        // As printf's %#016lx pads it: the prefix counts, and zero has none.
        Value::Verbatim(match word {
            0 => "0".repeat(16),
            _ => format!("{word:#016x}"),
        })
    })
}

pub(super) fn enter_set(cx: &Cx<'_>) -> Vec<Value> {
    vec![mode(cx.uint(0).into()), nodes(cx, cx.arg(1), cx.arg(2)), Value::UInt(cx.arg(2))]
}

pub(super) fn enter_get(cx: &Cx<'_>) -> Vec<Value> {
    vec![
        Value::Pending,
        Value::Pending,
        Value::UInt(cx.arg(2)),
        Value::Addr(cx.arg(3)),
        Value::flags(tasks::MEMPOLICY_GET.spell(cx.arg(4))),
    ]
}

pub(super) fn leave_get(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    // The flags of a mode are told as if they belonged to it.
    let one = |word: u32| Value::Array(vec![Value::name(choices::MEMPOLICY.spell(word.into()))]);
    let [first, second, ..] = &mut spelled.args[..] else { return };
    *first = cx.filled(cx.arg(0), outcome, 4, |raw| one(raw.u32(0)));
    *second = match outcome {
        Outcome::Never => Value::Pending,
        // An empty mask is one even if the call failed.
        _ if cx.arg(2) == 0 => nodes(cx, cx.arg(1), 0),
        Outcome::Value(_) => nodes(cx, cx.arg(1), cx.arg(2)),
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(cx.arg(1)),
    };
}

pub(super) fn enter_mbind(cx: &Cx<'_>) -> Vec<Value> {
    vec![
        Value::Addr(cx.arg(0)),
        Value::UInt(cx.arg(1)),
        mode(cx.arg(2)),
        nodes(cx, cx.arg(3), cx.arg(4)),
        Value::UInt(cx.arg(4)),
        Value::flags(tasks::MEMPOLICY_BIND.spell(cx.uint(5).into())),
    ]
}

pub(super) fn enter_migrate(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    args.truncate(2);
    args.extend([2, 3].map(|at| nodes(cx, cx.arg(at), cx.arg(1))));
    args
}

/// move_pages: pages, the nodes they are to go to, and where they are.
pub(super) fn enter_move(cx: &Cx<'_>) -> Vec<Value> {
    let (word, count) = (cx.word(), cx.arg(1));
    vec![
        Value::Int(cx.int(0).into()),
        Value::UInt(count),
        cx.array(cx.arg(2), count, word, |raw| Value::Addr(raw.uword(0))),
        cx.array(cx.arg(3), count, 4, |raw| Value::Int(raw.i32(0).into())),
        Value::Pending,
        Value::flags(MOVE.spell(cx.uint(5).into())),
    ]
}

pub(super) fn leave_move(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let Some(status) = spelled.args.get_mut(4) else { return };
    *status = match outcome {
        // Nothing is told of no pages, even if the call failed.
        _ if cx.arg(1) == 0 => cx.array(cx.arg(4), 0, 4, |_| Value::More),
        Outcome::Value(_) => cx.array(cx.arg(4), cx.arg(1), 4, |raw| match raw.i32(0) {
            errno @ ..0 if errno_text(errno.wrapping_neg()).is_some() => {
                let name = format!("-{}", errno_name(errno.wrapping_neg()));
                Value::name(Word::new(name, Number::Signed(errno.into())))
            }
            node => Value::Int(node.into()),
        }),
        Outcome::Never => Value::Pending,
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(cx.arg(4)),
    };
}
