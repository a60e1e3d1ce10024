//! The walk through the tree, shared out between threads.
//!
//! Files come first, each under the first of its names; then, when nothing is being made any more,
//! further names; and the attributes of directories last, from the bottom up, because making a name
//! changes the times of its directory, and a directory may forbid its owner to enter it.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use vrift_cas::Store;

use super::attributes::{Caller, Missed, cannot};
use super::content::{Contents, Filled, How, PIECE};
use super::report::{Cause, Error, Note, Problem, Report};
use super::source::{Name, Source, Unreadable};
use super::target::Place;
use super::{Existing, Options};
use crate::ingest::Progress;
use crate::manifest::{Kind, Node, NodeId};
use crate::work::{Pile, processors};

/// How many names of a directory make one job.
const CHUNK: usize = 64;

/// A directory that is being filled.
#[derive(Debug)]
struct Dir {
    place: Place,
    path: Vec<u8>,
    node: NodeId,
}

/// Something to be done by any thread.
enum Job {
    /// A directory in another one.
    Directory(Arc<Dir>, Vec<u8>, NodeId),
    /// Names of a directory, from this position on.
    Names(Arc<Dir>, u64),
}

/// A further name of a file that may not be made yet.
#[derive(Debug)]
struct Further {
    dir: Vec<u8>,
    name: Vec<u8>,
    node: NodeId,
}

/// What all threads share.
struct Export<'a> {
    source: &'a dyn Source,
    contents: Contents,
    caller: Caller,
    existing: Existing,
    progress: &'a Progress,
    done: Mutex<Done>,
    fatal: Mutex<Option<Error>>,
}

#[derive(Debug, Default)]
struct Done {
    report: Report,
    missed: Missed,
    further: Vec<Further>,
    directories: Vec<(NodeId, Vec<u8>)>,
}

/// Why something was not made.
enum Stop {
    /// The rest goes on.
    Here(Cause),
    /// Nothing else can be made either.
    Everywhere(Error),
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Stop {
        match cause {
            Cause::Io { operation, source } if is_full(&source) => {
                Stop::Everywhere(Error::Target { operation, path: PathBuf::new(), source })
            }
            other => Stop::Here(other),
        }
    }
}

impl From<Unreadable> for Stop {
    fn from(error: Unreadable) -> Stop {
        Stop::Everywhere(Error::Source(error))
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
}

/// See [`super::export`].
pub(super) fn export(
    source: &dyn Source,
    store: &Store,
    target: &Path,
    options: &Options,
    progress: &Progress,
) -> Result<Report, Error> {
    let failed = |operation| {
        move |error: rustix::io::Errno| Error::Target {
            operation,
            path: target.to_owned(),
            source: error.into(),
        }
    };
    let _hold = store.hold()?;
    let open = || Place::named(target).map_err(failed("create the directory"));
    let top = open()?;
    if options.existing == Existing::Refuse && !top.is_empty().map_err(failed("list"))? {
        return Err(Error::NotEmpty { path: target.to_owned() });
    }
    let export = Export {
        source,
        contents: Contents::new(),
        caller: Caller::current(),
        existing: options.existing,
        progress,
        done: Mutex::default(),
        fatal: Mutex::default(),
    };
    let root = Dir { place: open()?, path: Vec::new(), node: NodeId::ROOT };
    export.done.lock().directories.push((NodeId::ROOT, Vec::new()));
    let jobs = export.share_out(root)?;
    let threads = options.jobs.unwrap_or_else(processors);
    let buffer = || vec![0; PIECE];
    Pile::work(jobs, threads, buffer, |pile, buffer, job| export.work(pile, buffer, job));
    export.finish(&top).map_err(|error| match error {
        Error::Target { operation, path, source } => {
            Error::Target { operation, path: target.join(path), source }
        }
        other => other,
    })
}

impl Export<'_> {
    fn work(&self, pile: &Pile<Job>, buffer: &mut [u8], job: Job) {
        let done = match job {
            Job::Directory(above, name, node) => self.enter(pile, &above, &name, node),
            Job::Names(dir, from) => self.make_names(pile, buffer, &dir, from),
        };
        if let Err(error) = done {
            self.fatal.lock().get_or_insert(error);
            pile.stop();
        }
    }

