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
