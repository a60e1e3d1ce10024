//! What a mount costs: programs that do not touch it, and programs that live on it.
//!
//! `cargo bench --bench mount`. Beside vrift stand what else shows a directory elsewhere (proot, bwrap,
//! overlayfs, fuse-overlayfs, as far as installed and permitted) and `strace -f`, which shows nothing
//! but stops as often. Programs "inside" read the mount; natively they read the directory that was
//! ingested. The last table sets vrift's overhead in relation to the native time and to proot's
//! overhead, and tells how many stops a run takes (`VRIFT_STOPS=1`: of long ones too).

#[path = "lab/commands.rs"]
mod commands;
#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;
#[path = "../tests/engine/requests.rs"]
mod requests;
mod stops;
#[path = "lab/summary.rs"]
mod summary;
#[path = "mount/trees.rs"]
mod trees;

use std::fs;
use std::path::{Path, PathBuf};

use commands::{CC, CC_TINY, EXECS, FIND, LS, MAKE};
use lab::{Load, Way, say};
use summary::{NATIVE, PROOT, Summary, VRIFT};

/// A way that shows nothing elsewhere.
const STRACE: &str = "strace -f";

/// A directory, and where it is seen through a mount.
struct Shown {
    source: PathBuf,
    seen: PathBuf,
    manifest: PathBuf,
}

/// A program, the directory that is mounted while it runs, and its command; `@` is where it finds the
/// directory.
struct Program {
    name: &'static str,
    tree: &'static str,
    command: &'static [&'static str],
}

impl Program {
    /// Whether it reads the mount.
    fn is_inside(&self) -> bool {
        self.name.ends_with("-in")
    }
}

const EXECS_IN: &str = "i=0; while [ $i -lt 200 ]; do @/true; i=$((i+1)); done";
const STATUS: &[&str] = &["git", "-C", "@", "status"];
const IMPORTS: &str = "import sys; sys.path.insert(0, '@'); \
    import argparse, asyncio, email, http.client, json, logging, unittest, xml.dom";

const PROGRAMS: &[Program] = &[
    Program { name: "cc", tree: "lua", command: CC },
    Program { name: "make", tree: "lua", command: MAKE },
    Program { name: "find", tree: "lua", command: FIND },
    Program { name: "ls", tree: "lua", command: LS },
    Program { name: "execs", tree: "lua", command: EXECS },
    Program { name: "cc-tiny", tree: "tiny", command: CC_TINY },
    Program { name: "make-tiny", tree: "tiny", command: MAKE },
    Program { name: "cc-in", tree: "lua", command: CC },
    Program { name: "make-in", tree: "lua", command: MAKE },
    Program { name: "find-in", tree: "headers", command: &["find", "@"] },
    Program { name: "ls-in", tree: "headers", command: &["ls", "-lR", "@"] },
    Program { name: "git-in", tree: "repository", command: STATUS },
    Program { name: "python-in", tree: "modules", command: &["python3", "-c", IMPORTS] },
    Program { name: "execs-in", tree: "programs", command: &["sh", "-c", EXECS_IN] },
    Program { name: "cc-tiny-in", tree: "tiny", command: CC_TINY },
    Program { name: "make-tiny-in", tree: "tiny", command: MAKE },
];

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = kit::Sandbox::new();
    say(&format!("{}\n", lab::machine()));
    let mut summary = Summary::default();
    for program in PROGRAMS.iter().filter(|program| lab::chosen(program.name)) {
        let tool = program.command[0];
        if !lab::installed(&sandbox, tool) {
            say(&format!("\n{}: there is no {tool}\n", program.name));
            continue;
        }
        let Some(shown) = shown(&sandbox, program.tree) else { continue };
        let ways = ways(&sandbox, &shown);
        let real = |way: &Way| !program.is_inside() || way.name == NATIVE || way.name == STRACE;
        let each: Vec<_> = ways
            .iter()
            .map(|way| load_in(program, if real(way) { &shown.source } else { &shown.seen }))
            .collect();
        let all = lab::measure(
            &sandbox,
            &each.iter().cloned().map(Some).collect::<Vec<_>>(),
            &ways,
            &|| {},
        );
        let place = if program.is_inside() { "inside the mount" } else { "the mount elsewhere" };
        lab::table(&format!("{}, {place}", program.name), &ways, &all);
        let at = ways.iter().position(|way| way.name == VRIFT);
        let counted = at.filter(|at| all[*at].as_ref().is_some_and(summary::counts_stops));
        let stops = counted.and_then(|at| stops::of(&sandbox, &ways[at], &each[at]));
        summary.add(program.name, VRIFT, &ways, &all, stops);
    }
    say(&summary.text());
}

