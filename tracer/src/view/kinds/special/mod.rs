//! Calls whose arguments depend on each other, one file per subject.
//!
//! A call is here if strace shows fewer arguments than its row has, prints them in another order,
//! or if one of them says what another means.

mod aio;
mod clone;
mod controls;
mod extents;
mod fcntl;
mod futex;
mod handle;
mod interface;
mod ioctl;
mod ipc;
mod keys;
mod landlock;
mod misc;
mod mounting;
mod notify;
mod numa;
mod perf;
mod prctl;
mod ptrace;
mod quota;
mod registers;
mod rings;
mod segment;
mod select;
mod xattr;

use std::collections::HashMap;
use std::sync::LazyLock;

use vrift_arch::Syscall;
use vrift_arch::syscall::{Flags, Kind, Row};

use super::{Cx, files, signals};
use crate::call::Outcome;
use crate::view::spelled::{Comma, Spelled, Split};
use crate::view::value::Value;

pub(super) use fcntl::form as fcntl_form;
pub(super) use ipc::attached;
pub(super) use misc::ioprio;
pub(super) use prctl::{MITIGATION, dumpable};
pub(super) use registers::Registers;
pub(super) use segment::chosen;
pub(super) use select::ready;

/// The spelling of one call.
pub(super) struct Special {
    name: &'static str,
    pub(super) enter: fn(&Cx<'_>) -> Vec<Value>,
    pub(super) leave: fn(&Cx<'_>, &mut Spelled, Outcome),
}

/// The spellings, by name.
const SPECIALS: &[Special] = &[
    Special { name: "arch_prctl", enter: misc::enter_arch_prctl, leave: misc::leave_arch_prctl },
    Special { name: "clock_nanosleep", enter: misc::enter_sleep, leave: misc::leave_sleep },
    Special { name: "clone", enter: clone::enter, leave: clone::leave },
    Special { name: "clone3", enter: clone::enter3, leave: clone::leave3 },
    Special { name: "epoll_ctl", enter: misc::enter_epoll_ctl, leave: nothing },
    Special { name: "epoll_pwait", enter: misc::enter_row, leave: misc::leave_epoll_wait },
    Special { name: "epoll_pwait2", enter: misc::enter_row, leave: misc::leave_epoll_wait },
    Special { name: "fanotify_init", enter: notify::enter_init, leave: nothing },
    Special { name: "fanotify_mark", enter: notify::enter_mark, leave: nothing },
    Special { name: "fcntl", enter: fcntl::enter, leave: fcntl::leave },
    Special { name: "futex", enter: futex::enter, leave: nothing },
    Special { name: "futex_waitv", enter: futex::enter_vector, leave: nothing },
    Special {
        name: "get_robust_list",
        enter: misc::enter_robust_list,
        leave: misc::leave_robust_list,
    },
    Special { name: "getrandom", enter: misc::enter_row, leave: misc::leave_getrandom },
    Special { name: "getsockopt", enter: misc::enter_getsockopt, leave: misc::leave_getsockopt },
    Special { name: "add_key", enter: keys::enter_ring, leave: nothing },
    Special { name: "keyctl", enter: keys::enter, leave: keys::leave },
    Special { name: "request_key", enter: keys::enter_ring, leave: nothing },
    Special { name: "ioctl", enter: ioctl::enter, leave: ioctl::leave },
    Special { name: "kcmp", enter: misc::enter_kcmp, leave: nothing },
    Special { name: "fgetxattr", enter: misc::enter_row, leave: xattr::leave_get },
    Special { name: "fsetxattr", enter: xattr::enter_set, leave: nothing },
    Special { name: "getxattr", enter: misc::enter_row, leave: xattr::leave_get },
    Special { name: "lgetxattr", enter: misc::enter_row, leave: xattr::leave_get },
    Special { name: "lsetxattr", enter: xattr::enter_set, leave: nothing },
    Special { name: "setxattr", enter: xattr::enter_set, leave: nothing },
    Special { name: "modify_ldt", enter: segment::enter_modify, leave: nothing },
    Special { name: "mincore", enter: misc::enter_mincore, leave: misc::leave_mincore },
    Special { name: "nanosleep", enter: misc::enter_sleep, leave: misc::leave_sleep },
    Special { name: "prctl", enter: prctl::enter, leave: prctl::leave },
    Special { name: "process_madvise", enter: misc::enter_process_madvise, leave: nothing },
    Special { name: "process_vm_readv", enter: misc::enter_vm, leave: misc::leave_vm },
    Special { name: "process_vm_writev", enter: misc::enter_vm, leave: misc::leave_vm },
    Special { name: "get_thread_area", enter: segment::enter_get, leave: segment::leave_get },
    Special { name: "set_thread_area", enter: segment::enter_set, leave: nothing },
    Special { name: "setdomainname", enter: misc::enter_host_name, leave: nothing },
    Special { name: "sethostname", enter: misc::enter_host_name, leave: nothing },
    Special { name: "sigreturn", enter: misc::enter_old_sigreturn, leave: nothing },
    Special { name: "perf_event_open", enter: perf::enter, leave: nothing },
    Special { name: "pselect6", enter: select::enter, leave: nothing },
    Special { name: "ptrace", enter: ptrace::enter, leave: ptrace::leave },
    Special { name: "reboot", enter: misc::enter_reboot, leave: nothing },
    Special { name: "rt_sigreturn", enter: misc::enter_sigreturn, leave: nothing },
    Special { name: "seccomp", enter: misc::enter_seccomp, leave: misc::leave_seccomp },
    Special { name: "select", enter: select::enter, leave: nothing },
    Special { name: "semget", enter: ipc::enter_get, leave: nothing },
    Special { name: "msgget", enter: ipc::enter_get, leave: nothing },
    Special { name: "setsockopt", enter: misc::enter_setsockopt, leave: nothing },
    Special { name: "shmget", enter: ipc::enter_get, leave: nothing },
    Special { name: "io_uring_setup", enter: rings::enter_setup, leave: rings::leave_setup },
    Special { name: "io_uring_enter", enter: rings::enter_enter, leave: nothing },
    Special { name: "io_cancel", enter: aio::enter_cancel, leave: aio::leave_cancel },
    Special { name: "io_getevents", enter: aio::enter_events, leave: aio::leave_events },
    Special { name: "io_pgetevents", enter: aio::enter_events, leave: aio::leave_events },
    Special { name: "io_submit", enter: aio::enter_submit, leave: nothing },
    Special { name: "io_setup", enter: misc::enter_io_setup, leave: misc::leave_io_setup },
    Special { name: "ioprio_set", enter: misc::enter_ioprio, leave: nothing },
    Special { name: "landlock_add_rule", enter: landlock::enter_add, leave: nothing },
    Special { name: "landlock_create_ruleset", enter: landlock::enter_create, leave: nothing },
    Special { name: "mount", enter: mounting::enter_mount, leave: nothing },
    Special { name: "quotactl", enter: quota::enter, leave: nothing },
    Special { name: "mount_setattr", enter: mounting::enter_setattr, leave: nothing },
    Special { name: "swapon", enter: mounting::enter_swapon, leave: nothing },
    Special { name: "fsconfig", enter: mounting::enter_fsconfig, leave: nothing },
    Special { name: "mq_getsetattr", enter: ipc::enter_queue, leave: ipc::leave_queue },
    Special { name: "mq_open", enter: ipc::enter_queue_open, leave: nothing },
    Special { name: "name_to_handle_at", enter: handle::enter_name, leave: handle::leave_name },
    Special { name: "open_by_handle_at", enter: handle::enter_open, leave: nothing },
    Special { name: "quotactl_fd", enter: quota::enter_fd, leave: nothing },
    Special { name: "recvmsg", enter: misc::enter_row, leave: misc::leave_recvmsg },
    Special { name: "restart_syscall", enter: misc::enter_restart, leave: nothing },
    Special { name: "sendfile64", enter: misc::enter_sendfile, leave: misc::leave_sendfile },
    Special { name: "semop", enter: ipc::enter_semop, leave: nothing },
    Special { name: "semtimedop", enter: ipc::enter_semop, leave: nothing },
    Special { name: "sendfile", enter: misc::enter_sendfile, leave: misc::leave_sendfile },
    Special { name: "syslog", enter: misc::enter_syslog, leave: misc::leave_syslog },
    Special { name: "userfaultfd", enter: misc::enter_userfaultfd, leave: nothing },
    Special { name: "pkey_alloc", enter: misc::enter_pkey_alloc, leave: nothing },
    Special { name: "flistxattr", enter: misc::enter_row, leave: xattr::leave_list },
    Special { name: "get_mempolicy", enter: numa::enter_get, leave: numa::leave_get },
    Special { name: "listxattr", enter: misc::enter_row, leave: xattr::leave_list },
    Special { name: "llistxattr", enter: misc::enter_row, leave: xattr::leave_list },
    Special { name: "mbind", enter: numa::enter_mbind, leave: nothing },
    Special { name: "move_pages", enter: numa::enter_move, leave: numa::leave_move },
    Special { name: "migrate_pages", enter: numa::enter_migrate, leave: nothing },
    Special { name: "msgctl", enter: controls::enter, leave: controls::leave },
    Special { name: "msgrcv", enter: ipc::enter_msgrcv, leave: ipc::leave_msgrcv },
    Special { name: "msgsnd", enter: ipc::enter_msgsnd, leave: nothing },
    Special { name: "semctl", enter: controls::enter, leave: controls::leave },
    Special { name: "set_mempolicy", enter: numa::enter_set, leave: nothing },
    Special { name: "shmat", enter: ipc::enter_shmat, leave: nothing },
    Special { name: "sendmmsg", enter: misc::enter_sendmmsg, leave: misc::leave_sendmmsg },
    Special { name: "shmctl", enter: controls::enter, leave: controls::leave },
    Special { name: "time", enter: misc::enter_time, leave: misc::leave_time },
];

/// The spelling of a call that needs one.
pub(super) fn find(name: &str) -> Option<&'static Special> {
    static BY_NAME: LazyLock<HashMap<&str, &Special>> =
        LazyLock::new(|| SPECIALS.iter().map(|special| (special.name, special)).collect());
    BY_NAME.get(name).copied()
}

/// Everything was known at entry.
fn nothing(_: &Cx<'_>, _: &mut Spelled, _: Outcome) {}

/// How many arguments of a row are shown: trailing ones may not count.
pub(super) fn shown(cx: &Cx<'_>, row: &Row) -> usize {
    let all = cx.kinds.len();
    match row.name {
        "open" if !creates(cx, 1) => 2,
        "openat" if !creates(cx, 2) => 3,
        "mq_open" if cx.arg(1) & 0o100 == 0 => 2,
        // A new address counts if the mapping may move, and only to there.
        "mremap" if cx.arg(3) & 3 != 3 => 4,
        "membarrier" if cx.uint(1) & 1 == 0 => 2,
        "mknod" if !files::is_device(cx.uint(1)) => 2,
        "mknodat" if !files::is_device(cx.uint(2)) => 3,
        _ => all,
    }
}

/// Whether open flags make the mode argument count.
fn creates(cx: &Cx<'_>, flags: usize) -> bool {
    files::creates(cx.arg(flags))
}

/// The kind of an argument where strace's spelling is not that of the row's kind.
pub(super) fn kind(row: &Row, at: usize, kind: Kind) -> Kind {
    match (row.name, at) {
        ("ftruncate" | "truncate", 1) | ("fadvise64" | "socketpair", 2) | ("lookup_dcookie", 0) => {
            Kind::ULong
        }
        ("mount" | "mq_open" | "mq_unlink", 0) => Kind::Path,
        ("copy_file_range", 5)
        | ("semop" | "semtimedop", 2)
        | ("sethostname" | "setdomainname", 1)
        | ("sched_getaffinity", 1) => Kind::UInt,
        ("set_tid_address", 0) => Kind::Hex,
        ("open_by_handle_at", 0) => Kind::Fd,
        ("sched_setaffinity", 1) => Kind::UInt,
        ("sysfs", 0) => Kind::Hex,
        ("timerfd_settime" | "timerfd_settime64", 1) => Kind::Flags(Flags::TimerfdCreate),
        _ => kind,
    }
}

/// An argument whose meaning only its call knows, in a call without a spelling of its own.
pub(super) fn lone(cx: &Cx<'_>, at: usize) -> Value {
    match (cx.call.syscall, at) {
        // In pages, whatever their size.
        (Some(Syscall::Mmap2), 5) => Value::Hex(cx.arg(at) << 12),
        (Some(Syscall::Signal), 1) => signals::handler(cx.arg(at)),
        (Some(Syscall::Socketcall), 0) => ipc::socketcall(cx),
        (Some(Syscall::Socketcall), 1) => Value::Addr(cx.arg(at)),
        (Some(Syscall::Ipc), 0) => Value::UInt(cx.arg(at)),
        (Some(Syscall::Ssetmask), 0) | (Some(Syscall::Sigsuspend), 2) => signals::set(cx.arg(at)),
        _ => Value::Hex(cx.arg(at)),
    }
}

/// Where a call's line divides between entry and exit.
pub(super) fn split(cx: &Cx<'_>, name: &str) -> Split {
    match name {
        "clone" => Split::After(2),
        "clone3" if clone::answers(cx) => Split::After(1),
        "sendfile" | "sendfile64" if cx.arg(2) != 0 => Split::After(3),
        "fcntl" | "ioctl" => Split::Pending(Comma::Later),
        "poll" | "ppoll" | "select" | "pselect6" => Split::Result,
        _ => Split::Pending(Comma::Now),
    }
}

/// A number to keep from entry to exit.
pub(super) fn keep(cx: &Cx<'_>, name: &str) -> u64 {
    match name {
        "ioctl" => ioctl::keep(cx),
        "name_to_handle_at" => handle::keep(cx),
        "ptrace" => ptrace::keep(cx),
        "recvmsg" => {
            let word = cx.word();
            cx.raw(cx.arg(1), word + 4).map_or(0, |raw| raw.u32(word).into())
        }
        _ => 0,
    }
}
