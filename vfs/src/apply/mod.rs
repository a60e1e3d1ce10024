//! Applying the changes of a session to a directory of the host.
//!
//! First everything is looked at: each path that the session touches must be in the directory as it
//! was when the session was started, or be already as the session has it. If one is not, nothing is
//! changed. Then what is new or changed is put in place, by a temporary name in the same directory
//! and a rename; what is gone is removed; and directories get their attributes last.
//!
//! **Invariant:** at every instant a file has its old content or its new one. Who is interrupted
//! applies again: what is done is recognised, and what a temporary name was left for is removed.
//! **Invariant:** no symlink is followed below the directory.
//!
//! Deliberately absent: waiting for the disk, and guarding against others that change the directory
//! meanwhile.

mod attributes;
mod check;
mod error;
mod make;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use vrift_cas::{Digest, Store};

use crate::export::target::Place;
use crate::manifest::Kind;
use crate::session::{Difference, Failed, Session, What};

pub use error::{Conflict, Error};

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The directory is only looked at.
    DryRun,
    /// The changes are made if there are no conflicts.
    Apply,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What is in the way; nothing was changed if there is anything.
    pub conflicts: Vec<Conflict>,
    /// What an ordinary user had to leave out: owners and extended attributes.
    pub left_out: u64,
}

/// A session's changes, and the directory they are to be made in.
struct Work<'a> {
    session: &'a Session,
    top: Place,
    found: Vec<Difference>,
    /// Differences by path.
    by_path: HashMap<Vec<u8>, usize>,
    /// The name under which things are made before they get their own.
    temporary: Vec<u8>,
}

/// Applies the changes of `session` to the directory `to`.
///
/// # Errors
/// [`Error::Session`] if the session cannot be read, [`Error::Target`] if the directory cannot be
/// read or changed.
pub fn apply(session: &mut Session, store: &Store, to: &Path, mode: Mode) -> Result<Report, Error> {
    let _hold = store.hold().map_err(crate::session::Error::from)?;
    let failed = |errno: rustix::io::Errno| Error::target("open the directory", to, errno.into());
    let top = Place::open(to).map_err(failed)?;
    let work = Work::new(session, top)?;
    let conflicts = work.conflicts()?;
    if mode == Mode::DryRun || !conflicts.is_empty() {
        return Ok(Report { conflicts, left_out: 0 });
    }
    let Work { found, top, .. } = work;
    // The directory may be the one that lies below the session.
    session.detach(&found).map_err(|failed| match failed {
        Failed::Broken(error) => Error::Session(error),
        Failed::Refused(errno) => Error::target("keep what is there of", to, errno.into()),
    })?;
    let left_out = Work::new(session, top)?.make()?;
    Ok(Report { conflicts, left_out })
}

impl Work<'_> {
    fn new(session: &Session, top: Place) -> Result<Work<'_>, Error> {
        let found = session.differences()?;
        let by_path = found.iter().enumerate().map(|(n, one)| (one.path.clone(), n)).collect();
        let own = Digest::of(format!("{} {}", session.name(), session.base_id()).as_bytes());
        let temporary = format!(".vrift-apply-{}", &own.to_string()[..16]).into_bytes();
        Ok(Work { session, top, found, by_path, temporary })
    }

    /// Opens the directory that `path` is in, and says what its name there is.
    fn place_of<'p>(&self, path: &'p [u8]) -> rustix::io::Result<(Place, &'p [u8])> {
        let (dir, name) = split(path);
        Ok((self.top.below(dir)?, name))
    }

    /// The difference at `path`, if it differs.
    fn at(&self, path: &[u8]) -> Option<&Difference> {
        self.by_path.get(path).map(|&number| &self.found[number])
    }

    /// Whether a path is made anew, and not only given other attributes.
    fn is_remade(difference: &Difference) -> bool {
        let Difference { what, before, after, .. } = difference;
        let other = before.zip(*after).is_some_and(|(old, new)| old.id != new.id);
        match what {
            What::Added | What::Kind | What::Content => true,
            What::Removed => false,
            What::Attributes | What::Time => other && difference.kind() != Kind::Directory,
        }
    }

    /// The directories in which names are made or removed.
    fn directories(&self) -> HashSet<&[u8]> {
        let touched = |one: &&Difference| Self::is_remade(one) || one.what == What::Removed;
        self.found.iter().filter(touched).map(|one| split(&one.path).0).collect()
    }
}

/// The directory and the name of a path.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}
