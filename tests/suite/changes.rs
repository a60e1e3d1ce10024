//! Mounts that are written to: what a program does in one comes out as on a real directory, the host's
//! tree stays as it was, and nothing that was done is lost.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::apply;
use crate::kit::{Ran, Sandbox, as_nobody, fingerprint, have, open_up, run};

/// How many seeds, and how many changes for each: by one process, by several that cooperate.
const SEEDS: u64 = 40;
const CHANGES: [&str; 1] = ["120"];
const TOGETHER: [&str; 2] = ["60", "3"];

fn plant(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    fs::create_dir_all(tree.join("d/e")).expect("the sandbox can be written");
    for file in ["a", "d/a", "d/e/b"] {
        fs::write(tree.join(file), format!("content of {file}\n")).expect("a file");
    }
    std::os::unix::fs::symlink("d/a", tree.join("l")).expect("a symlink");
    fs::hard_link(tree.join("a"), tree.join("c")).expect("a further name");
}

/// `vrift run` with a writable mount where the tree was.
fn writable(sandbox: &Sandbox, options: &[&str]) -> std::process::Command {
    let mut vrift = sandbox.vrift(["run", "--manifest"]);
    vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree());
    vrift.args(options).arg("--");
    vrift
}

fn ingested(sandbox: &Sandbox) -> std::process::Command {
    sandbox.ingest(&sandbox.tree());
    writable(sandbox, &["--discard"])
}

/// Makes generated changes natively and in a mount of the tree, which `mount` starts.
pub(crate) fn generated(before: &[&str], mount: impl Fn(&Sandbox) -> std::process::Command) {
    generate(before, &CHANGES, SEEDS, &mount);
}

/// The same by several processes.
pub(crate) fn together(before: &[&str], mount: impl Fn(&Sandbox) -> std::process::Command) {
    generate(before, &TOGETHER, SEEDS / 6, &mount);
}

/// `VRIFT_FULL=1` takes a thousand seeds, `VRIFT_SEEDS=100-200` these.
pub(crate) fn seeds(sample: u64) -> std::ops::Range<u64> {
    if let Ok(text) = std::env::var("VRIFT_SEEDS") {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let number = |text: &str| text.parse().expect("VRIFT_SEEDS is a number or a range");
        return number(first)..number(last) + 1;
    }
    0..if std::env::var_os("VRIFT_FULL").is_some() { 1000 } else { sample }
}

fn generate(
    before: &[&str],
    changes: &[&str],
    sample: u64,
    mount: &dyn Fn(&Sandbox) -> std::process::Command,
) {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("mutations") else { return };
    for seed in seeds(sample) {
        let tree = sandbox.tree();
        open_up(&tree);
        let _ = fs::remove_dir_all(&tree);
        apply::plant(&tree.join("1/2/3/4/5/6"));
        if !before.is_empty() {
            let all = run(sandbox.command("chown").args(["-hR", "65534:65534"]).arg(&tree));
            assert!(all.status.success(), "{all}");
        }
        let mut mounted = mount(&sandbox);
        let untouched = fingerprint(&tree);
        let words = |command: &mut std::process::Command| {
            command.arg(&guest).arg(&tree).arg(seed.to_string()).args(changes);
        };
        mounted.args(before);
        words(&mut mounted);
        let mounted = run(&mut mounted);
        assert_eq!(fingerprint(&tree), untouched, "seed {seed}: the host's tree was changed");
        let mut native = match before.split_first() {
            Some((first, rest)) => {
                let mut command = sandbox.command(first);
                command.args(rest);
                command
            }
            None => sandbox.command("env"),
        };
        words(&mut native);
        let native = run(&mut native);
        assert!(!native.out().contains("GUEST FAILED"), "{native}");
        if native.stdout != mounted.stdout {
            let (native, mounted) = (native.out(), mounted.out());
            let at = native.lines().zip(mounted.lines()).take_while(|(a, b)| a == b).count();
            let show = |text: &str| {
                text.lines().skip(at.saturating_sub(6)).take(9).collect::<Vec<_>>().join("\n")
            };
            panic!(
                "seed {seed}, line {at}:\n{}\n--- in the mount\n{}",
                show(&native),
                show(&mounted)
            );
        }
        assert!(mounted.stderr.is_empty(), "{mounted}");
    }
}

