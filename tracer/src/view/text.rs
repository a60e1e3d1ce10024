//! Events as strace's lines.
//!
//! A call is written in two halves, at entry and at exit. If another task's line comes between
//! them, the first half ends in `<unfinished ...>` and the second starts with `<... name
//! resumed>`. Without an `Enter` event the whole line is written at exit.
//!
//! **Invariant:** at most one line is open, and `open` says whose.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::SystemTime;

use nix::unistd::Pid;

use super::event::{Core, Event, Sink};
use super::kinds::siginfo;
use super::names;
use super::note::Note;
use super::spelled::{Base, Comma, ResultForm, Spelled};
use super::value::Value;
use crate::call::Outcome;

/// How lines name the task they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Not at all.
    Never,
    /// `[pid 17] ` while more than one task is alive (strace on a terminal).
    WhenMany,
    /// `17    ` always (strace with an output file).
    Always,
}

/// When lines reach the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// After every event: somebody is watching.
    EachEvent,
    /// When the buffer is full, and at the end.
    WhenFull,
}

/// The size from which a buffer is handed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// A sink that writes text.
#[derive(Debug)]
pub struct Text<W: Write> {
    out: W,
    buffer: String,
    prefix: Prefix,
    flush: Flush,
    column: usize,
    /// The task whose line is open.
    open: Option<Pid>,
    /// Where the open line starts in `buffer`, and how many characters of it were flushed.
    line_start: usize,
    flushed_chars: usize,
    /// Tasks seen and not ended, with the call each is in.
    tasks: HashMap<Pid, Option<Pending>>,
    /// Tasks that have ended, until the call that made them returns.
    ended: HashSet<Pid>,
}

/// A call whose exit is outstanding.
#[derive(Debug)]
struct Pending {
    name: String,
    shown: usize,
    comma: Comma,
    rest: Rest,
    last: Last,
}

/// Whether the last argument shown at entry was shown with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Unchanged,
    Changed,
}

/// Whether anything of a call is left to print at exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Arguments,
}

