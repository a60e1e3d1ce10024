//! A C project of several files, compiled from a mount at the path where it was: the compiler must
//! make the same bytes of it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::kit::{Ran, Sandbox, fixture, have, run};

const SOURCES: [&str; 3] = ["src/main.c", "src/stack.c", "src/parse/evaluate.c"];

/// Copies the project with its symlinks.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("the fixture exists").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("it was just listed");
        if kind.is_dir() {
            copy(&source, &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).expect("it is a link"), target).expect("a new link");
        } else {
            fs::copy(source, target).expect("a new file");
        }
    }
}

/// The commands that build the project into `out`: an object with its dependency file for each
/// source, then the program.
fn build(sandbox: &Sandbox, out: &Path) -> Vec<Vec<OsString>> {
    let tree = sandbox.tree();
    let include = tree.join("include");
    let mut commands = Vec::new();
    let mut objects = Vec::new();
    for source in SOURCES {
        let name = Path::new(source).file_stem().expect("a source has a name");
        let object = out.join(name).with_extension("o");
        let mut cc: Vec<OsString> =
            ["cc", "-g", "-O2", "-Wall", "-Werror", "-MMD", "-I"].map(OsString::from).into();
        cc.extend([
            include.clone().into(),
            "-c".into(),
            tree.join(source).into(),
            "-o".into(),
            object.clone().into(),
        ]);
        commands.push(cc);
        objects.push(object.into_os_string());
    }
    let mut link: Vec<OsString> = vec!["cc".into(), "-o".into(), out.join("calc").into()];
    link.extend(objects);
    commands.push(link);
    commands
}

/// What a build left in `out`, by name.
fn products(out: &Path) -> Vec<(OsString, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(out)
        .expect("the directory exists")
        .flatten()
        .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("a product")))
        .collect();
    found.sort();
    found
}

#[test]
fn compiled_and_linked_from_a_mount_it_has_the_same_bytes() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    copy(&fixture("project"), &sandbox.tree());
    assert!(sandbox.tree().join("include/version.h").is_symlink(), "the fixture has lost its link");
    // The names of the outputs are part of the dependency files, so both builds use the same.
    let out = sandbox.path("out");
    fs::create_dir(&out).expect("a new directory");
    for command in build(&sandbox, &out) {
        run(&mut sandbox.natively(&command)).fine();
    }
    let native = products(&out);
    assert_eq!(native.len(), 7, "three objects, three dependency files, one program");

    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    fs::remove_dir_all(&out).expect("it is ours");
    fs::create_dir(&out).expect("a new directory");
    for command in build(&sandbox, &out) {
        run(&mut sandbox.in_mount(&command)).fine();
    }
    for ((name, native), (same, mounted)) in native.iter().zip(products(&out)) {
        assert_eq!(*name, same);
        assert!(*native == mounted, "{} differs", name.display());
    }
    assert_eq!(products(&out).len(), native.len());

    let calc =
        |expression: &str| -> Ran { run(sandbox.natively(&[out.join("calc")]).arg(expression)) };
    assert_eq!(calc("1 2 + 3 4 + *").fine(), "21\n");
    assert_eq!(calc("1 +").code(), Some(1));
}

/// The whole build as one process tree, from a current directory in the mount with relative paths.
#[test]
fn relative_paths_from_inside_give_the_same_bytes() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    copy(&fixture("project"), &sandbox.tree());
    let out = sandbox.path("out");
    fs::create_dir(&out).expect("a new directory");
    let script = "cd \"$T/src\" && for f in main stack parse/evaluate; do \
                  cc -g -O1 -MMD -I../include -c $f.c -o ../../../out/$(basename $f).o || exit; done; \
                  cd parse && cc -g -I ../../include -pipe evaluate.c ../main.c ../stack.c -o $O/calc && \
                  $O/calc '6 7 *'";
    let command = ["sh", "-c", script];
    let ran = |mut command: std::process::Command| {
        run(command.env("T", sandbox.tree()).env("O", &out)).fine()
    };
    assert_eq!(ran(sandbox.natively(&command)), "42\n");
    let native = products(&out);
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    assert_eq!(ran(sandbox.in_mount(&command)), "42\n");
    for ((name, native), (_, mounted)) in native.iter().zip(products(&out)) {
        assert!(*native == mounted, "{} differs", name.display());
    }
}

/// `make` decides by times, to the nanosecond; from a mount it must find everything up to date.
#[test]
fn make_finds_nothing_to_do() {
    if !have("cc") || !have("make") {
        return;
    }
    let sandbox = Sandbox::new();
    copy(&fixture("project"), &sandbox.tree());
    let makefile = "calc: src/main.c src/stack.c src/parse/evaluate.c include/version.h\n\
                    \tcc -Iinclude -o calc src/main.c src/stack.c src/parse/evaluate.c\n";
    fs::write(sandbox.tree().join("Makefile"), makefile).expect("a new file");
    let make = [OsString::from("make"), "-C".into(), sandbox.tree().into()];
    run(&mut sandbox.natively(&make)).fine();
    let native = run(&mut sandbox.natively(&make)).fine();
    assert!(native.contains("up to date"), "{native}");
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    assert_eq!(run(&mut sandbox.in_mount(&make)).fine(), native);
}

/// A build with a job server: sources and Makefile in the mount, objects and program outside.
#[test]
fn make_with_two_jobs_gives_the_same_bytes() {
    if !have("cc") || !have("make") {
        return;
    }
    let sandbox = Sandbox::new();
    copy(&fixture("project"), &sandbox.tree());
    let makefile = "ROOT := $(dir $(firstword $(MAKEFILE_LIST)))\n\
                    VPATH := $(ROOT)src:$(ROOT)src/parse\n\
                    calc: main.o stack.o evaluate.o\n\tcc -o $@ $^\n\
                    %.o: %.c\n\tcc -g -O1 -MMD -I$(ROOT)include -c -o $@ $<\n\
                    -include $(wildcard *.d)\n";
    fs::write(sandbox.tree().join("Makefile"), makefile).expect("a new file");
    let out = sandbox.path("out");
    fs::create_dir(&out).expect("a new directory");
    let make = [
        "sh",
        "-c",
        "cd \"$O\" && make -j2 -f \"$T/Makefile\" && make -f \"$T/Makefile\" && ./calc '6 7 *'",
    ];
    let said = |mut command: std::process::Command| {
        let said = run(command.env("T", sandbox.tree()).env("O", &out)).fine();
        // Two jobs end in any order.
        let mut lines: Vec<_> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (native, made) = (said(sandbox.natively(&make)), products(&out));
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    fs::remove_dir_all(&out).and_then(|()| fs::create_dir(&out)).expect("it is ours");
    assert_eq!(said(sandbox.in_mount(&make)), native);
    assert!(products(&out) == made, "the products differ");
    assert_eq!(made.len(), 7, "three objects, three dependency files, one program");
}
