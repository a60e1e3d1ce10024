//! What the lane's page says of its task: which descriptors may be of a mount, and whether the current
//! directory is on the host.
//!
//! It never says that something is the host's which is not. Who borrows the memory (vfork) may have other
//! descriptors and another directory: then what is of a mount for one is so for both, and only who is
//! alone takes anything back. Who shares them without the memory has no lane.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use nix::errno::Errno;
use vrift_arch::Arch;
use vrift_arch::lane::{DESCRIPTORS, Lane as Page};

use super::{OTHERS, State};
use crate::engine::{Engine, Guest};
use crate::memory::GuestAddr;
use crate::procfs;

/// After so often it is written down that a number has become the host's: a compiler opens headers here
/// and there by the same few numbers, and each change of the page costs as much as a stop.
const FOUND_BEFORE: u32 = 4;

/// What the page of one address space says.
#[derive(Debug, Default, Clone)]
pub(super) struct Known {
    /// The descriptors that may be of a mount, and how often each was found to be the host's since.
    marked: HashMap<u32, u32>,
    /// Some that the page does not know yet.
    fresh: Vec<u32>,
    directory: Directory,
}

/// Where the current directory is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Directory {
    /// Nobody has asked since it last changed.
    #[default]
    Unknown,
    OnHost,
    /// In a mount, or a place where the host's answers are vrift's.
    Elsewhere,
}

impl Known {
    /// A descriptor is open on something of a mount.
    pub(super) fn opened(&mut self, fd: i32) {
        if let Some(fd) = u32::try_from(fd).ok().filter(|&fd| fd < DESCRIPTORS)
            && self.marked.insert(fd, 0).is_none()
        {
            self.fresh.push(fd);
        }
    }

    /// Writes down what the page does not know yet.
    fn tell<A: Arch, G: Guest<A>>(&mut self, page: &Page, guest: &G) -> Result<(), Errno> {
        for fd in std::mem::take(&mut self.fresh) {
            self.write_bits(page, fd, guest)?;
        }
        Ok(())
    }

    /// Writes the eight bits among which that of `fd` is.
    fn write_bits<A: Arch, G: Guest<A>>(
        &self,
        page: &Page,
        fd: u32,
        guest: &G,
    ) -> Result<(), Errno> {
        let first = fd / 8 * 8;
        let bit = |n: u32| u8::from(self.marked.contains_key(&(first + n))) << n;
        let bits = (0..8).map(bit).fold(0, |bits, bit| bits | bit);
        guest.plant(GuestAddr(page.descriptors + u64::from(first / 8)), &[bits])
    }
}

impl<A: Arch> Engine<A> {
    /// Writes down which descriptors have come to be of a mount, before the task can ask about them.
    pub(in crate::engine) fn tell_lane<G: Guest<A>>(&self, guest: &G) -> Result<(), Errno> {
        let Some(fast) = &self.lane else { return Ok(()) };
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut lane = task.lane.borrow_mut();
        if lane.state != State::InPlace {
            return Ok(());
        }
        let told = lane.known.tell(&fast.page, guest);
        drop(lane);
        self.or_close(told, guest)
    }

    /// The first task of the lane starts with these.
    pub(super) fn begin_known<G: Guest<A>>(&self, guest: &G) -> Result<(), Errno> {
        let Some(task) = self.tasks.get(&guest.tid()) else { return Ok(()) };
        let mut lane = task.lane.borrow_mut();
        lane.known = Known::default();
        task.files.borrow().numbers().for_each(|fd| lane.known.opened(fd));
        drop(lane);
        self.tell_lane(guest)
    }

    /// A descriptor has been asked about and is the host's: the one of a mount that had its number has
    /// been closed.
    pub(in crate::engine) fn forget_in_lane<G: Guest<A>>(
        &self,
        fd: i32,
        guest: &G,
    ) -> Result<(), Errno> {
        let (Some(fast), Ok(fd)) = (&self.lane, u32::try_from(fd)) else { return Ok(()) };
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        if Rc::strong_count(&task.lane) != 1 {
            return Ok(());
        }
        let mut lane = task.lane.borrow_mut();
        let state = lane.state;
        let Some(found) = lane.known.marked.get_mut(&fd) else { return Ok(()) };
        *found += 1;
        if state != State::InPlace || *found < FOUND_BEFORE {
            return Ok(());
        }
        lane.known.marked.remove(&fd);
        let told = lane.known.write_bits(&fast.page, fd, guest);
        drop(lane);
        self.or_close(told, guest)
    }

    /// The current directory is about to change.
    pub(in crate::engine) fn leave_directory<G: Guest<A>>(&self, guest: &G) -> Result<(), Errno> {
        let Some(fast) = &self.lane else { return Ok(()) };
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut lane = task.lane.borrow_mut();
        let before = std::mem::take(&mut lane.known.directory);
        if lane.state != State::InPlace || before != Directory::OnHost {
            return Ok(());
        }
        drop(lane);
        self.or_close(guest.plant(GuestAddr(fast.page.directory), &[0]), guest)
    }

    /// A path has been found on the host that starts in the current directory: if that is there too, the
    /// next one need not be asked about.
    pub(super) fn enter_directory<G: Guest<A>>(&self, guest: &G) -> Result<(), Errno> {
        let Some(fast) = &self.lane else { return Ok(()) };
        let task = self.tasks.get(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut lane = task.lane.borrow_mut();
        let is_alone = Rc::strong_count(&task.lane) == 1 && Rc::strong_count(&task.directory) == 1;
        if lane.state != State::InPlace || lane.known.directory != Directory::Unknown || !is_alone {
            return Ok(());
        }
        let is_other = |path: &Path| {
            let path = path.as_os_str().as_encoded_bytes();
            OTHERS.iter().any(|other| path.starts_with(other))
        };
        let on_host = task.directory.borrow().is_none()
            && procfs::directory(guest.tid()).is_ok_and(|path| !is_other(&path));
        if !on_host {
            lane.known.directory = Directory::Elsewhere;
            return Ok(());
        }
        lane.known.directory = Directory::OnHost;
        drop(lane);
        self.or_close(guest.plant(GuestAddr(fast.page.directory), &[1]), guest)
    }

    /// A page that cannot be told is not used. *Errors:* only that the task is dying.
    pub(super) fn or_close<G: Guest<A>>(
        &self,
        told: Result<(), Errno>,
        guest: &G,
    ) -> Result<(), Errno> {
        match told {
            Err(Errno::ESRCH) => Err(Errno::ESRCH),
            Err(_) => {
                self.close_lane(guest);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
