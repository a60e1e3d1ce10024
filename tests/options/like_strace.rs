//! Options that strace has: vrift's lines are strace's lines.
//!
//! The program is `fixtures/guests/options.c`, one process that makes the same calls each time.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::kit::{Sandbox, have, line_difference, run};
use crate::mask::{Mask, masked};

/// Both tracers, the program, and the directory it starts in.
struct Pair {
    sandbox: Sandbox,
    program: PathBuf,
}

impl Pair {
    fn new() -> Option<Pair> {
        Pair::of("options")
    }

    fn of(guest: &str) -> Option<Pair> {
        if !have("strace") {
            return None;
        }
        let sandbox = Sandbox::new();
        let program = sandbox.guest(guest)?;
        Some(Pair { sandbox, program })
    }

    /// What a tracer with these options prints; it starts in an empty directory.
    fn lines(&self, tracer: &[&str], options: &[&str]) -> Vec<String> {
        let start = self.sandbox.path("start");
        let _ = fs::remove_dir_all(&start);
        fs::create_dir(&start).expect("the sandbox is writable");
        let mut command = match tracer {
            ["vrift", rest @ ..] => self.sandbox.vrift(rest),
            _ => self.sandbox.natively(tracer),
        };
        let ran = run(command.args(options).arg(&self.program).current_dir(&start));
        assert_eq!(ran.code(), Some(3), "{tracer:?} {options:?}: {ran}");
        ran.err().lines().map(str::to_owned).collect()
    }

    /// Both with the same options; `skip` names beginnings of lines that may differ.
    fn compare(&self, options: &[&str], mask: Mask, skip: &[&str]) -> Result<(), String> {
        let shown = |lines: Vec<String>| {
            let kept = lines.iter().filter(|line| !skip.iter().any(|word| line.contains(word)));
            kept.map(|line| masked(line, mask)).collect::<Vec<_>>()
        };
        let strace = shown(self.lines(&["strace"], options));
        let vrift = shown(self.lines(&["vrift", "trace"], options));
        let count = strace.len();
        if strace == vrift {
            return Ok(());
        }
        let difference = line_difference(&strace.join("\n"), &vrift.join("\n"));
        Err(format!("=== {options:?}, {count} lines\n{difference}"))
    }
}

/// Wants equal lines for each set of options and reports all differences at once.
fn agree(cases: &[&[&str]], mask: Mask, skip: &[&str]) {
    if let Some(pair) = Pair::new() {
        agree_on(&pair, cases, mask, skip);
    }
}

fn agree_on(pair: &Pair, cases: &[&[&str]], mask: Mask, skip: &[&str]) {
    let wrong: Vec<_> =
        cases.iter().filter_map(|options| pair.compare(options, mask, skip).err()).collect();
    assert!(wrong.is_empty(), "- strace, + vrift\n{}", wrong.join("\n"));
}

#[test]
fn filters_choose_the_same_lines() {
    let cases: &[&[&str]] = &[
        &[],
        &["-z"],
        &["-Z"],
        &["-q"],
        &["-qq"],
        &["-e", "trace=/^(open|close|.*at$)"],
        &["-e", "t=openat", "-e", "signal=none"],
        &["-e", "signal=!SIGWINCH", "-e", "status=failed", "-e", "trace=%file"],
        &["-e", "s=winch", "-e", "trace=none"],
        &["-e", "status=unfinished"],
        &["-e", "status=!successful"],
        &["-e", "quiet=exit", "-e", "!mmap,mprotect"],
        &["-e", "silent=all", "-e", "trace=%desc"],
        &["--silent=all", "--signals=none"],
        &["-P", "a <b>\t1"],
        &["-P", "/dev/null", "-P", "missing"],
        &["-e", "trace=openat", "-P", "/dev/null"],
        &["-e", "trace=%%statfs"],
    ];
    agree(cases, Mask::Ids, &[]);
    // strace says besides that it takes the last of the two.
    agree(&[&["-z", "-Z"], &["-Z", "-z"]], Mask::Ids, &["Only the last of"]);
}

