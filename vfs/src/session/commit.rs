//! Making a manifest of what a session has become.
//!
//! Contents go into the store here and not while commands run. So what is deleted before is never hashed,
//! nothing takes processors from a build, and every descriptor of a file that was written to stays on one
//! real file, whoever writes to it next: a file that had become a blob in between would have to be copied
//! again, and who has the blob open would not see what is written then.
//!
//! The session itself is not changed: until it is removed, which happens after the manifest is in
//! its place, a commit that is interrupted can be made again.

use std::collections::HashMap;
use std::path::Path;

use parking_lot::Mutex;
use vrift_cas::{Digest, Fresh, Inserted};

use super::Session;
use super::error::Error;
use crate::manifest::{Builder, Draft, Kind, Manifest, Node, NodeId};
use crate::tree::Content;
use crate::work::{Pile, processors};

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// The id of the new manifest.
    pub manifest: Digest,
    /// Files whose content went into the store.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Of these, contents the store did not have.
    pub new_blobs: u64,
}

impl Committed {
    fn count(&mut self, inserted: &Inserted) {
        self.files += 1;
        self.bytes += inserted.size;
        self.new_blobs += u64::from(inserted.fresh == Fresh::New);
    }
}

impl Session {
    /// Puts the content of every staged file that has a name into the store, and writes the tree as
    /// the manifest `to`, which is replaced at once if it exists.
    ///
    /// # Errors
    /// [`Error::Overtaken`] if `to` is a manifest, but not the one the session was started from.
    pub fn commit(&mut self, to: &Path) -> Result<Committed, Error> {
        let hold = self.store.hold()?;
        let base = self.tree.base().manifest();
        if base.is_some_and(|base| Manifest::open(to).is_ok_and(|there| there.id() != base.id())) {
            return Err(Error::Overtaken { manifest: to.to_owned() });
        }
        let mut done = Committed::default();
        let mut staged = Vec::new();
        for id in self.tree.changed() {
            let node = self.tree.node(id)?;
            let is_staged = node.kind == Kind::File && self.tree.content(id)? == Content::Staged;
            if is_staged && node.nlink > 0 {
                staged.push((id, node));
            }
        }
        let sealed = self.seal(staged, &mut done)?;
        let builder = self.describe(&sealed, &mut done)?;
        done.manifest = hold.publish(to, || builder.write(to).map_err(Error::from))?;
        Ok(done)
    }

    /// Stores the contents of staged files, on all processors; their attributes with the digests.
    fn seal(
        &self,
        staged: Vec<(NodeId, Node)>,
        done: &mut Committed,
    ) -> Result<HashMap<NodeId, Node>, Error> {
        let (stage, store) = (&self.stage, &self.store);
        let one = |id, node| -> Result<(Node, Inserted), Error> {
            let inserted = store.insert_file(&stage.open(id)?)?;
            let node = stage.staged(id)?.over(node);
            Ok((Node { digest: inserted.digest, size: inserted.size, ..node }, inserted))
        };
        let sealed = Mutex::new(Ok(Vec::with_capacity(staged.len())));
        let each = |pile: &Pile<(NodeId, Node)>, (): &mut (), (id, node)| {
            let result = one(id, node);
            let mut sealed = sealed.lock();
            match (result, &mut *sealed) {
                (Ok(one), Ok(all)) => all.push((id, one)),
                (Err(error), Ok(_)) => {
                    *sealed = Err(error);
                    pile.stop();
                }
                (_, Err(_)) => {}
            }
        };
        Pile::work(staged, processors(), || (), each);
        let sealed = sealed.into_inner()?.into_iter();
        Ok(sealed
            .map(|(id, (node, inserted))| {
                done.count(&inserted);
                (id, node)
            })
            .collect())
    }

    /// The tree as a builder of a manifest takes it.
    fn describe(
        &self,
        sealed: &HashMap<NodeId, Node>,
        done: &mut Committed,
    ) -> Result<Builder, Error> {
        let root = self.tree.root();
        let mut builder = Builder::new(self.tree.node(root)?);
        let mut drafts: HashMap<NodeId, Draft> = HashMap::new();
        let mut below = vec![(root, builder.root())];
        self.describe_xattrs(&mut builder, root, below[0].1)?;
        while let Some((dir, parent)) = below.pop() {
            for entry in self.tree.entries(dir, 0)? {
                let entry = entry?;
                let draft = match drafts.get(&entry.node) {
                    Some(&known) => known,
                    None => {
                        let node = match sealed.get(&entry.node) {
                            Some(&node) => node,
                            None => self.settled_node(entry.node, done)?,
                        };
                        let draft = self.describe_node(&mut builder, entry.node, node)?;
                        drafts.insert(entry.node, draft);
                        if node.kind == Kind::Directory {
                            below.push((entry.node, draft));
                        }
                        draft
                    }
                };
                builder.add_name(parent, &entry.name, draft);
            }
        }
        Ok(builder)
    }

    /// The attributes of a node that is not staged, with the digest of its content: that of a file of
    /// the host goes into the store.
    fn settled_node(&self, id: NodeId, done: &mut Committed) -> Result<Node, Error> {
        let node = self.tree.node(id)?;
        if node.kind != Kind::File || self.tree.content(id)? != Content::Lower {
            return Ok(node);
        }
        let inserted = self.store.insert_file(&self.open_lower(id)?)?;
        done.count(&inserted);
        Ok(Node { digest: inserted.digest, size: inserted.size, ..node })
    }

    fn describe_node(&self, to: &mut Builder, id: NodeId, node: Node) -> Result<Draft, Error> {
        let draft = match node.kind {
            Kind::Symlink => to.add_symlink(node, &self.tree.target(id)?),
            _ => to.add(node),
        };
        self.describe_xattrs(to, id, draft)?;
        Ok(draft)
    }

    fn describe_xattrs(&self, to: &mut Builder, id: NodeId, draft: Draft) -> Result<(), Error> {
        let xattrs = self.tree.xattrs(id)?;
        if !xattrs.is_empty() {
            let own = xattrs.into_iter();
            let own =
                own.map(|(name, value)| (name.into_owned().into(), value.into_owned().into()));
            to.set_xattrs(draft, own.collect());
        }
        Ok(())
    }
}
