//! `vrift audit deps` and `vrift audit pack`: what a run needed of the host, and running it from that alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::audit_report::Made;
use super::kit::{Sandbox, have, run};

/// A run that read a file through symlinks, found a directory, and read a file with an odd name.
fn a_record(sandbox: &Sandbox) -> std::path::PathBuf {
    let tree = sandbox.tree();
    fs::create_dir_all(tree.join("real/deep")).expect("the sandbox is empty");
    fs::create_dir_all(tree.join("found/full")).expect("the sandbox is empty");
    fs::write(tree.join("real/deep/file"), "content").expect("it is ours");
    fs::write(tree.join("real/deep/[odd] *name!"), "odd").expect("it is ours");
    fs::write(tree.join("real/not-needed"), "x").expect("it is ours");
    symlink("real/deep", tree.join("directory")).expect("it is ours");
    symlink("real/first", tree.join("second")).expect("it is ours");
    symlink("deep/file", tree.join("real/first")).expect("it is ours");
    symlink("not-needed", tree.join("real/other")).expect("it is ours");
    let path = |inside: &str| tree.join(inside).to_str().expect("a plain name").to_owned();
    let mut made = Made::new(&["cat", &path("second")], &[]);
    made.read(&path("real/deep/file"), "content");
    made.read(&path("real/deep/[odd] *name!"), "odd");
    made.did(vrift_audit::Act::Probe, &path("found"), None);
    made.did(vrift_audit::Act::Probe, "/proc", None);
    made.written(sandbox, "a.rec")
}

#[test]
fn deps_names_files_by_need() {
    let sandbox = Sandbox::new();
    let record = a_record(&sandbox);
    let deps = |option: &str| run(sandbox.vrift(["audit", "deps", option]).arg(&record));
    let told: Value = serde_json::from_str(&deps("--json").out()).expect("it is JSON");
    let needs: Vec<_> =
        told["files"].as_array().expect("files").iter().map(|f| &f["need"]).collect();
    assert_eq!(needs, ["presence", "content", "content"], "{told}");
    let paths = deps("-0");
    assert_eq!(paths.stdout.iter().filter(|&&byte| byte == 0).count(), 3, "{paths}");
}

/// A package of the test's own, in a database of its own.
#[test]
fn deps_names_packages_of_rpm() {
    if !have("rpmbuild") || !have("rpm") {
        return;
    }
    let sandbox = Sandbox::new();
    let (home, owned) = (sandbox.path(""), sandbox.path("owned").display().to_string());
    let home = home.display();
    let write = |name: &str, text: &str| fs::write(sandbox.path(name), text).expect("it is ours");
    write(
        ".rpmmacros",
        &format!("%_dbpath {home}/db\n%_topdir {home}/top\n%_build_id_links none\n"),
    );
    let directory = owned.trim_end_matches("/owned");
    write(
        "tiny.spec",
        &format!(
            "Name: tiny\nVersion: 1.5\nRelease: 2\nSummary: x\nLicense: x\nBuildArch: noarch\n\
             %description\nx\n%install\nmkdir -p %{{buildroot}}{directory}\n\
             echo text > %{{buildroot}}{owned}\n%files\n{owned}\n"
        ),
    );
    let script = "exec 2>&1; rpmbuild -bb tiny.spec && rpm --initdb && \
                  rpm -i --justdb --nodeps top/RPMS/noarch/*.rpm";
    let ran = run(sandbox.command("sh").args(["-c", script]));
    assert!(ran.status.success(), "{ran}");
    let mut made = Made::new(&["cat", &owned], &[]);
    made.read(&owned, "text\n");
    made.read(&format!("{directory}/other"), "x");
    let record = made.written(&sandbox, "a.rec");
    let told = run(sandbox.vrift(["audit", "deps", "--json"]).arg(&record));
    let told: Value = serde_json::from_str(&told.out()).expect("it is JSON");
    let package = json!({ "name": "tiny.noarch", "version": "1.5-2", "files": 1 });
    let packages = told["packages"].as_array().expect("packages");
    assert!(packages.contains(&package), "{told}");
    let of: Vec<_> =
        told["files"].as_array().expect("files").iter().map(|f| &f["packages"]).collect();
    assert_eq!(of, [&json!([]), &json!([{ "name": "tiny.noarch", "version": "1.5-2" }])], "{told}");
}

