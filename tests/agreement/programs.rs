//! The programs that both tracers run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::signal::Signal;

use super::kit;
use super::stage::Stage;

/// Why a program is in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It is one of the ten that have to agree.
    ByTheIssue,
    /// It makes calls that those do not make.
    Besides,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// A program of the machine.
    Command(&'static [&'static str]),
    /// The program of the same name in `guests`.
    Guest,
    /// The same, built for 32 bits and without a library.
    NarrowGuest,
    /// Python with this code.
    Python(&'static str),
}

/// One program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) wanted: Wanted,
    pub(crate) tools: &'static [&'static str],
    pub(crate) start: Start,
    /// Fills the empty directory.
    pub(crate) prepare: fn(&Stage),
    /// The signal that is its regular end.
    pub(crate) ends_by: Option<Signal>,
    /// How many of a hundred lines have to be equal.
    pub(crate) percent_min: f64,
}

const fn named(
    name: &'static str,
    tools: &'static [&'static str],
    start: Start,
    prepare: fn(&Stage),
) -> Program {
    Program {
        name,
        wanted: Wanted::ByTheIssue,
        tools,
        start,
        prepare,
        ends_by: None,
        percent_min: 99.0,
    }
}

const fn besides(name: &'static str) -> Program {
    Program { wanted: Wanted::Besides, ..named(name, &["cc"], Start::Guest, nothing) }
}

/// All of them.
pub(crate) const PROGRAMS: &[Program] = &[
    named("ls", &["ls"], Start::Command(&["ls", "-la", "zoo"]), zoo),
    named("cc", &["cc"], Start::Command(&["cc", "-c", "main.c", "-o", "main.o"]), project),
    named("make", &["make", "cc"], Start::Command(&["make"]), project),
    named("sh", &["sh", "sort", "grep"], Start::Command(&["sh", "script"]), script),
    named("python", &["python3"], Start::Python(PYTHON), zoo),
    named("git", &["git"], Start::Command(&["git", "status"]), repository),
    named("tar", &["tar"], Start::Command(&["tar", "-c", "-f", "zoo.tar", "zoo"]), zoo),
    named("find", &["find"], Start::Command(FIND), zoo),
    named("threads", &["cc"], Start::Guest, nothing),
    Program { ends_by: Some(Signal::SIGSYS), ..named("signals", &["cc"], Start::Guest, nothing) },
    Program { percent_min: 100.0, ..besides("siginfo") },
    Program { percent_min: 100.0, ..besides("elsewhere") },
    Program { percent_min: 100.0, ..besides("spellings") },
    Program { percent_min: 100.0, ..besides("requests") },
    Program { percent_min: 100.0, ..besides("messages") },
    besides("sockets"),
    besides("polls"),
    besides("memory"),
    besides("times"),
    besides("files"),
    besides("processes"),
    besides("hostile"),
    // What of 32-bit calls is shown otherwise, `docs/kernel-notes.md` lists (C-048).
    Program { start: Start::NarrowGuest, percent_min: 97.0, ..besides("narrow") },
    besides("corners"),
    besides("generated"),
    Program { percent_min: 100.0, ..besides("structures") },
    Program { percent_min: 100.0, ..besides("traced") },
    Program { percent_min: 100.0, ..besides("keys") },
    Program {
        wanted: Wanted::Besides,
        ..named("netlink", &["python3"], Start::Python(NETLINK), nothing)
    },
    Program {
        wanted: Wanted::Besides,
        ..named("options", &["python3"], Start::Python(OPTIONS), nothing)
    },
];

const PYTHON: &str = "
import json, os, re, subprocess, sys, tempfile
with open('zoo/plain') as file: text = file.read()
with open('out.json', 'w') as file: json.dump({'names': sorted(os.listdir('zoo')), 'text': text}, file)
os.stat('out.json'); os.rename('out.json', 'other.json'); os.unlink('other.json')
print(re.sub('a', 'b', text))
print(subprocess.run(['true']).returncode)
";

const NETLINK: &str = include_str!("guests/netlink.py");

/// Asks for options of sockets, sets them, and asks about interfaces; changes none.
const OPTIONS: &str = "
import fcntl, os, socket, struct
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
def attempt(call, *args):
    try: return call(*args)
    except (OSError, OverflowError): pass
for level, options in (1, range(1, 47)), (0, range(1, 70)), (41, range(1, 80)), (6, [*range(1, 11), *range(12, 24), 25]):
    for option in options:
        for each in udp, tcp, six:
            for room in 1, 4, 64: attempt(each.getsockopt, level, option, room)
        if (level, option) in ((1, 25), (1, 26), (1, 51)) or option > 63: continue
        for value in b'\\1\\0\\0\\0', b'a\\0', b'\\0' * 8, b'b' * 20: attempt(tcp.setsockopt, level, option, value)
for ask in 0x8910, 0x8913, 0x8915, 0x8917, 0x8919, 0x891b, 0x891d, 0x8921, 0x8927, 0x8929, 0x8933, 0x8942:
    for name in b'lo', b'nowhere': attempt(fcntl.ioctl, udp, ask, struct.pack('16si20x', name, 1))
for tell in 0x8914, 0x8916, 0x8918, 0x891a, 0x891c, 0x891e, 0x8922, 0x8923, 0x8924, 0x8930, 0x8931, 0x8937, 0x8943:
    attempt(fcntl.ioctl, udp, tell, struct.pack('16si20x', b'nowhere', 1))
