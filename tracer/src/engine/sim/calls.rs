//! What the fake kernel does with a call: filters, what the call means, new tasks, new programs.

use std::cell::RefCell;
use std::rc::Rc;

use nix::errno::Errno;
use vrift_arch::abi::clone;
use vrift_arch::x86_64::{UserRegs, X86_64};
use vrift_arch::{Arch, Regs, Syscall};

use super::kernel::{Kernel, Process};
use super::task::{ARENA_BYTES, At, Border, How, Intent, PROGRAM_AT, Run, Task, number};
use crate::call::Outcome;
use crate::engine::{Ending, Stop};

/// What a program's own filter answers, and to which call.
const FILTERED: Syscall = Syscall::Getpid;
const FILTER_SAYS: Errno = Errno::EPERM;

impl Kernel {
    /// Asks the program's filter and vrift's; an error is stronger than a stop (seccomp(2)).
    pub(super) fn filter(&mut self, tid: i32) {
        let stops = self.stops;
        let task = self.task(tid);
        let nr = task.regs.orig_rax;
        if task.filtered && nr == number(FILTERED) {
            return self.finish(tid, -(FILTER_SAYS as i64));
        }
        task.at = At::Executing;
        if stops(task.truth.orig_rax) {
            self.stop(tid, Stop::Seccomp, Border::Entry);
        }
    }

    /// The engine has decided on the entry of the call that `tid` is in.
    pub(super) fn entry_decided(&mut self, tid: i32) {
        let shows = self.shows;
        if let Some(task) = self.tasks.get_mut(&tid) {
            task.entry_seen = shows(task.truth.orig_rax);
        }
    }

    pub(super) fn execute(&mut self, tid: i32) {
        let (shows, stops) = (self.shows, self.stops);
        let task = self.task(tid);
        let truth = task.truth;
        let shown = stops(truth.orig_rax) && shows(truth.orig_rax);
        assert!(task.entry_seen || !shown, "{tid} makes call {} unseen", truth.orig_rax);
        let intent = task.intent.clone().expect("a call is made with an intent");
        if task.regs.orig_rax == u64::MAX {
            return self.skipped(tid, &intent);
        }
        let mut seen = task.regs;
        if let Intent::Spawn { how: How::Clone, flags, .. } = intent {
            assert_eq!(seen.rdi, flags & !clone::CLONE_UNTRACED, "what the kernel sees of clone");
            seen.rdi = flags;
        }
        assert_eq!(seen, truth, "what the kernel sees of {intent:?} of {tid}");
        match intent {
            Intent::Plain { ret, .. } => self.finish(tid, ret),
            Intent::Sleep { .. } => task.at = At::Sleeping,
            Intent::Spawn { how, flags, fails } => self.spawn(tid, how, flags, fails),
            Intent::Exec { fails: true } => self.finish(tid, -(Errno::ENOENT as i64)),
            Intent::Exec { fails: false } => self.replace(tid),
            Intent::Exit { code } => task.fatal = Some(Ending::Exited { code }),
            Intent::ExitGroup { code } => {
                let tgid = task.tgid;
                self.end_group(tgid, None, Ending::Exited { code });
            }
            Intent::Filter { fails: true, .. } => self.finish(tid, -(Errno::EINVAL as i64)),
            Intent::Filter { tsync, fails: false } => self.install(tid, tsync),
            Intent::Sigreturn => self.sigreturn(tid),
        }
    }

    /// The engine has answered for the kernel: only where it cannot hide what must not be seen.
    fn skipped(&mut self, tid: i32, intent: &Intent) {
        let Intent::Spawn { how: How::Clone3 { sealed: true }, .. } = intent else {
            panic!("{intent:?} of {tid} was skipped");
        };
        let ret = self.task(tid).regs.ret();
        assert_eq!(Outcome::from_ret(ret), Outcome::Error(Errno::ENOSYS), "callers fall back");
        self.task(tid).truth.set_ret(ret);
        self.task(tid).at = At::Exiting;
    }

    fn install(&mut self, tid: i32, tsync: bool) {
        let tgid = self.task(tid).tgid;
        for thread in self.threads(tgid).into_iter().filter(|&t| tsync || t == tid) {
            self.task(thread).filtered = true;
        }
        self.task(tid).covered = true;
        self.finish(tid, 0);
    }

