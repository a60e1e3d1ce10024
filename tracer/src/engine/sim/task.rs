//! One task of the fake kernel: what it wants to do, where in the kernel it is, and two sets of
//! registers: those the tracer sees and changes, and those it would have without a tracer.
//!
//! Deliberately absent: transitions; they are in `kernel`, `calls` and `signals`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use vrift_arch::x86_64::{UserRegs, X86_64};
use vrift_arch::{Arch, Arg, Regs, Syscall};

use crate::engine::{Ending, Stop};

/// Where every program's `syscall` instruction lies; it is two bytes long.
pub(super) const SYSCALL_AT: u64 = 0x40_0000;
/// Where every signal handler starts.
pub(super) const HANDLER_AT: u64 = 0x41_0000;
/// Where every new program starts.
pub(super) const PROGRAM_AT: u64 = 0x42_0000;
/// Where memory starts that can be written.
pub(super) const ARENA: u64 = 0x1_0000;
/// How much of it there is.
pub(super) const ARENA_BYTES: usize = 4096;
/// Where shared memory starts that nobody may write, not even a tracer.
pub(super) const SEALED: u64 = 0x2_0000;

/// What a task does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// A call that returns at once.
    Plain { nr: u64, ret: i64 },
    /// A call that waits; if interrupted, it fails with this `-ERESTART*` code.
    Sleep { code: i64, until: Until },
    /// A new task, unless it fails.
    Spawn { how: How, flags: u64, fails: bool },
    /// A new program, unless it fails.
    Exec { fails: bool },
    /// The end of the thread.
    Exit { code: i32 },
    /// The end of the process.
    ExitGroup { code: i32 },
    /// A seccomp filter of its own, which answers `getpid` with `EPERM`.
    Filter { tsync: bool, fails: bool },
    /// The return from a signal handler.
    Sigreturn,
}

/// What a sleeper waits for, besides signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Nothing.
    Signal,
    /// A moment that may come at any time.
    Timer,
    /// The end of another life.
    EndOf(u64),
}

/// Which call makes a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Clone,
    /// Its arguments lie in writable or in sealed memory.
    Clone3 {
        sealed: bool,
    },
    Fork,
    Vfork,
}

/// The number of a call that every x86_64 has.
pub(super) fn number(call: Syscall) -> u64 {
    X86_64::number(call).expect("x86_64 has it")
}

impl Intent {
    pub(super) fn nr(&self) -> u64 {
        number(match self {
            Intent::Plain { nr, .. } => return *nr,
            Intent::Sleep { .. } => Syscall::Nanosleep,
            Intent::Spawn { how: How::Clone, .. } => Syscall::Clone,
            Intent::Spawn { how: How::Clone3 { .. }, .. } => Syscall::Clone3,
            Intent::Spawn { how: How::Fork, .. } => Syscall::Fork,
            Intent::Spawn { how: How::Vfork, .. } => Syscall::Vfork,
            Intent::Exec { .. } => Syscall::Execve,
            Intent::Exit { .. } => Syscall::Exit,
            Intent::ExitGroup { .. } => Syscall::ExitGroup,
            Intent::Filter { .. } => Syscall::Seccomp,
            Intent::Sigreturn => Syscall::RtSigreturn,
        })
    }

    /// The argument registers; those without a meaning hold something recognisable. `word` is the
    /// caller's place in its memory.
    fn args(&self, word: u64) -> [u64; 6] {
        let mut args = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5].map(|n| 0xbad_0000 + n);
        match *self {
            Intent::Spawn { how: How::Clone, flags, .. } => args[0] = flags,
            Intent::Spawn { how: How::Clone3 { sealed }, .. } => {
                args[0] = if sealed { SEALED + word } else { ARENA + word };
                args[1] = 88;
            }
            Intent::Filter { tsync, .. } => {
                args[0] = libc::SECCOMP_SET_MODE_FILTER.into();
                args[1] = if tsync { libc::SECCOMP_FILTER_FLAG_TSYNC } else { 0 };
            }
            Intent::Exit { code } | Intent::ExitGroup { code } => args[0] = code as u64,
            _ => {}
        }
        args
    }
}

/// Where a task is in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Not in it.
    User,
    /// It has just entered.
    Entering,
    /// Seccomp filters are next.
    Filtering,
    /// The call is next.
    Executing,
    /// It sleeps in a call.
    Sleeping,
    /// It has made a child and is to say so.
    Announcing(i32, u64),
    /// It waits until its child lets go of its memory, if that is borrowed (vfork).
    LendsMemory { child: u64 },
    /// It waits until it is its process's only thread.
    Alone,
    /// It has become a new program and is to say so.
    Renewed { former: i32 },
    /// The call is over.
    Exiting,
    /// Signals and stops are looked at before it leaves the kernel.
    Returning,
}

