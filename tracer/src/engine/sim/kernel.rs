//! The fake kernel: who lives, who can run, and one step of one task.
//!
//! It follows kernel/signal.c, kernel/entry/common.c, kernel/fork.c, kernel/exit.c and fs/exec.c of
//! Linux 6.x as far as a tracer can tell: seized tasks, options for clone and exec events, the
//! filter's stop after the entry stop, and no stop at exit. A fatal signal ends a task in any stop;
//! threads other than the leader must be reaped before an exec or the leader's end is told.
//!
//! Deliberately absent: process groups, terminals, ignored or blocked signals, several filters,
//! `PTRACE_EVENT_EXIT`, and time. Which task runs next is not decided here.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use nix::unistd::Pid;
use vrift_arch::Regs;
use vrift_arch::abi::clone;

use super::random::Random;
use super::record::Record;
use super::task::{At, Border, Intent, Run, SYSCALL_AT, Task, Until};
use crate::engine::{Ending, Resume, Stop};
use crate::view::event::Core;

/// How many lines of the story are kept for the one who must read it.
const LINES_MAX: usize = 120;

/// What a wait tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Stopped(Stop),
    Ended(Ending),
}

/// What the threads of a process share.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// The signal of the group stop it is in.
    pub(super) stopped: Option<i32>,
    /// The thread that replaces the program.
    pub(super) execer: Option<i32>,
}

/// Everything the kernel knows.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) random: Random,
    pub(super) tasks: BTreeMap<i32, Task>,
    pub(super) processes: BTreeMap<i32, Process>,
    /// Which calls vrift's filter stops.
    pub(super) stops: fn(u64) -> bool,
    /// Which calls the sinks are to be told of.
    pub(super) shows: fn(u64) -> bool,
    /// In one of so many operations on a stopped task it is killed meanwhile; 0 is never.
    pub(super) murder: usize,
    /// The old ids of threads that have become leaders by exec, and their new ones.
    pub(super) renamed: Vec<(i32, i32)>,
    pub(super) record: Rc<RefCell<Record>>,
    lives: u64,
    next_tid: i32,
    /// Free ids, and after how many calls they became free.
    free: Vec<(i32, u64)>,
    calls: u64,
    story: VecDeque<String>,
}

impl Kernel {
    pub(super) fn new(random: Random, record: Rc<RefCell<Record>>) -> Kernel {
        Kernel {
            random,
            tasks: BTreeMap::new(),
            processes: BTreeMap::new(),
            stops: |_| true,
            shows: |_| true,
            murder: 0,
            renamed: Vec::new(),
            record,
            lives: 0,
            // No real task has such an id: it is larger than PID_MAX_LIMIT.
            next_tid: 5_000_000,
            free: Vec::new(),
            calls: 0,
            story: VecDeque::new(),
        }
    }

    /// Makes a task that nobody has made.
    pub(super) fn first(&mut self) -> i32 {
        let (tid, life) = self.new_identity();
        self.tasks.insert(tid, Task::new(tid, life));
        self.processes.insert(tid, Process::default());
        tid
    }

    pub(super) fn new_identity(&mut self) -> (i32, u64) {
        self.lives += 1;
        let reused = match self.random.below(3) {
            0 => None,
            _ => self.free.iter().rposition(|&(_, since)| self.may_come_again(since)),
        };
        let reused = reused.map(|at| self.free.remove(at).0);
        let tid = reused.unwrap_or_else(|| {
            self.next_tid += 1;
            self.next_tid
        });
        self.record.borrow_mut().born(tid);
        (tid, self.lives)
    }

    /// Whether an id may be given out again that is free since then. Ids are given out in a circle:
    /// none comes again while a call lasts that may have made its former bearer.
    fn may_come_again(&self, since: u64) -> bool {
        self.tasks.values().all(|task| {
            let spawns = matches!(task.intent, Some(Intent::Spawn { .. }));
            !spawns || task.at == At::User || task.entered > since
        })
    }

    /// The id may be given to another task.
    pub(super) fn release_id(&mut self, tid: i32) {
        self.free.push((tid, self.calls));
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.story.len() == LINES_MAX {
            self.story.pop_front();
        }
        self.story.push_back(line());
    }

    /// What happened last.
    pub(super) fn story(&self) -> impl Iterator<Item = &str> {
        self.story.iter().map(String::as_str)
    }

    pub(super) fn task(&mut self, tid: i32) -> &mut Task {
        self.tasks.get_mut(&tid).expect("the task lives")
    }

    pub(super) fn process(&mut self, tid: i32) -> &mut Process {
        let tgid = self.tasks[&tid].tgid;
        self.processes.get_mut(&tgid).expect("a task has a process")
    }

    pub(super) fn threads(&self, tgid: i32) -> Vec<i32> {
        self.tasks.values().filter(|task| task.tgid == tgid).map(|task| task.tid).collect()
    }

