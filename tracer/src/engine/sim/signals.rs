//! Signals, group stops and traps on a task's way out of the kernel (get_signal() in
//! kernel/signal.c).
//!
//! What a signal does is fixed: SIGUSR1 has a handler that lets calls be restarted, SIGUSR2 and
//! SIGTRAP have one that does not, SIGTERM ends the process, SIGSTOP and SIGTSTP stop it, the rest
//! does nothing.

use vrift_arch::x86_64::UserRegs;

use super::kernel::Kernel;
use super::task::{Border, HANDLER_AT, Intent, Run, number};
use crate::engine::{Ending, Stop};
use crate::view::event::Core;
use vrift_arch::Syscall;

/// Handlers interrupted by handlers nest no deeper.
const FRAMES_MAX: usize = 3;

const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;
const ERESTART_RESTARTBLOCK: i64 = -516;

/// All of them.
pub(super) const RESTARTS: [i64; 4] =
    [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK];

/// Which handler runs before an interrupted call is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handler {
    None,
    /// With `SA_RESTART`.
    Restarting,
    /// Without.
    Interrupting,
}

/// Makes an interrupted call again, or lets it fail (arch/x86/kernel/signal.c).
pub(super) fn restart(regs: &mut UserRegs, handler: Handler) {
    // Not in a call.
    if regs.orig_rax.cast_signed() < 0 {
        return;
    }
    let again = match (regs.rax.cast_signed(), handler) {
        (ERESTARTNOINTR, _)
        | (ERESTARTSYS, Handler::None | Handler::Restarting)
        | (ERESTARTNOHAND, Handler::None) => regs.orig_rax,
        (ERESTART_RESTARTBLOCK, Handler::None) => number(Syscall::RestartSyscall),
        (ERESTARTSYS | ERESTARTNOHAND | ERESTART_RESTARTBLOCK, _) => {
            regs.rax = (-i64::from(libc::EINTR)).cast_unsigned();
            return;
        }
        _ => return,
    };
    regs.rax = again;
    regs.rip -= 2;
    regs.orig_rax = u64::MAX;
}

impl Kernel {
    /// Does one thing that waits on the way out; false if nothing does.
    pub(super) fn deliver(&mut self, tid: i32) -> bool {
        let stopped = self.process(tid).stopped;
        let task = self.task(tid);
        let delivering = std::mem::take(&mut task.delivering);
        if delivering != 0 {
            self.dispose(tid, delivering);
            return true;
        }
        if task.stop_pending || task.trap {
            (task.stop_pending, task.trap) = (false, false);
            let stop = stopped.map_or(Stop::Trap, |signo| Stop::Group { signo });
            self.stop(tid, stop, Border::None);
            return true;
        }
        let Some(signo) = task.signals.pop_front() else { return false };
        self.stop(tid, Stop::Signal { signo }, Border::None);
        true
    }

    /// The tracer has let a signal through.
    fn dispose(&mut self, tid: i32, signo: i32) {
        let tgid = self.task(tid).tgid;
        match signo {
            libc::SIGSTOP | libc::SIGTSTP => {
                self.process(tid).stopped = Some(signo);
                for thread in self.threads(tgid) {
                    match self.task(thread).run {
                        Run::Listening => self.notify(thread),
                        _ => self.task(thread).stop_pending = true,
                    }
                }
            }
            libc::SIGTERM => {
                let core = Core::None;
                self.end_group(tgid, None, Ending::Killed { signo, core });
            }
            libc::SIGUSR1 => self.handle(tid, Handler::Restarting),
            libc::SIGUSR2 | libc::SIGTRAP => self.handle(tid, Handler::Interrupting),
            _ => {}
        }
    }

    /// Enters a signal handler: what it interrupts goes to the stack and must be right there.
    fn handle(&mut self, tid: i32, handler: Handler) {
        let task = self.task(tid);
        if task.frames.len() == FRAMES_MAX {
            return;
        }
        for regs in [&mut task.regs, &mut task.truth] {
            restart(regs, handler);
        }
        let mut saved = task.regs;
        saved.orig_rax = task.truth.orig_rax;
        assert_eq!(saved, task.truth, "what a signal interrupts in {tid}");
        let interrupted = task.intent.take().filter(|_| saved.rip == super::task::SYSCALL_AT);
        task.frames.push((saved, interrupted));
        for regs in [&mut task.regs, &mut task.truth] {
            (regs.rip, regs.orig_rax) = (HANDLER_AT, u64::MAX);
            regs.rsp -= 0x400;
        }
    }

    /// rt_sigreturn(2).
    pub(super) fn sigreturn(&mut self, tid: i32) {
        let task = self.task(tid);
        let (mut regs, intent) = task.frames.pop().expect("only a handler returns");
        regs.orig_rax = u64::MAX;
        (task.regs, task.truth, task.intent) = (regs, regs, intent);
        task.at = super::task::At::Exiting;
    }

    /// Sends a signal to one task (prepare_signal() in kernel/signal.c for SIGCONT).
    pub(super) fn send(&mut self, tid: i32, signo: i32) {
        self.tell(|| format!("signal {signo} for {tid}"));
        let tgid = self.task(tid).tgid;
        match signo {
            libc::SIGKILL => return self.kill(tgid),
            libc::SIGCONT => {
                self.process(tid).stopped = None;
                for thread in self.threads(tgid) {
                    let task = self.task(thread);
                    task.stop_pending = false;
                    task.signals.retain(|s| ![libc::SIGSTOP, libc::SIGTSTP].contains(s));
                    self.interrupt(thread);
                }
            }
            _ => {}
        }
        if !self.task(tid).is_zombie() {
            self.task(tid).signals.push_back(signo);
        }
    }

    /// A trap without a reason of the program's: `PTRACE_INTERRUPT`, or the end of a group stop.
    pub(super) fn interrupt(&mut self, tid: i32) {
        match self.task(tid).run {
            Run::Listening => self.notify(tid),
            Run::Zombie { .. } => {}
            Run::Running | Run::Stopped { .. } => self.task(tid).trap = true,
        }
    }

    /// Stops a task again that the tracer lets be in a group stop.
    pub(super) fn notify(&mut self, tid: i32) {
        let stop = self.process(tid).stopped.map_or(Stop::Trap, |signo| Stop::Group { signo });
        self.stop(tid, stop, Border::None);
    }

    /// A sleeper is interrupted, or what it waits for has happened.
    pub(super) fn wake(&mut self, tid: i32) {
        let task = self.task(tid);
        let Some(Intent::Sleep { code, .. }) = task.intent else { panic!("{tid} does not sleep") };
        let ret = if task.has_work() { code } else { 0 };
        self.finish(tid, ret);
    }
}
