//! `--overlay`: a directory of the host is seen with changes on top, and stays as it is.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::apply::kept;
use crate::changes::{builds, generated, killed, together};
use crate::kit::{Ran, Sandbox, as_nobody, fingerprint, have, line_difference, root, run, skipped};

fn over(sandbox: &Sandbox, options: &[&str]) -> Command {
    let mut vrift = sandbox.vrift(["run", "--overlay"]);
    vrift.arg(sandbox.tree()).args(options).arg("--");
    vrift
}

fn discarded(sandbox: &Sandbox) -> Command {
    over(sandbox, &["--discard"])
}

/// Runs a script in the overlay; the directory below must not change.
#[track_caller]
fn shell(sandbox: &Sandbox, script: &str) -> Ran {
    let before = fingerprint(&sandbox.tree());
    let mut vrift = over(sandbox, &["--session", "s"]);
    let ran = run(vrift.args(["sh", "-ec", script]).current_dir(sandbox.tree()));
    assert_eq!(fingerprint(&sandbox.tree()), before, "the host's directory was changed");
    ran
}

fn plant(tree: &Path) {
    fs::create_dir_all(tree.join("d/e")).expect("the sandbox can be written");
    for file in ["a", "b", "d/a", "d/c", "d/e/b"] {
        fs::write(tree.join(file), format!("content of {file}\n")).expect("a file");
    }
    std::os::unix::fs::symlink("d/a", tree.join("l")).expect("a symlink");
    fs::hard_link(tree.join("a"), tree.join("d/linked")).expect("a further name");
}

fn export(sandbox: &Sandbox, to: &str) -> std::path::PathBuf {
    let to = sandbox.path(to);
    let _ = fs::remove_dir_all(&to);
    run(sandbox.vrift(["session", "export", "s"]).arg(&to)).fine();
    to
}

#[track_caller]
fn assert_same(to: &Path, wanted: &str, what: &str) {
    let got = kept(to);
    assert!(got == wanted, "{what}\n{}", line_difference(wanted, &got));
}

#[test]
fn generated_changes_come_out_as_on_the_directory_itself() {
    generated(&[], discarded);
}

#[test]
fn generated_changes_of_several_processes_come_out_as_on_the_directory_itself() {
    together(&[], discarded);
}

#[test]
fn generated_changes_of_an_unprivileged_user_come_out_as_on_the_directory_itself() {
    as_nobody(|nobody| {
        generated(nobody, discarded);
        together(nobody, discarded);
    });
}

#[test]
fn builds_and_tools_write_in_an_overlay() {
    builds(discarded);
}

#[test]
fn what_was_done_before_vrift_is_killed_is_there_afterwards() {
    killed(over);
}