    fn spawn(&mut self, tid: i32, how: How, flags: u64, fails: bool) {
        let task = self.task(tid);
        // copy_process(): with a signal or a stop waiting, the call is made again after it.
        if task.trap || task.stop_pending || !task.signals.is_empty() {
            return self.finish(tid, super::signals::RESTARTS[1]);
        }
        let flags = match how {
            How::Clone => task.regs.rdi,
            How::Clone3 { sealed: false } => task.flags_word(),
            How::Clone3 { sealed: true } => flags,
            How::Fork => 0,
            How::Vfork => clone::CLONE_VM | clone::CLONE_VFORK,
        };
        if fails {
            return self.finish(tid, -(Errno::EAGAIN as i64));
        }
        assert_eq!(flags & clone::CLONE_UNTRACED, 0, "a child of {tid} escapes");
        let parent = task.clone();
        let (child, life) = self.new_identity();
        let made = self.child(parent, child, life, flags);
        if made.tgid == child {
            self.processes.insert(child, Process::default());
        }
        self.tasks.insert(child, made);
        self.tell(|| format!("{tid} makes {child}, flags {flags:#x}"));
        self.finish(tid, child.into());
        self.task(tid).at = At::Announcing(child, life);
    }

    fn child(&self, parent: Task, tid: i32, life: u64, flags: u64) -> Task {
        let has = |bit| flags & bit != 0;
        let copied = || Rc::new(RefCell::new(parent.arena.borrow().clone()));
        let arena = if has(clone::CLONE_VM) { Rc::clone(&parent.arena) } else { copied() };
        let mut child = Task {
            tid,
            tgid: if has(clone::CLONE_THREAD) { parent.tgid } else { tid },
            life,
            run: Run::Running,
            at: At::Returning,
            intent: parent.intent.filter(|_| !has(clone::CLONE_VM)),
            frames: if has(clone::CLONE_VM) { Vec::new() } else { parent.frames },
            arena,
            borders: false,
            trap: true,
            entry_seen: false,
            borrows: has(clone::CLONE_VFORK),
            ..parent
        };
        child.regs.rax = 0;
        child.truth.rax = 0;
        child
    }

    /// The point of no return of execve: the other threads are ended first.
    fn replace(&mut self, tid: i32) {
        let tgid = self.task(tid).tgid;
        let execer = self.process(tid).execer.replace(tid);
        assert_eq!(execer, None, "the other threads are dying");
        self.end_group(tgid, Some(tid), Ending::Exited { code: 0 });
        self.task(tid).at = At::Alone;
    }

    /// The process is the caller's alone: it takes the leader's id and becomes the new program.
    pub(super) fn renew(&mut self, former: i32) {
        let mut task = self.tasks.remove(&former).expect("it runs");
        let tgid = task.tgid;
        // A leader that was another thread is released without a word.
        self.tasks.remove(&tgid);
        let regs = UserRegs {
            rip: PROGRAM_AT,
            rsp: 0x7fff_0000,
            orig_rax: task.regs.orig_rax,
            ..UserRegs::default()
        };
        (task.regs, task.truth) = (regs, regs);
        task.tid = tgid;
        task.at = At::Renewed { former };
        task.borrows = false;
        task.frames.clear();
        task.arena = Rc::new(RefCell::new(vec![0; ARENA_BYTES]));
        self.tasks.insert(tgid, task);
        *self.process(tgid) = Process::default();
        if former != tgid {
            self.renamed.push((former, tgid));
        }
        self.tell(|| format!("{former} is a new program under {tgid}"));
    }

    /// What clone3 was given lies in the memory as before, also in the child's copy of it.
    pub(super) fn check_arena(&mut self, tid: i32) {
        let task = self.task(tid);
        if let Some(Intent::Spawn { how: How::Clone3 { sealed: false }, flags, .. }) = task.intent {
            assert_eq!(task.flags_word(), flags, "the clone_args of {tid}");
        }
    }

    /// A call is over and its caller about to go on: the sinks know.
    pub(super) fn check_call_over(&mut self, tid: i32) {
        let task = self.task(tid);
        if !std::mem::take(&mut task.entry_seen) {
            return;
        }
        let (nr, ret) = (task.nr, task.truth.ret());
        let name = match X86_64::syscall(nr) {
            Some(call) => call.row().name.to_owned(),
            None => format!("syscall_{nr:#x}"),
        };
        self.record.borrow_mut().check_left(tid, &name, Outcome::from_ret(ret));
    }
}
