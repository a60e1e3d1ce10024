//! fanotify: a word that holds a class and flags, a set of 64 bits, and a descriptor that may be none.

use super::super::Cx;
use super::misc::enter_row;
use crate::view::names::{choices, files};
use crate::view::value::Value;
use crate::view::word::{Number, Word};

/// The bits of a class in the first word of fanotify_init.
const CLASS: u32 = 0xc;

pub(super) fn enter_init(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    if let Some(first) = args.first_mut() {
        let class = choices::FAN_CLASS.spell((cx.uint(0) & CLASS).into());
        let word = match cx.uint(0) & !CLASS {
            0 => class,
            flags => class.beside(files::FAN_INIT.spell(flags.into()), cx.style.constants),
        };
        *first = Value::flags(word);
    }
    args
}

pub(super) fn enter_mark(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    // Where words have 32 bits, the mask is in two of them.
    let (mask, directory) = match cx.word() {
        4 => (u64::from(cx.uint(2)) | u64::from(cx.uint(3)) << 32, cx.int(4)),
        _ => (cx.arg(2), cx.int(3)),
    };
    if let [_, flags, set, at, _] = &mut args[..] {
        *flags = Value::flags(files::FAN_MARK.spell(cx.uint(1).into()));
        *set = Value::flags(files::FAN_EVENTS.spell(mask));
        if directory == -1 {
            *at = Value::Name(Word::new("FAN_NOFD", Number::Signed(-1)));
        }
    }
    args
}