group = struct.pack('I4x', 0) + struct.pack('HH', 2, 0) + socket.inet_aton('10.1.2.3')
for option in 42, 45: attempt(udp.setsockopt, 0, option, group.ljust(136, b'\\0'))
for option in 35, 36: attempt(udp.setsockopt, 0, option, socket.inet_aton('10.1.2.3') + socket.inet_aton('127.0.0.1'))
for option in 20, 21, 27, 28: attempt(six.setsockopt, 41, option, b'a' * 16 + struct.pack('I', 77))
one, other = socket.socketpair()
socket.send_fds(one, [b'a'], [0, 1])
print(len(socket.recv_fds(other, 10, 4)[1]))
credentials = struct.pack('iii', os.getpid(), os.getuid(), os.getgid())
one.sendmsg([b'b'], [(1, 1, struct.pack('i', 0)), (1, 2, credentials)])
attempt(one.sendmsg, [b'c'], [(0, 2, struct.pack('i', 7)), (0, 1, b'x'), (41, 50, b'y'), (1, 77, b'z')])
attempt(tcp.sendmsg, [b'd'], [(0, 8, struct.pack('iii', 1, 0, 0))])
libc = __import__('ctypes').CDLL(None)
libc.prctl(15, b'fifteen letters'); libc.prctl(15, b'more than fifteen letters'); libc.prctl(15, b'less')
";

const FIND: &[&str] = &[
    "find",
    "zoo",
    "-name",
    "*.c",
    "-size",
    "-10k",
    "-o",
    "-type",
    "d",
    "-newer",
    "zoo/plain",
    "-print",
    "-o",
    "-type",
    "l",
    "-print",
    "-o",
    "-perm",
    "600",
    "-ls",
];

const SCRIPT: &str = "
set -u
echo one > a
echo two >> a
echo three 1>&2 2> b
cat < a | tr a-z A-Z | sort -r > c
words=$(wc -w < c)
test \"$words\" -eq 2 && cat a | grep -q two
cat <<END | sort > d
zebra
ape $words
END
for name in a b c d; do
    if [ -s $name ]; then cp $name $name.copy; fi
done
(cd / && ls usr > /dev/null; exit 3) || echo status $?
exec 3> e
echo more >&3
exec 3>&-
rm -f a.copy b.copy c.copy d.copy nothing
cat nothing 2> /dev/null || true
mkdir -p deep/er
cd deep/er
pwd > ../up
read line < ../up
kill -0 $$
false
";

const MAIN: &str = "#include <stdio.h>\n#include <stdlib.h>\n#include \"all.h\"\n\
    int main(void) { printf(\"%d\\n\", one(1) + two(2)); return EXIT_SUCCESS; }\n";

const MAKEFILE: &str = "CFLAGS = -O1 -Wall\nprogram: main.o one.o two.o\n\tcc -o $@ $^\n\
    %.o: %.c all.h\n\tcc $(CFLAGS) -c -o $@ $<\n";

fn nothing(_: &Stage) {}

fn write(stage: &Stage, name: &str, content: impl AsRef<[u8]>) {
    let path = stage.directory().join(name);
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("it is ours");
    fs::write(path, content).expect("it is ours");
}

/// Files of several kinds, with names that have to be quoted.
fn zoo(stage: &Stage) {
    write(stage, "zoo/plain", "a plain text\n");
    write(stage, "zoo/large", vec![b'x'; 70_000]);
    write(stage, "zoo/empty", "");
    write(stage, "zoo/with \"quotes\" and \\", "q");
    write(stage, "zoo/new\nline\ttab", "n");
    write(stage, "zoo/\u{e9}t\u{e9}", "e");
    write(stage, "zoo/bytes", (0..=255).collect::<Vec<u8>>());
    for depth in ["one", "one/two", "one/two/three"] {
        for file in 0..5 {
            write(stage, &format!("zoo/{depth}/file{file}.c"), format!("int i{file};\n"));
        }
    }
    let link = |to: &str, name: &str| {
        symlink(to, stage.directory().join(name)).expect("it is ours");
    };
    link("plain", "zoo/link");
    link("../no/where", "zoo/dangling");
    link("one", "zoo/to-directory");
    let first = stage.directory().join("zoo/plain");
    fs::hard_link(first, stage.directory().join("zoo/again")).expect("it is ours");
    nix::unistd::mkfifo(&stage.directory().join("zoo/fifo"), nix::sys::stat::Mode::S_IRUSR)
        .expect("it is ours");
    stage.age();
}

fn project(stage: &Stage) {
    write(stage, "main.c", MAIN);
    write(stage, "all.h", "int one(int);\nint two(int);\n");
    write(stage, "one.c", "#include \"all.h\"\nint one(int n) { return n + 1; }\n");
    write(
        stage,
        "two.c",
        "#include <string.h>\n#include \"all.h\"\nint two(int n) { return n * 2; }\n",
    );
    write(stage, "Makefile", MAKEFILE);
    stage.age();
}

fn script(stage: &Stage) {
    write(stage, "script", format!("{SCRIPT}true\n"));
}

fn repository(stage: &Stage) {
    for number in 0..12 {
        write(stage, &format!("src/part{number}/file.c"), format!("int part{number};\n"));
    }
    write(stage, ".gitignore", "*.o\n");
    write(stage, "deleted", "d");
    stage.age();
    let git = |args: &[&str]| {
        let mut git = stage.command("git");
        git.args(["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "gc.auto=0"]);
        let ran = kit::run(
            git.args(args)
                .env("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
                .env("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z"),
        );
        assert!(ran.status.success(), "git {args:?}: {ran}");
    };
    git(&["init", "-q", "-b", "main", "."]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    // From here on nothing may touch what git has noted: it compares the times of change as well.
    write(stage, "src/part3/file.c", "int changed_and_longer;\n");
    write(stage, "untracked/file", "u");
    write(stage, "ignored.o", "o");
    fs::remove_file(stage.directory().join("deleted")).expect("it was written");
}
