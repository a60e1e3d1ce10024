//! CycloneDX 1.6: the run with the files it left as its parts, and the files it read as what it depends on.

use serde_json::{Value, json};
use vrift_cas::Digest;

use super::time::rfc3339;
use super::{Artifact, Artifacts, check, name};
use crate::model::Model;

/// The document.
pub fn cyclonedx(artifacts: &Artifacts<'_>) -> Value {
    let model = artifacts.model;
    let components = |what: &str, all: &[Artifact<'_>]| -> Value {
        all.iter().enumerate().map(|(number, one)| component(what, number, one)).collect()
    };
    let inputs = components("input", &artifacts.inputs);
    let outputs = components("output", &artifacts.outputs);
    let depends: Vec<_> =
        (0..artifacts.inputs.len()).map(|number| reference("input", number)).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(model, [&inputs, &outputs]),
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
                "components": outputs,
            },
            "properties": [{ "name": "vrift:record", "value": check(model) }],
        },
        "components": inputs,
        "dependencies": [{ "ref": "run", "dependsOn": depends }],
    })
}

fn reference(what: &str, number: usize) -> String {
    format!("{what}-{number}")
}

fn component(what: &str, number: usize, artifact: &Artifact<'_>) -> Value {
    let hash = |alg, content: &str| json!({ "alg": alg, "content": content });
    let sums = artifact
        .sums
        .iter()
        .flat_map(|sums| [hash("SHA-1", &sums.sha1), hash("SHA-256", &sums.sha256)]);
    let hashes: Value =
        std::iter::once(hash("BLAKE3", &artifact.digest.to_string())).chain(sums).collect();
    json!({
        "type": "file",
        "bom-ref": reference(what, number),
        "name": artifact.path.to_string(),
        "hashes": hashes,
    })
}

/// A UUID of the record's check and of what is said: version 8, which says that the bytes are somebody's own. Of
/// one record there are several documents, by how many contents are still there.
fn serial(model: &Model, said: [&Value; 2]) -> String {
    let said = Digest::of(format!("{}{}{}", check(model), said[0], said[1]).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&said.0[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::report::hex(&bytes);
    let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}
