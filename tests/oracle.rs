//! The read side under generated calls: a program makes a long sequence of calls from a seed, on a
//! real directory and in a mount of its ingest, and must print the same bytes.
//!
//! The program and what it normalises (each with its reason) are in `fixtures/guests/oracle`. As root
//! the real directory is a file system of its own that is made read-only, so that refusals of changes
//! are compared too, and every seed runs a second time as a user who owns little. Without privilege
//! the tree is a plain directory, and calls that would change it are left out.
//!
//! `VRIFT_SEEDS=17` or `VRIFT_SEEDS=100-200` runs these seeds; `VRIFT_FULL=1` runs a thousand.

#[path = "suite/kit.rs"]
#[expect(dead_code, reason = "the kit serves another test program, which uses all of it")]
mod kit;
#[path = "oracle/stage.rs"]
mod stage;

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::RangeInclusive;

use self::stage::{Stage, User};

/// Seeds and calls of a usual run, and of a full one.
const SAMPLE: (RangeInclusive<u64>, u32) = (1..=40, 300);
const FULL: (RangeInclusive<u64>, u32) = (1..=1000, 300);

/// As many seeds that differ are shown.
const SHOWN_MAX: usize = 5;

/// The seeds to run, and how many calls each makes.
fn wanted() -> (RangeInclusive<u64>, u32) {
    if let Ok(text) = std::env::var("VRIFT_SEEDS") {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let number = |text: &str| text.trim().parse().expect("VRIFT_SEEDS is a number or a range");
        return (number(first)..=number(last), SAMPLE.1);
    }
    if std::env::var_os("VRIFT_FULL").is_some_and(|value| value == "1") { FULL } else { SAMPLE }
}

/// Runs every seed as `user` and reports those whose runs differ.
#[track_caller]
fn agree(user: User) {
    let Some(stage) = Stage::new() else { return };
    let (seeds, count) = wanted();
    let (mut report, mut differing, mut calls) = (String::new(), 0, 0);
    for seed in seeds.clone() {
        match stage.compare(seed, count, user) {
            Ok(made) => calls += made,
            Err(difference) => {
                differing += 1;
                if differing <= SHOWN_MAX {
                    let _ = writeln!(report, "{difference}");
                }
            }
        }
    }
    let _ = writeln!(std::io::stderr(), "oracle: {user:?}: {calls} calls of seeds {seeds:?} agree");
    assert!(differing == 0, "{differing} seeds differ as {user:?}; the first:\n{report}");
    assert!(calls > 0, "no call was made");
}

#[test]
fn c_074_to_c_111_generated_calls_see_what_they_see_on_a_real_directory() {
    agree(User::Own);
}

#[test]
fn c_078_generated_calls_of_an_unprivileged_user_see_what_they_see_on_a_real_directory() {
    if !kit::root() {
        // The other test has run as one.
        return kit::skipped("only root can become somebody else");
    }
    if kit::have("setpriv") {
        agree(User::Nobody);
    }
}
