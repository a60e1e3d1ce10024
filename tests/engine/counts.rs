//! How many stops a call costs without the fast lane, so that the number cannot creep.

use std::ffi::OsString;
use std::path::Path;

use crate::bench::{Bench, Way, guarded};
use crate::kit::{fixture, have, skipped};
use crate::requests::{stops_in, under_strace};

/// How often a call is made, so that a stop more or less elsewhere does not count.
const CALLS: usize = 200;

/// How many stops a command makes under vrift; `None` if strace cannot watch vrift here.
pub(crate) fn stops(bench: &Bench, way: Way, words: &[OsString]) -> Option<usize> {
    let log = bench.sandbox.path("tmp/requests");
    let vrift = bench.command(way, words);
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
        let words = [guest, call.into(), count, directory.as_os_str().to_owned()];
        stops(bench, Way::Slow, &words)
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

/// The exit of an execution is looked at only if it has failed.
#[test]
fn executing_from_a_mount_costs_no_stop_more() {
    if !have("strace") {
        return;
    }
    let Some(bench) = Bench::new("paths") else { return };
    let (tree, host) = (bench.sandbox.tree(), bench.sandbox.path("tmp"));
    std::fs::write(host.join("x"), "host").expect("a new file");
    for directory in [&tree, &host] {
        std::fs::hard_link(&bench.guest, directory.join("program")).expect("a new name");
    }
    let Some(in_mount) = tenths_of(&bench, "execute", &tree) else { return };
    let Some(on_host) = tenths_of(&bench, "execute", &host) else { return };
    assert_eq!(in_mount / 10, on_host / 10, "stops of one execution in the mount, and on the host");
}

/// Calls of a compile as it is made natively.
struct Calls {
    /// Those that name paths, ask about descriptors or make processes: each stops once.
    paid: usize,
    /// Files of the tree that it opens.
    opened: usize,
}

impl Calls {
    fn of(bench: &Bench, words: &[OsString]) -> Calls {
        const SHOWN: &str = "%file,%desc,?clone,?clone3,?fork,?vfork";
        /// Calls that are shown but never stop.
        const FREE: [&str; 9] = [
            "read(", "write(", "close(", "lseek(", "mmap(", "pread64(", "ioctl(", "fcntl(", "poll(",
        ];
        let log = bench.sandbox.path("tmp/calls");
        let native = bench.command(Way::Native, words);
        let mut strace = bench.sandbox.command("strace");
        strace.args(["-f", "-qq", "-e"]).arg(format!("trace={SHOWN}")).arg("-o").arg(&log);
        strace.arg("--").arg(native.get_program()).args(native.get_args());
        let ran = guarded(&mut strace);
        assert!(ran.status.success(), "{ran}");
        let calls = std::fs::read_to_string(&log).expect("strace wrote it");
        let begun = |line: &&str| !line.contains("resumed>") && line.contains('(');
        let paid = |line: &&str| !FREE.iter().any(|name| line.contains(name));
        let tree = bench.sandbox.tree();
        let opens = |line: &&str| {
            line.contains("open")
                && line.contains(&*tree.to_string_lossy())
                && !line.contains("= -1")
        };
        Calls {
            paid: calls.lines().filter(begun).filter(paid).count(),
            opened: calls.lines().filter(opens).count(),
        }
    }
}

/// A compile whose files are all on the host makes no more stops than it makes calls that name paths
/// or ask about descriptors, and some for every process.
#[test]
fn a_compile_stops_once_for_each_call_that_names_a_path() {
    if !have("strace") || !have("cc") {
        return;
    }
    let bench = Bench::empty();
    let source = fixture("toolchain/hello.c").into_os_string();
    let words = ["cc".into(), "-c".into(), "-o".into(), "/dev/null".into(), source];
    let Calls { paid, .. } = Calls::of(&bench, &words);
    let Some(stops) = stops(&bench, Way::Slow, &words) else { return };
    // Four processes: each begins, executes and is announced.
    assert!(stops <= paid + 24, "{stops} stops for {paid} calls");
    assert!(stops * 2 > paid, "{stops} stops for {paid} calls: something is not counted");
}

/// With its sources in the mount there is one stop more for each file that it opens there: the number
/// of the descriptor is learned, and the path's register put back.
#[test]
fn a_compile_in_the_mount_stops_twice_where_it_opens() {
    if !have("strace") || !have("cc") {
        return;
    }
    let bench = Bench::empty();
    let tree = bench.sandbox.tree();
    let mut source = String::from("#include <stdio.h>\n");
    for n in 0..20 {
        std::fs::write(tree.join(format!("h{n}.h")), format!("int f{n}(void);\n")).expect("a file");
        source += &format!("#include \"h{n}.h\"\n");
    }
    std::fs::write(tree.join("main.c"), source).expect("a file");
    let words =
        ["cc".into(), "-c".into(), "-o".into(), "/dev/null".into(), tree.join("main.c").into()];
    let Calls { paid, opened } = Calls::of(&bench, &words);
    assert_eq!(opened, 21, "the source and what it includes");
    let Some(stops) = stops(&bench, Way::Slow, &words) else { return };
    assert!(stops <= paid + opened + 24, "{stops} stops for {paid} calls and {opened} files");
}

/// With the lane it is left to begin its programs, and to what there is before each of them has the lane.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_compile_with_the_lane_stops_where_programs_begin() {
    if !have("strace") || !have("cc") {
        return;
    }
    let bench = Bench::empty();
    let mut source = String::new();
    for header in ["stdio", "stdlib", "string", "math", "locale", "signal", "time", "errno"] {
        source += &format!("#include <{header}.h>\n");
    }
    let host = bench.sandbox.path("tmp/main.c");
    std::fs::write(&host, source).expect("a new file");
    let words = ["cc".into(), "-c".into(), "-o".into(), "/dev/null".into(), host.into()];
    let Some(all) = stops(&bench, Way::Slow, &words) else { return };
    let Some(few) = stops(&bench, Way::Mounted, &words) else { return };
    // Three programs: each begins, is announced and executed, opens its libraries, and makes sixteen
    // calls before it has the lane; it takes four stops to get it, and one for each of its places.
    assert!(few <= 3 * 60, "{few} stops with the lane, {all} without");
    assert!(few * 4 < all, "{few} stops with the lane, {all} without");
}
