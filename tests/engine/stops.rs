//! Signals and stops: what a program, its parent, and a shell at a terminal see of them.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, Way, finish, guarded, same, state, until};
use crate::kit::{Ran, have};

#[test]
fn c_003_a_child_that_stops_itself_and_is_continued() {
    same("signals", &["stop_and_go"]);
}

#[test]
fn c_003_a_stop_stops_every_thread() {
    same("signals", &["stop_threads"]);
}

#[test]
fn c_041_calls_that_signals_interrupt() {
    same("signals", &["restarts"]);
}

#[test]
fn c_016_what_comes_with_a_signal_arrives() {
    same("signals", &["values"]);
}

#[test]
fn c_017_faults_traps_and_other_stacks() {
    same("signals", &["faults"]);
}

#[test]
fn c_040_a_storm_of_alarms() {
    same("signals", &["storm"]);
}

#[test]
fn c_041_a_handler_that_jumps_out_of_a_rewritten_call() {
    same("signals", &["jump_out"]);
}

/// A process is stopped and continued by somebody who knows only its id.
#[test]
fn c_003_stopped_and_continued_from_outside() {
    let bench = Bench::empty();
    for way in [Way::Native, Way::Traced, Way::Mounted, Way::Both] {
        let script = "echo $$; while read line; do echo got $line; done; cat \"$1/x\"; exit 6";
        let mut words = ["sh", "-c", script, "sh"].map(OsString::from).to_vec();
        words.push(bench.sandbox.tree().into_os_string());
        let mut command = bench.command(way, &words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut line = || output.next().and_then(Result::ok).unwrap_or_default();
        let pid: i32 = line().parse().expect("the shell says its id");
        for round in 0..5 {
            kill(Pid::from_raw(pid), Signal::SIGSTOP).expect("it lives");
            until("it stops", || matches!(state(pid), Some('T' | 't')));
            writeln!(input, "{round}").expect("it reads later");
            kill(Pid::from_raw(pid), Signal::SIGCONT).expect("it lives");
            assert_eq!(line(), format!("got {round}"), "{way:?}");
        }
        drop(input);
        assert_eq!(line(), "x here", "{way:?}");
        let ran = finish(child);
        assert_eq!(ran.code(), Some(6), "{way:?}: {ran}");
        bench.is_clean();
    }
}

/// A shell at a terminal; `jobs` is put before each of its jobs.
fn session(bench: &Bench, shell: &[&str], jobs: &[OsString]) -> Ran {
    let jobs: Vec<_> = jobs.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut command = bench.command(Way::Native, &[bench.guest.clone().into_os_string()]);
    guarded(command.args(shell).env("V", jobs.join(" ")))
}

const BASH: [&str; 4] = ["bash", "--norc", "--noprofile", "-i"];

#[test]
fn c_003_a_shell_at_a_terminal() {
    let Some(bench) = Bench::new("terminal") else { return };
    for shell in [&BASH[..], &["sh", "-i"]] {
        if !have(shell[0]) {
            continue;
        }
        let native = session(&bench, shell, &[]);
        assert_eq!(native.out(), "the shell exited 5\n", "{native}");
        for way in Way::VRIFT {
            let inner = bench.command(way, &shell.iter().map(OsString::from).collect::<Vec<_>>());
            let mut words = vec![inner.get_program().to_string_lossy().into_owned()];
            words.extend(inner.get_args().map(|arg| arg.to_string_lossy().into_owned()));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let command = bench.sandbox.natively(&[bench.guest.as_os_str()]);
            let mut command = command;
            let ran = guarded(command.args(&words).env("V", ""));
            assert_eq!(ran, native, "{shell:?} {way:?}: {ran}");
            bench.is_clean();
        }
    }
}

#[test]
fn c_003_vrift_as_the_job_of_a_shell_at_a_terminal() {
    let Some(bench) = Bench::new("terminal") else { return };
    for shell in [&BASH[..], &["sh", "-i"]] {
        if !have(shell[0]) {
            continue;
        }
        for verb in [&["run", "--"][..], &["trace", "-o", "/dev/null", "--"]] {
            let vrift = bench.sandbox.vrift(verb);
            let mut jobs = vec![vrift.get_program().to_owned()];
            jobs.extend(vrift.get_args().map(OsString::from));
            let ran = session(&bench, shell, &jobs);
            assert_eq!(ran.out(), "the shell exited 5\n", "{shell:?} {verb:?}: {ran}");
            bench.is_clean();
        }
    }
}
