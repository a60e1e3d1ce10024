//! Calls by which names or descriptors come to mean something else than what a mount says: each is
//! without effect on a mount, or refused there.

use std::fs;

use crate::bench::{Bench, Way, same};

/// In a mount they are refused, because the kernel would do what it is told with the host's files.
#[test]
fn c_135_c_140_calls_that_change_what_paths_mean() {
    let Some(bench) = Bench::new("rights") else { return };
    let native = bench.native(&["places"]);
    bench.same_in(&[Way::Traced], &["places"]);
    let lines = native.out();
    let calls = lines.lines().filter_map(|line| line.split_once(": ")).map(|(call, _)| call);
    let mut refused: String = calls.map(|call| format!("{call}: EPERM\n")).collect();
    assert_eq!(refused.lines().count(), 19, "{native}");
    refused.push_str("reads x 1\n");
    for way in [Way::Mounted, Way::Both] {
        assert_eq!(bench.run(way, &["places"]).fine(), refused, "{way:?}");
    }
}

/// The kernel's rules are about real files, which are not those of a mount.
#[test]
fn c_139_landlock_is_not_available_under_a_mount() {
    let Some(bench) = Bench::new("rights") else { return };
    bench.same_in(&[Way::Traced], &["rules"]);
    for way in [Way::Mounted, Way::Both] {
        let ran = bench.run(way, &["rules"]);
        assert_eq!(ran.fine(), "rules: EOPNOTSUPP\nreads x 1\n", "{way:?}");
    }
}

#[test]
fn c_138_reads_that_are_submitted() {
    same("rights", &["submitted"]);
}

/// What is known of a descriptor that was closed does not count for the next one of its number.
#[test]
fn c_143_descriptors_that_ioctls_make() {
    same("rights", &["made_by_ioctl"]);
}

#[test]
fn c_142_every_operation_of_prctl() {
    same("rights", &["options"]);
}

/// The kernel writes a core where the current directory really is: of a mount that is a place that
/// goes with the run.
#[test]
fn c_140_a_core_is_no_file_of_a_mount() {
    let Some(bench) = Bench::new("rights") else { return };
    for way in [Way::Mounted, Way::Both] {
        let ran = bench.run(way, &["core"]);
        assert_eq!(ran.fine(), "child: killed 6\n", "{way:?}");
        let host = fs::read_dir(bench.sandbox.away().join("sub")).expect("it was moved there");
        assert_eq!(host.count(), 0, "{way:?}");
    }
    // Where cores are written to the current directory at all.
    assert!(bench.native(&["core"]).out().starts_with("child: killed 6\n"));
}
