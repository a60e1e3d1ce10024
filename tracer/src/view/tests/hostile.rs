//! Nothing a tracee passes makes the view panic or read without bound.

use nix::unistd::Pid;
use vrift_arch::aarch64::Aarch64;
use vrift_arch::x86_64::X86_64;
use vrift_arch::{Arch, Syscall};

use super::memory::Regions;
use crate::call::{Abi, Call, Layer, Outcome};
use crate::view::{Seat, Speller};

/// Spells every call of an ABI of an architecture with arguments and memory full of one pattern.
fn spell_all<A: Arch>(abi: Abi, pattern: u8, arg: u64, result: i64) {
    let number = if abi == Abi::Compat { A::Compat::number } else { A::number };
    let mut memory = Regions::default();
    memory.0.insert(0x1000, vec![pattern; 0x1800]);
    let speller = Speller::default();
    for &syscall in Syscall::ALL {
        let Some(nr) = number(syscall) else { continue };
        for code in [0, 1, 2, 9, 22, 47, 0x5401, 0x5413, arg] {
            let args = [arg, code, arg, arg, arg, arg];
            let other = [code, arg, arg, arg, arg, code];
            for args in [args, other] {
                let call = Call {
                    abi,
                    nr,
                    syscall: Some(syscall),
                    args,
                    layer: Layer::Outer,
                    ip: 0,
                    sp: u64::MAX - 8,
                };
                let seat = Seat::unmounted(nix::unistd::Pid::from_raw(-1), &memory);
                let mut spelled = speller.enter::<A>(&call, &seat);
                let outcome = Outcome::from_ret(result);
                speller.leave::<A>(&mut spelled, &call, outcome, &seat);
                let length: usize = spelled.args.iter().map(|value| value.to_string().len()).sum();
                assert!(length < 1 << 20, "{} is {length} characters long", spelled.name);
            }
        }
    }
}

#[test]
fn every_call_survives_every_pattern() {
    for pattern in [0x00, 0x7f, 0xff] {
        for arg in [0x1000, 0x27ff, u64::MAX, i64::MAX as u64] {
            for result in [1, i64::MAX, -512] {
                spell_all::<X86_64>(Abi::Native, pattern, arg, result);
                spell_all::<X86_64>(Abi::Compat, pattern, arg & 0xffff_ffff, result);
            }
            spell_all::<Aarch64>(Abi::Native, pattern, arg, 1);
        }
    }
}

#[test]
fn unknown_and_foreign_numbers_are_shown_as_registers() {
    for abi in [Abi::Native, Abi::Foreign { audit_arch: 0x4000_0003 }] {
        let args = [1, 0, 3, 0xdead_beef, 5, 6];
        let call = Call { abi, nr: 0x1d7, syscall: None, args, layer: Layer::Outer, ip: 0, sp: 0 };
        let spelled = Speller::default()
            .enter::<X86_64>(&call, &Seat::unmounted(Pid::from_raw(-1), &Regions::default()));
        let shown: Vec<String> = spelled.args.iter().map(ToString::to_string).collect();
        assert_eq!(spelled.name, "syscall_0x1d7");
        assert_eq!(shown, ["0x1", "0", "0x3", "0xdeadbeef", "0x5", "0x6"]);
    }
}
