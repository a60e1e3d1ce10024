//! Calls that 32-bit programs make inside other calls, or with their arguments in memory.
//!
//! strace shows the call that was meant: `socketcall` and `ipc` hold others, and the older `mmap` and
//! `select` take the address of their arguments.

use vrift_arch::{Arch, Arg, Syscall};

use crate::call::{Abi, Call, Layer};
use crate::memory::{GuestAddr, Memory};

/// The call that `call` stands for, if it stands for another.
pub(crate) fn meant<A: Arch>(call: &Call, memory: &dyn Memory) -> Option<Call> {
    if call.abi != Abi::Compat || call.layer == Layer::Inner {
        return None;
    }
    let outer = call.syscall?;
    let (syscall, args) = match outer {
        Syscall::Mmap => (outer, words::<A::Compat>(call.arg(Arg::A0), 6, memory)?),
        Syscall::Select => (outer, words::<A::Compat>(call.arg(Arg::A0), 5, memory)?),
        Syscall::Socketcall => {
            let member = member::<A::Compat>(outer, call.arg(Arg::A0) as u32)?;
            let count = member.row().args.len();
            (member, words::<A::Compat>(call.arg(Arg::A1), count, memory)?)
        }
        Syscall::Ipc => {
            // The high half of the selector is a version.
            let selector = call.arg(Arg::A0) as u32;
            let member = member::<A::Compat>(outer, selector & 0xffff)?;
            (member, of_ipc::<A::Compat>(member, selector >> 16, call, memory)?)
        }
        _ => return None,
    };
    Some(Call { syscall: Some(syscall), args, layer: Layer::Inner, ..call.clone() })
}

fn member<A: Arch>(outer: Syscall, selector: u32) -> Option<Syscall> {
    let found = A::members(outer).iter().find(|&&(number, _)| number == selector);
    found.map(|&(_, member)| member)
}

/// Words in memory as arguments.
fn words<A: Arch>(addr: u64, count: usize, memory: &dyn Memory) -> Option<[u64; 6]> {
    let mut args = [0; 6];
    for (n, arg) in args.iter_mut().take(count).enumerate() {
        let at = GuestAddr(addr).offset((n * A::WORD) as u64);
        *arg = u64::from(memory.read_u32(at).ok()?);
    }
    Some(args)
}

/// The arguments of a call inside `ipc` (`compat_ksys_ipc` in the kernel's `ipc/syscall.c`); `None` for
/// the forms that are not shown as what they mean.
fn of_ipc<A: Arch>(
    member: Syscall,
    version: u32,
    call: &Call,
    memory: &dyn Memory,
) -> Option<[u64; 6]> {
    let [_, first, second, third, pointer, fifth] = call.args;
    let rest = |args: [u64; 4]| [args[0], args[1], args[2], args[3], 0, 0];
    Some(match member {
        Syscall::Semop => rest([first, pointer, second, 0]),
        Syscall::Semtimedop => rest([first, pointer, second, fifth]),
        Syscall::Semget => rest([first, second, third, 0]),
        Syscall::Msgget => rest([first, second, 0, 0]),
        Syscall::Msgsnd => rest([first, pointer, second, third]),
        Syscall::Msgctl | Syscall::Shmctl => rest([first, second, pointer, 0]),
        // Behind its own arguments: where the address is stored.
        Syscall::Shmat => rest([first, pointer, second, third]),
        Syscall::Shmdt => rest([pointer, 0, 0, 0]),
        Syscall::Shmget => rest([first, second, third, 0]),
        Syscall::Semctl => {
            let value = words::<A>(pointer, 1, memory)?;
            rest([first, second, third, value[0]])
        }
        Syscall::Msgrcv if version == 0 => {
            let [buffer, kind, ..] = words::<A>(pointer, 2, memory)?;
            [first, buffer, second, kind, third, 0]
        }
        Syscall::Msgrcv => [first, pointer, second, fifth, third, 0],
        _ => return None,
    })
}
