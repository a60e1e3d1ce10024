//! Files that are written in a mount: what was read of them, and what was left.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use vrift_audit::{Access, Act, Content, Left, Origin, Verdict, What};
use vrift_cas::Digest;

use crate::digests::{MAPPED, mapped, rewriting};
use crate::kit::{Sandbox, python, run};
use crate::recorded::{Recorded, recorded_with, verify};

/// What a run left at a path of the tree, by its name there.
type Remains = BTreeMap<String, String>;

/// A tree with some files in it.
fn plant(sandbox: &Sandbox) {
    fs::create_dir(sandbox.tree()).expect("the sandbox is ours");
    for name in ["in", "changed", "renamed", "removed", "mode", "apart"] {
        fs::write(sandbox.tree().join(name), format!("content of {name}\n"))
            .expect("the sandbox is ours");
    }
    fs::hard_link(sandbox.tree().join("apart"), sandbox.tree().join("linked"))
        .expect("the sandbox is ours");
}

/// Runs a program in a mount of that tree.
fn in_manifest(sandbox: &Sandbox, options: &[&str], words: &[&str]) -> Recorded {
    plant(sandbox);
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let (manifest, tree) = (manifest.to_str().expect("a plain path"), sandbox.tree());
    let mount = ["--manifest", manifest, "--prefix", tree.to_str().expect("a plain path")];
    entered(sandbox, &[&mount, options].concat(), words)
}

/// The same in an overlay.
fn in_overlay(sandbox: &Sandbox, options: &[&str], words: &[&str]) -> Recorded {
    plant(sandbox);
    let tree = sandbox.tree();
    let mount = ["--overlay", tree.to_str().expect("a plain path")];
    entered(sandbox, &[&mount, options].concat(), words)
}

fn entered(sandbox: &Sandbox, options: &[&str], words: &[&str]) -> Recorded {
    let tree = sandbox.tree();
    let script = ["sh", "-c", "cd \"$0\"; exec \"$@\"", tree.to_str().expect("a plain path")];
    let recorded = recorded_with(sandbox, options, &[&script, words].concat());
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let of_session = |line: &str| line.starts_with("vrift: ") && line.contains("session ");
    assert!(recorded.ran.err().lines().all(of_session), "{}", recorded.ran);
    recorded
}

fn name_in(sandbox: &Sandbox, path: &std::path::Path) -> Option<String> {
    Some(path.strip_prefix(sandbox.tree()).ok()?.to_str()?.to_owned())
}

/// What the record says was left of the tree.
fn told(sandbox: &Sandbox, recorded: &Recorded) -> Remains {
    let mut remains = Remains::new();
    for (path, file) in &recorded.model.files {
        let (Some(name), Some(left)) = (name_in(sandbox, path.as_path()), file.left) else {
            continue;
        };
        let state = match left {
            Left::Gone => "gone".to_owned(),
            Left::Other => "other".to_owned(),
            Left::File(version) => match recorded.model.content(version) {
                Some(Content::Whole(digest)) => digest.to_string(),
                other => format!("{other:?}"),
            },
        };
        remains.insert(name, state);
    }
    remains
}

/// What is at the paths that the record tells of, in a directory that has the outcome.
fn found(told: &Remains, outcome: &std::path::Path) -> Remains {
    let state = |name: &String| {
        let path = outcome.join(name);
        match path.symlink_metadata() {
            Err(_) => "gone".to_owned(),
            Ok(meta) if meta.is_file() => {
                Digest::of(&fs::read(path).expect("the sandbox is ours")).to_string()
            }
            Ok(_) => "other".to_owned(),
        }
    };
    told.keys().map(|name| (name.clone(), state(name))).collect()
}

