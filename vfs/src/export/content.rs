//! The content of one file, from its blob, with its digest checked on the way, or from where a
//! session has it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use vrift_cas::Digest;

use super::attributes::cannot;
use super::report::Cause;
use super::source::Opened;
use super::target;
use crate::manifest::Node;

/// How much is in memory at once. A blob that is not longer is checked before its file is made.
pub(crate) const PIECE: usize = 1 << 20;

/// From which size on sharing a content is worth a try.
const WORTH_SHARING: u64 = 1 << 14;

/// What holes are made of: the block size of nearly all file systems.
const BLOCK: usize = 4096;

/// How a content came into its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Copied,
    Shared,
}

/// Where runs of zeros become holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holes {
    None,
    Zeros,
}

/// Contents on their way to one target.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Whether the target may share contents with what they come from; found out by the first try.
    sharing: AtomicBool,
}

impl Contents {
    pub(crate) fn new() -> Contents {
        Contents { sharing: AtomicBool::new(true) }
    }

    /// Fills the file that `make` makes from what was opened for `node`. What is wrong with a small
    /// blob is known before.
    pub(crate) fn fill(
        &self,
        node: &Node,
        opened: Result<Opened, Cause>,
        buffer: &mut [u8],
        make: impl FnOnce() -> Result<File, Cause>,
    ) -> Result<(File, How), Filled> {
        let Opened { file: blob, digest } = opened.map_err(Filled::Nothing)?;
        let damaged = || match digest {
            Some(digest) => Cause::Damaged { digest },
            None => Cause::Changed,
        };
        if node.size >= WORTH_SHARING && self.sharing.load(Ordering::Relaxed) {
            let file = make().map_err(Filled::Nothing)?;
            if self.share(&blob, &file) {
                let mut check = Check::new(&file, buffer);
                while check.next().map_err(Filled::Partly)?.is_some() {}
                return match check.is(node, digest) {
                    true => Ok((file, How::Shared)),
                    false => Err(Filled::Partly(damaged())),
                };
            }
            return copy(node, (&blob, digest), buffer, file, damaged);
        }
        if node.size < buffer.len() as u64 {
            let mut check = Check::new(&blob, buffer);
            let length = check.next().map_err(Filled::Nothing)?.map_or(0, |(_, piece)| piece.len());
            if !check.is(node, digest) {
                return Err(Filled::Nothing(damaged()));
            }
            let file = make().map_err(Filled::Nothing)?;
            write(&file, &buffer[..length], 0, holes(node)).map_err(Filled::Partly)?;
            finish(&file, node).map_err(Filled::Partly)?;
            return Ok((file, How::Copied));
        }
        let file = make().map_err(Filled::Nothing)?;
        copy(node, (&blob, digest), buffer, file, damaged)
    }

    fn share(&self, blob: &File, file: &File) -> bool {
        let shared = target::clone(blob, file).is_ok();
        if !shared {
            self.sharing.store(false, Ordering::Relaxed);
        }
        shared
    }
}

fn copy(
    node: &Node,
    (blob, digest): (&File, Option<Digest>),
    buffer: &mut [u8],
    file: File,
    damaged: impl Fn() -> Cause,
) -> Result<(File, How), Filled> {
    let mut check = Check::new(blob, buffer);
    while let Some((at, piece)) = check.next().map_err(Filled::Partly)? {
        // A damaged blob may have any length; no more of it is written than there should be.
        if at + piece.len() as u64 > node.size {
            return Err(Filled::Partly(damaged()));
        }
        write(&file, piece, at, holes(node)).map_err(Filled::Partly)?;
    }
    if !check.is(node, digest) {
        return Err(Filled::Partly(damaged()));
    }
    finish(&file, node).map_err(Filled::Partly)?;
    Ok((file, How::Copied))
}

/// Why a file was not filled.
#[derive(Debug)]
pub(crate) enum Filled {
    /// It was not even made.
    Nothing(Cause),
    /// It was made, and must not stay.
    Partly(Cause),
}