/// Both say what a path of `-P` leads to, if that is another, each under its own name.
#[test]
fn paths_that_lead_elsewhere_are_told() {
    let Some(pair) = Pair::new() else { return };
    let told = |tracer: &[&str], options: &[&str]| -> Vec<String> {
        let start = format!("{}: Requested path ", tracer[0]);
        let lines = pair.lines(tracer, options);
        lines.iter().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    };
    let cases: &[(&[&str], usize)] = &[
        (&["-P", "/usr/../dev/null", "-P", "/dev/null", "-P", "/no/../where", "-P", "/usr/"], 2),
        (&["-qqq", "-P", "/usr/"], 1),
        (&["-e", "quiet=path-resolution", "-P", "/usr/"], 0),
        (&["--silent=all", "-P", "/usr/"], 0),
    ];
    for (options, count) in cases {
        let strace = told(&["strace"], options);
        assert_eq!(strace.len(), *count, "{options:?}: {strace:?}");
        assert_eq!(told(&["vrift", "trace"], options), strace, "{options:?}");
    }
}

/// Every number belongs to the classes to which strace has it belong. vrift may know numbers that strace does not.
#[test]
fn classes_have_the_same_calls() {
    let Some(pair) = Pair::of("numbers") else { return };
    let names = |tracer: &[&str], class: &str| -> Vec<String> {
        let trace = format!("trace={class}");
        let lines = pair.lines(tracer, &["-qq", "-e", "signal=none", "-e", &trace]);
        let name = |line: &String| line.split_once('(').map(|(name, _)| name.to_owned());
        let is_name = |name: &String| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !name.starts_with("syscall_")
        };
        lines.iter().filter_map(name).filter(is_name).collect()
    };
    let (strace, vrift) = (&["strace"][..], &["vrift", "trace"][..]);
    let known: BTreeSet<String> = names(strace, "all").into_iter().collect();
    // What is older than some architectures, these never had.
    let least = if cfg!(target_arch = "x86_64") { 300 } else { 250 };
    assert!(known.len() > least, "{known:?}");
    for class in [
        "all", "%file", "%desc", "%process", "%memory", "%signal", "%network", "%net", "%ipc",
        "%creds", "%clock", "%stat", "%lstat", "%fstat", "%statfs", "%fstatfs", "%%stat",
        "%%statfs", "%pure", "file", "desc", "process", "memory", "signal", "network", "ipc",
    ] {
        let mut found = names(vrift, class);
        found.retain(|name| known.contains(name));
        assert_eq!(found, names(strace, class), "{class}");
    }
}

/// Calls of 32 bits are chosen by themselves, and numbers that are none are always shown. That strace tells of modes in
/// which nothing is shown is a matter of its looking at every call.
#[test]
fn calls_are_chosen_by_width() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let Some(pair) = Pair::of("widths") else { return };
    let lists = [
        "close",
        "close@32",
        "close@64",
        "close@x32",
        "!close@32",
        "%file@32",
        "%file@64,getpid@32",
        "3",
        "6@32",
        "all@32",
        "!all@32",
        "/close@32",
        "/^(close|stat)@64",
        "socketcall@32",
        "?getpid@64,?foo@32",
        "none",
    ];
    for qualifier in ["trace=", "raw="] {
        let expressions = lists.map(|list| format!("{qualifier}{list}"));
        let cases = expressions.each_ref().map(|expression| ["-e", expression.as_str()]);
        let cases = cases.each_ref().map(|case| &case[..]);
        // Ids are in numbers of either base.
        agree_on(&pair, &cases, Mask::Ids, &["[ Process PID", "getpid", "set_tid_address"]);
    }
    for options in [
        &["-c", "-S", "nothing", "-U", "calls,errors,name"][..],
        &["-c", "-S", "name", "-U", "calls,name"],
    ] {
        let strace = pair.lines(&["strace"], options);
        let strace: Vec<_> = strace.iter().filter(|line| !line.contains("[ Process PID")).collect();
        let vrift = pair.lines(&["vrift", "trace"], options);
        let vrift: Vec<_> = vrift.iter().filter(|line| !line.contains("[ Process PID")).collect();
        assert_eq!(vrift, strace, "{options:?}");
    }
}

