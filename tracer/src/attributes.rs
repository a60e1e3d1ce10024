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
            let (value, size, flags) = (arg(Arg::A2), arg(Arg::A3), arg(Arg::A4) as u32);
            let given = XattrArgs { value, size, flags };
            let (name, value, mode) = (text(Arg::A1)?, given.value(memory)?, given.mode()?);
            AttrChange::SetXattr { name, value, mode }
        }
        Removexattr | Lremovexattr | Fremovexattr => {
            AttrChange::RemoveXattr { name: text(Arg::A1)? }
        }
        Setxattrat => {
            let given = XattrArgs::read(call, memory)?;
            let (name, value, mode) = (text(Arg::A3)?, given.value(memory)?, given.mode()?);
            AttrChange::SetXattr { name, value, mode }
        }
        Removexattrat => AttrChange::RemoveXattr { name: text(Arg::A3)? },
        _ => AttrChange::Other,
    })
}

/// Where the value of an extended attribute is, and what must be there: `struct xattr_args`
/// (linux/xattr.h), or the arguments that it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct XattrArgs {
    value: u64,
    pub(crate) size: u64,
    pub(crate) flags: u32,
}

impl XattrArgs {
    /// Reads the structure of `getxattrat` and `setxattrat` (`copy_struct_from_user`).
    pub(crate) fn read(call: &Call, memory: &dyn Memory) -> Result<XattrArgs, Errno> {
        const SIZE: usize = 16;
        const PAGE: u64 = 4096;
        let size = call.arg(Arg::A5);
        if size < SIZE as u64 {
            return Err(Errno::EINVAL);
        }
        if size > PAGE {
            return Err(Errno::E2BIG);
        }
        let mut bytes = vec![0; size as usize];
        memory.read_exact(GuestAddr(call.arg(Arg::A4)), &mut bytes)?;
        if bytes[SIZE..].iter().any(|&byte| byte != 0) {
            return Err(Errno::E2BIG);
        }
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let (low, high) = (u32::from_le_bytes(word(0)), u32::from_le_bytes(word(4)));
        Ok(XattrArgs {
            value: u64::from(low) | u64::from(high) << 32,
            size: u64::from(u32::from_le_bytes(word(8))),
            flags: u32::from_le_bytes(word(12)),
        })
    }

    fn value(&self, memory: &dyn Memory) -> Result<Box<[u8]>, Errno> {
        let mut value = vec![0; self.size as usize];
        memory.read_exact(GuestAddr(self.value), &mut value)?;
        Ok(value.into())
    }

    fn mode(&self) -> Result<XattrMode, Errno> {
        match self.flags {
            0 => Ok(XattrMode::Any),
            1 => Ok(XattrMode::New),
            2 => Ok(XattrMode::Existing),
            3 => Ok(XattrMode::Neither),
            _ => Err(Errno::EINVAL),
        }
    }
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
