//! What an ingest is given and what it reads: several sources, patterns, and files that an earlier
//! ingest has read.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kit::{Ran, Sandbox, have, run};
use crate::trees;

/// Writes a file, and makes the directories above it.
fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it is ours");
    fs::write(path, content).expect("it is ours");
}

fn said(ran: Ran) -> Value {
    serde_json::from_str(&ran.fine()).expect("JSON")
}

/// Ingests the tree, and says what was said.
fn ingest(sandbox: &Sandbox, more: &[&str]) -> Value {
    let mut vrift = sandbox.vrift(["ingest", "--json", "-o"]);
    said(run(vrift.arg(sandbox.path("m.vrift")).arg(sandbox.tree()).args(more)))
}

/// Ingests until every file is old enough to be trusted.
fn settle(sandbox: &Sandbox) -> Value {
    const ATTEMPTS: usize = 2000;
    for _ in 0..ATTEMPTS {
        let said = ingest(sandbox, &[]);
        if said["unchanged"] == said["files"] {
            return said;
        }
    }
    panic!("after {ATTEMPTS} ingests files that nobody touches are still read");
}

fn listed(sandbox: &Sandbox) -> BTreeSet<String> {
    let out = run(sandbox.vrift(["manifest", "ls"]).arg(sandbox.path("m.vrift"))).fine();
    let path = |line: &str| line.split_whitespace().nth(4).map(str::to_owned);
    out.lines().filter_map(path).filter(|path| path != ".").collect()
}

fn cat(sandbox: &Sandbox, path: &str) -> String {
    run(sandbox.vrift(["manifest", "cat"]).arg(sandbox.path("m.vrift")).arg(path)).fine()
}

fn blob_of(sandbox: &Sandbox, path: &str) -> PathBuf {
    let manifest = sandbox.path("m.vrift");
    let show = run(sandbox.vrift(["manifest", "show"]).arg(manifest).arg(path)).fine();
    let digest = show.lines().find_map(|line| line.strip_prefix("digest")).expect("a file").trim();
    sandbox.store().join("blake3").join(&digest[..2]).join(&digest[2..4]).join(digest)
}

fn the_cache(sandbox: &Sandbox) -> PathBuf {
    let caches = fs::read_dir(sandbox.store().join("cache/ingest")).expect("there is a cache");
    let mut caches: Vec<_> = caches.flatten().map(|entry| entry.path()).collect();
    assert_eq!(caches.len(), 1);
    caches.remove(0)
}

#[test]
fn an_unchanged_tree_is_not_read_again() {
    let sandbox = Sandbox::new();
    trees::node_modules(&sandbox.tree(), 5);
    let first = ingest(&sandbox, &[]);
    let again = settle(&sandbox);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["new_blobs"], 0);
    assert_eq!(ingest(&sandbox, &["--rehash"])["unchanged"], 0);
    assert_eq!(settle(&sandbox)["id"], first["id"]);
    if !have("strace") {
        return;
    }
    let mut strace = sandbox.command("strace");
    strace.args(["-f", "-e", "trace=openat,statx", "-o"]).arg(sandbox.path("log"));
    strace.arg(env!("CARGO_BIN_EXE_vrift")).args(["ingest", "-o"]);
    run(strace.arg(sandbox.path("m.vrift")).arg(sandbox.tree())).fine();
    let log = fs::read_to_string(sandbox.path("log")).expect("strace wrote it");
    let calls = |call: &str| {
        let of_file = |line: &&str| line.contains(call) && line.contains("\"index7.js\"");
        log.lines().filter(of_file).count()
    };
    assert_eq!((calls("openat("), calls("statx(")), (0, 5), "one look at each file, and no more");
}

#[test]
fn every_change_is_seen() {
    let sandbox = Sandbox::new();
    let path = sandbox.tree().join("f");
    write(&path, b"one");
    write(&sandbox.tree().join("other"), b"other");
    settle(&sandbox);
    let before = fs::metadata(&path).expect("it is there");
    fs::write(&path, "two").expect("it is ours");
    // Same size, and the time of modification put back: only the time of change tells.
    let times = fs::FileTimes::new().set_modified(before.modified().expect("Linux has one"));
    fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_times(times))
        .expect("ours");
    let changed = ingest(&sandbox, &[]);
    assert_eq!((changed["unchanged"].as_u64(), cat(&sandbox, "f")), (Some(1), "two".to_owned()));

    settle(&sandbox);
    fs::write(sandbox.path("tmp/f"), "ten").expect("it is ours");
    fs::rename(sandbox.path("tmp/f"), &path).expect("it is ours");
    ingest(&sandbox, &[]);
    assert_eq!(cat(&sandbox, "f"), "ten");
}

