//! What a policy allows and what breaks it.

use std::path::PathBuf;

use crate::policy::{Broken, Judge, Places, Policy, Realm};
use crate::*;

fn places() -> Places {
    let (cwd, home) = (PathBuf::from("/src/[x]"), Some(PathBuf::from("/home/me")));
    Places { cwd, home, leads_to: |_| None }
}

fn judge(text: &str) -> Judge {
    Judge::new(Policy::parse(text, &places()).unwrap())
}

fn access(act: Act, path: &str) -> Event<Vec<u8>> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Event::File(Access {
        call: bytes("openat"),
        act,
        path: bytes(path),
        other: None,
        version: None,
        part: Part::First,
        verdict: Verdict::Host,
        outcome: Outcome::Done,
    })
}

/// The class and rule that a done access breaks.
fn broken(judge: &mut Judge, event: &Event<Vec<u8>>) -> Option<(Class, String)> {
    match judge.look(7, event, Response::Noted)? {
        Event::Violation { class, rule, .. } => Some((class, String::from_utf8(rule).unwrap())),
        other => panic!("{other:?}"),
    }
}

const STRICT: &str = r#"
forbid = ["undeclared-input", "host-write", "network", "escape"]
[read]
allow = ["/usr", "src/**/*.c", "~/.config/*", "/exact/file"]
deny = ["**/.ssh", "/usr/share/secret"]
[write]
allow = ["out/", "/tmp/cc*"]
deny = ["/tmp/cc-not"]
[exec]
allow = ["/bin/*"]
deny = ["/bin/rm"]
[network]
allow = ["127.0.0.1:*"]
[escape]
allow = ["ptrace", "daemon:/run/ok*"]
"#;

#[test]
fn paths_are_allowed_and_denied_by_pattern() {
    use Class::*;
    for (act, path, expected) in [
        (Act::Read, "/usr/include/stdio.h", None),
        (Act::Read, "/usr", None),
        (Act::Read, "/usrlocal", Some((UndeclaredInput, ""))),
        (Act::Read, "/usr/share/secret/x", Some((DeniedRead, "/usr/share/secret"))),
        (Act::Read, "/home/me/.ssh/id_rsa", Some((DeniedRead, "**/.ssh"))),
        (Act::Read, "/home/me/.config/a", None),
        (Act::Read, "/home/me/.config2/a", Some((UndeclaredInput, ""))),
        (Act::Read, "/src/[x]/src/a/b.c", None),
        (Act::Read, "/src/x/src/b.c", Some((UndeclaredInput, ""))),
        (Act::Read, "/src/[x]/src/b.h", Some((UndeclaredInput, ""))),
        (Act::Read, "/exact/file2", Some((UndeclaredInput, ""))),
        (Act::Link, "/home/me/.ssh/id_rsa", Some((DeniedRead, "**/.ssh"))),
        (Act::Link, "/exact/file2", Some((UndeclaredInput, ""))),
        (Act::Link, "/usr/include/stdio.h", None),
        (Act::Rename, "/home/me/.ssh/id_rsa", Some((DeniedRead, "**/.ssh"))),
        (Act::Map, "/lib/x.so", Some((UndeclaredInput, ""))),
        (Act::Load, "/usr/lib/ld.so", None),
        (Act::Probe, "/anything", None),
        (Act::List, "/anything", None),
        (Act::Execute, "/bin/sh", None),
        (Act::Execute, "/bin/rm", Some((DeniedExec, "/bin/rm"))),
        (Act::Read, "/bin/sh", Some((UndeclaredInput, ""))),
        (Act::Create, "/src/[x]/out/a", None),
        (Act::Create, "/tmp/ccabc.s", None),
        (Act::Create, "/tmp/cc-not", Some((DeniedWrite, "/tmp/cc-not"))),
        (Act::Link, "/tmp/cc-not", Some((DeniedWrite, "/tmp/cc-not"))),
        (Act::Remove, "/tmp/other", Some((HostWrite, ""))),
        (Act::Attribute, "/etc/x", Some((HostWrite, ""))),
        (Act::Replace, "/dev/null", None),
        (Act::Read, "/dev/urandom", Some((UndeclaredInput, ""))),
    ] {
        let found = broken(&mut judge(STRICT), &access(act, path));
        let expected = expected.map(|(class, rule): (Class, &str)| (class, rule.to_owned()));
        assert_eq!(found, expected, "{act:?} {path}");
    }
}

#[test]
fn a_dot_is_the_directory_of_the_run() {
    for pattern in [".", "./"] {
        let mut judge =
            judge(&format!("forbid = ['undeclared-input']\nread = {{ allow = ['{pattern}'] }}"));
        assert_eq!(broken(&mut judge, &access(Act::Read, "/src/[x]/a/b")), None, "{pattern}");
        assert!(broken(&mut judge, &access(Act::Read, "/src/y")).is_some(), "{pattern}");
    }
}

