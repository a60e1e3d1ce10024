//! Calls that make no stop and are shown all the same: none is missing, none is another's, and they come in the
//! order in which they were made.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::process::{Child, Command};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, GUARD, Way, finish, guarded, start};
use crate::counts::stops;
use crate::kit::have;

/// A task's id in a path of the guest's, its number there, and the task that vrift shows the call of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looked {
    tid: i32,
    number: usize,
    shown: i32,
}

/// The lookups of a trace.
fn lookups(trace: &str) -> Vec<Looked> {
    let lookup = |line: &str| {
        let (shown, rest) = line.split_once(' ')?;
        let (path, result) = rest.trim().strip_prefix("access(\"/nowhere/")?.split_once("\", ")?;
        let (tid, number) = path.split_once('/')?;
        let resumed_later = result.ends_with("<unfinished ...>");
        assert!(resumed_later || result.contains("-1 ENOENT"), "{line}");
        let number = number.parse().ok()?;
        Some(Looked { tid: tid.parse().ok()?, number, shown: shown.parse().ok()? })
    };
    trace.lines().filter_map(lookup).collect()
}

/// Wants every lookup of each task once, shown as its own; returns how many tasks made so many.
#[track_caller]
fn complete(trace: &str) -> BTreeMap<usize, usize> {
    let mut numbers: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for Looked { tid, number, shown } in lookups(trace) {
        assert_eq!(tid, shown, "{trace}");
        numbers.entry(tid).or_default().push(number);
    }
    let mut counts = BTreeMap::new();
    for (tid, mut found) in numbers {
        found.sort_unstable();
        assert!(found.iter().copied().eq(0..found.len()), "{tid}: {found:?}");
        *counts.entry(found.len()).or_default() += 1;
    }
    counts
}

fn traced(bench: &Bench, lane: &str, command: &str) -> Command {
    let mut vrift = bench.sandbox.vrift(["trace", "-f", "-e", "trace=%file", "-o"]);
    vrift.arg(bench.sandbox.path("trace")).arg(format!("--fast-lane={lane}")).arg("--");
    vrift.arg(&bench.guest).arg(command).arg(bench.sandbox.tree());
    vrift
}

const LANES: [&str; 3] = ["never", "auto", "always"];

#[test]
fn c_053_children_of_every_kind_are_told_of_as_themselves() {
    let Some(bench) = Bench::new("tape") else { return };
    let native = bench.native(&["children"]);
    for lane in LANES {
        let ran = guarded(&mut traced(&bench, lane, "children"));
        assert!(ran == native, "{ran}");
        // The grandchildren, borrowers and the thread; the children; the first.
        let expected = BTreeMap::from([(60, 7), (180, 3), (540, 1)]);
        assert_eq!(complete(&bench.trace()), expected, "{lane}");
    }
}

#[test]
fn c_043_a_handler_at_any_instruction_loses_nothing() {
    let Some(bench) = Bench::new("tape") else { return };
    for lane in LANES {
        let ran = guarded(&mut traced(&bench, lane, "signals"));
        assert!(ran.status.success(), "{ran}");
        let counts = complete(&bench.trace());
        assert!(counts.len() == 1 && counts.keys().all(|&count| count >= 3000), "{counts:?}");
    }
}

/// Who is interrupted while its lane is prepared has what it had when it goes on: no descriptor more, no signal blocked.
#[test]
fn c_043_a_handler_that_does_not_come_back_leaves_nothing_of_the_lane() {
    let Some(bench) = Bench::new("tape") else { return };
    let native = bench.native(&["begins"]);
    assert_eq!(native.out(), "begun\n", "{native}");
    for lane in LANES {
        let ran = guarded(&mut traced(&bench, lane, "begins"));
        assert!(ran == native, "{ran}");
        let mut numbers: BTreeMap<i32, BTreeSet<usize>> = BTreeMap::new();
        for Looked { tid, number, shown } in lookups(&bench.trace()) {
            assert_eq!(tid, shown);
            numbers.entry(tid).or_default().insert(number);
        }
        assert!(numbers.len() == 301, "{lane}: {} tasks", numbers.len());
        for (tid, found) in numbers {
            let whole = 0..if found.len() > 20 { 60 } else { 20 };
            assert!(found.iter().copied().eq(whole), "{lane}, {tid}: {found:?}");
        }
    }
}

