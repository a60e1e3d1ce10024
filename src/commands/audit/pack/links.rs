//! Symlinks on the way to what is wanted.
//!
//! A record names files by the paths that symlinks lead to. Programs name them otherwise: so symlinks are
//! looked for where programs could have met them, and kept if they lead to something wanted. These places are
//! the directories with wanted names in them, the words and variables of the run, and the interpreters that
//! programs name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use vrift_audit::{Before, Execution, Model, Value};

use super::Wanted;
use crate::commands::audit::kept::regular;

/// How many symlinks may follow on each other, as in the kernel (`MAXSYMLINKS`).
const LINKS_MAX: usize = 40;

/// How much of a program is searched for the name of its interpreter.
const HEAD_BYTES: u64 = 8 << 10;

/// The symlinks on the way to something wanted from what the run has named: words, variables, interpreters.
pub(super) fn named(wanted: &Wanted, model: &Model) -> BTreeSet<PathBuf> {
    let mut ways = said(model);
    ways.extend(
        model
            .files
            .iter()
            .filter(|(_, file)| file.is_code())
            .flat_map(|(path, _)| interpreters(path.as_path())),
    );
    leading_to(wanted, model, ways)
}

/// The symlinks to something wanted that lie in the directories of what is wanted.
pub(super) fn near(wanted: &Wanted, model: &Model) -> BTreeSet<PathBuf> {
    let mut ways = BTreeSet::new();
    for directory in goals(wanted) {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
        ways.extend(links.map(|entry| entry.path()));
    }
    leading_to(wanted, model, ways)
}

fn goals(wanted: &Wanted) -> BTreeSet<&Path> {
    wanted.keys().flat_map(|path| path.ancestors()).collect()
}

/// The symlinks on these ways, by the paths they have after all symlinks above them, where a way leads to
/// something wanted. Those that the run has made are none: it will make them again.
fn leading_to(wanted: &Wanted, model: &Model, ways: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let goals = goals(wanted);
    let mut found = BTreeSet::new();
    for way in ways {
        let mut links = Vec::new();
        if walk(&way, &mut links).is_some_and(|end| goals.contains(&*end)) {
            found.extend(links);
        }
    }
    found.retain(|link| !is_made(link, model));
    found
}

/// Whether the run has made what is at a path.
pub(super) fn is_made(path: &Path, model: &Model) -> bool {
    let file = model.files.get(path.as_os_str().as_bytes());
    file.is_some_and(|file| file.before == Before::Absent)
}

/// What must be there for a name to be found, which the record tells of as the program spelled it: the symlinks on
/// its way, and what it leads to. If that is nothing, the name itself, which may be that of a symlink.
pub(super) fn way_of(path: &Path, model: &Model) -> Vec<PathBuf> {
    let mut way = Vec::new();
    let end = walk(path, &mut way);
    let name = || {
        let directory = path.parent()?.canonicalize().ok()?;
        Some(directory.join(path.file_name()?))
    };
    way.push(end.or_else(name).unwrap_or_else(|| path.to_owned()));
    way.retain(|one| !is_made(one, model));
    way
}

/// Where a path leads, and the symlinks on the way.
fn walk(path: &Path, links: &mut Vec<PathBuf>) -> Option<PathBuf> {
    let mut at = PathBuf::from("/");
    let mut rest: Vec<PathBuf> = names(path);
    while let Some(name) = rest.pop() {
        if name == Path::new("..") {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        match fs::read_link(&next) {
            Ok(target) => {
                if links.len() == LINKS_MAX {
                    return None;
                }
                links.push(next);
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                rest.extend(names(&target));
            }
            Err(_) if fs::symlink_metadata(&next).is_ok() => at = next,
            Err(_) => return None,
        }
    }
    Some(at)
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<PathBuf> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

/// The paths in words and variables, and where the first word is looked for.
fn said(model: &Model) -> BTreeSet<PathBuf> {
    let mut said = BTreeSet::new();
    for program in model.processes().iter().flat_map(|process| &process.programs) {
        let Execution { argv, env, cwd, .. } = &program.execution;
        let path = |bytes: &[u8]| Path::new(OsStr::from_bytes(bytes)).to_owned();
        for word in argv {
            let bytes = word.as_bytes();
            said.insert(cwd.as_path().join(path(bytes)));
            // The path in an option: `-I/usr/include`, `--sysroot=/usr`.
            if let Some(slash) = bytes.iter().position(|&byte| byte == b'/') {
                said.insert(path(&bytes[slash..]));
            }
        }
        for variable in env {
            let Value::Plain(value) = &variable.value else { continue };
            for part in value.as_bytes().split(|&byte| byte == b':') {
                if part.starts_with(b"/") {
                    said.insert(path(part));
                    if let (b"PATH", Some(first)) = (variable.name.as_bytes(), argv.first()) {
                        said.insert(path(part).join(path(first.as_bytes())));
                    }
                }
            }
        }
    }
    said
}

/// The paths in a program's head, among which are those of a dynamic linker and of a script's interpreter.
fn interpreters(program: &Path) -> Vec<PathBuf> {
    let mut head = Vec::new();
    let read = regular(program).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    if read.is_err() {
        return Vec::new();
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0 || *byte == b'!';
    let words = head.split(ends).filter(|word| word.starts_with(b"/") && word.len() > 1);
    words.map(|word| PathBuf::from(OsStr::from_bytes(word))).collect()
}
