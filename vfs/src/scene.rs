//! What tests of storing stand on: a directory that goes away, with a store in it.

use std::path::PathBuf;

use tempfile::TempDir;
use vrift_cas::Store;

/// A directory with a store.
pub(crate) struct Scene {
    dir: TempDir,
    pub(crate) store: Store,
}

impl Scene {
    /// An empty one.
    pub(crate) fn new() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        Scene { dir, store }
    }

    /// A place in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
