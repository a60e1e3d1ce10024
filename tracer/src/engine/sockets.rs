//! Sockets that are bound, connected or sent to by a path of a mount.
//!
//! vrift binds a socket itself, through a descriptor of its own for it: the kernel makes the socket's
//! file with the rights of who binds, and a tracee has none where that lies. Connecting and sending,
//! which may block and tell the other side who does it, is left to the tracee with another address.
//!
//! What the kernel tells of those who connect or send is the matter of `peers`.

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::abi::unix_address;
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{Fresh, Judged, Request, Verdict};

use super::enter::Action;
use super::task::Pending;
use super::{Engine, Guest};
use crate::call::{Abi, Call};
use crate::decode::Sent;
use crate::descriptors::{self, End};
use crate::memory::GuestAddr;
use crate::view::note::Note;

/// What is before the path in an address.
const FAMILY: [u8; 2] = vrift_arch::abi::AF_UNIX.to_le_bytes();

/// Where a call has the address it is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Site {
    /// In memory and as long as these arguments say.
    Args(Arg, Arg),
    /// As the message header at this address says.
    Header(GuestAddr),
}

impl Site {
    pub(super) fn of(call: &Call) -> Option<Site> {
        match call.syscall? {
            Syscall::Bind | Syscall::Connect => Some(Site::Args(Arg::A1, Arg::A2)),
            Syscall::Sendto => Some(Site::Args(Arg::A4, Arg::A5)),
            // Of several messages only the first is sent by a call whose address is replaced.
            Syscall::Sendmsg | Syscall::Sendmmsg => {
                Some(Site::Header(GuestAddr(call.arg(Arg::A1))))
            }
            _ => None,
        }
    }
}

/// What must be before a path that is planted for `call`.
pub(super) fn lead(call: &Call) -> &'static [u8] {
    if Site::of(call).is_some() { &FAMILY } else { &[] }
}

/// Whether the address of `call` lies where it cannot be replaced.
pub(super) fn is_out_of_reach(call: &Call) -> bool {
    call.syscall == Some(Syscall::Socketcall)
}

pub(super) fn out_of_reach() -> Action {
    Action::refuse(
        Errno::EPERM,
        "the address of a socket in a mount cannot be replaced in this call",
    )
}

/// Points a call at the address that has been planted for it, which is that of `path`. *Errors:* that of a header that
/// cannot be changed where it lies; it is as it was, then.
pub(super) fn aim<A: Arch, G: Guest<A>>(
    site: Site,
    path: &Path,
    pending: &mut Pending,
    guest: &G,
) -> Result<(), Errno> {
    let at = match (&pending.lent, pending.slots.first()) {
        (Some(lent), _) => lent.paths.first().copied(),
        (None, slot) => slot.map(|slot| slot.addr()),
    };
    let Some(at) = at else { return Ok(()) };
    let len = (FAMILY.len() + path.as_os_str().len() + 1) as u64;
    let abi = pending.call.abi;
    match site {
        Site::Args(addr, size) => {
            for (arg, value) in [(addr, at.0), (size, len)] {
                pending.undo.args.push((abi, arg, pending.call.arg(arg)));
                guest.set_arg(abi, arg, value)?;
            }
        }
        Site::Header(header) => {
            let words = match abi {
                Abi::Compat => vec![(header, at.0 | len << 32)],
                Abi::Native | Abi::Foreign { .. } => vec![(header, at.0), (header.offset(8), len)],
            };
            for (word, value) in words {
                let changed = guest.read_u64(word).and_then(|former| {
                    guest.plant(word, &value.to_ne_bytes())?;
                    Ok(former)
                });
                match changed {
                    Ok(former) => pending.undo.words.push((word, former)),
                    Err(errno) => {
                        for (word, former) in pending.undo.words.drain(..) {
                            guest.plant(word, &former.to_ne_bytes())?;
                        }
                        return Err(errno);
                    }
                }
            }
            if pending.call.syscall == Some(Syscall::Sendmmsg) {
                pending.undo.args.push((abi, Arg::A2, pending.call.arg(Arg::A2)));
                guest.set_arg(abi, Arg::A2, 1)?;
            }
        }
    }
    Ok(())
}

