//! What a commit puts into the store, and that it can be made after vrift was killed at any instant.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::kit::{Sandbox, fixture, have, run};

/// `vrift run` with a mount of the tree and the session `name`.
fn session(sandbox: &Sandbox, name: &str) -> Command {
    let mut vrift = sandbox.vrift(["run", "--session", name, "--manifest"]);
    vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree()).arg("--");
    vrift.current_dir(sandbox.tree());
    vrift
}

fn blobs(sandbox: &Sandbox) -> u64 {
    let stat = run(&mut sandbox.vrift(["cas", "stat", "--json"])).fine();
    let stat: serde_json::Value = serde_json::from_str(&stat).expect("JSON");
    stat["blobs"].as_u64().expect("a number")
}

#[test]
fn c_113_what_was_deleted_before_is_never_hashed() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox can be written");
    fs::write(sandbox.tree().join("a"), "first").expect("a file");
    sandbox.ingest(&sandbox.tree());
    let script = "echo deleted > deleted; echo over > over; echo kept > kept; ln kept again
        mv kept over; rm deleted; echo second > a; echo third > a; exec 9> held; echo held >&9; rm held
        mkdir d; echo gone > d/gone; rm -r d; echo last > last";
    let ran = run(session(&sandbox, "s").args(["sh", "-ec", script]));
    assert_eq!(ran.code(), Some(0), "{ran}");
    assert_eq!(blobs(&sandbox), 1, "nothing is stored before the commit");
    let committed = run(&mut sandbox.vrift(["session", "commit", "s"])).fine();
    // `kept` by its two names, `a` as it is now, and `last`.
    assert!(committed.contains("3 files (16 bytes) stored, 3 new blobs"), "{committed}");
    assert_eq!(blobs(&sandbox), 4);
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
}

/// Compiles files one after the other, and tells the checksum of what has come of each.
const BUILD: &str = "for f in $(find . -name '*.c' | sort); do
    cc -Iinclude -Isrc -c -o $f.tmp $f && mv $f.tmp $f.o && ln $f.o $f.obj && cksum $f.o; done; echo all";

#[test]
fn a_build_that_is_killed_at_any_instant_leaves_what_it_told_and_can_be_committed() {
    if !have("cc") || !have("cksum") {
        return;
    }
    let sandbox = Sandbox::new();
    let copied =
        sandbox.command("cp").arg("-a").arg(fixture("project")).arg(sandbox.tree()).status();
    assert!(copied.is_ok_and(|status| status.success()), "the project is copied");
    sandbox.ingest(&sandbox.tree());
    let whole = run(session(&sandbox, "whole").args(["sh", "-c", BUILD])).out();
    let lines = whole.lines().count();
    assert!(whole.ends_with("all\n"), "{whole}");
    let rounds = if std::env::var_os("VRIFT_FULL").is_some() { 500 } else { 8 };
    let mut cut_short = 0;
    for round in 0..rounds {
        let name = format!("killed{round}");
        let mut vrift = session(&sandbox, &name);
        vrift.args(["sh", "-c", BUILD]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut vrift = vrift.spawn().expect("vrift starts");
        let out = vrift.stdout.take().expect("it is piped");
        let (tell, hear) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut lines = BufReader::new(out).lines().map_while(Result::ok);
            lines.try_for_each(|line| tell.send(line))
        });
        // Behind each line in turn, and each time a little later.
        let mut told: Vec<String> = hear.iter().take(round % lines).collect();
        for _ in 0..round * 7919 % 3001 {
            thread::yield_now();
        }
        vrift.kill().expect("it was started");
        cut_short += usize::from(!vrift.wait().expect("it ends").success());
        told.extend(hear);
        reader.join().expect("it only reads").expect("somebody hears");
        if !sandbox.store().join("sessions").join(&name).join("journal").exists() {
            assert!(told.is_empty(), "a session that told something is there: {told:?}");
            continue;
        }
        still_there(&sandbox, &name, &told);
    }
    assert!(cut_short > 0, "no kill came in time");
    run(&mut sandbox.vrift(["cas", "verify"])).fine();
}

/// What a killed build told is in its session, which can be gone on with and committed.
fn still_there(sandbox: &Sandbox, name: &str, told: &[String]) {
    let objects = told.iter().filter_map(|line| line.split(' ').nth(2));
    let script = "cksum \"$@\" < /dev/null; echo more > more";
    let mut again = session(sandbox, name);
    let again = run(again.args(["sh", "-c", script, "sh"]).args(objects));
    let seen = again.out();
    let seen: Vec<&str> = seen.lines().take(told.len()).collect();
    let wanted: Vec<&str> = told.iter().map(String::as_str).filter(|line| *line != "all").collect();
    assert_eq!(seen[..wanted.len()], wanted, "{name}: {again}");
    let to = sandbox.path("committed.vrift");
    let _ = fs::remove_file(&to);
    run(sandbox.vrift(["session", "commit", name, "-o"]).arg(&to)).fine();
    run(sandbox.vrift(["manifest", "verify", "--deep"]).arg(&to)).fine();
    assert_eq!(run(sandbox.vrift(["manifest", "cat"]).arg(&to).arg("more")).fine(), "more\n");
}
