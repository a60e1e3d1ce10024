//! What is known of one task, and of what it shares with others.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use vrift_arch::{Arch, Arg};
use vrift_vfs::{Effect, Exe, FdTable, Place};

use super::decided::Decided;
use super::lane::{Lane, Part, Preparing, Program};
use super::launch::Launched;
use super::peers::Told;
use super::reopening::Reopening;
use super::room::{Lent, Mapping};
use super::scratch::{Scratch, Slot};
use crate::call::{Abi, Call};
use crate::creds::TaskCreds;
use crate::memory::GuestAddr;
use crate::record::Noted;
use crate::registers::Registers;
use crate::view::note::Note;
use crate::view::spelled::Spelled;

/// The current directory, shared as `CLONE_FS` says. `None` is a place on the host, which the
/// kernel knows better.
pub(super) type Directory = Rc<RefCell<Option<vrift_vfs::NodeRef>>>;

/// A task: one thread of a tracee.
#[derive(Debug)]
pub(super) struct Task<A: Arch> {
    /// Its process.
    pub(super) tgid: Pid,
    pub(super) phase: Phase<A>,
    pub(super) directory: Directory,
    /// The umask, shared as the current directory is; read when first needed, forgotten when a call
    /// may change it.
    pub(super) umask: Rc<Cell<Option<u32>>>,
    pub(super) files: Rc<RefCell<FdTable>>,
    /// The program it runs, where `/proc` would show something else.
    pub(super) exe: Option<Exe>,
    /// What is mapped into its address space, shared as `CLONE_VM` says.
    pub(super) scratch: Rc<RefCell<Scratch>>,
    /// The fast lane in its address space, shared as `CLONE_VM` says.
    pub(super) lane: Rc<RefCell<Lane>>,
    /// What its process was told of being dumpable, shared as `CLONE_VM` says.
    pub(super) dumpable: Rc<Cell<Dumpable>>,
    /// Read when first needed, dropped when a call may change them.
    pub(super) creds: RefCell<Option<Rc<TaskCreds>>>,
    /// The flags of the clone it is about to make.
    pub(super) spawning: Option<u64>,
    /// What its parent's call left in its registers and memory, to be put back at its first stop.
    pub(super) inherited: Undo,
    pub(super) coverage: Coverage,
    pub(super) mapping: Mapping,
    /// What was decided about a call that is to be made again.
    pub(super) decided: Option<Box<Decided>>,
    /// What it is made to do before its own call.
    pub(super) reopening: Option<Box<Reopening>>,
    /// What it is about to execute, if that matters to the lane.
    pub(super) executes: Option<Program>,
    /// What it gets for its lane.
    pub(super) preparing: Option<Box<Preparing<A>>>,
    pub(super) origin: Origin,
    /// A call that is shown already although it has not been considered: the task's own filter is
    /// asked first.
    pub(super) announced: Option<Box<Pending>>,
}

/// Whether a process may be looked into, as `prctl` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Dumpable {
    #[default]
    AsTheKernelSays,
    /// It has asked not to be, and believes it.
    Hidden,
}

/// How a task came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was there first, or its parent has told of it.
    Announced,
    /// It stopped, and its parent may yet tell.
    Found,
}

/// Which of a task's syscalls stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// Those that vrift's filter names.
    Filter,
    /// All: the task has a filter of its own, which may answer a call before ours is asked.
    EveryCall,
}

/// Where a task is between two stops.
#[derive(Debug)]
pub(super) enum Phase<A: Arch> {
    /// In no syscall that matters.
    Outside,
    /// In a syscall whose exit will be seen.
    Inside(Box<Pending>),
    /// In a mapping call of ours; the registers are those from before.
    Injecting(Registers<A>, Mapped),
    /// In a call of ours by which it opens a file anew; the same.
    Reopening(Registers<A>),
}

/// What is mapped by a call of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapped {
    /// A scratch region of so many bytes.
    Scratch(u64),
    /// Something of the fast lane.
    Lane(Part),
}

