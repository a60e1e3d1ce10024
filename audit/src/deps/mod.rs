//! What of the host a run needed: files with their contents, and names that only had to be there.
//!
//! Deliberately absent: the host itself, but for its package databases (`dpkg.rs`, `rpm.rs`).

mod dpkg;
mod links;
mod owners;
mod rpm;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use vrift_record::{Act, Text, Verdict, VersionId};

use crate::model::{Before, FileUse, Model, is_below, is_made_up};

pub use dpkg::Dpkg;
pub use owners::{Owners, Package};
pub use rpm::rpm_owners;

/// Why a run needed a name of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It was read, executed or mapped: its content counts. The version, if the record has one.
    Content(Option<VersionId>),
    /// It was found: asked about, listed, entered, or removed; or something was made or changed in it.
    Presence,
}

/// What a run needed of the host, by path. What it made itself, what was not there, and what came from a
/// mount is not in it.
pub fn needed(model: &Model) -> BTreeMap<Text, Need> {
    let overlays: Vec<&[u8]> = overlays(model).collect();
    let of_host = |path: &Text, file: &FileUse| {
        from_the_host(file) || overlays.iter().any(|directory| is_below(path, directory))
    };
    // What the kernel makes up cannot be packed, and belongs to no package.
    let files =
        || model.files.iter().filter(|(path, file)| !is_made_up(path) && of_host(path, file));
    let need = |file: &FileUse| {
        if file.is_input() {
            return Some(Need::Content(file.given.first().copied()));
        }
        let found = [Act::Probe, Act::ReadLink, Act::List, Act::Enter, Act::Watch];
        let is_found = found.iter().any(|&act| file.done(act) > 0) || file.is_removed();
        // What was there before the run replaced it is not there any more.
        (is_found && !file.is_output()).then_some(Need::Presence)
    };
    let there = files().filter(|(_, file)| file.before == Before::There);
    let mut needed: BTreeMap<Text, Need> =
        there.filter_map(|(path, file)| Some((path.clone(), need(file)?))).collect();
    for (path, _) in files().filter(|(_, file)| file.is_changed()) {
        if let Some(directory) = directory_before(model, path) {
            needed.entry(directory).or_insert(Need::Presence);
        }
    }
    needed
}

/// The directory in which the run made or changed a name, if the run has not made that too.
fn directory_before(model: &Model, path: &Text) -> Option<Text> {
    let absent = |above: &Path| {
        let file = model.files.get(above.as_os_str().as_bytes());
        file.is_some_and(|file| file.before == Before::Absent)
    };
    let directory = path.as_path().parent().filter(|directory| directory.parent().is_some())?;
    let made = directory.ancestors().any(absent);
    (!made).then(|| Text::from(directory.as_os_str().as_bytes()))
}

/// The directories of the host that were seen with changes on top.
fn overlays(model: &Model) -> impl Iterator<Item = &[u8]> {
    let overlays = model.header.mounts.iter().filter(|mount| mount.manifest.is_none());
    overlays.map(|mount| &mount.file[..])
}

fn from_the_host(file: &FileUse) -> bool {
    file.verdicts.contains(&Verdict::Host)
}
