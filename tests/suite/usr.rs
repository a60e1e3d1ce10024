//! Everyday programs run from a mount that lies over `/usr`: shells, core utilities, perl and python
//! with their libraries and their dynamic linker, none of which the host's `/usr` provides then.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use crate::kit::{Sandbox, fixture, line_difference, run, skipped};
use crate::zoo;

const SHELLS: &[&str] = &[
    "sh", "dash", "bash", "env", "echo", "cat", "ls", "cp", "rm", "mkdir", "ln", "chmod", "true",
    "false", "head", "tail", "sort", "uniq", "wc", "seq", "tr", "cut", "md5sum", "readlink", "id",
    "uname", "expr", "test", "timeout", "nice", "find", "xargs", "grep", "sed",
];

const LANGUAGES: &[&str] =
    &["sh", "dash", "bash", "env", "echo", "rm", "readlink", "uname", "chmod", "perl", "python3"];

/// A sandbox whose `tree.vrift` is a part of `/usr`, with these programs.
fn usr(programs: &[&str]) -> Option<Sandbox> {
    let merged = ["/bin", "/lib"]
        .iter()
        .all(|link| Path::new(link).canonicalize().is_ok_and(|target| target.starts_with("/usr")));
    if !merged {
        skipped("/bin and /lib are not in /usr here");
        return None;
    }
    let sandbox = Sandbox::new();
    let mut copy = sandbox.command("/bin/sh");
    copy.arg(fixture("scripts/usr.sh")).arg(sandbox.tree()).args(programs);
    run(&mut copy).fine();
    sandbox.ingest(&sandbox.tree());
    Some(sandbox)
}

/// Runs scripts natively and over a mount at `/usr`, and wants the same of both.
#[track_caller]
fn same(sandbox: &Sandbox, scripts: &[&str]) {
    let mut report = String::new();
    for script in scripts {
        let words = ["/bin/bash", "-c", script];
        let outcome = |mut command: std::process::Command| {
            let ran = run(command.env("PATH", "/usr/bin:/bin").env("S", sandbox.path("")));
            format!("{}\n{}--- stderr\n{}", ran.status, ran.out(), ran.err())
        };
        let native = outcome(sandbox.natively(&words));
        let mut mount =
            sandbox.vrift(["run", "--read-only", "--prefix", "/usr", "--manifest"].map(OsStr::new));
        mount.arg(sandbox.path("tree.vrift")).arg("--").args(words);
        let mounted = outcome(mount);
        if native != mounted {
            let _ = writeln!(report, "=== {script}\n{}", line_difference(&native, &mounted));
        }
    }
    assert!(report.is_empty(), "the mount differs from the host's /usr\n{report}");
}

#[test]
fn c_058_c_131_shells_and_core_utilities_with_their_linker_in_the_mount() {
    let Some(sandbox) = usr(SHELLS) else { return };
    zoo::write(
        &sandbox.path("tool"),
        b"#!/usr/bin/env bash\necho \"$0 $# $BASH\"; cat /proc/$$/comm\n",
    );
    same(
        &sandbox,
        &[
            "echo $0 $BASH $BASH_VERSION; readlink /proc/self/exe /proc/$$/exe; cat /proc/$$/comm",
            "tr '\\0' ' ' < /proc/self/cmdline; tr '\\0' ' ' < /proc/$$/cmdline",
            "sed 's/.* //' /proc/self/maps | grep / | sort -u; grep -c . /proc/$$/maps > /dev/null && echo read",
            "for i in $(seq 30); do echo $i | cat; done | sort -n | md5sum",
            "seq 20000 | xargs echo | wc; seq 3000 | xargs -n 1000 sh -c 'echo $# $0 $1'",
            "find /bin/bash /usr/bin/bash -printf '%p %m %s %l\\n'; ls -l /usr/bin/sh | sed 's/.*sh -/sh -/'",
            "chmod +x $S/tool; $S/tool a b; cd $S && ./tool c; bash tool d; env -i PATH=/bin ./tool",
            "sh -c 'exit 3'; echo $?; missing; echo $?; /usr/bin; echo $?; /usr/lib; echo $?",
            "exec -a another bash -c 'echo $0; cat /proc/$$/comm; readlink /proc/$$/exe'",
            "timeout 60 nice env sh -c 'echo $0 $PPID > /dev/null; id -u'; (ulimit -s 256; echo deep | cat)",
            "echo 'echo $0 $1' > $S/plain; chmod +x $S/plain; $S/plain x; sh $S/plain y",
            "/proc/self/exe -c 'echo $BASH' ; exec 5< /usr/bin/echo; /proc/self/fd/5 by descriptor; /dev/fd/5 again",
            "ld=$(sed -n 's/.* \\(\\/.*ld-.*\\)/\\1/p' /proc/self/maps | head -1); $ld /usr/bin/echo direct; echo ${ld%/*}",
            "LD_TRACE_LOADED_OBJECTS=1 bash | sed 's/ (.*//' | grep -v vdso",
            "cp /usr/bin/echo $S/echo && $S/echo copied; ln -sf /usr/bin/echo $S/link && $S/link linked; readlink -f $S/link",
            "id; uname -s; expr 6 \\* 7; type -a sh; command -v ls; hash; test -x /usr/bin/cat && echo yes",
        ],
    );
}

