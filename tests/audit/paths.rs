//! The paths that a record tells, where they are not simply what the caller wrote.

use vrift_audit::{Act, Outcome};

use crate::kit::{Sandbox, python};
use crate::recorded::{Recorded, recorded};

/// What was done, to which name in the sandbox, and what came of it.
fn told(sandbox: &Sandbox, recorded: &Recorded) -> Vec<(Act, String, Outcome)> {
    let start = sandbox.path("x").display().to_string();
    let of_sandbox = start.trim_end_matches('x').to_owned();
    let accesses = recorded.entries.iter().filter_map(|entry| match &entry.event {
        vrift_audit::Event::File(access) => Some(access),
        _ => None,
    });
    let inside = accesses.filter_map(|access| {
        let path = access.path.to_string();
        let name = path.strip_prefix(&of_sandbox)?.to_owned();
        Some((access.act, name, access.outcome))
    });
    // What Python itself looks for.
    let own = |(_, name, _): &(Act, String, Outcome)| name.starts_with("d-");
    inside.filter(own).collect()
}

#[test]
fn a_directory_that_has_lost_its_name_is_told_by_that() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os
def attempt(what):
    try: what()
    except OSError: pass
os.mkdir('d-gone'); os.chdir('d-gone'); fd = os.open('.', os.O_RDONLY); os.rmdir('../d-gone')
attempt(lambda: os.stat('one'))
attempt(lambda: os.stat('two', dir_fd=fd))
attempt(lambda: os.stat('../three'))
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    let missing = |name: &str| (Act::Probe, name.to_owned(), Outcome::Failed(2));
    let probes: Vec<_> =
        told(&sandbox, &recorded).into_iter().filter(|(act, ..)| *act == Act::Probe).collect();
    assert_eq!(probes, ["d-gone/one", "d-gone/two", "d-gone/../three"].map(missing));
}

/// Also if its number is that of another one soon, and whoever is told of the call is told later.
#[test]
fn what_is_looked_for_in_a_directory_by_descriptor_is_told_by_its_path() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os
os.mkdir('d-one'); os.mkdir('d-two')
def attempt(what, *args, **kwargs):
    try: what(*args, **kwargs)
    except OSError: pass
for n in range(40):
    for name in ['d-one', 'd-two']:
        fd = os.open(name, os.O_RDONLY)
        attempt(os.stat, 'none', dir_fd=fd); attempt(os.access, 'none', 0, dir_fd=fd)
        attempt(os.readlink, 'none', dir_fd=fd); attempt(os.open, 'none', os.O_RDONLY, dir_fd=fd)
        os.close(fd)
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    for (act, count) in [(Act::Probe, 80), (Act::ReadLink, 40), (Act::Read, 40)] {
        for name in ["d-one/none", "d-two/none"] {
            let path = sandbox.path(name);
            let file = &recorded.model.files[path.as_os_str().as_encoded_bytes()];
            assert_eq!(file.acts.get(&act).map(|counts| counts.missing), Some(count), "{file:?}");
        }
    }
}

/// The kernel marks what has lost its name; a name may end like that mark.
#[test]
fn a_name_that_looks_like_a_mark_is_told_in_full() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os
open('d-a (deleted)', 'w').close()
os.chmod(os.open('d-a (deleted)', os.O_RDONLY), 0o600)
open('d-b', 'w').close(); fd = os.open('d-b', os.O_RDONLY); os.remove('d-b'); os.chmod(fd, 0o600)
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    let done = |(act, name): (Act, &str)| (act, name.to_owned(), Outcome::Done);
    let expected = [
        (Act::Create, "d-a (deleted)"),
        (Act::Read, "d-a (deleted)"),
        (Act::Attribute, "d-a (deleted)"),
        (Act::Create, "d-b"),
        (Act::Read, "d-b"),
        (Act::Remove, "d-b"),
        (Act::Attribute, "d-b"),
    ];
    assert_eq!(told(&sandbox, &recorded), expected.map(done));
}

/// It is no path of the current directory.
#[test]
fn an_empty_path_names_nothing() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os
os.mkdir('d-here'); os.chdir('d-here')
def attempt(what, *args):
    try: what(*args)
    except OSError as error: print(error.errno)
attempt(os.stat, ''); attempt(os.open, '', 0); attempt(os.mkdir, ''); attempt(os.execv, '', ['x'])
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert_eq!(recorded.ran.out(), "2\n2\n2\n2\n", "{}", recorded.ran);
    let done = |act| (act, "d-here".to_owned(), Outcome::Done);
    assert_eq!(told(&sandbox, &recorded), [Act::MakeDirectory, Act::Enter].map(done));
}

/// The kernel does not tell the path of a directory if it has more than 4096 bytes.
#[test]
fn what_happens_in_a_directory_whose_path_is_not_known_makes_a_record_incomplete() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os, sys
for level in range(int(sys.argv[1])):
    os.mkdir('d' * 200); os.chdir('d' * 200)
try: os.stat('none')
except FileNotFoundError: pass
os.close(os.open('file', os.O_CREAT | os.O_WRONLY))
";
    let told = |levels: &str| {
        let recorded = recorded(&sandbox, &[python, "-c", program, levels]);
        assert!(recorded.ran.status.success(), "{}", recorded.ran);
        let incomplete = recorded.model.totals.as_ref().map(|totals| totals.incomplete);
        (incomplete, recorded.model.files.contains_key(&b"/?/file"[..]))
    };
    assert_eq!(told("2"), (Some(0), false));
    std::fs::remove_dir_all(sandbox.path("d".repeat(200))).expect("the sandbox is ours");
    let (incomplete, nowhere) = told("25");
    assert!(nowhere && incomplete > Some(0), "{incomplete:?}");
}
