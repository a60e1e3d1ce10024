//! A store on disk: finding it, opening blobs, counting them, its directories.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::libc::{O_DIRECTORY, O_NOFOLLOW, O_PATH};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};
use nix::unistd::syncfs;

use crate::digest::Digest;
use crate::error::Error;
use crate::incoming::BLOB_MODE;
use crate::insert::{Fresh, Inserted};
use crate::ioctl;
use crate::map::{Mapped, map_file};
use crate::name::Name;
use crate::walk::{self, Found};

/// How much an insertion promises about a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing: blobs are complete whatever process is killed, but a power cut may lose or
    /// truncate recent ones.
    #[default]
    Cached,
    /// As `Cached`, until [`Store::flush`] puts all blobs on disk at once. For many blobs that is
    /// much cheaper than one by one; whoever writes a manifest flushes before placing it.
    Batched,
    /// A blob and its name are on disk when the insertion returns.
    Synced,
}

/// The mode with which files without a name are created: the umask and a default ACL of the
/// directory take bits away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreatedMode {
    /// A blob's.
    Right,
    /// Another one.
    Wrong,
}

/// Whether a directory was made, or was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Now,
    Before,
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// How many blobs.
    pub blobs: u64,
    /// Their sizes, added up.
    pub bytes: u64,
    /// How many blobs have the immutable flag.
    pub protected: u64,
    /// Registered manifests.
    pub roots: u64,
    /// Files in `tmp/`: insertions under way, and what killed processes left.
    pub leftovers: u64,
}

/// A content-addressed store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) root: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) inner: Arc<Inner>,
}

/// What all handles of one store share.
#[derive(Debug)]
pub(crate) struct Inner {
    /// The root, so that insertions need not resolve its path.
    pub(crate) dir: File,
    /// Whether blobs are created without a name.
    pub(crate) unnamed: AtomicBool,
    /// Whether such a blob is linked by its descriptor, and not by the name that `/proc` has for it.
    pub(crate) by_descriptor: AtomicBool,
    /// Whether such a blob is created with the mode it must have.
    pub(crate) mode: OnceLock<CreatedMode>,
    /// Whether the last directory that a blob needed was new, so that the next one's will be too.
    growing: AtomicBool,
    /// A bit for each of the 65,536 directories of blobs that has been seen: they are neither made
    /// nor looked for again.
    made: Box<[AtomicU8]>,
}

impl Inner {
    fn new(root: &Path) -> io::Result<Inner> {
        let dir = OpenOptions::new().read(true).custom_flags(O_PATH | O_DIRECTORY).open(root)?;
        // A file without a name gets one through /proc.
        let unnamed = AtomicBool::new(Path::new("/proc/self/fd").exists());
        let made = (0..(1 << 16) / 8).map(|_| AtomicU8::new(0)).collect();
        let (by_descriptor, growing) = (AtomicBool::new(true), AtomicBool::new(false));
        Ok(Inner { dir, unnamed, by_descriptor, mode: OnceLock::new(), growing, made })
    }

    fn seen(&self, name: &Name) -> (&AtomicU8, u8) {
        (&self.made[usize::from(name.dir() / 8)], 1 << (name.dir() % 8))
    }
}

impl Store {
    /// Opens the store at `root`.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is none.
    pub fn open(root: impl Into<PathBuf>) -> Result<Store, Error> {
        let root = root.into();
        match fs::metadata(root.join("blake3")) {
            Ok(found) if found.is_dir() => match Inner::new(&root) {
                Ok(inner) => {
                    let inner = Arc::new(inner);
                    Ok(Store { root, durability: Durability::default(), inner })
                }
                Err(source) => Err(Error::NoStore { root, source }),
            },
            Ok(_) => Err(Error::NoStore { root, source: io::ErrorKind::NotADirectory.into() }),
            Err(source) => Err(Error::NoStore { root, source }),
        }
    }

    /// Opens the store at `root`, after making what is missing of it (mode 0755, less the umask).
    ///
    /// # Errors
    /// [`Error::Io`] naming the directory that could not be made.
    pub fn create(root: impl Into<PathBuf>) -> Result<Store, Error> {
        let root = root.into();
        for dir in [root.join("blake3"), root.join("tmp")] {
            make_dirs(&dir)?;
        }
        Store::open(root)
    }

    /// The same store with another promise about power cuts.
    pub fn with_durability(self, durability: Durability) -> Store {
        Store { durability, ..self }
    }

