//! Listing everything under `blake3/`, sorted into blobs and things that do not belong there.
//!
//! A shard is one of the directories `blake3/ab`; callers take shard by shard, and so may share
//! them out between threads. What disappears while it is listed was never there.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::Error;

/// Something found in a store.
#[derive(Debug)]
pub(crate) enum Found {
    /// A regular file where the blob of its name belongs.
    Blob { path: PathBuf, digest: Digest, mode: u32, size: u64, modified: u64 },
    /// Something with the name of a blob, where that belongs, that is no regular file.
    NotAFile { path: PathBuf, digest: Digest },
    /// A regular file with the name of a blob, in the wrong directory.
    Misplaced(PathBuf),
    /// Anything else.
    Foreign(PathBuf),
}

/// Lists the shards under `blobs`, ascending; what is not a shard goes to `each`.
pub(crate) fn shards(blobs: &Path, each: &mut dyn FnMut(Found)) -> Result<Vec<PathBuf>, Error> {
    let mut shards = Vec::new();
    for (path, meta) in list(blobs)? {
        match is_shard(&path, &meta) {
            true => shards.push(path),
            false => each(Found::Foreign(path)),
        }
    }
    shards.sort();
    Ok(shards)
}

/// Reports everything in one shard.
pub(crate) fn shard(shard: &Path, each: &mut dyn FnMut(Found)) -> Result<(), Error> {
    for (dir, meta) in list(shard)? {
        if !is_shard(&dir, &meta) {
            each(Found::Foreign(dir));
            continue;
        }
        for (path, meta) in list(&dir)? {
            each(classify(path, meta));
        }
    }
    Ok(())
}

fn classify(path: PathBuf, meta: Metadata) -> Found {
    let Some((name, digest)) = last(&path).and_then(|name| Some((name, name.parse().ok()?))) else {
        return Found::Foreign(path);
    };
    let mut dirs = path.ancestors().skip(1).map(last);
    let at_home = dirs.next() == Some(name.get(2..4)) && dirs.next() == Some(name.get(..2));
    if at_home && !meta.is_file() {
        Found::NotAFile { path, digest }
    } else if !meta.is_file() {
        Found::Foreign(path)
    } else if at_home {
        let mode = meta.permissions().mode() & 0o7777;
        let modified = u64::try_from(meta.mtime()).unwrap_or(0);
        Found::Blob { path, digest, mode, size: meta.len(), modified }
    } else {
        Found::Misplaced(path)
    }
}

fn last(path: &Path) -> Option<&str> {
    path.file_name().and_then(OsStr::to_str)
}

fn is_shard(path: &Path, meta: &Metadata) -> bool {
    let two_digits = |name: &str| {
        name.len() == 2 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    meta.is_dir() && last(path).is_some_and(two_digits)
}

/// Everything in a directory with its attributes.
pub(crate) fn list(dir: &Path) -> Result<Vec<(PathBuf, Metadata)>, Error> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(Error::io("list", dir)(e)),
    };
    for entry in entries {
        let path = entry.map_err(Error::io("list", dir))?.path();
        match fs::symlink_metadata(&path) {
            Ok(meta) => found.push((path, meta)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("stat", &path)(e)),
        }
    }
    Ok(found)
}
