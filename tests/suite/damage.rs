//! Broken manifests and stores: a clear message, the right status, and never a panic.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::kit::{Sandbox, root, run, skipped};
use crate::zoo;

/// Two files whose contents are known, ingested and moved away.
fn mounted() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.tree().join("sub")).expect("a new directory");
    zoo::write(&sandbox.tree().join("x"), b"x here\n");
    zoo::write(&sandbox.tree().join("sub/other"), &zoo::pattern(10_000));
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    (sandbox, manifest)
}

/// All ways of using a manifest; each must fail as vrift and name the file.
#[track_caller]
fn unusable(sandbox: &Sandbox, manifest: &Path, what: &str) {
    for mut vrift in [
        sandbox.in_mount(&["echo", "ran"]),
        sandbox.vrift(["manifest".as_ref(), "ls".as_ref(), manifest.as_os_str()]),
        sandbox.vrift(["manifest".as_ref(), "show".as_ref(), manifest.as_os_str()]),
        sandbox.vrift(["manifest".as_ref(), "cat".as_ref(), manifest.as_os_str(), "x".as_ref()]),
    ] {
        let ran = run(&mut vrift);
        assert!(ran.stdout.is_empty(), "{what}: {vrift:?} went on: {ran}");
        let err = ran.vrift_failed();
        assert!(err.contains(&*manifest.to_string_lossy()), "{what}: {vrift:?}: {err}");
    }
}

#[test]
fn a_manifest_that_was_cut() {
    let (sandbox, manifest) = mounted();
    let whole = fs::read(&manifest).expect("the manifest");
    let len = whole.len();
    for cut in [0, 1, 7, 8, 12, 100, 191, 192, 193, len / 2, len - 100, len - 2, len - 1] {
        fs::write(&manifest, &whole[..cut]).expect("it is ours");
        unusable(&sandbox, &manifest, &format!("cut to {cut} of {len} bytes"));
    }
    fs::write(&manifest, [&whole[..], b"\0"].concat()).expect("it is ours");
    unusable(&sandbox, &manifest, "one byte more");
}

#[test]
fn a_manifest_with_a_flipped_bit() {
    let (sandbox, manifest) = mounted();
    let whole = fs::read(&manifest).expect("the manifest");
    let len = whole.len();
    let places = (0..192).step_by(11).chain((192..len).step_by(len / 20)).chain([len - 1]);
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        fs::write(&manifest, damaged).expect("it is ours");
        unusable(&sandbox, &manifest, &format!("a bit of byte {place} of {len}"));
    }
    fs::write(&manifest, whole).expect("it is ours");
    let script = format!("cat '{}/x'", sandbox.tree().display());
    assert_eq!(run(&mut sandbox.in_mount(&["sh", "-c", &script])).fine(), "x here\n");
}

#[test]
fn what_never_was_a_manifest() {
    let (sandbox, manifest) = mounted();
    fs::write(&manifest, "just some text\n".repeat(100)).expect("it is ours");
    unusable(&sandbox, &manifest, "text");
    fs::remove_file(&manifest).expect("it is ours");
    unusable(&sandbox, &manifest, "nothing");
    fs::create_dir(&manifest).expect("the name is free");
    unusable(&sandbox, &manifest, "a directory");
    fs::remove_dir(&manifest).expect("it is ours");
    std::os::unix::fs::symlink(&manifest, &manifest).expect("the name is free");
    unusable(&sandbox, &manifest, "a loop");
}

/// The only blob with these contents.
fn blob_of(sandbox: &Sandbox, path: &str) -> PathBuf {
    let shown =
        run(sandbox.vrift(["manifest", "show"]).arg(sandbox.path("tree.vrift")).arg(path)).fine();
    let digest = shown
        .lines()
        .find_map(|line| line.strip_prefix("digest"))
        .unwrap_or_else(|| panic!("no digest in {shown}"))
        .trim()
        .to_owned();
    sandbox.store().join("blake3").join(&digest[..2]).join(&digest[2..4]).join(digest)
}

fn name(blob: &Path) -> String {
    blob.file_name().expect("a blob has a name").to_string_lossy().into_owned()
}

#[test]
fn a_missing_blob_is_an_input_output_error_and_a_message() {
    let (sandbox, manifest) = mounted();
    let blob = blob_of(&sandbox, "x");
    fs::remove_file(&blob).expect("it is ours");
    let script = format!(
        "cd '{}'; cat x; echo $?; wc -c < sub/other; stat -c %s x; ! cat x x",
        sandbox.tree().display()
    );
    let ran = run(&mut sandbox.in_mount(&["sh", "-c", &script]));
    // The file is there, with its size; only its content is lost.
    assert_eq!((ran.code(), ran.out().as_str()), (Some(0), "1\n10000\n7\n"), "{ran}");
    assert!(ran.err().contains("cat: x: Input/output error\n"), "{ran}");
    let told = ran.err();
    let told: Vec<&str> = told.lines().filter(|line| line.starts_with("vrift: ")).collect();
    let [message] = told[..] else { panic!("it is told more or less than once: {ran}") };
    let file = sandbox.tree().join("x");
    assert!(message.contains(&name(&blob)), "the blob is not named: {ran}");
    assert!(message.contains(&*file.to_string_lossy()), "the file is not named: {ran}");

    let err = run(sandbox.vrift(["manifest", "cat"]).arg(&manifest).arg("x")).vrift_failed();
    assert!(err.contains(&name(&blob)), "{err}");
}

