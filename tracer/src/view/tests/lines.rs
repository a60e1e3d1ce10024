//! Lines of several tasks: which line a task's half belongs to, and how tasks are named.
//!
//! Expected texts follow `strace -f` 6.1 on programs that fork, block and die in these ways.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::memory::Regions;
use crate::call::{Abi, Outcome};
use crate::view::json::Json;
use crate::view::spelled::{Comma, ResultForm, Spelled, Split};
use crate::view::text::{Flush, Layout, Prefix, Show, Text};
use crate::view::value::{Cut, Quoting, Text as Bytes, Value};
use crate::view::{Core, Event, Filter, Note, Seat, Sink, Speller, Words};

fn call(name: &'static str, args: impl Into<Vec<Value>>) -> Spelled {
    let result = ResultForm::default();
    let split = Split::Pending(Comma::Now);
    Spelled {
        number: 0,
        ip: 0,
        name: name.into(),
        args: args.into(),
        result,
        split,
        kept: 0,
        abi: Abi::Native,
        meant: None,
    }
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Str(Bytes { bytes: bytes.to_vec(), cut: Cut::Whole, quoting: Quoting::Octal })
}

fn leave(call: &Spelled, outcome: Outcome) -> Event<'_> {
    let (spent, system) = (Duration::from_millis(2), Duration::from_millis(1));
    Event::Leave { call, outcome, note: None, spent, system }
}

