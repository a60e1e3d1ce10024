//! Events as strace's lines.
//!
//! A call is written in two halves, at entry and at exit. If another task's line comes between
//! them, the first half ends in `<unfinished ...>` and the second starts with `<... name
//! resumed>`. Without an `Enter` event the whole line is written at exit. If the outcome decides
//! whether a call is shown (`-z`), its first half is kept until then.
//!
//! **Invariant:** at most one line is open, and `open` says whose.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;
use vrift_arch::{Arch, Native};

use super::event::{Core, Event, Sink, Wants};
use super::filter::Filter;
pub use super::leader::{Leader, Prefix, Show};
use super::leader::{Leaders, Start};
use super::names;
use super::note::Note;
use super::spelled::{Base, Comma, ResultForm, Spelled, Split};
use super::stamp::Seconds;
pub use super::stamp::{Precision, Stamp, parse_duration};
use super::value::Value;
use crate::call::{Abi, Outcome};

/// When lines reach the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// After every event: somebody is watching.
    EachEvent,
    /// When the buffer is full, and at the end.
    WhenFull,
}

/// What lines consist of.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Their beginning.
    pub leader: Leader,
    /// The column in which ` = result` starts (`-a`).
    pub column: usize,
    /// How long the call took (`-T`).
    pub spent: Option<Precision>,
    /// What vrift made of the call, behind the result.
    pub notes: Show,
    /// The mode in which a task runs, each time that changes.
    pub modes: Show,
    /// Which events get a line.
    pub filter: Filter,
}

impl Layout {
    /// strace's default.
    pub fn new(prefix: Prefix, column: usize) -> Layout {
        Layout {
            leader: Leader::only(prefix),
            column,
            spent: None,
            notes: Show::Yes,
            modes: Show::No,
            filter: Filter::default(),
        }
    }
}

/// The mode every task has before its first call.
const NATIVE_MODE: &str = "64 bit";

/// The size from which a buffer is handed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// A sink that writes text.
#[derive(Debug)]
pub struct Text<W: Write> {
    out: W,
    buffer: String,
    layout: Layout,
    leaders: Leaders,
    flush: Flush,
    /// When the present event happened.
    now: SystemTime,
    /// The task whose line is open.
    open: Option<Pid>,
    /// Where the open line starts in `buffer`, and how many bytes of it were flushed.
    line_start: usize,
    flushed_bytes: usize,
    /// The mode of the last call of any task.
    mode: &'static str,
    /// Tasks seen and not ended.
    tasks: BTreeMap<Pid, Seen>,
    /// Calls that make tasks and have not returned.
    births: usize,
    /// Tasks that have ended while one of those was under way: it may yet name them.
    ended: BTreeSet<Pid>,
}

/// What was last seen of a task.
#[derive(Debug, Default)]
struct Seen {
    /// The call it is in.
    pending: Option<Pending>,
    /// The number of its last call, and where it was made.
    number: Option<u64>,
    ip: Option<u64>,
    /// The mode of its last call.
    mode: Option<&'static str>,
}

/// A call whose exit is outstanding.
#[derive(Debug)]
struct Pending {
    name: Cow<'static, str>,
    shown: usize,
    comma: Comma,
    rest: Rest,
    last: Last,
    /// The first half, if it waits for the outcome to be shown at all.
    staged: Option<String>,
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
    Outstanding,
}

