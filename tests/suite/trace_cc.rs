//! `vrift trace` of a real compile, without any manifest: the compile is not disturbed, and the
//! trace is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::kit::{Sandbox, fixture, have, run};

/// Compiles `hello.c` in a sandbox, natively and under `vrift trace` with `options`. Both times the
/// output has the same name, and must have the same bytes.
fn compile(options: &[&str]) -> Option<(Sandbox, PathBuf)> {
    if !have("cc") {
        return None;
    }
    let sandbox = Sandbox::new();
    let object = sandbox.path("hello.o");
    let source = fixture("toolchain/hello.c");
    let cc = [
        "cc".as_ref(),
        "-g".as_ref(),
        "-c".as_ref(),
        source.as_os_str(),
        "-o".as_ref(),
        object.as_os_str(),
    ];
    run(&mut sandbox.natively(&cc)).fine();
    let native = fs::read(&object).expect("cc made it");
    fs::remove_file(&object).expect("it is ours");
    let trace = sandbox.path("trace");
    let mut vrift = sandbox.vrift(["trace", "-o"]);
    run(vrift.arg(&trace).args(options).arg("--").args(cc)).fine();
    assert!(native == fs::read(&object).expect("cc made it"), "the object differs");
    Some((sandbox, trace))
}

/// The lines of a trace by process.
fn by_process(trace: &str) -> BTreeMap<u32, Vec<&str>> {
    let mut processes = BTreeMap::<u32, Vec<&str>>::new();
    for line in trace.lines() {
        let (pid, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no pid: {line}"));
        let pid = pid.parse().unwrap_or_else(|_| panic!("no pid: {line}"));
        processes.entry(pid).or_default().push(rest.trim_start());
    }
    processes
}

/// The programs a process became, in order. Its execve may be interrupted by lines of others.
fn programs_of<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut programs = Vec::new();
    let mut begun = None;
    for line in lines {
        if line.starts_with("execve(\"") {
            begun = line.split('"').nth(1);
        }
        let ends = line.starts_with("execve(\"") || line.starts_with("<... execve resumed>");
        if ends && line.ends_with("= 0") {
            programs.extend(begun.take());
        }
    }
    programs
}

#[test]
fn a_compile_works_and_every_process_of_it_is_listed() {
    let Some((_sandbox, trace)) = compile(&[]) else { return };
    let trace = fs::read_to_string(trace).expect("the trace is text");
    let processes = by_process(&trace);
    // The driver, the compiler proper and the assembler.
    assert!(processes.len() >= 3, "{:?}", processes.keys());
    let mut programs = BTreeSet::new();
    for (pid, lines) in &processes {
        let executed = programs_of(lines);
        let executed = executed.last().unwrap_or_else(|| panic!("{pid} executed nothing"));
        programs.insert(executed.rsplit('/').next().expect("a path has a last part").to_owned());
        assert_eq!(lines.last(), Some(&"+++ exited with 0 +++"), "{pid}");
    }
    for program in ["cc1", "as"] {
        assert!(programs.iter().any(|seen| seen.contains(program)), "{program} in {programs:?}");
    }
    // What a tracer of system calls is asked for first: which files were read.
    for file in ["hello.c", "stdio.h"] {
        assert!(
            trace.lines().any(|l| l.contains("open") && l.contains(file) && !l.contains("= -1")),
            "{file}"
        );
    }
}

#[test]
fn a_traced_link_makes_a_program_that_runs_traced() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = sandbox.path("hello");
    let trace = sandbox.path("trace");
    let mut link = sandbox.vrift(["trace", "-o"]);
    link.arg(&trace).args(["--", "cc", "-O1", "-o"]).arg(&program);
    run(link.arg(fixture("toolchain/hello.c"))).fine();
    let linked = fs::read_to_string(&trace).expect("the trace is text");
    assert!(linked.contains("/ld\""), "the linker is a process of its own");

    assert_eq!(run(sandbox.natively(&[&program]).arg("one")).fine(), "hello from 1 argument\n");
    let mut traced = sandbox.vrift(["trace", "-o"]);
    traced.arg(&trace).arg("--").arg(&program).arg("one");
    assert_eq!(run(&mut traced).fine(), "hello from 1 argument\n");
    let ran = fs::read_to_string(&trace).expect("the trace is text");
    assert!(ran.contains("write(1, \"hello from 1 argument\\n\", 22) = 22"), "{ran}");
    assert_eq!(by_process(&ran).len(), 1);
}

#[test]
fn every_line_of_json_is_an_object_with_a_pid() {
    let Some((_sandbox, trace)) = compile(&["--json"]) else { return };
    let trace = fs::read_to_string(trace).expect("JSON is text");
    let mut pids = BTreeSet::new();
    let mut calls = BTreeSet::new();
    for line in trace.lines() {
        let object: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let pid = object.get("pid").or_else(|| object.get("tid"));
        pids.insert(
            pid.and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("no pid: {line}")),
        );
        calls.extend(
            ["syscall", "call", "name"]
                .iter()
                .find_map(|key| object.get(key)?.as_str().map(str::to_owned)),
        );
    }
    assert!(pids.len() >= 3, "{pids:?}");
    assert!(calls.contains("execve") && calls.contains("openat"), "{calls:?}");
}

