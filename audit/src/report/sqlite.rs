//! The report as a database, for questions that no table answers. `docs/audit-reports.md` has its tables.
//!
//! Bytes of programs are texts if they are UTF-8, else blobs.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, Error, Transaction, params};
use vrift_record::{Left, Text, Value as Shown, VersionId};

use super::json::{SCHEMA_VERSION, hex, roles};
use super::summary::Summary;
use crate::model::{FileUse, Finding, Process, ProcessId, What};

const TABLES: &str = "
CREATE TABLE run (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE processes (id INTEGER PRIMARY KEY, pid INTEGER, parent INTEGER REFERENCES processes,
  start_us INTEGER, end_us INTEGER, ending TEXT, threads INTEGER, user_us INTEGER, system_us INTEGER,
  memory_max_kib INTEGER);
CREATE TABLE programs (id INTEGER PRIMARY KEY, process INTEGER REFERENCES processes, at_us INTEGER, program,
  cwd);
CREATE TABLE arguments (program INTEGER REFERENCES programs, place INTEGER, word);
CREATE TABLE variables (program INTEGER REFERENCES programs, name, value, redacted INTEGER);
CREATE TABLE files (id INTEGER PRIMARY KEY, path UNIQUE, verdicts TEXT);
CREATE TABLE roles (file INTEGER REFERENCES files, role TEXT);
CREATE TABLE acts (file INTEGER REFERENCES files, act TEXT, done INTEGER, missing INTEGER, failed INTEGER);
CREATE TABLE contents (file INTEGER REFERENCES files, what TEXT, blake3 TEXT, size INTEGER);
CREATE TABLE users (file INTEGER REFERENCES files, process INTEGER REFERENCES processes);
CREATE TABLE network (process INTEGER REFERENCES processes, act TEXT, endpoint TEXT, done INTEGER,
  failed INTEGER);
CREATE TABLE calls (call TEXT, grp TEXT, verdict TEXT, count INTEGER);
CREATE TABLE findings (at_us INTEGER, process INTEGER REFERENCES processes, call TEXT, subject, what TEXT,
  kind TEXT, outcome TEXT);
";

/// Writes a summary to a database at `path`, where there must be nothing or an empty file.
///
/// # Errors
/// Those of SQLite.
pub fn sqlite(summary: &Summary<'_>, path: &Path) -> Result<(), Error> {
    let mut database = Connection::open(path)?;
    let all = database.transaction()?;
    all.execute_batch(TABLES)?;
    run(&all, summary)?;
    let mut executions = 0;
    for (number, process) in summary.model.processes().iter().enumerate() {
        executions = processes(&all, number, process, executions)?;
    }
    for (number, (path, file)) in summary.model.files.iter().enumerate() {
        files(&all, summary, number, path, file)?;
    }
    network(&all, summary)?;
    calls(&all, summary)?;
    findings(&all, summary)?;
    all.execute_batch("CREATE INDEX contents_by_digest ON contents (blake3)")?;
    all.commit()
}

fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Blob(bytes.to_vec()),
    }
}

fn text(text: &Text) -> Value {
    bytes(text.as_bytes())
}

/// SQLite's numbers have a sign.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn micros(at: std::time::Duration) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX)
}

fn place(ProcessId(place): ProcessId) -> i64 {
    number(place as u64)
}

fn run(all: &Transaction<'_>, summary: &Summary<'_>) -> Result<(), Error> {
    let model = summary.model;
    let header = &model.header;
    let reasons: Vec<String> = summary.conclusion.reasons.iter().map(ToString::to_string).collect();
    let told: [(&str, Value); 15] = [
        ("schema", Value::Integer(i64::from(SCHEMA_VERSION))),
        ("standing", Value::Text(summary.conclusion.standing.word().to_owned())),
        ("reasons", Value::Text(reasons.join("\n"))),
        ("command", Value::Text(summary.command())),
        ("cwd", bytes(&header.cwd)),
        ("start_ns", Value::Integer(number(header.start_ns))),
        ("wall_us", Value::Integer(micros(summary.wall()))),
        (
            "ending",
            model.totals.as_ref().map_or(Value::Null, |t| Value::Text(t.ending.to_string())),
        ),
        ("vrift", Value::Text(header.vrift.clone())),
        ("kernel", Value::Text(header.kernel.clone())),
        ("host", Value::Text(header.host.clone())),
        ("uid", Value::Integer(i64::from(header.uid))),
        ("unstopped", Value::Text(header.unstopped.word().to_owned())),
        ("events", Value::Integer(number(model.events))),
        ("check", Value::Text(hex(&model.check))),
    ];
    let mut insert = all.prepare("INSERT INTO run VALUES (?, ?)")?;
    told.into_iter().try_for_each(|(name, value)| insert.execute(params![name, value]).map(drop))
}

