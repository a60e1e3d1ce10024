//! What is told of two runs: what differs, and none of what differs each time.

use std::time::Duration;

use vrift_cas::Digest;

use super::made::{totals, written};
use crate::diff::{Diff, Setting, Side};
use crate::*;

/// A run that is told step by step.
struct Run {
    pid: Tid,
    entries: Vec<Entry>,
    versions: u32,
    header: Header,
}

impl Run {
    fn new(pid: Tid) -> Run {
        let header = Header { cwd: b"/src".to_vec(), host: "h".to_owned(), ..Header::default() };
        let mut run = Run { pid, entries: Vec::new(), versions: pid as u32, header };
        run.add(Event::Started { child: pid, kin: Kin::Root });
        run
    }

    fn add(&mut self, event: Event) {
        let at = Duration::from_micros(self.entries.len() as u64 * self.pid as u64);
        self.entries.push(Entry { at, tid: self.pid, event });
    }

    fn executes(&mut self, argv: &[&str], env: &[(&str, &str)]) {
        self.add(Event::Executed(Execution {
            program: format!("/usr/bin/{}", argv[0]).as_str().into(),
            argv: argv.iter().map(|&word| word.into()).collect(),
            env: env
                .iter()
                .map(|&(name, value)| Variable {
                    name: name.into(),
                    value: Value::Plain(value.into()),
                })
                .collect(),
            cwd: Text::from(&self.header.cwd[..]),
        }));
    }

    fn does(&mut self, act: Act, path: &str, version: Option<VersionId>, outcome: Outcome) {
        self.add(Event::File(Access {
            call: "openat".into(),
            act,
            path: path.into(),
            other: None,
            version,
            part: Part::First,
            verdict: Verdict::Host,
            outcome,
        }));
    }

    fn holds(&mut self, path: &str, content: &str) -> VersionId {
        self.versions += 1;
        let version = VersionId(self.versions);
        let origin = Origin::Host { dev: 1, ino: u64::from(self.versions), mtime_ns: 0 };
        self.add(Event::Version { version, path: path.into(), size: 1, origin });
        let content = Content::Whole(Digest::of(content.as_bytes()));
        self.add(Event::Content { version, content });
        version
    }

    fn reads(&mut self, path: &str, content: &str) {
        let version = self.holds(path, content);
        self.does(Act::Read, path, Some(version), Outcome::Done);
    }

    fn leaves(&mut self, path: &str, content: &str) {
        self.does(Act::Create, path, None, Outcome::Done);
        let version = self.holds(path, content);
        self.add(Event::Left { path: path.into(), state: Left::File(version) });
    }

    fn uses_up(&mut self, path: &str) {
        self.does(Act::Create, path, None, Outcome::Done);
        self.reads(path, path);
        self.does(Act::Remove, path, None, Outcome::Done);
        self.add(Event::Left { path: path.into(), state: Left::Gone });
    }

    fn misses(&mut self, path: &str) {
        self.does(Act::Probe, path, None, Outcome::Failed(2));
    }

    fn model(&self) -> Model {
        let bytes = written(&self.header, &self.entries);
        Model::read(&mut Reader::new(&bytes[..], "r".as_ref()).unwrap())
    }
}

/// A compiler with its assembler, as they are each time: other numbers, other temporary names.
fn a_build(pid: Tid, temporary: &str, header: &str, env: &[(&str, &str)]) -> Run {
    let mut run = Run::new(pid);
    let assembler = format!("/tmp/{temporary}.s");
    run.executes(&["cc1", "-I/usr/include", "a.c", "-o", &assembler], env);
    run.reads("/src/a.c", "source");
    run.reads("/src/a.h", header);
    run.reads(&format!("/proc/{pid}/maps"), temporary);
    run.reads(&format!("/proc/self/task/{pid}/comm"), temporary);
    run.does(Act::List, "/dev/pts/3", None, Outcome::Done);
    run.uses_up(&assembler);
    run.misses(&format!("/tmp/{temporary}.s.gch"));
    run.executes(&["as", "-o", "a.o", &assembler, &format!("-@/x:{assembler}")], env);
    run.leaves("/src/a.o", "object");
    run
}

fn told(a: &Run, b: &Run) -> (Diff, String) {
    let diff = Diff::of(&a.model(), &b.model());
    let text = diff.to_string();
    (diff, text)
}

#[test]
fn a_build_and_the_same_again_do_not_differ() {
    let (diff, text) = told(
        &a_build(10, "ccAbc", "one", &[("A", "1")]),
        &a_build(77, "ccXyz", "one", &[("A", "1"), ("_", "/bin/x")]),
    );
    assert!(diff.is_empty(), "{text}");
    assert_eq!(text, "the runs do not differ\n");
    assert_eq!(diff.json()["alike"], true);
}

