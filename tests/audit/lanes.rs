//! What is told of calls that made no stop is what is told of those that did: the same programs, recorded with the
//! fast lane from the first call on, and without it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use vrift_audit::{Access, Act, Entry, Event, Model, Text};

use crate::kit::{Sandbox, have, line_difference, python, root, run, skipped};
use crate::recorded::{Recorded, recorded_with};

/// What a record has of each process, in the order of their births: a line for each access, with what
/// was read.
fn told(recorded: &Recorded) -> Vec<Vec<String>> {
    let mut told: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut born: Vec<i32> = Vec::new();
    for Entry { tid, event, .. } in &recorded.entries {
        let number = born.iter().position(|known| known == tid).unwrap_or_else(|| {
            born.push(*tid);
            born.len() - 1
        });
        let line = match event {
            Event::File(access) => spelled(access, &recorded.model, *tid),
            Event::Escape { kind, detail, outcome, .. } => format!("{kind:?} {detail} {outcome:?}"),
            _ => continue,
        };
        told.entry(number).or_default().push(line);
    }
    told.into_values().collect()
}

fn spelled(access: &Access<Text>, model: &Model, tid: i32) -> String {
    let Access { call, act, path, other, version, verdict, outcome, .. } = access;
    let content = version.and_then(|version| model.content(version));
    // The linker's cache and the like are asked for by an own path of each process.
    let path = path.to_string();
    let own = |name| if name == tid.to_string() { "TID" } else { name };
    let path = path.split('/').map(own).collect::<Vec<_>>().join("/");
    format!("{call} {act:?} {path} {other:?} {content:?} {verdict:?} {outcome:?}")
}

/// Records a program in both ways in new copies of a tree; wants the same record.
#[track_caller]
fn same(plant: impl Fn(&Path), words: &[&str]) -> Recorded {
    same_with(&[], plant, words)
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The same with other options; `TREE` in them and in the words stands for the tree.
#[track_caller]
fn same_with(options: &[&str], plant: impl Fn(&Path), words: &[&str]) -> Recorded {
    // One path: both copies lie there one after the other.
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    let [slow, fast] = ["never", "always"].map(|lane| {
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir(&tree).expect("the sandbox is ours");
        plant(&tree);
        let option = format!("--fast-lane={lane}");
        let at = tree.to_string_lossy().into_owned();
        let placed = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| word.replace("TREE", &at)).collect()
        };
        let (options, words) = (placed(&[&[&option[..]], options].concat()), placed(words));
        let recorded = recorded_with(&sandbox, &texts(&options), &texts(&words));
        assert!(recorded.ran.status.success(), "{}", recorded.ran);
        recorded
    });
    assert_eq!(slow.ran.out(), fast.ran.out());
    let [slow_told, fast_told] = [&slow, &fast].map(told);
    assert_eq!(slow_told.len(), fast_told.len());
    for (slow, fast) in slow_told.iter().zip(&fast_told) {
        let [slow, fast] = [slow, fast].map(|lines| lines.join("\n"));
        assert!(slow == fast, "{}", line_difference(&slow, &fast));
    }
    fast
}

/// Opens every path there is a way of opening, and closes it before anybody is told.
const OPENS: &str = r#"
import os
os.chdir('TREE')
def attempt(path, flags):
    try: os.close(os.open(path, flags))
    except OSError: pass
