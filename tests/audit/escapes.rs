//! Ways in which something may act for the tree unseen.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;

use vrift_audit::{Act, Escape, Outcome, What};

use crate::kit::{Sandbox, have, python, root, run, skipped};
use crate::recorded::{model, recorded, recorded_with, script};

/// The escapes that a record tells, with what they are about.
fn escapes(record: &Path) -> Vec<(Escape, String)> {
    let findings = model(record).findings.into_iter();
    let escapes = findings.filter_map(|found| match found.what {
        What::Escape { kind, .. } => Some((kind, found.subject.to_string())),
        What::Violation { .. } => None,
    });
    escapes.collect()
}

/// The kernel gives ids of processes that have ended to others.
#[test]
fn a_daemon_with_the_id_of_a_process_that_has_ended_is_told() {
    let (Some(python), true) = (python(), root()) else {
        return skipped("only root can choose the id of a process");
    };
    let sandbox = Sandbox::new();
    for name in ["asked", "answer"] {
        let made = nix::unistd::mkfifo(&sandbox.path(name), nix::sys::stat::Mode::S_IRWXU);
        made.expect("the sandbox is ours");
    }
    // clone3 with set_tid; another process may have the id by then.
    let outsider = "
import ctypes, os, socket, struct
call = ctypes.CDLL(None, use_errno=True).syscall
listener = socket.socket(socket.AF_UNIX); listener.bind('daemon'); listener.settimeout(60)
with open('asked') as asked, open('answer', 'w', 1) as answer:
    for line in asked:
        tid = (ctypes.c_int * 1)(int(line))
        args = struct.pack('11Q', 0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(tid), 1, 0)
        made = call(435, args, len(args))
        if made == 0:
            listener.listen(); print('there', file=answer); listener.accept(); os._exit(0)
        if made > 0: os.waitpid(made, 0); break
        print('taken' if ctypes.get_errno() == 17 else 'never', file=answer)
";
    let program = "
import os, socket
with open('asked', 'w', 1) as asked, open('answer') as answer:
    told = 'taken'
    while told == 'taken':
        child = os.fork()
        if child == 0: os._exit(0)
        os.waitpid(child, 0); print(child, file=asked); told = answer.readline().strip()
if told == 'there': socket.socket(socket.AF_UNIX).connect('daemon')
print(told)
";
    let mut daemon = sandbox.command(python);
    let mut daemon = daemon.args(["-c", outsider]).spawn().expect("it starts");
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    daemon.kill().and_then(|()| daemon.wait()).expect("it is ours");
    if recorded.ran.out() == "never\n" {
        return skipped("nobody can choose the id of a process here");
    }
    let daemon = sandbox.path("daemon").display().to_string();
    assert!(
        escapes(&recorded.path).contains(&(Escape::Daemon, daemon)),
        "{:?}\n{}",
        escapes(&recorded.path),
        recorded.ran
    );
}

#[test]
fn possible_escapes_are_told() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import ctypes
call = ctypes.CDLL(None, use_errno=True).syscall
call(425, 0, 0)        # io_uring_setup
call(272, 0x10000000)  # unshare(CLONE_NEWUSER), which a process of several threads is refused
call(101, 0, 0, 0, 0)  # ptrace(PTRACE_TRACEME)
call(1900, 1)          # nobody's
call(304, -1, 0, 0)    # open_by_handle_at
call(310, -1, 0, 0, 0, 0, 0)  # process_vm_readv
call(313, -1, 0, 0)    # finit_module
call(163, b'nowhere/file')     # acct
call(167, b'nowhere/file', 0)  # swapon
call(435, (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 999), 88) # clone3(CLONE_NEWUSER), with no such signal
call(0x40000027)       # getpid of x32
";
    if std::env::consts::ARCH != "x86_64" {
        return skipped("the numbers are those of x86_64");
    }
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    let kinds: Vec<_> = escapes(&recorded.path).into_iter().map(|(kind, _)| kind).collect();
    use Escape::*;
    assert_eq!(
        kinds,
        [
            IoUring,
            Namespace,
            Ptrace,
            UnknownCall,
            FileHandle,
            OtherProcess,
            Kernel,
            Kernel,
            Kernel,
            Namespace,
            ForeignAbi
        ],
        "{}",
        recorded.ran
    );
}

