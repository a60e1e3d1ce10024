//! What a record says was read, written, executed and mapped is what `strace -f -y` shows.
//!
//! Both run the same command, one after the other. Names of temporary files differ from run to run
//! and are hidden.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vrift_audit::{Act, Event};

use crate::kit::{Sandbox, have, python, run};
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
    prepare(&sandbox);
    let trace = sandbox.path("trace");
    let mut strace = sandbox.command("strace");
    strace.args(["-f", "-y", "-s", "9999", "-e", "trace=open,openat,openat2,creat,execve,mmap"]);
    let ran = run(strace.args(["-e", "signal=none", "-o"]).arg(&trace).args(words));
    assert!(ran.status.success(), "{ran}");
    let expected = of_strace(&fs::read_to_string(&trace).expect("strace wrote it"));
    fs::remove_file(&trace).expect("it is ours");
    prepare(&sandbox);
    let recorded = recorded(&sandbox, words);
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
    let paths = |acts: &[Act]| recorded.paths(acts).iter().map(|path| masked(path)).collect();
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
            if !call.contains("O_PATH") && !Path::new(&path).is_dir() {
                let what = if writes { "written" } else { "read" };
                sets.entry(what).or_default().insert(masked(&path));
            }
        } else if call.starts_with("execve(") {
            let path = call.split('"').nth(1).expect("a path");
            sets.entry("executed").or_default().insert(masked(path));
        } else if call.starts_with("mmap(") && call.contains("PROT_EXEC") && call.contains('<') {
            sets.entry("mapped").or_default().insert(masked(&bracketed(call)));
        }
    }
    sets
}

/// What stands behind a descriptor: `3</path>`.
fn bracketed(text: &str) -> String {
    let (_, rest) = text.split_once('<').expect("a descriptor with its path");
    let path = rest.rsplit_once('>').expect("its end").0;
    path.trim_end_matches("(deleted)").trim_end_matches('>').to_owned()
}

/// A path without what differs from run to run.
fn masked(path: &str) -> String {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let temporary = dir.ends_with("/tmp") && name.starts_with("cc") && name.len() >= 8;
    match temporary {
        true => format!("{dir}/ccXXXXXX{}", &name[8..]),
        false => path.to_owned(),
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