/// Whether a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// It does if it can.
    Running,
    /// It is in a stop; `told` once the tracer knows.
    Stopped { stop: Stop, border: Border, told: bool },
    /// It is in a group stop which the tracer lets be.
    Listening,
    /// It has ended; the tracer is to know.
    Zombie { ending: Ending },
}

/// Which border of a syscall a stop is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    None,
    Entry,
    Exit,
}

/// One address space: its writable memory.
pub(super) type Arena = Rc<RefCell<Vec<u8>>>;

/// One task.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) tid: i32,
    pub(super) tgid: i32,
    /// No two tasks ever have the same.
    pub(super) life: u64,
    pub(super) run: Run,
    pub(super) at: At,
    /// As the tracer sees and changes them.
    pub(super) regs: UserRegs,
    /// As they would be without it.
    pub(super) truth: UserRegs,
    pub(super) intent: Option<Intent>,
    /// The number of the call it made last.
    pub(super) nr: u64,
    /// How many calls had been made by then.
    pub(super) entered: u64,
    /// What signal handlers have interrupted.
    pub(super) frames: Vec<(UserRegs, Option<Intent>)>,
    pub(super) arena: Arena,
    /// Whether it stops at the borders of syscalls.
    pub(super) borders: bool,
    /// How it is about to end.
    pub(super) fatal: Option<Ending>,
    /// `JOBCTL_TRAP_STOP` or `JOBCTL_TRAP_NOTIFY` (include/linux/sched/jobctl.h).
    pub(super) trap: bool,
    /// `JOBCTL_STOP_PENDING`.
    pub(super) stop_pending: bool,
    pub(super) signals: VecDeque<i32>,
    /// The signal the tracer has let through.
    pub(super) delivering: i32,
    /// It has a filter of its own.
    pub(super) filtered: bool,
    /// From its next call on every border must stop it.
    pub(super) covered: bool,
    /// The engine has seen the entry of the call it is in.
    pub(super) entry_seen: bool,
    /// Its memory is that of a parent which waits for it.
    pub(super) borrows: bool,
}

impl Task {
    /// A task in user mode, before its first call.
    pub(super) fn new(tid: i32, life: u64) -> Task {
        let regs = UserRegs {
            rip: PROGRAM_AT,
            rsp: 0x7fff_0000,
            orig_rax: u64::MAX,
            ..UserRegs::default()
        };
        Task {
            tid,
            tgid: tid,
            life,
            run: Run::Running,
            at: At::User,
            regs,
            truth: regs,
            intent: None,
            nr: u64::MAX,
            entered: 0,
            frames: Vec::new(),
            arena: Rc::new(RefCell::new(vec![0; ARENA_BYTES])),
            borders: false,
            fatal: None,
            trap: false,
            stop_pending: false,
            signals: VecDeque::new(),
            delivering: 0,
            filtered: false,
            covered: false,
            entry_seen: false,
            borrows: false,
        }
    }

    /// Loads the registers for a call; the next thing it does is to make it.
    pub(super) fn load(&mut self, intent: Intent) {
        let word = self.word();
        let regs = &mut self.truth;
        regs.rax = intent.nr();
        regs.rip = SYSCALL_AT;
        for (arg, value) in Arg::ALL.into_iter().zip(intent.args(word as u64)) {
            if intent != Intent::Sigreturn {
                regs.set_arg(arg, value);
            }
        }
        if let Intent::Spawn { how: How::Clone3 { .. }, flags, .. } = intent {
            self.arena.borrow_mut()[word..word + 8].copy_from_slice(&flags.to_ne_bytes());
        }
        self.regs = UserRegs { orig_rax: self.regs.orig_rax, ..*regs };
        self.intent = Some(intent);
    }

    /// Where in the arena the next call has a word to itself.
    fn word(&self) -> usize {
        (self.life as usize * 4 + self.frames.len()) * 8 % ARENA_BYTES
    }

    /// The flags of a clone3 call as they lie in its memory.
    pub(super) fn flags_word(&self) -> u64 {
        let word = self.truth.rdi as usize % ARENA_BYTES;
        let bytes = self.arena.borrow()[word..word + 8].try_into().expect("eight bytes");
        u64::from_ne_bytes(bytes)
    }

    /// Whether a signal or a stop waits at the way out of the kernel.
    pub(super) fn has_work(&self) -> bool {
        self.trap || self.stop_pending || self.delivering != 0 || !self.signals.is_empty()
    }

    pub(super) fn is_zombie(&self) -> bool {
        matches!(self.run, Run::Zombie { .. })
    }
}
