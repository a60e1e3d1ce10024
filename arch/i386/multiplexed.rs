//! The calls inside `socketcall` (`linux/net.h`) and `ipc` (`linux/ipc.h`), by their selector.
//!
//! The selector is the first argument; of that of `ipc` only the low half counts, the rest is a
//! version. The arguments of a call inside `socketcall` are an array of words behind the second
//! argument, as many as its row has. Those of a call inside `ipc` are in the registers, in an order
//! of their own (`ksys_ipc` in the kernel's `ipc/syscall.c`).
//!
//! Deliberately absent: reading either.

use crate::Syscall as S;

const SOCKETCALL: &[(u32, S)] = &[
    (1, S::Socket),
    (2, S::Bind),
    (3, S::Connect),
    (4, S::Listen),
    (5, S::Accept),
    (6, S::Getsockname),
    (7, S::Getpeername),
    (8, S::Socketpair),
    (9, S::Send),
    (10, S::Recv),
    (11, S::Sendto),
    (12, S::Recvfrom),
    (13, S::Shutdown),
    (14, S::Setsockopt),
    (15, S::Getsockopt),
    (16, S::Sendmsg),
    (17, S::Recvmsg),
    (18, S::Accept4),
    (19, S::Recvmmsg),
    (20, S::Sendmmsg),
];

const IPC: &[(u32, S)] = &[
    (1, S::Semop),
    (2, S::Semget),
    (3, S::Semctl),
    (4, S::Semtimedop),
    (11, S::Msgsnd),
    (12, S::Msgrcv),
    (13, S::Msgget),
    (14, S::Msgctl),
    (21, S::Shmat),
    (22, S::Shmdt),
    (23, S::Shmget),
    (24, S::Shmctl),
];

/// The calls inside `call`.
pub(super) fn members(call: S) -> &'static [(u32, S)] {
    match call {
        S::Socketcall => SOCKETCALL,
        S::Ipc => IPC,
        _ => &[],
    }
}
