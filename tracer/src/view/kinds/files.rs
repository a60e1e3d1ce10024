//! File modes, device numbers, and the structures about files.

use vrift_arch::abi;

use super::raw::Raw;
use super::scalars::id;
use super::time::with_date;
use super::{Cx, flags, stat_of, strings};
use crate::call::Outcome;
use crate::view::names::{choices, files};
use crate::view::value::{Cut, Value, fields};
use crate::view::word::{Number, Word};

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
    let kind = TYPES.iter().find(|(kind, _)| mode & TYPE_MASK == *kind);
    let special = SPECIAL_BITS.iter().filter(|(bit, _)| mode & bit != 0);
    let named: Vec<_> = kind.into_iter().chain(special).collect();
    // Of a type that does not exist nothing is told.
    if named.is_empty() || kind.is_none() && mode & TYPE_MASK != 0 {
        let number = Value::Octal(mode.into());
        return match mode & TYPE_MASK {
            0 => Value::coded(number.clone(), number),
            _ => number,
        };
    }
    let rest = named.iter().fold(mode, |rest, (bits, _)| rest & !bits);
    let names: Vec<_> = named.iter().map(|(_, name)| *name).collect();
    let text = format!("{}|{}", names.join("|"), Value::Octal(rest.into()));
    Value::flags(Word::new(text, Number::Octal(mode.into())))
}

/// Whether a mode is that of a device.
pub(super) fn is_device(mode: u32) -> bool {
    matches!(mode & TYPE_MASK, 0o020000 | 0o060000)
}

/// A device number as its two parts.
pub(super) fn device(dev: u64) -> Value {
    let (major, minor) = device_numbers(dev);
    Value::call("makedev", [Value::Hex(major), Value::Hex(minor)])
}

/// The two parts of a device number.
pub(super) fn device_numbers(dev: u64) -> (u64, u64) {
    let major = (dev >> 8) & 0xfff | (dev >> 32) & 0xffff_f000;
    let minor = dev & 0xff | (dev >> 12) & 0xffff_ff00;
    (major, minor)
}

