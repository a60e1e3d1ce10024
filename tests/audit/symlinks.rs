//! What is changed by a path with symlinks is told by its own path, by which it is read, too.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use vrift_audit::Model;

use crate::kit::{Sandbox, python};
use crate::recorded::{Recorded, recorded_with};

/// Files, and symlinks to them and to their directory.
fn plant(tree: &Path) {
    fs::create_dir_all(tree.join("dir/sub")).expect("the sandbox is ours");
    for name in ["in", "cut", "mode", "dir/old", "dir/kept", "dir/sub/f"] {
        fs::write(tree.join(name), format!("content of {name}")).expect("the sandbox is ours");
    }
    for (target, name) in [("dir", "way"), ("cut", "to-cut"), ("mode", "to-mode")] {
        symlink(target, tree.join(name)).expect("the sandbox is ours");
    }
}

const CHANGES: &str = "
import ctypes, os, socket
def read(name): os.read(os.open(name, os.O_RDONLY), 9)
os.truncate('to-cut', 1); read('cut')
os.chmod('to-mode', 0o600); os.utime('to-mode', (1, 1), follow_symlinks=False)
open('made', 'w').write('x'); os.rename('made', 'way/moved'); read('way/moved')
open('way/passing', 'w').write('x'); os.unlink('way/passing')
os.mkdir('way/new'); open('way/new/f', 'w').write('x'); os.mkdir('way/gone'); os.rmdir('way/gone')
os.link('in', 'way/linked'); read('dir/linked')
ctypes.CDLL(None).linkat(-100, b'to-cut', -100, b'way/through', 0x400); read('dir/through')
os.symlink('../way/kept', 'way/link'); read('dir/link')
os.rename('way/old', 'way/sub/../young'); read('dir/young')
os.rename('way/sub', 'way/new/sub'); read('dir/new/sub/f')
os.mkfifo('way/fifo'); socket.socket(socket.AF_UNIX).bind('way/socket')
";

/// Roles of what is in the tree, by name: input, output, temporary, removed, missing.
fn roles(model: &Model, tree: &Path) -> Vec<String> {
    let files = model.files.iter().filter_map(|(path, file)| {
        let name = path.as_path().strip_prefix(tree).ok().filter(|name| *name != Path::new(""))?;
        let roles = [
            (file.is_input(), "input"),
            (file.is_output(), "output"),
            (file.is_passing(), "temporary"),
            (file.is_removed(), "removed"),
            (file.is_missing(), "missing"),
        ];
        let roles = roles.iter().filter(|(is, _)| *is).map(|(_, role)| format!(" {role}"));
        Some(format!("{}:{}", name.display(), roles.collect::<String>()))
    });
    files.collect()
}

const ROLES: [&str; 21] = [
    "cut: output",
    "dir/fifo: output",
    "dir/gone: temporary",
    "dir/kept: input",
    "dir/link: output",
    "dir/linked: output",
    "dir/moved: output",
    "dir/new: output",
    "dir/new/f: output",
    "dir/new/sub: output",
    "dir/new/sub/f: input",
    "dir/old: input removed",
    "dir/passing: temporary",
    "dir/socket: output",
    "dir/sub: removed",
    "dir/through: output",
    "dir/young: output",
    "in: input",
    "made: temporary",
    "mode:",
    "to-mode:",
];

#[test]
fn what_is_changed_behind_symlinks_is_told_by_its_own_path() {
    let Some(python) = python() else { return };
    let script = "cd \"$0\"; exec \"$@\"";
    let record = |sandbox: &Sandbox, options: &[&str]| -> Recorded {
        let tree = sandbox.tree();
        let words = ["sh", "-c", script, tree.to_str().unwrap(), python, "-c", CHANGES];
        let recorded = recorded_with(sandbox, options, &words);
        assert!(recorded.ran.status.success(), "{}", recorded.ran);
        assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
        recorded
    };
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    assert_eq!(roles(&record(&sandbox, &[]).model, &sandbox.tree()), ROLES);
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let tree = sandbox.tree();
    let overlay = ["--discard", "--overlay", tree.to_str().unwrap()];
    assert_eq!(roles(&record(&sandbox, &overlay).model, &tree), ROLES);
    let sandbox = Sandbox::new();
    plant(&sandbox.tree());
    let manifest = sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    let (manifest, tree) = (manifest.to_str().unwrap(), sandbox.tree());
    let mount = ["--discard", "--manifest", manifest, "--prefix", tree.to_str().unwrap()];
    assert_eq!(roles(&record(&sandbox, &mount).model, &tree), ROLES);
}

/// So is what is executed, and a script that is by a symlink, and what is by another process' directory.
#[test]
fn what_is_executed_behind_symlinks_is_told_by_its_own_path() {
    let Some(python) = python() else { return };
    let program = "
import os, shutil, signal, subprocess, sys
shutil.copy(shutil.which('true'), 'dir/program')
with open('dir/script', 'w') as made: made.write('#!/bin/sh\\n')
os.chmod('dir/script', 0o755); os.symlink('dir', 'other'); os.symlink('dir/script', 'to-script')
def execute(path): subprocess.run([path, 'word'], check=True)
execute('way/program'); execute('./other/../dir/program'); execute('/proc/self/cwd/dir/program')
execute('way/script'); execute('./to-script'); execute('other/script')
ready, tell = os.pipe()
child = os.fork()
if child == 0: os.chdir('dir'); os.write(tell, b'x'); signal.pause()
os.read(ready, 1); execute(f'/proc/{child}/cwd/program'); execute(f'/proc/{child}/cwd/script')
os.kill(child, 9); os.wait(); os.unlink('other')
";
    let told = |options: &[&str]| {
        let sandbox = Sandbox::new();
        plant(&sandbox.tree());
        let tree = sandbox.tree();
        let tree = tree.to_str().unwrap();
        let overlay = ["--discard", "--overlay", tree];
        let options = if options.is_empty() { &[][..] } else { &overlay };
        let words = ["sh", "-c", "cd \"$0\"; exec \"$@\"", tree, python, "-c", program];
        let recorded = recorded_with(&sandbox, options, &words);
        assert!(recorded.ran.status.success(), "{}", recorded.ran);
        assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
        let of_tree = recorded.accesses().filter(|access| {
            matches!(access.act, vrift_audit::Act::Execute | vrift_audit::Act::Load)
                && access.path.as_path().starts_with(tree)
        });
        let name = |access: &vrift_audit::Access<vrift_audit::Text>| {
            recorded.digest(access);
            let path = access.path.as_path().strip_prefix(tree).unwrap();
            format!("{:?} {}", access.act, path.display())
        };
        let words = recorded.model.processes().iter().flat_map(|process| &process.programs);
        let words = words.filter(|program| {
            program.execution.argv.last().is_some_and(|word| word.as_bytes() == b"word")
        });
        (of_tree.map(name).collect::<Vec<_>>(), words.count())
    };
    let (program, script) = ("Execute dir/program", "Execute dir/script");
    let expected = [program, program, program, script, script, script, program, script];
    for options in [&[][..], &["--overlay"]] {
        let (executed, programs) = told(options);
        assert_eq!(executed, expected, "{options:?}");
        assert_eq!(programs, expected.len(), "{options:?}");
    }
}
