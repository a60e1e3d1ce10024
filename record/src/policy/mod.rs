//! What a program tree may do: rules in TOML, and what breaks them.
//!
//! Deliberately absent: how a call is stopped; the recorder does that, if it is asked to.

mod judge;
mod pattern;
mod rules;

use std::fmt;
use std::path::{Path, PathBuf};

pub use judge::{Broken, Judge, Realm, Violation};
use rules::{Classes, Lists, Patterns};
use serde::Deserialize;

/// Where patterns that are no absolute paths start.
#[derive(Debug, Clone)]
pub struct Places {
    /// The directory the command is run in.
    pub cwd: PathBuf,
    /// What `~/` stands for.
    pub home: Option<PathBuf>,
    /// Where a path leads, if anything is there: paths are compared without symlinks.
    pub leads_to: fn(&Path) -> Option<PathBuf>,
}

/// The rules a program tree is held to.
#[derive(Debug, Clone)]
pub struct Policy {
    forbid: Classes,
    read: Lists,
    write: Lists,
    exec: Lists,
    network: Lists,
    escape: Lists,
    digest: [u8; 32],
}

/// A policy as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    forbid: Vec<String>,
    read: WrittenLists,
    write: WrittenLists,
    exec: WrittenLists,
    network: WrittenLists,
    escape: WrittenLists,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenLists {
    allow: Vec<String>,
    deny: Vec<String>,
}

/// What is wrong with a policy.
#[derive(Debug)]
pub enum PolicyError {
    /// It is not TOML, or has a key that means nothing.
    Syntax(Box<toml::de::Error>),
    /// A class of this name does not exist.
    Class {
        /// The name.
        name: String,
    },
    /// A pattern is none.
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        source: globset::Error,
    },
    /// A pattern is one, and can never match.
    Futile {
        /// The pattern.
        pattern: String,
        /// Why.
        why: String,
    },
    /// A pattern starts with `~/` and there is no home directory.
    Homeless {
        /// The pattern.
        pattern: String,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::Syntax(error) => {
                let line = error.to_string();
                write!(f, "it cannot be read: {}", line.trim_end().replace('\n', " "))
            }
            PolicyError::Class { name } => write!(
                f,
                "there is no class '{name}' to forbid; there are {}",
                rules::CLASSES.map(|(name, _)| name).join(", ")
            ),
            PolicyError::Pattern { pattern, .. } => write!(f, "'{pattern}' is no pattern"),
            PolicyError::Futile { pattern, why } => {
                write!(f, "'{pattern}' can never match: {why}")
            }
            PolicyError::Homeless { pattern } => {
                write!(f, "'{pattern}' needs HOME, which is not set")
            }
        }
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PolicyError::Pattern { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong with it.
    pub fn parse(text: &str, places: &Places) -> Result<Policy, PolicyError> {
        let written: Written =
            toml::from_str(text).map_err(|error| PolicyError::Syntax(Box::new(error)))?;
        let paths = |lists| Lists::parse(lists, |list| Patterns::of_paths(list, places));
        Ok(Policy {
            forbid: Classes::parse(&written.forbid)?,
            read: paths(&written.read)?,
            write: paths(&written.write)?,
            exec: paths(&written.exec)?,
            network: Lists::parse(&written.network, Patterns::of_endpoints)?,
            escape: Lists::parse(&written.escape, Patterns::of_escapes)?,
            digest: *blake3::hash(text.as_bytes()).as_bytes(),
        })
    }

    /// The digest of its text.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
