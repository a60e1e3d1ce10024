//! Proving that a manifest is whole, and that a store has the contents it names.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use vrift_cas::{Digest, Store};

use super::{Builder, Draft, Error, Kind, Manifest, NodeId};

/// A content that a store should have and has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobDefect {
    /// The file.
    pub node: NodeId,
    /// Its content.
    pub digest: Digest,
    /// The size of the file.
    pub wanted: u64,
    /// The size of the blob, if there is one.
    pub found: Option<u64>,
}

impl Manifest {
    /// Checks every byte of the file: that it is what was written, and that it is exactly what
    /// [`Builder`] writes for the tree it describes, so that no two records contradict each other.
    ///
    /// Needs about as much memory as the builder did.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the first check that fails.
    pub fn verify(&self) -> Result<(), Error> {
        self.bytes.check_all().map_err(|what| self.damaged(what))?;
        let (again, _) = self.rebuild()?.encode().map_err(|error| match error {
            Error::NotATree { what, .. } => self.damaged(what),
            other => other,
        })?;
        match again == self.bytes.all() {
            true => Ok(()),
            false => Err(self.damaged("the records contradict each other")),
        }
    }

    /// Asks `store` for the content of every file, without reading it, and reports the files it
    /// cannot serve. Returns the number of different contents.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a record is not valid, [`Error::Store`] if the store cannot tell.
    pub fn verify_blobs(
        &self,
        store: &Store,
        report: &mut dyn FnMut(BlobDefect),
    ) -> Result<u64, Error> {
        let mut sizes = HashMap::new();
        for id in (0..self.len()).map(NodeId) {
            let node = self.node(id)?;
            if node.kind != Kind::File {
                continue;
            }
            let found = match sizes.entry(node.digest) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    *new.insert(store.size_of(&node.digest).map_err(Error::Store)?)
                }
            };
            if found != Some(node.size) {
                report(BlobDefect { node: id, digest: node.digest, wanted: node.size, found });
            }
        }
        Ok(sizes.len() as u64)
    }

    /// Reads the whole tree into a builder.
    fn rebuild(&self) -> Result<Builder, Error> {
        let mut builder = Builder::new(self.node(self.root())?);
        let sets = self.rebuild_sets(builder.pool())?;
        let mut drafts = vec![builder.root()];
        for id in (1..self.len()).map(NodeId) {
            let node = self.node(id)?;
            drafts.push(match node.kind {
                Kind::Symlink => builder.add_symlink(node, self.target(id)?),
                _ => builder.add(node),
            });
        }
        for (id, &draft) in (0..).map(NodeId).zip(&drafts) {
            if let Some(set) = self.set_of(id)? {
                let known = sets.get(set as usize).copied().flatten();
                let set = known
                    .ok_or_else(|| self.damaged("a set of extended attributes is not valid"))?;
                builder.set_pooled(draft, set);
            }
        }
        // Ids below `len` have a draft, and `entries` yields no others.
        let draft = |id: NodeId| -> Draft { drafts[id.0 as usize] };
        let mut names = 0;
        for dir in (0..self.len()).map(NodeId) {
            if self.node(dir)?.kind != Kind::Directory {
                continue;
            }
            for entry in self.entries(dir, 0)? {
                let entry = entry?;
                names += 1;
                if names > self.header.dentries {
                    return Err(self.damaged("directories overlap"));
                }
                builder.add_name(draft(dir), entry.name, draft(entry.node));
            }
        }
        Ok(builder)
    }
}
