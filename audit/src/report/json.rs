//! The report for programs: all that is in the tables, as one JSON object. `docs/audit-reports.md` has
//! its fields.

use serde_json::{Value, json};
use vrift_record::{
    Content, Ending, Endpoint, Left, Mount, Origin, Text, Value as Shown, Variable,
};

use super::summary::Summary;
use crate::model::{Before, FileUse, Finding, Process, ProcessId, Program, Version, What};

/// The version of the fields' meaning. New fields do not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// Bytes of a program: `{"text": …}` if they are UTF-8, else `{"bytes": …}` in hexadecimal, as in traces.
pub fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "bytes": hex(bytes) }),
    }
}

fn text(text: &Text) -> Value {
    bytes(text.as_bytes())
}

/// Pairs of hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The whole report.
pub fn report(summary: &Summary<'_>) -> Value {
    let model = summary.model;
    let header = &model.header;
    let reasons: Vec<Value> = summary
        .conclusion
        .reasons
        .iter()
        .map(|reason| json!({ "kind": reason.word(), "text": reason.to_string() }))
        .collect();
    let files: Vec<Value> =
        model.files.iter().map(|(path, file)| file_object(summary, path, file)).collect();
    let connections: Vec<Value> = model
        .connections
        .iter()
        .map(|(connection, counts)| {
            json!({
                "process": connection.process.0,
                "act": connection.act.word(),
                "endpoint": endpoint(&connection.endpoint),
                "done": counts.done,
                "failed": counts.failed + counts.missing,
            })
        })
        .collect();
    json!({
        "schema": "vrift-audit-report",
        "version": SCHEMA_VERSION,
        "conclusion": { "standing": summary.conclusion.standing.word(), "reasons": reasons },
        "record": {
            "events": model.events,
            "check": hex(&model.check),
            "whole": model.damage.is_none() && model.totals.is_some(),
            "damage": model.damage.map(|damage| damage.to_string()),
            "incomplete": model.totals.as_ref().map(|totals| totals.incomplete),
        },
        "run": {
            "command": header.command.iter().map(|word| bytes(word)).collect::<Vec<_>>(),
            "cwd": bytes(&header.cwd),
            "start_ns": header.start_ns,
            "wall_ns": u64::try_from(summary.wall().as_nanos()).unwrap_or(u64::MAX),
            "ending": model.totals.as_ref().map(|totals| ending(&totals.ending)),
            "vrift": header.vrift,
            "kernel": header.kernel,
            "machine": header.machine,
            "host": header.host,
            "uid": header.uid,
            "unstopped": header.unstopped.word(),
            "policy": header.policy.map(|digest| hex(&digest)),
            "mounts": header.mounts.iter().map(mount).collect::<Vec<_>>(),
        },
        "counts": {
            "processes": model.processes().len(),
            "files": model.files.len(),
            "inputs": summary.inputs.len(),
            "outputs": summary.outputs.len(),
            "removed": summary.removed.len(),
            "temporary": summary.passing.len(),
            "missing": summary.missing.len(),
            "bytes_read": summary.bytes_read(),
        },
        "processes": model.processes().iter().map(process).collect::<Vec<_>>(),
        "files": files,
        "network": connections,
        "calls": summary.compliance.json(),
        "findings": model.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn mount(mount: &Mount) -> Value {
    json!({
        "point": bytes(&mount.point),
        "manifest": mount.manifest.as_ref().map(|id| hex(id)),
        "file": bytes(&mount.file),
        "access": mount.access.word(),
    })
}

fn ending(ending: &Ending) -> Value {
    match ending {
        Ending::Exited(status) => json!({ "exited": status }),
        Ending::Killed { signo, core } => json!({ "killed": signo, "core": core }),
        Ending::Unknown => json!({ "unknown": true }),
    }
}

fn process(process: &Process) -> Value {
    json!({
        "pid": process.pid,
        "parent": process.parent.map(|ProcessId(number)| number),
        "start_us": micros(process.started),
        "end_us": process.ended.map(micros),
        "ending": process.ending.as_ref().map(ending),
        "threads": process.threads,
        "user_us": process.used.user_us,
        "system_us": process.used.system_us,
        "memory_max_kib": process.used.memory_max_kib,
        "programs": process.programs.iter().map(program).collect::<Vec<_>>(),
    })
}

fn micros(at: std::time::Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

fn program(program: &Program) -> Value {
    let execution = &program.execution;
    json!({
        "at_us": micros(program.at),
        "program": text(&execution.program),
        "argv": execution.argv.iter().map(text).collect::<Vec<_>>(),
        "env": execution.env.iter().map(variable).collect::<Vec<_>>(),
        "cwd": text(&execution.cwd),
    })
}

/// A value that was kept out of the record is null.
fn variable(variable: &Variable<Text>) -> Value {
    let value = match &variable.value {
        Shown::Plain(value) => text(value),
        Shown::Redacted => Value::Null,
    };
    json!({ "name": text(&variable.name), "value": value })
}

/// What a file is to the run, in words.
pub(super) fn roles(file: &FileUse) -> Vec<&'static str> {
    [
        (file.is_input(), "input"),
        (file.is_code(), "code"),
        (file.is_output(), "output"),
        (file.is_removed(), "removed"),
        (file.is_passing(), "temporary"),
        (file.is_missing(), "missing"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .collect()
}

fn file_object(summary: &Summary<'_>, path: &Text, file: &FileUse) -> Value {
    let acts: serde_json::Map<String, Value> = file
        .acts
        .iter()
        .map(|(act, counts)| {
            let counts = json!([counts.done, counts.missing, counts.failed]);
            (act.word().to_owned(), counts)
        })
        .collect();
    let left = match file.left {
        Some(Left::File(id)) => summary.model.versions.get(&id).map_or(json!("file"), version),
        Some(Left::Other) => json!("other"),
        Some(Left::Gone) => json!("gone"),
        None => Value::Null,
    };
    let versions = file.versions.iter().filter_map(|id| summary.model.versions.get(id));
    json!({
        "path": text(path),
        "roles": roles(file),
        "acts": acts,
        "before": match file.before {
            Before::Unknown => Value::Null,
            Before::There => json!(true),
            Before::Absent => json!(false),
        },
        "versions": versions.map(version).collect::<Vec<_>>(),
        "left": left,
        "processes": file.by.iter().map(|id| id.0).collect::<Vec<_>>(),
        "verdicts": file.verdicts.iter().map(|verdict| verdict.word()).collect::<Vec<_>>(),
    })
}

/// The digest is null if it is not known; `changing` is that of what was read while it changed.
fn version(version: &Version) -> Value {
    let origin = match version.origin {
        Origin::Host { .. } => "host",
        Origin::Store => "store",
        Origin::Session => "session",
    };
    let mut object = json!({ "size": version.size, "origin": origin, "blake3": null });
    match version.content {
        Some(Content::Whole(digest)) => object["blake3"] = digest.to_string().into(),
        Some(Content::Changing(digest)) => object["changing"] = digest.to_string().into(),
        Some(Content::Unreadable(errno)) => object["unreadable"] = errno.into(),
        None => {}
    }
    object
}

fn endpoint(endpoint: &Endpoint<Text>) -> Value {
    match endpoint {
        Endpoint::Inet { ip, port } => json!({ "ip": ip.to_string(), "port": port }),
        Endpoint::Unix(path) => json!({ "unix": text(path) }),
        Endpoint::Abstract(name) => json!({ "abstract": text(name) }),
        Endpoint::Unnamed => json!({ "unnamed": true }),
        Endpoint::Netlink { port } => json!({ "netlink": port }),
        Endpoint::Other { family } => json!({ "family": family }),
    }
}

fn finding(finding: &Finding) -> Value {
    let mut object = json!({
        "at_us": micros(finding.at),
        "process": finding.process.map(|ProcessId(number)| number),
        "call": finding.call.to_string(),
        "subject": text(&finding.subject),
    });
    match &finding.what {
        What::Escape { kind, outcome } => {
            object["escape"] = kind.word().into();
            object["outcome"] = outcome.to_string().into();
        }
        What::Violation { class, rule, response } => {
            object["violation"] = class.word().into();
            object["rule"] = text(rule);
            object["response"] = response.word().into();
        }
    }
    object
}
