//! What a stop costs is mostly what vrift asks of the kernel at it. strace counts that; times would
//! depend on the machine.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::bench::{Bench, guarded};
use crate::kit::{have, python, root};

/// The system calls that `vrift trace OPTIONS -o /dev/null -- sh -c SCRIPT` makes itself.
fn asked(options: &[&str], script: &str) -> Option<BTreeMap<String, usize>> {
    asked_by(&[&["trace"], options].concat(), script)
}

/// The same of another command.
fn asked_by(command: &[&str], script: &str) -> Option<BTreeMap<String, usize>> {
    if !have("strace") {
        return None;
    }
    let bench = Bench::empty();
    let quiet = ["-o", "/dev/null", "--", "sh", "-c", script];
    Some(counted(&bench, &bench.sandbox.vrift(command.iter().chain(&quiet))))
}

/// The system calls that `vrift` makes itself, by name; ptrace by its request.
fn counted(bench: &Bench, vrift: &Command) -> BTreeMap<String, usize> {
    let log = bench.sandbox.path("log");
    let mut outer = bench.sandbox.natively(&["strace", "-qq", "-e", "signal=none", "-o"]);
    outer.arg(&log).arg(vrift.get_program()).args(vrift.get_args());
    // Counts are not to differ from machine to machine.
    outer.env_clear().env("PATH", "/usr/bin:/bin");
    outer.env("VR_THE_SOURCE", bench.sandbox.store());
    outer.envs((0..60).map(|n| (format!("VARIABLE_{n}"), "a value")));
    let ran = guarded(&mut outer);
    assert!(ran.status.success(), "{ran}");
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(log).expect("strace has written it").lines() {
        let (name, args) = line.split_once('(').unwrap_or((line, ""));
        let name = if name == "ptrace" { args.split(',').next().unwrap_or("") } else { name };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

/// Calls of a shell that starts some programs, and how they are counted below.
const EXECS: &str = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; \
                     do env true; done";

#[test]
fn a_stop_is_waited_for_asked_about_and_resumed() {
    for options in [&["--fast-lane=never"][..], &["--fast-lane=never", "-e", "trace=%file"]] {
        let Some(counts) = asked(options, EXECS) else { return };
        let count = |name: &str| counts.get(name).copied().unwrap_or(0);
        let stops = count("PTRACE_CONT") + count("PTRACE_SYSCALL");
        assert!(stops > 500, "{options:?}: {counts:?}");
        let (waits, questions) = (count("wait4"), count("PTRACE_GET_SYSCALL_INFO"));
        assert!(waits < stops + stops / 4, "{options:?}: {counts:?}");
        assert!(questions <= stops, "{options:?}: {counts:?}");
        assert!(count("PTRACE_GETREGSET") == 0, "{options:?}: {counts:?}");
    }
}

/// A program's arguments and its sixty variables are many strings and words close together.
#[test]
fn what_lies_close_together_is_read_at_once() {
    let Some(counts) = asked(&["-e", "trace=execve"], EXECS) else { return };
    let reads = counts.get("process_vm_readv").copied().unwrap_or(0);
    // Forty-one programs are started, found at the first or second place of PATH.
    assert!((41..41 * 10).contains(&reads), "{counts:?}");
}

/// What a hand-over between cores costs is measured with a thread and two sockets, which takes longer than
/// many a program; it is of use only if another task wants to run.
#[test]
fn who_works_alone_waits_for_no_measurement() {
    let script = "n=0; while [ $n -lt 500 ]; do test -e /; n=$((n + 1)); done";
    let Some(counts) = asked(&["--fast-lane=never"], script) else { return };
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    assert!(count("PTRACE_CONT") + count("PTRACE_SYSCALL") > 1000, "{counts:?}");
    assert_eq!(count("socketpair") + count("clone3"), 0, "{counts:?}");
}

/// Who is ready is asked every millisecond, and told by a file of `/proc`: it stays open for as long as the task
/// lives.
#[test]
fn who_is_ready_is_read_from_files_that_stay_open() {
    let Some(counts) = asked(&["--fast-lane=never"], EXECS) else { return };
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    // Without privilege it is tried whether the memory of each new program may be read: forty-one are executed.
    let memory = if root() { 0 } else { 41 };
    // What the start opens; and, if there are cores to share out, a shell and twenty children.
    let opened = count("openat").saturating_sub(memory);
    assert!((1..60).contains(&opened), "{counts:?}");
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        // Each is asked many times.
        assert!(count("pread64") > opened, "{counts:?}");
    }
}

/// Before a stop is acted on all tapes are looked at, and nothing is asked of the kernel for that: it was more
/// than half of all calls that vrift made for a build.
#[test]
fn a_tape_without_news_is_looked_at_for_nothing() {
    let script = "n=0; while [ $n -lt 60 ]; do test -e /nowhere; n=$((n + 1)); done; \
                  while [ $n -lt 560 ]; do : > /dev/null; n=$((n + 1)); done";
    let Some(counts) = asked(&["-e", "trace=%file", "--fast-lane=always"], script) else { return };
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    assert!(count("PTRACE_CONT") + count("PTRACE_SYSCALL") > 1000, "{counts:?}");
    assert!(count("pread64") < 250, "{counts:?}");
}

/// Twelve programs wait for input that never comes, while the shell makes calls of its own.
const CROWD: &str = "mkfifo fifo; exec 9<>fifo; p=; n=0; \
                     for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat <&9 & p=\"$p $!\"; done; \
                     while [ $n -lt 2000 ]; do test -e /; n=$((n + 1)); done; kill $p; wait";

/// Who is ready is read in `/proc`, task by task, which for threads takes the kernel a walk over all
/// threads of the process each.
#[test]
fn c_045_nobody_asks_a_crowd_who_is_ready() {
    let Some(counts) = asked(&["--fast-lane=never"], CROWD) else { return };
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    assert!(count("PTRACE_CONT") + count("PTRACE_SYSCALL") > 4000, "{counts:?}");
    assert!(count("openat") < 200, "{counts:?}");
}

/// A file that is made, written, renamed and removed in a mount stops four times: an open needs its exit,
/// writing and closing need nothing.
#[test]
fn a_small_file_in_a_mount_costs_what_its_four_stops_cost() {
    let bench = Bench::empty();
    let Some(churn) = bench.sandbox.guest("churn") else { return };
    if !have("strace") {
        return;
    }
    let tree = bench.sandbox.tree();
    let manifest = bench.sandbox.ingest(&tree);
    let asked = |files: &str| {
        let mut vrift = bench.sandbox.vrift(["run", "--discard", "--manifest"]);
        vrift.arg(&manifest).arg("--prefix").arg(&tree).arg("--").arg(&churn).arg(&tree).arg(files);
        counted(&bench, &vrift)
    };
    let of = |counts: &BTreeMap<String, usize>, name: &str| counts.get(name).copied().unwrap_or(0);
    // A path that lies across two pieces of memory takes two reads, and where the stack begins is the kernel's choice.
    let reads = |(few, many): &(_, _)| of(many, "process_vm_readv") - of(few, "process_vm_readv");
    let both = || (asked("100"), asked("600"));
    let (few, many) =
        [both(), both(), both()].into_iter().min_by_key(reads).expect("there are three");
    let each = |name: &str| (of(&many, name) - of(&few, name) + 250) / 500;
    for (name, wanted) in [
        ("wait4", 4),
        ("PTRACE_GET_SYSCALL_INFO", 4),
        ("PTRACE_POKEUSER", if cfg!(target_arch = "x86_64") { 8 } else { 0 }),
        // The path of the open, those of the rename at once, that of the unlink; and whether scratch memory is ours.
        ("process_vm_readv", 4),
        ("pwrite64", 1),
        // Its staging file, and the journal.
        ("mknodat", 1),
        ("unlinkat", 1),
        ("write", 3),
        // What the file is to the kernel is asked where it lies, not through the task's descriptor.
        ("newfstatat", 1),
        ("statx", 0),
        ("openat", 0),
        ("fchmod", 0),
        ("fchmodat", 0),
    ] {
        assert_eq!(each(name), wanted, "{name}: {many:?}");
    }
}

/// How many calls of a name vrift makes for each turn of `turns`, a loop of Python's over `range(n)` after `before`
/// in a mount; `None` if that cannot be counted here.
fn each_turn(name: &str, before: &str, turns: &str) -> Option<usize> {
    let python = python().filter(|_| have("strace"))?;
    let bench = Bench::empty();
    let tree = bench.sandbox.tree();
    let manifest = bench.sandbox.ingest(&tree);
    let script = format!(
        "import os, socket, sys\nos.chdir(sys.argv[1])\n{before}\nfor n in range(int(sys.argv[2])): {turns}\n"
    );
    let of = |turns: &str| {
        let mut vrift = bench.sandbox.vrift(["run", "--discard", "--manifest"]);
        vrift.arg(&manifest).arg("--prefix").arg(&tree).args(["--", python, "-c", &script]);
        let counts = counted(&bench, vrift.arg(&tree).arg(turns));
        assert!(counts["PTRACE_CONT"] > 0, "{counts:?}");
        counts.get(name).copied().unwrap_or(0)
    };
    let (few, many) = (of("100"), of("600"));
    Some((many.saturating_sub(few) + 250) / 500)
}

/// Whether a socket sends datagrams is asked of the socket, not looked for in a list of all there are.
#[test]
fn a_message_to_a_path_reads_nothing_of_proc() {
    let before = "to, by = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in 'ab']; to.bind('socket')";
    let Some(reads) = each_turn("read", before, "by.sendto(b'x', 'socket'); to.recv(9)") else {
        return;
    };
    assert_eq!(reads, 0);
}

/// The mode of a file decides in the mount; its staging file has another, which seldom changes.
#[test]
fn a_mode_is_changed_without_touching_the_staging_file() {
    let before = "open('f', 'w').close()";
    for (mode, calls) in [("0o600 | n % 8", 0), ("0o4700 | n % 8", 1)] {
        let Some(made) = each_turn("chmod", before, &format!("os.chmod('f', {mode})")) else {
            return;
        };
        let Some(at) = each_turn("fchmodat", before, &format!("os.chmod('f', {mode})")) else {
            return;
        };
        assert_eq!(made + at, calls, "{mode}");
    }
}

/// Who records without the lane stops a lookup once if it is in vain, and twice if it finds something; and
/// what is opened again is not hashed again.
#[test]
fn lookups_in_vain_are_recorded_at_one_stop() {
    let stops = |script: &str| {
        let counts = asked_by(&["audit", "--fast-lane=never"], script)?;
        let count = |name: &str| counts.get(name).copied().unwrap_or(0);
        Some(count("PTRACE_CONT") + count("PTRACE_SYSCALL"))
    };
    let turns = |what: &str| format!("n=0; while [ $n -lt 500 ]; do {what}; n=$((n + 1)); done");
    let Some(none) = stops(&turns(":")) else { return };
    let [vain, found] = ["test -e /none", "test -e /"].map(|what| stops(&turns(what)).unwrap_or(0));
    assert!((500..530).contains(&(vain - none)), "{none}, {vain}");
    assert!((1000..1030).contains(&(found - none)), "{none}, {found}");
}

/// The words of a program are read once, wherever it is looked for before.
#[test]
fn a_search_for_a_program_reads_no_words_in_vain() {
    let reads = |searched: usize| {
        let places: String = (0..searched).map(|n| format!("/nowhere/{n}:")).collect();
        let script = format!("env PATH={places}/usr/bin:/bin true");
        let counts = asked_by(&["audit", "--fast-lane=never"], &script)?;
        Some(counts.get("process_vm_readv").copied().unwrap_or(0))
    };
    let [Some(few), Some(many)] = [1, 51].map(reads) else { return };
    // Its path, which may lie across two pieces; in how many pages the words lie differs by a few.
    assert!((40..=100).contains(&(many - few)), "{few}, {many}");
}