#[test]
fn lines_begin_the_same() {
    let cases: &[&[&str]] = &[
        &["-t"],
        &["-tt"],
        &["-ttt"],
        &["-r"],
        &["-r", "-tt"],
        &["-T"],
        &["-i"],
        &["-n"],
        &["-tt", "-n", "-i", "-T"],
        &["-Z", "-r", "-T"],
    ];
    agree(cases, Mask::Numbers, &[]);
}

/// The forms of times, by name: as many digits, whatever they are.
#[test]
fn times_are_as_fine() {
    let Some(pair) = Pair::new() else { return };
    let shape = |line: &String| {
        let start = line.find(|c: char| c.is_ascii_alphabetic() || c == '<').unwrap_or(0);
        let end = line.rfind('<').filter(|_| line.ends_with('>')).unwrap_or(line.len());
        let shown = format!("{} {}", &line[..start], &line[end..]);
        shown.replace(|c: char| c.is_ascii_digit(), "9")
    };
    for options in [
        &["--absolute-timestamps"][..],
        &["--timestamps=ms"],
        &["--absolute-timestamps=format:unix,precision:ns"],
        &["--absolute-timestamps=unix", "-r"],
        &["--absolute-timestamps=none,us", "--relative-timestamps=ns"],
        &["--absolute-timestamps=us,time", "--relative-timestamps=s"],
        &["--relative-timestamps=ms", "--syscall-times=s"],
        &["--relative-timestamps", "--syscall-times"],
        &["-rT", "--syscall-times=ns"],
        &["-r", "-tt", "--relative-timestamps=ms"],
    ] {
        let only = [options, &["-e", "%file", "-s", "1", "-s", "20"]].concat();
        let [strace, vrift] = [&["strace"][..], &["vrift", "trace"]]
            .map(|tracer| pair.lines(tracer, &only).iter().map(shape).collect::<Vec<_>>());
        assert_eq!(vrift, strace, "{options:?}");
    }
}

#[test]
fn columns_and_lengths_are_the_same() {
    let cases: &[&[&str]] =
        &[&["-s", "5"], &["-s", "0"], &["-s", "200"], &["-a", "20"], &["-a", "70000"]];
    agree(cases, Mask::Ids, &[]);
    let Some(pair) = Pair::new() else { return };
    // Here blanks count, and nothing is hidden but what is in parentheses.
    for options in
        [["-e", "close", "-e", "s=none", "-a", "12"], ["-e", "umask", "-e", "s=none", "-a", "60"]]
    {
        let strace = pair.lines(&["strace"], &options);
        assert_eq!(pair.lines(&["vrift", "trace"], &options), strace, "{options:?}");
    }
}

#[test]
fn strings_and_descriptors_are_spelled_the_same() {
    let cases: &[&[&str]] = &[
        &["-x"],
        &["-xx"],
        &["-y"],
        &["-yy"],
        &["-y", "-e", "raw=openat"],
        &["--decode-fds=all"],
        &["--decode-fds=dev"],
        &["--decode-fds=socket,path"],
        &["--decode-fds=!socket"],
        &["-e", "decode-fds=pidfd,dev"],
        &["-e", "decode-fds=!path", "-e", "decode-fd=none"],
        &["--strings-in-hex=non-ascii-chars"],
        &["--strings-in-hex=non-ascii-chars", "--decode-fds"],
        &["--decode-fds"],
        &["--strings-in-hex=non-ascii"],
        &["--strings-in-hex"],
    ];
    agree(cases, Mask::Ids, &[]);
}

#[test]
fn structures_are_looked_into_the_same() {
    let cases: &[&[&str]] = &[
        &["-v"],
        &["-e", "abbrev=none"],
        &["-e", "abbrev=!newfstatat"],
        &["-e", "verbose=none"],
        &["-e", "verbose=!uname", "-e", "abbrev=uname,execve"],
    ];
    agree(cases, Mask::Numbers, &[]);
}

#[test]
fn constants_are_spelled_the_same() {
    let cases: &[&[&str]] = &[&["-X", "raw"], &["-X", "verbose"], &["-X", "abbrev"]];
    agree(cases, Mask::Ids, &[]);
    agree(&[&["-X", "verbose", "-v"]], Mask::Numbers, &[]);
    let ids = &["getpid", "gettid", "tgkill", "set_tid_address"];
    agree(&[&["-e", "raw=all"], &["-e", "raw=openat,exit_group,poll"]], Mask::Ids, ids);
}