/// What is mounted and what becomes the root is told by the place.
#[test]
fn name_spaces_are_told_with_paths() {
    let Some(python) = python() else { return };
    if std::env::consts::ARCH != "x86_64" {
        return skipped("the numbers are those of x86_64");
    }
    let sandbox = Sandbox::new();
    let program = "
import ctypes, os
call = ctypes.CDLL(None).syscall
os.mkdir('dir')
call(161, b'none')                              # chroot
call(165, b'x', b'dir/../dir', b'nobodys', 0, 0)  # mount
os.chdir('dir')
call(166, b'.', 0)                              # umount2
call(155, b'../dir', b'x')                          # pivot_root
call(161, 1)
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    let place = |name: &str| (Escape::Namespace, sandbox.path(name).display().to_string());
    let expected = [place("none"), place("dir"), place("dir"), place("dir")];
    let told = escapes(&recorded.path);
    assert_eq!(told[..4], expected, "{}", recorded.ran);
    assert_eq!(told[4..], [(Escape::Namespace, String::new())]);
}

/// Nobody in the tree makes a call for it: the kernel writes the file, or starts a program.
#[test]
fn cores_that_are_dumped_are_told() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").expect("the kernel tells");
    let sandbox = Sandbox::new();
    let killed = |limit: &str| {
        let script = format!("(ulimit -c {limit}; exec sh -c 'kill -SEGV $$'); :");
        ["sh".to_owned(), "-c".to_owned(), script]
    };
    let is_dumped =
        |limit: &str| run(&mut sandbox.natively(&killed(limit))).err().contains("core dumped");
    if !is_dumped("unlimited") {
        return skipped("the kernel dumps no core here");
    }
    let told = |limit: &str| {
        let words = killed(limit);
        escapes(&recorded(&sandbox, &words.each_ref().map(String::as_str)).path)
    };
    let dumps = |count: usize| vec![(Escape::CoreDump, pattern.trim_end().to_owned()); count];
    assert_eq!(told("unlimited"), dumps(1));
    // The limit is for files: a program that is given the cores has them all the same.
    assert_eq!(told("0"), dumps(usize::from(is_dumped("0"))));
}

