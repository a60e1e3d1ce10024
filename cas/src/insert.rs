//! Bringing content into the store.
//!
//! Every way in ends in one of two: content that fits into one buffer is hashed in memory, and
//! written only if the store does not have it; anything longer is hashed while it is written to a
//! temporary file. Either way the digest is that of the bytes that went to the file.
//!
//! A file system that shares extents would let `Incoming::copy` clone the source instead of
//! moving bytes; the digest must then be taken from the clone.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use crate::digest::Digest;
use crate::error::Error;
use crate::store::{Durability, Store, make_dirs};
use crate::temp::Temp;

/// The size of the buffer content passes through.
const BUFFER: usize = 1 << 20;

/// Whether an insertion found its content in the store already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// The blob was made by this insertion.
    New,
    /// The blob was there.
    Known,
}

/// A blob that is now in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserted {
    /// Its name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is new.
    pub fresh: Fresh,
}

impl Store {
    /// Stores `content`.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot be written.
    pub fn insert_bytes(&self, content: &[u8]) -> Result<Inserted, Error> {
        let (digest, size) = (Digest::of(content), content.len() as u64);
        if let Some(known) = self.known(digest, size)? {
            return Ok(known);
        }
        let mut incoming = Incoming::new(self)?;
        incoming.write(content)?;
        incoming.place()
    }

    /// Stores everything `source` yields.
    ///
    /// # Errors
    /// [`Error::Source`] if `source` fails, [`Error::Io`] if the store cannot be written. Nothing
    /// is stored then.
    pub fn insert_reader(&self, source: &mut dyn Read) -> Result<Inserted, Error> {
        let mut buffer = vec![0; BUFFER];
        let length = fill(source, &mut buffer)?;
        if length < BUFFER {
            return self.insert_bytes(&buffer[..length]);
        }
        let mut incoming = Incoming::new(self)?;
        incoming.write(&buffer)?;
        incoming.copy(source, &mut buffer)?;
        incoming.place()
    }

    /// Stores the content of `source` from its beginning, whatever its file offset, which stays.
    ///
    /// A file longer than the buffer is read twice if the store does not have it: the first
    /// reading only finds out whether it does.
    ///
    /// # Errors
    /// As [`Store::insert_reader`].
    pub fn insert_file(&self, source: &File) -> Result<Inserted, Error> {
        let length = source.metadata().map_err(|source| Error::Source { source })?.len();
        if length >= BUFFER as u64 {
            let (digest, size) = hash(&mut FromStart { file: source, at: 0 })?;
            if let Some(known) = self.known(digest, size)? {
                return Ok(known);
            }
        }
        self.insert_reader(&mut FromStart { file: source, at: 0 })
    }

    /// The blob, if the store has it with the size it must have. A blob of another size was
    /// damaged, and is to be replaced.
    fn known(&self, digest: Digest, size: u64) -> Result<Option<Inserted>, Error> {
        if self.size_of(&digest)? != Some(size) {
            return Ok(None);
        }
        if self.durability == Durability::Synced {
            let path = self.path_of(&digest);
            sync(&self.open_blob(&digest)?, &path)?;
            self.sync_names(&path)?;
        }
        Ok(Some(Inserted { digest, size, fresh: Fresh::Known }))
    }

    /// Makes the name of the blob at `path` survive a power cut: its directory and those up to
    /// the root, any of which may be new.
    fn sync_names(&self, path: &Path) -> Result<(), Error> {
        for dir in path.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.root)) {
            sync(&File::open(dir).map_err(Error::io("open", dir))?, dir)?;
        }
        Ok(())
    }
}

/// The digest and the length of everything `source` yields.
pub(crate) fn hash(source: &mut dyn Read) -> Result<(Digest, u64), Error> {
    let mut buffer = vec![0; BUFFER];
    let mut hasher = blake3::Hasher::new();
    loop {
        match fill(source, &mut buffer)? {
            0 => return Ok((hasher.finalize().into(), hasher.count())),
            length => hasher.update(&buffer[..length]),
        };
    }
}

/// A blob being written, under a temporary name.
struct Incoming<'a> {
    store: &'a Store,
    temp: Temp,
    hasher: blake3::Hasher,
}

impl<'a> Incoming<'a> {
    fn new(store: &'a Store) -> Result<Incoming<'a>, Error> {
        let dir = store.temp_dir();
        let create = || Temp::create(&dir, "", 0o600);
        let temp = match create() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                make_dirs(&dir)?;
                create()
            }
            other => other,
        };
        let temp = temp.map_err(Error::io("create a file in", &dir))?;
        Ok(Incoming { store, temp, hasher: blake3::Hasher::new() })
    }

    fn copy(&mut self, source: &mut dyn Read, buffer: &mut [u8]) -> Result<(), Error> {
        loop {
            match fill(source, buffer)? {
                0 => return Ok(()),
                length => self.write(&buffer[..length])?,
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.temp.file().write_all(bytes).map_err(Error::io("write", self.temp.path()))
    }

    fn place(self) -> Result<Inserted, Error> {
        let Incoming { store, temp, hasher } = self;
        let (digest, size) = (hasher.finalize().into(), hasher.count());
        temp.file()
            .set_permissions(Permissions::from_mode(0o444))
            .map_err(Error::io("set the mode of", temp.path()))?;
        if store.durability == Durability::Synced {
            sync(temp.file(), temp.path())?;
        }
        let path = store.path_of(&digest);
        let placed = match temp.place_new(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), make_dirs)?;
                temp.place_new(&path)
            }
            other => other,
        };
        match placed {
            Ok(()) => drop(temp),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                if let Some(known) = store.known(digest, size)? {
                    return Ok(known);
                }
                temp.replace(&path).map_err(Error::io("replace the damaged blob", &path))?;
            }
            Err(e) => return Err(Error::io("create", &path)(e)),
        }
        if store.durability == Durability::Synced {
            store.sync_names(&path)?;
        }
        Ok(Inserted { digest, size, fresh: Fresh::New })
    }
}

