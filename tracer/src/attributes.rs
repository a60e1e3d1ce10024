//! What a call that sets attributes sets: modes, owners, times, extended attributes.

use nix::errno::Errno;
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{AttrChange, TimeChange, Timestamp, XattrMode};

use crate::call::Call;
use crate::memory::{GuestAddr, Memory};

/// `tv_nsec` for "the current time" and "leave this time alone" (include/linux/stat.h).
const UTIME_NOW: i64 = (1 << 30) - 1;
const UTIME_OMIT: i64 = (1 << 30) - 2;

const NAME_BYTES_MAX: usize = 256;

/// Reads what `call` sets. *Errors:* what the kernel answers to times or pointers it cannot use.
pub(crate) fn change<A: Arch>(call: &Call, memory: &dyn Memory) -> Result<AttrChange, Errno> {
    use Syscall::*;
    let Some(syscall) = call.syscall else { return Ok(AttrChange::Other) };
    let arg = |arg: Arg| call.arg(arg);
    let text = |at: Arg| memory.read_cstr(GuestAddr(arg(at)), NAME_BYTES_MAX).map(Vec::into);
    Ok(match syscall {
        Chmod | Fchmod => AttrChange::Mode(arg(Arg::A1) as u32),
        Fchmodat | Fchmodat2 => AttrChange::Mode(arg(Arg::A2) as u32),
        Chown | Lchown | Fchown if A::WORD == 4 => {
            AttrChange::Owner { uid: narrow_id(arg(Arg::A1)), gid: narrow_id(arg(Arg::A2)) }
        }
        Chown | Lchown | Fchown | Chown32 | Lchown32 | Fchown32 => {
            AttrChange::Owner { uid: id(arg(Arg::A1)), gid: id(arg(Arg::A2)) }
        }
        Fchownat => AttrChange::Owner { uid: id(arg(Arg::A2)), gid: id(arg(Arg::A3)) },
        Utime => times(Pair::<A>::new(arg(Arg::A1), Unit::Seconds), memory)?,
        Utimes => times(Pair::<A>::new(arg(Arg::A1), Unit::Micro), memory)?,
        Futimesat => times(Pair::<A>::new(arg(Arg::A2), Unit::Micro), memory)?,
        Utimensat => times(Pair::<A>::new(arg(Arg::A2), Unit::Nano), memory)?,
        UtimensatTime64 => times(Pair::<A>::new(arg(Arg::A2), Unit::WideNano), memory)?,
        Setxattr | Lsetxattr | Fsetxattr => {
            let mut value = vec![0; arg(Arg::A3) as usize];
            memory.read_exact(GuestAddr(arg(Arg::A2)), &mut value)?;
            let mode = match arg(Arg::A4) as u32 {
                0 => XattrMode::Any,
                1 => XattrMode::New,
                2 => XattrMode::Existing,
                _ => return Err(Errno::EINVAL),
            };
            AttrChange::SetXattr { name: text(Arg::A1)?, value: value.into(), mode }
        }
        Removexattr | Lremovexattr | Fremovexattr => {
            AttrChange::RemoveXattr { name: text(Arg::A1)? }
        }
        _ => AttrChange::Other,
    })
}

fn id(raw: u64) -> Option<u32> {
    Some(raw as u32).filter(|&id| id != u32::MAX)
}

/// An id of the calls with 16 bits.
fn narrow_id(raw: u64) -> Option<u32> {
    Some(raw as u16).filter(|&id| id != u16::MAX).map(u32::from)
}

/// What follows the seconds of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Nothing.
    Seconds,
    /// Microseconds.
    Micro,
    /// Nanoseconds.
    Nano,
    /// Nanoseconds, with 64 bits for everything whatever the width of the task.
    WideNano,
}

/// A pair of times in memory.
struct Pair<A> {
    at: GuestAddr,
    unit: Unit,
    arch: std::marker::PhantomData<A>,
}

impl<A: Arch> Pair<A> {
    fn new(at: u64, unit: Unit) -> Pair<A> {
        Pair { at: GuestAddr(at), unit, arch: std::marker::PhantomData }
    }

    /// The numbers, each sign-extended.
    fn numbers(&self, memory: &dyn Memory) -> Result<Vec<i64>, Errno> {
        let width = if self.unit == Unit::WideNano { 8 } else { A::WORD };
        let count = if self.unit == Unit::Seconds { 2 } else { 4 };
        let mut bytes = vec![0; count * width];
        memory.read_exact(self.at, &mut bytes)?;
        let number = |word: &[u8]| match word.try_into() {
            Ok(word) => i64::from_le_bytes(word),
            Err(_) => word.try_into().map_or(0, |word| i64::from(i32::from_le_bytes(word))),
        };
        Ok(bytes.chunks_exact(width).map(number).collect())
    }
}

fn times<A: Arch>(times: Pair<A>, memory: &dyn Memory) -> Result<AttrChange, Errno> {
    if times.at.is_null() {
        return Ok(AttrChange::Times { atime: TimeChange::Now, mtime: TimeChange::Now });
    }
    let numbers = times.numbers(memory)?;
    let pair = match *numbers {
        [atime, mtime] => to(atime, 0).zip(to(mtime, 0)),
        [asec, afraction, msec, mfraction] => {
            let micro = |fraction: i64| (0..1_000_000).contains(&fraction);
            if times.unit == Unit::Micro && !(micro(afraction) && micro(mfraction)) {
                return Err(Errno::EINVAL);
            }
            let time = |sec, fraction: i64| match times.unit {
                Unit::Micro => to(sec, fraction * 1000),
                // The high half of a 64-bit fraction is ignored if the call comes from 32 bits.
                Unit::WideNano => nano(sec, fraction & 0xffff_ffff),
                _ => nano(sec, fraction),
            };
            time(asec, afraction).zip(time(msec, mfraction))
        }
        _ => None,
    };
    Ok(match pair {
        Some((atime, mtime)) => AttrChange::Times { atime, mtime },
        None => AttrChange::Invalid,
    })
}

/// A time in nanoseconds; `None` if it is none.
fn nano(sec: i64, nsec: i64) -> Option<TimeChange> {
    match nsec {
        UTIME_NOW => Some(TimeChange::Now),
        UTIME_OMIT => Some(TimeChange::Keep),
        nsec => to(sec, nsec),
    }
}

fn to(sec: i64, nsec: i64) -> Option<TimeChange> {
    let nsec = u32::try_from(nsec).ok().filter(|&nsec| nsec < 1_000_000_000)?;
    Some(TimeChange::To(Timestamp { sec, nsec }))
}