#[test]
fn generated_changes_come_out_as_on_a_real_directory() {
    generated(&[], ingested);
}

#[test]
fn generated_changes_of_several_processes_come_out_as_on_a_real_directory() {
    together(&[], ingested);
}

#[test]
fn generated_changes_of_an_unprivileged_user_come_out_as_on_a_real_directory() {
    as_nobody(|nobody| {
        generated(nobody, ingested);
        together(nobody, ingested);
    });
}

#[test]
fn a_session_is_kept_shown_continued_and_committed() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let tree = sandbox.tree();
    sandbox.ingest(&tree);
    let untouched = fingerprint(&tree);
    let shell = |script: &str, options: &[&str]| {
        run(writable(&sandbox, options).args(["sh", "-c", script]).arg(&tree))
    };
    let first = shell("cd \"$0\" && echo new > n && rm d/a && mv d/e/b b", &["--session", "work"]);
    assert_eq!(first.code(), Some(0), "{first}");
    assert!(first.err().contains("session work kept: 2 added, 0 changed, 2 removed"), "{first}");
    let second = shell("cd \"$0\" && cat n b && echo more >> a", &["--session", "work"]);
    assert_eq!(second.out(), "new\ncontent of d/e/b\n");
    let diff = run(&mut sandbox.vrift(["session", "diff", "work"]));
    let wanted = "changed    a  13 -> 18 bytes\nadded      b\nchanged    c  13 -> 18 bytes\n\
                  removed    d/a\nremoved    d/e/b\nadded      n\n\
                  2 added, 2 changed, 2 removed, 0 with other attributes only\n";
    assert_eq!((diff.code(), &diff.out()[..]), (Some(1), wanted), "{diff}");
    assert_eq!(fingerprint(&tree), untouched, "the host's tree was changed");

    let done = run(&mut sandbox.vrift(["session", "commit", "work"]));
    assert_eq!(done.code(), Some(0), "{done}");
    let list = run(&mut sandbox.vrift(["session", "list"]));
    assert_eq!(list.fine(), "");
    let read = run(sandbox.in_mount(&["sh", "-c", "cd \"$0\" && cat a c n && ls"]).arg(&tree));
    let text = "content of a\nmore\ncontent of a\nmore\nnew\na\nb\nc\nd\nl\nn\n";
    assert_eq!(read.fine(), text);
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
    run(sandbox.vrift(["manifest", "verify"]).arg(sandbox.path("tree.vrift"))).fine();
}

#[test]
fn what_becomes_of_changes_is_what_was_asked_for() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let tree = sandbox.tree();
    sandbox.ingest(&tree);
    let shell = |script: &str, options: &[&str]| {
        run(writable(&sandbox, options).args(["sh", "-c", script]).arg(&tree))
    };
    let sessions = || run(&mut sandbox.vrift(["session", "list"])).fine();
    let seen = || run(sandbox.in_mount(&["ls"]).arg(&tree)).fine();

    let nothing = shell("cat \"$0/a\" > /dev/null", &[]);
    assert!(nothing.stderr.is_empty() && sessions().is_empty(), "nothing happened: {nothing}");
    shell("touch \"$0/n\"", &["--discard"]).fine();
    assert_eq!((sessions(), seen()), (String::new(), "a\nc\nd\nl\n".to_owned()));
    let failed = shell("touch \"$0/n\"; exit 3", &["--commit", "--on-fail=discard"]);
    assert_eq!((failed.code(), sessions()), (Some(3), String::new()));
    let committed = shell("touch \"$0/n\"", &["--commit"]);
    assert!(committed.err().contains(": 1 added, 0 changed"), "{committed}");
    assert_eq!((sessions(), seen()), (String::new(), "a\nc\nd\nl\nn\n".to_owned()));
    let kept = shell("rm \"$0/n\"; exit 4", &["--commit"]);
    assert_eq!(kept.code(), Some(4));
    assert!(kept.err().contains(" kept: 0 added, 0 changed, 1 removed"), "{kept}");
    assert_eq!(sessions().lines().count(), 1);
    let refused = shell("touch \"$0/m\"", &["--read-only"]);
    assert!(refused.err().contains("Read-only file system"), "{refused}");
}

