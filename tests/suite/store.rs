//! `vrift cas`: what it keeps, deletes, protects and finds damaged, alone and beside others.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{XattrFlags, lsetxattr};
use serde_json::Value;

use crate::kit::{Ran, Sandbox, have, root, run, skipped};
use crate::zoo;

/// A tree named `name` of files with these contents.
fn tree(sandbox: &Sandbox, name: &str, contents: impl IntoIterator<Item = String>) -> PathBuf {
    let dir = sandbox.path(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a new directory");
    for (number, content) in contents.into_iter().enumerate() {
        fs::write(dir.join(number.to_string()), content).expect("it is ours");
    }
    dir
}

fn ingest(sandbox: &Sandbox, tree: &Path, manifest: &str) -> Ran {
    run(sandbox.vrift(["ingest", "--json"]).arg(tree).arg("-o").arg(sandbox.path(manifest)))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A number in the answer of `cas stat`.
fn stat(sandbox: &Sandbox, what: &str) -> u64 {
    let stat = json(&run(&mut sandbox.vrift(["cas", "stat", "--json"])).fine());
    stat[what].as_u64().unwrap_or_else(|| panic!("no {what} in {stat}"))
}

fn gc(sandbox: &Sandbox, args: &[&str]) -> Ran {
    run(sandbox.vrift(["cas", "gc"]).args(args))
}

/// Everything is whole, and registered manifests have all they need.
#[track_caller]
fn whole(sandbox: &Sandbox) {
    let ran = run(&mut sandbox.vrift(["cas", "verify"]));
    assert!(ran.status.success() && ran.err().is_empty(), "{ran}");
}

fn blobs(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut found = vec![sandbox.store().join("blake3")];
    for _ in 0..3 {
        let list = |dir: &PathBuf| fs::read_dir(dir).expect("a directory of the store").flatten();
        found = found.iter().flat_map(list).map(|entry| entry.path()).collect();
    }
    found.sort();
    found
}

#[test]
fn eight_ingests_at_once_lose_nothing_and_store_nothing_twice() {
    let sandbox = Sandbox::new();
    let content = |number: usize| format!("{number}").repeat(1 + number * 7 % 5000);
    let ingests: Vec<_> = (0..8)
        .map(|at| {
            let tree = tree(&sandbox, &format!("t{at}"), (at * 10..at * 10 + 80).map(content));
            let mut vrift = sandbox.vrift(["ingest", "--json"]);
            vrift.arg(tree).arg("-o").arg(sandbox.path(format!("m{at}")));
            vrift.stdout(Stdio::piped()).spawn().expect("vrift starts")
        })
        .collect();
    let mut new = 0;
    for ingest in ingests {
        let output = ingest.wait_with_output().expect("it was started");
        assert!(output.status.success());
        let report = json(&String::from_utf8_lossy(&output.stdout));
        new += report["new_blobs"].as_u64().expect("a number");
    }
    assert_eq!((new, stat(&sandbox, "blobs"), stat(&sandbox, "leftovers")), (150, 150, 0));
    assert_eq!(stat(&sandbox, "manifests"), 8);
    whole(&sandbox);
    for at in 0..8 {
        let path = sandbox.path(format!("m{at}"));
        let cat = run(sandbox.vrift(["manifest", "cat"]).arg(&path).arg("79"));
        assert_eq!(cat.fine(), content(at * 10 + 79));
    }
}

#[test]
fn a_blob_has_its_mode_whatever_the_umask() {
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", ["x".to_owned(), "y".repeat(1 << 20)]);
    let vrift = env!("CARGO_BIN_EXE_vrift");
    let script = format!("umask 077; exec '{vrift}' ingest '{}' -o m", tree.display());
    run(sandbox.command("sh").args(["-c", &script])).fine();
    for blob in blobs(&sandbox) {
        let mode = fs::metadata(&blob).expect("it was listed").permissions().mode();
        assert_eq!(mode & 0o7777, 0o444, "{}", blob.display());
    }
}

#[test]
fn gc_deletes_what_no_manifest_reaches_and_only_when_told() {
    let sandbox = Sandbox::new();
    let letters = |from: u8, to: u8| (from..to).map(|c| char::from(c).to_string());
    let first = tree(&sandbox, "a", letters(b'a', b'k'));
    let second = tree(&sandbox, "b", letters(b'f', b'p'));
    ingest(&sandbox, &first, "m1").fine();
    ingest(&sandbox, &second, "m2").fine();
    assert_eq!(stat(&sandbox, "blobs"), 15);
    fs::remove_file(sandbox.path("m1")).expect("it is ours");

    let dry = gc(&sandbox, &["--grace", "0"]).fine();
    assert!(dry.contains("would delete: 5 blobs, 5 bytes"), "{dry}");
    assert!(dry.contains("m1"), "the manifest that is gone is named: {dry}");
    assert_eq!(stat(&sandbox, "blobs"), 15);

    // Within the grace period, which begins now, all stays, and comes back with the manifest.
    let early = json(&gc(&sandbox, &["--delete", "--json"]).fine());
    assert_eq!(
        (&early["in_grace"]["count"], &early["deleted"]["blobs"]["count"]),
        (&5.into(), &0.into())
    );
    ingest(&sandbox, &first, "m1").fine();
    let report = json(&gc(&sandbox, &["--delete", "--json", "--grace", "0"]).fine());
    assert_eq!((&report["kept"]["count"], &report["gone"]), (&15.into(), &Value::Array(vec![])));

    fs::remove_file(sandbox.path("m1")).expect("it is ours");
    let report = json(&gc(&sandbox, &["--delete", "--json", "--grace", "0s"]).fine());
    assert_eq!(report["deleted"]["blobs"]["count"], 5);
    assert_eq!(report["gone"][0]["dropped"], true);
    assert_eq!((stat(&sandbox, "blobs"), stat(&sandbox, "manifests")), (10, 1));
    whole(&sandbox);
    run(sandbox.vrift(["manifest", "cat"]).arg(sandbox.path("m2")).arg("0")).fine();
}

#[test]
fn a_manifest_that_was_moved_can_be_registered_again() {
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", ["x".to_owned()]);
    ingest(&sandbox, &tree, "old").fine();
    fs::rename(sandbox.path("old"), sandbox.path("new")).expect("it is ours");
    run(sandbox.vrift(["cas", "register"]).arg(sandbox.path("new"))).fine();
    let report = json(&gc(&sandbox, &["--delete", "--json", "--grace", "0"]).fine());
    assert_eq!(report["deleted"]["blobs"]["count"], 0);
    whole(&sandbox);
    let err = run(sandbox.vrift(["cas", "register"]).arg(&tree)).vrift_failed();
    assert!(err.contains("not a manifest"), "{err}");
}

#[test]
fn gc_refuses_to_guess_what_a_damaged_manifest_needs() {
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", ["x".to_owned()]);
    ingest(&sandbox, &tree, "m").fine();
    let manifest = sandbox.path("m");
    let mut bytes = fs::read(&manifest).expect("the manifest");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&manifest, bytes).expect("it is ours");
    for args in [&["--grace", "0"][..], &["--grace", "0", "--delete"]] {
        let err = gc(&sandbox, args).vrift_failed();
        assert!(err.contains(&*manifest.to_string_lossy()) && err.contains("--forget"), "{err}");
    }
    assert_eq!(stat(&sandbox, "blobs"), 1);
    let err = gc(&sandbox, &["--forget", "elsewhere"]).vrift_failed();
    assert!(err.contains("not registered"), "{err}");
    let dry = gc(&sandbox, &["--grace", "0", "--forget", "m"]).fine();
    assert!(dry.contains("would delete: 1 blobs"), "{dry}");
    assert!(!gc(&sandbox, &["--grace", "0"]).status.success(), "a dry run forgets nothing");
    gc(&sandbox, &["--grace", "0", "--delete", "--forget", "m"]).fine();
    assert_eq!((stat(&sandbox, "blobs"), stat(&sandbox, "manifests")), (0, 0));

    // So does one whose registration is damaged, and a session.
    fs::write(sandbox.store().join("roots/x"), "vrift-root 1\n").expect("it is ours");
    gc(&sandbox, &[]).vrift_failed();
    fs::remove_file(sandbox.store().join("roots/x")).expect("it is ours");
    let session = sandbox.store().join("sessions/s");
    fs::create_dir_all(&session).expect("it is ours");
    fs::write(session.join("journal"), "").expect("it is ours");
    fs::write(session.join("base"), "no manifest").expect("it is ours");
    assert!(gc(&sandbox, &[]).vrift_failed().contains("sessions/s/base is not a manifest"));
}

#[test]
fn gc_keeps_what_a_running_mount_reaches() {
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", ["served".to_owned()]);
    ingest(&sandbox, &tree, "m").fine();
    let other = self::tree(&sandbox, "o", ["other".to_owned()]);
    let mut vrift = sandbox.vrift(["run", "--read-only", "--manifest"]);
    vrift.arg(sandbox.path("m")).arg("--prefix").arg(&tree).args(["--", "sh", "-c"]);
    vrift.arg(format!("echo ready; read go; cat '{}/0'", tree.display()));
    let mut vrift = vrift.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut out = BufReader::new(vrift.stdout.take().expect("it is piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");

    // Only the mount needs it.
    let forget = ["--delete", "--grace", "0", "--json", "--forget", "m"];
    let report = json(&gc(&sandbox, &forget).fine());
    assert_eq!((&report["mounts"], &report["deleted"]["blobs"]["count"]), (&1.into(), &0.into()));
    // Another manifest in its place, or none: nobody knows what the mount has.
    ingest(&sandbox, &other, "m").fine();
    for _ in 0..2 {
        let err = gc(&sandbox, &["--delete", "--grace", "0"]).vrift_failed();
        assert!(err.contains(&format!("process {} runs", vrift.id())), "{err}");
        let _ = fs::remove_file(sandbox.path("m"));
    }
    vrift.stdin.take().expect("it is piped").write_all(b"go\n").expect("it reads");
    out.read_line(&mut line).expect("a line");
    assert!(vrift.wait().expect("it was started").success());
    assert_eq!(line, "ready\nserved");

    let report = json(&gc(&sandbox, &["--delete", "--grace", "0", "--json"]).fine());
    assert_eq!((&report["mounts"], &report["deleted"]["blobs"]["count"]), (&0.into(), &2.into()));
}

/// Blobs become garbage and are needed again all the time, while collections without any grace run
/// one after the other.
#[test]
fn gc_beside_ingests_never_deletes_what_a_manifest_needs() {
    let sandbox = Sandbox::new();
    tree(&sandbox, "first", ["x".to_owned()]);
    ingest(&sandbox, &sandbox.path("first"), "first.m").fine();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    for round in 0..15 {
                        let from = (round * 3 + writer) % 5 * 10;
                        let contents = (from..from + 20).map(|n| format!("content {n}\n"));
                        let tree = tree(sandbox, &format!("t{writer}"), contents);
                        ingest(sandbox, &tree, &format!("m{writer}")).fine();
                        whole(sandbox);
                    }
                })
            })
            .collect();
        let collector = scope.spawn(|| {
            let mut deleted = 0;
            while !over.load(Ordering::Relaxed) {
                let ran = gc(&sandbox, &["--delete", "--grace", "0", "--json"]);
                assert!(ran.status.success(), "{ran}");
                deleted +=
                    json(&ran.out())["deleted"]["blobs"]["count"].as_u64().expect("a number");
            }
            deleted
        });
        let writers: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        over.store(true, Ordering::Relaxed);
        let deleted = collector.join().expect("no collection failed");
        assert!(writers.iter().all(Result::is_ok));
        assert!(deleted > 0, "the collections found nothing to do");
    });
}

