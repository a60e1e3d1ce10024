//! What was ingested comes out again as it was: judged by the walker, `diff -r`, rsync and tar.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::kit::{Ran, Sandbox, have, root, run, skipped};
use crate::noise::noise;
use crate::trees;
use crate::walker::{Detail, describe, in_file_system, same};

/// Ingests `source`, whatever vrift says of names that are no more than names.
fn ingest(sandbox: &Sandbox, source: &Path) -> PathBuf {
    let manifest = sandbox.path("tree.vrift");
    let mut vrift = sandbox.vrift(["ingest", "--include-sensitive", "-o"]);
    let ran = run(vrift.arg(&manifest).arg(source));
    assert!(ran.status.success(), "{ran}");
    manifest
}

fn export(sandbox: &Sandbox, manifest: &Path, target: &Path) -> Ran {
    run(sandbox.vrift(["export"]).arg(manifest).arg(target))
}

fn script(sandbox: &Sandbox, script: &str, source: &Path, target: &Path) -> Ran {
    let mut sh = sandbox.command("sh");
    run(sh.args(["-c", script, "sh"]).arg(source).arg(target))
}

/// Four judges, of which three are not ours.
fn judge(sandbox: &Sandbox, source: &Path, target: &Path) {
    same(&describe(source, Detail::Copy), &describe(target, Detail::Copy), "the export differs");
    let diff = script(sandbox, "diff -r --no-dereference \"$1\" \"$2\"", source, target);
    // diff cannot compare what it may not read, nor sockets and devices, and says so.
    let strange = |line: &str| line.contains("while file") || line.contains("ermission denied");
    assert!(diff.out().lines().all(strange), "{diff}");
    // Without extended attributes, which tar takes in the order in which they were set.
    let tar = "for d; do (cd \"$d\" && tar --sort=name --format=posix --numeric-owner \
               --pax-option=delete=atime,delete=ctime -cf - . 2>/dev/null | sha256sum); done";
    let sums = script(sandbox, tar, source, target).out();
    let sums: Vec<_> = sums.lines().collect();
    assert!(sums.len() == 2 && sums[0] == sums[1], "tar sees a difference: {sums:?}");
    if have("rsync") {
        let rsync = "rsync -aHAXn --checksum --itemize-changes --delete \"$1\"/ \"$2\"/";
        let told = script(sandbox, rsync, source, target);
        assert!(told.stdout.is_empty() && told.status.success(), "rsync sees a difference: {told}");
    }
}

fn comes_back(sandbox: &Sandbox, place: &Path, build: impl FnOnce(&Path)) {
    let (source, target) = (place.join("source"), place.join("target"));
    fs::create_dir(&source).expect("a new directory");
    build(&source);
    let manifest = ingest(sandbox, &source);
    let ran = export(sandbox, &manifest, &target);
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran}");
    judge(sandbox, &source, &target);
}

#[test]
fn hostile_names_modes_times_and_attributes() {
    let sandbox = Sandbox::new();
    comes_back(&sandbox, &sandbox.path("site"), trees::hostile);
}

#[test]
fn a_package_managers_tree() {
    let sandbox = Sandbox::new();
    let packages = if full() { 400 } else { 25 };
    comes_back(&sandbox, &sandbox.path("site"), |top| trees::node_modules(top, packages));
}

#[test]
fn shared_extents_of_btrfs_and_xfs() {
    for kind in ["btrfs", "xfs"] {
        let sandbox = Sandbox::new();
        in_file_system(&sandbox, kind, "loop", |place| {
            let mut sandbox_on = sandbox.vrift(["ingest", "-o"]);
            let source = place.join("source");
            fs::create_dir(&source).expect("a new directory");
            trees::hostile(&source);
            let (manifest, store) = (place.join("m"), place.join("store"));
            let ran = run(sandbox_on.arg(&manifest).arg(&source).env("VR_THE_SOURCE", &store));
            assert!(ran.status.success(), "{ran}");
            let mut vrift = sandbox.vrift(["export", "--json"]);
            let target = place.join("target");
            let ran = run(vrift.arg(&manifest).arg(&target).env("VR_THE_SOURCE", &store));
            judge(&sandbox, &source, &target);
            let said: serde_json::Value = serde_json::from_str(&ran.fine()).expect("JSON");
            assert!(said["shared"].as_u64() > Some(0), "{kind} shares nothing: {said}");
        });
    }
}

