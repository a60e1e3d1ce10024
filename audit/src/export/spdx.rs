//! SPDX 2.3: the run as a package that depends on what it read, and what was generated from it.
//!
//! A file of SPDX must have a SHA-1 digest. A record has none, so it is made of what is still there; a file
//! whose content is not there any more is a package of one file, which may have any digest.

use serde_json::{Value, json};
use vrift_cas::Digest;

use super::time::rfc3339;
use super::{Artifact, Artifacts, Sums, check, name};

const RUN: &str = "SPDXRef-Run";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// The document.
pub fn spdx(artifacts: &Artifacts<'_>) -> Value {
    let model = artifacts.model;
    let name = name(model);
    let mut elements = Elements { files: Vec::new(), packages: vec![run(&name)] };
    let mut relations = vec![relation(DOCUMENT, "DESCRIBES", RUN)];
    for (number, input) in artifacts.inputs.iter().enumerate() {
        let id = format!("SPDXRef-Input-{number}");
        relations.push(relation(RUN, "DEPENDS_ON", &id));
        if input.file.is_code() {
            relations.push(relation(&id, "BUILD_TOOL_OF", RUN));
        }
        elements.add(&id, input);
    }
    for (number, output) in artifacts.outputs.iter().enumerate() {
        let id = format!("SPDXRef-Output-{number}");
        relations.push(relation(&id, "GENERATED_FROM", RUN));
        elements.add(&id, output);
    }
    let Elements { files, packages } = elements;
    let (files, packages) = (Value::from(files), Value::from(packages));
    // Of one record there are several documents, by how many contents are still there.
    let said = Digest::of(format!("{files}{packages}").as_bytes());
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": name,
        "documentNamespace": format!("urn:vrift:record:{}:spdx:{said}", check(model)),
        "creationInfo": {
            "created": rfc3339(model.header.start_ns),
            "creators": [format!("Tool: vrift-{}", model.header.vrift)],
        },
        "packages": packages,
        "files": files,
        "relationships": relations,
    })
}

struct Elements {
    files: Vec<Value>,
    packages: Vec<Value>,
}

impl Elements {
    fn add(&mut self, id: &str, artifact: &Artifact<'_>) {
        match &artifact.sums {
            Some(sums) => self.files.push(file(id, artifact, sums)),
            None => self.packages.push(package_of_file(id, artifact)),
        }
    }
}

fn run(name: &str) -> Value {
    json!({
        "SPDXID": RUN,
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

fn file(id: &str, artifact: &Artifact<'_>, sums: &Sums) -> Value {
    json!({
        "SPDXID": id,
        "fileName": file_name(artifact),
        "checksums": [
            checksum("SHA1", &sums.sha1),
            checksum("SHA256", &sums.sha256),
            checksum("BLAKE3", &artifact.digest.to_string()),
        ],
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

fn package_of_file(id: &str, artifact: &Artifact<'_>) -> Value {
    json!({
        "SPDXID": id,
        "name": artifact.path.to_string(),
        "packageFileName": file_name(artifact),
        "checksums": [checksum("BLAKE3", &artifact.digest.to_string())],
        "comment": "One file, of whose recorded content nobody could make the SHA-1 digest that a file \
                    must have: it was not there any more when this document was made.",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

/// The specification wants names that start with a dot: these are relative to the root.
fn file_name(artifact: &Artifact<'_>) -> String {
    format!(".{}", artifact.path)
}

fn checksum(algorithm: &str, value: &str) -> Value {
    json!({ "algorithm": algorithm, "checksumValue": value })
}

fn relation(element: &str, kind: &str, related: &str) -> Value {
    json!({
        "spdxElementId": element,
        "relationshipType": kind,
        "relatedSpdxElement": related,
    })
}
