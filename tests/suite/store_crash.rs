//! What is left after a kill: a store that verifies, and manifests that work.
//!
//! A process changes the disk by system calls alone. So strace kills it at one of them, a different
//! one each time, from the first to the last. `VRIFT_FULL=1` takes 200 of them instead of 20.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Sandbox, have, run, skipped};

/// A sandbox with an old manifest `old.m`, and a tree that is to be ingested.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) tree: PathBuf,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        let sandbox = Sandbox::new();
        let old = sandbox.path("old");
        let tree = sandbox.path("new");
        for (dir, from) in [(&old, 0), (&tree, 20)] {
            fs::create_dir(dir).expect("a new directory");
            for number in from..from + 30 {
                fs::write(dir.join(number.to_string()), format!("content {number}")).expect("ours");
            }
        }
        // One that takes several pieces, of which some are holes.
        let mut large = vec![0; 3 << 20];
        large[1 << 20..2 << 20].fill(7);
        fs::write(tree.join("large"), large).expect("it is ours");
        let scene = Scene { sandbox, tree };
        run(scene.sandbox.vrift(["ingest"]).arg(old).arg("-o").arg(scene.path("old.m"))).fine();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.path(name)
    }

    /// The arguments of an ingest of the new tree.
    fn ingest(&self) -> Vec<String> {
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        vec!["ingest".into(), shown(&self.tree), "-o".into(), shown(&self.path("new.m"))]
    }

    fn gc() -> Vec<String> {
        ["cas", "gc", "--delete", "--grace", "0"].map(String::from).to_vec()
    }

    /// `vrift` under strace.
    fn traced(&self, options: &[&str], args: &[String]) -> Command {
        let mut strace = self.sandbox.command("strace");
        strace.args(["-f", "-qq", "-o"]).arg(self.path("trace")).args(options);
        strace.arg(env!("CARGO_BIN_EXE_vrift")).args(args);
        strace
    }

    /// The calls it makes: the name of each, and how many of that name its thread has made by then.
    fn calls(&self, args: &[String]) -> Option<Vec<(String, usize)>> {
        let ran = run(&mut self.traced(&[], args));
        if !ran.status.success() {
            skipped(&format!("strace cannot trace here: {ran}"));
            return None;
        }
        let trace = fs::read_to_string(self.path("trace")).expect("strace has written it");
        let mut made = HashMap::new();
        let calls = trace.lines().filter_map(|line| {
            let (thread, call) = line.split_once(' ')?;
            let name = call.trim_start().split_once('(')?.0;
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return None;
            }
            let count = made.entry((thread, name)).or_insert(0);
            *count += 1;
            Some((name.to_owned(), *count))
        });
        Some(calls.collect())
    }

    /// Runs it and kills it at this call; returns whether it came to that.
    fn killed(&self, args: &[String], (name, count): &(String, usize)) -> bool {
        let inject = format!("inject={name}:signal=KILL:when={count}");
        !run(&mut self.traced(&["-e", &inject], args)).status.success()
    }

    /// The store is whole, and the old manifest has all it needs. If the new one is there, so has it.
    #[track_caller]
    fn check(&self, when: &str) {
        let ran = run(&mut self.sandbox.vrift(["cas", "verify"]));
        assert!(ran.status.success() && ran.err().is_empty(), "{when}: {ran}");
        let cat = run(self.sandbox.vrift(["manifest", "cat"]).arg(self.path("old.m")).arg("25"));
        assert_eq!(cat.fine(), "content 25", "{when}");
    }

    /// Everything as it was before the new tree came.
    fn clean(&self, when: &str) {
        let _ = fs::remove_file(self.path("new.m"));
        let ran = run(&mut self.sandbox.vrift(Scene::gc()));
        assert!(ran.status.success() && ran.err().is_empty(), "{when}: {ran}");
        let stat = run(&mut self.sandbox.vrift(["cas", "stat"])).fine();
        assert!(stat.contains("blobs      30\n"), "{when}: {stat}");
        assert!(stat.contains("leftovers  0\n"), "{when}: {stat}");
    }
}

/// Some of the calls, evenly spread, the first and the last with them.
fn instants(calls: &[(String, usize)]) -> impl Iterator<Item = &(String, usize)> {
    let count = if std::env::var_os("VRIFT_FULL").is_some() { 200 } else { 20 };
    (0..count).map(move |at| &calls[at * (calls.len() - 1) / (count - 1)])
}

#[test]
fn an_ingest_that_is_killed_leaves_a_whole_store() {
    if !have("strace") {
        return;
    }
    let scene = Scene::new();
    let Some(calls) = scene.calls(&scene.ingest()) else { return };
    scene.clean("after an ingest that was not killed");
    let mut killed = 0;
    for at in instants(&calls) {
        killed += usize::from(scene.killed(&scene.ingest(), at));
        let when = format!("killed at {at:?}");
        scene.check(&when);
        scene.clean(&when);
    }
    assert!(killed > 10, "only {killed} of them were killed");
    run(&mut scene.sandbox.vrift(scene.ingest())).fine();
    scene.check("at the end");
    let diff = run(scene.sandbox.vrift(["manifest", "cat"]).arg(scene.path("new.m")).arg("large"));
    assert_eq!(diff.stdout, fs::read(scene.tree.join("large")).expect("it is ours"));
}

#[test]
fn a_collection_that_is_killed_leaves_a_whole_store() {
    if !have("strace") {
        return;
    }
    let scene = Scene::new();
    let garbage = || {
        run(&mut scene.sandbox.vrift(scene.ingest())).fine();
        fs::remove_file(scene.path("new.m")).expect("it was just made");
    };
    garbage();
    let Some(calls) = scene.calls(&Scene::gc()) else { return };
    let mut killed = 0;
    for at in instants(&calls) {
        garbage();
        killed += usize::from(scene.killed(&Scene::gc(), at));
        let when = format!("killed at {at:?}");
        scene.check(&when);
        // The garbage that is left is known, what was deleted is stored anew.
        run(&mut scene.sandbox.vrift(scene.ingest())).fine();
        scene.check(&when);
        scene.clean(&when);
    }
    assert!(killed > 10, "only {killed} of them were killed");
}
