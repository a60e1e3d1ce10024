//! A file's bytes as a slice, for readers that must not contain `unsafe` themselves.
//!
//! The length is that of the file when it was mapped.
//!
//! Deliberately absent: writable mappings, and any protection from a process that truncates the
//! file later. Map only files that are replaced as a whole and never changed in place; a touch
//! beyond a truncated file's end is `SIGBUS`.
#![expect(unsafe_code, reason = "mmap(2) hands out memory whose stability Rust cannot check")]

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::Mmap;

/// A file's bytes, mapped read-only and private.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Maps the whole of `file`, which may be closed afterwards.
///
/// # Errors
/// What `fstat(2)` and `mmap(2)` say; `ENODEV` for what cannot be mapped, such as a directory.
pub fn map_file(file: &File) -> io::Result<Mapped> {
    // SAFETY: `Mmap::map` asks that nobody changes the file while it is mapped. The files mapped
    // here, manifests, blobs and what ingests remember, are written under another name, renamed into
    // place complete, and never opened for writing again. Reading the file instead would be safe without this argument, but
    // costs a copy of hundreds of megabytes for a large tree.
    unsafe { Mmap::map(file) }.map(Mapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_shows_the_bytes_after_the_file_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        for content in [&b""[..], b"some bytes"] {
            let path = dir.path().join("file");
            std::fs::write(&path, content).unwrap();
            let mapped = map_file(&File::open(&path).unwrap()).unwrap();
            assert_eq!(&*mapped, content);
        }
        assert!(map_file(&File::open(dir.path()).unwrap()).is_err());
    }
}