/// `struct stat`, shortened.
pub(super) fn stat(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    let Some(syscall) = cx.call.syscall else { return Value::Addr(addr) };
    cx.filled(addr, outcome, (cx.layouts.stat_bytes)(syscall), |raw| match stat_of(cx, raw) {
        Some(stat) if cx.abbreviates() => stat_value(&stat),
        Some(stat) => whole_stat(&stat),
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

fn whole_stat(stat: &abi::Stat) -> Value {
    let mut shown = fields! {
        st_dev: device(stat.dev),
        st_ino: Value::UInt(stat.ino),
        st_mode: mode(stat.mode),
        st_nlink: Value::UInt(stat.nlink),
        st_uid: id(stat.uid),
        st_gid: id(stat.gid),
        st_blksize: Value::UInt(stat.blksize as u64),
        st_blocks: Value::UInt(stat.blocks as u64),
    };
    if is_device(stat.mode) {
        shown.extend(fields! { st_rdev: device(stat.rdev) });
    } else {
        shown.extend(fields! { st_size: Value::UInt(stat.size as u64) });
    }
    let second = |time: abi::Timespec| with_date(Value::Int(time.sec), time.sec, time.nsec, 9);
    shown.extend(fields! {
        st_atime: second(stat.atime),
        st_atime_nsec: Value::UInt(stat.atime.nsec as u64),
        st_mtime: second(stat.mtime),
        st_mtime_nsec: Value::UInt(stat.mtime.nsec as u64),
        st_ctime: second(stat.ctime),
        st_ctime_nsec: Value::UInt(stat.ctime.nsec as u64),
    });
    Value::Struct(shown)
}

/// `STATX_TYPE` and `STATX_MODE`
const STATX_TYPE_MODE: u32 = 0x3;
/// `STATX_SIZE`
const STATX_SIZE: u32 = 0x200;

/// `struct statx`, shortened. The kernel's layout is the same everywhere.
pub(super) fn statx(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    cx.filled(addr, outcome, 256, |raw| {
        let mask = raw.u32(0);
        if !cx.abbreviates() {
            return whole_statx(raw, mask);
        }
        let mut shown = fields! {
            stx_mask: Value::flags(files::STATX_MASK.spell(mask.into())),
            stx_attributes: Value::flags(files::STATX_ATTRIBUTE.spell(raw.u64(8))),
        };
        if mask & STATX_TYPE_MODE != 0 {
            shown.extend(fields! { stx_mode: mode(raw.u16(28).into()) });
        }
        if mask & STATX_SIZE != 0 {
            shown.extend(fields! { stx_size: Value::UInt(raw.u64(40)) });
        }
        shown.push(("".into(), Value::More));
        Value::Struct(shown)
    })
}

fn whole_statx(raw: &Raw, mask: u32) -> Value {
    let number = |at| Value::UInt(raw.u32(at).into());
    let stamp = |at| {
        let (sec, nsec) = (raw.i64(at), raw.u32(at + 8));
        let time = fields! { tv_sec: Value::Int(sec), tv_nsec: Value::UInt(nsec.into()) };
        with_date(Value::Struct(time), sec, nsec.into(), 9)
    };
    // Each field with the bit of the mask that says that it is filled in; 0 for those that always
    // are.
    let all: [(u32, &'static str, Value); 23] = [
        (0, "stx_mask", Value::flags(files::STATX_MASK.spell(mask.into()))),
        (0, "stx_blksize", number(4)),
        (0, "stx_attributes", Value::flags(files::STATX_ATTRIBUTE.spell(raw.u64(8)))),
        (0x4, "stx_nlink", number(16)),
        (0x8, "stx_uid", id(raw.u32(20))),
        (0x10, "stx_gid", id(raw.u32(24))),
        (STATX_TYPE_MODE, "stx_mode", mode(raw.u16(28).into())),
        (0x100, "stx_ino", Value::UInt(raw.u64(32))),
        (STATX_SIZE, "stx_size", Value::UInt(raw.u64(40))),
        (0x400, "stx_blocks", Value::UInt(raw.u64(48))),
        (0, "stx_attributes_mask", Value::flags(files::STATX_ATTRIBUTE.spell(raw.u64(56)))),
        (0x20, "stx_atime", stamp(64)),
        (0x800, "stx_btime", stamp(80)),
        (0x80, "stx_ctime", stamp(96)),
        (0x40, "stx_mtime", stamp(112)),
        (0, "stx_rdev_major", number(128)),
        (0, "stx_rdev_minor", number(132)),
        (0, "stx_dev_major", number(136)),
        (0, "stx_dev_minor", number(140)),
        (0x1000, "stx_mnt_id", Value::Hex(raw.u64(144))),
        (0x2000, "stx_dio_mem_align", number(152)),
        (0x2000, "stx_dio_offset_align", number(156)),
        (0x4000, "stx_subvol", Value::UInt(raw.u64(160))),
    ];
    let shown = all.into_iter().filter(|&(bit, ..)| bit == 0 || mask & bit != 0);
    Value::Struct(shown.map(|(_, name, value)| (name.into(), value)).collect())
}

/// `struct statfs`, of words.
pub(super) fn statfs(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    cx.filled(addr, outcome, 14 * cx.word() + 8, |raw| {
        let word = raw.word();
        let counts = [2, 3, 4, 5, 6].map(|index| raw.uword(index * word));
        spell_statfs(raw, word, counts, 7 * word)
    })
}

/// As much of a listing is read at once.
const PART_BYTES: u64 = 64 * 1024;

/// `struct statfs64` of i386, whose counts have eight bytes whatever the word.
pub(super) fn statfs64(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    cx.filled(addr, outcome, 84, |raw| {
        let counts = [0, 1, 2, 3, 4].map(|index| raw.u64(8 + 8 * index));
        spell_statfs(raw, 4, counts, 48)
    })
}

/// The fields around the counts have `word` bytes, from the id of the file system on.
fn spell_statfs(raw: &Raw, word: usize, counts: [u64; 5], fsid: usize) -> Value {
    let [blocks, bfree, bavail, files, ffree] = counts.map(Value::UInt);
    let id = [Value::Hex(raw.u32(fsid).into()), Value::Hex(raw.u32(fsid + 4).into())];
    let last = fsid + 8;
    let mut shown = fields! {
        f_type: Value::name(choices::FILE_SYSTEM.spell(raw.uint(0, word))),
        f_bsize: Value::UInt(raw.uint(word, word)),
        f_blocks: blocks,
        f_bfree: bfree,
        f_bavail: bavail,
        f_files: files,
        f_ffree: ffree,
        f_fsid: Value::Struct(fields! { val: Value::Array(id.to_vec()) }),
        f_namelen: Value::UInt(raw.uint(last, word)),
        f_frsize: Value::UInt(raw.uint(last + word, word)),
    };
    // Kernels before 2.6.36 left the flags empty; ST_VALID says that they are not.
    let flags = raw.uint(last + 2 * word, word);
    if flags & 0x20 != 0 {
        shown.extend(fields! { f_flags: Value::flags(files::STATFS.spell(flags)) });
    }
    Value::Struct(shown)
}

/// A buffer of directory entries: how many there are; in full, the entries.
pub(super) fn dirents(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    let Outcome::Value(filled) = outcome else {
        return match outcome {
            Outcome::Never => Value::Pending,
            _ => Value::Addr(addr),
        };
    };
    if !cx.follows() {
        return Value::Addr(addr);
    }
    if !cx.abbreviates() {
        return entries(cx, addr, filled);
    }
    let (count, more) = count_entries(cx, addr, u64::try_from(filled).unwrap_or(0));
    let plural = if (count, more) == (1, "") { "y" } else { "ies" };
    Value::Addr(addr).remarked(format!("{count}{more} entr{plural}"))
}

/// The number of directory entries in `filled` bytes, and a sign if more may follow that are none.
fn count_entries(cx: &Cx<'_>, addr: u64, filled: u64) -> (u64, &'static str) {
    let place = length_at(cx);
    let header = place + 2;
    let (mut at, mut count) = (0u64, 0u64);
    while at + header as u64 <= filled {
        let part = (filled - at).min(PART_BYTES);
        let Some(raw) = cx.peek(addr.wrapping_add(at), part as usize) else { return (count, "+") };
        let mut within = 0;
        while within + header <= part as usize {
            let length = usize::from(raw.u16(within + place));
            if length < header {
                return (count, "+");
            }
            within += length;
            count += 1;
        }
        at += within as u64;
    }
    (count, if at < filled { "+" } else { "" })
}

/// Whether entries have the layout of getdents, in words.
fn is_old(cx: &Cx<'_>) -> bool {
    cx.call.syscall == Some(vrift_arch::Syscall::Getdents)
}

/// Where the 16-bit length of an entry lies: behind its inode and its position.
fn length_at(cx: &Cx<'_>) -> usize {
    if is_old(cx) { 2 * cx.word() } else { 16 }
}

/// The directory entries in `filled` bytes.
fn entries(cx: &Cx<'_>, addr: u64, filled: i64) -> Value {
    let filled = usize::try_from(filled).unwrap_or(0);
    if filled == 0 {
        return Value::Array(Vec::new());
    }
    let (old, place) = (is_old(cx), length_at(cx));
    cx.at(addr, filled, |raw| {
        let (mut at, mut elements) = (0, Vec::new());
        while at + place + 2 <= filled {
            let length = usize::from(raw.u16(at + place));
            if length < place + 2 {
                break;
            }
            let spell = if old { old_entry } else { entry };
            elements.push(spell(raw, at, length));
            at += length;
        }
        Value::Array(elements)
    })
}

/// The one entry of readdir; at the end of the directory, the address.
pub(super) fn old_dirent(cx: &Cx<'_>, addr: u64, outcome: Outcome) -> Value {
    let header = 2 * cx.word() + 2;
    let length = |raw: &Raw| usize::from(raw.u16(header - 2));
    let spell = |raw: &Raw| {
        let name = entry_name(raw, header, length(raw));
        Value::Struct(fields! {
            d_ino: Value::UInt(raw.uword(0)),
            d_off: Value::Int(raw.iword(raw.word())),
            d_reclen: Value::UInt(length(raw) as u64),
            d_name: name,
        })
    };
    match (outcome, cx.raw(addr, header)) {
        (Outcome::Value(1..), Some(start)) => cx.at(addr, header + length(&start), spell),
        (Outcome::Never, _) => Value::Pending,
        _ => Value::Addr(addr),
    }
}

/// One entry of getdents64.
fn entry(raw: &Raw, at: usize, length: usize) -> Value {
    Value::Struct(fields! {
        d_ino: Value::UInt(raw.u64(at)),
        d_off: Value::Int(raw.i64(at + 8)),
        d_reclen: Value::UInt(length as u64),
        d_type: entry_kind(raw, at + 18),
        d_name: entry_name(raw, at + 19, length.saturating_sub(19)),
    })
}

/// One entry of getdents, of words; its last byte is the type.
fn old_entry(raw: &Raw, at: usize, length: usize) -> Value {
    let word = raw.word();
    let name = 2 * word + 2;
    Value::Struct(fields! {
        d_ino: Value::UInt(raw.uword(at)),
        d_off: Value::Int(raw.iword(at + word)),
        d_reclen: Value::UInt(length as u64),
        d_name: entry_name(raw, at + name, length.saturating_sub(name)),
        d_type: entry_kind(raw, at + length - 1),
    })
}

fn entry_kind(raw: &Raw, at: usize) -> Value {
    Value::name(choices::ENTRY.spell(raw.u8(at).into()))
}

/// `struct open_how`.
pub(super) fn open_how(cx: &Cx<'_>, addr: u64) -> Value {
    // openat2 alone has it, with its size behind it.
    if cx.arg(3) < 24 {
        return Value::Addr(addr);
    }
    cx.at(addr, 24, |raw| {
        let bits = raw.u64(0);
        let mut shown = fields! { flags: Value::flags(Word::hex(flags::open(cx, bits), bits)) };
        if raw.u64(8) != 0 || creates(bits) {
            shown.extend(fields! { mode: Value::Octal(raw.u64(8)) });
        }
        shown.extend(fields! { resolve: Value::flags(files::RESOLVE.spell(raw.u64(16))) });
        shown.extend(cx.behind(addr, 24, cx.arg(3)).map(|rest| ("".into(), rest)));
        Value::Struct(shown)
    })
}

/// Whether open flags make the mode argument count: `O_CREAT`, or the `O_TMPFILE` bit.
pub(super) fn creates(flags: u64) -> bool {
    flags & (0o100 | 0o20000000) != 0
}

/// `struct utimbuf`.
pub(super) fn utimbuf(raw: &Raw) -> Value {
    let part = |index: usize| {
        let second = raw.int(index * raw.time(), raw.time());
        with_date(Value::Int(second), second, 0, 0)
    };
    Value::Struct(fields! { actime: part(0), modtime: part(1) })
}

/// The name in an entry of a directory, which may fill its room.
fn entry_name(raw: &Raw, at: usize, count: usize) -> Value {
    let bytes = raw.slice(at, count);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    strings::literal(&bytes[..end], Cut::Whole)
}

/// `struct ifreq`'s name.
pub(super) fn fixed_text(raw: &Raw, at: usize, count: usize) -> Value {
    let bytes = raw.slice(at, count);
    match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => strings::literal(&bytes[..end], Cut::Whole),
        // Its last byte is taken for the one that should have ended it.
        None => strings::literal(&bytes[..count.saturating_sub(1)], Cut::Short),
    }
}
