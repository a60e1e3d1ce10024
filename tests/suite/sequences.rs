//! Generated calls by descriptors that several processes have in common: what each says, and what the tree has
//! become, must be the same on a real directory, in a mount and in an overlay.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::changes::seeds;
use crate::kit::{Sandbox, as_nobody, line_difference, open_up, run};

/// How many calls by how many processes.
const MADE: [(&str, &str); 2] = [("250", "1"), ("250", "4")];

fn plant(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    open_up(&tree);
    let _ = fs::remove_dir_all(&tree);
    for directory in ["d/e", "s"] {
        fs::create_dir_all(tree.join(directory)).expect("the sandbox can be written");
    }
    fs::set_permissions(tree.join("s"), Permissions::from_mode(0o1777)).expect("it is ours");
    for file in ["a", "b", "c", "d/a", "d/b", "d/e/a", "s/a"] {
        fs::write(tree.join(file), "x".repeat(12_000) + file + "\n").expect("a file");
    }
    // One has the content of another, one its content too.
    fs::copy(tree.join("a"), tree.join("m")).expect("a file");
    fs::hard_link(tree.join("c"), tree.join("d/c")).expect("a further name");
    std::os::unix::fs::symlink("d", tree.join("l")).expect("a symlink");
}

#[track_caller]
fn same(before: &[&str], sample: u64) {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("sequences") else { return };
    for seed in seeds(sample) {
        let (count, processes) = MADE[seed as usize % 2];
        let words = |mut command: Command| {
            let guest = command.args(before).arg(&guest).arg(sandbox.tree()).arg(seed.to_string());
            run(guest.args([count, processes]))
        };
        plant(&sandbox);
        if !before.is_empty() {
            let all =
                run(sandbox.command("chown").args(["-hR", "65534:65534"]).arg(sandbox.tree()));
            assert!(all.status.success(), "{all}");
        }
        sandbox.ingest(&sandbox.tree());
        let mut mount = sandbox.vrift(["run", "--discard", "--manifest"]);
        mount.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree()).arg("--");
        let mut overlay = sandbox.vrift(["run", "--discard", "--overlay"]);
        overlay.arg(sandbox.tree()).arg("--");
        let (mount, overlay) = (words(mount), words(overlay));
        let native = words(sandbox.command("env"));
        assert!(!native.out().contains("GUEST FAILED"), "{native}");
        for (what, ran) in [("mount", mount), ("overlay", overlay)] {
            assert!(ran.stderr.is_empty(), "seed {seed}, {what}: {ran}");
            let (native, seen) = (native.out(), ran.out());
            let parts = || line_difference(&native, &seen);
            assert!(native == seen, "seed {seed}, {what}: {}", parts());
        }
    }
}

#[test]
fn generated_calls_by_descriptors_say_the_same() {
    same(&[], 24);
}

#[test]
fn generated_calls_by_descriptors_of_an_unprivileged_user_say_the_same() {
    as_nobody(|nobody| same(nobody, 12));
}
