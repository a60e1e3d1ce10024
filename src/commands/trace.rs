//! `vrift trace`: a command under observation. Here options become selections, styles and sinks.
//!
//! An output that cannot be written to any more (a closed pipe, a full disk) is reported once and
//! the command goes on; the exit status stays the command's.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Stderr, Write, stderr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use vrift_tracer::engine::Ending;
use vrift_tracer::observer::Observer;
use vrift_tracer::probe::find_proc;
use vrift_tracer::session;
use vrift_tracer::signals::leave_on;
use vrift_tracer::view::filter::{Filter, Words};
use vrift_tracer::view::json::Json;
use vrift_tracer::view::paths::PathFilter;
use vrift_tracer::view::patient::Patient;
use vrift_tracer::view::separate::{Existing, Separate};
use vrift_tracer::view::style::{self, Descriptors};
use vrift_tracer::view::summary::{Clock, Summary, Table};
use vrift_tracer::view::text::{Flush, Layout, Leader, Prefix, Show, Stamp, Text};
use vrift_tracer::view::timeline::Timeline;
use vrift_tracer::view::tree::Tree;
use vrift_tracer::view::{Qualifier, Selection, Sink, Speller, Style};

use super::run::{complain_about, end_as, hindered, observed};
use crate::cli::{Annotate, Constants, Interruptible, StringsInHex, TraceArgs};
use crate::failure::{Failure, complain};
use crate::reader::Reader;

/// Runs the command and prints what it asks of the kernel.
pub(crate) fn trace(args: &TraceArgs) -> Result<ExitCode, Failure> {
    if let Some((name, instead)) = args.lacking.given() {
        return Err(Failure::new(format!("{name} is not supported")).hint(instead));
    }
    if split(args) && args.output.file.as_deref().and_then(reading).is_some() {
        return Err(Failure::new(
            "one command cannot read a file for each task (-ff, -o '|COMMAND')",
        )
        .hint("use one of them"));
    }
    interruptible(args)?;
    without_effect(args);
    let asked = Asked::read(args)?;
    let Outlets { mut sinks, reader } = outlets(args, &asked)?;
    sinks.extend(timeline(args, &asked)?);
    let complaints = Box::new(complain_about);
    let speller = Speller::new(asked.style.clone());
    let mut observer = Observer::new(asked.calls, speller, sinks, complaints);
    if !args.choice.paths.is_empty() {
        let tells = asked.filter.tells_resolution();
        let filter = PathFilter::new(&args.choice.paths, |path, resolved| {
            if tells {
                leads_elsewhere(path, resolved);
            }
        });
        observer = observer.only_paths(filter);
    }
    let ended = if args.attach.is_empty() {
        observed(&args.root, &args.command, &args.env, || Ok(observer))
    } else {
        watched(args, observer)
    };
    // Only now it has everything, and vrift may die of the command's signal.
    reader.into_iter().for_each(Reader::wait);
    ended.map(end_as)
}

/// What strace does with `-I never` vrift does always: what a signal means is the command's to decide. One that watches
/// is told to leave by a signal.
fn interruptible(args: &TraceArgs) -> Result<(), Failure> {
    let only = match (args.interruptible, args.attach.is_empty()) {
        (None, _) | (Some(Interruptible::Never), true) => return Ok(()),
        (Some(_), true) => "signals are the command's to decide about, as with -I never",
        (Some(_), false) => "^C lets the processes go",
    };
    Err(Failure::new("this -I/--interruptible is not supported").hint(only))
}

/// As with strace, what only says how a file is written is no mistake without one, but no use either.
fn without_effect(args: &TraceArgs) {
    for (given, option) in [
        (args.output.append, "-A/--output-append-mode"),
        (args.choice.output_separately, "--output-separately"),
    ] {
        if given && args.output.file.is_none() {
            complain(&format!("{option} has no effect without -o/--output"));
        }
    }
}

/// In strace's words.
fn leads_elsewhere(path: &Path, resolved: &Path) {
    let (path, resolved) = (path.display(), resolved.display());
    complain(&format!("Requested path \"{path}\" resolved into \"{resolved}\""));
}

/// Watches processes that run already.
fn watched(args: &TraceArgs, observer: Observer) -> Result<Ending, Failure> {
    find_proc().map_err(hindered)?;
    let pids: Vec<_> =
        args.attach.iter().flat_map(|pids| &pids.0).copied().map(Pid::from_raw).collect();
    leave_on(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP])?;
    session::watch(&pids, observer)?;
    Ok(Ending::Exited { code: 0 })
}

