//! vrift's own memory, and its own place on disk, as a run goes on.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use crate::bench::{Bench, Way, finish, guarded};
use crate::kit::{have, root, skipped};

/// What a dead process may leave behind, in bytes: less than anything that would be kept of one.
const BYTES_PER_PROCESS: u64 = 40;

/// Memory comes in pages, and what is asked for once is not growth.
const SLACK_BYTES: u64 = 96 * 1024;

/// The private memory of a process in bytes.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a field");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}

/// How many descriptors a process has.
fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives").count()
}

/// A shell makes processes that end at once, in rounds; vrift's memory is looked at in between, while
/// the shell waits. `VRIFT_FULL=1` makes a hundred thousand.
#[test]
fn c_045_dead_processes_leave_nothing_behind() {
    let full = std::env::var_os("VRIFT_FULL").is_some();
    let (warm, count) = if full { (10_000, 90_000) } else { (1_000, 4_000) };
    let script = "while read count; do i=0; while [ $i -lt $count ]; do (:); i=$((i + 1)); done; \
                  echo done; done; exit 3";
    let words = ["sh", "-c", script].map(OsString::from);
    for way in Way::VRIFT {
        if full && way != Way::Traced {
            continue;
        }
        let bench = Bench::empty();
        let mut command = bench.command(way, &words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut after = |count: u64| {
            writeln!(input, "{count}").expect("it reads");
            assert_eq!(output.next().and_then(Result::ok).as_deref(), Some("done"), "{way:?}");
            memory(child.id())
        };
        let before = after(warm);
        let open = descriptors(child.id());
        let grown = after(count).saturating_sub(before);
        let left = descriptors(child.id()).saturating_sub(open);
        drop(input);
        let ran = finish(child);
        assert_eq!(ran.code(), Some(3), "{way:?}: {ran}");
        let most = SLACK_BYTES + count * BYTES_PER_PROCESS;
        assert!(grown < most, "{way:?}: {count} processes left {grown} bytes behind");
        assert!(left < 10, "{way:?}: {count} processes left {left} descriptors behind");
        if full {
            let _ = writeln!(std::io::stderr(), "{count} processes: {before} bytes, and {grown}");
        }
        bench.is_clean();
    }
}

/// What a removed file may leave behind, in bytes: the place of its number, and its part of a directory.
const BYTES_PER_FILE: u64 = 40;

/// Files that are made, renamed and removed, in rounds; vrift's memory is looked at in between. A thousand of
/// them may be kept for a while.
#[test]
fn removed_files_leave_nothing_behind() {
    const FILES: u64 = 4_000;
    const ROUNDS: u64 = 4;
    let bench = Bench::empty();
    let Some(churn) = bench.sandbox.guest("churn") else { return };
    let tree = bench.sandbox.tree();
    let manifest = bench.sandbox.ingest(&tree);
    let script = "while read count; do \"$1\" \"$2\" $count; echo done; done; exit 3";
    let mut command = bench.sandbox.vrift(["run", "--discard", "--manifest"]);
    command.arg(manifest).arg("--prefix").arg(&tree);
    command.args(["--", "sh", "-c", script, "sh"]).arg(churn).arg(&tree);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it is piped");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut after = |count: u64| {
        writeln!(input, "{count}").expect("it reads");
        assert_eq!(output.next().and_then(Result::ok).as_deref(), Some("done"));
        memory(child.id())
    };
    let before = after(FILES);
    let grown = (0..ROUNDS).fold(0, |_, _| after(FILES)).saturating_sub(before);
    drop(input);
    let ran = finish(child);
    assert_eq!(ran.code(), Some(3), "{ran}");
    let most = SLACK_BYTES + ROUNDS * FILES * BYTES_PER_FILE;
    assert!(grown < most, "files left {grown} bytes behind, {before} before");
}

/// A store that may be read only serves all the same.
#[test]
fn a_store_that_cannot_be_written_is_served() {
    let bench = Bench::empty();
    let words = ["cat".into(), bench.sandbox.tree().join("x").into_os_string()];
    let mut command = bench.command(Way::Mounted, &words);
    let (store, place) = (bench.sandbox.store(), bench.sandbox.path("own"));
    fs::create_dir(&place).expect("a new directory");
    fs::set_permissions(&place, Permissions::from_mode(0o777)).expect("it is ours");
    let _ = fs::remove_dir(store.join("run"));
    fs::set_permissions(&store, Permissions::from_mode(0o555)).expect("it is ours");
    command.env("XDG_RUNTIME_DIR", &place);
    if root() {
        command.uid(65534).gid(65534);
        let probe = bench.sandbox.vrift(["--version"]).uid(65534).gid(65534).output();
        if !probe.is_ok_and(|output| output.status.success()) {
            return skipped("another user cannot execute vrift here");
        }
    }
    assert_eq!(guarded(&mut command).fine(), "x here\n");
    let own: Vec<_> = fs::read_dir(&place).expect("it is ours").flatten().collect();
    assert_eq!(own.len(), 1, "{own:?}");
    let left = fs::read_dir(own[0].path().join("run")).expect("it was made").count();
    assert_eq!(left, 0, "what was made for the run is gone");
}

/// Who becomes another user may not be let into the store; that much is said, once.
#[test]
fn a_store_closed_to_who_has_become_another_user_is_told() {
    if !root() || !have("setpriv") {
        return skipped("only root becomes another user, and by setpriv");
    }
    let bench = Bench::empty();
    let script = "cd \"$1\"; cat \"$1/x\" \"$1/many/0001\" || exit 6";
    let mut words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c"]
        .map(OsString::from)
        .to_vec();
    words.extend([script.into(), "sh".into(), bench.sandbox.tree().into_os_string()]);
    assert_eq!(guarded(&mut bench.command(Way::Native, &words)).fine(), "x here\n0001\n");
    let mut command = bench.command(Way::Mounted, &words);
    fs::set_permissions(bench.sandbox.store(), Permissions::from_mode(0o700)).expect("it is ours");
    let ran = guarded(&mut command);
    assert_eq!((ran.code(), ran.out().as_str()), (Some(6), ""), "{ran}");
    assert_eq!(ran.err().matches("another user may not read the store").count(), 1, "{ran}");
    assert_eq!(ran.err().matches("Permission denied").count(), 2, "{ran}");
}
