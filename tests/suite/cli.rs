//! What the commands print, as snapshots: standard output, standard error and status in one, with
//! paths, digests and times of the run replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{getgid, getuid};

use crate::kit::{Sandbox, as_nobody, have, run};
use crate::zoo;

/// A small tree in which everything that is printed is known, apart from owners.
fn tree(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    fs::create_dir_all(tree.join("src/empty.d")).expect("a new directory");
    zoo::write(&tree.join("src/main.c"), b"int main(void) { return 0; }\n");
    zoo::write(&tree.join("copy.c"), b"int main(void) { return 0; }\n");
    zoo::write(&tree.join("run.sh"), b"#!/bin/sh\n");
    zoo::write(&tree.join("new\nline"), b"");
    zoo::write(&tree.join(".env"), b"PASSWORD=1\n");
    fs::hard_link(tree.join("run.sh"), tree.join("again.sh")).expect("a new name");
    symlink("src/main.c", tree.join("link")).expect("a new link");
    for (name, mode) in [
        ("", 0o755),
        ("src", 0o755),
        ("src/empty.d", 0o1777),
        ("src/main.c", 0o644),
        ("copy.c", 0o600),
        ("run.sh", 0o755),
        ("new\nline", 0o4711),
    ] {
        let path = tree.join(name);
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
    }
    for name in ["src/main.c", "link"] {
        // Reading a symlink marks no access where one is in the future.
        let times = [2_000_000_000, 1_700_000_000].map(|seconds| TimeSpec::new(seconds, 5));
        let path = tree.join(name);
        utimensat(AT_FDCWD, &path, &times[0], &times[1], UtimensatFlags::NoFollowSymlink)
            .expect("it is ours");
    }
}

fn ingested() -> Sandbox {
    let sandbox = Sandbox::new();
    tree(&sandbox);
    run(sandbox.vrift(["ingest"]).arg(sandbox.tree()).args(["-o", "tree.vrift"]));
    sandbox
}

/// All that a command printed, and how it ended.
fn told(sandbox: &Sandbox, command: &mut Command) -> String {
    let ran = run(command);
    let text = match (ran.out(), ran.err()) {
        (out, err) if err.is_empty() => out,
        (out, err) => format!("{out}--- stderr\n{err}"),
    };
    normal(sandbox, &format!("{text}[{}]", ran.status))
}

/// Replaces what differs from run to run and from user to user.
fn normal(sandbox: &Sandbox, text: &str) -> String {
    let root = sandbox.path("").to_string_lossy().trim_end_matches('/').to_owned();
    let text = text
        .replace(&root, "$SANDBOX")
        .replace(&format!("{:>5} {:>5} ", getuid(), getgid()), " USER GROUP ")
        .replace(&format!("{}:{}", getuid(), getgid()), "USER:GROUP");
    text.split_inclusive([' ', '\n', '"'])
        .map(|word| {
            let bare = word.trim_end_matches([' ', '\n', '"']);
            let digest = bare.len() == 64 && bare.bytes().all(|b| b.is_ascii_hexdigit());
            if digest { word.replace(bare, &format!("{}…", &bare[..4])) } else { word.to_owned() }
        })
        .collect()
}

