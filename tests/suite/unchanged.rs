//! An ingest of a tree that has not changed compares it with its manifest where that lies. Whatever
//! has changed must be seen: taking everything in anew is the judge.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustix::fs::{XattrFlags, lsetxattr};
use serde_json::Value;

use crate::kit::{Sandbox, run};
use crate::trees;
use crate::zoo::write;

/// A tree with two of everything that can be mistaken for each other.
fn furnish(top: &Path) {
    for dir in ["d/e", "d/f", "g"] {
        fs::create_dir_all(top.join(dir)).expect("a new directory");
    }
    for name in ["a", "b", "d/a", "d/e/a", "g/secret.p12", "g/x.o"] {
        write(&top.join(name), b"the same");
    }
    for (first, second) in [("h1", "d/h2"), ("h3", "d/h4")] {
        write(&top.join(first), b"linked");
        fs::hard_link(top.join(first), top.join(second)).expect("a new link");
    }
    write(&top.join("g/.vriftignore"), b"*.o\n");
    symlink("a", top.join("l1")).expect("a new link");
    symlink("b", top.join("l2")).expect("a new link");
    mkfifo(&top.join("d/fifo"), Mode::from_bits_truncate(0o644)).expect("a new FIFO");
    trees::accessed(top);
}

fn ingest(sandbox: &Sandbox, manifest: &str, more: &[&str]) -> Value {
    let mut vrift = sandbox.vrift(["ingest", "--json", "-o"]);
    let ran = run(vrift.arg(sandbox.path(manifest)).arg(sandbox.tree()).args(more));
    assert!(ran.status.success(), "{ran}");
    serde_json::from_str(&ran.out()).expect("JSON")
}

/// What an ingest says of the tree, and not of what it had to do.
fn of_the_tree(mut said: Value) -> Value {
    let said = said.as_object_mut().expect("an object");
    for key in ["manifest", "seconds", "unchanged", "new_blobs", "new_bytes", "known_blobs"] {
        assert!(said.remove(key).is_some(), "{key}");
    }
    Value::Object(said.clone())
}

/// Ingests until nothing is left to be done, and says which file the manifest is.
fn settle(sandbox: &Sandbox, more: &[&str]) -> (u64, Value) {
    let inode = || fs::metadata(sandbox.path("m")).map(|manifest| manifest.ino()).ok();
    const ATTEMPTS: usize = 2000;
    for _ in 0..ATTEMPTS {
        let before = inode();
        let said = ingest(sandbox, "m", more);
        if said["unchanged"] == said["files"] && inode() == before {
            return (before.expect("it is there"), said);
        }
    }
    panic!("after {ATTEMPTS} ingests something is still written");
}

/// Ingests the tree as it is now, with and without what is known of it.
fn check(sandbox: &Sandbox, what: &str, more: &[&str]) {
    let said = ingest(sandbox, "m", more);
    let all = [more, &["--rehash"]].concat();
    assert_eq!(of_the_tree(said), of_the_tree(ingest(sandbox, "anew", &all)), "{what}");
    let read = |name| fs::read(sandbox.path(name)).expect("it is there");
    assert!(read("m") == read("anew"), "{what}");
}

