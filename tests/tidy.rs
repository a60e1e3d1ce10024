//! Rules about the source itself: who may import whom, where `unsafe` may be, how files begin and
//! how long they get. Paths are relative to the workspace.
//!
//! Deliberately absent: what the compiler, clippy and rustfmt check already, and the policy of each
//! system call, which the tests of `arch` hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a file may get before it is two subjects.
const LINES_MAX: usize = 600;

/// Every crate of the workspace, its folder, and what it may depend on (`[dependencies]`).
const MAY_IMPORT: &[(&str, &str, &[&str])] = &[
    ("vrift-arch", "arch", &[]),
    ("vrift-cas", "cas", &["blake3", "memmap2", "nix", "parking_lot"]),
    (
        "vrift-vfs",
        "vfs",
        &[
            "vrift-cas",
            "blake3",
            "goblin",
            "ignore",
            "memmap2",
            "nix",
            "parking_lot",
            "postcard",
            "rustix",
            "serde",
            "tar",
        ],
    ),
    (
        "vrift-tracer",
        "tracer",
        &[
            "vrift-arch",
            "vrift-cas",
            "vrift-record",
            "vrift-vfs",
            "foldhash",
            "libc",
            "memmap2",
            "nix",
            "postcard",
            "regex",
            "serde_json",
        ],
    ),
    (
        "vrift-record",
        "record",
        &["vrift-cas", "blake3", "foldhash", "globset", "postcard", "serde", "toml"],
    ),
    (
        "vrift-audit",
        "audit",
        &[
            "vrift-cas",
            "vrift-record",
            "base64",
            "ed25519-dalek",
            "rusqlite",
            "serde_json",
            "sha1",
            "sha2",
        ],
    ),
    ("vrift-shim", "shim-fallback", &["vrift-vfs", "libc", "nix"]),
    (
        "vrift",
        "",
        &[
            "vrift-arch",
            "vrift-audit",
            "vrift-cas",
            "vrift-record",
            "vrift-vfs",
            "vrift-tracer",
            "clap",
            "indicatif",
            "libc",
            "nix",
            "serde_json",
            "similar",
        ],
    ),
];

/// What crates may use in their own tests besides.
const DEV_ONLY: &[&str] =
    &["criterion", "insta", "libc", "lua-src", "rustix", "serde_json", "tempfile"];

/// The files in which `unsafe` code is expected, and no others.
const UNSAFE: &[&str] = &[
    "cas/src/ioctl.rs",
    "cas/src/map.rs",
    "src/commands/run.rs",
    "src/inherited.rs",
    "tracer/src/descriptors.rs",
    "tracer/src/engine/lane/shared.rs",
    "tracer/src/ptrace/raw.rs",
    "tracer/src/ptrace/seccomp.rs",
    "tracer/src/ptrace/spawn.rs",
    "tracer/src/ptrace/wait.rs",
    "tracer/src/signals.rs",
    "tracer/src/sockdiag.rs",
    "tracer/src/view/clock.rs",
];

/// Words that are not to be found in any source, and the reason.
const BANNED: &[(&str, &str)] = &[
    ("#[ignore", "a test runs or says that it skips"),
    ("#[should_panic", "a test asserts what it expects"),
    ("todo!(", "what is not there is not pretended"),
    ("unimplemented!(", "what is not there is not pretended"),
    ("dbg!(", "left over"),
];

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the workspace with its text.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let folders =
        MAY_IMPORT.iter().map(|(_, folder, _)| *folder).filter(|folder| !folder.is_empty());
    for folder in folders.chain(["src", "tests"]) {
        collect(&workspace().join(folder), &mut found);
    }
    assert!(found.len() > 50, "only {} sources were found", found.len());
    found
}

fn collect(directory: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).expect("the folder of a crate").flatten() {
        let path = entry.path();
        if entry.file_type().expect("it was just listed").is_dir() {
            if entry.file_name() != "target" {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let name = path.strip_prefix(workspace()).expect("it lies in the workspace");
            found.insert(name.to_owned(), text);
        }
    }
}

