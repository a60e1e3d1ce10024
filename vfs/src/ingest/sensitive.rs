//! Which files hold secrets, judged by their names alone.
//!
//! The list is short on purpose: it names what is a secret by convention of the program that reads
//! it. Case does not matter, because such files come from systems where it does not.
//!
//! Deliberately absent: looking into files, and patterns of the user's.

/// Whole names.
const NAMES: &[&[u8]] = &[
    b".env",
    b".git-credentials",
    b".netrc",
    b".pgpass",
    b"id_dsa",
    b"id_ecdsa",
    b"id_ed25519",
    b"id_rsa",
];
/// Beginnings of names.
const PREFIXES: &[&[u8]] = &[b".env."];
/// Ends of names.
const SUFFIXES: &[&[u8]] = &[b".kdbx", b".p12", b".pfx"];
/// Names in a directory of a certain name.
const INSIDE: &[(&[u8], &[u8])] = &[(b".aws", b"credentials")];

/// Whether the file `name` in a directory called `dir` is one to leave out.
pub(super) fn is_sensitive(dir: &[u8], name: &[u8]) -> bool {
    let is = |part: Option<&[u8]>, wanted: &[u8]| {
        part.is_some_and(|part| part.eq_ignore_ascii_case(wanted))
    };
    let end = |length: usize| name.len().checked_sub(length).filter(|&start| start > 0);
    NAMES.iter().any(|wanted| is(Some(name), wanted))
        || PREFIXES.iter().any(|prefix| is(name.get(..prefix.len()), prefix))
        || SUFFIXES.iter().any(|suffix| is(end(suffix.len()).map(|at| &name[at..]), suffix))
        || INSIDE.iter().any(|(above, wanted)| is(Some(dir), above) && is(Some(name), wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_files_with_similar_names() {
        let secret = [
            ".env",
            ".env.local",
            ".ENV",
            "id_rsa",
            "id_ed25519",
            "id_ecdsa",
            "id_dsa",
            "a.p12",
            "Key.PFX",
            "pass.kdbx",
            ".netrc",
            ".pgpass",
            ".git-credentials",
            ".aws/credentials",
        ];
        let harmless = [
            "env",
            ".envrc",
            "x.env",
            "id_rsa.pub",
            "id_rsa2",
            ".p12",
            "p12",
            "netrc",
            "credentials",
            "aws/credentials",
            ".aws/config",
            ".npmrc",
        ];
        let judge = |path: &str| {
            let (dir, name) = path.split_once('/').unwrap_or(("", path));
            is_sensitive(dir.as_bytes(), name.as_bytes())
        };
        assert_eq!(secret.map(judge), [true; 14]);
        assert_eq!(harmless.map(judge), [false; 12]);
    }
}