/// What the options ask for, before there is an output.
struct Asked {
    calls: Selection,
    style: Style,
    filter: Filter,
}

impl Asked {
    fn read(args: &TraceArgs) -> Result<Asked, Failure> {
        let form = &args.form;
        let mut asked = Asked {
            calls: Selection::all(),
            style: Style {
                string_max: form.string_max as usize,
                descriptors: match form.descriptors {
                    0 => Descriptors::NOTHING,
                    1 => Descriptors::parse("path")?,
                    _ => Descriptors::EVERYTHING,
                },
                constants: match form.constants {
                    Constants::Raw => style::Constants::Raw,
                    Constants::Abbrev => style::Constants::Abbrev,
                    Constants::Verbose => style::Constants::Verbose,
                },
                hex: match (form.strings_in_hex, form.hex) {
                    (Some(StringsInHex::None), _) | (None, 0) => style::Hex::Never,
                    (Some(StringsInHex::NonAscii), _) | (None, 1) => style::Hex::NonAscii,
                    (Some(StringsInHex::NonAsciiChars), _) => style::Hex::Escapes,
                    (Some(StringsInHex::All), _) | (None, _) => style::Hex::Always,
                },
                ..Style::default()
            },
            filter: Filter { quiet: Filter::quieter(args.choice.quiet), ..Filter::default() },
        };
        asked.qualify(args)?;
        if args.form.verbose {
            asked.style.abbrev = Selection::none();
        }
        Ok(asked)
    }

    /// As with strace, a later expression replaces an earlier one of the same kind.
    fn qualify(&mut self, args: &TraceArgs) -> Result<(), Failure> {
        let choice = &args.choice;
        let long = [
            ("trace", &choice.trace),
            ("signal", &choice.signal),
            ("status", &choice.status),
            ("abbrev", &choice.shortened),
            ("verbose", &choice.looked_into),
            ("raw", &choice.raw),
            ("quiet", &choice.messages),
            ("decode-fds", &args.form.decode_fds),
        ];
        let long = long
            .into_iter()
            .filter_map(|(name, list)| list.as_ref().map(|list| format!("{name}={list}")));
        for expression in choice.expressions.iter().cloned().chain(long) {
            match Qualifier::parse(&expression)? {
                Qualifier::Trace(calls) => self.calls = calls,
                Qualifier::Abbrev(calls) => self.style.abbrev = calls,
                Qualifier::Verbose(calls) => self.style.verbose = calls,
                Qualifier::Raw(calls) => self.style.raw = calls,
                Qualifier::Signal(signals) => self.filter.signals = signals,
                Qualifier::Status(statuses) => self.filter.statuses = statuses,
                Qualifier::Quiet(messages) => self.filter.quiet = messages,
                Qualifier::Descriptors(details) => self.style.descriptors = details,
            }
        }
        if choice.successful {
            self.filter.statuses = Words::statuses("successful")?;
        }
        if choice.failed {
            self.filter.statuses = Words::statuses("failed")?;
        }
        Ok(())
    }
}

/// What users know standard error as.
const STDERR: &str = "standard error";

/// Where the main output goes.
enum Output {
    Terminal(Patient<Stderr>),
    File(Patient<File>),
    Reader(Patient<File>),
}

impl Output {
    fn open(args: &TraceArgs) -> Result<(Output, Option<Reader>), Failure> {
        let Some(path) = &args.output.file else { return Ok((Output::terminal(), None)) };
        if let Some(command) = reading(path) {
            let (reader, pipe) = Reader::start(command)?;
            let pipe = Patient::new(pipe, path.display().to_string());
            return Ok((Output::Reader(pipe), Some(reader)));
        }
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(args.output.append)
            .truncate(!args.output.append)
            .open(path)
            .map_err(|error| unwritable(path, error))?;
        Ok((Output::File(Patient::new(file, path.display().to_string())), None))
    }

    fn terminal() -> Output {
        Output::Terminal(Patient::new(stderr(), STDERR))
    }

    /// Another writer to the same place.
    fn again(&self) -> Result<Output, Failure> {
        Ok(match self {
            Output::Terminal(_) => Output::terminal(),
            Output::File(file) => Output::File(file.try_clone()?),
            Output::Reader(pipe) => Output::Reader(pipe.try_clone()?),
        })
    }

    /// The sink that `on` makes of it.
    fn carry(self, on: impl Carry) -> Box<dyn Sink> {
        match self {
            Output::Terminal(out) => on.carry(out),
            Output::File(out) | Output::Reader(out) => on.carry(out),
        }
    }
}