    /// The directory everything is in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the blob named `digest` is, or would be.
    pub fn path_of(&self, digest: &Digest) -> PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(Name::of(digest).path().to_bytes()))
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`Error::Missing`] if the store does not have it.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, Error> {
        let path = self.path_of(digest);
        match OpenOptions::new().read(true).custom_flags(O_NOFOLLOW).open(&path) {
            Ok(file) => Ok(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(Error::Missing { digest: *digest, path })
            }
            Err(e) => Err(Error::io("open", &path)(e)),
        }
    }

    /// Maps a blob. What is said of [`map_file`] is true of a blob: it is never changed in place,
    /// because nobody may write it; who does so nevertheless, as its owner, and truncates it, ends
    /// its readers with `SIGBUS`.
    ///
    /// # Errors
    /// [`Error::Missing`] if the store does not have it.
    pub fn map_blob(&self, digest: &Digest) -> Result<Mapped, Error> {
        map_file(&self.open_blob(digest)?).map_err(self.failed_at("map", digest))
    }

    /// The size of a blob, or `None` if the store does not have it.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot tell.
    pub fn size_of(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        match self.look(digest)? {
            Some(found) if found.kind == SFlag::S_IFREG => Ok(Some(found.size)),
            Some(_) => {
                let what = io::Error::other("it is not a regular file");
                Err(self.failed_at("use", digest)(what))
            }
            None => Ok(None),
        }
    }

    /// Whether the store has the blob. Its content is not checked.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot tell.
    pub fn contains(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.size_of(digest)?.is_some())
    }

    /// Whether an insertion of content of this digest and `size` would find it known: there is a
    /// regular file of that size and of mode 0444. Its content is not checked.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot tell.
    pub fn knows(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        let whole = Looks { kind: SFlag::S_IFREG, mode: BLOB_MODE, size };
        Ok(self.look(digest)? == Some(whole))
    }

    /// Counts the blobs, without reading them.
    ///
    /// # Errors
    /// [`Error::Io`] for a directory that cannot be listed.
    pub fn stat(&self) -> Result<Stats, Error> {
        let mut stats = Stats::default();
        for shard in walk::shards(&self.blobs(), &mut |_| {})? {
            walk::shard(&shard, &mut |found| {
                if let Found::Blob { path, size, .. } = found {
                    stats.blobs += 1;
                    stats.bytes += size;
                    // A file system that cannot tell has no such flag.
                    stats.protected += u64::from(ioctl::is_immutable(&path).unwrap_or(false));
                }
            })?;
        }
        stats.leftovers = walk::list(&self.temp_dir())?.len() as u64;
        stats.roots = self.roots()?.len() as u64;
        Ok(stats)
    }

    /// Puts everything that was stored on disk, if the promise is [`Durability::Batched`]; else
    /// there is nothing to do. This is one `syncfs(2)`, which writes what others have in the cache
    /// for the same file system as well.
    ///
    /// # Errors
    /// [`Error::Io`] if the disk fails.
    pub fn flush(&self) -> Result<(), Error> {
        if self.durability != Durability::Batched {
            return Ok(());
        }
        // A descriptor opened with O_PATH cannot be synced.
        let dir = File::open(self.blobs()).map_err(self.failed("open"))?;
        syncfs(dir).map_err(|errno| self.failed("sync the file system of")(errno.into()))
    }

    /// The blob, if the store has it as it must be. One of another size or mode was damaged, and is
    /// to be replaced.
    pub(crate) fn known(&self, digest: &Digest, size: u64) -> Result<Option<Inserted>, Error> {
        if !self.knows(digest, size)? {
            return Ok(None);
        }
        if self.durability == Durability::Synced {
            sync(&self.open_blob(digest)?, &self.path_of(digest))?;
            self.sync_names(digest)?;
        }
        Ok(Some(Inserted { digest: *digest, size, fresh: Fresh::Known }))
    }

    /// As [`Store::known`], for who will store the content otherwise. While nearly each blob makes a
    /// directory of its own, this makes it first: what is not in a new directory need not be looked
    /// for.
    pub(crate) fn known_or_wanted(
        &self,
        digest: &Digest,
        size: u64,
    ) -> Result<Option<Inserted>, Error> {
        if self.inner.growing.load(Ordering::Relaxed)
            && self.make_dirs_of(&Name::of(digest))? == Made::Now
        {
            return Ok(None);
        }
        self.known(digest, size)
    }

    fn look(&self, digest: &Digest) -> Result<Option<Looks>, Error> {
        let name = Name::of(digest);
        match fstatat(&self.inner.dir, name.path(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Looks {
                kind: SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT,
                mode: stat.st_mode & 0o7777,
                size: u64::try_from(stat.st_size).unwrap_or(0),
            })),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.failed_at("stat", digest)(errno.into())),
        }
    }

    /// Makes the name of a blob survive a power cut: its directory and those up to the root, any of
    /// which may be new.
    pub(crate) fn sync_names(&self, digest: &Digest) -> Result<(), Error> {
        let path = self.path_of(digest);
        for dir in path.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.root)) {
            sync(&File::open(dir).map_err(Error::io("open", dir))?, dir)?;
        }
        Ok(())
    }

    /// Makes the directories of a blob, unless they have been seen.
    pub(crate) fn make_dirs_of(&self, name: &Name) -> Result<Made, Error> {
        let (seen, bit) = self.inner.seen(name);
        if seen.load(Ordering::Relaxed) & bit != 0 {
            return Ok(Made::Before);
        }
        let [outer, inner] = name.dirs();
        // The outer one is there in all but 256 cases, and what is above it nearly always.
        let make = |dir: &[u8]| self.make_dir(dir);
        let made =
            make(inner).or_else(|_| make(outer).and_then(|_| make(inner))).or_else(|_| {
                make(b"blake3")?;
                make(outer)?;
                make(inner)
            })?;
        seen.fetch_or(bit, Ordering::Relaxed);
        self.inner.growing.store(made == Made::Now, Ordering::Relaxed);
        Ok(made)
    }

    /// Lets the next insertion look whether the directories of a blob are there.
    pub(crate) fn forget_dirs_of(&self, name: &Name) {
        let (seen, bit) = self.inner.seen(name);
        seen.fetch_and(!bit, Ordering::Relaxed);
    }

    /// Makes a directory in the store, unless it is there.
    pub(crate) fn make_dir(&self, inside: &[u8]) -> Result<Made, Error> {
        match mkdirat(&self.inner.dir, inside, DIR_MODE) {
            Ok(()) => Ok(Made::Now),
            Err(Errno::EEXIST) => Ok(Made::Before),
            Err(errno) => {
                let path = self.root.join(std::ffi::OsStr::from_bytes(inside));
                Err(Error::io("create the directory", &path)(errno.into()))
            }
        }
    }

    /// Completes an error that concerns the store as a whole.
    pub(crate) fn failed(&self, operation: &'static str) -> impl Fn(io::Error) -> Error {
        move |source| Error::io(operation, &self.root)(source)
    }

    /// Completes an error that concerns one blob.
    pub(crate) fn failed_at(
        &self,
        operation: &'static str,
        digest: &Digest,
    ) -> impl FnOnce(io::Error) -> Error {
        let path = self.path_of(digest);
        move |source| Error::io(operation, &path)(source)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blake3")
    }

    pub(crate) fn temp_dir(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

/// What has the name of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looks {
    kind: SFlag,
    mode: u32,
    size: u64,
}

