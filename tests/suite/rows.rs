//! Every system call that takes a path or a descriptor, made on those of a mount: `fixtures/guests/rows.txt`
//! lists the calls, and a program makes them in a directory of a mount and in a real one. Their results
//! and what they leave behind must be equal, but for the differences that are listed here and explained in
//! `docs/kernel-notes.md`.
//!
//! **Invariant:** a row of `vrift-arch` that takes a path or a descriptor and is not in the script fails
//! this test.
//!
//! Deliberately absent: every shape of arguments (`guests.rs` and the generated calls have them), and calls
//! that only 32-bit programs have (`tests/engine/narrow.rs`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use vrift_arch::aarch64::Aarch64;
use vrift_arch::syscall::{Classes, Kind};
use vrift_arch::x86_64::X86_64;
use vrift_arch::{Arch, Native, Policy, Syscall};

use crate::kit::{Sandbox, fixture, root, run, skipped};

/// How calls end in a mount that end otherwise on a real directory.
struct Difference {
    /// Their names; of a call with several meanings also the arguments that differ, behind a `…`.
    calls: &'static [&'static str],
    mounted: &'static str,
}

impl Difference {
    fn covers(&self, line: &str) -> bool {
        self.calls.iter().any(|call| match call.split_once(" … ") {
            None => name(line) == *call,
            Some((call, args)) => name(line) == call && line.contains(&format!(" {args} ->")),
        })
    }
}

/// In every mount.
const REFUSED: &[Difference] = &[
    Difference {
        calls: &[
            "ptrace",
            "pivot_root",
            "chroot",
            "acct",
            "mount",
            "umount2",
            "swapon",
            "swapoff",
            "quotactl",
            "open_by_handle_at",
            "setns",
            "process_vm_writev",
            "open_tree",
            "move_mount",
            "fsopen",
            "fsconfig",
            "fsmount",
            "fspick",
            "mount_setattr",
            "quotactl_fd",
            "open_tree_attr",
        ],
        mounted: "EPERM",
    },
    Difference {
        calls: &[
            "io_uring_setup",
            "io_uring_enter",
            "io_uring_register",
            "statmount",
            "listmount",
            "fanotify_mark",
            "inotify_add_watch … 0xfff",
        ],
        mounted: "ENOSYS",
    },
    Difference {
        calls: &[
            "landlock_create_ruleset",
            "landlock_add_rule",
            "landlock_restrict_self",
            "name_to_handle_at",
            "file_getattr",
        ],
        mounted: "EOPNOTSUPP",
    },
    Difference { calls: &["bpf"], mounted: "ENOENT" },
    Difference { calls: &["fcntl … 1026 2"], mounted: "EINVAL" },
];

/// In mounts that can be written to.
const UNWRITTEN: &[Difference] = &[
    Difference { calls: &["file_setattr", "ioctl … 0x40086602 zero"], mounted: "EOPNOTSUPP" },
    Difference { calls: &["inotify_add_watch"], mounted: "ENOSYS" },
];

/// Whether a call is to be shown: it names a file, takes a descriptor, makes one, or is refused.
fn concerns(call: Syscall) -> bool {
    let row = call.row();
    let names = |kind: &Kind| matches!(kind, Kind::Path | Kind::Fd | Kind::DirFd);
    row.args.iter().any(names)
        || row.classes.meets(Classes::FILE.and(Classes::DESC))
        || matches!(row.policy, Policy::Refuse(_))
}

