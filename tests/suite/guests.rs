//! C programs that make the calls one by one and print what came of each: run on the real directory
//! and in a mount of it, they must print the same lines.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Ran, Sandbox, Twin, as_nobody, fingerprint, line_difference, root, run, skipped};
use crate::zoo;

/// How a guest is compiled.
type Build = fn(&Sandbox, &str) -> Option<PathBuf>;

/// Compares a guest's run over the zoo with its run in the mount.
#[track_caller]
fn same(build: Build, name: &str, part: &[&str]) {
    same_as(&[], build, name, part);
}

/// The same with the guest's command behind `before`.
#[track_caller]
fn same_as(before: &[&str], build: Build, name: &str, part: &[&str]) {
    let twin = Twin::new(zoo::build);
    let Some(guest) = build(&twin.sandbox, name) else { return };
    let mut words: Vec<OsString> = before.iter().map(OsString::from).collect();
    words.extend([guest.into_os_string(), twin.sandbox.tree().into_os_string()]);
    words.extend(part.iter().map(OsString::from));
    let native = run(&mut twin.sandbox.natively(&words));
    assert!(!native.stdout.is_empty() && !native.out().contains("GUEST FAILED"), "{native}");
    twin.compare(&[words]);
}

#[track_caller]
fn lookups(part: &str) {
    same(Sandbox::guest, "lookups", &[part]);
}

/// The same look by somebody who owns nothing and may do little.
#[track_caller]
fn unprivileged(part: &str) {
    as_nobody(|nobody| same_as(nobody, Sandbox::guest, "lookups", &[part]));
}

#[test]
fn c_074_open_over_every_shape_of_path() {
    lookups("open");
}

#[test]
fn c_076_host_names_reached_through_the_mount_by_every_shape_of_ending() {
    same(Sandbox::guest, "border", &[]);
}

#[test]
fn c_104_stat_over_every_shape_of_path() {
    lookups("stat");
}

#[test]
fn c_125_access_over_every_shape_of_path() {
    lookups("access");
}

#[test]
fn c_110_readlink_over_every_shape_of_path_and_size() {
    lookups("readlink");
}

#[test]
fn c_077_chdir_and_dot_dot_over_every_shape_of_path() {
    lookups("chdir");
}

#[test]
fn absolute_paths_of_every_shape() {
    lookups("absolute");
}

#[test]
fn flags_no_kernel_knows_are_refused() {
    lookups("bad-flags");
}

#[test]
fn c_081_paths_relative_to_descriptors() {
    lookups("relative");
}

#[test]
fn c_082_descriptors_that_are_only_paths() {
    lookups("path-fds");
}

#[test]
fn c_033_pointers_that_lead_nowhere_and_paths_at_the_end_of_a_page() {
    lookups("pointers");
}

#[test]
fn c_033_paths_as_long_as_they_may_be() {
    lookups("long-paths");
}

#[test]
fn no_path_is_looked_at_where_no_descriptor_is_free() {
    lookups("full");
}

#[test]
fn c_130_current_directories() {
    lookups("cwd");
}

/// Permission to search and to read is the caller's, not vrift's.
#[test]
fn c_078_open_by_an_unprivileged_caller() {
    unprivileged("open");
}

#[test]
fn c_078_stat_by_an_unprivileged_caller() {
    unprivileged("stat");
}

#[test]
fn c_078_access_by_an_unprivileged_caller() {
    unprivileged("access");
}

#[test]
fn c_078_chdir_by_an_unprivileged_caller() {
    unprivileged("chdir");
}

#[test]
fn c_097_directories() {
    same(Sandbox::guest, "directories", &[]);
}

#[test]
fn c_091_descriptors() {
    same(Sandbox::guest, "descriptors", &[]);
}

/// Covers C-031 as well: the guest compares its argument registers before and after.
#[test]
fn a_static_binary_with_its_own_system_calls_is_served_like_any_other() {
    same(Sandbox::bare_guest, "raw", &[]);
}

#[test]
fn eight_threads_read_at_once() {
    let twin = Twin::new(zoo::build);
    let Some(guest) = twin.sandbox.guest("threads") else { return };
    let words = [guest.into_os_string(), twin.sandbox.tree().into_os_string()];
    let native = run(&mut twin.sandbox.natively(&words)).fine();
    assert_eq!(native.matches("served 640 of 640\n").count(), 8, "{native}");
    twin.compare(&[words.into()]);
}

/// Each process opens its file with the first system call it ever makes.
#[test]
fn fifty_processes_at_once_are_served_from_their_first_call() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("a new directory");
    let content = |n: usize| {
        let mut bytes = zoo::pattern(n * 2003);
        bytes.extend(n.to_string().bytes());
        bytes
    };
    for n in 0..50 {
        zoo::write(&sandbox.tree().join(n.to_string()), &content(n));
    }
    let Some(first) = sandbox.bare_guest("first") else { return };
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let script = "i=0; while [ $i -lt 50 ]; do \
                  if [ $((i % 2)) = 0 ]; then $0 \"$1/$i\" > $2/out.$i & \
                  else (cd \"$1\" && exec $0 $i > $2/out.$i) & fi; \
                  i=$((i + 1)); done; wait";
    let mut command = sandbox.in_mount(&["sh", "-c", script]);
    let ran = run(command.arg(first).arg(sandbox.tree()).arg(sandbox.path("tmp")));
    assert_eq!(ran.fine(), "");
    for n in 0..50 {
        let out = fs::read(sandbox.path(format!("tmp/out.{n}"))).expect("each process wrote");
        assert!(out == content(n), "process {n} read {} bytes of {}", out.len(), content(n).len());
    }
}

