//! Access control lists: who may do what with files of a mount that have one.

use std::fmt::Write as _;
use std::fs;

use crate::kit::{Sandbox, have, line_difference, root, run, skipped};

/// Modes and lists, as chmod and setfacl take them; `then` is a mode set afterwards.
const LISTS: &[(&str, &str, &str)] = &[
    ("600", "u:1001:r", ""),
    ("644", "u:1001:-", ""),
    ("600", "g:2001:rw", ""),
    ("644", "g:2001:-,g:2002:rw", ""),
    ("664", "u:1002:rwx,m::r", ""),
    ("666", "g::-", ""),
    ("606", "g:2001:-", ""),
    ("755", "u:1001:rwx,g:2001:rx,o::-", ""),
    ("700", "u:1002:rx,g:2002:x", ""),
    ("770", "g:2001:rw,g:2002:x,m::rwx", ""),
    ("600", "u:1001:rwx,g:2001:rwx", "640"),
    ("600", "u:1001:rwx,g:2001:rwx", "604"),
    ("777", "u:1001:-,g:2002:-", "707"),
    ("660", "u:1003:rw,g::r", "400"),
];

/// User, group and further groups.
const WHO: &[(&str, &str, &str)] = &[
    ("1001", "100", ""),
    ("1001", "2001", "2002"),
    ("1002", "100", "2001"),
    ("1003", "2002", ""),
    ("1003", "100", "2001,2002"),
    ("65534", "65534", ""),
];

const LOOK: &str = "cd \"$T\" || exit; for n in f* d*; do echo $n; \
    test -r $n; echo r $?; test -w $n; echo w $?; test -x $n; echo x $?; \
    if [ -d $n ]; then ls $n; cat $n/inside; (cd $n; echo c $?); (: > $n/new) && rm $n/new; \
    else cat $n; (: >> $n); ./$n; getfacl -cn $n; fi; done 2>&1; true";

/// What is done to what has a list: the mode that follows keeps to it.
const CHANGE: &str = "cd \"$T\" || exit; for n in f* d*; do chmod 750 $n; getfacl -cn $n; chmod 604 $n; getfacl -cn $n; \
    chown 1001 $n; getfacl -cn $n; done 2>&1; true";

fn plant(sandbox: &Sandbox) -> bool {
    let mut script = String::from("set -e; mkdir \"$T\"; cd \"$T\"; ");
    for (n, (mode, list, then)) in LISTS.iter().enumerate() {
        let _ = write!(
            script,
            "printf '#!/bin/sh\\necho ran\\n' > f{n:02}; mkdir d{n:02}; echo inside > d{n:02}/inside; \
             chmod {mode} f{n:02} d{n:02}; setfacl -m {list} f{n:02} d{n:02}; "
        );
        if !then.is_empty() {
            let _ = write!(script, "chmod {then} f{n:02} d{n:02}; ");
        }
    }
    run(sandbox.natively(&["sh", "-c", &script]).env("T", sandbox.tree())).status.success()
}

#[test]
fn c_121_lists_decide_as_on_a_real_directory() {
    if !root() {
        return skipped("only root can become somebody else");
    }
    if !have("setfacl") || !have("setpriv") {
        return;
    }
    let sandbox = Sandbox::new();
    if !plant(&sandbox) {
        return skipped("this file system keeps no access control lists");
    }
    sandbox.ingest(&sandbox.tree());
    let mut looks = Vec::new();
    for (uid, gid, groups) in WHO {
        let groups = match *groups {
            "" => "--clear-groups".to_owned(),
            groups => format!("--groups={groups}"),
        };
        let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
        looks.push(
            ["setpriv", &uid, &gid, &groups, "--", "sh", "-c", LOOK].map(str::to_owned).to_vec(),
        );
    }
    looks.push(["sh", "-c", LOOK].map(str::to_owned).to_vec());
    looks.push(["sh", "-c", CHANGE].map(str::to_owned).to_vec());
    let natives: Vec<_> = looks
        .iter()
        .map(|words| run(sandbox.natively(words).env("T", sandbox.tree())).fine())
        .collect();
    fs::rename(sandbox.tree(), sandbox.away()).expect("the tree is there");
    let mut report = String::new();
    for (words, native) in looks.iter().zip(natives) {
        let mut vrift = sandbox.vrift(["run", "--discard", "--manifest"]);
        vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree()).arg("--");
        let mounted = run(vrift.args(words).env("T", sandbox.tree())).fine();
        if mounted != native {
            let _ = writeln!(report, "=== {words:?}\n{}", line_difference(&native, &mounted));
        }
    }
    assert!(report.is_empty(), "the mount differs from the real directory\n{report}");
}