def everything():
    for path in [
        'file', './/file', 'dir/../file', 'TREE/file', 'link', 'far/file', 'far/../file', 'dangling', 'loop', 'dir', 'dir/',
        '.', '..', 'none', 'closed', 'file/none', '', 'n' * 256, 'd/' * 2047, 'fifo', 'odd\nname', b'odd\xff', 'a (deleted)',
        '/etc/mtab', '/etc/passwd', '/dev/null', '/dev/zero', '/proc/self/status', '/proc/thread-self/status',
        '/proc/%d/status' % os.getpid(), '/proc/self/maps', '/proc/self/exe', '/proc/self/cwd/file', '/proc/self/fd/9',
        '/dev/fd/9', '/proc/version', '/proc/self/none', '/sys/kernel/mm', '/proc/self/fd/8', 'own', '/proc/self/root',
    ]:
        for flags in [
            os.O_RDONLY, os.O_RDONLY | os.O_NOFOLLOW, os.O_DIRECTORY, os.O_PATH, os.O_PATH | os.O_NOFOLLOW,
            os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC,
        ]:
            if path == 'fifo' and not flags & (os.O_NONBLOCK | os.O_PATH): continue
            attempt(path, flags)
os.dup2(os.open('file', os.O_RDONLY), 9)
os.dup2(os.memfd_create('memory'), 8)
everything()
os.chdir('dir')
everything()
os.chdir('..')
# A path that comes to lead elsewhere.
for turn in range(6):
    attempt('turning/file', os.O_RDONLY)
    attempt('turning/other', os.O_RDONLY)
    os.rename('one', 'spare'); os.rename('two', 'one'); os.rename('spare', 'two')
    attempt('one/file', os.O_RDONLY)
    os.unlink('turning'); os.symlink(['one', 'two'][turn % 2], 'turning')
here, there = os.open('.', os.O_RDONLY), os.open('dir', os.O_RDONLY)
for turn in range(3):
    for directory in there, here:
        os.fchdir(directory)
        for path in ['none', 'file', 'dir/none']: attempt(path, os.O_RDONLY); os.access(path, os.R_OK)
os.mkdir('first'); os.chdir('first')
for name in 'second', 'third':
    for path in ['none', '../file']: os.access(path, os.R_OK); attempt(path, os.O_RDONLY)
    os.rename(os.getcwd(), '../' + name)
    for path in ['none', '../file']: os.access(path, os.R_OK); attempt(path, os.O_RDONLY)
os.chdir('..')
os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')
for path in ['.', '..', 'none', '../file']: attempt(path, os.O_RDONLY)
"#;

fn plant(tree: &Path) {
    let at = |name: &str| tree.join(name);
    for name in ["dir", "closed", "one", "two", "dir/one", "dir/two"] {
        fs::create_dir(at(name)).expect("the sandbox is ours");
    }
    let names = ["file", "dir/file", "closed/file", "one/file", "two/file", "two/other"];
    for name in names.into_iter().chain(["odd\nname", "a (deleted)"]) {
        fs::write(at(name), name).expect("the sandbox is ours");
    }
    let links = [("link", "file"), ("far", "dir/one"), ("dangling", "none"), ("loop", "loop")];
    for (name, target) in links.into_iter().chain([("turning", "one"), ("own", "/proc/self/fd/9")])
    {
        symlink(target, at(name)).expect("the sandbox is ours");
    }
    nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("the sandbox is ours");
}

#[test]
fn every_open_is_told_as_with_a_stop() {
    let Some(python) = python() else { return };
    let recorded = same(plant, &[python, "-c", OPENS]);
    assert!(recorded.paths(&[Act::Read]).iter().any(|path| path.ends_with("/two/other")));
}

/// Asks for the same files again and again, from several directories and processes, while paths come to lead elsewhere
/// and files become others.
const AGAIN: &str = r#"
import mmap, os, time
os.chdir('TREE')
# From then on the times of a file tell of another change.
def grow_old(path):
    changed = os.stat(path).st_ctime
    while time.time() < changed + .1: pass
def read(path, flags=os.O_RDONLY): os.close(os.open(path, flags))
def ask():
    for path in [
        'file', 'none', 'dir', 'link', 'closed/none', 'file/none', 'TREE/file', 'TREE/none', 'TREE/./none', 'TREE/dir/../none',
        'turning/file', 'turning/../file', 'turning/../none', 'TREE/turning/../file', 'TREE/turning/..', 'two/../file',
        '../file', '/proc/self/cwd/file', '/dev/fd/9', 'own', '/etc/passwd', 'n' * 250, 'TREE/' + 'n' * 250, 'n/' * 200,
    ]:
        for way in [
            read, os.stat, os.lstat, os.readlink, lambda path: os.access(path, os.R_OK), lambda path: os.access(path, os.W_OK),
            lambda path: read(path, os.O_DIRECTORY), lambda path: read(path, os.O_PATH),
        ]:
            try: way(path)
            except OSError: pass
