//! How vrift ends is how the command ended; only what is vrift's own fault is 125, 126 or 127.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use nix::sys::stat::Mode;

use crate::kit::{Sandbox, root, run, skipped};
use crate::zoo;

/// A sandbox with a manifest of a small tree, whose place is free.
fn mounted() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.tree().join("sub")).expect("a new directory");
    zoo::write(&sandbox.tree().join("x"), b"x here\n");
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    sandbox
}

#[test]
fn every_status_is_passed_on() {
    let sandbox = Sandbox::new();
    for status in 0..=255 {
        let script = format!("exit {status}");
        let ran = run(&mut sandbox.vrift(["run", "--", "sh", "-c", &script]));
        assert_eq!(ran.code(), Some(status), "{ran}");
        assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    }
}

#[test]
fn c_019_vrift_dies_of_the_signal_the_command_died_of() {
    let sandbox = mounted();
    for (name, number) in [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ABRT", 6),
        ("KILL", 9),
        ("SEGV", 11),
        ("PIPE", 13),
        ("TERM", 15),
        ("XCPU", 24),
    ] {
        let script = format!("ulimit -c 0; kill -{name} $$; echo survived");
        let command = ["sh", "-c", &script];
        let native = run(&mut sandbox.natively(&command));
        // Who runs the tests may ignore it for all of them, as nohup does.
        assert!(
            native.signal() == Some(number) || native.out() == "survived\n",
            "{name}: {native}"
        );
        for mut vrift in [
            sandbox.vrift(["run", "--"].iter().chain(&command)),
            sandbox.vrift(["trace", "-o", "/dev/null", "--"].iter().chain(&command)),
            sandbox.in_mount(&command),
        ] {
            let ran = run(&mut vrift);
            assert_eq!((ran.signal(), ran.out()), (native.signal(), native.out()), "{name}: {ran}");
            assert!(ran.stderr.is_empty(), "{name}: {ran}");
        }
    }
}

/// Only the command counts: a child's death is the command's to interpret.
#[test]
fn the_death_of_a_child_is_not_ours() {
    let sandbox = mounted();
    let ran =
        run(&mut sandbox.in_mount(&["sh", "-c", "sh -c 'ulimit -c 0; kill -SEGV $$'; echo $?"]));
    assert_eq!((ran.code(), ran.out().as_str()), (Some(0), "139\n"), "{ran}");
}

#[test]
fn a_command_that_does_not_exist_is_127() {
    let sandbox = mounted();
    let missing = sandbox.path("missing");
    let below_a_file = sandbox.path("tree.vrift/below");
    for (command, status) in [
        ("no-such-command-anywhere", 127),
        ("./missing", 127),
        (missing.to_str().expect("a plain name"), 127),
        (below_a_file.to_str().expect("a plain name"), 126),
        ("", 127),
    ] {
        for mut vrift in [sandbox.vrift(["run", "--", command]), sandbox.in_mount(&[command])] {
            let ran = run(&mut vrift);
            assert_eq!(ran.code(), Some(status), "{command:?}: {ran}");
            assert!(
                ran.err().starts_with("vrift: ") && ran.stdout.is_empty(),
                "{command:?}: {ran}"
            );
            assert!(ran.err().contains(command), "{command:?}: {ran}");
        }
    }
}

#[test]
fn nothing_is_traced_of_a_command_that_does_not_exist() {
    let sandbox = Sandbox::new();
    for (command, errno) in
        [("./absent", "No such file or directory"), ("/dev/null/x", "Not a directory")]
    {
        let ran = run(&mut sandbox.vrift(["trace", "--", command]));
        assert_eq!(ran.err(), format!("vrift: {command}: {errno}\n"), "{ran}");
    }
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let sandbox = mounted();
    let file = |name: &str, content: &[u8], mode| {
        // By another process: who writes a file may hold it open in a child of another test's, and it is busy then.
        let (draft, path) = (sandbox.path("draft"), sandbox.path(name));
        zoo::write(&draft, content);
        run(sandbox.command("cp").args([&draft, &path])).fine();
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
        path
    };
    for path in [
        file("plain", b"#!/bin/sh\n", 0o644),
        file("nonsense", b"\x01\x02 no program\n", 0o755),
        file("empty", b"", 0o755),
        file("truncated", b"\x7fELF", 0o755),
        sandbox.path("site"),
    ] {
        let command = [path.as_os_str()];
        for mut vrift in
            [sandbox.vrift(["run", "--"]), sandbox.vrift(["trace", "-o", "/dev/null", "--"])]
        {
            let ran = run(vrift.args(command));
            assert_eq!(ran.code(), Some(126), "{}: {ran}", path.display());
            assert!(ran.err().starts_with("vrift: "), "{ran}");
        }
        assert_eq!(run(&mut sandbox.in_mount(&command)).code(), Some(126), "{}", path.display());
    }
    // A script whose interpreter is missing is ENOENT to execve, hence "not found" to all shells.
    let orphan = file("orphan", b"#!/no/such/interpreter\n", 0o755);
    assert_eq!(run(sandbox.vrift(["run", "--"]).arg(orphan)).code(), Some(127));
}

