//! The 32-bit interface, used by programs of 32 bits and, through `int $0x80`, by programs of 64.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::bench::{Bench, Way, guarded};
use crate::kit::{Ran, fixture, have, run, skipped};

/// How `fixtures/guests/engine/narrow.c` is built and how it enters the kernel.
const FORMS: [(&str, &[&str]); 3] = [("-m32", &[]), ("-m32", &["vdso"]), ("-m64", &[])];

/// Builds a program of `fixtures/guests/engine` without a library.
fn bare(bench: &Bench, source: &str, width: &str) -> Option<PathBuf> {
    if !cfg!(target_arch = "x86_64") || !have("cc") {
        return None;
    }
    let program = bench.sandbox.path(format!("{source}{width}"));
    let mut cc = bench.sandbox.command("cc");
    cc.args([width, "-static", "-nostdlib", "-ffreestanding", "-fno-pic", "-no-pie", "-O1"]);
    cc.args(["-fno-stack-protector", "-Wall", "-Werror", "-o"]);
    let source = fixture(format!("guests/engine/{source}.c"));
    run(cc.arg(&program).arg(source)).status.success().then_some(program)
}

/// A bench with the guest, built in a form; says so and gives nothing if this machine cannot make or
/// run such a program.
fn bench(width: &str) -> Option<Bench> {
    let mut bench = Bench::empty();
    let Some(guest) = bare(&bench, "narrow", width) else {
        skipped(&format!("programs with 32-bit calls ({width}) cannot be made here"));
        return None;
    };
    bench.guest = guest;
    let native = guarded(&mut bench.guest_command(Way::Native, &["nothing"]));
    if native.code() != Some(7) {
        skipped(&format!("programs with 32-bit calls ({width}) cannot be run here: {native}"));
        return None;
    }
    Some(bench)
}

/// Runs the guest in one of the ways.
#[track_caller]
fn narrow(bench: &Bench, way: Way, form: &[&str], words: &[&str]) -> Ran {
    let mut command = vec![bench.guest.clone().into_os_string()];
    command.extend(form.iter().chain(words).map(OsString::from));
    command.push(bench.sandbox.tree().into_os_string());
    let ran = guarded(&mut bench.command(way, &command));
    bench.is_clean();
    ran
}

/// Wants the guest to do the same under vrift, in all ways and forms, as natively.
#[track_caller]
fn same(words: &[&str]) {
    for (width, form) in FORMS {
        let Some(bench) = bench(width) else { continue };
        let native = narrow(&bench, Way::Native, form, words);
        assert_eq!(native.code(), Some(7), "{native}");
        assert!(!native.stdout.is_empty(), "{native}");
        for way in Way::VRIFT {
            let ran = narrow(&bench, way, form, words);
            assert!(
                ran == native,
                "{words:?} differs when {way:?} {width} {form:?}\nnatively: {native}\n{ran}"
            );
        }
    }
}

/// `ipc` returns 0 and stores the address, which is what shmat returns.
#[test]
fn c_048_the_address_of_attached_memory_is_told() {
    let Some(bench) = bench("-m32") else { return };
    let native = narrow(&bench, Way::Native, &[], &["attach"]);
    if !native.out().starts_with("attached: 0\ndetached: 0\n") {
        return skipped(&format!("no memory can be shared here: {native}"));
    }
    narrow(&bench, Way::Traced, &[], &["attach"]);
    let trace = bench.trace();
    let line = |name: &str| trace.lines().find(|line| line.contains(name)).unwrap_or_default();
    let (_, told) = line(" shmat(").rsplit_once("= ").unwrap_or_default();
    assert!(told.starts_with("0x"), "{trace}");
    assert!(line(" shmdt(").contains(&format!("shmdt({told})")), "{trace}");
}

#[test]
fn c_039_c_048_files_are_looked_at_through_the_32_bit_interface() {
    same(&["look"]);
}

#[test]
fn c_048_directories_are_listed_through_the_32_bit_interface() {
    same(&["list"]);
}

#[test]
fn c_048_arguments_of_32_bits_are_checked_as_the_kernel_does() {
    same(&["check"]);
}

#[test]
fn c_048_paths_of_sockets_inside_socketcall() {
    same(&["sockets"]);
}

#[test]
fn c_048_many_calls_in_a_row() {
    same(&["many"]);
}

#[test]
fn c_049_a_child_made_by_a_call_of_32_bits_is_traced() {
    same(&["spawn"]);
    same(&["hide"]);
    for (width, form) in FORMS {
        let Some(bench) = bench(width) else { continue };
        narrow(&bench, Way::Traced, form, &["hide"]);
        // Five children and a grandchild end besides the program itself.
        let ends = bench.trace().matches("+++ exited with ").count();
        assert_eq!(ends, 6, "{width} {form:?}:\n{}", bench.trace());
    }
}