/// The mode of directories, less the umask.
const DIR_MODE: Mode = Mode::from_bits_truncate(0o755);

fn sync(file: &File, path: &Path) -> Result<(), Error> {
    file.sync_all().map_err(Error::io("sync", path))
}

/// Makes `dir` and what is missing above it.
pub(crate) fn make_dirs(dir: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(dir)
        .map_err(Error::io("create the directory", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_created_once_and_opened_often() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a/b");
        let absent = Store::open(&root).unwrap_err();
        assert_eq!(absent.to_string(), format!("there is no content store at {}", root.display()));
        let digest = Store::create(&root).unwrap().insert_bytes(b"x").unwrap().digest;
        Store::create(&root).unwrap();
        assert!(Store::open(&root).unwrap().contains(&digest).unwrap());
    }

    #[test]
    fn a_root_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Store::create(file.join("store")).unwrap_err().to_string();
        assert!(error.starts_with("content store: cannot create the directory"), "{error}");
        assert!(error.contains("file/store/blake3"), "{error}");
    }

    #[test]
    fn a_missing_blob_is_told_from_a_broken_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let digest = Digest::of(b"nobody stored this");
        assert!(matches!(store.open_blob(&digest), Err(Error::Missing { .. })));
        assert!(!store.contains(&digest).unwrap());
        fs::create_dir_all(store.path_of(&digest)).unwrap();
        assert!(matches!(store.contains(&digest), Err(Error::Io { .. })));
    }

    #[test]
    fn stat_counts_blobs_bytes_and_leftovers() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        for content in ["one", "three", "one"] {
            store.insert_bytes(content.as_bytes()).unwrap();
        }
        fs::write(dir.path().join("tmp/1-1"), "half a blo").unwrap();
        assert_eq!(
            store.stat().unwrap(),
            Stats { blobs: 2, bytes: 8, leftovers: 1, ..Stats::default() }
        );
    }
}
