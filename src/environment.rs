//! What vrift takes from its environment.

use std::env;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use vrift_cas::Store;

use crate::failure::Failure;

/// Where a manifest is seen unless told otherwise.
const DEFAULT_PREFIX: &str = "/vrift";

/// The prefix of mounts: `VRIFT_VFS_PREFIX`, else `/vrift`.
pub(crate) fn prefix() -> PathBuf {
    set("VRIFT_VFS_PREFIX").unwrap_or_else(|| DEFAULT_PREFIX.into())
}

/// The store that exists: for everything but ingest.
pub(crate) fn store() -> Result<Store, Failure> {
    let root = store_root()?;
    Store::open(&root).map_err(|error| {
        Failure::from(error).hint("VR_THE_SOURCE names the store; `vrift ingest` makes it")
    })
}

/// The store, made if it is not there.
pub(crate) fn store_or_new() -> Result<Store, Failure> {
    let root = store_root()?;
    Store::create(&root).map_err(|error| {
        Failure::from(error).hint("VR_THE_SOURCE names the store; choose a directory you may write")
    })
}

/// `VR_THE_SOURCE`, else `$XDG_DATA_HOME/vrift/the_source`, else the same below `~/.local/share`; absolute, because
/// programs that are served from it change their directory.
pub(crate) fn store_root() -> Result<PathBuf, Failure> {
    let root = set("VR_THE_SOURCE").or_else(|| {
        let data = base("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        Some(data?.join("vrift/the_source"))
    });
    let root = root.ok_or_else(|| {
        Failure::new("there is no place for the store: neither XDG_DATA_HOME nor HOME is set")
            .hint("set VR_THE_SOURCE to a directory")
    })?;
    std::path::absolute(root).map_err(Failure::from)
}

/// A directory of this user's own for what is made for the time of a run, where the store at `store`
/// may not be written: below `XDG_RUNTIME_DIR`, else below the directory for temporary files.
pub(crate) fn own_place(store: &Path) -> Result<PathBuf, Failure> {
    let base = base("XDG_RUNTIME_DIR").unwrap_or_else(env::temp_dir);
    let place = std::path::absolute(base)?.join(format!("vrift-{}", geteuid()));
    let unusable = |why: &str| {
        let (store, place) = (store.display(), place.display());
        Failure::new(format!("neither the store {store} nor {place} can be written: {why}"))
            .hint("set XDG_RUNTIME_DIR to a directory of your own")
    };
    match DirBuilder::new().mode(0o755).create(&place) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(unusable(&error.to_string()));
        }
        _ => {}
    }
    // Where everybody may write, somebody else may have made it.
    let meta = fs::symlink_metadata(&place).map_err(|error| unusable(&error.to_string()))?;
    if !meta.is_dir() || meta.uid() != geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        return Err(unusable("it is there already, and others can write it"));
    }
    Ok(place)
}

/// A directory as the XDG Base Directory Specification has it: a relative one does not count.
fn base(name: &str) -> Option<PathBuf> {
    set(name).filter(|path| path.is_absolute())
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
