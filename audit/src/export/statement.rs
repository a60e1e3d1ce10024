//! in-toto statements, version 1: a link (what went in, what came out) and SLSA's provenance.

use serde_json::{Map, Value, json};
use vrift_record::{Ending, Text, Value as Shown, Variable};

use super::time::rfc3339;
use super::{Artifact, Artifacts, Error, check, name};
use crate::model::Model;
use crate::report::{Conclusion, Summary};

/// A statement with a link (`https://in-toto.io/attestation/link/v0.3`).
///
/// # Errors
/// [`Error::NoOutput`], [`Error::Damaged`].
pub fn in_toto(artifacts: &Artifacts<'_>) -> Result<Value, Error> {
    let model = artifacts.model;
    let status = match model.totals.as_ref().map(|totals| totals.ending) {
        Some(Ending::Exited(status)) => json!(status),
        Some(Ending::Killed { signo, .. }) => json!(128 + i64::from(signo)),
        Some(Ending::Unknown) | None => Value::Null,
    };
    let predicate = json!({
        "name": name(model),
        "command": words(model),
        "materials": descriptors(&artifacts.inputs),
        "byproducts": {
            "return-value": status,
            "vrift": {
                "record": check(model),
                "events": model.events,
                "standing": Conclusion::of(model).standing.word(),
            },
        },
        "environment": {
            "workdir": Text::from(&model.header.cwd[..]).to_string(),
            "variables": variables(model),
            "host": model.header.host,
            "kernel": model.header.kernel,
        },
    });
    statement(artifacts, "https://in-toto.io/attestation/link/v0.3", predicate)
}

/// A statement with SLSA's provenance (`https://slsa.dev/provenance/v1`). Who built it is for the caller to
/// say.
///
/// # Errors
/// [`Error::NoOutput`], [`Error::Damaged`].
pub fn slsa(artifacts: &Artifacts<'_>, builder: &str) -> Result<Value, Error> {
    let model = artifacts.model;
    let start = model.header.start_ns;
    let wall = u64::try_from(Summary::of(model).wall().as_nanos()).unwrap_or(u64::MAX);
    let record = format!("urn:vrift:record:{}", check(model));
    let predicate = json!({
        "buildDefinition": {
            "buildType": "urn:vrift:audit:v1",
            "externalParameters": {
                "command": words(model),
                "workdir": Text::from(&model.header.cwd[..]).to_string(),
            },
            "internalParameters": { "environment": variables(model) },
            "resolvedDependencies": descriptors(&artifacts.inputs),
        },
        "runDetails": {
            "builder": { "id": builder, "version": { "vrift": model.header.vrift } },
            "metadata": {
                "invocationId": record,
                "startedOn": rfc3339(start),
                "finishedOn": rfc3339(start.saturating_add(wall)),
            },
            "byproducts": [{ "name": "record of vrift audit", "uri": record }],
        },
    });
    statement(artifacts, "https://slsa.dev/provenance/v1", predicate)
}

fn statement(artifacts: &Artifacts<'_>, kind: &str, predicate: Value) -> Result<Value, Error> {
    if artifacts.model.damage.is_some() {
        return Err(Error::Damaged);
    }
    if artifacts.outputs.is_empty() {
        return Err(Error::NoOutput);
    }
    Ok(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": descriptors(&artifacts.outputs),
        "predicateType": kind,
        "predicate": predicate,
    }))
}

/// Resource descriptors. Names are unique, because paths are.
fn descriptors(artifacts: &[Artifact<'_>]) -> Value {
    let digests = |artifact: &Artifact<'_>| match &artifact.sums {
        Some(sums) => json!({
            "blake3": artifact.digest.to_string(),
            "sha1": sums.sha1,
            "sha256": sums.sha256,
        }),
        None => json!({ "blake3": artifact.digest.to_string() }),
    };
    let one = |artifact: &Artifact<'_>| json!({ "name": artifact.path.to_string(), "digest": digests(artifact) });
    artifacts.iter().map(one).collect()
}

fn words(model: &Model) -> Vec<String> {
    model.header.command.iter().map(|word| Text::from(&word[..]).to_string()).collect()
}

/// The environment the command was given; what was kept out of the record is not named.
fn variables(model: &Model) -> Value {
    let first = model.processes().first().and_then(|process| process.programs.first());
    let shown = |variable: &Variable<Text>| match &variable.value {
        Shown::Plain(value) => Some((variable.name.to_string(), value.to_string().into())),
        Shown::Redacted => None,
    };
    let env = first.map_or(&[][..], |program| &program.execution.env);
    Value::Object(env.iter().filter_map(shown).collect::<Map<_, _>>())
}
