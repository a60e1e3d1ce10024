//! ioctls on files: extents that are shared and where they lie, and attributes beyond the flags.

use super::super::{Cx, raw::Raw};
use crate::call::Outcome;
use crate::view::names::{Set, terminal};
use crate::view::value::{Field, Value, fields};

/// FIDEDUPERANGE and FS_IOC_FIEMAP: what the kernel tells stands in the caller's own structure.
const DEDUPE: u32 = 0xc018_9436;
const MAP: u32 = 0xc020_660b;

/// `struct file_dedupe_range` before its destinations, and each of these.
const DEDUPE_BYTES: usize = 24;
const DESTINATION_BYTES: usize = 32;
/// Of more destinations only so many are shown.
const DESTINATIONS_SHOWN: usize = 2;

/// `struct fiemap` before its extents, and each of these.
const MAP_BYTES: usize = 32;
const EXTENT_BYTES: usize = 56;

/// `FIEMAP_FLAG_*`
const MAP_FLAGS: Set = Set {
    zero: "0",
    unknown: "FIEMAP_FLAG_???",
    names: &[(1, "FIEMAP_FLAG_SYNC"), (2, "FIEMAP_FLAG_XATTR"), (4, "FIEMAP_FLAG_CACHE")],
};

/// Whether a command's structure is given and filled in.
pub(super) fn is_exchanged(command: u32) -> bool {
    matches!(command, DEDUPE | MAP)
}

/// What the caller gives.
pub(super) fn enter(cx: &Cx<'_>) -> Value {
    let addr = cx.arg(2);
    match cx.uint(1) {
        DEDUPE => cx.at(addr, DEDUPE_BYTES, |raw| {
            Value::Struct(fields! {
                src_offset: Value::UInt(raw.u64(0)),
                src_length: Value::UInt(raw.u64(8)),
                dest_count: Value::UInt(raw.u16(16).into()),
                info: destinations(cx, raw, |raw| fields! {
                    dest_fd: cx.fd(raw.i64(0) as i32),
                    dest_offset: Value::UInt(raw.u64(8)),
                }),
            })
        }),
        _ => cx.at(addr, MAP_BYTES, |raw| {
            Value::Struct(fields! {
                fm_start: Value::UInt(raw.u64(0)),
                fm_length: Value::UInt(raw.u64(8)),
                fm_flags: Value::flags(MAP_FLAGS.spell(raw.u32(16).into())),
                fm_extent_count: Value::UInt(raw.u32(24).into()),
            })
        }),
    }
}

/// What the kernel has told, behind that.
pub(super) fn leave(cx: &Cx<'_>, value: &mut Value, outcome: Outcome) {
    if !matches!((&*value, outcome), (Value::Struct(_), Outcome::Value(_))) {
        return;
    }
    let addr = cx.arg(2);
    let told = match cx.uint(1) {
        DEDUPE => cx.at(addr, DEDUPE_BYTES, |raw| match raw.u16(16) {
            0 => value.clone(),
            _ => Value::Struct(fields! {
                info: destinations(cx, raw, |raw| fields! {
                    bytes_deduped: Value::UInt(raw.u64(16)),
                    status: Value::Int(raw.i32(24).into()),
                }),
            }),
        }),
        _ => cx.at(addr, MAP_BYTES, |raw| {
            let mut told = fields! {
                fm_flags: Value::flags(MAP_FLAGS.spell(raw.u32(16).into())),
                fm_mapped_extents: Value::UInt(raw.u32(20).into()),
            };
            if cx.abbreviates() {
                told.push(("".into(), Value::More));
            } else {
                let first = addr.wrapping_add(MAP_BYTES as u64);
                let extents = cx.array(first, raw.u32(20).into(), EXTENT_BYTES, extent);
                told.extend(fields! { fm_extents: extents });
            }
            Value::Struct(told)
        }),
    };
    *value = value.clone().changed_to(told);
}

/// The destinations behind a request to share an extent.
fn destinations(cx: &Cx<'_>, range: &Raw, spell: impl Fn(&Raw) -> Vec<Field>) -> Value {
    let max = if cx.abbreviates() { DESTINATIONS_SHOWN } else { cx.elements_max() };
    let first = cx.arg(2).wrapping_add(DEDUPE_BYTES as u64);
    let count = range.u16(16).into();
    cx.array_up_to(max, first, count, DESTINATION_BYTES, |raw| Value::Struct(spell(raw)))
}

/// `struct fiemap_extent`
fn extent(raw: &Raw) -> Value {
    Value::Struct(fields! {
        fe_logical: Value::UInt(raw.u64(0)),
        fe_physical: Value::UInt(raw.u64(8)),
        fe_length: Value::UInt(raw.u64(16)),
        fe_flags: Value::flags(terminal::EXTENT_FLAGS.spell(raw.u32(40).into())),
    })
}

/// `struct file_clone_range`
pub(super) fn clone_range(cx: &Cx<'_>, raw: &Raw) -> Value {
    Value::Struct(fields! {
        src_fd: cx.fd(raw.i64(0) as i32),
        src_offset: Value::UInt(raw.u64(8)),
        src_length: Value::UInt(raw.u64(16)),
        dest_offset: Value::UInt(raw.u64(24)),
    })
}

/// `struct fsxattr`
pub(super) fn attributes(_: &Cx<'_>, raw: &Raw) -> Value {
    let mut shown = given_fields(raw);
    shown.splice(2..2, fields! { fsx_nextents: Value::UInt(raw.u32(8).into()) });
    Value::Struct(shown)
}

/// The same without the number of extents, which nobody sets.
pub(super) fn given_attributes(_: &Cx<'_>, raw: &Raw) -> Value {
    Value::Struct(given_fields(raw))
}

fn given_fields(raw: &Raw) -> Vec<Field> {
    fields! {
        fsx_xflags: Value::flags(terminal::EXTENDED_FLAGS.spell(raw.u32(0).into())),
        fsx_extsize: Value::UInt(raw.u32(4).into()),
        fsx_projid: Value::Hex(raw.u32(12).into()),
        fsx_cowextsize: Value::UInt(raw.u32(16).into()),
    }
}
