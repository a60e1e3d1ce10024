//! What strace shows of a run: the paths that were read, written, removed and so on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Paths by what was done to them.
pub(crate) type Sets = BTreeMap<&'static str, BTreeSet<String>>;

/// What paths are told of.
pub(crate) const KINDS: [&str; 8] =
    ["read", "written", "executed", "mapped", "missing", "removed", "renamed", "made"];

/// The calls that tell of them, and those that tell where relative paths start.
pub(crate) const CALLS: &str = "trace=%file,mmap,getdents64,fchdir,clone,?clone3,?fork,?vfork";

/// What the lines of strace (`-f -y`) say of a run in `cwd`. Calls that others cut in two are put together first.
pub(crate) fn of_strace(trace: &str, cwd: &str) -> Sets {
    let mut shown =
        Shown { sets: KINDS.map(|kind| (kind, BTreeSet::new())).into(), ..Shown::default() };
    let calls = calls(trace);
    // The first one starts in that directory, the others where their parents are when they ask for them.
    shown.directories.extend(calls.first().map(|call| (call.pid, cwd.to_owned())));
    let mut born: Vec<_> = calls.iter().filter(|call| call.makes_task()).collect();
    born.sort_by_key(|call| call.start);
    let mut born = born.into_iter().peekable();
    for call in &calls {
        while let Some(birth) = born.next_if(|birth| birth.start <= call.end) {
            let directory = shown.directories.get(birth.pid).cloned().unwrap_or_default();
            shown.directories.insert(birth.result.trim(), directory);
        }
        shown.call(call);
    }
    let Shown { mut sets, listed, .. } = shown;
    sets.entry("read").or_default().retain(|path| !listed.contains(path));
    sets
}

/// A call, put together.
struct Call<'a> {
    pid: &'a str,
    /// Its name and arguments.
    text: String,
    result: String,
    /// The lines in which it starts and ends.
    start: usize,
    end: usize,
}

impl Call<'_> {
    fn makes_task(&self) -> bool {
        let name = self.text.split('(').next().unwrap_or_default();
        matches!(name, "clone" | "clone3" | "fork" | "vfork")
            && !self.result.starts_with(['-', '?'])
    }
}

/// The calls of a trace, in the order of their ends.
fn calls(trace: &str) -> Vec<Call<'_>> {
    let mut begun: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (end, line) in trace.lines().enumerate() {
        let (pid, line) = line.split_once(' ').expect("a pid");
        let line = line.trim_start();
        if let Some(start) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, (start, end));
            continue;
        }
        let (start, whole) = match line.strip_prefix("<... ") {
            Some(rest) => {
                let (_, rest) = rest.split_once(" resumed>").expect("the rest of a call");
                let (text, start) = begun.remove(pid).expect("its beginning");
                (start, format!("{text}{rest}"))
            }
            None => (end, line.to_owned()),
        };
        if let Some((text, result)) = whole.rsplit_once(" = ") {
            let (text, result) = (text.to_owned(), result.to_owned());
            calls.push(Call { pid, text, result, start, end });
        }
    }
    calls
}

#[derive(Default)]
struct Shown<'a> {
    sets: Sets,
    /// Directories that may be gone by now.
    listed: BTreeSet<String>,
    /// Where tasks are.
    directories: BTreeMap<&'a str, String>,
}

impl<'a> Shown<'a> {
    fn call(&mut self, call: &Call<'a>) {
        let Call { pid, text: call, result, .. } = call;
        let (name, _) = call.split_once('(').expect("a call has arguments");
        let paths = self.paths(pid, call);
        let is_missing = ["-1 ENOENT", "-1 ENOTDIR"].iter().any(|no| result.starts_with(no));
        if let (true, Some(path)) = (is_missing, paths.first()) {
            self.add("missing", path);
        }
        if result.starts_with('-') || result.starts_with('?') {
            return;
        }
        let last = paths.last().map(String::as_str).unwrap_or_default();
        match name {
            "open" | "openat" | "openat2" | "creat" => self.opened(call, result),
            "getdents64" => drop(self.listed.insert(masked(&bracketed(call)))),
            // By a descriptor there is no path.
            "execve" | "execveat" if last.is_empty() => self.add("executed", &bracketed(call)),
            "execve" | "execveat" => self.add("executed", last),
            "mmap" if call.contains("PROT_EXEC") && call.contains('<') => {
                self.add("mapped", &bracketed(call));
            }
            "unlink" | "unlinkat" | "rmdir" => self.add("removed", last),
            "mkdir" | "mkdirat" | "symlink" | "symlinkat" | "mknod" | "mknodat" | "link"
            | "linkat" => {
                self.add("made", last);
            }
            "rename" | "renameat" | "renameat2" => {
                paths.iter().for_each(|path| self.add("renamed", path));
            }
            "chdir" => drop(self.directories.insert(pid, last.to_owned())),
            "fchdir" => drop(self.directories.insert(pid, bracketed(call))),
            _ => {}
        }
    }