#[test]
fn a_pack_has_what_was_needed_and_nothing_else() {
    let sandbox = Sandbox::new();
    let record = a_record(&sandbox);
    let packed = sandbox.path("packed");
    let mut vrift = sandbox.vrift(["audit", "pack", "-o"]);
    let said = run(vrift.arg(&packed).arg(&record)).fine();
    let manifests: Vec<_> = fs::read_dir(&packed).expect("it was made").flatten().collect();
    assert_eq!(manifests.len(), 1, "{said}");
    let manifest = manifests[0].path();
    let point = sandbox.tree();
    assert!(said.contains(&format!("--prefix {} ", point.display())), "{said}");
    let listed = run(sandbox.vrift(["manifest", "ls", "-0"]).arg(&manifest)).fine();
    assert!(listed.contains("[odd] *name!") && listed.contains("found"), "{listed:?}");
    sandbox.move_away();
    let cat = |name: &str| {
        let mut vrift = sandbox.vrift(["run", "--read-only", "--manifest"]);
        vrift.arg(&manifest).arg("--prefix").arg(&point).args(["--", "cat"]);
        run(vrift.arg(point.join(name)))
    };
    assert_eq!(cat("second").fine(), "content");
    assert_eq!(cat("real/deep/file").fine(), "content");
    assert_eq!(cat("real/deep/[odd] *name!").fine(), "odd");
    assert!(!cat("real/not-needed").status.success());
}

/// The place is higher up if contents lie in several directories; then symlinks between them are packed.
#[test]
fn symlinks_on_the_way_are_packed() {
    let sandbox = Sandbox::new();
    a_record(&sandbox);
    let tree = sandbox.tree();
    let path = |inside: &str| tree.join(inside).to_str().expect("a plain name").to_owned();
    fs::write(tree.join("top"), "top").expect("it is ours");
    let mut made = Made::new(&["cat"], &[]);
    made.read(&path("real/deep/file"), "content");
    made.read(&path("top"), "top");
    made.did(vrift_audit::Act::Probe, &path("found"), None);
    let record = made.written(&sandbox, "b.rec");
    let packed = sandbox.path("packed");
    run(sandbox.vrift(["audit", "pack", "-o"]).arg(&packed).arg(&record)).fine();
    let manifest =
        fs::read_dir(&packed).expect("it was made").flatten().next().expect("one").path();
    let listed = run(sandbox.vrift(["manifest", "tree"]).arg(&manifest)).fine();
    for name in ["directory -> real/deep", "second -> real/first", "first -> deep/file", "found"] {
        assert!(listed.contains(name), "{name}: {listed}");
    }
    for name in ["not-needed", "other", "full", "odd"] {
        assert!(!listed.contains(name), "{name}: {listed}");
    }
}

#[test]
fn a_file_that_has_changed_since_is_named() {
    let sandbox = Sandbox::new();
    let record = a_record(&sandbox);
    let file = sandbox.tree().join("real/deep/file");
    fs::write(&file, "changed").expect("it is ours");
    fs::remove_file(sandbox.tree().join("real/deep/[odd] *name!")).expect("it is ours");
    let mut vrift = sandbox.vrift(["audit", "pack", "-o"]);
    let ran = run(vrift.arg(sandbox.path("packed")).arg(&record));
    assert_eq!(ran.code(), Some(1), "{ran}");
    let changed = format!("{}: its content is not what the run read", file.display());
    assert!(ran.err().contains(&changed), "{ran}");
    assert!(ran.err().contains("[odd] *name!: it is not there any more"), "{ran}");
}

/// A FIFO is not read for the name of an interpreter: nobody may write to it.
#[test]
fn a_program_that_is_a_fifo_by_now_is_not_waited_for() {
    if !have("timeout") {
        return;
    }
    let sandbox = Sandbox::new();
    let file = sandbox.path("program");
    let name = file.to_str().expect("a sandbox has a plain name");
    let mut made = Made::new(&[name], &[]);
    made.read(name, "#!/bin/sh\n");
    made.did(vrift_audit::Act::Execute, name, None);
    let record = made.written(&sandbox, "a.rec");
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).expect("a new FIFO");
    let mut pack = sandbox.command("timeout");
    pack.args(["20", env!("CARGO_BIN_EXE_vrift"), "audit", "pack", "-o", "packed"]).arg(record);
    let ran = run(&mut pack);
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.err().contains(&format!("{name}: its content is not what the run read")), "{ran}");
}

