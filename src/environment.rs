//! What vrift takes from its environment.

use std::env;
use std::path::PathBuf;

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

/// `VR_THE_SOURCE`, else `$XDG_DATA_HOME/vrift/the_source`, else the same below `~/.local/share`.
pub(crate) fn store_root() -> Result<PathBuf, Failure> {
    if let Some(root) = set("VR_THE_SOURCE") {
        return std::path::absolute(&root).map_err(Failure::from);
    }
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
    let data = data.ok_or_else(|| {
        Failure::new("there is no place for the store: neither XDG_DATA_HOME nor HOME is set")
            .hint("set VR_THE_SOURCE to a directory")
    })?;
    Ok(data.join("vrift/the_source"))
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
