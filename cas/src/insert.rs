//! Bringing content into the store.
//!
//! Content that fits into one buffer is hashed in memory, and written only if the store does not
//! have it: five system calls for a new blob (with the directory that it nearly always needs while a
//! store is small, or else with the look for it) and one for a known one. Anything longer is hashed while it is copied (see `copy.rs`), and dropped at the end
//! if it is known. Either way the digest is that of the bytes that went to the file.
//!
//! A blob is known if a regular file of its size and of mode 0444 has its name. Its content is not
//! read again; that is what `verify` is for.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::copy::{Copy, Holes, PIECE, fill};
use crate::digest::Digest;
use crate::error::Error;
use crate::incoming::Incoming;
use crate::store::Store;

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
    /// [`Error::Io`] or [`Error::Full`] if the store cannot be written.
    pub fn insert_bytes(&self, content: &[u8]) -> Result<Inserted, Error> {
        let (digest, size) = (Digest::of(content), content.len() as u64);
        if let Some(known) = self.known_or_wanted(&digest, size)? {
            return Ok(known);
        }
        let incoming = Incoming::new(self)?;
        incoming.file().write_all_at(content, 0).map_err(self.failed("write a new blob to"))?;
        incoming.place(self, digest, size)
    }

    /// Stores everything `source` yields.
    ///
    /// # Errors
    /// [`Error::Source`] if `source` fails, [`Error::Io`] or [`Error::Full`] if the store cannot be
    /// written. Nothing is stored then.
    pub fn insert_reader(&self, source: &mut dyn Read) -> Result<Inserted, Error> {
        with_buffer(|buffer| {
            let length = fill(source, buffer)?;
            if length < buffer.len() {
                return self.insert_bytes(&buffer[..length]);
            }
            self.insert_long(|mut copy| {
                copy.write(buffer, Holes::None)?;
                copy.through(source, Holes::None, buffer)
            })
        })
    }

    /// Stores the content of `source` from its beginning, whatever its file offset, which stays.
    ///
    /// # Errors
    /// As [`Store::insert_reader`].
    pub fn insert_file(&self, source: &File) -> Result<Inserted, Error> {
        let meta = source.metadata().map_err(|source| Error::Source { source })?;
        self.insert_file_like(source, &meta)
    }

    /// The same for a caller that has looked at the file already. If `meta` is not true any more,
    /// the content is stored nevertheless, by a slower way.
    ///
    /// # Errors
    /// As [`Store::insert_reader`].
    pub fn insert_file_like(&self, source: &File, meta: &Metadata) -> Result<Inserted, Error> {
        with_buffer(|buffer| {
            if meta.len() < buffer.len() as u64 {
                let length = read_short(source, meta.len(), buffer)?;
                if length < buffer.len() {
                    return self.insert_bytes(&buffer[..length]);
                }
            }
            let holes = match meta.blocks().saturating_mul(512) < meta.len() {
                true => Holes::Some,
                false => Holes::None,
            };
            self.insert_long(|copy| copy.file(source, holes, buffer))
        })
    }

    fn insert_long(
        &self,
        copy: impl FnOnce(Copy<'_>) -> Result<(Digest, u64), Error>,
    ) -> Result<Inserted, Error> {
        let incoming = Incoming::new(self)?;
        let failed = |error| self.failed("write a new blob to")(error);
        let (digest, size) = copy(Copy::new(incoming.file(), &failed))?;
        match self.known(&digest, size)? {
            Some(known) => Ok(known),
            None => incoming.place(self, digest, size),
        }
    }
}

/// Reads a file that should have `length` bytes, fewer than `buffer` has, and returns how many it
/// has or, if it has grown, the buffer's length. A file of the length it should have takes one call.
fn read_short(source: &File, length: u64, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut at = 0;
    loop {
        match source.read_at(&mut buffer[at..], at as u64) {
            Ok(0) => return Ok(at),
            // One byte more was asked for at least, so that this is the end.
            Ok(read) if at == 0 && read as u64 == length => return Ok(read),
            Ok(read) => at += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Source { source }),
        }
    }
}