/// A syscall between its entry and its exit.
#[derive(Debug)]
pub(super) struct Pending {
    /// As it was made.
    pub(super) call: Call,
    /// As it is shown, if it is.
    pub(super) spelled: Option<Spelled>,
    /// What the record is to tell of it.
    pub(super) noted: Option<Box<Noted>>,
    /// What vrift made of it.
    pub(super) note: Option<Note>,
    /// What to put back.
    pub(super) undo: Undo,
    /// The place of a rewritten path.
    pub(super) slots: Vec<Slot>,
    /// The place of one that lies on the tracee's stack.
    pub(super) lent: Option<Lent>,
    /// What to remember if it succeeds.
    pub(super) effect: Effect,
    /// What to put right if it becomes another program.
    pub(super) launched: Option<Launched>,
    /// Where the kernel will tell addresses of sockets.
    pub(super) told: Vec<Told>,
    /// What the tracee sees instead of the kernel's result.
    pub(super) instead: Instead,
    /// When, if anybody wants to know.
    pub(super) entered: Option<Instant>,
    pub(super) system: Duration,
}

/// What vrift changed that the tracee must not see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Undo {
    /// Arguments of a call through an ABI.
    pub(super) args: Vec<(Abi, Arg, u64)>,
    /// Words of memory.
    pub(super) words: Vec<(GuestAddr, u64)>,
}

/// A result that replaces the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// None does.
    Nothing,
    /// This, if the kernel succeeded.
    OfSuccess(i64),
    /// This: the kernel was not to make the call at all.
    Always(i64),
    /// The same, as soon as the task's own filter has let the call pass, which it may not do.
    IfAllowed(i64),
}

impl Pending {
    pub(super) fn new(
        call: Call,
        spelled: Option<Spelled>,
        entered: Option<Instant>,
        system: Duration,
    ) -> Pending {
        Pending {
            call,
            spelled,
            noted: None,
            note: None,
            undo: Undo::default(),
            slots: Vec::new(),
            lent: None,
            effect: Effect::None,
            launched: None,
            told: Vec::new(),
            instead: Instead::Nothing,
            entered,
            system,
        }
    }

    /// Whether nothing is to be done at its exit that depends on its result.
    fn owes_nothing(&self) -> bool {
        let is_told = |noted: &Noted| noted.awaits_its_end() || self.note.is_some();
        self.spelled.is_none()
            && !self.noted.as_deref().is_some_and(is_told)
            && self.owes_words_only()
    }

    /// Whether nothing is to be done at its exit but to tell of it.
    fn owes_words_only(&self) -> bool {
        // Every field is named, so that a new one is thought of.
        let Pending {
            call: _,
            spelled: _,
            noted: _,
            note: _,
            undo,
            slots,
            lent,
            effect,
            launched,
            told,
            instead,
            entered: _,
            system: _,
        } = self;
        *undo == Undo::default()
            && slots.is_empty()
            && lent.is_none()
            && told.is_empty()
            && *effect == Effect::None
            && launched.is_none()
            && *instead == Instead::Nothing
    }

    /// The time since its entry.
    pub(super) fn spent(&self) -> Duration {
        self.entered.map_or(Duration::ZERO, |entered| entered.elapsed())
    }
}

impl<A: Arch> Task<A> {
    /// The first tracee.
    pub(super) fn root(pid: Pid, start: Option<vrift_vfs::NodeRef>, coverage: Coverage) -> Task<A> {
        Task {
            tgid: pid,
            phase: Phase::Outside,
            directory: Rc::new(RefCell::new(start)),
            umask: Rc::default(),
            files: Rc::default(),
            exe: None,
            scratch: Rc::default(),
            lane: Rc::default(),
            dumpable: Rc::default(),
            creds: RefCell::default(),
            spawning: None,
            inherited: Undo::default(),
            coverage,
            mapping: Mapping::Untried,
            decided: None,
            reopening: None,
            executes: None,
            preparing: None,
            origin: Origin::Announced,
            announced: None,
        }
    }