#[test]
fn what_the_tree_made_is_no_input() {
    let mut judge = judge("forbid = ['undeclared-input']\nread = { deny = ['/o/secret'] }");
    assert_eq!(broken(&mut judge, &access(Act::Create, "/o/a")), None);
    assert_eq!(broken(&mut judge, &access(Act::MakeDirectory, "/d")), None);
    for path in ["/o/a", "/d/x/y"] {
        assert_eq!(broken(&mut judge, &access(Act::Read, path)), None, "{path}");
    }
    assert_eq!(broken(&mut judge, &access(Act::Create, "/o/secret")), None);
    let denied = Some((Class::DeniedRead, "/o/secret".to_owned()));
    assert_eq!(broken(&mut judge, &access(Act::Read, "/o/secret")), denied, "in any case");
    assert!(broken(&mut judge, &access(Act::Read, "/o/b")).is_some());
    assert!(broken(&mut judge, &access(Act::Read, "/dd")).is_some());
}

#[test]
fn a_subject_is_told_once_and_failures_are_not_told() {
    let mut judge = judge(STRICT);
    let mut failed = access(Act::Read, "/etc/x");
    if let Event::File(access) = &mut failed {
        access.outcome = Outcome::Failed(2);
    }
    assert_eq!(broken(&mut judge, &failed), None);
    assert!(broken(&mut judge, &access(Act::Read, "/etc/x")).is_some());
    assert!(broken(&mut judge, &access(Act::Read, "/etc/x")).is_none());
    assert_eq!((judge.count(), judge.violations().len()), (1, 1));
}

#[test]
fn endpoints_and_escapes() {
    let inet = |ip: &str, port| Event::Network {
        call: b"connect".to_vec(),
        act: NetworkAct::Connect,
        endpoint: Endpoint::<Vec<u8>>::Inet { ip: ip.parse().unwrap(), port },
        part: Part::First,
        verdict: Verdict::Host,
        outcome: Outcome::Failed(101),
    };
    let escape = |kind, detail: &str| Event::Escape {
        kind,
        call: b"connect".to_vec(),
        detail: detail.as_bytes().to_vec(),
        outcome: Outcome::Done,
    };
    let class = |event: &Event<Vec<u8>>| broken(&mut judge(STRICT), event).map(|(class, _)| class);
    assert_eq!(class(&inet("127.0.0.1", 9)), None);
    assert_eq!(class(&inet("127.0.0.2", 9)), Some(Class::Network), "an attempt is enough");
    assert_eq!(class(&inet("::1", 9)), Some(Class::Network));
    assert_eq!(class(&escape(Escape::Ptrace, "request 0")), None);
    assert_eq!(class(&escape(Escape::Daemon, "/run/ok.sock")), None);
    assert_eq!(class(&escape(Escape::Daemon, "/run/other")), Some(Class::Escape));
    assert_eq!(class(&escape(Escape::IoUring, "")), Some(Class::Escape));
    let none = &mut judge("");
    assert_eq!(broken(none, &inet("127.0.0.2", 9)), None);
    assert_eq!(none.path(Act::Read, b"/x", Realm::Host), None::<Broken>);
}

/// Whatever a record can tell of, a policy can name.
#[test]
fn every_kind_of_escape_can_be_denied() {
    let kinds: Vec<Escape> = (0..).map_while(|n| postcard::from_bytes(&[n]).ok()).collect();
    assert!(kinds.contains(&Escape::Daemon) && kinds.contains(&Escape::CoreDump));
    for kind in kinds {
        let judge = judge(&format!("[escape]\ndeny = ['{}']", kind.word()));
        let broken = Broken { class: Class::Escape, rule: kind.word().to_owned() };
        assert_eq!(judge.escaped(kind, b""), Some(broken));
    }
}

/// Also if nothing is forbidden, and whatever is allowed.
#[test]
fn endpoints_and_escapes_are_denied_by_pattern() {
    let judge = judge(
        "[network]\nallow = ['10.0.0.1:*']\ndeny = ['10.0.0.1:22']\n\
         [escape]\ndeny = ['daemon:/run/docker.sock', 'ptrace']",
    );
    let inet = |port| {
        let endpoint = Endpoint::<Vec<u8>>::Inet { ip: "10.0.0.1".parse().unwrap(), port };
        judge.network(NetworkAct::Connect, &endpoint)
    };
    let by = |class, rule: &str| Some(Broken { class, rule: rule.to_owned() });
    assert_eq!((inet(22), inet(80)), (by(Class::Network, "10.0.0.1:22"), None));
    let daemon = |path: &[u8]| judge.escaped(Escape::Daemon, path);
    let rule = "daemon:/run/docker.sock";
    assert_eq!(daemon(b"/run/docker.sock"), by(Class::Escape, rule));
    assert_eq!(daemon(b"/run/other"), None);
    assert_eq!(judge.escaped(Escape::Ptrace, b"request 0"), by(Class::Escape, "ptrace"));
}

