//! What is refused, and outputs that take no more.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::kit::{Sandbox, run};

#[test]
fn refusals_name_what_was_meant() {
    let sandbox = Sandbox::new();
    for (options, expected) in [
        (&["--tre"][..], "'--tree'"),
        (&["--summry"], "'--summary'"),
        (&["-W"], "'-w'"),
        (&["-R"], "'-r'"),
        (&["-e", "opnat"], "did you mean 'openat'?"),
        (&["-e", "status=succesful"], "did you mean 'successful'?"),
        (&["-e", "quiet=exti"], "did you mean 'exit'?"),
        (&["-e", "signal=SIGFOO"], "no signal is called 'SIGFOO'"),
        (&["-e", "trace=/("], "is no regular expression"),
        (&["-e", "trase=openat"], "-e has no trase=; did you mean trace=?"),
        (&["-e", "frobnicate=openat"], "-e has no frobnicate="),
        (&["--abrev=all"], "'--abbrev"),
        (&["-e", "inject=all"], "-e inject= is not supported"),
        (&["-e", "read=3"], "-e read= is not supported"),
        (&["--decode-fds=pth"], "no detail of descriptors is called 'pth'; did you mean 'path'?"),
        (&["-y", "--decode-fds=dev"], "cannot be used with"),
        (&["-S", "tme"], "did you mean 'time'?"),
        (&["-U", "nam"], "did you mean 'name'?"),
        (&["-X", "rw"], "raw, abbrev, verbose"),
        (&["-D"], "-D/--daemonize is not supported"),
        (&["-k"], "-k/--stack-traces is not supported"),
        (&["-b", "execve"], "-b/--detach-on is not supported"),
        (&["-I", "2"], "this -I/--interruptible is not supported"),
        (&["-I", "anywhere"], "this -I/--interruptible is not supported"),
        (&["-I", "5"], "never_tstp"),
        (&["--tips=full"], "--tips is not supported"),
        (&["-u", "root"], "-u/--user is not supported"),
        (&["--absolute-timestamps=precision:n"], "no format or precision of times is called"),
        (&["--relative-timestamps=sec"], "no precision (s, ms, us, ns) is called 'sec'"),
        (&["--absolute-timestamps", "-t"], "cannot be used with"),
        (&["--inject=all"], "--inject is not supported"),
        (&["-c", "-O", "5x"], "no time (a number, and s, ms, us or ns) is called '5x'"),
        (&["-o", "|cat", "-ff"], "one command cannot read a file for each task"),
        (&["-o", "!cat", "--output-separately"], "one command cannot read a file for each task"),
        (&["-o", "/nonexistent/file"], "/nonexistent/file cannot be written"),
        (&["--timeline", "/nonexistent/file"], "/nonexistent/file cannot be written"),
        (&["-c", "--json"], "cannot be used with"),
        (&["-s", "1073741824"], "1073741824 is not in 0..=1073741823"),
        (&["-a", "2147483648"], "2147483648 is not in 0..=2147483647"),
    ] {
        let mut command = sandbox.vrift(["trace"]);
        let err = run(command.args(options).args(["--", "true"])).vrift_failed();
        assert!(err.contains(expected), "{options:?}: {err}");
    }
}

#[test]
fn what_strace_users_type_is_accepted() {
    let sandbox = Sandbox::new();
    for options in [
        &["-f"][..],
        &["-F"],
        &["-fqqTttyyi"],
        &["--seccomp-bpf", "-f"],
        &["--trace=openat", "--signal=none", "--status=failed"],
        &["-e", "trace=openat,?nosuchcall"],
        &["--string-limit=5", "--columns", "10"],
        &["--abbrev=none", "--verbose=all", "--raw=openat", "--quiet=exit"],
        &["--quiet", "-q"],
        &["-I", "3"],
        &["--interruptible=never"],
    ] {
        let mut command = sandbox.vrift(["trace", "-o", "/dev/null"]);
        run(command.args(options).args(["true", "-x", "--tree"])).fine();
    }
}