impl<W: Write> Text<W> {
    /// A sink that writes lines of this layout.
    pub fn new(out: W, layout: Layout, flush: Flush) -> Text<W> {
        Text {
            out,
            buffer: String::new(),
            leaders: Leaders::new(layout.leader),
            layout,
            flush,
            now: SystemTime::UNIX_EPOCH,
            open: None,
            line_start: 0,
            flushed_bytes: 0,
            mode: NATIVE_MODE,
            tasks: BTreeMap::new(),
            births: 0,
            ended: BTreeSet::new(),
        }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    fn start(&self, tid: Pid, ip: Option<u64>) -> Start {
        let number = self.tasks.get(&tid).and_then(|seen| seen.number);
        Start { tid, at: self.now, number, ip, tasks: self.tasks.len() }
    }

    fn last_ip(&self, tid: Pid) -> Option<u64> {
        self.tasks.get(&tid).and_then(|seen| seen.ip)
    }

    /// Starts a line about `tid`, ending another task's open line.
    fn start_line(&mut self, tid: Pid, ip: Option<u64>) {
        self.break_line();
        self.line_start = self.buffer.len();
        self.flushed_bytes = 0;
        let start = self.start(tid, ip);
        self.leaders.push(&mut self.buffer, &start);
    }

    /// Ends an open line.
    fn break_line(&mut self) {
        if self.open.take().is_some() {
            self.buffer.push_str(" <unfinished ...>\n");
        }
    }

    /// As strace does, takes a task for one of the mode that was the last to be seen anywhere, until
    /// it makes a call.
    fn tell_mode(&mut self, tid: Pid, call: &Spelled) {
        let mode = mode(call.abi);
        let before = self.tasks.entry(tid).or_default().mode.replace(mode);
        let known = before.unwrap_or(self.mode);
        self.mode = mode;
        if known != mode && self.layout.filter.shows_modes() {
            self.plain_line(tid, None, format_args!("[ Process PID={tid} runs in {mode} mode. ]"));
        }
    }

    fn enter(&mut self, tid: Pid, call: &Spelled) {
        if self.layout.modes == Show::Yes {
            self.tell_mode(tid, call);
        }
        let seen = self.tasks.entry(tid).or_default();
        (seen.number, seen.ip) = (Some(call.number), Some(call.ip));
        let (shown, comma) = call.known_at_entry();
        let staged = if self.layout.filter.waits_for_outcome() {
            let mut staged = String::new();
            let start = self.start(tid, Some(call.ip));
            self.leaders.push(&mut staged, &start);
            push_first_half(&mut staged, call, shown, comma);
            Some(staged)
        } else {
            self.start_line(tid, Some(call.ip));
            push_first_half(&mut self.buffer, call, shown, comma);
            self.open = Some(tid);
            None
        };
        let more = shown < call.args.len() || call.split == Split::Result;
        let rest = if more { Rest::Outstanding } else { Rest::Nothing };
        let last = match call.args[..shown].last() {
            Some(Value::Changed { .. }) => Last::Changed,
            _ => Last::Unchanged,
        };
        self.births += usize::from(makes_task(&call.name));
        let pending = Pending { name: call.name.clone(), shown, comma, rest, last, staged };
        self.tasks.entry(tid).or_default().pending = Some(pending);
    }

    fn leave(&mut self, tid: Pid, left: &Left<'_>) {
        let Some(pending) = self.tasks.get_mut(&tid).and_then(|seen| seen.pending.take()) else {
            self.enter(tid, left.call);
            return self.leave(tid, left);
        };
        if self.layout.filter.shows_outcome(left.outcome) {
            self.resume_line(tid, &pending);
            if left.outcome == Outcome::Never && pending.rest == Rest::Outstanding {
                self.buffer.push_str(" <unfinished ...>");
            } else {
                self.push_rest(&pending, left.call);
            }
            self.push_result(left.outcome, &left.call.result);
            self.push_appendix(left);
            self.buffer.push('\n');
        }
        self.meet_child(left.call, left.outcome);
    }

    /// A new task counts from the call that made it, even before its first line; but not if it
    /// has ended by then, as a vfork child may.
    fn meet_child(&mut self, call: &Spelled, outcome: Outcome) {
        if !makes_task(&call.name) {
            return;
        }
        if let Outcome::Value(child @ 1..) = outcome {
            let child = Pid::from_raw(child as i32);
            if !self.ended.remove(&child) {
                self.tasks.entry(child).or_default().mode.get_or_insert(self.mode);
            }
        }
        self.birth_is_over();
    }

    /// Once nobody makes a task, nobody names one that has ended.
    fn birth_is_over(&mut self) {
        self.births = self.births.saturating_sub(1);
        if self.births == 0 {
            self.ended.clear();
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
    fn resume_line(&mut self, tid: Pid, pending: &Pending) {
        if let Some(staged) = &pending.staged {
            self.break_line();
            self.line_start = self.buffer.len();
            self.flushed_bytes = 0;
            self.buffer.push_str(staged);
        } else if self.open != Some(tid) {
            let ip = self.last_ip(tid);
            self.start_line(tid, ip);
            push(&mut self.buffer, format_args!("<... {} resumed>", pending.name));
        }
        self.open = None;
    }

    fn push_result(&mut self, outcome: Outcome, form: &ResultForm) {
        self.buffer.push_str(") ");
        let written = self.flushed_bytes + self.buffer.len() - self.line_start;
        let missing = self.layout.column.saturating_sub(written);
        self.buffer.extend(std::iter::repeat_n(' ', missing));
        self.buffer.push_str("= ");
        push_outcome(&mut self.buffer, outcome, form);
    }

    /// What stands behind the result.
    fn push_appendix(&mut self, left: &Left<'_>) {
        if let (Some(precision), false) = (self.layout.spent, left.outcome == Outcome::Never) {
            push(&mut self.buffer, format_args!(" <{}>", Seconds(left.spent, precision)));
        }
        if let (Some(note), Show::Yes) = (left.note, self.layout.notes) {
            push(&mut self.buffer, format_args!("{note}"));
        }
    }

    /// A task that ends inside a call leaves that call without a result.
    fn end_task(&mut self, tid: Pid) {
        let pending = self.tasks.get_mut(&tid).and_then(|seen| seen.pending.take());
        let Some(pending) = pending else { return };
        if makes_task(&pending.name) {
            self.birth_is_over();
        }
        if self.layout.filter.shows_outcome(Outcome::Never) {
            self.resume_line(tid, &pending);
            if pending.rest == Rest::Outstanding {
                self.buffer.push_str(" <unfinished ...>");
            }
            self.push_result(Outcome::Never, &ResultForm::default());
            self.buffer.push('\n');
        }
    }

    /// The task is no more.
    fn bury(&mut self, tid: Pid) {
        self.tasks.remove(&tid);
        if self.births > 0 {
            self.ended.insert(tid);
        }
    }

    /// The thread that called execve goes on under the id of the one it replaced.
    fn supersede(&mut self, tid: Pid, by: Pid) {
        self.ended.remove(&tid);
        let caller = self.tasks.remove(&by).unwrap_or_default();
        self.tasks.insert(tid, caller);
    }

    fn plain_line(&mut self, tid: Pid, ip: Option<u64>, line: std::fmt::Arguments<'_>) {
        self.start_line(tid, ip);
        push(&mut self.buffer, line);
        self.buffer.push('\n');
    }

    fn signal(&mut self, tid: Pid, signo: i32, info: Option<&Value>, ip: Option<u64>) {
        let name = names::signal_name(signo);
        match info {
            Some(info) => {
                self.plain_line(tid, ip, format_args!("--- {name} {info} ---"));
            }
            None => self.plain_line(tid, ip, format_args!("--- {name} ---")),
        }
    }

    fn line(&mut self, tid: Pid, event: &Event<'_>) {
        match event {
            Event::Signal { signo, info, ip } => {
                let ip = ip.or_else(|| self.last_ip(tid));
                self.signal(tid, *signo, info.as_ref(), ip);
            }
            Event::Stopped { signo } => {
                let name = names::signal_name(*signo);
                let ip = self.last_ip(tid);
                self.plain_line(tid, ip, format_args!("--- stopped by {name} ---"));
            }
            Event::Exited { code } => {
                self.plain_line(tid, None, format_args!("+++ exited with {code} +++"));
            }
            Event::Killed { signo, core } => {
                let name = names::signal_name(*signo);
                let core = if *core == Core::Dumped { " (core dumped)" } else { "" };
                self.plain_line(tid, None, format_args!("+++ killed by {name}{core} +++"));
            }
            Event::Superseded { by } => {
                let line = format_args!("+++ superseded by execve in pid {by} +++");
                self.plain_line(tid, None, line);
            }
            Event::Met
            | Event::Enter { .. }
            | Event::Leave { .. }
            | Event::Born { .. }
            | Event::Executed
            | Event::Used { .. } => {}
        }
    }

    fn empty_buffer(&mut self) -> io::Result<()> {
        if self.open.is_some() {
            self.flushed_bytes += self.buffer.len() - self.line_start;
        }
        self.line_start = 0;
        let written = self.out.write_all(self.buffer.as_bytes());
        self.buffer.clear();
        written
    }
}

/// The end of a call.
struct Left<'a> {
    call: &'a Spelled,
    outcome: Outcome,
    note: Option<&'a Note>,
    spent: Duration,
}

impl<W: Write> Sink for Text<W> {
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        self.now = at;
        if !self.ended.is_empty() {
            self.ended.remove(&tid);
        }
        match event {
            Event::Met => drop(self.tasks.entry(tid).or_default()),
            Event::Enter { call } => self.enter(tid, call),
            Event::Leave { call, outcome, note, spent, .. } => {
                let left = Left { call, outcome: *outcome, note: *note, spent: *spent };
                self.leave(tid, &left);
            }
            Event::Born { .. } | Event::Executed | Event::Used { .. } => return Ok(()),
            Event::Exited { .. } | Event::Killed { .. } | Event::Superseded { .. } => {
                self.tasks.entry(tid).or_default();
                self.end_task(tid);
                if self.layout.filter.shows(event) {
                    self.line(tid, event);
                }
                self.bury(tid);
                if let Event::Superseded { by } = event {
                    self.supersede(tid, *by);
                }
            }
            Event::Signal { .. } | Event::Stopped { .. } => {
                self.tasks.entry(tid).or_default();
                if self.layout.filter.shows(event) {
                    self.line(tid, event);
                }
            }
        }
        match self.flush {
            Flush::EachEvent if !self.buffer.is_empty() => {
                self.empty_buffer()?;
                self.out.flush()
            }
            Flush::WhenFull if self.buffer.len() >= BUFFER_BYTES => self.empty_buffer(),
            Flush::EachEvent | Flush::WhenFull => Ok(()),
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.empty_buffer()?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.open.take().is_some() {
            // Only a task that lives on can be in a call now.
            self.buffer.push_str(" <detached ...>\n");
        }
        self.empty_buffer()?;
        self.out.flush()
    }

    fn wants(&self) -> Wants {
        let leader = self.layout.leader;
        let times =
            leader.stamp != Stamp::None || leader.relative.is_some() || self.layout.spent.is_some();
        Wants { ip: leader.ip == Show::Yes, times, ..Wants::default() }
    }
}

/// What strace calls the mode in which a task makes calls through an ABI.
fn mode(abi: Abi) -> &'static str {
    match abi {
        Abi::Native => NATIVE_MODE,
        Abi::Foreign { audit_arch } if audit_arch == Native::AUDIT_ARCH => "x32",
        Abi::Compat | Abi::Foreign { .. } => "32 bit",
    }
}

/// Whether a call returns the id of a new task.
fn makes_task(name: &str) -> bool {
    matches!(name, "clone" | "clone3" | "fork" | "vfork")
}

/// What is known of a call at entry.
fn push_first_half(buffer: &mut String, call: &Spelled, shown: usize, comma: Comma) {
    buffer.push_str(&call.name);
    buffer.push('(');
    push_args(buffer, &call.args[..shown]);
    if comma == Comma::Now {
        buffer.push_str(", ");
    }
}

/// Appends formatted text.
fn push(buffer: &mut String, text: std::fmt::Arguments<'_>) {
    buffer.write_fmt(text).expect("writing to a String cannot fail");
}

pub(crate) fn push_args(buffer: &mut String, args: &[Value]) {
    for (at, arg) in args.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        push(buffer, format_args!("{comma}{arg}"));
    }
}

/// Writes what stands behind the equals sign.
pub(crate) fn push_outcome(buffer: &mut String, outcome: Outcome, form: &ResultForm) {
    match outcome {
        Outcome::Value(value) => {
            push(buffer, format_args!("{}", number(form.stored.unwrap_or(value), form.base)));
            if let Some(opened) = &form.opened {
                push(buffer, format_args!("{opened}"));
            }
        }
        Outcome::Error(errno) => {
            let number = errno as i32;
            match names::errno_text(number) {
                Some(text) => {
                    push(buffer, format_args!("-1 {} ({text})", names::errno_name(number)));
                }
                None => buffer.push_str("-1 (unknown errno)"),
            }
        }
        Outcome::Restarts(number) => push(buffer, format_args!("? {}", restart_text(number))),
        Outcome::Never => buffer.push('?'),
    }
    if let Some(remark) = &form.remark {
        push(buffer, format_args!(" ({remark})"));
    }
}

fn number(value: i64, base: Base) -> Value {
    match base {
        Base::Decimal => Value::Int(value),
        Base::Hex => Value::Hex(value as u64),
        Base::Octal => Value::Octal(value as u64),
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
