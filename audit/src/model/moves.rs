//! Directories that the tree has renamed: what lay below the old name lies below the new one, and no
//! call says so of each file.

use std::collections::{HashMap, HashSet};

use vrift_record::Text;

/// As many earlier names of a path are looked at: who renames directories in circles makes many.
const NAMES_MAX: usize = 16;

/// What was renamed to what.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// By the new name: the names it had before.
    before: HashMap<Text, Vec<Text>>,
    /// What was there before the run, and got another name.
    taken: HashSet<Text>,
}

impl Moves {
    /// Whether nothing was renamed.
    pub(super) fn are_none(&self) -> bool {
        self.before.is_empty()
    }

    /// Something got another name. Nobody knows whether it is a directory.
    pub(super) fn renamed(&mut self, from: &Text, to: &Text) {
        let names = self.names(from);
        if names.contains(to) {
            self.taken.remove(to);
        }
        self.before.insert(to.clone(), names);
    }

    /// Something of that name was there when the run started, and gets another.
    pub(super) fn took(&mut self, path: &Text) {
        self.taken.insert(path.clone());
    }

    /// Two changed places.
    pub(super) fn exchanged(&mut self, one: &Text, other: &Text) {
        let (of_one, of_other) = (self.names(one), self.names(other));
        self.before.insert(other.clone(), of_one);
        self.before.insert(one.clone(), of_other);
    }

    /// A name and those before it.
    fn names(&self, last: &Text) -> Vec<Text> {
        let before = self.before.get(last).into_iter().flatten().filter(|name| *name != last);
        std::iter::once(last).chain(before).take(NAMES_MAX).cloned().collect()
    }

    /// A new directory has no other name.
    pub(super) fn made(&mut self, path: &Text) {
        self.before.remove(path);
    }

    /// The paths that what is at `path` may have had before a directory above it was renamed.
    pub(super) fn earlier(&self, path: &Text) -> Vec<Text> {
        let mut found = Vec::new();
        let mut next = Some(path.clone());
        let mut looked = 0;
        while let Some(path) = next {
            self.one_rename_earlier(&path, &mut found);
            next = found.get(looked).cloned();
            looked += 1;
        }
        found
    }

    fn one_rename_earlier(&self, path: &Text, found: &mut Vec<Text>) {
        let bytes = path.as_bytes();
        for at in (1..bytes.len()).filter(|&at| bytes[at] == b'/') {
            for name in self.before.get(&bytes[..at]).into_iter().flatten() {
                if found.len() >= NAMES_MAX {
                    return;
                }
                let earlier = Text::from(&[name.as_bytes(), &bytes[at..]].concat()[..]);
                if earlier != *path && !found.contains(&earlier) {
                    found.push(earlier);
                }
            }
        }
    }

    /// Whether a directory above a path has been renamed to its name.
    pub(super) fn brought(&self, path: &Text) -> bool {
        !self.are_none() && above(path).any(|directory| self.before.contains_key(directory))
    }

    /// Whether a directory above a path was there before the run, and has got another name: who looks for the path
    /// afterwards does not learn whether it was there too.
    pub(super) fn have_taken(&self, path: &Text) -> bool {
        !self.taken.is_empty() && above(path).any(|directory| self.taken.contains(directory))
    }
}

/// The directories above a path.
fn above(path: &Text) -> impl Iterator<Item = &[u8]> {
    let bytes = path.as_bytes();
    (1..bytes.len()).filter(|&at| bytes[at] == b'/').map(|at| &bytes[..at])
}
