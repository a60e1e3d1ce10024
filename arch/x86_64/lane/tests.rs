//! What is written down is what a disassembler reads, and jumps lead where they should.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::detours::PADDING;
use super::*;
use crate::lane::Patch;

/// The text of each instruction that `objdump` finds, by its place; `None` if there is none.
fn disassembled(code: &[u8], at: u64) -> Option<HashMap<u64, String>> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("vrift-lane-{}-{count}", std::process::id()));
    std::fs::write(&file, code).unwrap();
    let mut objdump = Command::new("objdump");
    objdump.args(["-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn"]);
    let output = objdump.arg(format!("--adjust-vma={at:#x}")).arg(&file).output();
    std::fs::remove_file(&file).unwrap();
    let Ok(output) = output else {
        eprintln!("skipped: there is no objdump");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let insn = |line: &str| {
        let (place, text) = line.trim().split_once(":\t")?;
        let place = u64::from_str_radix(place, 16).ok()?;
        Some((place, text.split_whitespace().collect::<Vec<_>>().join(" ")))
    };
    Some(text.lines().filter_map(insn).collect())
}

const PLACES: Hidden<'_> = Hidden::Places(&[b"/mnt/q", b"/proc"]);

const OPENED: Option<Scope> = Some(Scope::Opened { since: 1_800_000_000 });

const PLANS: [Plan<'_>; 6] = [
    Plan { hidden: PLACES, tape: None },
    Plan { hidden: PLACES, tape: Some(Scope::Lookups) },
    Plan { hidden: Hidden::Nothing, tape: Some(Scope::All) },
    Plan { hidden: Hidden::Nothing, tape: Some(Scope::Lookups) },
    Plan { hidden: PLACES, tape: OPENED },
    Plan { hidden: Hidden::Nothing, tape: OPENED },
];

#[test]
fn the_page_is_what_is_written_down() {
    for plan in PLANS {
        is_what_is_written_down(page(&plan));
    }
}

fn is_what_is_written_down(page: Assembly) {
    let written: Vec<_> = page.text.clone();
    let labels: HashMap<String, u64> = written
        .iter()
        .filter_map(|(_, text)| Some(text.split_once('@')?.1.split([' ', '(']).next()?.to_owned()))
        .map(|label| (label.clone(), page.address(&label)))
        .collect();
    let tables = page.address("tables");
    let code = page.finish();
    let Some(read) = disassembled(&code, AT) else { return };
    for (at, text) in &written {
        let there = &read[&(AT + *at as u64)];
        let expected = match text.split_once('@') {
            None => text.clone(),
            Some((before, rest)) => {
                let (label, after) = rest.split_once(' ').unwrap();
                let target = labels[label];
                match after {
                    "" => format!("{before}{target:#x}"),
                    // Where it is, as a comment.
                    _ => {
                        assert!(there.ends_with(&format!("# {target:#x}")), "{there}: {text}");
                        continue;
                    }
                }
            }
        };
        assert_eq!(*there, expected);
    }
    let of_code = read.keys().filter(|&&at| at < tables).count();
    // What aligns the tables is no instruction.
    assert!((written.len()..written.len() + 8).contains(&of_code), "{of_code} instructions");
}

#[test]
fn a_page_has_no_room_for_too_many_places() {
    let long = vec![b'x'; 4096];
    for (tape, fits) in [(None, 950), (Some(Scope::All), 620), (OPENED, 520)] {
        let hides = |place: &[u8]| lane(&Plan { hidden: Hidden::Places(&[place]), tape });
        assert!(hides(&long).is_none());
        assert!(hides(&long[..fits]).is_some());
    }
}

#[test]
fn every_call_of_the_lane_makes_no_change_and_has_its_path_where_the_row_says() {
    use crate::syscall::Kind;
    for (call, shape) in CALLS {
        let path = call.row().args.iter().position(|kind| *kind == Kind::Path);
        let expected = match shape {
            Shape::First(_) => Some(0),
            Shape::Second(_) => Some(1),
            Shape::Descriptor | Shape::Mapping => None,
        };
        assert_eq!(path, expected, "{call:?}");
        assert_eq!(number(call) > FIRST_MAX, expected == Some(1), "{call:?}");
        let flags = match shape.links() {
            Some(Links::AsOpened(arg) | Links::AsNamed(arg)) => Some(arg.index()),
            _ => None,
        };
        for (at, kind) in call.row().args.iter().enumerate() {
            use crate::syscall::Flags;
            let decides = matches!(kind, Kind::Flags(Flags::Open | Flags::At | Flags::AtStatx));
            let decides = decides || matches!(kind, Kind::Flags(Flags::AtAccess));
            assert_eq!(decides, flags == Some(at), "{call:?}");
        }
    }
}

/// A page of code with `syscall` at `site` and paddings at `paddings`.
fn code(site: usize, paddings: &[usize]) -> Vec<u8> {
    let mut code = vec![0xc3; 4096];
    code[site..site + 2].copy_from_slice(&[0x0f, 0x05]);
    for &padding in paddings {
        code[padding..padding + 8].copy_from_slice(&PADDING);
    }
    code
}