/// Runs a script in the sandbox's tree, which `setup` makes, natively, and again from a pack of it alone.
#[track_caller]
fn runs_from_its_pack(setup: &str, script: &str) {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(&tree).expect("the sandbox is ours");
    let prepared =
        || run(sandbox.command("sh").args(["-e", "-c", setup]).current_dir(&tree)).fine();
    prepared();
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.arg(sandbox.path("a.rec")).args(["--", "sh", "-c", script]).current_dir(&tree);
    let recorded = run(&mut vrift);
    fs::remove_dir_all(&tree).expect("it is ours");
    fs::create_dir(&tree).expect("it is ours");
    prepared();
    let mut pack = sandbox.vrift(["audit", "pack", "-o"]);
    let said = run(pack.arg(sandbox.path("packed")).arg(sandbox.path("a.rec"))).fine();
    fs::remove_dir_all(&tree).expect("it is ours");
    fs::create_dir(&tree).expect("it is ours");
    // The tree alone: whose `/usr` has what the shell needs is no matter of this test.
    let (manifest, point) = place_in(&tree, &said);
    let mut again = sandbox.vrift(["run", "--discard", "--manifest"]);
    again.arg(manifest).arg("--prefix").arg(point).args(["--", "sh", "-c", script]);
    let again = run(again.current_dir(&tree));
    let seen = |ran: &super::kit::Ran| (ran.code(), ran.out(), ran.err());
    assert_eq!(seen(&again), seen(&recorded), "{script}: {said}");
}

/// The manifest of the place in the tree, and the place, in what a pack has printed.
fn place_in(tree: &Path, said: &str) -> (PathBuf, PathBuf) {
    let words: Vec<&str> = said.split(' ').collect();
    let is_in_tree = |four: &&[&str]| four[2] == "--prefix" && Path::new(four[3]).starts_with(tree);
    let place = words.windows(4).find(is_in_tree);
    let place = place.unwrap_or_else(|| panic!("there is no place in the tree: {said}"));
    (place[1].into(), place[3].into())
}

#[test]
fn a_command_that_writes_into_an_empty_directory_runs_from_its_pack() {
    runs_from_its_pack("echo 1 > x; mkdir build", "cat x > build/y && cat build/y");
    runs_from_its_pack("mkdir -p out/build", "mkdir out/build/new && echo made");
}

#[test]
fn what_is_only_looked_at_is_in_a_pack() {
    runs_from_its_pack(
        "echo 1 > x; mkdir d; echo 2 > d/y; chmod 604 x",
        "stat -c '%a %s %n' x; cat d/y",
    );
    runs_from_its_pack("ln -s none dangling", "readlink dangling");
    runs_from_its_pack("echo 1 > x; ln -s x link", "test -f link && echo there");
    runs_from_its_pack("mkdir real; echo 1 > real/x; ln -s real way", "test -f way/x && cat way/x");
    runs_from_its_pack("mkdir real; ln -s none real/x; ln -s real way", "readlink way/x");
}

#[test]
fn a_command_runs_from_its_pack_in_a_directory_that_it_does_not_look_at() {
    runs_from_its_pack("mkdir -p d/e; echo 1 > x", "cd d && cat ../x");
}

/// What is there now may be another content than what the run read, if nobody knows that.
#[test]
fn a_content_that_the_record_does_not_tell_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("file");
    fs::write(&file, "x").expect("it is ours");
    let name = file.to_str().expect("a sandbox has a plain name");
    let mut made = Made::new(&["cat", name], &[]);
    made.read(name, "x");
    made.events.retain(|event| !matches!(event, vrift_audit::Event::Content { .. }));
    let record = made.written(&sandbox, "a.rec");
    let mut pack = sandbox.vrift(["audit", "pack", "-o"]);
    let ran = run(pack.arg(sandbox.path("packed")).arg(record));
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert_eq!(
        ran.err(),
        format!("vrift: {name}: the record does not tell what the run read of it\n")
    );
}

