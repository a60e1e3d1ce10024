//! What a stop costs is mostly what vrift asks of the kernel at it. strace counts that; times would
//! depend on the machine.

use std::collections::BTreeMap;
use std::fs;

use crate::bench::{Bench, guarded};
use crate::kit::have;

/// The system calls that `vrift trace OPTIONS -o /dev/null -- sh -c SCRIPT` makes itself, by name;
/// ptrace by its request.
fn asked(options: &[&str], script: &str) -> Option<BTreeMap<String, usize>> {
    if !have("strace") {
        return None;
    }
    let bench = Bench::empty();
    let log = bench.sandbox.path("log");
    let quiet = ["-o", "/dev/null", "--", "sh", "-c", script];
    let vrift = bench.sandbox.vrift(["trace"].iter().chain(options).chain(&quiet));
    let mut outer = bench.sandbox.natively(&["strace", "-qq", "-e", "signal=none", "-o"]);
    outer.arg(&log).arg(vrift.get_program()).args(vrift.get_args());
    // Counts are not to differ from machine to machine.
    outer.env_clear().env("PATH", "/usr/bin:/bin");
    outer.envs((0..60).map(|n| (format!("VARIABLE_{n}"), "a value")));
    let ran = guarded(&mut outer);
    assert!(ran.status.success(), "{ran}");
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(log).expect("strace has written it").lines() {
        let (name, args) = line.split_once('(').unwrap_or((line, ""));
        let name = if name == "ptrace" { args.split(',').next().unwrap_or("") } else { name };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    Some(counts)
}

/// Calls of a shell that starts some programs, and how they are counted below.
const EXECS: &str = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; \
                     do env true; done";

#[test]
fn a_stop_is_waited_for_asked_about_and_resumed() {
    for options in [&[][..], &["-e", "trace=%file"]] {
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

/// Twelve programs wait for input that never comes, while the shell makes calls of its own.
const CROWD: &str = "mkfifo fifo; exec 9<>fifo; p=; n=0; \
                     for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat <&9 & p=\"$p $!\"; done; \
                     while [ $n -lt 2000 ]; do test -e /; n=$((n + 1)); done; kill $p; wait";

/// Who is ready is read in `/proc`, task by task, which for threads takes the kernel a walk over all
/// threads of the process each.
#[test]
fn c_045_nobody_asks_a_crowd_who_is_ready() {
    let Some(counts) = asked(&[], CROWD) else { return };
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    assert!(count("PTRACE_CONT") + count("PTRACE_SYSCALL") > 4000, "{counts:?}");
    assert!(count("openat") < 200, "{counts:?}");
}
