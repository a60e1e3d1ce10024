//! Who may use a store while: writers of manifests together, a collection of garbage alone.
//!
//! Two locks (`flock(2)`, which the kernel gives up for a process that dies) lie on directories that
//! every store has, so that they need no file and no right to write:
//!
//! - on `blake3/`, the *content* lock: shared by everyone who counts on blobs that no registered
//!   manifest names yet; exclusive for a collection, from before it reads what is registered until
//!   after its last deletion;
//! - on the root, the *gate*: passed by everyone on the way to the content lock. A collection keeps
//!   it shut while it waits for those inside, so that it cannot be kept waiting for ever by ingests
//!   that overlap.
//!
//! **Why nothing is lost.** Let a writer find or make a blob and name it in a manifest. It does so
//! under a [`Hold`], and registers the manifest before it gives up the hold. A collection holds the
//! content lock alone, so it lies wholly before or wholly after the hold. After: it sees the
//! registration, and keeps the blob. Before: whatever it deletes is gone when the writer asks, and
//! the writer stores it anew. No times, ages or pins are compared, and a blob that is known needs no
//! touch, which a protected one would refuse.
//!
//! **Who is killed** loses its locks. Registration comes before the manifest gets its name, so a
//! manifest that exists is registered; a registration whose manifest never came is found by the
//! next collection.
//!
//! A task takes one hold at a time: one who already holds would wait at the gate for a collection
//! that waits for the first hold.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::digest::Digest;
use crate::error::Error;
use crate::store::Store;

/// While it lives, no blob of the store is deleted. For ingests, imports and commits, from before
/// their first insertion until their manifest is published; and for a moment, by who opens a
/// manifest to work with it.
#[derive(Debug)]
pub struct Hold {
    pub(crate) store: Store,
    _content: Flock<File>,
}

/// While it lives, its owner is the only one who may delete, and nobody has a [`Hold`].
#[derive(Debug)]
pub struct Alone {
    pub(crate) store: Store,
    _gate: Flock<File>,
    _content: Flock<File>,
}

impl Store {
    /// Keeps collections off, after the end of one that is under way.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot be locked.
    pub fn hold(&self) -> Result<Hold, Error> {
        let gate = lock(self.root(), FlockArg::LockShared)?;
        let content = lock(&self.blobs(), FlockArg::LockShared)?;
        drop(gate);
        Ok(Hold { store: self.clone(), _content: content })
    }

    /// Waits until nobody has a hold, and keeps everyone off. `waiting` is called if that takes time.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot be locked.
    pub fn alone(&self, waiting: &mut dyn FnMut()) -> Result<Alone, Error> {
        let mut exclusive = |path: &Path| match try_lock(path)? {
            Some(lock) => Ok(lock),
            None => {
                waiting();
                lock(path, FlockArg::LockExclusive)
            }
        };
        let gate = exclusive(self.root())?;
        let content = exclusive(&self.blobs())?;
        Ok(Alone { store: self.clone(), _gate: gate, _content: content })
    }
}

impl Hold {
    /// Registers the manifest that is about to be at `path`, puts all blobs on disk if that was
    /// promised ([`Store::flush`]), lets `place` give the manifest its name, and notes the id that
    /// `place` returns.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Full`] if the store cannot be written; what `place` says.
    pub fn publish<E: From<Error>>(
        &self,
        path: &Path,
        place: impl FnOnce() -> Result<Digest, E>,
    ) -> Result<Digest, E> {
        self.store.register(path, None)?;
        self.store.flush()?;
        let id = place()?;
        self.store.register(path, Some(id))?;
        Ok(id)
    }

    /// Whether the manifest at `path` is registered with this id.
    pub fn is_published(&self, path: &Path, id: Digest) -> bool {
        let root = self.store.registration(path);
        root.is_some_and(|root| root.id == Some(id) && root.gone.is_none())
    }
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    loop {
        match Flock::lock(file, how) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EINTR)) => file = again,
            Err((_, errno)) => return Err(Error::io("lock", path)(errno.into())),
        }
    }
}

/// The exclusive lock, or `None` if that would take waiting.
fn try_lock(path: &Path) -> Result<Option<Flock<File>>, Error> {
    match Flock::lock(
        File::open(path).map_err(Error::io("open", path))?,
        FlockArg::LockExclusiveNonblock,
    ) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(None),
        Err((_, errno)) => Err(Error::io("lock", path)(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn holds_are_shared_and_a_collection_is_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let (first, second) = (store.hold().unwrap(), store.hold().unwrap());
        let (sender, events) = channel();
        std::thread::scope(|scope| {
            let (store, waiting) = (&store, sender.clone());
            let collection = scope.spawn(move || {
                let alone = store.alone(&mut || waiting.send("waits").unwrap()).unwrap();
                waiting.send("alone").unwrap();
                drop(alone);
            });
            assert_eq!(events.recv(), Ok("waits"));
            // The gate is shut: a third would wait, and the collection comes before it.
            assert!(try_lock(store.root()).unwrap().is_none());
            drop(first);
            assert!(events.try_recv().is_err(), "one is still inside");
            drop(second);
            assert_eq!(events.recv(), Ok("alone"));
            collection.join().unwrap();
        });
        store.hold().unwrap();
    }

    #[test]
    fn a_published_manifest_is_registered_before_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        let path = dir.path().join("m");
        let hold = store.hold().unwrap();
        let failed = hold.publish(&path, || -> Result<Digest, Error> {
            let roots = store.roots().unwrap();
            assert_eq!(roots.len(), 1);
            assert_eq!((&roots[0].path, roots[0].id), (&path, None));
            Err(Error::io("place", &path)(std::io::Error::other("no")))
        });
        assert!(failed.is_err());
        let id = Digest::of(b"id");
        assert_eq!(hold.publish(&path, || Ok::<_, Error>(id)).unwrap(), id);
        let roots = store.roots().unwrap();
        assert_eq!((roots.len(), roots[0].id), (1, Some(id)));
        assert!(hold.is_published(&path, id) && !hold.is_published(&path, Digest::of(b"other")));
        assert!(!hold.is_published(&dir.path().join("other"), id));
        store.forget(&path).unwrap();
        assert!(!hold.is_published(&path, id));
    }
}