#[test]
fn tables_are_the_same() {
    let Some(pair) = Pair::new() else { return };
    for options in [
        &["-c", "-S", "name", "-U", "name,calls,errors"][..],
        &["-c", "-S", "calls", "-U", "calls,errors,name"],
        &["-c", "-S", "nothing", "-U", "errors,calls,name"],
        &["-c", "-S", "errors", "-U", "errors,name", "-Z"],
        &["-c", "-S", "name", "-U", "name,calls", "-e", "trace=%file"],
    ] {
        let strace = pair.lines(&["strace"], options);
        assert_eq!(pair.lines(&["vrift", "trace"], options), strace, "{options:?}");
    }
    // Times differ; their places do not.
    for options in [
        &["-c", "-S", "name"][..],
        &["-c", "-w", "-S", "name"],
        &["-c", "-S", "name", "-U", "max-time,min-time,avg-time,total-time,time-percent,name"],
    ] {
        let shape = |lines: Vec<String>| -> Vec<String> {
            lines.iter().map(|line| line.replace(|c: char| c.is_ascii_digit(), "9")).collect()
        };
        let strace = shape(pair.lines(&["strace"], options));
        let vrift = shape(pair.lines(&["vrift", "trace"], options));
        assert_eq!(vrift[..2], strace[..2], "{options:?}");
        assert_eq!(vrift.len(), strace.len(), "{options:?}");
        let name = |line: &String| line.split(' ').next_back().map(str::to_owned);
        assert!(vrift.iter().map(name).eq(strace.iter().map(name)), "{options:?}");
    }
    // No call takes so long.
    for options in [&["-c", "-O", "1000s", "-S", "name"][..], &["-wc", "-O1000s", "-S", "name"]] {
        let strace = pair.lines(&["strace"], options);
        assert_eq!(pair.lines(&["vrift", "trace"], options), strace, "{options:?}");
    }
    let both = pair.lines(&["vrift", "trace"], &["-C", "-e", "trace=close"]);
    let table = both.iter().position(|line| line.starts_with("% time")).expect("a table");
    assert!(both[..table].iter().any(|line| line.starts_with("close(999)")), "{both:#?}");
}

#[test]
fn each_process_has_its_file() {
    let Some(pair) = Pair::new() else { return };
    let script = "/bin/true; umask 27";
    let files = |tracer: &[&str], name: &str| {
        let out = pair.sandbox.path(name);
        let mut command = match tracer {
            ["vrift", rest @ ..] => pair.sandbox.vrift(rest),
            _ => pair.sandbox.natively(tracer),
        };
        // Whether the shell waits when its child ends, or comes too late, is a matter of luck.
        let calls = "!getpid,getppid,getrandom,%memory,read,rt_sigreturn";
        command.args(["-ff", "-e", calls, "-e", "signal=none", "-o"]).arg(&out);
        let ran = run(command.args(["sh", "-c", script]));
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran}");
        let entries = fs::read_dir(pair.sandbox.path("")).expect("the sandbox").flatten();
        let mine = entries.filter(|e| e.file_name().to_string_lossy().starts_with(name));
        let mut texts: Vec<String> = mine
            .map(|entry| {
                let text = fs::read_to_string(entry.path()).expect("it is text");
                let lines = text.lines().map(|line| masked(line, Mask::Ids));
                lines.collect::<Vec<_>>().join("\n")
            })
            .collect();
        texts.sort();
        texts
    };
    let strace = files(&["strace"], "s.out");
    assert_eq!(strace.len(), 2, "a shell and /bin/true");
    assert_eq!(files(&["vrift", "trace"], "v.out"), strace);
}

#[test]
fn the_environment_is_changed() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.vrift(["trace", "-o", "/dev/null", "-E", "NEW=a=b", "-E", "TZ"]);
    let out = run(command.args(["-E", "LC_ALL=POSIX", "env"])).fine();
    let has = |line| out.lines().any(|other| other == line);
    assert!(has("NEW=a=b") && has("LC_ALL=POSIX"), "{out}");
    assert!(!out.contains("TZ="), "{out}");
}

