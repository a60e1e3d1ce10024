//! A set of calls, and strace's way of naming one.
//!
//! Names, numbers, classes with or without `%`, regular expressions behind a `/`, `all`, `none`, comma lists,
//! and a leading `!` for the rest. What a set is for (`-e trace=`, `-e raw=`, …) is the business of
//! [`super::qualifier`].
//!
//! Deliberately absent: a choice between the ABIs of a call. A name means the call in each; `@64` is
//! accepted and means nothing, `@32` and `@x32` are unknown.

use std::fmt;

use regex::bytes::RegexBuilder;
use vrift_arch::syscall::{Classes, Row};
use vrift_arch::{Arch, Native, Syscall};

/// The words of a bit set over all calls.
const WORDS: usize = Syscall::ALL.len().div_ceil(64);

/// A set of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    calls: [u64; WORDS],
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
    /// What follows the `/` is no regular expression.
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        why: String,
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
            SelectError::Pattern { pattern, why } => {
                write!(f, "'{pattern}' is no regular expression: {why}")
            }
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
    ("%statfs", Classes::STATFS.and(Classes::FSTATFS).and(Classes::USTAT)),
];

/// Classes whose name without `%` strace still takes; the others need it.
const OLD_NAMES: &[&str] = &["file", "desc", "process", "memory", "signal", "network", "ipc"];

impl Selection {
    /// Every call, known or not.
    pub fn all() -> Selection {
        Selection::none().complement()
    }

    /// No call.
    pub fn none() -> Selection {
        Selection { calls: [0; WORDS], unknown: Unknown::Out }
    }

    /// Reads a list: `openat,%process,/^get`, or `!` and a list.
    ///
    /// # Errors
    /// [`SelectError`] says what is wrong with it, in words for the user.
    pub fn parse(list: &str) -> Result<Selection, SelectError> {
        match list.strip_prefix('!') {
            Some(list) => Ok(Selection::list(list)?.complement()),
            None => Selection::list(list),
        }
    }

    /// Whether a call is in it; `None` stands for a number no table knows.
    pub fn contains(&self, call: Option<Syscall>) -> bool {
        match call {
            Some(call) => self.calls[call as usize / 64] >> (call as usize % 64) & 1 == 1,
            None => self.unknown == Unknown::In,
        }
    }

    /// The calls of this set whose row fulfils a condition; unknown numbers have no row.
    pub fn restricted(mut self, condition: impl Fn(&Row) -> bool) -> Selection {
        self.unknown = Unknown::Out;
        for &call in Syscall::ALL {
            if !condition(call.row()) {
                self.calls[call as usize / 64] &= !(1 << (call as usize % 64));
            }
        }
        self
    }

    fn insert(&mut self, call: Syscall) {
        self.calls[call as usize / 64] |= 1 << (call as usize % 64);
    }

    fn complement(self) -> Selection {
        let mut rest = Selection {
            calls: self.calls.map(|word| !word),
            unknown: match self.unknown {
                Unknown::In => Unknown::Out,
                Unknown::Out => Unknown::In,
            },
        };
        // The last word has bits that stand for no call; they stay 0 so that equal sets are equal.
        if let (Some(last), used @ 1..) = (rest.calls.last_mut(), Syscall::ALL.len() % 64) {
            *last &= (1 << used) - 1;
        }
        rest
    }

    fn list(list: &str) -> Result<Selection, SelectError> {
        if list == "none" {
            return Ok(Selection::none());
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
        let name = name.strip_suffix("@64").unwrap_or(name);
        let found = match name {
            "" => return Err(SelectError::Empty),
            "all" | "%all" => {
                *self = Selection::all();
                return Ok(());
            }
            _ => match name.strip_prefix('/') {
                Some(pattern) => matching(pattern)?,
                None => find(name),
            },
        };
        if found.is_empty() && missing == Missing::Refused && !name.starts_with('/') {
            return Err(SelectError::UnknownName { name: name.to_owned(), nearest: nearest(name) });
        }
        found.into_iter().for_each(|call| self.insert(call));
        Ok(())
    }
}

/// The calls with a match of `pattern` in their names.
fn matching(pattern: &str) -> Result<Vec<Syscall>, SelectError> {
    // Names of calls are ASCII; without Unicode tables the expression is small.
    let compiled = RegexBuilder::new(pattern).unicode(false).build().map_err(|error| {
        let why = error.to_string();
        // Syntax errors come with a drawing of the place; the last line says it in words.
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        SelectError::Pattern { pattern: pattern.to_owned(), why }
    })?;
    let named = |call: &Syscall| compiled.is_match(call.name().as_bytes());
    Ok(Syscall::ALL.iter().copied().filter(named).collect())
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
        None => by_number(name).or_else(|| Syscall::from_name(name)).into_iter().collect(),
    }
}

/// The call with a number of this machine's table.
fn by_number(number: &str) -> Option<Syscall> {
    number.parse().ok().and_then(Native::syscall)
}

fn class_named(name: &str) -> Option<Classes> {
    CLASSES.iter().find(|(known, _)| *known == name).map(|&(_, class)| class)
}

/// The word of `known` that differs least from `name`, if it differs in less than half of it.
pub(crate) fn nearest_of<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
            ("openat,close", Syscall::Close, true),
            ("openat,close", Syscall::Read, false),
            ("%file", Syscall::Openat, true),
            ("file", Syscall::Read, false),
            ("!%file", Syscall::Openat, false),
            ("!openat", Syscall::Read, true),
            ("%%stat", Syscall::Newfstatat, true),
            ("%net", Syscall::Socket, true),
            ("?nosuchcall,read", Syscall::Read, true),
            ("all", Syscall::Read, true),
            ("none", Syscall::Read, false),
            ("%desc,execve", Syscall::Execve, true),
            ("stat", Syscall::Stat, true),
            ("stat", Syscall::Lstat, false),
            ("/^open", Syscall::Openat, true),
            ("/^open", Syscall::MqOpen, false),
            ("close,/open", Syscall::MqOpen, true),
            ("!/^(read|open)", Syscall::Read, false),
            ("openat@64", Syscall::Openat, true),
            ("%%statfs", Syscall::Ustat, true),
            ("%statfs", Syscall::Ustat, false),
        ];
        for &(expression, call, expected) in cases {
            let selection = parse(expression).expect(expression);
            assert_eq!(selection.contains(Some(call)), expected, "{expression} {call:?}");
        }
    }

    #[test]
    fn a_call_may_be_named_by_its_number() {
        let number = Native::number(Syscall::Openat).expect("every machine has it");
        let selection = parse(&format!("close,{number}")).expect("both are calls");
        assert!(
            selection.contains(Some(Syscall::Openat)) && selection.contains(Some(Syscall::Close))
        );
        assert!(!selection.contains(Some(Syscall::Read)));
        assert_eq!(parse("99999").expect_err("no number"), "no syscall or class is called '99999'");
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
    fn a_set_is_its_complements_complement() {
        for list in ["all", "none", "%file", "read"] {
            let set = parse(list).expect(list);
            assert_eq!(set.clone().complement().complement(), set, "{list}");
        }
        assert_eq!(parse("!none"), Ok(Selection::all()));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            ("opnat", "no syscall or class is called 'opnat'; did you mean 'openat'?"),
            ("xyzzyplugh", "no syscall or class is called 'xyzzyplugh'"),
            ("/(", "'(' is no regular expression: unclosed group"),
            ("read,,write", "a name is missing in the list of syscalls"),
        ];
        for (expression, expected) in cases {
            assert_eq!(parse(expression).expect_err(expression), expected, "{expression}");
        }
    }
}
