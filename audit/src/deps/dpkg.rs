//! Which package of Debian and its kin a file belongs to, as `dpkg -S` tells: by the lists that dpkg keeps.
//!
//! On a merged /usr a package may list `/lib/x` while the file is `/usr/lib/x`; so the first name of a listed
//! path is followed if it is a symlink.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vrift_record::Text;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name, with the architecture if dpkg gives that too (`libc6:amd64`).
    pub name: String,
    /// The version that is installed; empty if dpkg does not say.
    pub version: String,
}

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

    /// The packages that these files belong to. A file may belong to several; one that is not told of
    /// belongs to none.
    ///
    /// # Errors
    /// Those of reading the lists.
    pub fn owners<'a>(
        &self,
        files: &BTreeSet<&'a Text>,
    ) -> io::Result<BTreeMap<&'a Text, Vec<Package>>> {
        let wanted: HashMap<&[u8], &'a Text> =
            files.iter().map(|&file| (file.as_bytes(), file)).collect();
        let mut owners: BTreeMap<&'a Text, Vec<Package>> = BTreeMap::new();
        let mut links: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
        for list in &self.lists {
            let bytes = fs::read(list)?;
            for line in bytes.split(|&byte| byte == b'\n') {
                let path = self.real(line, &mut links);
                let Some(&file) = wanted.get(path.as_deref().unwrap_or(line)) else { continue };
                let package = self.package(list);
                let of_file = owners.entry(file).or_default();
                if !of_file.contains(&package) {
                    of_file.push(package);
                }
            }
        }
        Ok(owners)
    }

    fn package(&self, list: &Path) -> Package {
        let name = list.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let version = self.versions.get(&name).cloned().unwrap_or_default();
        Package { name, version }
    }

    /// A listed path whose first name is a symlink, with what that leads to.
    fn real(&self, path: &[u8], links: &mut HashMap<Vec<u8>, Option<Vec<u8>>>) -> Option<Vec<u8>> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let inside = path.strip_prefix(b"/")?;
        let end = inside.iter().position(|&byte| byte == b'/')?;
        let (first, rest) = inside.split_at(end);
        if !links.contains_key(first) {
            let link = self.root.join(Path::new(std::ffi::OsStr::from_bytes(first)));
            let target = fs::read_link(link).ok().map(|target| target.into_os_string().into_vec());
            links.insert(first.to_vec(), target);
        }
        let target = links.get(first)?.as_deref()?;
        let target = target.strip_prefix(b"/").unwrap_or(target);
        Some([b"/", target, rest].concat())
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
