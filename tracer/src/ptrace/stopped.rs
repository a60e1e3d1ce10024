//! The token of a stopped tracee.

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::seccomp::{TRACE_FOREIGN, TRACE_KNOWN};
use vrift_arch::{Arch, Arg, Poke, Regs, Syscall};

use super::{memory, raw};
use crate::call::{Abi, Call, Layer};
use crate::engine::{Guest, Position, Resume};
use crate::memory::{GuestAddr, Memory};
use crate::registers::Registers;

/// A tracee in a ptrace stop. Not `Clone`: resuming consumes it.
#[must_use = "a stopped tracee stays stopped until it is resumed"]
#[derive(Debug)]
pub struct Stopped {
    tid: Pid,
}

impl Stopped {
    pub(super) fn new(tid: Pid) -> Stopped {
        Stopped { tid }
    }

    /// Which tracee it is.
    pub fn tid(&self) -> Pid {
        self.tid
    }

    /// Lets it go on. A tracee that has been killed meanwhile needs no resuming: its end is
    /// reported by the next wait.
    pub fn resume(self, how: Resume) -> Result<(), Errno> {
        let result = match how {
            Resume::Run { signo } => raw::cont(self.tid, signo),
            Resume::ToSyscall { signo } => raw::to_syscall(self.tid, signo),
            Resume::Listen => raw::listen(self.tid),
        };
        match result {
            Err(Errno::ESRCH) => Ok(()),
            other => other,
        }
    }
}

impl Stopped {
    /// Lets it go for good, delivering `signo` unless it is 0.
    pub fn detach(self, signo: i32) {
        // One that is dying is gone either way.
        let _ = raw::detach(self.tid, signo);
    }

    /// Ends it.
    pub fn end(self) -> Result<(), Errno> {
        nix::sys::signal::kill(self.tid, nix::sys::signal::Signal::SIGKILL)
    }
}

impl Memory for Stopped {
    fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
        memory::read(self.tid, at, buf)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
        memory::write(self.tid, at, bytes)
    }
}

impl<A: Arch> Guest<A> for Stopped {
    fn tid(&self) -> Pid {
        self.tid
    }

    fn position(&self) -> Result<Position, Errno> {
        Ok(position::<A>(&raw::syscall_info(self.tid)?))
    }

    fn ip(&self) -> Result<u64, Errno> {
        Ok(word(&raw::syscall_info(self.tid)?, 8))
    }

    fn regs(&self, abi: Abi) -> Result<Registers<A>, Errno> {
        let mut bytes = A::Regs::default().to_bytes();
        let size = raw::get_regset(self.tid, raw::NT_PRSTATUS, &mut bytes)?;
        // That of a task that runs 32-bit code is smaller.
        Registers::from_bytes(abi, &bytes[..size.min(bytes.len())]).ok_or(Errno::EINVAL)
    }

    fn set_regs(&self, regs: &Registers<A>) -> Result<(), Errno> {
        raw::set_regset(self.tid, raw::NT_PRSTATUS, &regs.to_bytes())
    }

    fn set_nr(&self, nr: u64) -> Result<(), Errno> {
        match A::POKE {
            Poke::Words { nr: offset, .. } => raw::poke_user(self.tid, offset, nr),
            Poke::Sets { nr: note } => raw::set_regset(self.tid, note, &(nr as u32).to_ne_bytes()),
        }
    }

    fn set_arg(&self, abi: Abi, arg: Arg, value: u64) -> Result<(), Errno> {
        match (abi, A::POKE, A::Compat::POKE) {
            (Abi::Compat, _, Poke::Words { args, .. }) => {
                // The high half is not the call's: 64-bit code around it gets it back.
                let (at, low) = (args[arg.index()], A::Compat::word(u64::MAX));
                let whole = raw::peek_user(self.tid, at)?;
                raw::poke_user(self.tid, at, whole & !low | value & low)
            }
            (_, Poke::Words { args, .. }, _) => raw::poke_user(self.tid, args[arg.index()], value),
            (_, Poke::Sets { .. }, _) => {
                let Registers::Native(mut regs) = Guest::<A>::regs(self, Abi::Native)? else {
                    return Err(Errno::EINVAL);
                };
                regs.set_arg(arg, value);
                Guest::<A>::set_regs(self, &Registers::Native(regs))
            }
        }
    }

    fn set_ret(&self, ret: i64) -> Result<(), Errno> {
        if let Poke::Words { ret: offset, .. } = A::POKE {
            return raw::poke_user(self.tid, offset, ret as u64);
        }
        let Registers::Native(mut regs) = Guest::<A>::regs(self, Abi::Native)? else {
            return Err(Errno::EINVAL);
        };
        regs.set_ret(ret);
        Guest::<A>::set_regs(self, &Registers::Native(regs))
    }

    fn plant(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
        memory::plant(self.tid, at, bytes)
    }

    fn hold_signals(&self) -> Result<u64, Errno> {
        let blocked = raw::signal_mask(self.tid)?;
        raw::set_signal_mask(self.tid, u64::MAX)?;
        Ok(blocked)
    }

    fn release_signals(&self, blocked: u64) -> Result<(), Errno> {
        raw::set_signal_mask(self.tid, blocked)
    }

    fn siginfo(&self) -> Result<[u8; 128], Errno> {
        raw::siginfo(self.tid)
    }
}

/// A field of eight bytes.
fn word(info: &[u8; raw::SYSCALL_INFO_SIZE], at: usize) -> u64 {
    u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight bytes"))
}

/// Decodes `struct ptrace_syscall_info`.
fn position<A: Arch>(info: &[u8; raw::SYSCALL_INFO_SIZE]) -> Position {
    let word = |at: usize| word(info, at);
    let audit_arch = u32::from_ne_bytes(info[4..8].try_into().expect("four bytes"));
    let (ip, sp) = (word(8), word(16));
    match info[0] {
        libc::PTRACE_SYSCALL_INFO_SECCOMP if !is_of_vrift(info) => Position::Forsaken,
        libc::PTRACE_SYSCALL_INFO_ENTRY | libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            let nr = word(24);
            let (abi, syscall) = meaning::<A>(audit_arch, nr);
            let mut args = [32, 40, 48, 56, 64, 72].map(word);
            if abi == Abi::Compat && syscall.is_some() {
                args = args.map(A::Compat::word);
            }
            Position::Entry(Call { abi, nr, syscall, args, layer: Layer::Outer, ip, sp })
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => Position::Exit { ret: word(24) as i64 },
        _ => Position::Elsewhere,
    }
}

/// Whether it was vrift's filter that made a task stop.
fn is_of_vrift(info: &[u8; raw::SYSCALL_INFO_SIZE]) -> bool {
    let message = u32::from_ne_bytes(info[80..84].try_into().expect("four bytes"));
    [TRACE_KNOWN, TRACE_FOREIGN].map(u32::from).contains(&message)
}

/// Through which ABI a call came, and what it is there.
fn meaning<A: Arch>(audit_arch: u32, nr: u64) -> (Abi, Option<Syscall>) {
    let x32 = A::FOREIGN_NR_BIT != 0 && nr & A::FOREIGN_NR_BIT != 0 && nr as u32 != u32::MAX;
    if audit_arch == A::AUDIT_ARCH && !x32 {
        (Abi::Native, A::syscall(nr))
    } else if audit_arch == A::Compat::AUDIT_ARCH {
        (Abi::Compat, A::Compat::syscall(nr))
    } else {
        (Abi::Foreign { audit_arch }, None)
    }
}