/// In some files of `/proc` mounts are told of, so others are opened instead.
#[test]
fn files_of_proc_that_tell_of_mounts_are_told_by_their_own_paths() {
    let script = "read x < /proc/self/maps; read x < /proc/self/mountinfo; read x < /proc/$$/mounts
        exec 3< /proc/self/task/$$/smaps; : < /proc/self/fd/3; : < /proc/version; echo $$";
    for inside in [in_manifest, in_overlay] {
        let sandbox = Sandbox::new();
        let recorded = inside(&sandbox, &["--discard"], &["sh", "-c", script]);
        let process = recorded.ran.out().trim().to_owned();
        let expected = ["maps", "mountinfo", "mounts", "task/PID/smaps"]
            .map(|name| format!("/proc/PID/{name}").replace("PID", &process));
        let read = recorded.paths(&[Act::Read]);
        let of_process = |path: &&String| path.starts_with(&format!("/proc/{process}/"));
        assert!(read.iter().filter(of_process).eq(&expected), "{read:?}");
        let store = sandbox.store().display().to_string();
        assert!(!read.iter().any(|path| path.starts_with(&store)), "{read:?}");
        let verified = run(&mut verify(&sandbox, &recorded.path));
        assert!(verified.status.success(), "{verified}");
    }
}

const CHANGES: &str = "
echo made > made
echo old > over; echo older > again; mv again over
echo more >> changed
mv renamed moved
rm removed
chmod 600 mode
echo x >> linked
mkdir dir; echo y > dir/below; mv dir directory
ln -s in link
echo z > passing; rm passing
cp in copy; ln copy second; echo w >> second
cat in made over changed moved > /dev/null";

/// The paths that these change.
const CHANGED: [&str; 17] = [
    "again",
    "changed",
    "copy",
    "dir",
    "dir/below",
    "directory",
    "directory/below",
    "link",
    "linked",
    "made",
    "mode",
    "moved",
    "over",
    "passing",
    "removed",
    "renamed",
    "second",
];

fn export(sandbox: &Sandbox) -> PathBuf {
    let outcome = sandbox.path("outcome");
    run(sandbox.vrift(["session", "export", "s"]).arg(&outcome)).fine();
    outcome
}

#[test]
fn what_is_left_in_a_mount_has_the_digest_of_what_is_exported() {
    let sandbox = Sandbox::new();
    let recorded = in_manifest(&sandbox, &["--session", "s"], &["sh", "-ec", CHANGES]);
    let told = told(&sandbox, &recorded);
    let mut expected = CHANGED.to_vec();
    // The same file by its other name.
    expected.push("apart");
    expected.sort();
    assert_eq!(told.keys().collect::<Vec<_>>(), expected);
    assert_eq!(told, found(&told, &export(&sandbox)));
}

#[test]
fn what_is_left_in_an_overlay_has_the_digest_of_what_is_exported() {
    let sandbox = Sandbox::new();
    let recorded = in_overlay(&sandbox, &["--session", "s"], &["sh", "-ec", CHANGES]);
    let told = told(&sandbox, &recorded);
    assert_eq!(told.keys().collect::<Vec<_>>(), CHANGED);
    assert_eq!(told, found(&told, &export(&sandbox)));
    assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
}

/// The same without any mount.
#[test]
fn what_is_left_on_the_host_has_the_digest_of_what_is_there() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let recorded = entered(&sandbox, &[], &["sh", "-ec", CHANGES]);
    let told = told(&sandbox, &recorded);
    assert_eq!(told.keys().collect::<Vec<_>>(), CHANGED);
    assert_eq!(told, found(&told, &sandbox.tree()));
}

/// What is read in an overlay is the host's file until it is written to.
#[test]
fn what_is_read_in_an_overlay_is_told_with_its_digest() {
    let sandbox = Sandbox::new();
    let script = "cat in changed > /dev/null; echo new > changed; cat changed > /dev/null";
    let recorded = in_overlay(&sandbox, &["--discard"], &["sh", "-ec", script]);
    let read = |name: &str| recorded.read(&sandbox.tree().join(name));
    assert_eq!(read("in"), [Digest::of(b"content of in\n")]);
    let both = [&b"content of changed\n"[..], b"new\n"].map(Digest::of);
    assert_eq!(read("changed"), both);
    assert_eq!(fs::read(sandbox.tree().join("changed")).unwrap(), b"content of changed\n");
    let file = |name: &str| {
        let path = sandbox.tree().join(name);
        recorded.model.files[path.as_os_str().as_encoded_bytes()].clone()
    };
    assert!(file("in").is_input() && !file("in").is_output());
    assert!(file("changed").is_input() && file("changed").is_output());
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(said.contains("1 not kept"), "{said}");
    fs::write(sandbox.tree().join("in"), "other").unwrap();
    let ran = run(&mut verify(&sandbox, &recorded.path));
    let line = format!("changed: {}\n", sandbox.tree().join("in").display());
    assert!(ran.code() == Some(1) && ran.out().contains(&line), "{ran}");
}

