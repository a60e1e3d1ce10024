//! What the benches stand on: programs, the ways to run them, clocks and tables.
//!
//! Every way to run a program is measured in turn, round after round, so that a machine that slows
//! down slows all of them. Nothing is cached between rounds but what the kernel caches.
//!
//! The wall clock is what counts; the processor time of all processes stands beside it, because a
//! busy machine spoils it less. It does not tell how long cores waited to be woken.

pub(crate) mod projects;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::kit::{self, Sandbox};

/// Rounds, unless `VRIFT_RUNS` says otherwise: so many at least, and up to so many while no more than this time has
/// passed. What short programs take varies the most.
const ROUNDS: RangeInclusive<usize> = 7..=35;
const PATIENCE: Duration = Duration::from_secs(90);

/// A program to run.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<OsString>,
}

impl Load {
    pub(crate) fn new<A: AsRef<OsStr>>(name: &'static str, command: &[A]) -> Load {
        Load { name, command: command.iter().map(|word| word.as_ref().to_owned()).collect() }
    }
}

/// A way to run it: the words in front of it.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) before: Vec<OsString>,
}

impl Way {
    pub(crate) fn new<A: AsRef<OsStr>>(name: &'static str, before: &[A]) -> Way {
        Way { name, before: before.iter().map(|word| word.as_ref().to_owned()).collect() }
    }
}

/// How long the rounds of one program took in one way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times(Vec<Round>);

/// How long one run took by the clock, and on all processors together.
#[derive(Debug, Clone, Copy)]
struct Round {
    wall: Duration,
    cpu: Duration,
}

impl Times {
    pub(crate) fn median(&self) -> f64 {
        self.middle(|round| round.wall)
    }

