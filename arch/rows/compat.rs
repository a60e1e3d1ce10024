//! The rows of the calls that only i386 has, in the order of its numbers.
//!
//! Calls whose name ends in `32` take ids of 32 bits where their namesakes without take 16; those
//! that end in `64` take sizes, times or attributes of 64 bits where their namesakes take 32. Their
//! structures are those of the 64-bit ABI (`Timespec`, `Itimerspec`, `Timex`), unlike those of the
//! calls both ABIs have, which shrink with the word of the architecture. A value of 64 bits that
//! arrives in two registers is `Special` twice, low half first except in `_llseek`.
//!
//! The three calls of the oldest `struct stat`, and `readdir`, are modelled as their younger relatives
//! are: the kernel still makes them. `Arch::encode_stat_of` knows the layouts.
//!
//! The last two rows have no number: they are calls inside `socketcall` that never got one.
//!
//! Deliberately absent: which calls are inside `socketcall` and `ipc` (`i386/multiplexed.rs`),
//! and how i386 passes the arguments of calls that x86_64 has too (`i386/args.rs`).

/// Hands these rows to `rows!`, behind those it is given.
macro_rules! with_compat_rows {
    ($($native:tt)*) => {
        rows! {
            $($native)*
            Waitpid "waitpid" [Pid, Out(S::WaitStatus), Flags(F::Wait)] [PROCESS] Pass,
            Break "break" [] [MEMORY] Pass,
            Oldstat "oldstat" [Path, Out(S::Stat)] [FILE STAT] Model(M::Stat),
            Umount "umount" [Path] [FILE] Refuse(EPERM),
            Stime "stime" [In(S::Long)] [] Pass,
            Oldfstat "oldfstat" [Fd, Out(S::Stat)] [DESC FSTAT] Model(M::Fstat),
            Stty "stty" [Hex, Hex] [] Pass,
            Gtty "gtty" [Hex, Hex] [] Pass,
            Nice "nice" [Int] [] Pass,
            Ftime "ftime" [] [] Pass,
            Prof "prof" [] [] Pass,
            Signal "signal" [Signal, Special] [SIGNAL] Pass,
            Lock "lock" [] [] Pass,
            Mpx "mpx" [] [] Pass,
            Ulimit "ulimit" [Hex, Hex] [] Pass,
            Oldolduname "oldolduname" [Out(S::OldestUtsname)] [] Pass,
            Sigaction "sigaction" [Signal, In(S::OldSigaction), Out(S::OldSigaction)] [SIGNAL] Pass,
            Sgetmask "sgetmask" [] [SIGNAL] Pass,
            Ssetmask "ssetmask" [Special] [SIGNAL] Pass,
            Sigsuspend "sigsuspend" [Unused, Unused, Special] [SIGNAL] Pass,
            Sigpending "sigpending" [Out(S::OldSigset)] [SIGNAL] Pass,
            Oldlstat "oldlstat" [Path, Out(S::Stat)] [FILE LSTAT] Model(M::Lstat),
            Readdir "readdir" [Fd, Out(S::OldDirent), Unused] [DESC] Model(M::Getdents),
            Profil "profil" [Hex, Hex, Hex, Hex] [] Pass,
            Socketcall "socketcall" [Special, Special] [DESC] Model(M::Socketcall),
            Olduname "olduname" [Out(S::OldUtsname)] [] Pass,
            Idle "idle" [] [] Pass,
            Vm86old "vm86old" [Addr] [] Pass,
            Ipc "ipc" [Special, Special, Special, Special, Special, Special] [IPC] Pass,
            Sigreturn "sigreturn" [] [SIGNAL] Pass,
            Sigprocmask "sigprocmask" [Choice(C::SigprocmaskHow), In(S::OldSigset), Out(S::OldSigset)] [SIGNAL] Pass,
            Bdflush "bdflush" [Hex, Hex] [] Pass,
            Llseek "_llseek" [Fd, Special, Special, Out(S::Loff), Choice(C::Whence)] [DESC] Pass,
            Newselect "_newselect" [Int, InOut(S::FdSet { count: 0 }), InOut(S::FdSet { count: 0 }), InOut(S::FdSet { count: 0 }), InOut(S::Timeval)] [DESC] Pass,
            Vm86 "vm86" [Hex, Hex, Hex, Hex, Hex] [] Pass,
            Ugetrlimit "ugetrlimit" [Choice(C::Resource), Out(S::Rlimit)] [] Pass,
            Mmap2 "mmap2" [Addr, ULong, Flags(F::Prot), Flags(F::Map), Fd, Special] [DESC MEMORY] Pass,
            Truncate64 "truncate64" [Path, Special, Special] [FILE] Model(M::SetAttr),
            Ftruncate64 "ftruncate64" [Fd, Special, Special] [DESC] Pass,
            Stat64 "stat64" [Path, Out(S::Stat)] [FILE STAT] Model(M::Stat),
            Lstat64 "lstat64" [Path, Out(S::Stat)] [FILE LSTAT] Model(M::Lstat),
            Fstat64 "fstat64" [Fd, Out(S::Stat)] [DESC FSTAT] Model(M::Fstat),
            Lchown32 "lchown32" [Path, Id, Id] [FILE] Model(M::LsetAttr),
            Getuid32 "getuid32" [] [CREDS PURE] Pass,
            Getgid32 "getgid32" [] [CREDS PURE] Pass,
            Geteuid32 "geteuid32" [] [CREDS PURE] Pass,
            Getegid32 "getegid32" [] [CREDS PURE] Pass,
            Setreuid32 "setreuid32" [Id, Id] [CREDS] Model(M::Creds),
            Setregid32 "setregid32" [Id, Id] [CREDS] Model(M::Creds),
            Getgroups32 "getgroups32" [Int, Out(S::Groups { count: 0 })] [CREDS] Pass,
            Setgroups32 "setgroups32" [Int, In(S::Groups { count: 0 })] [CREDS] Model(M::Creds),
            Fchown32 "fchown32" [Fd, Id, Id] [DESC] Model(M::FsetAttr),
            Setresuid32 "setresuid32" [Id, Id, Id] [CREDS] Model(M::Creds),
            Getresuid32 "getresuid32" [Out(S::UInt), Out(S::UInt), Out(S::UInt)] [CREDS] Pass,
            Setresgid32 "setresgid32" [Id, Id, Id] [CREDS] Model(M::Creds),
            Getresgid32 "getresgid32" [Out(S::UInt), Out(S::UInt), Out(S::UInt)] [CREDS] Pass,
            Chown32 "chown32" [Path, Id, Id] [FILE] Model(M::SetAttr),
            Setuid32 "setuid32" [Id] [CREDS] Model(M::Creds),
            Setgid32 "setgid32" [Id] [CREDS] Model(M::Creds),
            Setfsuid32 "setfsuid32" [Id] [CREDS] Model(M::Creds),
            Setfsgid32 "setfsgid32" [Id] [CREDS] Model(M::Creds),
            Fcntl64 "fcntl64" [Fd, Special, Special] [DESC] Model(M::Fcntl),
            Sendfile64 "sendfile64" [Fd, Fd, InOut(S::Loff), ULong] [DESC NETWORK] Pass,
            Statfs64 "statfs64" [Path, ULong, Out(S::Statfs64)] [FILE STATFS] Model(M::Statfs),
            Fstatfs64 "fstatfs64" [Fd, ULong, Out(S::Statfs64)] [DESC FSTATFS] Model(M::Fstatfs),
            Fadvise6464 "fadvise64_64" [Fd, Special, Special, Special, Special, Choice(C::Fadvise)] [DESC] Pass,
            Fstatat64 "fstatat64" [DirFd, Path, Out(S::Stat), Flags(F::At)] [FILE DESC FSTAT] Model(M::Stat),
            ClockGettime64 "clock_gettime64" [Choice(C::ClockId), Out(S::Timespec)] [CLOCK] Pass,
            ClockSettime64 "clock_settime64" [Choice(C::ClockId), In(S::Timespec)] [CLOCK] Pass,
            ClockAdjtime64 "clock_adjtime64" [Choice(C::ClockId), InOut(S::Timex)] [CLOCK] Pass,
            ClockGetresTime64 "clock_getres_time64" [Choice(C::ClockId), Out(S::Timespec)] [CLOCK] Pass,
            ClockNanosleepTime64 "clock_nanosleep_time64" [Choice(C::ClockId), Flags(F::TimerSet), In(S::Timespec), Out(S::Timespec)] [] Pass,
            TimerGettime64 "timer_gettime64" [Int, Out(S::Itimerspec)] [] Pass,
            TimerSettime64 "timer_settime64" [Int, Flags(F::TimerSet), In(S::Itimerspec), Out(S::Itimerspec)] [] Pass,
            TimerfdGettime64 "timerfd_gettime64" [Fd, Out(S::Itimerspec)] [DESC] Pass,
            TimerfdSettime64 "timerfd_settime64" [Fd, Flags(F::TimerSet), In(S::Itimerspec), Out(S::Itimerspec)] [DESC] Pass,
            UtimensatTime64 "utimensat_time64" [DirFd, Path, In(S::TimespecPair), Flags(F::At)] [FILE DESC] Model(M::SetAttr),
            Pselect6Time64 "pselect6_time64" [Int, InOut(S::FdSet { count: 0 }), InOut(S::FdSet { count: 0 }), InOut(S::FdSet { count: 0 }), InOut(S::Timespec), Special] [DESC] Pass,
            PpollTime64 "ppoll_time64" [InOut(S::PollFds { count: 1 }), UInt, In(S::Timespec), In(S::Sigset), ULong] [DESC] Pass,
            IoPgeteventsTime64 "io_pgetevents_time64" [Addr, Long, Long, Addr, In(S::Timespec), Addr] [] Pass,
            RecvmmsgTime64 "recvmmsg_time64" [Fd, Out(S::Mmsghdr { count: 2 }), UInt, Flags(F::Msg), In(S::Timespec)] [NETWORK] Model(M::RecvMsg),
            MqTimedsendTime64 "mq_timedsend_time64" [Fd, InBytes { len: 2 }, ULong, UInt, In(S::Timespec)] [DESC] Pass,
            MqTimedreceiveTime64 "mq_timedreceive_time64" [Fd, OutBytes, ULong, Out(S::UInt), In(S::Timespec)] [DESC] Pass,
            SemtimedopTime64 "semtimedop_time64" [Int, Addr, ULong, In(S::Timespec)] [IPC] Pass,
            RtSigtimedwaitTime64 "rt_sigtimedwait_time64" [In(S::Sigset), Out(S::Siginfo), In(S::Timespec), ULong] [SIGNAL] Pass,
            FutexTime64 "futex_time64" [Addr, Special, Special, Special, Special, Special] [] Pass,
            SchedRrGetIntervalTime64 "sched_rr_get_interval_time64" [Pid, Out(S::Timespec)] [] Pass,
            Send "send" [Fd, InBytes { len: 2 }, ULong, Flags(F::Msg)] [NETWORK] Pass,
            Recv "recv" [Fd, OutBytes, ULong, Flags(F::Msg)] [NETWORK] Pass,
        }
    };
}
