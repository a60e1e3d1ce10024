//! Which calls are shown: strace's `-e` expression.
//!
//! Names, classes with or without `%`, `all`, `none`, comma lists, and a leading `!` for the rest.
//! Deliberately absent: regular expressions and the `-e` qualifiers other than `trace`; they are
//! refused with a message rather than misread.

use std::collections::HashSet;
use std::fmt;

use vrift_arch::Syscall;
use vrift_arch::syscall::Classes;

/// A set of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    calls: HashSet<Syscall>,
    unknown: Unknown,
}

/// Whether numbers no table knows belong to a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    In,
    Out,
}

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectError {
    /// No call and no class has this name.
    UnknownName {
        /// The name as given.
        name: String,
        /// The known name that resembles it most, if one does.
        nearest: Option<&'static str>,
    },
    /// A qualifier or form that strace has and vrift does not.
    NotSupported {
        /// What was asked for.
        what: String,
    },
    /// Nothing between two commas, or nothing at all.
    Empty,
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::UnknownName { name, nearest: Some(nearest) } => {
                write!(f, "no syscall or class is called '{name}'; did you mean '{nearest}'?")
            }
            SelectError::UnknownName { name, nearest: None } => {
                write!(f, "no syscall or class is called '{name}'")
            }
            SelectError::NotSupported { what } => write!(f, "{what} is not supported yet"),
            SelectError::Empty => f.write_str("a name is missing in the list of syscalls"),
        }
    }
}

impl std::error::Error for SelectError {}

/// Class names and the classes they stand for.
const CLASSES: &[(&str, Classes)] = &[
    ("file", Classes::FILE),
    ("desc", Classes::DESC),
    ("process", Classes::PROCESS),
    ("memory", Classes::MEMORY),
    ("signal", Classes::SIGNAL),
    ("network", Classes::NETWORK),
    ("net", Classes::NETWORK),
    ("ipc", Classes::IPC),
    ("creds", Classes::CREDS),
    ("clock", Classes::CLOCK),
    ("pure", Classes::PURE),
    ("stat", Classes::STAT),
    ("lstat", Classes::LSTAT),
    ("fstat", Classes::FSTAT),
    ("statfs", Classes::STATFS),
    ("fstatfs", Classes::FSTATFS),
    ("%stat", Classes::STAT.and(Classes::LSTAT).and(Classes::FSTAT)),
    ("%statfs", Classes::STATFS.and(Classes::FSTATFS)),
];

/// Classes whose name without `%` strace still takes; the others need it.
const OLD_NAMES: &[&str] = &["file", "desc", "process", "memory", "signal", "network", "ipc"];

/// Qualifiers of `-e` other than `trace`.
const QUALIFIERS: &[&str] = &[
    "abbrev",
    "verbose",
    "raw",
    "signal",
    "signals",
    "s",
    "read",
    "reads",
    "write",
    "writes",
    "fault",
    "inject",
    "status",
    "quiet",
    "silent",
    "silence",
    "q",
    "kvm",
    "decode-fds",
    "decode-pids",
];

impl Selection {
    /// Every call, known or not.
    pub fn all() -> Selection {
        Selection { calls: Syscall::ALL.iter().copied().collect(), unknown: Unknown::In }
    }

    /// No call.
    pub fn none() -> Selection {
        Selection { calls: HashSet::new(), unknown: Unknown::Out }
    }

    /// Reads the argument of `-e`: `trace=…`, `t=…`, or the list alone.
    ///
    /// # Errors
    /// [`SelectError`] says what is wrong with it, in words for the user.
    pub fn parse(expression: &str) -> Result<Selection, SelectError> {
        let list = match expression.split_once('=') {
            Some(("trace" | "t", list)) => list,
            Some((qualifier, _)) if QUALIFIERS.contains(&qualifier) => {
                return Err(SelectError::NotSupported { what: format!("-e {qualifier}=") });
            }
            Some(_) | None => expression,
        };
        match list.strip_prefix('!') {
            Some(list) => Ok(Selection::list(list)?.complement()),
            None => Selection::list(list),
        }
    }

    /// Whether a call is shown; `None` stands for a number no table knows.
    pub fn contains(&self, call: Option<Syscall>) -> bool {
        match call {
            Some(call) => self.calls.contains(&call),
            None => self.unknown == Unknown::In,
        }
    }

    fn complement(self) -> Selection {
        let all = Selection::all();
        Selection {
            calls: all.calls.difference(&self.calls).copied().collect(),
            unknown: match self.unknown {
                Unknown::In => Unknown::Out,
                Unknown::Out => Unknown::In,
            },
        }
    }

