//! CycloneDX 1.6: the run with the files it left as its parts, and the files it read as what it depends on.

use serde_json::{Value, json};

use super::time::rfc3339;
use super::{Artifact, Artifacts, name};
use crate::model::Model;

/// The document.
pub fn cyclonedx(model: &Model) -> Value {
    let artifacts = Artifacts::of(model);
    let components = |what: &str, all: &[Artifact<'_>]| -> Vec<Value> {
        all.iter().enumerate().map(|(number, one)| component(what, number, one)).collect()
    };
    let inputs = components("input", &artifacts.inputs);
    let depends: Vec<Value> = inputs.iter().map(|input| input["bom-ref"].clone()).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(model),
        "version": 1,
        "metadata": {
            "timestamp": rfc3339(model.header.start_ns),
            "tools": { "components": [{
                "type": "application",
                "name": "vrift",
                "version": model.header.vrift,
            }] },
            "component": {
                "type": "application",
                "bom-ref": "run",
                "name": name(model),
                "components": components("output", &artifacts.outputs),
            },
        },
        "components": inputs,
        "dependencies": [{ "ref": "run", "dependsOn": depends }],
    })
}

fn component(what: &str, number: usize, artifact: &Artifact<'_>) -> Value {
    json!({
        "type": "file",
        "bom-ref": format!("{what}-{number}"),
        "name": artifact.path.to_string(),
        "hashes": [{ "alg": "BLAKE3", "content": artifact.digest }],
    })
}

/// A UUID of the record's check: version 8, which says that the bytes are somebody's own.
fn serial(model: &Model) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&model.check[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::report::hex(&bytes);
    let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}
