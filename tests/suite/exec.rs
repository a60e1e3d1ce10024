//! Programs executed from a mount: the same files are executed in the same ways on the real
//! directory and in a mount of it, and what the programs find out about themselves is compared.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::kit::{Ran, Sandbox, Twin, as_nobody, fixture, have, root, run, skipped};
use crate::zoo;

/// Copies a file by another process: one that this process wrote could be held open for writing by
/// a child of another test, and then not be executed.
fn copy(sandbox: &Sandbox, from: &Path, to: &Path) {
    let mut cp = sandbox.command("cp");
    run(cp.args([from, to])).fine();
}

/// Writes a script and gives it a mode.
fn script(sandbox: &Sandbox, name: &str, mode: u32, text: &str) {
    let (draft, file) = (sandbox.path("draft"), sandbox.path("site").join(name));
    zoo::write(&draft, text.as_bytes());
    copy(sandbox, &draft, &file);
    fs::set_permissions(&file, readable(mode)).expect("it is ours");
}

/// The dynamic linker of this machine, as a program that was just compiled names it.
fn linker(sandbox: &Sandbox, program: &Path) -> Option<std::path::PathBuf> {
    let ran = run(sandbox.command("readelf").arg("-l").arg(program));
    let out = ran.out();
    let (_, rest) = out.split_once("program interpreter: ")?;
    fs::canonicalize(rest.split(']').next()?).ok()
}

/// A mode of a file that is to be ingested: only root can read what nobody may.
fn readable(mode: u32) -> Permissions {
    Permissions::from_mode(if root() { mode } else { mode | 0o400 })
}

