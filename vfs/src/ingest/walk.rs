//! The walk through the sources: what is in which directory, shared out between threads.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::process::{getegid, geteuid};
use vrift_cas::{Hold, Store};

use super::cache::Cache;
use super::harvest::{End, Found, Harvest, Outcome, Repeat};
use super::ignored::{self, Patterns};
use super::report::{Cause, Reason};
use super::source::{self, Directory, Listing, XattrBuffers};
use super::take::{Hands, Ingest, Stop, own};
use super::trust::Trust;
use super::visit::{CHUNK, Opened, Place};
use super::{Error, Options, Progress, Reading, Report, compare};
use crate::manifest::{Draft, Kind, Node, Timestamp, Xattr};
use crate::work::{Pile, processors};

/// A directory that is being walked through, and what its names are added to.
#[derive(Debug)]
struct Dir {
    place: Place,
    draft: Draft,
}

/// Something to be done by any thread.
enum Job {
    /// A directory in another one.
    Directory(Arc<Dir>, CString),
    /// Some names of a directory, by their positions.
    Names(Arc<Dir>, Arc<Listing>, Range<usize>),
}

/// The root of the manifest, before anything below it is read.
pub(super) struct Root {
    pub(super) node: Node,
    pub(super) xattrs: Vec<Xattr>,
    /// The sources where they are, to find their cache by.
    places: Vec<PathBuf>,
    pub(super) start: Start,
}

/// What the names in the root are.
pub(super) enum Start {
    /// Those of one directory.
    Directory(Place),
    /// The sources'.
    Names(Vec<NamedSource>),
}

/// A source that becomes a name in the root.
pub(super) struct NamedSource {
    /// The directory it is in.
    above: PathBuf,
    name: OsString,
}

/// See [`super::ingest`].
pub(super) fn ingest(
    sources: &[PathBuf],
    store: &Store,
    options: &Options,
    progress: &Progress,
) -> Result<Report, Error> {
    let hold = store.hold()?;
    let mut before = None;
    // Twice at most: the second round looks at all blobs.
    loop {
        match round(sources, (store, &hold), options, progress, before.as_ref())? {
            End::Done(mut report) => {
                before.unwrap_or_default().add_to(&mut report);
                return Ok(*report);
            }
            End::Again(repeat) => {
                before = Some(repeat);
                progress.files.store(0, Ordering::Relaxed);
                progress.bytes.store(0, Ordering::Relaxed);
            }
        }
    }
}

/// Takes everything in once. `before` is what a round did that counted on missing blobs.
fn round(
    sources: &[PathBuf],
    (store, hold): (&Store, &Hold),
    options: &Options,
    progress: &Progress,
    before: Option<&Repeat>,
) -> Result<End, Error> {
    let given = Patterns::given(&options.exclude);
    let given = given.map_err(|source| Error::Pattern { source })?;
    let root = root(sources)?;
    let harvest = Harvest::new(root.node, root.xattrs.clone(), progress);
    let cache = match options.reading {
        Reading::All => Cache::empty(store, &root.places),
        Reading::Changed => Cache::open(store, &root.places).unwrap_or_else(|unusable| {
            let (path, reason) = (unusable.path.display(), unusable.reason);
            harvest.warn(format!("{path} is not used, and all files are read: {reason}"));
            Cache::empty(store, &root.places)
        }),
    };
    let own = own(store, &options.manifest);
    let trust = match before {
        None => Trust::new(&cache, hold.mark()),
        Some(_) => Trust::none(),
    };
    let ingest = Ingest { store, options, given, harvest, cache, trust, own };
    let threads = options.jobs.unwrap_or_else(processors);
    if let Some(report) = compare::unchanged(&ingest, hold, &root, threads) {
        return Ok(End::Done(Box::new(report)));
    }
    let jobs = ingest.first_jobs(root.start)?;
    Pile::work(jobs, threads, Hands::new, |pile, hands, job| ingest.work(pile, hands, job));
    let Ingest { harvest, cache, trust, .. } = ingest;
    harvest.finish((store, hold), &options.manifest, &cache, &trust)
}

/// Looks at the sources.
fn root(sources: &[PathBuf]) -> Result<Root, Error> {
    if let [source] = sources {
        let unreadable = |error: io::Error| Error::Source { path: source.clone(), source: error };
        let stat = source::follow(source).map_err(|error| unreadable(error.into()))?;
        if stat.kind() == Some(Kind::Directory) {
            return directory(source).map_err(unreadable);
        }
    }
    names(sources)
}

fn directory(source: &Path) -> io::Result<Root> {
    let dir = Directory::named(source)?;
    let stat = source::stat(&dir)?;
    let xattrs = XattrBuffers::new().of_open(&dir)?;
    let full = fs::canonicalize(source)?;
    let name = full.file_name().unwrap_or_default().to_owned();
    let node = stat.node(Kind::Directory);
    Ok(Root {
        node,
        xattrs,
        places: vec![full],
        start: Start::Directory(Place {
            dir,
            path: PathBuf::new(),
            name,
            dev: stat.dev(),
            patterns: None,
        }),
    })
}