    fn list(list: &str) -> Result<Selection, SelectError> {
        match list {
            "all" => return Ok(Selection::all()),
            "none" => return Ok(Selection::none()),
            _ => {}
        }
        let mut selection = Selection::none();
        for item in list.split(',') {
            selection.add(item.trim())?;
        }
        Ok(selection)
    }

    fn add(&mut self, item: &str) -> Result<(), SelectError> {
        let (name, missing) = match item.strip_prefix('?') {
            Some(name) => (name, Missing::Ignored),
            None => (item, Missing::Refused),
        };
        match name {
            "" => return Err(SelectError::Empty),
            "all" | "%all" => {
                *self = Selection::all();
                return Ok(());
            }
            _ if name.starts_with('/') => {
                let what = "a regular expression for syscalls".to_owned();
                return Err(SelectError::NotSupported { what });
            }
            _ => {}
        }
        let found = find(name);
        if found.is_empty() && missing == Missing::Refused {
            return Err(SelectError::UnknownName { name: name.to_owned(), nearest: nearest(name) });
        }
        self.calls.extend(found);
        Ok(())
    }
}

/// What happens to a name that nothing bears; `?name` asks to ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Ignored,
    Refused,
}

/// The calls a name or class stands for.
fn find(name: &str) -> Vec<Syscall> {
    let class = match name.strip_prefix('%') {
        Some("%stat" | "%statfs") => class_named(&name[1..]),
        Some(class) => class_named(class),
        None if OLD_NAMES.contains(&name) => class_named(name),
        None => None,
    };
    match class {
        Some(class) => {
            Syscall::ALL.iter().copied().filter(|call| call.row().classes.meets(class)).collect()
        }
        None => Syscall::from_name(name).into_iter().collect(),
    }
}

fn class_named(name: &str) -> Option<Classes> {
    CLASSES.iter().find(|(known, _)| *known == name).map(|&(_, class)| class)
}

/// The word of `known` that differs least from `name`, if it differs in less than half of it.
fn nearest_of<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.map(|known| (distance(name.as_bytes(), known.as_bytes()), known));
    let (distance, best) = known.min()?;
    (distance * 2 <= name.len()).then_some(best)
}

/// The call, or the class if `name` is one's, whose name differs least from `name`.
fn nearest(name: &str) -> Option<&'static str> {
    match name.strip_prefix('%') {
        Some(class) => nearest_of(class, CLASSES.iter().map(|&(name, _)| name)),
        None => nearest_of(name, Syscall::ALL.iter().map(|call| call.row().name)),
    }
}

/// The number of single-byte edits between two names (Levenshtein), row by row.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(expression: &str) -> Result<Selection, String> {
        Selection::parse(expression).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_classes_and_complements() {
        let cases: &[(&str, Syscall, bool)] = &[
            ("openat", Syscall::Openat, true),
            ("trace=openat,close", Syscall::Close, true),
            ("trace=openat,close", Syscall::Read, false),
            ("t=%file", Syscall::Openat, true),
            ("trace=file", Syscall::Read, false),
            ("trace=!%file", Syscall::Openat, false),
            ("!openat", Syscall::Read, true),
            ("trace=%%stat", Syscall::Newfstatat, true),
            ("trace=%net", Syscall::Socket, true),
            ("?nosuchcall,read", Syscall::Read, true),
            ("all", Syscall::Read, true),
            ("none", Syscall::Read, false),
            ("%desc,execve", Syscall::Execve, true),
            ("stat", Syscall::Stat, true),
            ("stat", Syscall::Lstat, false),
        ];
        for &(expression, call, expected) in cases {
            let selection = parse(expression).expect(expression);
            assert_eq!(selection.contains(Some(call)), expected, "{expression} {call:?}");
        }
    }

    #[test]
    fn unknown_numbers_belong_to_all_and_to_complements() {
        for (expression, expected) in
            [("all", true), ("!read", true), ("read", false), ("none", false), ("!all", false)]
        {
            let selection = parse(expression).expect(expression);
            assert_eq!(selection.contains(None), expected, "{expression}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            ("opnat", "no syscall or class is called 'opnat'; did you mean 'openat'?"),
            ("trace=xyzzyplugh", "no syscall or class is called 'xyzzyplugh'"),
            ("status=failed", "-e status= is not supported yet"),
            ("trace=/^open", "a regular expression for syscalls is not supported yet"),
            ("read,,write", "a name is missing in the list of syscalls"),
        ];
        for (expression, expected) in cases {
            assert_eq!(parse(expression).expect_err(expression), expected, "{expression}");
        }
    }
}
