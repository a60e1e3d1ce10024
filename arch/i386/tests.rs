//! What is peculiar to i386: two register forms, three stat layouts, arguments in halves.

use crate::aarch64::Aarch64;
use crate::abi::{Stat, Timespec};
use crate::i386::{Form, I386, UserRegs};
use crate::syscall::{Kind, Policy};
use crate::tests::STAT;
use crate::x86_64::X86_64;
use crate::{Arch, Arg, NoCompat, Poke, Regs, Syscall};

#[test]
fn it_is_the_compatible_abi_of_x86_64_only() {
    assert_eq!(<X86_64 as Arch>::Compat::AUDIT_ARCH, I386::AUDIT_ARCH);
    assert_eq!(<Aarch64 as Arch>::Compat::NAME, NoCompat::NAME);
    assert!(NoCompat::table().is_empty());
    assert_eq!(<I386 as Arch>::Regs::default().form, Form::Wide);
}

#[test]
fn calls_of_both_tables_from_424_on_have_one_number() {
    for nr in 424..=470 {
        assert_eq!(I386::syscall(nr), X86_64::syscall(nr), "{nr}");
    }
    for gap in [222, 223, 251, 285, 387, 392, 415, 471] {
        assert_eq!(I386::syscall(gap), None, "{gap}");
    }
}

#[test]
fn a_set_is_written_in_the_form_it_was_read_in() {
    for (size, form) in [(216, Form::Wide), (68, Form::Narrow)] {
        let pattern: Vec<u8> = (0..size).map(|i| (i * 7 + 1) as u8).collect();
        let mut regs = UserRegs::from_bytes(&pattern).unwrap();
        assert_eq!((regs.form, regs.to_bytes()), (form, pattern));
        regs.set_ret(-38);
        regs.set_ip(0xf7f0_0000);
        for arg in Arg::ALL {
            regs.set_arg(arg, 0xffff_ffff_8000_0000 | arg.index() as u64);
        }
        assert_eq!((regs.ret(), regs.ip()), (-38, 0xf7f0_0000));
        let again = UserRegs::from_bytes(&regs.to_bytes()).unwrap();
        assert_eq!(again, regs);
        for arg in Arg::ALL {
            assert_eq!(again.arg(arg), 0x8000_0000 | arg.index() as u64);
        }
    }
    for size in [0, 64, 72, 215, 272] {
        assert_eq!(UserRegs::from_bytes(&vec![0; size]), None);
    }
}

#[test]
fn the_narrow_form_has_the_order_of_the_kernel() {
    // ebx to ebp, eax, ds, es, fs, gs, orig_eax, eip, cs, eflags, esp, ss.
    let bytes: Vec<u8> = (1..=17u32).flat_map(u32::to_le_bytes).collect();
    let regs = UserRegs::from_bytes(&bytes).unwrap();
    assert_eq!(Arg::ALL.map(|arg| regs.arg(arg)), [1, 2, 3, 4, 5, 6]);
    assert_eq!((regs.ret(), regs.nr(), regs.ip(), regs.sp()), (7, 12, 13, 16));
    assert_eq!((regs.wide.ds, regs.wide.cs, regs.wide.eflags, regs.wide.ss), (8, 14, 15, 17));
}

#[test]
fn the_high_half_belongs_to_the_64_bit_code_around_the_call() {
    let mut regs = UserRegs::default();
    regs.wide.rbx = 0x1234_5678_0000_0001;
    assert_eq!(regs.arg(Arg::A0), 1);
    regs.set_arg(Arg::A0, 0xffff_ffff_0000_0002);
    assert_eq!(regs.wide.rbx, 0x1234_5678_0000_0002);
    assert_eq!(I386::word(u64::MAX), 0xffff_ffff);
    assert_eq!(X86_64::word(u64::MAX), u64::MAX);
}

#[test]
fn results_are_errors_or_have_no_sign() {
    let mut regs = UserRegs::from_bytes(&[0; 68]).unwrap();
    for (ret, told) in [(-1, -1), (-4095, -4095), (-4096, 0xffff_f000), (0xf7f0_0000, 0xf7f0_0000)]
    {
        regs.set_ret(ret);
        assert_eq!(regs.ret(), told);
    }
}

