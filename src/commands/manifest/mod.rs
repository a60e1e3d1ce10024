//! `vrift manifest`: looking into manifests.
//!
//! What a person reads is spelled as ls(1), tree(1) and stat(1) spell it; what a program reads is
//! one JSON object a line (`json.rs`).

mod diff;
mod json;
mod list;
mod show;
mod spell;
mod verify;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use vrift_vfs::manifest::{Manifest, NodeId};

use super::archive;
use crate::cli::ManifestCommand;
use crate::failure::Failure;

pub(super) use spell::write_path;

/// Carries out `vrift manifest …`.
pub(crate) fn manifest(command: &ManifestCommand) -> Result<ExitCode, Failure> {
    match command {
        ManifestCommand::Ls(args) => list::ls(args),
        ManifestCommand::Tree(args) => list::tree(args),
        ManifestCommand::Cat { manifest, path } => show::cat(manifest, path),
        ManifestCommand::Show(args) => show::show(args),
        ManifestCommand::Stat(args) => show::stat(args),
        ManifestCommand::Diff(args) => return diff::diff(args),
        ManifestCommand::Verify(args) => return verify::verify(args),
        ManifestCommand::ImportTar(args) => return archive::import(args),
        ManifestCommand::ExportTar(args) => return archive::export(args),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A path below the root; leading, trailing and doubled slashes do not matter, nor does `.`.
fn clean(path: &Path) -> Vec<u8> {
    let names = path.as_os_str().as_bytes().split(|&b| b == b'/');
    names.filter(|name| !name.is_empty() && *name != b".").collect::<Vec<_>>().join(&b'/')
}

fn find(manifest: &Manifest, path: &Path) -> Result<NodeId, Failure> {
    manifest.find(&clean(path))?.ok_or_else(|| {
        Failure::new(format!("{}: no such path in the manifest", path.display())).hint(
            "`vrift manifest ls MANIFEST` lists all paths, relative to the ingested directory",
        )
    })
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, name].join(&b'/') }
}

/// The path as it is shown: the root is `.`.
fn shown(path: &[u8]) -> &[u8] {
    if path.is_empty() { b"." } else { path }
}