impl<A: Arch> Engine<A> {
    /// Sends messages. One to a path of a mount is sent by itself, so that one address is replaced.
    pub(super) fn send<G: Guest<A>>(
        &mut self,
        messages: Vec<Sent>,
        call: &Call,
        guest: &G,
    ) -> Action {
        let tid = guest.tid();
        let is_named = messages.iter().any(|message| message.to.is_some());
        // Only datagrams are sent to a path; for any other socket it is a mistake.
        let Some(task) = self.tasks.get(&tid) else { return Action::Pass };
        let fd = call.arg(Arg::A0) as i32;
        let datagram = is_named && descriptors::is_datagram(tid, task.tgid, fd);
        let mut fds = Vec::new();
        for (number, message) in (0u64..).zip(messages) {
            if let (Some(path), Some(served), true) = (message.to, &mut self.served, datagram) {
                match served.judge(&self.tasks, tid, self.cores.as_ref(), &Request::Connect(path)) {
                    Ok(Judged { verdict: Verdict::Pass, .. }) => {}
                    _ if number > 0 => {
                        self.passing.send(tid, &self.tasks, &fds);
                        return Action::Shorten(number);
                    }
                    Ok(judged) => {
                        self.passing.send(tid, &self.tasks, &message.fds);
                        return self.apply(judged, call, guest);
                    }
                    Err(error) => return self.fail(&error),
                }
            }
            fds.extend(message.fds);
        }
        self.passing.send(tid, &self.tasks, &fds);
        Action::Pass
    }

    /// Binds the socket of a call to `path`, which stands for a name that has been made for it.
    pub(super) fn bind(&mut self, path: &Path, fresh: &Fresh, call: &Call, tid: Pid) -> Action {
        let bound = match self.tasks.get(&tid) {
            Some(_) if is_out_of_reach(call) => Err(None),
            Some(task) => {
                descriptors::bind(tid, task.tgid, call.arg(Arg::A0) as i32, path).map_err(Some)
            }
            None => Err(Some(Errno::ESRCH)),
        };
        // Who may connect is a matter of the node's mode.
        let opened = bound.and_then(|()| open_to_all(path).map_err(Some));
        let Err(errno) = opened else { return Action::Skip(0, Note::Manifest) };
        let taken = self.served.as_mut().map(|served| served.take_back(fresh));
        if let Some(Err(error)) = taken {
            self.observer.complain(&error);
        }
        match errno {
            None => out_of_reach(),
            Some(errno) => Action::Skip(-(errno as i64), Note::Manifest),
        }
    }

    /// Tells the name a socket was bound to where the kernel knows another.
    pub(super) fn socket_name<G: Guest<A>>(
        &self,
        fd: i32,
        end: End,
        call: &Call,
        guest: &G,
    ) -> Action {
        let tid = guest.tid();
        let Some(served) = self.served.as_ref().filter(|served| served.namespace().has_sockets())
        else {
            return Action::Pass;
        };
        let Some(task) = self.tasks.get(&tid) else { return Action::Pass };
        let real = descriptors::socket_path(tid, task.tgid, fd, end);
        let name = real.and_then(|real| served.namespace().name_of_socket(&real));
        let Some(address) = name.and_then(unix_address) else { return Action::Pass };
        // As `move_addr_to_user` in net/socket.c.
        let (to, size) = (GuestAddr(call.arg(Arg::A1)), GuestAddr(call.arg(Arg::A2)));
        let written = guest.read_u32(size).and_then(|room| {
            let room = usize::try_from(room as i32).map_err(|_| Errno::EINVAL)?;
            guest.write(to, &address[..room.min(address.len())])?;
            guest.write(size, &(address.len() as u32).to_ne_bytes())
        });
        let ret = written.map_or_else(|errno| -(errno as i64), |()| 0);
        Action::Skip(ret, Note::Manifest)
    }
}

fn open_to_all(path: &Path) -> Result<(), Errno> {
    use std::os::unix::fs::PermissionsExt;
    let all = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(path, all)
        .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