fn write(sink: &mut dyn Sink, events: &[(i32, Event<'_>)]) {
    for (tid, event) in events {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        sink.event(Pid::from_raw(*tid), at, event).expect("to memory");
    }
    sink.finish().expect("to memory");
}

fn text(prefix: Prefix, events: &[(i32, Event<'_>)]) -> String {
    let mut text = Text::new(Vec::new(), Layout::new(prefix, 40), Flush::WhenFull);
    write(&mut text, events);
    let mut watched = Text::new(Vec::new(), Layout::new(prefix, 40), Flush::EachEvent);
    write(&mut watched, events);
    assert_eq!(text.get_ref(), watched.get_ref(), "flushing changes nothing");
    String::from_utf8_lossy(text.get_ref()).into_owned()
}

#[test]
fn another_tasks_line_splits_a_call() {
    let read = call("read", [Value::Fd(3), Value::Pending, Value::UInt(10)]);
    let read_done = call("read", [Value::Fd(3), bytes(b"ab"), Value::UInt(10)]);
    let close = call("close", [Value::Fd(3)]);
    let events = [
        (17, Event::Enter { call: &read }),
        (18, Event::Enter { call: &close }),
        (17, leave(&read_done, Outcome::Value(2))),
        (18, leave(&close, Outcome::Error(Errno::EBADF))),
        (17, Event::Enter { call: &close }),
        (17, leave(&close, Outcome::Value(0))),
    ];
    let expected = "\
17    read(3,  <unfinished ...>
18    close(3 <unfinished ...>
17    <... read resumed>\"ab\", 10)       = 2
18    <... close resumed>)              = -1 EBADF (Bad file descriptor)
17    close(3)                          = 0
";
    assert_eq!(text(Prefix::Always, &events), expected);
}

#[test]
fn calls_that_split_elsewhere() {
    let mut clone = call(
        "clone",
        [
            Value::Addr(0).named("child_stack"),
            Value::name("SIGCHLD").named("flags"),
            Value::Addr(0x77).named("child_tidptr"),
        ],
    );
    clone.split = Split::After(2);
    let mut ioctl = call("ioctl", [Value::Fd(0), Value::name("TCGETS"), Value::Pending]);
    ioctl.split = Split::Pending(Comma::Later);
    let mut ioctl_done = ioctl.clone();
    ioctl_done.args[2] = Value::Addr(0x1000);
    let one = |n| Value::Array(vec![Value::Int(n)]);
    let mut sendfile = call("sendfile", [Value::Fd(3), Value::Fd(4), one(0), Value::UInt(9)]);
    sendfile.split = Split::After(3);
    let mut sendfile_done = sendfile.clone();
    sendfile_done.args[2] = one(0).changed_to(one(9));
    let sync = call("sync", []);
    let events = [
        (1, Event::Enter { call: &clone }),
        (2, Event::Enter { call: &ioctl }),
        (3, Event::Enter { call: &sendfile }),
        (4, Event::Enter { call: &sync }),
        (1, leave(&clone, Outcome::Value(5))),
        (2, leave(&ioctl_done, Outcome::Error(Errno::ENOTTY))),
        (3, leave(&sendfile_done, Outcome::Value(9))),
        (4, leave(&sync, Outcome::Value(0))),
        (3, leave(&sendfile_done, Outcome::Value(9))),
    ];
    let expected = "\
1     clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
2     ioctl(0, TCGETS <unfinished ...>
3     sendfile(3, 4, [0] <unfinished ...>
4     sync( <unfinished ...>
1     <... clone resumed>, child_tidptr=0x77) = 5
2     <... ioctl resumed>, 0x1000)      = -1 ENOTTY (Inappropriate ioctl for device)
3     <... sendfile resumed> => [9], 9) = 9
4     <... sync resumed>)               = 0
3     sendfile(3, 4, [0] => [9], 9)     = 9
";
    assert_eq!(text(Prefix::Always, &events), expected);
}

#[test]
fn the_prefix_on_a_terminal_needs_two_tasks() {
    let vfork = call("vfork", []);
    let close = call("close", [Value::Fd(3)]);
    let events = [
        (21701, Event::Enter { call: &vfork }),
        (21702, Event::Enter { call: &close }),
        (21702, leave(&close, Outcome::Value(0))),
        (21701, leave(&vfork, Outcome::Value(21702))),
        (21702, Event::Exited { code: 0 }),
        (21701, leave(&close, Outcome::Value(0))),
        (21701, leave(&vfork, Outcome::Value(21703))),
        (21701, leave(&close, Outcome::Value(0))),
        (21703, Event::Killed { signo: 15, core: Core::None }),
        (21701, Event::Exited { code: 1 }),
    ];
    let expected = "\
vfork( <unfinished ...>
[pid 21702] close(3)                    = 0
[pid 21701] <... vfork resumed>)        = 21702
[pid 21702] +++ exited with 0 +++
close(3)                                = 0
vfork()                                 = 21703
[pid 21701] close(3)                    = 0
[pid 21703] +++ killed by SIGTERM +++
+++ exited with 1 +++
";
    assert_eq!(text(Prefix::WhenMany, &events), expected);
}

#[test]
fn tasks_that_end_inside_a_call() {
    let pause = call("pause", []);
    let read = call("read", [Value::Fd(3), Value::Pending, Value::UInt(1)]);
    let exit = call("exit_group", [Value::Int(3)]);
    let events = [
        (1, Event::Enter { call: &pause }),
        (2, Event::Enter { call: &read }),
        (1, Event::Killed { signo: 9, core: Core::None }),
        (2, Event::Killed { signo: 11, core: Core::Dumped }),
        (3, Event::Enter { call: &exit }),
        (3, leave(&exit, Outcome::Never)),
        (3, Event::Exited { code: 3 }),
        (4, Event::Enter { call: &read }),
        (4, leave(&read, Outcome::Never)),
        (4, Event::Exited { code: 0 }),
    ];
    let expected = "\
1     pause( <unfinished ...>
2     read(3,  <unfinished ...>
1     <... pause resumed>)              = ?
1     +++ killed by SIGKILL +++
2     <... read resumed> <unfinished ...>) = ?
2     +++ killed by SIGSEGV (core dumped) +++
3     exit_group(3)                     = ?
3     +++ exited with 3 +++
4     read(3,  <unfinished ...>)        = ?
4     +++ exited with 0 +++
";
    assert_eq!(text(Prefix::Always, &events), expected);
}

#[test]
fn execve_from_a_thread_takes_the_leaders_id() {
    let futex = call("futex", [Value::Addr(0x10)]);
    let execve = call("execve", [bytes(b"/bin/true")]);
    let events = [
        (76, Event::Enter { call: &futex }),
        (77, Event::Enter { call: &execve }),
        (76, Event::Superseded { by: Pid::from_raw(77) }),
        (76, leave(&execve, Outcome::Value(0))),
        (76, Event::Exited { code: 0 }),
    ];
    let expected = "\
76    futex(0x10 <unfinished ...>
77    execve(\"/bin/true\" <unfinished ...>
76    <... futex resumed>)              = ?
76    +++ superseded by execve in pid 77 +++
76    <... execve resumed>)             = 0
76    +++ exited with 0 +++
";
    assert_eq!(text(Prefix::Always, &events), expected);
}

/// What comes with the signal of a child that exited.
fn child_exited() -> Value {
    let mut info = [0; 128];
    for (at, value) in [(0, 17), (8, 1), (16, 1234), (24, 2)] {
        info[at..at + 4].copy_from_slice(&i32::to_ne_bytes(value));
    }
    let memory = Regions::default();
    Speller::default().signal(&info, &Seat::unmounted(Pid::from_raw(-1), &memory))
}

