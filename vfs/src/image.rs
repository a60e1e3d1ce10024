//! Files as the kernel executes them: what their first bytes say, and the copies it is given of
//! those in a mount.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use vrift_cas::Digest;

use crate::caller::Exe;
use crate::copies::{Copies, Loader, Source};
use crate::elf::{self, Interpreter};
use crate::error::Error;
use crate::host;
use crate::place::{NodeRef, Place};
use crate::script::{self, HEAD_BYTES, Line};

/// How the kernel would run a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Head {
    /// By the interpreter this line names.
    Script(Line),
    /// By itself, with the dynamic linker that it names.
    Dynamic(Interpreter),
    /// By itself; or not at all, which the kernel says.
    #[default]
    Other,
}

impl Head {
    /// Reads the head of `file`.
    pub(crate) fn read(file: &File) -> io::Result<Head> {
        let head = elf::read_at(file, 0, HEAD_BYTES)?;
        if let Some(line) = script::parse(&head) {
            return Ok(Head::Script(line));
        }
        Ok(elf::interpreter(file)?.map_or(Head::Other, Head::Dynamic))
    }
}

/// How many heads are remembered.
const HEADS_MAX: usize = 4096;

/// What one running vrift knows of the programs it has been asked for.
#[derive(Debug)]
pub(crate) struct Images {
    copies: Copies,
    heads: RefCell<HashMap<Source, Head>>,
    /// What was last run as each copy, by the directory of the copy.
    shown: RefCell<HashMap<PathBuf, Exe>>,
}

impl Images {
    /// Nothing is known yet; they will lie in `directory`.
    pub(crate) fn new(directory: PathBuf) -> Images {
        Images {
            copies: Copies::new(directory),
            heads: RefCell::default(),
            shown: RefCell::default(),
        }
    }

    /// The head of a blob, which `open` opens.
    pub(crate) fn head(
        &self,
        digest: Digest,
        open: impl FnOnce() -> Result<File, Error>,
    ) -> Result<Head, Error> {
        let source = Source::Blob(digest);
        if let Some(head) = self.known(&source) {
            return Ok(head);
        }
        let head = Head::read(&open()?).map_err(|source| Error::Copy { source })?;
        self.learn(source, &head);
        Ok(head)
    }

    /// The head of a file of the host. What may not be read, the kernel may still run.
    pub(crate) fn host_head(&self, path: &Path) -> Head {
        let Some(meta) = path.metadata().ok().filter(|meta| meta.is_file()) else {
            return Head::Other;
        };
        let source = Source::host(&meta);
        if let Some(head) = self.known(&source) {
            return head;
        }
        let read = host::open_file(path).and_then(|file| Head::read(&file).ok());
        // Programs stay what they are; a script may be rewritten faster than times tell.
        if let Some(head @ Head::Dynamic(_)) = &read {
            self.learn(source, head);
        }
        read.unwrap_or_default()
    }

    fn known(&self, source: &Source) -> Option<Head> {
        self.heads.borrow().get(source).cloned()
    }

    fn learn(&self, source: Source, head: &Head) {
        let mut heads = self.heads.borrow_mut();
        if heads.len() == HEADS_MAX {
            heads.clear();
        }
        heads.insert(source, head.clone());
    }

    /// An executable copy of what `open` opens, under `name`; it will be known as `exe`.
    pub(crate) fn copy(
        &self,
        source: Source,
        open: impl FnOnce() -> Result<File, Error>,
        name: &OsStr,
        loader: Option<Loader<'_>>,
        exe: &Exe,
    ) -> Result<PathBuf, Error> {
        let failed = |source| Error::Copy { source };
        if !self.copies.may_run() {
            return Err(Error::NoExec { path: self.copies.root().to_owned() });
        }
        let known = self.copies.known(&source, loader.as_ref(), name).map_err(failed)?;
        let path = match known {
            Some(path) => path,
            None => self.copies.copy(source, &open()?, name, loader).map_err(failed)?,
        };
        let directory = path.parent().unwrap_or(&path).to_owned();
        self.shown.borrow_mut().insert(directory, exe.clone());
        Ok(path)
    }

    /// What the copy at `path` was last run as.
    pub(crate) fn shown(&self, path: &Path) -> Option<Exe> {
        self.shown.borrow().get(path.parent()?).cloned()
    }

    /// The nodes that copies are known as.
    pub(crate) fn nodes(&self) -> HashSet<NodeRef> {
        let shown = self.shown.borrow();
        let node = |exe: &Exe| match exe.place {
            Place::Node(node) => Some(node),
            Place::Host(_) => None,
        };
        shown.values().filter_map(node).collect()
    }

    /// A symlink to `target` under `name`.
    pub(crate) fn link(&self, target: &Path, name: &OsStr) -> Result<PathBuf, Error> {
        self.copies.link(target, name).map_err(|source| Error::Copy { source })
    }
}
