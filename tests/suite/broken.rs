//! Sessions on a disk that is full or broken: the program is told what a file system would tell it, and
//! what was done before is kept.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::kit::{Ran, Sandbox, have, line_difference, run, skipped};
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

/// What a file system says once its device is gone is what the mount says whose store is there. What was
/// synced before is there afterwards.
#[test]
fn what_fails_below_a_session_fails_as_it_would_without_one() {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("fails") else { return };
    in_file_system(&sandbox, "ext4", "loop", |disk| {
        let remounted = || {
            let script = "umount \"$0\" && mount -o loop \"$1\" \"$0\"";
            let mut mount = sandbox.command("sh");
            run(mount.args(["-c", script]).arg(disk).arg(sandbox.path("ext4.image"))).fine();
        };
        planted(&sandbox, disk);
        let tree = disk.join("tree");
        fs::create_dir(&tree).expect("the disk is new");
        fs::copy(sandbox.tree().join("a"), tree.join("a")).expect("there is room");
        rustix::fs::sync();
        let native = run(sandbox.command(&guest).arg(&tree).arg(disk));
        assert!(!native.out().contains("GUEST FAILED"), "{native}");
        if native.out().contains("not known") {
            return skipped("the file system cannot be made to fail");
        }
        remounted();
        let mut vrift = at(&sandbox, disk, &["run", "--session", "s", "--manifest"]);
        vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree());
        let mounted = run(vrift.arg("--").arg(&guest).arg(sandbox.tree()).arg(disk));
        let (native, seen) = (native.out(), mounted.out());
        assert_eq!(native, seen, "{}\n{mounted}", line_difference(&native, &seen));
        assert!(mounted.err().contains("Input/output error"), "{mounted}");
        remounted();
        let seen = shell(&sandbox, disk, "cat kept; stat -c %s a; mkdir d && ls -d d");
        assert_eq!(seen.out(), "kept\n100000\nd\n", "{seen}");
        run(&mut at(&sandbox, disk, &["session", "commit", "s"])).fine();
        run(&mut at(&sandbox, disk, &["cas", "verify"])).fine();
    });
}

/// A limit for the size of files holds for vrift as well, which is told so and not killed.
#[test]
fn c_093_a_limit_for_the_size_of_files_is_told_to_who_writes() {
    let sandbox = Sandbox::new();
    let place = sandbox.path("disk");
    fs::create_dir(&place).expect("the sandbox can be written");
    planted(&sandbox, &place);
    let script = "(echo hello > new; cat new); (echo more >> a); echo $?
        (trap '' XFSZ; head -c 20000 /dev/zero > z); stat -c %s z; (head -c 20000 /dev/zero > z); echo $?
        mkdir d && ls";
    let mut limited = sandbox.command("sh");
    limited.env("VR_THE_SOURCE", place.join("store")).current_dir(sandbox.tree());
    limited.args(["-c", "ulimit -f 8; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_vrift"), "run"]);
    limited.args(["--session", "s", "--manifest"]).arg(sandbox.path("tree.vrift"));
    limited.arg("--prefix").arg(sandbox.tree());
    let ran = run(limited.args(["--", "sh", "-c", script]));
    // Of what must be copied first the copy fails, and nobody is killed for that.
    assert_eq!(ran.out(), "hello\n2\n4096\n153\na\nd\nnew\nz\n", "{ran}");
    assert_eq!(ran.err().matches("File too large").count(), 3, "{ran}");
    let seen = shell(&sandbox, &place, "cat new; stat -c %s a");
    assert_eq!(seen.out(), "hello\n100000\n", "{seen}");
}
