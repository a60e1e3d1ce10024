//! What is kept out.

use crate::{REDACTED, Redaction, redact, redact_words, secret};

#[test]
fn secrets_are_known_by_their_names_or_values() {
    for (name, value) in [
        ("GITHUB_TOKEN", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("npm_config__auth", "x"),
        ("PGPASSWORD", "x"),
        ("DB_PASS", "x"),
        ("CARGO_REGISTRIES_X_TOKEN", "x"),
        ("mytoken", "x"),
        ("SSH_KEY", "x"),
        ("http_proxy", "http://me:secret@proxy:8080/"),
        ("URLS", "https://a/ https://me:pw@b"),
        ("X", "ghp_0123456789abcdefghij"),
        ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"),
        ("X", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"),
    ] {
        assert_eq!(redact(name.as_bytes(), value.as_bytes()), Redaction::Redact, "{name}");
    }
    for (name, value) in [
        ("PATH", "/bin"),
        ("PWD", "/x"),
        ("KEYBOARD", "us"),
        ("SSH_AUTH_SOCK", "/tmp/s"),
        ("CFLAGS", "-DTOKEN=1"),
        ("http_proxy", "http://proxy:8080/a@b:c"),
        ("ORIGIN", "ssh://git@host/x"),
        ("X", "sk-short"),
        ("X", "npm_config_cache=/home/me/.npm"),
        ("X", "-----BEGIN PUBLIC KEY-----\nb3Bl\n"),
        ("", ""),
    ] {
        assert_eq!(redact(name.as_bytes(), value.as_bytes()), Redaction::Keep, "{name}");
    }
}

#[test]
fn a_variable_has_a_secret_if_it_is_kept_out() {
    assert_eq!(secret(b"MY_TOKEN=a=b"), Some(&b"a=b"[..]));
    assert_eq!(secret(b"PATH=/bin"), None);
    assert_eq!(secret(b"TOKEN"), None);
}

/// What is shown of words in which secrets are.
#[test]
fn secrets_are_cut_out_of_words() {
    let shown = |words: &str| {
        let mut words: Vec<_> = words.split('|').map(|word| word.as_bytes().to_vec()).collect();
        redact_words(&mut words, &[b"hush-hush", b"short"]);
        String::from_utf8(words.join(&b'|')).unwrap()
    };
    let mark = std::str::from_utf8(REDACTED).unwrap();
    for (words, expected) in [
        ("curl|-H|Authorization: Bearer x", "curl|-H|Authorization: *"),
        ("curl|-HAuthorization: Bearer x|-HAccept: x", "curl|-HAuthorization: *|-HAccept: x"),
        (
            "wget|--header=X-Api-Key: x|--header=Host: x",
            "wget|--header=X-Api-Key: *|--header=Host: x",
        ),
        ("wget|--header=Cookie:a=b|--header=Cookie:", "wget|--header=Cookie:*|--header=Cookie:"),
        ("curl|-H|X-Api-Key:  x", "curl|-H|X-Api-Key:  *"),
        ("login|--password=x y|--user=z", "login|--password=*|--user=z"),
        ("login|--api-key|x|--token|--verbose", "login|--api-key|*|--token|--verbose"),
        ("env|MY_SECRET=x|A=b", "env|MY_SECRET=*|A=b"),
        ("git|clone|https://me:pw@host/a", "git|clone|https://me:*@host/a"),
        ("sh|-c|a http://u:p@h b https://u:q@h", "sh|-c|a http://u:*@h b https://u:*@h"),
        ("upload|glpat-0123456789abcdefghij|file", "upload|*|file"),
        ("sh|-c|x hush-hush hush-hush; short", "sh|-c|x * *; short"),
    ] {
        assert_eq!(shown(words), expected.replace('*', mark), "{words}");
    }
    for plain in [
        "cc|-DTOKEN=1|-o|a:b",
        "sign|--key|file|--sign-key=k.pem|--password-file=f|--pass-through",
        "ssh|git@host:path|ftp://user@host/a:b",
        "echo|Note: this|=|:|--|--=|secret",
        "",
    ] {
        assert_eq!(shown(plain), plain);
    }
}
