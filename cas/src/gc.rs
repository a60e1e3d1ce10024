//! Deleting what nothing reaches.
//!
//! What is reached the caller says, for it knows manifests. A blob is *garbage* if nothing reaches
//! it, and may be deleted once that has been so for the grace period: since the first collection
//! that saw it out of reach (`unreached.rs`), and since it was stored. A file in `tmp/` may be
//! deleted once it has not been written to for as long.
//!
//! **Invariant:** deleting needs [`Alone`], and what is reached is to be found out under the same
//! one. `hold.rs` says why nothing is lost then.
//! **Invariant:** blobs go one by one, each by one `unlink(2)`; a collection that is killed has
//! deleted some of the garbage, and nothing else has changed. Directories stay: an insertion that
//! has just seen one goes on to use it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::digest::Digest;
use crate::error::Error;
use crate::hold::Alone;
use crate::ioctl;
use crate::protect::{self, Protection};
use crate::roots::{Root, now};
use crate::store::Store;
use crate::walk::{self, Found};

/// How many, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Files.
    pub count: u64,
    /// Their sizes, added up.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, size: u64) {
        self.count += 1;
        self.bytes += size;
    }
}

/// What a store has that could go.
#[derive(Debug, Clone, Default)]
pub struct Garbage {
    /// Blobs that something reaches.
    pub reached: Amount,
    /// Garbage that may be deleted.
    pub ripe: Amount,
    /// Garbage whose grace period has not passed.
    pub unripe: Amount,
    /// Files in `tmp/` that may be deleted.
    pub leftovers: Amount,
    blobs: Vec<(PathBuf, u64)>,
    temps: Vec<(PathBuf, u64)>,
    since: Vec<(Digest, u64)>,
}

/// What a collection did.
#[derive(Debug, Default)]
pub struct Deleted {
    /// Blobs that were deleted.
    pub blobs: Amount,
    /// Files of `tmp/` that were deleted.
    pub leftovers: Amount,
    /// What could not be deleted.
    pub failures: Vec<Error>,
}

/// What becomes of the registration of a manifest that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays for the grace period, in case the manifest comes back.
    Waits,
    /// It is dropped.
    Dropped,
}

impl Store {
    /// Looks for garbage. `reached` says whether something reaches a blob. Without [`Alone`] the
    /// answer may be out of date at once, which is fine for telling it.
    ///
    /// # Errors
    /// [`Error::Io`] for a directory that cannot be listed.
    pub fn garbage(
        &self,
        reached: &dyn Fn(&Digest) -> bool,
        grace: Duration,
    ) -> Result<Garbage, Error> {
        let (now, before) = (now(), self.read_unreached());
        let mut garbage = Garbage::default();
        for shard in walk::shards(&self.blobs(), &mut |_| {})? {
            walk::shard(&shard, &mut |found| {
                let Found::Blob { path, digest, size, modified, .. } = found else { return };
                if reached(&digest) {
                    return garbage.reached.add(size);
                }
                let since = before.get(&digest).copied().unwrap_or(now);
                if is_over(since.max(modified), grace, now) {
                    garbage.ripe.add(size);
                    garbage.blobs.push((path, size));
                } else {
                    garbage.unripe.add(size);
                    garbage.since.push((digest, since));
                }
            })?;
        }
        garbage.since.sort_unstable();
        for (path, meta) in walk::list(&self.temp_dir())? {
            let written = u64::try_from(meta.mtime()).unwrap_or(0);
            if meta.is_file() && is_over(written, grace, now) {
                garbage.leftovers.add(meta.len());
                garbage.temps.push((path, meta.len()));
            }
        }
        Ok(garbage)
    }
}