/// A tree of programs and of what looks like programs.
fn build(sandbox: &Sandbox) -> bool {
    if !have("cc") || !have("readelf") {
        return false;
    }
    let tree = sandbox.tree();
    let bin = tree.join("bin");
    fs::create_dir_all(bin.join("sub")).expect("a new directory");
    fs::create_dir(sandbox.path("site/host")).expect("a new directory");
    let t = tree.display().to_string();
    let compile = |name: &str, flags: &[&str]| {
        let program = sandbox.compiled("shows", flags).expect("there is a compiler");
        copy(sandbox, &program, &bin.join(name));
        program
    };
    let program = compile("dynamic", &[]);
    let Some(linker) = linker(sandbox, &program) else {
        skipped("programs are not dynamically linked here");
        return false;
    };
    copy(sandbox, &linker, &tree.join("ld.so"));
    let named = |path: &str| format!("-Wl,--dynamic-linker={path}");
    compile("static", &["-static"]);
    compile("fixed", &["-no-pie"]);
    compile("own-linker", &[&named(&format!("{t}/ld.so"))]);
    compile("own-linker-no-pie", &["-no-pie", &named(&format!("{t}/ld.so"))]);
    compile("relative-linker", &[&named("./ld.so")]);
    compile("linked-linker", &[&named(&format!("{t}/bin/../ld.link"))]);
    compile("missing-linker", &[&named(&format!("{t}/missing"))]);
    compile("missing-host-linker", &[&named("/missing/ld.so")]);
    compile("data-linker", &[&named(&format!("{t}/bin/data"))]);
    compile("directory-linker", &[&named(&format!("{t}/bin"))]);
    compile("script-linker", &[&named(&format!("{t}/bin/shell"))]);
    let host = sandbox.path("site/host");
    copy(sandbox, &bin.join("own-linker"), &host.join("own-linker"));
    copy(sandbox, &bin.join("own-linker"), &host.join("own-linker.data"));
    copy(sandbox, &bin.join("missing-linker"), &host.join("missing-linker"));
    fs::set_permissions(host.join("own-linker.data"), Permissions::from_mode(0o644))
        .expect("it is ours");
    let elf = fs::read(bin.join("static")).expect("it was just copied");
    let mut foreign = elf.clone();
    foreign[18] = 0xf3;
    let mut headless = elf.clone();
    headless[54..56].copy_from_slice(&7u16.to_le_bytes());
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"just text\n"),
        ("binary", b"\0\x01\x02\x03"),
        ("elf.4", &elf[..4]),
        ("elf.60", &elf[..60]),
        ("elf.100", &elf[..100]),
        ("elf.5000", &elf[..5000]),
        ("foreign", &foreign),
        ("headless", &headless),
    ] {
        zoo::write(&sandbox.path("draft"), bytes);
        copy(sandbox, &sandbox.path("draft"), &bin.join(name));
        fs::set_permissions(bin.join(name), Permissions::from_mode(0o755)).expect("it is ours");
    }
    for (name, mode) in [
        ("data", 0o644),
        ("only-run", 0o111),
        ("only-owner", 0o700),
        ("only-other", 0o001),
        ("set-id", 0o6755),
    ] {
        copy(sandbox, &bin.join("static"), &bin.join(name));
        fs::set_permissions(bin.join(name), readable(mode)).expect("it is ours");
    }
    fs::hard_link(bin.join("dynamic"), bin.join("hard")).expect("a new name");
    symlink("dynamic", bin.join("link")).expect("a new link");
    symlink("own-linker", bin.join("link-own")).expect("a new link");
    symlink("missing", bin.join("dangling")).expect("a new link");
    symlink("loop", bin.join("loop")).expect("a new link");
    symlink("../host/script", tree.join("to-host")).expect("a new link");
    symlink("ld.so", tree.join("ld.link")).expect("a new link");
    symlink(&tree, host.join("into")).expect("a new link");
    symlink(bin.join("static"), host.join("to-static")).expect("a new link");
    let line =
        |name: &str, text: String| script(sandbox, &format!("tree/bin/{name}"), 0o755, &text);
    line("shell", "#!/bin/sh\necho \"$0 $# $*\"; cat \"$0\" > /dev/null && echo found\n".into());
    line("shell-arg", "#!/bin/sh -e -u\necho \"$0 $- $*\"\n".into());
    line("env", "#!/usr/bin/env sh\necho \"$0 $*\"\n".into());
    line("own", format!("#!{t}/bin/dynamic\n"));
    line("own-arg", format!("#! \t{t}/bin/static  one  two \t\nrest"));
    line("own-linker.script", format!("#!{t}/bin/own-linker x\n"));
    line("hard.script", format!("#!{t}/bin/hard x\n"));
    line("link.script", format!("#!{t}/bin/link x\n"));
    line("relative", "#!bin/dynamic from here\n".into());
    line("dotted", "#!./static from here\n".into());
    line("no-newline", format!("#!{t}/bin/static"));
    line("carriage", format!("#!{t}/bin/static\r\n"));
    line("carriage-arg", format!("#!{t}/bin/static x\r\n"));
    line("nul", format!("#!{t}/bin/static\0 hidden\n"));
    line("nothing", "#!".into());
    line("blank", "#! \n".into());
    line("newline", "#!\n/bin/sh\n".into());
    line("blanks", format!("#!{}", " ".repeat(300)));
    line("too-long", format!("#!{t}/bin/{}static\n", "./".repeat(150)));
    line("just-fits", {
        let rest = 256 - 3 - t.len() - "/bin/static".len();
        format!("#!{t}/bin/{}{}static\n", "/".repeat(rest % 2), "./".repeat(rest / 2))
    });
    line("cut-arg", format!("#!{t}/bin/static {}\n", "argument".repeat(50)));
    line("of-missing", format!("#!{t}/bin/missing\n"));
    line("of-host-missing", "#!/missing/sh\n".into());
    line("of-data", format!("#!{t}/bin/data\n"));
    line("of-directory", format!("#!{t}/bin\n"));
    line("of-host-directory", "#!/\n".into());
    line("of-text", format!("#!{t}/bin/text\n"));
    line("of-dangling", format!("#!{t}/bin/dangling\n"));
    line("of-loop", format!("#!{t}/bin/loop\n"));
    line("of-slash", format!("#!{t}/bin/static/\n"));
    line("of-file-slash", format!("#!{t}/bin/static/x\n"));
    line("of-missing-linker", format!("#!{t}/bin/missing-linker\n"));
    line("of-itself", format!("#!{t}/bin/of-itself\n"));
    line("of-host-script", format!("#!{}/script deep\n", host.display()));
    line("of-host-data", format!("#!{}/data.script deep\n", host.display()));
    for depth in 1..=7 {
        let inner = if depth == 1 { "static".into() } else { format!("nested.{}", depth - 1) };
        line(&format!("nested.{depth}"), format!("#!{t}/bin/{inner} level {depth}\n"));
    }
    script(sandbox, "tree/bin/unread", 0o311, "#!/bin/sh\necho unread\n");
    let host_script = |name: &str, mode, text: String| {
        script(sandbox, &format!("host/{name}"), mode, &text);
    };
    host_script("script", 0o755, format!("#!{t}/bin/dynamic of the host\n"));
    host_script("data.script", 0o644, format!("#!{t}/bin/dynamic of the host\n"));
    host_script("plain", 0o755, "#!/bin/sh\necho \"$0 $*\"\n".into());
    host_script("of-missing", 0o755, format!("#!{t}/bin/missing\n"));
    host_script("of-data", 0o755, format!("#!{t}/bin/data\n"));
    true
}

