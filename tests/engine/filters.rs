//! Programs that install seccomp filters themselves: what their filters answer, they see.

use std::ffi::OsString;

use crate::bench::{Bench, Way, guarded, same};

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

/// vrift is a tracer, but not the one that such a filter means.
#[test]
fn c_067_a_filter_that_leaves_calls_to_a_tracer() {
    let Some(bench) = Bench::new("filters") else { return };
    bench.same_in(&Way::VRIFT, &["forsaken"]);
    bench.same_in(&[Way::Audited, Way::AuditedBoth], &["forsaken"]);
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
fn c_011_c_067_a_filter_that_forbids_what_a_mount_would_need() {
    same("filters", &["narrow"]);
}

#[test]
fn c_067_a_filter_that_allows_only_what_the_program_uses() {
    same("filters", &["allow_list"]);
}

/// `audit` tells who looks for a file in vain so by itself; a filter is asked before, about that very call.
#[test]
fn c_067_a_filter_is_asked_before_what_a_record_answers() {
    let Some(bench) = Bench::new("filters") else { return };
    for command in ["refuses", "allow_list", "kills", "traps"] {
        bench.same_in(&[Way::Audited, Way::AuditedBoth], &[command]);
    }
}

/// Where every border of a call is a stop, the kernel tells of the entry first and asks our filter then.
#[test]
fn c_010_a_call_that_stops_twice_at_its_entry_is_shown_once() {
    let Some(bench) = Bench::new("filters") else { return };
    for way in [Way::Traced, Way::Both] {
        bench.run(way, &["allows"]);
        let trace = bench.trace();
        let looked = format!("newfstatat(AT_FDCWD, \"{}/missing\"", bench.sandbox.tree().display());
        // A line that others interrupt has its end in another one.
        let ours =
            |line: &&str| line.contains(&looked) || line.contains("<... newfstatat resumed>");
        let lines = trace.lines().filter(|line| line.contains(&looked));
        let failed = trace.lines().filter(ours).filter(|line| line.contains(" = -1 ENOENT "));
        // Before the program's filters, between them, after them, and in a child.
        assert_eq!((lines.count(), failed.count()), (4, 4), "{way:?}: {trace}");
        let ends = |of: &str| trace.lines().filter(|line| line.contains(of)).count();
        assert_eq!(ends("exit_group("), ends("+++ exited with "), "{way:?}: {trace}");
    }
}

/// A container forbids what vrift would like best; there is another way for all of it.
#[test]
fn c_011_c_032_a_filter_around_vrift() {
    let Some(bench) = Bench::new("filters") else { return };
    let around = |way| {
        let inner = bench.guest_command(way, &["looks"]);
        let mut words = vec![bench.guest.clone().into_os_string(), OsString::from("around")];
        words.push(bench.sandbox.tree().into_os_string());
        words.push(inner.get_program().to_owned());
        words.extend(inner.get_args().map(OsString::from));
        let ran = guarded(&mut bench.sandbox.natively(&words));
        bench.is_clean();
        ran
    };
    let native = around(Way::Native);
    assert!(native.out().starts_with("inside: stat -> ok"), "{native}");
    for way in Way::VRIFT {
        let ran = around(way);
        assert!(ran == native, "{way:?}: {ran}\nnatively: {native}");
    }
}