#[test]
fn counting_prints_a_table() {
    let Some((_sandbox, trace)) = compile(&["-c"]) else { return };
    let table = fs::read_to_string(trace).expect("a table is text");
    let words = |name: &str| {
        table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|words| words.last() == Some(&name))
            .unwrap_or_else(|| panic!("{name} is not in\n{table}"))
    };
    // % time, seconds, usecs/call, calls, errors (if any), syscall: as in strace.
    let execve = words("execve");
    let calls: u64 = execve[3].parse().expect("the fourth column counts");
    assert!(calls >= 3, "{table}");
    let total: u64 = words("total")[3].parse().expect("the fourth column counts");
    assert!(total > calls, "{table}");
    assert!(!table.contains("openat("), "{table}");
}

#[test]
fn only_what_was_asked_for_is_shown() {
    let Some((_sandbox, trace)) = compile(&["-e", "trace=openat"]) else { return };
    let trace = fs::read_to_string(trace).expect("the trace is text");
    let mut opens = 0;
    for (pid, lines) in by_process(&trace) {
        for line in lines {
            let other = line.starts_with("+++ ") || line.starts_with("--- ");
            let open = line.starts_with("openat(") || line.starts_with("<... openat resumed>");
            assert!(other || open, "{pid} {line}");
            opens += usize::from(open);
        }
    }
    assert!(opens > 10, "{trace}");
}

#[test]
fn selections_include_exclude_and_join() {
    let sandbox = Sandbox::new();
    let called = |expression: &str| -> BTreeSet<String> {
        let ran = run(&mut sandbox.vrift(["trace", "-e", expression, "--", "cat", "/dev/null"]));
        assert!(ran.status.success(), "{ran}");
        ran.err()
            .lines()
            .filter(|line| !line.starts_with("+++ "))
            .filter_map(|line| Some(line.split_once('(')?.0.to_owned()))
            .collect()
    };
    let set = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(called("trace=execve,exit_group"), set(&["execve", "exit_group"]));
    assert_eq!(called("execve"), set(&["execve"]));
    assert_eq!(called("trace=none"), set(&[]));
    assert!(called("trace=%process").contains("execve"));
    assert!(!called("trace=%process").contains("openat"));
    let others = called("trace=!openat,mmap");
    assert!(others.contains("execve") && others.contains("close"), "{others:?}");
    assert!(!others.contains("openat") && !others.contains("mmap"), "{others:?}");
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest() {
    let sandbox = Sandbox::new();
    for (typed, meant) in [("opneat", "openat"), ("execv", "execve"), ("%prcess", "process")] {
        let expression = format!("trace={typed}");
        let err =
            run(&mut sandbox.vrift(["trace", "-e", &expression, "--", "true"])).vrift_failed();
        assert!(err.contains(typed) && err.contains(meant), "{typed}: {err}");
    }
}

/// As strace does, without `-o`: to standard error, leaving standard output to the program.
#[test]
fn without_a_file_the_trace_goes_to_standard_error() {
    let sandbox = Sandbox::new();
    let ran = run(&mut sandbox.vrift(["trace", "--", "sh", "-c", "echo out; exit 3"]));
    assert_eq!((ran.code(), ran.out().as_str()), (Some(3), "out\n"), "{ran}");
    assert!(ran.err().contains("execve("), "{ran}");
    assert!(ran.err().ends_with("+++ exited with 3 +++\n"), "{ran}");
}

#[test]
fn a_trace_of_a_mount_says_what_vrift_made_of_the_calls() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.tree()).expect("a new directory");
    fs::write(sandbox.tree().join("x"), "content\n").expect("a new file");
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let trace = sandbox.path("trace");
    let mut vrift = sandbox.vrift(["trace", "-o"]);
    vrift
        .arg(&trace)
        .args(["--read-only", "--manifest"])
        .arg(manifest)
        .arg("--prefix")
        .arg(sandbox.tree());
    let script = "cat x; ls -l . >/dev/null; echo no > x; cat missing; pwd -P; test -e x";
    vrift.args(["--", "sh", "-c"]).arg(format!("cd '{}'; {script}", sandbox.tree().display()));
    let ran = run(&mut vrift);
    let expected = format!("content\n{}\n", sandbox.tree().display());
    assert_eq!((ran.code(), ran.out().as_str()), (Some(0), expected.as_str()), "{ran}");
    let trace = fs::read_to_string(trace).expect("the trace is text");
    let noted = |call: &str, note: &str| {
        assert!(
            trace.lines().any(|line| line.contains(call) && line.contains(note)),
            "no {call} with {note} in\n{trace}"
        );
    };
    noted("\"x\", O_RDONLY", "blob ");
    noted("\"missing\", O_RDONLY", "[manifest]");
    noted("O_WRONLY|O_CREAT|O_TRUNC", "[refused EROFS]");
    noted("getdents64(", "[manifest]");
    noted("getcwd(", "[manifest]");
    let store = sandbox.store();
    let physical = store.to_str().expect("the sandbox has a plain name");
    let call = |line: &str| line.split('\u{21d2}').next().unwrap_or(line).to_owned();
    for line in trace.lines().map(call).filter(|line| !line.contains("execve(")) {
        assert!(!line.contains(physical), "a physical path is shown: {line}");
    }
}