/// Every file of the tree and some of the host, and ways to spell them.
fn files(sandbox: &Sandbox) -> Vec<String> {
    let tree = sandbox.tree();
    let mut names: Vec<String> = fs::read_dir(tree.join("bin"))
        .expect("the tree was built")
        .flatten()
        .map(|entry| format!("bin/{}", entry.file_name().to_string_lossy()))
        .collect();
    names.sort();
    let spelled = [
        "",
        ".",
        "bin",
        "bin/",
        "bin/static/",
        "bin/static/.",
        "bin/static/x",
        "missing",
        "missing/x",
        "bin/shell/",
        "bin//static",
        "./bin/../bin/./static",
        "bin/sub/../static",
        "to-host",
        "../host/script",
        "../host/data.script",
        "../host/plain",
        "../host/of-missing",
        "../host/of-data",
        "../host/own-linker",
        "../host/own-linker.data",
        "../host/missing-linker",
        "../host/into/bin/static",
        "../host/into/bin/shell",
        "../host/to-static",
        "../host/into/../host/plain",
        "bin/../../host/plain",
        "../host",
        "ld.so",
        "ld.link",
    ];
    names.extend(spelled.map(String::from));
    names.push(format!("bin/{}", "n".repeat(256)));
    names.push(format!("bin/{}static", "./".repeat(2100)));
    names.push(format!("bin/{}static", "./".repeat(1000)));
    names.push(format!("bin/{}shell", "./".repeat(1000)));
    names
}

/// Executes `files` in each of the `ways` with the tree as current directory.
#[track_caller]
fn same_as(before: &[&str], ways: &[&str], files: impl Fn(&Sandbox) -> Vec<String>) {
    let sandbox = Sandbox::new();
    if !build(&sandbox) {
        return;
    }
    let twin = Twin::of(sandbox);
    let Some(guest) = twin.sandbox.guest("exec") else { return };
    let tree = twin.sandbox.tree();
    let files = files(&twin.sandbox);
    let commands: Vec<Vec<OsString>> = ways
        .iter()
        .map(|way| {
            let mut words =
                vec!["sh".into(), "-c".into(), "cd \"$T\" && exec \"$@\"".into(), "sh".into()];
            words.extend(before.iter().map(OsString::from));
            words.extend([guest.as_os_str().to_owned(), tree.as_os_str().to_owned(), way.into()]);
            words.extend(files.iter().map(OsString::from));
            words
        })
        .collect();
    twin.compare(&commands);
}

#[track_caller]
fn same(ways: &[&str]) {
    same_as(&[], ways, files);
}

/// A few that stand for all where the way is what matters.
fn some(_: &Sandbox) -> Vec<String> {
    [
        "static",
        "dynamic",
        "own-linker",
        "shell",
        "own",
        "own-arg",
        "relative",
        "link",
        "data",
        "missing",
        "of-missing",
        "nested.3",
        "unread",
    ]
    .map(|name| format!("bin/{name}"))
    .into_iter()
    .chain(["../host/script", "../host/plain", "../host/own-linker"].map(String::from))
    .collect()
}

