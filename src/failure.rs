//! How vrift itself fails: what, where, why, what to do, and with which exit status.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::process::ExitCode;

use nix::errno::Errno;

use crate::commands::die_of;
use crate::inherited::ignored_signals;

/// vrift failed, not the command it ran.
pub(crate) const VRIFT_FAILED: u8 = 125;
/// The command was found but cannot be executed.
pub(crate) const CANNOT_EXECUTE: u8 = 126;
/// The command was not found.
pub(crate) const NOT_FOUND: u8 = 127;

/// A failure to tell the user about.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    reader: Reader,
    what: String,
    source: Option<Box<dyn Error>>,
    hint: Option<String>,
}

impl Failure {
    /// `what` went wrong.
    pub(crate) fn new(what: impl fmt::Display) -> Failure {
        let (status, reader) = (VRIFT_FAILED, Reader::There);
        Failure { status, reader, what: what.to_string(), source: None, hint: None }
    }

    /// The reason behind it.
    pub(crate) fn because(self, source: impl Error + 'static) -> Failure {
        Failure { reader: Reader::of(&source), source: Some(Box::new(source)), ..self }
    }

    /// What the user can do.
    pub(crate) fn hint(self, hint: impl fmt::Display) -> Failure {
        Failure { hint: Some(hint.to_string()), ..self }
    }

    /// Another exit status than 125.
    pub(crate) fn status(self, status: u8) -> Failure {
        Failure { status, ..self }
    }

    /// Whether it is the command that could not be executed, and not vrift that failed.
    pub(crate) fn is_of_command(&self) -> bool {
        self.status != VRIFT_FAILED
    }

    /// Prints it and returns the exit status. Whoever reads an output and closes it wants no more of it, and no
    /// message either: other programs end by SIGPIPE then, unless they were started with that ignored.
    pub(crate) fn report(&self) -> ExitCode {
        let ignored = ignored_signals() >> (libc::SIGPIPE - 1) & 1 == 1;
        if self.reader == Reader::Gone && !ignored {
            return die_of(libc::SIGPIPE);
        }
        let mut text = self.what.clone();
        if let Some(source) = &self.source {
            text.push_str(": ");
            text.push_str(&chain(source.as_ref()));
        }
        complain(&text);
        if let Some(hint) = &self.hint {
            say(&format!("  hint: {hint}"));
        }
        ExitCode::from(self.status)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let failure = Failure { reader: Reader::of(&error), ..Failure::new(chain(&error)) };
        match hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// Whether somebody still reads what vrift writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

impl Reader {
    fn of(error: &(dyn Error + 'static)) -> Reader {
        let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let gone = error.downcast_ref().is_some_and(is_pipe)
            || error.downcast_ref() == Some(&Errno::EPIPE);
        match error.source() {
            _ if gone => Reader::Gone,
            Some(source) => Reader::of(source),
            None => Reader::There,
        }
    }
}

/// What the user can do, if it is the store that failed.
fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    error.downcast_ref().and_then(store_hint).or_else(|| hint(error.source()?))
}

/// What the user can do about a failure of the store, where that follows from it.
pub(crate) fn store_hint(error: &vrift_cas::Error) -> Option<&'static str> {
    use vrift_cas::Error;
    match error {
        Error::Full { .. } => Some(
            "nothing is left half-written; free space (`vrift cas gc` says what the store can give \
             back) and do it again",
        ),
        Error::Missing { .. } => {
            Some("ingest the tree again, or name the store that has it with VR_THE_SOURCE")
        }
        Error::Io { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied => {
                Some("work as the store's owner, or name another with VR_THE_SOURCE")
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                Some("remount it writable, or name another store with VR_THE_SOURCE")
            }
            _ => None,
        },
        Error::Flag { source, .. } => match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Some(
                "the flag needs CAP_LINUX_IMMUTABLE: work as root, outside of containers that take \
                 it away",
            ),
            Some(libc::ENOTTY | libc::EOPNOTSUPP | libc::EINVAL) => {
                Some("the file system of the store does not have the flag; ext4, xfs and btrfs do")
            }
            _ => None,
        },
        _ => None,
    }
}

/// An error with all its reasons in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        text.push_str(": ");
        text.push_str(&reason.to_string());
        source = reason.source();
    }
    text
}

/// Prints a message of vrift's own.
pub(crate) fn complain(text: &str) {
    say(&format!("vrift: {text}"));
}

fn say(line: &str) {
    // There is nowhere left to complain to if standard error is gone.
    let _ = writeln!(io::stderr(), "{}", OneLine(line));
}

/// A text with names in it, which may hold line ends, and commands for a terminal.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\{byte:03o}")?;
                    }
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Wrong arguments are vrift's failure (125); help and version are answers.
pub(crate) fn usage(usage: &clap::Error) -> ExitCode {
    let _ = usage.print();
    if usage.use_stderr() { ExitCode::from(VRIFT_FAILED) } else { ExitCode::SUCCESS }
}
