//! Which events are shown, beyond the choice of calls: outcomes, signals, messages.
//!
//! Text and JSON lines ask the same [`Filter`], so that both tell of the same events.

use std::fmt;

use super::event::Event;
use super::names::signal_short;
use super::select::nearest_of;
use crate::call::Outcome;

/// Names of bits.
pub(super) type Names = &'static [(&'static str, u64)];

/// The outcomes of `-e status=`. The last two never come from vrift: it always learns how a call
/// ended, and `detached` is for calls that outlast the watching.
const STATUSES: Names = &[
    ("successful", 1),
    ("failed", 1 << 1),
    ("unfinished", 1 << 2),
    ("unavailable", 1 << 3),
    ("detached", 1 << 4),
];

/// The messages of `-e quiet=`. vrift has not the first.
const MESSAGES: Names = &[
    ("attach", 1),
    ("exit", 1 << 1),
    ("exits", 1 << 1),
    ("path-resolution", 1 << 2),
    ("personality", 1 << 3),
    ("thread-execve", 1 << 4),
    ("superseded", 1 << 4),
];

/// The highest signal number.
const SIGNAL_MAX: i32 = 64;

/// A set that `-e` names by words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(u64);

/// A word that no set of its kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// What kind of word was expected.
    pub kind: &'static str,
    /// What came.
    pub word: String,
    /// The known word that resembles it most, if one does.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is called '{}'", self.kind, self.word)?;
        match self.nearest {
            Some(nearest) => write!(f, "; did you mean '{nearest}'?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownWord {}

impl Words {
    /// Every member.
    pub const ALL: Words = Words(u64::MAX);
    /// No member.
    pub const NONE: Words = Words(0);

    /// Reads a list of outcomes.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that is none.
    pub fn statuses(list: &str) -> Result<Words, UnknownWord> {
        Words::read(list, "status", |word| bit(STATUSES, word))
            .map_err(|error| error.resembling(STATUSES))
    }

    /// Reads a list of kinds of messages.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that is none.
    pub fn messages(list: &str) -> Result<Words, UnknownWord> {
        Words::read(list, "message", |word| bit(MESSAGES, word))
            .map_err(|error| error.resembling(MESSAGES))
    }

    /// Reads a list of signals: `SIGCHLD`, `chld`, `17`.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that is none.
    pub fn signals(list: &str) -> Result<Words, UnknownWord> {
        Words::read(list, "signal", |word| Some(1 << (signal_number(word)? - 1)))
    }

    pub(super) fn read(
        list: &str,
        kind: &'static str,
        bit: impl Fn(&str) -> Option<u64>,
    ) -> Result<Words, UnknownWord> {
        let (list, inverted) = match list.strip_prefix('!') {
            Some(list) => (list, u64::MAX),
            None => (list, 0),
        };
        let mut bits = 0;
        for word in list.split(',') {
            bits |= match word {
                "all" => u64::MAX,
                "none" => 0,
                word => bit(word).ok_or_else(|| UnknownWord {
                    kind,
                    word: word.to_owned(),
                    nearest: None,
                })?,
            };
        }
        Ok(Words(bits ^ inverted))
    }

    pub(super) fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }

    /// Whether a signal is in it.
    fn has_signal(self, signo: i32) -> bool {
        !(1..=SIGNAL_MAX).contains(&signo) || self.has(1 << (signo - 1))
    }
}

impl UnknownWord {
    pub(super) fn resembling(mut self, names: Names) -> UnknownWord {
        self.nearest = nearest_of(&self.word, names.iter().map(|&(name, _)| name));
        self
    }
}

pub(super) fn bit(names: Names, word: &str) -> Option<u64> {
    names.iter().find(|(name, _)| *name == word).map(|&(_, bit)| bit)
}

fn signal_number(word: &str) -> Option<i32> {
    if let Ok(number) = word.parse() {
        return (1..=SIGNAL_MAX).contains(&number).then_some(number);
    }
    let upper = word.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    (1..=SIGNAL_MAX).find(|&signo| signal_short(signo).is_some_and(|name| name == short))
}

/// What is shown of the events of the calls that were chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Calls with these outcomes (`-e status=`, `-z`, `-Z`).
    pub statuses: Words,
    /// These signals (`-e signal=`).
    pub signals: Words,
    /// All but these messages (`-e quiet=`, `-q`).
    pub quiet: Words,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter { statuses: Words::ALL, signals: Words::ALL, quiet: Words::NONE }
    }
}