#[test]
fn c_064_execve_of_every_kind_of_file() {
    same(&["path"]);
}

#[test]
fn c_064_execve_by_an_unprivileged_caller() {
    as_nobody(|nobody| {
        // A set-id bit of a mount is without effect, as on a file system mounted nosuid.
        let files = |sandbox: &Sandbox| {
            files(sandbox).into_iter().filter(|name| name != "bin/set-id").collect()
        };
        same_as(nobody, &["path"], files);
    });
}

#[test]
fn c_062_execveat_below_a_directory() {
    same(&["at", "at-cloexec"]);
}

#[test]
fn c_062_execveat_with_flags() {
    same(&["nofollow", "bad-flags", "check"]);
}

/// A descriptor of a file with several names shows the first of them, so that is not compared.
fn with_one_name(sandbox: &Sandbox) -> Vec<String> {
    files(sandbox).into_iter().filter(|name| !name.contains("hard")).collect()
}

#[test]
fn c_062_execution_of_a_descriptor() {
    same_as(&[], &["fd", "fd-cloexec", "fd-read"], with_one_name);
}

#[test]
fn c_062_execution_of_the_name_of_a_descriptor() {
    same_as(&[], &["/dev/fd", "/proc/self/fd"], with_one_name);
}

#[test]
fn c_057_arguments_of_every_shape() {
    let ways = [
        "no-arguments",
        "null-arguments",
        "one-argument",
        "bad-arguments",
        "bad-first",
        "bad-second",
        "bad-environment",
        "long-first",
        "long-second",
        "many",
        "too-many",
        "at-the-end",
    ];
    same_as(&[], &ways, some);
}

#[test]
fn c_051_execution_in_a_child_that_borrows_its_parents_memory() {
    same_as(&[], &["vfork"], some);
}

#[test]
fn c_054_execution_by_a_thread_that_does_not_lead() {
    same_as(&[], &["thread"], some);
}

#[test]
fn c_060_c_131_execution_of_what_runs_already() {
    same_as(&[], &["again"], some);
}

#[test]
fn c_144_libraries_are_found_by_where_the_program_lies() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    let (bin, lib) = (sandbox.path("site/tree/bin"), sandbox.path("site/tree/lib"));
    for directory in [&bin, &lib, &sandbox.path("site/tree/other")] {
        fs::create_dir_all(directory).expect("a new directory");
    }
    let plugin = sandbox.compiled("origin", &["-shared", "-fPIC", "-DPLUGIN"]);
    copy(&sandbox, &plugin.expect("there is a compiler"), &lib.join("libplug.so"));
    copy(&sandbox, &lib.join("libplug.so"), &sandbox.path("site/tree/other/libother.so"));
    let search = format!("-L{}", lib.display());
    for (name, flags) in [
        ("runpath", ["-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib"]),
        ("rpath", ["-Wl,--disable-new-dtags,-rpath,$ORIGIN/../lib"]),
        ("bare", ["-Wl,--no-as-needed"]),
    ] {
        let flags = [&flags[..], &[&search, "-Wl,--no-as-needed", "-lplug", "-ldl"]].concat();
        // The library must come after the program's own source, which is the last word.
        let mut cc = sandbox.command("cc");
        cc.arg("-o").arg(sandbox.path("made")).arg(fixture("guests/origin.c"));
        run(cc.args(flags)).fine();
        copy(&sandbox, &sandbox.path("made"), &bin.join(name));
    }
    symlink("../bin/runpath", lib.join("link")).expect("a new link");
    Twin::of(sandbox).scripts(&[
        "bin/runpath; $T/bin/rpath; cd bin && ./runpath libplug.so; cd ../lib && ./link && ../bin/rpath",
        "bin/bare; LD_LIBRARY_PATH=$T/lib bin/bare; LD_LIBRARY_PATH=lib bin/bare; LD_LIBRARY_PATH=$T/other:../tree/lib bin/bare libother.so",
        "bin/runpath '$ORIGIN/../lib/libplug.so' $T/other/libother.so other/libother.so ./other/missing.so libmissing.so",
        "LD_PRELOAD=$T/other/libother.so bin/runpath; LD_PRELOAD='$ORIGIN/../other/libother.so' bin/runpath; LD_PRELOAD=$T/x bin/runpath",
        "LD_DEBUG=libs bin/runpath 2>&1 | sed 's/^ *[0-9]*://' | grep -v '/etc\\|/lib/' | grep tree",
    ]);
}

