//! An ingest leaves no trace in its source: bytes, modes, owners, times, links, flags and what is
//! occupied are as before, on every file system that can be had here.

use std::fs;
use std::path::Path;

use crate::kit::{Sandbox, run, skipped};
use crate::trees;
use crate::walker::{Detail, describe, in_file_system, same};

/// Ingests a hostile tree at `place` into a store beside it, twice, and once more reading all.
fn leaves_no_trace(sandbox: &Sandbox, place: &Path) {
    let source = place.join("source");
    fs::create_dir(&source).expect("a new directory");
    trees::hostile(&source);
    trees::node_modules(&source.join("node_modules"), 4);
    let before = describe(&source, Detail::Traces);
    for more in [&[][..], &[], &["--rehash", "--jobs=7"]] {
        let mut ingest = sandbox.vrift(["ingest", "-o"]);
        ingest.arg(place.join("m.vrift")).arg(&source).args(more);
        let ran = run(ingest.env("VR_THE_SOURCE", place.join("store")));
        assert!(ran.status.success(), "{ran}");
        same(&before, &describe(&source, Detail::Traces), "the source has changed");
    }
    let verified = run(sandbox.vrift(["cas", "verify"]).env("VR_THE_SOURCE", place.join("store")));
    assert!(verified.status.success(), "{verified}");
    // What is written to the source later must not reach the store, as it would through a link.
    fs::write(source.join("large"), "changed").expect("it is ours");
    let verified = run(sandbox.vrift(["cas", "verify"]).env("VR_THE_SOURCE", place.join("store")));
    assert!(verified.status.success(), "{verified}");
}

#[test]
fn a_source_on_the_file_system_for_temporary_files() {
    let sandbox = Sandbox::new();
    leaves_no_trace(&sandbox, &sandbox.path("site"));
}

#[test]
fn a_source_in_shared_memory() {
    let sandbox = Sandbox::new();
    match tempfile::Builder::new().prefix("vrift-").tempdir_in("/dev/shm") {
        Ok(place) => leaves_no_trace(&sandbox, place.path()),
        Err(error) => skipped(&format!("/dev/shm: {error}")),
    }
}

#[test]
fn a_source_on_tmpfs() {
    let sandbox = Sandbox::new();
    in_file_system(&sandbox, "tmpfs", "size=64m", |place| leaves_no_trace(&sandbox, place));
}

#[test]
fn a_source_on_btrfs() {
    let sandbox = Sandbox::new();
    in_file_system(&sandbox, "btrfs", "loop", |place| leaves_no_trace(&sandbox, place));
}

#[test]
fn a_source_on_xfs() {
    let sandbox = Sandbox::new();
    in_file_system(&sandbox, "xfs", "loop", |place| leaves_no_trace(&sandbox, place));
}

#[test]
fn a_source_on_ext4() {
    let sandbox = Sandbox::new();
    in_file_system(&sandbox, "ext4", "loop", |place| leaves_no_trace(&sandbox, place));
}