impl Filter {
    /// What `-q` given `count` times hides.
    pub fn quieter(count: u8) -> Words {
        let bits = ["attach", "personality"].iter().filter_map(|word| bit(MESSAGES, word)).sum();
        match count {
            0 => Words::NONE,
            1 => Words(bits),
            2 => Words(bits | bit(MESSAGES, "exit").unwrap_or(0)),
            // What a path leads to is told none the less.
            _ => Words(!bit(MESSAGES, "path-resolution").unwrap_or(0)),
        }
    }

    /// Whether it is told what a path of `-P` leads to.
    pub fn tells_resolution(&self) -> bool {
        !self.quiet.has(1 << 2)
    }

    /// Whether it depends on the outcome if a call is shown.
    pub(crate) fn waits_for_outcome(&self) -> bool {
        self.statuses != Words::ALL
    }

    /// Whether a call with this outcome is shown.
    pub(crate) fn shows_outcome(&self, outcome: Outcome) -> bool {
        self.statuses.has(match outcome {
            Outcome::Value(_) => 1,
            Outcome::Error(_) | Outcome::Restarts(_) => 1 << 1,
            Outcome::Never => 1 << 2,
        })
    }

    /// Whether a change of the mode in which a task runs is shown.
    pub(crate) fn shows_modes(&self) -> bool {
        !self.quiet.has(1 << 3)
    }

    /// Whether an event is shown.
    pub(crate) fn shows(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Enter { .. } => true,
            Event::Leave { outcome, .. } => self.shows_outcome(*outcome),
            Event::Signal { signo, .. }
            | Event::Stopped { signo }
            | Event::Killed { signo, .. } => self.signals.has_signal(*signo),
            Event::Exited { .. } => !self.quiet.has(1 << 1),
            Event::Superseded { .. } => !self.quiet.has(1 << 4),
            Event::Met | Event::Born { .. } | Event::Executed | Event::Used { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;

    #[test]
    fn words_are_read_as_strace_reads_them() {
        let chld = Words::signals("chld").expect("a signal");
        assert_eq!(chld, Words::signals("SIGCHLD").expect("a signal"));
        assert_eq!(chld, Words::signals("17").expect("a signal"));
        assert!(chld.has_signal(17) && !chld.has_signal(10));
        assert!(!Words::signals("!SIGCHLD,usr1").expect("a list").has_signal(10));
        assert_eq!(Words::statuses("none"), Ok(Words::NONE));
        assert_eq!(Words::statuses("!none"), Ok(Words::ALL));
        let error = Words::statuses("succesful").expect_err("it has a double s");
        assert_eq!(
            error.to_string(),
            "no status is called 'succesful'; did you mean 'successful'?"
        );
        assert!(Words::signals("0").is_err() && Words::signals("65").is_err());
    }

    #[test]
    fn outcomes_are_told_apart() {
        let failed =
            Filter { statuses: Words::statuses("failed").expect("a status"), ..Filter::default() };
        assert!(failed.waits_for_outcome());
        assert!(failed.shows_outcome(Outcome::Error(Errno::ENOENT)));
        assert!(failed.shows_outcome(Outcome::Restarts(512)));
        assert!(!failed.shows_outcome(Outcome::Value(3)));
        assert!(!failed.shows_outcome(Outcome::Never));
        assert!(!Filter::default().waits_for_outcome());
    }

    #[test]
    fn messages_are_hidden_by_and_by() {
        let shown = |count| {
            let filter = Filter { quiet: Filter::quieter(count), ..Filter::default() };
            [
                filter.shows(&Event::Exited { code: 0 }),
                filter.shows(&Event::Superseded { by: nix::unistd::Pid::from_raw(1) }),
            ]
        };
        let expected = [[true, true], [true, true], [false, true], [false, false]];
        assert_eq!([shown(0), shown(1), shown(2), shown(3)], expected);
    }
}