/// What the run had from a mount it has from the same mount again, if that is what it was.
#[test]
fn a_command_with_a_mount_runs_from_its_pack_with_that_mount() {
    let sandbox = Sandbox::new();
    let (tree, point) = (sandbox.tree(), sandbox.path("mnt"));
    fs::create_dir_all(&tree).expect("the sandbox is ours");
    fs::create_dir(&point).expect("the sandbox is ours");
    fs::write(tree.join("x"), "mounted\n").expect("it is ours");
    let manifest = sandbox.ingest(&tree);
    let mut vrift = sandbox.vrift(["audit", "--discard", "-o"]);
    vrift.arg(sandbox.path("a.rec")).arg("--manifest").arg(&manifest).arg("--prefix").arg(&point);
    run(vrift.args(["--", "cat"]).arg(point.join("x"))).fine();
    let pack = || {
        let mut pack = sandbox.vrift(["audit", "pack", "-o"]);
        run(pack.arg(sandbox.path("packed")).arg(sandbox.path("a.rec")))
    };
    let said = pack().fine();
    let script = said.replace("vrift run", "\"$VRIFT\" run --discard");
    let vrift = sandbox.vrift(["run"]);
    let mut shell = sandbox.command("sh");
    shell.env("VRIFT", vrift.get_program()).args(["-c", &script]);
    assert_eq!(run(&mut shell).fine(), "mounted\n", "{script}");
    fs::write(tree.join("x"), "another\n").expect("it is ours");
    sandbox.ingest(&tree);
    let ran = pack();
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.err().contains("it is not the manifest that was mounted"), "{ran}");
}

/// The mount is where the directory is seen from, and names that nobody used are told to be missing.
#[test]
fn who_lists_a_directory_sees_what_is_packed() {
    runs_from_its_pack("mkdir d; echo 1 > d/x; echo 2 > d/y", "cat d/*; ls; find . -type f");
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(&tree).expect("the sandbox is ours");
    fs::write(tree.join("used"), "x").expect("it is ours");
    let pack = || {
        let mut vrift = sandbox.vrift(["audit", "-o"]);
        vrift.arg(sandbox.path("a.rec")).args(["--", "sh", "-c", "ls; cat used; echo > made"]);
        run(vrift.current_dir(&tree)).fine();
        let mut pack = sandbox.vrift(["audit", "pack", "-o"]);
        run(pack.arg(sandbox.path("packed")).arg(sandbox.path("a.rec"))).err()
    };
    assert_eq!(pack(), "");
    fs::write(tree.join("only listed"), "x").expect("it is ours");
    fs::remove_file(tree.join("made")).expect("it is ours");
    let said = "of 1 directories that the run listed not all names are packed, such as";
    assert_eq!(pack(), format!("vrift: {said} {}\n", tree.display()));
}

/// A link that the run has made will be made again.
#[test]
fn a_pack_has_no_link_that_the_run_has_made() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(&tree).expect("the sandbox is ours");
    fs::write(tree.join("x"), "x").expect("it is ours");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.arg(sandbox.path("a.rec")).args(["--", "sh", "-c", "cat x; ln -s x made"]);
    run(vrift.current_dir(&tree)).fine();
    let mut pack = sandbox.vrift(["audit", "pack", "-o"]);
    let said = run(pack.arg(sandbox.path("packed")).arg(sandbox.path("a.rec"))).fine();
    let listed = run(sandbox.vrift(["manifest", "ls"]).arg(place_in(&tree, &said).0)).fine();
    assert!(listed.contains('x') && !listed.contains("made"), "{listed}");
}

/// What the run has removed or renamed was needed, and cannot be packed.
#[test]
fn what_the_run_has_removed_is_told_to_be_missing() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(tree.join("old")).expect("the sandbox is ours");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.arg(sandbox.path("a.rec")).args(["--", "mv", "old", "new"]);
    run(vrift.current_dir(&tree)).fine();
    let mut pack = sandbox.vrift(["audit", "pack", "-o"]);
    let ran = run(pack.arg(sandbox.path("packed")).arg(sandbox.path("a.rec")));
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.err().contains("/old: it is not there any more"), "{ran}");
}
