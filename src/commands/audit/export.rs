//! `vrift audit export`: a record in the words of others.

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use vrift_audit::export::{Artifacts, Key, cyclonedx, depfile, envelope, in_toto, slsa, spdx};
use vrift_audit::report::{Summary, json};
use vrift_audit::{Model, Text};

use super::kept;
use super::record::{read, told_all, write};
use crate::cli::{AuditExportArgs, ExportFormat};
use crate::failure::{Failure, complain};

/// Exit status 1 if the record is damaged: what is missing there is missing in the document.
pub(super) fn export(args: &AuditExportArgs) -> Result<ExitCode, Failure> {
    let attests = matches!(args.format, ExportFormat::InToto | ExportFormat::Slsa);
    if args.sign_key.is_some() && !attests {
        return Err(Failure::new("--sign-key signs statements only")
            .hint("use it with --format in-toto or slsa"));
    }
    if let Some(builder) = args.builder.as_deref().filter(|builder| !is_uri(builder)) {
        return Err(Failure::new(format!("--builder is no URI: '{}'", Text::from(builder)))
            .hint("SLSA wants one, such as https://ci.example/builder"));
    }
    let key = args.sign_key.as_deref().map(key).transpose()?;
    let model = read(&args.record)?;
    let document = match args.format {
        ExportFormat::InToto => in_toto(&summed(&model))?,
        ExportFormat::Slsa => {
            let host = || format!("urn:vrift:host:{}", in_uri(&model.header.host));
            slsa(&summed(&model), &args.builder.clone().unwrap_or_else(host))?
        }
        ExportFormat::Spdx => spdx(&summed(&model)),
        ExportFormat::CycloneDx => cyclonedx(&summed(&model)),
        ExportFormat::Json => json(&Summary::of(&model)),
        ExportFormat::Depfile => {
            let rule = depfile(&model);
            for path in &rule.left_out {
                complain(&format!("left out {path}: make cannot read such a name"));
            }
            for path in &rule.make_only {
                complain(&format!("{path}: ninja cannot read such a name, make can"));
            }
            write(args.output.as_deref(), |out| out.write_all(&rule.text))?;
            return Ok(told_all(&model));
        }
    };
    let document = match &key {
        Some(key) => envelope(&document, key),
        None => document,
    };
    write(args.output.as_deref(), |out| spelled(out, &document))?;
    Ok(told_all(&model))
}

/// Whether a text is a URI (RFC 3986): a scheme, and characters that one may have.
fn is_uri(text: &str) -> bool {
    let is_known =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(of_scheme)
            && !rest.is_empty()
            && rest.bytes().all(is_known)
    })
}

/// A name as a part of a URI.
fn in_uri(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let spelled = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    spelled.collect()
}

/// Inputs and outputs with all digests that can be had; says which cannot.
fn summed(model: &Model) -> Artifacts<'_> {
    let mut artifacts = Artifacts::of(model);
    // Without a store the digests are missing, which is told.
    let store =
        kept::store_of(artifacts.versions().map(|version| version.origin)).unwrap_or_default();
    artifacts.sum(&mut |path, version, digest| kept::places(path, version, digest, store.as_ref()));
    if artifacts.unknown > 0 {
        complain(&format!(
            "left out {} files, because the record does not tell the digest of what they held",
            artifacts.unknown
        ));
    }
    if artifacts.unsummed() > 0 {
        complain(&format!(
            "{} of {} files are not as they were recorded any more, or cannot be read: they have no SHA-1 and SHA-256 digests",
            artifacts.unsummed(),
            artifacts.versions().count()
        ));
    }
    artifacts
}

fn spelled(out: &mut dyn std::io::Write, document: &Value) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    writeln!(out)
}

fn key(path: &Path) -> Result<Key, Failure> {
    let failed = || Failure::new(format!("cannot sign with {}", path.display()));
    let pem = std::fs::read_to_string(path).map_err(|error| failed().because(error))?;
    Key::from_pem(&pem).map_err(|error| failed().because(error))
}
