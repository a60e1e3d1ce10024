//! `vrift audit verify`.

use std::fs;

use crate::kit::{Sandbox, run};
use crate::recorded::{script, verify};

#[test]
fn a_whole_record_of_unchanged_files_is_fine() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("in"), "in").unwrap();
    let recorded = script(&sandbox, "cat in > out; echo x > gone; rm gone");
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(said.contains("whole") && !said.contains("changed"), "{said}");
    let said = run(verify(&sandbox, &recorded.path).arg("--json")).fine();
    assert!(said.contains("\"whole\":true") && said.contains("\"differ\":[]"), "{said}");
}

#[test]
fn files_that_are_not_as_recorded_are_named() {
    let sandbox = Sandbox::new();
    for name in ["in", "away"] {
        fs::write(sandbox.path(name), "before").unwrap();
    }
    let recorded = script(&sandbox, "cat in away > out; echo 1 > kept");
    fs::write(sandbox.path("in"), "after").unwrap();
    fs::write(sandbox.path("out"), "after").unwrap();
    fs::remove_file(sandbox.path("away")).unwrap();
    let ran = run(&mut verify(&sandbox, &recorded.path));
    assert_eq!(ran.code(), Some(1), "{ran}");
    let at = |word: &str, name: &str| format!("{word}: {}\n", sandbox.path(name).display());
    for line in [at("changed", "in"), at("changed", "out"), at("gone", "away")] {
        assert!(ran.out().contains(&line), "{line}{ran}");
    }
    assert!(!ran.out().contains(&at("changed", "kept")), "{ran}");
}

#[test]
fn damage_is_found_and_named() {
    let sandbox = Sandbox::new();
    let recorded = script(&sandbox, "for n in 1 2 3 4 5 6 7 8 9; do cat /etc/passwd; done > out");
    let bytes = fs::read(&recorded.path).unwrap();
    let said_of = |bytes: &[u8]| {
        fs::write(&recorded.path, bytes).unwrap();
        let ran = run(&mut verify(&sandbox, &recorded.path));
        assert_eq!(ran.code(), Some(1), "{ran}");
        ran.err()
    };
    let mut flipped = bytes.clone();
    let last = bytes.len() - 3;
    flipped[last] ^= 0x10;
    let said = said_of(&flipped);
    assert!(said.contains("is not as it was written"), "{said}");
    let said = said_of(&bytes[..last]);
    assert!(said.contains("the file ends within frame"), "{said}");
    // Without the frame after the header.
    let length =
        |at: usize| 72 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (first, second) = (16 + length(16), 16 + length(16) + length(16 + length(16)));
    if second < bytes.len() {
        let said = said_of(&[&bytes[..first], &bytes[second..]].concat());
        assert!(said.contains("frame 1 is missing"), "{said}");
    }
    fs::write(&recorded.path, b"anything").unwrap();
    run(&mut verify(&sandbox, &recorded.path)).vrift_failed();
}
