//! Sessions on a disk that is full or broken: the program is told what a file system would tell it, and
//! what was done before is kept.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::kit::{Ran, Sandbox, have, run};
use crate::walker::in_file_system;

/// `sh -c SCRIPT` in a mount of the tree with the session `s`, with its store in `place`.
fn shell(sandbox: &Sandbox, place: &Path, script: &str) -> Ran {
    let mut vrift = at(sandbox, place, &["run", "--session", "s", "--manifest"]);
    vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree());
    run(vrift.args(["--", "sh", "-c", script]).current_dir(sandbox.tree()))
}

fn at(sandbox: &Sandbox, place: &Path, args: &[&str]) -> Command {
    let mut vrift = sandbox.vrift(args);
    vrift.env("VR_THE_SOURCE", place.join("store"));
    vrift
}

fn planted(sandbox: &Sandbox, place: &Path) {
    fs::create_dir(sandbox.tree()).expect("the sandbox can be written");
    fs::write(sandbox.tree().join("a"), vec![b'a'; 100_000]).expect("a file");
    let mut ingest = at(sandbox, place, &["ingest", "-o"]);
    run(ingest.arg(sandbox.path("tree.vrift")).arg(sandbox.tree())).fine();
}

#[test]
fn c_093_a_full_disk_is_told_to_who_writes_and_loses_nothing() {
    let sandbox = Sandbox::new();
    if !have("dd") {
        return;
    }
    in_file_system(&sandbox, "tmpfs", "size=2m,nr_inodes=400", |place| {
        planted(&sandbox, place);
        // What is written, what must be copied, and what is made.
        let script =
            "echo kept > kept; dd if=/dev/zero of=n bs=64k count=100 2>&1 | grep -o 'No space.*'
            echo more >> a || echo not copied; stat -c %s a kept
            rm n; echo more >> a && stat -c %s a
            i=0; while true > f$i; do i=$((i + 1)); done 2> err; echo $((i < 400))
            grep -o 'No space.*' err; rm f1 f2 f3; : > again && ls again; mv again moved";
        let ran = shell(&sandbox, place, script);
        let wanted = "No space left on device\nnot copied\n100000\n5\n100005\n1\n\
                      No space left on device\nagain\n";
        assert_eq!(ran.out(), wanted, "{ran}");
        let script = "cat kept; stat -c %s a; ls moved; ls f1 2>/dev/null; ls f4";
        let seen = shell(&sandbox, place, script);
        assert_eq!(seen.out(), "kept\n100005\nmoved\nf4\n", "{seen}");

        run(sandbox.command("mount").args(["-o", "remount,size=64m,nr_inodes=9999"]).arg(place))
            .fine();
        run(&mut at(&sandbox, place, &["session", "commit", "s"])).fine();
        run(&mut at(&sandbox, place, &["cas", "verify"])).fine();
        let mut cat = at(&sandbox, place, &["manifest", "cat"]);
        assert_eq!(run(cat.arg(sandbox.path("tree.vrift")).arg("kept")).fine(), "kept\n");
    });
}

#[test]
fn what_is_broken_below_a_session_is_an_error_of_input_and_output() {
    let sandbox = Sandbox::new();
    let place = sandbox.path("disk");
    fs::create_dir(&place).expect("the sandbox can be written");
    planted(&sandbox, &place);
    let stage = place.join("store/sessions/s/stage");
    let script = format!(
        "echo kept > kept; cp -a '{0}' '{0}.copy'; rm -r '{0}'
         echo x > n; echo more >> a; stat kept; mkdir d && ls; mv '{0}.copy' '{0}'; cat kept",
        stage.display()
    );
    let ran = shell(&sandbox, &place, &script);
    assert_eq!(ran.out(), "a\nd\nkept\nkept\n", "{ran}");
    let told = ran.err().to_owned();
    assert_eq!(told.matches("Input/output error").count(), 3, "{ran}");
    assert!(
        told.contains("a change cannot be kept: session: cannot make ") && told.contains("stage"),
        "{ran}"
    );
    let seen = shell(&sandbox, &place, "cat kept; ls");
    assert_eq!(seen.out(), "kept\na\nd\nkept\n", "{seen}");
}
