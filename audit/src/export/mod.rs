//! A record in the words of others: attestations, bills of materials, a rule for make(1).
//!
//! A record has BLAKE3 digests; files without one are not in a document that needs one. Digests of other
//! algorithms are made of contents that the caller still has, and that are what was recorded (`artifacts.rs`).
//! Names that are not UTF-8 are escaped as in reports.
//!
//! Deliberately absent: any look at the host. Where contents may be is for the caller to know.

mod artifacts;
mod cyclonedx;
mod depfile;
mod dsse;
mod spdx;
mod statement;
mod time;

use std::fmt;

use vrift_record::Text;

use crate::model::Model;

pub use artifacts::{Artifact, Artifacts, Sums};
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
    /// An attestation vouches for all that the record told when it was written.
    Damaged,
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
            Error::Damaged => f.write_str(
                "the record is damaged, so nobody can vouch for what it told; the other formats have what is left",
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
            Error::NoOutput | Error::Damaged => None,
            Error::Key { source } => Some(source),
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
