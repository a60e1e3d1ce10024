//! Programs that install seccomp filters themselves: what their filters answer, they see.

use crate::bench::{Bench, Way, same};

#[test]
fn c_067_filters_that_allow_everything() {
    same("filters", &["allows"]);
}

#[test]
fn c_067_a_filter_that_refuses_beats_what_the_mount_answers() {
    same("filters", &["refuses"]);
}

#[test]
fn c_067_a_filter_that_kills() {
    same("filters", &["kills"]);
}

#[test]
fn c_067_a_filter_that_traps_with_a_handler_that_answers() {
    same("filters", &["traps"]);
}

#[test]
fn c_067_a_filter_for_all_threads() {
    same("filters", &["synchronised"]);
}

/// The kernel has no strict mode for a task with a filter (`seccomp_may_assign_mode` in
/// `kernel/seccomp.c`), so what vrift owes is an error that is told, and no hang.
#[test]
fn c_068_strict_mode_is_refused() {
    let Some(bench) = Bench::new("filters") else { return };
    bench.native(&["strict"]);
    for way in Way::VRIFT {
        let ran = bench.run(way, &["strict"]);
        assert_eq!(ran.out(), "strict: exited 70\n".repeat(3), "{way:?}: {ran}");
        assert!(ran.status.success(), "{way:?}: {ran}");
    }
}

#[test]
fn c_067_a_filter_that_forbids_what_a_mount_would_need() {
    same("filters", &["narrow"]);
}

#[test]
fn c_067_a_filter_that_allows_only_what_the_program_uses() {
    same("filters", &["allow_list"]);
}