#[test]
fn a_session_over_a_directory_is_kept_shown_continued_and_committed() {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let first = shell(
        &sandbox,
        "echo more >> d/linked; mv d D; rm l b; echo new > n; ln n D/n; mkdir -p x/y; chmod 600 D/c",
    );
    assert_eq!(first.code(), Some(0), "{first}");
    let seen = "ls; ls D D/e x; cat a D/linked D/e/b D/n; stat -c '%a %h' D/c n a";
    let wanted = "D\na\nn\nx\nD:\na\nc\ne\nlinked\nn\n\nD/e:\nb\n\nx:\ny\ncontent of a\nmore\n\
                  content of a\nmore\ncontent of d/e/b\nnew\n600 1\n644 2\n644 2\n";
    assert_eq!(shell(&sandbox, seen).out(), wanted, "the session goes on");
    let diff = run(&mut sandbox.vrift(["session", "diff", "s"])).out();
    let lines = "added      D\nadded      D/a\nadded      D/c\nadded      D/e\nadded      D/e/b\n\
                 added      D/linked\nadded      D/n\nchanged    a  13 -> 18 bytes\nremoved    b\n\
                 removed    d\nremoved    d/a\nremoved    d/c\nremoved    d/e\nremoved    d/e/b\n\
                 removed    d/linked\nremoved    l\nadded      n\nadded      x\nadded      x/y\n";
    assert!(diff.starts_with(lines), "{diff}");
    let show = run(&mut sandbox.vrift(["session", "show", "s"])).fine();
    assert!(show.contains(&format!("overlay   {}", sandbox.tree().display())), "{show}");

    let wanted = kept(&export(&sandbox, "wanted"));
    let manifest = sandbox.path("m.vrift");
    let refused = run(&mut sandbox.vrift(["session", "commit", "s"])).vrift_failed();
    assert!(refused.contains("there is no manifest to be replaced"), "{refused}");
    run(sandbox.vrift(["session", "commit", "s", "-o"]).arg(&manifest)).fine();
    run(sandbox.vrift(["manifest", "verify", "--deep"]).arg(&manifest)).fine();
    let to = sandbox.path("committed");
    run(sandbox.vrift(["export"]).arg(&manifest).arg(&to)).fine();
    assert_same(&to, &wanted, "committed");
    assert_eq!(run(&mut sandbox.vrift(["session", "list"])).fine(), "");
}

#[test]
fn what_cannot_be_committed_is_refused_before_the_command_runs() {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    for options in [&["--commit"][..], &["--on-fail=commit"]] {
        let ran = run(over(&sandbox, options).args(["sh", "-c", "echo it ran; exit 1"]));
        assert!(ran.stdout.is_empty() && ran.err().contains("cannot be used with"), "{ran}");
        assert!(!sandbox.store().exists(), "{options:?}: a session was started");
    }
}

#[test]
fn what_others_do_to_the_directory_is_seen_where_nothing_was_changed() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    plant(&tree);
    // The host's side of it is done by a program that is not in the overlay: vrift's parent.
    shell(&sandbox, "echo session > a; chmod 600 d/c; rm b; echo mine > both; mv d/e e");
    let outside = "echo outside > a.new; mv a.new a; echo outside > d/a; echo outside > d/c;
        echo outside > b; echo outside > both; echo outside > fresh; rm d/linked; echo o > d/e/o";
    run(sandbox.command("sh").args(["-ec", outside]).current_dir(&tree)).fine();
    let seen = shell(&sandbox, "ls; ls d e; cat a both d/a d/c fresh; stat -c %a d/c");
    let wanted = "a\nboth\nd\ne\nfresh\nl\nd:\na\nc\n\ne:\nb\no\nsession\nmine\noutside\noutside\n\
                  outside\n600\n";
    // d/linked was a name of a, which the session changed: that name is the session's now.
    assert_eq!(seen.out(), wanted, "{seen}");
    let refused = run(sandbox.vrift(["session", "apply", "s"]).arg(&tree));
    assert_eq!(refused.code(), Some(1), "{refused}");
    for path in ["a", "b", "both", "d/c"] {
        assert!(refused.err().contains(&format!("vrift: {path}: it ")), "{path}: {refused}");
    }
}

#[test]
fn a_session_applied_to_its_own_directory_is_the_session() {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("mutations") else { return };
    let tree = sandbox.tree();
    let seeds = if std::env::var_os("VRIFT_FULL").is_some() { 500 } else { 25 };
    for seed in 0..seeds {
        let _ = fs::remove_dir_all(&tree);
        plant(&tree);
        let mut vrift = over(&sandbox, &["--session", "s"]);
        run(vrift.arg(&guest).arg(&tree).args([&seed.to_string(), "80"]));
        let wanted = kept(&export(&sandbox, "wanted"));
        for time in ["once", "again"] {
            let applied = run(sandbox.vrift(["session", "apply", "s"]).arg(&tree));
            assert_eq!(applied.code(), Some(0), "seed {seed}, {time}: {applied}");
            assert_same(&tree, &wanted, &format!("seed {seed}, {time}"));
        }
        run(&mut sandbox.vrift(["session", "discard", "s"])).fine();
    }
}

