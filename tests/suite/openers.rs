//! Descriptors that were opened to read before somebody opens the same file to write, and locks through
//! them: in a mount and in an overlay as on a real directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::kit::{Sandbox, as_nobody, fixture, have, line_difference, open_up, root, run, skipped};

fn plant(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    open_up(&tree);
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("d")).expect("the sandbox can be written");
    for file in ["a", "b", "same", "d/f"] {
        fs::write(tree.join(file), "0123456789").expect("a file");
    }
    if root() {
        let all = run(sandbox.command("chown").args(["-hR", "65534:65534"]).arg(&tree));
        assert!(all.status.success(), "{all}");
    }
}

/// Runs a part of the guest in a mount, in an overlay and on a real directory, behind the words `before`.
#[track_caller]
fn same(part: &str, before: &[&str]) {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("openers") else { return };
    same_by(&sandbox, &guest, part, before);
}

#[track_caller]
fn same_by(sandbox: &Sandbox, guest: &Path, part: &str, before: &[&str]) {
    let tree = sandbox.tree();
    plant(sandbox);
    sandbox.ingest(&tree);
    let words = |mut command: Command| {
        let ran = run(command.args(before).arg(guest).arg(&tree).arg(part));
        assert!(!ran.stdout.is_empty() && !ran.out().contains("GUEST FAILED"), "{ran}");
        ran
    };
    let mut mount = sandbox.vrift(["run", "--discard", "--manifest"]);
    mount.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(&tree).arg("--");
    let mut overlay = sandbox.vrift(["run", "--discard", "--overlay"]);
    overlay.arg(&tree).arg("--");
    let (mount, overlay) = (words(mount), words(overlay));
    let native = words(sandbox.command("env")).out();
    for (what, ran) in [("mount", mount), ("overlay", overlay)] {
        let seen = ran.out();
        assert_eq!(native, seen, "{what}: {}\n{ran}", line_difference(&native, &seen));
        assert!(ran.stderr.is_empty(), "{ran}");
    }
}

/// The same by root, if the tests are run by root, and by somebody without privilege.
#[track_caller]
fn same_for_all(part: &str) {
    same(part, &[]);
    as_nobody(|nobody| same(part, nobody));
}

#[test]
fn c_100_who_reads_sees_what_the_same_process_writes() {
    same_for_all("alone");
}

#[test]
fn c_100_who_waits_sees_what_another_process_has_written() {
    same_for_all("family");
}

#[test]
fn c_100_threads_see_what_is_written() {
    same_for_all("threads");
}

#[test]
fn c_100_a_descriptor_on_its_way_arrives_with_what_was_written() {
    same_for_all("sent");
}

#[test]
fn c_100_locks_hold_for_who_opens_to_write_later() {
    same_for_all("locks");
}

#[test]
fn c_117_files_of_equal_content_and_directories_have_a_lock_each() {
    same_for_all("apart");
}

#[test]
fn c_100_programs_of_32_bits_see_what_is_written() {
    let sandbox = Sandbox::new();
    let guest = sandbox.path("openers32");
    let mut cc = sandbox.command("cc");
    cc.args(["-m32", "-D_FILE_OFFSET_BITS=64", "-pthread", "-o"]).arg(&guest);
    if !have("cc") || !run(cc.arg(fixture("guests/openers.c"))).status.success() {
        return skipped("there is no compiler for 32-bit programs");
    }
    for part in ["alone", "family", "locks"] {
        same_by(&sandbox, &guest, part, &[]);
    }
}

/// It could be killed for a call that it does not expect to make.
#[test]
fn c_100_a_program_with_its_own_filter_keeps_what_it_has_open() {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("openers") else { return };
    plant(&sandbox);
    let mut vrift = sandbox.vrift(["run", "--discard", "--overlay"]);
    let ran =
        run(vrift.arg(sandbox.tree()).arg("--").arg(guest).arg(sandbox.tree()).arg("filtered"));
    let lines = "before: 10 '0123456789', position 0\nafter: 10 'WRITTEN789', position 0\n";
    assert_eq!(ran.out(), lines, "{ran}");
    assert!(ran.err().contains("goes on reading what it was before"), "{ran}");
}

/// Some of them are killed, stopped and continued on the way.
#[test]
fn c_100_a_crowd_of_readers_sees_what_is_written() {
    const FILES: usize = 60;
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("crowd") else { return };
    fs::create_dir(sandbox.tree()).expect("the sandbox can be written");
    for file in 0..FILES {
        let content = format!("{:06}\n{file}\n", 0);
        fs::write(sandbox.tree().join(format!("f{file}")), content).expect("a file");
    }
    sandbox.ingest(&sandbox.tree());
    let mut mount = sandbox.vrift(["run", "--discard", "--manifest"]);
    mount.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree()).arg("--");
    let mut overlay = sandbox.vrift(["run", "--discard", "--overlay"]);
    overlay.arg(sandbox.tree()).arg("--");
    // Natively last: it is the one that changes the files.
    for mut command in [mount, overlay, sandbox.command("env")] {
        let ran = run(command.arg(&guest).arg(sandbox.tree()).arg(FILES.to_string()));
        assert_eq!(ran.out(), "0 reads are wrong, 0 processes\n", "{ran}");
    }
}