/// What has only got another name in an overlay is there by that once the session is applied, and not before.
#[test]
fn what_an_overlay_has_by_other_names_need_not_be_there() {
    let sandbox = Sandbox::new();
    let script = "cat in > /dev/null; ln in a; mv renamed b; mv mode changed; mv removed directory";
    let script = format!("mkdir directory; {script}");
    let recorded = in_overlay(&sandbox, &["--session", "s"], &["sh", "-ec", &script]);
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    let not_kept = ["a", "b", "changed", "directory/removed"]
        .map(|name| format!("not kept: {}\n", sandbox.tree().join(name).display()));
    assert!(said.starts_with(&not_kept.concat()) && said.contains(", 4 not kept\n"), "{said}");
    run(sandbox.vrift(["session", "apply", "s"]).arg(sandbox.tree())).fine();
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(!said.contains("not kept"), "{said}");
    fs::write(sandbox.tree().join("in"), "other").expect("the sandbox is ours");
    let ran = run(&mut verify(&sandbox, &recorded.path));
    let line = format!("changed: {}\n", sandbox.tree().join("in").display());
    assert!(ran.code() == Some(1) && ran.out().contains(&line), "{ran}");
}

/// Each time it is opened, and whether its name still leads there or not.
#[test]
fn versions_of_a_file_in_a_mount_are_kept_apart() {
    let Some(python) = python() else { return };
    let (program, expected) = rewriting(100, "os.utime('f', (1, 1))");
    let more = "
big = os.open('big', os.O_CREAT | os.O_RDWR)
os.write(big, b'b' * 3000000)
kept = open('big')
os.truncate('big', 4)
os.unlink('big')
";
    for enter in [in_manifest, in_overlay] {
        let sandbox = Sandbox::new();
        let recorded = enter(&sandbox, &["--discard"], &[python, "-c", &(program.clone() + more)]);
        assert_eq!(recorded.read(&sandbox.tree().join("f")), expected);
        let big = Digest::of(&[b'b'; 3_000_000]);
        assert_eq!(recorded.read(&sandbox.tree().join("big")), [big]);
        assert_eq!(recorded.model.totals.as_ref().unwrap().incomplete, 0);
        let told = &recorded.model.findings;
        assert!(told.is_empty(), "{told:?}");
    }
}

#[test]
fn what_is_written_through_a_mapping_of_a_mount_is_hashed_again() {
    let Some(python) = python() else { return };
    for enter in [in_manifest, in_overlay] {
        let sandbox = Sandbox::new();
        let recorded = enter(&sandbox, &["--discard"], &[python, "-c", MAPPED]);
        let (read, left) = mapped();
        assert_eq!(recorded.read(&sandbox.tree().join("f")), read);
        assert_eq!(told(&sandbox, &recorded)["f"], left.to_string());
    }
}

