//! How many stops a call costs, so that the number cannot creep.

use std::ffi::OsString;
use std::path::Path;

use crate::bench::{Bench, Way, guarded};
use crate::kit::{fixture, have, skipped};
use crate::requests::{stops_in, under_strace};

/// How often a call is made, so that a stop more or less elsewhere does not count.
const CALLS: usize = 200;

/// How many stops a command makes under vrift; `None` if strace cannot watch vrift here.
fn stops(bench: &Bench, words: &[OsString]) -> Option<usize> {
    let log = bench.sandbox.path("tmp/requests");
    let vrift = bench.command(Way::Mounted, words);
    let words: Vec<_> = [vrift.get_program()].into_iter().chain(vrift.get_args()).collect();
    let ran = guarded(&mut under_strace(&bench.sandbox, &log, &words));
    let Some(stops) = stops_in(&log) else {
        skipped("strace cannot watch vrift here");
        return None;
    };
    assert!(ran.status.success(), "{ran}");
    Some(stops)
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
    // A child takes one for the call, one for its parent's news of it, one for its own start, and one
    // for the signal at its end.
    let table: [(&str, usize, usize); 10] = [
        ("stat", 1, 1),
        ("missing", 1, 1),
        ("access", 1, 1),
        ("open", 2, 1),
        ("fstat", 1, 1),
        ("read", 0, 0),
        ("list", 3, 2),
        ("getcwd", 1, 1),
        ("send", 0, 0),
        ("spawn", 4, 4),
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
