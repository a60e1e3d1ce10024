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
        ("\u{202e}a\u{2028}b\u{2066}".as_bytes(), "\\u{202e}a\\u{2028}b\\u{2066}"),
        ("שלום".as_bytes(), "שלום"),
    ] {
        assert_eq!(Text::from(bytes).to_string(), shown);
    }
}

/// What lies below a directory moves with it, and no call says so.
#[test]
fn what_the_tree_made_stays_its_work_in_a_renamed_directory() {
    let done = Outcome::Done;
    let missing = Outcome::Failed(2);
    let read = |path: &str| match access(Act::Read, path, None, done) {
        Event::File(access) => Event::File(Access { version: Some(VersionId(1)), ..access }),
        other => other,
    };
    let left = |path: &str, state| Event::Left { path: path.into(), state };
    let file = Left::File(VersionId(1));
    let events = [
        Event::Started { child: 1, kin: Kin::Root },
        access(Act::Probe, "/out/x/asked", None, missing),
        access(Act::MakeDirectory, "/tmp/d", None, done),
        access(Act::MakeDirectory, "/tmp/d/e", None, done),
        access(Act::Create, "/tmp/d/e/made", None, done),
        access(Act::Create, "/tmp/d/asked", None, done),
        access(Act::Create, "/tmp/d/gone", None, done),
        access(Act::Rename, "/tmp/d/e", Some("/tmp/d/f"), done),
        access(Act::Rename, "/tmp/d", Some("/tmp/g"), done),
        access(Act::Create, "/tmp/g/later", None, done),
        access(Act::Rename, "/tmp/g", Some("/out/x"), done),
        access(Act::Remove, "/out/x/gone", None, done),
        read("/out/x/f/made"),
        read("/out/x/later"),
        // A directory of the host: what nobody of the tree has touched is still the host's.
        access(Act::Write, "/host/a/changed", None, done),
        access(Act::Exchange, "/host/a", Some("/host/b"), done),
        read("/host/b/changed"),
        read("/host/b/kept"),
        // Also if it was looked for under the new name before.
        access(Act::Probe, "/new/kept", None, missing),
        access(Act::Probe, "/new/never", None, missing),
        access(Act::Rename, "/host/c", Some("/new"), done),
        read("/new/kept"),
        access(Act::Probe, "/new/never", None, missing),
        // What is made anew has nothing of the one that had its name.
        access(Act::MakeDirectory, "/tmp/g", None, done),
        read("/tmp/g/f/made"),
        left("/out/x", Left::Other),
        left("/out/x/asked", file),
        left("/out/x/f", Left::Other),
        left("/out/x/f/made", file),
        left("/out/x/later", file),
        left("/out/x/gone", Left::Gone),
        left("/host/b/changed", file),
        left("/host/a/changed", Left::Gone),
        left("/tmp/d/asked", Left::Gone),
        left("/tmp/d/e/made", Left::Gone),
        left("/tmp/d/f", Left::Gone),
        left("/tmp/d/gone", Left::Gone),
        left("/tmp/g", Left::Other),
        left("/tmp/g/later", Left::Gone),
    ];
    let model = folded(&events.map(|event| (1, event)));
    let all = |is: fn(&FileUse) -> bool| -> Vec<String> {
        let files = model.files.iter().filter(|(_, file)| is(file));
        files.map(|(path, _)| path.to_string()).collect()
    };
    let outputs = [
        "/host/a",
        "/host/b",
        "/host/b/changed",
        "/new",
        "/out/x",
        "/out/x/asked",
        "/out/x/f",
        "/out/x/f/made",
        "/out/x/later",
        "/tmp/g",
    ];
    assert_eq!(all(FileUse::is_output), outputs);
    assert_eq!(all(FileUse::is_input), ["/host/b/kept", "/new/kept", "/tmp/g/f/made"]);
    assert_eq!(all(FileUse::is_missing), ["/new/never"]);
    assert!(all(FileUse::is_passing).contains(&"/out/x/gone".to_owned()));
    assert_eq!(all(FileUse::is_removed), ["/host/c"]);
}

/// Nobody learns any more what was in it, but for what the tree has seen of it before.
#[test]
fn what_is_not_in_a_directory_that_was_moved_away_may_have_been_there() {
    let (done, missing) = (Outcome::Done, Outcome::Failed(2));
    let asked = |path: &str, outcome| access(Act::Probe, path, None, outcome);
    let moved = |from: &str, to: &str| access(Act::Rename, from, Some(to), done);
    let events = [
        Event::Started { child: 1, kin: Kin::Root },
        asked("/host/never", missing),
        moved("/host", "/old"),
        asked("/host/never", missing),
        asked("/host/unknown", missing),
        asked("/host/deep/unknown", missing),
        asked("/hostile", missing),
        access(Act::MakeDirectory, "/made", None, done),
        moved("/made", "/made2"),
        asked("/made/x", missing),
        access(Act::Exchange, "/left", Some("/right"), done),
        asked("/right/unknown", missing),
        moved("/back", "/away"),
        asked("/back/kept", missing),
        moved("/away", "/back"),
        asked("/back/never", missing),
        access(Act::Read, "/back/kept", None, done),
    ];
    let model = folded(&events.map(|event| (1, event)));
    let all = |is: fn(&FileUse) -> bool| -> Vec<String> {
        let files = model.files.iter().filter(|(_, file)| is(file));
        files.map(|(path, _)| path.to_string()).collect()
    };
    let never = ["/back/never", "/host/never", "/hostile", "/made/x"];
    assert_eq!(all(FileUse::is_missing), never);
    assert_eq!(all(FileUse::is_input), ["/back/kept"]);
    assert_eq!(model.files[&b"/host/unknown"[..]].before, Before::Unknown);
}

/// Who renames directories in circles gets an answer too, and soon.
#[test]
fn directories_that_are_renamed_in_circles_end() {
    let done = Outcome::Done;
    let name = |number: usize| format!("/d{}", number % 300);
    let mut events = vec![(1, Event::Started { child: 1, kin: Kin::Root })];
    for number in 0..2000 {
        events.push((1, access(Act::Create, &format!("{}/{number}", name(number)), None, done)));
        events.push((1, access(Act::Rename, &name(number), Some(&name(number + 1)), done)));
        let read = access(Act::Read, &format!("{}/{number}", name(number + 1)), None, done);
        events.push((1, read));
    }
    let model = folded(&events);
    let inputs = model.files.values().filter(|file| file.is_input()).count();
    assert_eq!(inputs, 0);
}