/// Runs a script with mounts on a directory of a mount and on a name that one does not have.
fn nested(sandbox: &Sandbox, script: &str) -> Ran {
    plant(sandbox);
    let tree = sandbox.tree();
    sandbox.ingest(&tree);
    let mut vrift = sandbox.vrift(["run", "--discard"]);
    for point in [tree.clone(), tree.join("d/e"), tree.join("d/new")] {
        vrift.arg("--manifest").arg(sandbox.path("tree.vrift")).arg("--prefix").arg(point);
    }
    run(vrift.args(["--", "sh", "-c", script]).arg(&tree))
}

#[test]
fn a_mount_point_in_a_mount_is_busy() {
    let sandbox = Sandbox::new();
    let script = "cd \"$0\"; rmdir d/e d/new; mv d/e x; mv d/new y; mv a d/e/a; \
        mkdir f; mv -T f d; rmdir f; ls d d/e";
    let ran = nested(&sandbox, script);
    let busy = ran.err().matches("Device or resource busy").count();
    assert!(ran.err().contains("Directory not empty"), "{ran}");
    assert_eq!((busy, &ran.out()[..]), (4, "d:\na\ne\nnew\n\nd/e:\na\nc\nd\nl\n"), "{ran}");
}

#[test]
fn c_107_a_mount_moves_with_the_directory_above_it() {
    let sandbox = Sandbox::new();
    let script = "cd \"$0/d/e/d\"; exec 9< a; mkdir ../../../x; mv ../../../d ../../../x/D
        pwd -P; readlink /proc/self/cwd /proc/self/fd/9; cd -P ../../new; pwd -P; cd -P ..; pwd -P; ls; \
        grep -o ' [^ ]*/D/[^ ]* ' /proc/self/mounts; cat \"$0/x/D/new/a\"; cat \"$0/d/e/a\" || ls \"$0\"";
    let ran = nested(&sandbox, script);
    let at = |path: &str| format!("{}/x/D{path}\n", sandbox.tree().display());
    let listed = |path: &str| format!(" {}/x/D{path} \n", sandbox.tree().display());
    let wanted = [
        at("/e/d") + &at("/e/d") + &at("/e/d/a") + &at("/new") + &at("") + "a\ne\nnew\n",
        listed("/e") + &listed("/new") + "content of a\na\nc\nl\nx\n",
    ];
    assert_eq!(ran.out(), wanted.concat(), "{ran}");
}

#[test]
fn c_132_statfs_tells_whether_a_mount_can_be_written_to() {
    if !have("python3") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox);
    sandbox.ingest(&sandbox.tree());
    let code = "import os; print(os.statvfs('.').f_flag & os.ST_RDONLY)";
    for (options, flag) in [(&["--discard"], "0\n"), (&["--read-only"], "1\n")] {
        let mut python = writable(&sandbox, options);
        python.args(["python3", "-c", code]).current_dir(sandbox.tree());
        assert_eq!(run(&mut python).fine(), flag, "{options:?}");
    }
}

#[test]
fn files_are_made_renamed_and_deleted_in_numbers() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let Some(churn) = sandbox.guest("churn") else { return };
    sandbox.ingest(&sandbox.tree());
    let words = |command: &mut std::process::Command| {
        let ran = run(command.arg(&churn).arg(sandbox.tree()).arg("1000"));
        assert!(ran.status.success(), "{ran}");
    };
    words(&mut sandbox.command("env"));
    words(&mut writable(&sandbox, &["--session", "churn"]));
    // All is gone again, but for the times of the directory it was in.
    let listed = run(&mut sandbox.vrift(["session", "diff", "churn"])).out();
    let changed: Vec<&str> = listed.lines().filter(|line| line.contains("d0")).collect();
    assert!(changed.is_empty(), "something was left: {listed}");
}

