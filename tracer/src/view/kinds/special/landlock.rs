//! Landlock: what a set of rules is about, and one rule.

use super::super::Cx;
use super::misc;
use crate::view::names::{Menu, Set};
use crate::view::value::{Value, fields};

/// `struct landlock_ruleset_attr` as strace 6.1 knows it. What later kernels added is behind it.
const RULESET_BYTES: u64 = 8;
/// `struct landlock_path_beneath_attr`, which is packed.
const BENEATH_BYTES: usize = 12;
const PATH_BENEATH: u32 = 1;

/// `LANDLOCK_ACCESS_FS_*`
const ACCESS: Set = Set {
    zero: "0",
    unknown: "LANDLOCK_ACCESS_FS_???",
    names: &[
        (0x1, "LANDLOCK_ACCESS_FS_EXECUTE"),
        (0x2, "LANDLOCK_ACCESS_FS_WRITE_FILE"),
        (0x4, "LANDLOCK_ACCESS_FS_READ_FILE"),
        (0x8, "LANDLOCK_ACCESS_FS_READ_DIR"),
        (0x10, "LANDLOCK_ACCESS_FS_REMOVE_DIR"),
        (0x20, "LANDLOCK_ACCESS_FS_REMOVE_FILE"),
        (0x40, "LANDLOCK_ACCESS_FS_MAKE_CHAR"),
        (0x80, "LANDLOCK_ACCESS_FS_MAKE_DIR"),
        (0x100, "LANDLOCK_ACCESS_FS_MAKE_REG"),
        (0x200, "LANDLOCK_ACCESS_FS_MAKE_SOCK"),
        (0x400, "LANDLOCK_ACCESS_FS_MAKE_FIFO"),
        (0x800, "LANDLOCK_ACCESS_FS_MAKE_BLOCK"),
        (0x1000, "LANDLOCK_ACCESS_FS_MAKE_SYM"),
        (0x2000, "LANDLOCK_ACCESS_FS_REFER"),
    ],
};

/// `LANDLOCK_RULE_*`
const RULE: Menu =
    Menu { unknown: "LANDLOCK_RULE_???", names: &[(1, "LANDLOCK_RULE_PATH_BENEATH")] };

pub(super) fn enter_create(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = misc::enter_row(cx);
    let size = cx.arg(1);
    if size >= RULESET_BYTES {
        args[0] = cx.at(cx.arg(0), RULESET_BYTES as usize, |raw| {
            let mut shown = fields! { handled_access_fs: Value::flags(ACCESS.spell(raw.u64(0))) };
            if size > RULESET_BYTES {
                shown.push(("".into(), Value::More));
            }
            Value::Struct(shown)
        });
    }
    args
}

pub(super) fn enter_add(cx: &Cx<'_>) -> Vec<Value> {
    let rule = match cx.uint(1) {
        PATH_BENEATH => cx.at(cx.arg(2), BENEATH_BYTES, |raw| {
            Value::Struct(fields! {
                allowed_access: Value::flags(ACCESS.spell(raw.u64(0))),
                parent_fd: cx.fd(raw.i32(8)),
            })
        }),
        _ => Value::Addr(cx.arg(2)),
    };
    vec![
        cx.fd(cx.int(0)),
        Value::name(RULE.spell(cx.uint(1).into())),
        rule,
        Value::Hex(cx.uint(3).into()),
    ]
}
