//! What tables say of entries.

use std::path::Path;
use std::time::Duration;

use super::made::written;
use crate::*;

pub(super) fn access(act: Act, path: &str, other: Option<&str>, outcome: Outcome) -> Event {
    Event::File(Access {
        call: "openat".into(),
        act,
        path: path.into(),
        other: other.map(Text::from),
        version: None,
        part: Part::First,
        verdict: Verdict::Host,
        outcome,
    })
}

pub(super) fn folded(events: &[(Tid, Event)]) -> Model {
    let entries: Vec<Entry> = events
        .iter()
        .enumerate()
        .map(|(at, (tid, event))| Entry {
            at: Duration::from_micros(at as u64),
            tid: *tid,
            event: event.clone(),
        })
        .collect();
    let bytes = written(&Header::default(), &entries);
    Model::read(&mut Reader::new(&bytes[..], Path::new("r")).unwrap())
}

pub(super) fn execution(program: &str) -> Event {
    Event::Executed(Execution {
        program: program.into(),
        argv: vec![program.into()],
        env: Vec::new(),
        cwd: "/".into(),
    })
}

pub(super) fn ended(code: i32) -> Event {
    Event::Ended { how: How::Ended(Ending::Exited(code)), used: Usage::default() }
}

#[test]
fn processes_know_their_parents_also_when_a_number_is_used_again() {
    let model = folded(&[
        (10, Event::Started { child: 10, kin: Kin::Root }),
        (10, execution("/bin/sh")),
        (10, Event::Started { child: 11, kin: Kin::Process }),
        (11, execution("/bin/a")),
        (11, Event::Started { child: 12, kin: Kin::Thread }),
        (12, access(Act::Read, "/by-thread", None, Outcome::Done)),
        (12, Event::Ended { how: How::Superseded, used: Usage::default() }),
        (11, execution("/bin/b")),
        (11, ended(1)),
        (10, Event::Started { child: 11, kin: Kin::Process }),
        (11, access(Act::Read, "/by-second", None, Outcome::Done)),
        (11, ended(2)),
        (10, ended(0)),
    ]);
    let told: Vec<_> = model
        .processes()
        .iter()
        .map(|p| (p.pid, p.parent.map(|p| p.0), p.programs.len(), p.threads, p.ending))
        .collect();
    let exited = |code| Some(Ending::Exited(code));
    assert_eq!(
        told,
        [
            (10, None, 1, 0, exited(0)),
            (11, Some(0), 2, 1, exited(1)),
            (11, Some(0), 0, 0, exited(2))
        ]
    );
    let by = |path: &str| model.files[path.as_bytes()].by.iter().map(|p| p.0).collect::<Vec<_>>();
    assert_eq!((by("/by-thread"), by("/by-second")), (vec![1], vec![2]));
}

#[test]
fn inputs_are_told_from_what_the_tree_made() {
    const ENOENT: Outcome = Outcome::Failed(2);
    let done = Outcome::Done;
    let model = folded(&[
        (1, Event::Started { child: 1, kin: Kin::Root }),
        (1, access(Act::Read, "/in", None, done)),
        (1, access(Act::Create, "/tmp/x", None, done)),
        (1, access(Act::Rename, "/tmp/x", Some("/out"), done)),
        (1, access(Act::Read, "/out", None, done)),
        (1, access(Act::Probe, "/none", None, ENOENT)),
        (1, access(Act::Read, "/late", None, ENOENT)),
        (1, access(Act::Create, "/late", None, done)),
        (1, access(Act::Read, "/late", None, done)),
        (1, access(Act::Read, "/secret", None, Outcome::Failed(13))),
        (1, access(Act::Symlink, "/link", Some("/in"), done)),
    ]);
    let with = |is: fn(&FileUse) -> bool| {
        let files = model.files.iter().filter(|(_, file)| is(file));
        files.map(|(path, _)| path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(with(FileUse::is_input), ["/in"]);
    assert_eq!(with(FileUse::is_read), ["/in", "/late", "/out"]);
    assert_eq!(with(FileUse::is_changed), ["/late", "/link", "/out", "/tmp/x"]);
    assert_eq!(with(FileUse::is_missing), ["/none"]);
}

#[test]
fn calls_are_counted_once_whatever_they_touch() {
    let further = |event: Event| match event {
        Event::File(access) => Event::File(Access { part: Part::Further, ..access }),
        other => other,
    };
    let call = |verdict, outcome| Event::Call { call: "getcwd".into(), verdict, outcome };
    let model = folded(&[
        (1, access(Act::Execute, "/a", None, Outcome::Done)),
        (1, further(access(Act::Load, "/ld.so", None, Outcome::Done))),
        (1, access(Act::Read, "/b", None, Outcome::Failed(2))),
        (1, call(Verdict::Manifest, Outcome::Done)),
        (1, call(Verdict::Refused, Outcome::Failed(1))),
    ]);
    let openat = &model.calls["openat".as_bytes()];
    assert_eq!((openat.calls(), openat.failed), (2, 1));
    let getcwd = &model.calls["getcwd".as_bytes()];
    assert_eq!(getcwd.verdicts[&Verdict::Refused], 1);
    assert_eq!((getcwd.calls(), getcwd.failed), (2, 1));
}

#[test]
fn texts_are_shown_on_one_line() {
    for (bytes, shown) in [
        (&b"/a b"[..], "/a b"),
        (b"a\nb\\", "a\\nb\\\\"),
        (b"\xffx\x1b", "\\xffx\\u{1b}"),
        ("é".as_bytes(), "é"),
    ] {
        assert_eq!(Text::from(bytes).to_string(), shown);
    }
}
