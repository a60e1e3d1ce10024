//! A line of a shell, taken apart into words as far as secrets in them are concerned.
//!
//! Deliberately absent: what a shell makes of such words. `$NAME` stays, since it tells nothing.

use std::ops::Range;

use super::{Dollar, command};

/// A word of a line: where it is, without the quotes around it.
#[derive(Debug)]
struct Word {
    at: Range<usize>,
    dollar: Dollar,
    place: Place,
}

/// Whether a command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Further,
}

/// What ends a command.
const ENDS: &[u8] = b";|&()`\n";

/// Cuts secrets out of the words of a line.
pub(super) fn redact(line: &mut Vec<u8>) {
    let words = words(line);
    let mut commands: Vec<Vec<Word>> = Vec::new();
    for word in words {
        match commands.last_mut() {
            Some(command) if word.place == Place::Further => command.push(word),
            _ => commands.push(vec![word]),
        }
    }
    for part in commands.into_iter().rev() {
        let mut texts: Vec<Vec<u8>> =
            part.iter().map(|word| line[word.at.clone()].to_vec()).collect();
        command(&mut texts, &|number| part[number].dollar);
        for (word, text) in part.iter().zip(texts).rev() {
            if line[word.at.clone()] != text {
                line.splice(word.at.clone(), text);
            }
        }
    }
}

/// The words of a line, in their order.
fn words(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut place = Place::First;
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        if ENDS.contains(&byte) {
            place = Place::First;
            at += 1;
        } else if byte.is_ascii_whitespace() {
            at += 1;
        } else {
            let word = word(line, at);
            at = word.end;
            let (inner, dollar) = unquoted(line, word);
            words.push(Word { at: inner, dollar, place });
            place = Place::Further;
        }
    }
    words
}

/// The word that starts there, with its quotes.
fn word(line: &[u8], start: usize) -> Range<usize> {
    let mut quote = None;
    let mut at = start;
    while let Some(&byte) = line.get(at) {
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, byte) if byte.is_ascii_whitespace() || ENDS.contains(&byte) => break,
            (None, _) => {}
        }
        at += 1;
    }
    start..at.clamp(start + 1, line.len())
}

/// A word without the quotes that are around all of it.
fn unquoted(line: &[u8], word: Range<usize>) -> (Range<usize>, Dollar) {
    let text = &line[word.clone()];
    let inner = word.start + 1..word.end.saturating_sub(1).max(word.start + 1);
    match text {
        [b'\'', between @ .., b'\''] if !between.contains(&b'\'') => (inner, Dollar::Literal),
        [b'"', between @ .., b'"'] if !between.contains(&b'"') => (inner, Dollar::Variable),
        _ => (word, Dollar::Variable),
    }
}
