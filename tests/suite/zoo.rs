//! Trees for tests: one small specimen of everything a directory can hold.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::kit::{Sandbox, root};

/// Every kind of file, directory and symlink in `site/tree`, with neighbours that lead in and out:
/// `site/outside.txt`, `host/` (links into the tree), `site/host` (a link to `host`).
pub(crate) fn build(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    let at = |name: &str| tree.join(name);
    for directory in
        ["sub/deep/er/est", "empty.d", "many", "mode.d", "mode.dx", "mode.dr", "a b/c d"]
    {
        fs::create_dir_all(at(directory)).expect("a new directory");
    }
    write(&at("x"), b"x here\n");
    write(&at("empty"), b"");
    write(&at("sub/a"), b"alpha\nbeta\n");
    write(&at("sub/b"), b"alpha\nbeta\n");
    write(&at("sub/deep/er/est/leaf"), b"leaf\n");
    write(&at("big"), &pattern(300_001));
    write(&at("run.sh"), b"#!/bin/sh\necho ran\n");
    for name in ["mode.d/x", "mode.dx/x", "mode.dr/x", "mode.none", "with space", "-dash"] {
        write(&at(name), name.as_bytes());
    }
    for name in odd_names() {
        write(&tree.join(OsStr::from_bytes(&name)), b"odd\n");
    }
    for number in 0..100usize {
        let lines = format!("{number:04}\n").repeat(number % 100 + 1);
        write(&at(&format!("many/{number:04}")), lines.as_bytes());
    }
    write(&at("hard1"), b"two names\n");
    for name in ["hard2", "sub/hard3"] {
        fs::hard_link(at("hard1"), at(name)).expect("a hard link");
    }
    neighbours(sandbox);
    links(&tree);
    modes(&tree);
    times(&tree);
}

/// Names that programs get wrong, without the ones that are only long.
fn odd_names() -> Vec<Vec<u8>> {
    vec![
        b"new\nline".to_vec(),
        b"not \xff\xfe utf-8".to_vec(),
        "\u{e9}t\u{e9} \u{1f980}".into(),
        b"back\\slash".to_vec(),
        b"\"quoted\" 'twice' $HOME `id`".to_vec(),
        b"...".to_vec(),
        b" ".to_vec(),
        long_name(),
    ]
}

/// The longest name there can be. The guest `lookups` spells it the same way.
fn long_name() -> Vec<u8> {
    (b'a'..=b't').cycle().take(255).collect()
}

fn neighbours(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    write(&sandbox.path("site/outside.txt"), b"outside\n");
    fs::create_dir(sandbox.path("host")).expect("a new directory");
    write(&sandbox.path("host/passwd"), b"not the real one\n");
    for (name, target) in [
        ("into", tree.join("sub")),
        ("tofile", tree.join("x")),
        ("relative", "../site/tree/sub".into()),
    ] {
        symlink(target, sandbox.path("host").join(name)).expect("a new link");
    }
    symlink("../host", sandbox.path("site/host")).expect("a new link");
}

fn links(tree: &Path) {
    let link = |target: &OsStr, name: &str| symlink(target, tree.join(name)).expect("a new link");
    let relative = [
        ("link.file", "x"),
        ("link.dir", "sub"),
        ("link.dangling", "nowhere"),
        ("link.deep-dangling", "nowhere/at/all"),
        ("link.self", "link.self"),
        ("link.loop1", "link.loop2"),
        ("link.loop2", "link.loop1"),
        ("link.dot", "."),
        ("link.dotdot", ".."),
        ("link.slash", "sub/"),
        ("link.fileslash", "x/"),
        ("link.up", "../outside.txt"),
        ("link.viahost", "../host/into"),
        ("sub/link.x", "../x"),
        ("sub/deep/link.over", "../../../outside.txt"),
    ];
    for (name, target) in relative {
        link(target.as_ref(), name);
    }
    let site = tree.parent().expect("the tree lies in the site");
    let host = site.parent().expect("the site lies in the sandbox").join("host");
    link(tree.join("sub/a").as_os_str(), "link.abs");
    link(tree.join("sub").as_os_str(), "link.absdir");
    link(host.join("passwd").as_os_str(), "link.host");
    link(host.as_os_str(), "link.hostdir");
    link(OsStr::from_bytes(&long_name()), "link.longname");
    link(OsStr::from_bytes(&[b'l'; 256]), "link.256");
    for (prefix, end) in [("chain", "x"), ("dchain", "sub")] {
        link(end.as_ref(), &format!("{prefix}.1"));
        for n in 2..=41 {
            link(format!("{prefix}.{}", n - 1).as_ref(), &format!("{prefix}.{n}"));
        }
    }
}

fn modes(tree: &Path) {
    for (name, mode) in [
        ("x", 0o644),
        ("run.sh", 0o755),
        ("sub/b", 0o4711),
        ("sub/a", 0o600),
        ("big", 0o444),
        ("hard1", 0o640),
        ("mode.none", 0o000),
        ("empty.d", 0o1777),
        ("many", 0o2755),
        ("mode.dx", 0o311),
        ("mode.dr", 0o644),
        ("mode.d", 0o755),
    ] {
        let path = tree.join(name);
        // What its owner may not read cannot be ingested, unless root does it.
        let mode = match (root(), path.is_dir()) {
            (true, _) => mode,
            (false, true) => mode | 0o500,
            (false, false) => mode | 0o400,
        };
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("the file is ours");
    }
}

/// Gives everything a time of modification of its own, to the nanosecond, and a time of access in
/// the future, which `relatime` leaves alone: so that reading changes nothing.
pub(crate) fn times(tree: &Path) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    let later = TimeSpec::new(now.as_secs() as i64 + 3600, 987_654_321);
    let mut number = 0;
    each(tree, &mut |path| {
        number += 1;
        let modified = TimeSpec::new(1_700_000_000 + 977 * number, 123_456_000 + number);
        utimensat(AT_FDCWD, path, &later, &modified, UtimensatFlags::NoFollowSymlink)
            .expect("the file is ours");
    });
}

/// Visits everything below `path`, and `path` last. Directories that may not be read are visited
/// alone.
fn each(path: &Path, visit: &mut dyn FnMut(&Path)) {
    if path.symlink_metadata().expect("it was listed").is_dir() {
        let mut below: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        below.sort();
        // A directory without search permission can be listed, and nothing more.
        below.retain(|path| path.symlink_metadata().is_ok());
        below.iter().for_each(|path| each(path, visit));
    }
    visit(path);
}

/// Bytes in which every block differs from every other.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

pub(crate) fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