/// The names in one kind of section of a `Cargo.toml`, for any target.
fn dependencies(folder: &str, section: &str) -> BTreeSet<String> {
    let file = workspace().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let (_, last) = header.rsplit_once("'.").unwrap_or(("", header));
            // `[dependencies.NAME]` names the dependency in its header.
            if let Some(name) = last.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')) {
                names.insert(name.to_owned());
            }
            inside = last == section && !header.starts_with("workspace");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let end = line.find(['.', '=', ' ']).unwrap_or(line.len());
            names.insert(line[..end].trim_matches('"').to_owned());
        }
    }
    names
}

#[test]
fn crates_import_only_what_their_layer_may() {
    let mut wrong = Vec::new();
    for (name, folder, allowed) in MAY_IMPORT {
        let used = dependencies(folder, "dependencies");
        let build = dependencies(folder, "build-dependencies");
        let dev = dependencies(folder, "dev-dependencies");
        wrong.extend(
            used.iter()
                .filter(|d| !allowed.contains(&d.as_str()))
                .map(|d| format!("{name} -> {d}")),
        );
        wrong.extend(build.iter().map(|d| format!("{name} -> {d} to build")));
        let known = |d: &str| allowed.contains(&d) || DEV_ONLY.contains(&d);
        wrong.extend(dev.iter().filter(|d| !known(d)).map(|d| format!("{name} -> {d} in tests")));
    }
    assert!(wrong.is_empty(), "edges that design.md does not have: {wrong:#?}");
    assert!(dependencies("", "dependencies").contains("vrift-tracer"), "the parser finds nothing");
}

#[test]
fn every_member_of_the_workspace_has_a_layer() {
    let text = fs::read_to_string(workspace().join("Cargo.toml")).expect("the workspace");
    let members = text
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .expect("members are listed in one line");
    let members: BTreeSet<_> = members.split('"').skip(1).step_by(2).collect();
    let known: BTreeSet<_> = MAY_IMPORT
        .iter()
        .map(|(_, folder, _)| *folder)
        .filter(|folder| !folder.is_empty())
        .collect();
    assert_eq!(members, known);
}

/// No manifest can forbid naming the kernel's numbers; so it is the text that is searched.
#[test]
fn the_vfs_knows_no_number_of_the_kernels() {
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| path.starts_with("vfs")) {
        for word in ["libc::O_", "libc::AT_", "libc::SYS_", "vrift_arch", "GuestAddr"] {
            if text.contains(word) {
                wrong.push(format!("{} has {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_is_where_it_is_expected() {
    let attribute = ["unsafe", "_code"].concat();
    let found: BTreeSet<_> = sources()
        .into_iter()
        .filter(|(path, text)| {
            !path.starts_with("tests")
                && text.lines().any(|l| {
                    l.contains("expect(") && l.contains(&attribute)
                        || l.contains("allow(") && l.contains(&attribute)
                })
        })
        .map(|(path, _)| path.to_string_lossy().into_owned())
        .collect();
    let expected: BTreeSet<_> = UNSAFE.iter().map(|&path| path.to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "without a `//!` header: {silent:#?}");
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|&(_, lines)| lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "more than {LINES_MAX} lines: {long:#?}");
}

#[test]
fn banned_words_are_absent() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if path == Path::new("tests/tidy.rs") {
            continue;
        }
        if path.starts_with("tests") && text.contains("thread::sleep") {
            wrong.push(format!("{}: time is no synchronisation", path.display()));
        }
        for (word, why) in BANNED.iter().filter(|(word, _)| text.contains(word)) {
            wrong.push(format!("{}: {word} ({why})", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A test file that no module names would never run.
#[test]
fn no_test_file_is_forgotten() {
    let suite = fs::read_to_string(workspace().join("tests/suite.rs")).expect("the suite");
    for path in sources().keys().filter(|path| path.starts_with("tests/suite")) {
        if path == Path::new("tests/suite.rs") {
            continue;
        }
        let name = path.file_stem().expect("a source has a name").to_string_lossy();
        assert!(suite.contains(&format!("mod {name};")), "{} is in no module", path.display());
    }
    for guest in fs::read_dir(workspace().join("fixtures/guests")).expect("the guests").flatten() {
        let name = guest.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".c") else { continue };
        let quoted = format!("\"{name}\"");
        let used =
            sources().iter().any(|(p, text)| p.starts_with("tests") && text.contains(&quoted));
        assert!(used, "no test compiles {name}.c");
    }
}
