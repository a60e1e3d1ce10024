//! Proving the Iron Law: every blob is read again and compared with its name, also a protected one.
//!
//! Shards are shared out between as many threads as the machine has processors; what they find
//! goes to the caller's thread.
//!
//! Deliberately absent: repair. Inserting the content again replaces a blob only if its size is
//! wrong.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use crate::copy::hash;
use crate::digest::Digest;
use crate::error::Error;
use crate::incoming::BLOB_MODE;
use crate::insert::with_buffer;
use crate::protect;
use crate::store::Store;
use crate::walk::{self, Found};

/// Something in the store that should not be as it is.
#[derive(Debug)]
pub struct Damage {
    /// Where.
    pub path: PathBuf,
    /// The blob that cannot be had because of it.
    pub blob: Option<Digest>,
    /// What is wrong with it.
    pub defect: Defect,
}

/// What is wrong with something in the store.
#[derive(Debug)]
#[non_exhaustive]
pub enum Defect {
    /// The content of the blob is not the one it is named for.
    Content {
        /// What the content hashes to.
        actual: Digest,
    },
    /// The permissions are not 0444.
    Mode {
        /// The permissions it has.
        mode: u32,
    },
    /// It has a blob's name and place but is a directory, a symlink or the like.
    NotAFile,
    /// It has a blob's name but lies in the wrong directory, where nobody looks for it.
    Misplaced,
    /// It is neither a blob nor a directory for blobs.
    Foreign,
    /// It cannot be read.
    Unreadable {
        /// Why.
        source: Error,
    },
}

impl Defect {
    /// The kind of defect in one word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Defect::Content { .. } => "content",
            Defect::Mode { .. } => "mode",
            Defect::NotAFile => "not-a-file",
            Defect::Misplaced => "misplaced",
            Defect::Foreign => "foreign",
            Defect::Unreadable { .. } => "unreadable",
        }
    }
}

/// What a verification went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Blobs that were read.
    pub blobs: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// How often a damage was reported.
    pub damaged: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.defect {
            Defect::Content { actual } => write!(f, "{path}: the content hashes to {actual}"),
            Defect::Mode { mode } => write!(f, "{path}: the mode is {mode:04o} instead of 0444"),
            Defect::NotAFile => write!(f, "{path}: this is not a regular file"),
            Defect::Misplaced => write!(f, "{path}: a blob of this name belongs elsewhere"),
            Defect::Foreign => write!(f, "{path}: this is nothing of the store's"),
            Defect::Unreadable { source } => write!(f, "{path}: {source}"),
        }
    }
}

/// What the threads tell the caller's.
enum Message {
    Damage(Damage),
    Read { bytes: u64 },
}

impl Store {
    /// Reads every blob and reports what breaks the store's invariants. A blob may be reported
    /// twice, for its content and for its mode.
    ///
    /// # Errors
    /// [`Error::Io`] if the top directory cannot be listed; anything below it is a [`Damage`].
    pub fn verify(&self, report: &mut dyn FnMut(Damage)) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        let mut receive = |message| match message {
            Message::Damage(damage) => {
                verified.damaged += 1;
                report(damage);
            }
            Message::Read { bytes } => {
                verified.blobs += 1;
                verified.bytes += bytes;
            }
        };
        let shards = walk::shards(&self.blobs(), &mut |found| check(found, &mut receive))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (shards, next) = (&shards[..], &AtomicUsize::new(0));
        let (sender, receiver) = sync_channel(1024);
        std::thread::scope(|scope| {
            for sender in vec![sender; threads.min(shards.len())] {
                // The receiver outlives all senders, so that a message is lost only if the caller's report
                // function panicked, and then nobody wants it.
                let mut send = move |message| drop(sender.send(message));
                let work = move || check_shards(shards, next, &mut send);
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            receiver.into_iter().for_each(&mut receive);
        });
        // All that is left if the system does not let us have a thread.
        check_shards(shards, next, &mut receive);
        Ok(verified)
    }
}

