//! What is kept out of a record: values of variables, and parts of a command's words, that look like secrets.
//!
//! ```text
//!  names (what a secret is called) ─┐
//!  inside (what one looks like)  ───┼─► words of a command ─► lines that a shell takes apart into such words
//!  programs (whose option it is) ───┘
//! ```

mod inside;
mod line;
mod names;
mod programs;

use std::ops::Range;

use programs::{Lines, Program, Shape};

/// Whether a variable's value is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redaction {
    /// It is.
    Keep,
    /// It looks like a secret.
    Redact,
}

/// What stands in a command's words for what is kept out.
pub const REDACTED: &[u8] = b"<redacted>";

/// A variable's value that is shorter may stand in a word by chance.
const SOUGHT_BYTES_MIN: usize = 8;

/// Decides by a variable's name, and by what is in its value: an address with a password in it
/// (`https://user:password@host`), a private key in PEM, a token of a well-known service.
pub fn redact(name: &[u8], value: &[u8]) -> Redaction {
    if names::is_harmless(name) {
        return Redaction::Keep;
    }
    match names::is_secret(name) || !inside::secrets(value).is_empty() {
        true => Redaction::Redact,
        false => Redaction::Keep,
    }
}

/// The value of a variable, given as `NAME=value`, if it is kept out.
pub fn secret(variable: &[u8]) -> Option<&[u8]> {
    let (name, value) = split(variable, b'=')?;
    (redact(name, value) == Redaction::Redact).then_some(value)
}

/// Keeps out of a command's words the values of its variables that are kept out (`secrets`), passwords in
/// addresses, and the values of options, assignments and header lines with the name of a secret.
pub fn redact_words(words: &mut [Vec<u8>], secrets: &[&[u8]]) {
    for word in &mut *words {
        for secret in secrets.iter().filter(|secret| secret.len() >= SOUGHT_BYTES_MIN) {
            let mut from = 0;
            while let Some(at) = find(&word[from..], secret) {
                word.splice(from + at..from + at + secret.len(), REDACTED.iter().copied());
                from += at + REDACTED.len();
            }
        }
    }
    command(words, &|_| Dollar::Literal);
}

/// What `$NAME` is in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dollar {
    /// These characters.
    Literal,
    /// The value of a variable: the name of one is no secret.
    Variable,
}

/// What the next word is.
#[derive(Debug, Clone, Copy)]
enum Next {
    Anything,
    /// The value of an option of a program we know.
    Value(Shape),
    /// The value of an option with the name of a secret, if that has one.
    Guessed,
    /// A macro that a compiler defines.
    Macro,
}

/// Cuts secrets out of the words of one command; `dollar` is asked by their numbers.
fn command(words: &mut [Vec<u8>], dollar: &dyn Fn(usize) -> Dollar) {
    let mut next = Next::Anything;
    let mut program: Option<&Program> = None;
    let mut lines = Lines::None;
    for (number, word) in words.iter_mut().enumerate() {
        let dollar = dollar(number);
        let mut found: Vec<Range<usize>> = Vec::new();
        match std::mem::replace(&mut next, Next::Anything) {
            Next::Value(shape) => {
                found.extend(shape.secret(word, 0));
                cut(word, found, dollar);
                continue;
            }
            Next::Guessed if !word.starts_with(b"-") => {
                found.push(0..word.len());
                cut(word, found, dollar);
                continue;
            }
            Next::Macro => continue,
            Next::Guessed | Next::Anything => {}
        }
        if let Some(known) = Program::named(word) {
            program = Some(known);
        }
        let option = program.and_then(|program| program.option(word));
        match option {
            Some(programs::Found::Here(shape, at)) => found.extend(shape.secret(word, at)),
            Some(programs::Found::Next(shape)) => next = Next::Value(shape),
            None if names::is_option(word) => next = Next::Guessed,
            None if word == b"-D" => next = Next::Macro,
            None => {}
        }
        if option.is_none() {
            found.extend(value_of_secret(word));
        }
        found.extend(inside::secrets(word));
        let is_line = lines != Lines::None && word.iter().any(u8::is_ascii_whitespace);
        if is_line && !inside::has_key(word) {
            line::redact(word);
        } else {
            cut(word, found, dollar);
        }
        lines = program.map_or(Lines::None, |program| program.lines_behind(word, lines));
    }
}

/// Puts [`REDACTED`] in the place of these parts, which may overlap.
fn cut(word: &mut Vec<u8>, mut parts: Vec<Range<usize>>, dollar: Dollar) {
    let is_variable = |part: &Range<usize>| {
        dollar == Dollar::Variable && word[part.start..].first() == Some(&b'$')
    };
    parts.retain(|part| !part.is_empty() && !is_variable(part));
    parts.sort_by_key(|part| part.start);
    parts.dedup_by(|later, part| {
        let overlap = later.start < part.end;
        if overlap {
            part.end = part.end.max(later.end);
        }
        overlap
    });
    for part in parts.into_iter().rev() {
        word.splice(part, REDACTED.iter().copied());
    }
}

/// Where the value is in `--token=…`, `TOKEN=…` and `Authorization: …`.
fn value_of_secret(word: &[u8]) -> Option<Range<usize>> {
    if let Some(value) = value_of_header(word) {
        return Some(value);
    }
    let names_one = match (split(word, b'='), split(word, b':')) {
        (Some((name, value)), _) if name.starts_with(b"-") => {
            return if names::is_option(name) {
                Some(name.len() + 1..word.len())
            } else {
                // `--env=TOKEN=…`
                let value = name.starts_with(b"--").then(|| value_of_secret(value)).flatten()?;
                Some(name.len() + 1 + value.start..name.len() + 1 + value.end)
            };
        }
        (Some((name, _)), _) if names::is_name(name) => names::is_secret(name),
        (_, Some((name, value))) if names::is_name(name) && value.starts_with(b" ") => {
            names::is_secret(name)
        }
        _ => false,
    };
    let end = word.iter().position(|byte| matches!(byte, b'=' | b':'))?;
    let space = word[end + 1..].iter().take_while(|byte| **byte == b' ').count();
    names_one.then_some(end + 1 + space..word.len())
}

/// Where the value is in `--header=Authorization: …` and `-HAuthorization: …`.
fn value_of_header(word: &[u8]) -> Option<Range<usize>> {
    let line = match split(word, b'=') {
        Some((option, line)) if option.starts_with(b"--") => line,
        // `http.extraHeader=Authorization: …`
        Some((_, line)) if split(line, b':').is_some_and(|(_, value)| value.starts_with(b" ")) => {
            line
        }
        _ => word.strip_prefix(b"-H")?,
    };
    let (name, value) = split(line, b':')?;
    let value = value.trim_ascii_start();
    let is_one = names::is_name(name) && names::is_secret(name) && !value.is_empty();
    is_one.then_some(word.len() - value.len()..word.len())
}

/// What stands before and behind the first such byte.
fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == at)?;
    Some((&text[..end], &text[end + 1..]))
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    text.windows(sought.len()).position(|part| part == sought)
}
