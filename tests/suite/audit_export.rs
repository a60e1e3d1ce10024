//! `vrift audit export`: documents whose readers are the oracle where they are installed: make, openssl.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vrift_cas::Digest;

use super::audit_report::{Made, a_build};
use super::kit::{Sandbox, have, run};

/// What is said of a build whose files are not there.
const UNSUMMED: &str = "vrift: 2 of 2 files are not as they were recorded any more, or cannot be read: they have no \
                        SHA-1 and SHA-256 digests\n";

fn exported(sandbox: &Sandbox, record: &Path, args: &[&str]) -> String {
    let mut vrift = sandbox.vrift(["audit", "export"]);
    let ran = run(vrift.arg(record).arg("--format").args(args));
    assert!(ran.status.success(), "{ran}");
    assert_eq!(ran.err(), UNSUMMED);
    ran.out()
}

fn document(sandbox: &Sandbox, record: &Path, format: &str) -> Value {
    serde_json::from_str(&exported(sandbox, record, &[format])).expect("it is JSON")
}

#[test]
fn a_statement_names_what_went_in_and_what_came_out() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let (source, object) = (Digest::of(b"int a;\n").to_string(), Digest::of(b"object").to_string());
    let subject = json!([{ "name": "/src/a.o", "digest": { "blake3": object } }]);
    let materials = json!([{ "name": "/src/a.c", "digest": { "blake3": source } }]);
    for (format, kind, place) in [
        ("in-toto", "https://in-toto.io/attestation/link/v0.3", "/predicate/materials"),
        (
            "slsa",
            "https://slsa.dev/provenance/v1",
            "/predicate/buildDefinition/resolvedDependencies",
        ),
    ] {
        let statement = document(&sandbox, &record, format);
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(statement["predicateType"], kind);
        assert_eq!(statement["subject"], subject);
        assert_eq!(statement.pointer(place), Some(&materials), "{statement}");
    }
    let link = document(&sandbox, &record, "in-toto");
    assert_eq!(link["predicate"]["command"], json!(["cc", "-c", "a.c"]));
    assert_eq!(link["predicate"]["environment"]["variables"], json!({ "LANG": "C" }));
    assert_eq!(link["predicate"]["byproducts"]["return-value"], 0);
    let built = exported(&sandbox, &record, &["slsa", "--builder", "https://ci.example/1"]);
    let built: Value = serde_json::from_str(&built).expect("it is JSON");
    assert_eq!(built["predicate"]["runDetails"]["builder"]["id"], "https://ci.example/1");
    let started = &built["predicate"]["runDetails"]["metadata"]["startedOn"];
    assert_eq!(started, "1970-01-01T00:00:00Z");
}

/// SLSA's schema wants a URI, and who checks a statement compares it.
#[test]
fn a_builder_is_a_uri() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let built = |builder: &str| {
        let mut vrift = sandbox.vrift(["audit", "export", "--format", "slsa", "--builder"]);
        run(vrift.arg(builder).arg(&record))
    };
    for builder in ["", "me", "https://ci.example/a b", "://x", "9p:x", "urn:", "https://ci/\"x"] {
        let failed = built(builder).vrift_failed();
        assert!(failed.contains("--builder is no URI"), "{builder}: {failed}");
    }
    for builder in ["https://ci.example/a%20b?c=[1]#d", "urn:x:y", "mailto:me@ci.example"] {
        let ran = built(builder);
        let statement: Value = serde_json::from_str(&ran.out()).expect("it is JSON");
        assert_eq!(statement["predicate"]["runDetails"]["builder"]["id"], builder);
    }
    let mut made = Made::new(&["cc"], &[]);
    made.leave("/src/a.o", "object");
    let record = made.written_on(&sandbox, "b.rec", "my host%");
    let statement: Value = serde_json::from_str(
        &run(sandbox.vrift(["audit", "export", "--format", "slsa"]).arg(&record)).out(),
    )
    .expect("it is JSON");
    let builder = &statement["predicate"]["runDetails"]["builder"]["id"];
    assert_eq!(builder, "urn:vrift:host:my%20host%25");
}

/// A statement must be about something.
#[test]
fn a_run_that_left_nothing_cannot_be_attested_to() {
    let sandbox = Sandbox::new();
    let mut made = Made::new(&["true"], &[]);
    made.read("/src/a.c", "x");
    let record = made.written(&sandbox, "a.rec");
    let mut vrift = sandbox.vrift(["audit", "export", "--format", "in-toto"]);
    let said = run(vrift.arg(&record)).vrift_failed();
    assert!(said.contains("nothing to attest to"), "{said}");
}