/// Twenty vrifts on one store and manifest do not get in each other's way.
#[test]
fn twenty_mounts_of_one_manifest_at_once() {
    let sandbox = Sandbox::new();
    zoo::build(&sandbox);
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let script = "cat x sub/a && ls sub && cd sub/deep && cat ../../x";
    let command =
        ["sh".into(), "-c".into(), format!("cd '{}' && {script}", sandbox.tree().display())];
    let children: Vec<_> = (0..20)
        .map(|_| {
            let mut command = sandbox.in_mount(&command);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("vrift starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("vrift ends");
        let ran = Ran { status: output.status, stdout: output.stdout, stderr: output.stderr };
        assert_eq!(ran.fine(), "x here\nalpha\nbeta\na\nb\ndeep\nhard3\nlink.x\nx here\n");
    }
    let left: Vec<_> =
        fs::read_dir(sandbox.store().join("run")).into_iter().flatten().flatten().collect();
    assert!(left.is_empty(), "stand-ins were left behind: {left:?}");
}

/// Everything that must not change while `changes` runs.
fn untouched(sandbox: &Sandbox) -> String {
    let store = sandbox.store();
    [
        sandbox.away(),
        sandbox.path("tree.vrift"),
        store.join("blake3"),
        sandbox.path("host"),
        sandbox.path("site/outside.txt"),
    ]
    .iter()
    .map(|path| fingerprint(path))
    .collect()
}

#[test]
fn changes_are_refused_and_change_nothing() {
    let sandbox = Sandbox::new();
    zoo::build(&sandbox);
    let Some(guest) = sandbox.guest("changes") else { return };
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let before = untouched(&sandbox);
    let ran = run(&mut sandbox.in_mount(&[guest.as_os_str(), sandbox.tree().as_os_str()]));
    let out = ran.fine();
    assert!(!out.contains("GUEST FAILED"), "{out}");
    let lines = out.lines().filter(|line| line.starts_with("change ")).count();
    assert!(lines > 5000, "only {lines} lines");
    let done: Vec<_> = out
        .lines()
        .filter(|line| line.starts_with("change ") && !line.contains(" -> -1 "))
        .collect();
    assert!(done.is_empty(), "{} changes were not refused:\n{}", done.len(), done.join("\n"));
    let after = untouched(&sandbox);
    assert!(before == after, "{}", line_difference(&before, &after));
    let verified = run(&mut sandbox.vrift(["cas", "verify"]));
    assert!(verified.status.success(), "{verified}");
    let site: Vec<_> = fs::read_dir(sandbox.path("site"))
        .expect("the site exists")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(site.len(), 3, "{site:?}");
}

/// A copy of the zoo on a file system that is read-only, at the path of the tree, for one command
/// in a mount namespace of its own.
fn read_only(sandbox: &Sandbox, command: &[&Path]) -> Command {
    let script = "mount -t tmpfs tmpfs \"$T\" && cp -a \"$AWAY/.\" \"$T\" && \
                  mount -o remount,ro \"$T\" && exec \"$@\"";
    let mut unshare = sandbox.natively(&["unshare", "--mount", "sh", "-c", script, "sh"]);
    unshare.args(command).env("T", sandbox.tree()).env("AWAY", sandbox.away());
    unshare
}

/// Compares one part of `changes` with Linux on a read-only file system that is mounted where the
/// manifest will be seen.
#[track_caller]
fn refused_as_if_read_only(part: &str) {
    if !root() {
        return skipped("only root can mount the oracle");
    }
    let sandbox = Sandbox::new();
    zoo::build(&sandbox);
    let Some(guest) = sandbox.guest("changes") else { return };
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    fs::create_dir(sandbox.tree()).expect("a place to mount on");
    if !run(&mut read_only(&sandbox, &[Path::new("true")])).status.success() {
        return skipped("this machine lets nobody mount");
    }
    let tree = sandbox.tree();
    let words = [guest.as_path(), tree.as_path(), Path::new(part)];
    let native = run(&mut read_only(&sandbox, &words)).fine();
    let mounted = run(&mut sandbox.in_mount(&words)).fine();
    assert!(!native.is_empty() && !native.contains("GUEST FAILED"), "{native}");
    assert!(native == mounted, "{}", line_difference(&native, &mounted));
}

#[test]
fn c_112_opening_to_write_fails_as_on_a_read_only_file_system() {
    refused_as_if_read_only("open");
}

#[test]
fn making_names_fails_as_on_a_read_only_file_system() {
    refused_as_if_read_only("make");
}

#[test]
fn c_076_removing_fails_as_on_a_read_only_file_system() {
    refused_as_if_read_only("remove");
}

#[test]
fn c_107_renaming_fails_as_on_a_read_only_file_system() {
    refused_as_if_read_only("rename");
}

#[test]
fn c_109_linking_fails_as_on_a_read_only_file_system() {
    refused_as_if_read_only("link");
}

#[test]
fn c_124_attributes_fail_as_on_a_read_only_file_system() {
    refused_as_if_read_only("attributes");
}

#[test]
fn c_133_sockets_fail_as_on_a_read_only_file_system() {
    refused_as_if_read_only("sockets");
}

#[test]
fn bad_arguments_fail_as_on_a_read_only_file_system() {
    refused_as_if_read_only("bad-arguments");
}

#[test]
fn c_099_changes_by_descriptor_fail_as_on_a_read_only_file_system() {
    refused_as_if_read_only("descriptors");
}

#[test]
fn changes_below_descriptors_fail_as_on_a_read_only_file_system() {
    refused_as_if_read_only("below-descriptors");
}
