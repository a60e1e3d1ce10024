//! Ingests that are killed, run out of space, meet each other or a source that changes: nothing that
//! was stored before is lost, the store verifies, and running again completes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::kit::{Ran, Sandbox, have, root, run, skipped};
use crate::noise::noise;
use crate::trees;
use crate::walker::{Detail, describe, in_file_system, same};

/// `vrift ingest --json -o MANIFEST SOURCE`.
fn ingest(sandbox: &Sandbox, manifest: &Path, source: &Path) -> Command {
    let mut vrift = sandbox.vrift(["ingest", "--json", "-o"]);
    vrift.arg(manifest).arg(source);
    vrift
}

fn verify(sandbox: &Sandbox) {
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
}

fn number(ran: Ran, key: &str) -> u64 {
    let out = ran.out();
    let said: serde_json::Value =
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {ran}"));
    said[key].as_u64().unwrap_or_else(|| panic!("no {key}: {ran}"))
}

/// Exports and compares with the source.
fn holds(sandbox: &Sandbox, manifest: &Path, source: &Path) {
    let target = sandbox.path("held");
    let ran = run(sandbox.vrift(["export"]).arg(manifest).arg(&target));
    assert!(ran.status.success(), "{ran}");
    same(&describe(source, Detail::Copy), &describe(&target, Detail::Copy), "the export differs");
    fs::remove_dir_all(&target).expect("it is ours");
}

#[test]
fn a_kill_at_any_instant_loses_nothing() {
    if !have("timeout") {
        return;
    }
    let sandbox = Sandbox::new();
    let (old, new) = (sandbox.path("site/old"), sandbox.path("site/new"));
    trees::node_modules(&old, 2);
    trees::node_modules(&new, 12);
    let manifest = sandbox.path("m.vrift");
    let start = Instant::now();
    run(&mut ingest(&sandbox, &manifest, &new)).fine();
    let whole = start.elapsed().as_secs_f64();
    let rounds = if std::env::var_os("VRIFT_FULL").is_some() { 200 } else { 20 };
    let mut killed = 0;
    for round in 0..rounds {
        fs::remove_dir_all(sandbox.store()).expect("it is ours");
        run(&mut ingest(&sandbox, &manifest, &old)).fine();
        // Evenly spread over somewhat less than it takes, so that most of them hit.
        let instant = whole * 0.9 * f64::from(round) / f64::from(rounds) + 0.001;
        let mut timeout = sandbox.command("timeout");
        timeout.args(["-s", "KILL", &format!("{instant:.4}"), env!("CARGO_BIN_EXE_vrift")]);
        let ran = run(timeout.args(["ingest", "-o"]).arg(&manifest).arg(&new));
        verify(&sandbox);
        if ran.status.success() {
            holds(&sandbox, &manifest, &new);
            continue;
        }
        killed += 1;
        // Whatever is at the manifest's path is whole: the old one, or already the new one.
        let files = run(sandbox.vrift(["manifest", "ls"]).arg(&manifest)).fine().lines().count();
        holds(&sandbox, &manifest, if files < 100 { &old } else { &new });
        run(&mut ingest(&sandbox, &manifest, &new)).fine();
        holds(&sandbox, &manifest, &new);
        verify(&sandbox);
    }
    assert!(killed > 0, "no kill came in time");
}

#[test]
fn a_full_file_system_is_told_and_harms_nothing() {
    let sandbox = Sandbox::new();
    let source = sandbox.path("site/source");
    fs::create_dir(&source).expect("a new directory");
    for number in 0..40 {
        fs::write(source.join(format!("{number}")), noise(200_000, number)).expect("ours");
    }
    fs::write(source.join("large"), noise(3 << 20, 77)).expect("it is ours");
    in_file_system(&sandbox, "tmpfs", "size=2m", |place| {
        let store = place.join("store");
        let small = sandbox.path("site/small");
        trees::node_modules(&small, 1);
        let (old, manifest) = (sandbox.path("old.vrift"), sandbox.path("m.vrift"));
        run(ingest(&sandbox, &old, &small).env("VR_THE_SOURCE", &store)).fine();
        let err = run(ingest(&sandbox, &manifest, &source).env("VR_THE_SOURCE", &store));
        let err = err.vrift_failed();
        assert!(err.contains("o space left"), "{err}");
        assert!(!manifest.exists());
        let mut check = sandbox.vrift(["cas", "verify"]);
        run(check.env("VR_THE_SOURCE", &store)).fine();
        let leftovers = fs::read_dir(store.join("tmp")).expect("it is there").count();
        assert_eq!(leftovers, 0);
        let target = sandbox.path("held");
        run(sandbox.vrift(["export"]).arg(&old).arg(&target).env("VR_THE_SOURCE", &store)).fine();

        run(sandbox.command("mount").args(["-o", "remount,size=64m"]).arg(place)).fine();
        run(ingest(&sandbox, &manifest, &source).env("VR_THE_SOURCE", &store)).fine();
        run(check.env("VR_THE_SOURCE", &store)).fine();
    });
}