#[test]
fn numbers_are_where_int_0x80_reads_them() {
    let mut regs = UserRegs::default();
    regs.set_nr(7);
    assert_eq!((regs.wide.rax, regs.nr()), (7, 0));
    regs.wide.orig_rax = u64::from(u32::MAX);
    assert_eq!(regs.nr(), u64::MAX);
    // rbx, rcx, rdx, rsi, rdi, rbp in struct user_regs_struct of x86_64.
    let args = [40, 88, 96, 104, 112, 32];
    assert_eq!(I386::POKE, Poke::Words { nr: 120, ret: 80, args });
}

#[test]
fn stat64_fields_lie_where_the_kernel_has_them() {
    let wide = Stat { ino: 0x12_0000_0013, size: 0x18_0000_0019, ..STAT };
    let bytes = I386::encode_stat(&wide);
    assert_eq!(bytes.len(), 96);
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let fields = [
        (0, 0x11),
        (12, 0x13),
        (16, 0x14),
        (20, 0x13),
        (24, 0x15),
        (28, 0x16),
        (32, 0x17),
        (44, 0x19),
        (48, 0x18),
        (52, 0x19),
        (56, 0x1a),
        (64, -5i32 as u32),
        (68, 0x1b),
        (76, 0x1c),
        (84, 0x1d),
        (88, 0x13),
        (92, 0x12),
    ];
    for (at, value) in fields {
        assert_eq!(word(at), value, "at {at}");
    }
    assert_eq!(I386::decode_stat(&bytes), Some(wide));
}

