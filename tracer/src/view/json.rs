//! Events as JSON, one object a line.
//!
//! The format is described in `docs/trace-format.md`. Strings of the tracee are objects, because
//! they need not be UTF-8: `{"text": "…"}`, or `{"bytes": "hex…"}` if they are not. A bare JSON
//! string is always vrift's own word: a constant, a set of flags, an address.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;
use serde_json::{Map, Value as Json_, json};

use super::event::{Core, Event, Sink, Wants};
use super::filter::Filter;
use super::names;
use super::note::Note;
use super::spelled::{ResultForm, Spelled};
use super::text::restart_text;
use super::value::{Cut, Opened, Text, Value};
use crate::call::Outcome;

/// The version of the format; it changes when a reader must.
const VERSION: u32 = 1;

/// A sink that writes JSON lines.
#[derive(Debug)]
pub struct Json<W: Write> {
    out: W,
    filter: Filter,
}

impl<W: Write> Json<W> {
    /// A sink on a writer, which should be buffered, for the events that `filter` shows.
    pub fn new(out: W, filter: Filter) -> Json<W> {
        Json { out, filter }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }
}

impl<W: Write> Sink for Json<W> {
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        if !self.filter.shows(event) {
            return Ok(());
        }
        let Some(what) = describe(event) else { return Ok(()) };
        let mut line = Map::new();
        line.insert("v".to_owned(), VERSION.into());
        line.insert("pid".to_owned(), tid.as_raw().into());
        line.insert("time".to_owned(), seconds(at.duration_since(UNIX_EPOCH).unwrap_or_default()));
        line.extend(what);
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn wants(&self) -> Wants {
        Wants { times: true, system: true, ..Wants::default() }
    }
}

/// What a line says beside version, task and time; an entry says nothing that its exit does not.
fn describe(event: &Event<'_>) -> Option<Map<String, Json_>> {
    let what = match event {
        Event::Met
        | Event::Enter { .. }
        | Event::Born { .. }
        | Event::Executed
        | Event::Used { .. } => {
            return None;
        }
        Event::Leave { call, outcome, note, spent, system } => {
            let mut line = call_fields(call, *outcome);
            line.insert("spent".to_owned(), seconds(*spent));
            line.insert("system".to_owned(), seconds(*system));
            if let Some(note) = note {
                line.insert("note".to_owned(), note_json(note));
            }
            return Some(line);
        }
        Event::Signal { signo, info, .. } => json!({
            "signal": names::signal_name(*signo),
            "info": info.as_ref().map(value_json),
        }),
        Event::Stopped { signo } => json!({ "stopped": names::signal_name(*signo) }),
        Event::Exited { code } => json!({ "exited": code }),
        Event::Killed { signo, core } => json!({
            "killed": names::signal_name(*signo),
            "core": *core == Core::Dumped,
        }),
        Event::Superseded { by } => json!({ "superseded_by": by.as_raw() }),
    };
    match what {
        Json_::Object(line) => Some(line),
        _ => None,
    }
}

fn call_fields(call: &Spelled, outcome: Outcome) -> Map<String, Json_> {
    let mut line = Map::new();
    line.insert("call".to_owned(), call.name.as_ref().into());
    line.insert("nr".to_owned(), call.number.into());
    if let Some(abi) = call.abi.name() {
        line.insert("abi".to_owned(), abi.into());
    }
    line.insert("args".to_owned(), call.args.iter().map(value_json).collect());
    let (result, errno) = match outcome {
        Outcome::Value(value) => (result_json(value, &call.result), None),
        Outcome::Error(errno) => (json!({ "value": -1 }), Some(names::errno_name(errno as i32))),
        Outcome::Restarts(number) => (json!({ "restarts": restart_name(number) }), None),
        Outcome::Never => (Json_::Null, None),
    };
    line.insert("result".to_owned(), result);
    if let Some(errno) = errno {
        line.insert("errno".to_owned(), errno.into());
    }
    line
}

