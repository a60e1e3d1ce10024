//! The fast lane: calls about the host are made without a stop, from code that is put into tracees
//! (`vrift_arch::lane`).
//!
//! An address space gets the lane's page when it has made some calls that stayed on the host, or at once if its
//! program did before, and each of its instructions that makes such a call becomes a jump there. What was changed is changed back
//! before anybody else could see it half done or be surprised by it: before a second task uses the
//! memory, and before a filter of its own, or a dispatcher of calls, looks at where calls come from.
//! What cannot be put in place costs stops and nothing else.
//!
//! Calls that somebody is to be told of are written on a tape ([`tape`]).
//!
//! **Invariant:** code is changed only while its one task stands before a call.

mod guard;
mod known;
mod preparing;
mod shared;
mod sites;
mod tape;

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::abi::clone;
use vrift_arch::lane::{Hidden, Lane as Page, Plan, Scope, Stop};
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{At, Open, Request, Target};

use guard::Ground;
use known::Known;
pub(super) use preparing::Preparing;
use preparing::Wanted;
use sites::{Families, Found, Sites, Way};
use tape::Strip;
pub(super) use tape::Tapes;

use super::filters::installs_filter;
use super::task::{Coverage, Mapped, Task};
use super::{Engine, Guest, Next, Served};
use crate::call::{Abi, Call, Outcome};
use crate::memory::{GuestAddr, Memory};
use crate::registers::Registers;

/// `PR_SET_SYSCALL_USER_DISPATCH` (`linux/prctl.h`).
const PR_SET_SYSCALL_USER_DISPATCH: i32 = 59;

/// After so many calls that stayed on the host an address space gets the lane. Putting it in place takes two stops more
/// than a call, some thirty calls of vrift's and some of the tracee's, which is as much as ten stops; each further instruction
/// takes one, unless it is known. A program that only starts makes about ten such calls, mostly in its dynamic linker.
const CALLS_BEFORE: u32 = 12;

/// A program that has made so many in one process gets it at once in the next.
const CALLS_OF_BUSY: u32 = 8;

/// So many busy programs are remembered; then all are forgotten.
const BUSY_MAX: usize = 1 << 12;

const PATH_MAX: usize = libc::PATH_MAX as usize;

/// What a path of the host never leads past: files of it are vrift's to answer.
const OTHERS: &[&[u8]] = &[b"/proc"];

/// When calls take the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFast {
    /// If a program makes many.
    Auto,
    /// From the first on.
    Always,
    /// Not at all.
    Never,
}

/// The lane of a run.
#[derive(Debug)]
pub struct FastLane {
    page: Page,
    calls_before: u32,
    /// Programs that have made enough of them.
    busy: HashSet<Program>,
    families: Families,
}

impl FastLane {
    /// A lane for a host below these mounts, with a tape for who is to be told; `None` if there can be
    /// none.
    pub fn new<A: Arch>(
        when: WhenFast,
        served: Option<&Served>,
        tape: Option<Scope>,
    ) -> Option<FastLane> {
        let calls_before = match when {
            WhenFast::Auto => CALLS_BEFORE,
            WhenFast::Always => 0,
            WhenFast::Never => return None,
        };
        let covered = served.into_iter().flat_map(Served::covered);
        let places: Vec<&[u8]> = covered
            .map(|path| path.as_os_str().as_encoded_bytes())
            .chain(OTHERS.iter().copied())
            .collect();
        let hidden = match served {
            Some(_) => Hidden::Places(&places),
            None => Hidden::Nothing,
        };
        let page = A::lane(&Plan { hidden, tape })?;
        // A filter around vrift that answers what the page calls in order to stop: there would be no stop.
        let nobody = Pid::from_raw(Stop::ID.cast_signed());
        if nix::unistd::getsid(Some(nobody)) != Err(Errno::ESRCH) {
            return None;
        }
        Some(FastLane { page, calls_before, busy: HashSet::new(), families: Families::default() })
    }

