//! `CLONE_*` bits and `struct clone_args` (`linux/sched.h`).

use crate::bytes::get_u64;

/// The bits of clone's flags that hold the signal sent at exit.
pub const CSIGNAL: u64 = 0xff;
/// unshare: a new time namespace; the bit lies in [`CSIGNAL`], so clone cannot take it.
pub const CLONE_NEWTIME: u64 = 0x80;
/// The address space is shared.
pub const CLONE_VM: u64 = 0x100;
/// Root, working directory and umask are shared.
pub const CLONE_FS: u64 = 0x200;
/// The descriptor table is shared.
pub const CLONE_FILES: u64 = 0x400;
/// Signal handlers are shared.
pub const CLONE_SIGHAND: u64 = 0x800;
/// The parent gets a descriptor of the child.
pub const CLONE_PIDFD: u64 = 0x1000;
/// The child is traced as its parent is.
pub const CLONE_PTRACE: u64 = 0x2000;
/// The parent waits until the child executes or exits.
pub const CLONE_VFORK: u64 = 0x4000;
/// The child's parent is that of the caller.
pub const CLONE_PARENT: u64 = 0x8000;
/// The child is a thread of the caller's process.
pub const CLONE_THREAD: u64 = 0x1_0000;
/// A new mount namespace.
pub const CLONE_NEWNS: u64 = 0x2_0000;
/// System V semaphore undo values are shared.
pub const CLONE_SYSVSEM: u64 = 0x4_0000;
/// Thread-local storage is set.
pub const CLONE_SETTLS: u64 = 0x8_0000;
/// The parent's memory gets the child's id.
pub const CLONE_PARENT_SETTID: u64 = 0x10_0000;
/// The child's id is cleared in its memory at exit.
pub const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;
/// Ignored by the kernel.
pub const CLONE_DETACHED: u64 = 0x40_0000;
/// A tracer cannot force [`CLONE_PTRACE`] on the child.
pub const CLONE_UNTRACED: u64 = 0x80_0000;
/// The child's memory gets its id.
pub const CLONE_CHILD_SETTID: u64 = 0x100_0000;
/// A new cgroup namespace.
pub const CLONE_NEWCGROUP: u64 = 0x200_0000;
/// A new UTS namespace.
pub const CLONE_NEWUTS: u64 = 0x400_0000;
/// A new IPC namespace.
pub const CLONE_NEWIPC: u64 = 0x800_0000;
/// A new user namespace.
pub const CLONE_NEWUSER: u64 = 0x1000_0000;
/// A new PID namespace.
pub const CLONE_NEWPID: u64 = 0x2000_0000;
/// A new network namespace.
pub const CLONE_NEWNET: u64 = 0x4000_0000;
/// The I/O context is shared.
pub const CLONE_IO: u64 = 0x8000_0000;
/// clone3: signal handlers are reset.
pub const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
/// clone3: the child starts in a given cgroup.
pub const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// The flags that make a namespace.
pub const NAMESPACES: u64 = CLONE_NEWNS
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET
    | CLONE_NEWIPC
    | CLONE_NEWUTS
    | CLONE_NEWCGROUP;

/// `struct clone_args` of clone3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of clone(2)")]
pub struct CloneArgs {
    pub flags: u64,
    pub pidfd: u64,
    pub child_tid: u64,
    pub parent_tid: u64,
    pub exit_signal: u64,
    pub stack: u64,
    pub stack_size: u64,
    pub tls: u64,
    pub set_tid: u64,
    pub set_tid_size: u64,
    pub cgroup: u64,
}

impl CloneArgs {
    /// The size of the first version, which ends with `tls`.
    pub const SIZE_VER0: usize = 64;
    /// The size of the second version, which adds `set_tid` and its size.
    pub const SIZE_VER1: usize = 80;
    /// The size of the third version, which adds `cgroup`.
    pub const SIZE_VER2: usize = 88;

    /// Reads the structure; `None` if `bytes` is shorter than the first version. Fields behind
    /// the end are zero, as the kernel takes them.
    pub fn decode(bytes: &[u8]) -> Option<CloneArgs> {
        if bytes.len() < CloneArgs::SIZE_VER0 {
            return None;
        }
        let word = |i: usize| get_u64(bytes, 8 * i).unwrap_or(0);
        Some(CloneArgs {
            flags: word(0),
            pidfd: word(1),
            child_tid: word(2),
            parent_tid: word(3),
            exit_signal: word(4),
            stack: word(5),
            stack_size: word(6),
            tls: word(7),
            set_tid: word(8),
            set_tid_size: word(9),
            cgroup: word(10),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clone_args_of_every_version() {
        let bytes: Vec<u8> = (0..11u64).flat_map(|i| (i + 1).to_le_bytes()).collect();
        assert_eq!(CloneArgs::decode(&bytes[..56]), None);
        for (size, set_tid_size, cgroup) in [(64, 0, 0), (80, 10, 0), (88, 10, 11)] {
            let args = CloneArgs::decode(&bytes[..size]).unwrap();
            assert_eq!((args.flags, args.tls), (1, 8));
            assert_eq!((args.set_tid_size, args.cgroup), (set_tid_size, cgroup));
        }
    }
}
