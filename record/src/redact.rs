//! What is kept out of a record: values of variables, and parts of a command's words, that look like secrets.

use std::ops::Range;

/// Whether a variable's value is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redaction {
    /// It is.
    Keep,
    /// It looks like a secret.
    Redact,
}

/// Parts of names, between underscores or at the ends, that say "secret".
const WORDS: &[&str] = &[
    "APIKEY",
    "AUTH",
    "AUTHORIZATION",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "COOKIE",
    "JWT",
    "KEY",
    "OAUTH",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PAT",
    "PRIVATE",
    "PWD",
    "SECRET",
    "SECRETS",
    "SESSION",
    "SIGNATURE",
    "TOKEN",
    "TOKENS",
];

/// Names that have such a part and are no secrets.
const HARMLESS: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "DESKTOP_SESSION",
    "GDMSESSION",
    "OLDPWD",
    "PWD",
    "SSH_AUTH_SOCK",
    "XDG_SESSION_CLASS",
    "XDG_SESSION_DESKTOP",
    "XDG_SESSION_ID",
    "XDG_SESSION_TYPE",
];

/// Endings of names that say so without an underscore before them.
const ENDINGS: &[&str] = &["APIKEY", "PASSWD", "PASSWORD", "SECRET", "TOKEN"];

/// What stands in a command's words for what is kept out.
pub const REDACTED: &[u8] = b"<redacted>";

/// Last parts of the names of options whose values are secrets. Many a `--key` names a file.
const OPTIONS: &[&str] = &[
    "APIKEY",
    "COOKIE",
    "CREDENTIALS",
    "JWT",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "SECRET",
    "TOKEN",
];

/// What comes before a last part `KEY` then.
const SECRET_KEYS: &[&str] = &["ACCESS", "API", "SECRET"];

/// A variable's value that is shorter may stand in a word by chance.
const SOUGHT_BYTES_MIN: usize = 8;

/// What tokens of well-known services start with; at least sixteen letters, digits, `-`, `_` and `.` follow.
const TOKENS: &[&str] = &[
    "AIza",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "npm_",
    "pypi-",
    "sk-",
    "sk_live_",
    "xoxb-",
    "xoxp-",
];

/// Decides by a variable's name, and by its value: an address with a password in it
/// (`https://user:password@host`), a private key in PEM, or a token of a well-known service.
pub fn redact(name: &[u8], value: &[u8]) -> Redaction {
    let name = name.to_ascii_uppercase();
    let is = |words: &[&str], text: &[u8]| words.iter().any(|word| word.as_bytes() == text);
    if is(HARMLESS, &name) {
        return Redaction::Keep;
    }
    let secret = name.split(|&byte| !byte.is_ascii_alphanumeric()).any(|part| is(WORDS, part))
        || ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
        || has_password(value)
        || is_key(value);
    if secret { Redaction::Redact } else { Redaction::Keep }
}

/// The value of a variable, given as `NAME=value`, if it is kept out.
pub fn secret(variable: &[u8]) -> Option<&[u8]> {
    let (name, value) = split(variable, b'=')?;
    (redact(name, value) == Redaction::Redact).then_some(value)
}

/// Keeps out of a command's words the values of its variables that are kept out (`secrets`), passwords in
/// addresses, and the values of options, assignments and header lines with the name of a secret.
pub fn redact_words(words: &mut [Vec<u8>], secrets: &[&[u8]]) {
    let mut follows_option = false;
    for word in words {
        if std::mem::replace(&mut follows_option, names_secret(word)) && !word.starts_with(b"-") {
            *word = REDACTED.to_vec();
            continue;
        }
        for secret in secrets.iter().filter(|secret| secret.len() >= SOUGHT_BYTES_MIN) {
            let mut from = 0;
            while let Some(at) = find(&word[from..], secret) {
                word.splice(from + at..from + at + secret.len(), REDACTED.iter().copied());
                from += at + REDACTED.len();
            }
        }
        if is_key(word) {
            *word = REDACTED.to_vec();
        }
        if let Some(value) = value_of_secret(word) {
            word.splice(value, REDACTED.iter().copied());
        }
        for password in passwords(word).into_iter().rev() {
            word.splice(password, REDACTED.iter().copied());
        }
    }
}

/// Whether a word is an option whose value, a secret, is the next one.
fn names_secret(word: &[u8]) -> bool {
    let Some(name) = word.strip_prefix(b"--") else { return false };
    let name = name.to_ascii_uppercase();
    let mut parts = name.rsplit(|&byte| matches!(byte, b'-' | b'_'));
    let is = |words: &[&str], part: Option<&[u8]>| {
        words.iter().any(|word| Some(word.as_bytes()) == part)
    };
    match parts.next() {
        Some(b"KEY") => is(SECRET_KEYS, parts.next()),
        last => is(OPTIONS, last),
    }
}

/// Whether a text may be the name of a variable, or of a line of a header.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
}

/// Where the value is in `--token=…`, `TOKEN=…` and `Authorization: …`.
fn value_of_secret(word: &[u8]) -> Option<Range<usize>> {
    if let Some(value) = value_of_header(word) {
        return Some(value);
    }
    let names_one = match (split(word, b'='), split(word, b':')) {
        (Some((name, _)), _) if name.starts_with(b"--") => names_secret(name),
        // Compilers have options `-DNAME=value`, which are no secrets of theirs.
        (Some((name, value)), _) if is_name(name) && !name.starts_with(b"-") => {
            redact(name, value) == Redaction::Redact
        }
        (_, Some((name, value))) if is_name(name) && value.starts_with(b" ") => {
            redact(name, b"") == Redaction::Redact
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
        _ => word.strip_prefix(b"-H")?,
    };
    let (name, value) = split(line, b':')?;
    let value = value.trim_ascii_start();
    let is_one = is_name(name) && redact(name, b"") == Redaction::Redact && !value.is_empty();
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

/// Whether it is a private key in PEM, or a token.
fn is_key(value: &[u8]) -> bool {
    let follows = |start: &str| {
        let rest = value.strip_prefix(start.as_bytes());
        let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
        rest.is_some_and(|rest| rest.len() >= 16 && rest.iter().all(fits))
    };
    find(value, b"PRIVATE KEY-----").is_some() || TOKENS.iter().any(|start| follows(start))
}

fn has_password(value: &[u8]) -> bool {
    !passwords(value).is_empty()
}

/// Where passwords are: behind a `://`, between a `:` and an `@`, before the next slash.
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
