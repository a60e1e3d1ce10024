//! What storing a tree costs, beside everything else that copies, packs, hashes or stores one.
//!
//! `cargo bench --bench ingest`. `VRIFT_SCALE=0.1` makes both trees a tenth of their size, and
//! `VRIFT_RUNS` sets the number of rounds. Rounds go through all ways in turn, so that a machine
//! that slows down slows all; each way starts from nothing, with the source in memory and the disk
//! at rest. Ways whose program is not installed are left out.

#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
#[expect(dead_code, reason = "the lab serves other benches")]
mod lab;
#[path = "../tests/suite/noise.rs"]
mod noise;

use std::fs;
use std::path::Path;
use std::time::Instant;

use kit::Sandbox;
use lab::say;
use noise::noise;

/// Files of the tree of small ones, 100 to a directory.
const SMALL_FILES: f64 = 50_000.0;
/// Bytes of the tree of large files, in 16 files.
const LARGE_BYTES: f64 = (2u64 << 30) as f64;

/// A way to do it, as shell scripts; `$S` is the source, `$D` an empty directory, `$V` is vrift.
struct Way {
    name: &'static str,
    /// The program it needs.
    tool: &'static str,
    before: &'static str,
    script: &'static str,
}

/// Whether ways store from nothing, or once more what has not changed.
struct Contest {
    name: &'static str,
    ways: &'static [Way],
}

const CONTESTS: &[Contest] = &[
    Contest {
        name: "for the first time",
        ways: &[
            way("vrift ingest", "sh", "", "\"$V\" ingest -o m \"$S\""),
            way("cp -a", "cp", "", "cp -a \"$S\" copy"),
            way("tar c", "tar", "", "tar -C \"$S\" -cf copy.tar ."),
            way(
                "git add",
                "git",
                "git init -q r",
                "git --git-dir=r/.git --work-tree=\"$S\" add -A",
            ),
            way("b3sum", "b3sum", "", "find \"$S\" -type f -print0 | xargs -0 b3sum"),
            way(
                "ostree commit",
                "ostree",
                "ostree init --repo=r --mode=bare-user",
                "ostree commit --repo=r -b x --tree=dir=\"$S\"",
            ),
            way("casync make", "casync", "", "casync make --store=s x.caidx \"$S\""),
            way("vrift export", "sh", "\"$V\" ingest -o m \"$S\"", "\"$V\" export m copy"),
        ],
    },
    Contest {
        name: "once more, unchanged",
        ways: &[
            way(
                "vrift ingest",
                "sh",
                "\"$V\" ingest -o m \"$S\"; \"$V\" ingest -o m \"$S\"",
                "\"$V\" ingest -o m \"$S\"",
            ),
            way(
                "git add -A",
                "git",
                "git init -q r; git --git-dir=r/.git --work-tree=\"$S\" add -A; \
                 git --git-dir=r/.git --work-tree=\"$S\" add -A",
                "git --git-dir=r/.git --work-tree=\"$S\" add -A",
            ),
        ],
    },
];

const fn way(
    name: &'static str,
    tool: &'static str,
    before: &'static str,
    script: &'static str,
) -> Way {
    Way { name, tool, before, script }
}

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = Sandbox::new();
    let (small, large) = (sandbox.path("site/small"), sandbox.path("site/large"));
    small_files(&small);
    large_files(&large);
    say(&format!("{}\nscale {}\n", lab::machine(), scale()));
    for (name, source) in [("small files", &small), ("large files", &large)] {
        for contest in CONTESTS {
            say(&format!("\n{name}, {}\n", contest.name));
            hold(&sandbox, source, contest);
        }
    }
}

fn scale() -> f64 {
    let wanted = std::env::var("VRIFT_SCALE").ok().and_then(|scale| scale.parse().ok());
    wanted.unwrap_or(1.0)
}

fn small_files(top: &Path) {
    for number in 0..(SMALL_FILES * scale()) as usize {
        let dir = top.join(format!("{}/{}", number / 2500, number / 100 % 25));
        if number % 100 == 0 {
            fs::create_dir_all(&dir).expect("the sandbox is ours");
        }
        // From 100 bytes to 8 KB, as sources are.
        let content = noise(100 + number * 7919 % 8000, number as u64);
        fs::write(dir.join(format!("{number}.c")), content).expect("the sandbox is ours");
    }
}

fn large_files(top: &Path) {
    fs::create_dir_all(top).expect("the sandbox is ours");
    for number in 0..16 {
        let content = noise((LARGE_BYTES * scale()) as usize / 16, number + 1_000_000);
        fs::write(top.join(number.to_string()), content).expect("the sandbox is ours");
    }
}

/// Runs all ways in turn, and prints how long they take beside the first.
fn hold(sandbox: &Sandbox, source: &Path, contest: &Contest) {
    let there = |way: &&Way| lab::installed(sandbox, way.tool);
    let ways: Vec<_> = contest.ways.iter().filter(there).collect();
    let mut rounds = vec![Vec::new(); ways.len()];
    // One round more than is counted, so that no way pays for cold caches.
    for round in 0..=*lab::rounds().start() {
        for (way, rounds) in ways.iter().zip(&mut rounds) {
            let taken = once(sandbox, source, way);
            if round > 0 {
                rounds.push(taken);
            }
        }
    }
    let measures: [Measure; 3] = [
        ("median s", |rounds| middle(rounds, |(wall, _)| wall)),
        ("least s", |rounds| rounds.iter().map(|&(wall, _)| wall).fold(f64::INFINITY, f64::min)),
        ("cpu s", |rounds| middle(rounds, |(_, cpu)| cpu)),
    ];
    let titles = measures.map(|(title, _)| format!("{title:>9} {:>7}", "x"));
    say(&format!("  {:<16} {}\n", "", titles.join(" ")));
    for (way, taken) in ways.iter().zip(&rounds) {
        let columns = measures.map(|(_, measure)| {
            let (ours, its) = (measure(&rounds[0]), measure(taken));
            format!("{its:>9.3} {:>7.2}", ours / its)
        });
        say(&format!("  {:<16} {}\n", way.name, columns.join(" ")));
    }
    say("  x: how many times as long the first takes\n");
}

/// By the clock, and on all processors together, in seconds.
type Taken = (f64, f64);

/// What is told of the rounds of one way.
type Measure = (&'static str, fn(&[Taken]) -> f64);

fn middle(rounds: &[Taken], time: fn(Taken) -> f64) -> f64 {
    let mut times: Vec<_> = rounds.iter().copied().map(time).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn once(sandbox: &Sandbox, source: &Path, way: &Way) -> Taken {
    let place = sandbox.path("tmp/place");
    if place.exists() {
        fs::remove_dir_all(&place).expect("it is ours");
    }
    fs::create_dir(&place).expect("it is ours");
    let script = |script: &str| {
        let mut sh = sandbox.command("sh");
        sh.args(["-ec", script]).current_dir(&place).env("S", source);
        sh.env("V", env!("CARGO_BIN_EXE_vrift")).env("VR_THE_SOURCE", place.join("store"));
        let ran = kit::run(&mut sh);
        assert!(ran.status.success(), "{}: {ran}", way.name);
    };
    script(way.before);
    script("sync");
    let (start, used) = (Instant::now(), lab::children_cpu());
    script(way.script);
    (start.elapsed().as_secs_f64(), (lab::children_cpu() - used).as_secs_f64())
}
