//! A set of calls, and strace's way of naming one.
//!
//! Names, numbers, classes with or without `%`, regular expressions behind a `/`, `all`, `none`, comma lists,
//! and a leading `!` for the rest. What a set is for (`-e trace=`, `-e raw=`, …) is the business of
//! [`super::qualifier`].
//!
//! A name means the call in each ABI, unless `@64` or `@32` behind it says which. A class, a pattern or a
//! number is what it is in each.
//!
//! Deliberately absent: calls of x32, which vrift shows by number. `@x32` is accepted and chooses none of them.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use vrift_arch::syscall::{Classes, Row};
use vrift_arch::{Arch, Native, Syscall};

use crate::call::Abi;

/// The words of a bit set over all calls.
const WORDS: usize = Syscall::ALL.len().div_ceil(64);

/// A set of calls, of programs of either width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    native: Set,
    compat: Set,
}

/// A set of calls of one ABI.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set([u64; WORDS]);

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
    /// What follows the `@` names no ABI.
    Suffix {
        /// What follows.
        suffix: String,
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
            SelectError::Suffix { suffix } => {
                write!(f, "no programs are called '@{suffix}'; there are @64, @32 and @x32")
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

impl Set {
    const NONE: Set = Set([0; WORDS]);

    fn contains(&self, call: Syscall) -> bool {
        self.0[call as usize / 64] >> (call as usize % 64) & 1 == 1
    }

    fn insert(&mut self, call: Syscall) {
        self.0[call as usize / 64] |= 1 << (call as usize % 64);
    }

    fn complement(&self) -> Set {
        let mut rest = self.0.map(|word| !word);
        // The last word has bits that stand for no call; they stay 0 so that equal sets are equal.
        if let (Some(last), used @ 1..) = (rest.last_mut(), Syscall::ALL.len() % 64) {
            *last &= (1 << used) - 1;
        }
        Set(rest)
    }

    /// Leaves the calls whose row fulfils a condition.
    fn restrict(&mut self, condition: impl Fn(&Row) -> bool) {
        for &call in Syscall::ALL {
            if !condition(call.row()) {
                self.0[call as usize / 64] &= !(1 << (call as usize % 64));
            }
        }
    }

    /// Adds what an item stands for in an ABI; tells whether that is anything.
    fn add<A: Arch>(&mut self, item: &Item<'_>) -> bool {
        if matches!(item, Item::All) {
            *self = Set::NONE.complement();
            return true;
        }
        let mut found = false;
        for call in item.calls::<A>() {
            self.insert(call);
            found = true;
        }
        found
    }
}

impl Selection {
    /// Every call.
    pub fn all() -> Selection {
        Selection::none().complement()
    }

    /// No call.
    pub fn none() -> Selection {
        Selection { native: Set::NONE, compat: Set::NONE }
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

    /// Whether a call through an ABI is in it. `None` stands for a number no table knows, which is in every
    /// set, as with strace.
    pub fn contains(&self, abi: Abi, call: Option<Syscall>) -> bool {
        call.is_none_or(|call| match abi {
            Abi::Native | Abi::Foreign { .. } => self.native.contains(call),
            Abi::Compat => self.compat.contains(call),
        })
    }

    /// Whether a call is in it, through whichever ABI.
    pub fn touches(&self, call: Option<Syscall>) -> bool {
        call.is_none_or(|call| self.native.contains(call) || self.compat.contains(call))
    }

    /// The calls of this set whose row fulfils a condition.
    pub fn restricted(mut self, condition: impl Fn(&Row) -> bool) -> Selection {
        self.native.restrict(&condition);
        self.compat.restrict(&condition);
        self
    }

    fn complement(self) -> Selection {
        Selection { native: self.native.complement(), compat: self.compat.complement() }
    }

    fn list(list: &str) -> Result<Selection, SelectError> {
        let mut selection = Selection::none();
        if list != "none" {
            for item in list.split(',') {
                selection.add(item.trim())?;
            }
        }
        Ok(selection)
    }

    fn add(&mut self, item: &str) -> Result<(), SelectError> {
        let (whole, missing) = match item.strip_prefix('?') {
            Some(whole) => (whole, Missing::Ignored),
            None => (item, Missing::Refused),
        };
        let (name, width) = match whole.rsplit_once('@') {
            Some((name, suffix)) => (name, Width::parse(suffix)?),
            None => (whole, Width::Both),
        };
        let item = Item::parse(name)?;
        let mut found = matches!(item, Item::Matching(_)) || width == Width::X32;
        if matches!(width, Width::Both | Width::Wide) {
            found |= self.native.add::<Native>(&item);
        }
        if matches!(width, Width::Both | Width::Narrow) {
            found |= self.compat.add::<<Native as Arch>::Compat>(&item);
        }
        // Its programs of 32 bits make calls of which there is no table.
        let untold = <Native as Arch>::Compat::table().is_empty() && width != Width::Wide;
        found |= untold && matches!(item, Item::Name(name) if Syscall::from_name(name).is_some());
        if !found && missing == Missing::Refused {
            return Err(SelectError::UnknownName {
                name: whole.to_owned(),
                nearest: nearest(name),
            });
        }
        Ok(())
    }
}

/// What happens to a name that nothing bears; `?name` asks to ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Ignored,
    Refused,
}

/// Of which programs calls are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Both,
    Wide,
    Narrow,
    X32,
}

impl Width {
    fn parse(suffix: &str) -> Result<Width, SelectError> {
        match suffix {
            "64" => Ok(Width::Wide),
            "32" => Ok(Width::Narrow),
            "x32" => Ok(Width::X32),
            _ => Err(SelectError::Suffix { suffix: suffix.to_owned() }),
        }
    }
}

/// What one word of a list stands for.
#[derive(Debug, Clone)]
enum Item<'a> {
    All,
    Class(Classes),
    Matching(Regex),
    Number(u64),
    Name(&'a str),
}

impl<'a> Item<'a> {
    fn parse(name: &'a str) -> Result<Item<'a>, SelectError> {
        if let Some(pattern) = name.strip_prefix('/') {
            return matching(pattern).map(Item::Matching);
        }
        let class = match name.strip_prefix('%') {
            Some("%stat" | "%statfs") => class_named(&name[1..]),
            Some(class) => class_named(class),
            None if OLD_NAMES.contains(&name) => class_named(name),
            None => None,
        };
        Ok(match (name, class) {
            ("", _) => return Err(SelectError::Empty),
            ("all" | "%all", _) => Item::All,
            (_, Some(class)) => Item::Class(class),
            _ => name.parse().map_or(Item::Name(name), Item::Number),
        })
    }

    /// The calls that this stands for in an ABI. A class has all of its calls: of those that an ABI lacks there are none.
    fn calls<A: Arch>(&self) -> Vec<Syscall> {
        match self {
            Item::All => Syscall::ALL.to_vec(),
            Item::Class(class) => among_all(|call| call.row().classes.meets(*class)),
            Item::Matching(pattern) => among_all(|call| pattern.is_match(call.name().as_bytes())),
            Item::Number(number) => A::syscall(*number).into_iter().collect(),
            Item::Name(name) => {
                Syscall::from_name(name).into_iter().filter(|&call| has::<A>(call)).collect()
            }
        }
    }
}

fn among_all(condition: impl Fn(Syscall) -> bool) -> Vec<Syscall> {
    Syscall::ALL.iter().copied().filter(|&call| condition(call)).collect()
}

/// Whether an ABI has a call, be it inside another one.
fn has<A: Arch>(call: Syscall) -> bool {
    let inside =
        |&(_, outer): &(u32, Syscall)| A::members(outer).iter().any(|&(_, member)| member == call);
    A::number(call).is_some() || A::table().iter().any(inside)
}

/// An expression that matches names of calls.
fn matching(pattern: &str) -> Result<Regex, SelectError> {
    // Names of calls are ASCII; without Unicode tables the expression is small.
    RegexBuilder::new(pattern).unicode(false).build().map_err(|error| {
        let why = error.to_string();
        // Syntax errors come with a drawing of the place; the last line says it in words.
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        SelectError::Pattern { pattern: pattern.to_owned(), why }
    })
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
            assert_eq!(
                selection.contains(Abi::Native, Some(call)),
                expected,
                "{expression} {call:?}"
            );
        }
    }

    #[test]
    fn a_call_may_be_named_by_its_number() {
        let number = Native::number(Syscall::Openat).expect("every machine has it");
        let selection = parse(&format!("close,{number}")).expect("both are calls");
        assert!(
            selection.contains(Abi::Native, Some(Syscall::Openat))
                && selection.contains(Abi::Native, Some(Syscall::Close))
        );
        assert!(!selection.contains(Abi::Native, Some(Syscall::Read)));
        assert_eq!(parse("99999").expect_err("no number"), "no syscall or class is called '99999'");
    }

    #[test]
    fn a_suffix_says_of_which_programs_calls_are_meant() {
        if <Native as Arch>::Compat::table().is_empty() {
            return;
        }
        for (expression, call, wide, narrow) in [
            ("read", Syscall::Read, true, true),
            ("read@64", Syscall::Read, true, false),
            ("read@32", Syscall::Read, false, true),
            ("read@x32", Syscall::Read, false, false),
            ("!read@32", Syscall::Read, true, false),
            ("!read@32", Syscall::Write, true, true),
            ("%file@32", Syscall::Open, false, true),
            ("/^re@64", Syscall::Read, true, false),
            ("all@32", Syscall::Read, false, true),
            ("3", Syscall::Read, false, true),
            ("3@32", Syscall::Read, false, true),
            ("0@64,4", Syscall::Read, true, false),
            ("shmat@32", Syscall::Shmat, false, true),
            ("?socketcall@64,read@64", Syscall::Socketcall, false, false),
        ] {
            let selection = parse(expression).expect(expression);
            let found = [Abi::Native, Abi::Compat].map(|abi| selection.contains(abi, Some(call)));
            assert_eq!(found, [wide, narrow], "{expression} {call:?}");
        }
        for (expression, expected) in [
            ("socketcall@64", "no syscall or class is called 'socketcall@64'"),
            ("read@", "no programs are called '@'; there are @64, @32 and @x32"),
            ("read@x86", "no programs are called '@x86'; there are @64, @32 and @x32"),
        ] {
            let error = parse(expression).expect_err(expression);
            assert!(error.starts_with(expected), "{expression}: {error}");
        }
    }

    #[test]
    fn unknown_numbers_are_in_every_set() {
        for expression in ["all", "!read", "read", "none", "!all", "read@32"] {
            let selection = parse(expression).expect(expression);
            assert!(selection.contains(Abi::Native, None), "{expression}");
            assert!(selection.touches(None), "{expression}");
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
