//! The stressors of `stress-ng` that are about file systems, each with its own checks.

use super::{Results, Twin, compare, full};
use crate::kit::{have, run};

/// Stressors that pass natively and fail in a mount; `docs/conformance.md` says why.
const EXCEPTIONS: &[&str] = &["dnotify", "inotify"];

/// What a usual run takes.
const SAMPLE: &[&str] = &[
    "access",
    "chmod",
    "chown",
    "dentry",
    "dir",
    "fallocate",
    "fcntl",
    "filename",
    "fpunch",
    "fstat",
    "getdent",
    "lease",
    "link",
    "lockofd",
    "mknod",
    "open",
    "rename",
    "symlink",
    "touch",
    "utime",
    "xattr",
];

#[test]
fn stressors_that_verify_natively_verify_in_a_mount() {
    if !have("stress-ng") {
        return;
    }
    let twin = Twin::new();
    let listed = run(twin.sandbox.command("stress-ng").args(["--class", "filesystem?"]));
    let text = listed.out() + &listed.err();
    let all: Vec<&str> = text
        .split_once("stressors: ")
        .map_or(Vec::new(), |(_, all)| all.split_whitespace().collect());
    assert!(all.contains(&"rename"), "{listed}");
    let (mut mounted, mut native) = (Results::new(), Results::new());
    for stressor in all.into_iter().filter(|stressor| full() || SAMPLE.contains(stressor)) {
        let time = if full() { "3" } else { "1" };
        let ran = twin.both(|command| {
            command.args(["timeout", "-k", "5", "60", "stress-ng", &format!("--{stressor}"), "1"]);
            command.args(["-t", time, "--verify", "--temp-path"]).arg(twin.sandbox.tree());
        });
        for (ran, results) in ran.into_iter().zip([&mut mounted, &mut native]) {
            let code = ran.code().map_or("killed".to_owned(), |code| code.to_string());
            results.insert(stressor.to_owned(), code);
        }
    }
    compare(&mounted, &native, "0", EXCEPTIONS);
}
