//! Calls about the host that make no stop: they find what they find natively, whatever their paths are
//! and whoever makes them, and mounts stay what they are.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::bench::{Bench, Way};
use crate::counts::stops;
use crate::kit::have;

/// A bench with a directory of the host that the guest looks into.
pub(crate) fn bench(guest: &str) -> Option<(Bench, PathBuf)> {
    let bench = Bench::new(guest)?;
    let (host, tree) = (bench.sandbox.path("host"), bench.sandbox.tree());
    for directory in ["d", "closed"] {
        fs::create_dir_all(host.join(directory)).expect("a new directory");
    }
    fs::create_dir(bench.sandbox.path("site/tree2")).expect("a new directory");
    fs::write(bench.sandbox.path("site/tree2/file"), "beside\n").expect("a new file");
    let names = ["g", ".hidden", "..double", "...", "d/g", "closed/x"].map(OsString::from);
    for name in names.into_iter().chain([OsString::from_vec(b"\xff\xfe".to_vec())]) {
        fs::write(host.join(name), "").expect("a new file");
    }
    fs::write(host.join("f"), "host f\n").expect("a new file");
    mkfifo(&host.join("fifo"), Mode::S_IRWXU).expect("a new FIFO");
    let links = [("self", "f".into()), ("dangling", "nowhere".into()), ("up", "d/..".into())];
    for (name, target) in links.into_iter().chain([("into", tree)]) {
        symlink(target, host.join(name)).expect("a new link");
    }
    fs::set_permissions(host.join("closed"), Permissions::from_mode(0o0)).expect("it is ours");
    Some((bench, host))
}

/// Wants the same natively, and with and without the lane.
#[track_caller]
fn same(guest: &str, command: &str) {
    let Some((bench, host)) = bench(guest) else { return };
    let host = host.to_string_lossy();
    bench.same_in(&[&[Way::Mounted][..], &Way::FAST].concat(), &[command, &host]);
}

#[test]
fn paths_of_every_kind_and_pointers_to_none() {
    same("lane", "paths");
}

#[test]
fn c_053_children_and_threads_of_who_has_the_lane() {
    same("lane", "children");
}

/// A number is of the host at one time and of the mount at another, here or in who shares it.
#[test]
fn c_091_descriptors_that_change_sides() {
    same("sides", "descriptors");
}

/// The same path leads to the host from one directory and into the mount from another.
#[test]
fn c_081_directories_that_change_sides() {
    same("sides", "directories");
}

/// A call that waits is interrupted or made again, and handlers make calls at the place they interrupt.
#[test]
fn c_043_signals_in_the_lane_and_around_it() {
    same("lane", "signals");
}

#[test]
fn c_067_a_filter_never_sees_what_the_lane_asks() {
    same("lane", "filtered");
}

#[test]
fn c_025_a_call_by_the_lane_changes_no_register_but_its_result() {
    same("lane", "registers");
}

/// Another library may lie where a jump was.
#[test]
fn what_is_not_the_lanes_is_not_changed_back() {
    same("lane", "replaced");
}

/// What a program jumps to is an instruction that may look at files, no more.
#[test]
fn who_jumps_into_the_lane_changes_nothing_in_a_mount() {
    let Some((bench, host)) = bench("lane") else { return };
    let ways = [Way::Mounted, Way::Fast, Way::TapedBoth, Way::AuditedBoth];
    bench.same_in(&ways, &["jumps", &host.to_string_lossy()]);
}

/// The stops of so many calls of each kind about a file of the host.
fn stops_of(bench: &Bench, host: &Path, way: Way, calls: usize) -> Option<usize> {
    stops_by("count", bench, host, way, calls)
}

/// The same of calls by a command of the guest.
fn stops_by(command: &str, bench: &Bench, host: &Path, way: Way, calls: usize) -> Option<usize> {
    let calls = calls.to_string();
    let words = [&bench.guest, Path::new(command), &bench.sandbox.tree(), host, Path::new(&calls)];
    stops(bench, way, &words.map(|word| word.as_os_str().to_owned()))
}

/// The `open` of one C library lies so.
#[cfg(target_arch = "x86_64")]
#[test]
fn an_instruction_in_two_pages_becomes_a_jump() {
    if !have("strace") {
        return;
    }
    let Some((bench, host)) = bench("lane") else { return };
    let words = ["straddle", &host.to_string_lossy(), "50"];
    bench.same_in(&[Way::Mounted, Way::Fast, Way::TapedBoth, Way::AuditedBoth], &words);
    let Some(none) = stops_by("straddle", &bench, &host, Way::Fast, 0) else { return };
    let Some(many) = stops_by("straddle", &bench, &host, Way::Fast, 100) else { return };
    assert!((none + 1..none + 8).contains(&many), "{none} stops without calls, {many} with 200");
}

/// Who has made many calls before need not prove it again.
#[test]
fn a_program_that_is_known_for_many_calls_has_the_lane_at_once() {
    if !have("strace") {
        return;
    }
    let Some((bench, host)) = bench("lane") else { return };
    let again = |times: usize| {
        let script =
            format!("for n in $(seq {times}); do \"$0\" count \"$1\" \"$2\" 100 || exit; done");
        let [tree, host] = [&bench.sandbox.tree(), &host].map(|path| path.as_os_str().to_owned());
        let guest = bench.guest.as_os_str().to_owned();
        stops(&bench, Way::Mounted, &["sh".into(), "-c".into(), script.into(), guest, tree, host])
    };
    let [Some(once), Some(twice), Some(thrice)] = [1, 2, 3].map(again) else { return };
    let (first, second, third) = (once, twice - once, thrice - twice);
    assert!(
        second + 12 <= first && second.abs_diff(third) <= 4,
        "{first}, {second}, {third} stops"
    );
}

/// Twelve kinds of calls, made at two instructions.
#[test]
fn calls_about_the_host_stop_until_there_is_a_lane_and_no_more() {
    if !have("strace") {
        return;
    }
    let Some((bench, host)) = bench("lane") else { return };
    for (way, most) in [(Way::Mounted, 16 + 4 + 8), (Way::Fast, 8)] {
        let Some(none) = stops_of(&bench, &host, way, 0) else { return };
        let Some(many) = stops_of(&bench, &host, way, 100) else { return };
        assert!(many <= none + most, "{way:?}: {none} stops without calls, {many} with 1,200");
        assert!(many > none, "{way:?}: {many} stops, and the first call must make one");
    }
    let Some(none) = stops_of(&bench, &host, Way::Slow, 0) else { return };
    let Some(many) = stops_of(&bench, &host, Way::Slow, 100) else { return };
    assert_eq!(many - none, 1200, "without a lane each call stops");
}