type Change = (&'static str, fn(&Path));

const CHANGES: &[Change] = &[
    ("nothing", |_| {}),
    ("a new file", |top| write(&top.join("d/e/new"), b"new")),
    ("a new empty directory", |top| fs::create_dir(top.join("g/new")).expect("ours")),
    ("a file less", |top| fs::remove_file(top.join("d/e/a")).expect("ours")),
    ("a directory less", |top| fs::remove_dir(top.join("g/new")).expect("ours")),
    ("another name", |top| fs::rename(top.join("a"), top.join("c")).expect("ours")),
    ("a directory's name", |top| fs::rename(top.join("d/f"), top.join("d/z")).expect("ours")),
    ("two names the other way round", |top| {
        for (from, to) in [("b", "t"), ("c", "b"), ("t", "c")] {
            fs::rename(top.join(from), top.join(to)).expect("ours");
        }
    }),
    ("links of other files", |top| {
        for (from, to) in [("h1", "t"), ("h3", "h1"), ("t", "h3")] {
            fs::rename(top.join(from), top.join(to)).expect("ours");
        }
    }),
    ("a link less, a file more", |top| {
        fs::remove_file(top.join("h1")).expect("ours");
        write(&top.join("h1"), b"linked");
    }),
    ("a link more", |top| fs::hard_link(top.join("b"), top.join("d/b")).expect("ours")),
    ("a mode", |top| {
        fs::set_permissions(top.join("b"), Permissions::from_mode(0o600)).expect("ours");
    }),
    ("a directory's mode", |top| {
        fs::set_permissions(top.join("g"), Permissions::from_mode(0o711)).expect("ours");
    }),
    ("the root's mode", |top| {
        fs::set_permissions(top, Permissions::from_mode(0o750)).expect("ours");
    }),
    ("a time of access", |top| {
        let times = FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH + Duration::new(5, 6));
        let file = fs::File::open(top.join("c")).expect("ours");
        file.set_times(times).expect("ours");
    }),
    ("an attribute of a file", |top| attribute(&top.join("c"))),
    ("an attribute of a directory", |top| attribute(&top.join("d"))),
    ("another target", |top| {
        fs::remove_file(top.join("l1")).expect("ours");
        symlink("c", top.join("l1")).expect("ours");
        trees::accessed(&top.join("l1"));
    }),
    ("a file for a link", |top| {
        fs::remove_file(top.join("l2")).expect("ours");
        write(&top.join("l2"), b"b");
    }),
    ("a directory for a file", |top| {
        fs::remove_file(top.join("l2")).expect("ours");
        fs::create_dir(top.join("l2")).expect("ours");
    }),
    ("a content", |top| write(&top.join("h3"), b"LINKED")),
    ("another pattern", |top| write(&top.join("g/.vriftignore"), b"*.o\n!x.o\n")),
    ("no pattern", |top| fs::remove_file(top.join("g/.vriftignore")).expect("ours")),
    ("a secret less", |top| fs::remove_file(top.join("g/secret.p12")).expect("ours")),
    ("a FIFO less", |top| fs::remove_file(top.join("d/fifo")).expect("ours")),
];

fn attribute(path: &Path) {
    // Where there are none, nothing changes.
    let _ = lsetxattr(path, "user.k", b"v", XattrFlags::empty());
}

#[test]
fn every_change_of_a_tree_is_seen_when_it_is_compared() {
    let sandbox = Sandbox::new();
    furnish(&sandbox.tree());
    for (what, change) in CHANGES {
        settle(&sandbox, &[]);
        change(&sandbox.tree());
        check(&sandbox, what, &[]);
    }
}

#[test]
fn other_wishes_for_the_same_tree_are_seen() {
    let sandbox = Sandbox::new();
    furnish(&sandbox.tree());
    let wishes: [&[&str]; 5] =
        [&[], &["--include-sensitive"], &["--exclude", "a"], &["--exclude", "!x.o"], &[]];
    for more in wishes {
        check(&sandbox, &format!("{more:?}"), more);
        let again = (settle(&sandbox, more), settle(&sandbox, more));
        let ((inode, said), (same_inode, same)) = again;
        assert_eq!((inode, of_the_tree(said)), (same_inode, of_the_tree(same)));
    }
}

#[test]
fn an_unchanged_hostile_tree_is_told_of_as_if_it_had_been_read() {
    let sandbox = Sandbox::new();
    trees::hostile(&sandbox.tree());
    trees::node_modules(&sandbox.tree().join("node_modules"), 3);
    let (inode, _) = settle(&sandbox, &[]);
    check(&sandbox, "nothing", &[]);
    assert_eq!(fs::metadata(sandbox.path("m")).expect("it is there").ino(), inode);
}
