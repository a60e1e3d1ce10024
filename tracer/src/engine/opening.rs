//! What the kernel is told of an open whose path has become that of a blob or a stand-in.

use nix::errno::Errno;
use vrift_arch::abi::{OpenHow, open};
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::Effect;

use super::Guest;
use super::task::Pending;
use crate::memory::GuestAddr;

/// What opens an existing node must not make its blob if that is missing. `O_NOATIME` is the right of
/// the node's owner, who need not be the blob's. The limits of openat2 were for the path that has been
/// walked already, not for the one that leads to the blob.
pub(super) fn keep_from_making<A: Arch, G: Guest<A>>(
    pending: &mut Pending,
    guest: &G,
) -> Result<(), Errno> {
    let arg = match pending.call.syscall {
        Some(Syscall::Open) => Arg::A1,
        Some(Syscall::Openat) => Arg::A2,
        Some(Syscall::Openat2) => return open_plainly(pending, guest),
        _ => return Ok(()),
    };
    let flags = pending.call.arg(arg);
    let mut done = u64::from(open::O_CREAT | open::O_NOATIME);
    if is_made(&pending.effect) {
        done |= u64::from(open::O_TRUNC);
    }
    if flags & u64::from(open::__O_TMPFILE | open::O_PATH) == u64::from(open::__O_TMPFILE) {
        // The file without a name has been made.
        done |= u64::from(open::__O_TMPFILE | A::OPEN.directory);
    }
    if flags & done != 0 {
        let abi = pending.call.abi;
        pending.undo.args.push((abi, arg, flags));
        guest.set_arg(abi, arg, flags & !done)?;
    }
    Ok(())
}

/// Whether an open has made its file, so that there is nothing to cut off. ext4 would take the file for
/// one that is being replaced, and begin to write it to disk when it is closed (`EXT4_STATE_DA_ALLOC_CLOSE`
/// in fs/ext4).
fn is_made(effect: &Effect) -> bool {
    matches!(effect, Effect::Opens { fresh: Some(_), .. })
}

/// Gives openat2 another `struct open_how`, behind its path. In scratch memory it lies where the tracee cannot change
/// it, unlike the one that was judged; so what is read again here is only trusted to read.
fn open_plainly<A: Arch, G: Guest<A>>(pending: &mut Pending, guest: &G) -> Result<(), Errno> {
    const CHANGES: u32 =
        open::O_CREAT | open::O_EXCL | open::O_TRUNC | open::__O_TMPFILE | open::O_NOATIME;
    let at = match (&pending.lent, pending.slots.first()) {
        (Some(lent), _) => lent.structure,
        (None, Some(slot)) => slot.structure(),
        (None, None) => return Ok(()),
    };
    let mut bytes = [0; OpenHow::SIZE];
    let judged = guest.read_exact(GuestAddr(pending.call.arg(Arg::A2)), &mut bytes);
    if judged == Err(Errno::ESRCH) {
        return Err(Errno::ESRCH);
    }
    let changes = match &pending.effect {
        Effect::Opens { blob: Some(_), .. } => CHANGES | open::O_ACCMODE,
        effect if is_made(effect) => CHANGES,
        // What stands for a FIFO, and a staging file, may be written to.
        _ => CHANGES & !open::O_TRUNC,
    };
    let flags = OpenHow::decode(&bytes).unwrap_or_default().flags & !u64::from(changes);
    let abi = pending.call.abi;
    let how = OpenHow { flags, mode: 0, resolve: 0 };
    match &pending.lent {
        Some(_) => guest.write(at, &how.encode())?,
        None => guest.plant(at, &how.encode())?,
    }
    for (arg, value) in [(Arg::A2, at.0), (Arg::A3, OpenHow::SIZE as u64)] {
        pending.undo.args.push((abi, arg, pending.call.arg(arg)));
        guest.set_arg(abi, arg, value)?;
    }
    Ok(())
}
