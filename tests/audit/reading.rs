//! What is made of the records of real compilers: two runs compared, and one run again from its pack alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::kit::{Sandbox, have, run, skipped};

const SOURCE: &str =
    "#include <stdio.h>\n#include \"a.h\"\nint main(void) { return printf(\"%d\", A); }\n";

/// A C program in a sandbox.
fn a_project(sandbox: &Sandbox) -> PathBuf {
    let project = sandbox.path("site/project");
    fs::create_dir(&project).expect("the sandbox is empty");
    fs::write(project.join("main.c"), SOURCE).expect("it is ours");
    fs::write(project.join("a.h"), "#define A 1\n").expect("it is ours");
    project
}

/// Records its compilation.
fn compiled(sandbox: &Sandbox, project: &Path, name: &str, variable: &str) -> PathBuf {
    let record = sandbox.path(name);
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.current_dir(project).env("SETTING", variable).arg(&record);
    run(vrift.args(["--", "cc", "-c", "main.c", "-o", "main.o"])).fine();
    record
}

#[test]
fn two_compilations_differ_in_one_header_and_one_variable_and_nothing_else() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    let project = a_project(&sandbox);
    let first = compiled(&sandbox, &project, "first", "1");
    fs::remove_file(project.join("main.o")).expect("it was just made");
    let again = compiled(&sandbox, &project, "again", "1");
    let diff = |other: &Path| run(sandbox.vrift(["audit", "diff"]).arg(&first).arg(other));
    assert_eq!(diff(&again).fine(), "the runs do not differ\n");
    fs::remove_file(project.join("main.o")).expect("it was just made");
    fs::write(project.join("a.h"), "#define A 1 /* a remark */\n").expect("it is ours");
    let other = compiled(&sandbox, &project, "other", "2");
    let ran = diff(&other);
    let lines: Vec<_> =
        ran.out().lines().filter(|l| !l.starts_with("  ")).map(str::to_owned).collect();
    let header = format!("input {}", project.join("a.h").display());
    let wanted =
        ["the runs differ in 1 variable, 1 input", "variable SETTING (executions: 3)", &header];
    assert_eq!(lines, wanted, "{ran}");
    fs::write(project.join("a.h"), "#define A 2\n").expect("it is ours");
    fs::remove_file(project.join("main.o")).expect("it was just made");
    let changed = compiled(&sandbox, &project, "changed", "1");
    let said = diff(&changed).out();
    assert!(said.starts_with("the runs differ in 1 input, 1 output\n"), "{said}");
}

/// The host's compiler, headers and sources are hidden in a name space of the test's own.
#[test]
fn a_compilation_runs_again_from_its_pack_alone() {
    if !have("cc") || !have("unshare") {
        return;
    }
    let sandbox = Sandbox::new();
    if !run(sandbox.command("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]))
        .status
        .success()
    {
        skipped("name spaces of an own user may not be made");
        return;
    }
    let project = a_project(&sandbox);
    let record = compiled(&sandbox, &project, "rec", "1");
    let object = fs::read(project.join("main.o")).expect("it was just made");
    fs::remove_file(project.join("main.o")).expect("it was just made");
    let packed = sandbox.path("packed");
    let command = run(sandbox.vrift(["audit", "pack", "-o"]).arg(&packed).arg(&record)).fine();
    let command = command.replace("vrift run", "\"$VRIFT\" run --commit");
    let script = format!(
        "set -e
         PATH=$PATH:/usr/sbin:/sbin
         cc=$(readlink -f \"$(command -v cc)\")
         mount -t tmpfs none /usr/include
         mount -t tmpfs none /usr/lib/gcc
         mount --bind /dev/null \"$cc\"
         mount -t tmpfs none '{project}'
         ! cc --version 2>/dev/null
         test -z \"$(ls '{project}' /usr/include | grep -v :)\"
         {command}",
        project = project.display()
    );
    let mut unshare = sandbox.command("unshare");
    unshare.args(["-rm", "sh", "-c", &script]).env("VRIFT", env!("CARGO_BIN_EXE_vrift"));
    unshare.env("SETTING", "1");
    let ran = run(&mut unshare);
    assert!(ran.status.success(), "{ran}\n{script}");
    // The directory of temporary files is needed too, so the place has both.
    let words: Vec<&str> = command.split(' ').collect();
    let above = |four: &&[&str]| four[2] == "--prefix" && project.starts_with(four[3]);
    let place = words.windows(4).find(above).expect("the project has a place");
    let inside = project.strip_prefix(place[3]).expect("it is below").join("main.o");
    let again = run(sandbox.vrift(["manifest", "cat", place[1]]).arg(inside));
    assert!(again.status.success(), "{again}\n{ran}");
    assert!(again.stdout == object, "the objects differ");
    assert_eq!(fs::metadata(&record).expect("it is there").permissions().mode() & 0o777, 0o600);
}
