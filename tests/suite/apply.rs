//! Sessions that leave the store: `session export` and `session apply`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::kit::{Ran, Sandbox, fingerprint, have, line_difference, listed, root, run, skipped};

/// All that an export keeps of a tree, hard links included; without what nobody can set.
pub(crate) fn kept(root: &Path) -> String {
    let mut text = String::new();
    let mut linked = HashMap::new();
    describe(root, root, &mut linked, &mut text);
    text
}

fn describe(root: &Path, path: &Path, linked: &mut HashMap<u64, PathBuf>, text: &mut String) {
    let meta = fs::symlink_metadata(path).expect("it was just listed");
    let inside = path.strip_prefix(root).expect("it lies in the tree");
    let first = linked.entry(meta.ino()).or_insert_with(|| inside.to_owned());
    let _ = write!(
        text,
        "{inside:?} {:o} {}:{} mtime {}.{:09} as {first:?} ",
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.mtime(),
        meta.mtime_nsec(),
    );
    let kind = meta.file_type();
    if kind.is_symlink() {
        let _ = writeln!(text, "-> {:?}", fs::read_link(path).expect("it is a link"));
    } else if kind.is_dir() {
        let _ = writeln!(text, "directory");
        listed(path).iter().for_each(|name| describe(root, name, linked, text));
    } else if kind.is_fifo() || kind.is_socket() {
        let _ = writeln!(text, "links {}", meta.nlink());
    } else {
        let content = fs::read(path).unwrap_or_default();
        let _ = writeln!(text, "links {} {}", meta.nlink(), content.escape_ascii());
    }
}

/// Some files, a symlink and a further name.
pub(crate) fn plant(tree: &Path) {
    fs::create_dir_all(tree).expect("the sandbox can be written");
    for (directory, files) in [(".", ["a", "b"]), ("d", ["a", "c"]), ("d/e", ["b", "x x"])] {
        let directory = tree.join(directory);
        fs::create_dir_all(&directory).expect("the sandbox can be written");
        for file in files {
            fs::write(directory.join(file), format!("content of {file}\n")).expect("a file");
        }
    }
    std::os::unix::fs::symlink("d/a", tree.join("l")).expect("a symlink");
    fs::hard_link(tree.join("a"), tree.join("c")).expect("a further name");
}

/// A session `s` in which a command was run in the planted tree.
fn session(sandbox: &Sandbox, command: &[&str]) {
    let manifest = sandbox.ingest(&sandbox.tree());
    let mut vrift = sandbox.vrift(["run", "--session", "s", "--manifest"]);
    vrift.arg(manifest).arg("--prefix").arg(sandbox.tree()).arg("--").args(command);
    run(vrift.current_dir(sandbox.tree()));
}

fn export(sandbox: &Sandbox, what: &[&str], to: &str) -> PathBuf {
    let to = sandbox.path(to);
    let _ = fs::remove_dir_all(&to);
    run(sandbox.vrift(what).arg(&to)).fine();
    to
}

fn apply(sandbox: &Sandbox, to: &Path) -> Ran {
    run(sandbox.vrift(["session", "apply", "s"]).arg(to))
}

#[track_caller]
fn assert_same(to: &Path, wanted: &Path, what: &str) {
    let (got, wanted) = (kept(to), kept(wanted));
    assert!(got == wanted, "{what}\n{}", line_difference(&wanted, &got));
}

#[test]
fn a_session_applied_to_what_it_was_started_from_is_the_session() {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("mutations") else { return };
    let guest = guest.to_str().expect("it was named by us");
    let seeds = if std::env::var_os("VRIFT_FULL").is_some() { 500 } else { 25 };
    for seed in 0..seeds {
        let _ = fs::remove_dir_all(sandbox.tree());
        plant(&sandbox.tree());
        let tree = sandbox.tree();
        session(&sandbox, &[guest, tree.to_str().expect("so was it"), &seed.to_string(), "80"]);
        let manifest = sandbox.path("tree.vrift");
        let base = export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
        let wanted = export(&sandbox, &["session", "export", "s"], "wanted");
        let applied = apply(&sandbox, &base);
        assert_eq!(applied.code(), Some(0), "seed {seed}: {applied}");
        assert_same(&base, &wanted, &format!("seed {seed}"));
        let again = apply(&sandbox, &base);
        assert_eq!(again.code(), Some(0), "seed {seed}: {again}");
        assert_same(&base, &wanted, &format!("seed {seed}, applied again"));
        run(&mut sandbox.vrift(["session", "discard", "s"])).fine();
    }
}

