//! Room in a tracee for what its call is to point at: scratch memory, or, where none can be mapped
//! (RLIMIT_AS, locked memory, a filter of its own) or written, its stack below all that is in use.
//!
//! A mapping is tried once a call, so nothing is tried for ever.

use std::fmt;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use vrift_arch::Arch;
use vrift_arch::abi::OpenHow;
use vrift_vfs::Paths;

use super::enter::Action;
use super::filters::installs_filter;
use super::scratch::Slot;
use super::{Engine, Guest, sockets};
use crate::call::Call;
use crate::memory::{GuestAddr, Memory};

/// Whether a mapping has been tried for the call a task is about to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapping {
    Untried,
    Tried,
}

/// Where the words of a call lie.
#[derive(Debug)]
pub(super) enum Room {
    /// In scratch memory; nowhere if it needs none.
    Slots(Vec<Slot>),
    /// On the tracee's stack.
    Lent(Lent),
    /// In a region with so many slots that is to be mapped first.
    ToBeMapped(usize),
    /// There is none.
    Missing,
}

/// No room for a path anywhere in a tracee.
#[derive(Debug)]
pub(super) struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a path cannot be put into the memory of a program: nothing can be mapped or written \
             there (its limits, its own seccomp filter, or a kernel without forced writes), so its \
             call fails with ENOMEM"
        )
    }
}

impl std::error::Error for NoRoom {}

/// What lies below the stack pointer and is in use all the same (128 bytes in the ABI of x86_64).
const RED_ZONE: u64 = 256;

/// A piece of a tracee's stack for the time of a call.
#[derive(Debug)]
pub(super) struct Lent {
    at: GuestAddr,
    former: Vec<u8>,
    /// Where the paths begin.
    pub(super) paths: Vec<GuestAddr>,
    /// Room for what openat2 is told beside its path.
    pub(super) structure: GuestAddr,
}

impl Lent {
    /// Writes paths, each behind `lead`, below the stack; `None` if there is no memory.
    fn take(
        paths: &Paths,
        lead: &[u8],
        sp: u64,
        memory: &dyn Memory,
    ) -> Result<Option<Lent>, Errno> {
        let mut bytes = Vec::new();
        let mut starts = Vec::new();
        for path in [&paths.first, &paths.second].into_iter().flatten() {
            starts.push(bytes.len() as u64);
            bytes.extend_from_slice(lead);
            bytes.extend_from_slice(path.as_os_str().as_bytes());
            bytes.push(0);
        }
        let structure = bytes.len().next_multiple_of(align_of::<u64>());
        bytes.resize(structure + OpenHow::SIZE, 0);
        let Some(at) = sp.checked_sub(RED_ZONE + bytes.len() as u64) else { return Ok(None) };
        let at = GuestAddr(at & !15);
        let mut former = vec![0; bytes.len()];
        let written = memory.read_exact(at, &mut former).and_then(|()| memory.write(at, &bytes));
        let paths = starts.into_iter().map(|start| at.offset(start)).collect();
        let structure = at.offset(structure as u64);
        match written {
            Ok(()) => Ok(Some(Lent { at, former, paths, structure })),
            Err(Errno::ESRCH) => Err(Errno::ESRCH),
            Err(_) => Ok(None),
        }
    }

    /// Gives it back as it was. *Errors:* only that the tracee is dying.
    pub(super) fn give_back(&self, memory: &dyn Memory) -> Result<(), Errno> {
        match memory.write(self.at, &self.former) {
            Err(Errno::ESRCH) => Err(Errno::ESRCH),
            // The tracee has unmapped it meanwhile.
            _ => Ok(()),
        }
    }
}

impl<A: Arch> Engine<A> {
    /// Finds room for what `action` writes, and writes it.
    pub(super) fn room<G: Guest<A>>(
        &mut self,
        action: &Action,
        call: &Call,
        guest: &G,
    ) -> Result<Room, Errno> {
        let tid = guest.tid();
        let is_empty = self.tasks.get(&tid).is_some_and(|task| task.scratch.borrow().is_empty());
        let (count, slots) = match action {
            Action::Rewrite(paths, ..) => (1, self.place(paths, call, guest)?),
            Action::Launch(script, ..) => {
                (script.slots(), self.place_script(script, call.abi, guest)?)
            }
            // Its filter may forbid mappings.
            Action::Watch(_) if self.served.is_some() && installs_filter(call) && is_empty => {
                (1, None)
            }
            _ => return Ok(Room::Slots(Vec::new())),
        };
        let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
        let mapping = std::mem::replace(&mut task.mapping, Mapping::Untried);
        if let Some(slots) = slots {
            return Ok(Room::Slots(slots));
        }
        if mapping == Mapping::Untried && task.scratch.borrow().is_writable() {
            return Ok(Room::ToBeMapped(count));
        }
        Ok(match action {
            Action::Rewrite(paths, ..) => Lent::take(paths, sockets::lead(call), call.sp, guest)?
                .map_or(Room::Missing, Room::Lent),
            Action::Watch(_) => Room::Slots(Vec::new()),
            _ => Room::Missing,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Memory from address 0 on.
    struct Bytes(RefCell<Vec<u8>>);

    impl Memory for Bytes {
        fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
            let bytes = self.0.borrow();
            let from = bytes.get(at.0 as usize..).filter(|b| !b.is_empty()).ok_or(Errno::EFAULT)?;
            let len = from.len().min(buf.len());
            buf[..len].copy_from_slice(&from[..len]);
            Ok(len)
        }

        fn write(&self, at: GuestAddr, new: &[u8]) -> Result<(), Errno> {
            let mut bytes = self.0.borrow_mut();
            let to = at.0 as usize..at.0 as usize + new.len();
            bytes.get_mut(to).ok_or(Errno::EFAULT)?.copy_from_slice(new);
            Ok(())
        }
    }

    #[test]
    fn a_stack_is_lent_below_what_is_in_use_and_given_back() {
        let memory = Bytes(RefCell::new((0..=255).cycle().take(2000).collect()));
        let before = memory.0.borrow().clone();
        let paths = Paths { first: Some("/a/b".into()), second: Some("/c".into()) };
        let lent =
            Lent::take(&paths, b"", 1000, &memory).expect("it lives").expect("there is room");
        let text = |n: usize| memory.read_cstr(lent.paths[n], 100).expect("it was written");
        assert_eq!((text(0), text(1)), (b"/a/b".to_vec(), b"/c".to_vec()));
        assert_eq!(memory.0.borrow()[1000 - RED_ZONE as usize..], before[1000 - 256..]);
        lent.give_back(&memory).expect("it lives");
        assert_eq!(*memory.0.borrow(), before);
        assert!(Lent::take(&paths, b"", 100, &memory).expect("it lives").is_none());
        assert!(Lent::take(&paths, b"", 9000, &memory).expect("it lives").is_none());
    }
}