#[test]
fn signals_stops_and_restarts() {
    let pause = call("pause", []);
    let events = [
        (1, leave(&pause, Outcome::Restarts(514))),
        (1, Event::Signal { signo: 17, info: Some(child_exited()), ip: None }),
        (1, Event::Signal { signo: 19, info: None, ip: None }),
        (1, Event::Stopped { signo: 20 }),
    ];
    let expected = "\
pause()                                 = ? ERESTARTNOHAND (To be restarted if no handler)
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=1234, si_uid=0, si_status=2, \
si_utime=0, si_stime=0} ---
--- SIGSTOP ---
--- stopped by SIGTSTP ---
";
    assert_eq!(text(Prefix::Never, &events), expected);
}

#[test]
fn notes_follow_the_result() {
    let open = call("openat", [Value::name("AT_FDCWD"), bytes(b"/vrift/a")]);
    let erofs = Note::Refused { errno: Errno::EROFS, why: None };
    let enosys = Note::Refused { errno: Errno::ENOSYS, why: Some("not modelled") };
    let cases = [
        (Note::Blob("3fa9c1d2e4b5061728394a5b".to_owned()), " ⇒ blob 3fa9c1d2e4b5…"),
        (Note::Manifest, " [manifest]"),
        (erofs, " [refused EROFS]"),
        (enosys, " [refused ENOSYS: not modelled]"),
        (Note::Redirected(PathBuf::from("/staging/a")), " ⇒ /staging/a"),
    ];
    for (note, expected) in cases {
        let (spent, system) = (Duration::ZERO, Duration::ZERO);
        let outcome = Outcome::Value(3);
        let event = Event::Leave { call: &open, outcome, note: Some(&note), spent, system };
        let line = text(Prefix::Never, &[(1, event)]);
        let tail = line.split("= 3").nth(1).map(str::trim_end);
        assert_eq!(tail, Some(expected), "{note:?}");
    }
}

