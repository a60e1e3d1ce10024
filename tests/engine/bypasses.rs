//! Ways around a tracer: other interfaces, rings, secrecy, and another tracer.

use std::ffi::OsString;

use crate::bench::{Bench, Way, guarded, guest_of_32_bits, same};
use crate::kit::{Ran, root, run, skipped};

#[cfg(target_arch = "x86_64")]
#[test]
fn c_048_calls_of_32_bits_are_served_by_nobody_but_the_kernel() {
    let Some(bench) = Bench::new("abi") else { return };
    bench.same_in(&[Way::Traced], &["foreign"]);
    for way in [Way::Mounted, Way::Both] {
        let ran = bench.run(way, &["foreign"]);
        let calls = "getpid: ENOSYS\nopen: ENOSYS\naccess of null: ENOSYS\nno such call: ENOSYS\n";
        assert_eq!(ran.fine(), format!("{calls}read of the mount: fine\n").repeat(3), "{way:?}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn c_048_numbers_that_no_table_knows() {
    same("abi", &["x32"]);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn c_048_a_program_of_32_bits() {
    let bench = Bench::empty();
    let Some(program) = guest_of_32_bits(&bench.sandbox) else {
        return skipped("programs of 32 bits cannot be made here");
    };
    let words = [program.into_os_string()];
    let native = guarded(&mut bench.command(Way::Native, &words));
    if native.code() != Some(7) {
        return skipped(&format!("programs of 32 bits cannot be run here: {native}"));
    }
    let traced = guarded(&mut bench.command(Way::Traced, &words));
    assert_eq!(traced, native, "{traced}");
    bench.is_clean();
    // A mount refuses every call it makes, its exit too; how it ends is its own affair, but it does.
    for way in [Way::Mounted, Way::Both] {
        let ran = guarded(&mut bench.command(way, &words));
        assert!(!ran.status.success() && ran.stdout.is_empty(), "{way:?}: {ran}");
        bench.is_clean();
    }
}

#[test]
fn c_137_rings_are_refused_in_a_mount() {
    let Some(bench) = Bench::new("abi") else { return };
    bench.same_in(&[Way::Traced], &["rings"]);
    for way in [Way::Mounted, Way::Both] {
        let ran = bench.run(way, &["rings"]);
        assert_eq!(ran.fine(), "io_uring_setup: ENOSYS\nio_uring_enter: ENOSYS\n", "{way:?}");
    }
}

/// A process has one tracer, so the kernel refuses all but questions about others.
#[test]
fn c_070_a_tracer_inside_gets_eperm() {
    let Some(bench) = Bench::new("abi") else { return };
    bench.native(&["tracing"]);
    for way in Way::VRIFT {
        let ran = bench.run(way, &["tracing"]);
        let out = "seize: EPERM\nattach: EPERM\nchild: killed 9\ntraceme: EPERM\n";
        assert_eq!(ran.fine(), out, "{way:?}");
    }
}

#[test]
fn c_047_a_process_that_nobody_may_look_into() {
    if !root() {
        return skipped("without privilege this is known not to hold (docs/kernel-notes.md)");
    }
    same("abi", &["secretive"]);
}

fn vrift_in_vrift(bench: &Bench, way: Way, inner: &[&str]) -> Ran {
    let mut words = vec![OsString::from(env!("CARGO_BIN_EXE_vrift"))];
    words.extend(inner.iter().map(OsString::from));
    let ran = guarded(&mut bench.command(way, &words));
    bench.is_clean();
    ran
}

#[test]
fn c_070_vrift_in_vrift_is_a_clear_error() {
    let bench = Bench::empty();
    for way in Way::VRIFT {
        for inner in [
            &["run", "--", "echo", "inner"][..],
            &["trace", "--", "echo", "inner"],
            &["trace", "-o", "/dev/null", "-e", "trace=openat", "--", "echo", "inner"],
        ] {
            let ran = vrift_in_vrift(&bench, way, inner);
            let err = ran.clone().vrift_failed();
            assert!(err.contains("trac"), "{way:?} {inner:?}: {ran}");
            assert!(ran.stdout.is_empty(), "{way:?} {inner:?}: {ran}");
        }
        let ran = vrift_in_vrift(&bench, way, &["doctor"]);
        assert_eq!(ran.code(), Some(1), "{way:?}: {ran}");
        assert!(ran.out().contains("FAIL  tracing: this process is traced"), "{way:?}: {ran}");
    }
}

/// What needs no tracer works inside as anywhere.
#[test]
fn c_070_vrift_in_vrift_ingests_and_reads() {
    let bench = Bench::empty();
    drop(bench.command(Way::Mounted, &[]));
    let manifest = bench.sandbox.path("tree.vrift");
    let cat = ["manifest", "cat", manifest.to_str().expect("a plain name"), "x"];
    assert_eq!(run(&mut bench.sandbox.vrift(cat)).fine(), "x here\n");
    for way in [Way::Traced, Way::Mounted] {
        assert_eq!(vrift_in_vrift(&bench, way, &cat).fine(), "x here\n", "{way:?}");
    }
}
