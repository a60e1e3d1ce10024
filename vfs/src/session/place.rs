//! Where sessions are, what they are called, and who may use one.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::error::Error;

/// The longest name, so that a session's paths stay short.
const NAME_MAX: usize = 64;

/// The directory of a session that this process alone uses.
#[derive(Debug)]
pub(super) struct Place {
    name: String,
    dir: PathBuf,
    origin: Origin,
    /// Held until the session is closed.
    _lock: Flock<File>,
}

/// Where the name of a session comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Somebody asked for it.
    Asked,
    /// It was made up just now: nobody misses it if nothing happens in it.
    MadeUp,
}

/// What a session was started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The manifest that was at this path.
    Manifest(PathBuf),
    /// A directory of the host.
    Lower(PathBuf),
}

impl Ground {
    /// Where it is, or was.
    pub fn path(&self) -> &Path {
        match self {
            Ground::Manifest(path) | Ground::Lower(path) => path,
        }
    }

    /// Reads what the session in `dir` says.
    fn read(dir: &Path) -> Result<Ground, Error> {
        let path = |file: PathBuf| match fs::read(&file) {
            Ok(path) => Ok(PathBuf::from(OsStr::from_bytes(&path))),
            Err(error) => Err((file, error)),
        };
        match path(dir.join("lower")) {
            Ok(lower) => return Ok(Ground::Lower(lower)),
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err((file, error)) => return Err(Error::io("read", &file)(error)),
        }
        let manifest = path(dir.join("manifest"));
        manifest.map(Ground::Manifest).map_err(|(file, error)| Error::io("read", &file)(error))
    }
}

/// A session as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it was started from, if the session says.
    pub ground: Option<Ground>,
    /// Whether another process uses it.
    pub in_use: bool,
}

impl Place {
    /// Makes the directory of a new session.
    pub(super) fn make(store: &Path, name: Option<&str>, on: &Ground) -> Result<Place, Error> {
        let all = directory(store);
        make_dir(&all, 0o711)?;
        let origin = if name.is_some() { Origin::Asked } else { Origin::MadeUp };
        let (name, dir) = match name {
            Some(name) => {
                let dir = all.join(checked(name)?);
                match DirBuilder::new().mode(0o711).create(&dir) {
                    Ok(()) => (name.to_owned(), dir),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(Error::Exists { name: name.to_owned() });
                    }
                    Err(error) => return Err(Error::io("make", &dir)(error)),
                }
            }
            None => unnamed(&all)?,
        };
        let lock = lock(&dir, &name)?;
        let place = Place { name, dir, origin, _lock: lock };
        let full = fs::canonicalize(on.path()).map_err(Error::io("find", on.path()))?;
        let file = place.dir.join(match on {
            Ground::Manifest(_) => "manifest",
            Ground::Lower(_) => "lower",
        });
        fs::write(&file, full.as_os_str().as_bytes()).map_err(Error::io("write", &file))?;
        if let Ground::Manifest(_) = on {
            place.keep_base(&full)?;
        }
        Ok(place)
    }

    /// Opens the directory of a session.
    pub(super) fn open(store: &Path, name: &str) -> Result<Place, Error> {
        let dir = directory(store).join(checked(name)?);
        if !dir.join("journal").exists() {
            return Err(Error::NoSession { name: name.to_owned(), path: dir });
        }
        let lock = lock(&dir, name)?;
        Ok(Place { name: name.to_owned(), dir, origin: Origin::Asked, _lock: lock })
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    pub(super) fn stage(&self) -> PathBuf {
        self.dir.join("stage")
    }

    /// Keeps the manifest as it is now. Whoever replaces it does so by renaming, so that a second
    /// name of the file is enough; where that cannot be, it is copied.
    fn keep_base(&self, manifest: &Path) -> Result<(), Error> {
        let base = self.base();
        if fs::hard_link(manifest, &base).is_ok() {
            return Ok(());
        }
        fs::copy(manifest, &base).map(drop).map_err(Error::io("copy", manifest))
    }

    /// The file that names the manifest the session was started from.
    pub(super) fn manifest(&self) -> PathBuf {
        self.dir.join("manifest")
    }

    /// The manifest below the session, as it was when the session was started.
    pub(super) fn base(&self) -> PathBuf {
        self.dir.join("base")
    }

    /// The file that names the directory of the host below the session.
    pub(super) fn lower(&self) -> PathBuf {
        self.dir.join("lower")
    }

    /// What the session was started from.
    pub(super) fn ground(&self) -> Result<Ground, Error> {
        Ground::read(&self.dir)
    }

    /// Removes the session. The journal goes first: without it there is no session, whenever this
    /// is interrupted.
    pub(super) fn remove(&self) -> Result<(), Error> {
        let journal = self.journal();
        match fs::remove_file(&journal) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", &journal)(error)),
        }
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.dir)(error))
            }
            _ => Ok(()),
        }
    }
}