#[test]
fn a_session_in_use_is_refused_to_others() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    sandbox.ingest(&sandbox.tree());
    let script = "\"$1\" run --manifest \"$2\" --prefix \"$0\" --session one -- true";
    let mut outer = writable(&sandbox, &["--session", "one"]);
    outer.args(["sh", "-c", "touch \"$0/n\"; echo ready; read go"]).arg(sandbox.tree());
    let outer = outer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut outer = outer.spawn().expect("vrift starts");
    lines(&mut outer, 1);
    let mut inner = sandbox.command("sh");
    inner.args(["-c", script]).arg(sandbox.tree()).arg(env!("CARGO_BIN_EXE_vrift"));
    let second = run(inner.arg(sandbox.path("tree.vrift"))).vrift_failed();
    assert!(second.contains("the session one is in use by process"), "{second}");
    drop(outer.stdin.take());
    outer.wait().expect("it ends");
}

/// Reads so many lines of what a program prints.
fn lines(child: &mut Child, count: usize) -> Vec<String> {
    let out = child.stdout.take().expect("it is piped");
    let lines = BufReader::new(out).lines().take(count);
    lines.collect::<Result<_, _>>().expect("the program prints them")
}

#[test]
fn what_was_done_before_vrift_is_killed_is_there_afterwards() {
    killed(|sandbox, options| {
        if !sandbox.path("tree.vrift").exists() {
            sandbox.ingest(&sandbox.tree());
        }
        writable(sandbox, options)
    });
}

/// Kills vrift while a program writes in a mount of the tree, which `mount` starts with options.
pub(crate) fn killed(mount: impl Fn(&Sandbox, &[&str]) -> std::process::Command) {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let tree = sandbox.tree();
    let script = "cd \"$0\"; i=0; while :; do i=$((i+1)); echo $i > f$i; echo $i; done";
    let rounds = if std::env::var_os("VRIFT_FULL").is_some() { 500 } else { 10 };
    for round in 0..rounds {
        let name = format!("killed{round}");
        let mut vrift = mount(&sandbox, &["--session", &name]);
        vrift.args(["sh", "-c", script]).arg(&tree).stdout(Stdio::piped());
        let mut vrift = vrift.spawn().expect("vrift starts");
        let told = lines(&mut vrift, 3 + 7 * (round % 13)).len();
        vrift.kill().expect("it runs");
        vrift.wait().expect("it ends");
        let script = "cd \"$0\"; i=0; while [ $i -lt $1 ]; do i=$((i+1)); cat f$i; done";
        let mut again = mount(&sandbox, &["--session", &name]);
        again.args(["sh", "-c", script]).arg(&tree).arg(told.to_string());
        let again = run(&mut again);
        let wanted: String = (1..=told).map(|n| format!("{n}\n")).collect();
        assert_eq!(again.out(), wanted, "{again}");
        let done = run(&mut sandbox.vrift(["session", "discard", &name]));
        done.fine();
    }
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
}

#[test]
fn builds_and_tools_write_in_a_mount() {
    builds(ingested);
}

/// Builds and changes a project natively and in a mount of it, which `mount` starts.
pub(crate) fn builds(mount: impl Fn(&Sandbox) -> std::process::Command) {
    if !have("cc") || !have("make") || !have("git") || !have("tar") {
        return;
    }
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    let copy = run(sandbox.command("cp").arg("-a").arg(crate::kit::fixture("project")).arg(&tree));
    assert!(copy.status.success() || Path::new(&tree).exists(), "{copy}");
    fs::write(tree.join("Makefile"), MAKEFILE).expect("a file");
    let mut mounted = mount(&sandbox);
    let untouched = fingerprint(&tree);
    let script = "cd \"$0\" && make -s 2>&1 && ./calc '1 2 +' && make -q && echo up to date && \
        git init -q . && git add -A && git -c user.name=n -c user.email=e commit -qm m && \
        git gc -q && git fsck 2>&1 && git status --short && \
        mkdir t && tar cf - src include | tar xf - -C t && diff -r src t/src && \
        cp -a t u && mv u/include v && rm -r t && sed -i s/stack/STACK/ v/calc/detail/stack.h && \
        grep -c STACK v/calc/detail/stack.h && find . -newer Makefile -name '*.o' | sort && \
        make -s clean && ls";
    let mounted = run(mounted.args(["sh", "-c", script]).arg(&tree));
    assert_eq!(fingerprint(&tree), untouched, "the host's tree was changed");
    let native = run(sandbox.command("sh").args(["-c", script]).arg(&tree));
    assert!(native.status.success(), "{native}");
    assert_eq!(mounted, native);
    assert_ne!(fingerprint(&tree), untouched, "natively the tree is changed");
}

