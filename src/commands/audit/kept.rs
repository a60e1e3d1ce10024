//! Contents that a record tells of, where they may still be: at their path, and in the store.
//!
//! Deliberately absent: whether they still are what they were. Who reads them compares digests.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use vrift_audit::{Origin, Text, Version};
use vrift_cas::{Digest, Store};

use crate::environment;
use crate::failure::Failure;

/// Opens a file to compare what it holds; the error for what is no regular file is
/// [`ErrorKind::InvalidData`]. By now anything may be at its path: a FIFO would be waited for, and a device may
/// never end.
pub(super) fn regular(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(ErrorKind::InvalidData.into()),
    }
}

/// The store, if contents of these origins may be in it.
pub(super) fn store_of(
    mut origins: impl Iterator<Item = Origin>,
) -> Result<Option<Store>, Failure> {
    match origins.all(|origin| matches!(origin, Origin::Host { .. })) {
        true => Ok(None),
        false => environment::store().map(Some),
    }
}

/// What may hold a content. What was written in an overlay is at its path once it is applied.
pub(super) fn places(
    path: &Text,
    version: &Version,
    digest: Digest,
    store: Option<&Store>,
) -> Vec<File> {
    let blob = store.filter(|_| !matches!(version.origin, Origin::Host { .. }));
    let blob = blob.and_then(|store| regular(&store.path_of(&digest)).ok());
    let at = |path: &Text| regular(path.as_path()).ok();
    let elsewhere = (version.path != *path).then(|| at(&version.path)).flatten();
    blob.into_iter().chain(at(path)).chain(elsewhere).collect()
}
