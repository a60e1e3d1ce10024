//! Values of 64 bits that 32-bit calls pass in two registers.

use vrift_arch::Syscall;
use vrift_arch::syscall::Kind;

use super::Cx;
use crate::view::value::Value;

/// Whether a value in two registers starts at a position.
pub(super) fn start_at(cx: &Cx<'_>, at: usize) -> bool {
    use Syscall::*;
    let first = match cx.call.syscall {
        Some(Pread64 | Pwrite64 | Preadv | Pwritev | Preadv2 | Pwritev2) => at == 3,
        Some(Readahead | Fadvise64 | Truncate64 | Ftruncate64 | Llseek) => at == 1,
        Some(SyncFileRange | Fadvise6464) => at == 1 || at == 3,
        Some(Fallocate) => at == 2 || at == 4,
        Some(LookupDcookie) => at == 0,
        Some(FanotifyMark) => at == 2,
        _ => false,
    };
    first
        && cx.kinds.get(at) == Some(&Kind::Special)
        && cx.kinds.get(at + 1) == Some(&Kind::Special)
}

/// The value at a position: its low half comes first, but in `_llseek`.
pub(super) fn spell(cx: &Cx<'_>, at: usize) -> Value {
    let (first, second) = (u64::from(cx.uint(at)), u64::from(cx.uint(at + 1)));
    let value = first | second << 32;
    match cx.call.syscall {
        Some(Syscall::Llseek) => Value::Int((first << 32 | second).cast_signed()),
        Some(Syscall::Truncate64 | Syscall::Ftruncate64) => Value::UInt(value),
        Some(Syscall::FanotifyMark | Syscall::LookupDcookie) => Value::Hex(value),
        _ => Value::Int(value.cast_signed()),
    }
}