#[test]
fn one_header_and_one_variable_are_named_and_nothing_else() {
    let a = a_build(10, "ccAbc", "one", &[("LANG", "C"), ("A", "1")]);
    let b = a_build(77, "ccXyz", "two", &[("LANG", "C"), ("A", "2")]);
    let (diff, text) = told(&a, &b);
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    assert_eq!(
        text,
        format!(
            "the runs differ in 1 variable, 1 input\n\
             variable A (executions: 2)\n  a  1\n  b  2\n\
             input /src/a.h\n  a  {one}\n  b  {two}\n"
        )
    );
    assert_eq!((diff.causes(), diff.results()), (2, 0));
    assert_eq!(diff.json()["inputs"][0]["b"]["contents"][0], two.to_string());
    assert_eq!(diff.json()["variables"][0]["a"]["text"], "1");
}

#[test]
fn variables_of_one_run_only_and_secrets_are_told_apart() {
    let mut a = Run::new(5);
    a.executes(&["sh"], &[("ONLY", "")]);
    let mut b = Run::new(6);
    b.executes(&["sh"], &[]);
    let secret = |run: &mut Run| {
        if let Event::Executed(execution) = &mut run.entries[1].event {
            execution.env.push(Variable { name: "KEY".into(), value: Value::Redacted });
        }
    };
    secret(&mut b);
    let diff = told(&a, &b).0;
    let values: Vec<_> =
        diff.variables.iter().map(|v| (v.name.to_string(), v.value.clone())).collect();
    let both = |a, b| crate::diff::Both { a, b };
    assert_eq!(
        values,
        [
            ("KEY".to_owned(), both(Setting::Unset, Setting::Redacted)),
            ("ONLY".to_owned(), both(Setting::Set("".into()), Setting::Unset)),
        ]
    );
    secret(&mut a);
    let diff = told(&a, &b).0;
    assert_eq!(diff.variables.len(), 1, "values that are not known are not compared");
}

#[test]
fn words_that_differ_are_named() {
    let mut a = Run::new(5);
    a.executes(&["cc", "-O1", "a.c"], &[]);
    a.executes(&["ld", "x"], &[]);
    let mut b = Run::new(6);
    b.executes(&["cc", "-O2", "a.c"], &[]);
    let (diff, text) = told(&a, &b);
    assert_eq!(diff.executions.len(), 2);
    assert!(text.contains("words of /usr/bin/cc\n  a  -O1\n  b  -O2\n"), "{text}");
    assert!(text.contains("execution of /usr/bin/ld\n  a  ld x\n  b  -\n"), "{text}");
}

/// Processes of a parallel build come in any order, and some of them have the same words.
/// Where one execution is missing, the others are compared with those that are most like them.
#[test]
fn executions_are_compared_with_those_that_are_alike() {
    let linked = |objects: &[&str]| {
        let mut run = Run::new(7);
        for object in objects {
            run.executes(
                &["cc", "-c", &object.replace(".o", ".c"), "-o", object],
                &[("O", object)],
            );
        }
        let all = [&["cc", "-shared", "-o", "lib.so"], objects].concat();
        run.executes(&all, &[("O", "lib.so")]);
        run
    };
    let (_, said) = told(&linked(&["a.o", "b.o", "c.o"]), &linked(&["a.o", "b.o"]));
    assert_eq!(
        said,
        "the runs differ in 2 executions\n\
         execution of /usr/bin/cc\n  a  cc -c c.c -o c.o\n  b  -\n\
         words of /usr/bin/cc\n  a  cc -shared -o lib.so a.o b.o c.o\n  b  cc -shared -o lib.so a.o b.o\n"
    );
}

#[test]
fn the_order_of_processes_does_not_matter() {
    let environments = [[("MAKELEVEL", "1")], [("MAKELEVEL", "2")], [("MAKELEVEL", "3")]];
    let mut a = Run::new(5);
    environments.iter().for_each(|env| a.executes(&["sh"], env));
    a.executes(&["cc", "a.c"], &[]);
    let mut b = Run::new(6);
    b.executes(&["cc", "a.c"], &[]);
    environments.iter().rev().for_each(|env| b.executes(&["sh"], env));
    let (diff, text) = told(&a, &b);
    assert!(diff.is_empty(), "{text}");
}

#[test]
fn the_directory_of_a_build_is_told_once() {
    let mut runs = ["/one", "/home/two"].map(|directory| {
        let mut run = Run::new(3);
        run.header.cwd = directory.as_bytes().to_vec();
        run.executes(&["cc", &format!("-I{directory}/include"), "x"], &[("PWD", directory)]);
        run.reads(&format!("{directory}/a.c"), "source");
        run.leaves(&format!("{directory}/a.o"), "object");
        run
    });
    let (diff, text) = told(&runs[0], &runs[1]);
    assert_eq!((diff.causes(), diff.results()), (1, 0), "{text}");
    assert!(text.contains("directory\n  a  /one\n  b  /home/two\n"), "{text}");
    runs[1].reads("/home/two-more/a.c", "not in the directory");
    let (diff, text) = told(&runs[0], &runs[1]);
    assert_eq!(diff.inputs.len(), 1, "{text}");
}

