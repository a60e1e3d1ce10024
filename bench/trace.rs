//! What tracing costs: the same programs natively, under vrift and under strace.
//!
//! `cargo bench --bench trace`; `VRIFT_RUNS=3` for fewer rounds, `VRIFT_ONLY=cc,find` for some
//! programs. Traces go to a file. The ratios at the end compare overheads, that is, what a tracer
//! adds to the native time: vrift's to strace's, and both to that of the [`bare`] tracer, below which
//! no tracer gets that stops each call twice.

#[path = "trace/bare.rs"]
mod bare;
#[path = "lab/commands.rs"]
mod commands;
#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;

use std::process::ExitCode;

use commands::{CC, CC_TINY, EXECS, FIND, LS, MAKE};
use lab::{Load, Times, Way, projects, say};

/// The most that vrift's overhead may be of strace's, for all calls and for those with file names.
const ALL_MAX: f64 = 0.7;
const FILE_MAX: f64 = 0.5;

/// An overhead below this part of the native time is noise.
const NOISE: f64 = 0.1;

/// Where two processes that wait for each other never wake another core.
const ONE_CORE: &str = "native, one core";

const RATIOS: &str = "
overhead of vrift / overhead of strace
              over native, all calls  over native, %file      one core, all calls     one core, %file
               median   best     cpu  median   best     cpu  median   best     cpu  median   best     cpu
";

const FLOORS: &str = "
overhead / overhead of the bare tracer, by medians (by processor time); the last two: bare's / strace's
              vrift           strace          vrift %file     strace bpf %file  bare all        bare %file
";

/// The places of the ways in the list of them.
const NATIVE: usize = 0;
const VRIFT: usize = 1;
const STRACE: usize = 2;
const VRIFT_FILE: usize = 3;
const STRACE_FILE: usize = 4;
const BARE: usize = 5;
const BARE_FILE: usize = 6;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|asked| asked == bare::ASKED) {
        return bare::run(args);
    }
    if lab::measuring() {
        measure();
    }
    ExitCode::SUCCESS
}

fn measure() {
    let sandbox = kit::Sandbox::new();
    let ways = ways(&sandbox);
    say(&format!("{}\n", lab::machine()));
    let (mut ratios, mut floors) = (RATIOS.to_owned(), FLOORS.to_owned());
    for load in loads(&sandbox).into_iter().filter(|load| lab::chosen(load.name)) {
        let each = vec![Some(load.clone()); ways.len()];
        let all = lab::measure(&sandbox, &each, &ways, &|| {});
        lab::table(load.name, &ways, &all);
        ratios += &ratio_line(load.name, &ways, &all);
        floors += &floor_line(load.name, &all);
    }
    say(&ratios);
    say(&floors);
    say(&format!("wanted: at most {ALL_MAX} and {FILE_MAX}\n"));
}

/// The ways, the first of them in the places of the constants above.
fn ways(sandbox: &kit::Sandbox) -> Vec<Way> {
    let vrift = env!("CARGO_BIN_EXE_vrift");
    let output = sandbox.path("trace.txt").to_string_lossy().into_owned();
    let output = output.as_str();
    let this = std::env::current_exe().expect("it is running").to_string_lossy().into_owned();
    let mut ways = vec![
        Way::new::<&str>("native", &[]),
        Way::new("vrift", &[vrift, "trace", "-o", output, "--"]),
        Way::new("strace -f", &["strace", "-f", "-o", output]),
        Way::new("vrift %file", &[vrift, "trace", "-e", "trace=%file", "-o", output, "--"]),
        Way::new(
            "strace bpf %file",
            &["strace", "-f", "--seccomp-bpf", "-e", "trace=%file", "-o", output],
        ),
        Way::new("bare", &[&this, bare::ASKED, bare::ALL]),
        Way::new("bare %file", &[&this, bare::ASKED, bare::FILE]),
    ];
    if lab::installed(sandbox, "taskset") {
        ways.push(Way::new(ONE_CORE, &["taskset", "-c", "0"]));
    }
    if lab::installed(sandbox, "proot") {
        ways.push(Way::new("proot", &["proot"]));
    }
    ways
}

