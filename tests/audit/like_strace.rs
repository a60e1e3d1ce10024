//! What a record says was read, written, executed and mapped is what `strace -f -y` shows.
//!
//! Both run the same command, one after the other. Names of temporary files differ from run to run
//! and are hidden.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vrift_audit::{Act, Event};

use crate::kit::{Sandbox, have, python, run, skipped};
use crate::recorded::{Recorded, recorded};

/// Paths by what was done to them.
type Sets = BTreeMap<&'static str, BTreeSet<String>>;

/// Runs `prepare`, then `words` under strace, `prepare` again, and `words` under `vrift audit`.
#[track_caller]
fn check(prepare: &dyn Fn(&Sandbox), words: &[&str]) {
    if !have("strace") || !have(words[0].rsplit('/').next().expect("a name")) {
        return;
    }
    let sandbox = Sandbox::new();
    check_in(&sandbox, prepare, words);
}

#[track_caller]
fn check_in(sandbox: &Sandbox, prepare: &dyn Fn(&Sandbox), words: &[&str]) {
    prepare(sandbox);
    let trace = sandbox.path("trace");
    let mut strace = sandbox.command("strace");
    strace.args([
        "-f",
        "-y",
        "-s",
        "9999",
        "-e",
        "trace=open,openat,openat2,creat,execve,mmap,getdents64",
    ]);
    let ran = run(strace.args(["-e", "signal=none", "-o"]).arg(&trace).args(words));
    assert!(ran.status.success(), "{ran}");
    let expected = of_strace(&fs::read_to_string(&trace).expect("strace wrote it"));
    fs::remove_file(&trace).expect("it is ours");
    prepare(sandbox);
    let recorded = recorded(sandbox, words);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let found = of_record(&recorded);
    for (what, expected) in &expected {
        let found = &found[what];
        let missing: Vec<_> = expected.difference(found).collect();
        let more: Vec<_> = found.difference(expected).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{what}: missing {missing:#?}, more {more:#?}"
        );
        assert!(!expected.is_empty(), "strace shows nothing that was {what}");
    }
}

fn of_record(recorded: &Recorded) -> Sets {
    let paths = |acts: &[Act]| {
        let paths = recorded.paths(acts);
        let with_path = paths.iter().filter(|path| !path.starts_with("/dev/fd/"));
        with_path.map(|path| masked(path)).collect()
    };
    let programs = recorded.entries.iter().filter_map(|entry| match &entry.event {
        Event::Executed(execution) => Some(masked(&execution.program.to_string())),
        _ => None,
    });
    BTreeMap::from([
        ("read", paths(&[Act::Read])),
        ("written", paths(&[Act::Write, Act::ReadWrite, Act::Replace, Act::Create])),
        ("executed", programs.collect()),
        ("mapped", paths(&[Act::Map])),
    ])
}

/// What the lines of strace say. Calls that others cut in two are put together first.
fn of_strace(trace: &str) -> Sets {
    let mut sets: Sets =
        ["read", "written", "executed", "mapped"].map(|what| (what, BTreeSet::new())).into();
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    // Directories that may be gone by now.
    let mut listed = BTreeSet::new();
    for line in trace.lines() {
        let (pid, line) = line.split_once(' ').expect("a pid");
        let line = line.trim_start();
        if let Some(start) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, start);
            continue;
        }
        let whole = match line.strip_prefix("<... ") {
            Some(rest) => {
                let (_, end) = rest.split_once(" resumed>").expect("the rest of a call");
                format!("{}{end}", begun.remove(pid).expect("its beginning"))
            }
            None => line.to_owned(),
        };
        let Some((call, result)) = whole.rsplit_once(" = ") else { continue };
        if result.starts_with('-') || result.starts_with('?') {
            continue;
        }
        if call.starts_with("open") || call.starts_with("creat") {
            let path = bracketed(result);
            let writes = ["O_WRONLY", "O_RDWR", "creat("].iter().any(|flag| call.contains(flag));
            // Directories are listed, not read.
            let directory = call.contains("O_DIRECTORY") || Path::new(&path).is_dir();
            // What has no path, such as a pipe, is told by what was asked for (`/dev/fd/3`).
            if !call.contains("O_PATH") && !directory && path.starts_with('/') {
                let what = if writes { "written" } else { "read" };
                sets.entry(what).or_default().insert(masked(&path));
            }
        } else if call.starts_with("getdents64(") {
            listed.insert(masked(&bracketed(call)));
        } else if call.starts_with("execve(") {
            let path = call.split('"').nth(1).expect("a path");
            sets.entry("executed").or_default().insert(masked(path));
        } else if call.starts_with("mmap(") && call.contains("PROT_EXEC") && call.contains('<') {
            sets.entry("mapped").or_default().insert(masked(&bracketed(call)));
        }
    }
    sets.entry("read").or_default().retain(|path| !listed.contains(path));
    sets
}