/// What a command is given besides its standard input and output is a way out of the tree.
#[test]
fn descriptors_from_outside_are_told() {
    let sandbox = Sandbox::new();
    let told = |redirections: &str| {
        let record = sandbox.path("rec");
        let script = format!("exec \"$0\" audit -o \"$1\" -- sh -c ': < /dev/null' {redirections}");
        let mut shell = sandbox.command("bash");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_vrift")]).arg(&record);
        run(&mut shell).fine();
        escapes(&record)
    };
    if !have("bash") {
        return;
    }
    let here = sandbox.path("").display().to_string();
    let here = here.trim_end_matches('/');
    fs::write(sandbox.path("file"), "text").unwrap();
    assert_eq!(told("< file > out 3> /dev/null 4> >(cat) 5< <(true)"), []);
    let descriptor = |name: &str| (Escape::Descriptor, name.to_owned());
    assert_eq!(told("3< ."), [descriptor(here)]);
    assert_eq!(
        told("7>> out 5< file"),
        ["file", "out"].map(|name| descriptor(&format!("{here}/{name}")))
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(told(&format!("9<> /dev/tcp/127.0.0.1/{port}")), [descriptor("socket")]);
}

/// Whether the bits count depends on who traces; that they are there is told.
#[test]
fn programs_with_set_id_bits_are_told() {
    let sandbox = Sandbox::new();
    let recorded =
        script(&sandbox, "cp /bin/true own; chmod 4755 own; ./own; chmod 755 own; ./own");
    let own = sandbox.path("own").display().to_string();
    assert_eq!(escapes(&recorded.path), [(Escape::SetId, own)]);
}

/// What goes by a key or a name may be others': only what the tree has made itself is its own.
#[test]
fn what_is_shared_with_others_is_told() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    // What is made outside is there as long as vrift runs.
    let outside = "
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
key = 0x52000000 + os.getpid()
memory, messages = libc.shmget(key, 4096, 0o1600), libc.msgget(key, 0o1600)
semaphores, queue = libc.semget(key, 1, 0o1600), libc.mq_open(b'/vrift-%d' % key, os.O_CREAT | os.O_RDWR, 0o600, None)
private = libc.shmget(0, 4096, 0o600)
print(key, private, min(memory, messages, semaphores, queue), flush=True)
try: sys.exit(subprocess.run(sys.argv[1:] + [str(key), str(private)]).returncode)
finally:
  libc.shmctl(memory, 0, None); libc.shmctl(private, 0, None); libc.msgctl(messages, 0, None)
  libc.semctl(semaphores, 0, 0); libc.mq_unlink(b'/vrift-%d' % key)
";
    let inside = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
key, private = map(int, sys.argv[1:])
def all(key):
  memory, messages, semaphores = libc.shmget(key, 4096, 0o1600), libc.msgget(key, 0o1600), libc.semget(key, 1, 0o1600)
  queue = libc.mq_open(b'/vrift-%d' % key, os.O_CREAT | os.O_RDWR, 0o600, None)
  libc.shmat(memory, None, 0)
  return memory, messages, semaphores
libc.shmat.restype = ctypes.c_void_p
all(key); all(key)
libc.shmat(private, None, 0)
for number in 1, 2:
  memory, messages, semaphores = all(key + 0x1000000)
libc.shmctl(memory, 0, None); libc.msgctl(messages, 0, None); libc.semctl(semaphores, 0, 0)
libc.mq_unlink(b'/vrift-%d' % (key + 0x1000000))
own = libc.shmget(0, 4096, 0o600)
libc.shmat(own, None, 0); libc.shmctl(own, 0, None)
libc.msgget(key + 0x2000000, 0)
";
    let record = sandbox.path("rec");
    let told = |options: &[&str]| {
        let mut command = sandbox.command(python);
        command.args(["-c", outside, env!("CARGO_BIN_EXE_vrift"), "audit", "-o"]).arg(&record);
        let ran = run(command.args(options).args(["--", python, "-c", inside]));
        let out = ran.out();
        let made: Vec<i64> = out.split_whitespace().map(|word| word.parse().unwrap()).collect();
        assert_eq!(made.len(), 3, "{ran}");
        (ran, made, escapes(&record))
    };
    let (ran, made, found) = told(&[]);
    if made[2] < 0 {
        return skipped("the kernel has not all of these");
    }
    assert!(ran.status.success(), "{ran}");
    let expected = |made: &[i64]| {
        let key = made[0];
        let words = [
            format!("memory {key:#x}"),
            format!("messages {key:#x}"),
            format!("semaphores {key:#x}"),
            format!("queue /vrift-{key}"),
            format!("memory number {}", made[1]),
        ];
        words.map(|word| (Escape::Ipc, word)).to_vec()
    };
    assert_eq!(found, expected(&made));
    let policy = sandbox.path("policy");
    fs::write(&policy, "forbid = ['escape']").unwrap();
    let (ran, made, found) = told(&["--policy", policy.to_str().unwrap(), "--enforce"]);
    assert_eq!(ran.code(), Some(3), "{ran}");
    let mut expected = expected(&made);
    // What was denied is asked for again, and the memory by a number that is none.
    expected.splice(4..4, expected[..4].to_vec());
    assert_eq!(found, expected);
}

/// The kernel looks at the interpreter of a script, not at the script.
#[test]
fn a_script_is_as_set_id_as_its_interpreter() {
    let sandbox = Sandbox::new();
    let plain = "printf '#!/bin/sh\n' > script; chmod 4755 script; ./script";
    assert_eq!(escapes(&script(&sandbox, plain).path), []);
    let own = sandbox.path("own").display().to_string();
    let interpreted = format!(
        "cp /bin/true own; chmod 4755 own; printf '#!{own}\n' > script; chmod 755 script; ./script"
    );
    assert_eq!(escapes(&script(&sandbox, &interpreted).path), [(Escape::SetId, own)]);
}

/// What a process of the tree has open or in memory is the tree's.
#[test]
fn memory_and_descriptors_of_the_trees_own_processes_are_no_escape() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
class Part(ctypes.Structure): _fields_ = [('at', ctypes.c_void_p), ('length', ctypes.c_size_t)]
def read(process):
  text = ctypes.create_string_buffer(8)
  part = Part(ctypes.addressof(text), 8)
  return libc.process_vm_readv(process, ctypes.byref(part), 1, ctypes.byref(part), 1, 0)