def ask_all():
    ask(); ask()
    for directory in ['dir', '..']: os.chdir(directory); ask()
    if os.fork() == 0:
        ask(); os.chdir('dir'); ask(); os._exit(0)
    os.wait()
os.dup2(os.open('file', os.O_RDONLY), 9)
ask_all()
os.unlink('turning'); os.symlink('dir/one', 'turning'); ask_all()
os.rename('dir', 'spare'); os.rename('one', 'dir'); os.rename('spare', 'one'); ask_all()
with open('file', 'a') as file: file.write('more')
ask_all()
os.rename('two/file', 'file'); ask_all()
os.mkdir('none'); ask_all()
os.rmdir('none'); open('none', 'w').close(); ask_all()
os.chmod('file', 0); ask_all()
grow_old('none'); grow_old('file'); ask_all()
kept = os.open('none', os.O_RDONLY); os.unlink('none')
with open('none', 'w') as file: file.write('another')
grow_old('none'); ask_all()
# Written through memory, which its times do not tell of.
with open('none', 'r+b') as file: shared = mmap.mmap(file.fileno(), 0)
shared[0] = 65; grow_old('none'); ask_all()
for turn in range(3): shared[0] = 66 + turn; ask_all()
"#;

#[test]
fn what_is_asked_again_is_told_as_with_stops() {
    let Some(python) = python() else { return };
    let recorded = same(plant, &[python, "-c", AGAIN]);
    let read = recorded
        .accesses()
        .filter(|access| access.act == Act::Read && access.path.to_string().ends_with("tree/file"));
    let mut digests: Vec<_> = read.map(|access| recorded.digest(access)).collect();
    digests.sort();
    digests.dedup();
    assert!(digests.len() >= 3, "{digests:?}");
}

/// Files that the tree changes as it reads them: each reading has the digest of what was there.
const CHANGES: &str = r#"
import os
os.chdir('TREE')
def write(path, text, mode='w'):
    with open(path, mode) as file: file.write(text)
def read(path):
    with open(path) as file: return file.read()
log = open('log', 'w')
for turn in range(30):
    write('file', f'turn {turn}')
    read('file')
    # Written without a stop, as what is open for it is.
    for part in range(3):
        log.write(f'{turn} {part}\n'); log.flush(); read('log')
    write('new', 'x' * turn); os.rename('new', 'renamed'); read('renamed')
    os.utime('file', (1, 1)); read('file')
    if os.fork() == 0:
        read('file'); write('file', f'child {turn}'); read('file'); os._exit(0)
    os.wait()
    read('file')
    os.truncate('file', 3); read('file')
    os.link('file', 'second'); read('second'); os.unlink('second')
"#;

#[test]
fn what_is_overwritten_later_has_the_digest_of_each_version() {
    let Some(python) = python() else { return };
    let recorded = same(plant, &[python, "-c", CHANGES]);
    let reads = recorded
        .accesses()
        .filter(|access| access.act == Act::Read && access.path.to_string().ends_with("tree/file"));
    let mut read: Vec<_> = reads.map(|access| recorded.digest(access)).collect();
    assert_eq!(read.len(), 30 * 6);
    read.sort();
    read.dedup();
    // Those of each turn and each child, and what is left of them.
    assert_eq!(read.len(), 30 + 30 + 1);
}

/// No path leads to a file that has lost its name but those of who has it open.
const LOSES: &str = r#"
import os
os.chdir('TREE')
def read(path):
    file = os.open(path, os.O_RDONLY); os.read(file, 9); os.close(file)