#[test]
fn what_only_one_run_found_is_told_and_what_only_one_missed_is_not() {
    let mut a = Run::new(3);
    a.misses("/src/config.h");
    a.misses("/only/a/looked");
    a.misses("/etc/flag");
    let mut b = Run::new(4);
    b.reads("/src/config.h", "x");
    b.does(Act::Probe, "/etc/flag", None, Outcome::Done);
    let diff = told(&a, &b).0;
    let paths = |changes: &[crate::diff::FileChange]| -> Vec<String> {
        changes.iter().map(|change| change.path.to_string()).collect()
    };
    assert_eq!(paths(&diff.inputs), ["/src/config.h"]);
    assert_eq!(diff.inputs[0].side.a, Side::Missing);
    assert_eq!(paths(&diff.existence), ["/etc/flag"]);
    assert_eq!((diff.causes(), diff.results()), (2, 0));
}

#[test]
fn outputs_and_ends_are_results() {
    let mut a = Run::new(3);
    a.leaves("/src/a.o", "one");
    a.leaves("/src/only", "x");
    let mut b = Run::new(4);
    b.leaves("/src/a.o", "two");
    let (diff, text) = told(&a, &b);
    assert_eq!((diff.causes(), diff.results()), (0, 2), "{text}");
    assert!(text.starts_with("the runs differ in 2 outputs\n"), "{text}");
    let mut writer = Writer::new(Vec::new(), "r".as_ref(), &b.header).unwrap();
    for entry in &b.entries {
        writer.append(entry.at, entry.tid, entry.event.clone()).unwrap();
    }
    let failed = Totals { ending: Ending::Exited(1), ..totals() };
    let (bytes, _) = writer.finish(failed).unwrap();
    let failed = Model::read(&mut Reader::new(&bytes[..], "r".as_ref()).unwrap());
    let diff = Diff::of(&b.model(), &failed);
    assert_eq!((diff.causes(), diff.results()), (0, 1));
}

#[test]
fn endpoints_and_escapes_are_compared() {
    let peer = |port| Endpoint::Inet { ip: std::net::IpAddr::from([10, 0, 0, 1]), port };
    let speaks = |run: &mut Run, act, endpoint| {
        let (call, verdict, outcome) = ("connect".into(), Verdict::Host, Outcome::Done);
        run.add(Event::Network { call, act, endpoint, part: Part::First, verdict, outcome });
    };
    let mut a = Run::new(3);
    speaks(&mut a, NetworkAct::Connect, peer(80));
    speaks(&mut a, NetworkAct::Accept, peer(40_001));
    let mut b = Run::new(4);
    speaks(&mut b, NetworkAct::Connect, peer(443));
    speaks(&mut b, NetworkAct::Accept, peer(40_002));
    let kind = Escape::Daemon;
    let detail = "/run/docker.sock".into();
    b.add(Event::Escape { kind, call: "connect".into(), detail, outcome: Outcome::Done });
    let (diff, text) = told(&a, &b);
    assert_eq!((diff.network.a.len(), diff.network.b.len()), (1, 1), "{text}");
    assert_eq!(diff.escapes.b.first().map(String::as_str), Some("daemon /run/docker.sock"));
    assert_eq!(diff.causes(), 3);
}

/// By names from the directory of who is told them, in words and variables.
#[test]
fn temporary_files_are_known_by_relative_names() {
    let build = |pid: Tid, name: &str| {
        let mut run = Run::new(pid);
        let (file, index) = (format!("tmp/{name}.o"), format!(".git/index.{name}"));
        let words = ["cc", "-o", &file, &format!("./{file}"), &format!("sh -c 'cat {file}/'")];
        let env = [("INDEX", &index[..]), ("OPTIONS", &format!("'-o' '{file}' 'in/tmp/x'"))];
        run.executes(&words, &env);
        run.uses_up(&format!("/src/{file}"));
        run.uses_up(&format!("/src/{index}"));
        run
    };
    let (diff, text) = told(&build(10, "one"), &build(77, "two"));
    assert!(diff.is_empty(), "{text}");
    // A word is not temporary because the directory is, nor one that names something above.
    let inside = |pid: Tid, word: &str| {
        let mut run = Run::new(pid);
        run.header.cwd = b"/src/tmp".to_vec();
        run.uses_up("/src/tmp");
        run.uses_up("/src/x");
        run.executes(&["make", word, "../x"], &[]);
        run
    };
    let (_, text) = told(&inside(10, "one"), &inside(77, "two"));
    let words = "words of /usr/bin/make\n  a  one\n  b  two\n";
    assert_eq!(text, format!("the runs differ in 1 execution\n{words}"));
}
