//! A stopped task of the fake kernel, as the engine uses it. A task may be killed at any operation.

use std::cell::{RefCell, RefMut};

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::x86_64::X86_64;
use vrift_arch::{Arch, Arg, Regs};

use super::kernel::Kernel;
use super::task::{ARENA, ARENA_BYTES, Border, Run, SEALED, Task};
use crate::call::{Abi, Call, Layer};
use crate::engine::{Guest, Position};
use crate::memory::{GuestAddr, Memory};
use crate::registers::Registers;

/// The right to look into a task, while it is stopped.
pub(super) struct Tracee<'k> {
    pub(super) kernel: &'k RefCell<Kernel>,
    pub(super) tid: i32,
}

impl Tracee<'_> {
    fn stopped(&self) -> Result<RefMut<'_, Task>, Errno> {
        let mut kernel = self.kernel.borrow_mut();
        let murder = kernel.murder;
        let tgid = kernel.tasks.get(&self.tid).map(|task| task.tgid);
        if let Some(tgid) = tgid
            && murder != 0
            && kernel.random.one_in(murder)
        {
            kernel.kill(tgid);
        }
        RefMut::filter_map(kernel, |kernel| kernel.tasks.get_mut(&self.tid))
            .ok()
            .filter(|task| matches!(task.run, Run::Stopped { .. }))
            .ok_or(Errno::ESRCH)
    }
}

impl Memory for Tracee<'_> {
    fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
        let task = self.stopped()?;
        let arena = task.arena.borrow();
        let from = at.0.checked_sub(if at.0 < SEALED { ARENA } else { SEALED });
        let from = from.ok_or(Errno::EFAULT)? as usize;
        let bytes = arena.get(from..).filter(|rest| !rest.is_empty()).ok_or(Errno::EFAULT)?;
        let count = bytes.len().min(buf.len());
        buf[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
        let task = self.stopped()?;
        let from = at.0.checked_sub(ARENA).ok_or(Errno::EFAULT)? as usize;
        let mut arena = task.arena.borrow_mut();
        let place = arena.get_mut(from..from + bytes.len()).ok_or(Errno::EFAULT)?;
        place.copy_from_slice(bytes);
        Ok(())
    }
}

impl Guest<X86_64> for Tracee<'_> {
    fn tid(&self) -> Pid {
        Pid::from_raw(self.tid)
    }

    fn position(&self) -> Result<Position, Errno> {
        let task = self.stopped()?;
        let Run::Stopped { border, .. } = task.run else { return Err(Errno::ESRCH) };
        Ok(match border {
            Border::None => Position::Elsewhere,
            Border::Exit => Position::Exit { ret: task.regs.ret() },
            Border::Entry => {
                let (nr, regs) = (task.regs.nr(), task.regs);
                Position::Entry(Call {
                    abi: Abi::Native,
                    nr,
                    syscall: X86_64::syscall(nr),
                    args: Arg::ALL.map(|arg| regs.arg(arg)),
                    layer: Layer::Outer,
                    ip: regs.ip(),
                    sp: regs.sp(),
                })
            }
        })
    }

    fn ip(&self) -> Result<u64, Errno> {
        Ok(self.stopped()?.regs.ip())
    }

    fn regs(&self, _: Abi) -> Result<Registers<X86_64>, Errno> {
        Ok(Registers::Native(self.stopped()?.regs))
    }

    fn set_regs(&self, regs: &Registers<X86_64>) -> Result<(), Errno> {
        let Registers::Native(regs) = regs else { return Err(Errno::EINVAL) };
        self.stopped()?.regs = *regs;
        Ok(())
    }

    fn set_nr(&self, nr: u64) -> Result<(), Errno> {
        self.stopped()?.regs.orig_rax = nr;
        Ok(())
    }

    fn set_arg(&self, _: Abi, arg: Arg, value: u64) -> Result<(), Errno> {
        self.stopped()?.regs.set_arg(arg, value);
        Ok(())
    }

    fn set_ret(&self, ret: i64) -> Result<(), Errno> {
        self.stopped()?.regs.set_ret(ret);
        Ok(())
    }

    fn plant(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno> {
        if (SEALED..SEALED + ARENA_BYTES as u64).contains(&at.0) {
            self.stopped()?;
            return Err(Errno::EIO);
        }
        self.write(at, bytes)
    }

    fn hold_signals(&self) -> Result<u64, Errno> {
        self.stopped().map(|_| 0)
    }

    fn release_signals(&self, _: u64) -> Result<(), Errno> {
        self.stopped().map(|_| ())
    }

    fn siginfo(&self) -> Result<[u8; 128], Errno> {
        self.stopped().map(|_| [0; 128])
    }
}
