//! Processes, arguments, environment, ends, endpoints, escapes.

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::{UnixListener, UnixStream};

use vrift_audit::{
    Act, Ending, Endpoint, Escape, Event, NetworkAct, Outcome, Value, Verdict, What,
};

use crate::kit::{Sandbox, have, python, run};
use crate::recorded::{entries, model, recorded, script};

#[test]
fn processes_are_told_with_parents_words_and_ends() {
    let sandbox = Sandbox::new();
    let recorded = recorded(
        &sandbox,
        &["sh", "-c", "(cd tmp; sh -c 'exit 3' word); sh -c 'kill -9 $$'; exit 5"],
    );
    assert_eq!(recorded.ran.code(), Some(5), "{}", recorded.ran);
    let model = &recorded.model;
    assert_eq!(model.totals.as_ref().unwrap().ending, Ending::Exited(5));
    let told: Vec<_> = model
        .processes()
        .iter()
        .filter_map(|process| {
            let last = process.programs.last()?;
            let argv: Vec<_> = last.execution.argv.iter().map(ToString::to_string).collect();
            Some((process.parent.is_some(), argv.join(" "), process.ending.unwrap()))
        })
        .collect();
    let exited = Ending::Exited;
    assert!(told.contains(&(true, "sh -c exit 3 word".to_owned(), exited(3))), "{told:?}");
    let killed = Ending::Killed { signo: 9, core: false };
    assert!(
        told.iter().any(|(_, words, end)| words.contains("kill") && *end == killed),
        "{told:?}"
    );
    assert_eq!(told.iter().filter(|(has_parent, ..)| !has_parent).count(), 1, "{told:?}");
    let inner = model.processes().iter().flat_map(|p| &p.programs);
    let cwds: Vec<_> = inner.map(|program| program.execution.cwd.to_string()).collect();
    assert!(cwds.contains(&sandbox.path("tmp").display().to_string()), "{cwds:?}");
    assert!(model.processes().iter().all(|p| p.ended.is_some() && p.started <= p.ended.unwrap()));
    assert!(model.processes()[0].used.memory_max_kib > 0);
}

#[test]
fn secrets_of_the_environment_stay_out_of_the_file() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("rec");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.arg(&path).args(["--", "true"]).env("MY_TOKEN", "hush-hush-1").env("PLAIN", "open-2");
    run(&mut vrift).fine();
    let bytes = fs::read(&path).unwrap();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(!has(b"hush-hush-1") && has(b"open-2") && has(b"MY_TOKEN"));
    let env = entries(&path).into_iter().find_map(|entry| match entry.event {
        Event::Executed(execution) => Some(execution.env),
        _ => None,
    });
    let token = env.unwrap().into_iter().find(|v| v.name.as_bytes() == b"MY_TOKEN").unwrap();
    assert_eq!(token.value, Value::Redacted);
}

#[test]
fn secrets_of_words_stay_out_of_the_file() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("rec");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    let script = "echo hush-hush-1 \"$@\" > /dev/null; sh -c ': $0' \"$2\"";
    let words = ["sh", "--password=hush-hush-2", "https://me:hush-hush-3@host/open-4"];
    vrift.arg(&path).args(["--", "sh", "-c", script]).args(words).env("A_TOKEN", "hush-hush-1");
    run(&mut vrift).fine();
    let bytes = fs::read(&path).unwrap();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(!has(b"hush-hush") && has(b"open-4") && has(b"--password="));
}

