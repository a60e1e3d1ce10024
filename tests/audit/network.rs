//! Sockets: those that need no address, and calls with several.

use std::collections::BTreeSet;
use std::fs;

use vrift_audit::{Class, Connection, Endpoint, NetworkAct, Response, What};

use crate::kit::{Sandbox, python, run};
use crate::recorded::{Recorded, recorded, recorded_with};

/// Sockets that get, or send, without any address, and such as do not; says of each how that went.
const BARE: &str = "
import errno, socket
def told(what, *arguments):
  try: socket.socket(*arguments); print(what, 0)
  except OSError as error: print(what, error.errno)
told('family:17', 17, 3, 0x300)
told('family:17', 17, 2, 0)
told('family:17', 2, 10, 0x300)
told('family:2', 2, 3, 1)
told('family:2', 2, 3 | 0x800, 255)
told('family:10', 10, 3, 58)
told('none', 2, 1)
told('none', 2, 2)
told('none', 1, 3)
told('none', 16, 3)
";

/// What was opened, and how that went, as the record has it.
fn opened(recorded: &Recorded) -> Vec<(String, u64, u64)> {
    let mut opened = Vec::new();
    for (connection, counts) in &recorded.model.connections {
        assert_eq!(connection.act, NetworkAct::Open, "{connection:?}");
        let Endpoint::Other { family } = connection.endpoint else { panic!("{connection:?}") };
        opened.push((format!("family:{family}"), counts.done, counts.failed));
    }
    opened
}

/// What BARE says it did.
fn said(out: &str) -> Vec<(String, u64, u64)> {
    let mut said: std::collections::BTreeMap<&str, (u64, u64)> = Default::default();
    for (what, errno) in out.lines().filter_map(|line| line.split_once(' ')) {
        let counts = said.entry(what).or_default();
        match errno {
            "0" => counts.0 += 1,
            _ => counts.1 += 1,
        }
    }
    said.remove("none");
    let mut said: Vec<_> =
        said.into_iter().map(|(what, (done, failed))| (what.to_owned(), done, failed)).collect();
    said.sort_by_key(|(what, ..)| what.trim_start_matches("family:").parse::<u16>().ok());
    said
}

/// Whoever has one gets what comes from the network, and no call names anybody.
#[test]
fn sockets_that_need_no_address_are_told_when_they_are_opened() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let words = [python, "-c", BARE];
    let recorded = recorded(&sandbox, &words);
    assert_eq!(recorded.ran.out(), run(&mut sandbox.natively(&words)).out());
    assert_eq!(opened(&recorded), said(&recorded.ran.out()));
}

#[test]
fn a_policy_is_about_sockets_that_need_no_address() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let policy = sandbox.path("policy");
    let hold = |text: &str, options: &[&str]| {
        fs::write(&policy, text).unwrap();
        let options = [&["--policy", policy.to_str().unwrap()], options].concat();
        let recorded = recorded_with(&sandbox, &options, &[python, "-c", BARE]);
        let broken = recorded.model.findings.iter().map(|finding| match finding.what {
            What::Violation { class: Class::Network, response, .. } => {
                (finding.subject.to_string(), response)
            }
            _ => panic!("{finding:?}"),
        });
        (broken.collect::<Vec<_>>(), recorded.ran.out())
    };
    let all = |response| ["family:17", "family:2", "family:10"].map(|of| (of.to_owned(), response));
    let (broken, said) = hold("forbid = ['network']", &[]);
    assert_eq!(broken, all(Response::Noted));
    assert_eq!(said, run(&mut sandbox.natively(&[python, "-c", BARE])).out());
    let (broken, said) = hold("forbid = ['network']", &["--enforce"]);
    assert_eq!(broken, all(Response::Denied));
    assert_eq!(said.lines().filter(|line| line.ends_with(" 13")).count(), 6, "{said}");
    assert_eq!(said.lines().filter(|line| *line == "none 0").count(), 4, "{said}");
    let (broken, _) = hold("[network]\ndeny = ['family:17']", &["--enforce"]);
    assert_eq!(broken, [("family:17".to_owned(), Response::Denied)]);
    let allowed = "forbid = ['network']\n[network]\nallow = ['family:{2,10,17}']";
    assert_eq!(hold(allowed, &["--enforce"]).0, []);
}

