//! What keeps a program's own code from the place that the filter knows as the lane's.
//!
//! The filter lets the probe pass by where it is made and where its flags are, in every process of a run. So what lies there is
//! the lane's page or nothing that may be executed: calls that would change the page, or put something in its place, fail as they
//! do with sealed memory (`mseal(2)`). Where the kernel is to find a place by itself for something large, or for what grows, the page is put in
//! its own first.
//!
//! Without a mount there is no probe, and nothing to keep.
//!
//! Deliberately absent: which calls may do so at all (`vrift_arch::lane::guard`), and `/proc/<pid>/mem`, which is no memory call
//! (`vrift_vfs`).

use std::fmt;
use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::lane::guard::{MAP_GROWSDOWN, SHM_REMAP, touches, untagged};
use vrift_arch::lane::{Lane as Page, PAGE};
use vrift_arch::{Arch, Arg, Regs, Syscall};

use super::{Part, State};
use crate::call::{Abi, Call, Outcome};
use crate::engine::enter::Action;
use crate::engine::task::{Coverage, Mapped};
use crate::engine::{Engine, Guest, Next};
use crate::procfs;
use crate::registers::{Mapping, Registers};

/// What lies in an address space where the page does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Nothing, as far as it is known.
    #[default]
    Open,
    /// The page.
    Held,
    /// The page could not be put there.
    Lost,
}

impl Ground {
    /// The page was to be mapped.
    pub(super) fn tried(&mut self, page: &Page, outcome: Outcome) {
        if outcome == Outcome::Value(page.at.cast_signed()) {
            *self = Ground::Held;
        } else if *self == Ground::Open {
            *self = Ground::Lost;
        }
    }
}

/// What a call would do to the place of the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Nothing,
    /// It takes something away, or makes it something else.
    Changes,
    /// It puts something there.
    Fills,
    /// The kernel might.
    MayFill,
    /// What it would do is said in memory, which may change.
    OutOfSight,
}

/// A new program that has something of its own where the lane's page belongs.
#[derive(Debug)]
struct Misplaced {
    tid: Pid,
    at: u64,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Misplaced { tid, at } = self;
        write!(
            f,
            "process {tid} has executed a program that has a segment at {at:#x}, where the fast lane lies, and ends with SIGSEGV; link \
             it to another address, or use --fast-lane=never"
        )
    }
}

impl std::error::Error for Misplaced {}

/// Where no code is: the last page of the kernel's half.
const NOWHERE: u64 = 0xffff_ffff_ffff_f000;

/// More than that no address space has, with page tables of five levels.
const ADDRESSES: u64 = 1 << 56;

/// The advice by which `process_madvise` changes nothing of what memory holds (`asm-generic/mman-common.h`).
const HARMLESS: [i32; 4] =
    [libc::MADV_WILLNEED, libc::MADV_COLD, libc::MADV_PAGEOUT, libc::MADV_COLLAPSE];

/// The page as it is mapped.
pub(super) fn page_mapping(page: &Page) -> Mapping {
    let protection = libc::PROT_READ | libc::PROT_EXEC;
    let flags = libc::MAP_FIXED_NOREPLACE;
    Mapping { at: page.at, bytes: page.bytes(), protection, flags }
}

/// Whether a range has something of the lane in it. One that goes on behind the last address is none.
fn overlaps(page: &Page, from: u64, bytes: u64) -> bool {
    let from = untagged(from);
    let end = from.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(PAGE));
    let room = page.at..page.at + page.bytes();
    end.is_some_and(|end| from / PAGE * PAGE < room.end && room.start < end)
}