    fn has_life(&self, life: u64) -> bool {
        self.tasks.values().any(|task| task.life == life)
    }

    /// Whether a step of `tid` would do anything.
    pub(super) fn can_run(&self, tid: i32) -> bool {
        let Some(task) = self.tasks.get(&tid) else { return false };
        if task.run != Run::Running {
            return false;
        }
        if task.fatal.is_some() {
            return true;
        }
        match task.at {
            At::User => task.has_work() || task.intent.is_some(),
            At::Sleeping => task.has_work() || self.is_over(task),
            At::LendsMemory { child } => !self.borrows(child),
            At::Alone => self.is_alone(task),
            _ => true,
        }
    }

    /// Whether what a sleeper waits for is there, apart from a timer.
    fn is_over(&self, task: &Task) -> bool {
        matches!(&task.intent, Some(Intent::Sleep { until: Until::EndOf(life), .. })
            if !self.has_life(*life))
    }

    fn borrows(&self, life: u64) -> bool {
        self.tasks.values().any(|task| task.life == life && task.borrows && !task.is_zombie())
    }

    /// de_thread() in fs/exec.c: others are reaped, the leader a zombie.
    fn is_alone(&self, task: &Task) -> bool {
        let others = || self.tasks.values().filter(|t| t.tgid == task.tgid && t.tid != task.tid);
        others().all(|other| other.tid == other.tgid && other.is_zombie())
    }

    /// Lets one task run to its next stop, sleep or border.
    pub(super) fn advance(&mut self, tid: i32) {
        assert!(self.can_run(tid), "{tid} cannot run");
        let task = self.task(tid);
        if let Some(ending) = task.fatal {
            return self.die(tid, ending);
        }
        if task.at == At::Returning {
            self.check_call_over(tid);
        }
        let at = self.task(tid).at;
        if matches!(at, At::User | At::Returning) && self.deliver(tid) {
            return;
        }
        let task = self.task(tid);
        match at {
            At::User => self.enter(tid),
            At::Entering => {
                task.at = At::Filtering;
                if task.borders {
                    self.stop(tid, Stop::Syscall, Border::Entry);
                }
            }
            At::Filtering => self.filter(tid),
            At::Executing => self.execute(tid),
            At::Sleeping => self.wake(tid),
            At::Announcing(child, life) => {
                task.at = At::LendsMemory { child: life };
                self.stop(tid, Stop::NewChild { child: Pid::from_raw(child) }, Border::None);
            }
            At::LendsMemory { .. } => task.at = At::Exiting,
            At::Alone => self.renew(tid),
            At::Renewed { former } => {
                task.at = At::Exiting;
                self.stop(tid, Stop::Exec { former: Pid::from_raw(former) }, Border::None);
            }
            At::Exiting => {
                task.at = At::Returning;
                if task.borders {
                    self.stop(tid, Stop::Syscall, Border::Exit);
                }
            }
            At::Returning => self.leave_kernel(tid),
        }
    }

    /// The `syscall` instruction.
    fn enter(&mut self, tid: i32) {
        self.check_user(tid);
        self.calls += 1;
        let calls = self.calls;
        let task = self.task(tid);
        task.entered = calls;
        assert_eq!(task.regs.rip, SYSCALL_AT, "only at that place a program makes calls");
        for regs in [&mut task.regs, &mut task.truth] {
            regs.orig_rax = regs.rax;
            regs.rax = (-i64::from(libc::ENOSYS)).cast_unsigned();
            regs.rip += 2;
            regs.rcx = regs.rip;
        }
        task.nr = task.truth.orig_rax;
        task.at = At::Entering;
        assert!(task.borders || !task.covered, "{tid} makes a call that should stop at its border");
        let nr = task.regs.orig_rax;
        self.tell(|| format!("{tid} calls {nr}"));
    }

    /// Leaves the kernel: a call that a signal has interrupted is made again
    /// (arch_do_signal_or_restart() in arch/x86/kernel/signal.c).
    fn leave_kernel(&mut self, tid: i32) {
        let task = self.task(tid);
        for regs in [&mut task.regs, &mut task.truth] {
            super::signals::restart(regs, super::signals::Handler::None);
        }
        task.at = At::User;
        self.check_user(tid);
        self.check_arena(tid);
        let task = self.task(tid);
        if task.regs.rip != SYSCALL_AT {
            task.intent = None;
        }
    }

    /// What a program can see is what it would see without a tracer.
    fn check_user(&mut self, tid: i32) {
        let task = self.task(tid);
        let (mut regs, mut truth) = (task.regs, task.truth);
        (regs.orig_rax, truth.orig_rax) = (0, 0);
        assert_eq!(regs, truth, "{tid} in user mode");
    }

