//! A file that has only a temporary name until it is complete.
//!
//! Used for blobs and by other crates for files that must appear whole or not at all. Dropping a
//! [`Temp`] that was not placed removes it; a killed process leaves it behind, under a name that
//! no later process can mistake for its own, because creation is exclusive.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file open for reading and writing, on its way to its final name.
#[derive(Debug)]
pub struct Temp {
    file: File,
    path: PathBuf,
}

impl Temp {
    /// Creates an empty file in `dir` with permissions `mode` (less the umask). Its name starts
    /// with `prefix`.
    ///
    /// # Errors
    /// What `open(2)` says; a name that is taken is never an error.
    pub fn create(dir: &Path, prefix: &str, mode: u32) -> io::Result<Temp> {
        let (path, file) = fresh(dir, prefix, |path| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(mode).open(path)
        })?;
        Ok(Temp { file, path })
    }

    /// Takes over `file`, which has no name yet, after `link` has given it one in `dir`.
    pub(crate) fn adopt(
        file: File,
        dir: &Path,
        link: impl Fn(&File, &Path) -> nix::Result<()>,
    ) -> io::Result<Temp> {
        let (path, ()) = fresh(dir, "", |path| link(&file, path).map_err(io::Error::from))?;
        Ok(Temp { file, path })
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file, which has been renamed.
    pub(crate) fn forget_name(mut self) {
        self.path.clear();
    }

    /// Gives it the name `to`, replacing what had that name, in one step.
    ///
    /// # Errors
    /// What `rename(2)` says; the file is then removed.
    pub fn replace(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        // The temporary name is anybody's now.
        self.path.clear();
        Ok(())
    }
}

/// Makes something under the first name in `dir` that is not taken.
fn fresh<T>(
    dir: &Path,
    prefix: &str,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{prefix}{}-{number}", std::process::id()));
        match make(&path) {
            Ok(made) => return Ok((path, made)),
            // An earlier process with our id left it, or one in another pid namespace uses it.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Nobody is left to tell; `Stats::leftovers` counts what stays behind.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn a_temporary_file_goes_away_unless_it_is_placed() {
        let dir = tempfile::tempdir().unwrap();
        drop(Temp::create(dir.path(), "t", 0o600).unwrap());
        assert_eq!(names(dir.path()), 0);

        let to = dir.path().join("final");
        Temp::create(dir.path(), "t", 0o600).unwrap().replace(&to).unwrap();
        Temp::create(dir.path(), "t", 0o600).unwrap().replace(&to).unwrap();
        assert_eq!(names(dir.path()), 1);
    }

    #[test]
    fn a_name_left_by_a_dead_process_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let pid = std::process::id();
        for number in 0..200 {
            fs::write(dir.path().join(format!("u{pid}-{number}")), "old").unwrap();
        }
        let temp = Temp::create(dir.path(), "u", 0o600).unwrap();
        assert_eq!(temp.file().metadata().unwrap().len(), 0);
    }
}
