//! Programs that read and write one tree: a script run in a mount that can be written to, in an overlay and
//! on a real directory at the same path must say the same, and leave files of the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Ran, Sandbox, fingerprint, fixture, have, line_difference, python, run, skipped};

/// Every file below the current directory with its digest, but those whose path a pattern matches.
const DIGESTS: &str =
    "digests() { find . -type f | grep -Ev \"$1\" | LC_ALL=C sort | xargs -d '\\n' sha256sum; }; ";

/// Runs `script` in the tree, in a mount, in an overlay and natively. It finds the names of programs in
/// `tools`. What is below mount and overlay must be as it was, to the last time and inode number.
#[track_caller]
fn both(sandbox: &Sandbox, script: &str, tools: &[(&str, &Path)]) -> String {
    let tree = sandbox.tree();
    sandbox.ingest(&tree);
    let untouched = fingerprint(&tree);
    let script = format!("set -e; cd \"$T\"; {DIGESTS}{script}");
    let ran = |mut command: Command| -> Ran {
        command.args(["sh", "-c", &script]).env("T", &tree);
        run(command.envs(tools.iter().copied()))
    };
    let mut vrift = sandbox.vrift(["run", "--discard", "--manifest"]);
    vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(&tree).arg("--");
    let mut overlay = sandbox.vrift(["run", "--discard", "--overlay"]);
    overlay.arg(&tree).arg("--");
    let seen = [("mount", vrift), ("overlay", overlay)].map(|(way, command)| {
        let seen = ran(command);
        assert_eq!(fingerprint(&tree), untouched, "{way}: the host's tree was changed");
        (way, seen)
    });
    let native = ran(sandbox.command("env"));
    assert!(native.status.success(), "{native}");
    let native = native.out() + &native.err();
    for (way, seen) in seen {
        let said = seen.out() + &seen.err();
        assert_eq!(native, said, "{way}: {}\n{seen}", line_difference(&native, &said));
    }
    native
}

fn plant(sandbox: &Sandbox, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = sandbox.tree().join(name);
        fs::create_dir_all(path.parent().expect("it is below the tree")).expect("a directory");
        fs::write(path, text).expect("a new file");
    }
}

fn plant_fixture(sandbox: &Sandbox, inside: &str) {
    let copied = run(sandbox.command("cp").arg("-r").arg(fixture(inside)).arg(sandbox.tree()));
    assert!(copied.status.success(), "{copied}");
}

#[test]
fn cmake_and_ninja_build_what_has_changed_and_nothing_else() {
    if !have("cmake") || !have("ninja") || !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    plant_fixture(&sandbox, "project");
    let cmake = "cmake_minimum_required(VERSION 3.10)\nproject(calc C)\n\
        file(GLOB_RECURSE sources src/*.c)\nadd_executable(calc ${sources})\n\
        target_include_directories(calc PRIVATE include src)\n";
    plant(&sandbox, &[("CMakeLists.txt", cmake)]);
    let said = both(
        &sandbox,
        "cmake -G Ninja -S . -B b > log; grep -c 'Generating done' log; \
         ninja -C b | tail -1; ninja -C b; ./b/calc '1 2 +'; digests '\\.ninja_(log|deps)|log|\\.bin$'; \
         sleep 0.02; touch src/main.c; ninja -C b | grep -c Linking; ninja -C b | tail -1; \
         sleep 0.02; touch include/*/*.h; ninja -C b -d explain 2>&1 | grep -c 'is dirty'; ninja -C b | tail -1; \
         touch CMakeLists.txt; ninja -C b | grep -o Re-running; ninja -C b | tail -1; \
         rm b/calc; ninja -C b | tail -1; ninja -C b -t clean | tail -1; ls b",
        &[],
    );
    assert_eq!(said.matches("ninja: no work to do.").count(), 4, "{said}");
}