#[test]
fn a_full_disk_is_told_once_and_the_command_goes_on() {
    let sandbox = Sandbox::new();
    for options in [
        &["-o", "/dev/full"][..],
        &["-o", "/dev/full", "--json"],
        &["-o", "/dev/full", "-c"],
        &["-o", "/dev/null", "--timeline", "/dev/full"],
    ] {
        let mut command = sandbox.vrift(["trace"]);
        // More than any buffer holds, then a file to show that the command came to its end.
        let script = "for i in 1 2 3 4 5 6 7 8 9; do ls / /; done >there; exit 7";
        let ran = run(command.args(options).args(["sh", "-c", script]));
        assert_eq!(ran.code(), Some(7), "{options:?}: {ran}");
        let expected = "vrift: /dev/full takes no more of the trace, the command goes on without \
                        it: No space left on device (os error 28)\n";
        assert_eq!(ran.err(), expected, "{options:?}");
        assert!(sandbox.path("there").exists());
    }
}

/// The trace goes through a command, which has read and said all before vrift ends.
#[test]
fn a_command_reads_the_trace() {
    let sandbox = Sandbox::new();
    for (option, found) in [("-f", "getppid("), ("--json", "\"getppid\""), ("-c", " getppid")] {
        for sign in ['|', '!'] {
            let to = format!("{sign}sleep 0.2; grep -c '{}' >&2", found.replace('(', "[(]"));
            let mut command = sandbox.vrift(["trace", option, "-e", "t=getppid", "-o", &to]);
            let script = "import os\nfor i in range(5000): os.getppid()\nos.kill(os.getpid(), 15)";
            let Some(python) = crate::kit::python() else { return };
            let ran = run(command.args([python, "-c", script]));
            assert_eq!(ran.status.signal(), Some(15), "{option} {to}: {ran}");
            let lines = if option == "-c" { "1\n" } else { "5000\n" };
            assert_eq!(ran.err(), lines, "{option} {to}");
        }
    }
}

/// One that wants no more of it does not hold the command up, nor one that goes on without it.
#[test]
fn a_command_stops_reading() {
    let sandbox = Sandbox::new();
    for to in ["|exit 5", "|head -n 1 >/dev/null", "|exec <&-; sleep 0.2"] {
        let mut command = sandbox.vrift(["trace", "-o", to, "sh", "-c", "ls / >there; exit 7"]);
        let ran = run(&mut command);
        assert_eq!(ran.code(), Some(7), "{to}: {ran}");
        assert!(ran.err().lines().count() <= 1, "{to}: told more than once: {ran}");
        assert!(sandbox.path("there").exists(), "{to}");
        std::fs::remove_file(sandbox.path("there")).expect("it is there");
    }
}

#[test]
fn a_closed_pipe_ends_nothing() {
    let sandbox = Sandbox::new();
    for option in ["-f", "--json", "-c", "--tree"] {
        let mut command = sandbox.vrift(["trace", option, "sh", "-c", "ls / >there; exit 7"]);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = command.stderr(writer).stdout(Stdio::null()).status().expect("it starts");
        assert_eq!(status.code(), Some(7), "{option}");
        assert!(sandbox.path("there").exists(), "{option}");
    }
}

#[test]
fn a_slow_reader_gets_everything() {
    let sandbox = Sandbox::new();
    // The command makes the pipe that it shares with vrift non-blocking, as some programs do.
    let script = "import fcntl, os\n\
                  fcntl.fcntl(2, fcntl.F_SETFL, os.O_NONBLOCK | os.O_WRONLY)\n\
                  for i in range(3000): os.getppid()\n";
    let Some(python) = crate::kit::python() else { return };
    let mut command = sandbox.vrift(["trace", "-e", "getppid", python, "-c", script]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut child = command.stderr(writer).spawn().expect("it starts");
    // Our copy of the writing end goes, or the end would never come.
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("it is text");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(text.lines().filter(|line| line.starts_with("getppid(")).count(), 3000);
}