#[test]
fn an_apply_to_the_directory_below_that_is_killed_can_be_done_again() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    let rounds = if std::env::var_os("VRIFT_FULL").is_some() { 100 } else { 6 };
    for round in 0..rounds {
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(tree.join("d/e")).expect("the sandbox can be written");
        for n in 0..30 {
            fs::write(tree.join(format!("d/f{n}")), format!("f{n}")).expect("a file");
            fs::write(tree.join(format!("d/e/g{n}")), format!("g{n}")).expect("a file");
        }
        // Names change places, so that each content is needed after its name has another one.
        let script =
            "for n in 0 2 4 6 8; do mv d/f$n x; mv d/f$((n + 1)) d/f$n; mv x d/f$((n + 1));
            done; mv d D; mkdir d; mv D/e d/e; mv D/f20 d/e/g1; echo new > d/e/g2";
        shell(&sandbox, script);
        let wanted = kept(&export(&sandbox, "wanted"));
        let mut vrift = sandbox.vrift(["session", "apply", "s"]);
        let mut vrift = vrift.arg(&tree).stdout(Stdio::null()).spawn().expect("vrift starts");
        let made = |n: usize| tree.join(format!("D/f{n}")).exists();
        while !made(4 * round % 30) && vrift.try_wait().expect("it is ours").is_none() {
            std::thread::yield_now();
        }
        vrift.kill().expect("it was started");
        vrift.wait().expect("it ends");
        let again = run(sandbox.vrift(["session", "apply", "s"]).arg(&tree));
        assert_eq!(again.code(), Some(0), "round {round}: {again}");
        let contents = |text: &str| -> String {
            // An interrupted apply leaves its own times on directories that are otherwise as before.
            text.lines().filter(|line| !line.ends_with("directory")).collect::<Vec<_>>().join("\n")
        };
        let (got, wanted) = (contents(&kept(&tree)), contents(&wanted));
        assert!(got == wanted, "round {round}\n{}", line_difference(&wanted, &got));
        run(&mut sandbox.vrift(["session", "discard", "s"])).fine();
    }
}

#[test]
fn c_060_a_file_that_loses_the_name_it_was_changed_by_keeps_the_one_it_was_met_by() {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    fs::hard_link(sandbox.tree().join("b"), sandbox.tree().join("d/b2")).expect("a further name");
    let script = "exec 9< b; rm d/b2; readlink /proc/self/fd/9; stat -c %h b; cat /proc/self/fd/9";
    let mounted = shell(&sandbox, script);
    let wanted = format!("{}\n1\ncontent of b\n", sandbox.tree().join("b").display());
    assert_eq!(mounted.out(), wanted, "{mounted}");
}

#[test]
fn what_is_synced_is_synced() {
    if !have("dd") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let script =
        "echo text | dd of=n conv=fsync status=none; dd if=b of=a conv=fsync status=none; cat n a";
    let ran = shell(&sandbox, script);
    assert_eq!(ran.out(), "text\ncontent of b\n", "{ran}");
}

#[test]
fn programs_run_from_an_overlay_and_specials_are_seen() {
    if !have("cp") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let plant = "cp $(command -v cat) d/prog; printf '#!./d/prog\\nscript\\n' > script; \
        chmod +x script; mkfifo fifo";
    run(sandbox.command("sh").args(["-ec", plant]).current_dir(sandbox.tree())).fine();
    let script = "./d/prog b; ./script; mv d/prog p; ./p a; cp p q; ./q a; readlink /proc/self/cwd; \
        stat -c %F fifo l; (echo through > fifo &); cat fifo; pwd";
    let native = run(sandbox.command("sh").args(["-ec", script]).current_dir(sandbox.tree()));
    let undo = "mv p d/prog; rm q";
    run(sandbox.command("sh").args(["-ec", undo]).current_dir(sandbox.tree())).fine();
    let mounted = shell(&sandbox, script);
    assert_eq!(mounted.out(), native.out(), "{mounted}");
}

