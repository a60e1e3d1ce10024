//! Ways around a tracer: other interfaces, rings, secrecy, and another tracer.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::bench::{Bench, Way, guarded, same};
use crate::kit::{Ran, have, root, run, skipped};

#[cfg(target_arch = "x86_64")]
#[test]
fn c_048_calls_of_32_bits_between_those_of_64() {
    same("abi", &["foreign"]);
    same("abi", &["hidden"]);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn c_048_numbers_that_no_table_knows() {
    same("abi", &["x32"]);
}

#[test]
fn c_137_rings_are_refused_in_a_mount() {
    let Some(bench) = Bench::new("abi") else { return };
    bench.same_in(&[Way::Traced], &["rings"]);
    for way in [Way::Mounted, Way::Both] {
        let ran = bench.run(way, &["rings"]);
        assert_eq!(ran.fine(), "io_uring_setup: ENOSYS\nio_uring_enter: ENOSYS\n", "{way:?}");
    }
}

/// A process has one tracer, so the kernel refuses all but questions about others.
#[test]
fn c_070_a_tracer_inside_gets_eperm() {
    let Some(bench) = Bench::new("abi") else { return };
    bench.native(&["tracing"]);
    for way in Way::VRIFT {
        let ran = bench.run(way, &["tracing"]);
        let out = "seize: EPERM\nattach: EPERM\nchild: killed 9\ntraceme: EPERM\n";
        assert_eq!(ran.fine(), out, "{way:?}");
    }
}

#[test]
fn c_047_a_process_that_nobody_may_look_into() {
    same("abi", &["secretive"]);
}

/// Without privilege vrift could not look into it, so it stays open and is told otherwise.
#[test]
fn c_047_a_process_that_nobody_may_look_into_without_privilege() {
    if !root() {
        return skipped("the test beside it is without privilege already");
    }
    let Some(bench) = Bench::new("abi") else { return };
    for (name, mode) in [("trace", 0o666), ("own", 0o777)] {
        let path = bench.sandbox.path(name);
        let made = if name == "own" { fs::create_dir(&path) } else { fs::write(&path, "") };
        made.expect("the sandbox is ours");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
    }
    let native = bench.native(&["secretive"]);
    for way in Way::VRIFT {
        let mut command = bench.guest_command(way, &["secretive"]);
        command.env("XDG_RUNTIME_DIR", bench.sandbox.path("own")).uid(65534).gid(65534);
        let mut probe = bench.sandbox.vrift(["--version"]);
        if !probe.uid(65534).gid(65534).output().is_ok_and(|output| output.status.success()) {
            return skipped("another user cannot execute vrift here");
        }
        let ran = guarded(&mut command);
        assert!(ran == native, "{way:?}: natively: {native}\n{ran}");
    }
}

/// A program that its user may execute and not read: the kernel closes its memory to others of its user.
#[test]
fn c_047_a_program_that_may_be_executed_but_not_read() {
    let Some(mut bench) = Bench::new("closed") else { return };
    let Some(guest) = bench.sandbox.compiled("engine/closed", &["-static"]) else { return };
    bench.guest = guest;
    let as_user = |command: &mut Command| {
        if root() {
            command.uid(65534).gid(65534);
        }
        guarded(command)
    };
    if !as_user(&mut bench.sandbox.vrift(["--version"])).status.success() {
        return skipped("another user cannot execute vrift here");
    }
    for (name, mode) in [("trace", 0o666), ("own", 0o777)] {
        let path = bench.sandbox.path(name);
        let made = if name == "own" { fs::create_dir(&path) } else { fs::write(&path, "") };
        made.expect("the sandbox is ours");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
    }
    fs::set_permissions(&bench.guest, Permissions::from_mode(0o111)).expect("it is ours");
    let ran = |way| {
        let mut command = bench.guest_command(way, &["looks"]);
        as_user(command.env("XDG_RUNTIME_DIR", bench.sandbox.path("own")))
    };
    let native = ran(Way::Native);
    assert_eq!(native.out(), "x: fine\nx: fine\nchild: exited 0\n");
    for (way, out, consequence) in [
        (Way::Traced, native.out(), "a trace shows addresses for its arguments"),
        (Way::Mounted, native.out().replace("fine", "EACCES"), "fail with EACCES"),
    ] {
        let ran = ran(way);
        assert_eq!(ran.out(), out, "{way:?}: {ran}");
        let err = ran.err();
        assert_eq!(err.matches("closed: vrift may not look into").count(), 1, "{way:?}: {ran}");
        assert!(err.contains(consequence) && err.lines().count() == 1, "{way:?}: {ran}");
    }
    let trace = bench.trace();
    let addressed = trace.lines().filter(|line| line.contains(" openat(AT_FDCWD, 0x"));
    assert!(addressed.clone().count() >= 2, "{trace}");
    assert!(!trace.contains("/x\""), "{trace}");
}

fn vrift_in_vrift(bench: &Bench, way: Way, inner: &[&str]) -> Ran {
    let mut words = vec![OsString::from(env!("CARGO_BIN_EXE_vrift"))];
    words.extend(inner.iter().map(OsString::from));
    let ran = guarded(&mut bench.command(way, &words));
    bench.is_clean();
    ran
}

#[test]
fn c_070_vrift_in_vrift_is_a_clear_error() {
    let bench = Bench::empty();
    for way in Way::VRIFT {
        for inner in [
            &["run", "--", "echo", "inner"][..],
            &["trace", "--", "echo", "inner"],
            &["trace", "-o", "/dev/null", "-e", "trace=openat", "--", "echo", "inner"],
        ] {
            let ran = vrift_in_vrift(&bench, way, inner);
            let err = ran.clone().vrift_failed();
            assert!(err.contains("trac"), "{way:?} {inner:?}: {ran}");
            assert!(ran.stdout.is_empty(), "{way:?} {inner:?}: {ran}");
        }
        let ran = vrift_in_vrift(&bench, way, &["doctor"]);
        assert_eq!(ran.code(), Some(1), "{way:?}: {ran}");
        assert!(ran.out().contains("FAIL  tracing: this process is traced"), "{way:?}: {ran}");
    }
}

/// Where `/proc` is that of another pid namespace, what has a tracee's id there is another process. Where there is none, who
/// only watches does without.
#[test]
fn without_a_proc_of_its_own_vrift_says_so() {
    let bench = Bench::empty();
    let hiding = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"];
    let foreign = ["unshare", "-r", "--pid", "--fork", "--kill-child"];
    if !have("unshare") {
        return;
    }
    for (around, why) in [(&hiding[..], "/proc does not tell"), (&foreign, "another pid namespace")]
    {
        let inside = |inner: &Command| {
            let mut words: Vec<OsString> = around.iter().map(OsString::from).collect();
            words.push(inner.get_program().to_owned());
            words.extend(inner.get_args().map(OsString::from));
            guarded(&mut bench.sandbox.natively(&words))
        };
        let echo = [OsString::from("echo"), OsString::from("inner")];
        let native = inside(&bench.command(Way::Native, &echo));
        if !native.status.success() {
            skipped(&format!("namespaces cannot be made here: {native}"));
            continue;
        }
        for way in Way::VRIFT.into_iter().chain([Way::Audited]) {
            let ran = inside(&bench.command(way, &echo));
            if around == hiding && matches!(way, Way::Traced | Way::Taped) {
                assert_eq!(ran.clone().fine(), "inner\n", "{way:?}");
                continue;
            }
            assert!(ran.clone().vrift_failed().contains(why), "{way:?}: {ran}");
            assert!(ran.stdout.is_empty(), "{way:?}: {ran}");
        }
        let ran = inside(&bench.sandbox.vrift(["trace", "-p", "1"]));
        assert!(ran.clone().vrift_failed().contains(why), "{ran}");
        let ran = inside(&bench.sandbox.vrift(["doctor"]));
        assert_eq!(ran.code(), Some(1), "{ran}");
        assert!(ran.out().contains("FAIL  tracing: /proc ") && ran.out().contains(why), "{ran}");
        bench.is_clean();
    }
}

/// What needs no tracer works inside as anywhere.
#[test]
fn c_070_vrift_in_vrift_ingests_and_reads() {
    let bench = Bench::empty();
    drop(bench.command(Way::Mounted, &[]));
    let manifest = bench.sandbox.path("tree.vrift");
    let cat = ["manifest", "cat", manifest.to_str().expect("a plain name"), "x"];
    assert_eq!(run(&mut bench.sandbox.vrift(cat)).fine(), "x here\n");
    for way in [Way::Traced, Way::Mounted] {
        assert_eq!(vrift_in_vrift(&bench, way, &cat).fine(), "x here\n", "{way:?}");
    }
}

/// Sandboxes that programs make for themselves work in a trace; under a mount paths would mean something else in
/// them than what vrift resolves.
#[test]
fn c_134_a_sandbox_of_its_own_works_in_a_trace_and_is_refused_under_a_mount() {
    for words in [
        &["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt && touch /mnt/x && ls /mnt"][..],
        &["bwrap", "--ro-bind", "/", "/", "--tmpfs", "/mnt", "--unshare-pid", "ls", "/mnt"],
    ] {
        let bench = Bench::empty();
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        if !have(words[0].to_str().expect("a name")) {
            continue;
        }
        let native = guarded(&mut bench.command(Way::Native, &words));
        if !native.status.success() {
            skipped(&format!("namespaces cannot be made here: {native}"));
            continue;
        }
        let traced = guarded(&mut bench.command(Way::Traced, &words));
        assert_eq!(traced, native, "{words:?}");
        for way in [Way::Mounted, Way::Both] {
            let mounted = guarded(&mut bench.command(way, &words));
            assert_eq!(mounted.status.code(), Some(1), "{words:?}: {way:?}: {mounted}");
            let refused = ["Operation not permitted", "No permissions"];
            assert!(refused.iter().any(|why| mounted.err().contains(why)), "{words:?}: {mounted}");
        }
        bench.is_clean();
    }
}
