//! Addresses that the kernel tells of those who connect or send: what was bound in a mount has a path of
//! the run's own there, in whose place the name is put that was given.
//!
//! Deliberately absent: addresses inside socketcall, and those for which the caller has too little room.

use vrift_arch::abi::{UnixName, unix_address, unix_name};
use vrift_arch::{Arch, Arg, Syscall};

use super::{Engine, Guest};
use crate::call::{Abi, Call};
use crate::memory::GuestAddr;
use crate::messages;

/// Where the kernel will tell an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    address: GuestAddr,
    /// How long it may be.
    room: u32,
    /// Where its length will be, which replaces the room.
    length: GuestAddr,
}

impl<A: Arch> Engine<A> {
    /// Whether a socket was bound to a name in a mount.
    pub(super) fn has_sockets(&self) -> bool {
        self.served.as_ref().is_some_and(|served| served.namespace().has_sockets())
    }

    /// Where a call that is about to be made will tell addresses that may have to be replaced.
    pub(super) fn addresses_told<G: Guest<A>>(&self, call: &Call, guest: &G) -> Vec<Told> {
        if !self.has_sockets() {
            return Vec::new();
        }
        let (address, length) = match call.syscall {
            Some(Syscall::Accept | Syscall::Accept4) => (Arg::A1, Arg::A2),
            Some(Syscall::Recvfrom) => (Arg::A4, Arg::A5),
            Some(Syscall::Recvmsg | Syscall::Recvmmsg | Syscall::RecvmmsgTime64) => {
                return match call.abi {
                    Abi::Compat => in_messages::<A::Compat>(call, guest),
                    Abi::Native | Abi::Foreign { .. } => in_messages::<A>(call, guest),
                };
            }
            _ => return Vec::new(),
        };
        let (address, length) = (GuestAddr(call.arg(address)), GuestAddr(call.arg(length)));
        let room = if address.is_null() { None } else { guest.read_u32(length).ok() };
        room.map(|room| Told { address, room, length }).into_iter().collect()
    }

    /// Puts names in the place of real paths, after a call that has succeeded with `ret`.
    pub(super) fn tell_names<G: Guest<A>>(&self, told: &[Told], call: &Call, ret: i64, guest: &G) {
        let Some(served) = &self.served else { return };
        let filled = match call.syscall {
            Some(Syscall::Recvmmsg | Syscall::RecvmmsgTime64) => ret as usize,
            _ => 1,
        };
        for told in told.iter().take(filled) {
            let mut address = [0; messages::UNIX_ADDRESS_BYTES_MAX as usize];
            let Ok(length) = guest.read_u32(told.length) else { continue };
            let Some(known) = address.get_mut(..length as usize) else { continue };
            if length > told.room || guest.read_exact(told.address, known).is_err() {
                continue;
            }
            let Some(UnixName::Path(real)) = unix_name(known) else { continue };
            let real: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(real);
            let name = served.namespace().name_of_socket(real.as_ref());
            let Some(address) = name.and_then(unix_address) else { continue };
            let room = address.len().min(told.room as usize);
            // The kernel has just written there; if that has changed, so be it.
            let _ = guest.write(told.address, &address[..room]);
            let _ = guest.write(told.length, &(address.len() as u32).to_ne_bytes());
        }
    }
}

fn in_messages<B: Arch>(call: &Call, memory: &dyn crate::memory::Memory) -> Vec<Told> {
    let messages = messages::of::<B>(call, memory).into_iter();
    messages
        .filter_map(|message| {
            let (address, room) = message.name()?;
            Some(Told { address, room: room as u32, length: message.name_len_at::<B>() })
        })
        .collect()
}
