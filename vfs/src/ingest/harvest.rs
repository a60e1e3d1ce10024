//! What the threads of an ingest have found, gathered in one place.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use vrift_cas::{Digest, Fresh, Hold, Store};

use super::cache::{Cache, Entry, Origin};
use super::report::{Cause, LeftOut, Problem, Reason, Report, Special};
use super::source::Identity;
use super::trust::Trust;
use super::{Error, Progress};
use crate::manifest::{Builder, Draft, Kind, Node, Xattr};

/// Something that was taken in, before it has its name.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) node: Node,
    /// Of a symlink.
    pub(super) target: Vec<u8>,
    pub(super) xattrs: Vec<Xattr>,
    /// Set if it may have further names.
    pub(super) linked: Option<Identity>,
    /// How its content came into the store, if it has one.
    pub(super) content: Option<Content>,
    /// What the next ingest may believe.
    pub(super) entry: Option<Entry>,
}

/// How the content of a file came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// It was read, and the store had it or not.
    Read(Fresh),
    /// It was known from an earlier ingest.
    Unchanged,
}

/// What became of one name.
#[derive(Debug)]
pub(super) enum Outcome {
    Taken(Box<Taken>),
    /// It is a further name of something taken in under another one.
    Further(Identity),
    LeftOut(Reason),
    Excluded,
    Problem(Cause),
}

/// One name and what became of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: CString,
    pub(super) outcome: Outcome,
}

/// A further name of a file that may not be done yet.
#[derive(Debug)]
struct Further {
    parent: Draft,
    name: CString,
    identity: Identity,
    path: PathBuf,
}

#[derive(Debug)]
struct Gathered {
    builder: Builder,
    report: Report,
    /// Contents that were counted.
    contents: HashSet<Digest>,
    linked: HashMap<Identity, Draft>,
    further: Vec<Further>,
    entries: Vec<Entry>,
    /// Entries that came from the cache.
    unchanged: usize,
}

/// How an ingest ends.
#[derive(Debug)]
pub(super) enum End {
    Done(Box<Report>),
    /// Blobs that were counted on are not there: all are to be looked at.
    Again(Repeat),
}

/// What the ingest that is done again has done already.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    new_blobs: u64,
    new_bytes: u64,
    /// Files that were read because their blobs were missing.
    missed: u64,
}

impl Repeat {
    /// Tells of both as one.
    pub(super) fn add_to(&self, report: &mut Report) {
        report.new_blobs += self.new_blobs;
        report.new_bytes += self.new_bytes;
        report.known_blobs = report.known_blobs.saturating_sub(self.new_blobs);
        report.unchanged = report.unchanged.saturating_sub(self.missed);
    }
}

/// The common result of all threads.
#[derive(Debug)]
pub(super) struct Harvest<'a> {
    gathered: Mutex<Gathered>,
    /// Files with several names that a thread has begun to take in.
    begun: Mutex<HashSet<Identity>>,
    fatal: Mutex<Option<Error>>,
    progress: &'a Progress,
}

