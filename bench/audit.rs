//! What a record costs: a build natively, with a mount, and recorded.
//!
//! `cargo bench --bench audit`; `VRIFT_RUNS=3` for fewer rounds, `VRIFT_ONLY=elsewhere,none,inside` for some
//! places of the mount: elsewhere, none for the record, or where the project is. The last table sets the
//! overhead of `vrift audit` in relation to that of `vrift run`, which judges paths but sees no results,
//! and tells how many stops each takes; both with the fast lane and without, and the whole time of both too.

#[expect(dead_code, reason = "each bench runs some of them")]
#[path = "lab/commands.rs"]
mod commands;
#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;
#[path = "../tests/engine/requests.rs"]
mod requests;
mod stops;

use std::ffi::OsString;
use std::path::Path;

use commands::MAKE;
use lab::{Load, Times, Way, projects, say};

/// The places of records among the ways, and of the runs that they are set beside.
const PAIRS: [(usize, usize); 2] = [(3, 1), (4, 2)];

/// The most that the overhead of a record may be of that of a mount.
const MAX: f64 = 1.2;

const RATIOS: &str = "
overhead of vrift audit / overhead of vrift run; time / time
                                   median    best     cpu    time   stops of both
";

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = kit::Sandbox::new();
    say(&format!("{}\n", lab::machine()));
    let here = sandbox.path("lua");
    if let Err(why) = projects::make("lua", &here) {
        return say(&format!("nothing is measured: {why}\n"));
    }
    let manifest = sandbox.ingest(&here);
    let record = sandbox.path("record").to_string_lossy().into_owned();
    let seen = sandbox.path("site/seen");
    let mount = mount(&manifest, &seen);
    let mut ratios = RATIOS.to_owned();
    let places = [
        ("elsewhere", &here, &mount[..]),
        // For the record alone; it is still compared with a mount.
        ("none", &here, &[]),
        ("inside", &seen, &mount),
    ];
    for (name, root, of_record) in places.into_iter().filter(|(name, ..)| lab::chosen(name)) {
        let ways = [
            Way::new::<&str>("native", &[]),
            Way::new("vrift run", &vrift(&["run"], &mount)),
            Way::new("without fast lane", &vrift(&["run", "--fast-lane", "never"], &mount)),
            Way::new("vrift audit", &vrift(&["audit", "-o", &record], of_record)),
            Way::new(
                "audit without",
                &vrift(&["audit", "--fast-lane", "never", "-o", &record], of_record),
            ),
        ];
        let each = [&here, root, root, root, root].map(|root| Some(make(root)));
        let all = lab::measure(&sandbox, &each, &ways, &|| {});
        lab::table(&format!("make, the mount: {name}"), &ways, &all);
        for (audit, run) in PAIRS {
            let stops = [audit, run].map(|at| stops::of(&sandbox, &ways[at], each[at].as_ref()?));
            ratios +=
                &ratio_line(&format!("{name}, {}", ways[run].name), [audit, run], &all, stops);
        }
    }
    say(&ratios);
    say(&format!("wanted: at most {MAX}\n"));
}

fn make(root: &Path) -> Load {
    Load::new("make", &commands::on(root, MAKE))
}

fn mount(manifest: &Path, seen: &Path) -> [OsString; 5] {
    ["--read-only".into(), "--manifest".into(), manifest.into(), "--prefix".into(), seen.into()]
}

/// The words of vrift before a command.
fn vrift(words: &[&str], mount: &[OsString]) -> Vec<OsString> {
    let words = [env!("CARGO_BIN_EXE_vrift")].into_iter().chain(words.iter().copied());
    let end = OsString::from("--");
    words.map(OsString::from).chain(mount.iter().cloned()).chain([end]).collect()
}

/// The overhead of a record in relation to that of a run, and the times of both.
fn ratio_line(
    name: &str,
    [audit, run]: [usize; 2],
    all: &[Option<Times>],
    stops: [Option<usize>; 2],
) -> String {
    let of =
        |ways: [usize; 3], time: fn(&Times) -> f64| ways.map(|way| all[way].as_ref().map(time));
    let cell =
        |ratio: Option<f64>| ratio.map_or(format!("{:>8}", "-"), |ratio| format!("{ratio:>8.2}"));
    let mut line = format!("  {name:<31}");
    for time in [Times::median, Times::least, Times::cpu] {
        let [native, run, audit] = of([0, run, audit], time);
        let over = |of: Option<f64>| Some(of? - native?);
        line += &cell(over(audit).zip(over(run)).map(|(audit, run)| audit / run));
    }
    let [_, run, audit] = of([0, run, audit], Times::median);
    line += &cell(audit.zip(run).map(|(audit, run)| audit / run));
    for count in stops {
        line += &count.map_or(format!("{:>8}", "-"), |count| format!("{count:>8}"));
    }
    line + "\n"
}
