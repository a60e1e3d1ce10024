//! What a mount costs: programs that do not touch it, and programs that live on it.
//!
//! `cargo bench --bench mount`. Beside vrift stand what else shows a directory elsewhere (proot,
//! bwrap, fuse-overlayfs, as far as installed and permitted) and `strace -f`, which shows nothing
//! but stops as often. Programs "inside" read the mount; natively they read the directory that was
//! ingested.

#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;

use std::fs;
use std::path::{Path, PathBuf};

use lab::{Load, Way, say};

/// A directory, and where it is seen through a mount.
struct Shown {
    source: PathBuf,
    seen: PathBuf,
    manifest: PathBuf,
}

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = kit::Sandbox::new();
    let project = shown(&sandbox, "project", lab::project);
    let headers = shown(&sandbox, "headers", |source| {
        let copied = kit::run(sandbox.command("cp").args(["-a", "/usr/include"]).arg(source));
        assert!(copied.status.success(), "{copied}");
    });
    say(&format!("{}\n", lab::machine()));
    for load in outside(&project.source).iter().filter(|load| lab::chosen(load.name)) {
        let ways = ways(&sandbox, &project);
        let all = lab::measure(&sandbox, &vec![Some(load.clone()); ways.len()], &ways);
        lab::table(&format!("{}, the mount elsewhere", load.name), &ways, &all);
    }
    for (shown, name, words) in inside() {
        let shown = if shown == "project" { &project } else { &headers };
        if !lab::chosen(name) {
            continue;
        }
        let ways = ways(&sandbox, shown);
        let each: Vec<_> = ways
            .iter()
            .map(|way| {
                let real = way.name == "native" || way.name == "strace -f";
                Some(load_in(name, words, if real { &shown.source } else { &shown.seen }))
            })
            .collect();
        let all = lab::measure(&sandbox, &each, &ways);
        lab::table(&format!("{name}, inside the mount"), &ways, &all);
    }
}

/// Programs that have nothing to do with the mount.
fn outside(project: &Path) -> Vec<Load> {
    vec![
        load_in("cc", CC, project),
        Load::new("find", &["find", "/usr/include"]),
        Load::new("execs", &["sh", "-c", EXECS]),
        load_in("make", MAKE, project),
        Load::new("ls", &["ls", "-lR", "/usr/include"]),
    ]
}

/// Programs that read the mount, by the directory that is mounted; `@` is where it is.
fn inside() -> [(&'static str, &'static str, &'static [&'static str]); 4] {
    [
        ("project", "cc-in", CC),
        ("project", "make-in", MAKE),
        ("headers", "find-in", &["find", "@"]),
        ("headers", "ls-in", &["ls", "-lR", "@"]),
    ]
}

const CC: &[&str] = &["cc", "-O1", "-I@/include", "-c", "@/part0.c"];
const MAKE: &[&str] = &["make", "-j2", "-f", "@/Makefile", "ROOT=@"];
const EXECS: &str = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done";

fn load_in(name: &'static str, words: &[&str], root: &Path) -> Load {
    let root = root.to_string_lossy();
    let words: Vec<_> = words.iter().map(|word| word.replace('@', &root)).collect();
    Load::new(name, &words)
}

/// Fills a directory, ingests it, and makes an empty one to see it in.
fn shown(sandbox: &kit::Sandbox, name: &str, fill: impl FnOnce(&Path)) -> Shown {
    let source = sandbox.path("site").join(name);
    fill(&source);
    let seen = sandbox.path("site").join(format!("{name}-seen"));
    fs::create_dir(&seen).expect("the sandbox is ours");
    let manifest = sandbox.path(format!("{name}.vrift"));
    let mut ingest = sandbox.vrift(["ingest".as_ref(), source.as_os_str(), "-o".as_ref()]);
    let ran = kit::run(ingest.arg(&manifest));
    assert!(ran.status.success(), "{ran}");
    Shown { source, seen, manifest }
}

fn ways(sandbox: &kit::Sandbox, shown: &Shown) -> Vec<Way> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (source, seen, manifest) = (text(&shown.source), text(&shown.seen), text(&shown.manifest));
    let vrift = env!("CARGO_BIN_EXE_vrift");
    let trace = text(&sandbox.path("trace.txt"));
    let mut ways = vec![
        Way::new::<&str>("native", &[]),
        Way::new(
            "vrift run",
            &[vrift, "run", "--read-only", "--manifest", &manifest, "--prefix", &seen, "--"],
        ),
        Way::new("strace -f", &["strace", "-f", "-o", &trace]),
    ];
    if lab::installed(sandbox, "proot") {
        ways.push(Way::new("proot -b", &["proot", "-b", &format!("{source}:{seen}")]));
    }
    if lab::installed(sandbox, "bwrap") {
        let words = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", &source, &seen];
        ways.push(Way::new("bwrap --ro-bind", &words));
    }
    if lab::installed(sandbox, "fuse-overlayfs") {
        ways.push(Way::new("fuse-overlayfs", &["sh", "-c", OVERLAY, "sh", &source, &seen]));
    }
    ways
}

/// Mounts `$1` on `$2` in a mount namespace of its own, and runs the rest of the arguments.
const OVERLAY: &str = "source=$1 seen=$2; shift 2; exec unshare -rm sh -c '
    source=$1 seen=$2; shift 2
    fuse-overlayfs -o lowerdir=\"$source\" \"$seen\" && \"$@\"
    status=$?; umount \"$seen\"; exit $status' sh \"$source\" \"$seen\" \"$@\"";