#[test]
fn cargo_builds_incrementally() {
    let cargo = std::env::var_os("CARGO").map(PathBuf::from);
    let works = |cargo: &PathBuf| {
        Command::new(cargo).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let Some(cargo) = cargo.filter(works) else {
        return skipped("there is no cargo that this user may run, or it does not run this test");
    };
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    plant_fixture(&sandbox, "builds/cargo");
    let home = sandbox.path("cargo");
    let rustc = cargo.with_file_name("rustc");
    let said = both(
        &sandbox,
        "build() { \"$CARGO\" build -v --offline 2>&1 | grep -o '^ *[A-Z][a-z]* [a-z]* v' || true; ./target/debug/app; }; \
         export CARGO_INCREMENTAL=1; build; sha256sum target/debug/app; build; \
         sleep 0.02; sed -i s/one/two/ src/other.rs; build; sha256sum target/debug/app; build; \
         sleep 0.02; echo 'pub fn more() {}' >> beside/src/lib.rs; build; build; \
         \"$CARGO\" clean -q; ls",
        &[("CARGO", &cargo), ("CARGO_HOME", &home), ("RUSTC", &rustc)],
    );
    assert_eq!(
        (said.matches("Fresh app").count(), said.matches("two 7").count()),
        (3, 4),
        "{said}"
    );
}

#[test]
fn pip_installs_a_wheel_into_a_new_environment() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    plant_fixture(&sandbox, "builds/pip");
    let check = run(sandbox.command(python).args(["-c", "import ensurepip, venv"]));
    if !check.status.success() {
        return skipped("this python has no venv");
    }
    both(
        &sandbox,
        "\"$PYTHON\" wheel.py; \"$PYTHON\" -m venv v; \
         ./v/bin/python -m pip install -q --no-index --no-cache-dir --disable-pip-version-check ./told-1.0-py3-none-any.whl; \
         ./v/bin/python -c 'import told, sys; print(told.told(), told.__file__, sys.prefix)'; \
         ./v/bin/tell || echo $?; ./v/bin/python -m pip list --format=freeze --disable-pip-version-check; \
         ./v/bin/python -m pip uninstall -qy told; \
         find v -path '*told*'; digests '\\.pyc$'; find . -type l | sort | xargs ls -l | cut -d' ' -f1,10-",
        &[("PYTHON", Path::new(python))],
    );
}

#[test]
fn npm_installs_from_a_tarball() {
    if !have("npm") || !have("node") {
        return;
    }
    let sandbox = Sandbox::new();
    plant_fixture(&sandbox, "builds/npm");
    both(
        &sandbox,
        "export npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_audit=false \
           npm_config_fund=false npm_config_offline=true npm_config_loglevel=error; \
         (cd pkg && npm pack -s); cd app; npm install -s ../pkg/pkg-1.2.3.tgz; \
         ./node_modules/.bin/tell; node -e 'require(\"pkg\")'; npm ls; readlink node_modules/.bin/tell; \
         npm uninstall -s pkg; npm ls; digests none",
        &[],
    );
}

/// vrift forgets files without a name now and then, but none that somebody has open.
#[test]
fn files_without_a_name_are_there_for_who_has_them_open() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox can be written");
    let held = fixture("builds/held.py");
    let said = both(
        &sandbox,
        "\"$PYTHON\" \"$HELD\" 6000",
        &[("PYTHON", Path::new(python)), ("HELD", &held)],
    );
    assert!(said.contains("sent 0o100640 0 4 b'sent'"), "{said}");
}

#[test]
fn two_writers_share_a_database_with_a_log() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let check = run(sandbox.command(python).args(["-c", "import sqlite3"]));
    if !check.status.success() {
        return skipped("this python has no sqlite3");
    }
    plant_fixture(&sandbox, "builds/sqlite");
    let said = both(
        &sandbox,
        "\"$PYTHON\" start.py; \"$PYTHON\" write.py a & a=$!; \"$PYTHON\" write.py b; wait $a; \"$PYTHON\" look.py; ls",
        &[("PYTHON", Path::new(python))],
    );
    assert!(said.contains("('ok',) ('wal',)\n(120, 120, 120)\n[('a', 60), ('b', 60)]\n"), "{said}");
}