impl Alone {
    /// Deletes garbage and old leftovers, and remembers since when the rest has been garbage. What
    /// cannot be deleted is a failure in the answer, and the rest goes on.
    ///
    /// # Errors
    /// As [`Store::garbage`]; [`Error::Io`] if ingests cannot be told (`mark.rs`), and no blob is
    /// deleted then; and [`Error::Full`] or [`Error::Io`] if that cannot be remembered.
    pub fn collect(
        &self,
        reached: &dyn Fn(&Digest) -> bool,
        grace: Duration,
    ) -> Result<(Garbage, Deleted), Error> {
        let garbage = self.store.garbage(reached, grace)?;
        let mut deleted = Deleted::default();
        for (path, size) in &garbage.temps {
            delete(path, *size, &mut deleted.leftovers, &mut deleted.failures);
        }
        if !garbage.blobs.is_empty() {
            self.store.remove_mark()?;
        }
        for (path, size) in &garbage.blobs {
            delete(path, *size, &mut deleted.blobs, &mut deleted.failures);
        }
        // Last, when there is room for it if there ever is.
        self.store.write_unreached(&garbage.since)?;
        Ok((garbage, deleted))
    }

    /// Writes down that the manifest of `root` is gone, and drops a registration for which that has
    /// been so for the grace period.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Full`] if the store cannot be written.
    pub fn missed(&self, root: &Root, grace: Duration) -> Result<Fate, Error> {
        if is_over(root.gone.unwrap_or(now()), grace, now()) {
            self.store.forget(&root.path)?;
            return Ok(Fate::Dropped);
        }
        if root.gone.is_none() {
            self.store.write_root(&Root { gone: Some(now()), ..root.clone() })?;
        }
        Ok(Fate::Waits)
    }

    /// Writes down that the manifest of `root` is there.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Full`] if the store cannot be written.
    pub fn seen(&self, root: &Root) -> Result<(), Error> {
        match root.gone {
            Some(_) => self.store.write_root(&Root { gone: None, ..root.clone() }),
            None => Ok(()),
        }
    }
}

/// Whether the grace period that began at `since` is over. A clock that was set back makes it last.
fn is_over(since: u64, grace: Duration, now: u64) -> bool {
    since.saturating_add(grace.as_secs()) <= now
}

fn delete(path: &Path, size: u64, deleted: &mut Amount, failures: &mut Vec<Error>) {
    match unlink(path) {
        Ok(()) => deleted.add(size),
        Err(error) => failures.push(error),
    }
}