    /// A child made with these clone flags.
    pub(super) fn child(&self, tid: Pid, flags: u64) -> Task<A> {
        use vrift_arch::abi::clone;
        Task {
            tgid: if flags & clone::CLONE_THREAD != 0 { self.tgid } else { tid },
            phase: Phase::Outside,
            directory: shared_if(flags & clone::CLONE_FS != 0, &self.directory),
            umask: if flags & clone::CLONE_FS != 0 {
                Rc::clone(&self.umask)
            } else {
                Rc::new(self.umask.as_ref().clone())
            },
            files: shared_if(flags & clone::CLONE_FILES != 0, &self.files),
            exe: self.exe.clone(),
            scratch: if flags & clone::CLONE_VM != 0 {
                Rc::clone(&self.scratch)
            } else {
                Rc::new(RefCell::new(self.scratch.borrow().copied()))
            },
            lane: if flags & clone::CLONE_VM != 0 {
                Rc::clone(&self.lane)
            } else {
                Rc::new(RefCell::new(self.lane.borrow().copied()))
            },
            dumpable: if flags & clone::CLONE_VM != 0 {
                Rc::clone(&self.dumpable)
            } else {
                Rc::new(Cell::new(self.dumpable.get()))
            },
            creds: self.creds.clone(),
            spawning: None,
            inherited: self.left_behind(flags),
            coverage: self.coverage,
            mapping: Mapping::Untried,
            decided: None,
            reopening: None,
            executes: None,
            preparing: None,
            origin: Origin::Announced,
            announced: None,
        }
    }

    /// What a child finds changed by the call that makes it.
    fn left_behind(&self, flags: u64) -> Undo {
        let Phase::Inside(pending) = &self.phase else { return Undo::default() };
        let mut undo = pending.undo.clone();
        if flags & vrift_arch::abi::clone::CLONE_VM != 0 {
            // The memory is the parent's too, which puts it back itself.
            undo.words.clear();
        }
        undo
    }

    /// The program it is about to become.
    pub(super) fn executing(&self) -> Option<&Exe> {
        match &self.phase {
            Phase::Inside(pending) => pending.launched.as_ref()?.exe(),
            _ => None,
        }
    }

    /// Whether the next border of a syscall must stop it.
    pub(super) fn sees_border(&self) -> bool {
        self.coverage == Coverage::EveryCall || self.is_busy() || self.is_outdated()
    }

    /// Whether it is in a syscall whose exit will be seen.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.phase, Phase::Outside)
    }

    /// Whether it is in a call of ours.
    pub(super) fn is_injecting(&self) -> bool {
        matches!(self.phase, Phase::Injecting(..) | Phase::Reopening(..))
    }

    /// Whether some of its files are to be opened anew before it makes a call.
    pub(super) fn is_outdated(&self) -> bool {
        self.reopening.is_some() || !self.files.borrow().outdated().is_empty()
    }

    /// Does not wait for the exit of a call that has succeeded, if nothing is to be done there.
    pub(super) fn leave_early(&mut self) {
        if matches!(&self.phase, Phase::Inside(pending) if pending.owes_nothing()) {
            self.phase = Phase::Outside;
        }
    }

    /// Does not wait for the exit of a call that has succeeded, if it is only to be told of: returns it.
    pub(super) fn told_early(&mut self) -> Option<Pending> {
        match std::mem::replace(&mut self.phase, Phase::Outside) {
            Phase::Inside(pending) if pending.owes_words_only() => Some(*pending),
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    /// Stops sharing what `unshare(2)` was told to.
    pub(super) fn unshare(&mut self, flags: u64) {
        use vrift_arch::abi::clone;
        self.directory = shared_if(flags & clone::CLONE_FS == 0, &self.directory);
        if flags & clone::CLONE_FS != 0 {
            self.umask = Rc::new(self.umask.as_ref().clone());
        }
        self.files = shared_if(flags & clone::CLONE_FILES == 0, &self.files);
    }

    /// The place of its current directory if that is in a mount.
    pub(super) fn place(&self) -> Option<Place> {
        self.directory.borrow().map(Place::Node)
    }
}

fn shared_if<T: Clone>(shared: bool, state: &Rc<RefCell<T>>) -> Rc<RefCell<T>> {
    if shared { Rc::clone(state) } else { Rc::new(RefCell::new(state.borrow().clone())) }
}