#[test]
fn verify_names_the_manifests_that_need_what_is_damaged_or_missing() {
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", ["fine".to_owned()]);
    fs::create_dir(tree.join("sub")).expect("a new directory");
    zoo::write(&tree.join("sub/one"), b"spoilt");
    zoo::write(&tree.join("sub/two"), b"spoilt");
    zoo::write(&tree.join("lost"), b"missing");
    ingest(&sandbox, &tree, "m").fine();
    whole(&sandbox);
    for blob in blobs(&sandbox) {
        let content = fs::read(&blob).expect("a blob");
        if content == b"spoilt" {
            fs::set_permissions(&blob, Permissions::from_mode(0o644)).expect("it is ours");
            fs::write(&blob, "SPOILT").expect("it is ours");
        } else if content == b"missing" {
            fs::remove_file(&blob).expect("it is ours");
        }
    }
    let ran = run(&mut sandbox.vrift(["cas", "verify"]));
    assert_eq!(
        (ran.code(), ran.out().as_str()),
        (Some(1), "2 blobs, 10 bytes, 2 damaged, 1 missing\n")
    );
    let manifest = sandbox.path("m");
    for path in ["sub/one", "sub/two", "lost"] {
        let line = format!("{} needs it for {path}\n", manifest.display());
        assert!(ran.err().contains(&line), "{path}: {ran}");
    }
    assert!(ran.err().contains("0644"), "{ran}");

    let ran = run(&mut sandbox.vrift(["cas", "verify", "--json"]));
    assert_eq!(ran.code(), Some(1));
    let report = json(&ran.out());
    let mut defects: Vec<_> = report["damaged"].as_array().expect("a list").iter().collect();
    defects.sort_by_key(|damage| damage["defect"].to_string());
    assert_eq!((&defects[0]["defect"], &defects[1]["defect"]), (&"content".into(), &"mode".into()));
    assert_eq!(defects[0]["needed_by"].as_array().map(Vec::len), Some(2));
    let needed = &report["missing"][0]["needed_by"][0];
    assert_eq!(*needed, serde_json::json!({"manifest": manifest, "path": "lost"}));

    // Storing the tree again mends what can be seen without reading: a lost blob, a writable one.
    ingest(&sandbox, &tree, "m2");
    run(sandbox.vrift(["ingest"]).arg(&tree).arg("-o").arg(sandbox.path("m"))).fine();
    whole(&sandbox);
}