#[test]
fn a_record_may_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let recorded = script(&sandbox, ":");
    assert_eq!(fs::metadata(&recorded.path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_exit_status_is_the_commands_own() {
    let sandbox = Sandbox::new();
    for (script, code) in [("exit 0", 0), ("exit 77", 77)] {
        assert_eq!(recorded(&sandbox, &["sh", "-c", script]).ran.code(), Some(code));
    }
    let killed = recorded(&sandbox, &["sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.ran.signal(), Some(15));
    let mut vrift = sandbox.vrift(["audit", "--", "/nowhere/at/all"]);
    assert_eq!(run(&mut vrift).code(), Some(127));
    run(&mut sandbox.vrift(["audit", "--", "true"])).fine();
    assert!(sandbox.path("vrift.rec").exists(), "that is the name without -o");
}

/// A record of nothing would say that vrift was killed; one of before says what it said.
#[test]
fn a_command_that_is_never_started_has_no_record() {
    let sandbox = Sandbox::new();
    let rec = sandbox.path("rec");
    let audited = |before: &[&str], command: &str| {
        let vrift = env!("CARGO_BIN_EXE_vrift");
        let mut words: Vec<_> = before.iter().copied().map(OsStr::new).collect();
        words.extend([vrift, "audit", "-o"].map(OsStr::new));
        words.extend([rec.as_os_str(), OsStr::new("--"), OsStr::new(command)]);
        run(sandbox.command(words[0]).args(&words[1..])).code()
    };
    for (command, status) in [("no-such-command", 127), ("./none", 127)] {
        assert_eq!(audited(&[], command), Some(status));
        assert!(!rec.exists(), "{command}");
    }
    fs::write(sandbox.path("data"), "").unwrap();
    assert_eq!(audited(&[], "./data"), Some(126));
    assert_eq!(model(&rec).damage, None, "that it failed is recorded");
    let before = fs::read(&rec).unwrap();
    assert_eq!(audited(&[], "no-such-command"), Some(127));
    assert_eq!(fs::read(&rec).unwrap(), before);
    if have("strace") {
        // It has a tracer already.
        assert_eq!(audited(&["strace", "-f", "-o", "/dev/null"], "true"), Some(125));
        assert!(!rec.exists());
    }
}

#[test]
fn every_change_of_a_name_is_told() {
    let sandbox = Sandbox::new();
    let recorded = script(
        &sandbox,
        "mkdir d; echo x > d/a; ln d/a d/b; ln -s a d/s; mv d e; chmod 600 e/a; mkfifo e/p; \
         rm e/b; touch -d 2001-01-01 e/a; readlink e/s; cat missing 2> /dev/null || rmdir nothing \
         2> /dev/null || mkdir gone && rmdir gone",
    );
    let at = |name: &str| sandbox.path(name).display().to_string();
    let has = |act: Act, path: &str, other: Option<String>| {
        recorded.accesses().any(|access| {
            access.act == act
                && access.path.to_string() == at(path)
                && access.other.as_ref().map(ToString::to_string) == other
        })
    };
    assert!(has(Act::MakeDirectory, "d", None));
    assert!(has(Act::Create, "d/a", None));
    assert!(has(Act::Link, "d/a", Some(at("d/b"))));
    assert!(has(Act::Symlink, "d/s", Some("a".to_owned())));
    assert!(has(Act::Rename, "d", Some(at("e"))));
    assert!(has(Act::Attribute, "e/a", None));
    assert!(has(Act::MakeNode, "e/p", None));
    assert!(has(Act::Remove, "e/b", None));
    assert!(has(Act::ReadLink, "e/s", None));
    assert!(has(Act::RemoveDirectory, "gone", None));
    assert!(recorded.model.files[at("missing").as_bytes()].is_missing());
    assert_eq!(recorded.paths(&[Act::Read]).iter().filter(|p| p.ends_with("missing")).count(), 0);
}

#[test]
fn endpoints_are_told_and_daemons_are_findings() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let outside = sandbox.path("outside");
    let listener = UnixListener::bind(&outside).unwrap();
    let program = "
import socket, os
w = socket.socket(); w.bind(('127.0.0.1', 0)); w.listen()
t = socket.socket(); t.setblocking(False); print(w.getsockname()[1], t.connect_ex(w.getsockname()))
t = socket.socket(); t.settimeout(1)
try: t.connect(('127.0.0.1', 9))
except OSError: pass
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
try: u.sendto(b'x', ('::1', 7))
except OSError: pass
o = socket.socket(socket.AF_UNIX); o.connect('outside')
l = socket.socket(socket.AF_UNIX); l.bind('inside'); l.listen()
if os.fork() == 0:
    c = socket.socket(socket.AF_UNIX); c.connect('inside'); os._exit(0)
l.accept(); os.wait()
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    drop(listener);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let told: Vec<_> =
        recorded.model.connections.keys().map(|c| (c.act, c.endpoint.clone())).collect();
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert!(
        told.contains(&(NetworkAct::Connect, Endpoint::Inet { ip: local, port: 9 })),
        "{told:?}"
    );
    assert!(told.iter().any(|(act, e)| *act == NetworkAct::Send && matches!(e, Endpoint::Inet { port: 7, .. })));
    // One that is not waited for has not failed.
    let said = recorded.ran.out();
    let (port, errno) = said.trim().split_once(' ').expect("two numbers");
    assert!(matches!(errno, "0" | "115"), "{said}");
    let inet = Endpoint::Inet { ip: local, port: port.parse().unwrap() };
    let asked = recorded.model.connections.iter().find(|(connection, _)| {
        connection.act == NetworkAct::Connect && connection.endpoint == inet
    });
    assert_eq!(asked.map(|(_, counts)| (counts.done, counts.failed)), Some((1, 0)));
    let unix =
        |name: &str| Endpoint::Unix(sandbox.path(name).display().to_string().as_str().into());
    assert!(told.contains(&(NetworkAct::Connect, unix("outside"))));
    assert!(told.contains(&(NetworkAct::Connect, unix("inside"))));
    let daemons: Vec<_> = recorded
        .model
        .findings
        .iter()
        .filter(|f| matches!(f.what, What::Escape { kind: Escape::Daemon, .. }))
        .map(|f| f.subject.to_string())
        .collect();
    assert_eq!(daemons, [outside.display().to_string()]);
    drop(UnixStream::connect(&outside));
}

/// Without a mount there is none that had to answer.
#[test]
fn the_host_answers_what_no_mount_models() {
    let Some(python) = python() else { return };
    let program = "
import ctypes
call = ctypes.CDLL(None, use_errno=True).syscall
call(468, -100, b'/etc/passwd', bytes(24), 24, 0)                          # file_getattr
call(NAME_TO_HANDLE_AT, -100, b'/etc/passwd', bytes(256), bytes(8), 0)
call(FANOTIFY_MARK, -1, 1, 2, -100, b'/nowhere/at/all')
print(call(FANOTIFY_MARK, -1, 1, 2, -100, b'/nowhere/at/all'), ctypes.get_errno())
";
    let (handle, mark) = match std::env::consts::ARCH {
        "x86_64" => ("303", "301"),
        _ => ("264", "263"),
    };
    let program = program.replace("NAME_TO_HANDLE_AT", handle).replace("FANOTIFY_MARK", mark);
    let sandbox = Sandbox::new();
    let words = [python, "-c", &program];
    let recorded = recorded(&sandbox, &words);
    assert_eq!(recorded.ran.out(), run(&mut sandbox.natively(&words)).out());
    for call in ["file_getattr", "name_to_handle_at", "fanotify_mark"] {
        let verdicts = &recorded.model.calls[call.as_bytes()].verdicts;
        assert!(verdicts.keys().eq([&Verdict::Host]), "{call}: {verdicts:?}");
    }
    let told = recorded.model.files["/etc/passwd".as_bytes()].acts.get(&Act::Probe);
    assert!(told.is_some(), "{:?}", recorded.model.files.keys());
    run(sandbox.vrift(["audit", "compliance"]).arg(&recorded.path)).fine();
}

/// In a mount: where contents come from, and on what grounds calls are answered.
#[test]
fn verdicts_of_a_mount() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).unwrap();
    fs::write(sandbox.tree().join("in"), "content").unwrap();
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let path = sandbox.path("rec");
    let mut vrift = sandbox.vrift(["audit", "--discard", "-o"]);
    let tree = sandbox.tree();
    let script = "cd \"$0\"; cat in; echo x > out; cat out > /dev/null; mv out moved; test -e in; test ! -e no";
    vrift.arg(&path).arg("--manifest").arg(&manifest).arg("--prefix").arg(&tree);
    run(vrift.args(["--", "sh", "-c", script]).arg(&tree)).fine();
    let model = model(&path);
    assert_eq!(model.damage, None);
    let file = |name: &str| &model.files[tree.join(name).as_os_str().as_encoded_bytes()];
    let read = file("in");
    assert!(read.verdicts.contains(&Verdict::Content) && read.is_input(), "{read:?}");
    let version = read.versions.first().expect("it was read");
    let digest = model.content(*version).and_then(vrift_audit::Content::digest);
    assert_eq!(digest, Some(vrift_cas::Digest::of(b"content")));
    let made = file("out");
    assert!(made.verdicts.contains(&Verdict::CopyOnWrite), "{made:?}");
    assert!(made.verdicts.contains(&Verdict::Manifest), "{made:?}");
    assert!(!made.is_input() && made.done(Act::Rename) == 1, "{made:?}");
    assert!(file("no").is_missing());
    assert_eq!(model.header.mounts.len(), 1);
    let host = &model.files["/etc/ld.so.cache".as_bytes()];
    assert!(host.verdicts.iter().eq([&Verdict::Host]), "{host:?}");
}

/// A script of a mount, and its interpreter on the host.
#[test]
fn a_script_of_a_mount_is_executed_from_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).unwrap();
    let text = "#!/bin/sh\nexit 4\n";
    fs::write(sandbox.tree().join("script"), text).unwrap();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.tree().join("script"), mode).unwrap();
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let path = sandbox.path("rec");
    let script = sandbox.tree().join("script");
    let mut vrift = sandbox.vrift(["audit", "--read-only", "-o"]);
    vrift.arg(&path).arg("--manifest").arg(&manifest).arg("--prefix").arg(sandbox.tree());
    let ran = run(vrift.args(["--", "sh", "-c", "\"$0\"; exit $?"]).arg(&script));
    assert_eq!(ran.code(), Some(4), "{ran}");
    let model = model(&path);
    let file = &model.files[script.as_os_str().as_encoded_bytes()];
    assert_eq!((file.done(Act::Execute), file.done(Act::Read)), (1, 1), "{file:?}");
    assert!(file.verdicts.iter().eq([&Verdict::Content]), "{file:?}");
    let digests: Vec<_> = file.versions.iter().map(|&version| model.content(version)).collect();
    let expected = vrift_audit::Content::Whole(vrift_cas::Digest::of(text.as_bytes()));
    assert_eq!(digests, [Some(expected)]);
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let shell = &model.files[shell.as_os_str().as_encoded_bytes()];
    assert!(shell.done(Act::Load) == 1 && shell.verdicts.iter().eq([&Verdict::Host]), "{shell:?}");
}

