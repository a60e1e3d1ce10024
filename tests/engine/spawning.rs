//! Making processes and replacing their programs.

use std::ffi::OsString;

use crate::bench::{Bench, Way, guarded, same, same_in};
use crate::kit::{have, root, skipped};

#[test]
fn c_054_exec_from_a_non_leader_thread() {
    same("spawning", &["exec_thread"]);
}

#[test]
fn c_054_exec_from_a_non_leader_thread_fifty_times() {
    same("spawning", &["exec_thread", "50"]);
}

#[test]
fn c_054_exec_from_a_thread_that_outlives_the_leader() {
    same("spawning", &["exec_leaderless"]);
}

#[test]
fn c_056_exec_that_fails_leaves_everything_as_it_was() {
    same("spawning", &["exec_fails"]);
}

#[test]
fn c_051_vfork_then_exec_or_exit() {
    same("spawning", &["vforks"]);
}

#[test]
fn c_051_a_child_that_shares_memory_and_is_no_thread() {
    same("spawning", &["shares_memory"]);
}

#[test]
fn c_052_posix_spawn_with_file_actions() {
    same("spawning", &["spawns"]);
}

/// The parent shares its memory with each child until that executes.
#[test]
fn c_052_programs_spawned_through_a_mount_leave_nothing_in_their_parent() {
    same("spawning", &["many_spawns"]);
}

fn child_calls(trace: &str) -> usize {
    trace.matches("the-child-was-here").count()
}

#[test]
fn c_049_a_child_that_asks_not_to_be_traced_is_traced() {
    let Some(bench) = Bench::new("spawning") else { return };
    for way in [Way::Traced, Way::Both] {
        let ran = bench.run(way, &["untraced"]);
        assert!(ran.out().starts_with("clone: exited 21\nclone3: exited 21\n"), "{ran}");
        assert_eq!(child_calls(&bench.trace()), 2, "{}", bench.trace());
    }
}

#[test]
fn c_036_the_arguments_of_clone3_are_not_changed() {
    same("spawning", &["untraced"]);
}

#[test]
fn c_036_the_arguments_of_clone3_may_be_out_of_reach() {
    same("spawning", &["read_only_arguments"]);
}

#[test]
fn c_050_arguments_that_clone3_refuses() {
    same("spawning", &["refused"]);
}

/// Natively and under vrift the child of the root's parent is somebody else's to wait for.
#[test]
fn c_073_a_child_of_ones_parent() {
    same("spawning", &["clone_parent"]);
}

#[test]
fn c_006_orphans_outlive_the_root() {
    same("spawning", &["orphans"]);
}

#[test]
fn c_006_a_parent_killed_as_soon_as_it_has_forked() {
    same_in(&[Way::Traced], "spawning", &["killed_parent", "200"]);
}

/// A clone that failed announces nobody, so nobody may wait for its child.
#[test]
fn c_006_a_parent_killed_while_another_task_has_failed_to_clone() {
    same_in(&[Way::Traced], "spawning", &["killed_parent", "200", "failed before"]);
}

/// The child's current directory is in the mount, but its parent cannot announce that any more.
#[test]
fn c_006_an_orphan_from_birth_knows_its_directory() {
    same_in(&[Way::Mounted], "spawning", &["killed_parent", "1000"]);
}

/// `VRIFT_FULL=1` makes it ten thousand.
#[test]
fn c_018_two_thousand_short_processes() {
    let full = std::env::var_os("VRIFT_FULL").is_some();
    same("spawning", &["brief", if full { "10000" } else { "2000" }]);
}

#[test]
fn c_009_a_process_id_that_is_used_again_and_again() {
    if !root() {
        return skipped("only root can make a pid namespace in which it chooses ids");
    }
    let Some(bench) = Bench::new("spawning") else { return };
    if !have("unshare") {
        return;
    }
    let in_namespace = |way| {
        let inner = bench.guest_command(way, &["reuse"]);
        let mut words: Vec<OsString> =
            ["unshare", "--pid", "--fork", "--mount-proc"].map(OsString::from).to_vec();
        words.push(inner.get_program().to_owned());
        words.extend(inner.get_args().map(OsString::from));
        guarded(&mut bench.sandbox.natively(&words))
    };
    let native = in_namespace(Way::Native);
    if native.out() != "the same ids, 200 fine\n" {
        return skipped(&format!("ids cannot be chosen here: {native}"));
    }
    for way in Way::VRIFT {
        let ran = in_namespace(way);
        assert_eq!(ran, native, "{way:?}: {ran}");
        bench.is_clean();
    }
}