    /// What the filter must let pass.
    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    /// A task leaves an address space: its program is over if it was the only one.
    fn learn(&mut self, lane: &Rc<RefCell<Lane>>) {
        let lane = match Rc::strong_count(lane) {
            1 => lane.borrow(),
            _ => return,
        };
        let is_busy = lane.calls >= CALLS_OF_BUSY;
        let Some(program) = lane.program.filter(|_| is_busy) else { return };
        if self.busy.len() == BUSY_MAX && !self.busy.contains(&program) {
            self.busy.clear();
        }
        self.busy.insert(program);
    }
}

/// A program by the path that it was executed by. Another one by that path is taken for the same, which
/// costs nobody more than some stops; to ask what it is costs more than two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Program(u64);

/// A part of the lane that is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The page.
    Page,
    /// The same, only so that nothing else comes to lie there.
    Ground,
}

/// The lane in one address space.
#[derive(Debug, Default, Clone)]
pub(super) struct Lane {
    state: State,
    /// What is executed there.
    program: Option<Program>,
    /// What lies where the page does.
    ground: Ground,
    /// The calls that stayed on the host.
    calls: u32,
    sites: Sites,
    known: Known,
    strip: Strip,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Absent,
    InPlace,
    /// It cannot be, or may not be any more.
    Closed,
}

/// Where a request starts that the lane could have passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Root,
    CurrentDirectory,
    Descriptor(i32),
}

impl Start {
    /// That of a request; `None` if the lane never makes such a one.
    pub(super) fn of(request: &Request) -> Option<Start> {
        let path = match request {
            Request::Stat(Target::Open(At::Fd(fd))) => return Some(Start::Descriptor(*fd)),
            Request::Open(Open { path, .. })
            | Request::Stat(Target::Path(path))
            | Request::Access(Target::Path(path), _)
            | Request::Readlink(Target::Path(path)) => path,
            _ => return None,
        };
        match path.at {
            _ if path.path.starts_with(b"/") => Some(Start::Root),
            At::Cwd => Some(Start::CurrentDirectory),
            At::Fd(_) => None,
        }
    }
}

/// Whether what the caller asks for would find the lane in its way: a filter sees where a call comes
/// from, and calls that are not the caller's; and a tape needs the processor's clock.
pub(super) fn is_left_by(call: &Call) -> bool {
    installs_filter(call)
        || call.syscall == Some(Syscall::Prctl)
            && matches!(call.arg(Arg::A0) as i32, PR_SET_SYSCALL_USER_DISPATCH | libc::PR_SET_TSC)
}

/// Whether a child with these clone flags uses its parent's memory while the parent does, or shares what
/// the page tells of and not the page.
pub(super) fn is_left_with(flags: u64) -> bool {
    let told_of = flags & (clone::CLONE_FS | clone::CLONE_FILES) != 0;
    match flags & (clone::CLONE_VM | clone::CLONE_VFORK) {
        clone::CLONE_VM => true,
        flags => flags & clone::CLONE_VM == 0 && told_of,
    }
}

impl Lane {
    /// That of a child with a copy of the memory, which has no tape of its own yet.
    pub(super) fn copied(&self) -> Lane {
        // Laying one is worth it only after some calls again.
        let calls = if self.strip == Strip::Absent { self.calls } else { 0 };
        Lane { calls, strip: Strip::Absent, ..self.clone() }
    }

    pub(super) fn is_in_place(&self) -> bool {
        self.state == State::InPlace
    }

    /// A descriptor is open on something of a mount.
    pub(super) fn opened(&mut self, fd: i32) {
        if self.state == State::InPlace {
            self.known.opened(fd);
        }
    }
}