/// Programs of 32 bits make other calls, with other numbers and other layouts.
#[test]
fn programs_of_32_bits_are_recorded() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("a.c"), NARROW).unwrap();
    let mut cc = sandbox.command("cc");
    if !run(cc.args(["-m32", "-o", "narrow", "a.c"])).status.success() {
        return crate::kit::skipped("programs of 32 bits cannot be made here");
    }
    fs::write(sandbox.path("in"), "read").unwrap();
    let recorded = recorded(&sandbox, &["./narrow", "word"]);
    assert_eq!(recorded.ran.code(), Some(7), "{}", recorded.ran);
    assert_eq!(recorded.read(&sandbox.path("in")), [vrift_cas::Digest::of(b"read")]);
    let file = |name: &str| {
        let path = sandbox.path(name);
        &recorded.model.files[path.as_os_str().as_encoded_bytes()]
    };
    let Some(vrift_audit::Left::File(left)) = file("moved").left else {
        panic!("{:?}", file("moved"))
    };
    let whole = vrift_audit::Content::Whole(vrift_cas::Digest::of(b"made"));
    assert_eq!(recorded.model.content(left), Some(whole));
    assert_eq!((file("out").done(Act::Create), file("out").done(Act::Rename)), (1, 1));
    assert!(file("none").is_missing() && file("narrow").done(Act::Execute) == 1);
    let program = &recorded.model.processes()[0].programs[0].execution;
    let argv: Vec<_> = program.argv.iter().map(ToString::to_string).collect();
    assert_eq!(argv, ["./narrow", "word"]);
    assert!(program.env.iter().any(|variable| variable.name.as_bytes() == b"HOME"));
    // Its C library is mapped as code.
    let mapped = recorded.paths(&[Act::Map]);
    assert!(mapped.iter().any(|path| path.contains("libc.so")), "{mapped:?}");
    let told: Vec<_> =
        recorded.model.connections.keys().map(|c| (c.act, c.endpoint.clone())).collect();
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert!(told.contains(&(NetworkAct::Connect, Endpoint::Inet { ip, port: 9 })), "{told:?}");
    assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
}