/// What stands behind a descriptor: `3</path>`.
fn bracketed(text: &str) -> String {
    let (_, rest) = text.split_once('<').expect("a descriptor with its path");
    let path = rest.rsplit_once('>').expect("its end").0;
    path.trim_end_matches("(deleted)").trim_end_matches('>').to_owned()
}

/// What random names of temporary files start with, and how many random characters follow.
const RANDOM: &[(&str, usize)] =
    &[("cc", 6), ("rustc", 6), ("rmeta", 6), ("tmp", 8), (".tmp", 6), ("target", 6)];

/// A path without what differs from run to run.
fn masked(path: &str) -> String {
    let temporary = path.contains("/tmp/") || path.contains("/target");
    let of_proc = path.starts_with("/proc/");
    // Python sees whether it can write there.
    if let Some((directory, [_, _, _, _, _, _, _, _])) =
        path.rsplit_once('/').map(|(directory, name)| (directory, name.as_bytes()))
        && directory.ends_with("/tmp")
    {
        return format!("{directory}/…");
    }
    let names = path.split('/').map(|name| {
        let random = RANDOM.iter().find(|(start, count)| {
            let rest = name.strip_prefix(start).and_then(|rest| rest.get(..*count));
            let is_random =
                |rest: &str| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            temporary && rest.is_some_and(is_random)
        });
        match random {
            Some((start, count)) => format!("{start}…{}", &name[start.len() + count..]),
            None if of_proc && name.bytes().all(|byte| byte.is_ascii_digit()) => "…".to_owned(),
            None => suffixed(name),
        }
    });
    names.collect::<Vec<_>>().join("/")
}

/// A name without what rustc, Python and pip put at the ends of those of temporary files.
fn suffixed(name: &str) -> String {
    if let Some((start, _)) = name.strip_prefix("pip-").and_then(|rest| rest.rsplit_once('-')) {
        return format!("pip-{start}-…");
    }
    let counted = [".pyc.", ".tmp"].iter().find_map(|mark| {
        let (start, end) = name.split_once(mark)?;
        let is_number = !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number.then(|| format!("{start}{mark}…"))
    });
    match (counted, name.strip_suffix(".tmp")) {
        (Some(masked), _) => masked,
        (None, Some(start)) if start.len() > 8 && start.is_ascii() => {
            format!("{}….tmp", &start[..start.len() - 8])
        }
        _ => name.to_owned(),
    }
}

const MAIN: &str =
    "#include <stdio.h>\n#include \"part.h\"\nint main(void){return part()-puts(\"\");}\n";
const PART: &str = "#include \"part.h\"\nint part(void){return 0;}\n";

fn project(sandbox: &Sandbox) {
    let write = |name: &str, text: &str| fs::write(sandbox.path(name), text).expect("it is ours");
    for old in ["main", "main.o", "part.o"] {
        let _ = fs::remove_file(sandbox.path(old));
    }
    write("part.h", "int part(void);\n");
    write("main.c", MAIN);
    write("part.c", PART);
    write(
        "Makefile",
        "main: main.o part.o\n\tcc -o $@ main.o part.o\n%.o: %.c part.h\n\tcc -c -o $@ $<\n",
    );
}

#[test]
fn a_compile() {
    check(&project, &["cc", "-g", "-O1", "main.c", "part.c", "-o", "main"]);
}

#[test]
fn a_build_of_two_jobs() {
    if have("cc") {
        check(&project, &["make", "-s", "-j2"]);
    }
}

#[test]
fn a_python_program() {
    let Some(python) = python() else { return };
    let prepare = |sandbox: &Sandbox| {
        let program = "import json, subprocess, tempfile, os\n\
            open('out', 'w').write(json.dumps({'a': open('in').read()}))\n\
            open('out', 'r+').write('x')\n\
            open('log', 'a').write('y')\n\
            os.rename('out', 'done')\n\
            subprocess.run(['/bin/sh', '-c', 'cat done | tr a b > end; . ./in'])\n";
        fs::write(sandbox.path("p.py"), program).expect("it is ours");
        fs::write(sandbox.path("in"), ": text\n").expect("it is ours");
        for old in ["done", "end", "log"] {
            let _ = fs::remove_file(sandbox.path(old));
        }
    };
    check(&prepare, &[python, "p.py"]);
}