#[test]
fn c_048_a_mount_refuses_changes_through_the_32_bit_interface() {
    let refused = "open to write: -30\nchmod: -30\nchown: -30\nchown32: -30\nlchown32: -30\n\
        truncate64: -30\nutime: -30\nutimensat_time64: -30\nsetxattr: -30\nunlinkat: -30\n\
        mkdirat: -30\nrenameat: -30\nchdir: 0\nbind: -30\nbind inside: -30\n\
        io_uring_setup: -38\numount: -1\n";
    for (width, form) in FORMS {
        let Some(bench) = bench(width) else { continue };
        for way in [Way::Mounted, Way::Both] {
            let ran = narrow(&bench, way, form, &["change"]);
            assert_eq!(ran.out(), refused, "{width} {form:?} {way:?}");
        }
    }
}

/// The names of calls, and the lines on modes, in what a tracer prints to standard error.
#[cfg(target_arch = "x86_64")]
fn names_and_modes(err: &str) -> Vec<String> {
    let head = |line: &str| match line.split_once(" runs in ") {
        Some((_, mode)) => mode.to_owned(),
        None => line.split('(').next().unwrap_or_default().to_owned(),
    };
    err.lines().map(head).collect()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn c_048_modes_are_told_where_strace_tells_them() {
    if !have("strace") {
        return;
    }
    let Some(bench) = Bench::new("abi") else { return };
    let words: [OsString; 3] =
        [bench.guest.clone().into(), "foreign".into(), bench.sandbox.tree().into()];
    let strace = guarded(bench.sandbox.command("strace").args(&words));
    let strace = names_and_modes(&strace.err());
    if !strace.iter().any(|line| line == "32 bit mode. ]") {
        return skipped("programs with 32-bit calls cannot be run here");
    }
    let vrift = guarded(bench.sandbox.vrift(["trace", "--"]).args(&words));
    assert_eq!(names_and_modes(&vrift.err()), strace);
}

/// From 64 bits to 32 and back: what is known of the task does not outlive its program.
#[test]
fn c_048_programs_of_either_width_execute_each_other() {
    let Some(bench) = bench("-m32") else { return };
    let (narrow, tree) = (bench.guest.display(), bench.sandbox.tree());
    let (tree, script) = (tree.display(), bench.sandbox.path("again.sh"));
    fs::write(&script, format!("cat {tree}/x; exec {narrow} look {tree}")).expect("a new file");
    let script = script.display();
    let first = format!("cat {tree}/x; exec {narrow} run {tree} /bin/sh {script}");
    let words = ["/bin/sh".into(), "-c".into(), first.into()];
    let native = guarded(&mut bench.command(Way::Native, &words));
    assert!(native.out().starts_with("x here\nx here\nx, lstat64: 0\n"), "{native}");
    assert_eq!(native.code(), Some(7), "{native}");
    for way in Way::VRIFT {
        let ran = guarded(&mut bench.command(way, &words));
        assert!(ran == native, "differs when {way:?}\nnatively: {native}\n{ran}");
        bench.is_clean();
    }
}

/// Programs of 32 bits and their scripts, in the tree itself, executed by one of 32 bits.
#[test]
fn c_048_a_mount_holds_programs_of_32_bits() {
    let Some(bench) = bench("-m32") else { return };
    let tree = bench.sandbox.tree();
    let (program, script) = (tree.join("program"), tree.join("script"));
    run(bench.sandbox.command("cp").arg(&bench.guest).arg(&program)).fine();
    // By another process: who writes a file may hold it open in a child of another test's, and it is not executed.
    let draft = bench.sandbox.path("draft");
    fs::write(&draft, format!("#!{} many\n", program.display())).expect("a new file");
    run(bench.sandbox.command("cp").args([&draft, &script])).fine();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    for words in [
        [bench.guest.as_os_str(), "run".as_ref(), tree.as_ref(), program.as_ref(), "list".as_ref()],
        [program.as_os_str(), "run".as_ref(), tree.as_ref(), program.as_ref(), "list".as_ref()],
        [program.as_os_str(), "run".as_ref(), tree.as_ref(), script.as_ref(), "list".as_ref()],
    ] {
        let mut words = words.map(OsString::from).to_vec();
        words.push(tree.clone().into());
        let native = guarded(&mut bench.command(Way::Native, &words));
        assert!(native.code() == Some(7) && !native.stdout.is_empty(), "{native}");
        for way in Way::VRIFT {
            let ran = guarded(&mut bench.command(way, &words));
            assert!(ran == native, "differs when {way:?}\nnatively: {native}\n{ran}");
            bench.is_clean();
        }
    }
}
