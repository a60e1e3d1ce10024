//! Secrets that are known by what they look like, wherever they stand in a text.

use std::ops::Range;

use super::{find, names};

/// What tokens of well-known services start with, and as many bytes at least follow, all of this kind.
const TOKENS: &[(&str, usize, Alphabet)] = &[
    ("AGE-SECRET-KEY-1", 16, Alphabet::Plain),
    ("AIza", 16, Alphabet::Any),
    ("dop_v1_", 16, Alphabet::Plain),
    ("eyJ", 16, Alphabet::Any),
    ("ghp_", 16, Alphabet::Plain),
    ("gho_", 16, Alphabet::Plain),
    ("ghr_", 16, Alphabet::Plain),
    ("ghs_", 16, Alphabet::Any),
    ("ghu_", 16, Alphabet::Plain),
    ("github_pat_", 16, Alphabet::Any),
    ("gldt-", 16, Alphabet::Any),
    ("glpat-", 16, Alphabet::Any),
    ("hf_", 30, Alphabet::Plain),
    ("hvs.", 16, Alphabet::Any),
    ("npm_", 36, Alphabet::Plain),
    ("pypi-AgE", 16, Alphabet::Any),
    ("rk_live_", 16, Alphabet::Plain),
    ("sk-", 32, Alphabet::Plain),
    ("sk-ant-", 16, Alphabet::Any),
    ("sk-proj-", 16, Alphabet::Any),
    ("sk_live_", 16, Alphabet::Plain),
    ("SG.", 32, Alphabet::Any),
    ("xapp-", 16, Alphabet::Any),
    ("xoxb-", 16, Alphabet::Any),
    ("xoxp-", 16, Alphabet::Any),
];

/// What a token is made of.
#[derive(Debug, Clone, Copy)]
enum Alphabet {
    /// Letters and digits.
    Plain,
    /// `-`, `_` and `.` too.
    Any,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Alphabet::Plain => byte.is_ascii_alphanumeric(),
            Alphabet::Any => byte.is_ascii_alphanumeric() || b"-_.".contains(&byte),
        }
    }
}

/// What may stand between the parts of a list.
const BETWEEN: &[u8] = b"?&;, \t\n\"'";

/// Whether a private key in PEM is in a text.
pub(super) fn has_key(text: &[u8]) -> bool {
    find(text, b"PRIVATE KEY-----").is_some()
}

/// Where secrets are: a text with a private key is one as a whole.
pub(super) fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = passwords(text);
    found.extend(has_key(text).then_some(0..text.len()));
    found.extend(tokens(text));
    found.extend(parts(text));
    found.extend(fields(text));
    found
}

/// Behind a `://`, between a `:` and an `@`, before the next slash.
fn passwords(text: &[u8]) -> Vec<Range<usize>> {
    let starts = text.windows(3).enumerate().filter(|(_, three)| three == b"://");
    let found = starts.filter_map(|(at, _)| {
        let start = at + 3;
        let authority = text[start..].split(|&b| b == b'/' || b.is_ascii_whitespace()).next()?;
        let end = authority.iter().rposition(|&byte| byte == b'@')?;
        let colon = authority[..end].iter().position(|&byte| byte == b':')?;
        Some(start + colon + 1..start + end)
    });
    found.collect()
}

/// Tokens that do not start within a word.
fn tokens(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..text.len()).filter(|&at| {
        text[at].is_ascii_alphabetic() && (at == 0 || !text[at - 1].is_ascii_alphanumeric())
    });
    starts.filter_map(|at| {
        TOKENS.iter().find_map(|&(start, least, alphabet)| {
            let rest = text[at..].strip_prefix(start.as_bytes())?;
            let length = rest.iter().take_while(|&&byte| alphabet.has(byte)).count();
            let whole = at..at + start.len() + length;
            // More than that is another thing's name.
            let ends = rest.get(length).is_none_or(|&byte| !Alphabet::Any.has(byte));
            (length >= least && ends).then_some(whole)
        })
    })
}

/// The values of `password=…` in lists of such (`user=me,password=…`), in addresses (`?token=…`), and of
/// Java's properties (`-Djavax.net.ssl.keyStorePassword=…`).
fn parts(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let equals = (0..text.len()).filter(|&at| text[at] == b'=');
    equals.filter_map(|at| {
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let start = text[..at].iter().rposition(|byte| !is_of_name(byte)).map_or(0, |n| n + 1);
        let name = match &text[start..at] {
            name if name.starts_with(b"--") => &name[2..],
            // Compilers define macros, whose names have no dots.
            name if name.starts_with(b"-") => {
                name.strip_prefix(b"-D").filter(|name| name.contains(&b'.'))?
            }
            name => name,
        };
        let is_listed = start == 0 || BETWEEN.contains(&text[start - 1]) || text[start - 1] == b':';
        if !is_listed || !names::is_secret_part(name) {
            return None;
        }
        let (quotes, end) = match text.get(at + 1) {
            Some(quote @ (b'"' | b'\'')) => {
                (1, text[at + 2..].iter().position(|byte| byte == quote))
            }
            _ => {
                (0, text[at + 1..].iter().position(|byte| BETWEEN.contains(byte) || *byte == b'#'))
            }
        };
        let start = at + 1 + quotes;
        Some(start..end.map_or(text.len(), |end| start + end))
    })
}

/// The values of `"password": "…"` in JSON.
fn fields(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let colons = (1..text.len()).filter(|&at| text[at] == b':' && text[at - 1] == b'"');
    colons.filter_map(|at| {
        let start = text[..at - 1].iter().rposition(|&byte| byte == b'"')? + 1;
        let spaces = text[at + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let value = at + 1 + spaces;
        let length = text[value..].strip_prefix(b"\"")?.iter().position(|&byte| byte == b'"')?;
        let named = names::is_secret_part(&text[start..at - 1]);
        named.then_some(value + 1..value + 1 + length)
    })
}
