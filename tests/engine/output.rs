//! Descriptors that are closed, full or gone: the command runs to its end, and an error is told.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::bench::{Bench, Way, guarded};
use crate::kit::skipped;

/// A command that makes some thousand calls and says that it has ended, in a file.
fn talkative(bench: &Bench) -> Vec<OsString> {
    let script = "i=0; while [ $i -lt 300 ]; do test -e /nonexistent/$i; i=$((i + 1)); done; \
                  echo ended > \"$0\"; exit 7";
    vec!["sh".into(), "-c".into(), script.into(), bench.sandbox.path("ended").into()]
}

#[track_caller]
fn has_ended(bench: &Bench) {
    let file = bench.sandbox.path("ended");
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), "ended\n");
    fs::remove_file(file).expect("it was just read");
    bench.is_clean();
}

/// A shell command around `vrift trace OPTIONS -- COMMAND`, which is `"$@"`.
fn around(bench: &Bench, script: &str, options: &[&str]) -> Command {
    let vrift = bench.sandbox.vrift(["trace"].iter().chain(options).chain(&["--"]));
    let mut outer = bench.sandbox.natively(&["sh", "-c", script, "sh"]);
    outer.arg(vrift.get_program()).args(vrift.get_args()).args(talkative(bench));
    outer
}

#[test]
fn c_136_a_trace_into_a_closed_pipe() {
    let bench = Bench::empty();
    for options in [&[][..], &["--json"], &["-c"]] {
        let script = "{ \"$@\" 2>&1; echo $? > \"${5:-status}.status\"; } | head -1";
        let script =
            script.replace("${5:-status}", &bench.sandbox.path("status").to_string_lossy());
        let ran = guarded(&mut around(&bench, &script, options));
        assert!(ran.status.success() && !ran.stdout.is_empty(), "{options:?}: {ran}");
        let status = fs::read_to_string(bench.sandbox.path("status.status"));
        assert_eq!(status.expect("the status was written"), "7\n", "{options:?}: {ran}");
        has_ended(&bench);
    }
}

#[test]
fn c_136_a_trace_onto_a_full_disk() {
    let bench = Bench::empty();
    for options in
        [&["-o", "/dev/full"][..], &["--json", "-o", "/dev/full"], &["-c", "-o", "/dev/full"]]
    {
        let mut vrift = bench.sandbox.vrift(["trace"].iter().chain(options).chain(&["--"]));
        let ran = guarded(vrift.args(talkative(&bench)));
        assert_eq!(ran.code(), Some(7), "{options:?}: {ran}");
        let err = ran.err();
        assert!(err.starts_with("vrift: ") && err.contains("No space left"), "{options:?}: {ran}");
        assert_eq!(err.lines().count(), 1, "{options:?}: told more than once: {ran}");
        has_ended(&bench);
    }
}

/// The trace goes to standard error, which is gone; the command does not care.
#[test]
fn c_136_a_trace_to_a_closed_standard_error() {
    let bench = Bench::empty();
    let ran = guarded(&mut around(&bench, "exec \"$@\" 2>&-", &[]));
    assert_eq!(ran.code(), Some(7), "{ran}");
    has_ended(&bench);
}

/// All three are closed: the command runs, and its status is told.
#[test]
fn c_091_without_any_standard_descriptor() {
    let bench = Bench::empty();
    for way in Way::VRIFT {
        let inner = bench.command(way, &talkative(&bench));
        let script = "exec \"$@\" <&- >&- 2>&-";
        let mut outer = bench.sandbox.natively(&["sh", "-c", script, "sh"]);
        let ran = guarded(outer.arg(inner.get_program()).args(inner.get_args()));
        assert_eq!(ran.code(), Some(7), "{way:?}: {ran}");
        has_ended(&bench);
    }
}

/// The reader is slow: it reads only after the command has written its last word. The trace is
/// larger than a pipe, so vrift has to wait, and then goes on.
#[test]
fn c_136_a_reader_that_is_slow() {
    let bench = Bench::empty();
    let fifo = bench.sandbox.path("held");
    if nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).is_err() {
        return skipped("there are no FIFOs here");
    }
    let mut vrift = bench.sandbox.vrift(["trace", "-o"]);
    vrift.arg(&fifo).arg("--").args(talkative(&bench));
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || {
            use std::io::Read;
            let mut file = fs::File::open(fifo).expect("vrift opens it too");
            let (mut total, mut one) = (Vec::new(), [0u8; 7]);
            loop {
                std::thread::yield_now();
                match file.read(&mut one).expect("a FIFO can be read") {
                    0 => return total,
                    n => total.extend_from_slice(&one[..n]),
                }
            }
        }
    });
    let ran = guarded(&mut vrift);
    assert_eq!(ran.code(), Some(7), "{ran}");
    let trace = reader.join().expect("the reader does not panic");
    let text = String::from_utf8_lossy(&trace);
    assert!(text.contains("/nonexistent/299") && text.ends_with("+++ exited with 7 +++\n"));
    has_ended(&bench);
}
