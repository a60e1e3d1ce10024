//! Several tasks of a tracee against each other, and against vrift.

use crate::bench::same;

/// What vrift has read of a path is what the kernel gets, whoever writes there meanwhile.
#[test]
fn c_035_another_thread_changes_the_path_of_a_call() {
    same("races", &["flip"]);
}

/// The kernel tells of the tasks that were traced first again and again.
#[test]
fn c_007_tasks_that_never_pause_starve_nobody() {
    same("races", &["busy"]);
}

#[test]
fn c_053_what_tasks_share_and_stop_sharing() {
    same("sharing", &["shares"]);
}