fn loads(sandbox: &kit::Sandbox) -> Vec<Load> {
    let mut loads = Vec::new();
    let mut add = |name, project: &str, command| {
        let root = sandbox.path(project);
        if root.exists() {
            loads.push(Load::new(name, &commands::on(&root, command)));
        }
    };
    for project in ["lua", "tiny"] {
        if let Err(why) = projects::make(project, &sandbox.path(project)) {
            say(&format!("{project} is not compiled: {why}\n"));
        }
    }
    add("cc", "lua", CC);
    add("make", "lua", MAKE);
    add("find", "tmp", FIND);
    add("execs", "tmp", EXECS);
    add("ls", "tmp", LS);
    add("cc-tiny", "tiny", CC_TINY);
    add("make-tiny", "tiny", MAKE);
    if let Some(python) = python(sandbox) {
        loads.push(Load::new("python", &[&python, "-c", IMPORTS]));
    }
    loads
}

const IMPORTS: &str =
    "import argparse, asyncio, email, http.client, json, logging, sqlite3, unittest, xml.dom";

/// vrift's overhead in relation to strace's, for all calls and for those with file names, each by
/// medians, by best rounds and by processor time: over the native time, and over that on one core.
fn ratio_line(load: &str, ways: &[Way], all: &[Option<Times>]) -> String {
    let mut line = format!("  {load:<10}");
    let one_core = ways.iter().position(|way| way.name == ONE_CORE);
    for native in [Some(NATIVE), one_core] {
        let native = native.and_then(|at| all[at].as_ref());
        for (of, to) in [(VRIFT, STRACE), (VRIFT_FILE, STRACE_FILE)] {
            let (of, to) = (all[of].as_ref(), all[to].as_ref());
            for time in [Times::median, Times::least, Times::cpu] {
                let ratio = native
                    .zip(of.zip(to))
                    .and_then(|(native, (of, to))| ratio_of(time(native), time(of), time(to)));
                line += &ratio.map_or(format!("{:>8}", "-"), |ratio| format!("{ratio:>8.2}"));
            }
        }
    }
    line + "\n"
}

/// The overheads of vrift and strace in relation to the bare tracer's, and the bare tracer's in relation to
/// strace's: what the ratio would be if vrift did nothing but stop.
fn floor_line(load: &str, all: &[Option<Times>]) -> String {
    let mut line = format!("  {load:<10}");
    let pairs = [
        (VRIFT, BARE),
        (STRACE, BARE),
        (VRIFT_FILE, BARE_FILE),
        (STRACE_FILE, BARE_FILE),
        (BARE, STRACE),
        (BARE_FILE, STRACE_FILE),
    ];
    for (of, to) in pairs {
        let ratio = |time: fn(&Times) -> f64| {
            let [native, of, to] = [NATIVE, of, to].map(|at| all[at].as_ref().map(time));
            ratio_of(native?, of?, to?)
        };
        let text = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let (median, cpu) = (text(ratio(Times::median)), text(ratio(Times::cpu)));
        line += &format!("{:>16}", format!("{median} ({cpu})"));
    }
    line + "\n"
}

/// The overhead of one way in relation to another's, if that one has any to speak of.
fn ratio_of(native: f64, of: f64, to: f64) -> Option<f64> {
    let noise = native * NOISE;
    (to - native > noise).then(|| (of - native) / (to - native))
}

/// The Python program behind whatever wrapper is called python3.
fn python(sandbox: &kit::Sandbox) -> Option<String> {
    let mut ask = sandbox.command("python3");
    ask.args(["-c", "import sys; print(sys.executable)"]);
    let ran = ask.output().ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).trim_end().to_owned())
}
