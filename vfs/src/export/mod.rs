//! Writing the tree of a manifest or a session to a directory: contents, modes, owners, times, extended
//! attributes, holes and hard links as they were.
//!
//! **Invariant:** every content is hashed on its way out; a file whose blob is damaged is named and
//! not left behind.
//! **Invariant:** everything is made by its name in an open directory, and no symlink is followed
//! on the way to it: a symlink that a manifest (or someone else, meanwhile) puts where a directory
//! was leads nowhere.
//! **Invariant:** until its content is complete a directory is for its owner alone, and a file is
//! neither readable for others nor set-id.
//!
//! One thing that cannot be made never stops the rest; it becomes a [`Problem`] in the [`Report`].
//! What only the superuser may do is left out for others, and a [`Note`] says so.
//!
//! A content is shared with its blob where the file system can (`FICLONE`), and otherwise read and
//! written: it has to be read to be hashed anyway, so that `copy_file_range` would save nothing.
//!
//! Deliberately absent: times of creation and of change of attributes, which nobody can set, and
//! waiting for the disk.

pub(crate) mod attributes;
pub(crate) mod content;
mod report;
pub(crate) mod source;
pub(crate) mod target;
mod walk;

use std::num::NonZero;
use std::path::Path;

use vrift_cas::Store;

use crate::ingest::Progress;
use crate::manifest::Manifest;
use crate::session::Session;
use source::Stored;

pub use report::{Cause, Error, Note, Problem, Report};

/// What to do with a directory that has something in it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Refuse it.
    #[default]
    Refuse,
    /// Go into directories that are there, and replace everything else that is in the way.
    Replace,
}

/// How to export.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What to do with a directory that is not empty.
    pub existing: Existing,
    /// How many threads write; `None` for one per processor.
    pub jobs: Option<NonZero<usize>>,
}

/// Writes the tree of `manifest` to the directory `target`, which is made if it is not there.
///
/// # Errors
/// [`Error::NotEmpty`] if there is something in it already, [`Error::Target`] if it cannot be
/// written at all, [`Error::Source`] if the manifest is damaged, [`Error::Store`] if the store
/// cannot be used.
pub fn export(
    manifest: &Manifest,
    store: &Store,
    target: &Path,
    options: &Options,
    progress: &Progress,
) -> Result<Report, Error> {
    walk::export(&Stored { manifest, store }, store, target, options, progress)
}

/// Writes the tree of `session` as it is now to the directory `target`.
///
/// # Errors
/// As [`export`].
pub fn export_session(
    session: &Session,
    store: &Store,
    target: &Path,
    options: &Options,
    progress: &Progress,
) -> Result<Report, Error> {
    walk::export(session, store, target, options, progress)
}