/// Clears the flag of all blobs again, so that the sandbox can be removed.
struct Unprotect<'a>(&'a Sandbox);

impl Drop for Unprotect<'_> {
    fn drop(&mut self) {
        let _ = self.0.vrift(["cas", "unprotect"]).output();
    }
}

#[test]
fn a_protected_store_works_on_and_nobody_can_change_a_blob() {
    let sandbox = Sandbox::new();
    let kept = tree(&sandbox, "t", ["kept".to_owned(), "kept too".to_owned()]);
    ingest(&sandbox, &kept, "m").fine();
    let garbage = tree(&sandbox, "g", ["garbage".to_owned()]);
    ingest(&sandbox, &garbage, "g.m").fine();
    let ran = run(&mut sandbox.vrift(["cas", "protect"]));
    let _unprotect = Unprotect(&sandbox);
    if !root() {
        let err = ran.vrift_failed();
        assert!(err.contains("immutable flag") && err.contains("hint: "), "{err}");
        return;
    }
    if ran.err().contains("does not have the flag") {
        return skipped("the file system of the sandbox has no immutable flag");
    }
    assert_eq!(ran.fine(), "3 blobs protected, 0 were so already\n");
    assert_eq!((stat(&sandbox, "protected"), stat(&sandbox, "blobs")), (3, 3));
    for blob in blobs(&sandbox) {
        assert!(fs::remove_file(&blob).is_err(), "{} could be removed", blob.display());
        assert!(fs::OpenOptions::new().write(true).open(&blob).is_err());
    }
    whole(&sandbox);
    fs::write(kept.join("new"), "new").expect("it is ours");
    ingest(&sandbox, &kept, "m").fine();
    assert_eq!((stat(&sandbox, "protected"), stat(&sandbox, "blobs")), (3, 4));

    fs::remove_file(sandbox.path("g.m")).expect("it is ours");
    if have("setpriv") {
        // Root without the right to clear the flag: the blob stays, and the reason is told.
        let mut powerless = sandbox.command("setpriv");
        powerless.args(["--bounding-set=-linux_immutable", env!("CARGO_BIN_EXE_vrift")]);
        let ran = run(powerless.args(["cas", "gc", "--delete", "--grace", "0"]));
        assert_eq!(ran.code(), Some(1), "{ran}");
        assert!(ran.err().contains("CAP_LINUX_IMMUTABLE"), "{ran}");
        assert_eq!(stat(&sandbox, "blobs"), 4);
    }
    let report = json(&gc(&sandbox, &["--delete", "--grace", "0", "--json"]).fine());
    assert_eq!(report["deleted"]["blobs"]["count"], 1);
    whole(&sandbox);
    let out = run(&mut sandbox.vrift(["cas", "unprotect"])).fine();
    assert_eq!(out, "2 blobs unprotected, 1 were so already\n");
    assert_eq!(stat(&sandbox, "protected"), 0);
}

