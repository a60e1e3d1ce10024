//! A vrift that is killed leaves a record that can be read.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use vrift_audit::{Act, Fault};

use crate::kit::Sandbox;
use crate::recorded::model;

#[test]
fn a_killed_vrift_leaves_all_but_the_last_moment() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("rec");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    // It has done its work, and waits; what it did is on disk a moment later.
    let script = "echo x > made; cat made; echo ready; cat";
    vrift.arg(&path).args(["--", "sh", "-c", script]);
    let mut child = vrift.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(
        lines.by_ref().map_while(Result::ok).find(|line| line == "ready").as_deref(),
        Some("ready")
    );
    let made = sandbox.path("made");
    let is_told = || {
        let model = model(&path);
        let file = model.files.get(made.as_os_str().as_encoded_bytes());
        file.is_some_and(|file| file.done(Act::Read) == 1)
    };
    while !is_told() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let model = model(&path);
    let damage = model.damage.expect("it has no end");
    assert_eq!(damage.fault, Fault::Unfinished, "{damage}");
    assert_eq!(damage.offset, fs::metadata(&path).unwrap().len());
    assert_eq!(model.processes()[0].programs.len(), 1);
}
