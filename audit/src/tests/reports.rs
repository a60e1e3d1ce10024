//! What reports say of records.

use std::time::Duration;

use super::folding::{access, ended, execution, folded};
use super::made::Random;
use super::made::{totals, written};
use crate::deps::needed;
use crate::diff::Diff;
use crate::export::{Artifacts, cyclonedx, depfile, in_toto, spdx};
use crate::report::{Compliance, Complies, Conclusion, Markdown, Page, Reason, Standing, Summary};
use crate::report::{Html, json, quoted, size, sqlite};
use crate::*;

/// A compiler that reads one header and leaves one object.
fn a_build() -> Vec<(Tid, Event)> {
    let done = Outcome::Done;
    vec![
        (10, Event::Started { child: 10, kin: Kin::Root }),
        (10, execution("/usr/bin/cc")),
        (10, access(Act::Read, "/src/a.h", None, done)),
        (10, access(Act::Probe, "/usr/include/none.h", None, Outcome::Failed(2))),
        (10, access(Act::Create, "/tmp/cc1.s", None, done)),
        (10, access(Act::Remove, "/tmp/cc1.s", None, done)),
        (10, access(Act::Create, "/src/a.o", None, done)),
        (10, ended(0)),
    ]
}

fn call(verdict: Verdict) -> Event {
    Event::Call { call: "getcwd".into(), verdict, outcome: Outcome::Done }
}

fn escape(kind: Escape, outcome: Outcome) -> Event {
    Event::Escape { kind, call: "connect".into(), detail: "/run/x".into(), outcome }
}

fn standing(events: &[(Tid, Event)]) -> (Standing, Vec<String>) {
    let Conclusion { standing, reasons } = Conclusion::of(&folded(events));
    (standing, reasons.iter().map(Reason::to_string).collect())
}

#[test]
fn a_run_complies_unless_something_speaks_against_it() {
    let with = |event: Event| {
        let mut events = a_build();
        events.insert(2, (10, event));
        standing(&events)
    };
    assert_eq!(standing(&a_build()), (Standing::Compliant, vec![]));
    for verdict in [Verdict::Manifest, Verdict::Content, Verdict::CopyOnWrite, Verdict::ByDesign] {
        assert_eq!(with(call(verdict)), (Standing::Compliant, vec![]));
    }
    let tried = escape(Escape::IoUring, Outcome::Failed(38));
    assert_eq!(with(tried), (Standing::Compliant, vec![]));
    let against = |event: Event, reason: &str| {
        assert_eq!(with(event), (Standing::NotCompliant, vec![reason.to_owned()]));
    };
    against(call(Verdict::Refused), "getcwd was refused once");
    against(call(Verdict::Unmodelled), "getcwd was unmodelled once");
    against(escape(Escape::Daemon, Outcome::Done), "possible escape: daemon once: /run/x");
    against(
        Event::Violation {
            class: Class::Network,
            rule: "".into(),
            call: "connect".into(),
            subject: "1.2.3.4:80".into(),
            response: Response::Denied,
        },
        "policy: network denied once: 1.2.3.4:80",
    );
}

#[test]
fn equal_reasons_are_told_once_with_their_number() {
    let events: Vec<_> = std::iter::once((10, Event::Started { child: 10, kin: Kin::Root }))
        .chain((0..3).map(|_| (10, escape(Escape::Daemon, Outcome::Done))))
        .chain((0..2).map(|_| (10, escape(Escape::SetId, Outcome::Never))))
        .collect();
    let (_, reasons) = standing(&events);
    assert_eq!(
        reasons,
        ["possible escape: daemon 3 times: /run/x", "possible escape: set-id 2 times: /run/x"]
    );
}

/// A record that was cut off may hide anything, so it does not prove that a run complied.
#[test]
fn a_record_that_is_not_whole_proves_nothing() {
    let entries: Vec<Entry> = a_build()
        .into_iter()
        .map(|(tid, event)| Entry { at: Duration::ZERO, tid, event })
        .collect();
    let bytes = written(&Header::default(), &entries);
    let cut = &bytes[..bytes.len() - 1];
    let model = Model::read(&mut Reader::new(cut, "r".as_ref()).unwrap());
    let conclusion = Conclusion::of(&model);
    assert_eq!(conclusion.standing, Standing::Unknown);
    assert!(matches!(conclusion.reasons[..], [Reason::Damaged(_)]));
    let page = Page(&Summary::of(&model)).to_string();
    assert!(page.starts_with("UNKNOWN"), "{page}");

    let mut writer = Writer::new(Vec::new(), "r".as_ref(), &Header::default()).unwrap();
    writer.append(Duration::ZERO, 10, a_build()[0].1.clone()).unwrap();
    let (bytes, _) = writer.finish(Totals { incomplete: 2, ..totals() }).unwrap();
    let model = Model::read(&mut Reader::new(&bytes[..], "r".as_ref()).unwrap());
    assert_eq!(Conclusion::of(&model).reasons, [Reason::Incomplete(2)]);
}

