//! What strace does not have: mounts behind descriptors, notes, JSON lines, trees, timelines.

use std::fs;

use serde_json::Value;

use crate::kit::{Ran, Sandbox, run};

/// A sandbox with a mount of a tree that has one file.
fn mounted() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox is writable");
    fs::write(sandbox.tree().join("file"), "content\n").expect("the tree is writable");
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    sandbox
}

fn in_mount(sandbox: &Sandbox, options: &[&str], command: &[&str]) -> Ran {
    let mut vrift = sandbox.vrift(["trace", "--read-only", "--manifest"]);
    vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(sandbox.tree());
    run(vrift.args(options).arg("--").args(command))
}

#[test]
fn descriptors_of_a_mount_show_its_paths() {
    let sandbox = mounted();
    let tree = sandbox.tree();
    let file = tree.join("file");
    for option in ["-y", "-yy"] {
        let options = [option, "-e", "openat,read,fchdir,chdir", "--annotate=never"];
        let script = format!("cd {}; exec 3<file; read line <&3", tree.display());
        let ran = in_mount(&sandbox, &options, &["sh", "-c", &script]);
        let err = ran.err();
        let (tree, file) = (tree.display(), file.display());
        assert!(err.contains(&format!("openat(AT_FDCWD<{tree}>, \"file\"")), "{err}");
        assert!(err.contains(&format!("read(0<{file}>, \"c\", 1)")), "{err}");
        assert!(err.contains(&format!("<{file}>\n")), "{err}");
        assert!(!err.contains(&sandbox.store().display().to_string()), "{err}");
    }
    let path = file.display().to_string();
    let ran = in_mount(&sandbox, &["-P", &path, "-e", "!fstat,newfstatat"], &["cat", &path]);
    let names: Vec<String> =
        ran.err().lines().map(|line| line.split('(').next().unwrap_or_default().into()).collect();
    assert_eq!(names[..2], ["openat", "fadvise64"], "{ran}");
    assert!(names.iter().any(|name| name == "read"), "{ran}");
}

