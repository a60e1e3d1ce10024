//! `vrift audit report` and its kin on records that are made here, through the real binary.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vrift_audit::{
    Access, Act, Ending, Endpoint, Event, Execution, Header, How, Kin, NetworkAct, Outcome, Part,
    Totals, Usage, Value, Variable, Verdict, VersionId, Writer,
};
use vrift_audit::{Content, Left, Origin};
use vrift_cas::Digest;

use super::kit::{Sandbox, have, run};

/// A record of one compiler; tests change what they are about.
pub(crate) struct Made {
    pub(crate) events: Vec<Event>,
    versions: u32,
}

impl Made {
    /// A compiler that has just been started with these words and variables.
    pub(crate) fn new(argv: &[&str], env: &[(&str, &str)]) -> Made {
        let variable = |&(name, value): &(&str, &str)| Variable {
            name: name.into(),
            value: Value::Plain(value.into()),
        };
        let execution = Execution {
            program: "/usr/bin/cc".into(),
            argv: argv.iter().map(|&word| word.into()).collect(),
            env: env.iter().map(variable).collect(),
            cwd: "/src".into(),
        };
        let root = Event::Started { child: 7, kin: Kin::Root };
        Made { events: vec![root, Event::Executed(execution)], versions: 0 }
    }

    pub(crate) fn did(&mut self, act: Act, path: &str, version: Option<VersionId>) {
        self.events.push(Event::File(Access {
            call: "openat".into(),
            act,
            path: path.into(),
            other: None,
            version,
            part: Part::First,
            verdict: Verdict::Host,
            outcome: Outcome::Done,
        }));
    }

    /// A file with this content is read.
    pub(crate) fn read(&mut self, path: &str, content: &str) {
        let version = self.version(path, content);
        self.did(Act::Read, path, Some(version));
    }

    /// A file with this content is left.
    pub(crate) fn leave(&mut self, path: &str, content: &str) {
        self.did(Act::Create, path, None);
        let version = self.version(path, content);
        self.events.push(Event::Left { path: path.into(), state: Left::File(version) });
    }

    fn version(&mut self, path: &str, content: &str) -> VersionId {
        self.versions += 1;
        let version = VersionId(self.versions);
        let origin = Origin::Host { dev: 1, ino: u64::from(self.versions), mtime_ns: 0 };
        let size = content.len() as u64;
        self.events.push(Event::Version { version, path: path.into(), size, origin });
        let content = Content::Whole(Digest::of(content.as_bytes()));
        self.events.push(Event::Content { version, content });
        version
    }

    /// Writes the record into a sandbox.
    pub(crate) fn written(self, sandbox: &Sandbox, name: &str) -> PathBuf {
        self.told(sandbox, name, Header { cwd: b"/src".to_vec(), ..Header::default() })
    }

    /// Writes the record of a command that was run in this directory.
    pub(crate) fn written_in(self, sandbox: &Sandbox, name: &str, cwd: &Path) -> PathBuf {
        let cwd = cwd.as_os_str().as_encoded_bytes().to_vec();
        self.told(sandbox, name, Header { cwd, ..Header::default() })
    }

    /// Writes the record of a command that was run on this host.
    pub(crate) fn written_on(self, sandbox: &Sandbox, name: &str, host: &str) -> PathBuf {
        let (cwd, host) = (b"/src".to_vec(), host.to_owned());
        self.told(sandbox, name, Header { cwd, host, ..Header::default() })
    }

    fn told(mut self, sandbox: &Sandbox, name: &str, header: Header) -> PathBuf {
        let used = Usage::default();
        self.events.push(Event::Ended { how: How::Ended(Ending::Exited(0)), used });
        let command = vec![b"cc".to_vec(), b"-c".to_vec(), b"a.c".to_vec()];
        write(&sandbox.path(name), &Header { command, ..header }, self.events)
    }
}

fn write(path: &Path, header: &Header, events: Vec<Event>) -> PathBuf {
    let mut writer = Writer::create(path, header).expect("the sandbox is ours");
    for (at, event) in events.into_iter().enumerate() {
        writer.append(Duration::from_micros(at as u64), 7, event).expect("it can be written");
    }
    let ending = Ending::Exited(0);
    let totals = Totals { events: 0, ending, wall_ns: 1, incomplete: 0, violations: 0 };
    writer.finish(totals).expect("it can be written");
    path.to_owned()
}

pub(crate) fn a_build(sandbox: &Sandbox) -> PathBuf {
    let mut made = Made::new(&["cc", "-c", "a.c"], &[("LANG", "C")]);
    made.read("/src/a.c", "int a;\n");
    made.leave("/src/a.o", "object");
    made.written(sandbox, "a.rec")
}