/// Removes a file, also a protected one.
fn unlink(path: &Path) -> Result<(), Error> {
    let refused = match fs::remove_file(path) {
        Ok(()) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => e,
    };
    if !ioctl::is_immutable(path).unwrap_or(false) {
        return Err(Error::io("delete", path)(refused));
    }
    protect::set(path, Protection::Off)?;
    fs::remove_file(path).map_err(Error::io("delete", path))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        (dir, store)
    }

    fn alone(store: &Store) -> Alone {
        store.alone(&mut || panic!("nobody else is here")).unwrap()
    }

    /// Makes a blob or a leftover as old as if it had been stored days ago.
    fn age(path: &Path, days: u32) {
        // Blobs are 0444; their owner may open them for the time all the same, if not for writing.
        let file = File::open(path).unwrap();
        file.set_modified(SystemTime::now() - DAY * days).unwrap();
    }

    fn none(_: &Digest) -> bool {
        false
    }

    #[test]
    fn garbage_goes_and_the_rest_stays() {
        let (_dir, store) = store();
        let put = |content: &[u8]| store.insert_bytes(content).unwrap().digest;
        let keep = HashSet::from([put(b"kept"), put(b"kept as well")]);
        let gone = [put(b"goes"), put(b"too")];
        let reached = |digest: &Digest| keep.contains(digest);

        let seen = store.garbage(&reached, Duration::ZERO).unwrap();
        assert_eq!(seen.ripe, Amount { count: 2, bytes: 7 });
        assert_eq!(seen.reached, Amount { count: 2, bytes: 16 });
        assert_eq!(store.stat().unwrap().blobs, 4, "looking deletes nothing");

        let (_, deleted) = alone(&store).collect(&reached, Duration::ZERO).unwrap();
        assert_eq!(deleted.blobs, seen.ripe);
        assert!(deleted.failures.is_empty(), "{:?}", deleted.failures);
        assert!(keep.iter().all(|digest| store.contains(digest).unwrap()));
        assert!(!gone.iter().any(|digest| store.contains(digest).unwrap()));
        assert_eq!(store.insert_bytes(b"goes").unwrap().fresh, crate::Fresh::New);
        assert_eq!(store.verify(&mut |damage| panic!("{damage}")).unwrap().blobs, 3);
    }

    #[test]
    fn the_grace_period_begins_when_a_blob_is_first_missed() {
        let (_dir, store) = store();
        let digest = store.insert_bytes(b"old").unwrap().digest;
        age(&store.path_of(&digest), 400);
        // However old it is: it may have been reached until a moment ago.
        let (garbage, deleted) = alone(&store).collect(&none, DAY).unwrap();
        assert_eq!((garbage.unripe.count, deleted.blobs.count), (1, 0));
        // Two days later.
        store.write_unreached(&[(digest, now() - 2 * 86_400)]).unwrap();
        assert_eq!(store.garbage(&none, 3 * DAY).unwrap().ripe.count, 0);
        assert_eq!(store.garbage(&none, DAY).unwrap().ripe.count, 1);
        // It was stored anew since, or the clock was set back.
        for days in [0, 1] {
            age(&store.path_of(&digest), days);
            assert_eq!(store.garbage(&none, DAY * 2).unwrap().ripe.count, 0);
        }
        store.write_unreached(&[(digest, now() + 86_400)]).unwrap();
        age(&store.path_of(&digest), 400);
        assert_eq!(store.garbage(&none, DAY).unwrap().ripe.count, 0);
        // Reached again, it is forgotten.
        alone(&store).collect(&|_| true, DAY).unwrap();
        assert_eq!(store.garbage(&none, DAY).unwrap().ripe.count, 0);
    }

    #[test]
    fn leftovers_go_when_they_are_old() {
        let (_dir, store) = store();
        let old = store.temp_dir().join("1-1");
        for path in [&old, &store.temp_dir().join("1-2")] {
            fs::write(path, "half").unwrap();
        }
        age(&old, 2);
        let (garbage, deleted) = alone(&store).collect(&none, DAY).unwrap();
        assert_eq!(garbage.leftovers, Amount { count: 1, bytes: 4 });
        assert_eq!(deleted.leftovers, garbage.leftovers);
        assert_eq!(store.stat().unwrap().leftovers, 1);
    }

    #[test]
    fn a_root_that_is_gone_waits_and_is_dropped() {
        let (dir, store) = store();
        let path = dir.path().canonicalize().unwrap().join("m");
        store.register(&path, None).unwrap();
        let root = || store.roots().unwrap().pop();
        assert_eq!(alone(&store).missed(&root().unwrap(), DAY).unwrap(), Fate::Waits);
        let since = root().unwrap().gone.unwrap();
        assert_eq!(alone(&store).missed(&root().unwrap(), DAY).unwrap(), Fate::Waits);
        assert_eq!(root().unwrap().gone, Some(since), "the clock is not started anew");
        alone(&store).seen(&root().unwrap()).unwrap();
        assert_eq!(root().unwrap().gone, None);
        store.write_root(&Root { gone: Some(now() - 90_000), ..root().unwrap() }).unwrap();
        assert_eq!(alone(&store).missed(&root().unwrap(), DAY).unwrap(), Fate::Dropped);
        assert_eq!(root(), None);
    }

    #[test]
    fn what_cannot_be_deleted_is_told_and_the_rest_goes() {
        if nix::unistd::geteuid().is_root() {
            let _ = writeln!(io::stderr(), "skipped: a directory is never shut for root");
            return;
        }
        let (_dir, store) = store();
        let stuck = store.path_of(&store.insert_bytes(b"stuck").unwrap().digest);
        store.insert_bytes(b"goes").unwrap();
        let shut = |mode| {
            let dir = stuck.parent().unwrap();
            fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
        };
        shut(0o555);
        let (_, deleted) = alone(&store).collect(&none, Duration::ZERO).unwrap();
        shut(0o755);
        assert_eq!((deleted.blobs.count, deleted.failures.len()), (1, 1));
        assert!(deleted.failures[0].to_string().contains(&*stuck.to_string_lossy()));
    }
}