const NARROW: &str = r#"
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
  struct stat st;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0x7f000001)}};
  char text[4];
  int in = open("in", O_RDONLY), out = open("out", O_CREAT | O_WRONLY, 0644);
  if (read(in, text, 4) != 4 || write(out, "made", 4) != 4 || rename("out", "moved")) return 1;
  if (stat("none", &st) != -1 || readlink("none", text, 4) != -1) return 2;
  connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to);
  return 7;
}
"#;

/// What a build records takes the room that was promised.
#[test]
fn an_event_of_a_build_takes_less_than_40_bytes() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    let main = "#include <stdio.h>\n#include <stdlib.h>\nint main(void){return 0;}\n";
    fs::write(sandbox.path("a.c"), main).unwrap();
    let recorded =
        script(&sandbox, "for n in 1 2 3 4 5 6 7 8; do cc -c a.c -o $n.o; done; cc 1.o -o all");
    let bytes = fs::metadata(&recorded.path).unwrap().len();
    let each = bytes / recorded.model.events;
    println!("{bytes} bytes, {} events", recorded.model.events);
    assert!(each < 40, "{each} bytes for each of {} events", recorded.model.events);
    assert!(recorded.accesses().all(|access| access.outcome == Outcome::Done));
}

/// As pip, cargo and git do it: all is made in a directory that gets its name at the end.
#[test]
fn what_is_left_in_a_renamed_directory_is_an_output() {
    let sandbox = Sandbox::new();
    let recorded = script(
        &sandbox,
        "mkdir d; echo x > d/f; ln -s f d/l; mv d e; cat e/f; mkdir e/g; mv e h; cat h/f; chmod 600 h/f",
    );
    let is = |name: &str| {
        let path = sandbox.path(name);
        let file = &recorded.model.files[path.as_os_str().as_encoded_bytes()];
        (file.is_input(), file.is_output(), file.is_passing())
    };
    for name in ["h", "h/f", "h/g", "h/l"] {
        assert_eq!(is(name), (false, true, false), "{name}");
    }
    for name in ["d", "d/f", "d/l", "e", "e/f", "e/g"] {
        assert_eq!(is(name), (false, false, true), "{name}");
    }
}

/// A script that names no interpreter there is is there itself.
#[test]
fn a_script_without_its_interpreter_is_not_missing() {
    let sandbox = Sandbox::new();
    let prepare = "printf '#!nowhere/shell\n' > script; chmod 755 script";
    run(&mut sandbox.natively(&["sh", "-c", prepare])).fine();
    let recorded = script(&sandbox, "./script 2> /dev/null || ./none 2> /dev/null || :");
    let is_missing = |name: &str| {
        let path = sandbox.path(name);
        recorded.model.files[path.as_os_str().as_encoded_bytes()].is_missing()
    };
    assert_eq!(["script", "nowhere/shell", "none"].map(is_missing), [false, true, true]);
}
