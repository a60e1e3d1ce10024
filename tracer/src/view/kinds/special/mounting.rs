//! Calls that change what is mounted, and where the system swaps.

use super::super::{Cx, strings};
use super::misc::enter_row;
use crate::view::names::{Menu, choices, files};
use crate::view::value::{Quoting, Value, fields};
use crate::view::word::Word;

/// The size of the first `struct mount_attr`.
const ATTRIBUTE_BYTES: usize = 32;

/// With it the descriptor of a user namespace counts (`linux/mount.h`).
const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

/// To whom mounts are passed on.
const PROPAGATION: Menu = Menu {
    unknown: "MS_???",
    names: &[
        (1 << 17, "MS_UNBINDABLE"),
        (1 << 18, "MS_PRIVATE"),
        (1 << 19, "MS_SLAVE"),
        (1 << 20, "MS_SHARED"),
    ],
};

/// mount_setattr: what is set, what is taken away, and to whom mounts are passed on.
pub(super) fn enter_setattr(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    let addr = cx.arg(3);
    if let Some(attributes) = args.get_mut(3)
        && cx.arg(4) >= ATTRIBUTE_BYTES as u64
    {
        *attributes = cx.at(addr, ATTRIBUTE_BYTES, |raw| {
            let mut shown = fields! {
                attr_set: Value::flags(files::MOUNT_ATTRIBUTE.spell(raw.u64(0))),
                attr_clr: Value::flags(files::MOUNT_ATTRIBUTE.spell(raw.u64(8))),
                propagation: Value::name(PROPAGATION.spell(raw.u64(16))),
                userns_fd: match i32::try_from(raw.u64(24)) {
                    Ok(fd) if raw.u64(0) & MOUNT_ATTR_IDMAP != 0 => cx.fd(fd),
                    _ => Value::UInt(raw.u64(24)),
                },
            };
            let behind = cx.behind(addr, ATTRIBUTE_BYTES, cx.arg(4));
            shown.extend(behind.map(|rest| ("".into(), rest)));
            Value::Struct(shown)
        });
    }
    args
}

/// `MS_REMOUNT`, `MS_BIND`, `MS_MOVE` and the propagation flags: with them the type means nothing.
const NO_TYPE: u64 = MS_REMOUNT | 0x1000 | 0x2000 | 0x2_0000 | 0x4_0000 | 0x8_0000 | 0x10_0000;
/// The flags whose mount ignores the data as well.
const NO_DATA: u64 = NO_TYPE & !MS_REMOUNT;
const MS_REMOUNT: u64 = 0x20;
/// `MS_MGC_VAL`, which was asked for once, in the upper half of the flags.
const MAGIC: u64 = 0xc0ed_0000;
const MAGIC_MASK: u64 = 0xffff_0000;

/// mount: some flags make the type or the data meaningless.
pub(super) fn enter_mount(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = enter_row(cx);
    let (magic, flags) = match cx.arg(3) {
        flags if flags & MAGIC_MASK == MAGIC => (true, flags & 0xffff),
        flags => (false, flags),
    };
    if magic {
        args[3] = with_magic(cx, flags);
    }
    if flags & NO_TYPE != 0 {
        args[2] = Value::Addr(cx.arg(2));
    }
    // A remount reads its data even so.
    if flags & NO_DATA != 0 && flags & MS_REMOUNT == 0 {
        args[4] = Value::Addr(cx.arg(4));
    }
    args
}

/// The flags behind the number that shows that they are flags.
fn with_magic(cx: &Cx<'_>, flags: u64) -> Value {
    let magic = Word::hex("MS_MGC_VAL", MAGIC);
    match flags {
        0 => Value::flags(magic),
        _ => Value::flags(magic.beside(files::MOUNT.spell(flags), cx.style.constants)),
    }
}

/// swapon: flags, and a priority in the low bits of the same word.
pub(super) fn enter_swapon(cx: &Cx<'_>) -> Vec<Value> {
    const PRIORITY: u32 = 0x7fff;
    let (flags, priority) = (cx.uint(1) & !PRIORITY, cx.uint(1) & PRIORITY);
    let second = match flags {
        0 => Value::UInt(priority.into()),
        _ => Value::flags(format!("{}|{priority}", cx.dressed(files::SWAP.spell(flags.into())))),
    };
    vec![strings::path(cx, cx.arg(0)), second]
}

/// fsconfig: the command says what the other arguments are.
pub(super) fn enter_fsconfig(cx: &Cx<'_>) -> Vec<Value> {
    let (key, value, beside) = (cx.arg(2), cx.arg(3), cx.int(4));
    let number = || Value::Int(beside.into());
    let name = choices::FSCONFIG.name(cx.uint(1).into()).unwrap_or_default();
    let [value, beside] = match name {
        "FSCONFIG_SET_STRING" => [strings::text(cx, value), number()],
        // No file system takes more.
        "FSCONFIG_SET_BINARY" if cx.uint(4) <= 1 << 20 => {
            [strings::quoted(cx, value, cx.uint(4).into(), Quoting::Hex), number()]
        }
        "FSCONFIG_SET_PATH" | "FSCONFIG_SET_PATH_EMPTY" => {
            [strings::path(cx, value), cx.directory(beside)]
        }
        "FSCONFIG_SET_FD" => [Value::Addr(value), cx.fd(beside)],
        _ => [Value::Addr(value), number()],
    };
    let key =
        if name.starts_with("FSCONFIG_SET_") { strings::text(cx, key) } else { Value::Addr(key) };
    let command = Value::name(choices::FSCONFIG.spell(cx.uint(1).into()));
    vec![cx.fd(cx.int(0)), command, key, value, beside]
}