    /// Puts a task into a stop; a fatal signal prevents that (ptrace_stop()).
    pub(super) fn stop(&mut self, tid: i32, stop: Stop, border: Border) {
        let task = self.task(tid);
        if task.fatal.is_none() {
            task.run = Run::Stopped { stop, border, told: false };
        }
    }

    /// What a wait may tell now.
    pub(super) fn waitable(&self) -> Vec<i32> {
        let ready = |task: &&Task| match task.run {
            Run::Stopped { told, .. } => !told,
            // delay_group_leader(): the leader's end is told last.
            Run::Zombie { .. } => task.tid != task.tgid || self.threads(task.tgid).len() == 1,
            Run::Running | Run::Listening => false,
        };
        self.tasks.values().filter(ready).map(|task| task.tid).collect()
    }

    /// Tells of one task; an end is told once, and then the task is no more.
    pub(super) fn wait(&mut self, tid: i32) -> Waited {
        match &mut self.task(tid).run {
            Run::Stopped { stop, told, .. } => {
                *told = true;
                Waited::Stopped(*stop)
            }
            &mut Run::Zombie { ending } => {
                let tgid = self.task(tid).tgid;
                self.tasks.remove(&tid);
                if self.threads(tgid).is_empty() {
                    self.processes.remove(&tgid);
                }
                Waited::Ended(ending)
            }
            Run::Running | Run::Listening => panic!("there is nothing to tell of {tid}"),
        }
    }

    /// `PTRACE_CONT`, `PTRACE_SYSCALL` or `PTRACE_LISTEN`; false is `ESRCH`.
    pub(super) fn resume(&mut self, tid: i32, how: Resume) -> bool {
        let Some(task) = self.tasks.get_mut(&tid) else { return false };
        // A stop that has not been told yet may be resumed as well: then it never is.
        let Run::Stopped { stop, .. } = task.run else { return false };
        match how {
            Resume::Listen => {
                assert!(matches!(stop, Stop::Group { .. }), "only a group stop can be listened to");
                task.run = Run::Listening;
                if std::mem::take(&mut task.trap) {
                    self.notify(tid);
                }
                return true;
            }
            Resume::Run { signo } | Resume::ToSyscall { signo } => {
                assert!(!matches!(stop, Stop::Group { .. }), "{tid} would leave its group stop");
                let expected = if let Stop::Signal { signo } = stop { signo } else { 0 };
                assert_eq!(signo, expected, "the signal that {tid} gets");
                task.delivering = signo;
            }
        }
        task.borders = matches!(how, Resume::ToSyscall { .. });
        task.run = Run::Running;
        true
    }

    /// Ends a task now.
    fn die(&mut self, tid: i32, ending: Ending) {
        let task = self.task(tid);
        task.run = Run::Zombie { ending };
        if let At::Announcing(child, _) = task.at {
            self.orphan(child);
        }
        let task = self.task(tid);
        task.borrows = false;
        if self.process(tid).execer == Some(tid) {
            self.process(tid).execer = None;
        }
        self.tell(|| format!("{tid} ends: {ending:?}"));
    }

    /// Ends all threads of a process but one at their next step.
    pub(super) fn end_group(&mut self, tgid: i32, spared: Option<i32>, ending: Ending) {
        for tid in self.threads(tgid) {
            let task = self.task(tid);
            if Some(tid) == spared || task.is_zombie() {
                continue;
            }
            task.fatal.get_or_insert(ending);
            let run = std::mem::replace(&mut task.run, Run::Running);
            if let Run::Stopped { stop: Stop::NewChild { child }, told: false, .. } = run {
                self.orphan(child.as_raw());
            }
        }
    }

    /// Nobody will ever tell of a child: the engine knows neither its flags nor that its parent had
    /// a filter.
    fn orphan(&mut self, child: i32) {
        self.tell(|| format!("{child} will not be announced"));
        if let Some(task) = self.tasks.get_mut(&child) {
            task.covered = false;
            let whole = task.truth.rdi & !clone::CLONE_UNTRACED;
            if task.at == At::Returning && task.regs.rdi == whole {
                task.truth.rdi = whole;
                task.intent = None;
            }
        }
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self, tgid: i32) {
        self.tell(|| format!("SIGKILL for {tgid}"));
        self.end_group(tgid, None, Ending::Killed { signo: libc::SIGKILL, core: Core::None });
    }

    /// A timer ends a sleep.
    pub(super) fn ring(&mut self, tid: i32) {
        let task = self.task(tid);
        if task.run == Run::Running
            && task.at == At::Sleeping
            && matches!(task.intent, Some(Intent::Sleep { until: Until::Timer, .. }))
        {
            self.finish(tid, 0);
        }
    }

    /// The call returns this.
    pub(super) fn finish(&mut self, tid: i32, ret: i64) {
        let task = self.task(tid);
        task.regs.set_ret(ret);
        task.truth.set_ret(ret);
        task.at = At::Exiting;
    }
}
