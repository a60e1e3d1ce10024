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
mod shared;
mod tape;

use std::collections::HashSet;
use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::abi::clone;
use vrift_arch::lane::{Detour, Hidden, Lane as Page, PAGE, Plan, Scope};
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{At, Backing, Open, Request, Target};

use guard::Ground;
use known::Known;
pub(super) use tape::Step;
use tape::Strip;
pub(super) use tape::Tapes;

use super::filters::installs_filter;
use super::task::{Coverage, Mapped};
use super::{Engine, Guest, Next, Served};
use crate::call::{Abi, Call, Outcome};
use crate::memory::{GuestAddr, Memory};
use crate::procfs;
use crate::registers::Mapping;

/// `PR_SET_SYSCALL_USER_DISPATCH` (`linux/prctl.h`).
const PR_SET_SYSCALL_USER_DISPATCH: i32 = 59;

/// After so many calls that stayed on the host an address space gets the lane. Putting it in place
/// takes four stops, and one for each instruction; a program that only starts makes about ten such
/// calls, mostly in its dynamic linker.
const CALLS_BEFORE: u32 = 16;

/// Stubs lie so far below the first instruction that needs one: below all libraries of most programs,
/// and within the reach of a jump.
const NEAR: u64 = 256 << 20;

/// The room of stubs for one neighbourhood of instructions.
const STUBS_BYTES: u64 = PAGE;

/// So many busy programs are remembered; then all are forgotten.
const BUSY_MAX: usize = 1 << 12;

/// How many of these an address space gets.
const STUBS_MAX: usize = 16;

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
    /// Programs that have made so many calls.
    busy: HashSet<Backing>,
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
        Some(FastLane { page, calls_before, busy: HashSet::new() })
    }

    /// What the filter must let pass.
    pub(crate) fn page(&self) -> &Page {
        &self.page
    }
}

/// A part of the lane that is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The page.
    Page,
    /// The same, only so that nothing else comes to lie there.
    Ground,
    /// Room for stubs.
    Stubs,
    /// What a step has brought of the tape.
    Tape(Step),
}

/// The lane in one address space.
#[derive(Debug, Default, Clone)]
pub(super) struct Lane {
    state: State,
    /// What is executed there.
    program: Option<Backing>,
    /// What lies where the page does.
    ground: Ground,
    /// The calls that stayed on the host.
    calls: u32,
    /// Where there is room for stubs.
    stubs: Vec<Stubs>,
    detours: Vec<Detour>,
    /// The instruction that room was last mapped for.
    asked_for: Option<u64>,
    /// Instructions that cannot become jumps.
    fixed: HashSet<u64>,
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

#[derive(Debug, Clone, Copy)]
struct Stubs {
    next: u64,
    end: u64,
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
        let site = call.ip.wrapping_sub(A::SYSCALL_INSN.len() as u64);
        if lane.state == State::Closed || lane.fixed.contains(&site) {
            return Ok(None);
        }
        lane.calls = lane.calls.saturating_add(1);
        if lane.calls <= fast.calls_before {
            return Ok(None);
        }
        if let (Some(tape), State::InPlace) = (tape, lane.state)
            && !lane.strip.is_written_to()
        {
            drop(lane);
            return self.lay_tape(tape, call.abi, guest);
        }
        if is_within {
            return Ok(None);
        }
        let Some(detour) = find::<A>(site, guest)? else {
            lane.fixed.insert(site);
            return Ok(None);
        };
        let (mapping, part) = if lane.state == State::Absent {
            (guard::page_mapping(&fast.page), Part::Page)
        } else if let Some(planted) = lane.plant::<A, G>(&detour, guest) {
            if let Err(errno) = planted {
                lane.state = State::Closed;
                return if errno == Errno::ESRCH { Err(errno) } else { Ok(None) };
            }
            drop(lane);
            // The kernel is given nothing, and the instruction is executed again.
            guest.set_regs(&guest.regs(call.abi)?.again())?;
            guest.set_nr(u64::MAX)?;
            return Ok(Some(self.go_on(guest.tid(), 0)));
        } else if lane.asked_for == Some(site) || lane.stubs.len() == STUBS_MAX {
            // The kernel had no room nearer than it is.
            lane.fixed.insert(site);
            return Ok(None);
        } else {
            lane.asked_for = Some(site);
            let (at, protection) = (near(site), libc::PROT_READ | libc::PROT_EXEC);
            (Mapping { at, bytes: STUBS_BYTES, protection, flags: 0 }, Part::Stubs)
        };
        drop(lane);
        self.inject(mapping, Mapped::Lane(part), call.abi, guest).map(Some)
    }

    /// A new program is executed: one that is known to make many calls need not prove it again.
    pub(super) fn foresee_lane(&mut self, tid: Pid) {
        let (Some(fast), Some(task)) = (&self.lane, self.tasks.get(&tid)) else { return };
        let program = procfs::program(tid);
        let is_busy = program.is_some_and(|program| fast.busy.contains(&program));
        let calls = if is_busy { fast.calls_before } else { 0 };
        *task.lane.borrow_mut() = Lane { program, calls, ..Lane::default() };
    }

