//! What the user wants left out: `--exclude` patterns and `.vriftignore` files, in the syntax of
//! gitignore(5) with its precedence: the command line overrules files, a deeper file overrules one
//! above it, and among the patterns of one of them the last that matches decides.
//!
//! As with git, nothing inside an excluded directory can be taken in again, because it is never
//! looked into.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The file with patterns for the directory it is in and all below.
pub(super) const FILE: &std::ffi::CStr = c".vriftignore";

/// The longest such file.
const BYTES_MAX: u64 = 1 << 20;

/// The patterns of one directory, and those above it.
#[derive(Debug)]
pub(super) struct Patterns {
    matcher: Gitignore,
    /// How many components the directory's path has.
    depth: usize,
    above: Option<Arc<Patterns>>,
}

impl Patterns {
    /// Reads the patterns that `text` yields line by line.
    ///
    /// # Errors
    /// What reading says; `InvalidData` names the first line that is no pattern.
    pub(super) fn read(
        text: &mut dyn Read,
        depth: usize,
        above: Option<Arc<Patterns>>,
    ) -> io::Result<Patterns> {
        let mut bytes = Vec::new();
        text.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(invalid(format!("it is longer than {BYTES_MAX} bytes")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| invalid(error.to_string()))?;
        let matcher = compile(text.lines())?;
        Ok(Patterns { matcher, depth, above })
    }

    /// The patterns of the command line.
    ///
    /// # Errors
    /// `InvalidData` names the first that is none.
    pub(super) fn given(patterns: &[String]) -> io::Result<Patterns> {
        let matcher = compile(patterns.iter().map(String::as_str))?;
        Ok(Patterns { matcher, depth: 0, above: None })
    }

    /// Whether there is none, neither here nor above.
    pub(super) fn is_empty(&self) -> bool {
        self.matcher.is_empty() && self.above.as_ref().is_none_or(|above| above.is_empty())
    }

    /// Whether what is at `path`, relative to the root, is left out; `None` if no pattern says.
    pub(super) fn exclude(&self, path: &Path, kind: PathKind) -> Option<bool> {
        let mut layer = Some(self);
        while let Some(Patterns { matcher, depth, above }) = layer {
            layer = above.as_deref();
            if matcher.is_empty() {
                continue;
            }
            let mut below = path.components();
            below.by_ref().take(*depth).for_each(drop);
            let found = matcher.matched(below.as_path(), kind == PathKind::Directory);
            if !found.is_none() {
                return Some(found.is_ignore());
            }
        }
        None
    }
}

/// What a pattern that ends with a slash wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    Directory,
    Other,
}

fn compile<'a>(lines: impl Iterator<Item = &'a str>) -> io::Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        builder.add_line(None, line).map_err(|error| invalid(error.to_string()))?;
    }
    builder.build().map_err(|error| invalid(error.to_string()))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str, depth: usize, above: Option<Patterns>) -> Patterns {
        Patterns::read(&mut text.as_bytes(), depth, above.map(Arc::new)).unwrap()
    }

    #[test]
    fn patterns_are_gits() {
        let top = patterns("# comment\n*.o\n/build\ncache/\n!keep.o\na/**/z\n", 0, None);
        let judge = |path: &str| {
            let (kind, path) = match path.strip_suffix('/') {
                Some(path) => (PathKind::Directory, path),
                None => (PathKind::Other, path),
            };
            top.exclude(Path::new(path), kind)
        };
        for out in ["x.o", "deep/er/x.o", "build", "build/", "x/cache/", "a/z", "a/b/c/z"] {
            assert_eq!(judge(out), Some(true), "{out}");
        }
        for kept in ["x.c", "x/build", "cache", "b/a/z", "# comment"] {
            assert_eq!(judge(kept), None, "{kept}");
        }
        assert_eq!(judge("x/keep.o"), Some(false));
    }

    #[test]
    fn a_deeper_file_overrules_and_is_relative_to_its_directory() {
        let top = patterns("*.log\n", 0, None);
        let below = patterns("!*.log\n/only\n", 2, Some(top));
        let judge = |path: &str| below.exclude(Path::new(path), PathKind::Other);
        assert_eq!(judge("a/b/x.log"), Some(false));
        assert_eq!(judge("a/b/only"), Some(true));
        assert_eq!(judge("a/b/c/only"), None);
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        let error = Patterns::given(&["[z-a]".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("[z-a]"), "{error}");
        let error = Patterns::read(&mut &b"\xff"[..], 0, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
