//! `vrift audit verify`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use vrift_audit::Act;
use vrift_cas::{Digest, Store};

use crate::kit::{Sandbox, python, run};
use crate::recorded::{recorded, recorded_with, script, verify};

#[test]
fn a_whole_record_of_unchanged_files_is_fine() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("in"), "in").unwrap();
    let recorded = script(&sandbox, "cat in > out; echo x > gone; rm gone");
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(said.contains("whole") && !said.contains("changed"), "{said}");
    let said = run(verify(&sandbox, &recorded.path).arg("--json")).fine();
    assert!(said.contains("\"whole\":true") && said.contains("\"differ\":[]"), "{said}");
}

#[test]
fn files_that_are_not_as_recorded_are_named() {
    let sandbox = Sandbox::new();
    for name in ["in", "away"] {
        fs::write(sandbox.path(name), "before").unwrap();
    }
    let recorded = script(&sandbox, "cat in away > out; echo 1 > kept");
    fs::write(sandbox.path("in"), "after").unwrap();
    fs::write(sandbox.path("out"), "after").unwrap();
    fs::remove_file(sandbox.path("away")).unwrap();
    let ran = run(&mut verify(&sandbox, &recorded.path));
    assert_eq!(ran.code(), Some(1), "{ran}");
    let at = |word: &str, name: &str| format!("{word}: {}\n", sandbox.path(name).display());
    for line in [at("changed", "in"), at("changed", "out"), at("gone", "away")] {
        assert!(ran.out().contains(&line), "{line}{ran}");
    }
    assert!(!ran.out().contains(&at("changed", "kept")), "{ran}");
}

/// The kernel spells line ends otherwise where it lists what a program has mapped.
#[test]
fn programs_whose_paths_have_line_ends_are_found_again() {
    let sandbox = Sandbox::new();
    for directory in ["line\nend", "line\\012end"] {
        fs::create_dir(sandbox.path(directory)).unwrap();
        fs::copy("/bin/true", sandbox.path(directory).join("program")).unwrap();
    }
    let recorded = script(&sandbox, "'./line\nend/program'; './line\\012end/program'");
    let loads = recorded.accesses().filter(|access| access.path.to_string().contains("program"));
    let loads: Vec<_> = loads.map(|access| (access.act, access.version.is_some())).collect();
    assert_eq!(loads, [(Act::Execute, true), (Act::Execute, true)]);
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(said.contains("whole") && !said.contains("gone"), "{said}");
}

/// Memory that was executed is nowhere; it belongs to the run, and is none of what the run needed.
#[test]
fn memory_that_was_executed_is_not_looked_for() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os, shutil
memory = os.memfd_create('m')
os.write(memory, open(shutil.which('true'), 'rb').read())
os.execve(memory, ['true'], {})
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(!said.contains("memfd"), "{said}");
    let report =
        sandbox.vrift(["audit", "report", "--format", "json"]).arg(&recorded.path).output();
    let report: serde_json::Value = serde_json::from_slice(&report.unwrap().stdout).unwrap();
    let is_memory = |file: &&serde_json::Value| file["path"]["text"] == "/memfd:m (deleted)";
    let memory = report["files"].as_array().unwrap().iter().find(is_memory).unwrap();
    assert_eq!(memory["roles"], serde_json::json!(["code", "temporary"]), "{memory}");
}

/// By the time of a verification anything may be there: what would be waited for, or never ends.
#[test]
fn what_is_no_file_any_more_is_changed() {
    let sandbox = Sandbox::new();
    for name in ["fifo", "directory", "device"] {
        fs::write(sandbox.path(name), "before").unwrap();
    }
    fs::create_dir(sandbox.path("above")).unwrap();
    fs::write(sandbox.path("above/below"), "before").unwrap();
    let recorded = script(&sandbox, "cat fifo directory device above/below > /dev/null");
    for name in ["fifo", "directory", "device"] {
        fs::remove_file(sandbox.path(name)).unwrap();
    }
    fs::remove_dir_all(sandbox.path("above")).unwrap();
    fs::write(sandbox.path("above"), "a file").unwrap();
    let made = "mkfifo fifo; mkdir directory; ln -s /dev/zero device";
    run(sandbox.command("sh").args(["-c", made])).fine();
    let mut verify = sandbox.command("timeout");
    verify.args(["20", env!("CARGO_BIN_EXE_vrift"), "audit", "verify"]).arg(&recorded.path);
    let ran = run(&mut verify);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let said = ran.out();
    let at = |word: &str, name: &str| format!("{word}: {}\n", sandbox.path(name).display());
    for line in ["fifo", "directory", "device"].map(|name| at("changed", name)) {
        assert!(said.contains(&line), "{line}{ran}");
    }
    assert!(said.contains(&at("gone", "above/below")), "{ran}");
}

/// The run itself has moved it away; what is not under the name of such a directory is missed as ever.
#[test]
fn what_was_moved_away_with_its_directory_is_not_missed() {
    let sandbox = Sandbox::new();
    for directory in ["moved", "back", "kept"] {
        fs::create_dir(sandbox.path(directory)).unwrap();
        fs::write(sandbox.path(directory).join("read"), directory).unwrap();
    }
    let commands = "cat moved/read back/read kept/read > /dev/null
        mv moved moved2; mv back away; mv away back";
    let recorded = script(&sandbox, commands);
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    let line = |word: &str, name: &str| format!("{word}: {}\n", sandbox.path(name).display());
    assert!(said.starts_with(&line("not kept", "moved/read")), "{said}");
    fs::remove_dir_all(sandbox.path("back")).unwrap();
    fs::remove_dir_all(sandbox.path("kept")).unwrap();
    let ran = run(&mut verify(&sandbox, &recorded.path));
    assert_eq!(ran.code(), Some(1), "{ran}");
    let gone = ["back/read", "kept/read"].map(|name| line("gone", name)).concat();
    assert!(ran.out().starts_with(&(gone + &line("not kept", "moved/read"))), "{ran}");
}