#[test]
fn c_061_copies_are_made_once_and_go_with_the_session() {
    let sandbox = Sandbox::new();
    if !build(&sandbox) {
        return;
    }
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let copies = format!(
        "find {}/run -type f -path '*/exec/*' -printf '%m %n %f\\n' | sort",
        sandbox.store().display()
    );
    let script = format!("for i in 1 2 3; do bin/static; bin/own-arg; done > /dev/null; {copies}");
    let mut command =
        sandbox.in_mount(&["sh", "-c", &format!("cd {} && {script}", sandbox.tree().display())]);
    assert_eq!(run(&mut command).fine(), "555 2 own-arg\n555 2 static\n");
    let left = fs::read_dir(sandbox.store().join("run")).into_iter().flatten().count();
    assert_eq!(left, 0, "copies were left behind");
}

/// Runs a script with the store on a file system of its own, mounted with `options`; `$V` is vrift.
fn with_store(options: &str, script: &str) -> Option<Ran> {
    if !root() {
        skipped("only root can mount a store");
        return None;
    }
    let sandbox = Sandbox::new();
    if !build(&sandbox) {
        return None;
    }
    fs::create_dir(sandbox.store()).expect("a place to mount on");
    let mount = |script: &str| {
        let script = format!("mount -t tmpfs -o {options} tmpfs \"$VR_THE_SOURCE\" && {script}");
        let mut command = sandbox.natively(&["unshare", "--mount", "sh", "-c", &script]);
        command.env("V", env!("CARGO_BIN_EXE_vrift"));
        run(command.env("T", sandbox.tree()))
    };
    if !mount("true").status.success() {
        skipped("this machine lets nobody mount");
        return None;
    }
    let ingest = "$V ingest $T/bin -o m.vrift > /dev/null 2>&1; M=\"--read-only --manifest m.vrift --prefix /m\"";
    Some(mount(&format!("{{ {ingest}; {script}; }}")))
}

#[test]
fn c_064_a_store_where_nothing_may_be_executed_is_named() {
    let script = "$V run $M -- sh -c '/m/static; echo $?; cat /m/shell'; $V doctor; true";
    let Some(ran) = with_store("noexec", script) else { return };
    assert!(ran.out().starts_with("126\n#!/bin/sh\n"), "{ran}");
    assert!(ran.err().contains("noexec; keep the store elsewhere (VR_THE_SOURCE)"), "{ran}");
    assert!(ran.out().contains("FAIL  store: ") && ran.out().contains("mounted noexec: "), "{ran}");
}

#[test]
fn c_061_a_full_store_fails_as_a_full_disk_does() {
    // What a run needs for itself is there; a copy of a program is larger.
    let script = "head -c 100m /dev/zero > $VR_THE_SOURCE/filler; \
                  truncate -s -64K $VR_THE_SOURCE/filler; $V run $M -- sh -c '/m/static; echo $?'; rm $VR_THE_SOURCE/filler; \
                  $V run $M -- sh -c '/m/static > /dev/null; echo $?'";
    let Some(ran) = with_store("size=20m", script) else { return };
    assert_eq!(ran.out(), "126\n7\n", "{ran}");
    assert!(ran.err().contains("No space left on device"), "{ran}");
    let complaint =
        "vrift: cannot make an executable copy of a program of the mount in the store: ";
    assert!(ran.err().contains(complaint), "{ran}");
}