#[test]
fn rsync_copies_everything_once() {
    if !have("rsync") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox, &[("from/a", "a\n"), ("from/d/b", "b\n"), ("from/d/e/c", "c\n")]);
    both(
        &sandbox,
        "ln -s d/b from/l; ln from/a from/d/a; chmod 4711 from/d/b; touch -d @1000000.5 from/d/e; mkfifo from/p; \
         rsync -aH --stats from/ to/ | grep -E 'Number of|files transferred'; rsync -aHni from/ to/; \
         echo more >> from/a; touch -d @3000000 from/a; rm from/d/e/c; touch -d @3000000 from/d/e; chmod 700 from/d; rsync -aHi --delete from/ to/; rsync -aHni --delete from/ to/; \
         find to from -printf '%p %y %m %n %s %l\\n' | grep -v ' d ' | sort; rsync -aHi --inplace --append from/ to/; digests none",
        &[],
    );
}

/// A jobserver over a FIFO: whoever takes a token out gives it back, so no more work at once than there
/// are tokens.
#[test]
fn c_127_jobs_meet_at_a_fifo() {
    let sandbox = Sandbox::new();
    plant(&sandbox, &[("busy/none", "")]);
    let said = both(
        &sandbox,
        "mkfifo tokens; exec 9<>tokens; printf ++ >&9; \
         job() { token=$(dd bs=1 count=1 2> /dev/null < tokens); : > busy/$1; \
           set -- $1 busy/*; [ $# -le 4 ] || echo too many: $*; rm busy/$1; echo done $1; printf $token > tokens; }; \
         for n in 1 2 3 4 5 6 7 8; do job $n > out.$n & done; wait; cat out.*; ls busy",
        &[],
    );
    assert_eq!(said.matches("done").count(), 8, "{said}");
}

/// A name that is made while a directory is listed may be in the listing, but there must be an end to it.
#[test]
fn c_097_who_renames_what_it_lists_comes_to_an_end() {
    if !have("python3") {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox, &[("none", "")]);
    fs::create_dir(sandbox.tree().join("many")).expect("a new directory");
    for n in 0..2500 {
        fs::write(sandbox.tree().join(format!("many/{n}")), "").expect("a new file");
    }
    let script = "import os\nos.chdir('many')\nfor turn in 'ab':\n    n = 0\n    for entry in os.scandir('.'):\n        \
        os.rename(entry.name, f'{turn}{n}')\n        n += 1\n        assert n < 50000, 'endless'\n    \
        print(turn, n >= 2500, len(os.listdir('.')), all(name[0] == turn for name in os.listdir('.')))\n";
    let said = both(&sandbox, &format!("python3 -c \"{script}\""), &[]);
    assert_eq!(said, "a True 2500 True\nb True 2500 True\n");
}

#[test]
fn make_shares_jobs_over_a_fifo() {
    if !have("make") {
        return;
    }
    let sandbox = Sandbox::new();
    let style = run(sandbox.command("make").args(["--jobserver-style=fifo", "--version"]));
    if !style.status.success() {
        return skipped("this make has no jobserver over a FIFO");
    }
    let makefile = "all: a b c d\n%: ; @$(MAKE) -s -C sub N=$@\n";
    let sub = "all: 1 2 3\n%: ; @echo $(N)$@ > ../$(N)$@\n";
    plant(&sandbox, &[("Makefile", makefile), ("sub/Makefile", sub)]);
    both(&sandbox, "TMPDIR=$PWD make -s -j3 --jobserver-style=fifo; digests Makefile; ls", &[]);
}

#[test]
fn editors_save_at_once() {
    let sandbox = Sandbox::new();
    plant(&sandbox, &[("f", "one\ntwo\n"), ("g", "one\n")]);
    // Written beside, synced, with the old one's mode, and moved over it; the old one stays as a backup.
    let save = "chmod 640 f; ln f before; cp -p f .f.new; echo three >> .f.new; sync .f.new; ln -f f f~; mv .f.new f; \
        cat f before f~; stat -c '%a %h' f before f~; sed -i.bak s/one/ONE/ g; cat g g.bak; ls -A; ";
    let vim = match have("vim") {
        true => {
            "for copy in yes no auto; do vim -u NONE -es -c \"set backup backupcopy=$copy\" -c '%s/[a-z]/0/e' -c wq f < /dev/null; \
             cat f f~; stat -c '%a %h' f; ls -A; done"
        }
        false => "true",
    };
    both(&sandbox, &format!("{save}{vim}"), &[]);
}