#[test]
fn a_change_within_the_same_tick_of_the_clock_is_seen() {
    let sandbox = Sandbox::new();
    let path = sandbox.tree().join("f");
    write(&path, b"00000");
    for round in 0..60 {
        let content = format!("{round:05}");
        fs::write(&path, &content).expect("it is ours");
        ingest(&sandbox, &[]);
        assert_eq!(cat(&sandbox, "f"), content);
        // And the next one at once after the ingest looked.
        let content = format!("{:05}", round + 10_000);
        fs::write(&path, &content).expect("it is ours");
        ingest(&sandbox, &[]);
        assert_eq!(cat(&sandbox, "f"), content);
    }
}

#[test]
fn a_blob_that_is_gone_or_cut_is_read_again() {
    let sandbox = Sandbox::new();
    write(&sandbox.tree().join("f"), b"content");
    settle(&sandbox);
    let blob = blob_of(&sandbox, "f");
    fs::remove_file(&blob).expect("it is ours");
    assert_eq!(ingest(&sandbox, &[])["new_blobs"], 1);
    fs::remove_file(&blob).expect("it is ours");
    fs::write(&blob, "con").expect("it is ours");
    assert_eq!(ingest(&sandbox, &[])["unchanged"], 0);
    assert_eq!(cat(&sandbox, "f"), "content");
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
}

/// More files than an ingest of an unchanged tree looks for in the store.
const MANY: usize = 2500;

/// A tree of many contents, known to the cache, and where its manifest is.
fn many(sandbox: &Sandbox) -> PathBuf {
    for number in 0..MANY {
        write(&sandbox.tree().join(format!("{}/{number}", number / 100)), &number.to_le_bytes());
    }
    settle(sandbox);
    sandbox.path("m.vrift")
}

fn verify(sandbox: &Sandbox) {
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
}

#[test]
fn the_manifest_of_an_unchanged_tree_is_left_alone() {
    let sandbox = Sandbox::new();
    let manifest = many(&sandbox);
    let look = || fs::metadata(&manifest).map(|m| (m.ino(), m.mtime(), m.mtime_nsec())).ok();
    let before = look();
    assert_eq!(ingest(&sandbox, &[])["unchanged"], MANY);
    assert_eq!(look(), before);
    // It is written again if it is another one, or not known to the store, or not there.
    let whole = fs::read(&manifest).expect("it is there");
    fs::write(&manifest, &whole[1..]).expect("it is ours");
    ingest(&sandbox, &[]);
    assert!(look() != before && fs::read(&manifest).expect("it is there") == whole);
    fs::remove_dir_all(sandbox.store().join("roots")).expect("it is ours");
    ingest(&sandbox, &[]);
    assert_eq!(fs::read_dir(sandbox.store().join("roots")).expect("made again").count(), 1);
    fs::rename(&manifest, sandbox.path("elsewhere")).expect("it is ours");
    symlink("elsewhere", &manifest).expect("the name is free");
    ingest(&sandbox, &[]);
    assert!(fs::symlink_metadata(&manifest).expect("it is there").is_file());
    fs::remove_file(&manifest).expect("it is ours");
    ingest(&sandbox, &[]);
    assert_eq!(fs::read(&manifest).expect("it is there"), whole);
    if !have("strace") {
        return;
    }
    let mut strace = sandbox.command("strace");
    strace.args(["-f", "-e", "trace=newfstatat,syncfs,fsync,rename", "-o"]);
    strace.arg(sandbox.path("log")).arg(env!("CARGO_BIN_EXE_vrift")).args(["ingest", "-o"]);
    run(strace.arg(&manifest).arg(sandbox.tree())).fine();
    let log = fs::read_to_string(sandbox.path("log")).expect("strace wrote it");
    let calls = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!((calls("sync"), calls("rename(")), (0, 0), "nothing is written");
    assert!(calls("blake3/") <= MANY / 2 + 1, "{} blobs were looked at", calls("blake3/"));
}

#[test]
fn no_new_manifest_names_a_blob_that_is_not_there() {
    let sandbox = Sandbox::new();
    many(&sandbox);
    let lost = sandbox.tree().join("3/333");
    for round in 0..4 {
        let blob = blob_of(&sandbox, "3/333");
        fs::remove_file(&blob).expect("it is ours");
        write(&sandbox.tree().join("another"), format!("another {round}").as_bytes());
        let said = ingest(&sandbox, &["--jobs", "2"]);
        // The other file, and the one whose content was lost.
        assert_eq!((&said["new_blobs"], &said["files"]), (&Value::from(2), &Value::from(MANY + 1)));
        assert_eq!(fs::read(&blob).ok(), fs::read(&lost).ok());
        verify(&sandbox);
        settle(&sandbox);
    }
}