/// The kernel gives it one of its own.
#[test]
fn waiting_for_connections_without_an_address_is_told() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import socket
bound = socket.socket(); bound.bind(('127.0.0.1', 0)); bound.listen()
unbound = socket.socket(); unbound.listen()
try: unbound.listen(); socket.socket(socket.AF_INET6).listen()
except OSError: pass
local = socket.socket(socket.AF_UNIX); local.bind('local'); local.listen()
";
    let policy = sandbox.path("policy");
    fs::write(&policy, "forbid = ['network']\n[network]\nallow = ['127.0.0.1:*']").unwrap();
    for (enforce, code) in [(None, 3), (Some("--enforce"), 3)] {
        let mut options = vec!["--policy", policy.to_str().unwrap()];
        options.extend(enforce);
        let recorded = recorded_with(&sandbox, &options, &[python, "-c", program]);
        assert_eq!(recorded.ran.code(), Some(code), "{}", recorded.ran);
        let told = recorded.model.connections.keys();
        let listens = told.filter(|connection| connection.act == NetworkAct::Listen);
        // What the kernel has given is told besides.
        let is_given = |connection: &&Connection| match &connection.endpoint {
            Endpoint::Inet { port, .. } => recorded.model.ports.contains(port),
            _ => false,
        };
        let (given, listens): (Vec<_>, Vec<_>) = listens.partition(is_given);
        assert_eq!(given.len(), if enforce.is_some() { 0 } else { listens.len() }, "{given:?}");
        let listens: Vec<_> =
            listens.into_iter().map(|connection| connection.endpoint.to_string()).collect();
        assert_eq!(listens[0], "0.0.0.0:0", "{listens:?}");
        assert!(listens[1..].iter().all(|other| other == "[::]:0"), "{listens:?}");
        let refused = recorded.ran.err().contains("Permission denied");
        assert_eq!(refused, enforce.is_some(), "{}", recorded.ran);
        let _ = fs::remove_file(sandbox.path("local"));
    }
}

/// Several messages of one call go to as many addresses.
#[test]
fn a_call_with_several_addresses_is_one_call() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import ctypes, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
names = [ctypes.create_string_buffer(struct.pack('=H', 2) + struct.pack('!H4s8x', port, bytes((127, 0, 0, 1)))) for port in (7, 9, 7)]
heads = (ctypes.c_uint64 * 24)()
for n, name in enumerate(names): heads[8 * n], heads[8 * n + 1] = ctypes.addressof(name), 16
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(libc.sendmmsg(sender.fileno(), heads, 3, 0))
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert_eq!(recorded.ran.out(), "3\n", "{}", recorded.ran);
    assert_eq!(recorded.model.calls["sendmmsg".as_bytes()].calls(), 1);
    let sent = recorded.model.connections.iter().map(|(to, counts)| match to.endpoint {
        Endpoint::Inet { port, .. } => (port, counts.done),
        _ => panic!("{to:?}"),
    });
    assert_eq!(sent.collect::<Vec<_>>(), [(7, 2), (9, 1)]);
}

/// Which ports those are differs from run to run; who speaks to them is of the tree.
#[test]
fn ports_that_the_kernel_hands_out_are_told_and_make_no_difference() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import socket
def meet(family, host, bind):
    server = socket.socket(family)
    if bind: server.bind((host, 0))
    server.listen()
    port = server.getsockname()[1]
    client = socket.create_connection((host, port)); server.accept()
    heard = socket.socket(family, socket.SOCK_DGRAM); heard.bind((host, 0))
    client = socket.socket(family, socket.SOCK_DGRAM); client.sendto(b'x', heard.getsockname())
    print(port, heard.getsockname()[1])
    return server, heard
kept = [meet(socket.AF_INET, '127.0.0.1', True), meet(socket.AF_INET, '127.0.0.1', False)]
";
    let rules = sandbox.path("rules");
    fs::write(&rules, "forbid = [\"network\"]\n").expect("the sandbox is ours");
    let rules = rules.to_str().expect("a plain path");
    let recorded = |name: &str, options: &[&str]| {
        let recorded = recorded_with(&sandbox, options, &[python, "-c", program]);
        let out = recorded.ran.out();
        let said = out.split_whitespace().map(|port| port.parse().expect("a port"));
        let said: BTreeSet<u16> = said.collect();
        assert_eq!(recorded.model.ports, said, "{}", recorded.ran);
        fs::rename(&recorded.path, sandbox.path(name)).expect("the sandbox is ours");
        recorded
    };
    let first = recorded("first", &["--fast-lane=never"]);
    let second = recorded("second", &["--policy", rules]);
    assert_ne!(first.model.ports, second.model.ports);
    let mut diff = sandbox.vrift(["audit", "diff"]);
    run(diff.arg(sandbox.path("first")).arg(sandbox.path("second"))).fine();
    let violations = second.model.findings.iter().filter(|finding| {
        matches!(finding.what, What::Violation { .. }) && *finding.call.as_bytes() == *b"bind"
    });
    let subjects: Vec<_> = violations.map(|finding| finding.subject.to_string()).collect();
    assert_eq!(subjects, ["127.0.0.1:0"]);
}