/// A script is executed by way of its interpreter, which is told of too.
#[test]
fn a_script() {
    let prepare = |sandbox: &Sandbox| {
        let path = sandbox.path("script");
        let made = run(&mut sandbox.natively(&[
            "sh",
            "-c",
            "printf '#!/bin/sh\\necho x > made; cat made > /dev/null\\n' > script; chmod 755 script",
        ]));
        assert!(made.status.success() && path.exists(), "{made}");
        let _ = fs::remove_file(sandbox.path("made"));
    };
    check(&prepare, &["sh", "-c", "\"$HOME/script\"; exec \"$HOME/script\""]);
}

/// A crate with another one beside it that it depends on.
#[test]
fn a_build_of_cargo() {
    let cargo = Path::new(env!("CARGO"));
    let rustc = cargo.with_file_name("rustc");
    if !cargo.is_file() || !rustc.is_file() {
        return skipped("the toolchain that built the tests is not here");
    }
    let prepare = |sandbox: &Sandbox| {
        for old in ["target", "cargo", "Cargo.lock"] {
            let old = sandbox.path(old);
            let _ = fs::remove_dir_all(&old).or_else(|_| fs::remove_file(&old));
        }
        for (name, text) in [
            ("Cargo.toml", "dependencies = { part = { path = 'vendor/part' } }\n"),
            ("vendor/part/Cargo.toml", "workspace = {}\n"),
            ("src/main.rs", "fn main() { println!(\"{}\", part::part()) }\n"),
            ("vendor/part/src/lib.rs", "pub fn part() -> u32 { 7 }\n"),
        ] {
            let name_of = if name.starts_with("vendor") { "part" } else { "main" };
            let package = format!(
                "package = {{ name = '{name_of}', version = '0.1.0', edition = '2024' }}\n"
            );
            let path = sandbox.path(name);
            fs::create_dir_all(path.parent().expect("it is in the sandbox")).expect("it is ours");
            let package = if name.ends_with(".toml") { &package } else { "" };
            fs::write(path, format!("{text}{package}")).expect("it is ours");
        }
    };
    let (cargo, rustc) = (cargo.display().to_string(), format!("RUSTC={}", rustc.display()));
    let own = ["env", "CARGO_HOME=cargo", "CARGO_INCREMENTAL=0", &rustc, &cargo];
    check(&prepare, &[&own[..], &["build", "--offline", "--quiet"]].concat());
}

/// A wheel that is made here, into an environment of its own.
#[test]
fn an_installation_of_pip() {
    let Some(python) = python().filter(|_| have("strace")) else { return };
    let made = std::cell::Cell::new(true);
    let prepare = |sandbox: &Sandbox| {
        let script = format!("{python} -m venv venv 2>&1 && {python} -c \"$0\"");
        let script = if sandbox.path("venv").exists() { REMOVE } else { &script };
        let ran = run(sandbox.command("sh").args(["-c", script, WHEEL]));
        made.set(ran.status.success());
    };
    let sandbox = Sandbox::new();
    prepare(&sandbox);
    if !made.get() {
        return skipped("there is no python3 -m venv with pip");
    }
    let install = ["install", "--no-index", "--no-cache-dir", "--disable-pip-version-check"];
    let own = sandbox.path("venv/bin/python");
    let own = own.to_str().expect("a plain path");
    let words = [&[own, "-m", "pip"], &install[..], &["tiny-1.0-py3-none-any.whl"]];
    check_in(&sandbox, &prepare, &words.concat());
}

const REMOVE: &str = "rm -rf venv/lib/python3*/site-packages/tiny*";

const WHEEL: &str = "
import zipfile
files = {
    'tiny/__init__.py': 'def tiny():\\n    return 7\\n',
    'tiny/more.py': 'text = 1\\n',
    'tiny-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n',
    'tiny-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\\nGenerator: a test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
}
files['tiny-1.0.dist-info/RECORD'] = ''.join(name + ',,\\n' for name in files) + 'tiny-1.0.dist-info/RECORD,,\\n'
with zipfile.ZipFile('tiny-1.0-py3-none-any.whl', 'w') as wheel:
    for name, text in files.items(): wheel.writestr(name, text)
";