    /// Whether a call is none, but makes a task wait until its tape has been played.
    pub(super) fn is_pause(&self, call: &Call) -> bool {
        let tape = self.lane.as_ref().and_then(|fast| fast.page.tape);
        tape.and_then(|tape| tape.pause) == Some(call.ip) && call.abi == Abi::Native
    }

    /// A part of the lane is mapped, or cannot be.
    pub(super) fn lane_mapped<G: Guest<A>>(
        &mut self,
        part: Part,
        outcome: Outcome,
        guest: &G,
    ) -> Result<(), Errno> {
        let Some(fast) = &mut self.lane else { return Ok(()) };
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut lane = task.lane.borrow_mut();
        match (part, outcome) {
            (part @ (Part::Page | Part::Ground), outcome) => {
                lane.ground.tried(&fast.page, outcome);
                lane.state = match put(&fast.page, outcome, guest) {
                    Ok(()) if part == Part::Page => {
                        if fast.busy.len() == BUSY_MAX {
                            fast.busy.clear();
                        }
                        fast.busy.extend(lane.program);
                        State::InPlace
                    }
                    Err(Errno::ESRCH) => return Err(Errno::ESRCH),
                    Ok(()) | Err(_) => State::Closed,
                };
                drop(lane);
                self.begin_known(guest)?;
            }
            (Part::Stubs, Outcome::Value(at)) => {
                let next = at.cast_unsigned();
                lane.stubs.push(Stubs { next, end: next + STUBS_BYTES });
            }
            (Part::Stubs, _) => lane.state = State::Closed,
            (Part::Tape(step), outcome) => {
                drop(lane);
                self.tape_laid(step, outcome, guest)?;
            }
        }
        Ok(())
    }

    /// Gives the program back what it had, and changes nothing any more.
    pub(super) fn close_lane<G: Guest<A>>(&self, guest: &G) {
        let Some(task) = self.tasks.get(&guest.tid()) else { return };
        let mut lane = task.lane.borrow_mut();
        lane.state = State::Closed;
        lane.strip = Strip::Absent;
        for Detour { site, jump, .. } in std::mem::take(&mut lane.detours) {
            let mut there = vec![0; jump.len()];
            // What is there may be another library by now.
            if guest.read_exact(GuestAddr(site), &mut there).is_ok() && there == jump {
                // A task that is dying needs nothing.
                let _ = guest.plant(GuestAddr(site), A::SYSCALL_INSN);
            }
        }
    }
}

/// Looks around an instruction, in its page: what is taken out of memory, is taken out together.
fn find<A: Arch>(site: u64, memory: &dyn Memory) -> Result<Option<Detour>, Errno> {
    let at = site - site % PAGE;
    let mut code = vec![0; PAGE as usize];
    match memory.read_exact(GuestAddr(at), &mut code) {
        Ok(()) => {}
        Err(Errno::ESRCH) => return Err(Errno::ESRCH),
        // Code that may be executed and not read.
        Err(_) => return Ok(None),
    }
    let detour = A::detour(site, &code, at);
    // Code that can be written to is being made, or may be another process's as well.
    let is_settled = |_: &Detour| memory.write(GuestAddr(site), A::SYSCALL_INSN).is_err();
    Ok(detour.filter(is_settled))
}

/// Where stubs are asked for.
fn near(site: u64) -> u64 {
    /// Below where programs without a choice of addresses lie, and above what may not be mapped.
    const LOWEST: u64 = 2 << 20;
    site.checked_sub(NEAR).filter(|&at| at > LOWEST).unwrap_or(LOWEST) / PAGE * PAGE
}

/// Fills the page.
fn put<A: Arch, G: Guest<A>>(page: &Page, outcome: Outcome, guest: &G) -> Result<(), Errno> {
    let at = GuestAddr(page.at);
    match outcome {
        Outcome::Value(found) if found.cast_unsigned() == page.at => guest.plant(at, &page.code),
        // A child whose parent nobody knew may have one already: nobody knows what that tells.
        _ => Err(Errno::EEXIST),
    }
}

impl Lane {
    /// Turns an instruction into a jump; `None` if there is no room for its stub in reach.
    fn plant<A: Arch, G: Guest<A>>(
        &mut self,
        detour: &Detour,
        guest: &G,
    ) -> Option<Result<(), Errno>> {
        for stubs in &mut self.stubs {
            let Some(stub) = A::stub(detour, stubs.next) else { continue };
            let end = stubs.next + stub.code.len() as u64;
            if end > stubs.end {
                continue;
            }
            let at = GuestAddr(std::mem::replace(&mut stubs.next, end));
            // The instruction last: what it leads to must be there.
            let planted = guest
                .plant(at, &stub.code)
                .and_then(|()| guest.plant(GuestAddr(detour.landing), &stub.far_jump))
                .and_then(|()| guest.plant(GuestAddr(detour.site), &detour.jump));
            self.detours.push(detour.clone());
            return Some(planted);
        }
        None
    }
}
