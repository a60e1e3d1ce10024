//! What a program finds in its registers and on its stack of signal frames: as if nobody had been there.

use crate::bench::{Bench, Way, same};
use crate::kit::skipped;

/// Calls that are passed on, answered, given another path or turned into another call, and children.
#[test]
fn c_025_c_031_a_call_changes_no_register_but_its_result() {
    same("registers", &["kept"]);
}

/// What a handler finds in the frame of a call with another path, and what it leaves there.
#[test]
fn c_031_c_043_what_a_handler_leaves_is_there_when_it_returns() {
    same("registers", &["returns"]);
}

/// A call through the vsyscall page has no exit, and no instruction that could be made again.
#[test]
fn c_012_c_039_calls_through_the_vsyscall_page() {
    let Some(bench) = Bench::new("registers") else { return };
    bench.same_in(&Way::VRIFT, &["vsyscall"]);
    if !bench.native(&["vsyscall"]).out().starts_with("the page is there\n") {
        return skipped("this kernel has no vsyscall page");
    }
    for way in [Way::Traced, Way::Both] {
        bench.run(way, &["vsyscall"]);
        let trace = bench.trace();
        assert_eq!(trace.matches(" time(").count(), 5, "{way:?}: {trace}");
        // The loader and the C library open nothing in the tree.
        let opened = format!("openat(AT_FDCWD, \"{}/x\"", bench.sandbox.tree().display());
        assert_eq!(trace.matches(&opened).count(), 5, "{way:?}: {trace}");
    }
}

/// The kernel gives these to the program before it asks any filter or tracer.
#[test]
fn c_069_calls_that_are_dispatched_to_the_program() {
    same("registers", &["dispatch_calls"]);
}

#[test]
fn c_071_restartable_sequences_are_aborted_as_ever() {
    same("registers", &["restartable"]);
}