/// A file of 1234567 bytes on tmpfs that belongs to 70000:5 and was changed before the epoch.
const SMALL: Stat = Stat {
    dev: 0x1b,
    ino: 4,
    nlink: 1,
    mode: 0o100_644,
    uid: 70_000,
    gid: 5,
    rdev: 0,
    size: 1_234_567,
    blksize: 4096,
    blocks: 0,
    atime: Timespec { sec: -315_619_200, nsec: 500_000_000 },
    mtime: Timespec { sec: -315_619_200, nsec: 500_000_000 },
    ctime: Timespec { sec: 0x6b01_1191, nsec: 0x327d_b9f6 },
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What Linux 6.18 answered for the file, padding it had left alone zeroed.
#[test]
fn stats_are_those_of_a_kernel() {
    let answers = [
        (Syscall::Oldstat, "1b000400a4810100feff05000000000087d61200800830ed800830ed9111016b"),
        (
            Syscall::Stat,
            "1b00000004000000a4810100feff05000000000087d612000010000000000000\
             800830ed0065cd1d800830ed0065cd1d9111016bf6b97d320000000000000000",
        ),
        (
            Syscall::Stat64,
            "1b000000000000000000000004000000a4810000010000007011010005000000\
             00000000000000000000000087d6120000000000001000000000000000000000\
             800830ed0065cd1d800830ed0065cd1d9111016bf6b97d320400000000000000",
        ),
    ];
    for (call, answer) in answers {
        let bytes = I386::encode_stat_of(call, &SMALL).unwrap();
        assert_eq!(hex(&bytes), answer, "{call:?}");
        assert_eq!(bytes.len(), I386::stat_size_of(call));
        assert_eq!(I386::decode_stat_of(call, &bytes[1..]), None);
    }
    let bytes = I386::encode_stat_of(Syscall::Fstat, &SMALL).unwrap();
    let told = Stat { uid: 65534, ..SMALL };
    assert_eq!(I386::decode_stat_of(Syscall::Fstat, &bytes), Some(told));
    let bytes = I386::encode_stat_of(Syscall::Oldfstat, &SMALL).unwrap();
    let whole = |time: Timespec| Timespec { nsec: 0, ..time };
    let (atime, mtime, ctime) = (whole(SMALL.atime), whole(SMALL.mtime), whole(SMALL.ctime));
    let told = Stat { blksize: 0, atime, mtime, ctime, ..told };
    assert_eq!(I386::decode_stat_of(Syscall::Oldfstat, &bytes), Some(told));
}

#[test]
fn older_stats_overflow_where_the_kernels_do() {
    let fits = |call, stat: Stat| I386::encode_stat_of(call, &stat).is_some();
    let (old, compat) = (Syscall::Oldlstat, Syscall::Lstat);
    for (stat, in_compat, in_old) in [
        (SMALL, true, true),
        (Stat { size: 0x7fff_ffff, ..SMALL }, true, true),
        (Stat { size: 5 << 30, ..SMALL }, false, true),
        (Stat { ino: 0x1_0000, ..SMALL }, true, false),
        (Stat { ino: 1 << 32, ..SMALL }, false, false),
        (Stat { nlink: 0x1_0000, ..SMALL }, false, false),
    ] {
        assert_eq!((fits(compat, stat), fits(old, stat)), (in_compat, in_old), "{stat:?}");
        assert!(fits(Syscall::Lstat64, stat) && fits(Syscall::Fstatat64, stat));
    }
    // /dev/null is 1:3, and a minor number above 255 is cut.
    let at_12 = |rdev| {
        let bytes = I386::encode_stat_of(old, &Stat { rdev, ..SMALL }).unwrap();
        u16::from_le_bytes([bytes[12], bytes[13]])
    };
    assert_eq!((at_12(0x103), at_12(0x10_0103)), (0x103, 0x103));
}

#[test]
fn other_architectures_have_one_stat() {
    for call in [Syscall::Stat, Syscall::Fstat, Syscall::Newfstatat] {
        assert_eq!(X86_64::encode_stat_of(call, &STAT), Some(X86_64::encode_stat(&STAT)));
        assert_eq!(X86_64::stat_size_of(call), X86_64::STAT_SIZE);
    }
}

#[test]
fn values_in_two_registers_take_two_positions() {
    let paths = |call| I386::args(call).iter().position(|&kind| kind == Kind::Path);
    assert_eq!(paths(Syscall::FanotifyMark), Some(5));
    assert_eq!(X86_64::args(Syscall::FanotifyMark).len() + 1, 6);
    for call in [Syscall::Pread64, Syscall::Readahead, Syscall::Fadvise64, Syscall::Preadv] {
        assert_eq!(I386::args(call).len(), call.row().args.len() + 1, "{call:?}");
    }
    for call in [Syscall::SyncFileRange, Syscall::Fallocate] {
        assert_eq!(I386::args(call).len(), 6, "{call:?}");
    }
    assert_eq!(I386::args(Syscall::Openat), Syscall::Openat.row().args);
}

#[test]
fn calls_with_and_without_the_suffix_have_one_policy() {
    let suffixes = ["_time64", "_64", "64", "32"];
    for &(_, call) in I386::table() {
        // What x86_64 has too is not a variant of anything: pread64, getdents64.
        if X86_64::number(call).is_some() {
            continue;
        }
        let name = call.name();
        let Some(plain) = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)) else {
            continue;
        };
        let plain = if plain == "fstatat" { "newfstatat" } else { plain };
        let plain = Syscall::from_name(plain).unwrap_or_else(|| panic!("{name} has no relative"));
        assert_eq!(call.row().policy, plain.row().policy, "{name}");
        assert_eq!(call.row().classes, plain.row().classes, "{name}");
    }
}

#[test]
fn members_are_selected_by_ascending_numbers() {
    for call in [Syscall::Socketcall, Syscall::Ipc] {
        let members = I386::members(call);
        assert!(members.is_sorted_by_key(|&(selector, _)| selector));
        assert!(members.iter().all(|(_, member)| I386::members(*member).is_empty()));
        assert!(X86_64::members(call).is_empty());
    }
    // One that passes has nothing inside that does not.
    let inside_ipc = I386::members(Syscall::Ipc);
    assert!(inside_ipc.iter().all(|(_, member)| member.row().policy == Policy::Pass));
}