    pub(crate) fn least(&self) -> f64 {
        self.0.iter().map(|round| round.wall.as_secs_f64()).fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn cpu(&self) -> f64 {
        self.middle(|round| round.cpu)
    }

    /// How much longer rounds took by the clock than those of another way in the same turns: on average, and the standard error
    /// of that. What a noisy machine does to both of a turn falls out.
    fn beyond(&self, other: &Times) -> (f64, f64) {
        let pairs = self.0.iter().zip(&other.0);
        let more =
            |(this, other): (&Round, &Round)| this.wall.as_secs_f64() - other.wall.as_secs_f64();
        let more: Vec<f64> = pairs.map(more).collect();
        let count = more.len() as f64;
        let mean = more.iter().sum::<f64>() / count;
        let spread = more.iter().map(|more| (more - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, (spread / count).sqrt())
    }

    fn middle(&self, time: fn(&Round) -> Duration) -> f64 {
        let mut sorted: Vec<_> = self.0.iter().map(time).collect();
        sorted.sort();
        sorted[sorted.len() / 2].as_secs_f64()
    }
}

/// What all children that have ended, and theirs, have used of the processors.
pub(crate) fn children_cpu() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel knows it");
    let micros = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Whether cargo runs this to measure; `cargo test` only wants to know that it starts.
pub(crate) fn measuring() -> bool {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    if !measuring {
        say("not measured: this is for `cargo bench`\n");
    }
    measuring
}

/// Writes to standard output.
pub(crate) fn say(text: &str) {
    // A reader that has gone wants no more of it.
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}

/// The line that says where the numbers come from.
pub(crate) fn machine() -> String {
    let name = nix::sys::utsname::uname().expect("uname takes any buffer");
    let release = name.release().to_string_lossy().into_owned();
    let kernel: Vec<_> = release.split(['-', '+']).take(1).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("", |(_, model)| model);
    format!("Linux {} {}, {cores} cores {model}", kernel.concat(), std::env::consts::ARCH)
}

/// How often everything is measured, at least and at most.
pub(crate) fn rounds() -> RangeInclusive<usize> {
    let wanted = std::env::var("VRIFT_RUNS").ok().and_then(|runs| runs.parse().ok());
    wanted.map_or(ROUNDS, |wanted: usize| wanted.max(1)..=wanted.max(1))
}

/// Whether `VRIFT_ONLY`, a list of names, leaves this program in.
pub(crate) fn chosen(load: &str) -> bool {
    let only = std::env::var("VRIFT_ONLY").unwrap_or_default();
    only.is_empty() || only.split(',').any(|name| name == load)
}

/// Measures one program in all ways, round after round. A way that fails has no times.
///
/// Before that, nothing of which is counted, the program runs in the first way and a trivial one in each, so
/// that no way pays for cold caches. Before every run `renew` makes what it finds.
pub(crate) fn measure(
    sandbox: &Sandbox,
    load: &[Option<Load>],
    ways: &[Way],
    renew: &dyn Fn(),
) -> Vec<Option<Times>> {
    let mut all: Vec<Option<Times>> =
        load.iter().map(|load| load.as_ref().map(|_| Times::default())).collect();
    let trivial = Load::new("nothing", &["true"]);
    for (at, way) in ways.iter().enumerate() {
        let load = if at == 0 { load[at].as_ref() } else { Some(&trivial) };
        renew();
        let ran = load.map(|load| once(sandbox, load, way));
        if ran.is_some_and(|ran| ran.is_none()) {
            all[at] = None;
        }
    }
    let (rounds, begin) = (rounds(), Instant::now());
    for round in 0..*rounds.end() {
        if round >= *rounds.start() && begin.elapsed() > PATIENCE {
            break;
        }
        for at in order(ways.len(), round) {
            let (Some(times), Some(load)) = (&mut all[at], &load[at]) else { continue };
            renew();
            match once(sandbox, load, &ways[at]) {
                Some(taken) => times.0.push(taken),
                None => all[at] = None,
            }
        }
    }
    all
}

/// The order of a round. Each way has its turn at each place, and another one before it from round to round: what a run
/// leaves to be done, as memory that is freed late, is paid by who comes next.
fn order(ways: usize, round: usize) -> impl Iterator<Item = usize> {
    let coprime =
        |step: usize| (2..=step).all(|by| !step.is_multiple_of(by) || !ways.is_multiple_of(by));
    let steps: Vec<usize> = (1..ways.max(2)).filter(|&step| coprime(step)).collect();
    let step = steps[round % steps.len()];
    (0..ways).map(move |place| (round + place * step) % ways)
}

/// Runs a program once, in an empty directory for what it makes.
fn once(sandbox: &Sandbox, load: &Load, way: &Way) -> Option<Round> {
    let made = sandbox.path("tmp");
    fs::remove_dir_all(&made).and_then(|()| fs::create_dir(&made)).expect("it is ours");
    let words: Vec<_> = way.before.iter().chain(&load.command).collect();
    let mut command = sandbox.command(words[0]);
    let said = File::create(sandbox.path("said")).expect("the sandbox is ours");
    command.args(&words[1..]).current_dir(&made).env("PYTHONHASHSEED", "0");
    command.stdin(Stdio::null()).stdout(said.try_clone().ok()?).stderr(said);
    let (start, used) = (Instant::now(), children_cpu());
    let status = command.status();
    let round = Round { wall: start.elapsed(), cpu: children_cpu() - used };
    match status {
        Ok(status) if status.success() => Some(round),
        other => {
            let said = fs::read(sandbox.path("said")).unwrap_or_default();
            let said: String = String::from_utf8_lossy(&said).chars().take(300).collect();
            say(&format!("{} in {}: {other:?}: {said}\n", way.name, load.name));
            None
        }
    }
}

/// How many processes wanted to run in the last minute: more than there are cores spoil a table.
fn busy() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Prints what was measured of one program: `all[0]` is the native time.
pub(crate) fn table(load: &str, ways: &[Way], all: &[Option<Times>]) {
    let native = all[0].as_ref().expect("without a tracer it runs");
    let mut text = format!(
        "\n{load} ({} rounds, load average {})\n  {:<18} {:>9} {:>9} {:>9} {:>10} {:>17} {:>9}\n",
        native.0.len(),
        busy(),
        "",
        "median s",
        "least s",
        "cpu s",
        "overhead s",
        "by turns s",
        "x native"
    );
    for (way, times) in ways.iter().zip(all) {
        let Some(times) = times else { continue };
        let (median, least, cpu) = (times.median(), times.least(), times.cpu());
        let (over, factor) = (median - native.median(), median / native.median());
        let (mean, error) = times.beyond(native);
        text += &format!(
            "  {:<18} {median:>9.4} {least:>9.4} {cpu:>9.4} {over:>10.4} {mean:>8.4} ± {error:<6.4} {factor:>9.2}\n",
            way.name
        );
    }
    say(&text);
}

/// Whether a tool is there, without a word if not.
pub(crate) fn installed(sandbox: &Sandbox, tool: &str) -> bool {
    let mut which: Command = sandbox.command("sh");
    which.args(["-c", &format!("command -v {tool}")]);
    kit::run(&mut which).status.success()
}
