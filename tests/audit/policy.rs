//! `vrift audit --policy`, and `--enforce`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use vrift_audit::{Class, Response, Verdict, What};

use crate::kit::{Ran, Sandbox, python, run};
use crate::recorded::{Recorded, recorded_with};

/// A sandbox with a build that does what it should not: it is told which ways it was let go.
struct Site {
    sandbox: Sandbox,
    python: &'static str,
    _inet: TcpListener,
    _daemon: UnixListener,
    port: u16,
}

impl Site {
    fn new() -> Option<Site> {
        let python = python()?;
        let sandbox = Sandbox::new();
        for dir in [".ssh", "out", "elsewhere"] {
            fs::create_dir(sandbox.path(dir)).expect("the sandbox is ours");
        }
        fs::write(sandbox.path(".ssh/id"), "secret").expect("the sandbox is ours");
        fs::write(sandbox.path("source"), "source").expect("the sandbox is ours");
        symlink(sandbox.path(".ssh/id"), sandbox.path("alias")).expect("the sandbox is ours");
        let daemon = UnixListener::bind(sandbox.path("daemon")).expect("the sandbox is ours");
        let inet = TcpListener::bind("127.0.0.1:0").expect("the sandbox is ours");
        let port = inet.local_addr().expect("it is bound").port();
        Some(Site { sandbox, python, _inet: inet, _daemon: daemon, port })
    }

    fn policy(&self, text: &str) -> PathBuf {
        let path = self.sandbox.path("policy.toml");
        fs::write(&path, text).expect("the sandbox is ours");
        path
    }

    fn record(&self, policy: &str, options: &[&str], program: &str) -> Recorded {
        let policy = self.policy(policy);
        let mut words = vec!["--policy", policy.to_str().expect("a plain path")];
        words.extend(options);
        let program = format!(
            "import os, socket\nport = {}\ndef attempt(what):\n  try: what(); print('done')\n  \
             except OSError as e: print(e.errno)\n{program}",
            self.port
        );
        recorded_with(&self.sandbox, &words, &[self.python, "-c", &program])
    }
}

const STRICT: &str = r#"
forbid = ["undeclared-input", "host-write", "network", "escape"]
[read]
allow = ["/usr", "/etc", "/lib", "/lib64", "/bin", "/dev", "/proc", "/sys", "source", "out"]
[write]
allow = ["out"]
"#;

/// The build of the four sins; what it may do it does too.
const BUILD: &str = "
attempt(lambda: open('source').read())
attempt(lambda: open('out/object', 'w').write('x'))
attempt(lambda: open('out/object').read())
attempt(lambda: socket.create_connection(('127.0.0.1', port)))
attempt(lambda: open(os.path.expanduser('~/.ssh/id')).read())
attempt(lambda: open('elsewhere/file', 'w'))
attempt(lambda: socket.socket(socket.AF_UNIX).connect('daemon'))
l = socket.socket(socket.AF_UNIX)
attempt(lambda: l.bind('out/own'))
l.listen()
attempt(lambda: socket.socket(socket.AF_UNIX).connect('out/own'))
";

/// The violations of a record: class, call, subject, and what was done.
pub(crate) fn violations(recorded: &Recorded) -> Vec<(Class, String, String, Response)> {
    let told = recorded.model.findings.iter().filter_map(|finding| match &finding.what {
        What::Violation { class, response, .. } => {
            assert!(finding.process.is_some(), "{finding:?}");
            let (call, subject) = (finding.call.to_string(), finding.subject.to_string());
            Some((*class, call, subject, *response))
        }
        What::Escape { .. } => None,
    });
    told.collect()
}

