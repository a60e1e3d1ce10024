//! Which packages files belong to, whoever keeps the lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use vrift_record::Text;

use super::links::Links;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name, with the architecture if the database gives that too (`libc6:amd64`, `glibc.x86_64`).
    pub name: String,
    /// The version that is installed; empty if the database does not say.
    pub version: String,
}

/// The packages of files. A file may belong to several; one that is not told of belongs to none.
pub type Owners<'a> = BTreeMap<&'a Text, Vec<Package>>;

/// Owners that are looked for in lists of packages.
#[derive(Debug)]
pub(super) struct Search<'a> {
    wanted: HashMap<&'a [u8], &'a Text>,
    links: Links,
    owners: Owners<'a>,
}

impl<'a> Search<'a> {
    /// Looks for the owners of these files of the system at `root`.
    pub(super) fn of(files: &BTreeSet<&'a Text>, root: PathBuf) -> Search<'a> {
        let wanted = files.iter().map(|&file| (file.as_bytes(), file)).collect();
        Search { wanted, links: Links::of(root), owners: BTreeMap::new() }
    }

    /// A package has a file of this path.
    pub(super) fn listed(&mut self, path: &[u8], package: impl FnOnce() -> Package) {
        let real = self.links.real(path);
        let Some(&file) = self.wanted.get(real.as_deref().unwrap_or(path)) else { return };
        let (package, of_file) = (package(), self.owners.entry(file).or_default());
        if !of_file.contains(&package) {
            of_file.push(package);
        }
    }

    /// All that were found.
    pub(super) fn found(self) -> Owners<'a> {
        self.owners
    }
}