/// What passes the token makes no stop.
#[test]
fn what_one_task_does_before_another_is_told_before() {
    let Some(bench) = Bench::new("tape") else { return };
    for lane in LANES {
        let ran = guarded(&mut traced(&bench, lane, "turns"));
        assert!(ran.status.success(), "{ran}");
        let looked = lookups(&bench.trace());
        let numbers: Vec<usize> = looked.iter().map(|looked| looked.number).collect();
        assert!(numbers.iter().copied().eq(0..400), "{lane}: {numbers:?}");
    }
}

#[test]
fn c_013_what_was_done_before_a_kill_is_told() {
    let Some(bench) = Bench::new("tape") else { return };
    for lane in LANES {
        let ran = guarded(&mut traced(&bench, lane, "killed"));
        assert_eq!(ran.out(), "here\n", "{ran}");
        assert_eq!(complete(&bench.trace()), BTreeMap::from([(60, 1)]), "{lane}");
        assert!(bench.trace().contains("+++ killed by SIGKILL +++"), "{}", bench.trace());
    }
}

/// Nobody stops any more, and what was done is shown nevertheless.
#[test]
fn what_was_done_is_told_while_nobody_stops() {
    let Some(bench) = Bench::new("tape") else { return };
    for lane in LANES {
        let _ = std::fs::remove_file(bench.sandbox.path("trace"));
        let vrift: Child = start(&mut traced(&bench, lane, "waits"));
        let started = Instant::now();
        while complete(&bench.trace()) != BTreeMap::from([(60, 1)]) {
            assert!(started.elapsed() < GUARD, "{lane}: {}", bench.trace());
            std::thread::yield_now();
        }
        let waiting = lookups(&bench.trace())[0].tid;
        kill(Pid::from_raw(waiting), Signal::SIGTERM).expect("it waits");
        let ran = finish(vrift);
        assert_eq!(ran.out(), "here\n", "{ran}");
    }
}

#[test]
fn who_writes_over_its_tape_is_named_and_goes_on() {
    let Some(bench) = Bench::new("tape") else { return };
    let ran = guarded(&mut traced(&bench, "always", "spoils"));
    assert_eq!((ran.status.code(), ran.out().as_ref()), (Some(0), "spoilt\n"), "{ran}");
    assert!(ran.err().contains("has written over"), "{ran}");
    // What comes after the last time.
    assert!(lookups(&bench.trace()).iter().any(|looked| looked.number == 119), "{}", bench.trace());
    // Who knows all calls from stops has nothing to complain of.
    let ran = guarded(&mut traced(&bench, "never", "spoils"));
    assert!(ran.err().is_empty(), "{ran}");
    assert_eq!(complete(&bench.trace()), BTreeMap::from([(120, 1)]));
}

/// vrift looks at memory whose file is the tracee's too: if that could be cut off, looking would end vrift.
#[test]
fn nobody_cuts_off_a_tape() {
    let Some(bench) = Bench::new("tape") else { return };
    let ran = guarded(&mut traced(&bench, "always", "cuts"));
    assert_eq!((ran.status.code(), ran.out().as_ref()), (Some(0), "whole\n"), "{ran}");
    assert_eq!(complete(&bench.trace()), BTreeMap::from([(120, 1)]));
}

/// The stops of so many calls of each kind about a file of the host.
fn stops_of(way: Way, calls: Range<usize>) -> Option<usize> {
    let bench = Bench::new("lane")?;
    let host = bench.sandbox.path("host");
    std::fs::create_dir(&host).expect("a new directory");
    std::fs::write(host.join("f"), "host f\n").expect("a new file");
    let count = |calls: usize| {
        let mut words = vec![bench.guest.clone().into_os_string(), "count".into()];
        words.extend([bench.sandbox.tree().into_os_string(), host.clone().into_os_string()]);
        words.push(calls.to_string().into());
        stops(&bench, way, &words)
    };
    Some(count(calls.end)?.saturating_sub(count(calls.start)?))
}

/// Beside the calls of the lane, a trace shows two that close something; and who opens what has just been made stops once for a
/// record of what was read.
#[test]
fn calls_that_are_told_later_make_no_stop() {
    if !have("strace") {
        return;
    }
    for (way, most) in [
        (Way::Taped, 400 + 8),
        (Way::TapedBoth, 400 + 8),
        (Way::Audited, 200 + 8),
        (Way::AuditedBoth, 200 + 8),
    ] {
        let Some(stops) = stops_of(way, 1..101) else { return };
        assert!(stops <= most, "{way:?}: {stops} stops for 1,200 calls");
    }
}
