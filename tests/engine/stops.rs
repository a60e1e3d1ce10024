//! Signals and stops: what a program and its parent see of them. (`terminal` has what a shell sees.)

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::bench::{Bench, Way, finish, guarded, same, state, until};

#[test]
fn c_003_a_child_that_stops_itself_and_is_continued() {
    same("signals", &["stop_and_go"]);
}

#[test]
fn c_003_a_stop_stops_every_thread() {
    same("signals", &["stop_threads"]);
}

#[test]
fn c_041_c_042_calls_that_signals_interrupt() {
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

/// A child that does not outlive the test.
struct Watched {
    child: Child,
    pid: Pid,
}

impl Watched {
    fn new(command: &mut Command) -> Watched {
        let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let pid = Pid::from_raw(child.id().cast_signed());
        Watched { child, pid }
    }

    /// What its parent is told next.
    #[track_caller]
    fn news(&self) -> WaitStatus {
        let mut status = WaitStatus::StillAlive;
        until("it stops or ends", || {
            let options = WaitPidFlag::WUNTRACED | WaitPidFlag::WNOHANG;
            status = waitpid(self.pid, Some(options)).expect("our child");
            status != WaitStatus::StillAlive
        });
        status
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // If the test has gone well there is nobody of that id any more who is our child.
        if waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What its parent sees of a command: the signals it stops by, and its end. Its group is sent a
/// signal each time it says that it runs; it is continued with its group, or if it has stopped by
/// itself, by the id of what was started.
fn stops_seen(bench: &Bench, way: Way, script: &str, send: &[Signal]) -> Vec<String> {
    let words = ["sh", "-c", script].map(OsString::from);
    let mut command = bench.command(way, &words);
    // A group with its parent outside of it is one that the terminal's signals may stop.
    let mut watched = Watched::new(command.process_group(0));
    let mut output = BufReader::new(watched.child.stdout.take().expect("it is piped")).lines();
    let mut seen = Vec::new();
    for &signal in send {
        assert_eq!(output.next().and_then(Result::ok).as_deref(), Some("runs"), "{way:?}");
        killpg(watched.pid, signal).expect("it lives");
        seen.push(watched.news());
        killpg(watched.pid, Signal::SIGCONT).expect("it lives");
    }
    loop {
        let status = watched.news();
        seen.push(status);
        if !matches!(status, WaitStatus::Stopped(..)) {
            break;
        }
        kill(watched.pid, Signal::SIGCONT).expect("it lives");
    }
    bench.is_clean();
    let told = |status: &WaitStatus| match status {
        WaitStatus::Stopped(_, signal) => format!("stopped by {signal}"),
        WaitStatus::Exited(_, code) => format!("exited {code}"),
        other => format!("{other:?}"),
    };
    seen.iter().map(told).collect()
}

#[track_caller]
fn same_stops(script: &str, send: &[Signal]) {
    let bench = Bench::empty();
    let native = stops_seen(&bench, Way::Native, script, send);
    for way in Way::VRIFT {
        assert_eq!(stops_seen(&bench, way, script, send), native, "{way:?}");
    }
}

#[test]
fn c_003_its_parent_sees_a_command_stop_itself() {
    same_stops(
        "kill -STOP $$; kill -TSTP $$; kill -TTIN $$; sh -c 'kill -STOP $PPID'; exit 5",
        &[],
    );
}

#[test]
fn c_003_its_parent_stops_and_continues_its_group() {
    let script = "n=0; trap 'n=$((n + 1)); echo runs' CONT; echo runs; \
                  while test $n -lt 3; do :; done; exit 6";
    same_stops(script, &[Signal::SIGTSTP, Signal::SIGSTOP, Signal::SIGTSTP]);
}

/// A command that its own child continues: vrift must not sleep through that.
#[test]
fn c_003_stopped_and_continued_from_within() {
    let bench = Bench::empty();
    let script =
        "(exec > /dev/null 2>&1; while kill -CONT $$; do :; done) & kill -STOP $$; echo on; exit 4";
    let words = ["sh", "-c", script].map(OsString::from);
    for way in [Way::Native, Way::Traced, Way::Mounted, Way::Both] {
        let ran = guarded(&mut bench.command(way, &words));
        assert_eq!((ran.code(), ran.out().as_str()), (Some(4), "on\n"), "{way:?}: {ran}");
        until("its child notices", || bench.survivors().is_empty());
        bench.is_clean();
    }
}

/// vrift was told to ignore a signal, and its command is gone: those that are left live on.
#[test]
fn c_016_a_signal_ignored_from_the_start_does_not_end_vrift() {
    let bench = Bench::empty();
    let held = bench.sandbox.path("held");
    nix::unistd::mkfifo(&held, nix::sys::stat::Mode::S_IRWXU).expect("a new FIFO");
    for way in Way::VRIFT {
        // The child in the background opens the FIFO when its parent is gone.
        let script = "root=$$; (while kill -0 $root 2> /dev/null; do :; done; cat \"$0\"; \
                      echo left over) & exit 3";
        let words = ["sh".into(), "-c".into(), script.into(), held.clone().into_os_string()];
        let inner = bench.command(way, &words);
        let mut outer = bench.sandbox.natively(&["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]);
        outer.arg(inner.get_program()).args(inner.get_args()).stdout(Stdio::piped());
        let child = outer.spawn().expect("it starts");
        let writer = std::fs::File::options().write(true).open(&held).expect("it is read");
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGHUP).expect("it lives");
        drop(writer);
        let ran = finish(child);
        assert_eq!((ran.code(), ran.out().as_str()), (Some(3), "left over\n"), "{way:?}: {ran}");
    }
}