/// Of a damaged record nobody knows what it lacks. So no statement is made of it, and who makes anything else
/// of it is told by the exit status.
#[test]
fn a_damaged_record_is_not_attested_to() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let mut bytes = fs::read(&record).expect("it was just written");
    bytes.push(0);
    fs::write(&record, bytes).expect("it is ours");
    let asked = |words: &[&str]| run(sandbox.vrift(["audit"]).args(words).arg(&record));
    for format in ["in-toto", "slsa"] {
        let out = sandbox.path(format);
        let out = out.to_str().expect("a sandbox has a plain name");
        let failed = asked(&["export", "--format", format, "-o", out]).vrift_failed();
        assert!(failed.contains("the record is damaged, so nobody can vouch"), "{failed}");
        assert!(!Path::new(out).exists());
    }
    for words in [
        &["export", "--format", "spdx"][..],
        &["export", "--format", "cyclonedx"],
        &["export", "--format", "depfile"],
        &["export", "--format", "json"],
        &["deps"],
        &["deps", "-0"],
    ] {
        let ran = asked(words);
        assert_eq!(ran.code(), Some(1), "{ran}");
        assert!(ran.err().contains("something was appended to it"), "{ran}");
        assert!(!ran.out().is_empty(), "{ran}");
    }
}

#[test]
fn bills_of_materials_have_the_parts_that_their_schemas_require() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let object = Digest::of(b"object").to_string();
    let spdx = document(&sandbox, &record, "spdx");
    for field in ["SPDXID", "creationInfo", "dataLicense", "name", "spdxVersion"] {
        assert!(!spdx[field].is_null(), "{field} is not in {spdx}");
    }
    // A file must have a SHA-1 digest, and of these there is nothing to make it of.
    assert_eq!(spdx["files"], json!([]));
    let packages = spdx["packages"].as_array().expect("packages");
    assert_eq!(packages.len(), 3);
    let is_output = |one: &&Value| one["packageFileName"] == "./src/a.o";
    let output = packages.iter().find(is_output).expect("the output");
    assert_eq!(output["checksums"], json!([{ "algorithm": "BLAKE3", "checksumValue": object }]));
    let generated = json!({
        "spdxElementId": output["SPDXID"],
        "relationshipType": "GENERATED_FROM",
        "relatedSpdxElement": "SPDXRef-Run",
    });
    assert!(spdx["relationships"].as_array().expect("relationships").contains(&generated));

    let bom = document(&sandbox, &record, "cyclonedx");
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!(bom["components"][0]["name"], "/src/a.c");
    let left = &bom["metadata"]["component"]["components"][0];
    assert_eq!(left["hashes"], json!([{ "alg": "BLAKE3", "content": object }]));
    assert_eq!(bom["dependencies"], json!([{ "ref": "run", "dependsOn": ["input-0"] }]));
    let serial = bom["serialNumber"].as_str().expect("a serial number");
    assert_eq!((serial.len(), serial.matches('-').count()), (45, 4), "{serial}");
}

