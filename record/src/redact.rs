//! Which variables of an environment are kept out of a record.

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

/// Decides by a variable's name, and by its value if that is an address with a password in it
/// (`https://user:password@host`).
pub fn redact(name: &[u8], value: &[u8]) -> Redaction {
    let name = name.to_ascii_uppercase();
    let is = |words: &[&str], text: &[u8]| words.iter().any(|word| word.as_bytes() == text);
    if is(HARMLESS, &name) {
        return Redaction::Keep;
    }
    let secret = name.split(|&byte| !byte.is_ascii_alphanumeric()).any(|part| is(WORDS, part))
        || ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
        || has_password(value);
    if secret { Redaction::Redact } else { Redaction::Keep }
}

/// Whether there is a `://` that is followed by a `:` and an `@` before the next slash.
fn has_password(value: &[u8]) -> bool {
    let starts = value.windows(3).enumerate().filter(|(_, three)| three == b"://");
    starts.into_iter().any(|(at, _)| {
        let rest = &value[at + 3..];
        let authority = rest.split(|&b| b == b'/' || b.is_ascii_whitespace()).next();
        let user = authority
            .and_then(|text| text.iter().rposition(|&byte| byte == b'@').map(|end| &text[..end]));
        user.is_some_and(|user| user.contains(&b':'))
    })
}