/// What a call would do to the lane, if it touches it at all.
fn deed(call: &Call, page: &Page) -> Deed {
    let Some(syscall) = call.syscall.filter(|_| call.abi == Abi::Native) else {
        return Deed::Nothing;
    };
    if !touches(syscall).iter().any(|touch| touch.is_met(&call.args, page.at)) {
        return Deed::Nothing;
    }
    let [first, second, third, fourth, fifth, _] = call.args;
    let within = overlaps(page, first, second);
    let is_large = |bytes: u64| bytes >> 32 != 0;
    match syscall {
        Syscall::Mmap => {
            let has = |flag: i32| fourth as i32 & flag != 0;
            match (has(libc::MAP_FIXED), has(libc::MAP_FIXED_NOREPLACE)) {
                (true, false) if within => Deed::Fills,
                (false, false) if within || is_large(second) => Deed::MayFill,
                (_, true) if within => Deed::MayFill,
                _ if fourth as u32 & MAP_GROWSDOWN != 0 => Deed::MayFill,
                _ => Deed::Nothing,
            }
        }
        // What no address space has is refused before anything is done.
        Syscall::Munmap if untagged(first).saturating_add(second) > ADDRESSES => Deed::Nothing,
        Syscall::Mprotect | Syscall::PkeyMprotect if within => Deed::Fills,
        Syscall::Mremap => {
            let (flags, to) = (fourth as i32, fifth);
            let has = |flag: i32| flags & flag != 0;
            match () {
                () if has(libc::MREMAP_FIXED) && overlaps(page, to, third) => Deed::Fills,
                // Nothing is a mapping that is copied.
                () if overlaps(page, first, second.max(1)) => Deed::Changes,
                () if overlaps(page, first, third) => Deed::MayFill,
                () if has(libc::MREMAP_FIXED) => Deed::Nothing,
                () if overlaps(page, to, third) || is_large(third) => Deed::MayFill,
                () => Deed::Nothing,
            }
        }
        Syscall::Shmat => match second {
            0 => Deed::MayFill,
            // How large the segment is, is not in the call.
            at if untagged(at) >= page.at + page.bytes() => Deed::Nothing,
            _ if third as u32 & SHM_REMAP != 0 => Deed::Fills,
            _ => Deed::MayFill,
        },
        // The heap lies below, or there would be no room for the lane.
        Syscall::Brk => Deed::MayFill,
        Syscall::ProcessMadvise if HARMLESS.contains(&(fourth as i32)) => Deed::Nothing,
        Syscall::ProcessMadvise => Deed::OutOfSight,
        _ if within => Deed::Changes,
        _ => Deed::Nothing,
    }
}

/// What `process_madvise` fails with: of a process, as kernels before 6.13 say of all such advice.
fn out_of_sight(call: &Call, tid: Pid) -> Errno {
    let is_of_none = |fd: i32| fd >= 0 && procfs::pidfd(tid, fd).is_none();
    match (call.arg(Arg::A0) as i32, call.arg(Arg::A4) as u32) {
        (fd, 0) if is_of_none(fd) => Errno::EBADF,
        _ => Errno::EINVAL,
    }
}

impl<A: Arch> Engine<A> {
    /// Puts the page in its place before a call that might bring something else there.
    pub(in crate::engine) fn hold_ground<G: Guest<A>>(
        &mut self,
        call: &Call,
        guest: &G,
    ) -> Result<Option<Next>, Errno> {
        let Some(fast) = self.lane.as_ref().filter(|fast| fast.page.decides()) else {
            return Ok(None);
        };
        if deed(call, &fast.page) != Deed::MayFill {
            return Ok(None);
        }
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let is_alone = Rc::strong_count(&task.lane) == 1 && task.coverage == Coverage::Filter;
        let (state, ground) = (task.lane.borrow().state, task.lane.borrow().ground);
        if ground != Ground::Open {
            return Ok(None);
        }
        let part = match state {
            State::Absent if is_alone => Part::Page,
            _ => Part::Ground,
        };
        let mapping = page_mapping(&fast.page);
        self.inject(mapping, Mapped::Lane(part), call.abi, guest).map(Some)
    }