/// Whether the long versions of tests are wanted.
fn full() -> bool {
    std::env::var_os("VRIFT_FULL").is_some()
}

#[test]
fn parts_of_a_debian_system() {
    let sandbox = Sandbox::new();
    // A copy, because the system's own files may change at any time.
    let parts = match full() {
        true => "/usr/share /etc",
        false => {
            "/usr/share/terminfo /usr/share/perl5 /usr/share/bash-completion /etc/apt /etc/pam.d"
        }
    };
    comes_back(&sandbox, &sandbox.path("site"), |top| {
        let mut copy = sandbox.command("sh");
        copy.args(["-c", "for part; do cp -a --parents \"$part\" \"$0\" 2>/dev/null; done; :"]);
        run(copy.arg(top).args(parts.split(' ')));
    });
}

#[test]
fn holes_are_holes_again() {
    let sandbox = Sandbox::new();
    let source = sandbox.tree();
    fs::create_dir(&source).expect("a new directory");
    trees::hostile(&source);
    let manifest = ingest(&sandbox, &source);
    let target = sandbox.path("target");
    assert!(export(&sandbox, &manifest, &target).status.success());
    let blocks = |top: &Path| fs::metadata(top.join("sparse")).expect("it is there").blocks();
    assert!(blocks(&source) < 1000, "the file system has no holes: {}", blocks(&source));
    assert!(blocks(&target) <= blocks(&source), "{} blocks", blocks(&target));
}

#[test]
fn a_directory_that_is_not_empty_is_refused_unless_forced() {
    let sandbox = Sandbox::new();
    let (source, target) = (sandbox.tree(), sandbox.path("target"));
    for dir in [source.join("dir"), target.clone(), sandbox.path("elsewhere")] {
        fs::create_dir_all(dir).expect("a new directory");
    }
    fs::write(source.join("dir/f"), "new").expect("it is ours");
    fs::write(source.join("g"), "new").expect("it is ours");
    // What a manifest calls a directory leads elsewhere, and so does what it calls a file.
    symlink("../elsewhere", target.join("dir")).expect("a new link");
    symlink("../elsewhere/g", target.join("g")).expect("a new link");
    fs::write(target.join("mine"), "kept").expect("it is ours");
    let manifest = ingest(&sandbox, &source);
    let err = export(&sandbox, &manifest, &target).vrift_failed();
    assert!(err.contains("not empty") && err.contains("--force"), "{err}");
    assert!(fs::symlink_metadata(target.join("g")).expect("it is there").is_symlink());

    run(sandbox.vrift(["export", "--force"]).arg(&manifest).arg(&target)).fine();
    for (path, content) in [("dir/f", "new"), ("g", "new"), ("mine", "kept")] {
        assert_eq!(fs::read_to_string(target.join(path)).expect("it is there"), content);
    }
    let elsewhere = fs::read_dir(sandbox.path("elsewhere")).expect("it is there").count();
    assert_eq!(elsewhere, 0, "a symlink was followed");
}

#[test]
fn a_damaged_and_a_missing_blob_are_named_and_the_rest_comes_out() {
    let sandbox = Sandbox::new();
    let source = sandbox.tree();
    fs::create_dir(&source).expect("a new directory");
    let large = noise(3 << 20, 9);
    for (name, content) in
        [("small", &b"small"[..]), ("large", &large), ("gone", b"gone"), ("good", b"good")]
    {
        fs::write(source.join(name), content).expect("it is ours");
    }
    let manifest = ingest(&sandbox, &source);
    for name in ["small", "large", "gone"] {
        let show = run(sandbox.vrift(["manifest", "show"]).arg(&manifest).arg(name)).fine();
        let digest = show.lines().find_map(|line| line.strip_prefix("digest")).expect("a file");
        let digest = digest.trim();
        let blob =
            sandbox.store().join("blake3").join(&digest[..2]).join(&digest[2..4]).join(digest);
        if name == "gone" {
            fs::remove_file(&blob).expect("it is ours");
            continue;
        }
        let mut bytes = fs::read(&blob).expect("it is there");
        *bytes.last_mut().expect("it is not empty") ^= 1;
        fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).expect("it is ours");
        fs::write(&blob, bytes).expect("it is ours");
    }
    let target = sandbox.path("target");
    let ran = export(&sandbox, &manifest, &target);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let err = ran.err();
    for (name, what) in [("small", "is damaged"), ("large", "is damaged"), ("gone", "not in the")] {
        let named =
            |line: &str| line.starts_with(&format!("vrift: {name}: blob")) && line.contains(what);
        assert!(err.lines().any(named), "{name}: {ran}");
    }
    let left: Vec<_> = fs::read_dir(&target).expect("it is there").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(fs::read(target.join("good")).expect("it is there"), b"good");
}