fn names(sources: &[PathBuf]) -> Result<Root, Error> {
    let mut named: Vec<NamedSource> = Vec::new();
    let mut latest = Timestamp::default();
    for path in sources {
        let unreadable = |source: io::Error| Error::Source { path: path.clone(), source };
        let stat = source::look(path).map_err(|error| unreadable(error.into()))?;
        latest = latest.max(stat.mtime());
        let source = named_source(path).map_err(unreadable)?;
        if named.iter().any(|other| other.name == source.name) {
            return Err(Error::Clash { name: source.name });
        }
        named.push(source);
    }
    if named.is_empty() {
        return Err(Error::NoSource);
    }
    // There is no directory to take attributes from; a time makes none the newest but the sources'.
    let node = Node {
        kind: Kind::Directory,
        mode: 0o755,
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
        nlink: 2,
        atime: latest,
        mtime: latest,
        ctime: latest,
        ..Node::default()
    };
    let places = named.iter().map(|source| source.above.join(&source.name)).collect();
    Ok(Root { node, xattrs: Vec::new(), places, start: Start::Names(named) })
}

/// The name of what `path` names, and the directory it is in. A symlink is not followed.
fn named_source(path: &Path) -> io::Result<NamedSource> {
    let whole;
    let path = match path.file_name() {
        Some(_) => path,
        // `..` and the like have a name only elsewhere.
        None => {
            whole = fs::canonicalize(path)?;
            &whole
        }
    };
    let unnamed = || io::Error::new(io::ErrorKind::InvalidInput, "it has no name");
    let name = path.file_name().ok_or_else(unnamed)?.to_owned();
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    Ok(NamedSource { above: fs::canonicalize(above)?, name })
}

impl Ingest<'_> {
    fn first_jobs(&self, start: Start) -> Result<Vec<Job>, Error> {
        let draft = self.harvest.root();
        match start {
            Start::Directory(place) => {
                let names = place.dir.names();
                let path = PathBuf::from(&place.name);
                let names = names.map_err(|error| Error::Source { path, source: error.into() })?;
                Ok(self.share_out(Dir { place, draft }, names))
            }
            Start::Names(sources) => {
                let job = |NamedSource { above, name }| {
                    let path = above.join(&name);
                    source_job(above, &name, draft).map_err(|source| Error::Source { path, source })
                };
                sources.into_iter().map(job).collect()
            }
        }
    }

    fn work(&self, pile: &Pile<Job>, hands: &mut Hands, job: Job) {
        let done = match job {
            Job::Directory(above, name) => self.walk_into(pile, hands, &above, name),
            Job::Names(dir, names, range) => self.take_names(pile, hands, &dir, names.some(range)),
        };
        if let Err(error) = done {
            self.harvest.fail(error);
            pile.stop();
        }
    }

    fn walk_into(
        &self,
        pile: &Pile<Job>,
        hands: &mut Hands,
        above: &Dir,
        name: CString,
    ) -> Result<(), Error> {
        let outcome = match self.open(hands, &above.place, &name) {
            Ok(Opened { place, stat, xattrs, names }) => {
                let node = stat.node(Kind::Directory);
                let draft = self.harvest.directory(above.draft, name.to_bytes(), node, xattrs);
                match names {
                    Some(names) => {
                        pile.add(self.share_out(Dir { place, draft }, names));
                        return Ok(());
                    }
                    None => Outcome::LeftOut(Reason::Border),
                }
            }
            Err(Stop::Here(outcome)) => outcome,
            Err(Stop::Everywhere(error)) => return Err(error),
        };
        self.harvest.add(above.draft, &above.place.path, vec![Found { name, outcome }]);
        Ok(())
    }

    /// Jobs for the names in a directory, after its patterns are known.
    fn share_out(&self, mut dir: Dir, names: Listing) -> Vec<Job> {
        if let Err(source) = dir.place.read_patterns(&names) {
            let cause = Cause::Io { operation: "use the patterns of", source };
            let found = Found { name: ignored::FILE.to_owned(), outcome: Outcome::Problem(cause) };
            self.harvest.add(dir.draft, &dir.place.path, vec![found]);
        }
        let (dir, names) = (Arc::new(dir), Arc::new(names));
        let job = |start| {
            let range = start..names.len().min(start + CHUNK);
            Job::Names(Arc::clone(&dir), Arc::clone(&names), range)
        };
        (0..names.len()).step_by(CHUNK).map(job).collect()
    }

    fn take_names<'a>(
        &self,
        pile: &Pile<Job>,
        hands: &mut Hands,
        dir: &Arc<Dir>,
        names: impl Iterator<Item = (&'a CStr, Option<Kind>)>,
    ) -> Result<(), Error> {
        let mut found = Vec::with_capacity(CHUNK);
        let mut below = Vec::new();
        for (name, kind) in names {
            let taken = self.judge(&dir.place, name, kind).and_then(|kind| match kind {
                Kind::Directory => Ok(None),
                kind => self.take(hands, &dir.place.dir, name, kind).map(Some),
            });
            let outcome = match taken {
                Ok(Some(taken)) => Outcome::Taken(Box::new(taken)),
                Ok(None) => {
                    below.push(Job::Directory(Arc::clone(dir), name.to_owned()));
                    continue;
                }
                Err(Stop::Here(outcome)) => outcome,
                Err(Stop::Everywhere(error)) => return Err(error),
            };
            found.push(Found { name: name.to_owned(), outcome });
        }
        self.harvest.add(dir.draft, &dir.place.path, found);
        pile.add(below);
        Ok(())
    }
}

/// The job for a source that is a name in the root.
fn source_job(above: PathBuf, name: &OsStr, draft: Draft) -> io::Result<Job> {
    let dir = Directory::named(&above)?;
    let entry = CString::new(name.as_bytes())?;
    let stat = dir.stat(&entry)?;
    let place = Place {
        dir,
        path: PathBuf::new(),
        name: above.file_name().unwrap_or_default().to_owned(),
        dev: stat.dev(),
        patterns: None,
    };
    let names = Listing::of(&entry, stat.kind());
    Ok(Job::Names(Arc::new(Dir { place, draft }), Arc::new(names), 0..1))
}
