//! What of the host a run needed: files with their contents, and names that only had to be there.
//!
//! Deliberately absent: the host itself, but for its package databases (`dpkg.rs`, `rpm.rs`).

mod dpkg;
mod links;
mod owners;
mod rpm;

use std::collections::BTreeMap;

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
    /// It was found: asked about, listed, or entered.
    Presence,
}

/// What a run needed of the host, by path. What it made itself, what was not there, and what came from a
/// mount is not in it.
pub fn needed(model: &Model) -> BTreeMap<&Text, Need> {
    let overlays: Vec<&[u8]> = overlays(model).collect();
    let of_host = |path: &Text, file: &FileUse| {
        from_the_host(file) || overlays.iter().any(|directory| is_below(path, directory))
    };
    // What the kernel makes up cannot be packed, and belongs to no package.
    let files = model.files.iter().filter(|(path, file)| {
        !is_made_up(path) && file.before == Before::There && of_host(path, file)
    });
    let need = |file: &FileUse| {
        if file.is_input() {
            return Some(Need::Content(file.given.first().copied()));
        }
        let found = [Act::Probe, Act::ReadLink, Act::List, Act::Enter, Act::Watch];
        let is_found = found.iter().any(|&act| file.done(act) > 0);
        // What was there before the run replaced it is not there any more.
        (is_found && !file.is_output()).then_some(Need::Presence)
    };
    files.filter_map(|(path, file)| Some((path, need(file)?))).collect()
}

/// The directories of the host that were seen with changes on top.
fn overlays(model: &Model) -> impl Iterator<Item = &[u8]> {
    let overlays = model.header.mounts.iter().filter(|mount| mount.manifest.is_none());
    overlays.map(|mount| &mount.file[..])
}

fn from_the_host(file: &FileUse) -> bool {
    file.verdicts.contains(&Verdict::Host)
}