fn load_in(program: &Program, root: &Path) -> Load {
    Load::new(program.name, &commands::on(root, program.command))
}

/// The tree of this name, made and ingested when it is first asked for, and an empty directory to see
/// it in. `None` if it cannot be made here.
fn shown(sandbox: &kit::Sandbox, name: &str) -> Option<Shown> {
    let source = sandbox.path("site").join(name);
    let seen = sandbox.path("site").join(format!("{name}-seen"));
    let manifest = sandbox.path(format!("{name}.vrift"));
    if !manifest.exists() {
        if let Err(why) = trees::make(sandbox, name, &source) {
            say(&format!("\n{name}: {why}\n"));
            return None;
        }
        fs::create_dir(&seen).expect("the sandbox is ours");
        let mut ingest = sandbox.vrift(["ingest".as_ref(), source.as_os_str(), "-o".as_ref()]);
        let ran = kit::run(ingest.arg(&manifest));
        assert!(ran.status.success(), "{ran}");
    }
    Some(Shown { source, seen, manifest })
}

fn ways(sandbox: &kit::Sandbox, shown: &Shown) -> Vec<Way> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (source, seen, manifest) = (text(&shown.source), text(&shown.seen), text(&shown.manifest));
    let vrift = env!("CARGO_BIN_EXE_vrift");
    let trace = text(&sandbox.path("trace.txt"));
    let bind = format!("{source}:{seen}");
    let run = [vrift, "run", "--read-only", "--manifest", &manifest, "--prefix", &seen, "--"];
    let all = [
        Way::new::<&str>(NATIVE, &[]),
        Way::new(VRIFT, &run),
        Way::new(STRACE, &["strace", "-f", "-o", &trace]),
        Way::new(PROOT, &["proot", "-b", &bind]),
        Way::new(
            "bwrap --ro-bind",
            &["bwrap", "--dev-bind", "/", "/", "--ro-bind", &source, &seen],
        ),
        Way::new("overlayfs", &["sh", "-c", OVERLAY, "overlay", &source, &seen]),
        Way::new("fuse-overlayfs", &["sh", "-c", OVERLAY, "fuse-overlayfs", &source, &seen]),
    ];
    let tool = |way: &Way| match way.name {
        NATIVE | VRIFT | "overlayfs" => None,
        name => name.split(' ').next().map(str::to_owned),
    };
    all.into_iter()
        .filter(|way| tool(way).is_none_or(|tool| lab::installed(sandbox, &tool)))
        .collect()
}

/// Mounts `$1` on `$2` with the overlay file system `$0` in a mount namespace of its own, and runs the
/// rest of the arguments.
const OVERLAY: &str = "source=$1 seen=$2; shift 2; \
    if [ $(id -u) = 0 ]; then how=-m; else how=-rm; fi; exec unshare $how sh -c '
    source=$1 seen=$2; shift 2
    case $0 in
    overlay) mount -t overlay overlay -o lowerdir=\"$source:/mnt\" \"$seen\" ;;
    *) fuse-overlayfs -o lowerdir=\"$source\" \"$seen\" ;;
    esac || exit
    \"$@\"
    status=$?; umount \"$seen\"; exit $status' \"$0\" \"$source\" \"$seen\" \"$@\"";