#[test]
fn c_058_perl_and_python_with_their_libraries_in_the_mount() {
    if !Path::new("/usr/bin/python3").exists() || !Path::new("/usr/bin/perl").exists() {
        return skipped("there is no perl or no python3 in /usr/bin");
    }
    let Some(sandbox) = usr(LANGUAGES) else { return };
    same(
        &sandbox,
        &[
            "perl -e 'print \"$^X $0 @ARGV\\n\"; print `echo inner`; print readlink(\"/proc/self/exe\"), \"\\n\"' a b",
            "perl -MPOSIX -MScalar::Util=blessed -MIO::File -e 'print POSIX::floor(2.5), (uname())[0], \"\\n\"; system(\"sh -c \\\"exit 4\\\"\"); print $?>>8, \"\\n\"; exec \"/usr/bin/env\", \"perl\", \"-e\", \"print qq(again\\n)\"'",
            "python3 -I -c 'import sys, json, hashlib, ssl, sqlite3, zlib; print(sys.executable, sys.prefix, sys.base_prefix, sys.argv); print(hashlib.sha256(json.dumps([1]).encode()).hexdigest())' x",
            "python3 -I -c 'import subprocess as s; print(s.run([\"uname\", \"-s\"], capture_output=True), s.run(\"echo $0\", shell=True, capture_output=True).stdout); print(s.run([\"sh\", \"-c\", \"exit 9\"]).returncode)'",
            "python3 -I -c 'import multiprocessing as m\nif __name__ == \"__main__\":\n with m.get_context(\"fork\").Pool(2) as p: print(p.map(abs, range(-5, 5)))'",
            "python3 -I -c 'import os, sys; print(os.path.realpath(\"/proc/self/exe\"), os.readlink(\"/proc/self/exe\")); sys.stdout.flush(); os.execv(sys.executable, [\"python3\", \"-I\", \"-c\", \"import sys; print(sys.executable)\"])'",
            "python3 -I -c 'import ctypes; print(ctypes.CDLL(None).abs(-3)); print(sorted({l.split()[-1] for l in open(\"/proc/self/maps\") if \"/usr/lib\" in l and \".so\" in l and not \"locale\" in l}))'",
            "rm -rf $S/venv; python3 -m venv --without-pip $S/venv && $S/venv/bin/python -c 'import sys; print(sys.executable, sys.prefix, sys.base_prefix)'; readlink $S/venv/bin/python3",
            "printf '#!%s/venv/bin/python\\nimport sys; print(sys.argv, sys.prefix)\\n' $S > $S/script; chmod +x $S/script; $S/script 1 2",
        ],
    );
}

#[test]
fn the_command_itself_is_searched_for_in_the_mount() {
    let Some(sandbox) = usr(&["sh", "dash", "echo"]) else { return };
    let mut rename = sandbox.command("/bin/sh");
    let script =
        "cd site && mkdir other && cp -a tree/. other && mv other/bin/echo other/bin/only-here";
    run(rename.args(["-c", script])).fine();
    let manifest = sandbox.ingest(&sandbox.path("site/other"));
    let in_usr = |words: &[&str]| {
        let mut mount =
            sandbox.vrift(["run", "--read-only", "--prefix", "/usr", "--manifest"].map(OsStr::new));
        mount.arg(&manifest).arg("--").args(words).env("PATH", "/nowhere:/usr/bin");
        run(&mut mount)
    };
    assert_eq!(in_usr(&["only-here", "found"]).fine(), "found\n");
    assert_eq!(in_usr(&["/usr/bin/only-here", "named"]).fine(), "named\n");
    let hidden = in_usr(&["echo", "x"]);
    assert_eq!((hidden.code(), hidden.out().as_str()), (Some(127), ""), "{hidden}");
    let named = in_usr(&["/usr/bin/echo", "x"]);
    assert_eq!((named.code(), named.out().as_str()), (Some(127), ""), "{named}");
    let directory = in_usr(&["/usr/bin"]);
    assert_eq!(directory.code(), Some(126), "{directory}");
}
