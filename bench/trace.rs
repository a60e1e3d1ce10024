//! What tracing costs: the same programs natively, under vrift and under strace.
//!
//! `cargo bench --bench trace`; `VRIFT_RUNS=3` for fewer rounds, `VRIFT_ONLY=cc,find` for some
//! programs. Traces go to a file. The ratios at the end compare overheads, that is, what a tracer
//! adds to the native time.

#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;

use lab::{Load, Times, Way, say};

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

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = kit::Sandbox::new();
    lab::project(&sandbox.path("project"));
    let ways = ways(&sandbox);
    say(&format!("{}\n", lab::machine()));
    let mut ratios = RATIOS.to_owned();
    for load in loads(&sandbox).into_iter().filter(|load| lab::chosen(load.name)) {
        let each = vec![Some(load.clone()); ways.len()];
        let all = lab::measure(&sandbox, &each, &ways);
        lab::table(load.name, &ways, &all);
        ratios += &ratio_line(load.name, &ways, &all);
    }
    say(&ratios);
    say(&format!("wanted: at most {ALL_MAX} and {FILE_MAX}\n"));
}

/// The ways, of which the first five have their places in `ratio_line`.
fn ways(sandbox: &kit::Sandbox) -> Vec<Way> {
    let vrift = env!("CARGO_BIN_EXE_vrift");
    let output = sandbox.path("trace.txt").to_string_lossy().into_owned();
    let output = output.as_str();
    let mut ways = vec![
        Way::new::<&str>("native", &[]),
        Way::new("vrift", &[vrift, "trace", "-o", output, "--"]),
        Way::new("strace -f", &["strace", "-f", "-o", output]),
        Way::new("vrift %file", &[vrift, "trace", "-e", "trace=%file", "-o", output, "--"]),
        Way::new(
            "strace bpf %file",
            &["strace", "-f", "--seccomp-bpf", "-e", "trace=%file", "-o", output],
        ),
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
    let project = sandbox.path("project").to_string_lossy().into_owned();
    let include = format!("-I{project}/include");
    let makefile = format!("{project}/Makefile");
    let mut loads = vec![
        Load::new("cc", &["cc", "-O1", &include, "-c", &format!("{project}/part0.c")]),
        Load::new("find", &["find", "/usr/include"]),
        Load::new("execs", &["sh", "-c", EXECS]),
        Load::new("make", &["make", "-j2", "-f", &makefile, &format!("ROOT={project}")]),
        Load::new("ls", &["ls", "-lR", "/usr/include"]),
    ];
    if let Some(python) = python(sandbox) {
        loads.push(Load::new("python", &[&python, "-c", IMPORTS]));
    }
    loads
}

const EXECS: &str = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done";

const IMPORTS: &str =
    "import argparse, asyncio, email, http.client, json, logging, sqlite3, unittest, xml.dom";

/// vrift's overhead in relation to strace's, for all calls and for those with file names, each by
/// medians, by best rounds and by processor time: over the native time, and over that on one core.
fn ratio_line(load: &str, ways: &[Way], all: &[Option<Times>]) -> String {
    let mut line = format!("  {load:<8}");
    let one_core = ways.iter().position(|way| way.name == ONE_CORE);
    for native in [Some(0), one_core] {
        let native = native.and_then(|at| all[at].as_ref());
        for (of, to) in [(1, 2), (3, 4)] {
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