#[test]
fn json_lines_keep_types_and_bytes() {
    let cut =
        Value::Str(Bytes { bytes: b"a\n".to_vec(), cut: Cut::Short, quoting: Quoting::Octal });
    let read = call("read", [Value::Fd(3), cut, Value::UInt(10)]);
    let open = call("openat", [Value::name("AT_FDCWD"), bytes(b"/\xff"), Value::Addr(0)]);
    let manifest = Note::Manifest;
    let (spent, system) = (Duration::ZERO, Duration::ZERO);
    let outcome = Outcome::Error(Errno::ENOENT);
    let refused = Event::Leave { call: &open, outcome, note: Some(&manifest), spent, system };
    let mut json = Json::new(Vec::new(), Filter::default());
    let events = [
        (7, Event::Enter { call: &read }),
        (7, leave(&read, Outcome::Value(2))),
        (7, refused),
        (7, Event::Stopped { signo: 20 }),
        (7, Event::Killed { signo: 9, core: Core::None }),
    ];
    write(&mut json, &events);
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(json.get_ref())
        .lines()
        .map(|line| serde_json::from_str(line).expect("valid JSON"))
        .collect();
    let expected = [
        serde_json::json!({
            "v": 1, "pid": 7, "time": 1.5, "call": "read", "nr": 0,
            "args": [3, {"text": "a\n", "cut": true}, 10],
            "result": {"value": 2}, "spent": 0.002, "system": 0.001,
        }),
        serde_json::json!({
            "v": 1, "pid": 7, "time": 1.5, "call": "openat", "nr": 0,
            "args": ["AT_FDCWD", {"bytes": "2fff"}, null],
            "result": {"value": -1}, "errno": "ENOENT", "spent": 0.0, "system": 0.0,
            "note": {"manifest": true},
        }),
        serde_json::json!({"v": 1, "pid": 7, "time": 1.5, "stopped": "SIGTSTP"}),
        serde_json::json!({"v": 1, "pid": 7, "time": 1.5, "killed": "SIGKILL", "core": false}),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_call_waits_for_its_outcome_where_that_decides() {
    let read = call("read", [Value::Fd(3), Value::Pending, Value::UInt(10)]);
    let read_failed = call("read", [Value::Fd(3), Value::Addr(0), Value::UInt(10)]);
    let close = call("close", [Value::Fd(3)]);
    let events = [
        (17, Event::Enter { call: &read }),
        (18, Event::Enter { call: &close }),
        (18, leave(&close, Outcome::Value(0))),
        (17, leave(&read_failed, Outcome::Error(Errno::EBADF))),
        (18, Event::Enter { call: &read }),
        (18, Event::Exited { code: 0 }),
        (17, Event::Exited { code: 0 }),
    ];
    let shown = |list: &str| {
        let statuses = Words::statuses(list).expect("statuses");
        let filter = Filter { statuses, ..Filter::default() };
        let layout = Layout { filter, ..Layout::new(Prefix::Always, 40) };
        let mut text = Text::new(Vec::new(), layout, Flush::WhenFull);
        write(&mut text, &events);
        String::from_utf8_lossy(text.get_ref()).into_owned()
    };
    let ends = "18    +++ exited with 0 +++\n17    +++ exited with 0 +++\n";
    let failed = "17    read(3, NULL, 10)                 = -1 EBADF (Bad file descriptor)\n";
    assert_eq!(shown("failed"), format!("{failed}{ends}"));
    let successful = "18    close(3)                          = 0\n";
    assert_eq!(shown("successful"), format!("{successful}{ends}"));
    let unfinished = "18    read(3,  <unfinished ...>)        = ?\n";
    assert_eq!(shown("unfinished"), format!("{unfinished}{ends}"));
}

#[test]
fn a_change_of_mode_is_told_before_the_call_that_shows_it() {
    let wide = call("close", [Value::Fd(3)]);
    let narrow = Spelled { abi: Abi::Compat, ..call("close", [Value::Fd(4)]) };
    let fork = Spelled { abi: Abi::Compat, ..call("fork", []) };
    let events = [
        (17, Event::Enter { call: &wide }),
        (17, leave(&wide, Outcome::Value(0))),
        (17, Event::Enter { call: &narrow }),
        (17, leave(&narrow, Outcome::Value(0))),
        (17, Event::Enter { call: &fork }),
        (17, leave(&fork, Outcome::Value(18))),
        (17, Event::Enter { call: &wide }),
        (17, leave(&wide, Outcome::Value(0))),
        (18, Event::Enter { call: &narrow }),
        (18, leave(&narrow, Outcome::Value(0))),
    ];
    let shown = |modes, quiet| {
        let filter = Filter { quiet, ..Filter::default() };
        let layout = Layout { modes, filter, ..Layout::new(Prefix::Always, 0) };
        let mut text = Text::new(Vec::new(), layout, Flush::WhenFull);
        write(&mut text, &events);
        String::from_utf8_lossy(text.get_ref()).into_owned()
    };
    let told = "17    close(3) = 0\n\
        17    [ Process PID=17 runs in 32 bit mode. ]\n\
        17    close(4) = 0\n\
        17    fork() = 18\n\
        17    [ Process PID=17 runs in 64 bit mode. ]\n\
        17    close(3) = 0\n\
        18    close(4) = 0\n";
    assert_eq!(shown(Show::Yes, Filter::quieter(0)), told);
    let untold: String = told.split_inclusive('\n').filter(|line| !line.contains("mode")).collect();
    assert_eq!(shown(Show::Yes, Filter::quieter(1)), untold);
    assert_eq!(shown(Show::No, Filter::quieter(0)), untold);
}

#[test]
fn json_names_the_abi_if_it_is_not_the_architectures_own() {
    let close = |abi| Spelled { abi, ..call("close", [Value::Fd(4)]) };
    let mut json = Json::new(Vec::new(), Filter::default());
    let calls = [Abi::Native, Abi::Compat].map(close);
    let events: Vec<_> = calls.iter().map(|call| (7, leave(call, Outcome::Value(0)))).collect();
    write(&mut json, &events);
    let lines = String::from_utf8_lossy(json.get_ref()).into_owned();
    let abis: Vec<Option<String>> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|line| line.get("abi").and_then(|abi| abi.as_str()).map(str::to_owned))
        .collect();
    assert_eq!(abis, [None, Abi::Compat.name().map(str::to_owned)]);
}

#[test]
fn many_dead_tasks_leave_nothing_behind() {
    let mut text = Text::new(Vec::new(), Layout::new(Prefix::Always, 40), Flush::WhenFull);
    for tid in 1..1000 {
        let at = SystemTime::UNIX_EPOCH;
        text.event(Pid::from_raw(tid), at, &Event::Exited { code: 0 }).expect("to memory");
    }
    assert!(format!("{text:?}").contains("tasks: {}, births: 0, ended: {}"));
}