impl<A: Arch> Engine<A> {
    /// Does the next thing that makes this call, which stays on the host, pass without a stop from now
    /// on; `None` if there is nothing to do, or not yet.
    pub(super) fn detour<G: Guest<A>>(
        &mut self,
        call: &Call,
        start: Start,
        guest: &G,
    ) -> Result<Option<Next>, Errno> {
        match start {
            Start::Root => {}
            Start::CurrentDirectory => self.enter_directory(guest)?,
            Start::Descriptor(fd) => self.forget_in_lane(fd, guest)?,
        }
        let (Some(fast), Abi::Native) = (&self.lane, call.abi) else { return Ok(None) };
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let is_alone = Rc::strong_count(&task.lane) == 1 && task.coverage == Coverage::Filter;
        let (is_within, tape) = (fast.page.contains(call.ip), fast.page.tape);
        if !is_alone
            || !self.observer.finds_the_same()
            || (is_within && tape.is_none())
            || !fast.page.takes(call.nr)
        {
            return Ok(None);
        }
        let mut lane = task.lane.borrow_mut();
        if lane.state == State::Closed {
            return Ok(None);
        }
        lane.calls = lane.calls.saturating_add(1);
        if lane.calls <= fast.calls_before {
            return Ok(None);
        }
        let tape = tape.is_some() && lane.strip == Strip::Absent;
        let way = match is_within {
            true => Way::None,
            false => {
                lane.sites.look::<A>(call.ip.wrapping_sub(A::SYSCALL_INSN.len() as u64), guest)?
            }
        };
        let (is_there, rests) = (lane.state == State::InPlace, lane.strip == Strip::Resting);
        drop(lane);
        if is_there && rests {
            self.run_tape(guest)?;
        }
        let wanted = match way {
            // A child that takes its parent's jumps.
            Way::None if is_within && tape => Wanted { tape, stubs: None, site: None },
            Way::None => return Ok(None),
            Way::Free(found) if is_there && !tape => return self.take_detour(found, guest),
            Way::Free(found) => Wanted { tape, stubs: None, site: Some(found) },
            Way::Roomless(found, near) => Wanted { tape, stubs: Some(near), site: Some(found) },
        };
        self.intend(wanted, start, guest)?;
        if is_there {
            return self.prepare_now(guest);
        }
        let page = guard::page_mapping(&self.lane.as_ref().ok_or(Errno::EINVAL)?.page);
        self.inject(page, Mapped::Lane(Part::Page), call.abi, guest).map(Some)
    }

    /// Turns an instruction into a jump, and lets the task that stands before its call take it.
    fn take_detour<G: Guest<A>>(&mut self, found: Found, guest: &G) -> Result<Option<Next>, Errno> {
        if !self.plant(found, guest)? {
            return Ok(None);
        }
        // The kernel is given nothing, and the instruction is executed again.
        guest.set_regs(&guest.regs(Abi::Native)?.again())?;
        guest.set_nr(u64::MAX)?;
        Ok(Some(self.go_on(guest.tid(), 0)))
    }

    /// Turns an instruction into a jump, and says whether it is one now.
    fn plant<G: Guest<A>>(&mut self, found: Found, guest: &G) -> Result<bool, Errno> {
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let Some(fast) = &mut self.lane else { return Ok(false) };
        let mut lane = task.lane.borrow_mut();
        if lane.state != State::InPlace {
            return Ok(false);
        }
        match lane.sites.plant::<A, G>(found, &mut fast.families, guest) {
            Err(errno) if errno != Errno::ESRCH => {
                lane.state = State::Closed;
                Ok(false)
            }
            planted => planted,
        }
    }

    /// Does something with the lane of a task that lives.
    fn with_lane_of(&self, tid: Pid, what: impl FnOnce(&mut Lane)) {
        if let Some(task) = self.tasks.get(&tid) {
            what(&mut task.lane.borrow_mut());
        }
    }

