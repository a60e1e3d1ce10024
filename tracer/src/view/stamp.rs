//! Times in lines: of what kind, and how fine.

use std::fmt;
use std::time::Duration;

use super::filter::UnknownWord;
use super::select::nearest_of;

/// How fine a time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// `12`
    #[default]
    Seconds,
    /// `12.345`
    Millis,
    /// `12.345678`
    Micros,
    /// `12.345678901`
    Nanos,
}

/// What strace calls them.
const PRECISIONS: &[(&str, Precision)] = &[
    ("s", Precision::Seconds),
    ("ms", Precision::Millis),
    ("us", Precision::Micros),
    ("ns", Precision::Nanos),
];

impl Precision {
    /// Reads `s`, `ms`, `us` or `ns`.
    ///
    /// # Errors
    /// [`UnknownWord`] for anything else.
    pub fn parse(word: &str) -> Result<Precision, UnknownWord> {
        Precision::named(word).ok_or_else(|| UnknownWord {
            kind: "precision (s, ms, us, ns)",
            word: word.to_owned(),
            nearest: nearest_of(word, PRECISIONS.iter().map(|&(name, _)| name)),
        })
    }

    fn named(word: &str) -> Option<Precision> {
        PRECISIONS.iter().find(|(name, _)| *name == word).map(|&(_, precision)| precision)
    }
}

/// How the moment of a line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamp {
    /// Not at all.
    #[default]
    None,
    /// `12:00:00` (`-t`, `-tt`).
    Time(Precision),
    /// Seconds since the epoch (`-ttt`).
    Epoch(Precision),
}

/// The words for it.
const FORMATS: &[&str] = &["none", "time", "unix"];

impl Stamp {
    /// What `-t` given `count` times asks for.
    pub fn repeated(count: u8) -> Stamp {
        match count {
            0 => Stamp::None,
            1 => Stamp::Time(Precision::Seconds),
            2 => Stamp::Time(Precision::Micros),
            _ => Stamp::Epoch(Precision::Micros),
        }
    }

    /// Reads `[[format:]FORMAT[,[precision:]PRECISION]]`; as with strace, in any order, and the last counts.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that is neither.
    pub fn parse(list: &str) -> Result<Stamp, UnknownWord> {
        let (mut format, mut precision) = ("time", Precision::Seconds);
        for word in list.split(',').filter(|_| !list.is_empty()) {
            let (format_word, precision_word) = match word.split_once(':') {
                Some(("format", word)) => (Some(word), None),
                Some(("precision", word)) => (None, Some(word)),
                _ => (Some(word), Some(word)),
            };
            let named = |known: &&&str| Some(**known) == format_word;
            match (FORMATS.iter().find(named), precision_word.and_then(Precision::named)) {
                (Some(known), _) => format = known,
                (None, Some(known)) => precision = known,
                (None, None) => {
                    let words = PRECISIONS.iter().map(|&(name, _)| name);
                    return Err(UnknownWord {
                        kind: "format or precision of times",
                        word: word.to_owned(),
                        nearest: nearest_of(word, FORMATS.iter().copied().chain(words)),
                    });
                }
            }
        }
        Ok(match format {
            "none" => Stamp::None,
            "unix" => Stamp::Epoch(precision),
            _ => Stamp::Time(precision),
        })
    }
}

/// Reads a number of microseconds, or of the unit behind it.
///
/// # Errors
/// [`UnknownWord`] for what is no such number.
pub fn parse_duration(text: &str) -> Result<Duration, UnknownWord> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let precision = if unit.is_empty() { Some(Precision::Micros) } else { Precision::named(unit) };
    let nanos = precision.map(|precision| match precision {
        Precision::Seconds => 1e9,
        Precision::Millis => 1e6,
        Precision::Micros => 1e3,
        Precision::Nanos => 1.0,
    });
    let time = number.parse::<f64>().ok().zip(nanos);
    time.and_then(|(number, nanos)| Duration::try_from_secs_f64(number * nanos / 1e9).ok())
        .ok_or_else(|| {
            let kind = "time (a number, and s, ms, us or ns)";
            UnknownWord { kind, word: text.to_owned(), nearest: None }
        })
}

/// A number of seconds with as many digits behind the point as wanted; a width holds for what stands
/// before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) Duration, pub(super) Precision);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seconds(duration, precision) = self;
        let width = f.width().unwrap_or(0);
        write!(f, "{:>width$}", duration.as_secs())?;
        Fraction(*duration, *precision).fmt(f)
    }
}

/// What stands behind the seconds, with the point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fraction(pub(super) Duration, pub(super) Precision);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Precision::Seconds => Ok(()),
            Precision::Millis => write!(f, ".{:03}", self.0.subsec_millis()),
            Precision::Micros => write!(f, ".{:06}", self.0.subsec_micros()),
            Precision::Nanos => write!(f, ".{:09}", self.0.subsec_nanos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_strace_reads_them() {
        for (list, expected) in [
            ("", Stamp::Time(Precision::Seconds)),
            ("time", Stamp::Time(Precision::Seconds)),
            ("ns", Stamp::Time(Precision::Nanos)),
            ("format:unix,precision:ms", Stamp::Epoch(Precision::Millis)),
            ("us,unix", Stamp::Epoch(Precision::Micros)),
            ("unix,time,ns,us", Stamp::Time(Precision::Micros)),
            ("none,us", Stamp::None),
        ] {
            assert_eq!(Stamp::parse(list), Ok(expected), "{list}");
        }
        for list in ["foo", "time, us", "format:us", "precision:time", "time,", "Time"] {
            assert!(Stamp::parse(list).is_err(), "{list}");
        }
        let error = Stamp::parse("tim").expect_err("no such format");
        assert_eq!(
            error.to_string(),
            "no format or precision of times is called 'tim'; did you mean 'time'?"
        );
        assert!(Precision::parse("").is_err() && Precision::parse("none").is_err());
    }

    #[test]
    fn durations_have_units() {
        for (text, nanos) in [
            ("0", 0),
            ("5", 5000),
            ("1.5", 1500),
            ("2s", 2_000_000_000),
            ("1ms", 1_000_000),
            ("7ns", 7),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "5x", "-1", "us", "1e3", "1.2.3", "1 us", "99999999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_cut_and_not_rounded() {
        let time = Duration::from_nanos(12_999_999_999);
        let told = |precision| format!("{:>4}", Seconds(time, precision));
        let all = [Precision::Seconds, Precision::Millis, Precision::Micros, Precision::Nanos];
        assert_eq!(all.map(told), ["  12", "  12.999", "  12.999999", "  12.999999999"]);
    }
}
