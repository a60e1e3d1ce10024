//! The place that the filter knows as the fast lane's: no program changes the lane's page, and none has anything of
//! its own there. What lies beside it is as ever.

use std::ffi::OsString;
use std::process::Command;

use vrift_audit::{Escape, Model, Reader, What};

use crate::bench::{Bench, Way, guarded, same_in};
use crate::counts::stops;
use crate::kit::{have, root, skipped};

/// Ways with a mount, in which the page decides what a call from there may do.
const MOUNTED: [Way; 5] = [Way::Mounted, Way::Fast, Way::Both, Way::TapedBoth, Way::AuditedBoth];

/// What is refused to who has the lane: as much as for sealed memory.
const HELD: &str = "\
unmaps: EPERM EPERM EPERM EPERM EPERM, the lane
protects: EPERM EPERM EPERM, the lane
maps: EPERM EPERM EPERM EPERM, the lane
moves: EPERM EPERM EPERM EPERM, the lane
advises: EPERM EPERM EPERM EPERM EPERM EINVAL, the lane
seals: EPERM EPERM, the lane
attaches: EPERM EPERM, the lane
tags: EPERM EPERM, the lane
";

/// What comes of it for who has none yet.
const ABSENT: &str = "\
no lane
maps fixed: EPERM, nothing there
maps new: EEXIST, the lane
maps near: elsewhere, the lane
maps over: elsewhere, the lane
maps all: fine, the lane
grows: fine
grows: killed 11
grows in place: fine ENOMEM, the lane
moves there: EPERM fine elsewhere, the lane
attaches there: EPERM EINVAL, the lane
implied: ENOMEM, the lane
without room: ENOMEM ENOMEM EPERM, nothing there
";

#[test]
fn the_page_stays_what_it_is() {
    let Some(bench) = Bench::new("guard") else { return };
    for way in MOUNTED {
        let ran = bench.run(way, &["held"]);
        assert_eq!(ran.fine(), HELD, "{way:?}");
    }
}

#[test]
fn nothing_else_comes_to_lie_where_the_page_would() {
    let Some(bench) = Bench::new("guard") else { return };
    for way in [Way::Mounted, Way::Both] {
        let ran = bench.run(way, &["absent"]);
        assert_eq!(ran.fine(), ABSENT, "{way:?}");
    }
}

/// They end as one does whose segments find no room.
#[test]
fn programs_that_were_linked_to_that_place_do_not_begin() {
    let Some(bench) = Bench::new("guard") else { return };
    let native = bench.native(&["programs"]);
    assert_eq!(native.out(), "program: exited 42\n".repeat(10));
    for way in [Way::Traced, Way::Taped, Way::Audited, Way::Slow] {
        assert_eq!(bench.run(way, &["programs"]), native, "{way:?}");
    }
    let [killed, runs] = ["program: killed 11\n", "program: exited 42\n"];
    let expected = [killed.repeat(2), runs.repeat(3)].concat().repeat(2);
    for way in MOUNTED {
        let ran = bench.run(way, &["programs"]);
        assert_eq!(ran.out(), expected, "{way:?}");
        assert_eq!(ran.err().matches("where the fast lane lies").count(), 4, "{way:?}: {ran}");
    }
}

/// It would be written although it may only be read.
#[test]
fn memory_is_no_file_to_write_to_under_a_mount() {
    let Some(bench) = Bench::new("guard") else { return };
    bench.same_in(&[Way::Traced, Way::Taped, Way::Audited], &["memory"]);
    let allowed = ["to read", "child: killed", "another file", "of this name"];
    let expected = |line: &str| match allowed.iter().any(|start| line.starts_with(start)) {
        true => line.to_owned(),
        false => line.replace("fine", "EACCES"),
    };
    let expected: Vec<String> = bench.native(&["memory"]).out().lines().map(expected).collect();
    assert_eq!(expected.iter().filter(|line| line.ends_with("EACCES")).count(), 14);
    for way in MOUNTED.into_iter().chain([Way::Slow]) {
        let ran = bench.run(way, &["memory"]);
        assert_eq!(ran.fine().lines().collect::<Vec<_>>(), expected, "{way:?}");
    }
}