/// What is there still is named by other digests too; what is another now, or cannot be read, is not.
#[test]
fn other_digests_are_of_what_was_recorded() {
    let sandbox = Sandbox::new();
    let at =
        |name: &str| sandbox.path(name).to_str().expect("a sandbox has a plain name").to_owned();
    let mut made = Made::new(&["cc"], &[]);
    for name in ["kept", "again", "moved", "changed", "grown", "gone", "directory", "fifo"] {
        let content = if name == "again" { "kept" } else { name };
        made.read(&at(name), content);
        fs::write(at(name), content).expect("the sandbox is ours");
    }
    made.leave(&at("left"), "abc");
    let record = made.written(&sandbox, "a.rec");
    fs::write(at("left"), "abc").expect("the sandbox is ours");
    fs::write(at("changed"), "CHANGED").expect("the sandbox is ours");
    fs::write(at("grown"), "grown and grown").expect("the sandbox is ours");
    for name in ["gone", "directory", "fifo"] {
        fs::remove_file(at(name)).expect("the sandbox is ours");
    }
    run(sandbox.command("sh").args(["-c", "mkdir directory; mkfifo fifo"])).fine();
    fs::rename(at("moved"), at("target")).expect("the sandbox is ours");
    std::os::unix::fs::symlink("target", at("moved")).expect("the sandbox is ours");
    let document = |format: &str| -> Value {
        let ran = run(sandbox.vrift(["audit", "export", "--format", format]).arg(&record));
        assert!(ran.status.success(), "{ran}");
        assert!(ran.err().starts_with("vrift: 5 of 9 files are not"), "{ran}");
        serde_json::from_str(&ran.out()).expect("it is JSON")
    };
    // By sha1sum(1) and sha256sum(1).
    let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let blake3 = Digest::of(b"abc").to_string();
    let spdx = document("spdx");
    let names = |what: &str, field: &str| -> Vec<String> {
        let all = spdx[what].as_array().expect("an array").iter();
        let name = |one: &Value| Some(one[field].as_str()?.rsplit('/').next()?.to_owned());
        all.filter_map(name).collect()
    };
    assert_eq!(names("files", "fileName"), ["again", "kept", "moved", "left"]);
    let packages = names("packages", "packageFileName");
    assert_eq!(packages, ["changed", "directory", "fifo", "gone", "grown"]);
    let checksums = json!([
        { "algorithm": "SHA1", "checksumValue": sha1 },
        { "algorithm": "SHA256", "checksumValue": sha256 },
        { "algorithm": "BLAKE3", "checksumValue": blake3 },
    ]);
    assert_eq!(spdx["files"][3]["checksums"], checksums);
    let bom = document("cyclonedx");
    let left = &bom["metadata"]["component"]["components"][0]["hashes"];
    let hash = |alg: &str, content: &str| json!({ "alg": alg, "content": content });
    let hashes = [hash("BLAKE3", &blake3), hash("SHA-1", sha1), hash("SHA-256", sha256)];
    assert_eq!(*left, json!(hashes));
    assert_eq!(bom["components"][1]["hashes"].as_array().map(Vec::len), Some(1), "{bom}");
    let digest = json!({ "blake3": blake3, "sha1": sha1, "sha256": sha256 });
    for format in ["in-toto", "slsa"] {
        assert_eq!(document(format)["subject"][0]["digest"], digest);
    }
    // Another document of the same record has another name.
    fs::remove_file(at("left")).expect("the sandbox is ours");
    let again = |format: &str| -> Value {
        let ran = run(sandbox.vrift(["audit", "export", "--format", format]).arg(&record));
        serde_json::from_str(&ran.out()).expect("it is JSON")
    };
    assert_ne!(again("spdx")["documentNamespace"], spdx["documentNamespace"]);
    assert_ne!(again("cyclonedx")["serialNumber"], bom["serialNumber"]);
}

/// The signature is checked by another implementation, over the bytes that DSSE says are signed.
#[test]
fn openssl_verifies_the_envelope() {
    if !have("openssl") || !have("base64") {
        return;
    }
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let shell = |script: &str| run(sandbox.command("sh").args(["-e", "-c", script]));
    shell("openssl genpkey -algorithm ed25519 -out key.pem 2>/dev/null").fine();
    shell("openssl pkey -in key.pem -pubout -out public.pem").fine();
    let key = sandbox.path("key.pem");
    let key = key.to_str().expect("a sandbox has a plain name");
    let signed = exported(&sandbox, &record, &["in-toto", "--sign-key", key]);
    let envelope: Value = serde_json::from_str(&signed).expect("it is JSON");
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    fs::write(sandbox.path("payload64"), text(&envelope["payload"])).expect("it is ours");
    fs::write(sandbox.path("sig64"), text(&envelope["signatures"][0]["sig"])).expect("it is ours");
    shell("base64 -d payload64 > payload; base64 -d sig64 > sig").fine();
    let statement = exported(&sandbox, &record, &["in-toto"]);
    let payload = fs::read_to_string(sandbox.path("payload")).expect("it was just written");
    assert_eq!(payload, statement.trim_end());
    let verify =
        "printf 'DSSEv1 28 application/vnd.in-toto+json %s ' $(stat -c %s payload) > signed
        cat payload >> signed
        openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in signed -sigfile sig";
    let verified = shell(verify);
    assert!(verified.status.success(), "{verified}");
    let payload = payload.replace("a.o", "b.o");
    fs::write(sandbox.path("payload"), payload).expect("it is ours");
    assert!(!shell(verify).status.success(), "another statement has another signature");
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let sandbox = Sandbox::new();
    let record = a_build(&sandbox);
    let key = sandbox.path("key.pem");
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    let with = |format: &str| {
        let mut vrift = sandbox.vrift(["audit", "export", "--format", format, "--sign-key"]);
        run(vrift.arg(&key).arg(&record)).vrift_failed()
    };
    assert!(with("in-toto").contains("openssl genpkey -algorithm ed25519"));
    assert!(with("spdx").contains("--sign-key signs statements only"));
}

