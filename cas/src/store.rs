//! A store on disk: finding it, opening blobs, counting them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_NOFOLLOW;

use crate::digest::Digest;
use crate::error::Error;
use crate::walk::{self, Found};

/// How much an insertion promises about a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing: blobs are complete whatever process is killed, but a power cut may lose or
    /// truncate recent ones.
    #[default]
    Cached,
    /// A blob and its name are on disk when the insertion returns.
    Synced,
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// How many blobs.
    pub blobs: u64,
    /// Their sizes, added up.
    pub bytes: u64,
    /// Files in `tmp/`: insertions under way, and what killed processes left.
    pub leftovers: u64,
}

/// A content-addressed store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) root: PathBuf,
    pub(crate) durability: Durability,
}

impl Store {
    /// Opens the store at `root`.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is none.
    pub fn open(root: impl Into<PathBuf>) -> Result<Store, Error> {
        let root = root.into();
        match fs::metadata(root.join("blake3")) {
            Ok(found) if found.is_dir() => Ok(Store { root, durability: Durability::default() }),
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
        let name = digest.to_string();
        let mut path = self.blobs();
        path.push(&name[..2]);
        path.push(&name[2..4]);
        path.push(name);
        path
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

    /// The size of a blob, or `None` if the store does not have it.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot tell.
    pub fn size_of(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let path = self.path_of(digest);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Err(Error::io("use", &path)(io::Error::other("it is not a regular file"))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("stat", &path)(e)),
        }
    }

    /// Whether the store has the blob. Its content is not checked.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot tell.
    pub fn contains(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.size_of(digest)?.is_some())
    }

    /// Counts the blobs, without reading them.
    ///
    /// # Errors
    /// [`Error::Io`] for a directory that cannot be listed.
    pub fn stat(&self) -> Result<Stats, Error> {
        let mut stats = Stats::default();
        for shard in walk::shards(&self.blobs(), &mut |_| {})? {
            walk::shard(&shard, &mut |found| {
                if let Found::Blob { size, .. } = found {
                    stats.blobs += 1;
                    stats.bytes += size;
                }
            })?;
        }
        let temp = self.temp_dir();
        stats.leftovers = match fs::read_dir(&temp) {
            Ok(names) => names.count() as u64,
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(Error::io("list", &temp)(e)),
        };
        Ok(stats)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blake3")
    }

    pub(crate) fn temp_dir(&self) -> PathBuf {
        self.root.join("tmp")
    }
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
        assert_eq!(store.stat().unwrap(), Stats { blobs: 2, bytes: 8, leftovers: 1 });
    }
}
