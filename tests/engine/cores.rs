//! Vrift keeps tasks on one core while one of them works; nobody may notice but by the clock.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use crate::bench::{Bench, Way, guarded};
use crate::kit::{have, skipped};

/// Wants a shell script to print the same in all ways; `$1` is more for it.
#[track_caller]
fn same_script(bench: &Bench, script: &str, more: &str) {
    let words: Vec<_> = ["sh", "-c", script, "sh", more].map(OsString::from).to_vec();
    let native = guarded(&mut bench.command(Way::Native, &words));
    assert!(native.status.success(), "{native}");
    for way in Way::VRIFT {
        let ran = guarded(&mut bench.command(way, &words));
        assert_eq!(ran, native, "{script}: {way:?}\nnatively: {native}\n{ran}");
        bench.is_clean();
    }
}

/// The cores of this process, if there are several.
fn several() -> Option<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).expect("our own cores");
    let cores: Vec<_> = (0..CpuSet::count()).filter(|&n| set.is_set(n) == Ok(true)).collect();
    if cores.len() < 2 {
        skipped("there is one core only");
        return None;
    }
    have("taskset").then_some(cores)
}

#[test]
fn c_136_programs_see_the_cores_they_were_given() {
    let Some(cores) = several() else { return };
    let first = cores[0].to_string();
    for script in [
        "nproc; taskset -cp $$ | sed 's/.*: //'; (nproc; sh -c nproc); nproc --all",
        "taskset -c $1 nproc; nproc; taskset -c $1 sh -c 'nproc; sh -c nproc'",
        "taskset -cp $1 $$ > /dev/null; nproc; sh -c nproc; (nproc)",
    ] {
        same_script(&Bench::empty(), script, &first);
    }
}

/// The kernel refuses this to tasks that may not use all cores, and to most users.
#[test]
fn c_136_a_task_gets_deadlines_if_it_would() {
    if several().is_none() || !have("chrt") {
        return;
    }
    let deadlines = "chrt -d -T 2000000 -D 50000000 -P 50000000 0";
    let script = format!(
        "{deadlines} nproc 2>&1 || nproc; chrt -p $$ | sed 's/.*: //'; {deadlines} chrt -p $1 2>&1"
    );
    same_script(&Bench::empty(), &format!("{script} | sed 's/.*: //'"), "0");
}

/// Without a mount nobody stops at the opening of a file, so that the kernel's answer is seen.
#[test]
fn c_136_the_status_of_a_task_shows_the_cores_it_was_given() {
    let Some(cores) = several() else { return };
    let script = "show() { sed -n '/^Cpus_allowed/p' $1; }; show /proc/self/status; show /proc/$$/status; \
        show /proc/$$/task/$$/status; show /proc/1/status; taskset -cp $1 $$ > /dev/null; show /proc/$$/status";
    let words: Vec<_> =
        ["sh", "-c", script, "sh", &cores[0].to_string()].map(OsString::from).to_vec();
    let bench = Bench::empty();
    let [native, mounted, both] = [Way::Native, Way::Mounted, Way::Both]
        .map(|way| guarded(&mut bench.command(way, &words)).fine());
    assert_eq!(native.lines().count(), 10, "{native}");
    assert_eq!((&mounted, &both), (&native, &native));
}

/// A thread that has chosen its core, or whose leader has, executes: the choice is the thread's.
#[test]
fn c_054_the_cores_of_a_thread_that_executes() {
    if several().is_none() {
        return;
    }
    let Some(bench) = Bench::new("affinity") else { return };
    for command in ["thread_chose", "leader_chose", "nobody_chose"] {
        bench.same_in(&Way::VRIFT, &[command]);
    }
}

/// A process outside has cores of its own, and nobody has bound it.
#[test]
fn c_136_the_cores_of_a_process_outside() {
    let Some(cores) = several() else { return };
    let bench = Bench::empty();
    let mut outside = Command::new("taskset")
        .args(["-c", &cores[0].to_string(), "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("taskset starts");
    let pid = outside.id();
    crate::bench::until("it has become cat", || {
        std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"cat\n")
    });
    let script = "taskset -cp $1 | sed 's/.*: //'";
    let words: Vec<_> = ["sh", "-c", script, "sh", &pid.to_string()].map(OsString::from).to_vec();
    let seen = [Way::Native, Way::Traced, Way::Mounted, Way::Both]
        .map(|way| guarded(&mut bench.command(way, &words)).fine());
    drop(outside.stdin.take());
    outside.wait().expect("it ends with its input");
    assert!(seen.iter().all(|text| *text == seen[0]), "{seen:?}");
}