    /// What a call fails with that would change what lies where the lane does.
    pub(in crate::engine) fn keep_ground<G: Guest<A>>(
        &mut self,
        call: &Call,
        guest: &G,
    ) -> Option<Action> {
        let page = &self.lane.as_ref().filter(|fast| fast.page.decides())?.page;
        let ground = self.tasks.get(&guest.tid())?.lane.borrow().ground;
        let refused = match (deed(call, page), ground) {
            (Deed::Nothing, _) => None,
            (Deed::Fills, _) | (Deed::Changes, Ground::Held) => Some(Errno::EPERM),
            (Deed::OutOfSight, Ground::Held) => Some(out_of_sight(call, guest.tid())),
            (Deed::MayFill, Ground::Lost) => Some(Errno::ENOMEM),
            (Deed::Changes | Deed::MayFill | Deed::OutOfSight, _) => None,
        };
        let errno = refused?;
        if errno == Errno::EPERM {
            let (at, name) = (page.at, call.syscall.map_or("", Syscall::name));
            self.observer.meddled(guest.tid(), name, &format!("{at:#x}"), errno);
        }
        Some(Action::refuse(errno, "the fast lane lies there"))
    }

    /// What becomes of an open of memory to be written to, through which the page could be changed as well.
    pub(in crate::engine) fn refuse_memory<G: Guest<A>>(
        &mut self,
        errno: Errno,
        call: &Call,
        guest: &G,
    ) -> Action {
        if self.lane.is_some() {
            let name = call.syscall.map_or("", Syscall::name);
            self.observer.meddled(guest.tid(), name, "/proc/<pid>/mem", errno);
        }
        Action::refuse(errno, "what vrift has put into a process could be changed by it")
    }

    /// A new program is about to begin: if it has something where the lane belongs, it does not. That is what
    /// the kernel does with one whose segments find no room (`bprm_execve` in fs/exec.c).
    pub(in crate::engine) fn clear_ground<G: Guest<A>>(&mut self, guest: &G) -> Result<(), Errno> {
        let Some(fast) = self.lane.as_ref().filter(|fast| fast.page.decides()) else {
            return Ok(());
        };
        let (tid, at) = (guest.tid(), fast.page.at);
        if !procfs::is_mapped(tid, at..at + PAGE) {
            return Ok(());
        }
        let mut regs = guest.regs(Abi::Native)?;
        if let Registers::Native(regs) = &mut regs {
            regs.set_ip(NOWHERE);
        }
        guest.set_regs(&regs)?;
        self.observer.meddled(tid, Syscall::Execve.name(), &format!("{at:#x}"), Errno::EFAULT);
        self.observer.complain(&Misplaced { tid, at });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vrift_arch::lane::{Hidden, Plan};
    use vrift_arch::x86_64::X86_64;

    use super::*;
    use crate::call::Layer;

    #[test]
    fn what_a_call_would_do_is_known_for_any_arguments() {
        let plan = Plan { hidden: Hidden::Nothing, tape: None };
        let page = X86_64::lane(&plan).expect("it has no places");
        let deed = |syscall, given: &[u64]| {
            let mut args = [0; 6];
            args[..given.len()].copy_from_slice(given);
            let (abi, layer) = (Abi::Native, Layer::Outer);
            let call = Call { abi, nr: 0, syscall: Some(syscall), args, layer, ip: 0, sp: 0 };
            super::deed(&call, &page)
        };
        let edges = [0, 1, PAGE, page.at - 1, page.at, page.at + PAGE, 1 << 47, 1 << 57, u64::MAX];
        for &syscall in Syscall::ALL {
            for first in edges {
                for second in edges {
                    for third in edges {
                        let found = deed(syscall, &[first, second, third, third, first, 0]);
                        assert!(found == Deed::Nothing || !touches(syscall).is_empty());
                    }
                }
            }
        }
        assert_eq!(deed(Syscall::Munmap, &[page.at - 1, 2]), Deed::Changes);
        assert_eq!(deed(Syscall::Munmap, &[PAGE, 1 << 47]), Deed::Changes);
        assert_eq!(deed(Syscall::Munmap, &[PAGE, 1 << 60]), Deed::Nothing);
        assert_eq!(deed(Syscall::Mprotect, &[PAGE, 1 << 60, 7]), Deed::Fills);
        assert_eq!(deed(Syscall::Mprotect, &[page.at, u64::MAX, 7]), Deed::Nothing);
        assert_eq!(deed(Syscall::Munmap, &[page.at + PAGE, PAGE]), Deed::Nothing);
        assert_eq!(deed(Syscall::Munmap, &[page.at - PAGE, PAGE]), Deed::Nothing);
    }
}
