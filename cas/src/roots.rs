//! The roots of a store: the manifests whose contents are kept.
//!
//! ```text
//! <store>/roots/<digest of the path>
//!     vrift-root 1
//!     registered 1763726400        seconds since 1970
//!     id <64 hex digits>           of the manifest, or -
//!     gone 1763812800              when a collection first missed the manifest, or -
//!     path /home/me/app.vrift      to the end of the file, whatever bytes it has
//! ```
//!
//! Each file is placed whole, by rename. What a manifest is, the store does not know.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::digest::Digest;
use crate::error::Error;
use crate::store::Store;
use crate::temp::Temp;

/// A registered manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it is.
    pub path: PathBuf,
    /// Its id, once it was written.
    pub id: Option<Digest>,
    /// When it was registered, in seconds since 1970.
    pub registered: u64,
    /// When a collection first found it gone.
    pub gone: Option<u64>,
}

impl Store {
    /// Makes the manifest at `path` count from now on; the directory it is in must exist.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Full`] if the store cannot be written.
    pub fn register(&self, path: &Path, id: Option<Digest>) -> Result<(), Error> {
        let path = full(path).map_err(Error::io("find the directory of", path))?;
        self.write_root(&Root { path, id, registered: now(), gone: None })
    }

    /// Everything that is registered, by path.
    ///
    /// # Errors
    /// [`Error::Io`] if that cannot be read or is damaged.
    pub fn roots(&self) -> Result<Vec<Root>, Error> {
        let dir = self.roots_dir();
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("list", &dir)(e)),
        };
        let mut roots = Vec::new();
        for entry in entries {
            let file = entry.map_err(Error::io("list", &dir))?.path();
            let bytes = match fs::read(&file) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::io("read", &file)(e)),
            };
            let root = parse(&bytes).filter(|root| self.root_file(&root.path) == file);
            let damaged = || io::Error::other("it is no registration, or a damaged one");
            roots.push(root.ok_or_else(|| Error::io("use", &file)(damaged()))?);
        }
        roots.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(roots)
    }

    /// The registration of the manifest at `path`, if there is one that can be read.
    pub(crate) fn registration(&self, path: &Path) -> Option<Root> {
        let path = full(path).ok()?;
        parse(&fs::read(self.root_file(&path)).ok()?).filter(|root| root.path == path)
    }

    /// Makes the manifest at `path`, which may be gone, not count any more; returns whether it did.
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot be written.
    pub fn forget(&self, path: &Path) -> Result<bool, Error> {
        let file = self.root_file(&path_of_root(path));
        match fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("remove", &file)(e)),
        }
    }

    /// Writes down what a collection has found out about a root.
    pub(crate) fn write_root(&self, root: &Root) -> Result<(), Error> {
        self.make_dir(b"roots")?;
        self.make_dir(b"tmp")?;
        let temp = Temp::create(&self.temp_dir(), "root-", 0o644)
            .map_err(self.failed("create a file in"))?;
        temp.file().write_all(&spell(root)).map_err(Error::io("write", temp.path()))?;
        let to = self.root_file(&root.path);
        temp.replace(&to).map_err(Error::io("create", &to))
    }

    fn roots_dir(&self) -> PathBuf {
        self.root.join("roots")
    }

    fn root_file(&self, path: &Path) -> PathBuf {
        self.roots_dir().join(Digest::of(path.as_os_str().as_bytes()).to_string())
    }
}

/// The path under which a manifest is registered, or would be.
pub fn path_of_root(path: &Path) -> PathBuf {
    full(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// The absolute path without symlinks above the last name, which is what gets replaced.
fn full(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    Ok(dir.canonicalize()?.join(name))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn spell(root: &Root) -> Vec<u8> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let id = or_dash(root.id.map(|id| id.to_string()));
    let gone = or_dash(root.gone.map(|since| since.to_string()));
    let head = format!("vrift-root 1\nregistered {}\nid {id}\ngone {gone}\npath ", root.registered);
    [head.as_bytes(), root.path.as_os_str().as_bytes()].concat()
}

fn parse(bytes: &[u8]) -> Option<Root> {
    let mut lines = bytes.splitn(5, |&byte| byte == b'\n');
    let mut value = |key: &str| {
        let line = std::str::from_utf8(lines.next()?).ok()?;
        line.strip_prefix(key)?.strip_prefix(' ')
    };
    if value("vrift-root")? != "1" {
        return None;
    }
    let registered = value("registered")?.parse().ok()?;
    let id = optional(value("id")?)?;
    let gone = optional(value("gone")?)?;
    let path = lines.next()?.strip_prefix(b"path ")?;
    let path = PathBuf::from(OsString::from_vec(path.to_vec()));
    path.is_absolute().then_some(Root { path, id, registered, gone })
}

/// A value, or a dash for none.
fn optional<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { text.parse().ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let path = PathBuf::from(OsStr::from_bytes(b"/a\nb/\xff c.vrift"));
        for (id, gone) in [(None, None), (Some(Digest::of(b"x")), Some(7))] {
            let root = Root { path: path.clone(), id, registered: 5, gone };
            assert_eq!(parse(&spell(&root)), Some(root));
        }
    }

    #[test]
    fn nothing_else_is_a_registration() {
        let root =
            Root { path: "/m".into(), id: Some(Digest::of(b"x")), registered: 5, gone: Some(7) };
        let whole = spell(&root);
        // A path cannot be told from the beginning of a longer one; the name of the file can.
        let head = whole.len() - "/m".len();
        for cut in 0..=head {
            assert_eq!(parse(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(parse(b"vrift-root 2\nregistered 5\nid -\ngone -\npath /m"), None);
        assert_eq!(parse(b"vrift-root 1\nregistered 5\nid -\ngone -\npath m"), None);
    }

    #[test]
    fn roots_are_registered_listed_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        assert_eq!(store.roots().unwrap(), []);
        let real = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        store.register(&real.join("link/b"), None).unwrap();
        store.register(&real.join("a"), Some(Digest::of(b"a"))).unwrap();
        let paths: Vec<_> = store.roots().unwrap().into_iter().map(|root| root.path).collect();
        assert_eq!(paths, [real.join("a"), real.join("b")]);
        assert!(store.register(&real.join("missing/m"), None).is_err());
        assert!(store.forget(&real.join("link/a")).unwrap());
        assert!(!store.forget(&real.join("a")).unwrap());
        assert_eq!(store.roots().unwrap().len(), 1);
        assert_eq!(store.stat().unwrap().leftovers, 0);

        let file = store.root_file(&real.join("b"));
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        assert!(matches!(store.roots(), Err(Error::Io { .. })), "a cut registration");
    }
}