#[test]
fn a_detour_lands_in_the_nearest_padding_in_reach() {
    let at = 0x7000_0000_0000;
    for (site, paddings, landing) in [
        (0x400, &[0x420][..], Some(0x423)),
        (0x400, &[0x3f0], Some(0x3f3)),
        (0x400, &[0x380, 0x410], Some(0x413)),
        (0x400, &[0x402 + 124], Some(0x402 + 127)),
        (0x400, &[0x402 + 125], None),
        (0x400, &[0x402 - 131], Some(0x402 - 128)),
        (0x400, &[0x402 - 132], None),
        (0x400, &[], None),
        (0, &[8], Some(11)),
        (4094, &[4000], Some(4003)),
    ] {
        let found = detour(at + site as u64, &code(site, paddings), at);
        assert_eq!(found.as_ref().map(|found| found.landing.at), landing.map(|to: u64| at + to));
        let Some(found) = found else { continue };
        let [jump] = &found.jumps[..] else { panic!("{found:?}") };
        assert_eq!((jump.at, &jump.former[..], jump.new[0]), (found.site, &[0x0f, 5][..], 0xeb));
        let disp = i64::from(jump.new[1].cast_signed());
        assert_eq!(found.site as i64 + 2 + disp, found.landing.at as i64);
    }
    assert_eq!(detour(at + 1, &code(0, &[8]), at), None, "there is another instruction");
    assert_eq!(detour(at + 4095, &code(0, &[8]), at), None, "it goes on in the next page");
    assert_eq!(detour(at - 1, &code(0, &[8]), at), None);
}

/// Every instruction of this system's C library that has any way: nothing but itself is another one afterwards.
#[test]
fn other_instructions_stay_what_they_are() {
    let Some(path) = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
    else {
        eprintln!("skipped: no C library where one is looked for");
        return;
    };
    let library = std::fs::read(path).unwrap();
    let instructions = |file: &std::path::Path| {
        let output = Command::new("objdump").args(["-d", "--no-show-raw-insn"]).arg(file).output();
        let text = String::from_utf8(output.ok()?.stdout).unwrap();
        let insn = |line: &str| {
            let (place, text) = line.trim().split_once(":\t")?;
            Some((u64::from_str_radix(place, 16).ok()?, text.trim().to_owned()))
        };
        Some(text.lines().filter_map(insn).collect::<std::collections::BTreeMap<_, _>>())
    };
    let Some(before) = instructions(path.as_ref()).filter(|found| !found.is_empty()) else {
        eprintln!("skipped: there is no objdump");
        return;
    };
    let mut patched = library.clone();
    let (mut direct, mut by_hops) = (0, 0);
    let mut sites = Vec::new();
    // Where code lies in the file and in memory is the same for it, or nothing is found.
    for (&site, _) in before.iter().filter(|(_, text)| *text == "syscall") {
        let Some(found) = detour(site, &patched, 0) else { continue };
        let stub = stub(&found, site + 0x1000_0000).unwrap();
        match found.jumps.len() {
            1 => direct += 1,
            _ => by_hops += 1,
        }
        let landing = Patch { new: stub.far_jump, ..found.landing };
        for Patch { at, former, new } in found.jumps.iter().chain([&landing]) {
            let place = *at as usize..*at as usize + new.len();
            assert_eq!(patched[place.clone()], former[..]);
            patched[place].copy_from_slice(new);
        }
        sites.push(site);
    }
    if sites.is_empty() {
        eprintln!("skipped: {path} does not lie in memory as in its file");
        return;
    }
    let file = std::env::temp_dir().join(format!("vrift-patched-{}", std::process::id()));
    std::fs::write(&file, &patched).unwrap();
    let after = instructions(&file);
    std::fs::remove_file(&file).unwrap();
    let after = after.unwrap();
    println!("{direct} jump at once, {by_hops} by others");
    assert!(before.keys().eq(after.keys()), "an instruction begins elsewhere");
    for (at, text) in &before {
        let (is_site, new) = (sites.binary_search(at).is_ok(), &after[at]);
        match is_site {
            true => assert!(new.starts_with("jmp "), "{at:x}: {new}"),
            false if text == new => {}
            false => assert!(text.contains("nop") && new.contains("nop"), "{at:x}: {text}: {new}"),
        }
    }
}

/// Whoever runs through padding must find it as long as it was.
#[test]
fn padding_stays_padding() {
    let at = 0x7000_0000_0000;
    let mut bytes = code(0x400, &[0x420]);
    let found = detour(at + 0x400, &bytes, at).unwrap();
    for stub_at in [at + 0x10_0000, at - 0x10_0000, at + 0x7fff_0000, at - 0x7fff_0000] {
        let stub = stub(&found, stub_at).unwrap();
        let landing = (found.landing.at - at) as usize;
        bytes[landing..landing + stub.far_jump.len()].copy_from_slice(&stub.far_jump);
        let Some(read) = disassembled(&bytes[0x420..], at + 0x420) else { return };
        assert!(read[&(at + 0x420)].starts_with("nopl"), "{}", read[&(at + 0x420)]);
        assert_eq!(read[&(at + 0x428)], "ret");
        let Some(read) = disassembled(&bytes[0x423..], at + 0x423) else { return };
        assert_eq!(read[&(at + 0x423)], format!("jmp {stub_at:#x}"));
        let Some(read) = disassembled(&stub.code, stub_at) else { return };
        let behind = at + 0x402;
        assert!(read[&stub_at].ends_with(&format!("# {behind:#x}")), "{}", read[&stub_at]);
        assert_eq!(read[&(stub_at + 7)], format!("movabs ${AT:#x},%r11"));
        assert_eq!(read[&(stub_at + 17)], "jmp *%r11");
    }
    assert_eq!(stub(&found, at + 0x8001_0000), None);
    assert_eq!(stub(&found, at - 0x8001_0000), None);
}
