//! Whether a directory is as it was when the session was started, where the session touches it.

use std::collections::HashSet;
use std::fs::File;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use vrift_cas::Digest;

use super::error::{Conflict, Error};
use super::make::UNFINISHED;
use super::{Work, split};
use crate::export::target::Place;
use crate::manifest::Kind;
use crate::session::{Difference, Side, What, When};

const NOT_IN_BASE: &str = "it was not there when the session was started";
const GONE: &str = "it was there when the session was started, and is not any more";
const OTHER: &str = "it is not as it was when the session was started";
const NO_DIRECTORY: &str = "the directory it was in is not there any more";
const NOT_EMPTY: &str =
    "the session removes its directory, and it was not in there when the session was started";

impl Work<'_> {
    /// Everything that is in the way.
    pub(super) fn conflicts(&self) -> Result<Vec<Conflict>, Error> {
        let mut conflicts = Vec::new();
        for difference in &self.found {
            let path = &difference.path[..];
            if let Some(why) = self.conflict(difference)? {
                conflicts.push(Conflict::at(path, why));
            } else if self.loses_its_names(difference) {
                self.strangers(difference, &mut conflicts)?;
            }
        }
        Ok(conflicts)
    }

    fn conflict(&self, difference: &Difference) -> Result<Option<&'static str>, Error> {
        let Difference { path, what, before, after } = difference;
        if path == b"." {
            return Ok(None);
        }
        let (place, name) = match self.place_of(path) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                return Ok((!self.has_own_directory(path)).then_some(NO_DIRECTORY));
            }
            Err(error) => return Err(Error::at("open the directory of", path)(error)),
        };
        let found = match statat(&place, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Some(found),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(Error::at("stat", path)(error)),
        };
        let Some(found) = found else {
            return Ok((before.is_some() && after.is_some()).then_some(GONE));
        };
        let is = |when, side: &Side| self.is_as(&place, name, path, &found, when, side);
        if let Some(new) = after
            && is(When::Now, new)?
            && (has_mode(&found, new) || is_unfinished(&found, new))
        {
            return match before.is_none() && is_unfinished(&found, new) {
                // It gets its attributes when it is full.
                true => Ok(None),
                false => self.strange_attributes(&place, name, difference, &found),
            };
        }
        let Some(old) = before else { return Ok(Some(NOT_IN_BASE)) };
        let only_attributes = matches!(what, What::Attributes | What::Time);
        let mode =
            has_mode(&found, old) || only_attributes && after.is_some_and(|s| has_mode(&found, &s));
        match mode && is(When::Before, old)? {
            true => self.strange_attributes(&place, name, difference, &found),
            false => Ok(Some(OTHER)),
        }
    }

    /// Whether the session itself makes or removes the directory of `path`.
    fn has_own_directory(&self, path: &[u8]) -> bool {
        let (mut dir, _) = split(path);
        while !dir.is_empty() {
            if self
                .at(dir)
                .is_some_and(|above| matches!(above.what, What::Added | What::Removed | What::Kind))
            {
                return true;
            }
            dir = split(dir).0;
        }
        false
    }

    fn loses_its_names(&self, difference: &Difference) -> bool {
        let was = difference.before.is_some_and(|side| side.node.kind == Kind::Directory);
        was && matches!(difference.what, What::Removed | What::Kind)
    }

    /// Names in a directory that is to be removed, which the session does not know of.
    fn strangers(&self, difference: &Difference, to: &mut Vec<Conflict>) -> Result<(), Error> {
        let Some(old) = difference.before else { return Ok(()) };
        let path = &difference.path[..];
        let names = match self.top.below(path).and_then(|place| place.names()) {
            Ok(names) => names,
            // It is removed already, or stands for what takes its place.
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(Error::at("list", path)(error)),
        };
        let known: HashSet<Vec<u8>> = self.session.names_before(old.id)?.into_iter().collect();
        for name in names {
            let name = name.into_bytes();
            if !known.contains(&name) && name != self.temporary {
                to.push(Conflict::at(&[path, &name].join(&b'/'), NOT_EMPTY));
            }
        }
        Ok(())
    }

    /// Whether what was found is of the kind and the content of one side.
    fn is_as(
        &self,
        place: &Place,
        name: &[u8],
        path: &[u8],
        found: &Stat,
        when: When,
        side: &Side,
    ) -> Result<bool, Error> {
        if Kind::of(FileType::from_raw_mode(found.st_mode)) != Some(side.node.kind) {
            return Ok(false);
        }
        Ok(match side.node.kind {
            Kind::File if u64::try_from(found.st_size) != Ok(side.node.size) => false,
            Kind::File if when == When::Before && !self.session.stands(side.id)? => false,
            // The host's file below the session itself.
            Kind::File if self.session.inode(side.id)? == Some((found.st_dev, found.st_ino)) => {
                when == When::Before || self.session.stands(side.id)?
            }
            Kind::File => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = openat(place, name, flags, Mode::empty());
                let file = File::from(file.map_err(Error::at("open", path))?);
                hash(&file, path)? == self.session.digest(when, side)?
            }
            Kind::Symlink => {
                let target = readlinkat(place, name, Vec::new());
                let target = target.map_err(Error::at("read the link", path))?;
                target.as_bytes() == self.session.target(when, side)?
            }
            Kind::CharDevice | Kind::BlockDevice => found.st_rdev == side.node.rdev,
            Kind::Directory | Kind::Fifo | Kind::Socket => true,
        })
    }
}

fn hash(file: &File, path: &[u8]) -> Result<Digest, Error> {
    Digest::of_file(file).map_err(|source| {
        let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(path);
        Error::target("read", path.as_ref(), source)
    })
}

/// Whether it is a directory that an interrupted apply has made.
fn is_unfinished(found: &Stat, side: &Side) -> bool {
    let mode = side.node.mode | UNFINISHED;
    side.node.kind == Kind::Directory && found.st_mode & 0o7777 == mode
}

/// Symlinks have no mode of their own.
fn has_mode(found: &Stat, side: &Side) -> bool {
    side.node.kind == Kind::Symlink || found.st_mode & 0o7777 == side.node.mode
}
