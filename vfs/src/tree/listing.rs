//! The names of a directory, in an order that changes do not disturb.

use super::Tree;
use crate::error::Error;
use crate::manifest::{Kind, NodeId};

/// One name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// What it names.
    pub node: NodeId,
    /// The kind of that node.
    pub kind: Kind,
    /// Its position in the directory, counted from 0; positions may be left out.
    pub position: u64,
}

impl Tree {
    /// The names in the directory `dir` from position `from` on: the manifest's, then those that
    /// were made since.
    pub fn entries(
        &self,
        dir: NodeId,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Entry<'_>, Error>>, Error> {
        let names = self.names.get(&dir);
        let (base, count) = match self.is_base(dir) {
            true => {
                let entries = self.base.entries(dir, from)?;
                let count = entries.end();
                (Some(entries), count)
            }
            false => (None, 0),
        };
        let base = base.into_iter().flatten().filter_map(move |entry| match entry {
            Ok(entry) if names.is_some_and(|names| names.hides(entry.name)) => None,
            Ok(entry) => {
                let (name, node, kind) = (entry.name, entry.node, entry.kind);
                Some(Ok(Entry { name, node, kind, position: entry.index }))
            }
            Err(error) => Some(Err(error.into())),
        });
        let made = names.into_iter().flat_map(move |names| names.made(from.saturating_sub(count)));
        let made = made.map(move |(at, name, node)| {
            let kind = self.node(node)?.kind;
            Ok(Entry { name, node, kind, position: count + at })
        });
        Ok(base.chain(made))
    }
}