/// Something that can be written to any output.
trait Carry {
    fn carry<W: Write + 'static>(self, out: W) -> Box<dyn Sink>;
}

impl Carry for Table {
    fn carry<W: Write + 'static>(self, out: W) -> Box<dyn Sink> {
        Box::new(Summary::new(out, self))
    }
}

/// The tree of processes.
struct ProcessTree;

impl Carry for ProcessTree {
    fn carry<W: Write + 'static>(self, out: W) -> Box<dyn Sink> {
        Box::new(Tree::new(out))
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written", path.display())).because(error)
}

/// The sinks, and the command that reads what they write.
struct Outlets {
    sinks: Vec<Box<dyn Sink>>,
    reader: Option<Reader>,
}

fn outlets(args: &TraceArgs, asked: &Asked) -> Result<Outlets, Failure> {
    let table = table(args)?;
    let mut reader = None;
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let mut rest = Output::terminal();
    match &args.output.file {
        Some(path) if separate(args) => {
            let existing = if args.output.append { Existing::Append } else { Existing::Truncate };
            let layout = layout(args, asked, Prefix::Never);
            sinks.push(Box::new(Separate::new(path.clone(), layout, existing)));
        }
        _ => {
            let output;
            (output, reader) = Output::open(args)?;
            rest = output.again()?;
            if !args.summary.only {
                sinks.push(lines(args, asked, output));
            }
        }
    }
    if args.summary.only || args.summary.with_lines {
        sinks.push(rest.again()?.carry(table));
    }
    if args.output.tree {
        // A tree is no JSON: lines of objects stay lines of objects.
        let place = if args.output.json { Output::terminal() } else { rest };
        sinks.push(place.carry(ProcessTree));
    }
    Ok(Outlets { sinks, reader })
}

/// Whether each task has its file. Tables and JSON lines are about all of them.
fn separate(args: &TraceArgs) -> bool {
    split(args) && !args.summary.only && !args.output.json
}

fn split(args: &TraceArgs) -> bool {
    args.choice.follow > 1 || args.choice.output_separately
}

fn timeline(args: &TraceArgs, asked: &Asked) -> Result<Option<Box<dyn Sink>>, Failure> {
    let Some(path) = &args.output.timeline else { return Ok(None) };
    let file = File::create(path).map_err(|error| unwritable(path, error))?;
    let file = Patient::new(file, path.display().to_string());
    Ok(Some(Box::new(Timeline::new(file, asked.filter.clone()))))
}

/// The command that an output's name stands for.
fn reading(path: &Path) -> Option<&OsStr> {
    match path.as_os_str().as_bytes() {
        [b'|' | b'!', command @ ..] => Some(OsStr::from_bytes(command)),
        _ => None,
    }
}

fn lines(args: &TraceArgs, asked: &Asked, output: Output) -> Box<dyn Sink> {
    let (prefix, flush) = match output {
        Output::Terminal(_) => (Prefix::WhenMany, Flush::EachEvent),
        Output::File(_) => (Prefix::Always, Flush::WhenFull),
        Output::Reader(_) => (Prefix::Always, Flush::EachEvent),
    };
    let filter = asked.filter.clone();
    match (output, args.output.json) {
        (Output::Terminal(out), true) => Box::new(Json::new(out, filter)),
        (Output::File(out), true) => Box::new(Json::new(std::io::BufWriter::new(out), filter)),
        (Output::Reader(out), true) => Box::new(Json::new(out, filter)),
        (Output::Terminal(out), false) => {
            Box::new(Text::new(out, layout(args, asked, prefix), flush))
        }
        (Output::File(out) | Output::Reader(out), false) => {
            Box::new(Text::new(out, layout(args, asked, prefix), flush))
        }
    }
}

fn layout(args: &TraceArgs, asked: &Asked, prefix: Prefix) -> Layout {
    let form = &args.form;
    Layout {
        leader: Leader {
            prefix,
            stamp: form.stamp.unwrap_or(Stamp::repeated(form.stamps)),
            relative: form.relative,
            number: Show::from(form.number),
            ip: Show::from(form.ip),
        },
        column: form.column as usize,
        spent: form.spent,
        notes: Show::from(form.annotate != Annotate::Never),
        // A file is as quiet as strace makes it.
        modes: Show::from(args.output.file.is_none()),
        filter: asked.filter.clone(),
    }
}

fn table(args: &TraceArgs) -> Result<Table, Failure> {
    let clock = if args.summary.wall { Clock::Wall } else { Clock::System };
    let table = Table::parse(&args.summary.columns, &args.summary.sort, clock)?;
    Ok(table.less(args.summary.overhead))
}