/// By another name, or in another place, it could be read.
#[test]
fn what_may_not_be_read_may_not_be_renamed() {
    let moved = |act, from: &str, to: &str| match access(act, from) {
        Event::File(access) => {
            Event::File(Access { other: Some(to.as_bytes().to_vec()), ..access })
        }
        other => other,
    };
    let denied = Some((Class::DeniedRead, "/secret".to_owned()));
    for (act, from, to) in [
        (Act::Rename, "/secret/key", "/tmp/x"),
        (Act::Rename, "/secret", "/tmp/x"),
        (Act::Link, "/secret/key", "/tmp/x"),
        (Act::Exchange, "/secret/key", "/tmp/x"),
        (Act::Exchange, "/tmp/x", "/secret/key"),
    ] {
        let mut judge = judge("[read]\ndeny = ['/secret']");
        assert_eq!(broken(&mut judge, &moved(act, from, to)), denied, "{act:?} {from} {to}");
    }
    let strict = "forbid = ['undeclared-input']";
    for act in [Act::Rename, Act::Link, Act::Exchange] {
        let mut judge = judge(strict);
        let undeclared = Some((Class::UndeclaredInput, String::new()));
        assert_eq!(broken(&mut judge, &moved(act, "/a", "/b")), undeclared, "{act:?}");
    }
    let mut judge = judge(strict);
    for (act, from, to) in [(Act::Rename, "/a", "/b"), (Act::Link, "/b", "/c")] {
        assert_eq!(broken(&mut judge, &access(Act::Create, "/a")), None);
        assert_eq!(broken(&mut judge, &moved(act, from, to)), None, "its own: {act:?}");
        assert_eq!(broken(&mut judge, &access(Act::Read, to)), None, "its own: {act:?}");
    }
    assert_eq!(broken(&mut judge, &access(Act::Replace, "/old")), None);
    assert_eq!(broken(&mut judge, &access(Act::Read, "/old")), None, "nothing of it is left");
}

/// Paths are told of without symlinks, so rules must be meant so too.
#[test]
fn symlinks_in_patterns_lead_where_they_lead() {
    let leads_to = |path: &std::path::Path| {
        Some(PathBuf::from(match path.to_str()? {
            "/bin" => "/usr/bin",
            "/bin/sh" => "/usr/bin/da[sh]",
            "/home/me" => "/data/me",
            "/" => "/",
            _ => return None,
        }))
    };
    let places = Places { leads_to, ..places() };
    let text = "[exec]\ndeny = ['/bin/sh', '/bin/{a,b}']\n[read]\ndeny = ['~/.ssh', '/none/x']";
    let judge = Judge::new(Policy::parse(text, &places).unwrap());
    for (act, path, rule) in [
        (Act::Execute, "/bin/sh", Some("/bin/sh")),
        (Act::Execute, "/usr/bin/da[sh]", Some("/bin/sh")),
        (Act::Execute, "/usr/bin/sh", None),
        (Act::Execute, "/usr/bin/b", Some("/bin/{a,b}")),
        (Act::Read, "/data/me/.ssh/id", Some("~/.ssh")),
        (Act::Read, "/home/me/.ssh/id", Some("~/.ssh")),
        (Act::Read, "/none/x", Some("/none/x")),
    ] {
        let found = judge.path(act, path.as_bytes(), Realm::Host).map(|broken| broken.rule);
        assert_eq!(found.as_deref(), rule, "{path}");
    }
}

#[test]
fn paths_above_the_directory_of_the_run_can_be_named() {
    let judge = judge("[read]\ndeny = ['../shared/*.h', './../../top', '..//x/./y']");
    for (path, denied) in [
        ("/src/shared/a.h", true),
        ("/top/a", true),
        ("/src/x/y", true),
        ("/src/[x]/shared/a.h", false),
    ] {
        assert_eq!(judge.path(Act::Read, path.as_bytes(), Realm::Host).is_some(), denied, "{path}");
    }
}

#[test]
fn addresses_of_ip_6_are_no_classes_of_characters() {
    let judge = judge("[network]\ndeny = ['[::1]:*', '[[]fe80::2]:80', '[12]0.0.0.1:7']");
    for (address, port, denied) in [
        ("::1", 5, true),
        ("::2", 5, false),
        ("fe80::2", 80, true),
        ("10.0.0.1", 7, true),
        ("30.0.0.1", 7, false),
    ] {
        let endpoint = Endpoint::<Vec<u8>>::Inet { ip: address.parse().unwrap(), port };
        let broken = judge.network(NetworkAct::Connect, &endpoint);
        assert_eq!(broken.is_some(), denied, "{address}");
    }
}