def fetch(process): return libc.syscall(438, os.pidfd_open(process), 0, 0) # pidfd_getfd
child = os.fork()
if child == 0: signal.pause()
print(read(os.getpid()), read(child), fetch(child) > 0)
read(int(sys.argv[1])); fetch(int(sys.argv[1]))
os.kill(child, 9); os.wait()
";
    let outside = std::process::id().to_string();
    let recorded = recorded(&sandbox, &[python, "-c", program, &outside]);
    assert_eq!(recorded.ran.out(), "8 8 True\n", "{}", recorded.ran);
    let told = (Escape::OtherProcess, format!("process {outside}"));
    assert_eq!(escapes(&recorded.path), [told.clone(), told]);
}

/// A handle says nothing of a path; what is open in the end does.
#[test]
fn what_is_opened_by_a_handle_is_told_by_its_path() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("in"), "in").unwrap();
    fs::write(sandbox.path("out"), "out").unwrap();
    let program = "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def reopen(name, flags):
  handle = ctypes.create_string_buffer(136); handle[0:4] = (128).to_bytes(4, 'little')
  libc.name_to_handle_at(-100, name, handle, ctypes.byref(ctypes.c_int()), 0)
  return libc.open_by_handle_at(os.open('.', 0), handle, flags)
print(reopen(b'in', os.O_RDONLY), os.write(reopen(b'out', os.O_WRONLY | os.O_TRUNC), b'w'))
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    if !recorded.ran.status.success() {
        return skipped("files are not opened by handles here");
    }
    let told = |name: &str| (Escape::FileHandle, sandbox.path(name).display().to_string());
    assert_eq!(escapes(&recorded.path), [told("in"), told("out")]);
    assert_eq!(recorded.read(&sandbox.path("in")), [vrift_cas::Digest::of(b"in")]);
    let out = &recorded.model.files[sandbox.path("out").as_os_str().as_encoded_bytes()];
    assert_eq!(out.done(Act::Replace), 1, "{out:?}");
    let Some(vrift_audit::Left::File(left)) = out.left else { panic!("{out:?}") };
    let whole = vrift_audit::Content::Whole(vrift_cas::Digest::of(b"w"));
    assert_eq!(recorded.model.content(left), Some(whole));
}

#[test]
fn programs_with_capabilities_are_told() {
    if !root() || !have("setcap") {
        return skipped("only root gives files capabilities, by setcap");
    }
    let sandbox = Sandbox::new();
    let given = run(&mut sandbox.natively(&[
        "sh",
        "-c",
        "cp /bin/true own && cp own bare && setcap cap_net_raw+ep own",
    ]));
    if !given.status.success() {
        return skipped("the file system has no capabilities of files");
    }
    let recorded = script(&sandbox, "./bare; ./own; ln -s own link; ./link");
    let told = (Escape::SetId, sandbox.path("own").display().to_string());
    assert_eq!(escapes(&recorded.path), [told.clone(), told]);
}

/// Memory has a name that looks like a path, and is no file that others could change.
#[test]
fn memory_that_is_executed_is_no_file_of_the_host() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import mmap, os, shutil
memory = os.memfd_create('m')
os.write(memory, open(shutil.which('true'), 'rb').read())
mmap.mmap(memory, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
os.fchmod(memory, 0o700)
open('/proc/self/fd/%d' % memory).close()
os.execve(memory, ['true'], {})
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    assert_eq!(escapes(&recorded.path), []);
    let of_memory = recorded.accesses().filter(|a| a.path.to_string().starts_with("/memfd:"));
    let of_memory: Vec<_> = of_memory.map(|access| (access.act, recorded.digest(access))).collect();
    let executed = vrift_cas::Digest::of(&fs::read("/bin/true").unwrap());
    assert_eq!(of_memory, [(Act::Execute, executed)]);
}

/// Somebody from outside connects to a socket of the tree.
#[test]
fn who_is_accepted_from_outside_is_told() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import socket
l = socket.socket(socket.AF_UNIX); l.bind('inside'); l.listen()
open('ready', 'w').close()
l.accept()[0].close()
";
    let (inside, ready) = (sandbox.path("inside"), sandbox.path("ready"));
    let other = std::thread::spawn(move || {
        while !ready.exists() {
            std::thread::yield_now();
        }
        let mut stream = UnixStream::connect(inside).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    other.join().unwrap();
    assert_eq!(escapes(&recorded.path), [(Escape::Daemon, "accepted".to_owned())]);
}

/// Nobody listens at a socket for datagrams: it is of the tree if the tree has bound it.
#[test]
fn datagrams_within_the_tree_are_no_escape() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let outside = std::os::unix::net::UnixDatagram::bind(sandbox.path("outside")).unwrap();
    let program = "
import os, socket
def new(): return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = '\\0vrift-%d' % os.getpid()
path, abstract = new(), new()
path.bind('own'); abstract.bind(name); os.symlink('own', 'link')
for to in 'own', 'link', name:
  new().sendto(b'x', to); new().sendmsg([b'x'], [], 0, to); new().connect(to)
new().sendto(b'x', 'outside')
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    drop(outside);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let told = (Escape::Daemon, sandbox.path("outside").display().to_string());
    assert_eq!(escapes(&recorded.path), [told]);
}