#[test]
fn a_report_answers_first() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let report = |more: &[&str]| {
        let mut vrift = sandbox.vrift(["audit", "report"]);
        run(vrift.arg(&record).args(more)).fine()
    };
    let page = report(&[]);
    assert!(page.starts_with("COMPLIANT"), "{page}");
    for told in ["command    cc -c a.c\n", "1 file, 7 bytes\n", "/src/a.c\n", "/src/a.o"] {
        assert!(page.contains(told), "{told:?} is not in {page}");
    }
    assert!(report(&["--format", "md"]).starts_with("# Audit: compliant\n"));
    let object: serde_json::Value = serde_json::from_str(&report(&["--format", "json"])).unwrap();
    assert_eq!(object["conclusion"]["standing"], "compliant");
    let object_file = &object["files"][1];
    assert_eq!(object_file["path"]["text"], "/src/a.o");
    assert_eq!(object_file["left"]["blake3"], Digest::of(b"object").to_string());
    let file = sandbox.path("report.md");
    let mut vrift = sandbox.vrift(["audit", "report", "--format", "md", "-o"]);
    assert_eq!(run(vrift.arg(&file).arg(&record)).fine(), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), report(&["--format", "md"]));
}

#[test]
fn a_damaged_record_is_shown_as_far_as_it_goes() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let bytes = std::fs::read(&record).unwrap();
    std::fs::write(&record, &bytes[..bytes.len() - 1]).unwrap();
    let ran = run(sandbox.vrift(["audit", "report"]).arg(&record));
    assert!(ran.status.success(), "{ran}");
    assert!(ran.out().starts_with("UNKNOWN"), "{ran}");
    assert!(ran.err().contains("the file ends within frame"), "{ran}");
    std::fs::write(&record, b"no record").unwrap();
    let failed = run(sandbox.vrift(["audit", "report"]).arg(&record)).vrift_failed();
    assert!(failed.contains("is not a record"), "{failed}");
}

#[test]
fn compliance_has_the_status_of_the_table() {
    let sandbox = Sandbox::new();
    let fine = a_build(&sandbox);
    let table = run(sandbox.vrift(["audit", "compliance"]).arg(&fine)).fine();
    assert!(table.contains("open        openat"), "{table}");
    let mut made = Made::new(&["cc"], &[]);
    made.events.push(Event::Call {
        call: "fanotify_mark".into(),
        verdict: Verdict::Refused,
        outcome: Outcome::Failed(1),
    });
    made.events.push(Event::Network {
        call: "connect".into(),
        act: NetworkAct::Connect,
        endpoint: Endpoint::Inet { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 80 },
        part: Part::First,
        verdict: Verdict::Host,
        outcome: Outcome::Done,
    });
    let bad = made.written(&sandbox, "b.rec");
    let ran = run(sandbox.vrift(["audit", "compliance", "--json"]).arg(&bad));
    assert_eq!(ran.code(), Some(1), "{ran}");
    let rows: serde_json::Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!(rows[1]["compliant"], false, "{rows}");
    let page = run(sandbox.vrift(["audit", "report"]).arg(&bad)).fine();
    assert!(page.contains("fanotify_mark was refused once"), "{page}");
    assert!(page.contains("1 × connect 127.0.0.1:80"), "{page}");
}

#[test]
fn a_diff_names_one_header_and_one_variable_and_nothing_else() {
    let sandbox = Sandbox::new();
    let build = |name: &str, header: &str, lang: &str| {
        let mut made = Made::new(&["cc", "-c", "a.c"], &[("LANG", lang)]);
        made.read("/src/a.h", header);
        made.leave("/src/a.o", "object");
        made.written(&sandbox, name)
    };
    let (a, b) = (build("a.rec", "one", "C"), build("b.rec", "two", "de"));
    let diff = |other: &Path| run(sandbox.vrift(["audit", "diff"]).arg(&a).arg(other));
    assert_eq!(diff(&a).fine(), "the runs do not differ\n");
    let ran = diff(&b);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let first = "the runs differ in 1 variable, 1 input\nvariable LANG (executions: 1)\n";
    assert!(ran.out().starts_with(first), "{ran}");
    assert_eq!(ran.out().lines().count(), 7, "{ran}");
}

#[test]
fn sqlite_reads_the_tables() {
    if !have("sqlite3") {
        return;
    }
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let database = sandbox.path("run.db");
    let written = |format: &str| {
        let mut vrift = sandbox.vrift(["audit", "report", "--format", format]);
        run(vrift.arg(&record).arg("-o").arg(&database))
    };
    let ask = |question: &str| run(sandbox.command("sqlite3").arg(&database).arg(question)).fine();
    // What was there is replaced.
    written("md").fine();
    written("sqlite").fine();
    written("sqlite").fine();
    assert_eq!(ask("PRAGMA integrity_check; PRAGMA foreign_key_check"), "ok\n");
    let contents =
        "SELECT what, path, size, blake3 FROM contents JOIN files ON id = file ORDER BY 1";
    let (source, object) = (Digest::of(b"int a;\n"), Digest::of(b"object"));
    let wanted = format!("given|/src/a.c|7|{source}\nleft|/src/a.o|6|{object}\n");
    assert_eq!(ask(contents), wanted);
    assert_eq!(ask("SELECT word FROM arguments ORDER BY place"), "cc\n-c\na.c\n");
    assert_eq!(ask("SELECT name, value FROM variables"), "LANG|C\n");
    assert_eq!(ask("SELECT value FROM run WHERE name = 'standing'"), "compliant\n");
    assert_eq!(ask("SELECT call, verdict, count FROM calls"), "openat|host|2\n");
    let nowhere = run(sandbox.vrift(["audit", "report", "--format", "sqlite"]).arg(&record));
    assert!(nowhere.vrift_failed().contains("-o"));
}