/// Reads a file piece by piece and hashes it.
struct Check<'a> {
    file: &'a File,
    buffer: &'a mut [u8],
    hasher: blake3::Hasher,
}

impl<'a> Check<'a> {
    fn new(file: &'a File, buffer: &'a mut [u8]) -> Check<'a> {
        Check { file, buffer, hasher: blake3::Hasher::new() }
    }

    /// The next piece and where it begins; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, Cause> {
        let at = self.hasher.count();
        let mut length = 0;
        while length < self.buffer.len() {
            match self.file.read_at(&mut self.buffer[length..], at + length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(cannot("read the content of")(error)),
            }
        }
        let piece = &self.buffer[..length];
        self.hasher.update(piece);
        Ok((length > 0).then_some((at, piece)))
    }

    /// Whether what was read is the content of `node`.
    fn is(&self, node: &Node, digest: Option<Digest>) -> bool {
        self.hasher.count() == node.size
            && digest.is_none_or(|digest| Digest::from(self.hasher.finalize()) == digest)
    }
}

/// A file that occupied less than its size had holes.
fn holes(node: &Node) -> Holes {
    match node.blocks.saturating_mul(512) < node.size {
        true => Holes::Zeros,
        false => Holes::None,
    }
}

/// Writes `bytes` to where they belong, which is a multiple of the block size.
fn write(file: &File, bytes: &[u8], at: u64, holes: Holes) -> Result<(), Cause> {
    let write = |bytes: &[u8], at| file.write_all_at(bytes, at).map_err(cannot("write"));
    if holes == Holes::None {
        return write(bytes, at);
    }
    let mut start = 0;
    while start < bytes.len() {
        let blocks = || bytes[start..].chunks(BLOCK);
        let zeros: usize = blocks().take_while(|block| is_zero(block)).map(<[u8]>::len).sum();
        start += zeros;
        let rest = bytes[start..].chunks(BLOCK);
        let full: usize = rest.take_while(|block| !is_zero(block)).map(<[u8]>::len).sum();
        if full > 0 {
            write(&bytes[start..start + full], at + start as u64)?;
        }
        start += full;
    }
    Ok(())
}

/// Makes the hole at the end of a file, if it has one.
fn finish(file: &File, node: &Node) -> Result<(), Cause> {
    match holes(node) {
        Holes::Zeros => file.set_len(node.size).map_err(cannot("set the length of")),
        Holes::None => Ok(()),
    }
}

fn is_zero(block: &[u8]) -> bool {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    ZEROS.starts_with(block)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use vrift_cas::Store;

    use super::*;

    #[test]
    fn zeros_become_holes_and_everything_else_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut content = vec![0; 10 * BLOCK + 7];
        for at in [0, 3 * BLOCK + 5, 4 * BLOCK, 8 * BLOCK - 1, 10 * BLOCK + 6] {
            content[at] = 1;
        }
        for (name, blocks, holes) in [("sparse", 1, Holes::Zeros), ("dense", 1000, Holes::None)] {
            let node = Node { size: content.len() as u64, blocks, ..Node::default() };
            let path = dir.path().join(name);
            let file = File::create(&path).unwrap();
            write(&file, &content, 0, holes).unwrap();
            finish(&file, &node).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content, "{name}");
        }
        let blocks = |name| dir.path().join(name).metadata().unwrap().blocks();
        assert!(blocks("sparse") <= blocks("dense"));
    }

    #[test]
    fn a_file_of_nothing_but_a_hole_keeps_its_length() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        let content = vec![0; 3 * BLOCK + 1];
        let digest = store.insert_bytes(&content).unwrap().digest;
        let node = Node { size: content.len() as u64, digest, ..Node::default() };
        let path = dir.path().join("file");
        let make = || File::create(&path).map_err(cannot("create"));
        let file = store.open_blob(&digest).unwrap();
        let opened = Ok(Opened { file, digest: Some(digest) });
        let contents = Contents::new();
        let (file, how) = contents.fill(&node, opened, &mut vec![0; PIECE], make).unwrap();
        assert_eq!((file.metadata().unwrap().len(), how), (node.size, How::Copied));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}