#[test]
fn who_writes_by_calls_may_not_write_to_the_page() {
    let Some(bench) = Bench::new("guard") else { return };
    for (ways, errno) in
        [(&MOUNTED[..], "EPERM"), (&[Way::Traced, Way::Taped, Way::Audited], "EFAULT")]
    {
        for &way in ways {
            let ran = bench.run(way, &["written"]);
            assert_eq!(ran.fine(), format!("there: 1\nwritten: {errno}\n"), "{way:?}");
        }
    }
}

#[test]
fn what_lies_beside_the_lane_is_as_ever() {
    same_in(&[&Way::VRIFT[..], &Way::FAST].concat(), "guard", &["neighbours"]);
}

/// The same for who has no privilege.
#[test]
fn nobody_gets_to_that_place_without_privilege() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    if !root() {
        return skipped("the tests beside it are without privilege already");
    }
    let Some(bench) = Bench::new("guard") else { return };
    let own = bench.sandbox.path("own");
    std::fs::create_dir(&own).expect("a new directory");
    std::fs::set_permissions(&own, PermissionsExt::from_mode(0o777)).expect("it is ours");
    let as_nobody =
        |command: &mut Command| guarded(command.env("XDG_RUNTIME_DIR", &own).uid(65534).gid(65534));
    if !as_nobody(&mut bench.sandbox.vrift(["--version"])).status.success() {
        return skipped("another user cannot execute vrift here");
    }
    for (way, command, expected) in
        [(Way::Fast, "held", HELD), (Way::Mounted, "held", HELD), (Way::Mounted, "absent", ABSENT)]
    {
        let ran = as_nobody(&mut bench.guest_command(way, &[command]));
        assert_eq!(ran.out(), expected, "{way:?} {command}: {ran}");
    }
    let ran = as_nobody(&mut bench.guest_command(Way::Fast, &["programs"]));
    assert_eq!(ran.out().matches("killed 11").count(), 4, "{ran}");
    let ran = as_nobody(&mut bench.guest_command(Way::Fast, &["memory"]));
    assert_eq!(ran.out().matches("EACCES").count(), 14, "{ran}");
}

/// The calls by which the guest has tried it, by its record.
fn told(bench: &Bench) -> Vec<(String, String)> {
    let mut reader = Reader::open(&bench.sandbox.path("trace")).expect("a record");
    let model = Model::read(&mut reader);
    assert_eq!(model.damage, None);
    let told = model.findings.into_iter().filter_map(|found| match found.what {
        What::Escape { kind: Escape::FastLane, outcome } => {
            Some((found.call.to_string(), outcome.to_string()))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn a_record_tells_of_who_has_tried_it() {
    let Some(bench) = Bench::new("guard") else { return };
    let names = |command: &str, way| {
        bench.run(way, &[command]);
        let told = told(&bench);
        let failed = |(_, outcome): &(String, String)| outcome.starts_with("failed");
        assert!(told.iter().all(failed), "{told:?}");
        let mut names: Vec<String> = told.into_iter().map(|(call, _)| call).collect();
        names.dedup();
        names
    };
    let held = ["munmap", "mprotect", "pkey_mprotect", "mmap", "mremap", "madvise"];
    let more = ["remap_file_pages", "mseal", "shmat", "munmap", "mprotect"];
    let held = [&held[..], &more].concat();
    assert_eq!(names("held", Way::AuditedBoth), held);
    assert_eq!(names("neighbours", Way::AuditedBoth), [""; 0]);
    assert_eq!(names("memory", Way::AuditedBoth), ["openat", "openat2", "openat"]);
    assert_eq!(names("programs", Way::AuditedBoth), ["execve"]);
}

/// Memory is mapped, protected, moved and given back without a stop.
#[test]
fn what_programs_do_with_memory_makes_no_stop() {
    if !have("strace") {
        return;
    }
    let Some(bench) = Bench::new("guard") else { return };
    for way in [Way::Mounted, Way::Fast, Way::Slow] {
        let stops_of = |calls: &str| {
            let guest = bench.guest.clone().into_os_string();
            let tree = bench.sandbox.tree().into_os_string();
            let words: [OsString; 4] = [guest, "count".into(), tree, calls.into()];
            stops(&bench, way, &words)
        };
        let (Some(none), Some(many)) = (stops_of("0"), stops_of("200")) else { return };
        // A tick may set cores free in between.
        assert!(many <= none + 4, "{way:?}: {none} stops without calls, {many} with 2,000");
    }
}