#[test]
fn a_trace_shows_the_call_as_the_program_made_it() {
    let sandbox = Sandbox::new();
    if !build(&sandbox) {
        return;
    }
    let tree = sandbox.tree();
    sandbox.ingest(&tree);
    sandbox.move_away();
    let script = "cd \"$0\" && bin/own-arg x > /dev/null; bin/shell y > /dev/null; bin/of-missing";
    let mut command = sandbox.vrift(["trace", "-e", "trace=execve", "-o"]);
    command
        .arg(sandbox.path("trace"))
        .args(["--read-only", "--manifest"])
        .arg(sandbox.path("tree.vrift"));
    run(command.arg("--prefix").arg(&tree).args(["--", "sh", "-c", script]).arg(&tree));
    let trace = fs::read_to_string(sandbox.path("trace")).expect("the trace was written");
    for (call, outcome) in [
        ("execve(\"bin/own-arg\", [\"bin/own-arg\", \"x\"], ", " = 0 ⇒ blob "),
        ("execve(\"bin/shell\", [\"bin/shell\", \"y\"], ", " = 0 ⇒ /"),
        (
            "execve(\"bin/of-missing\", [\"bin/of-missing\"], ",
            " = -1 ENOENT (No such file or directory) [manifest]",
        ),
    ] {
        let shown = trace.lines().any(|line| line.contains(call) && line.contains(outcome));
        assert!(shown, "no {call}…{outcome} in:\n{trace}");
    }
    assert!(!trace.contains("/run/"), "{trace}");
}

#[test]
fn c_048_programs_of_32_bits_run_from_a_mount_and_run_others() {
    if !cfg!(target_arch = "x86_64") || !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    let bin = sandbox.path("site/tree/bin");
    fs::create_dir_all(&bin).expect("a new directory");
    let mut cc = sandbox.command("cc");
    cc.args(["-m32", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic"]);
    cc.args(["-no-pie", "-O1", "-Wall", "-Werror", "-o"]).arg(sandbox.path("narrow_exec"));
    if !run(cc.arg(fixture("guests/narrow_exec.c"))).status.success() {
        return skipped("programs of 32 bits cannot be made here");
    }
    copy(&sandbox, &sandbox.path("narrow_exec"), &bin.join("narrow"));
    script(&sandbox, "tree/bin/script", 0o755, "#!bin/narrow from a script\n");
    script(&sandbox, "tree/bin/shell", 0o755, "#!/bin/sh\necho \"$0 $*\"; cat /proc/$$/comm\n");
    Twin::of(sandbox).scripts(&[
        "bin/narrow a; $T/bin/narrow; bin/script x; cd bin && ./narrow b",
        "bin/narrow +bin/narrow; bin/narrow +bin/script; bin/narrow +bin/shell; bin/narrow +/bin/true",
        "bin/narrow +bin/missing; echo $?; bin/narrow +bin; echo $?; bin/narrow +; echo $?",
    ]);
}

#[test]
fn c_061_a_program_whose_content_is_lost_is_named() {
    let sandbox = Sandbox::new();
    if !build(&sandbox) {
        return;
    }
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let lost = "find \"$VR_THE_SOURCE/blake3\" -type f -delete";
    run(&mut sandbox.natively(&["sh", "-c", lost])).fine();
    let ran = run(&mut sandbox.in_mount(&[
        "sh",
        "-c",
        "cd \"$0\" && bin/static; echo $?",
        &sandbox.tree().display().to_string(),
    ]));
    assert_eq!(ran.out(), "126\n", "{ran}");
    let named = format!(
        "vrift: cannot run {}/bin/static: its content cannot be read; ingest",
        sandbox.tree().display()
    );
    assert!(ran.err().contains(&named), "{ran}");
}

/// The kernel cuts a program's name off after fifteen bytes, in the middle of a letter too.
#[test]
fn a_program_whose_name_is_no_text_has_the_rights_of_its_user() {
    let sandbox = Sandbox::new();
    let (tree, program) = (sandbox.tree(), sandbox.path("abcdefghijklmné"));
    fs::create_dir(&tree).expect("the sandbox is empty");
    fs::write(tree.join("own"), "own\n").expect("the tree is ours");
    fs::set_permissions(tree.join("own"), Permissions::from_mode(0o600)).expect("it is ours");
    copy(&sandbox, Path::new("/bin/cat"), &program);
    sandbox.ingest(&tree);
    let own = tree.join("own");
    let ran = run(&mut sandbox.in_mount(&[program.as_os_str(), own.as_os_str()]));
    assert_eq!(ran.fine(), "own\n");
}