/// The sessions in the store, by name.
pub fn list(store: &Path) -> Result<Vec<Listed>, Error> {
    let all = directory(store);
    let found = match fs::read_dir(&all) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &all)(error)),
    };
    let mut sessions = Vec::new();
    for entry in found {
        let dir = entry.map_err(Error::io("list", &all))?.path();
        let Some(name) = dir.file_name().and_then(OsStr::to_str) else { continue };
        if checked(name).is_err() || !dir.join("journal").exists() {
            continue;
        }
        sessions.push(Listed {
            name: name.to_owned(),
            ground: Ground::read(&dir).ok(),
            in_use: is_locked(&dir),
        });
    }
    sessions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sessions)
}

/// Removes the session `name`, even if what it holds cannot be read.
pub fn remove(store: &Path, name: &str) -> Result<(), Error> {
    Place::open(store, name)?.remove()
}

fn directory(store: &Path) -> PathBuf {
    store.join("sessions")
}

fn checked(name: &str) -> Result<&str, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = name.len() <= NAME_MAX && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    match fits && name.chars().all(plain) {
        true => Ok(name),
        false => Err(Error::BadName { name: name.to_owned() }),
    }
}

/// Makes the directory of a session that was given no name.
fn unnamed(all: &Path) -> Result<(String, PathBuf), Error> {
    for n in 1u32.. {
        let name = format!("run-{}-{n}", std::process::id());
        let dir = all.join(&name);
        match DirBuilder::new().mode(0o711).create(&dir) {
            Ok(()) => return Ok((name, dir)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("make", &dir)(error)),
        }
    }
    unreachable!("four thousand million sessions of one process id")
}

fn make_dir(dir: &Path, mode: u32) -> Result<(), Error> {
    match DirBuilder::new().mode(mode).create(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("make", dir)(error)),
    }
}

/// The manifests below the sessions in the store, and the directories of those sessions.
pub(crate) fn bases(store: &Path) -> Result<Vec<PathBuf>, Error> {
    let all = directory(store);
    let based = |found: &Listed| !matches!(found.ground, Some(Ground::Lower(_)));
    let found = list(store)?.into_iter().filter(based);
    Ok(found.map(|found| all.join(found.name).join("base")).collect())
}

/// Whether a process has the session.
fn is_locked(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join("lock")) else { return false };
    matches!(
        Flock::lock(file, FlockArg::LockSharedNonblock),
        Err((_, nix::errno::Errno::EWOULDBLOCK))
    )
}

/// Takes the session, and writes down who has it.
fn lock(dir: &Path, name: &str) -> Result<Flock<File>, Error> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = file.open(&path).map_err(Error::io("open", &path))?;
    let mut file = file;
    for attempt in 0.. {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // A list may look at the lock at this moment.
            Err((again, nix::errno::Errno::EWOULDBLOCK)) if attempt < 3 => {
                file = again;
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            held => return taken(held, &path, name),
        }
    }
    unreachable!("the last attempt returns")
}

fn taken(
    held: Result<Flock<File>, (File, nix::errno::Errno)>,
    path: &Path,
    name: &str,
) -> Result<Flock<File>, Error> {
    match held {
        Ok(mut lock) => {
            lock.set_len(0).map_err(Error::io("write", path))?;
            let own = std::process::id().to_string();
            lock.write_all(own.as_bytes()).map_err(Error::io("write", path))?;
            Ok(lock)
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut holder = String::new();
            let told = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
            Err(Error::InUse { name: name.to_owned(), holder: told.then_some(holder) })
        }
        Err((_, errno)) => Err(Error::io("lock", path)(errno.into())),
    }
}
