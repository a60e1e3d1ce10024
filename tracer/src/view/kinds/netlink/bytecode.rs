//! The filter of a question about internet sockets: its first instruction, and what that looks at.

use super::attributes::{Span, Walk, beside, bytes};
use super::diag::{address, known};
use super::{Raw, family};
use crate::view::names::sockdiag;
use crate::view::value::{Value, fields};

/// `sizeof(struct inet_diag_bc_op)`
const BYTES: usize = 4;

/// `INET_DIAG_BC_*`
const PORTS: std::ops::RangeInclusive<u8> = 2..=5;
const ADDRESSES: std::ops::RangeInclusive<u8> = 7..=8;
const DEVICE: u8 = 9;
const MARK: u8 = 10;

/// `struct inet_diag_bc_op`, and what stands behind it.
pub(super) fn spell(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    let mut code = 0;
    let first = known(walk, span, BYTES, |raw| {
        code = raw.u8(0);
        operation(raw)
    })?;
    let Some(rest) = span.behind(BYTES as u64) else { return Some(first) };
    let second = match code {
        code if PORTS.contains(&code) => known(walk, rest, BYTES, operation),
        code if ADDRESSES.contains(&code) => host(walk, rest),
        DEVICE => known(walk, rest, 4, |raw| Value::UInt(raw.u32(0).into())),
        MARK => known(walk, rest, 8, |raw| {
            Value::Struct(fields! {
                mark: Value::UInt(raw.u32(0).into()),
                mask: Value::UInt(raw.u32(4).into()),
            })
        }),
        _ => None,
    };
    let second = second.unwrap_or_else(|| bytes(walk.cx, rest));
    Some(beside(walk.cx, first, "", second))
}

/// `struct inet_diag_hostcond`
fn host(walk: &Walk<'_, '_>, span: Span) -> Option<Value> {
    const ADDRESS: usize = 8;
    let raw = match span.count {
        count if count < ADDRESS as u64 => return None,
        _ => match span.fetch(walk.cx, ADDRESS) {
            Some(raw) => raw,
            None => return Some(Value::Addr(span.addr)),
        },
    };
    let number = raw.u8(0);
    let mut shown = fields! {
        family: family(number),
        prefix_len: Value::UInt(raw.u8(1).into()),
        port: Value::UInt(raw.u32(4).into()),
    };
    if let Some(rest) = span.behind(ADDRESS as u64) {
        let count = match i32::from(number) {
            libc::AF_INET => 4,
            libc::AF_INET6 => 16,
            _ => u64::MAX,
        };
        let whole = (rest.count >= count).then(|| rest.fetch(walk.cx, count as usize));
        shown.push(match whole {
            Some(Some(raw)) => address(number, &raw, 0, "addr", "&addr"),
            Some(None) => ("addr".into(), Value::Addr(rest.addr)),
            None => ("addr".into(), bytes(walk.cx, rest)),
        });
    }
    Some(Value::Struct(shown))
}

fn operation(raw: &Raw) -> Value {
    Value::Struct(fields! {
        code: Value::name(sockdiag::INET_CODE.spell(raw.u8(0).into())),
        yes: Value::UInt(raw.u8(1).into()),
        no: Value::UInt(raw.u16(2).into()),
    })
}