#[test]
fn files_are_what_they_are_to_the_run() {
    let model = folded(&a_build());
    let summary = Summary::of(&model);
    let names = |files: &[report::Used<'_>]| -> Vec<String> {
        files.iter().map(|(path, _)| path.to_string()).collect()
    };
    assert_eq!(names(&summary.inputs), ["/src/a.h"]);
    assert_eq!(names(&summary.outputs), ["/src/a.o"]);
    assert_eq!(names(&summary.passing), ["/tmp/cc1.s"]);
    assert_eq!(names(&summary.missing), ["/usr/include/none.h"]);
    assert_eq!(names(&summary.removed), [""; 0]);
}

/// An object that is there from an earlier run, is replaced and then linked was not given to the run.
#[test]
fn what_the_tree_wrote_before_it_read_it_is_no_input() {
    let done = Outcome::Done;
    let with_version = |event: Event, version: u32| match event {
        Event::File(a) => Event::File(Access { version: Some(VersionId(version)), ..a }),
        other => other,
    };
    let model = folded(&[
        (1, Event::Started { child: 1, kin: Kin::Root }),
        (1, access(Act::Replace, "/a.o", None, done)),
        (1, with_version(access(Act::Read, "/a.o", None, done), 1)),
        (1, with_version(access(Act::Read, "/cache", None, done), 2)),
        (1, access(Act::Replace, "/cache", None, done)),
        (1, with_version(access(Act::Read, "/cache", None, done), 3)),
        (1, with_version(access(Act::ReadWrite, "/db", None, done), 4)),
        (1, with_version(access(Act::ReadWrite, "/db", None, done), 5)),
        (1, access(Act::Create, "/new", None, done)),
        (1, access(Act::Rename, "/new", Some("/old"), done)),
        (1, with_version(access(Act::Read, "/old", None, done), 6)),
        (1, access(Act::Remove, "/gone", None, done)),
        (1, access(Act::Write, "/dev/null", None, done)),
        (0, Event::Left { path: "/dev/null".into(), state: Left::Other }),
        (1, access(Act::MakeDirectory, "/dir", None, done)),
        (0, Event::Left { path: "/dir".into(), state: Left::Other }),
    ]);
    let is = |path: &str| {
        let file = &model.files[path.as_bytes()];
        let given: Vec<u32> = file.given.iter().map(|version| version.0).collect();
        (file.is_input(), file.is_output(), given)
    };
    assert_eq!(is("/a.o"), (false, true, vec![]));
    assert_eq!(is("/cache"), (true, true, vec![2]));
    assert_eq!(is("/db"), (true, true, vec![4]));
    assert_eq!(is("/old"), (false, true, vec![]));
    assert_eq!(is("/dev/null"), (false, false, vec![]));
    assert_eq!(is("/dir"), (false, true, vec![]));
    assert!(model.files[&b"/gone"[..]].is_removed());
    assert!(model.files[&b"/new"[..]].is_passing());
}

#[test]
fn the_table_has_each_call_once_with_its_answer() {
    let mut events = a_build();
    events.insert(2, (10, call(Verdict::Manifest)));
    events.insert(2, (10, call(Verdict::Host)));
    let fanotify = Event::Call {
        call: "fanotify_mark".into(),
        verdict: Verdict::Refused,
        outcome: Outcome::Failed(1),
    };
    events.insert(2, (10, fanotify));
    let model = folded(&events);
    let table = Compliance::of(&model);
    let rows: Vec<_> =
        table.rows.iter().map(|row| (row.group, row.call.to_string(), row.complies)).collect();
    let row = |group, call: &str, complies| (group, call.to_owned(), complies);
    assert_eq!(
        rows,
        [
            row("open", "openat", Complies::NotConcerned),
            row("namespace", "getcwd", Complies::Yes),
            row("other", "fanotify_mark", Complies::No),
        ]
    );
    assert!(!table.complies());
    let shown = table.to_string();
    let line = shown.lines().find(|line| line.contains("fanotify_mark")).unwrap();
    assert!(line.ends_with("1  no"), "{line}");
    assert_eq!(table.json()[2]["compliant"], false);
    assert_eq!(table.json()[1]["verdicts"]["manifest"], 1);
}