    /// Jobs for the names in a directory.
    fn share_out(&self, dir: Dir) -> Result<Vec<Job>, Error> {
        let starts = self.source.starts(dir.node, CHUNK)?.into_iter();
        let dir = Arc::new(dir);
        Ok(starts.map(|from| Job::Names(dir.clone(), from)).collect())
    }

    fn enter(&self, pile: &Pile<Job>, above: &Dir, name: &[u8], id: NodeId) -> Result<(), Error> {
        let path = join(&above.path, name);
        let made = c_name(name).and_then(|name| {
            let made = above.place.make_directory(&name, self.existing);
            Ok(made.map_err(cannot("create"))?)
        });
        let place = match made {
            Ok(place) => place,
            Err(stop) => return self.settle(path, stop),
        };
        self.done.lock().directories.push((id, path.clone()));
        pile.add(self.share_out(Dir { place, path, node: id })?);
        Ok(())
    }

    fn make_names(
        &self,
        pile: &Pile<Job>,
        buffer: &mut [u8],
        dir: &Arc<Dir>,
        from: u64,
    ) -> Result<(), Error> {
        let mut below = Vec::new();
        let mut count = Report::default();
        let mut missed = Missed::default();
        for Name { name, node, kind } in self.source.names(dir.node, from, CHUNK)? {
            if kind == Kind::Directory {
                below.push(Job::Directory(dir.clone(), name, node));
                continue;
            }
            let made = self.make(buffer, dir, &name, node, &mut count, &mut missed);
            if let Err(stop) = made {
                self.settle(join(&dir.path, &name), stop)?;
            }
        }
        self.progress.files.fetch_add(count.files, Ordering::Relaxed);
        self.progress.bytes.fetch_add(count.bytes, Ordering::Relaxed);
        self.done.lock().add(&count, missed);
        pile.add(below);
        Ok(())
    }

    /// Makes anything but a directory.
    fn make(
        &self,
        buffer: &mut [u8],
        dir: &Dir,
        name: &[u8],
        id: NodeId,
        count: &mut Report,
        missed: &mut Missed,
    ) -> Result<(), Stop> {
        let node = self.source.node(id)?;
        if node.nlink > 1 && self.source.path_of(id)? != join(&dir.path, name) {
            let further = Further { dir: dir.path.clone(), name: name.to_vec(), node: id };
            self.done.lock().further.push(further);
            return Ok(());
        }
        let name = c_name(name)?;
        match node.kind {
            Kind::File => self.make_file(buffer, dir, &name, (id, &node), count, missed)?,
            Kind::Symlink => {
                let target = self.source.target(id)?;
                let made = dir.place.make_symlink(&name, &target, self.existing);
                made.map_err(cannot("create"))?;
                self.dress_held(dir, &name, (id, &node), missed)?;
                count.symlinks += 1;
            }
            _ => {
                let made = dir.place.make_special(&name, &node, self.existing);
                made.map_err(cannot("create"))?;
                self.dress_held(dir, &name, (id, &node), missed)?;
                count.specials += 1;
            }
        }
        Ok(())
    }

    fn make_file(
        &self,
        buffer: &mut [u8],
        dir: &Dir,
        name: &CString,
        (id, node): (NodeId, &Node),
        count: &mut Report,
        missed: &mut Missed,
    ) -> Result<(), Stop> {
        let make = || dir.place.make_file(name, self.existing).map_err(cannot("create"));
        let opened = self.source.open(id, node);
        let (file, how) = match self.contents.fill(node, opened, buffer, make) {
            Ok(filled) => filled,
            Err(Filled::Nothing(cause)) => return Err(cause.into()),
            Err(Filled::Partly(cause)) => {
                dir.place.remove(name).map_err(cannot("remove what was made of"))?;
                return Err(cause.into());
            }
        };
        self.caller.dress_open(self.source, id, node, &file, missed)?;
        count.files += 1;
        count.bytes += node.size;
        count.shared += u64::from(how == How::Shared);
        Ok(())
    }

