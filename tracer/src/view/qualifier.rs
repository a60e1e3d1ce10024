//! strace's `-e` expressions: a qualifier, and the set it takes.
//!
//! Deliberately absent: qualifiers that change the tracee (`inject`, `fault`) or dump data (`read`,
//! `write`, `kvm`). They are refused by name rather than misread as a list of calls.

use std::fmt;

use super::filter::{UnknownWord, Words};
use super::select::{SelectError, Selection, nearest_of};
use super::style::Descriptors;

/// What one `-e` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifier {
    /// The calls that are shown.
    Trace(Selection),
    /// The calls whose structures are shortened.
    Abbrev(Selection),
    /// The calls whose structures are looked into.
    Verbose(Selection),
    /// The calls whose arguments are shown as the registers hold them.
    Raw(Selection),
    /// The signals that are shown.
    Signal(Words),
    /// The outcomes of calls that are shown.
    Status(Words),
    /// The messages that are not shown.
    Quiet(Words),
    /// What is told of descriptors.
    Descriptors(Descriptors),
}

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum QualifierError {
    /// A list of calls is wrong.
    Calls(SelectError),
    /// Another list is wrong.
    Words(UnknownWord),
    /// A qualifier that strace has and vrift does not.
    NotSupported {
        /// Its name.
        name: String,
    },
    /// A word in the place of a qualifier.
    Unknown {
        /// The word.
        name: String,
        /// The qualifier it may stand for.
        nearest: Option<&'static str>,
    },
}

impl fmt::Display for QualifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QualifierError::Calls(error) => error.fmt(f),
            QualifierError::Words(error) => error.fmt(f),
            QualifierError::NotSupported { name } => write!(f, "-e {name}= is not supported"),
            QualifierError::Unknown { name, nearest: Some(nearest) } => {
                write!(f, "-e has no {name}=; did you mean {nearest}=?")
            }
            QualifierError::Unknown { name, nearest: None } => write!(f, "-e has no {name}="),
        }
    }
}

impl std::error::Error for QualifierError {}

impl From<SelectError> for QualifierError {
    fn from(error: SelectError) -> QualifierError {
        QualifierError::Calls(error)
    }
}

impl From<UnknownWord> for QualifierError {
    fn from(error: UnknownWord) -> QualifierError {
        QualifierError::Words(error)
    }
}

/// The qualifiers, by the names the help has.
const SUPPORTED: &[&str] =
    &["trace", "signal", "status", "quiet", "abbrev", "verbose", "raw", "decode-fds"];

/// Qualifiers that are known and not built.
const NOT_SUPPORTED: &[&str] = &[
    "read",
    "reads",
    "r",
    "write",
    "writes",
    "w",
    "fault",
    "inject",
    "kvm",
    "decode-pids",
    "decode-pid",
];

impl Qualifier {
    /// Reads the argument of `-e`; a list without a qualifier is one of calls to show.
    ///
    /// # Errors
    /// [`QualifierError`] says what is wrong with it, in words for the user.
    pub fn parse(expression: &str) -> Result<Qualifier, QualifierError> {
        let Some((name, list)) = expression.split_once('=') else {
            return Ok(Qualifier::Trace(Selection::parse(expression)?));
        };
        Ok(match name {
            "trace" | "t" => Qualifier::Trace(Selection::parse(list)?),
            "abbrev" | "a" => Qualifier::Abbrev(Selection::parse(list)?),
            "verbose" | "v" => Qualifier::Verbose(Selection::parse(list)?),
            "raw" | "x" => Qualifier::Raw(Selection::parse(list)?),
            "signal" | "signals" | "s" => Qualifier::Signal(Words::signals(list)?),
            "status" => Qualifier::Status(Words::statuses(list)?),
            "quiet" | "silent" | "silence" | "q" => Qualifier::Quiet(Words::messages(list)?),
            "decode-fds" | "decode-fd" => Qualifier::Descriptors(Descriptors::parse(list)?),
            _ if NOT_SUPPORTED.contains(&name) => {
                return Err(QualifierError::NotSupported { name: name.to_owned() });
            }
            // A name cannot have such characters, a pattern can.
            _ if name.contains(['/', ',', '%', '!']) => {
                Qualifier::Trace(Selection::parse(expression)?)
            }
            _ => {
                let nearest = nearest_of(name, SUPPORTED.iter().copied());
                return Err(QualifierError::Unknown { name: name.to_owned(), nearest });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use vrift_arch::Syscall;

    use super::*;

    #[test]
    fn the_qualifier_says_what_the_list_is_for() {
        let opens = || Selection::parse("openat").expect("a call");
        let cases = [
            ("openat", Qualifier::Trace(opens())),
            ("t=openat", Qualifier::Trace(opens())),
            ("trace=openat", Qualifier::Trace(opens())),
            ("a=openat", Qualifier::Abbrev(opens())),
            ("verbose=openat", Qualifier::Verbose(opens())),
            ("x=openat", Qualifier::Raw(opens())),
            ("s=all", Qualifier::Signal(Words::ALL)),
            ("status=none", Qualifier::Status(Words::NONE)),
            ("q=none", Qualifier::Quiet(Words::NONE)),
        ];
        for (expression, expected) in cases {
            assert_eq!(Qualifier::parse(expression), Ok(expected), "{expression}");
        }
        let Ok(Qualifier::Trace(rest)) = Qualifier::parse("!openat") else { panic!("a list") };
        assert!(!rest.touches(Some(Syscall::Openat)) && rest.touches(Some(Syscall::Read)));
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (expression, expected) in [
            ("read=3", "-e read= is not supported"),
            ("inject=openat:error=ENOENT", "-e inject= is not supported"),
            ("foo=bar", "-e has no foo="),
            ("staus=failed", "-e has no staus=; did you mean status=?"),
            ("!foo=bar", "no syscall or class is called 'foo=bar'"),
            ("signal=SIGCHILD", "no signal is called 'SIGCHILD'"),
        ] {
            let error = Qualifier::parse(expression).expect_err(expression);
            assert_eq!(error.to_string(), expected, "{expression}");
        }
    }
}
