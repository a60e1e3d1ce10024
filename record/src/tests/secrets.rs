//! Which variables are kept out.

use crate::{Redaction, redact};

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
        ("", ""),
    ] {
        assert_eq!(redact(name.as_bytes(), value.as_bytes()), Redaction::Keep, "{name}");
    }
}