/// Nobody loses the report he has because there is no room for another.
#[test]
fn a_file_is_replaced_by_all_of_a_report_or_not_at_all() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let home = sandbox.path("reports");
    std::fs::create_dir(&home).expect("the sandbox is ours");
    let listed = || -> Vec<_> {
        let names = std::fs::read_dir(&home).expect("it is there").flatten();
        names.map(|entry| entry.file_name()).collect()
    };
    let report = |format: &str, limit: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
        let mut shell = sandbox.command("sh");
        let vrift = sandbox.vrift(["audit", "report", "--format", format, "-o", "r"]);
        shell.args(["-c", &script, "sh"]).arg(vrift.get_program()).args(vrift.get_args());
        run(shell.arg(&record).current_dir(&home))
    };
    for format in ["html", "json", "sqlite"] {
        std::fs::write(home.join("r"), "old").expect("it is ours");
        let failed = report(format, "0").vrift_failed();
        assert!(failed.contains("cannot write"), "{format}: {failed}");
        assert_eq!(std::fs::read(home.join("r")).expect("it is there"), b"old", "{format}");
        assert_eq!(listed(), ["r"], "{format}");
        report(format, "unlimited").fine();
        assert_ne!(std::fs::read(home.join("r")).expect("it is there"), b"old", "{format}");
        assert_eq!(listed(), ["r"], "{format}");
        std::fs::remove_file(home.join("r")).expect("it is ours");
        report(format, "0").vrift_failed();
        assert!(listed().is_empty(), "{format}");
    }
}

/// What is no file is written to; a symlink stays one, and a file keeps its mode.
#[test]
fn a_report_goes_where_it_is_sent() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let report = |to: &str| {
        let mut vrift = sandbox.vrift(["audit", "report", "-o", to]);
        run(vrift.arg(&record).current_dir(sandbox.path(""))).fine()
    };
    let told = |name: &str| std::fs::read(sandbox.path(name)).expect("it was written");
    let mode = |name: &str| {
        std::fs::metadata(sandbox.path(name)).expect("it was written").permissions().mode() & 0o777
    };
    assert_eq!(report("/dev/null"), "");
    assert!(report("/dev/stdout").starts_with("COMPLIANT"));
    report("new");
    assert_eq!(mode("new"), 0o600);
    std::fs::write(sandbox.path("shared"), "old").expect("it is ours");
    let shared = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(sandbox.path("shared"), shared).expect("it is ours");
    symlink("shared", sandbox.path("link")).expect("it is ours");
    symlink("later", sandbox.path("dangling")).expect("it is ours");
    report("link");
    report("dangling");
    assert_eq!((told("shared"), mode("shared")), (told("new"), 0o644));
    assert_eq!(told("later"), told("new"));
    assert!(sandbox.path("link").is_symlink() && sandbox.path("dangling").is_symlink());
}

/// What a symlink says is all there is to it, however it came to its name.
#[test]
fn two_runs_that_leave_other_symlinks_differ_in_these() {
    let sandbox = Sandbox::new();
    let record = |name: &str, target: &str| {
        let path = sandbox.path(name);
        let _ = fs::remove_dir_all(sandbox.tree());
        fs::create_dir(sandbox.tree()).expect("the sandbox is ours");
        let script = "cd \"$0\" && ln -s \"$1\" plain && ln -s same same && ln -s \"$1\" old && mv old new &&
             ln -s x stays && ln -sfn \"$1\" stays && mkdir dir && ln -s \"$1\" other && rm other && mkdir other";
        let mut vrift = sandbox.vrift(["audit", "-o"]);
        vrift.arg(&path).args(["--", "sh", "-c", script]).arg(sandbox.tree()).arg(target);
        run(&mut vrift).fine();
        path
    };
    let [one, again, two] =
        [("a", "one"), ("b", "one"), ("c", "two words")].map(|(name, target)| record(name, target));
    let diff = |other: &Path| run(sandbox.vrift(["audit", "diff"]).arg(&one).arg(other));
    assert!(diff(&again).status.success(), "{}", diff(&again));
    let ran = diff(&two);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let told = ran.out();
    let named = |name: &str| told.contains(&format!("{}/{name}\n", sandbox.tree().display()));
    for (name, differs) in [
        ("plain", true),
        ("new", true),
        ("stays", true),
        ("same", false),
        ("dir", false),
        ("other", false),
    ] {
        assert_eq!(named(name), differs, "{name}: {told}");
    }
    for said in ["a symlink to one", "a symlink to 'two words'"] {
        assert_eq!(told.matches(said).count(), 3, "{told}");
    }
}
