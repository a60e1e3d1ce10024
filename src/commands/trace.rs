//! `vrift trace`: a command under observation.

use std::fs::File;
use std::io::{Write, stderr};
use std::process::ExitCode;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use vrift_tracer::observer::Observer;
use vrift_tracer::session;
use vrift_tracer::signals::leave_on;
use vrift_tracer::view::json::Json;
use vrift_tracer::view::summary::Summary;
use vrift_tracer::view::text::{Flush, Prefix, Text};
use vrift_tracer::view::{Selection, Sink, Speller, Style};

use super::run::{complain_about, observed};
use crate::cli::TraceArgs;
use crate::failure::Failure;

/// Runs the command and prints what it asks of the kernel.
pub(crate) fn trace(args: &TraceArgs) -> Result<ExitCode, Failure> {
    // As with strace, a later expression replaces an earlier one.
    let selection = match args.expressions.last() {
        Some(expression) => Selection::parse(expression)?,
        None => Selection::all(),
    };
    let style = Style { string_max: args.string_max, column: args.column };
    let sink = sink(args)?;
    let observer =
        Observer::new(selection, Speller::new(style), vec![sink], Box::new(complain_about));
    if args.attach.is_empty() {
        return observed(&args.root, &args.command, observer);
    }
    let pids: Vec<_> = args.attach.iter().copied().map(Pid::from_raw).collect();
    leave_on(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP])?;
    session::watch(&pids, observer)?;
    Ok(ExitCode::SUCCESS)
}

fn sink(args: &TraceArgs) -> Result<Box<dyn Sink>, Failure> {
    let Some(path) = &args.output else {
        return Ok(form(args, stderr(), Prefix::WhenMany, Flush::EachEvent));
    };
    let file = File::create(path).map_err(|error| {
        Failure::new(format!("{} cannot be written", path.display())).because(error)
    })?;
    Ok(form(args, file, Prefix::Always, Flush::WhenFull))
}

fn form<W: Write + 'static>(
    args: &TraceArgs,
    out: W,
    prefix: Prefix,
    flush: Flush,
) -> Box<dyn Sink> {
    if args.count {
        Box::new(Summary::new(out))
    } else if args.json {
        Box::new(Json::new(out))
    } else {
        Box::new(Text::new(out, prefix, flush, args.column))
    }
}