/// A program that may be executed and not read.
#[test]
fn what_vrift_may_not_read_is_told() {
    let sandbox = Sandbox::new();
    let closed = sandbox.path("closed");
    // By another process: who writes a file may hold it open in a child of another test's, and it is not executed.
    run(sandbox.command("cp").arg("/bin/true").arg(&closed)).fine();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o111)).unwrap();
    fs::set_permissions(sandbox.path("tmp"), fs::Permissions::from_mode(0o777)).unwrap();
    let record = sandbox.path("tmp/rec");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.arg(&record).args(["--", "sh", "-c", "\"$0\"; : < /proc/self/status"]).arg(&closed);
    if root() {
        vrift.uid(65534).gid(65534);
    }
    let ran = run(&mut vrift);
    assert!(ran.status.success(), "{ran}");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o644)).unwrap();
    let told = (Escape::NotHashed, closed.display().to_string());
    assert!(escapes(&record).contains(&told), "{:?}", escapes(&record));
    assert!(escapes(&record).iter().all(|escape| *escape == told), "{:?}", escapes(&record));
    assert!(model(&record).totals.unwrap().incomplete > 0);
}

/// The kernel opens files for who reads its events, but for who only wants their handles.
#[test]
fn fanotify_that_opens_files_is_told() {
    let Some(python) = python() else { return };
    let program = "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0, 0x4, 0x200, 0x600, 0x80): print(libc.fanotify_init(flags, 0) < 0)
";
    let sandbox = Sandbox::new();
    let words = [python, "-c", program];
    let recorded = recorded(&sandbox, &words);
    assert_eq!(recorded.ran.out(), run(&mut sandbox.natively(&words)).out());
    let failed: Vec<_> = recorded.ran.out().lines().map(|line| line == "True").collect();
    let told = recorded.model.findings.iter().map(|found| match found.what {
        What::Escape { kind: Escape::Fanotify, outcome } => outcome != Outcome::Done,
        _ => panic!("{found:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), [failed[0], failed[1], failed[4]]);
}

/// By the file that it is in `/proc` it can be read and written too.
#[test]
fn memory_of_others_that_is_opened_is_told() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os, signal, sys
def attempt(path, flags=os.O_RDONLY):
  try: os.open(path, flags); return 'done'
  except OSError as error: return error.errno
child = os.fork()
if child == 0: signal.pause()
for own in 'self', os.getpid(), child: attempt(f'/proc/{own}/mem')
os.kill(child, 9); os.wait()
other = sys.argv[1]
os.symlink(f'/proc/{other}/task/{other}', 'way')
print(attempt(f'/proc/{other}/mem', os.O_RDWR), attempt('way/mem'))
attempt('way/mem', os.O_PATH); os.unlink('way')
";
    let mut outside = sandbox.command("sleep").arg("1000").spawn().unwrap();
    let words = [python, "-c", program, &outside.id().to_string()];
    let noted = recorded(&sandbox, &words);
    let said = run(&mut sandbox.natively(&words)).out();
    let policy = sandbox.path("policy");
    fs::write(&policy, "forbid = ['escape']").unwrap();
    let enforced = ["--policy", policy.to_str().unwrap(), "--enforce"];
    let enforced = recorded_with(&sandbox, &enforced, &words);
    let (told, denied) = (escapes(&noted.path), escapes(&enforced.path));
    outside.kill().and_then(|()| outside.wait()).unwrap();
    assert_eq!(noted.ran.out(), said);
    let other = (Escape::OtherProcess, format!("process {}", outside.id()));
    assert_eq!(told, vec![other.clone(); said.matches("done").count()]);
    assert_eq!(enforced.ran.out(), "1 1\n", "{}", enforced.ran);
    assert_eq!(denied, [other.clone(), other]);
}