def all(number):
    for path in ['/proc/self/fd/9', '/dev/fd/9', 'own']:
        for turn in range(number): read(path)
os.dup2(os.open('file', os.O_RDWR), 9)
for turn in range(30): read('/etc/passwd')
all(2)
os.rename('file', 'renamed'); all(2)
os.link('renamed', 'second'); os.unlink('renamed'); all(2)
os.write(9, b'other'); all(2)
os.unlink('second'); all(2)
os.write(9, b'more'); all(1)
# Nobody has written to it.
os.dup2(os.open('dir/file', os.O_RDONLY), 9); os.unlink('dir/file'); all(2)
open('dir/file', 'w').close(); all(2)
"#;

#[test]
fn files_that_have_lost_their_names_are_told_as_with_stops() {
    let Some(python) = python() else { return };
    let recorded = same(plant, &[python, "-c", LOSES]);
    assert!(recorded.model.findings.is_empty(), "{:#?}", recorded.model.findings);
    assert_eq!(recorded.model.totals.expect("it is whole").incomplete, 0);
}

/// Maps files in every way, and closes them before anybody is told.
const MAPS: &str = r#"
import ctypes, mmap, os, socket, time
os.chdir('TREE')
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
R, W, X = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
PRIVATE, SHARED, ANONYMOUS = mmap.MAP_PRIVATE, mmap.MAP_SHARED, mmap.MAP_ANONYMOUS
def attempt(fd, protection, flags):
    try: mmap.mmap(fd, 1, flags=flags, prot=protection).close()
    except OSError: pass
def everything(fd):
    for protection in [R, X, R | X, R | W, W | X]:
        for flags in [PRIVATE, SHARED]: attempt(fd, protection, flags)
    os.close(fd)
def opened(path):
    for flags in [os.O_RDONLY, os.O_WRONLY, os.O_RDWR]:
        try: fd = os.open(path, flags)
        except OSError: continue
        everything(fd)
def passed(fd):
    one, other = socket.socketpair()
    socket.send_fds(one, [b'.'], [fd])
    os.close(fd)
    return socket.recv_fds(other, 1, 1)[1][0]
for turn in range(3):
    for path in ['file', 'link', 'dir/../file', 'second', 'dir', 'fifo', '/dev/zero', '/etc/passwd', '/proc/self/exe', 'none']:
        if path != 'fifo': opened(path)
    memory = os.memfd_create('memory'); os.write(memory, b'code'); everything(memory)
    everything(os.dup(os.open('dir/file', os.O_RDONLY)))
    everything(passed(os.open('one/file', os.O_RDONLY)))
    attempt(99, R | X, PRIVATE)
    attempt(-1, R | X, PRIVATE | ANONYMOUS)
    # One that is somewhere else by the time, or nowhere.
    fd = os.open('two/file', os.O_RDONLY); os.rename('two/file', 'two/moved'); everything(fd)
    fd = os.open('two/moved', os.O_RDONLY); os.unlink('two/moved'); everything(fd)
    with open('two/file', 'w') as file: file.write(f'turn {turn}')
    # What is written to it by memory changes no times.
    for first, then in [(R, R | W), (R | W, R | W)]:
        file = os.open('two/file', os.O_RDWR)
        shared = libc.mmap(None, 4096, first, SHARED, file, 0)
        os.close(file)
        libc.mprotect(shared, 4096, then)
        for text in [b'here', b'then', b'last']:
            ctypes.memmove(shared, text, 4)
            time.sleep(0.07) # longer than times are taken for too young to tell
            with open('two/file') as other: other.read()
    if os.fork() == 0:
        everything(0); opened('file'); os._exit(0)
    os.wait()
"#;