#[test]
fn vrifts_own_failures_are_125() {
    let sandbox = mounted();
    let manifest = sandbox.path("tree.vrift").into_os_string().into_string().expect("a plain name");
    let cases: &[(&[&str], &str)] = &[
        (&["run", "--no-such-option", "--", "true"], "--no-such-option"),
        (&["run"], "CMD"),
        (&["no-such-command"], "no-such-command"),
        (&[], "Usage"),
        (&["run", "--manifest", "missing.vrift", "--", "true"], "missing.vrift"),
        (&["run", "--prefix", "/vrift", "--", "true"], "--manifest"),
        (&["run", "--manifest", &manifest, "--prefix", "relative", "--", "true"], "relative"),
        (&["run", "--manifest", &manifest, "--prefix", "/", "--", "true"], "root"),
        (
            &["run", "--manifest", &manifest, "--prefix", "/no/such/place", "--", "true"],
            "/no/such/place",
        ),
        (&["run", "--manifest", &manifest, "--prefix", "", "--", "true"], "prefix"),
        (&["trace", "-o", "/no/such/place", "--", "true"], "/no/such/place"),
        (&["trace", "-e", "trace=", "--", "true"], "missing"),
        (&["trace", "-c", "--json", "--", "true"], "--json"),
        (&["ingest", "missing"], "missing"),
        (&["ingest", "tree.vrift", "tree.vrift"], "-o"),
        (&["manifest", "ls", "missing.vrift"], "missing.vrift"),
    ];
    let mut wrong = Vec::new();
    for (args, named) in cases {
        let ran = run(&mut sandbox.vrift(*args));
        let said = ran.err().contains(named) && !ran.err().contains("panicked");
        if ran.code() != Some(125) || !said || !ran.stdout.is_empty() {
            wrong.push(format!("{args:?}: {ran}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn standard_input_and_output_are_the_commands() {
    let sandbox = mounted();
    let bytes = zoo::pattern(200_000);
    let mut vrift = sandbox.in_mount(&["cat"]);
    let mut child =
        vrift.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("vrift starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            stdin.write_all(&bytes).expect("cat reads all of it");
            drop(stdin);
        });
        let output = child.wait_with_output().expect("vrift ends");
        writer.join().expect("the writer does not panic");
        output
    });
    assert!(output.status.success() && output.stdout == bytes, "{}", output.stdout.len());
}

#[test]
fn a_tree_of_processes_three_deep_ends_with_its_roots_status() {
    let sandbox = mounted();
    let script = "sh -c 'sh -c \"sh -c \\\"cat x; exit 5\\\"; exit \\$((\\$? + 1))\"; exit $(($? + 1))'; exit $(($? + 1))";
    let script = format!("cd '{}'; {script}", sandbox.tree().display());
    let ran = run(&mut sandbox.in_mount(&["sh", "-c", &script]));
    assert_eq!((ran.code(), ran.out().as_str()), (Some(8), "x here\n"), "{ran}");
}

/// The orphan waits until the root is gone (nobody has its pid any more), then reads in the mount:
/// it is served to its end, and the status is still the root's.
#[test]
fn c_023_an_orphan_outlives_the_root() {
    let sandbox = mounted();
    let script = "root=$$; (while kill -0 $root 2>/dev/null; do :; done; cat \"$1/x\" > $0; \
                  echo done >> $0) & exit 3";
    let out = sandbox.path("out");
    let mut command = sandbox.in_mount(&["sh", "-c", script]);
    let ran = run(command.arg(&out).arg(sandbox.tree()));
    assert_eq!(ran.code(), Some(3), "{ran}");
    assert_eq!(fs::read_to_string(out).expect("the orphan wrote it"), "x here\ndone\n");
}

/// A daemon leaves session and parent; it is followed all the same.
#[test]
fn c_073_a_double_fork_with_setsid_is_followed() {
    let sandbox = mounted();
    let fifo = sandbox.path("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("a new fifo");
    // The root ends only when the daemon has written, so nothing here depends on time.
    let script = "(setsid sh -c 'cat \"$1/x\" > $0' $0 $1 &); cat $0";
    let mut command = sandbox.in_mount(&["sh", "-c", script]);
    assert_eq!(run(command.arg(fifo).arg(sandbox.tree())).fine(), "x here\n");
}

#[test]
fn descriptors_of_vrift_do_not_reach_the_command() {
    let sandbox = mounted();
    let script = "ls -l /proc/self/fd | wc -l; cd \"$0\"; exec 5< x; ls /proc/self/fd | wc -l";
    let native = {
        fs::rename(sandbox.away(), sandbox.tree()).expect("it was moved away");
        let ran = run(sandbox.natively(&["sh", "-c", script]).arg(sandbox.tree()));
        sandbox.move_away();
        ran.fine()
    };
    assert_eq!(run(sandbox.in_mount(&["sh", "-c", script]).arg(sandbox.tree())).fine(), native);
}

/// What may not be executed by a user's own mode bits; root may if anybody may.
#[test]
fn permission_denied_is_126() {
    if root() {
        return skipped("root may execute what anybody may");
    }
    let sandbox = Sandbox::new();
    let file = sandbox.path("mine");
    zoo::write(&file, b"#!/bin/sh\n");
    fs::set_permissions(&file, Permissions::from_mode(0o611)).expect("it is ours");
    let ran = run(sandbox.vrift(["run", "--"]).arg(&file));
    assert_eq!(ran.code(), Some(126), "{ran}");
}