    /// Takes note of the path by which a task is about to execute a program.
    pub(super) fn executes(&mut self, call: &Call, memory: &dyn Memory, tid: Pid) {
        let path = match (&self.lane, call.syscall, call.abi) {
            (Some(_), Some(Syscall::Execve), Abi::Native) => call.arg(Arg::A0),
            _ => return,
        };
        let Some(task) = self.tasks.get_mut(&tid) else { return };
        task.executes = memory.read_cstr(GuestAddr(path), PATH_MAX).ok().map(|path| {
            let mut hasher = DefaultHasher::new();
            hasher.write(&path);
            Program(hasher.finish())
        });
    }

    /// A new program is executed: one that is known to make many calls need not prove it again.
    pub(super) fn foresee_lane(&mut self, tid: Pid) {
        let Some(task) = self.tasks.get_mut(&tid) else { return };
        let (former, program) = (std::mem::take(&mut task.lane), task.executes.take());
        let Some(fast) = &mut self.lane else { return };
        fast.learn(&former);
        let is_busy = program.is_some_and(|program| fast.busy.contains(&program));
        let calls = if is_busy { fast.calls_before } else { 0 };
        *task.lane.borrow_mut() = Lane { program, calls, ..Lane::default() };
    }

    /// A task has ended.
    pub(super) fn leave_lane(&mut self, task: &Task<A>) {
        self.lane.iter_mut().for_each(|fast| fast.learn(&task.lane));
    }

    /// Whether a call is none, but makes a task wait until its tape has been played.
    pub(super) fn is_pause(&self, call: &Call) -> bool {
        let tape = self.lane.as_ref().and_then(|fast| fast.page.tape);
        tape.and_then(|tape| tape.pause) == Some(call.ip) && call.abi == Abi::Native
    }

    /// The page is mapped, or cannot be. Returns the registers with which the task goes on that stood before its
    /// call with `regs`.
    pub(super) fn lane_mapped<G: Guest<A>>(
        &mut self,
        part: Part,
        outcome: Outcome,
        regs: Registers<A>,
        guest: &G,
    ) -> Result<Registers<A>, Errno> {
        let again = regs.again();
        let Some(fast) = &mut self.lane else { return Ok(again) };
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut lane = task.lane.borrow_mut();
        lane.ground.tried(&fast.page, outcome);
        let own = match part {
            Part::Page => task.preparing.as_ref().and_then(|preparing| preparing.own()),
            Part::Ground => None,
        };
        lane.state = match put(&fast.page, outcome, own, guest) {
            Ok(()) if part == Part::Page => State::InPlace,
            Err(Errno::ESRCH) => return Err(Errno::ESRCH),
            Ok(()) | Err(_) => State::Closed,
        };
        drop(lane);
        self.begin_known(guest)?;
        Ok(self.begin_preparing(guest)?.unwrap_or(again))
    }

    /// Gives the program back what it had, and changes nothing any more.
    pub(super) fn close_lane<G: Guest<A>>(&self, guest: &G) {
        let Some(task) = self.tasks.get(&guest.tid()) else { return };
        let mut lane = task.lane.borrow_mut();
        lane.state = State::Closed;
        lane.strip = Strip::Absent;
        lane.sites.give_back::<A, G>(guest);
    }
}

/// Fills the page; with the number of a call that is to be the first on its tape, if it gets one.
fn put<A: Arch, G: Guest<A>>(
    page: &Page,
    outcome: Outcome,
    own: Option<u64>,
    guest: &G,
) -> Result<(), Errno> {
    let at = GuestAddr(page.at);
    if outcome != Outcome::Value(page.at.cast_signed()) {
        // A child whose parent nobody knew may have one already: nobody knows what that tells.
        return Err(Errno::EEXIST);
    }
    let mut code = page.code.clone();
    if let (Some(own), Some(tape)) = (own, page.tape) {
        for (place, word) in [(page.preparation.own, own), (tape.on, 1u64)] {
            code.resize((place - page.at) as usize, 0);
            code.extend(word.to_le_bytes());
        }
    }
    guest.plant(at, &code)
}
