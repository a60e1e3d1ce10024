//! What `vrift audit export` writes of a real run, read by those who know the formats: strictly by the public
//! schema (CycloneDX), by the protocol buffers of in-toto, and by the parser of SPDX's own tools.

use std::fs;
use std::process::Command;

use crate::kit::{Sandbox, run, skipped};
use crate::recorded::recorded;

/// Reads the four documents, and prints what is wrong with them.
const CHECK: &str = "
import hashlib, json, re
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.link.v0.link_pb2 import Link
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open('cyclonedx').read())
if wrong: print('cyclonedx:', wrong)
for name, predicate in [('in-toto', Link), ('slsa', Provenance)]:
    document = json.load(open(name))
    Statement.copy_from_pb(ParseDict(document, Message())).validate()
    ParseDict(document['predicate'], predicate())
# The tools take BLAKE3's digests of 256 bits for ones of 256 digits.
known = re.compile('value of ChecksumAlgorithm.BLAKE3 must consist')
for told in validate_full_spdx_document(parse_file('spdx.json')):
    if not known.match(told.validation_message): print('spdx:', told.validation_message)
# What is there is named by the digests that others know, and only that.
of = lambda kind, path: hashlib.new(kind, open(path, 'rb').read()).hexdigest()
files = json.load(open('spdx.json'))['files']
if len(files) < 3: print('spdx: few files')
for file in files:
    if chr(92) in file['fileName']: continue  # escaped
    sums = {sum['algorithm']: sum['checksumValue'] for sum in file['checksums']}
    if sums['SHA1'] != of('sha1', file['fileName'][1:]): print('sha1:', file)
    if sums['SHA256'] != of('sha256', file['fileName'][1:]): print('sha256:', file)
";

/// A python with what that needs.
fn checker() -> Option<&'static str> {
    let has_all = |python: &&str| {
        let mut python = Command::new(python);
        let imports = CHECK.lines().filter(|line| line.starts_with("from ")).collect::<Vec<_>>();
        python.args(["-c", &imports.join("\n")]).output().is_ok_and(|ran| ran.status.success())
    };
    let found = ["attestation-python", "python3"].into_iter().find(has_all);
    if found.is_none() {
        skipped(
            "there is no python3 with cyclonedx-python-lib, in-toto-attestation and spdx-tools",
        );
    }
    found
}

#[test]
fn documents_are_valid_by_the_schemas_of_their_formats() {
    let Some(python) = checker() else { return };
    let sandbox = Sandbox::new();
    for name in ["in put", "ö", "\\'\"<&>"] {
        fs::write(sandbox.path(name), name).expect("the sandbox is ours");
    }
    let words =
        ["sh", "-c", "cat 'in put' ö \\\\*; printf '\\377' > \"$(printf '\\376')\"; : > empty"];
    let recorded = recorded(&sandbox, &words);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    // One that is another now, and one that is no file: SPDX has a form for what has no SHA-1.
    fs::write(sandbox.path("in put"), "other").expect("the sandbox is ours");
    fs::remove_file(sandbox.path("ö")).expect("the sandbox is ours");
    run(sandbox.command("mkfifo").arg("ö")).fine();
    for format in ["in-toto", "slsa", "cyclonedx", "spdx"] {
        let name = if format == "spdx" { "spdx.json" } else { format };
        let mut vrift = sandbox.vrift(["audit", "export", "--format", format, "-o"]);
        let ran = run(vrift.arg(sandbox.path(name)).arg(&recorded.path));
        let told = "vrift: 2 of ";
        assert!(ran.status.success() && ran.err().starts_with(told), "{ran}");
    }
    let mut check = Command::new(python);
    let ran = run(check.current_dir(sandbox.path("")).args(["-c", CHECK]));
    assert_eq!(ran.fine(), "", "something is not valid");
}