/// Takes shards from the common list until it is empty.
fn check_shards(shards: &[PathBuf], next: &AtomicUsize, send: &mut dyn FnMut(Message)) {
    while let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
        let listed = walk::shard(shard, &mut |found| check(found, send));
        if let Err(source) = listed {
            let defect = Defect::Unreadable { source };
            send(Message::Damage(Damage { path: shard.clone(), blob: None, defect }));
        }
    }
}

fn check(found: Found, send: &mut dyn FnMut(Message)) {
    let (path, blob, defect) = match found {
        Found::Blob { path, digest, mode, .. } => return check_blob(path, digest, mode, send),
        Found::NotAFile { path, digest } => (path, Some(digest), Defect::NotAFile),
        Found::Misplaced(path) => (path, None, Defect::Misplaced),
        Found::Foreign(path) => (path, None, Defect::Foreign),
    };
    send(Message::Damage(Damage { path, blob, defect }));
}

fn check_blob(path: PathBuf, digest: Digest, mode: u32, send: &mut dyn FnMut(Message)) {
    let mut damage = |defect| {
        send(Message::Damage(Damage { path: path.clone(), blob: Some(digest), defect }));
    };
    if mode != BLOB_MODE {
        damage(Defect::Mode { mode });
    }
    match read(&path) {
        Ok(Some((actual, bytes))) => {
            if actual != digest {
                damage(Defect::Content { actual });
            }
            send(Message::Read { bytes });
        }
        Ok(None) => {}
        Err(source) => damage(Defect::Unreadable { source }),
    }
}

/// The digest and size of a blob, or `None` if it is gone by now.
fn read(path: &Path) -> Result<Option<(Digest, u64)>, Error> {
    let mut file = match protect::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("open", path)(e)),
    };
    with_buffer(|buffer| hash(&mut file, buffer)).map(Some).map_err(|error| match error {
        Error::Source { source } => Error::io("read", path)(source),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_kind_of_damage_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let put = |content: &[u8]| store.path_of(&store.insert_bytes(content).unwrap().digest);
        let (flipped, writable, moved, good) =
            (put(b"flip"), put(b"write"), put(b"move"), put(b""));

        fs::set_permissions(&flipped, Permissions::from_mode(0o644)).unwrap();
        fs::write(&flipped, "flop").unwrap();
        fs::set_permissions(&flipped, Permissions::from_mode(0o444)).unwrap();
        fs::set_permissions(&writable, Permissions::from_mode(0o755)).unwrap();
        let astray = good.with_file_name(moved.file_name().unwrap());
        fs::rename(&moved, &astray).unwrap();
        let foreign = ["blake3/README", "blake3/af/x", "blake3/af/13/.DS_Store"];
        for path in foreign {
            fs::write(dir.path().join(path), "").unwrap();
        }
        let linked = good.with_file_name(format!("af13{}", "0".repeat(60)));
        std::os::unix::fs::symlink(&good, &linked).unwrap();

        let mut damages = Vec::new();
        let verified = store.verify(&mut |damage| damages.push(damage)).unwrap();
        assert_eq!(verified, Verified { blobs: 3, bytes: 9, damaged: 7 });
        let mut told: Vec<_> = damages.iter().map(Damage::to_string).collect();
        let mut wanted = vec![
            format!("{}: the content hashes to {}", flipped.display(), Digest::of(b"flop")),
            format!("{}: the mode is 0755 instead of 0444", writable.display()),
            format!("{}: a blob of this name belongs elsewhere", astray.display()),
            format!("{}: this is not a regular file", linked.display()),
        ];
        let strange = foreign.map(|path| dir.path().join(path));
        wanted.extend(
            strange.map(|path| format!("{}: this is nothing of the store's", path.display())),
        );
        told.sort();
        wanted.sort();
        assert_eq!(told, wanted);
    }

    #[test]
    fn an_empty_store_is_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let verified = store.verify(&mut |damage| panic!("{damage}")).unwrap();
        assert_eq!(verified, Verified::default());
    }
}