#[test]
fn a_lost_store_is_noticed_by_the_sample() {
    let sandbox = Sandbox::new();
    many(&sandbox);
    fs::remove_dir_all(sandbox.store().join("blake3")).expect("it is ours");
    fs::create_dir(sandbox.store().join("blake3")).expect("it is ours");
    let said = ingest(&sandbox, &[]);
    assert_eq!((&said["new_blobs"], &said["unchanged"]), (&Value::from(MANY), &Value::from(0)));
    verify(&sandbox);
}

#[test]
fn what_a_collection_deletes_is_stored_again() {
    let sandbox = Sandbox::new();
    let manifest = many(&sandbox);
    // Another manifest keeps all blobs but one.
    let other = sandbox.path("site/other");
    for number in (0..MANY).filter(|&number| number != 333) {
        write(&other.join(number.to_string()), &number.to_le_bytes());
    }
    run(sandbox.vrift(["ingest", "-o"]).arg(sandbox.path("other.vrift")).arg(&other)).fine();
    // What is registered is as before, so that only the collection itself can tell of it.
    let roots = sandbox.store().join("roots");
    let list = || fs::read_dir(&roots).expect("it is there").flatten().map(|entry| entry.path());
    let registered: Vec<_> =
        list().map(|path| (fs::read(&path).expect("it is there"), path)).collect();
    let mut collect = sandbox.vrift(["cas", "gc", "--delete", "--grace", "0s", "--forget"]);
    run(collect.arg(&manifest)).fine();
    for (bytes, path) in registered {
        fs::write(path, bytes).expect("it is ours");
    }
    assert_eq!(ingest(&sandbox, &[])["new_blobs"], 1);
    verify(&sandbox);
}

#[test]
fn what_verify_misses_is_stored_again() {
    let sandbox = Sandbox::new();
    many(&sandbox);
    for _ in 0..3 {
        fs::remove_file(blob_of(&sandbox, "3/333")).expect("it is ours");
        assert_eq!(run(&mut sandbox.vrift(["cas", "verify"])).code(), Some(1));
        assert_eq!(ingest(&sandbox, &[])["new_blobs"], 1);
        verify(&sandbox);
        settle(&sandbox);
    }
}

#[test]
fn a_damaged_cache_is_not_believed() {
    let sandbox = Sandbox::new();
    trees::node_modules(&sandbox.tree(), 1);
    let id = settle(&sandbox)["id"].clone();
    let cache = the_cache(&sandbox);
    let whole = fs::read(&cache).expect("it is there");
    let flip = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [Vec::new(), whole[..40].to_vec(), flip(9), flip(60), flip(whole.len() - 1)];
    for bytes in damages {
        fs::write(&cache, bytes).expect("it is ours");
        let mut vrift = sandbox.vrift(["ingest", "--json", "-o"]);
        let ran = run(vrift.arg(sandbox.path("m.vrift")).arg(sandbox.tree()));
        assert!(ran.status.success() && ran.err().contains("is not used"), "{ran}");
        let said: Value = serde_json::from_str(&ran.out()).expect("JSON");
        assert_eq!((&said["unchanged"], &said["id"]), (&Value::from(0), &id));
    }
    settle(&sandbox);
}

