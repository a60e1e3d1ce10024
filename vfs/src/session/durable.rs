//! What of a session is on disk, so that a power cut leaves it.
//!
//! `fsync` of a file lets the kernel write what is in it; here, before that, is written what leads to it:
//! the session itself, the directory of staging files, what was copied into one when it was made, and the
//! journal last, so that nothing in it is said of what is not there.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::{Ground, Session};

/// What has been synced.
#[derive(Debug, Default)]
pub(super) struct Durable {
    session: Synced,
    /// The length of the journal that is on disk.
    journal: u64,
    /// Staging files that were made since; those with something copied into them.
    made: bool,
    copied: Vec<PathBuf>,
}

/// Whether the directories above and the manifest below are on disk.
#[derive(Debug, Default, PartialEq, Eq)]
enum Synced {
    #[default]
    No,
    Yes,
    /// The kernel could not write something, and does not say so a second time.
    Failed,
}

impl Durable {
    /// Takes note that a staging file was made.
    pub(super) fn made(&mut self) {
        self.made = true;
    }

    /// Takes note that something was copied into the staging file at `path`.
    pub(super) fn copied(&mut self, path: PathBuf) {
        self.made = true;
        self.copied.push(path);
    }
}

impl Session {
    /// Waits until every change is on disk. What was written to files since they were staged is the
    /// kernel's to write.
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.durable.session == Synced::Failed {
            let path = self.place.journal();
            return Err(Error::Damaged { path, what: "it could not be written to disk before" });
        }
        if self.durable.session == Synced::Yes && self.durable.journal == self.journal.length() {
            return Ok(());
        }
        let synced = self.write_out();
        self.durable.session = if synced.is_ok() { Synced::Yes } else { Synced::Failed };
        synced
    }

    fn write_out(&mut self) -> Result<(), Error> {
        if self.durable.session == Synced::No {
            match self.ground()? {
                Ground::Manifest(_) => {
                    [self.place.manifest(), self.place.base()].iter().try_for_each(|p| sync(p))?;
                }
                Ground::Lower(_) => sync(&self.place.lower())?,
            }
            // The session, all sessions, the store.
            self.place.journal().ancestors().skip(1).take(3).try_for_each(sync)?;
        }
        for path in std::mem::take(&mut self.durable.copied) {
            match sync(&path) {
                // It has lost its name since.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        if std::mem::take(&mut self.durable.made) {
            sync(self.stage.dir())?;
        }
        self.journal.sync()?;
        self.durable.journal = self.journal.length();
        Ok(())
    }
}

fn sync(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}