impl<W: Write> Text<W> {
    /// A sink that starts results in `column`.
    pub fn new(out: W, prefix: Prefix, flush: Flush, column: usize) -> Text<W> {
        Text {
            out,
            buffer: String::new(),
            prefix,
            flush,
            column,
            open: None,
            line_start: 0,
            flushed_chars: 0,
            tasks: HashMap::new(),
            ended: HashSet::new(),
        }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// Starts a line about `tid`, ending another task's open line.
    fn start_line(&mut self, tid: Pid) {
        if self.open.take().is_some() {
            self.buffer.push_str(" <unfinished ...>\n");
        }
        self.line_start = self.buffer.len();
        self.flushed_chars = 0;
        match self.prefix {
            Prefix::Never => {}
            Prefix::Always => push(&mut self.buffer, format_args!("{:<5} ", tid.as_raw())),
            Prefix::WhenMany if self.tasks.len() > 1 => {
                push(&mut self.buffer, format_args!("[pid {:>5}] ", tid.as_raw()));
            }
            Prefix::WhenMany => {}
        }
    }

    fn enter(&mut self, tid: Pid, call: &Spelled) {
        self.start_line(tid);
        let (shown, comma) = call.known_at_entry();
        push(&mut self.buffer, format_args!("{}(", call.name));
        push_args(&mut self.buffer, &call.args[..shown]);
        if comma == Comma::Now {
            self.buffer.push_str(", ");
        }
        let rest = if shown < call.args.len() { Rest::Arguments } else { Rest::Nothing };
        self.open = Some(tid);
        let last = match call.args[..shown].last() {
            Some(Value::Changed { .. }) => Last::Changed,
            _ => Last::Unchanged,
        };
        let name = call.name.to_string();
        self.tasks.insert(tid, Some(Pending { name, shown, comma, rest, last }));
    }

    fn leave(&mut self, tid: Pid, call: &Spelled, outcome: Outcome, note: Option<&Note>) {
        let Some(pending) = self.tasks.get_mut(&tid).and_then(Option::take) else {
            self.enter(tid, call);
            return self.leave(tid, call, outcome, note);
        };
        self.resume_line(tid, &pending.name);
        let lost = outcome == Outcome::Never && call.args.iter().any(Value::is_pending);
        if lost {
            self.buffer.push_str(" <unfinished ...>");
        } else {
            self.push_rest(&pending, call);
        }
        self.finish_line(&outcome_text(outcome, &call.result), note);
        self.meet_child(call, outcome);
    }

    /// A new task counts from the call that made it, even before its first line; but not if it
    /// has ended by then, as a vfork child may.
    fn meet_child(&mut self, call: &Spelled, outcome: Outcome) {
        let makes_task = matches!(call.name.as_ref(), "clone" | "clone3" | "fork" | "vfork");
        let Outcome::Value(child @ 1..) = outcome else { return };
        let child = Pid::from_raw(child as i32);
        if makes_task && !self.ended.remove(&child) {
            self.tasks.entry(child).or_default();
        }
    }

    /// Writes what entry left out: what the kernel made of the last argument shown then, and the
    /// arguments behind it.
    fn push_rest(&mut self, pending: &Pending, call: &Spelled) {
        let shown = pending.shown.min(call.args.len());
        if pending.last == Last::Unchanged
            && let Some(Value::Changed { after, .. }) = call.args[..shown].last()
        {
            push(&mut self.buffer, format_args!(" => {after}"));
        }
        if pending.comma == Comma::Later && 0 < shown && shown < call.args.len() {
            self.buffer.push_str(", ");
        }
        push_args(&mut self.buffer, &call.args[shown..]);
    }

    /// Continues the line of a call, opening it anew if another task's line came between.
    fn resume_line(&mut self, tid: Pid, name: &str) {
        if self.open != Some(tid) {
            self.start_line(tid);
            push(&mut self.buffer, format_args!("<... {name} resumed>"));
        }
        self.open = None;
    }

    fn finish_line(&mut self, result: &str, note: Option<&Note>) {
        self.buffer.push_str(") ");
        let written = self.flushed_chars + self.buffer[self.line_start..].chars().count();
        for _ in written..self.column {
            self.buffer.push(' ');
        }
        push(&mut self.buffer, format_args!("= {result}"));
        if let Some(note) = note {
            push(&mut self.buffer, format_args!("{note}"));
        }
        self.buffer.push('\n');
    }

    /// A task that ends inside a call leaves that call without a result.
    fn end_task(&mut self, tid: Pid, line: &str) {
        if let Some(Some(pending)) = self.tasks.insert(tid, None) {
            self.resume_line(tid, &pending.name);
            if pending.rest == Rest::Arguments {
                self.buffer.push_str(" <unfinished ...>");
            }
            self.finish_line("?", None);
        }
        self.plain_line(tid, line);
        self.tasks.remove(&tid);
        self.ended.insert(tid);
    }

    /// The thread that called execve goes on under the id of the one it replaced.
    fn supersede(&mut self, tid: Pid, by: Pid) {
        self.end_task(tid, &format!("+++ superseded by execve in pid {by} +++"));
        self.ended.remove(&tid);
        let caller = self.tasks.remove(&by).flatten();
        self.tasks.insert(tid, caller);
    }

    fn plain_line(&mut self, tid: Pid, line: &str) {
        self.start_line(tid);
        self.buffer.push_str(line);
        self.buffer.push('\n');
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if self.open.is_some() {
            self.flushed_chars += self.buffer[self.line_start..].chars().count();
        }
        self.line_start = 0;
        let written = self.out.write_all(self.buffer.as_bytes());
        self.buffer.clear();
        written
    }
}

impl<W: Write> Sink for Text<W> {
    fn event(&mut self, tid: Pid, _at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        self.tasks.entry(tid).or_default();
        self.ended.remove(&tid);
        match event {
            Event::Enter { call } => self.enter(tid, call),
            Event::Leave { call, outcome, note, .. } => self.leave(tid, call, *outcome, *note),
            Event::Signal { signo, info } => self.plain_line(tid, &signal_line(*signo, info)),
            Event::Stopped { signo } => {
                let name = names::signal_name(*signo);
                self.plain_line(tid, &format!("--- stopped by {name} ---"));
            }
            Event::Exited { code } => self.end_task(tid, &format!("+++ exited with {code} +++")),
            Event::Killed { signo, core } => self.end_task(tid, &killed_line(*signo, *core)),
            Event::Superseded { by } => self.supersede(tid, *by),
        }
        match self.flush {
            Flush::EachEvent => {
                self.pass_on()?;
                self.out.flush()
            }
            Flush::WhenFull if self.buffer.len() >= BUFFER_BYTES => self.pass_on(),
            Flush::WhenFull => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.open.take().is_some() {
            self.buffer.push_str(" <unfinished ...>\n");
        }
        self.pass_on()?;
        self.out.flush()
    }
}

/// Appends formatted text.
fn push(buffer: &mut String, text: std::fmt::Arguments<'_>) {
    buffer.write_fmt(text).expect("writing to a String cannot fail");
}

fn push_args(buffer: &mut String, args: &[Value]) {
    for (at, arg) in args.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        push(buffer, format_args!("{comma}{arg}"));
    }
}

fn signal_line(signo: i32, info: &Option<[u8; 128]>) -> String {
    let name = names::signal_name(signo);
    match info {
        Some(info) => format!("--- {name} {} ---", siginfo::spell(info)),
        None => format!("--- {name} ---"),
    }
}

fn killed_line(signo: i32, core: Core) -> String {
    let name = names::signal_name(signo);
    match core {
        Core::Dumped => format!("+++ killed by {name} (core dumped) +++"),
        Core::None => format!("+++ killed by {name} +++"),
    }
}

/// What stands behind the equals sign.
pub(crate) fn outcome_text(outcome: Outcome, form: &ResultForm) -> String {
    let number = match outcome {
        Outcome::Value(value) => match form.base {
            Base::Decimal => value.to_string(),
            Base::Hex => Value::Hex(value as u64).to_string(),
            Base::Octal => Value::Octal(value as u64).to_string(),
        },
        Outcome::Error(errno) => {
            let number = errno as i32;
            match names::errno_text(number) {
                Some(text) => format!("-1 {} ({text})", names::errno_name(number)),
                None => "-1 (unknown errno)".to_owned(),
            }
        }
        Outcome::Restarts(number) => format!("? {}", restart_text(number)),
        Outcome::Never => "?".to_owned(),
    };
    match &form.remark {
        Some(remark) => format!("{number} ({remark})"),
        None => number,
    }
}

/// The kernel's internal error numbers that a tracer sees and a tracee does not.
pub(crate) fn restart_text(number: u16) -> &'static str {
    match number {
        512 => "ERESTARTSYS (To be restarted if SA_RESTART is set)",
        513 => "ERESTARTNOINTR (To be restarted)",
        514 => "ERESTARTNOHAND (To be restarted if no handler)",
        _ => "ERESTART_RESTARTBLOCK (Interrupted by signal)",
    }
}