/// The files below an overlay are the host's, and nobody has declared them; what is changed is not.
#[test]
fn a_policy_holds_for_what_is_read_below_an_overlay() {
    use vrift_audit::Class::{DeniedRead, UndeclaredInput};
    for enforce in [false, true] {
        let sandbox = Sandbox::new();
        plant(&sandbox);
        let policy = sandbox.path("policy");
        let text = "forbid = ['undeclared-input', 'host-write']\n\
                    read = { allow = ['/usr', '/lib*', '/bin', '/etc', '/proc'], deny = ['**/apart'] }";
        fs::write(&policy, text).unwrap();
        let tree = sandbox.tree();
        let mut options = vec!["--discard", "--overlay", tree.to_str().unwrap()];
        options.extend(["--policy", policy.to_str().unwrap()]);
        options.extend(enforce.then_some("--enforce"));
        let script = "cd \"$0\"; cat in; cat apart; echo x > changed; cat changed";
        let words = ["sh", "-c", script, tree.to_str().unwrap()];
        let recorded = recorded_with(&sandbox, &options, &words);
        assert_eq!(recorded.ran.code(), Some(3), "{}", recorded.ran);
        let read = if enforce { "x\n" } else { "content of in\ncontent of apart\nx\n" };
        assert_eq!(recorded.ran.out(), read, "{}", recorded.ran);
        let told: Vec<_> = recorded
            .model
            .findings
            .iter()
            .filter_map(|finding| match finding.what {
                What::Violation { class, .. } => Some((class, finding.subject.to_string())),
                What::Escape { .. } => None,
            })
            .collect();
        let of = |name: &str| tree.join(name).display().to_string();
        assert_eq!(told, [(UndeclaredInput, of("in")), (DeniedRead, of("apart"))]);
    }
}

/// A verification looks for what was written in a mount where it goes when it is committed.
#[test]
fn contents_of_a_session_are_verified_once_they_are_committed() {
    let sandbox = Sandbox::new();
    let words = ["sh", "-ec", "echo made > made; cat in > copy; cat in in > twice"];
    let recorded = in_manifest(&sandbox, &["--session", "s"], &words);
    let origins = recorded.model.versions.values().filter(|v| v.origin == Origin::Session);
    assert_eq!(origins.count(), 3);
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    // The copy has a content that the store has already.
    assert!(said.contains("2 not kept"), "{said}");
    run(&mut sandbox.vrift(["session", "commit", "s"])).fine();
    let said = run(&mut verify(&sandbox, &recorded.path)).fine();
    assert!(!said.contains("not kept"), "{said}");
}

/// The kernel knows a socket of a mount by another path.
#[test]
fn sockets_of_a_mount_are_a_matter_of_the_mount() {
    let Some(python) = python() else { return };
    let program = "
import socket
l = socket.socket(socket.AF_UNIX); l.bind('s'); l.listen()
socket.socket(socket.AF_UNIX).connect('s')
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind('d')
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', 'd')
try: socket.socket(socket.AF_UNIX).connect('\\0nobody')
except OSError: pass
";
    let sandbox = Sandbox::new();
    let recorded = in_manifest(&sandbox, &["--discard"], &[python, "-c", program]);
    let of = |call: &str| recorded.model.calls[call.as_bytes()].verdicts.clone();
    assert_eq!(of("connect"), [(Verdict::Host, 1), (Verdict::Manifest, 1)].into());
    assert_eq!(of("sendto"), [(Verdict::Manifest, 1)].into());
    assert!(!of("bind").contains_key(&Verdict::Host), "{:?}", of("bind"));
}

/// The kernel is given another path: that of the file that takes the writes.
#[test]
fn what_is_redirected_within_a_mount_is_a_matter_of_the_mount() {
    let Some(python) = python() else { return };
    let program = "
import os
os.truncate('changed', 3)
open('made', 'w').write('made'); os.truncate('made', 1)
os.statvfs('in')
print(open('changed').read())
";
    for enter in [in_manifest, in_overlay] {
        let sandbox = Sandbox::new();
        let policy = sandbox.path("policy");
        fs::write(&policy, "forbid = ['host-write']").unwrap();
        let options = ["--discard", "--enforce", "--policy", policy.to_str().unwrap()];
        let recorded = enter(&sandbox, &options, &[python, "-c", program]);
        assert_eq!(recorded.ran.out(), "con\n", "{}", recorded.ran);
        for name in ["changed", "made"] {
            let path = sandbox.tree().join(name);
            let file = &recorded.model.files[path.as_os_str().as_encoded_bytes()];
            assert!(file.verdicts.contains(&Verdict::CopyOnWrite), "{file:?}");
            assert!(!file.verdicts.contains(&Verdict::Host), "{file:?}");
        }
        let truncate = &recorded.model.calls["truncate".as_bytes()].verdicts;
        assert_eq!(*truncate, [(Verdict::CopyOnWrite, 2)].into());
        assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
    }
}

