//! What a record says was read, written, executed and mapped is what `strace -f -y` shows.
//!
//! Both run the same command, one after the other. Names of temporary files differ from run to run
//! and are hidden.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use vrift_audit::{Act, Event, Outcome, Part};

use crate::kit::{Sandbox, have, python, run, skipped};
use crate::recorded::{Recorded, recorded};
use crate::strace::{CALLS, KINDS, Sets, masked, of_strace};

/// Runs `prepare`, then `words` under strace, `prepare` again, and `words` under `vrift audit`.
#[track_caller]
pub(crate) fn check(prepare: &dyn Fn(&Sandbox), words: &[&str]) {
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
    strace.args(["-f", "-y", "-s", "9999", "-e", CALLS]);
    let ran = run(strace.args(["-e", "signal=none", "-o"]).arg(&trace).args(words));
    assert!(ran.status.success(), "{ran}");
    let expected = of_strace(
        &fs::read_to_string(&trace).expect("strace wrote it"),
        &sandbox.path("").display().to_string(),
    );
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
    }
    for what in &KINDS[..4] {
        assert!(!expected[what].is_empty(), "strace shows nothing that was {what}");
    }
}

fn of_record(recorded: &Recorded) -> Sets {
    let paths = |acts: &[Act]| -> BTreeSet<String> {
        let paths = recorded.paths(acts);
        let with_path = paths.iter().filter(|path| !path.starts_with("/dev/fd/"));
        with_path.map(|path| masked(path)).collect()
    };
    let files = recorded.entries.iter().filter_map(|entry| match &entry.event {
        Event::File(access) => Some(access),
        _ => None,
    });
    let missing = files.filter(|a| matches!(a.outcome, Outcome::Failed(2 | 20)));
    let others = |act: Act| -> BTreeSet<String> {
        let of_act = recorded.accesses().filter(|access| access.act == act);
        let others = of_act.filter_map(|access| access.other.as_ref());
        others.map(|other| masked(&other.to_string())).collect()
    };
    // By what names they have besides, no call tells.
    let written = recorded.accesses().filter(|access| {
        let writes = matches!(access.act, Act::Write | Act::ReadWrite | Act::Replace | Act::Create);
        writes && access.part == Part::First && !access.path.to_string().starts_with("/dev/fd/")
    });
    let programs = recorded.entries.iter().filter_map(|entry| match &entry.event {
        Event::Executed(execution) => Some(masked(&execution.program.to_string())),
        _ => None,
    });
    Sets::from([
        ("read", paths(&[Act::Read])),
        ("written", written.map(|access| masked(&access.path.to_string())).collect()),
        ("executed", programs.collect()),
        ("mapped", paths(&[Act::Map])),
        ("missing", missing.map(|access| masked(&access.path.to_string())).collect()),
        ("removed", paths(&[Act::Remove, Act::RemoveDirectory])),
        ("renamed", &paths(&[Act::Rename]) | &others(Act::Rename)),
        ("made", &paths(&[Act::MakeDirectory, Act::Symlink, Act::MakeNode]) | &others(Act::Link)),
    ])
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
