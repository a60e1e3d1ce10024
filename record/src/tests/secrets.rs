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
        ("SSHPASS", "x"),
        ("clientSecretKey", "x"),
        ("X", "https://ghp_0123456789abcdefghij@github.com/a"),
        ("X", "AccountName=a;AccountKey=bc==;EndpointSuffix=c"),
        ("X", "https://host/a?user=me&access_token=b"),
        ("X", "host=h user=me password='b c'"),
        ("JAVA_OPTS", "-Xmx1g -Djavax.net.ssl.keyStorePassword=x"),
        ("CURL_OPTIONS", "-s --password=x"),
        ("X", "{\"user\": \"me\", \"password\": \"x\"}"),
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
        ("X", "npm_config_user_agent_of_the_build"),
        ("X", "pypi-attestations-of-the-build-1.2.tar.gz"),
        ("X", "sk-learn-contrib-of-some-length-and-more"),
        ("X", "https://host/a?token_type=b&page=2"),
        ("X", "{\"password\": null, \"user\": \"me\"}"),
        ("COLLECT_GCC_OPTIONS", "'-D' 'MY_TOKEN=1' '-c'"),
        ("SSH_ASKPASS", "/usr/bin/ask"),
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

const MARK: &str = match std::str::from_utf8(REDACTED) {
    Ok(mark) => mark,
    Err(_) => panic!("it is ASCII"),
};

fn shown(words: &str) -> String {
    let mut words: Vec<_> = words.split('|').map(|word| word.as_bytes().to_vec()).collect();
    redact_words(&mut words, &[b"hush-hush", b"short"]);
    String::from_utf8(words.join(&b'|')).unwrap()
}

/// What is shown of words in which secrets are.
#[test]
fn secrets_are_cut_out_of_words() {
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
        ("docker|run|--env=A_TOKEN=x|-e|A_TOKEN=x", "docker|run|--env=A_TOKEN=*|-e|A_TOKEN=*"),
        (
            "git|-c|http.extraHeader=Authorization: basic x",
            "git|-c|http.extraHeader=Authorization: *",
        ),
        ("npm|config|set|//host/:_authToken=x", "npm|config|set|//host/:_authToken=*"),
        ("curl|https://host/?a=b&api_key=x&c=d#e", "curl|https://host/?a=b&api_key=*&c=d#e"),
        ("curl|-d|user=me&password=x", "curl|-d|user=me&password=*"),
        ("curl|-d|{\"token\":\"x\"}", "curl|-d|{\"token\":\"*\"}"),
        ("mount|-o|username=me,password=x,ro", "mount|-o|username=me,password=*,ro"),
        ("tool|-token|x|-password=y|-secret|-v", "tool|-token|*|-password=*|-secret|-v"),
        ("java|-Da.b.password=x|-jar|c", "java|-Da.b.password=*|-jar|c"),
        ("git|clone|https://ghp_0123456789abcdefghij@host/a", "git|clone|https://*@host/a"),
    ] {
        assert_eq!(shown(words), expected.replace('*', MARK), "{words}");
    }
    for plain in [
        "cc|-DTOKEN=1|-o|a:b",
        "sign|--key|file|--sign-key=k.pem|--password-file=f|--pass-through",
        "ssh|git@host:path|ftp://user@host/a:b",
        "echo|Note: this|=|:|--|--=|secret",
        "cc|-lsecret|-DMY_TOKEN=1|-UMY_TOKEN|-Wl,-rpath,a|-D|MY_TOKEN=1|-o|b",
        "sudo|--no-password|--ask-pass|file|--prompt-password|x",
        "",
    ] {
        assert_eq!(shown(plain), plain);
    }
}

