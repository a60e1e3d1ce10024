//! SPDX 2.3: the run as a package that depends on what it read, and what was generated from it.
//!
//! The specification also wants a SHA-1 digest of each file, which a record does not have.

use serde_json::{Value, json};

use super::time::rfc3339;
use super::{Artifact, Artifacts, check, name};
use crate::model::Model;

const RUN: &str = "SPDXRef-Run";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// The document.
pub fn spdx(model: &Model) -> Value {
    let artifacts = Artifacts::of(model);
    let mut files = Vec::new();
    let mut relations = vec![relation(DOCUMENT, "DESCRIBES", RUN)];
    for (number, input) in artifacts.inputs.iter().enumerate() {
        let id = format!("SPDXRef-Input-{number}");
        relations.push(relation(RUN, "DEPENDS_ON", &id));
        if input.file.is_code() {
            relations.push(relation(&id, "BUILD_TOOL_OF", RUN));
        }
        files.push(file(&id, input));
    }
    for (number, output) in artifacts.outputs.iter().enumerate() {
        let id = format!("SPDXRef-Output-{number}");
        relations.push(relation(&id, "GENERATED_FROM", RUN));
        files.push(file(&id, output));
    }
    let name = name(model);
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": name,
        "documentNamespace": format!("urn:vrift:record:{}", check(model)),
        "creationInfo": {
            "created": rfc3339(model.header.start_ns),
            "creators": [format!("Tool: vrift-{}", model.header.vrift)],
        },
        "packages": [{
            "SPDXID": RUN,
            "name": name,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
        }],
        "files": files,
        "relationships": relations,
    })
}

fn file(id: &str, artifact: &Artifact<'_>) -> Value {
    json!({
        "SPDXID": id,
        // The specification wants names that start with a dot: these are relative to the root.
        "fileName": format!(".{}", artifact.path),
        "checksums": [{ "algorithm": "BLAKE3", "checksumValue": artifact.digest }],
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

fn relation(element: &str, kind: &str, related: &str) -> Value {
    json!({
        "spdxElementId": element,
        "relationshipType": kind,
        "relatedSpdxElement": related,
    })
}
