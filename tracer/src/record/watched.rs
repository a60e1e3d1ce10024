//! Which calls are recorded, and when a filter can tell that one is of no interest.

use vrift_arch::seccomp::{Interest, Is, When};
use vrift_arch::{Arg, Model, Policy, Syscall};

use super::network::SOCK_PACKET;
use super::{Mounts, escapes, ipc, lookups};

/// A mapping that may be executed, or through which a file may be written.
const MAPPING: &[When] = &[
    When { arg: Arg::A2, is: Is::AnyBit(libc::PROT_EXEC as u32) },
    When { arg: Arg::A3, is: Is::AnyBit(libc::MAP_SHARED as u32) },
];

/// A socket that needs no address; the recorder looks closer.
const BARE_SOCKET: &[When] = &[
    When { arg: Arg::A0, is: Is::AnyOf(&[libc::AF_PACKET as u32]) },
    When { arg: Arg::A1, is: Is::AnyOf(&with_flags(libc::SOCK_RAW)) },
    When { arg: Arg::A1, is: Is::AnyOf(&with_flags(SOCK_PACKET)) },
];

/// What changes the rights of the programs that a task executes.
const RIGHTS_OF_PROGRAMS: &[When] = &[When { arg: Arg::A0, is: Is::AnyOf(lookups::FOR_PROGRAMS) }];

/// A type of sockets with whatever flags.
const fn with_flags(kind: i32) -> [u32; 4] {
    let (kind, cloexec, nonblock) =
        (kind as u32, libc::SOCK_CLOEXEC as u32, libc::SOCK_NONBLOCK as u32);
    [kind, kind | cloexec, kind | nonblock, kind | cloexec | nonblock]
}

/// Whether a call is recorded; `None` stands for numbers no table knows.
pub(super) fn interest(syscall: Option<Syscall>, mounts: Mounts) -> Interest {
    let Some(syscall) = syscall else { return Interest::Always };
    if escapes::kind(syscall).is_some() || ipc::may_ask(syscall) {
        return Interest::Always;
    }
    match syscall {
        Syscall::Mmap | Syscall::Mmap2 => return Interest::If(MAPPING),
        Syscall::Socket => return Interest::If(BARE_SOCKET),
        Syscall::Prctl => return Interest::If(RIGHTS_OF_PROGRAMS),
        Syscall::Accept | Syscall::Accept4 | Syscall::Listen => return Interest::Always,
        _ => {}
    }
    match syscall.row().policy {
        // Without an address it is what send(2) is made of.
        Policy::Model(Model::SendTo) => Interest::If(&[When { arg: Arg::A5, is: Is::NonZero }]),
        Policy::Model(Model::Creds) => lookups::asks_for_credentials(syscall).into(),
        Policy::Model(model) => names_something(model, mounts).into(),
        Policy::Pass | Policy::Refuse(_) => Interest::No,
    }
}

/// The names of the calls that are recorded, sorted.
pub fn names(mounts: Mounts) -> Vec<String> {
    let watched = |&&call: &&Syscall| interest(Some(call), mounts) != Interest::No;
    let mut names: Vec<String> =
        Syscall::ALL.iter().filter(watched).map(|call| call.row().name.to_owned()).collect();
    names.sort();
    names
}

/// Whether calls of a model name a file or an endpoint. What is done with an open descriptor tells
/// nothing new of the host, but for the directory that paths start in afterwards, which calls without a stop are told
/// by; where there are mounts those calls stop in any case.
fn names_something(model: Model, mounts: Mounts) -> bool {
    match model {
        Model::Fstat
        | Model::Fstatfs
        | Model::Getdents
        | Model::Getcwd
        | Model::FgetXattr
        | Model::FlistXattr
        | Model::RecvMsg
        | Model::Dup => mounts == Mounts::Some,
        Model::Fcntl | Model::Ioctl | Model::RecvFrom => false,
        _ => true,
    }
}