#[test]
fn an_overlay_can_be_read_only_and_lie_beside_other_mounts() {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let refused = run(over(&sandbox, &["--read-only"])
        .args(["sh", "-c", "cat b; echo x > b; rm a; touch n"])
        .current_dir(sandbox.tree()));
    assert!(refused.out() == "content of b\n", "{refused}");
    assert_eq!(refused.err().matches("Read-only file system").count(), 3, "{refused}");

    let manifest = sandbox.ingest(&sandbox.tree());
    let other = sandbox.path("site/other");
    fs::create_dir(&other).expect("the sandbox can be written");
    fs::write(other.join("o"), "o\n").expect("a file");
    let mut vrift = sandbox.vrift(["run", "--session", "two", "--manifest"]);
    vrift.arg(manifest).arg("--prefix").arg(sandbox.tree()).arg("--overlay").arg(&other);
    let script =
        "cat tree/b other/o; echo x > tree/n; echo y > other/n; mv tree/n other/ && ls other";
    let ran = run(vrift.args(["--", "sh", "-c", script]).current_dir(sandbox.path("site")));
    assert_eq!(ran.out(), "content of b\no\nn\no\n", "{ran}");
    let list = run(&mut sandbox.vrift(["session", "list"])).fine();
    assert!(list.contains("two-1") && list.contains("two-2"), "{list}");
    run(&mut sandbox.vrift(["cas", "gc", "--delete"])).fine();
    assert_eq!(fs::read_dir(&other).expect("it is there").count(), 1);
}

#[test]
fn what_the_session_permits_can_be_read_though_the_host_forbids_it() {
    if !root() {
        return skipped("only root can permit what the host forbids");
    }
    if !have("setpriv") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let close =
        "chmod 600 a b d/c; mkdir -m 700 shut; echo in > shut/f; chmod 644 shut/f; cp b shut/b";
    run(sandbox.command("sh").args(["-ec", close]).current_dir(sandbox.tree())).fine();
    let script = "chmod 644 a; mv shut/f f; chmod 755 shut; chmod 640 d/c
        setpriv --reuid=65534 --regid=65534 --clear-groups cat a f shut/b b d/c";
    let mounted = shell(&sandbox, script);
    let native = run(sandbox.command("sh").args(["-ec", script]).current_dir(sandbox.tree()));
    assert_eq!(mounted.out(), native.out(), "{mounted}");
    assert!(mounted.err().contains("b: Permission denied"), "{mounted}");
    assert!(mounted.err().contains("d/c: Permission denied"), "{mounted}");
}

#[test]
fn a_file_is_written_under_all_its_names_even_those_nobody_has_looked_at() {
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    fs::create_dir_all(sandbox.tree().join("far/away")).expect("the sandbox can be written");
    let far = sandbox.tree().join("far/away/b");
    fs::hard_link(sandbox.tree().join("b"), far).expect("a further name");
    assert_eq!(shell(&sandbox, "echo more >> b").code(), Some(0));
    let diff = run(&mut sandbox.vrift(["session", "diff", "s"])).out();
    let wanted = "changed    b  13 -> 18 bytes\nchanged    far/away/b  13 -> 18 bytes\n";
    assert!(diff.starts_with(wanted), "{diff}");
    let seen = shell(&sandbox, "rm b; cat far/away/b; stat -c %h far/away/b");
    assert_eq!(seen.out(), "content of b\nmore\n1\n", "{seen}");
    let wanted = kept(&export(&sandbox, "wanted"));
    run(sandbox.vrift(["session", "apply", "s"]).arg(sandbox.tree())).fine();
    assert_same(&sandbox.tree(), &wanted, "applied");
}
