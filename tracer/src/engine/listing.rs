//! Listings of directories of a mount.

use nix::errno::Errno;
use vrift_arch::{Arch, Arg};
use vrift_vfs::{NodeRef, Positions};

use super::enter::Action;
use super::task::Coverage;
use super::{Engine, Guest};
use crate::call::{Abi, Call};
use crate::descriptors;
use crate::memory::GuestAddr;
use crate::procfs;
use crate::reply;
use crate::view::note::Note;

impl<A: Arch> Engine<A> {
    /// Gives the next part of a directory. The position is the kernel's own, so that dup, fork,
    /// lseek and telldir need no help: the call is turned into the lseek that moves it.
    pub(super) fn list<G: Guest<A>>(&mut self, node: NodeRef, call: &Call, guest: &G) -> Action {
        let fd = call.arg(Arg::A0);
        let denied = |errno: Errno| Action::Skip(-(errno as i64), Note::Manifest);
        let Some(from) = procfs::position(guest.tid(), fd as i32) else {
            return denied(Errno::EBADF);
        };
        let served = self.served.as_ref().expect("only a served directory is listed");
        let positions = match call.abi {
            Abi::Compat => Positions::Narrow,
            Abi::Native | Abi::Foreign { .. } => Positions::Wide,
        };
        let entries = served.namespace().entries(node, from, positions);
        let listing = entries.and_then(|entries| match call.abi {
            Abi::Compat => reply::listing::<A::Compat>(call, from, entries),
            Abi::Native | Abi::Foreign { .. } => reply::listing::<A>(call, from, entries),
        });
        let listing = match listing {
            Ok(Ok(listing)) => listing,
            Ok(Err(errno)) => return denied(errno),
            Err(error) => return self.fail(&error),
        };
        if listing.bytes.is_empty() {
            return Action::Skip(0, Note::Manifest);
        }
        if let Err(errno) = guest.write(GuestAddr(call.arg(Arg::A1)), &listing.bytes) {
            return denied(errno);
        }
        let listed = listing.result;
        if let Some(task) = self.tasks.get(&guest.tid())
            && task.coverage == Coverage::EveryCall
            && descriptors::seek(guest.tid(), task.tgid, fd as i32, listing.next).is_ok()
        {
            // Its filter may forbid lseek.
            return Action::Skip(listed, Note::Manifest);
        }
        Action::Seek { fd, to: listing.next, listed }
    }
}
