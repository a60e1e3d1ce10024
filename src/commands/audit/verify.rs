//! `vrift audit verify`: whether a record is as it was written, and whether the files and blobs it
//! tells of still hold what they held.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{ErrorKind, Write, stdout};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use vrift_audit::{Content, FileUse, Left, Model, Origin, Reader, Text, VersionId};
use vrift_cas::{Digest, Store};

use super::kept;
use crate::failure::{Failure, complain};

/// What became of something that a record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Now {
    Same,
    Changed,
    Gone,
    /// The record has no digest.
    NotKnown,
    /// It cannot be read.
    Closed,
    /// It was written in a mount, and the session is not committed, or was discarded; or the run has renamed a
    /// directory above it.
    NotKept,
}

impl Now {
    fn word(self) -> &'static str {
        match self {
            Now::Same => "same",
            Now::Changed => "changed",
            Now::Gone => "gone",
            Now::NotKnown => "not known",
            Now::Closed => "unreadable",
            Now::NotKept => "not kept",
        }
    }
}

/// What a verification found of one file or blob.
struct Checked {
    path: Text,
    origin: Origin,
    now: Now,
}

impl Checked {
    /// Whether it is looked for in the store.
    fn is_blob(&self) -> bool {
        match self.origin {
            Origin::Store => true,
            Origin::Session => self.now != Now::NotKept,
            Origin::Host { .. } => false,
        }
    }
}

/// Exit status 1 if the record is damaged, or something is not as it tells.
pub(super) fn verify(record: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let mut reader = Reader::open(record)?;
    let model = Model::read(&mut reader);
    let checked = check(&model)?;
    let count = |now| checked.iter().filter(|checked| checked.now == now).count();
    let differ = checked.iter().filter(|checked| checked.now != Now::Same);
    let is_fine = model.damage.is_none()
        && checked.iter().all(|checked| matches!(checked.now, Now::Same | Now::NotKept));
    let mut out = stdout().lock();
    if as_json {
        let differ: Vec<_> = differ
            .map(|checked| json!({ "path": checked.path.to_string(), "now": checked.now.word() }))
            .collect();
        let object = json!({
            "events": model.events,
            "whole": model.damage.is_none(),
            "damage": model.damage.map(|damage| damage.to_string()),
            "check": Digest(model.check).to_string(),
            "same": count(Now::Same),
            "differ": differ,
        });
        writeln!(out, "{object}")?;
    } else {
        if let Some(damage) = model.damage {
            complain(&format!("the record {} is damaged: {damage}", record.display()));
        }
        for checked in differ {
            let (now, of) = (checked.now.word(), if checked.is_blob() { "blob of " } else { "" });
            writeln!(out, "{now}: {of}{}", checked.path)?;
        }
        let whole = if model.damage.is_none() { "whole" } else { "damaged" };
        write!(out, "{} events, {whole}; {} files as recorded", model.events, count(Now::Same))?;
        for now in [Now::Changed, Now::Gone, Now::NotKnown, Now::Closed, Now::NotKept] {
            if count(now) > 0 {
                write!(out, ", {} {}", count(now), now.word())?;
            }
        }
        writeln!(out, "\ncheck {}", Digest(model.check))?;
    }
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks at all that should still be there: what paths held last, and blobs.
fn check(model: &Model) -> Result<Vec<Checked>, Failure> {
    let (mut last, mut seen) = (Vec::new(), HashSet::new());
    for (path, file) in &model.files {
        let Some(version) = last_of(file) else { continue };
        let Some(told) = model.versions.get(&version) else { continue };
        let origin = match told.origin {
            Origin::Host { .. } if file.left.is_some() && is_below_overlay(path, model) => {
                Origin::Session
            }
            origin => origin,
        };
        if seen.insert((version, origin)) {
            last.push((path, file, origin, told.content));
        }
    }
    let store = kept::store_of(last.iter().map(|&(_, _, origin, _)| origin))?;
    let mut checked = Vec::new();
    for (path, file, origin, content) in last {
        let now = match content.and_then(Content::digest) {
            None => Now::NotKnown,
            Some(digest) => match (origin, &store) {
                (Origin::Store, Some(store)) => in_store(store, digest),
                (Origin::Session, Some(store)) => from_session(store, path, digest),
                _ => on_host(path, digest),
            },
        };
        let now = if now == Now::Gone && file.taken { Now::NotKept } else { now };
        checked.push(Checked { path: path.clone(), origin, now });
    }
    checked.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(checked)
}

/// Whether what the run left at a path is there only when a session is applied, be it a file that the run has not
/// written.
fn is_below_overlay(path: &Text, model: &Model) -> bool {
    let overlays = model.header.mounts.iter().filter(|mount| mount.manifest.is_none());
    let mut points = overlays.map(|mount| Path::new(OsStr::from_bytes(&mount.point)));
    points.any(|point| path.as_path().starts_with(point))
}

/// The version that a path should hold still.
fn last_of(file: &FileUse) -> Option<VersionId> {
    match file.left {
        Some(Left::File(version)) => Some(version),
        Some(Left::Other | Left::Gone) => None,
        // Changed, and the record does not tell how it ended: by its end, or by that of the record.
        None if file.is_changed() => None,
        None => file.versions.last().copied(),
    }
}

fn on_host(path: &Text, digest: Digest) -> Now {
    compared(path.as_path(), digest)
}

fn in_store(store: &Store, digest: Digest) -> Now {
    compared(&store.path_of(&digest), digest)
}

/// What was written in a mount is in the store when the session is committed; what was written in an
/// overlay is in its directory when it is applied.
fn from_session(store: &Store, path: &Text, digest: Digest) -> Now {
    match (in_store(store, digest), on_host(path, digest)) {
        (Now::Gone, Now::Same) => Now::Same,
        (Now::Gone, _) => Now::NotKept,
        (now, _) => now,
    }
}

fn compared(path: &Path, digest: Digest) -> Now {
    match kept::regular(path).and_then(|file| Digest::of_file(&file)) {
        Ok(found) if found == digest => Now::Same,
        Ok(_) => Now::Changed,
        Err(error) => match error.kind() {
            // There is something else than a file.
            ErrorKind::InvalidData => Now::Changed,
            ErrorKind::NotFound | ErrorKind::NotADirectory => Now::Gone,
            _ => Now::Closed,
        },
    }
}
