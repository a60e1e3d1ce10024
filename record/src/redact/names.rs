//! What secrets are called.

/// Parts of names, between underscores or at the ends, that say "secret".
const WORDS: &[&str] = &[
    "APIKEY",
    "AUTH",
    "AUTHORIZATION",
    "AUTHTOKEN",
    "BEARER",
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
    "SSHPASS",
    "TOKEN",
    "TOKENS",
];

/// Names that have such a part and are no secrets.
const HARMLESS: &[&str] = &[
    // A compiler's words for the programs it starts.
    "COLLECT_GCC_OPTIONS",
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
const ENDINGS: &[&str] = &[
    "ACCESSKEY",
    "ACCOUNTKEY",
    "APIKEY",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATEKEY",
    "SECRET",
    "SECRETKEY",
    "TOKEN",
];

/// Last parts of the names of options whose values are secrets. Many a `--key` names a file.
const OPTIONS: &[&str] = &[
    "APIKEY",
    "AUTHTOKEN",
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

/// Names of such options with one dash. Others may be letters with a value (`-lsecret`).
const SHORT_OPTIONS: &[&str] = &["apikey", "passphrase", "passwd", "password", "secret", "token"];

/// What comes before a last part `KEY` then.
const SECRET_KEYS: &[&str] = &["ACCESS", "API", "SECRET"];

/// First parts of the names of options that have no value, or none that is a secret.
const SWITCHES: &[&str] = &["ASK", "DISABLE", "ENABLE", "NO", "PROMPT", "SHOW", "SKIP", "USE"];

/// Names of single parts in addresses besides.
const SIGNATURES: &[&str] = &["SIG", "SIGNATURE"];

fn is(words: &[&str], text: &[u8]) -> bool {
    words.iter().any(|word| word.as_bytes() == text)
}

fn ends_so(name: &[u8]) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// Whether a variable of this name has no secret, whatever its value looks like.
pub(super) fn is_harmless(name: &[u8]) -> bool {
    is(HARMLESS, &name.to_ascii_uppercase())
}

/// Whether a variable or a line of a header is a secret by its name.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_uppercase();
    let mut parts = name.split(|&byte| !byte.is_ascii_alphanumeric());
    !is(HARMLESS, &name) && (parts.any(|part| is(WORDS, part)) || ends_so(&name))
}

/// Whether a word is an option whose value is a secret: `--token`, or `-token` where options are written so.
pub(super) fn is_option(word: &[u8]) -> bool {
    match (word.strip_prefix(b"--"), word.strip_prefix(b"-")) {
        (Some(name), _) => is_name(name) && is_secret_by_its_end(name),
        (None, Some(name)) => is(SHORT_OPTIONS, name),
        (None, None) => false,
    }
}

/// The same of a part of a list (`user=me,password=…`), of an address (`?token=…`), or of an object.
pub(super) fn is_secret_part(name: &[u8]) -> bool {
    let last = name.rsplit(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default();
    is_secret_by_its_end(name) || is(SIGNATURES, &last.to_ascii_uppercase())
}

/// Other names that have a part with such a meaning tell about secrets: `--password-file`, `token_type`.
fn is_secret_by_its_end(name: &[u8]) -> bool {
    let name = name.to_ascii_uppercase();
    let parts = || name.split(|&byte| !byte.is_ascii_alphanumeric());
    if parts().next().is_some_and(|first| is(SWITCHES, first)) {
        return false;
    }
    let mut back = parts().collect::<Vec<_>>().into_iter().rev();
    match back.next().unwrap_or_default() {
        b"KEY" => back.next().is_some_and(|before| is(SECRET_KEYS, before)),
        last => is(OPTIONS, last) || ends_so(last),
    }
}

/// Whether a text may be the name of a variable, or of a line of a header.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
}
