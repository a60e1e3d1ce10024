//! What a policy denies, it denies wherever it lies: the same tree of the host, below an overlay and served from a
//! manifest gives a program the same answers, and the same violations.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::kit::{Sandbox, python};
use crate::policy::violations;
use crate::recorded::recorded_with;

const POLICY: &str = r#"
[read]
deny = ["TREE/secret", "TREE/shut", "**/.ssh"]
[write]
deny = ["TREE/kept", "TREE/fixed"]
[exec]
deny = ["TREE/bin/tool"]
"#;

/// What is denied is tried in many ways, and what is allowed beside it.
const PROGRAM: &str = "
import os, subprocess
def attempt(name, what):
    try: print(name, what())
    except OSError as error: print(name, error.errno)
def read(path):
    with open(path) as file: return file.read()
def write(path, mode='w'):
    with open(path, mode) as file: file.write('x')
for path in ['open', 'secret', 'alias', 'bin/../secret', 'shut/inner', 'way/inner', '.ssh/id', 'shut/none', 'kept', 'outside']:
    attempt('read ' + path, lambda: read(path))
attempt('list', lambda: os.listdir('shut'))
attempt('stat', lambda: os.stat('secret').st_size)
attempt('link', lambda: os.link('secret', 'linked'))
attempt('rename', lambda: os.rename('secret', 'renamed'))
attempt('replace', lambda: os.rename('open', 'kept'))
for path in ['kept', 'to_kept', 'fixed/new', 'new']:
    attempt('write ' + path, lambda: write(path))
    attempt('append ' + path, lambda: write(path, 'a'))
    attempt('mode ' + path, lambda: os.chmod(path, 0o600))
    attempt('shorten ' + path, lambda: os.truncate(path, 0))
attempt('directory', lambda: os.mkdir('fixed/dir'))
attempt('symlink', lambda: os.symlink('x', 'fixed/link'))
attempt('remove', lambda: os.remove('kept'))
attempt('remove below', lambda: os.remove('fixed/old'))
for path in ['bin/tool', 'bin/same', 'bin/other'] + SCRIPTS:
    attempt('run ' + path, lambda: subprocess.run(['./' + path]).returncode)
";

/// Where the tree lies.
#[derive(Debug, Clone, Copy)]
enum Ground {
    Host,
    Overlay,
    Manifest,
}

fn plant(tree: &Path) {
    for dir in ["", "shut", ".ssh", "fixed", "bin"] {
        fs::create_dir(tree.join(dir)).expect("the sandbox is ours");
    }
    for name in ["open", "secret", "shut/inner", ".ssh/id", "kept", "fixed/old"] {
        fs::write(tree.join(name), name).expect("the sandbox is ours");
    }
    let tool = tree.join("bin/tool");
    for name in ["bin/tool", "bin/other"] {
        fs::copy("/bin/true", tree.join(name)).expect("the sandbox is ours");
    }
    let script = format!("#!{}\n", tool.to_str().expect("a plain path"));
    fs::write(tree.join("bin/script"), script).expect("the sandbox is ours");
    fs::set_permissions(tree.join("bin/script"), fs::Permissions::from_mode(0o755))
        .expect("the sandbox is ours");
    let links = [
        ("alias", "secret"),
        ("way", "shut"),
        ("to_kept", "kept"),
        ("bin/same", "tool"),
        ("outside", "../secret"),
    ];
    for (name, target) in links {
        symlink(target, tree.join(name)).expect("the sandbox is ours");
    }
}

/// What the program printed, and what it broke.
type Found = (String, BTreeSet<String>);

fn found(ground: Ground, options: &[&str], scripts: &[&str]) -> Option<Found> {
    let python = python()?;
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    plant(&tree);
    let place = tree.to_str().expect("a plain path").to_owned();
    fs::write(sandbox.path("site/secret"), "outside").expect("the sandbox is ours");
    let policy = sandbox.path("policy.toml");
    fs::write(&policy, POLICY.replace("TREE", &place)).expect("the sandbox is ours");
    let mut words = vec!["--policy", policy.to_str().expect("a plain path")];
    words.extend(options);
    let manifest = sandbox.ingest(&tree);
    match ground {
        Ground::Host => {}
        Ground::Overlay => words.extend(["--discard", "--overlay", &place]),
        Ground::Manifest => {
            sandbox.move_away();
            let manifest = manifest.to_str().expect("a plain path");
            words.extend(["--discard", "--manifest", manifest, "--prefix", &place]);
        }
    }
    let program = format!("import os; os.chdir({place:?})\nSCRIPTS = {scripts:?}\n{PROGRAM}");
    let recorded = recorded_with(&sandbox, &words, &[python, "-c", &program]);
    assert_eq!(recorded.ran.code(), Some(3), "{ground:?}: {}", recorded.ran);
    let below = |path: &str| path.replace(&place, "TREE");
    let broken = violations(&recorded).into_iter();
    let broken = broken
        .map(|(class, _, subject, response)| format!("{class:?} {} {response:?}", below(&subject)));
    Some((below(&recorded.ran.out()), broken.collect()))
}

fn check(options: &[&str], scripts: &[&str]) {
    let Some((said, broken)) = found(Ground::Host, options, scripts) else { return };
    assert!(broken.len() > 8, "{broken:#?}");
    for ground in [Ground::Overlay, Ground::Manifest] {
        let (here, broken_here) = found(ground, options, scripts).expect("there is a python");
        assert_eq!(here, said, "{ground:?} {options:?}");
        assert_eq!(broken_here, broken, "{ground:?} {options:?}");
    }
}

#[test]
fn what_is_denied_is_noted_wherever_it_lies() {
    check(&[], &["bin/script"]);
    check(&["--fast-lane=never"], &["bin/script"]);
}

/// But for the interpreter of a script that a manifest serves, which is told of when it runs.
#[test]
fn what_is_denied_fails_wherever_it_lies() {
    check(&["--enforce"], &[]);
}