/// Returns the number of the next execution.
fn processes(
    all: &Transaction<'_>,
    id: usize,
    process: &Process,
    mut execution: i64,
) -> Result<i64, Error> {
    let id = number(id as u64);
    all.prepare_cached("INSERT INTO processes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
        params![
            id,
            process.pid,
            process.parent.map(place),
            micros(process.started),
            process.ended.map(micros),
            process.ending.map(|ending| ending.to_string()),
            process.threads,
            number(process.used.user_us),
            number(process.used.system_us),
            number(process.used.memory_max_kib),
        ],
    )?;
    for program in &process.programs {
        let run = &program.execution;
        all.prepare_cached("INSERT INTO programs VALUES (?, ?, ?, ?, ?)")?.execute(params![
            execution,
            id,
            micros(program.at),
            text(&run.program),
            text(&run.cwd)
        ])?;
        let mut insert = all.prepare_cached("INSERT INTO arguments VALUES (?, ?, ?)")?;
        for (at, word) in run.argv.iter().enumerate() {
            insert.execute(params![execution, number(at as u64), text(word)])?;
        }
        let mut insert = all.prepare_cached("INSERT INTO variables VALUES (?, ?, ?, ?)")?;
        for variable in &run.env {
            let (value, redacted) = match &variable.value {
                Shown::Plain(value) => (text(value), 0),
                Shown::Redacted => (Value::Null, 1),
            };
            insert.execute(params![execution, text(&variable.name), value, redacted])?;
        }
        execution += 1;
    }
    Ok(execution)
}

fn files(
    all: &Transaction<'_>,
    summary: &Summary<'_>,
    id: usize,
    path: &Text,
    file: &FileUse,
) -> Result<(), Error> {
    let id = number(id as u64);
    let verdicts: Vec<_> = file.verdicts.iter().map(|verdict| verdict.word()).collect();
    all.prepare_cached("INSERT INTO files VALUES (?, ?, ?)")?.execute(params![
        id,
        text(path),
        verdicts.join(" ")
    ])?;
    let mut insert = all.prepare_cached("INSERT INTO roles VALUES (?, ?)")?;
    for role in roles(file) {
        insert.execute(params![id, role])?;
    }
    let mut insert = all.prepare_cached("INSERT INTO acts VALUES (?, ?, ?, ?, ?)")?;
    for (act, counts) in &file.acts {
        let (done, missing) = (number(counts.done), number(counts.missing));
        insert.execute(params![id, act.word(), done, missing, number(counts.failed)])?;
    }
    let mut insert = all.prepare_cached("INSERT INTO contents VALUES (?, ?, ?, ?)")?;
    let mut content = |what: &str, version: VersionId| {
        let size = summary.model.versions.get(&version).map(|version| number(version.size));
        insert.execute(params![id, what, super::digest(summary.model, version), size]).map(drop)
    };
    for &version in &file.versions {
        content(if file.given.contains(&version) { "given" } else { "read" }, version)?;
    }
    if let Some(Left::File(version)) = file.left {
        content("left", version)?;
    }
    let mut insert = all.prepare_cached("INSERT INTO users VALUES (?, ?)")?;
    file.by.iter().try_for_each(|&by| insert.execute(params![id, place(by)]).map(drop))
}

fn network(all: &Transaction<'_>, summary: &Summary<'_>) -> Result<(), Error> {
    let mut insert = all.prepare("INSERT INTO network VALUES (?, ?, ?, ?, ?)")?;
    summary.model.connections.iter().try_for_each(|(connection, counts)| {
        let endpoint = connection.endpoint.to_string();
        let failed = number(counts.failed + counts.missing);
        let (process, act) = (place(connection.process), connection.act.word());
        insert.execute(params![process, act, endpoint, number(counts.done), failed]).map(drop)
    })
}

fn calls(all: &Transaction<'_>, summary: &Summary<'_>) -> Result<(), Error> {
    let mut insert = all.prepare("INSERT INTO calls VALUES (?, ?, ?, ?)")?;
    for row in &summary.compliance.rows {
        for (verdict, &count) in &row.tally.verdicts {
            let call = row.call.to_string();
            insert.execute(params![call, row.group, verdict.word(), number(count)])?;
        }
    }
    Ok(())
}

fn findings(all: &Transaction<'_>, summary: &Summary<'_>) -> Result<(), Error> {
    let mut insert = all.prepare("INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    for Finding { at, process, call, subject, what } in &summary.model.findings {
        let (what, kind, outcome) = match what {
            What::Escape { kind, outcome } => ("escape", kind.word(), outcome.to_string()),
            What::Violation { class, response, .. } => {
                ("violation", class.word(), response.word().to_owned())
            }
        };
        let (process, call) = (process.map(place), call.to_string());
        insert.execute(params![micros(*at), process, call, text(subject), what, kind, outcome])?;
    }
    Ok(())
}
