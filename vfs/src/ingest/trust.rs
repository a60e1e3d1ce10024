//! Which blobs of unchanged files an ingest looks at in the store.
//!
//! As long as no collection has deleted a blob since the cache was written (the store's mark says
//! so), the store has every blob the cache names, unless somebody has deleted it by hand. Then only
//! a sample is looked at, as many as cost no time worth telling: of a tree that has no more files,
//! all; of a larger one enough to find out that a good part of the store is gone.
//!
//! **Invariant:** what a *new* manifest names has been looked at, whatever the mark says. Only if
//! everything is as in the manifest that is there already, the sample is enough.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use vrift_cas::{Digest, Store};

use super::cache::{Cache, Entry};
use crate::work::{Pile, processors};

/// How many blobs make a sample, at least.
const SAMPLE: usize = 256;

/// Which of a cache's blobs are looked at.
#[derive(Debug)]
pub(super) struct Trust {
    /// The mark that both the cache and the store have.
    mark: Option<Digest>,
    /// One of how many, and which.
    every: usize,
    first: usize,
    missed: AtomicU64,
}

impl Trust {
    /// Looks at all.
    pub(super) fn none() -> Trust {
        Trust { mark: None, every: 1, first: 0, missed: AtomicU64::new(0) }
    }

    /// Trusts a cache in a store that has this mark now.
    pub(super) fn new(cache: &Cache, mark: Option<Digest>) -> Trust {
        if mark.is_none() || cache.origin().mark != mark {
            return Trust::none();
        }
        let every = (cache.len() / SAMPLE).max(1);
        // Another sample each time.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let first = since.subsec_nanos() as usize / 1000 % every;
        Trust { mark, every, first, missed: AtomicU64::new(0) }
    }

    /// Whether the blob of this record is to be looked at.
    pub(super) fn asks_about(&self, number: usize) -> bool {
        number % self.every == self.first
    }

    /// A blob is not there.
    pub(super) fn disappointed(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are not there.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// The mark, if everything so far is as it says.
    pub(super) fn mark(&self) -> Option<Digest> {
        self.mark.filter(|_| self.missed() == 0)
    }

    /// Whether the store has all blobs of `entries`; they are looked at unless that was done.
    pub(super) fn is_right(
        &self,
        store: &Store,
        entries: &[Entry],
    ) -> Result<bool, vrift_cas::Error> {
        if self.every == 1 {
            return Ok(true);
        }
        if self.missed() > 0 {
            return Ok(false);
        }
        let look = |entries: &[Entry]| {
            for entry in entries {
                if !store.knows(&entry.digest, entry.size())? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let share = entries.len().div_ceil(processors().get()).max(1);
        let shares = entries.chunks(share).collect();
        let found = Mutex::new(Ok(true));
        Pile::work(
            shares,
            processors(),
            || (),
            |pile, (), entries| match look(entries) {
                Ok(true) => {}
                other => {
                    *found.lock() = other;
                    pile.stop();
                }
            },
        );
        found.into_inner()
    }
}
