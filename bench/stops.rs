//! How many stops a program takes under vrift.

use std::fs;

use super::kit::{self, Sandbox};
use super::lab::{self, Load, Way};
use super::requests;

/// The stops of a program in an empty directory; `None` if strace cannot tell.
pub(crate) fn of(sandbox: &Sandbox, vrift: &Way, load: &Load) -> Option<usize> {
    if !lab::installed(sandbox, "strace") {
        return None;
    }
    let (made, log) = (sandbox.path("tmp"), sandbox.path("requests"));
    fs::remove_dir_all(&made).and_then(|()| fs::create_dir(&made)).expect("it is ours");
    let words: Vec<_> = vrift.before.iter().chain(&load.command).collect();
    let ran = kit::run(requests::under_strace(sandbox, &log, &words).current_dir(&made));
    if ran.status.success() { requests::stops_in(&log) } else { None }
}