/// Whose option it is says what its value is.
#[test]
fn options_of_programs_are_known() {
    for (words, expected) in [
        ("curl|-u|me:x|-U|me:x|host", "curl|-u|me:*|-U|me:*|host"),
        ("/usr/bin/curl|-sSfume:x|-fsu|me:x", "/usr/bin/curl|-sSfume:x|-fsu|me:*"),
        (
            "curl|-ume:x:y|--user|me:x|--proxy-user=me:x",
            "curl|-ume:*|--user|me:*|--proxy-user=me:*",
        ),
        ("curl|-b|a=x|--cookie|file|-E|c.pem:x", "curl|-b|a=*|--cookie|file|-E|c.pem:*"),
        ("mysql|-px|-P3306|-u|me|db", "mysql|-p*|-P3306|-u|me|db"),
        ("docker|exec|c|mysqldump|-px|db", "docker|exec|c|mysqldump|-p*|db"),
        ("sshpass|-p|x|ssh|-p|22|host", "sshpass|-p|*|ssh|-p|22|host"),
        ("sshpass|-px|rsync|-ap|a|b", "sshpass|-p*|rsync|-ap|a|b"),
        ("docker|login|-u|me|-p|x|host", "docker|login|-u|me|-p|*|host"),
        ("skopeo|copy|--src-creds=me:x|a|b", "skopeo|copy|--src-creds=me:*|a|b"),
        ("ldapsearch|-xw|x|-b|dc=a", "ldapsearch|-xw|*|-b|dc=a"),
        ("openssl|rsa|-check|-in|f|-passin|pass:x", "openssl|rsa|-check|-in|f|-passin|pass:*"),
        ("7z|x|-px|a.7z", "7z|x|-p*|a.7z"),
        ("smbclient|-U|me%x|//host/a", "smbclient|-U|me%*|//host/a"),
        ("mvn|-Dpassword=x|-Pall", "mvn|-Dpassword=*|-Pall"),
        ("xfreerdp|/u:me|/p:x", "xfreerdp|/u:me|/p:*"),
    ] {
        assert_eq!(shown(words), expected.replace('*', MARK), "{words}");
    }
    for plain in [
        "curl|-u|me|-uv|https://me@host:80/|--user-agent|a:b",
        "curl|-ou|https://host/a:b",
        "ls|-p|x|--user|a:b|-u|a:b",
        "docker|run|-p|80:80|--user|1000:1000|image",
        "mysql|-p|db|-h|host",
        "openssl|req|-keyout|f|-passin|file:f|-passout|stdin|-pass|env:A",
        "7z|a|-p-|b",
        "ssh-keygen|-N||-f|file",
        "",
    ] {
        assert_eq!(shown(plain), plain);
    }
}

/// What a shell makes words of is looked at as words.
#[test]
fn lines_of_shells_are_taken_apart() {
    for (words, expected) in [
        ("sh|-c|cd a && curl -u me:x \"$HOST\"", "sh|-c|cd a && curl -u me:* \"$HOST\""),
        ("bash|-ec|A_TOKEN=x b; mysql -px", "bash|-ec|A_TOKEN=* b; mysql -p*"),
        ("sh|-c|a --password 'x y' --b", "sh|-c|a --password '*' --b"),
        ("sh|-c|curl -H \"Authorization: Bearer x\" h", "sh|-c|curl -H \"Authorization: *\" h"),
        ("sh|-c|v=$(curl -ume:x h)|sh|--b c", "sh|-c|v=$(curl -ume:* h)|sh|--b c"),
        ("ssh|host|sudo sh -c 'mysql -px db'", "ssh|host|sudo sh -c 'mysql -p* db'"),
        ("su|me|-c|sshpass -p x ssh -p 22 h", "su|me|-c|sshpass -p * ssh -p 22 h"),
        ("sh|-c|a --token '$x'", "sh|-c|a --token '*'"),
        ("sh|-c|a <<b\n-----BEGIN PRIVATE KEY-----\nx\nb", "sh|-c|*"),
    ] {
        assert_eq!(shown(words), expected.replace('*', MARK), "{words}");
    }
    for plain in [
        "sh|-c|a --token \"$TOKEN\" -u; curl -u $me:$x https://${me}:$x@host",
        "sh|-c|TOKEN=$x a | b --password || c; d -p x # --token; e",
        "git|commit|-m|say what --token is for",
        "sh|script|say what --token is for",
        "sh|-c|git commit -m 'say what --token is for'",
        "sh|-c|echo 'unfinished --token",
        "sh|-c|a --token",
        "sh|-c|\" \\",
        "sh|-c|' \\'",
    ] {
        assert_eq!(shown(plain), plain);
    }
}

/// Whatever the words are.
#[test]
fn any_words_are_taken() {
    let mut random = super::made::Random(7);
    let pieces =
        ["sh", "-c", "curl", "-u", "mysql", "-p", "--token", "=", ":", "'", "\"", "\\", "$"];
    let pieces =
        [&pieces[..], &["://", "@", ";", " ", "a", "TOKEN", "password", "\n", "("]].concat();
    for _ in 0..5_000 {
        let mut words: Vec<Vec<u8>> = Vec::new();
        for _ in 0..random.below(5) {
            let count = random.below(9);
            words.push((0..count).flat_map(|_| random.one_of(&pieces).bytes()).collect());
        }
        let before = words.clone();
        redact_words(&mut words, &[]);
        assert_eq!(words.len(), before.len());
        for (word, before) in words.iter().zip(&before) {
            let mark = words_of(word).any(|part| part == REDACTED);
            assert!(mark || word == before, "{before:?}");
        }
    }
}

fn words_of(word: &[u8]) -> impl Iterator<Item = &[u8]> {
    word.windows(REDACTED.len())
}