/// What is changed by a path in `/proc` of the caller's own or another process', in a mount and without one: it is told
/// by its own path.
#[test]
fn what_is_changed_by_a_way_of_a_process_is_told_by_its_path() {
    let Some(python) = python() else { return };
    let program = "
import os, signal
file = os.open('changed', os.O_RDWR); by = f'/proc/self/fd/{file}'
os.truncate(by, 3); os.chmod(by, 0o600)
directory = os.open('.', os.O_RDONLY)
os.mkdir('/proc/self/cwd/made'); os.mkdir(f'/proc/{os.getpid()}/fd/{directory}/other')
os.rename('renamed', f'/dev/fd/{directory}/made/moved'); os.truncate('/proc/thread-self/cwd/made/moved', 1)
os.link('in', '/proc/self/root' + os.getcwd() + '/second'); os.unlink('/proc/self/cwd/removed')
os.symlink('/proc/self/cwd/in', '/proc/self/cwd/link')
ready, tell = os.pipe()
other = os.fork()
if other == 0:
    os.chdir('other'); os.dup2(os.open('../apart', os.O_RDWR), 99); os.write(tell, b'x'); signal.pause()
os.read(ready, 1)
os.mkdir(f'/proc/{other}/cwd/below'); os.truncate(f'/proc/{other}/fd/99', 4)
os.kill(other, 9); os.wait()
";
    let expected = |recorded: &Recorded, sandbox: &Sandbox| {
        let accesses = recorded.accesses().filter(|access| {
            let names = [Some(&access.path), access.other.as_ref()];
            access.act.changes()
                && names.into_iter().flatten().any(|path| path.to_string().contains("/proc/"))
        });
        let odd: Vec<_> = accesses.map(|access| (access.act, access.path.to_string())).collect();
        let link = sandbox.tree().join("link").display().to_string();
        assert_eq!(odd, [(vrift_audit::Act::Symlink, link)]);
        let changed = [
            "apart",
            "changed",
            "link",
            "made",
            "made/moved",
            "other",
            "other/below",
            "removed",
            "renamed",
            "second",
        ];
        let told = told(sandbox, recorded);
        assert_eq!(told.keys().collect::<Vec<_>>(), changed);
        told
    };
    for enter in [in_manifest, in_overlay] {
        let sandbox = Sandbox::new();
        let policy = sandbox.path("policy");
        fs::write(&policy, "forbid = ['host-write']").unwrap();
        let options = ["--session", "s", "--enforce", "--policy", policy.to_str().unwrap()];
        let recorded = enter(&sandbox, &options, &[python, "-c", program]);
        assert_eq!(
            expected(&recorded, &sandbox),
            found(&told(&sandbox, &recorded), &export(&sandbox))
        );
        assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
    }
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let recorded = entered(&sandbox, &[], &[python, "-c", program]);
    assert_eq!(expected(&recorded, &sandbox), found(&told(&sandbox, &recorded), &sandbox.tree()));
}

/// A plain file system that is read-only, or another one, says the same.
#[test]
fn a_mount_that_is_read_only_refuses_nothing_that_a_file_system_would_serve() {
    let sandbox = Sandbox::new();
    let script = "echo x 2> /dev/null > in || mkdir new 2> /dev/null || mv in \"$HOME\" 2> /dev/null || : > \"$HOME/f\"; \
                  ln in \"$HOME/in\" 2> /dev/null || :";
    let recorded = in_manifest(&sandbox, &["--read-only"], &["sh", "-ec", script]);
    let denied = |errno| {
        recorded.entries.iter().any(|entry| match &entry.event {
            vrift_audit::Event::File(access) => {
                access.outcome == vrift_audit::Outcome::Failed(errno)
            }
            _ => false,
        })
    };
    assert!(denied(30) && denied(18), "EROFS and EXDEV");
    run(sandbox.vrift(["audit", "compliance"]).arg(&recorded.path)).fine();
    let verdicts = recorded.model.calls.values().flat_map(|tally| tally.verdicts.keys());
    assert!(verdicts.into_iter().all(|verdict| *verdict != Verdict::Refused));
}