#[test]
fn notes_are_shown_unless_told_otherwise() {
    let sandbox = mounted();
    let path = sandbox.tree().join("file").display().to_string();
    for (option, shown) in [("auto", true), ("always", true), ("never", false)] {
        let annotate = format!("--annotate={option}");
        let ran = in_mount(&sandbox, &[&annotate, "-e", "openat"], &["cat", &path]);
        let line = ran.err().lines().find(|line| line.contains(&path)).map(str::to_owned);
        assert_eq!(line.expect("it was opened").contains(" ⇒ blob "), shown, "{option}: {ran}");
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    text.lines().map(line).collect()
}

#[test]
fn json_tells_of_the_same_events_as_the_text() {
    let sandbox = Sandbox::new();
    let script = "/bin/true; cat /nonexistent 2>/dev/null; kill -WINCH $$; exit 3";
    for options in [
        &[][..],
        &["-z"],
        &["-e", "status=failed"],
        &["-e", "status=unfinished", "-e", "signal=none"],
        &["-e", "trace=%file", "-qq"],
    ] {
        let lines = |more: &[&str]| {
            let mut vrift = sandbox.vrift(["trace"]);
            let ran = run(vrift.args(options).args(more).args(["sh", "-c", script]));
            assert_eq!(ran.code(), Some(3), "{ran}");
            ran.err()
        };
        let text = lines(&[]);
        let json = json_lines(&lines(&["--json"]));
        let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
        let keys = |key: &str| json.iter().filter(|line| line.get(key).is_some()).count();
        let halves = count(" <unfinished ...>");
        assert_eq!(keys("call"), text.lines().count() - halves - count("---") - count("+++"));
        assert_eq!((keys("signal"), keys("exited")), (count("---"), count("+++")), "{options:?}");
        assert!(json.iter().all(|line| line["v"] == 1 && line["pid"].is_i64()));
    }
}

#[test]
fn json_arguments_have_types() {
    let sandbox = Sandbox::new();
    let out = sandbox.path("out.json");
    let mut vrift = sandbox.vrift(["trace", "--json", "-y", "-e", "openat,execve,wait4", "-o"]);
    run(vrift.arg(&out).args(["sh", "-c", "read line </dev/null; /bin/true; exit 0"])).fine();
    let lines = json_lines(&fs::read_to_string(out).expect("it was written"));
    let executed = &lines[0];
    assert_eq!(executed["call"], "execve");
    assert_eq!(executed["nr"], libc::SYS_execve);
    assert_eq!(executed["args"][1][1]["text"], "-c");
    assert_eq!(executed["result"]["value"], 0);
    let opens_null = |line: &&Value| line["args"][1]["text"] == "/dev/null";
    let opened = lines.iter().find(opens_null).expect("it was opened");
    assert_eq!(opened["args"][0]["fd"], "AT_FDCWD");
    assert_eq!(
        opened["args"][0]["on"]["text"],
        sandbox.path("").display().to_string().trim_end_matches('/')
    );
    assert_eq!(opened["result"]["on"]["text"], "/dev/null");
    assert!(opened["spent"].as_f64().is_some_and(|spent| spent > 0.0));
}

#[test]
fn the_tree_names_every_process() {
    let sandbox = Sandbox::new();
    let out = sandbox.path("out");
    let mut vrift = sandbox.vrift(["trace", "-e", "trace=none", "-e", "quiet=all", "--tree"]);
    vrift.args(["-e", "signal=none", "-o"]).arg(&out);
    let script = "/bin/true 'a b'; (exit 4); sh -c 'kill -9 $$'; exit 3";
    let ran = run(vrift.args(["sh", "-c", script]));
    assert_eq!((ran.code(), ran.err().as_str()), (Some(3), "Killed\n"), "{ran}");
    let tree = fs::read_to_string(&out).expect("it was written");
    let lines: Vec<&str> = tree.lines().collect();
    assert_eq!(lines.len(), 4, "{tree}");
    assert!(lines[0].contains(" sh -c ") && lines[0].contains("[exit 3, wall "), "{tree}");
    assert!(lines[1].starts_with("├─ ") && lines[1].contains("/bin/true 'a b'"), "{tree}");
    assert!(lines[2].starts_with("├─ ") && lines[2].contains("[exit 4, wall "), "{tree}");
    assert!(lines[3].starts_with("└─ ") && lines[3].contains("[SIGKILL, wall "), "{tree}");
    // However long it took.
    let seconds = |line: &str, what: &str| -> Option<f64> {
        line.split_once(what)?.1.split_once(" s")?.0.parse().ok()
    };
    let has_times = |line: &&str| {
        let (wall, used) = (seconds(line, ", wall "), seconds(line, ", cpu "));
        wall.is_some() && used.is_some()
    };
    assert!(lines.iter().all(has_times), "{tree}");
}

#[test]
fn the_timeline_is_json_with_a_slice_for_each_call() {
    let sandbox = Sandbox::new();
    let (text, timeline) = (sandbox.path("out"), sandbox.path("timeline.json"));
    let mut vrift = sandbox.vrift(["trace", "-o"]);
    vrift.arg(&text).arg("--timeline").arg(&timeline);
    run(vrift.args(["sh", "-c", "/bin/true; exit 0"])).fine();
    let events: Value =
        serde_json::from_slice(&fs::read(&timeline).expect("it was written")).expect("it is JSON");
    let events = events.as_array().expect("an array");
    let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
    let text = fs::read_to_string(&text).expect("it was written");
    let calls = text.lines().filter(|line| line.contains(" = ")).count();
    assert_eq!(of("X"), calls);
    let named = |name: &str| {
        events.iter().any(|event| event["name"] == "process_name" && event["args"]["name"] == name)
    };
    assert!(named("sh") && named("true"), "{events:#?}");
    let sane = |event: &Value| event["ts"].as_f64() >= Some(0.0) && event["dur"].is_f64();
    assert!(events.iter().filter(|event| event["ph"] == "X").all(sane));
}