fn result_json(value: i64, form: &ResultForm) -> Json_ {
    let mut result = Map::new();
    result.insert("value".to_owned(), form.stored.unwrap_or(value).into());
    if let Some(remark) = &form.remark {
        result.insert("remark".to_owned(), remark.as_str().into());
    }
    if let Some(opened) = &form.opened {
        result.insert("on".to_owned(), opened_json(opened));
    }
    Json_::Object(result)
}

/// What a descriptor is open on.
fn opened_json(opened: &Opened) -> Json_ {
    let mut on = match opened.quoting {
        Some(_) => bytes_json(&opened.name),
        None => json!({ "text": String::from_utf8_lossy(&opened.name) }),
    };
    if let Some(object) = on.as_object_mut() {
        if let Some(device) = &opened.device {
            object.insert("device".to_owned(), device.as_str().into());
        }
        if opened.deleted {
            object.insert("deleted".to_owned(), true.into());
        }
    }
    on
}

fn restart_name(number: u16) -> &'static str {
    restart_text(number).split(' ').next().unwrap_or_default()
}

fn note_json(note: &Note) -> Json_ {
    match note {
        Note::Blob(digest) => json!({ "blob": digest }),
        Note::Manifest => json!({ "manifest": true }),
        Note::Refused { errno, why } => {
            json!({ "refused": names::errno_name(*errno as i32), "why": why })
        }
        Note::Redirected(path) => {
            use std::os::unix::ffi::OsStrExt;
            json!({ "redirected": bytes_json(path.as_os_str().as_bytes()) })
        }
    }
}

/// A number of seconds with all the digits the clock has.
fn seconds(duration: Duration) -> Json_ {
    duration.as_secs_f64().into()
}

/// Bytes of the tracee.
fn bytes_json(bytes: &[u8]) -> Json_ {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "bytes": hex })
        }
    }
}

fn text_json(text: &Text) -> Json_ {
    let mut json = bytes_json(&text.bytes);
    if let (Cut::Short, Some(object)) = (text.cut, json.as_object_mut()) {
        object.insert("cut".to_owned(), true.into());
    }
    json
}

/// A value as JSON.
fn value_json(value: &Value) -> Json_ {
    match value {
        Value::Int(n) => (*n).into(),
        Value::UInt(n) | Value::Hex(n) => (*n).into(),
        Value::Fd(fd) => (*fd).into(),
        Value::Open { fd, on } => json!({ "fd": value_json(fd), "on": opened_json(on) }),
        Value::Addr(0) => Json_::Null,
        Value::Addr(_) | Value::Octal(_) => value.to_string().into(),
        Value::Str(text) => text_json(text),
        Value::Flags(word) | Value::Name(word) => word.text.as_ref().into(),
        Value::Verbatim(text) => text.as_str().into(),
        Value::Struct(fields) => {
            let shown = fields.iter().filter(|(_, value)| *value != Value::More);
            shown.map(|(name, value)| (field_name(name, value), value_json(value))).collect()
        }
        Value::Array(elements) => {
            elements.iter().filter(|element| **element != Value::More).map(value_json).collect()
        }
        Value::Set { complement, members } => {
            let members: Vec<&str> = members.iter().map(|word| word.text.as_ref()).collect();
            json!({ if *complement { "all_but" } else { "set" }: members })
        }
        Value::Call { name, args } => {
            json!({ *name: args.iter().map(value_json).collect::<Vec<_>>() })
        }
        Value::Named { name, value } => json!({ *name: value_json(value) }),
        Value::Remarked { value, remark } => {
            json!({ "value": value_json(value), "remark": remark })
        }
        Value::Changed { before, after } => {
            json!({ "before": value_json(before), "after": value_json(after) })
        }
        Value::Abstract(_) => value.to_string().into(),
        Value::Coded { meaning, .. } => value_json(meaning),
        Value::More | Value::Pending => Json_::Null,
    }
}

/// A field without a name is an expression, which has one.
fn field_name(name: &str, value: &Value) -> String {
    match value {
        Value::Call { name: called, .. } if name.is_empty() => (*called).to_owned(),
        _ => name.to_owned(),
    }
}