    fn opened(&mut self, call: &str, result: &str) {
        let path = bracketed(result);
        let writes = ["O_WRONLY", "O_RDWR", "creat("].iter().any(|flag| call.contains(flag));
        // Directories are listed, not read.
        let directory = call.contains("O_DIRECTORY") || Path::new(&path).is_dir();
        // What has no path, such as a pipe, is told by what was asked for (`/dev/fd/3`).
        if !call.contains("O_PATH") && !directory && path.starts_with('/') {
            self.add(if writes { "written" } else { "read" }, &path);
        }
    }

    fn add(&mut self, kind: &'static str, path: &str) {
        self.sets.entry(kind).or_default().insert(masked(path));
    }

    /// The paths among the arguments of a call, made absolute.
    fn paths(&self, pid: &str, call: &str) -> Vec<String> {
        let mut paths = Vec::new();
        let mut rest = call;
        while let Some((before, behind)) = rest.split_once('"') {
            // Quotes in names are escaped, and none of these programs has such names.
            let Some((path, behind)) = behind.split_once('"') else { break };
            let here = || self.directories.get(pid).cloned().unwrap_or_default();
            let base = match before.strip_suffix(">, ").and_then(|dir| dir.rsplit_once('<')) {
                Some((_, directory)) => directory.to_owned(),
                None => here(),
            };
            if !path.is_empty() {
                paths.push(Path::new(&base).join(path).display().to_string());
            }
            rest = behind;
            // The words of a program.
            if call.starts_with("exec") || call.starts_with("readlink") {
                break;
            }
        }
        paths
    }
}

/// What stands behind a descriptor: `3</path>`.
fn bracketed(text: &str) -> String {
    let (_, rest) = text.split_once('<').expect("a descriptor with its path");
    let path = rest.rsplit_once('>').expect("its end").0;
    path.trim_end_matches("(deleted)").trim_end_matches('>').to_owned()
}

/// What random names of temporary files start with, and how many random characters follow.
const RANDOM: &[(&str, usize)] = &[
    ("cc", 6),
    ("rustc", 6),
    ("rmeta", 6),
    ("tmp_obj_", 6),
    ("tmp", 8),
    (".tmp", 6),
    ("target", 6),
    ("sed", 6),
];

/// A path without what differs from run to run.
pub(crate) fn masked(path: &str) -> String {
    let path = &cleaned(path);
    let temporary = path.contains("/tmp/") || path.contains("/target");
    let of_proc = path.starts_with("/proc/");
    // Python sees whether it can write there.
    if let Some((directory, [_, _, _, _, _, _, _, _])) =
        path.rsplit_once('/').map(|(directory, name)| (directory, name.as_bytes()))
        && directory.ends_with("/tmp")
    {
        return format!("{directory}/…");
    }
    let names = path.split('/').map(|name| {
        let random = RANDOM.iter().find(|(start, count)| {
            let rest = name.strip_prefix(start).and_then(|rest| rest.get(..*count));
            let is_random =
                |rest: &str| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            temporary && rest.is_some_and(is_random)
        });
        match random {
            Some((start, count)) => format!("{start}…{}", &name[start.len() + count..]),
            None if of_proc && name.bytes().all(|byte| byte.is_ascii_digit()) => "…".to_owned(),
            None => suffixed(name),
        }
    });
    names.collect::<Vec<_>>().join("/")
}

/// A name without what rustc, Python, pip and rsync put at the ends of those of temporary files.
fn suffixed(name: &str) -> String {
    if let Some((start, _)) = name.strip_prefix("pip-").and_then(|rest| rest.rsplit_once('-')) {
        return format!("pip-{start}-…");
    }
    if let Some((start, end)) = name.rsplit_once('.')
        && start.starts_with('.')
        && end.len() == 6
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return format!("{start}.…");
    }
    if name.strip_prefix('#').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())) {
        // What O_TMPFILE makes has the number of its inode.
        return "#…".to_owned();
    }
    let counted = [".pyc.", ".tmp", "next-index-", "index.stash."].iter().find_map(|mark| {
        let (start, end) = name.split_once(mark)?;
        let end = end.trim_end_matches(".lock");
        let is_number = !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number.then(|| format!("{start}{mark}…"))
    });
    match (counted, name.strip_suffix(".tmp")) {
        (Some(masked), _) => masked,
        (None, Some(start)) if start.len() > 8 && start.is_ascii() => {
            format!("{}….tmp", &start[..start.len() - 8])
        }
        _ => name.to_owned(),
    }
}

/// A path without `.` and `..`, both taken by its names alone: a record follows symlinks there, if it can.
fn cleaned(path: &str) -> String {
    let mut clean = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean.display().to_string()
}