#[test]
fn c_117_lock_files_of_equal_content_are_different_locks() {
    if !have("flock") {
        return;
    }
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox can be written");
    for file in ["a", "b", "c"] {
        fs::write(sandbox.tree().join(file), "").expect("a file");
    }
    sandbox.ingest(&sandbox.tree());
    let script = "cd \"$0\"; flock -n a flock -n b echo both; flock -n a flock -n a echo twice || echo held; \
        exec 9>> c; flock 9; flock -n c echo c || echo held";
    let ran =
        run(writable(&sandbox, &["--discard"]).args(["sh", "-c", script]).arg(sandbox.tree()));
    assert_eq!(ran.out(), "both\nheld\nheld\n", "{ran}");
}

#[test]
fn c_116_what_is_synced_is_in_the_journal_on_disk() {
    if !have("strace") || !have("sync") || !have("dd") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let tree = sandbox.tree();
    sandbox.ingest(&tree);
    let log = sandbox.path("log");
    // What vrift itself syncs while the command runs, in order.
    let synced = |script: &str| -> Vec<String> {
        let mut strace = sandbox.command("strace");
        strace.args(["-y", "-e", "trace=fsync,fdatasync", "-o"]).arg(&log);
        strace.arg(env!("CARGO_BIN_EXE_vrift")).args(["run", "--discard", "--manifest"]);
        strace.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(&tree).arg("--");
        let ran = run(strace.args(["sh", "-c", script]).arg(&tree));
        assert!(ran.status.success(), "{ran}");
        let text = fs::read_to_string(&log).expect("strace writes it");
        let path = |line: &str| Some(line.split_once('<')?.1.split_once('>')?.0.to_owned());
        let name = |path: String| path.rsplit('/').next().unwrap_or_default().to_owned();
        text.lines().filter_map(path).map(name).collect()
    };
    let above = |found: &[String]| found.iter().take(5).cloned().collect::<Vec<_>>().join(" ");

    assert_eq!(synced("cd \"$0\"; echo new > n; echo more >> a; cat d/a"), [""; 0]);
    assert_eq!(synced("sync \"$0/../vrift-is-not-asked\" 2> /dev/null || true"), [""; 0]);
    let found = synced("cd \"$0\"; echo new > n; echo more >> a; sync n; sync n; sync d/a");
    assert!(
        above(&found).starts_with("manifest base ") && above(&found).ends_with(" sessions store"),
        "{found:?}"
    );
    let [copied, rest @ ..] = &found[5..] else { panic!("{found:?}") };
    assert!(copied.parse::<u32>().is_ok() && rest == ["stage", "journal"], "{found:?}");
    for script in ["mkdir x; sync x", "mkdir x; sync", "mkdir x; sync -f .", "mkdir x; sync -d x"] {
        let found = synced(&format!("cd \"$0\"; {script}"));
        assert_eq!(found[5..], ["journal"], "{script}: {found:?}");
    }
    // Who opens a file so that each write is durable has waited for what leads to it.
    for flag in ["dsync", "sync"] {
        let script = format!("dd if=/dev/zero of=n oflag={flag} bs=1 count=3 status=none");
        assert_eq!(synced(&format!("cd \"$0\"; {script}"))[5..], ["stage", "journal"], "{flag}");
        let found = synced(&format!("cd \"$0\"; {script} conv=notrunc; {script} conv=notrunc"));
        assert_eq!(found[5..], ["stage", "journal"], "{flag}: it is asked once");
    }
    let twice = synced("cd \"$0\"; touch x; sync x; chmod 600 x; sync x; mv x y; sync .");
    assert_eq!(twice[5..], ["stage", "journal", "journal", "journal"], "{twice:?}");
}

const MAKEFILE: &str = "objects = main.o stack.o evaluate.o\n\
    vpath %.c src src/parse\n\
    calc: $(objects)\n\tcc -o $@ $^\n\
    %.o: %.c\n\tcc -Iinclude -Isrc -MMD -c -o $@ $<\n\
    clean:\n\trm -f calc *.o *.d\n\
    -include $(objects:.o=.d)\n";
