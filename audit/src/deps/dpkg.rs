//! Which package of Debian and its kin a file belongs to, as `dpkg -S` tells: by the lists that dpkg keeps.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vrift_record::Text;

use super::owners::{Owners, Package, Search};

/// dpkg's database.
#[derive(Debug)]
pub struct Dpkg {
    root: PathBuf,
    lists: Vec<PathBuf>,
    versions: HashMap<String, String>,
}

impl Dpkg {
    /// The database of the system at `root`; `None` if there is none.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn open(root: &Path) -> io::Result<Option<Dpkg>> {
        let place = root.join("var/lib/dpkg");
        let entries = match fs::read_dir(place.join("info")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut lists = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "list") {
                lists.push(path);
            }
        }
        lists.sort();
        let status = fs::read(place.join("status")).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(error),
        })?;
        let versions = versions(&String::from_utf8_lossy(&status));
        Ok(Some(Dpkg { root: root.to_owned(), lists, versions }))
    }

    /// The packages that these files belong to.
    ///
    /// # Errors
    /// Those of reading the lists.
    pub fn owners<'a>(&self, files: &BTreeSet<&'a Text>) -> io::Result<Owners<'a>> {
        let mut search = Search::of(files, self.root.clone());
        for list in &self.lists {
            let bytes = fs::read(list)?;
            for line in bytes.split(|&byte| byte == b'\n') {
                search.listed(line, || self.package(list));
            }
        }
        Ok(search.found())
    }

    fn package(&self, list: &Path) -> Package {
        let name = list.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let version = self.versions.get(&name).cloned().unwrap_or_default();
        Package { name, version }
    }
}

/// The versions in dpkg's status file, by the names that its lists have.
fn versions(status: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for paragraph in status.split("\n\n") {
        let field = |name: &str| {
            let lines = paragraph.lines();
            lines.filter_map(|line| line.strip_prefix(name)).map(str::trim).next()
        };
        let (Some(name), Some(version)) = (field("Package:"), field("Version:")) else { continue };
        if let Some(architecture) = field("Architecture:") {
            found.insert(format!("{name}:{architecture}"), version.to_owned());
        }
        found.insert(name.to_owned(), version.to_owned());
    }
    found
}
