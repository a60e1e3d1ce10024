//! File modes, device numbers, and the structures about files.

use vrift_arch::abi;

use super::raw::Raw;
use super::{Cx, flags, stat_of, strings};
use crate::call::Outcome;
use crate::memory::GuestAddr;
use crate::view::names::{choices, files};
use crate::view::value::{Value, fields};

/// `S_IFMT`
const TYPE_MASK: u32 = 0o170000;

/// Names of file types.
const TYPES: &[(u32, &str)] = &[
    (0o140000, "S_IFSOCK"),
    (0o120000, "S_IFLNK"),
    (0o100000, "S_IFREG"),
    (0o060000, "S_IFBLK"),
    (0o040000, "S_IFDIR"),
    (0o020000, "S_IFCHR"),
    (0o010000, "S_IFIFO"),
];

/// Names of mode bits above the permissions.
const SPECIAL_BITS: &[(u32, &str)] =
    &[(0o4000, "S_ISUID"), (0o2000, "S_ISGID"), (0o1000, "S_ISVTX")];

/// A mode with a file type, `S_IFDIR|S_ISVTX|0777`.
pub(super) fn mode(mode: u32) -> Value {
    let Some((_, kind)) = TYPES.iter().find(|(kind, _)| mode & TYPE_MASK == *kind) else {
        return Value::Octal(mode.into());
    };
    let mut text = (*kind).to_owned();
    for (bit, name) in SPECIAL_BITS {
        if mode & bit != 0 {
            text.push('|');
            text.push_str(name);
        }
    }
    text.push_str(&format!("|{}", Value::Octal((mode & !TYPE_MASK & !0o7000).into())));
    Value::Flags(text)
}

/// Whether a mode is that of a device.
pub(super) fn is_device(mode: u32) -> bool {
    matches!(mode & TYPE_MASK, 0o020000 | 0o060000)
}

/// A device number as its two parts.
pub(super) fn device(dev: u64) -> Value {
    let major = (dev >> 8) & 0xfff | (dev >> 32) & 0xffff_f000;
    let minor = dev & 0xff | (dev >> 12) & 0xffff_ff00;
    Value::call("makedev", [Value::Hex(major), Value::Hex(minor)])
}

/// `struct stat`, shortened.
pub(super) fn stat(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    cx.filled(addr, outcome, cx.layouts.stat_bytes, |raw| match stat_of(cx, raw) {
        Some(stat) => stat_value(&stat),
        None => Value::Addr(addr),
    })
}

fn stat_value(stat: &abi::Stat) -> Value {
    let mut shown = fields! { st_mode: mode(stat.mode) };
    if is_device(stat.mode) {
        shown.extend(fields! { st_rdev: device(stat.rdev) });
    } else {
        shown.extend(fields! { st_size: Value::UInt(stat.size as u64) });
    }
    shown.push(("".into(), Value::More));
    Value::Struct(shown)
}

/// `STATX_SIZE`
const STATX_SIZE: u32 = 0x200;

/// `struct statx`, shortened. The kernel's layout is the same everywhere.
pub(super) fn statx(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    cx.filled(addr, outcome, 256, |raw| {
        let mask = raw.u32(0);
        let mut shown = fields! {
            stx_mask: Value::Flags(files::STATX_MASK.spell(mask.into())),
            stx_attributes: Value::Flags(files::STATX_ATTRIBUTE.spell(raw.u64(8))),
            stx_mode: mode(raw.u16(28).into()),
        };
        if mask & STATX_SIZE != 0 {
            shown.extend(fields! { stx_size: Value::UInt(raw.u64(40)) });
        }
        shown.push(("".into(), Value::More));
        Value::Struct(shown)
    })
}

/// `struct statfs` of a 64-bit kernel.
pub(super) fn statfs(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    cx.filled(addr, outcome, 120, |raw| {
        let kind = Value::name(choices::FILE_SYSTEM.spell(raw.u64(0)));
        let fsid = [Value::Hex(raw.u32(56).into()), Value::Hex(raw.u32(60).into())];
        let mut shown = fields! {
            f_type: kind,
            f_bsize: Value::UInt(raw.u64(8)),
            f_blocks: Value::UInt(raw.u64(16)),
            f_bfree: Value::UInt(raw.u64(24)),
            f_bavail: Value::UInt(raw.u64(32)),
            f_files: Value::UInt(raw.u64(40)),
            f_ffree: Value::UInt(raw.u64(48)),
            f_fsid: Value::Struct(fields! { val: Value::Array(fsid.to_vec()) }),
            f_namelen: Value::UInt(raw.u64(64)),
            f_frsize: Value::UInt(raw.u64(72)),
        };
        // Kernels before 2.6.36 left the flags empty; ST_VALID says that they are not.
        if raw.u64(80) & 0x20 != 0 {
            shown.extend(fields! { f_flags: Value::Flags(files::STATFS.spell(raw.u64(80))) });
        }
        Value::Struct(shown)
    })
}

/// A buffer of directory entries: how many there are.
pub(super) fn dirents(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    let Outcome::Value(filled) = outcome else {
        return match outcome {
            Outcome::Never => Value::Pending,
            _ => Value::Addr(addr),
        };
    };
    // Both layouts have the 16-bit length of an entry at offset 16.
    let filled = u64::try_from(filled).unwrap_or(0);
    let (mut at, mut count) = (0u64, 0u64);
    while at + 18 <= filled {
        let mut length = [0; 2];
        if cx.memory.read_exact(GuestAddr(addr).offset(at + 16), &mut length).is_err() {
            return Value::Addr(addr);
        }
        let length = u64::from(u16::from_ne_bytes(length));
        if length < 18 {
            break;
        }
        at += length;
        count += 1;
    }
    let plural = if count == 1 { "y" } else { "ies" };
    Value::Addr(addr).remarked(format!("{count} entr{plural}"))
}

/// `struct open_how`.
pub(super) fn open_how(cx: &Cx<'_>, addr: u64) -> Value {
    cx.at(addr, 24, |raw| {
        let bits = raw.u64(0);
        let mut shown = fields! { flags: Value::Flags(flags::open(cx, bits)) };
        if raw.u64(8) != 0 || creates(bits) {
            shown.extend(fields! { mode: Value::Octal(raw.u64(8)) });
        }
        shown.extend(fields! { resolve: Value::Flags(files::RESOLVE.spell(raw.u64(16))) });
        Value::Struct(shown)
    })
}

/// Whether open flags make the mode argument count: `O_CREAT`, or the `O_TMPFILE` bit.
pub(super) fn creates(flags: u64) -> bool {
    flags & (0o100 | 0o20000000) != 0
}

/// `struct utimbuf`.
pub(super) fn utimbuf(raw: &Raw) -> Value {
    use super::time::date;
    Value::Struct(fields! {
        actime: Value::Int(raw.i64(0)).remarked(date(raw.i64(0), 0, 0)),
        modtime: Value::Int(raw.i64(8)).remarked(date(raw.i64(8), 0, 0)),
    })
}

/// `struct ifreq`'s name.
pub(super) fn fixed_text(raw: &Raw, at: usize, count: usize) -> Value {
    let bytes = raw.slice(at, count);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    strings::literal(&bytes[..end], crate::view::value::Cut::Whole)
}
