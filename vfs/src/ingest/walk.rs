//! The walk through the source, depth first, with a stack of its own instead of the program's.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use vrift_cas::{Fresh, Inserted, Store};

use super::report::{Cause, LeftOut, Problem, Reason, Report};
use super::sensitive::is_sensitive;
use super::source::{self, Directory, Identity, Sort};
use super::{Error, Options, Sensitive};
use crate::manifest::{Builder, Draft, Kind, Node};

/// How often a file is read that changes meanwhile.
const ATTEMPTS: usize = 3;

/// An ingest under way.
pub(super) struct Walk<'a> {
    store: &'a Store,
    options: &'a Options,
    /// The name of the source itself.
    root_name: OsString,
    /// What is never taken in.
    own: Vec<(Identity, Reason)>,
    /// Files and symlinks with several names that were met under one of them.
    linked: HashMap<Identity, Draft>,
    builder: Builder,
    report: Report,
}

/// A directory between the root and where the walk is.
struct Level {
    dir: Directory,
    /// Its path from the source.
    path: PathBuf,
    draft: Draft,
    names: IntoIter<CString>,
}

/// Why one thing is not taken in.
enum Skip {
    Problem(Cause),
    LeftOut(Reason),
    /// Nothing else can be taken in either.
    Fatal(Error),
}

impl<'a> Walk<'a> {
    /// Walks through `source` and writes the manifest.
    pub(super) fn run(
        source: &Path,
        store: &'a Store,
        options: &'a Options,
    ) -> Result<Report, Error> {
        let unreadable = |error| Error::Source { path: source.to_owned(), source: error };
        let dir = Directory::root(source).map_err(unreadable)?;
        let meta = dir.metadata().map_err(unreadable)?;
        let names = dir.names().map_err(unreadable)?.into_iter();
        let full = fs::canonicalize(source).map_err(unreadable)?;
        let hold = store.hold()?;
        let mut walk = Walk {
            store,
            options,
            root_name: full.file_name().unwrap_or_default().to_owned(),
            own: own(store, options),
            linked: HashMap::new(),
            builder: Builder::new(source::node(Kind::Directory, &meta)),
            report: Report { directories: 1, ..Report::default() },
        };
        let root = Level { dir, path: PathBuf::new(), draft: walk.builder.root(), names };
        let mut stack = vec![root];
        while let Some(level) = stack.last_mut() {
            let below = match level.names.next() {
                Some(name) => walk.visit(level, &name)?,
                None => {
                    stack.pop();
                    continue;
                }
            };
            stack.extend(below);
        }
        let Walk { builder, report, .. } = walk;
        let place = || builder.write(&options.manifest).map_err(Error::Manifest);
        let id = hold.publish(&options.manifest, place)?;
        Ok(Report { manifest: id, ..report })
    }

    /// Takes in what `name` stands for; if that is a directory, returns it to be walked through.
    fn visit(&mut self, at: &Level, name: &CStr) -> Result<Option<Level>, Error> {
        let path = || at.path.join(OsStr::from_bytes(name.to_bytes()));
        match self.take(at, name) {
            Ok(below) => return Ok(below),
            Err(Skip::LeftOut(reason)) => {
                self.report.left_out.push(LeftOut { path: path(), reason });
            }
            Err(Skip::Problem(cause)) => self.report.problems.push(Problem { path: path(), cause }),
            Err(Skip::Fatal(error)) => return Err(error),
        }
        Ok(None)
    }

    fn take(&mut self, at: &Level, name: &CStr) -> Result<Option<Level>, Skip> {
        match at.dir.sort(name).map_err(cannot("stat"))? {
            Sort::Known(Kind::Directory) => self.take_directory(at, name).map(Some),
            Sort::Known(Kind::File) => self.take_file(at, name).map(|()| None),
            Sort::Known(Kind::Symlink) => self.take_symlink(at, name).map(|()| None),
            Sort::Known(Kind::Fifo) => Err(unsupported("a FIFO")),
            Sort::Known(Kind::Socket) => Err(unsupported("a socket")),
            Sort::Known(Kind::CharDevice | Kind::BlockDevice) => Err(unsupported("a device")),
            Sort::Unknown => Err(unsupported("a thing of unknown kind")),
        }
    }

    fn take_directory(&mut self, at: &Level, name: &CStr) -> Result<Level, Skip> {
        let dir = at.dir.directory(name).map_err(cannot("open"))?;
        let meta = dir.metadata().map_err(cannot("stat"))?;
        self.refuse_own(&meta)?;
        let names = dir.names().map_err(cannot("list"))?.into_iter();
        let draft = self.builder.add(source::node(Kind::Directory, &meta));
        self.builder.add_name(at.draft, name.to_bytes(), draft);
        self.report.directories += 1;
        let path = at.path.join(OsStr::from_bytes(name.to_bytes()));
        Ok(Level { dir, path, draft, names })
    }