#[test]
fn verify_names_what_is_damaged() {
    let (sandbox, _) = mounted();
    let verify = || run(&mut sandbox.vrift(["cas", "verify"]));
    assert_eq!(verify().fine(), "2 blobs, 10007 bytes, 0 damaged\n");

    let blob = blob_of(&sandbox, "x");
    let writable =
        |mode| fs::set_permissions(&blob, Permissions::from_mode(mode)).expect("it is ours");
    writable(0o644);
    let ran = verify();
    assert_eq!(ran.code(), Some(1), "a blob that can be written: {ran}");
    assert!(ran.err().contains(&name(&blob)) && ran.err().contains("0644"), "{ran}");

    for (what, content) in [("changed", &b"X here\n"[..]), ("cut", b"x her"), ("empty", b"")] {
        writable(0o644);
        fs::write(&blob, content).expect("it is ours");
        writable(0o444);
        let ran = verify();
        assert_eq!(ran.code(), Some(1), "{what}: {ran}");
        assert!(
            ran.err().contains(&name(&blob)) && !ran.err().contains("panicked"),
            "{what}: {ran}"
        );
        assert!(ran.out().ends_with(" 1 damaged\n"), "{what}: {ran}");
    }
    fs::remove_file(&blob).expect("it is ours");
    fs::create_dir(&blob).expect("the name is free");
    assert_eq!(verify().code(), Some(1), "a directory instead of a blob");
    fs::remove_dir(&blob).expect("it is ours");
    zoo::write(&blob.with_file_name("not-a-digest"), b"");
    assert_eq!(verify().code(), Some(1), "a stranger");
}

#[test]
fn a_store_that_is_missing() {
    let (sandbox, manifest) = mounted();
    fs::rename(sandbox.store(), sandbox.path("elsewhere")).expect("it is ours");
    let store = sandbox.store();
    for mut vrift in [
        sandbox.in_mount(&["echo", "ran"]),
        sandbox.vrift(["cas", "verify"]),
        sandbox.vrift(["cas", "stat"]),
        sandbox.vrift(["manifest".as_ref(), "cat".as_ref(), manifest.as_os_str(), "x".as_ref()]),
    ] {
        let ran = run(&mut vrift);
        assert!(ran.stdout.is_empty(), "{vrift:?}: {ran}");
        let err = ran.vrift_failed();
        assert!(err.contains(&*store.to_string_lossy()), "{vrift:?}: {err}");
        assert!(err.contains("VR_THE_SOURCE"), "no hint for {vrift:?}: {err}");
    }
    // A manifest can be listed without any store.
    run(sandbox.vrift(["manifest", "ls"]).arg(manifest)).fine();
}

#[test]
fn a_store_without_permission() {
    if root() {
        return skipped("root may do everything");
    }
    let (sandbox, manifest) = mounted();
    let store = sandbox.store();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    };
    mode(&store, 0o000);
    let shown = store.to_string_lossy().into_owned();
    for mut vrift in [
        sandbox.in_mount(&["echo", "ran"]),
        sandbox.vrift(["cas", "verify"]),
        sandbox.vrift(["cas", "stat"]),
        sandbox.vrift([
            "ingest".as_ref(),
            sandbox.away().as_os_str(),
            "-o".as_ref(),
            manifest.as_os_str(),
        ]),
    ] {
        let err = run(&mut vrift).vrift_failed();
        assert!(err.contains(&shown) && err.contains("ermission denied"), "{vrift:?}: {err}");
    }
    // What may be read but not written serves; only ingest needs more.
    mode(&store, 0o755);
    mode(&store.join("tmp"), 0o555);
    mode(&store.join("blake3"), 0o555);
    zoo::write(&sandbox.away().join("new"), b"a new content\n");
    let err =
        run(sandbox.vrift(["ingest"]).arg(sandbox.away()).arg("-o").arg(&manifest)).vrift_failed();
    assert!(err.contains(&shown), "{err}");
    let script = format!("cat '{}/x'", sandbox.tree().display());
    assert_eq!(run(&mut sandbox.in_mount(&["sh", "-c", &script])).fine(), "x here\n");
}

#[test]
fn paths_that_a_manifest_does_not_have() {
    let (sandbox, manifest) = mounted();
    for path in ["missing", "x/y", "sub/missing", "../x", "X", "sub/../x"] {
        for command in ["cat", "show", "ls"] {
            let err =
                run(sandbox.vrift(["manifest", command]).arg(&manifest).arg(path)).vrift_failed();
            assert!(err.contains(path), "{command} {path}: {err}");
        }
    }
    let err = run(sandbox.vrift(["manifest", "cat"]).arg(&manifest).arg("sub")).vrift_failed();
    assert!(err.contains("sub") && err.contains("not a regular file"), "{err}");
}
