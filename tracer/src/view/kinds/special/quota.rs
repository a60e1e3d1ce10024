//! quotactl: the command shares a word with the kind of quota, and says which arguments count.
//!
//! Deliberately absent: the structures of quotas, which are shown by address.

use super::super::{Cx, scalars, strings};
use crate::view::names::Menu;
use crate::view::value::Value;

/// `Q_*` of `linux/quota.h` and `linux/dqblk_xfs.h`, and those of earlier quotas.
const COMMANDS: Menu = Menu {
    unknown: "Q_???",
    names: &[
        (0x100, "Q_V1_QUOTAON"),
        (0x200, "Q_V1_QUOTAOFF"),
        (0x300, "Q_V1_GETQUOTA"),
        (0x400, "Q_V1_SETQUOTA"),
        (0x500, "Q_V1_SETUSE"),
        (0x600, "Q_V1_SYNC"),
        (0x700, "Q_SETQLIM"),
        (0x800, "Q_V1_GETSTATS"),
        (0x900, "Q_V2_GETINFO"),
        (0xa00, "Q_V2_SETINFO"),
        (0xb00, "Q_V2_SETGRACE"),
        (0xc00, "Q_V2_SETFLAGS"),
        (0xd00, "Q_V2_GETQUOTA"),
        (0xe00, "Q_V2_SETQUOTA"),
        (0xf00, "Q_V2_SETUSE"),
        (0x1000, "Q_V1_RSQUASH"),
        (0x1100, "Q_V2_GETSTATS"),
        (0x80_0001, "Q_SYNC"),
        (0x80_0002, "Q_QUOTAON"),
        (0x80_0003, "Q_QUOTAOFF"),
        (0x80_0004, "Q_GETFMT"),
        (0x80_0005, "Q_GETINFO"),
        (0x80_0006, "Q_SETINFO"),
        (0x80_0007, "Q_GETQUOTA"),
        (0x80_0008, "Q_SETQUOTA"),
        (0x80_0009, "Q_GETNEXTQUOTA"),
        (0x5801, "Q_XQUOTAON"),
        (0x5802, "Q_XQUOTAOFF"),
        (0x5803, "Q_XGETQUOTA"),
        (0x5804, "Q_XSETQLIM"),
        (0x5805, "Q_XGETQSTAT"),
        (0x5806, "Q_XQUOTARM"),
        (0x5807, "Q_XQUOTASYNC"),
        (0x5808, "Q_XGETQSTATV"),
        (0x5809, "Q_XGETNEXTQUOTA"),
    ],
};

/// Whose quotas.
const KINDS: Menu =
    Menu { unknown: "???QUOTA", names: &[(0, "USRQUOTA"), (1, "GRPQUOTA"), (2, "PRJQUOTA")] };

/// `QFMT_*`
const FORMATS: Menu = Menu {
    unknown: "QFMT_VFS_???",
    names: &[
        (1, "QFMT_VFS_OLD"),
        (2, "QFMT_VFS_V0"),
        (3, "QFMT_OCFS2"),
        (4, "QFMT_VFS_V1"),
        (5, "QFMT_SHMEM"),
    ],
};

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = vec![command(cx.uint(0)), strings::path(cx, cx.arg(1))];
    args.extend(rest(cx, cx.uint(0)));
    args
}

/// quotactl_fd: of the file system that a descriptor is on.
pub(super) fn enter_fd(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = vec![cx.fd(cx.int(0)), command(cx.uint(1))];
    args.extend(rest(cx, cx.uint(1)));
    args
}

fn command(word: u32) -> Value {
    let both = [
        Value::name(COMMANDS.spell((word >> 8).into())),
        Value::name(KINDS.spell((word & 0xff).into())),
    ];
    Value::coded(Value::UInt(word.into()), Value::call("QCMD", both))
}

/// The last two arguments, of those that count.
fn rest(cx: &Cx<'_>, word: u32) -> Vec<Value> {
    match COMMANDS.name((word >> 8).into()) {
        Some("Q_SYNC" | "Q_QUOTAOFF" | "Q_XQUOTASYNC") => Vec::new(),
        Some("Q_QUOTAON") => {
            vec![Value::name(FORMATS.spell(cx.uint(2).into())), strings::path(cx, cx.arg(3))]
        }
        // No file system has an id.
        Some(
            "Q_GETFMT" | "Q_GETINFO" | "Q_SETINFO" | "Q_XQUOTAON" | "Q_XQUOTAOFF" | "Q_XGETQSTAT"
            | "Q_XQUOTARM" | "Q_XGETQSTATV",
        ) => vec![Value::Addr(cx.arg(3))],
        _ => vec![scalars::id(cx.uint(2)), Value::Addr(cx.arg(3))],
    }
}
