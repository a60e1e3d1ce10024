//! What holds for every table and architecture, and what the host's headers say.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use crate::aarch64::Aarch64;
use crate::abi::{Stat, Timespec, open};
use crate::i386::I386;
use crate::syscall::{Kind, Shape};
use crate::x86_64::X86_64;
use crate::{Arch, Arg, Native, Poke, Policy, Regs, Syscall};

/// Checks the numbers of `A` against each other.
fn check_table<A: Arch>() {
    let mut calls = HashSet::new();
    for (i, &(nr, call)) in A::table().iter().enumerate() {
        assert!(i == 0 || A::table()[i - 1].0 < nr, "{} {nr}", A::NAME);
        assert!(calls.insert(call), "{} has {call:?} twice", A::NAME);
        assert_eq!(A::syscall(u64::from(nr)), Some(call));
        assert_eq!(A::number(call), Some(u64::from(nr)));
    }
    let far = [u64::from(u32::MAX), u64::MAX, 1 << 32, A::FOREIGN_NR_BIT | 1 << 63];
    assert!(far.into_iter().all(|nr| A::syscall(nr).is_none()));
    let known = (0..2048).filter(|&nr| A::syscall(nr).is_some()).count();
    assert_eq!(known, A::table().len());
    for &call in Syscall::ALL {
        assert_eq!(A::number(call).is_some(), calls.contains(&call), "{} {call:?}", A::NAME);
    }
}

#[test]
fn tables_are_ascending_and_invertible() {
    check_table::<X86_64>();
    check_table::<Aarch64>();
    check_table::<I386>();
}

#[test]
fn every_row_can_be_reached_somewhere() {
    let within: HashSet<Syscall> = Syscall::ALL
        .iter()
        .flat_map(|&outer| I386::members(outer))
        .map(|&(_, member)| member)
        .collect();
    for &call in Syscall::ALL {
        let number = X86_64::number(call).or(Aarch64::number(call)).or(I386::number(call));
        assert!(number.is_some() || within.contains(&call), "{call:?}");
    }
}

