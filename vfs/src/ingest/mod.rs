//! Taking trees in: their contents into the store, their names and attributes into a manifest.
//!
//! **Invariant:** the source is only read. Contents are copied, never linked; access times stay
//! where the caller may ask for that (`O_NOATIME` needs the owner or a capability; reading a
//! symlink's target counts as an access and cannot be avoided).
//! **Invariant:** what a manifest says of a file was true at one moment: attributes are taken from
//! the descriptor the content is read from, before and after, and must not differ.
//! **Invariant:** no symlink of the source is followed, also not one that appears while it is read.
//! **Invariant:** the manifest does not depend on the number of threads or on their luck.
//!
//! One thing that cannot be taken in never stops the rest; it becomes a [`Problem`] in the
//! [`Report`]. Only the sources themselves, the store and the manifest can fail an ingest.
//!
//! `walk` shares directories out between threads, `take` reads one file, `harvest` gathers what
//! they find, `cache` remembers it for the next time, `trust` says which blobs are looked at then.
//! `compare` comes before all that, and finds out whether anything is to be done.
//!
//! Lock order: none is taken while another is held.
//!
//! Deliberately absent: going on where a killed ingest was; the next one reads again, and finds the
//! blobs that were stored.

mod cache;
mod compare;
mod error;
mod harvest;
mod ignored;
mod report;
mod sensitive;
mod source;
mod take;
mod trust;
mod visit;
mod walk;

#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use vrift_cas::Store;

pub use error::Error;
pub(crate) use source::XattrBuffers;

pub use report::{Cause, LeftOut, Problem, Reason, Report, Special};

/// What to do with files whose names say that they hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sensitive {
    /// Leave them out and say so.
    #[default]
    LeaveOut,
    /// Take them in like any other file.
    Include,
}

/// What to do where another file system is mounted in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Border {
    /// Go on.
    #[default]
    Cross,
    /// Take in the directory, but nothing in it.
    Stay,
}

/// Which files to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// Those of which no earlier ingest knows the content by their times.
    #[default]
    Changed,
    /// All.
    All,
}

/// How to ingest.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the manifest is written.
    pub manifest: PathBuf,
    /// What to do with files that look like secrets.
    pub sensitive: Sensitive,
    /// What to do at the border of a file system.
    pub border: Border,
    /// Which files to read.
    pub reading: Reading,
    /// Patterns, in gitignore(5)'s syntax, of what to leave out.
    pub exclude: Vec<String>,
    /// How many threads read; `None` for one per processor.
    pub jobs: Option<NonZero<usize>>,
}

impl Options {
    /// The usual way, with the manifest at `manifest`.
    pub fn new(manifest: PathBuf) -> Options {
        Options {
            manifest,
            sensitive: Sensitive::default(),
            border: Border::default(),
            reading: Reading::default(),
            exclude: Vec::new(),
            jobs: None,
        }
    }
}

/// How far a long operation is, for another thread to look at.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that are done.
    pub files: AtomicU64,
    /// Their sizes, added up.
    pub bytes: AtomicU64,
}

/// Takes in `sources`. The content of a single directory, which may be named through a symlink,
/// becomes the root of the manifest; a single file, or several sources, become names in the root.
///
/// # Errors
/// [`Error::Source`] if a source cannot be read, [`Error::NoSource`] and [`Error::Clash`] if they
/// make no root, [`Error::Pattern`] for a pattern that is none, [`Error::Store`] if the store
/// cannot be written, [`Error::Manifest`] if the manifest cannot be. The store may hold new blobs
/// then; the manifest is written last, and whole or not at all.
pub fn ingest(
    sources: &[PathBuf],
    store: &Store,
    options: &Options,
    progress: &Progress,
) -> Result<Report, Error> {
    walk::ingest(sources, store, options, progress)
}