/// make decides which of two files is newer; so it must find each of them by the name in the rule.
#[test]
fn make_reads_the_rule_whatever_files_are_called() {
    if !have("make") {
        return;
    }
    let names = [
        "a.c", "a b.h", "c#d.h", "e$f.h", "g%h.h", "i:j.h", "k\\l.h", "m\\ n.h", "o\\:p.h",
        "ö'\".h", "q\tr.h", "s  t.h", "~root", "~", "(u).h", "v)w.h", "x&",
    ];
    let sandbox = Sandbox::new();
    let at = |name: &str| sandbox.path(name);
    let mut made = Made::new(&["cc"], &[]);
    for name in names {
        fs::write(at(name), name).expect("the sandbox is ours");
        made.read(at(name).to_str().expect("it is UTF-8"), name);
    }
    made.read("/proc/cpuinfo", "");
    for unspeakable in
        ["two\nlines", "a=b", "a;b", "a|b", "a\\", "a ", "a\t", "a\r", "copy (1)", "(a)", "a)"]
    {
        made.read(&format!("/src/{unspeakable}"), "");
    }
    for unspeakable in ["a\tb.o", "a.o ", "a(b)", "a&"] {
        made.leave(&format!("/src/{unspeakable}"), "object");
    }
    for target in ["out 1.o", "out$2.o", "out%3.o"] {
        fs::write(at(target), "").expect("the sandbox is ours");
        made.leave(at(target).to_str().expect("it is UTF-8"), "object");
    }
    let record = made.written_in(&sandbox, "a.rec", sandbox.path("").components().as_path());
    let ran = run(sandbox.vrift(["audit", "export", "--format", "depfile"]).arg(&record));
    assert_eq!(ran.err().matches("make cannot read such a name").count(), 15, "{ran}");
    let rule = ran.out() + "\tfalse\n";
    fs::write(at("rule.mk"), &rule).expect("the sandbox is ours");
    let epoch = SystemTime::UNIX_EPOCH;
    let set = |name: &str, seconds: u64| {
        let times = FileTimes::new().set_modified(epoch + Duration::from_secs(seconds));
        let file = File::options().write(true).open(at(name)).expect("it is there");
        file.set_times(times).expect("it is ours");
    };
    names.iter().for_each(|name| set(name, 1000));
    ["out 1.o", "out$2.o", "out%3.o"].iter().for_each(|name| set(name, 2000));
    // -q: status 0 if all is up to date, 1 if not, 2 if a file cannot be found.
    let question = || run(sandbox.command("make").args(["-q", "-r", "-f", "rule.mk"])).code();
    assert_eq!(question(), Some(0), "{rule}");
    for name in names {
        set(name, 3000);
        assert_eq!(question(), Some(1), "{name} is newer: {rule}");
        set(name, 1000);
    }
}

/// ninja has other rules for names. Those that it cannot read are told, and it reads all others.
#[test]
fn ninja_reads_the_rule_but_for_names_that_are_told() {
    if !have("ninja") {
        return;
    }
    let fine = [
        "a.c", "a b.h", "c#d.h", "e$f.h", "g%h.h", "i:j.h", "k\\l.h", "m\\ n.h", "ö.h", "~root",
        "(u).h", "[id].h",
    ];
    let ill = [
        "a'b", "a\"b", "a\tb", "a*b", "a?b", "a<b", "a&b", "a`b", "a\\#b", "a\\:b", "a\\$b", "ab:",
    ];
    let names = || fine.iter().map(|name| (name, true)).chain(ill.iter().map(|name| (name, false)));
    for (name, is_fine) in names() {
        let sandbox = Sandbox::new();
        let at = |name: &str| sandbox.path(name).to_str().expect("it is UTF-8").to_owned();
        fs::write(at(name), name).expect("the sandbox is ours");
        let mut made = Made::new(&["cc"], &[]);
        made.read(&at(name), name);
        made.leave(&at("out"), "object");
        let record = made.written_in(&sandbox, "a.rec", sandbox.path("").components().as_path());
        let ran = run(sandbox.vrift(["audit", "export", "--format", "depfile"]).arg(&record));
        assert_eq!(ran.err().contains("ninja cannot read such a name"), !is_fine, "{ran}");
        let rule = "rule r\n  command = touch out\n  depfile = out.d\nbuild out: r\n";
        fs::write(at("build.ninja"), rule).expect("it is ours");
        let ninja = || run(sandbox.command("ninja").args(["-d", "explain"])).out();
        ninja();
        fs::write(at("out.d"), ran.stdout).expect("it is ours");
        let epoch = SystemTime::UNIX_EPOCH;
        let set = |seconds: u64| {
            let times = FileTimes::new().set_modified(epoch + Duration::from_secs(seconds));
            let file = File::options().write(true).open(at(name)).expect("it is there");
            file.set_times(times).expect("it is ours");
        };
        set(1000);
        let is_read = ninja().contains("no work to do") && {
            set(4_000_000_000);
            !ninja().contains("no work to do")
        };
        assert!(is_read || !is_fine, "{name}");
    }
}