#[test]
fn kinds_links_and_attributes_are_applied() {
    if !have("setfattr") || !have("mkfifo") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let script = "rm -r d/e && echo file > d/e && rm b && mkdir b && echo x > b/x && ln c d/c2 &&
        mkfifo f && chmod 600 d/a && touch -d @1000 d/c && setfattr -n user.k -v v d/a &&
        ln -sfn b l && mv a A && echo more >> c && mkdir -m 500 shut && mkdir -p p/q &&
        echo q > p/q/q && mv p P && chmod 711 .";
    session(&sandbox, &["sh", "-ec", script]);
    let manifest = sandbox.path("tree.vrift");
    let base = export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
    let wanted = export(&sandbox, &["session", "export", "s"], "wanted");
    let told = run(sandbox.vrift(["session", "apply", "--dry-run", "s"]).arg(&base)).fine();
    assert!(told.starts_with("nothing is in the way in "), "{told}");
    assert_ne!(kept(&base), kept(&wanted), "a dry run changes nothing");
    apply(&sandbox, &base).fine();
    assert_same(&base, &wanted, "applied");
    let value = rustix::fs::getxattr(base.join("d/a"), c"user.k", &mut [0; 8]);
    assert_eq!(value, Ok(1), "the extended attribute is there");
}

#[test]
fn what_is_in_the_way_is_listed_and_nothing_is_changed() {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let script = "echo new > n && echo changed > d/a && chmod 600 d/c && rm -r d/e && rm b l";
    session(&sandbox, &["sh", "-ec", script]);
    let (base, manifest) = (sandbox.path("base"), sandbox.path("tree.vrift"));
    let cases: &[(&str, &str)] = &[
        ("echo other > n", "n: it was not there when the session was started"),
        ("echo CONTENT of a > d/a", "d/a: it is not as it was"),
        ("chmod 640 d/c", "d/c: it is not as it was"),
        ("rm d/a", "d/a: it was there when the session was started, and is not any more"),
        ("echo x > d/e/stranger", "d/e/stranger: the session removes its directory"),
        ("ln -sfn a l", "l: it is not as it was"),
        ("rm b; mkdir b", "b: it is not as it was"),
        ("mv d D; ln -s D d", "d/a: the directory it was in is not there any more"),
    ];
    for (script, conflict) in cases {
        export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
        let ran = run(sandbox.command("sh").args(["-ec", script]).current_dir(&base));
        assert!(ran.status.success(), "{ran}");
        let before = fingerprint(&base);
        let refused = apply(&sandbox, &base);
        assert_eq!(refused.code(), Some(1), "{script}: {refused}");
        assert!(refused.err().contains(&format!("vrift: {conflict}")), "{script}: {refused}");
        assert_eq!(fingerprint(&base), before, "{script}");
    }
    let several = "echo x > n; chmod 640 d/c; echo x > d/e/y";
    export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
    run(sandbox.command("sh").args(["-ec", several]).current_dir(&base)).fine();
    let refused = apply(&sandbox, &base);
    assert!(refused.err().contains("vrift: 3 conflicts: nothing was changed in "), "{refused}");
}

/// What is compared is read, and not mapped: somebody may cut it off meanwhile, which would end who has it mapped.
#[test]
fn a_file_larger_than_the_room_of_vrift_is_compared() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
    let large = fs::File::create(sandbox.tree().join("large")).expect("it is ours");
    large.set_len(256 << 20).expect("it takes no room");
    session(&sandbox, &["rm", "large"]);
    let mut limited = sandbox.command("sh");
    limited.args(["-c", "ulimit -v 250000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_vrift")]);
    run(limited.args(["session", "apply", "s"]).arg(sandbox.tree())).fine();
    assert!(!sandbox.tree().join("large").exists());
}

/// What the host has changed meanwhile of what the session touches, and a part of the conflict.
#[track_caller]
fn conflicts(script: &str, cases: &[(&str, Option<&str>)]) {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    session(&sandbox, &["sh", "-ec", script]);
    let manifest = sandbox.path("tree.vrift");
    let wanted = export(&sandbox, &["session", "export", "s"], "wanted");
    for (meanwhile, conflict) in cases {
        let base = export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
        let ran = run(sandbox.command("sh").args(["-ec", meanwhile]).current_dir(&base));
        assert!(ran.status.success(), "{ran}");
        let before = kept(&base);
        let applied = apply(&sandbox, &base);
        match conflict {
            Some(conflict) => {
                assert_eq!(applied.code(), Some(1), "{meanwhile}: {applied}");
                assert!(applied.err().contains(conflict), "{meanwhile}: {applied}");
                assert_eq!(kept(&base), before, "{meanwhile}");
            }
            None => {
                assert_eq!(applied.code(), Some(0), "{meanwhile}: {applied}");
                assert_same(&base, &wanted, meanwhile);
            }
        }
    }
}