fn check_build(site: &Site, recorded: &Recorded, response: Response) {
    let at = |name: &str| site.sandbox.path(name).display().to_string();
    assert_eq!(recorded.ran.code(), Some(3), "{}", recorded.ran);
    let daemon = format!("daemon:{}", at("daemon"));
    let expected = [
        (Class::Network, "connect", format!("127.0.0.1:{}", site.port)),
        (Class::UndeclaredInput, "openat", at(".ssh/id")),
        (Class::HostWrite, "openat", at("elsewhere/file")),
        (Class::Escape, "connect", daemon),
    ];
    let expected = expected.map(|(class, call, path)| (class, call.to_owned(), path, response));
    assert_eq!(violations(recorded), expected, "{}", recorded.ran);
    assert_eq!(recorded.model.totals.as_ref().expect("it is whole").violations, 4);
    let said = recorded.ran.err();
    for (class, call, subject, _) in expected {
        let line = said.lines().find(|line| line.contains(&subject)).unwrap_or_default();
        assert!(line.contains(class.word()) && line.contains(&call), "{line}\n{said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
fn four_sins_are_four_violations() {
    let Some(site) = Site::new() else { return };
    let recorded = site.record(STRICT, &[], BUILD);
    assert_eq!(recorded.ran.out(), "done\n".repeat(9), "{}", recorded.ran);
    check_build(&site, &recorded, Response::Noted);
}

#[test]
fn four_sins_fail_if_the_policy_is_enforced() {
    let Some(site) = Site::new() else { return };
    let recorded = site.record(STRICT, &["--enforce"], BUILD);
    let expected = "done\ndone\ndone\n13\n13\n13\n13\ndone\ndone\n";
    assert_eq!(recorded.ran.out(), expected, "{}", recorded.ran);
    check_build(&site, &recorded, Response::Denied);
    assert!(!site.sandbox.path("elsewhere/file").exists());
}

/// The policy says no: nobody has asked a mount, or the kernel.
#[test]
fn what_a_policy_denies_is_no_refusal_of_a_mount() {
    let Some(site) = Site::new() else { return };
    let program = format!("{BUILD}\nimport ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)");
    let recorded = site.record(STRICT, &["--enforce"], &program);
    assert_eq!(recorded.ran.code(), Some(3), "{}", recorded.ran);
    let of = |call: &str, verdict| recorded.model.calls[call.as_bytes()].verdicts.get(&verdict);
    for (call, denied) in [("openat", 2), ("connect", 2), ("ptrace", 1)] {
        assert_eq!(of(call, Verdict::Denied), Some(&denied), "{call}");
    }
    assert_eq!(of("connect", Verdict::Host), Some(&1), "its own socket is the host's");
    let table = run(site.sandbox.vrift(["audit", "compliance"]).arg(&recorded.path)).fine();
    let row = |call: &str| table.lines().find(|line| line.contains(call)).unwrap_or_default();
    assert!(row(" ptrace ").ends_with("-"), "{table}");
    let denied = site.sandbox.path(".ssh/id");
    let verdicts = &recorded.model.files[denied.as_os_str().as_encoded_bytes()].verdicts;
    assert!(verdicts.iter().eq([&Verdict::Denied]), "{verdicts:?}");
}

#[test]
fn a_symlink_or_another_call_does_not_lead_around_the_policy() {
    let Some(site) = Site::new() else { return };
    let policy = "forbid = ['host-write']\n[read]\ndeny = ['.ssh']\n[write]\nallow = ['out']\n\
                  [exec]\ndeny = ['/bin/true', '/usr/bin/true']";
    let program = "
attempt(lambda: open('alias').read())
attempt(lambda: open('out/../.ssh/id').read())
os.symlink(os.getcwd() + '/elsewhere', 'out/way')
attempt(lambda: open('out/way/made', 'w'))
attempt(lambda: os.rename('source', 'out/source'))
attempt(lambda: os.mkdir('elsewhere/dir'))
attempt(lambda: os.remove('source'))
attempt(lambda: os.truncate('source', 0))
attempt(lambda: os.chmod('source', 0))
attempt(lambda: os.link('out', 'elsewhere/link'))
attempt(lambda: os.link('.ssh/id', 'out/id'))
open('out/mine', 'w')
attempt(lambda: os.rename('out/mine', 'elsewhere/mine'))
attempt(lambda: os.execv('/bin/true', ['true']))
attempt(lambda: open('out/way', 'w'))
attempt(lambda: os.remove('out/way'))
";
    let recorded = site.record(policy, &["--enforce"], program);
    let expected = format!("{}21\ndone\n", "13\n".repeat(12));
    assert_eq!(recorded.ran.out(), expected.replace("21", "13"), "{}", recorded.ran);
    assert_eq!(recorded.ran.code(), Some(3), "{}", recorded.ran);
    assert_eq!(fs::read(site.sandbox.path("source")).unwrap(), b"source");
    assert_eq!(fs::read_dir(site.sandbox.path("elsewhere")).unwrap().count(), 0);
    assert!(violations(&recorded).iter().all(|(.., response)| *response == Response::Denied));
}

/// Also by descriptors that only name their files, and by the current directory.
#[test]
fn attributes_are_changed_by_descriptors_under_the_same_rules() {
    let Some(site) = Site::new() else { return };
    let program = "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
  if libc.syscall(*args) < 0: raise OSError(ctypes.get_errno(), '')
EMPTY, FCHOWNAT, UTIMENSAT, FCHMODAT2, CWD = 0x1000, NUMBERS, 452, -100
file, named = os.open('source', os.O_RDONLY), os.open('source', os.O_PATH)
attempt(lambda: os.fchmod(file, 0o600))
attempt(lambda: call(FCHOWNAT, named, b'', -1, -1, EMPTY))
attempt(lambda: call(UTIMENSAT, named, b'', None, EMPTY))
attempt(lambda: call(FCHMODAT2, named, b'', 0o600, EMPTY))
attempt(lambda: call(UTIMENSAT, file, None, None, 0))
os.chdir('elsewhere')
attempt(lambda: call(FCHOWNAT, CWD, b'', -1, -1, EMPTY))
os.chdir('../out')
attempt(lambda: call(FCHOWNAT, CWD, b'', -1, -1, EMPTY))
";
    let numbers = match std::env::consts::ARCH {
        "x86_64" => "260, 280",
        _ => "54, 88",
    };
    let program = program.replace("NUMBERS", numbers);
    let policy = "forbid = ['host-write']\n[write]\nallow = ['out']";
    let recorded = site.record(policy, &["--enforce"], &program);
    assert_eq!(recorded.ran.out(), "13\n".repeat(6) + "done\n", "{}", recorded.ran);
    let of = |name: &str| {
        let path = site.sandbox.path(name);
        let file = &recorded.model.files[path.as_os_str().as_encoded_bytes()];
        let counts = file.acts[&vrift_audit::Act::Attribute];
        (counts.done, counts.failed)
    };
    assert_eq!([of("source"), of("elsewhere"), of("out")], [(0, 5), (0, 1), (1, 0)]);
}

/// The start of a walk may be its root, and a socket is a socket by whatever path.
#[test]
fn other_roots_and_paths_of_sockets_do_not_lead_around_the_policy() {
    let Some(site) = Site::new() else { return };
    let daemon = site.sandbox.path("daemon").display().to_string();
    let policy = format!(
        "[read]\ndeny = ['.ssh']\n[write]\ndeny = ['elsewhere']\n[escape]\ndeny = ['daemon:{daemon}']"
    );
    let program = "
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
here = os.open('.', os.O_PATH)
def in_root(path, flags=0, at=here):
  if libc.syscall(437, at, path, struct.pack('QQQ', flags, 0o600 if flags else 0, 0x10), 24) < 0:
    raise OSError(ctypes.get_errno(), '')
os.symlink('/.ssh', 'out/home'); os.symlink(os.getcwd() + '/daemon', 'out/daemon')
for path in b'/.ssh/id', b'.ssh/id', b'/../../.ssh/id', b'/out/../.ssh/id', b'out/home/id':
  attempt(lambda: in_root(path))
attempt(lambda: in_root(b'/id', at=os.open('.ssh', os.O_PATH)))
attempt(lambda: in_root(b'/elsewhere/made', os.O_CREAT | os.O_WRONLY))
attempt(lambda: in_root(b'/none'))
attempt(lambda: in_root(b'/source'))
attempt(lambda: in_root(b'/out/made', os.O_CREAT | os.O_WRONLY))
for path in 'out/daemon', 'out/../daemon', '/proc/self/cwd/daemon', '/proc/self/root' + os.getcwd() + '/daemon':
  attempt(lambda: socket.socket(socket.AF_UNIX).connect(path))
os.chdir('out')
own = socket.socket(socket.AF_UNIX); own.bind('own'); own.listen(); os.symlink('own', 'link')
attempt(lambda: socket.socket(socket.AF_UNIX).connect('/proc/self/cwd/link'))
";
    let recorded = site.record(&policy, &["--enforce"], program);
    let expected = "13\n".repeat(7) + "2\ndone\ndone\n" + &"13\n".repeat(4) + "done\n";
    assert_eq!(recorded.ran.out(), expected, "{}", recorded.ran);
    let told = violations(&recorded);
    let told: Vec<_> = told.iter().map(|(class, _, at, _)| (*class, at.clone())).collect();
    let at = |name: &str| site.sandbox.path(name).display().to_string();
    let expected = [
        (Class::DeniedRead, at(".ssh/id")),
        (Class::DeniedWrite, at("elsewhere/made")),
        (Class::Escape, format!("daemon:{daemon}")),
    ];
    assert_eq!(told, expected);
}

/// The kernel takes them for the same.
#[test]
fn other_spellings_of_an_address_do_not_lead_around_the_policy() {
    let Some(site) = Site::new() else { return };
    let program = "
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def connect(family, to): socket.socket(family).connect((to, port))
attempt(lambda: connect(socket.AF_INET, '127.0.0.1'))
attempt(lambda: connect(socket.AF_INET, '0.0.0.0'))
attempt(lambda: socket.socket().bind(('127.0.0.1', 0)))
def send(family):
  udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  to = struct.pack('=H', family) + struct.pack('>H4B8x', port, 127, 0, 0, 1)
  if libc.sendto(udp.fileno(), b'x', 1, 0, to, 16) != 1: raise OSError(ctypes.get_errno(), '')
attempt(lambda: send(2))
attempt(lambda: send(0))
if socket.has_ipv6:
  for to in '::ffff:127.0.0.1', '::ffff:0.0.0.0', '::': attempt(lambda: connect(socket.AF_INET6, to))
";
    let policy = format!("[network]\ndeny = ['127.0.0.1:{}']", site.port);
    let recorded = site.record(&policy, &["--enforce"], program);
    let out = recorded.ran.out();
    assert!(out.starts_with("13\n13\ndone\n13\n13\n"), "{}", recorded.ran);
    // Without IPv6 there are no such sockets (EAFNOSUPPORT).
    assert!(out.lines().skip(5).all(|line| matches!(line, "13" | "97")), "{}", recorded.ran);
    let allowed = format!("forbid = ['network']\n{}", policy.replace("deny", "allow"));
    let recorded = site.record(&allowed, &["--enforce"], program);
    let out = recorded.ran.out();
    assert!(out.starts_with("done\ndone\n13\ndone\ndone\n"), "{}", recorded.ran);
}

/// Under another name a file could be read or written, and a socket is made like any other node.
#[test]
fn another_name_does_not_lead_around_the_policy() {
    let Some(site) = Site::new() else { return };
    let policy = "[read]\ndeny = ['.ssh']\n[write]\ndeny = ['elsewhere', 'source']";
    let program = "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
names = iter(range(9))
def link(fd, path, flags):
  if libc.linkat(fd, path, -100, b'out/name%d' % next(names), flags): raise OSError(ctypes.get_errno(), '')
secret = os.open('.ssh/id', os.O_PATH)
attempt(lambda: link(-100, b'/proc/self/fd/%d' % secret, 0x400))
attempt(lambda: link(-100, b'alias', 0x400))
attempt(lambda: os.link('source', 'out/source'))
os.symlink('../elsewhere', 'out/way')
attempt(lambda: socket.socket(socket.AF_UNIX).bind('elsewhere/socket'))
attempt(lambda: socket.socket(socket.AF_UNIX).bind('out/way/socket'))
attempt(lambda: socket.socket(socket.AF_UNIX).bind('out/socket'))
nameless = os.open('out', os.O_TMPFILE | os.O_RDWR)
attempt(lambda: link(-100, b'/proc/self/fd/%d' % nameless, 0x400))
";
    let recorded = site.record(policy, &["--enforce"], program);
    assert_eq!(recorded.ran.out(), "13\n".repeat(5) + "done\ndone\n", "{}", recorded.ran);
    assert_eq!(fs::read_dir(site.sandbox.path("elsewhere")).unwrap().count(), 0);
    let told = violations(&recorded);
    let of = |class, name: &str| {
        let subject = site.sandbox.path(name).display().to_string();
        told.iter().any(|(told, _, at, _)| (*told, at) == (class, &subject))
    };
    assert!(!told.iter().any(|(class, ..)| *class == Class::Escape), "{told:?}");
    let tried =
        recorded.model.findings.iter().filter(|found| matches!(found.what, What::Escape { .. }));
    assert_eq!(tried.count(), 0, "{:#?}", recorded.model.findings);
    assert!(of(Class::DeniedRead, ".ssh/id"), "{told:?}");
    assert!(of(Class::DeniedWrite, "source"), "{told:?}");
    assert!(of(Class::DeniedWrite, "elsewhere/socket"), "{told:?}");
}

/// What a rule is about is found by what the names lead to, also if nothing is denied.
#[test]
fn symlinks_above_a_name_do_not_lead_around_a_policy_that_only_notes() {
    let Some(site) = Site::new() else { return };
    let policy = "[write]\ndeny = ['elsewhere']";
    let program = "
os.symlink('../elsewhere', 'out/way')
os.mkdir('out/way/made')
open('out/file', 'w').close()
os.rename('out/file', 'out/way/renamed')
os.symlink('renamed', 'out/way/link')
os.chmod('out/way/link', 0o600)
socket.socket(socket.AF_UNIX).bind('out/way/socket')
os.unlink('out/way/renamed')
os.unlink('out/way/link')
";
    let recorded = site.record(policy, &[], program);
    assert_eq!(recorded.ran.code(), Some(3), "{}", recorded.ran);
    let told = violations(&recorded);
    let mut names: Vec<_> = told
        .iter()
        .filter_map(|(.., at, _)| at.strip_prefix(&site.sandbox.path("").display().to_string()))
        .collect();
    names.sort_unstable();
    let found = ["elsewhere/link", "elsewhere/made", "elsewhere/renamed", "elsewhere/socket"];
    for name in found {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[test]
fn escapes_fail_with_eperm_if_the_policy_is_enforced() {
    let Some(site) = Site::new() else { return };
    let policy = "forbid = ['escape']\n[escape]\nallow = ['namespace']";
    let program = "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(*args): print(libc.syscall(*args), ctypes.get_errno()); ctypes.set_errno(0)
call(1900, 1)
libc.ptrace(0, 0, 0, 0); print(ctypes.get_errno()); ctypes.set_errno(0)
libc.unshare(0); print(ctypes.get_errno())
";
    let recorded = site.record(policy, &["--enforce"], program);
    assert_eq!(recorded.ran.out(), "-1 1\n1\n0\n", "{}", recorded.ran);
    assert_eq!(recorded.ran.code(), Some(3), "{}", recorded.ran);
}

#[test]
fn a_set_id_program_is_not_executed_if_the_policy_is_enforced() {
    let Some(site) = Site::new() else { return };
    let good = site.sandbox.path("good");
    let policy = format!("forbid = ['escape']\n[escape]\nallow = ['set-id:{}']", good.display());
    let program = "
import shutil, subprocess
def execute(name):
    shutil.copy('/bin/true', name)
    os.chmod(name, 0o4755)
    subprocess.run(['./' + name])
attempt(lambda: execute('good'))
attempt(lambda: execute('bad'))
";
    let recorded = site.record(&policy, &["--enforce"], program);
    assert_eq!(recorded.ran.out(), "done\n1\n", "{}", recorded.ran);
    let bad = format!("set-id:{}", site.sandbox.path("bad").display());
    let denied = violations(&recorded)
        .into_iter()
        .map(|(class, _, subject, response)| (class, subject, response));
    assert_eq!(denied.collect::<Vec<_>>(), [(Class::Escape, bad, Response::Denied)]);
}

/// What runs in the end counts, not what is named: the interpreter of a script, what the dynamic linker is given.
#[test]
fn a_denied_program_does_not_run_by_another_way() {
    let Some(site) = Site::new() else { return };
    let tool = site.sandbox.path("tool");
    let policy = format!("[exec]\ndeny = ['{}']\n[read]\nallow = ['/']", tool.display());
    let program = "
import os, shutil, subprocess
shutil.copy('/bin/true', 'tool')
def script(name, interpreter):
  open(name, 'w').write(f'#!{interpreter}\\n'); os.chmod(name, 0o755)
script('out/direct', os.path.abspath('tool')); script('out/relative', './tool')
os.symlink(os.path.abspath('tool'), 'out/link'); script('out/linked', 'out/link')
script('out/chain', 'out/linked')
def execute(*words):
  try: print(subprocess.run(words, stderr=subprocess.DEVNULL).returncode)
  except OSError as e: print(e.errno)
for name in 'direct', 'relative', 'linked', 'chain', 'link': execute('out/' + name)
execute(LINKER, './tool')
script('out/fine', '/bin/true'); execute('out/fine')
";
    let linker = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
        .into_iter()
        .find(|linker| std::path::Path::new(linker).exists());
    let Some(linker) = linker else { return crate::kit::skipped("there is no known linker") };
    let program = program.replace("LINKER", &format!("'{linker}'"));
    let denied = |recorded: &Recorded, response| {
        let told: Vec<_> = violations(recorded)
            .into_iter()
            .map(|(class, _, subject, response)| (class, subject, response))
            .collect();
        assert_eq!(told, [(Class::DeniedExec, tool.display().to_string(), response)]);
    };
    let recorded = site.record(&policy, &["--enforce"], &program);
    assert_eq!(recorded.ran.out(), "13\n13\n13\n13\n13\n127\n0\n", "{}", recorded.ran);
    denied(&recorded, Response::Denied);
    for name in ["tool", "out/link"] {
        fs::remove_file(site.sandbox.path(name)).unwrap();
    }
    let recorded = site.record(&policy, &[], &program);
    assert_eq!(recorded.ran.out(), "0\n".repeat(7), "{}", recorded.ran);
    denied(&recorded, Response::Noted);
}

/// Nobody ever writes to it, so who opened it to read its first line would wait for good.
#[test]
fn a_fifo_is_no_script() {
    let Some(site) = Site::new() else { return };
    let program = "
import subprocess
os.mkfifo('out/fifo'); os.chmod('out/fifo', 0o4755)
open('out/script', 'w').write('#!out/fifo\\n'); os.chmod('out/script', 0o755)
for name in 'out/fifo', 'out/script': attempt(lambda: subprocess.run([name]))
";
    for options in [&[][..], &["--enforce"]] {
        let recorded = site.record("forbid = ['escape']", options, program);
        assert_eq!(recorded.ran.out(), "13\n13\n", "{}", recorded.ran);
        for name in ["fifo", "script"] {
            fs::remove_file(site.sandbox.path("out").join(name)).unwrap();
        }
    }
}

#[test]
fn a_set_id_interpreter_is_not_executed_if_the_policy_is_enforced() {
    let Some(site) = Site::new() else { return };
    let program = "
import shutil, subprocess
shutil.copy('/bin/true', 'tool'); os.chmod('tool', 0o4755)
open('out/script', 'w').write('#!./tool\\n'); os.chmod('out/script', 0o755)
attempt(lambda: subprocess.run(['out/script']))
";
    let recorded = site.record("forbid = ['escape']", &["--enforce"], program);
    assert_eq!(recorded.ran.out(), "1\n", "{}", recorded.ran);
    let subjects: Vec<_> = violations(&recorded).into_iter().map(|told| told.2).collect();
    assert_eq!(subjects, [format!("set-id:{}", site.sandbox.path("tool").display())]);
}

#[test]
fn a_build_that_keeps_to_its_policy_has_its_own_status() {
    let Some(site) = Site::new() else { return };
    for options in [&[][..], &["--enforce"]] {
        let program = "open('out/a', 'w').write(open('source').read())\nos._exit(7)";
        let recorded = site.record(STRICT, options, program);
        assert_eq!(recorded.ran.code(), Some(7), "{}", recorded.ran);
        assert_eq!(violations(&recorded), []);
        assert_eq!(recorded.ran.err(), "");
        assert!(recorded.model.header.policy.is_some());
    }
}

#[test]
fn the_examples_of_the_documentation_are_policies() {
    let sandbox = Sandbox::new();
    let text = include_str!("../../docs/policy.md");
    let examples: Vec<_> = text.split("```toml\n").skip(1).collect();
    assert_eq!(examples.len(), 3);
    let policy = sandbox.path("policy.toml");
    for example in examples {
        let (example, _) = example.split_once("```").expect("it ends");
        fs::write(&policy, example).expect("the sandbox is ours");
        let mut vrift = sandbox.vrift(["audit", "--policy"]);
        let ran = run(vrift.arg(&policy).args(["--", "sh", "-c", "cat ~/.ssh/none; exit 0"]));
        assert_eq!(ran.code(), Some(0), "{ran}\n{example}");
    }
}

#[test]
fn a_policy_that_cannot_be_used_stops_before_the_command() {
    let Some(site) = Site::new() else { return };
    let policy = site.policy("forbid = [\"everything\"]");
    let ran_with = |policy: &str| -> Ran {
        run(&mut site.sandbox.vrift(["audit", "--policy", policy, "--", "touch", "made"]))
    };
    let said = ran_with(policy.to_str().unwrap()).vrift_failed();
    assert!(said.contains("there is no class 'everything'"), "{said}");
    ran_with("nowhere.toml").vrift_failed();
    assert!(!site.sandbox.path("made").exists());
}

/// The caller's directory and descriptors are not those of vrift.
#[test]
fn what_is_the_callers_own_in_proc_does_not_lead_around_the_policy() {
    let Some(site) = Site::new() else { return };
    let policy = "[read]\ndeny = ['**/.ssh']";
    let program = "
home = os.getcwd()
os.chdir('.ssh')
attempt(lambda: open('/proc/self/cwd/id').read())
attempt(lambda: open('/proc/thread-self/cwd/id').read())
fd = os.open('.', os.O_PATH)
attempt(lambda: open(f'/proc/self/fd/{fd}/id').read())
attempt(lambda: open(f'/dev/fd/{fd}/id').read())
attempt(lambda: open(home + '/source').read())
";
    let recorded = site.record(policy, &["--enforce"], program);
    assert_eq!(recorded.ran.out(), "13\n13\n13\n13\ndone\n", "{}", recorded.ran);
    assert_eq!(recorded.ran.code(), Some(3));
}

/// The command itself may be what the policy denies; it is not executed then, and that is a violation like others.
#[test]
fn a_command_that_is_denied_itself_has_broken_the_policy() {
    let sandbox = Sandbox::new();
    let tool = sandbox.path("tool");
    fs::write(&tool, "#!/bin/sh\necho ran\n").expect("the sandbox is ours");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("it is ours");
    for denied in ["tool", "/bin/sh"] {
        let policy = sandbox.path("policy.toml");
        fs::write(&policy, format!("[exec]\ndeny = ['{denied}']")).expect("the sandbox is ours");
        let mut vrift = sandbox.vrift(["audit", "--enforce", "--policy"]);
        vrift.arg(&policy).args(["--", "./tool"]);
        let ran = run(vrift.current_dir(sandbox.path("")));
        assert_eq!((ran.code(), ran.out()), (Some(3), String::new()), "{ran}");
        assert!(ran.err().contains(&format!("denied-exec by '{denied}'")), "{ran}");
        assert!(ran.err().contains("./tool: Permission denied"), "{ran}");
    }
}
