//! Lists of patterns, and classes.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::pattern::{endpoint, escape, paths};
use super::{Places, PolicyError, WrittenLists};
use crate::event::Class;

/// The classes that can be forbidden, by name.
pub(super) const CLASSES: [(&str, Class); 4] = [
    ("undeclared-input", Class::UndeclaredInput),
    ("host-write", Class::HostWrite),
    ("network", Class::Network),
    ("escape", Class::Escape),
];

/// What is forbidden as long as nothing allows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes(Vec<Class>);

impl Classes {
    pub(super) fn parse(names: &[String]) -> Result<Classes, PolicyError> {
        let class = |name: &String| {
            let known = CLASSES.iter().find(|(known, _)| known == name);
            known.map(|&(_, class)| class).ok_or_else(|| PolicyError::Class { name: name.clone() })
        };
        names.iter().map(class).collect::<Result<_, _>>().map(Classes)
    }

    pub(super) fn has(&self, class: Class) -> bool {
        self.0.contains(&class)
    }
}

/// What is allowed, and what is denied in any case.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    pub(super) allow: Patterns,
    pub(super) deny: Patterns,
}

impl Lists {
    pub(super) fn parse(
        written: &WrittenLists,
        patterns: impl Fn(&[String]) -> Result<Patterns, PolicyError>,
    ) -> Result<Lists, PolicyError> {
        Ok(Lists { allow: patterns(&written.allow)?, deny: patterns(&written.deny)? })
    }
}

/// Patterns, as they are written and as they match.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    written: Vec<String>,
    /// Which of them each of the set belongs to.
    of: Vec<usize>,
    set: GlobSet,
}

impl Patterns {
    /// Patterns of paths: `*` stays within a directory, `**` does not. What a pattern names includes
    /// what lies below it.
    pub(super) fn of_paths(written: &[String], places: &Places) -> Result<Patterns, PolicyError> {
        let below = |path: &str| [path.to_owned(), format!("{path}/**")];
        Patterns::new(written, |pattern| {
            let paths = paths(pattern, places)?;
            Ok(paths.iter().flat_map(|path| below(path.trim_end_matches('/'))).collect())
        })
    }

    /// Patterns of endpoints.
    pub(super) fn of_endpoints(written: &[String]) -> Result<Patterns, PolicyError> {
        Patterns::new(written, |pattern| Ok(vec![endpoint(pattern)?]))
    }

    /// Patterns of escapes.
    pub(super) fn of_escapes(written: &[String]) -> Result<Patterns, PolicyError> {
        Patterns::new(written, |pattern| Ok(vec![escape(pattern)?]))
    }

    fn new(
        written: &[String],
        meant: impl Fn(&str) -> Result<Vec<String>, PolicyError>,
    ) -> Result<Patterns, PolicyError> {
        let mut set = GlobSetBuilder::new();
        let mut of = Vec::new();
        let wrong = |pattern: &str| {
            let pattern = pattern.to_owned();
            move |source| PolicyError::Pattern { pattern, source }
        };
        for (at, pattern) in written.iter().enumerate() {
            for text in meant(pattern)? {
                set.add(glob(&text).map_err(wrong(pattern))?);
                of.push(at);
            }
        }
        let set = set.build().map_err(wrong(""))?;
        Ok(Patterns { written: written.to_vec(), of, set })
    }

    /// The first pattern that matches, as it is written.
    pub(super) fn find(&self, text: &[u8]) -> Option<&str> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(text));
        let at = self.set.matches(path).first().copied()?;
        self.written.get(*self.of.get(at)?).map(String::as_str)
    }
}

pub(super) fn glob(text: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()
}