/// Lends this thread's buffer. It is allocated once, because an allocation of this size is a
/// `mmap`, a `munmap` and a page fault for every 4 KiB.
pub(crate) fn with_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // Taken out, because `work` may end in another insertion on this thread.
    let mut buffer = BUFFER.take();
    buffer.resize(PIECE, 0);
    let result = work(&mut buffer);
    BUFFER.set(buffer);
    result
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek, SeekFrom};

    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::Durability;

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
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
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
    fn a_file_system_without_nameless_files_stores_the_same() {
        let (_dir, store) = store();
        store.inner.unnamed.store(false, std::sync::atomic::Ordering::Relaxed);
        for content in [&b"short"[..], &content(2 * PIECE)] {
            check(&store, &store.insert_bytes(content).unwrap(), content, Fresh::New);
            let known = store.insert_reader(&mut &content[..]).unwrap();
            check(&store, &known, content, Fresh::Known);
        }
        let path = store.path_of(&Digest::of(b"short"));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        check(&store, &store.insert_bytes(b"short").unwrap(), b"short", Fresh::New);
    }

    #[test]
    fn a_source_with_holes_makes_a_blob_with_holes() {
        let (dir, store) = store();
        let path = dir.path().join("source");
        let (length, end) = (64 * PIECE as u64, b"the end");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.write_all_at(&content(100), 10 * PIECE as u64).unwrap();
        file.write_all_at(end, length - end.len() as u64).unwrap();
        if file.metadata().unwrap().blocks() > 32 * PIECE as u64 / 512 {
            // This file system has no holes.
            return;
        }
        let inserted = store.insert_file(&file).unwrap();
        check(&store, &inserted, &fs::read(&path).unwrap(), Fresh::New);
        let blocks = store.path_of(&inserted.digest).metadata().unwrap().blocks();
        assert!(blocks <= 4 * PIECE as u64 / 512, "{blocks} blocks");
        // A hole at the end, and nothing but a hole.
        for length in [PIECE as u64 * 3 + 5, PIECE as u64 * 3] {
            file.set_len(0).unwrap();
            file.set_len(length).unwrap();
            let zeros = vec![0; length as usize];
            check(&store, &store.insert_file(&file).unwrap(), &zeros, Fresh::New);
        }
    }

    #[test]
    fn attributes_that_are_not_true_any_more_do_no_harm() {
        let (dir, store) = store();
        let path = dir.path().join("source");
        for (before, after) in [(0, 10), (10, 0), (10, 20), (10, 3 * PIECE), (3 * PIECE, 10)] {
            fs::write(&path, content(before)).unwrap();
            let meta = path.metadata().unwrap();
            fs::write(&path, content(after)).unwrap();
            let inserted = store.insert_file_like(&File::open(&path).unwrap(), &meta).unwrap();
            assert_eq!(inserted.digest, Digest::of(&content(after)), "{before} {after}");
        }
        assert_eq!(store.verify(&mut |damage| panic!("{damage}")).unwrap().damaged, 0);
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
        fs::write(&path, content(2 * PIECE)).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in (0..=255u8).cycle() {
                    if done.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    let at = u64::from(round) * (PIECE as u64 / 128);
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
    fn lost_directories_of_blobs_are_made_again() {
        let (_dir, store) = store();
        store.insert_bytes(b"x").unwrap();
        fs::remove_dir_all(store.blobs()).unwrap();
        check(&store, &store.insert_bytes(b"x").unwrap(), b"x", Fresh::New);
    }

    #[test]
    fn a_mapped_blob_shows_its_content() {
        let (_dir, store) = store();
        let digest = store.insert_bytes(b"mapped").unwrap().digest;
        assert_eq!(&*store.map_blob(&digest).unwrap(), b"mapped");
        let missing = store.map_blob(&Digest::of(b"absent")).unwrap_err();
        assert!(matches!(missing, Error::Missing { .. }), "{missing}");
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
