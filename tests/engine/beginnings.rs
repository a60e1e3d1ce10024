//! What a program finds when it begins, and what the first lines of its trace say.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use crate::bench::{Bench, Way, guarded, same};
use crate::kit::{root, skipped};

/// Neither the start nor an execution leaves a signal behind that a tracer made, nor a stop that a
/// parent would see.
#[test]
fn c_001_c_002_a_program_begins_without_a_signal_or_a_stop() {
    same("begin", &["quiet"]);
    let Some(bench) = Bench::new("begin") else { return };
    for way in [Way::Traced, Way::Both] {
        bench.run(way, &["pending"]);
        let trace = bench.trace();
        let first = trace.lines().next().unwrap_or_default();
        assert!(first.contains(" execve(") && first.ends_with(" = 0"), "{way:?}: {trace}");
        assert!(!trace.contains("--- "), "{way:?}: {trace}");
    }
}

/// From the file, from the kernel, and in memory; of a program on the host and of one in the tree.
#[test]
fn c_059_the_auxiliary_vector() {
    same("begin", &["vector"]);
    let Some(bench) = Bench::new("begin") else { return };
    // A name of its own, since a file that is written may not be executed yet.
    fs::hard_link(&bench.guest, bench.sandbox.tree().join("program")).expect("one file system");
    let mut words = vec![bench.sandbox.tree().join("program").into_os_string()];
    words.extend([OsString::from("vector"), bench.sandbox.tree().into_os_string()]);
    let native = guarded(&mut bench.command(Way::Native, &words));
    assert!(native.out().contains("/site/tree/program, the same"), "{native}");
    for way in Way::VRIFT {
        let ran = guarded(&mut bench.command(way, &words));
        assert!(ran == native, "{way:?}: {ran}\nnatively: {native}");
    }
}

#[test]
fn c_063_programs_that_have_no_file() {
    same("begin", &["nameless"]);
}

/// With privilege what is executed gets what its file grants. Without, the kernel grants nothing to who
/// is traced, and vrift's filter takes the right to be granted anything (`PR_SET_NO_NEW_PRIVS`).
#[test]
fn c_065_c_066_set_id_bits_count_where_vrift_has_privilege() {
    let Some(bench) = Bench::new("begin") else { return };
    if !root() {
        return skipped("only root can make a program that makes its caller root");
    }
    fs::set_permissions(&bench.guest, Permissions::from_mode(0o4755)).expect("it is ours");
    let native = bench.native(&["granted"]);
    for way in Way::VRIFT {
        let ran = bench.run(way, &["granted"]);
        assert!(ran == native, "{way:?}: {ran}\nnatively: {native}");
    }
    let output = bench.sandbox.path("trace");
    fs::write(&output, "").expect("the sandbox is ours");
    fs::set_permissions(&output, Permissions::from_mode(0o666)).expect("it is ours");
    let mut command = bench.guest_command(Way::Traced, &["ids"]);
    let ran = guarded(command.uid(65534).gid(65534));
    assert_eq!(ran.fine(), "effective user 65534, AT_SECURE 0, no new privileges 1\n");
}

/// The words of an environment may be secrets: they are counted unless asked for.
#[test]
fn c_149_a_trace_does_not_tell_the_environment() {
    let bench = Bench::empty();
    let words = ["sh", "-c", "/bin/true"].map(OsString::from);
    for way in [Way::Traced, Way::Both] {
        let ran = guarded(bench.command(way, &words).env("TOKEN", "hunter2"));
        assert_eq!(ran.code(), Some(0), "{way:?}: {ran}");
        let trace = bench.trace();
        assert!(trace.contains("execve(\"/bin/true\""), "{way:?}: {trace}");
        assert!(!trace.contains("hunter2"), "{way:?}: {trace}");
    }
}