#[test]
fn eight_ingests_at_once_lose_nothing_and_store_nothing_twice() {
    let sandbox = Sandbox::new();
    let source = sandbox.path("site/source");
    trees::node_modules(&source, 12);
    trees::hostile(&source.join("hostile"));
    let children: Vec<_> = (0..8)
        .map(|number| {
            let mut vrift = ingest(&sandbox, &sandbox.path(format!("{number}.vrift")), &source);
            vrift.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            vrift.spawn().expect("vrift can be started")
        })
        .collect();
    let ended: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().expect("it was started"))
        .map(|out| Ran { status: out.status, stdout: out.stdout, stderr: out.stderr })
        .collect();
    assert!(ended.iter().all(|ran| ran.status.success()), "{ended:?}");
    let id = |ran: &Ran| ran.out().split("\"id\":\"").nth(1).map(|rest| rest[..64].to_owned());
    assert!(ended.iter().all(|ran| id(ran) == id(&ended[0])), "{ended:?}");
    let new: u64 = ended.into_iter().map(|ran| number(ran, "new_blobs")).sum();
    let stat = run(&mut sandbox.vrift(["cas", "stat", "--json"])).fine();
    let stat: serde_json::Value = serde_json::from_str(&stat).expect("JSON");
    assert_eq!(stat["blobs"].as_u64(), Some(new), "each blob is made by exactly one of them");
    verify(&sandbox);
}

#[test]
fn a_source_that_changes_is_reported_and_never_mixed() {
    let sandbox = Sandbox::new();
    let source = sandbox.path("site/source");
    fs::create_dir(&source).expect("a new directory");
    // Two contents, of which every file always has one as a whole: a mixture would be neither.
    let contents = [b'a', b'b'].map(|byte| vec![byte; 300_000]);
    let replace = |round: usize| {
        for number in 0..8 {
            let path = source.join(format!("replaced{number}"));
            fs::write(sandbox.path("tmp/next"), &contents[(round + number) % 2]).expect("ours");
            fs::rename(sandbox.path("tmp/next"), path).expect("it is ours");
        }
        let _ = fs::remove_dir_all(source.join("comes-and-goes"));
        fs::create_dir(source.join("comes-and-goes")).expect("it is ours");
        fs::write(source.join("comes-and-goes/f"), "x").expect("it is ours");
        fs::write(source.join("grows"), vec![b'g'; 1000 + 64_000 * (round % 20)]).expect("ours");
    };
    replace(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                round += 1;
                replace(round);
            }
        });
        let manifest = sandbox.path("m.vrift");
        for _ in 0..15 {
            let ran = run(&mut ingest(&sandbox, &manifest, &source));
            assert!(matches!(ran.code(), Some(0 | 1)), "{ran}");
            assert_eq!(ran.code() == Some(1), !ran.stderr.is_empty(), "{ran}");
            let known = ["it kept changing", "No such file", "it is another name of"];
            let told = |line: &str| known.iter().any(|known| line.contains(known));
            assert!(ran.err().lines().all(told), "{ran}");
            let listed = run(sandbox.vrift(["manifest", "ls"]).arg(&manifest)).fine();
            for name in listed.lines().filter_map(|line| line.split(' ').next_back()) {
                if name.starts_with("replaced") {
                    let cat = run(sandbox.vrift(["manifest", "cat"]).arg(&manifest).arg(name));
                    assert!(contents.contains(&cat.stdout), "{name} is a mixture");
                }
            }
        }
        done.store(true, Ordering::Relaxed);
        writer.join().expect("the writer only writes");
    });
    verify(&sandbox);
}

#[test]
fn what_may_not_be_read_is_reported_and_the_rest_goes_on() {
    if root() {
        return skipped("root may read everything");
    }
    let sandbox = Sandbox::new();
    let source = sandbox.path("site/source");
    fs::create_dir_all(source.join("closed")).expect("a new directory");
    for name in ["secret", "open"] {
        fs::write(source.join(name), name).expect("it is ours");
    }
    for name in ["secret", "closed"] {
        fs::set_permissions(source.join(name), fs::Permissions::from_mode(0o000)).expect("ours");
    }
    let manifest = sandbox.path("m.vrift");
    let ran = run(&mut ingest(&sandbox, &manifest, &source));
    assert_eq!(ran.code(), Some(1), "{ran}");
    for name in ["secret", "closed"] {
        assert!(ran.err().contains(&format!("vrift: {name}: cannot open it")), "{ran}");
    }
    assert_eq!(run(sandbox.vrift(["manifest", "cat"]).arg(&manifest).arg("open")).fine(), "open");
}