/// Whatever a program named its files, a page stays lines of text, and Markdown has no markup of theirs.
#[test]
fn names_do_not_become_markup_or_control() {
    let name = "/x\n\x1b[31m<script>|`[a](http://b)";
    let mut events = a_build();
    events.push((10, access(Act::Create, name, None, Outcome::Done)));
    events.push((10, escape(Escape::Daemon, Outcome::Done)));
    let model = folded(&events);
    let summary = Summary::of(&model);
    let page = Page(&summary).to_string();
    assert!(page.contains("/x\\n\\u{1b}[31m"), "{page}");
    let markdown = Markdown(&summary).to_string();
    for markup in ["<script", "\x1b", "[a](", "]("] {
        assert!(!markdown.contains(markup), "{markup:?} in {markdown}");
    }
    let rows = markdown.lines().filter(|line| line.contains("script"));
    assert_eq!(rows.count(), 1, "{markdown}");
}

/// Any record at all can be shown in any form, and the page stays a page.
#[test]
fn every_record_can_be_shown() {
    for seed in 1..40 {
        let mut random = Random(seed);
        let header = random.header();
        let entries = random.entries(400);
        let bytes = written(&header, &entries);
        let model = Model::read(&mut Reader::new(&bytes[..], "r".as_ref()).unwrap());
        let summary = Summary::of(&model);
        let page = Page(&summary).to_string();
        assert!(page.lines().count() < 90, "seed {seed}: {page}");
        assert!(!page.contains('\x1b') && !page.contains('\0'), "seed {seed}");
        assert!(!Markdown(&summary).to_string().is_empty());
        let object = json(&summary);
        assert_eq!(object["schema"], "vrift-audit-report");
        assert_eq!(object["files"].as_array().unwrap().len(), model.files.len(), "seed {seed}");
        let database = tempfile::NamedTempFile::new().unwrap();
        sqlite(&summary, database.path()).unwrap();
        let html = Html(&summary).to_string();
        assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
        let other = written(&header, &random.entries(400));
        let other = Model::read(&mut Reader::new(&other[..], "r".as_ref()).unwrap());
        assert!(Diff::of(&model, &model).is_empty(), "seed {seed}");
        assert!(!Diff::of(&model, &other).to_string().is_empty());
        assert!(needed(&model).len() <= model.files.len());
        let artifacts = Artifacts::of(&model);
        spdx(&artifacts);
        cyclonedx(&artifacts);
        depfile(&model);
        // One without outputs has nothing to be said of.
        let _ = in_toto(&artifacts);
    }
}

/// A shell reads what is printed as what was recorded.
#[test]
fn a_shell_takes_words_for_what_they_are() {
    use std::os::unix::ffi::OsStrExt;
    let words: [&[u8]; 8] = [
        b"plain",
        b"",
        b"it's",
        br"a\b\\",
        b"two\nlines\t",
        b"\xff\x01a\x7f0",
        "ö\u{202e}7".as_bytes(),
        b"$HOME `x` \"!*",
    ];
    let script = words.map(quoted).join(" ");
    let mut bash = std::process::Command::new("bash");
    let Ok(ran) = bash.arg("-c").arg(format!("printf '%s\\0' {script}")).output() else {
        return eprintln!("skipped: there is no bash");
    };
    assert!(!script.contains('\n'), "{script}");
    let read: Vec<_> = ran.stdout.split(|&byte| byte == 0).collect();
    assert_eq!(
        &read[..words.len()],
        words,
        "{}",
        std::ffi::OsStr::from_bytes(script.as_bytes()).display()
    );
}

#[test]
fn words_and_sizes_are_spelled() {
    assert_eq!(quoted(b"a-b/c.o"), "a-b/c.o");
    assert_eq!(quoted(b"it's"), "'it'\\''s'");
    assert_eq!(quoted(b""), "''");
    assert_eq!(quoted(br"s/\(a\)/\1/"), r"'s/\(a\)/\1/'");
    assert_eq!(quoted("ö x".as_bytes()), "'ö x'");
    assert_eq!(quoted(b"a\n'b'\\\xff\x01"), r"$'a\n\'b\'\\\377\001'");
    assert_eq!(quoted("\u{202e}".as_bytes()), r"$'\342\200\256'");
    assert_eq!(size(999), "999 bytes");
    assert_eq!(size(1500), "1.5 kB");
    assert_eq!(size(2_000_000_000), "2.0 GB");
}