#[test]
fn an_ordinary_user_is_told_what_only_root_may_do() {
    if root() {
        return skipped("root may do everything");
    }
    let sandbox = Sandbox::new();
    let archive = sandbox.path("root.tar");
    let tar = "cd \"$2\" && touch f && chmod 4755 f && tar --owner=0 --group=0 -cf \"$1\" f";
    assert!(script(&sandbox, tar, &archive, &sandbox.path("tmp")).status.success());
    let manifest = sandbox.path("root.vrift");
    run(sandbox.vrift(["manifest", "import-tar"]).arg(&archive).arg("-o").arg(&manifest)).fine();
    let target = sandbox.path("target");
    let ran = export(&sandbox, &manifest, &target);
    assert!(ran.status.success() && ran.err().contains("belong to you"), "{ran}");
    let mode = fs::metadata(target.join("f")).expect("it is there").mode() & 0o7777;
    assert_eq!(mode, 0o755, "a set-id bit would give the caller's rights away");
}

#[test]
fn archives_come_from_gnu_tar_and_go_to_it() {
    let sandbox = Sandbox::new();
    let source = sandbox.tree();
    fs::create_dir(&source).expect("a new directory");
    trees::hostile(&source);
    trees::node_modules(&source.join("node_modules"), 3);
    // No archive can hold a socket, and GNU tar reads ACLs in a form of its own only.
    fs::remove_file(source.join("s")).expect("it is ours");
    let _ = rustix::fs::lremovexattr(source.join("large"), "system.posix_acl_access");
    // A second before 1970 with a fraction is beyond GNU tar.
    fs::remove_file(source.join("zero")).expect("it is ours");
    for format in ["gnu", "posix", "posix --sparse-version=0.0", "posix --sparse-version=0.1"] {
        let archive = sandbox.path("in.tar");
        let xattrs = if format == "gnu" { "" } else { "--xattrs --xattrs-include='*'" };
        let make = format!("tar -S {xattrs} --format={format} -C \"$2\" -cf \"$1\" .");
        assert!(script(&sandbox, &make, &archive, &source).status.success(), "{format}");
        let manifest = sandbox.path("tar.vrift");
        run(sandbox.vrift(["manifest", "import-tar"]).arg(&archive).arg("-o").arg(&manifest))
            .fine();
        let target = sandbox.path("target");
        let ran = export(&sandbox, &manifest, &target);
        assert!(ran.status.success(), "{format}: {ran}");
        let strip = |text: String| -> String {
            // GNU's own format has whole seconds and no extended attributes.
            let short = |line: &str| match format {
                "gnu" => {
                    let words = line.split(' ').filter(|word| !word.contains("\"="));
                    let words = words.map(|word| word.split('.').next().unwrap_or(word));
                    words.collect::<Vec<_>>().join(" ")
                }
                _ => line.to_owned(),
            };
            text.lines().map(|line| short(line) + "\n").collect()
        };
        let (before, after) = (describe(&source, Detail::Copy), describe(&target, Detail::Copy));
        same(&strip(before), &strip(after), format);
        crate::kit::run(sandbox.command("chmod").args(["-R", "u+rwx"]).arg(&target));
        fs::remove_dir_all(&target).expect("it is ours");
    }
    let manifest = ingest(&sandbox, &source);
    let target = sandbox.path("untarred");
    fs::create_dir(&target).expect("a new directory");
    let archive = sandbox.path("out.tar");
    run(sandbox.vrift(["manifest", "export-tar"]).arg(&manifest).arg("-o").arg(&archive)).fine();
    let unpack = "tar --xattrs --xattrs-include='*' -C \"$2\" -xpf \"$1\"";
    let ran = script(&sandbox, unpack, &archive, &target);
    assert!(ran.status.success(), "{ran}");
    same(&describe(&source, Detail::Copy), &describe(&target, Detail::Copy), "export-tar");
}
