//! How many stops a call costs, so that the number cannot creep. A stop is counted where it ends:
//! strace counts the requests by which vrift lets its tracees go on.

use std::ffi::OsString;
use std::path::Path;

use crate::bench::{Bench, Way, guarded};
use crate::kit::{fixture, have, skipped};

/// How often a call is made, so that a stop more or less elsewhere does not count.
const CALLS: usize = 200;

/// The requests that end a stop.
const RESUMING: [&str; 3] =
    ["ptrace(PTRACE_CONT,", "ptrace(PTRACE_SYSCALL,", "ptrace(PTRACE_LISTEN,"];

/// How many stops a command makes under vrift; `None` if strace cannot watch vrift here.
fn stops(bench: &Bench, words: &[OsString]) -> Option<usize> {
    let log = bench.sandbox.path("tmp/requests");
    let vrift = bench.command(Way::Mounted, words);
    let mut strace = bench.sandbox.command("strace");
    strace.args(["-qq", "-e", "trace=ptrace", "-o"]).arg(&log).arg("--");
    strace.arg(vrift.get_program()).args(vrift.get_args());
    let ran = guarded(&mut strace);
    let requests = std::fs::read_to_string(&log).unwrap_or_default();
    if requests.is_empty() {
        skipped("strace cannot watch vrift here");
        return None;
    }
    assert!(ran.status.success(), "{ran}");
    Some(requests.lines().filter(|line| RESUMING.iter().any(|name| line.contains(name))).count())
}

/// The stops of one call, in tenths: the difference between many and none.
fn tenths_of(bench: &Bench, call: &str, directory: &Path) -> Option<usize> {
    let run = |count: usize| {
        let guest = bench.guest.clone().into_os_string();
        let count = OsString::from(count.to_string());
        stops(bench, &[guest, call.into(), count, directory.as_os_str().to_owned()])
    };
    let (none, many) = (run(0)?, run(CALLS)?);
    Some(10 * many.saturating_sub(none) / CALLS)
}

#[test]
fn a_call_costs_as_many_stops_as_it_must() {
    if !have("strace") {
        return;
    }
    let Some(bench) = Bench::new("paths") else { return };
    let (tree, host) = (bench.sandbox.tree(), bench.sandbox.path("tmp"));
    std::fs::write(host.join("x"), "host").expect("a new file");
    // One for what is answered, or for a look at a host path; another where the result must be
    // seen: a descriptor, a position that moves. The end of a listing moves nothing.
    let table: [(&str, usize, usize); 9] = [
        ("stat", 1, 1),
        ("missing", 1, 1),
        ("access", 1, 1),
        ("open", 2, 1),
        ("fstat", 1, 1),
        ("read", 0, 0),
        ("list", 3, 2),
        ("getcwd", 1, 1),
        ("send", 0, 0),
    ];
    for (call, in_mount, on_host) in table {
        for (directory, expected) in [(&tree, in_mount), (&host, on_host)] {
            let Some(tenths) = tenths_of(&bench, call, directory) else { return };
            // A tick may set cores free in between, but no call costs a stop more.
            assert_eq!(tenths / 10, expected, "{call} in {}", directory.display());
            assert!(tenths % 10 <= 1, "{call} in {}: {tenths} tenths", directory.display());
        }
    }
}

/// A compile whose files are all on the host makes no more stops than it makes calls that name paths
/// or ask about descriptors, and some for every process.
#[test]
fn a_compile_stops_once_for_each_call_that_names_a_path() {
    const CALLS: &str = "%file,%desc,?clone,?clone3,?fork,?vfork";
    /// Calls that are counted above but never stop.
    const FREE: [&str; 9] =
        ["read(", "write(", "close(", "lseek(", "mmap(", "pread64(", "ioctl(", "fcntl(", "poll("];
    if !have("strace") || !have("cc") {
        return;
    }
    let bench = Bench::empty();
    let log = bench.sandbox.path("tmp/calls");
    let source = fixture("toolchain/hello.c").into_os_string();
    let words = ["cc".into(), "-c".into(), "-o".into(), "/dev/null".into(), source];
    let mut strace = bench.sandbox.command("strace");
    strace.args(["-f", "-qq", "-e"]).arg(format!("trace={CALLS}")).arg("-o").arg(&log);
    let ran = guarded(strace.arg("--").args(&words));
    assert!(ran.status.success(), "{ran}");
    let calls = std::fs::read_to_string(&log).expect("strace wrote it");
    let begun = |line: &&str| !line.contains("resumed>") && line.contains('(');
    let paid = |line: &&str| !FREE.iter().any(|name| line.contains(name));
    let paid = calls.lines().filter(begun).filter(paid).count();
    let Some(stops) = stops(&bench, &words) else { return };
    // Four processes: each begins, executes and is announced.
    assert!(stops <= paid + 24, "{stops} stops for {paid} calls");
    assert!(stops * 2 > paid, "{stops} stops for {paid} calls: something is not counted");
}