#[test]
fn a_policy_that_means_nothing_is_refused() {
    for (text, said) in [
        ("forbid = [\"netwrok\"]", "there is no class 'netwrok'"),
        ("forbad = []", "unknown field"),
        ("[read]\nalow = []", "unknown field"),
        ("[read]\nallow = [\"/a[\"]", "'/a[' is no pattern"),
        ("x", "it cannot be read"),
        ("[read]\ndeny = ['']", "'' can never match: it is empty"),
        ("[read]\ndeny = ['a/../b']", "'a/../b' can never match: '..'"),
        ("[read]\ndeny = ['/a/..']", "can never match"),
        ("[read]\ndeny = ['**/../b']", "can never match"),
        (
            "[network]\ndeny = ['127.0.0.1']",
            "'127.0.0.1' can never match: an endpoint is ADDRESS:PORT",
        ),
        ("[network]\ndeny = ['example.com:443']", "'example.com:443' can never match"),
        ("[network]\ndeny = ['*.example.com:*']", "calls have no names of hosts"),
        ("[network]\ndeny = ['cafe.fe:443']", "can never match"),
        ("[network]\ndeny = ['10.0.0.0/8:*']", "can never match"),
        ("[network]\ndeny = ['127.0.0.1:99999']", "can never match"),
        ("[network]\ndeny = ['::1:80']", "can never match"),
        ("[network]\ndeny = ['family:inet']", "can never match"),
        ("[escape]\ndeny = ['ptracee']", "there is no such escape; there are daemon, set-id"),
        ("[escape]\ndeny = ['deamon:/run/x']", "can never match"),
    ] {
        let error = Policy::parse(text, &places()).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{text}: {error}");
    }
    let homeless = Places { home: None, ..places() };
    let error = Policy::parse("[read]\nallow = [\"~/x\"]", &homeless).unwrap_err();
    assert!(error.to_string().contains("HOME"), "{error}");
}

/// One address has several spellings, and is told in one.
#[test]
fn an_address_is_denied_in_any_spelling() {
    let denied = |pattern: &str, ip: &str| {
        let judge = judge(&format!("[network]\ndeny = ['{pattern}']"));
        let endpoint = Endpoint::<Vec<u8>>::Inet { ip: ip.parse().unwrap(), port: 80 };
        judge.network(NetworkAct::Connect, &endpoint).is_some()
    };
    for pattern in ["[0:0:0:0:0:0:0:1]:80", "[0::0001]:80", "[::1]:*", "[*]:80", "[::[0-9]]:8{0,1}"]
    {
        assert!(denied(pattern, "::1"), "{pattern}");
        assert!(!denied(pattern, "127.0.0.1"), "{pattern}");
    }
    for pattern in ["[FE80::A]:80", "[FE80::*]:*", "[fe80::a]:80"] {
        assert!(denied(pattern, "fe80::a") && !denied(pattern, "::1"), "{pattern}");
    }
    for pattern in ["10.*", "10.0.0.?:80", "{10.0.0.1,family}:*", "10.0.0.[!2-9]:80"] {
        assert!(denied(pattern, "10.0.0.1") && !denied(pattern, "11.0.0.1"), "{pattern}");
    }
}

/// What the documentation shows can be used as it is.
#[test]
fn the_documented_policy_means_what_it_says() {
    let text = include_str!("../../../docs/policy.md");
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    let mut judge = judge(policy);
    let network = |ip: &str, port| Endpoint::<Vec<u8>>::Inet { ip: ip.parse().unwrap(), port };
    for (endpoint, allowed) in [
        (network("127.0.0.1", 80), true),
        (network("::1", 80), true),
        (network("::2", 80), false),
        (network("10.0.0.1", 80), false),
    ] {
        let broken = judge.network(NetworkAct::Connect, &endpoint);
        assert_eq!(broken.is_none(), allowed, "{endpoint:?}");
    }
    for (act, path, class) in [
        (Act::Read, "/src/[x]/src/a/b.h", None),
        (Act::Read, "/lib/a/b.so", None),
        (Act::Execute, "/usr/bin/curl", Some(Class::DeniedExec)),
        (Act::Read, "/somewhere/.netrc", Some(Class::DeniedRead)),
        (Act::Create, "/tmp/ccX.s", None),
        (Act::Create, "/tmp/x", Some(Class::HostWrite)),
    ] {
        let found = broken(&mut judge, &access(act, path)).map(|(class, _)| class);
        assert_eq!(found, class, "{path}");
    }
}