/// What came from the store is looked for there, and hashed.
#[test]
fn blobs_that_are_damaged_or_missing_are_named() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).unwrap();
    for name in ["whole", "flipped", "missing"] {
        fs::write(sandbox.tree().join(name), name).unwrap();
    }
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let (manifest, tree) = (manifest.to_str().unwrap(), sandbox.tree());
    let mount = ["--read-only", "--manifest", manifest, "--prefix", tree.to_str().unwrap()];
    let script = "cd \"$0\"; cat whole flipped missing > /dev/null";
    let words = ["sh", "-ec", script, tree.to_str().unwrap()];
    let recorded = recorded_with(&sandbox, &mount, &words);
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(said.contains("whole") && !said.contains("changed"), "{said}");
    let store = Store::open(sandbox.store()).unwrap();
    let blob = |content: &str| store.path_of(&Digest::of(content.as_bytes()));
    fs::remove_file(blob("missing")).unwrap();
    fs::remove_file(blob("flipped")).unwrap();
    fs::write(blob("flipped"), "flopped").unwrap();
    let ran = run(&mut verify(&sandbox, &recorded.path));
    assert_eq!(ran.code(), Some(1), "{ran}");
    let lines: Vec<_> = ran.out().lines().take(2).map(str::to_owned).collect();
    let line = |word, name| format!("{word}: blob of {}", tree.join(name).display());
    assert_eq!(lines, [line("changed", "flipped"), line("gone", "missing")], "{ran}");
    assert!(ran.out().contains(", 1 changed, 1 gone\n"), "{ran}");
}

#[test]
fn damage_is_found_and_named() {
    let sandbox = Sandbox::new();
    let recorded = script(&sandbox, "for n in $(seq 3000); do test -e missing$n || :; done");
    let bytes = fs::read(&recorded.path).unwrap();
    let said_of = |bytes: &[u8]| {
        fs::write(&recorded.path, bytes).unwrap();
        let ran = run(&mut verify(&sandbox, &recorded.path));
        assert_eq!(ran.code(), Some(1), "{ran}");
        // Calls that would not comply may be behind the damage.
        let compliance = run(sandbox.vrift(["audit", "compliance"]).arg(&recorded.path));
        assert_eq!(compliance.code(), Some(1), "{compliance}");
        ran.err()
    };
    run(sandbox.vrift(["audit", "compliance"]).arg(&recorded.path)).fine();
    let mut flipped = bytes.clone();
    let last = bytes.len() - 3;
    flipped[last] ^= 0x10;
    let said = said_of(&flipped);
    assert!(said.contains("is not as it was written"), "{said}");
    let said = said_of(&bytes[..last]);
    assert!(said.contains("the file ends within frame"), "{said}");
    // Without the frame after the header.
    let length =
        |at: usize| 72 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (first, second) = (16 + length(16), 16 + length(16) + length(16 + length(16)));
    assert!(second < bytes.len(), "there is a frame behind the one that is left out");
    let said = said_of(&[&bytes[..first], &bytes[second..]].concat());
    assert!(said.contains("frame 1 is missing"), "{said}");
    fs::write(&recorded.path, b"anything").unwrap();
    run(&mut verify(&sandbox, &recorded.path)).vrift_failed();
}

/// The record grows while the command runs.
#[test]
fn a_command_may_read_its_own_record() {
    let sandbox = Sandbox::new();
    let more = "for n in $(seq 3000); do test -e missing$n || :; done";
    for name in ["rec", "second"] {
        let lines = format!("ln -f rec second; cat {name} > copy; {more}; cat {name} > copy");
        let recorded = script(&sandbox, &lines);
        assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
        let read = recorded.paths(&[Act::Read]);
        assert!(read.contains(&sandbox.path(name).display().to_string()), "{read:?}");
        let said = run(&mut verify(&sandbox, &recorded.path)).fine();
        assert!(!said.contains(&format!("{}\n", recorded.path.display())), "{said}");
    }
}

#[test]
fn a_record_that_the_command_removes_is_missed() {
    let sandbox = Sandbox::new();
    let said = |script: &str| {
        let mut vrift = sandbox.vrift(["audit", "-o"]);
        let ran = run(vrift.arg(sandbox.path("rec")).args(["--", "sh", "-c", script]));
        assert!(ran.status.success(), "{ran}");
        ran.err()
    };
    assert_eq!(said("cat rec > copy"), "");
    for script in ["rm rec", "mv rec moved", "cp rec new; mv new rec"] {
        let expected = "vrift: the command has removed the record ";
        let said = said(script);
        assert!(said.starts_with(expected) && said.contains("/rec"), "{said}");
    }
}

/// A record tells words, variables and what was read, whatever it replaces.
#[test]
fn only_its_owner_may_read_a_record_that_replaces_a_file() {
    let sandbox = Sandbox::new();
    let record = sandbox.path("rec");
    fs::write(&record, "x".repeat(1 << 16)).expect("the sandbox is ours");
    fs::set_permissions(&record, Permissions::from_mode(0o644)).expect("it is ours");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    run(vrift.arg(&record).args(["--", "true"])).fine();
    assert_eq!(fs::metadata(&record).expect("it is there").permissions().mode() & 0o777, 0o600);
    run(&mut verify(&sandbox, &record)).fine();
    run(sandbox.vrift(["audit", "-o", "/dev/null"]).args(["--", "true"])).fine();
}
