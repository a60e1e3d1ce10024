//! A timeline for Perfetto and `chrome://tracing`: processes as groups, tasks as tracks, calls as
//! slices.
//!
//! The format is the array form of the Trace Event Format, one event a line. A file that was cut
//! off at a line's end lacks only `]`, which its readers do without.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;
use serde_json::{Value as Json, json};

use super::event::{Core, Event, Sink, Wants};
use super::filter::Filter;
use super::lineage::{Lineage, command_line};
use super::names::signal_name;
use super::note::Note;
use super::spelled::Spelled;
use super::text::{push_args, push_outcome};
use crate::call::Outcome;

/// The size from which a buffer is handed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// A sink that writes a timeline.
#[derive(Debug)]
pub struct Timeline<W: Write> {
    out: W,
    filter: Filter,
    /// Whole lines that are still to be written.
    buffer: Vec<u8>,
    /// When the first event happened, which is the timeline's zero.
    start: Option<SystemTime>,
    lineage: Lineage,
}

impl<W: Write> Timeline<W> {
    /// A sink that writes the calls and signals that `filter` shows to `out`.
    pub fn new(out: W, filter: Filter) -> Timeline<W> {
        let (start, lineage) = (None, Lineage::default());
        Timeline { out, filter, buffer: Vec::new(), start, lineage }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    fn since_start(&mut self, at: SystemTime) -> Duration {
        let start = *self.start.get_or_insert(at);
        at.duration_since(start).unwrap_or_default()
    }

    /// Writes one event of a track; the first one opens the array.
    fn push(&mut self, tid: Pid, mut event: Json) -> io::Result<()> {
        event["pid"] = self.lineage.process(tid).as_raw().into();
        event["tid"] = tid.as_raw().into();
        self.buffer.extend_from_slice(b",\n");
        serde_json::to_writer(&mut self.buffer, &event)?;
        if self.buffer.len() >= BUFFER_BYTES { self.pass_on() } else { Ok(()) }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }

    /// Opens the array with an event that says what the timeline is.
    fn open(&mut self, at: SystemTime) {
        let start = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let origin = json!({
            "name": "vrift", "ph": "M", "pid": 0, "tid": 0, "ts": 0,
            "args": { "version": 1, "start": start.as_secs_f64() },
        });
        self.start = Some(at);
        self.buffer.extend_from_slice(b"[\n");
        self.buffer.extend_from_slice(origin.to_string().as_bytes());
    }

    fn call(&mut self, tid: Pid, at: SystemTime, left: &Left<'_>) -> io::Result<()> {
        let end = self.since_start(at);
        let mut text = format!("{}(", left.call.name);
        push_args(&mut text, &left.call.args);
        text.push_str(") = ");
        push_outcome(&mut text, left.outcome, &left.call.result);
        if let Some(note) = left.note {
            text.push_str(&note.to_string());
        }
        let start = end.saturating_sub(left.spent);
        self.push(
            tid,
            json!({
                "name": left.call.name,
                "cat": match left.outcome {
                    Outcome::Error(_) => "call,failed",
                    _ => "call",
                },
                "ph": "X",
                "ts": micros(start),
                "dur": micros(end - start),
                "args": { "call": text },
            }),
        )
    }

    fn instant(&mut self, tid: Pid, at: SystemTime, kind: &str, name: String) -> io::Result<()> {
        let at = micros(self.since_start(at));
        self.push(tid, json!({ "name": name, "cat": kind, "ph": "i", "s": "t", "ts": at }))
    }

    /// Names the process of a task after what it runs.
    fn name(&mut self, tid: Pid) -> io::Result<()> {
        let line = command_line(self.lineage.process(tid));
        let program = line.split(' ').next().unwrap_or_default();
        let short = program.rsplit('/').next().unwrap_or_default().to_owned();
        self.push(tid, json!({ "name": "process_name", "ph": "M", "args": { "name": short } }))?;
        self.push(tid, json!({ "name": "process_labels", "ph": "M", "args": { "labels": line } }))
    }
}

/// The end of a call.
struct Left<'a> {
    call: &'a Spelled,
    outcome: Outcome,
    note: Option<&'a Note>,
    spent: Duration,
}

/// The unit of the format.
fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

impl<W: Write> Sink for Timeline<W> {
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        if self.start.is_none() {
            self.open(at);
        }
        match event {
            Event::Met | Event::Enter { .. } | Event::Used { .. } => {}
            Event::Leave { call, outcome, note, spent, .. } if self.filter.shows(event) => {
                let left = Left { call, outcome: *outcome, note: *note, spent: *spent };
                self.call(tid, at, &left)?;
            }
            Event::Signal { signo, .. } if self.filter.shows(event) => {
                self.instant(tid, at, "signal", signal_name(*signo))?;
            }
            Event::Leave { .. } | Event::Signal { .. } | Event::Stopped { .. } => {}
            Event::Exited { code } => self.instant(tid, at, "end", format!("exit {code}"))?,
            Event::Killed { signo, core } => {
                let core = if *core == Core::Dumped { " (core dumped)" } else { "" };
                self.instant(tid, at, "end", format!("killed by {}{core}", signal_name(*signo)))?;
            }
            Event::Superseded { by } => {
                self.instant(tid, at, "end", format!("superseded by execve in {by}"))?;
            }
            Event::Born { child, .. } => {
                self.lineage.learn(tid, event);
                return self.name(*child);
            }
            Event::Executed => self.name(tid)?,
        }
        self.lineage.learn(tid, event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.start.is_none() {
            self.open(SystemTime::now());
        }
        self.buffer.extend_from_slice(b"\n]\n");
        self.pass_on()?;
        self.out.flush()
    }

    fn wants(&self) -> Wants {
        Wants { lineage: true, times: true, ..Wants::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Abi;
    use crate::view::event::Kin;
    use crate::view::spelled::{Comma, ResultForm, Split};
    use crate::view::value::Value;

    #[test]
    fn calls_are_slices_of_their_process() {
        let call = Spelled {
            number: 3,
            ip: 0,
            name: "close".into(),
            args: vec![Value::Fd(3)],
            result: ResultForm::default(),
            split: Split::Pending(Comma::Now),
            kept: 0,
            abi: Abi::Native,
            meant: None,
        };
        let spent = Duration::from_micros(10);
        let outcome = Outcome::Value(0);
        let left = Event::Leave { call: &call, outcome, note: None, spent, system: Duration::ZERO };
        let pid = |n: i32| Pid::from_raw(1_000_000_000 + n);
        let mut timeline = Timeline::new(Vec::new(), Filter::default());
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let born = Event::Born { child: pid(2), kin: Kin::Thread };
        timeline.event(pid(1), at(0), &born).expect("to memory");
        timeline.event(pid(2), at(50), &left).expect("to memory");
        timeline.finish().expect("to memory");
        let parsed: Json = serde_json::from_slice(timeline.get_ref()).expect("it is JSON");
        let slice = &parsed[3];
        assert_eq!(slice["ph"], "X");
        assert_eq!([&slice["ts"], &slice["dur"]], [40.0, 10.0]);
        assert_eq!([&slice["pid"], &slice["tid"]], [1_000_000_001, 1_000_000_002]);
        assert_eq!(slice["args"]["call"], "close(3) = 0");
    }
}