    fn take_file(&mut self, at: &Level, name: &CStr) -> Result<(), Skip> {
        let dir_name = at.path.file_name().unwrap_or(&self.root_name);
        if self.options.sensitive == Sensitive::LeaveOut
            && is_sensitive(dir_name.as_bytes(), name.to_bytes())
        {
            return Err(Skip::LeftOut(Reason::Sensitive));
        }
        let file = at.dir.file(name).map_err(cannot("open"))?;
        let meta = file.metadata().map_err(cannot("stat"))?;
        if !meta.is_file() {
            return Err(Skip::Problem(Cause::Changing));
        }
        self.refuse_own(&meta)?;
        if self.is_known(at, name, &meta) {
            return Ok(());
        }
        let (meta, content) = read(&file, self.store)?;
        match content.fresh {
            Fresh::New => self.report.new_blobs += 1,
            Fresh::Known => self.report.known_blobs += 1,
        }
        self.report.files += 1;
        self.report.bytes += content.size;
        let node = Node { digest: content.digest, ..source::node(Kind::File, &meta) };
        let draft = self.builder.add(node);
        self.name(at, name, &meta, draft);
        Ok(())
    }

    fn take_symlink(&mut self, at: &Level, name: &CStr) -> Result<(), Skip> {
        let (meta, target) = at.dir.symlink(name).map_err(cannot("read"))?;
        if !meta.is_symlink() {
            return Err(Skip::Problem(Cause::Changing));
        }
        self.refuse_own(&meta)?;
        if self.is_known(at, name, &meta) {
            return Ok(());
        }
        self.report.symlinks += 1;
        let draft = self.builder.add_symlink(source::node(Kind::Symlink, &meta), &target);
        self.name(at, name, &meta, draft);
        Ok(())
    }

    fn name(&mut self, at: &Level, name: &CStr, meta: &Metadata, draft: Draft) {
        self.builder.add_name(at.draft, name.to_bytes(), draft);
        if meta.nlink() > 1 {
            self.linked.insert(source::identity(meta), draft);
        }
    }

    /// Whether this is a further name of something already taken in; if so, adds the name.
    fn is_known(&mut self, at: &Level, name: &CStr, meta: &Metadata) -> bool {
        let known = self.linked.get(&source::identity(meta)).copied();
        if let Some(draft) = known {
            self.builder.add_name(at.draft, name.to_bytes(), draft);
            self.report.hard_links += 1;
        }
        known.is_some()
    }

    fn refuse_own(&self, meta: &Metadata) -> Result<(), Skip> {
        let identity = source::identity(meta);
        match self.own.iter().find(|(own, _)| *own == identity) {
            Some((_, reason)) => Err(Skip::LeftOut(*reason)),
            None => Ok(()),
        }
    }
}

/// The store and, if there is one already, the manifest.
fn own(store: &Store, options: &Options) -> Vec<(Identity, Reason)> {
    let found = [
        (fs::metadata(store.root()), Reason::Store),
        // Not what a symlink of that name points to: the link is what will be replaced.
        (fs::symlink_metadata(&options.manifest), Reason::Manifest),
    ];
    let identify = |(meta, reason): (io::Result<Metadata>, _)| {
        meta.ok().map(|meta| (source::identity(&meta), reason))
    };
    found.into_iter().filter_map(identify).collect()
}

/// Stores the content of `file`, and returns it with attributes that belong to it.
fn read(file: &File, store: &Store) -> Result<(Metadata, Inserted), Skip> {
    for _ in 0..ATTEMPTS {
        let before = file.metadata().map_err(cannot("stat"))?;
        let content = store.insert_file(file).map_err(|error| match error {
            vrift_cas::Error::Source { source } => cannot("read")(source),
            other => Skip::Fatal(Error::Store(other)),
        })?;
        let after = file.metadata().map_err(cannot("stat"))?;
        if source::unchanged(&before, &after) && content.size == after.size() {
            return Ok((before, content));
        }
    }
    Err(Skip::Problem(Cause::Changing))
}

fn unsupported(kind: &'static str) -> Skip {
    Skip::Problem(Cause::Unsupported { kind })
}

fn cannot(operation: &'static str) -> impl FnOnce(io::Error) -> Skip {
    move |source| Skip::Problem(Cause::Io { operation, source })
}
