//! `pjdfstest`, the POSIX test suite for file systems, as root.

use std::fs;

use nix::unistd::{Group, User};

use super::{Results, Twin, compare, full};
use crate::kit::{have, root, skipped};

/// Cases that pass natively and fail in a mount; `docs/conformance.md` says why.
const EXCEPTIONS: &[&str] = &["link::link_count_max", "rmdir::ebusy"];

/// What a usual run takes: all but the case that makes as many links as there can be.
const SAMPLE: &[&str] = &[
    "chmod",
    "chown",
    "ftruncate",
    "mkdir",
    "mkfifo",
    "mknod",
    "open",
    "rename",
    "rmdir",
    "symlink",
    "truncate",
    "unlink",
    "utimensat",
    "link::e",
];

const FEATURES: &str = "[features]\nposix_fallocate = {}\nrename_ctime = {}\n\
    stat_st_birthtime = {}\nutime_now = {}\nutimensat = {}\n\
    [settings]\nnaptime = 0.02\nallow_remount = false\n";

/// Two users whose group has a name, as the suite wants them.
fn users() -> Option<String> {
    let entries = ["nobody", "daemon", "bin"].into_iter().filter_map(|name| {
        let user = User::from_name(name).ok()??;
        let group = Group::from_gid(user.gid).ok()??;
        Some(format!("[\"{}\", \"{}\"]", user.name, group.name))
    });
    let entries: Vec<String> = entries.take(2).collect();
    (entries.len() == 2).then(|| format!("[dummy_auth]\nentries = [{}]\n", entries.join(", ")))
}

/// Lines are `case     result`.
fn results(text: &str) -> Results {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let case = |words: Vec<&str>| match words[..] {
        [case, result @ ("ok" | "FAILED" | "skipped")] => {
            Some((case.to_owned(), result.to_owned()))
        }
        _ => None,
    };
    words.filter_map(case).collect()
}

#[test]
fn what_pjdfstest_finds_in_order_natively_is_in_order_in_a_mount() {
    if !have("pjdfstest") {
        return;
    }
    if !root() {
        return skipped("pjdfstest makes device nodes and becomes other users");
    }
    let Some(users) = users() else {
        return skipped("there are not two users whose group has a name");
    };
    let twin = Twin::new();
    let config = twin.sandbox.path("pjdfstest.toml");
    fs::write(&config, format!("{FEATURES}{users}")).expect("the sandbox can be written");
    let [mounted, native] = twin.both(|command| {
        command.arg("pjdfstest").arg("-c").arg(&config).arg("-p").arg(twin.sandbox.tree());
        if !full() {
            command.args(SAMPLE);
        }
    });
    compare(&results(&mounted.out()), &results(&native.out()), "ok", EXCEPTIONS);
}
