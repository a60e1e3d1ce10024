//! Agreement with strace: the same deterministic programs under both, compared line by line.
//!
//! `programs` says what runs, `trace` takes a trace apart into its processes, `mask` hides what two
//! runs of anything cannot share, `compare` finds the lines that differ, `report` shows them.
//!
//! `VRIFT_ONLY=make,find` runs some programs only; `VRIFT_FULL=1` runs each of them ten times;
//! `VRIFT_KEEP=DIR` keeps the raw traces there.
//!
//! **Invariant:** a line counts as equal only if every character outside of a mask is the same, and
//! what stands before the result column too.
//!
//! Deliberately absent: any list of differences that are known and passed over.

#[path = "agreement/compare.rs"]
mod compare;
#[expect(dead_code, reason = "the kit serves other test programs as well")]
#[path = "suite/kit.rs"]
mod kit;
#[path = "agreement/mask.rs"]
mod mask;
#[path = "agreement/programs.rs"]
mod programs;
#[path = "agreement/report.rs"]
mod report;
#[path = "agreement/stage.rs"]
mod stage;
#[path = "agreement/trace.rs"]
mod trace;

use std::io::Write as _;

use self::compare::Comparison;
use self::programs::PROGRAMS;
use self::report::{Measured, Report};
use self::stage::{Lane, Ready, Stage};

/// Attempts at agreement; a race in the program may spoil one of them: a shell waits for its jobs before they have ended or
/// behind, which spoils one in four or so.
const ATTEMPTS: usize = 8;
const ATTEMPTS_FULL: usize = 10;

#[test]
fn vrift_prints_what_strace_prints() {
    if !kit::have("strace") {
        return;
    }
    let only = std::env::var("VRIFT_ONLY").unwrap_or_default();
    let full = std::env::var_os("VRIFT_FULL").is_some_and(|value| value == "1");
    let stage = Stage::new();
    let mut failures = Vec::new();
    let mut report = Report::new(stage.addresses());
    for program in PROGRAMS {
        if !only.is_empty() && !only.split(',').any(|name| name == program.name) {
            continue;
        }
        let attempts = if full { ATTEMPTS_FULL } else { ATTEMPTS };
        let Some(ready) = stage.ready(program) else {
            kit::skipped(&format!("{} cannot run here", program.name));
            continue;
        };
        for lane in [Lane::Auto, Lane::Always] {
            match measure(&stage, &ready, lane, &[], attempts, full) {
                Ok(all) => report.add(Measured::new(program, lane, all)),
                Err(failure) => failures.push(failure),
            }
        }
    }
    // Past the harness, which would hide the table of a test that passes.
    let _ = write!(std::io::stderr(), "{report}");
    assert!(failures.is_empty(), "{failures:#?}");
    let short: Vec<_> = report.measured().filter_map(Measured::shortfall).collect();
    assert!(short.is_empty(), "fewer lines are equal than have to be: {short:?}");
}

/// Options that change how values are spelled.
const SPELLINGS: &[&[&str]] = &[
    &["-X", "raw"],
    &["-X", "verbose"],
    &["-x"],
    &["-xx"],
    &["-s", "3"],
    &["-y"],
    &["-yy"],
    &["-e", "verbose=none"],
];

/// Structures in full, but not the instructions of filters.
const IN_FULL: &[&str] = &["-v", "-e", "trace=!prctl,seccomp"];

/// The programs whose structures hold nothing in full that differs from run to run.
const SHOWN_IN_FULL: &[&str] =
    &["siginfo", "spellings", "requests", "messages", "structures", "traced"];

/// The programs that are spelled in all these ways: they make calls of all kinds, and the same each time.
const SPELLED: &[&str] = &[
    "siginfo",
    "elsewhere",
    "spellings",
    "requests",
    "messages",
    "sockets",
    "polls",
    "memory",
    "times",
    "files",
    "processes",
    "corners",
    "options",
    "netlink",
    "structures",
    "traced",
    "keys",
];

#[test]
fn values_are_spelled_as_strace_spells_them() {
    if !kit::have("strace") {
        return;
    }
    let only = std::env::var("VRIFT_ONLY").unwrap_or_default();
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for program in PROGRAMS.iter().filter(|program| SPELLED.contains(&program.name)) {
        if !only.is_empty() && !only.split(',').any(|name| name == program.name) {
            continue;
        }
        let Some(ready) = stage.ready(program) else {
            kit::skipped(&format!("{} cannot run here", program.name));
            continue;
        };
        let in_full = SHOWN_IN_FULL.contains(&program.name).then_some(&IN_FULL);
        for options in SPELLINGS.iter().chain(in_full) {
            let all = measure(&stage, &ready, Lane::Auto, options, ATTEMPTS, false);
            let all = all.unwrap_or_else(|failure| panic!("{options:?}: {failure}"));
            let best = all.into_iter().min_by_key(|attempt| attempt.differences.len());
            let best = best.expect("there is at least one attempt");
            if best.percent() < program.percent_min {
                wrong.push(format!("{} {options:?}: {:#?}", program.name, best.differences));
            } else if !best.differences.is_empty() {
                let _ = writeln!(
                    std::io::stderr(),
                    "{} {options:?}: {:#?}",
                    program.name,
                    best.differences
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a program under both tracers until they agree, at most `attempts` times.
fn measure(
    stage: &Stage,
    ready: &Ready,
    lane: Lane,
    options: &[&str],
    attempts: usize,
    full: bool,
) -> Result<Vec<Comparison>, String> {
    let mut all: Vec<Comparison> = Vec::new();
    for attempt in 0..attempts {
        let strace = stage.strace(ready, options, attempt)?;
        let vrift = stage.vrift(ready, lane, options, attempt)?;
        let comparison = compare::compare(&strace, &vrift, stage.addresses());
        let agreed = comparison.differences.is_empty();
        all.push(comparison);
        if agreed && !full {
            break;
        }
    }
    Ok(all)
}