#[test]
fn a_store_that_is_a_file_is_named() {
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", ["x".to_owned()]);
    fs::write(sandbox.store(), "a file").expect("the name is free");
    for args in [&["cas", "stat"][..], &["cas", "verify"], &["cas", "gc"], &["cas", "protect"]] {
        let err = run(&mut sandbox.vrift(args)).vrift_failed();
        assert!(err.contains(&*sandbox.store().to_string_lossy()), "{args:?}: {err}");
        assert!(err.contains("ot a directory") && err.contains("VR_THE_SOURCE"), "{args:?}: {err}");
    }
    let err = ingest(&sandbox, &tree, "m").vrift_failed();
    assert!(err.contains(&*sandbox.store().to_string_lossy()), "{err}");
    assert!(err.contains("VR_THE_SOURCE"), "{err}");
    assert_eq!(fs::read(sandbox.store()).expect("it is still there"), b"a file");
}

/// A default ACL that takes all rights from the group and from others: what a file gets that is made
/// in a directory with it.
const STRICT_ACL: &[u8] = &[
    2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 0, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255,
    255, 255, 255,
];

#[test]
fn a_blob_has_its_mode_whatever_the_umask_or_a_default_acl_says() {
    let umasks = ["000", "022", "077"];
    let with_acl = [None, Some(STRICT_ACL)];
    for (umask, acl) in umasks.iter().flat_map(|umask| with_acl.map(|acl| (umask, acl))) {
        let sandbox = Sandbox::new();
        let tree = tree(&sandbox, "t", (0..20).map(|number| number.to_string()));
        for dir in ["blake3", "tmp"].map(|dir| sandbox.store().join(dir)) {
            fs::create_dir_all(&dir).expect("a new directory");
            let Some(acl) = acl else { continue };
            // Where there are no such lists, this is the test without.
            let _ = lsetxattr(&dir, "system.posix_acl_default", acl, XattrFlags::empty());
        }
        let mut sh = sandbox.command("sh");
        sh.args(["-c", "umask $1 && exec \"$0\" ingest -o m \"$2\"", env!("CARGO_BIN_EXE_vrift")]);
        run(sh.arg(umask).arg(tree)).fine();
        let modes = blobs(&sandbox)
            .into_iter()
            .map(|blob| fs::metadata(blob).expect("it is there").permissions().mode() & 0o7777);
        assert_eq!(modes.collect::<Vec<_>>(), [0o444; 20], "umask {umask}");
        whole(&sandbox);
    }
}

