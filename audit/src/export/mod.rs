//! A record in the words of others: attestations, bills of materials, a rule for make(1).
//!
//! Every digest is BLAKE3, because that is what a record holds; files whose digest is not known are not in a
//! document that needs one. Names that are not UTF-8 are escaped as in reports.
//!
//! Deliberately absent: any look at the host. A document says what the record says.

mod cyclonedx;
mod depfile;
mod dsse;
mod spdx;
mod statement;
mod time;

use std::fmt;

use vrift_record::{Left, Text, VersionId};

use crate::model::{FileUse, Model};
use crate::report::{Summary, digest};

pub use cyclonedx::cyclonedx;
pub use depfile::{Rule, depfile};
pub use dsse::{Key, envelope};
pub use spdx::spdx;
pub use statement::{in_toto, slsa};

/// Why there is no document.
#[derive(Debug)]
pub enum Error {
    /// An attestation must be about something.
    NoOutput,
    /// It is no private key of ed25519 in PEM (PKCS#8).
    Key {
        /// What is wrong with it.
        source: ed25519_dalek::pkcs8::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoOutput => f.write_str(
                "the record has no output with a digest, so there is nothing to attest to; \
                 a record that was cut off has none",
            ),
            Error::Key { .. } => f.write_str(
                "the key is no private ed25519 key in PEM (PKCS#8); \
                 `openssl genpkey -algorithm ed25519` makes one",
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::NoOutput => None,
            Error::Key { source } => Some(source),
        }
    }
}

/// A file and the digest of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Artifact<'a> {
    path: &'a Text,
    digest: String,
    file: &'a FileUse,
}

/// What went in and what came out, as far as digests are known.
#[derive(Debug)]
struct Artifacts<'a> {
    inputs: Vec<Artifact<'a>>,
    outputs: Vec<Artifact<'a>>,
}

impl<'a> Artifacts<'a> {
    fn of(model: &'a Model) -> Artifacts<'a> {
        let Summary { inputs, outputs, .. } = Summary::of(model);
        let known = |files: Vec<(&'a Text, &'a FileUse)>,
                     which: fn(&FileUse) -> Option<VersionId>| {
            let mut all: Vec<Artifact<'a>> = files
                .into_iter()
                .filter_map(|(path, file)| {
                    Some(Artifact { path, digest: digest(model, which(file)?)?, file })
                })
                .collect();
            all.sort_by_key(|artifact| artifact.path);
            all
        };
        Artifacts {
            inputs: known(inputs, |file| file.given.first().copied()),
            outputs: known(outputs, |file| match file.left {
                Some(Left::File(version)) => Some(version),
                _ => None,
            }),
        }
    }
}

/// What the run is called: its command without the directory.
fn name(model: &Model) -> String {
    let program = model.header.command.first().map_or(&b"run"[..], |word| word);
    let last = program.rsplit(|&byte| byte == b'/').next().unwrap_or(program);
    Text::from(last).to_string()
}

/// The check of the record, which stands for all of it.
fn check(model: &Model) -> String {
    crate::report::hex(&model.check)
}