/// The other argument that a kind points at.
fn position_in(kind: &Kind) -> Option<u8> {
    match kind {
        Kind::InBytes { len } => Some(*len),
        Kind::In(shape) | Kind::Out(shape) | Kind::InOut(shape) => match shape {
            Shape::Iovec { count: at }
            | Shape::Mmsghdr { count: at }
            | Shape::PollFds { count: at }
            | Shape::FdSet { count: at }
            | Shape::Groups { count: at }
            | Shape::Groups16 { count: at }
            | Shape::Sockaddr { len: at }
            | Shape::SockaddrOut { len: at }
            | Shape::SockOpt { len: at }
            | Shape::CpuSet { len: at } => Some(*at),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn rows_are_well_formed() {
    let mut names = HashSet::new();
    for &call in Syscall::ALL {
        let row = call.row();
        assert!(names.insert(row.name), "{} twice", row.name);
        assert_eq!(Syscall::from_name(row.name), Some(call));
        for args in [row.args, I386::args(call)] {
            assert!(args.len() <= 6, "{} has too many arguments", row.name);
            for position in args.iter().filter_map(position_in) {
                assert!(usize::from(position) < args.len(), "{}", row.name);
            }
        }
    }
    assert_eq!(Syscall::from_name("no_such_call"), None);
}

#[test]
fn a_call_that_takes_a_path_never_passes() {
    for &call in Syscall::ALL {
        let row = call.row();
        if row.args.contains(&Kind::Path) || I386::args(call).contains(&Kind::Path) {
            assert_ne!(row.policy, Policy::Pass, "{} names a path", row.name);
        }
    }
}

/// Lists `libc::SYS_*` with the names of the calls.
macro_rules! libc_numbers {
    ($($constant:ident),* $(,)?) => {
        [$((stringify!($constant), libc::$constant)),*]
    };
}

fn check_libc(numbers: &[(&str, libc::c_long)]) {
    for (constant, nr) in numbers {
        let name = constant.strip_prefix("SYS_").unwrap();
        let call = Syscall::from_name(name).unwrap_or_else(|| panic!("{name} has no row"));
        assert_eq!(Native::number(call), u64::try_from(*nr).ok(), "{name}");
    }
}

#[test]
fn numbers_are_those_of_libc() {
    check_libc(&libc_numbers! {
        SYS_read, SYS_write, SYS_close, SYS_fstat, SYS_lseek, SYS_mmap, SYS_mprotect, SYS_munmap,
        SYS_brk, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_ioctl, SYS_pread64,
        SYS_pwrite64, SYS_readv, SYS_writev, SYS_sched_yield, SYS_mremap, SYS_msync, SYS_mincore,
        SYS_madvise, SYS_shmget, SYS_shmat, SYS_shmctl, SYS_dup, SYS_nanosleep, SYS_getitimer,
        SYS_setitimer, SYS_getpid, SYS_sendfile, SYS_socket, SYS_connect, SYS_accept, SYS_sendto,
        SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_shutdown, SYS_bind, SYS_listen,
        SYS_getsockname, SYS_getpeername, SYS_socketpair, SYS_setsockopt, SYS_getsockopt,
        SYS_clone, SYS_execve, SYS_exit, SYS_wait4, SYS_kill, SYS_uname, SYS_semget, SYS_semop,
        SYS_semctl, SYS_shmdt, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_fcntl,
        SYS_flock, SYS_fsync, SYS_fdatasync, SYS_truncate, SYS_ftruncate, SYS_getcwd, SYS_chdir,
        SYS_fchdir, SYS_fchmod, SYS_fchown, SYS_umask, SYS_gettimeofday, SYS_getrlimit,
        SYS_getrusage, SYS_sysinfo, SYS_times, SYS_ptrace, SYS_getuid, SYS_syslog, SYS_getgid,
        SYS_setuid, SYS_setgid, SYS_geteuid, SYS_getegid, SYS_setpgid, SYS_getppid, SYS_setsid,
        SYS_setreuid, SYS_setregid, SYS_getgroups, SYS_setgroups, SYS_setresuid, SYS_getresuid,
        SYS_setresgid, SYS_getresgid, SYS_getpgid, SYS_setfsuid, SYS_setfsgid, SYS_getsid,
        SYS_capget, SYS_capset, SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_sigqueueinfo,
        SYS_rt_sigsuspend, SYS_sigaltstack, SYS_personality, SYS_statfs, SYS_fstatfs,
        SYS_getpriority, SYS_setpriority, SYS_sched_setparam, SYS_sched_getparam,
        SYS_sched_setscheduler, SYS_sched_getscheduler, SYS_sched_get_priority_max,
        SYS_sched_get_priority_min, SYS_sched_rr_get_interval, SYS_mlock, SYS_munlock,
        SYS_mlockall, SYS_munlockall, SYS_vhangup, SYS_pivot_root, SYS_prctl, SYS_adjtimex,
        SYS_setrlimit, SYS_chroot, SYS_sync, SYS_acct, SYS_settimeofday, SYS_mount, SYS_umount2,
        SYS_swapon, SYS_swapoff, SYS_reboot, SYS_sethostname, SYS_setdomainname, SYS_init_module,
        SYS_delete_module, SYS_quotactl, SYS_nfsservctl, SYS_gettid, SYS_readahead, SYS_setxattr,
        SYS_lsetxattr, SYS_fsetxattr, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr,
        SYS_llistxattr, SYS_flistxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
        SYS_tkill, SYS_futex, SYS_sched_setaffinity, SYS_sched_getaffinity, SYS_io_setup,
        SYS_io_destroy, SYS_io_getevents, SYS_io_submit, SYS_io_cancel, SYS_lookup_dcookie,
        SYS_remap_file_pages, SYS_getdents64, SYS_set_tid_address, SYS_restart_syscall,
        SYS_semtimedop, SYS_fadvise64, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime,
        SYS_timer_getoverrun, SYS_timer_delete, SYS_clock_settime, SYS_clock_gettime,
        SYS_clock_getres, SYS_clock_nanosleep, SYS_exit_group, SYS_epoll_ctl, SYS_tgkill,
        SYS_mbind, SYS_set_mempolicy, SYS_get_mempolicy, SYS_mq_open, SYS_mq_unlink,
        SYS_mq_timedsend, SYS_mq_timedreceive, SYS_mq_notify, SYS_mq_getsetattr, SYS_kexec_load,
        SYS_waitid, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_ioprio_set, SYS_ioprio_get,
        SYS_inotify_add_watch, SYS_inotify_rm_watch, SYS_migrate_pages, SYS_openat, SYS_mkdirat,
        SYS_mknodat, SYS_fchownat, SYS_newfstatat, SYS_unlinkat, SYS_renameat, SYS_linkat,
        SYS_symlinkat, SYS_readlinkat, SYS_fchmodat, SYS_faccessat, SYS_pselect6, SYS_ppoll,
        SYS_unshare, SYS_set_robust_list, SYS_get_robust_list, SYS_splice, SYS_tee,
        SYS_sync_file_range, SYS_vmsplice, SYS_move_pages, SYS_utimensat, SYS_epoll_pwait,
        SYS_timerfd_create, SYS_fallocate, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_accept4,
        SYS_signalfd4, SYS_eventfd2, SYS_epoll_create1, SYS_dup3, SYS_pipe2, SYS_inotify_init1,
        SYS_preadv, SYS_pwritev, SYS_rt_tgsigqueueinfo, SYS_perf_event_open, SYS_recvmmsg,
        SYS_fanotify_init, SYS_fanotify_mark, SYS_prlimit64, SYS_name_to_handle_at,
        SYS_open_by_handle_at, SYS_clock_adjtime, SYS_syncfs, SYS_sendmmsg, SYS_setns, SYS_getcpu,
        SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_finit_module,
        SYS_sched_setattr, SYS_sched_getattr, SYS_renameat2, SYS_seccomp, SYS_getrandom,
        SYS_memfd_create, SYS_kexec_file_load, SYS_bpf, SYS_execveat, SYS_userfaultfd,
        SYS_membarrier, SYS_mlock2, SYS_copy_file_range, SYS_preadv2, SYS_pwritev2,
        SYS_pkey_mprotect, SYS_pkey_alloc, SYS_pkey_free, SYS_statx, SYS_rseq,
        SYS_pidfd_send_signal, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
        SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
        SYS_pidfd_open, SYS_clone3, SYS_close_range, SYS_openat2, SYS_pidfd_getfd, SYS_faccessat2,
        SYS_process_madvise, SYS_epoll_pwait2, SYS_mount_setattr, SYS_quotactl_fd,
        SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self,
        SYS_memfd_secret, SYS_process_mrelease, SYS_futex_waitv, SYS_set_mempolicy_home_node,
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
fn numbers_of_older_calls_are_those_of_libc() {
    check_libc(&libc_numbers! {
        SYS_open, SYS_stat, SYS_lstat, SYS_poll, SYS_access, SYS_pipe, SYS_select, SYS_dup2,
        SYS_pause, SYS_alarm, SYS_fork, SYS_vfork, SYS_getdents, SYS_rename, SYS_mkdir, SYS_rmdir,
        SYS_creat, SYS_link, SYS_unlink, SYS_symlink, SYS_readlink, SYS_chmod, SYS_chown,
        SYS_lchown, SYS_getpgrp, SYS_utime, SYS_mknod, SYS_uselib, SYS_ustat, SYS_sysfs,
        SYS_modify_ldt, SYS__sysctl, SYS_arch_prctl, SYS_iopl, SYS_ioperm, SYS_getpmsg,
        SYS_putpmsg, SYS_afs_syscall, SYS_tuxcall, SYS_security, SYS_time, SYS_set_thread_area,
        SYS_get_thread_area, SYS_epoll_create, SYS_epoll_ctl_old, SYS_epoll_wait_old,
        SYS_epoll_wait, SYS_utimes, SYS_vserver, SYS_inotify_init, SYS_futimesat, SYS_signalfd,
        SYS_eventfd,
    });
}

/// The `#define __NR_name number` lines of a kernel header. Of the names `asm-generic` has for
/// two widths (`__NR3264_`) the 64-bit one is taken.
fn header_numbers(text: &str) -> BTreeMap<&str, u64> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (define, constant, nr) = (words.next()?, words.next()?, words.next()?);
            let name = constant.strip_prefix("__NR_").or(constant.strip_prefix("__NR3264_"))?;
            (define == "#define").then_some((name, nr.parse().ok()?))
        })
        .collect()
}

/// Compares the table of `A` with a header, unless the host has none. `skip` tells which names of
/// the header are not calls of the architecture.
fn check_header<A: Arch>(path: &str, skip: &dyn Fn(&str, u64) -> bool) {
    let Ok(text) = fs::read_to_string(path) else {
        println!("skipped: {path} is not installed");
        return;
    };
    let numbers = header_numbers(&text);
    assert!(numbers.len() > 200, "{path} has only {} numbers", numbers.len());
    for (&name, &nr) in numbers.iter().filter(|(name, nr)| !skip(name, **nr)) {
        let name = if name == "fstatat" { "newfstatat" } else { name };
        assert_eq!(A::syscall(nr).map(Syscall::name), Some(name), "{path}: {nr}");
    }
}

#[test]
fn numbers_are_those_of_the_kernel_headers() {
    check_header::<X86_64>("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", &|_, _| false);
    check_header::<I386>("/usr/include/x86_64-linux-gnu/asm/unistd_32.h", &|_, _| false);
    // Not selected by arm64: 64-bit time for 32-bit ABIs, and a variant of sync_file_range.
    let not_arm64 = |name: &str, nr: u64| {
        (403..424).contains(&nr)
            || matches!(name, "sync_file_range2" | "arch_specific_syscall" | "syscalls")
    };
    check_header::<Aarch64>("/usr/include/asm-generic/unistd.h", &not_arm64);
}

/// Writes through the trait what it reads back, and back again through bytes.
fn check_regs<A: Arch>(size: usize) {
    let mut regs = A::Regs::default();
    for arg in Arg::ALL {
        regs.set_arg(arg, 0x100 + arg.index() as u64);
    }
    regs.set_ip(0x4000);
    for arg in Arg::ALL {
        assert_eq!(regs.arg(arg), 0x100 + arg.index() as u64);
    }
    regs.set_ret(-38);
    assert_eq!((regs.ret(), regs.ip()), (-38, 0x4000));
    let bytes = regs.to_bytes();
    assert_eq!(bytes.len(), size);
    assert_eq!(A::Regs::from_bytes(&bytes), Some(regs));
    assert_eq!(A::Regs::from_bytes(&bytes[1..]), None);
    let pattern: Vec<u8> = (0..size).map(|i| (i * 7 + 1) as u8).collect();
    assert_eq!(A::Regs::from_bytes(&pattern).map(|regs| regs.to_bytes()), Some(pattern));
}

#[test]
fn registers_round_trip() {
    check_regs::<X86_64>(216);
    check_regs::<Aarch64>(272);
    // As a set is before it is read: wide.
    check_regs::<I386>(216);
}

#[test]
fn the_number_register_is_the_one_the_instruction_reads() {
    let mut regs = <X86_64 as Arch>::Regs::default();
    regs.set_nr(7);
    assert_eq!((regs.rax, regs.nr()), (7, 0));
    regs.orig_rax = 9;
    assert_eq!(regs.nr(), 9);
    // rdi, rsi, rdx, r10, r8, r9 in struct user_regs_struct.
    let args = [112, 104, 96, 56, 72, 64];
    assert_eq!(X86_64::POKE, Poke::Words { nr: 120, ret: 80, args });
    let mut regs = <Aarch64 as Arch>::Regs::default();
    regs.set_nr(7);
    assert_eq!((regs.regs[8], regs.nr()), (7, 7));
}

#[test]
fn only_one_argument_ever_lies_where_the_result_does() {
    let taken = |poke: Poke| Arg::ALL.into_iter().filter(|&arg| poke.takes_result(arg)).collect();
    let taken: [Vec<Arg>; 3] = [X86_64::POKE, I386::POKE, Aarch64::POKE].map(taken);
    assert_eq!(taken, [vec![], vec![], vec![Arg::A0]]);
}

pub(crate) const STAT: Stat = Stat {
    dev: 0x11,
    ino: 0x12,
    nlink: 0x13,
    mode: 0x14,
    uid: 0x15,
    gid: 0x16,
    rdev: 0x17,
    size: 0x18,
    blksize: 0x19,
    blocks: 0x1a,
    atime: Timespec { sec: -5, nsec: 0x1b },
    mtime: Timespec { sec: -6, nsec: 0x1c },
    ctime: Timespec { sec: -7, nsec: 0x1d },
};

fn check_stat<A: Arch>() {
    let bytes = A::encode_stat(&STAT);
    assert_eq!(bytes.len(), A::STAT_SIZE);
    assert_eq!(A::decode_stat(&bytes), Some(STAT));
    assert_eq!(A::decode_stat(&bytes[1..]), None);
}

#[test]
fn stat_round_trips() {
    check_stat::<X86_64>();
    check_stat::<Aarch64>();
    check_stat::<I386>();
}

#[test]
fn stat_fields_lie_where_libc_has_them() {
    use std::mem::offset_of;
    type S = libc::stat;
    assert_eq!(size_of::<S>(), Native::STAT_SIZE);
    let bytes = Native::encode_stat(&STAT);
    let fields = [
        (offset_of!(S, st_dev), 0x11),
        (offset_of!(S, st_ino), 0x12),
        (offset_of!(S, st_nlink), 0x13),
        (offset_of!(S, st_mode), 0x14),
        (offset_of!(S, st_uid), 0x15),
        (offset_of!(S, st_gid), 0x16),
        (offset_of!(S, st_rdev), 0x17),
        (offset_of!(S, st_size), 0x18),
        (offset_of!(S, st_blksize), 0x19),
        (offset_of!(S, st_blocks), 0x1a),
        (offset_of!(S, st_atime_nsec), 0x1b),
        (offset_of!(S, st_mtime_nsec), 0x1c),
        (offset_of!(S, st_ctime_nsec), 0x1d),
    ];
    for (at, value) in fields {
        assert_eq!(bytes[at], value, "at {at}");
    }
}

#[test]
fn open_bits_are_those_of_libc() {
    // glibc defines O_LARGEFILE as 0 on 64-bit hosts; the kernel's value has no oracle there.
    let bits = [
        (Native::OPEN.directory, libc::O_DIRECTORY),
        (Native::OPEN.nofollow, libc::O_NOFOLLOW),
        (Native::OPEN.direct, libc::O_DIRECT),
        (open::O_ACCMODE, libc::O_ACCMODE),
        (open::O_WRONLY, libc::O_WRONLY),
        (open::O_RDWR, libc::O_RDWR),
        (open::O_CREAT, libc::O_CREAT),
        (open::O_EXCL, libc::O_EXCL),
        (open::O_NOCTTY, libc::O_NOCTTY),
        (open::O_TRUNC, libc::O_TRUNC),
        (open::O_APPEND, libc::O_APPEND),
        (open::O_NONBLOCK, libc::O_NONBLOCK),
        (open::O_DSYNC, libc::O_DSYNC),
        (open::O_ASYNC, libc::O_ASYNC),
        (open::O_NOATIME, libc::O_NOATIME),
        (open::O_CLOEXEC, libc::O_CLOEXEC),
        (open::O_SYNC, libc::O_SYNC),
        (open::O_PATH, libc::O_PATH),
        (open::__O_TMPFILE | Native::OPEN.directory, libc::O_TMPFILE),
    ];
    for (ours, theirs) in bits {
        assert_eq!(i64::from(ours), i64::from(theirs));
    }
}

#[test]
fn architectures_disagree_on_the_bits_listed_as_theirs() {
    let (x86, arm) = (X86_64::OPEN, Aarch64::OPEN);
    assert_ne!(x86.directory, arm.directory);
    assert_ne!(x86.nofollow, arm.nofollow);
    assert_eq!((x86.direct, x86.largefile), (arm.directory, arm.nofollow));
}