    fn dress_held(
        &self,
        dir: &Dir,
        name: &CString,
        (id, node): (NodeId, &Node),
        missed: &mut Missed,
    ) -> Result<(), Stop> {
        let held = dir.place.hold(name).map_err(cannot("open"))?;
        let held = (&dir.place, name, &held);
        Ok(self.caller.dress_held(self.source, id, node, held, missed)?)
    }

    /// Notes what stopped the making of one name, or passes on what stops everything.
    fn settle(&self, path: Vec<u8>, stop: Stop) -> Result<(), Error> {
        let path = PathBuf::from(OsStr::from_bytes(&path));
        match stop {
            Stop::Here(cause) => self.done.lock().report.problems.push(Problem { path, cause }),
            Stop::Everywhere(Error::Target { operation, source, .. }) => {
                return Err(Error::Target { operation, path, source });
            }
            Stop::Everywhere(error) => return Err(error),
        }
        Ok(())
    }

    /// Makes further names, and gives directories their attributes.
    fn finish(self, top: &Place) -> Result<Report, Error> {
        if let Some(error) = self.fatal.lock().take() {
            return Err(error);
        }
        let further = std::mem::take(&mut self.done.lock().further);
        for Further { dir, name, node } in further {
            match self.link(top, &dir, &name, node) {
                Ok(()) => self.done.lock().report.hard_links += 1,
                Err(stop) => self.settle(join(&dir, &name), stop)?,
            }
        }
        let mut directories = std::mem::take(&mut self.done.lock().directories);
        // What lies in a directory has a path that is longer.
        directories.sort_unstable_by_key(|(_, path)| std::cmp::Reverse(path.len()));
        let mut missed = Missed::default();
        for (id, path) in directories {
            match self.dress_directory(top, id, &path, &mut missed) {
                Ok(()) => self.done.lock().report.directories += 1,
                Err(stop) => self.settle(path, stop)?,
            }
        }
        let Done { mut report, missed: others, .. } = self.done.into_inner();
        let owners = missed.owners + others.owners;
        let xattrs = missed.xattrs + others.xattrs;
        report.notes.extend((owners > 0).then_some(Note::Owners { count: owners }));
        report.notes.extend((xattrs > 0).then_some(Note::Xattrs { count: xattrs }));
        report.problems.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(report)
    }

    fn link(&self, top: &Place, dir: &[u8], name: &[u8], node: NodeId) -> Result<(), Stop> {
        let first = self.source.path_of(node)?;
        let (first_dir, first_name) = match first.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&first[..slash], &first[slash + 1..]),
            None => (&b""[..], &first[..]),
        };
        let from = top.below(first_dir).map_err(cannot("find the first name of"))?;
        let to = top.below(dir).map_err(cannot("find the directory of"))?;
        let linked = to.link(&from, &c_name(first_name)?, &c_name(name)?, self.existing);
        Ok(linked.map_err(cannot("link"))?)
    }

    fn dress_directory(
        &self,
        top: &Place,
        id: NodeId,
        path: &[u8],
        missed: &mut Missed,
    ) -> Result<(), Stop> {
        let node = self.source.node(id)?;
        let place = top.below(path).map_err(cannot("open"))?;
        Ok(self.caller.dress_open(self.source, id, &node, &place, missed)?)
    }
}

impl Done {
    fn add(&mut self, count: &Report, missed: Missed) {
        let report = &mut self.report;
        report.files += count.files;
        report.symlinks += count.symlinks;
        report.specials += count.specials;
        report.bytes += count.bytes;
        report.shared += count.shared;
        self.missed.owners += missed.owners;
        self.missed.xattrs += missed.xattrs;
    }
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, name].join(&b'/') }
}

/// A name as the kernel takes it. The manifest has none with a zero byte.
fn c_name(name: &[u8]) -> Result<CString, Stop> {
    let name =
        CString::new(name).map_err(|error| cannot("use the name of")(io::Error::from(error)));
    Ok(name?)
}
