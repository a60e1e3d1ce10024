//! What taking a tree in and comparing it with a manifest have in common: its directories, and which
//! of their names count.

use std::ffi::{CStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::harvest::{Outcome, cannot, os};
use super::ignored::{self, PathKind, Patterns};
use super::report::{Cause, Reason};
use super::source::{self, Directory, Listing, Stat};
use super::take::{Hands, Ingest, Stop};
use super::{Border, Sensitive};
use crate::manifest::{Kind, Xattr};

/// How many names of a directory make one job: enough to share out a large directory, and to meet
/// with other threads seldom.
pub(super) const CHUNK: usize = 64;

/// A directory of the source.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: Directory,
    /// Its path from the root of the manifest.
    pub(super) path: PathBuf,
    /// Its own name, that of the root included.
    pub(super) name: OsString,
    pub(super) dev: u64,
    pub(super) patterns: Option<Arc<Patterns>>,
}

/// A directory that has just been opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) place: Place,
    pub(super) stat: Stat,
    pub(super) xattrs: Vec<Xattr>,
    /// `None` beyond a border that is not crossed.
    pub(super) names: Option<Listing>,
}

impl Place {
    /// Reads the patterns for the names in it, if there are any among them.
    pub(super) fn read_patterns(&mut self, names: &Listing) -> io::Result<()> {
        if !names.has(ignored::FILE) {
            return Ok(());
        }
        let mut file = self.dir.file(ignored::FILE)?;
        if source::stat(&file)?.kind() == Some(Kind::File) {
            let depth = self.path.components().count();
            let patterns = Patterns::read(&mut file, depth, self.patterns.clone())?;
            self.patterns = Some(Arc::new(patterns));
        }
        Ok(())
    }
}

impl Ingest<'_> {
    /// Opens the directory `name` in another one, and lists it.
    pub(super) fn open(
        &self,
        hands: &mut Hands,
        above: &Place,
        name: &CStr,
    ) -> Result<Opened, Stop> {
        let dir = above.dir.directory(name).map_err(cannot("open"))?;
        let stat = source::stat(&dir).map_err(cannot("stat"))?;
        self.refuse_own(&stat)?;
        let xattrs = hands.xattrs.of_open(&dir);
        let xattrs = xattrs.map_err(cannot("read the extended attributes of"))?;
        let names = match self.options.border == Border::Stay && stat.dev() != above.dev {
            true => None,
            false => Some(dir.names().map_err(cannot("list"))?),
        };
        let (path, name) = (above.path.join(os(name)), os(name).to_owned());
        let place = Place { dir, path, name, dev: stat.dev(), patterns: above.patterns.clone() };
        Ok(Opened { place, stat, xattrs, names })
    }

    /// What `name` in a directory is, unless it is left out because of its name.
    pub(super) fn judge(
        &self,
        place: &Place,
        name: &CStr,
        kind: Option<Kind>,
    ) -> Result<Kind, Stop> {
        let kind = match kind {
            Some(kind) => kind,
            None => {
                let kind = place.dir.stat(name).map_err(cannot("stat"))?.kind();
                kind.ok_or(Outcome::Problem(Cause::Unsupported))?
            }
        };
        if self.is_excluded(place, name, kind) {
            return Err(Outcome::Excluded.into());
        }
        let secret = || super::sensitive::is_sensitive(place.name.as_bytes(), name.to_bytes());
        if kind == Kind::File && self.options.sensitive == Sensitive::LeaveOut && secret() {
            return Err(Outcome::LeftOut(Reason::Sensitive).into());
        }
        Ok(kind)
    }

    fn is_excluded(&self, place: &Place, name: &CStr, kind: Kind) -> bool {
        if self.given.is_empty() && place.patterns.is_none() {
            return false;
        }
        let mut layers = std::iter::once(&self.given).chain(place.patterns.as_deref());
        let path = place.path.join(os(name));
        let kind = match kind {
            Kind::Directory => PathKind::Directory,
            _ => PathKind::Other,
        };
        layers.find_map(|patterns| patterns.exclude(&path, kind)) == Some(true)
    }
}