impl<'a> Harvest<'a> {
    pub(super) fn new(root: Node, xattrs: Vec<Xattr>, progress: &'a Progress) -> Harvest<'a> {
        let mut builder = Builder::new(root);
        builder.set_xattrs(builder.root(), xattrs);
        let gathered = Gathered {
            builder,
            report: Report { directories: 1, ..Report::default() },
            contents: HashSet::new(),
            linked: HashMap::new(),
            further: Vec::new(),
            entries: Vec::new(),
            unchanged: 0,
        };
        Harvest {
            gathered: Mutex::new(gathered),
            begun: Mutex::default(),
            fatal: Mutex::default(),
            progress,
        }
    }

    pub(super) fn root(&self) -> Draft {
        self.gathered.lock().builder.root()
    }

    /// How far it is.
    pub(super) fn progress(&self) -> &Progress {
        self.progress
    }

    /// Whether the caller is the first to meet this file with several names, and so takes it in.
    pub(super) fn begin(&self, identity: Identity) -> bool {
        self.begun.lock().insert(identity)
    }

    /// Adds a directory, and returns what its names are to be added to.
    pub(super) fn directory(
        &self,
        parent: Draft,
        name: &[u8],
        node: Node,
        xattrs: Vec<Xattr>,
    ) -> Draft {
        let mut gathered = self.gathered.lock();
        let Gathered { builder, report, .. } = &mut *gathered;
        let draft = builder.add(node);
        builder.set_xattrs(draft, xattrs);
        builder.add_name(parent, name, draft);
        report.directories += 1;
        draft
    }

    /// Adds what was found in the directory at `path`.
    pub(super) fn add(&self, parent: Draft, path: &Path, found: Vec<Found>) {
        let (mut files, mut bytes) = (0, 0);
        let mut gathered = self.gathered.lock();
        for Found { name, outcome } in found {
            if let Outcome::Taken(taken) = &outcome
                && taken.node.kind == Kind::File
            {
                files += 1;
                bytes += taken.node.size;
            }
            gathered.add(parent, path, name, outcome);
        }
        drop(gathered);
        self.progress.files.fetch_add(files, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Remembers what makes all the rest pointless; the first such thing is told.
    pub(super) fn fail(&self, error: Error) {
        self.fatal.lock().get_or_insert(error);
    }

    /// Says something that harms nothing.
    pub(super) fn warn(&self, warning: String) {
        self.gathered.lock().report.warnings.push(warning);
    }

    /// Writes the manifest, unless it is there already, and the cache.
    pub(super) fn finish(
        self,
        (store, hold): (&Store, &Hold),
        manifest: &Path,
        cache: &Cache,
        trust: &Trust,
    ) -> Result<End, Error> {
        if let Some(error) = self.fatal.into_inner() {
            return Err(error);
        }
        let mut gathered = self.gathered.into_inner();
        gathered.name_further();
        let Gathered { builder, mut report, entries, unchanged, .. } = gathered;
        let finished = builder.finish().map_err(Error::Manifest)?;
        report.manifest = finished.id();
        let mark = match trust.mark() {
            Some(mark)
                if hold.is_published(manifest, finished.id()) && finished.is_at(manifest) =>
            {
                Ok(Some(mark))
            }
            _ if trust.is_right(store, &entries)? => {
                hold.publish(manifest, || finished.write(manifest).map_err(Error::Manifest))?;
                hold.make_mark()
            }
            _ => {
                let Report { new_blobs, new_bytes, .. } = report;
                return Ok(End::Again(Repeat { new_blobs, new_bytes, missed: trust.missed() }));
            }
        };
        let mark = mark.unwrap_or_else(|error| {
            report.warnings.push(format!("the next ingest will look at all blobs: {error}"));
            None
        });
        let Report { manifest, distinct_bytes, .. } = report;
        let origin = Origin { mark, manifest, distinct_bytes };
        if let Err(error) = cache.replace(entries, unchanged, origin) {
            report.warnings.push(format!("the next ingest will read all files again: {error}"));
        }
        report.sort();
        Ok(End::Done(Box::new(report)))
    }
}

impl Gathered {
    fn add(&mut self, parent: Draft, dir: &Path, name: CString, outcome: Outcome) {
        let path = || dir.join(os(&name));
        match outcome {
            Outcome::Taken(taken) => self.take(parent, dir, &name, *taken),
            Outcome::Further(identity) => {
                let path = path();
                self.further.push(Further { parent, name, identity, path });
            }
            Outcome::LeftOut(reason) => self.report.left_out.push(LeftOut { path: path(), reason }),
            Outcome::Excluded => self.report.excluded += 1,
            Outcome::Problem(cause) => self.report.problems.push(Problem { path: path(), cause }),
        }
    }

    fn take(&mut self, parent: Draft, dir: &Path, name: &CString, taken: Taken) {
        let Taken { node, target, xattrs, linked, content, entry } = taken;
        self.count(&node, content);
        let draft = match node.kind {
            Kind::Symlink => self.builder.add_symlink(node, &target),
            _ => self.builder.add(node),
        };
        if !matches!(node.kind, Kind::File | Kind::Directory | Kind::Symlink) {
            self.report.specials.push(Special { path: dir.join(os(name)), kind: node.kind });
        }
        if !xattrs.is_empty() {
            self.builder.set_xattrs(draft, xattrs);
        }
        self.builder.add_name(parent, name.to_bytes(), draft);
        if let Some(identity) = linked {
            self.linked.insert(identity, draft);
        }
        self.unchanged += usize::from(entry.is_some() && content == Some(Content::Unchanged));
        self.entries.extend(entry);
    }

    fn count(&mut self, node: &Node, content: Option<Content>) {
        let report = &mut self.report;
        match node.kind {
            Kind::File => {
                report.files += 1;
                report.bytes += node.size;
                if self.contents.insert(node.digest) {
                    report.distinct_bytes += node.size;
                }
            }
            Kind::Symlink => report.symlinks += 1,
            _ => {}
        }
        match content {
            Some(Content::Read(Fresh::New)) => {
                report.new_blobs += 1;
                report.new_bytes += node.size;
            }
            Some(Content::Read(Fresh::Known)) => report.known_blobs += 1,
            Some(Content::Unchanged) => {
                report.known_blobs += 1;
                report.unchanged += 1;
            }
            None => {}
        }
    }

    /// Names everything that was met again under another name, now that all files are done.
    fn name_further(&mut self) {
        for Further { parent, name, identity, path } in std::mem::take(&mut self.further) {
            match self.linked.get(&identity) {
                Some(&draft) => {
                    self.builder.add_name(parent, name.to_bytes(), draft);
                    self.report.hard_links += 1;
                }
                None => self.report.problems.push(Problem { path, cause: Cause::Linked }),
            }
        }
    }
}

/// A failed operation on one name.
pub(super) fn cannot<E: Into<io::Error>>(operation: &'static str) -> impl FnOnce(E) -> Outcome {
    move |error| Outcome::Problem(Cause::Io { operation, source: error.into() })
}

/// A name as the standard library takes it.
pub(super) fn os(name: &CStr) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(name.to_bytes())
}