/// The calls of the script.
fn listed() -> Vec<String> {
    let script = fs::read_to_string(fixture("guests/rows.txt")).expect("the script");
    script.lines().map(str::to_owned).collect()
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn c_146_every_call_with_a_path_or_descriptor_is_shown() {
    let listed = listed();
    let listed: BTreeSet<&str> = listed.iter().map(|line| name(line)).collect();
    let wanted = X86_64::table().iter().chain(Aarch64::table()).map(|&(_, call)| call);
    let wanted: BTreeSet<&str> = wanted.filter(|&call| concerns(call)).map(Syscall::name).collect();
    let missing: Vec<_> = wanted.difference(&listed).collect();
    assert!(missing.is_empty(), "rows.txt does not make these calls: {missing:?}");
    assert!(wanted.len() > 150, "only {} calls", wanted.len());
}

/// A tree with a directory for every call, and the program that makes them.
struct Stage {
    sandbox: Sandbox,
    guest: PathBuf,
    script: PathBuf,
}

impl Stage {
    /// `None` without a compiler.
    fn new() -> Option<Stage> {
        let sandbox = Sandbox::new();
        let guest = sandbox.guest("rows")?;
        fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
        let script = sandbox.path("script");
        let numbered: String = listed().iter().filter_map(|line| numbered(line)).collect();
        fs::write(&script, numbered).expect("the sandbox is ours");
        let stage = Stage { sandbox, guest, script };
        let made = run(&mut stage.sandbox.natively(&stage.words("make")));
        assert_eq!(made.fine(), "");
        stage.sandbox.ingest(&stage.sandbox.tree());
        Some(stage)
    }

    fn words(&self, mode: &str) -> [PathBuf; 4] {
        [self.guest.clone(), mode.into(), self.sandbox.tree(), self.script.clone()]
    }

    /// Runs natively in a mount namespace of its own, for what calls of root might mount, and with
    /// the tree as `prepare` leaves it.
    fn natively(&self, prepare: &str, mode: &str) -> String {
        let script = format!("{prepare} exec \"$@\"");
        let mut words: Vec<PathBuf> = Vec::new();
        if root() {
            words.extend(["unshare", "--mount"].map(PathBuf::from));
        }
        words.extend(["sh".into(), "-c".into(), script.clone().into(), "sh".into()]);
        words.extend(self.words(mode));
        run(self.sandbox.natively(&words).env("T", self.sandbox.tree())).fine()
    }
}

/// A line of the script with the number of its call; `None` if this architecture has no such call.
fn numbered(line: &str) -> Option<String> {
    let call = Syscall::from_name(name(line)).unwrap_or_else(|| panic!("no such call: {line}"));
    Some(format!("{} {line}\n", Native::number(call)?))
}

/// Wants equal lines, but for the differences, of which none may be out of date.
#[track_caller]
fn compare(native: &str, mounted: &str, differences: &[&[Difference]]) {
    let differences: Vec<&Difference> = differences.iter().copied().flatten().collect();
    let mut met = vec![false; differences.len()];
    let mut report = String::new();
    let (real, seen) = (blocks(native), blocks(mounted));
    assert_eq!(real.len(), seen.len(), "{mounted}");
    for (real, seen) in real.iter().zip(&seen) {
        let mut undone = false;
        for at in 0..real.len().max(seen.len()) {
            let line = |block: &[&str]| block.get(at).copied().unwrap_or("(none)").to_owned();
            let (real, seen) = (line(real), line(seen));
            let ending = seen.rsplit_once(" -> ").map(|(_, ending)| ending);
            let is_known =
                |known: &&Difference| known.covers(&seen) && ending == Some(known.mounted);
            if real == seen {
                continue;
            }
            if let Some(known) = differences.iter().position(is_known) {
                met[known] = true;
                undone |= real.ends_with(" -> ok");
            } else if !(undone && ending.is_none()) {
                // What a refused call has not done is not seen in its directory.
                let _ = writeln!(report, "- {real}\n+ {seen}");
            }
        }
    }
    assert!(report.is_empty(), "the mount differs from the real directory\n{report}");
    assert!(native.lines().count() > 1000, "the guest said little: {native}");
    // Another user may less by itself, and so differs in less.
    if root() {
        let stale = differences.iter().zip(met).filter(|(_, met)| !met);
        let stale: Vec<_> = stale.map(|(known, _)| known.calls).collect();
        assert!(stale.is_empty(), "these calls do not differ any more: {stale:?}");
    }
}

/// The lines of each row.
fn blocks(said: &str) -> Vec<Vec<&str>> {
    said.split("row ").skip(1).map(|block| block.lines().collect()).collect()
}

#[test]
fn c_146_calls_on_paths_and_descriptors_of_a_read_only_mount() {
    if !root() {
        return skipped("only root can mount the oracle");
    }
    let Some(stage) = Stage::new() else { return };
    stage.sandbox.move_away();
    fs::create_dir(stage.sandbox.tree()).expect("it was moved away");
    // Some calls ask whether the file system can be written to, not the mount.
    let prepare = "mount -t tmpfs -o mode=755 tmpfs \"$T\" && cp -a \"$T.away/.\" \"$T\" && \
                   mount -o remount,ro \"$T\"";
    let mut probe = stage.sandbox.natively(&["unshare", "--mount", "sh", "-c", prepare]);
    if !run(probe.env("T", stage.sandbox.tree())).status.success() {
        return skipped("this machine lets nobody mount");
    }
    let native = stage.natively(&format!("{prepare} &&"), "run");
    let mounted = run(&mut stage.sandbox.in_mount(&stage.words("run"))).fine();
    compare(&native, &mounted, &[REFUSED]);
}

#[test]
fn c_146_calls_on_paths_and_descriptors_of_a_writable_mount() {
    let Some(stage) = Stage::new() else { return };
    let native = stage.natively("", "write");
    let mut vrift = stage.sandbox.vrift(["run", "--discard", "--manifest"]);
    vrift.arg(stage.sandbox.path("tree.vrift")).arg("--prefix").arg(stage.sandbox.tree());
    let mounted = run(vrift.arg("--").args(stage.words("write"))).fine();
    compare(&native, &mounted, &[REFUSED, UNWRITTEN]);
}

/// What differs is explained.
#[test]
fn differences_are_in_the_kernel_notes() {
    let notes = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kernel-notes.md");
    let notes = fs::read_to_string(notes).expect("the notes");
    let all = REFUSED.iter().chain(UNWRITTEN).flat_map(|difference| difference.calls);
    let all = all.map(|call| call.split(' ').next().unwrap_or_default());
    let silent: Vec<_> = all.filter(|call| !notes.contains(&format!("`{call}`"))).collect();
    assert!(silent.is_empty(), "docs/kernel-notes.md says nothing of {silent:?}");
}
