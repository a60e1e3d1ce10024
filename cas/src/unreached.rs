//! Since when blobs have been out of reach: what collections remember between each other.
//!
//! ```text
//! <store>/unreached
//!     vrift-unreached 1
//!     <64 hex digits> 1763726400       one line per blob, ascending; seconds since 1970
//! ```
//!
//! A blob's age cannot tell this: the manifest that named an old blob may have been deleted a minute
//! ago. The file is replaced as a whole. One that is missing or damaged only starts the clocks anew.

use std::collections::HashMap;
use std::fs;
use std::io::Write;

use crate::digest::Digest;
use crate::error::Error;
use crate::store::Store;
use crate::temp::Temp;

const MAGIC: &str = "vrift-unreached 1";

/// Since when, in seconds since 1970.
pub(crate) type Since = HashMap<Digest, u64>;

impl Store {
    pub(crate) fn read_unreached(&self) -> Since {
        let text = fs::read_to_string(self.root.join("unreached")).unwrap_or_default();
        parse(&text).unwrap_or_default()
    }

    pub(crate) fn write_unreached(&self, since: &[(Digest, u64)]) -> Result<(), Error> {
        self.make_dir(b"tmp")?;
        let temp = Temp::create(&self.temp_dir(), "unreached-", 0o644)
            .map_err(self.failed("create a file in"))?;
        let mut text = format!("{MAGIC}\n");
        for (digest, since) in since {
            text.push_str(&format!("{digest} {since}\n"));
        }
        temp.file().write_all(text.as_bytes()).map_err(Error::io("write", temp.path()))?;
        let to = self.root.join("unreached");
        temp.replace(&to).map_err(Error::io("replace", &to))
    }
}

fn parse(text: &str) -> Option<Since> {
    let mut lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n'));
    if lines.next()?? != MAGIC {
        return None;
    }
    let entry = |line: Option<&str>| {
        let (digest, since) = line?.split_once(' ')?;
        Some((digest.parse().ok()?, since.parse().ok()?))
    };
    lines.map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_starts_anew() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        assert_eq!(store.read_unreached(), Since::new());
        let list = [(Digest::of(b"a"), 1), (Digest::of(b"b"), u64::MAX)];
        store.write_unreached(&list).unwrap();
        assert_eq!(store.read_unreached(), Since::from(list));
        assert_eq!(store.stat().unwrap().leftovers, 0);
        let whole = fs::read_to_string(dir.path().join("unreached")).unwrap();
        for cut in [0, 5, 30, whole.len() - 1] {
            assert_eq!(parse(&whole[..cut]), None, "{cut}");
        }
    }
}