fn sync(file: &File, path: &Path) -> Result<(), Error> {
    file.sync_all().map_err(Error::io("sync", path))
}

/// Reads until `buffer` is full or `source` ends.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Source { source }),
        }
    }
    Ok(length)
}

/// Reads a file from its beginning without moving its offset, which others may share.
struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek, SeekFrom};

    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        (dir, store)
    }

    /// `length` bytes without a short period.
    fn content(length: usize) -> Vec<u8> {
        (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn check(store: &Store, inserted: &Inserted, content: &[u8], fresh: Fresh) {
        let size = content.len() as u64;
        assert_eq!(*inserted, Inserted { digest: Digest::of(content), size, fresh });
        let path = store.path_of(&inserted.digest);
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o444);
        assert_eq!(store.stat().unwrap().leftovers, 0);
    }

    #[test]
    fn every_way_in_stores_the_same_blob() {
        for length in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 7] {
            let content = content(length);
            let (dir, store) = store();
            let path = dir.path().join("source");
            fs::write(&path, &content).unwrap();
            let file = File::open(&path).unwrap();
            check(&store, &store.insert_file(&file).unwrap(), &content, Fresh::New);
            check(&store, &store.insert_file(&file).unwrap(), &content, Fresh::Known);
            check(&store, &store.insert_bytes(&content).unwrap(), &content, Fresh::Known);
            let known = store.insert_reader(&mut &content[..]).unwrap();
            check(&store, &known, &content, Fresh::Known);
        }
    }

    #[test]
    fn the_offset_of_the_source_neither_matters_nor_moves() {
        let (dir, store) = store();
        let path = dir.path().join("source");
        fs::write(&path, "0123456789").unwrap();
        let mut file = File::open(&path).unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        check(&store, &store.insert_file(&file).unwrap(), b"0123456789", Fresh::New);
        assert_eq!(file.stream_position().unwrap(), 4);
    }

    #[test]
    fn the_source_stays_a_file_of_its_own() {
        let (dir, store) = store();
        let path = dir.path().join("source");
        fs::write(&path, "mine").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let inserted = store.insert_file(&File::open(&path).unwrap()).unwrap();
        fs::write(&path, "changed").unwrap();
        check(&store, &inserted, b"mine", Fresh::New);
        let meta = path.metadata().unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, 0o755);
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&meta), 1);
    }

    #[test]
    fn a_source_that_fails_leaves_nothing() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::TimedOut)?;
                Ok(buffer.len())
            }
        }
        let (_dir, store) = store();
        for good in 0..3 {
            let result = store.insert_reader(&mut Broken(good));
            assert!(matches!(result, Err(Error::Source { .. })), "{result:?}");
        }
        assert_eq!(store.stat().unwrap(), crate::Stats::default());
    }

    #[test]
    fn a_source_that_changes_while_it_is_read_cannot_break_the_iron_law() {
        let (dir, store) = store();
        let path = dir.path().join("source");
        fs::write(&path, content(2 * BUFFER)).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in (0..=255u8).cycle() {
                    if done.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    let at = u64::from(round) * (BUFFER as u64 / 128);
                    file.write_all_at(&[round; 4096], at).unwrap();
                }
            });
            let results: Vec<_> = (0..10).map(|_| store.insert_file(&file)).collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(results.iter().all(Result::is_ok), "{results:?}");
        });
        let verified = store.verify(&mut |damage| panic!("{damage}")).unwrap();
        assert!(verified.blobs > 0);
    }

    #[test]
    fn a_truncated_blob_is_replaced_by_the_next_insertion() {
        let (_dir, store) = store();
        let store = store.with_durability(Durability::Synced);
        let path = store.path_of(&Digest::of(b"whole"));
        store.insert_bytes(b"whole").unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "who").unwrap();
        check(&store, &store.insert_bytes(b"whole").unwrap(), b"whole", Fresh::New);
        check(&store, &store.insert_bytes(b"whole").unwrap(), b"whole", Fresh::Known);
    }

    #[test]
    fn a_lost_temporary_directory_is_made_again() {
        let (_dir, store) = store();
        fs::remove_dir(store.temp_dir()).unwrap();
        assert_eq!(store.stat().unwrap().leftovers, 0);
        check(&store, &store.insert_bytes(b"x").unwrap(), b"x", Fresh::New);
    }

    #[test]
    fn many_threads_may_insert_the_same_content() {
        let (_dir, store) = store();
        let contents: Vec<_> = (0..20).map(|i| content(1000 + i)).collect();
        let insert_all = || {
            let all = contents.iter().map(|content| store.insert_bytes(content).unwrap());
            all.filter(|inserted| inserted.fresh == Fresh::New).count()
        };
        let new: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(insert_all)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(new, 20, "each blob is made by exactly one insertion");
        let verified = store.verify(&mut |damage| panic!("{damage:?}")).unwrap();
        assert_eq!((verified.blobs, verified.damaged), (20, 0));
        assert_eq!(store.stat().unwrap().leftovers, 0);
    }
}