/// A file without a name is shown by the last one it had, wherever that is by now; so it is in the record.
#[test]
fn what_has_lost_its_name_is_told_by_the_last_one_it_had() {
    let Some(python) = python() else { return };
    let program = "
import os
def shown(file): print(os.readlink(f'/proc/self/fd/{file}').removeprefix(os.path.realpath('.')))
os.mkdir('d')
made, below = os.open('made', os.O_CREAT | os.O_RDWR), os.open('d/below', os.O_CREAT | os.O_RDWR)
given, other, directory = os.open('in', os.O_RDONLY), os.open('other', os.O_CREAT | os.O_RDWR), os.open('d', os.O_RDONLY)
os.unlink('made'); os.unlink('d/below'); os.unlink('in'); os.rename('d', 'e'); os.rename('changed', 'other')
os.rmdir('e')
for file in made, below, given, other, directory: shown(file)
for file in made, below, given, other: open(f'/proc/self/fd/{file}').read()
os.fchmod(made, 0o600)
again = os.open('made', os.O_CREAT | os.O_RDWR)
os.fchmod(made, 0o644)
shown(made); shown(again)
";
    let said = same_as_on_the_host(&[python, "-c", program]);
    assert!(said.contains("/e (deleted)\n"), "{said}");
}

#[test]
fn what_has_lost_its_name_is_executed() {
    let Some(python) = python() else { return };
    let program = "
import os, shutil
def execute(how, name, *words):
    file = os.open(name, os.O_RDONLY); os.unlink(name); os.set_inheritable(file, True)
    if os.fork() == 0:
        os.execve(file if how == 'file' else how % file, words, dict(os.environ))
    print(how, name, os.wait()[1], flush=True)
def script(text):
    with open('script', 'w') as made: made.write(text)
    os.chmod('script', 0o755)
for how in 'file', '/proc/self/fd/%d', '/dev/fd/%d':
    shutil.copy(shutil.which('cat'), 'cat'); execute(how, 'cat', 'cat', '/proc/self/comm')
    shutil.copy(shutil.which('readlink'), 'link'); execute(how, 'link', 'link', '/proc/self/exe')
    script('#!/bin/sh\\nexit 3\\n'); execute(how, 'script', 'script')
";
    let said = same_as_on_the_host(&[python, "-c", program]);
    assert!(said.contains("script 768\n") && said.contains("/link (deleted)\n"), "{said}");
}

/// Runs a program on the host and in mounts of the same tree: it says the same, and does the same to the same files.
#[track_caller]
fn same_as_on_the_host(words: &[&str]) -> String {
    let acts = |recorded: &Recorded, sandbox: &Sandbox| {
        let of = |access: &Access<vrift_audit::Text>| {
            let Access { act, path, .. } = access;
            let has_content = act.changes() || act.reads();
            let name = name_in(sandbox, path.as_path()).filter(|_| has_content)?;
            let content = access.version.and_then(|version| recorded.model.content(version));
            Some((*act, name, content))
        };
        recorded.accesses().filter_map(of).collect::<Vec<_>>()
    };
    let said = |recorded: &Recorded, sandbox: &Sandbox| {
        recorded.ran.out().replace(sandbox.tree().to_str().expect("a plain path"), "TREE")
    };
    let on_host = Sandbox::new();
    plant(&on_host);
    let host = entered(&on_host, &[], words);
    for enter in [in_manifest, in_overlay] {
        let sandbox = Sandbox::new();
        let recorded = enter(&sandbox, &["--discard"], words);
        assert_eq!(said(&recorded, &sandbox), said(&host, &on_host));
        assert_eq!(acts(&recorded, &sandbox), acts(&host, &on_host));
    }
    said(&host, &on_host)
}
