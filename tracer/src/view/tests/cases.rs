//! Every case of `strace-6.1.txt` is spelled as strace spelled it.

use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::x86_64::X86_64;
use vrift_arch::{Arch, Syscall};

use super::memory::Regions;
use crate::call::{Abi, Call, Layer, Outcome};
use crate::view::text::{Flush, Layout, Prefix, Text};
use crate::view::{Event, Seat, Sink, Speller};

const CASES: &str = include_str!("strace-6.1.txt");

/// Where the first memory of a case lies, and how far the others are from it.
const BASE: u64 = 0x1000_0000;
const PAGE: u64 = 0x1000;
/// How many pages of zeros a case has.
const PAGES: u64 = 8;

/// A number in decimal, hexadecimal or octal.
fn number(text: &str) -> u64 {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8),
        None => digits.parse(),
    }
    .unwrap_or_else(|error| panic!("{text}: {error}"));
    if negative { value.wrapping_neg() } else { value }
}

/// The bytes a description stands for.
fn bytes(description: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = description;
    while let Some(first) = rest.chars().next() {
        let close = |open: usize, end| rest[open..].find(end).expect("a bracket is closed") + open;
        match first {
            '<' => {
                let end = close(1, '>');
                out.extend((BASE + number(&rest[1..end]) * PAGE).to_le_bytes());
                rest = &rest[end + 1..];
            }
            '{' => {
                let end = close(1, '}');
                let (value, size) = rest[1..end].split_once(':').expect("a size");
                out.extend(&number(value).to_le_bytes()[..number(size) as usize]);
                rest = &rest[end + 1..];
            }
            '(' => {
                let end = close(1, ')');
                out.extend(&rest.as_bytes()[1..end]);
                rest = &rest[end + 1..];
            }
            _ => {
                out.push(u8::from_str_radix(&rest[..2], 16).expect("hex digits"));
                rest = &rest[2..];
            }
        }
    }
    out
}

fn outcome(text: &str) -> Outcome {
    match text.strip_prefix('E') {
        None => Outcome::from_ret(number(text) as i64),
        Some(_) => Outcome::Error(
            (1..134)
                .map(Errno::from_raw)
                .find(|errno| format!("{errno:?}") == text)
                .unwrap_or_else(|| panic!("no errno {text}")),
        ),
    }
}

/// The call and the memory a case describes.
fn read_case(line: &str) -> (Call, Regions, Outcome) {
    let mut words = line.split(' ');
    let name = words.next().expect("a name");
    let outcome = outcome(words.next().expect("a result"));
    let syscall = Syscall::from_name(name);
    let nr = syscall.and_then(X86_64::number).unwrap_or_else(|| number(name));
    let mut memory = Regions::default();
    let (mut args, mut count, mut place) = ([0; 6], 0, 0);
    for word in words {
        let value = match word.split_at(1) {
            ("s", text) => Some([text.as_bytes(), &[0]].concat()),
            ("b" | "x", description) => Some(bytes(description)),
            _ => None,
        };
        let arg = match value {
            Some(mut value) => {
                value.resize(PAGE as usize, 0);
                memory.0.insert(BASE + place * PAGE, value);
                place += 1;
                BASE + (place - 1) * PAGE
            }
            None => number(word),
        };
        if !word.starts_with('x') {
            args[count] = arg;
            count += 1;
        }
    }
    if place > 0 {
        for page in place..PAGES {
            memory.0.insert(BASE + page * PAGE, vec![0; PAGE as usize]);
        }
    }
    (
        Call { abi: Abi::Native, nr, syscall, args, layer: Layer::Outer, ip: 0, sp: 0 },
        memory,
        outcome,
    )
}

fn spell(line: &str) -> String {
    let (call, memory, outcome) = read_case(line);
    let speller = Speller::default();
    let seat = Seat::unmounted(nix::unistd::Pid::from_raw(-1), &memory);
    let mut spelled = speller.enter::<X86_64>(&call, &seat);
    speller.leave::<X86_64>(&mut spelled, &call, outcome, &seat);
    let mut text = Text::new(Vec::new(), Layout::new(Prefix::Never, 40), Flush::WhenFull);
    let (spent, system) = (Duration::ZERO, Duration::ZERO);
    let event = Event::Leave { call: &spelled, outcome, note: None, spent, system };
    text.event(Pid::from_raw(1), SystemTime::UNIX_EPOCH, &event).expect("to memory");
    text.finish().expect("to memory");
    String::from_utf8_lossy(text.get_ref()).trim_end().to_owned()
}

#[test]
fn calls_are_spelled_as_strace_spells_them() {
    let lines: Vec<&str> = CASES.lines().filter(|line| !line.starts_with('#')).collect();
    let mut wrong = Vec::new();
    for pair in lines.chunks_exact(2) {
        let got = spell(pair[0]);
        if got != pair[1] {
            wrong.push(format!("{}\n  strace: {}\n  vrift:  {got}", pair[0], pair[1]));
        }
    }
    assert!(lines.len() > 1000, "the cases were not read");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