#[test]
fn several_sources_become_names_in_the_root() {
    let sandbox = Sandbox::new();
    let site = sandbox.path("site");
    write(&site.join("a/x"), b"x");
    write(&site.join("b/y/z"), b"z");
    write(&site.join("file"), b"f");
    symlink("a", site.join("link")).expect("a new link");
    trees::accessed(&site);
    let ingest = |sources: &[&str]| {
        let mut vrift = sandbox.vrift(["ingest", "--json", "-o"]);
        vrift.arg(sandbox.path("m.vrift")).args(sources).current_dir(&site);
        run(&mut vrift)
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let first = said(ingest(&["a", "b/", "file", "link"]));
    assert_eq!(listed(&sandbox), names(&["a", "a/x", "b", "b/y", "b/y/z", "file", "link"]));
    assert_eq!(said(ingest(&["link", "file", "b", "../site/a"]))["id"], first["id"]);
    ingest(&["file"]).fine();
    assert_eq!(listed(&sandbox), names(&["file"]));
    ingest(&["link"]).fine();
    assert_eq!(listed(&sandbox), names(&["x"]), "the root may be named through a symlink");
    let err = ingest(&["a", "b/../a"]).vrift_failed();
    assert!(err.contains("two sources are called \"a\""), "{err}");
    let err = ingest(&["a", "absent"]).vrift_failed();
    assert!(err.contains("absent") && err.contains("No such file"), "{err}");
    let err = run(sandbox.vrift(["ingest", "a", "b"]).current_dir(&site)).vrift_failed();
    assert!(err.contains("-o"), "{err}");
}

/// git is the judge: the same patterns in `.gitignore` files.
#[test]
fn patterns_leave_out_what_git_would() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    let files = [
        "a.o",
        "keep.o",
        "src/b.o",
        "src/b.c",
        "build/x",
        "src/build/x",
        "src/deep/er/f.log",
        "logs/a.log",
        "logs/keep/a.log",
        "doc/notes.txt",
        "doc/frotz/x",
        "a/b/c/z",
        "sp ace",
        "#x",
        "!y",
        "target/debug/x",
        "x/target",
        "tmp/a/1",
        "tmp/b/1",
        "e/f.bak",
        "E/F.BAK",
        "foo/bar/q",
    ];
    for file in files {
        write(&tree.join(file), b"");
    }
    let patterns = [
        (
            "",
            "*.o\n!keep.o\n/build\ntarget/\n# comment\n\\#x\n\\!y\ndoc/*.txt\ndoc/frotz/\na/**/z\n*.bak\n",
        ),
        ("logs", "*\n!keep/\n"),
        ("src", "!b.o\ndeep/**/*.log\n"),
        ("tmp", "[ab]/1\n!/b/1\n"),
        ("foo", "bar/\n!bar/q\n"),
    ];
    for (dir, text) in patterns {
        write(&tree.join(dir).join(".vriftignore"), text.as_bytes());
        write(&tree.join(dir).join(".gitignore"), text.as_bytes());
    }
    let is_file = |path: &String| tree.join(path).is_file() && !path.ends_with("ignore");
    let excluded = ingest(&sandbox, &[])["excluded"].as_u64();
    assert!(excluded > Some(5), "{excluded:?}");
    let kept: BTreeSet<_> = listed(&sandbox).into_iter().filter(is_file).collect();
    if have("git") {
        let mut git = sandbox.command("sh");
        let script = "git init -q && git -c core.quotePath=off ls-files -o --exclude-standard";
        git.args(["-c", script]).current_dir(&tree);
        let wanted = run(&mut git).out();
        let wanted: BTreeSet<_> = wanted.lines().map(str::to_owned).filter(is_file).collect();
        // The listing of a manifest is cut at spaces here.
        let wanted = wanted.into_iter().filter(|path| !path.contains(' ')).collect::<BTreeSet<_>>();
        assert_eq!(kept, wanted);
        fs::remove_dir_all(tree.join(".git")).expect("it is ours");
    }
    // The command line overrules the files.
    ingest(&sandbox, &["--exclude", "!src/deep/", "--exclude", "*.c", "--exclude", "!a.o"]);
    let kept: BTreeSet<_> = listed(&sandbox);
    assert!(kept.contains("a.o") && !kept.contains("src/b.c"), "{kept:?}");
    let mut vrift = sandbox.vrift(["ingest", "--exclude", "[z-a]", "-o", "m"]);
    let err = run(vrift.arg(&tree)).vrift_failed();
    assert!(err.contains("[z-a]"), "{err}");
}

#[test]
fn a_border_of_a_file_system_is_kept_to_if_asked() {
    let sandbox = Sandbox::new();
    crate::walker::in_file_system(&sandbox, "tmpfs", "size=1m", |place| {
        write(&place.join("inside"), b"x");
        let ingest = |more: &[&str]| {
            let mut vrift = sandbox.vrift(["ingest", "--exclude=/store", "--exclude=/tmp", "-o"]);
            run(vrift.arg(sandbox.path("m.vrift")).arg(sandbox.path("")).args(more))
        };
        assert!(ingest(&[]).status.success());
        assert!(listed(&sandbox).contains("on-tmpfs/inside"));
        let ran = ingest(&["--one-file-system"]);
        assert!(ran.err().contains("left out on-tmpfs: it is in another file system"), "{ran}");
        let listed = listed(&sandbox);
        assert!(listed.contains("on-tmpfs") && !listed.contains("on-tmpfs/inside"), "{listed:?}");
    });
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let sandbox = Sandbox::new();
    trees::node_modules(&sandbox.tree(), 6);
    trees::hostile(&sandbox.tree().join("hostile"));
    let id = |jobs: &str| -> String {
        let manifest = sandbox.path("m.vrift");
        let mut vrift = sandbox.vrift(["ingest", "--rehash", "--json", "--jobs", jobs, "-o"]);
        let ran = run(vrift.arg(&manifest).arg(sandbox.tree()));
        assert!(ran.status.success(), "{ran}");
        let said: Value = serde_json::from_str(&ran.out()).expect("JSON");
        said["id"].to_string()
    };
    let one = id("1");
    for jobs in ["2", "3", "16"] {
        assert_eq!(id(jobs), one, "{jobs} threads");
    }
}
