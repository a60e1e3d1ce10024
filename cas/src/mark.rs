//! Whether a collection has deleted anything since some moment: what lets an ingest count on blobs
//! that an earlier one has seen, without a look at each.
//!
//! ```text
//! <store>/undeleted
//!     vrift-undeleted 1
//!     <64 hex digits>          the mark: no other such file has it
//! ```
//!
//! **Invariant:** a collection removes the file before it deletes its first blob. Who finds under a
//! [`Hold`] the mark that was there under an earlier one knows that no collection has deleted
//! anything between. To remove a file is what a full disk still allows.
//!
//! It says nothing of blobs that somebody deletes by hand; who finds that out removes it as well.

use std::fs;
use std::io::{self, Write};
use std::time::SystemTime;

use crate::digest::Digest;
use crate::error::Error;
use crate::hold::Hold;
use crate::store::{Durability, Store};
use crate::temp::Temp;

const FILE: &str = "undeleted";
const MAGIC: &str = "vrift-undeleted 1";

impl Hold {
    /// The mark, if there is one. A store that promises nothing about a loss of power
    /// ([`Durability::Cached`]) has none: blobs may go without a collection.
    pub fn mark(&self) -> Option<Digest> {
        if self.store.durability == Durability::Cached {
            return None;
        }
        parse(&fs::read_to_string(self.store.root.join(FILE)).ok()?)
    }

    /// The mark, made if there is none. To be called when everything is on disk.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Full`] if the store cannot be written.
    pub fn make_mark(&self) -> Result<Option<Digest>, Error> {
        if self.store.durability == Durability::Cached {
            return Ok(None);
        }
        if let Some(mark) = self.mark() {
            return Ok(Some(mark));
        }
        // Two that do this at once get different marks, and the later one stays: who has the other
        // one looks at all blobs next time.
        let store = &self.store;
        store.make_dir(b"tmp")?;
        let temp = Temp::create(&store.temp_dir(), "undeleted-", 0o644)
            .map_err(store.failed("create a file in"))?;
        let mark = fresh();
        let text = format!("{MAGIC}\n{mark}\n");
        temp.file().write_all(text.as_bytes()).map_err(Error::io("write", temp.path()))?;
        let to = store.root.join(FILE);
        temp.replace(&to).map_err(Error::io("replace", &to))?;
        Ok(Some(mark))
    }
}

impl Store {
    /// Lets the next ingests look at all blobs: some are about to be deleted, or were found missing.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot be written.
    pub fn remove_mark(&self) -> Result<(), Error> {
        let path = self.root.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// A mark that was never there before: no process has made one at this moment.
fn fresh() -> Digest {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Digest::of(format!("{} {}", since.as_nanos(), std::process::id()).as_bytes())
}

fn parse(text: &str) -> Option<Digest> {
    text.strip_prefix(MAGIC)?.strip_prefix('\n')?.strip_suffix('\n')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_mark_stays_until_a_collection_deletes_a_blob() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap().with_durability(Durability::Batched);
        let made = store.hold().unwrap().make_mark().unwrap();
        assert!(made.is_some());
        assert_eq!(store.hold().unwrap().make_mark().unwrap(), made);
        assert_eq!(store.hold().unwrap().mark(), made);
        let collect = |reached: bool| {
            let alone = store.alone(&mut || panic!("nobody else is here")).unwrap();
            alone.collect(&|_| reached, Duration::ZERO).unwrap().1.blobs.count
        };
        store.insert_bytes(b"x").unwrap();
        assert_eq!((collect(true), store.hold().unwrap().mark()), (0, made));
        assert_eq!((collect(false), store.hold().unwrap().mark()), (1, None));
        let next = store.hold().unwrap().make_mark().unwrap();
        assert!(next.is_some() && next != made);
    }

    #[test]
    fn a_mark_that_cannot_be_removed_keeps_all_blobs() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        store.insert_bytes(b"x").unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        let alone = store.alone(&mut || panic!("nobody else is here")).unwrap();
        assert!(alone.collect(&|_| false, Duration::ZERO).is_err());
        assert_eq!(store.stat().unwrap().blobs, 1);
    }

    #[test]
    fn nothing_else_is_a_mark_and_a_store_without_promises_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        assert_eq!(store.hold().unwrap().make_mark().unwrap(), None);
        let store = store.with_durability(Durability::Batched);
        let mark = store.hold().unwrap().make_mark().unwrap();
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        for cut in 0..text.len() {
            fs::write(dir.path().join(FILE), &text[..cut]).unwrap();
            assert_eq!(store.hold().unwrap().mark(), None, "{cut}");
        }
        let next = store.hold().unwrap().make_mark().unwrap();
        assert!(next.is_some() && next != mark);
    }
}