#[test]
fn every_mapping_is_told_as_with_a_stop() {
    let Some(python) = python() else { return };
    let plant = |tree: &Path| {
        plant(tree);
        fs::hard_link(tree.join("file"), tree.join("second")).expect("the sandbox is ours");
    };
    let script = format!("exec '{python}' -c \"$1\" < TREE/closed/file");
    let mounts =
        [&[][..], &["--overlay", "TREE/two", "--discard"], &["--overlay", "TREE", "--discard"]];
    for options in mounts {
        let recorded = same_with(options, plant, &["sh", "-c", &script, "sh", MAPS]);
        let is_one = |access: &&Access<Text>| {
            access.act == Act::Map && access.path.to_string().ends_with("tree/dir/file")
        };
        // As code of its own in three ways, and shared in two.
        assert_eq!(recorded.accesses().filter(is_one).count(), 3 * 5, "{options:?}");
    }
}

#[test]
fn a_compilation_is_told_as_with_stops() {
    if !have("cc") {
        return skipped("there is no cc");
    }
    let plant = |tree: &Path| {
        fs::write(tree.join("a.h"), "#define A 1\n").expect("the sandbox is ours");
        fs::write(
            tree.join("a.c"),
            "#include <stdio.h>\n#include \"a.h\"\nint main(void) { return A; }\n",
        )
        .expect("the sandbox is ours");
    };
    // Without temporary files, whose names are random, and one process after the other.
    let script =
        "cd TREE && cc -S a.c && cc -E -o a.i a.c && cat a.s a.i && ls . && rm a.s && ls .";
    same(plant, &["sh", "-c", script]);
}

/// A path leads a task elsewhere than vrift once it has another root, or other rights.
#[test]
fn what_others_than_vrift_open_is_told_as_with_stops() {
    let Some(python) = python() else { return };
    if !root() {
        return skipped("only root becomes somebody else");
    }
    let opens = "\
import os
for path in ['file', 'dir/file', '/file', 'closed/file', '/etc/passwd', 'link', 'none'] * 9:
    try: os.close(os.open(path, os.O_RDONLY))
    except OSError: pass
";
    let become_other = ["os.setresuid(65534, 65534, 65534)", "os.chroot('.')", "os.setgroups([])"];
    for other in become_other {
        let program = format!("import os; os.chdir('TREE')\n{opens}{other}\n{opens}");
        let child = format!("{program}\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\n{opens}");
        same(plant, &[python, "-c", &child]);
    }
}

/// Who has the lane from its first call on stops for nothing between that and its end.
#[test]
fn what_a_process_looks_for_before_it_ends_is_told_by_its_directory() {
    let script = "cd TREE/dir; x=$([ -e none ]); (: < none) 2> closed; (cd one; [ -e none ]); (cd ..; [ -e none ])";
    let recorded = same(plant, &["sh", "-c", &format!("{script}; :")]);
    assert_eq!(recorded.model.totals.expect("it is whole").incomplete, 0);
}

/// A reader is told which calls the programs have told of themselves.
#[test]
fn the_header_says_which_calls_need_not_stop() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("rules"), "forbid = [\"network\"]\n").expect("the sandbox is ours");
    let rules = sandbox.path("rules").to_string_lossy().into_owned();
    let [opens, lookups] = match cfg!(target_arch = "x86_64") {
        true => ["opens", "lookups"],
        false => ["nothing"; 2],
    };
    for (options, expected) in [
        (&[][..], opens),
        (&["--fast-lane=always"], opens),
        (&["--fast-lane=never"], "nothing"),
        (&["--policy", &rules], lookups),
        (&["--policy", &rules, "--enforce"], "nothing"),
    ] {
        let recorded = recorded_with(&sandbox, options, &["true"]);
        assert_eq!(recorded.model.header.unstopped.word(), expected, "{options:?}");
        for format in ["text", "md", "html"] {
            let mut vrift = sandbox.vrift(["audit", "report", "--format", format]);
            let report = run(vrift.arg(&recorded.path));
            let told = report.out().contains("by the programs themselves");
            assert_eq!(told, expected != "nothing", "{format}: {report}");
        }
    }
}