#[test]
fn extended_attributes_and_times_that_the_host_has_changed_are_conflicts() {
    if !have("setfattr") || !have("getfattr") {
        return;
    }
    let script =
        "chmod 600 d/a; echo more >> b; touch -d @2000 d/c; setfattr -n user.s -v s d/e/b; rm l";
    let attributes = "its extended attributes are not as they were";
    conflicts(
        script,
        &[
            ("setfattr -n user.k -v v d/a", Some(&format!("d/a: {attributes}"))),
            ("setfattr -n user.k -v v b", Some(&format!("b: {attributes}"))),
            ("setfattr -n user.s -v other d/e/b", Some(&format!("d/e/b: {attributes}"))),
            ("touch -d @1000 d/c", Some("d/c: its time of modification is not as it was")),
            // The session has them already, or does not touch them.
            ("setfattr -n user.s -v s d/e/b; touch -d @2000 d/c", None),
            ("touch -d @1000 d/a b; chmod 600 d/a", None),
        ],
    );
    // What the session does not touch keeps what the host gave it.
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    session(&sandbox, &["sh", "-ec", script]);
    let manifest = sandbox.path("tree.vrift");
    let base = export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
    let meanwhile = "setfattr -n user.k -v v 'd/e/x x'";
    run(sandbox.command("sh").args(["-ec", meanwhile]).current_dir(&base)).fine();
    apply(&sandbox, &base).fine();
    let found = run(sandbox.command("getfattr").args(["-d", "d/e/x x"]).current_dir(&base));
    assert!(found.out().contains("user.k=\"v\""), "{found}");
}

#[test]
fn owners_that_the_host_has_changed_are_conflicts() {
    if !root() {
        return skipped("only root can give files away");
    }
    let owner = "its owner or group is not as it was";
    conflicts(
        "chmod 600 d/a; echo more >> b; chown 1:2 d/c d; rm l; echo x > n; chown 4 n",
        &[
            ("chown 7 d/a", Some(&format!("d/a: {owner}"))),
            ("chgrp 7 b", Some(&format!("b: {owner}"))),
            ("chown 7 d/c", Some(&format!("d/c: {owner}"))),
            ("chown 1:3 d", Some(&format!("d: {owner}"))),
            ("chown -h 7 l", Some(&format!("l: {owner}"))),
            ("echo x > n", Some(&format!("n: {owner}"))),
            // As the session has it.
            ("chown 1:2 d/c; echo x > n; chown 4 n", None),
        ],
    );
}

#[test]
fn an_apply_that_is_killed_leaves_old_and_new_files_and_can_be_done_again() {
    if !have("seq") {
        return;
    }
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    for n in 0..60 {
        fs::create_dir_all(tree.join(format!("d{}", n % 6))).expect("the sandbox can be written");
        fs::write(tree.join(format!("d{}/f{n}", n % 6)), "old".repeat(n + 1)).expect("a file");
    }
    let script = "for n in $(seq 0 2 59); do echo new $n > d$((n % 6))/f$n; done;
        for n in $(seq 1 4 59); do mv d$((n % 6))/f$n d0/moved$n; done;
        for n in $(seq 3 4 59); do rm d$((n % 6))/f$n; done; mkdir g; cp -a d0 g/d0";
    session(&sandbox, &["sh", "-ec", script]);
    let manifest = sandbox.path("tree.vrift");
    let wanted = export(&sandbox, &["session", "export", "s"], "wanted");
    let contents = |root: &Path| -> HashMap<PathBuf, Vec<u8>> {
        let names = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
        let dirs = names(root).chain(names(&root.join("g"))).map(|entry| entry.path());
        dirs.flat_map(|dir| names(&dir).collect::<Vec<_>>())
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with(".vrift-apply-"))
            .map(|entry| {
                let inside = entry.path().strip_prefix(root).expect("inside").to_owned();
                (inside, fs::read(entry.path()).expect("a file"))
            })
            .collect()
    };
    let rounds = if std::env::var_os("VRIFT_FULL").is_some() { 100 } else { 8 };
    let mut cut_short = 0;
    for round in 0..rounds {
        let base = export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
        let (old, new) = (contents(&base), contents(&wanted));
        let mut vrift = sandbox.vrift(["session", "apply", "s"]);
        let mut vrift = vrift.arg(&base).stdout(Stdio::null()).spawn().expect("vrift starts");
        // Until so many of the names that are made are there.
        let made = |n: usize| base.join(format!("d0/moved{}", 1 + 4 * n)).exists();
        while !made(round % 15) && vrift.try_wait().expect("it is ours").is_none() {
            std::thread::yield_now();
        }
        vrift.kill().expect("it was started");
        cut_short += usize::from(!vrift.wait().expect("it ends").success());
        for (path, content) in contents(&base) {
            let known = [old.get(&path), new.get(&path)];
            assert!(known.contains(&Some(&content)), "round {round}: {path:?} is neither");
        }
        let again = apply(&sandbox, &base);
        assert_eq!(again.code(), Some(0), "round {round}: {again}");
        assert_same(&base, &wanted, &format!("round {round}"));
    }
    if cut_short == 0 {
        skipped("each apply was faster than its kill");
    }
}

#[test]
fn owners_are_applied_by_root_and_told_by_others() {
    if !root() {
        return skipped("only root can give files away");
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    session(&sandbox, &["sh", "-ec", "chown 1:2 d/a d; chown -h 3 l; echo x > n; chown 4 n"]);
    let manifest = sandbox.path("tree.vrift");
    let base = export(&sandbox, &["export", manifest.to_str().expect("text")], "base");
    let wanted = export(&sandbox, &["session", "export", "s"], "wanted");
    apply(&sandbox, &base).fine();
    assert_same(&base, &wanted, "applied");
}
