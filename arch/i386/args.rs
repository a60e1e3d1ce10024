//! What i386 passes otherwise than the rows say, in calls that x86_64 has under the same name.
//!
//! Values of 64 bits take two registers, low half first and not aligned to a pair (`COMPAT_ARG_64` in
//! the kernel's `arch/x86/kernel/sys_ia32.c`); the ids of the oldest calls have 16 bits
//! (`kernel/uid16.c`); `mmap` and `select` take the address of their arguments.
//!
//! Deliberately absent: structures whose size follows the word, which have the same shape.

use crate::Syscall;
use crate::syscall::Kind::{self, *};
use crate::syscall::{Choice as C, Flags as F, Shape as S};

/// How each argument of `call` is printed.
pub(super) fn of(call: Syscall) -> &'static [Kind] {
    match call {
        Syscall::Mmap | Syscall::Select => &[Special],
        Syscall::Pread64 => &[Fd, OutBytes, ULong, Special, Special],
        Syscall::Pwrite64 => &[Fd, InBytes { len: 2 }, ULong, Special, Special],
        Syscall::Preadv => &[Fd, Out(S::Iovec { count: 2 }), ULong, Special, Special],
        Syscall::Pwritev => &[Fd, In(S::Iovec { count: 2 }), ULong, Special, Special],
        Syscall::Preadv2 => {
            &[Fd, Out(S::Iovec { count: 2 }), ULong, Special, Special, Flags(F::Rwf)]
        }
        Syscall::Pwritev2 => {
            &[Fd, In(S::Iovec { count: 2 }), ULong, Special, Special, Flags(F::Rwf)]
        }
        Syscall::Readahead => &[Fd, Special, Special, ULong],
        Syscall::Fadvise64 => &[Fd, Special, Special, ULong, Choice(C::Fadvise)],
        Syscall::Fallocate => &[Fd, Flags(F::Falloc), Special, Special, Special, Special],
        Syscall::SyncFileRange => {
            &[Fd, Special, Special, Special, Special, Flags(F::SyncFileRange)]
        }
        Syscall::LookupDcookie => &[Special, Special, OutBytes, ULong],
        Syscall::FanotifyMark => &[Fd, Hex, Special, Special, DirFd, Path],
        Syscall::Splice => &[Fd, InOut(S::Loff), Fd, InOut(S::Loff), ULong, Flags(F::Splice)],
        Syscall::CopyFileRange => &[Fd, InOut(S::Loff), Fd, InOut(S::Loff), ULong, Hex],
        Syscall::Prlimit64 => &[Pid, Choice(C::Resource), In(S::Rlimit64), Out(S::Rlimit64)],
        Syscall::Chown | Syscall::Lchown => &[Path, Id16, Id16],
        Syscall::Fchown => &[Fd, Id16, Id16],
        Syscall::Setuid | Syscall::Setgid | Syscall::Setfsuid | Syscall::Setfsgid => &[Id16],
        Syscall::Setreuid | Syscall::Setregid => &[Id16, Id16],
        Syscall::Setresuid | Syscall::Setresgid => &[Id16, Id16, Id16],
        Syscall::Getresuid | Syscall::Getresgid => {
            &[Out(S::UShort), Out(S::UShort), Out(S::UShort)]
        }
        Syscall::Getgroups => &[Int, Out(S::Groups16 { count: 0 })],
        Syscall::Setgroups => &[Int, In(S::Groups16 { count: 0 })],
        _ => call.row().args,
    }
}
