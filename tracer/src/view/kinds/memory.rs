//! What mincore fills in.

use super::Cx;
use crate::call::Outcome;
use crate::view::value::Value;

/// The page size both architectures use by default.
const PAGE: u64 = 4096;

/// One number for each page.
pub(super) fn residency(cx: &Cx<'_>, addr: u64, bytes: u64, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Value(_) => {
            let pages = bytes.div_ceil(PAGE);
            cx.array(addr, pages, 1, |raw| Value::UInt((raw.u8(0) & 1).into()))
        }
        Outcome::Never => Value::Pending,
        _ if bytes == 0 && addr != 0 => Value::Array(Vec::new()),
        Outcome::Error(_) | Outcome::Restarts(_) => Value::Addr(addr),
    }
}