/// Directory sizes are the file system's own.
fn without_directory_sizes(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix('d') {
            Some(_) => {
                let (before, after) = line.split_at(23);
                format!("{before}      SIZE{}\n", &after[10..])
            }
            None => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn ingest_says_what_it_did() {
    let sandbox = Sandbox::new();
    tree(&sandbox);
    let ran = run(sandbox.vrift(["ingest"]).arg(sandbox.tree()));
    let id = ran.out().split_whitespace().nth(1).expect("the id is the second word").to_owned();
    let text = normal(&sandbox, &format!("{}--- stderr\n{}", ran.out(), ran.err()));
    let text = without_rate(&text);
    // The id covers times of change, which nobody can set.
    insta::assert_snapshot!(text.replace(&format!("{}…", &id[..4]), "$ID"), @r"
    tree.vrift  $ID
    4 files (68 bytes), 3 directories, 1 symlinks, 1 further names
    3 new blobs (39 bytes), 1 known, dedup ratio 1.74
    TIME
    --- stderr
    vrift: left out .env: it looks like a secret
    ");
    let again = run(sandbox.vrift(["ingest"]).arg(sandbox.tree()).args(["-o", "again.vrift"]));
    assert!(again.out().starts_with(&format!("again.vrift  {id}\n")), "the same tree, another id");
    assert!(again.out().contains("\n0 new blobs (0 bytes), 4 known, dedup ratio 1.74"), "{again}");
}

/// The time an ingest took and its rate are never the same.
fn without_rate(text: &str) -> String {
    let line = |line: &str| match line.ends_with(" MB/s") {
        true => "TIME\n".to_owned(),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn sensitive_files_are_kept_when_asked_for() {
    let sandbox = Sandbox::new();
    tree(&sandbox);
    let mut vrift = sandbox.vrift(["ingest", "--include-sensitive", "--json", "-o", "tree.vrift"]);
    let out = run(vrift.arg(sandbox.tree())).fine();
    let summary: serde_json::Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!((&summary["files"], &summary["left_out"]), (&5.into(), &0.into()), "{summary}");
    assert_eq!(
        run(&mut sandbox.vrift(["manifest", "cat", "tree.vrift", ".env"])).fine(),
        "PASSWORD=1\n"
    );
}

/// The harm that the earlier system did: sources that became hard links into the store.
#[test]
fn ingest_leaves_the_source_alone() {
    let sandbox = Sandbox::new();
    zoo::build(&sandbox);
    let before = crate::kit::fingerprint(&sandbox.tree());
    sandbox.ingest(&sandbox.tree());
    let after = crate::kit::fingerprint(&sandbox.tree());
    assert!(before == after, "{}", crate::kit::line_difference(&before, &after));
    each_blob(&sandbox.store().join("blake3"), &mut |blob| {
        let mode = fs::metadata(blob).expect("it was just listed").permissions().mode();
        assert_eq!(mode & 0o7777, 0o444, "{}", blob.display());
    });
}

fn each_blob(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(directory).expect("the store can be listed").flatten() {
        match entry.file_type().expect("it was just listed").is_dir() {
            true => each_blob(&entry.path(), visit),
            false => visit(&entry.path()),
        }
    }
}

#[test]
fn manifest_ls() {
    let sandbox = ingested();
    let listed = told(&sandbox, &mut sandbox.vrift(["manifest", "ls", "tree.vrift"]));
    insta::assert_snapshot!(without_directory_sizes(&listed), @r"
    drwxr-xr-x  USER GROUP       SIZE .
    -rwxr-xr-x  USER GROUP         10 again.sh
    -rw-------  USER GROUP         29 copy.c
    lrwxrwxrwx  USER GROUP         10 link -> src/main.c
    -rws--x--x  USER GROUP          0 new\nline
    -rwxr-xr-x  USER GROUP         10 run.sh
    drwxr-xr-x  USER GROUP       SIZE src
    drwxrwxrwt  USER GROUP       SIZE src/empty.d
    -rw-r--r--  USER GROUP         29 src/main.c
    [exit status: 0]
    ");
    for path in ["src", "/src", "src/"] {
        let below = run(&mut sandbox.vrift(["manifest", "ls", "tree.vrift", path])).fine();
        assert_eq!(below.lines().count(), 3, "{path}: {below}");
    }
}

#[test]
fn manifest_show() {
    let sandbox = ingested();
    let show =
        |path: &str| told(&sandbox, sandbox.vrift(["manifest", "show", "tree.vrift"]).arg(path));
    insta::assert_snapshot!(show("src/main.c"), @r"
    path    src/main.c
    node    7
    kind    file
    mode    0644 rw-r--r--
    owner   USER:GROUP
    links   1
    size    29
    mtime   1700000000.000000005
    digest  8281…
    [exit status: 0]
    ");
    insta::assert_snapshot!(show("link"), @r"
    path    link
    node    3
    kind    symlink
    mode    0777 rwxrwxrwx
    owner   USER:GROUP
    links   1
    size    10
    mtime   1700000000.000000005
    target  src/main.c
    [exit status: 0]
    ");
    let again = show("again.sh");
    assert!(again.contains("links   2\n"), "{again}");
    let whole = told(&sandbox, &mut sandbox.vrift(["manifest", "show", "tree.vrift"]));
    let (_, counts) = whole.split_once('\n').expect("the id has a line of its own");
    insta::assert_snapshot!(counts, @r"
    files        4
    directories  3
    symlinks     1
    bytes        68
    [exit status: 0]
    ");
}

#[test]
fn manifest_cat() {
    let sandbox = ingested();
    let cat =
        |path: &str| told(&sandbox, sandbox.vrift(["manifest", "cat", "tree.vrift"]).arg(path));
    insta::assert_snapshot!(cat("src/main.c"), @r"
    int main(void) { return 0; }
    [exit status: 0]
    ");
    insta::assert_snapshot!(cat("src/missing.c"), @r"
    --- stderr
    vrift: src/missing.c: no such path in the manifest
      hint: `vrift manifest ls MANIFEST` lists all paths, relative to the ingested directory
    [exit status: 125]
    ");
    insta::assert_snapshot!(cat("src"), @r"
    --- stderr
    vrift: src: not a regular file
    [exit status: 125]
    ");
}

#[test]
fn cas_stat_and_verify() {
    let sandbox = ingested();
    insta::assert_snapshot!(told(&sandbox, &mut sandbox.vrift(["cas", "stat"])), @r"
    store      $SANDBOX/store
    blobs      3
    bytes      39
    protected  0
    manifests  1
    leftovers  0
    [exit status: 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &mut sandbox.vrift(["cas", "stat", "--json"])), @r#"
    {"blobs":3,"bytes":39,"leftovers":0,"manifests":1,"protected":0,"store":"$SANDBOX/store"}
    [exit status: 0]
    "#);
    insta::assert_snapshot!(told(&sandbox, &mut sandbox.vrift(["cas", "verify"])), @r"
    3 blobs, 39 bytes, 0 damaged
    [exit status: 0]
    ");
}

#[test]
fn equal_files_are_one_blob_and_different_inodes() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("a new directory");
    for n in 0..100 {
        zoo::write(&sandbox.tree().join(n.to_string()), b"the same content\n");
    }
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let stat = run(&mut sandbox.vrift(["cas", "stat"])).fine();
    assert!(stat.contains("blobs      1\nbytes      17\n"), "{stat}");
    let script =
        format!("cd '{}' && stat -c '%d:%i' * | sort -u | wc -l", sandbox.tree().display());
    assert_eq!(run(&mut sandbox.in_mount(&["sh", "-c", &script])).fine().trim(), "100");
}

#[test]
fn the_prefix_comes_from_the_environment() {
    let sandbox = ingested();
    let place = sandbox.path("elsewhere");
    let mut vrift = sandbox.vrift(["run", "--read-only", "--manifest", "tree.vrift", "--", "cat"]);
    let ran = run(vrift.arg(place.join("src/main.c")).env("VRIFT_VFS_PREFIX", &place));
    assert_eq!(ran.fine(), "int main(void) { return 0; }\n");
    let mut vrift = sandbox.vrift([
        "run",
        "--read-only",
        "--manifest",
        "tree.vrift",
        "--",
        "cat",
        "/vrift/copy.c",
    ]);
    assert_eq!(run(&mut vrift).fine(), "int main(void) { return 0; }\n");
}

#[test]
fn the_store_is_found_below_home() {
    let sandbox = Sandbox::new();
    tree(&sandbox);
    let ingest = |command: &mut Command| {
        let ran =
            run(command.args(["ingest", "site/tree", "-o", "t.vrift"]).env_remove("VR_THE_SOURCE"));
        assert!(ran.status.success(), "{ran}");
    };
    ingest(sandbox.vrift(["--"; 0]).env("XDG_DATA_HOME", sandbox.path("data")));
    assert!(sandbox.path("data/vrift/the_source/blake3").is_dir());
    ingest(&mut sandbox.vrift(["--"; 0]));
    assert!(sandbox.path(".local/share/vrift/the_source/blake3").is_dir());
    assert!(!sandbox.store().exists());
}

/// Programs that are served from it change their directory.
#[test]
fn the_store_is_where_it_is_for_every_directory() {
    for (variable, place) in [
        // The XDG Base Directory Specification does not let a relative one count.
        ("XDG_DATA_HOME", ".local/share/vrift/the_source"),
        ("HOME", "relative/.local/share/vrift/the_source"),
        ("VR_THE_SOURCE", "relative"),
    ] {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
        fs::write(sandbox.tree().join("file"), "content\n").expect("it is ours");
        let vrift = |args: &[&str]| {
            let mut vrift = sandbox.vrift(args);
            run(vrift.env_remove("VR_THE_SOURCE").env(variable, "relative")).fine()
        };
        vrift(&["ingest", "site/tree", "-o", "t.vrift"]);
        assert!(sandbox.path(place).join("blake3").is_dir(), "{variable}");
        let read = "cd / && cat /vrift/file";
        let seen = vrift(&["run", "--read-only", "--manifest", "t.vrift", "--", "sh", "-c", read]);
        assert_eq!(seen, "content\n", "{variable}");
    }
}

#[test]
fn doctor_is_content_here() {
    let sandbox = Sandbox::new();
    let out = run(&mut sandbox.vrift(["doctor"])).fine();
    let words: Vec<_> =
        out.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(words, ["ok    kernel", "ok    tracing", "ok    store"], "{out}");
    assert!(!sandbox.store().exists(), "looking is not making");
}

#[test]
fn help_and_version_are_answers() {
    let sandbox = Sandbox::new();
    let version = run(&mut sandbox.vrift(["--version"])).fine();
    assert_eq!(version, format!("vrift {}\n", env!("CARGO_PKG_VERSION")));
    let help = run(&mut sandbox.vrift(["--help"])).fine();
    for command in ["trace", "run", "audit", "ingest", "manifest", "cas", "doctor"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in\n{help}");
        run(&mut sandbox.vrift([command, "--help"])).fine();
    }
}

/// As `ls | head`: who prints ends by SIGPIPE, in silence; started with that ignored, it says what is wrong.
#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
    fs::write(sandbox.tree().join("file"), "content").expect("it is ours");
    let manifest = sandbox.ingest(&sandbox.tree());
    let manifest = manifest.to_string_lossy();
    for command in [
        &["manifest", "ls", &manifest][..],
        &["manifest", "tree", &manifest],
        &["manifest", "cat", &manifest, "file"],
        &["manifest", "export-tar", &manifest],
        &["cas", "stat"],
        &["doctor"],
    ] {
        let into_nothing = |script: &str| {
            let (reader, writer) = nix::unistd::pipe().expect("a pipe");
            drop(reader);
            let mut shell = sandbox.command("sh");
            shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_vrift")]).args(command);
            let child = shell.stdout(writer).stderr(Stdio::piped()).spawn().expect("a shell");
            child.wait_with_output().expect("it is ours")
        };
        let ended = into_nothing("\"$@\"; echo $? >&2");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "141\n", "{command:?}");
        let told = into_nothing("trap '' PIPE; exec \"$@\"");
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(said.contains("Broken pipe"), "{command:?}: {said}");
    }
}

/// A content without a line end at its end is not taken for written before it is.
#[test]
fn an_output_on_a_full_disk_is_a_failure() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
    fs::write(sandbox.tree().join("file"), "content").expect("it is ours");
    let manifest = sandbox.ingest(&sandbox.tree());
    for command in [&["cat"][..], &["ls"], &["ls", "-0"], &["tree"], &["export-tar"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("it takes nothing");
        let mut vrift = sandbox.vrift(["manifest"].iter().chain(command));
        vrift.arg(&manifest).args((command == ["cat"]).then_some("file")).stdout(full);
        let ended = vrift.stderr(Stdio::piped()).spawn().and_then(|child| child.wait_with_output());
        let ended = ended.expect("it starts");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(125), "{command:?}: {said}");
        assert!(said.contains("No space left on device"), "{command:?}: {said}");
    }
}

/// A user, or a container, may have as many threads as it has already.
#[test]
fn who_gets_no_further_threads_works_with_one() {
    let sandbox = Sandbox::new();
    if !have("prlimit") {
        return;
    }
    fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
    fs::write(sandbox.tree().join("file"), "content").expect("it is ours");
    fs::set_permissions(sandbox.path(""), Permissions::from_mode(0o777)).expect("it is ours");
    as_nobody(|nobody| {
        for owned in [sandbox.tree(), sandbox.tree().join("file")] {
            chown(owned, Some(65534), Some(65534)).expect("root gives it away");
        }
        for command in [
            &["ingest", "site/tree", "-o", "t.vrift", "--jobs", "4"][..],
            &["ingest", "site/tree", "-o", "again.vrift"],
            &["export", "t.vrift", "out", "--jobs", "4"],
            &["manifest", "verify", "--deep", "t.vrift"],
            &["cas", "verify"],
        ] {
            let (user, words) = nobody.split_first().expect("a command");
            let mut limited = sandbox.command(user);
            limited.args(words).args(["prlimit", "--nproc=1", env!("CARGO_BIN_EXE_vrift")]);
            run(limited.args(command)).fine();
        }
        assert_eq!(fs::read(sandbox.path("out/file")).expect("it was written"), b"content");
    });
}

/// Names are whoever's who made them.
#[test]
fn a_name_forges_no_line_and_commands_no_terminal() {
    let sandbox = Sandbox::new();
    let name = "odd\n\x1b[31mvrift: a forged line";
    let shown = "odd\\n\\033[31mvrift: a forged line";
    fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
    let mode = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&sandbox.tree().join(name), mode).expect("a new FIFO");
    let ran = run(&mut sandbox.vrift(["ingest", "site/tree", "-o", "t.vrift"]));
    assert_eq!(ran.err(), format!("vrift: {shown}: a fifo is kept as a name only\n"), "{ran}");
    let remove =
        ["run", "--session", "s", "--manifest", "t.vrift", "--", "sh", "-c", "rm /vrift/*"];
    assert!(run(&mut sandbox.vrift(remove)).status.success());
    let diff = run(&mut sandbox.vrift(["session", "diff", "s"]));
    assert!(diff.out().starts_with(&format!("removed    {shown}\n")), "{diff}");
}
