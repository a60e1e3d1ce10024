//! The names of a directory, in an order that changes do not disturb.

use std::borrow::Cow;

use super::Tree;
use crate::error::Error;
use crate::manifest::{Kind, NodeId};

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name.
    pub name: Cow<'a, [u8]>,
    /// What it names.
    pub node: NodeId,
    /// The kind of that node.
    pub kind: Kind,
    /// Its position in the directory, counted from 0; positions may be left out.
    pub position: u64,
}

impl Tree {
    /// The names in the directory `dir` from position `from` on: those below, then those that
    /// were made since.
    pub fn entries(
        &self,
        dir: NodeId,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Entry<'_>, Error>>, Error> {
        self.entries_until(dir, from, u64::MAX)
    }

    /// How many names have ever been made in a directory.
    pub(crate) fn made_in(&self, dir: NodeId) -> u64 {
        self.names.get(&dir).map_or(0, |names| names.next())
    }

    /// The same without names that were made after so many.
    pub(crate) fn entries_until(
        &self,
        dir: NodeId,
        from: u64,
        until: u64,
    ) -> Result<impl Iterator<Item = Result<Entry<'_>, Error>>, Error> {
        let names = self.names.get(&dir);
        let (base, count) = match self.is_base(dir) {
            true => {
                let (entries, count) = self.base.names(dir, from)?;
                (Some(entries), count)
            }
            false => (None, 0),
        };
        let base = base.into_iter().flatten().filter(move |entry| match entry {
            Ok(entry) => !names.is_some_and(|names| names.hides(&entry.name)),
            Err(_) => true,
        });
        let made = names.into_iter().flat_map(move |names| {
            names.made(from.saturating_sub(count)).take_while(move |(at, ..)| *at < until)
        });
        let made = made.map(move |(at, name, node)| {
            let kind = self.node(node)?.kind;
            Ok(Entry { name: Cow::Borrowed(name), node, kind, position: count + at })
        });
        Ok(base.chain(made))
    }
}