#[test]
fn a_new_blob_costs_the_calls_it_needs() {
    if !have("strace") {
        return;
    }
    const FILES: usize = 400;
    let sandbox = Sandbox::new();
    let tree = tree(&sandbox, "t", (0..FILES).map(|number| number.to_string()));
    let mut sh = sandbox.command("sh");
    let trace = "umask 022; exec strace -f -o log -e trace=newfstatat,fchmod,linkat,mkdirat";
    sh.args(["-c", &format!("{trace} \"$0\" ingest -o m \"$1\"")]);
    run(sh.arg(env!("CARGO_BIN_EXE_vrift")).arg(tree)).fine();
    let log = fs::read_to_string(sandbox.path("log")).expect("strace wrote it");
    let calls = |call: &str| {
        // A call that another thread interrupts is two lines.
        let begun = |line: &&str| line.contains(call) && !line.contains("resumed");
        log.lines().filter(begun).count()
    };
    // Before Linux 6.10 a first attempt of each thread may fail.
    let linked = calls(" linkat(");
    assert!((FILES..FILES + 64).contains(&linked), "{linked} links");
    assert_eq!(calls(" fchmod("), 0);
    let looks = calls(" newfstatat(");
    assert!(looks < FILES / 4, "{looks} looks for blobs that cannot be there");
    // 256 directories of the first level, each after a directory of the second did not work.
    let made = calls(" mkdirat(");
    assert!(made <= FILES + 2 * 256, "{made} directories");
}
