//! Messages of sockets (`struct msghdr`, `struct cmsghdr` of linux/socket.h; their
//! words are the ABI's): which paths they
//! go to, and which descriptors they carry.
//!
//! What cannot be read is left out: the kernel refuses the message, or has refused it.

use vrift_arch::abi::{UnixName, unix_name};
use vrift_arch::{Arch, Arg, Syscall};
use vrift_vfs::{At, Follow, PathOp};

use crate::call::Call;
use crate::memory::{GuestAddr, Memory};

/// The largest socket address of a UNIX socket, with room for the NUL the kernel adds.
pub(crate) const UNIX_ADDRESS_BYTES_MAX: u64 = 110;

/// As many messages as one `sendmmsg` takes (`UIO_MAXIOV`).
const MESSAGES_MAX: u64 = 1024;

/// The longest control data looked at: more than the 253 descriptors of one message
/// (`SCM_MAX_FD`) and everything else that may come with them take.
const CONTROL_BYTES_MAX: u64 = 8192;

const SOL_SOCKET: u64 = 1;
const SCM_RIGHTS: u64 = 1;

/// A message header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    at: GuestAddr,
    name: GuestAddr,
    name_len: u64,
    control: GuestAddr,
    control_len: u64,
}

/// The messages of sendmsg, sendmmsg, recvmsg or recvmmsg.
pub(crate) fn of<A: Arch>(call: &Call, memory: &dyn Memory) -> Vec<Message> {
    let at = GuestAddr(call.arg(Arg::A1));
    let count = match call.syscall {
        Some(Syscall::Sendmmsg | Syscall::Recvmmsg | Syscall::RecvmmsgTime64) => {
            call.arg(Arg::A2).min(MESSAGES_MAX)
        }
        _ => 1,
    };
    // `struct mmsghdr` has a length behind the header.
    let stride = 8 * A::WORD as u64;
    (0..count).map_while(|n| Message::read::<A>(at.offset(n * stride), memory)).collect()
}

/// The path of a UNIX socket address; `None` for other families and for names without a file.
pub(crate) fn unix_path(memory: &dyn Memory, at: GuestAddr, len: u64) -> Option<PathOp> {
    let mut address = vec![0; len.min(UNIX_ADDRESS_BYTES_MAX) as usize];
    memory.read_exact(at, &mut address).ok()?;
    match unix_name(&address)? {
        UnixName::Path(path) => {
            Some(PathOp { at: At::Cwd, path: path.to_vec(), follow: Follow::Yes })
        }
        UnixName::Unnamed | UnixName::Abstract(_) => None,
    }
}

impl Message {
    fn read<A: Arch>(at: GuestAddr, memory: &dyn Memory) -> Option<Message> {
        let mut bytes = vec![0; 7 * A::WORD];
        memory.read_exact(at, &mut bytes).ok()?;
        let word = |n: usize| unsigned(&bytes[n * A::WORD..(n + 1) * A::WORD]);
        Some(Message {
            at,
            name: GuestAddr(word(0)),
            name_len: word(1) & 0xffff_ffff,
            control: GuestAddr(word(4)),
            control_len: word(5),
        })
    }

    /// Where it goes to, if that is a path.
    pub(crate) fn destination(&self, memory: &dyn Memory) -> Option<PathOp> {
        let (name, len) = self.name()?;
        unix_path(memory, name, len)
    }

    /// The socket address it goes to, and its length, if it has one.
    pub(crate) fn name(&self) -> Option<(GuestAddr, u64)> {
        (!self.name.is_null() && self.name_len != 0).then_some((self.name, self.name_len))
    }

    /// Where the length of the address lies.
    pub(crate) fn name_len_at<A: Arch>(&self) -> GuestAddr {
        self.at.offset(A::WORD as u64)
    }

    /// The descriptors it carries.
    pub(crate) fn descriptors<A: Arch>(&self, memory: &dyn Memory) -> Vec<i32> {
        let mut control = vec![0; self.control_len.min(CONTROL_BYTES_MAX) as usize];
        if self.control.is_null() || memory.read_exact(self.control, &mut control).is_err() {
            return Vec::new();
        }
        rights(&control, A::WORD)
    }
}

/// The descriptors in control data: a length of one word, level, type, and data up to the next word.
fn rights(mut control: &[u8], word: usize) -> Vec<i32> {
    let header = word + 8;
    let mut fds = Vec::new();
    while control.len() >= header {
        let (level, kind) = (&control[word..word + 4], &control[word + 4..header]);
        // A length that is no length ends the list, as it does for the kernel (`CMSG_OK`).
        let Ok(len) = usize::try_from(unsigned(&control[..word])) else { break };
        if len < header || len > control.len() {
            break;
        }
        if (unsigned(level), unsigned(kind)) == (SOL_SOCKET, SCM_RIGHTS) {
            let (fd, _) = control[header..len].as_chunks::<4>();
            fds.extend(fd.iter().map(|&fd| i32::from_ne_bytes(fd)));
        }
        control = control.get(len.next_multiple_of(word)..).unwrap_or_default();
    }
    fds
}

/// A number of at most eight bytes; all architectures here are little-endian.
fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(word: usize, level: u32, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (word as u64 + 8 + data.len() as u64).to_le_bytes()[..word].to_vec();
        bytes.extend(level.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(word), 0);
        bytes
    }

    #[test]
    fn descriptors_are_found_among_other_control_data() {
        for word in [4, 8] {
            let mut bytes = control(word, 1, 2, &[9; 12]);
            bytes.extend(control(word, 1, 1, &[5, 0, 0, 0, 7, 0, 0, 0, 1]));
            bytes.extend(control(word, 1, 1, &[8, 0, 0, 0]));
            assert_eq!(rights(&bytes, word), [5, 7, 8], "half a descriptor at an end is none");
        }
    }

    #[test]
    fn lengths_that_lie_end_the_list() {
        for len in [0u64, 15, 25, u64::MAX] {
            let mut bytes = control(8, 1, 1, &[5, 0, 0, 0]);
            bytes[..8].copy_from_slice(&len.to_le_bytes());
            assert_eq!(rights(&bytes, 8), [0; 0], "{len}");
        }
    }
}
