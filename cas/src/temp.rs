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
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{prefix}{}-{number}", std::process::id()));
            let mut options = OpenOptions::new();
            match options.read(true).write(true).create_new(true).mode(mode).open(&path) {
                Ok(file) => return Ok(Temp { file, path }),
                // An earlier process with our id left it, or one in another pid namespace uses it.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it the name `to`, unless that is taken; the temporary name is gone either way.
    ///
    /// # Errors
    /// `AlreadyExists` if `to` exists, `NotFound` if its directory does not; the file is then
    /// still usable under its temporary name.
    pub(crate) fn place_new(&self, to: &Path) -> io::Result<()> {
        fs::hard_link(&self.path, to)
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
        let first = Temp::create(dir.path(), "t", 0o600).unwrap();
        first.place_new(&to).unwrap();
        drop(first);
        let second = Temp::create(dir.path(), "t", 0o600).unwrap();
        assert_eq!(second.place_new(&to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        second.replace(&to).unwrap();
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
