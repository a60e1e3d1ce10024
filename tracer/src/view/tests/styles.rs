//! One call in every style, from memory that no tracee has.

use nix::unistd::Pid;
use vrift_arch::x86_64::X86_64;
use vrift_arch::{Arch, Syscall};

use super::memory::Regions;
use crate::call::{Abi, Call, Layer, Outcome};
use crate::view::style::{Constants, Hex, Style};
use crate::view::{Seat, Selection, Speller};

/// The arguments of a call in a style.
fn args(syscall: Syscall, args: [u64; 6], style: Style) -> String {
    let mut memory = Regions::default();
    memory.0.insert(0x1000, b"a\x01b\0".to_vec());
    memory.0.insert(0x2000, b"plain\n\0".to_vec());
    // Two pointers and the end of the vector.
    let vector = [0x1000u64, 0x2000, 0].map(u64::to_ne_bytes).concat();
    memory.0.insert(0x3000, vector);
    let names: Vec<u8> = (0..6).flat_map(|part| [b'0' + part; 65]).collect();
    memory.0.insert(0x4000, names);
    let nr = X86_64::number(syscall).expect("x86_64 has it");
    let call = Call {
        abi: Abi::Native,
        nr,
        syscall: Some(syscall),
        args,
        layer: Layer::Outer,
        ip: 0,
        sp: 0,
    };
    let seat = Seat::unmounted(Pid::from_raw(-1), &memory);
    let speller = Speller::new(style);
    let mut spelled = speller.enter::<X86_64>(&call, &seat);
    speller.leave::<X86_64>(&mut spelled, &call, Outcome::Value(0), &seat);
    let shown: Vec<String> = spelled.args.iter().map(ToString::to_string).collect();
    shown.join(", ")
}

fn execve(style: Style) -> String {
    args(Syscall::Execve, [0x2000, 0x3000, 0x3000, 0, 0, 0], style)
}

#[test]
fn strings_are_in_hexadecimal_where_it_is_asked() {
    let with = |hex| execve(Style { hex, ..Style::default() });
    assert_eq!(with(Hex::Never), r#""plain\n", ["a\1b", "plain\n"], 0x3000 /* 2 vars */"#);
    let non_ascii = r#""plain\n", ["\x61\x01\x62", "plain\n"], 0x3000 /* 2 vars */"#;
    assert_eq!(with(Hex::NonAscii), non_ascii);
    assert!(with(Hex::Always).starts_with(r#""\x70\x6c\x61\x69\x6e\x0a", ["\x61"#));
}

#[test]
fn structures_are_as_long_as_the_style_wants() {
    let short = Style::default();
    let whole = Style { abbrev: Selection::none(), ..Style::default() };
    let closed = Style { verbose: Selection::none(), ..Style::default() };
    assert_eq!(execve(whole.clone()), r#""plain\n", ["a\1b", "plain\n"], ["a\1b", "plain\n"]"#);
    assert_eq!(execve(closed.clone()), r#""plain\n", 0x3000, 0x3000"#);
    let uname = |style| args(Syscall::Uname, [0x4000, 0, 0, 0, 0, 0], style);
    assert!(uname(short).ends_with(", ...}"));
    assert!(uname(whole).contains(", domainname=\"5555"));
    assert_eq!(uname(closed), "0x4000");
    let raw = Style { raw: Selection::parse("execve").expect("a call"), ..Style::default() };
    assert_eq!(execve(raw), "0x2000, 0x3000, 0x3000");
}

#[test]
fn constants_have_names_numbers_or_both() {
    let open = |constants| {
        let style = Style { constants, ..Style::default() };
        args(Syscall::Openat, [-100i32 as u32 as u64, 0x2000, 0x80002, 0, 0, 0], style)
    };
    assert_eq!(open(Constants::Abbrev), r#"AT_FDCWD, "plain\n", O_RDWR|O_CLOEXEC"#);
    assert_eq!(open(Constants::Raw), r#"-100, "plain\n", 0x80002"#);
    let both = r#"-100 /* AT_FDCWD */, "plain\n", 0x80002 /* O_RDWR|O_CLOEXEC */"#;
    assert_eq!(open(Constants::Verbose), both);
    let kill = |constants| {
        let style = Style { constants, ..Style::default() };
        args(Syscall::Kill, [1, 15, 0, 0, 0, 0], style)
    };
    assert_eq!([kill(Constants::Raw), kill(Constants::Verbose)], ["1, 15", "1, 15 /* SIGTERM */"]);
}