#[test]
fn what_is_for_files_has_no_effect_without_one() {
    let Some(pair) = Pair::new() else { return };
    for option in ["-A", "--output-append-mode", "--output-separately"] {
        let first = |tracer: &[&str]| {
            let lines = pair.lines(tracer, &[option, "-e", "umask"]);
            lines.first().and_then(|line| line.split_once(": ")).map(|(_, text)| text.to_owned())
        };
        assert_eq!(first(&["vrift", "trace"]), first(&["strace"]), "{option}");
    }
}

#[test]
fn output_can_be_appended() {
    let sandbox = Sandbox::new();
    let out = sandbox.path("out");
    for (options, lines) in [(&["-o"][..], 1), (&["-A", "-o"], 2), (&["-o"], 1)] {
        let mut command = sandbox.vrift(["trace", "-e", "none"]);
        run(command.args(options).arg(&out).arg("true")).fine();
        assert_eq!(fs::read_to_string(&out).expect("it was made").lines().count(), lines);
    }
}

/// What goes on after a stop under another name says which call it was.
#[test]
fn a_call_that_goes_on_is_named() {
    let Some(pair) = Pair::new() else { return };
    let Some(python) = crate::kit::python() else { return };
    let script = "import os, select, signal, time\n\
                  pid = os.fork()\n\
                  if pid == 0: select.poll().poll(60000)\n\
                  def wait(states):\n\
                  \x20 while open(f'/proc/{pid}/stat').read().rsplit(')')[1].split()[0] not in states:\n\
                  \x20   time.sleep(0.01)\n\
                  wait('S'); os.kill(pid, signal.SIGSTOP); wait('Tt'); time.sleep(0.1)\n\
                  os.kill(pid, signal.SIGCONT); wait('S'); os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)\n";
    let resumed = |tracer: &[&str]| {
        let mut command = match tracer {
            ["vrift", rest @ ..] => pair.sandbox.vrift(rest),
            _ => pair.sandbox.natively(tracer),
        };
        let ran = run(command
            .args(["-f", "-e", "poll,restart_syscall"])
            .arg(python)
            .args(["-c", script]));
        let line =
            ran.err().lines().find(|line| line.contains("restart_syscall(")).map(str::to_owned);
        let line = line.unwrap_or_else(|| panic!("{tracer:?}: {ran}"));
        let text = line.split_once("restart_syscall(").expect("it was found").1;
        // Whether the parent's next call or the child's end comes first is a matter of luck.
        text.split(')').next().map(|text| text.trim_end_matches(" <unfinished ...>").to_owned())
    };
    let strace = resumed(&["strace"]);
    assert!(strace.as_ref().is_some_and(|text| text.contains("interrupted poll")), "{strace:?}");
    assert_eq!(resumed(&["vrift", "trace"]), strace);
}

/// A call that is shown whole when it is entered may yet have had more to say when it returns.
#[test]
fn waits_that_never_end_are_told_as_unfinished() {
    let Some(pair) = Pair::of("endless") else { return };
    let waits = "poll,select,ppoll,pselect6,epoll_pwait,nanosleep,rt_sigsuspend";
    agree_on(&pair, &[&["-f", "-qq", "-e", "signal=none", "-e", waits]], Mask::Numbers, &[]);
}

/// Ids stand before lines as soon as there are two tasks, whether or not anything is shown of both.
#[test]
fn tasks_count_that_nothing_is_shown_of() {
    let Some(pair) = Pair::new() else { return };
    let script = "(exec sed -n w/dev/null /etc/hosts) && sh -c 'echo 1; (echo 2)'";
    for calls in ["write", "openat"] {
        let led = |tracer: &[&str]| {
            let mut command = match tracer {
                ["vrift", rest @ ..] => pair.sandbox.vrift(rest),
                _ => pair.sandbox.natively(tracer),
            };
            let ran = run(command.args(["-f", "-qq", "-e", calls, "sh", "-c", script]));
            let of_call = |line: &&str| line.contains(calls) && !line.contains(" resumed>");
            let shown = ran.err();
            let led = shown.lines().filter(of_call).map(|line| line.starts_with("[pid "));
            led.collect::<Vec<_>>()
        };
        assert_eq!(led(&["vrift", "trace"]), led(&["strace"]), "{calls}");
    }
}
