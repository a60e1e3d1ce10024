//! Which package of Debian and its kin a file belongs to, as `dpkg -S` tells: by the lists that dpkg keeps.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use vrift_record::Text;

use super::owners::{Owners, Package, Search};

/// dpkg's database.
#[derive(Debug)]
pub struct Dpkg {
    root: PathBuf,
    lists: Vec<PathBuf>,
    versions: HashMap<String, String>,
    diversions: HashMap<Vec<u8>, Diversion>,
}

/// Where a file of a package goes because another package has put its own there.
#[derive(Debug)]
struct Diversion {
    to: Vec<u8>,
    /// The package whose file is at the path; the administrator, who is none, is `:`.
    by: Vec<u8>,
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
        let kept = |name: &str| {
            fs::read(place.join(name)).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(Vec::new()),
                _ => Err(error),
            })
        };
        let versions = versions(&String::from_utf8_lossy(&kept("status")?));
        let diversions = diversions(&kept("diversions")?);
        Ok(Some(Dpkg { root: root.to_owned(), lists, versions, diversions }))
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
                search.listed(self.placed(line, list), || self.package(list));
            }
        }
        Ok(search.found())
    }

    /// Where a file is that a list of a package names.
    fn placed<'b>(&'b self, path: &'b [u8], list: &Path) -> &'b [u8] {
        let Some(Diversion { to, by }) = self.diversions.get(path) else { return path };
        let name = list.file_stem().unwrap_or_default().as_bytes();
        let is_own = name.split(|&byte| byte == b':').next() == Some(by);
        if is_own { path } else { to }
    }

    fn package(&self, list: &Path) -> Package {
        let name = list.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let version = self.versions.get(&name).cloned().unwrap_or_default();
        Package { name, version }
    }
}

/// What dpkg's file of diversions tells in three lines each: the path, where it goes, and who has it there.
fn diversions(told: &[u8]) -> HashMap<Vec<u8>, Diversion> {
    let lines: Vec<&[u8]> = told.split(|&byte| byte == b'\n').collect();
    let all = lines.chunks_exact(3);
    all.map(|three| (three[0].to_vec(), Diversion { to: three[1].to_vec(), by: three[2].to_vec() }))
        .collect()
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
