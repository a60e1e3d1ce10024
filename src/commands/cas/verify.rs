//! `vrift cas verify`: what is damaged, and who needs it.

use std::collections::{BTreeMap, HashMap};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use vrift_cas::{Damage, Digest, Store, Verified};
use vrift_vfs::reach::{Need, Unknown, needs};

use super::{shown, told};
use crate::environment;
use crate::failure::{Failure, complain};

/// How many paths of one manifest are printed as text; JSON has all.
const PATHS_MAX: usize = 10;

/// What a verification found.
struct Findings {
    verified: Verified,
    damages: Vec<Damage>,
    /// What registered manifests need and the store does not have at all.
    missing: BTreeMap<Digest, PathBuf>,
    needs: Vec<Need>,
    /// Manifests that cannot say what they need.
    unknown: Vec<Unknown>,
}

/// Exit status 1 if a blob is damaged or missing, or a registered manifest cannot be read.
pub(crate) fn verify(json: bool) -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let findings = find(&store)?;
    let mut out = stdout().lock();
    if json {
        writeln!(out, "{}", as_json(&store, &findings))?;
    } else {
        complain_about(&findings);
        let Verified { blobs, bytes, damaged } = findings.verified;
        write!(out, "{blobs} blobs, {bytes} bytes, {damaged} damaged")?;
        match findings.missing.len() {
            0 => writeln!(out)?,
            missing => writeln!(out, ", {missing} missing")?,
        }
    }
    let whole = findings.verified.damaged == 0
        && findings.missing.is_empty()
        && findings.unknown.is_empty();
    if !whole && let Err(error) = store.remove_mark() {
        complain(&format!("an ingest of an unchanged tree may not notice: {error}"));
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(store: &Store) -> Result<Findings, Failure> {
    let mut damages = Vec::new();
    let verified = store.verify(&mut |damage| damages.push(damage))?;
    damages.sort_by(|a, b| a.path.cmp(&b.path));
    // A manifest that is replaced now would let a collection delete what it needed just before.
    let _hold = store.hold()?;
    let mut wanted: HashMap<Digest, bool> =
        damages.iter().filter_map(|damage| Some((damage.blob?, true))).collect();
    let mut missing = BTreeMap::new();
    let mut failed = None;
    let pick = &mut |digest: &Digest| {
        *wanted.entry(*digest).or_insert_with(|| match store.contains(digest) {
            Ok(true) => false,
            Ok(false) => {
                missing.insert(*digest, store.path_of(digest));
                true
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        })
    };
    let (needs, unknown) = needs(store, pick)?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Findings { verified, damages, missing, needs, unknown }),
    }
}

fn complain_about(findings: &Findings) {
    for damage in &findings.damages {
        complain(&damage.to_string());
        damage.blob.iter().for_each(|blob| complain_needed(findings, blob));
    }
    for (digest, path) in &findings.missing {
        complain(&format!("{}: this blob is missing", path.display()));
        complain_needed(findings, digest);
    }
    for unknown in &findings.unknown {
        complain(&unknown.to_string());
    }
}

fn complain_needed(findings: &Findings, digest: &Digest) {
    let mut by_manifest: BTreeMap<&Path, Vec<&[u8]>> = BTreeMap::new();
    for need in findings.needs.iter().filter(|need| need.digest == *digest) {
        by_manifest.entry(&need.manifest).or_default().push(&need.path);
    }
    for (manifest, paths) in by_manifest {
        for path in paths.iter().take(PATHS_MAX) {
            let path = String::from_utf8_lossy(path);
            complain(&format!("  {} needs it for {path}", manifest.display()));
        }
        if paths.len() > PATHS_MAX {
            let more = paths.len() - PATHS_MAX;
            complain(&format!("  {} needs it for {more} more", manifest.display()));
        }
    }
}

fn as_json(store: &Store, findings: &Findings) -> Value {
    let needed = |digest: &Digest| -> Vec<Value> {
        let needs = findings.needs.iter().filter(|need| need.digest == *digest);
        needs
            .map(|need| {
                let path = String::from_utf8_lossy(&need.path);
                json!({"manifest": shown(&need.manifest), "path": path})
            })
            .collect()
    };
    let damaged: Vec<_> = findings
        .damages
        .iter()
        .map(|damage| {
            json!({
                "path": shown(&damage.path),
                "blob": damage.blob.map(|blob| blob.to_string()),
                "defect": damage.defect.word(),
                "message": damage.to_string(),
                "needed_by": damage.blob.iter().flat_map(needed).collect::<Vec<_>>(),
            })
        })
        .collect();
    let missing: Vec<_> = findings
        .missing
        .keys()
        .map(|digest| json!({"blob": digest.to_string(), "needed_by": needed(digest)}))
        .collect();
    json!({
        "store": shown(store.root()),
        "blobs": findings.verified.blobs,
        "bytes": findings.verified.bytes,
        "damaged": damaged,
        "missing": missing,
        "unknown": told(&findings.unknown),
    })
}
