//! The walk through the sources: what is in which directory, shared out between threads.

use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::process::{getegid, geteuid};
use vrift_cas::{Hold, Store};

use super::cache::Cache;
use super::harvest::{End, Found, Harvest, Outcome, Repeat, cannot, os};
use super::ignored::{self, PathKind, Patterns};
use super::report::{Cause, Reason};
use super::source::{self, Directory, Name, XattrBuffers};
use super::take::{Hands, Ingest, Stop, own};
use super::trust::Trust;
use super::{Border, Error, Options, Progress, Reading, Report};
use crate::manifest::{Draft, Kind, Node, Timestamp, Xattr};
use crate::work::{Pile, processors};

/// How many names of a directory make one job: enough to share out a large directory, and to meet
/// at the harvest seldom.
const CHUNK: usize = 64;

/// A directory that is being walked through.
#[derive(Debug)]
struct Dir {
    dir: Directory,
    /// Its path from the root of the manifest.
    path: PathBuf,
    /// Its own name, that of the root included.
    name: OsString,
    draft: Draft,
    dev: u64,
    patterns: Option<Arc<Patterns>>,
}

/// Something to be done by any thread.
enum Job {
    /// A directory in another one.
    Directory(Arc<Dir>, CString),
    /// Some names of a directory.
    Names(Arc<Dir>, Vec<(CString, Option<Kind>)>),
}

/// The root of the manifest, before anything below it is read.
struct Root {
    node: Node,
    xattrs: Vec<Xattr>,
    /// The sources where they are, to find their cache by.
    places: Vec<PathBuf>,
    start: Start,
}

/// What the names in the root are.
enum Start {
    /// Those of one directory.
    Directory { dir: Directory, name: OsString, dev: u64 },
    /// The sources'.
    Names(Vec<NamedSource>),
}

/// A source that becomes a name in the root.
struct NamedSource {
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
    let Root { node, xattrs, places, start } = root(sources)?;
    let harvest = Harvest::new(node, xattrs, progress);
    let cache = match options.reading {
        Reading::All => Cache::empty(store, &places),
        Reading::Changed => Cache::open(store, &places).unwrap_or_else(|unusable| {
            let (path, reason) = (unusable.path.display(), unusable.reason);
            harvest.warn(format!("{path} is not used, and all files are read: {reason}"));
            Cache::empty(store, &places)
        }),
    };
    let own = own(store, &options.manifest);
    let trust = match before {
        None => Trust::new(&cache, hold.mark()),
        Some(_) => Trust::none(),
    };
    let ingest = Ingest { store, options, given, harvest, cache, trust, own };
    let jobs = ingest.first_jobs(start)?;
    let threads = options.jobs.unwrap_or_else(processors);
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
        start: Start::Directory { dir, name, dev: stat.dev() },
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
        let root = |dir, name, dev| {
            let path = PathBuf::new();
            Dir { dir, path, name, draft, dev, patterns: None }
        };
        match start {
            Start::Directory { dir, name, dev } => {
                let path = PathBuf::from(&name);
                let names = dir.names().map_err(|e| Error::Source { path, source: e.into() })?;
                Ok(self.share_out(root(dir, name, dev), names))
            }
            Start::Names(sources) => {
                let mut jobs = Vec::new();
                for NamedSource { above, name } in sources {
                    let open = || -> io::Result<Job> {
                        let dir = Directory::named(&above)?;
                        let entry = CString::new(name.as_bytes())?;
                        let stat = dir.stat(&entry)?;
                        let above_name = above.file_name().unwrap_or_default().to_owned();
                        let dir = Arc::new(root(dir, above_name, stat.dev()));
                        Ok(Job::Names(dir, vec![(entry, stat.kind())]))
                    };
                    let path = above.join(&name);
                    jobs.push(open().map_err(|source| Error::Source { path, source })?);
                }
                Ok(jobs)
            }
        }
    }

    fn work(&self, pile: &Pile<Job>, hands: &mut Hands, job: Job) {
        let done = match job {
            Job::Directory(above, name) => self.walk_into(pile, hands, &above, name),
            Job::Names(dir, names) => self.take_names(pile, hands, &dir, names),
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
        above: &Arc<Dir>,
        name: CString,
    ) -> Result<(), Error> {
        match self.enter(hands, above, &name) {
            Ok((dir, names)) => {
                pile.add(self.share_out(dir, names));
                Ok(())
            }
            Err(Stop::Here(outcome)) => {
                self.harvest.add(above.draft, &above.path, vec![Found { name, outcome }]);
                Ok(())
            }
            Err(Stop::Everywhere(error)) => Err(error),
        }
    }

    /// Opens a directory, and adds it to the harvest.
    fn enter(
        &self,
        hands: &mut Hands,
        above: &Dir,
        name: &CString,
    ) -> Result<(Dir, Vec<Name>), Stop> {
        let dir = above.dir.directory(name).map_err(cannot("open"))?;
        let stat = source::stat(&dir).map_err(cannot("stat"))?;
        self.refuse_own(&stat)?;
        let xattrs = hands.xattrs.of_open(&dir);
        let xattrs = xattrs.map_err(cannot("read the extended attributes of"))?;
        let path = above.path.join(os(name));
        let border = self.options.border == Border::Stay && stat.dev() != above.dev;
        let names = match border {
            true => Vec::new(),
            false => dir.names().map_err(cannot("list"))?,
        };
        let node = stat.node(Kind::Directory);
        let draft = self.harvest.directory(above.draft, name.to_bytes(), node, xattrs);
        if border {
            return Err(Outcome::LeftOut(Reason::Border).into());
        }
        let name = OsString::from_vec(name.to_bytes().to_vec());
        let patterns = above.patterns.clone();
        Ok((Dir { dir, path, name, draft, dev: stat.dev(), patterns }, names))
    }

    /// Jobs for the names in a directory, after its patterns are known.
    fn share_out(&self, mut dir: Dir, names: Vec<Name>) -> Vec<Job> {
        if names.iter().any(|name| *name.name == *ignored::FILE) {
            self.read_patterns(&mut dir);
        }
        let dir = Arc::new(dir);
        let mut names = names.into_iter().map(|name| (name.name, name.kind));
        let mut jobs = Vec::new();
        loop {
            let chunk: Vec<_> = names.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return jobs;
            }
            jobs.push(Job::Names(dir.clone(), chunk));
        }
    }

    fn read_patterns(&self, dir: &mut Dir) {
        let depth = dir.path.components().count();
        let read = || -> io::Result<Option<Patterns>> {
            let mut file = dir.dir.file(ignored::FILE)?;
            if source::stat(&file)?.kind() != Some(Kind::File) {
                return Ok(None);
            }
            Patterns::read(&mut file, depth, dir.patterns.clone()).map(Some)
        };
        match read() {
            Ok(Some(patterns)) => dir.patterns = Some(Arc::new(patterns)),
            Ok(None) => {}
            Err(source) => {
                let cause = Cause::Io { operation: "use the patterns of", source };
                let outcome = Outcome::Problem(cause);
                let found = Found { name: ignored::FILE.to_owned(), outcome };
                self.harvest.add(dir.draft, &dir.path, vec![found]);
            }
        }
    }

    fn take_names(
        &self,
        pile: &Pile<Job>,
        hands: &mut Hands,
        dir: &Arc<Dir>,
        names: Vec<(CString, Option<Kind>)>,
    ) -> Result<(), Error> {
        let mut found = Vec::with_capacity(names.len());
        let mut below = Vec::new();
        for (name, kind) in names {
            match self.take_name(hands, dir, &name, kind) {
                Ok(Some(outcome)) => found.push(Found { name, outcome }),
                Ok(None) => below.push(Job::Directory(dir.clone(), name)),
                Err(Stop::Here(outcome)) => found.push(Found { name, outcome }),
                Err(Stop::Everywhere(error)) => return Err(error),
            }
        }
        self.harvest.add(dir.draft, &dir.path, found);
        pile.add(below);
        Ok(())
    }

    /// Takes in one name, unless it is a directory's.
    fn take_name(
        &self,
        hands: &mut Hands,
        dir: &Dir,
        name: &CString,
        kind: Option<Kind>,
    ) -> Result<Option<Outcome>, Stop> {
        let kind = match kind {
            Some(kind) => kind,
            None => {
                let kind = dir.dir.stat(name).map_err(cannot("stat"))?.kind();
                kind.ok_or(Outcome::Problem(Cause::Unsupported))?
            }
        };
        if self.is_excluded(dir, name, kind) {
            return Ok(Some(Outcome::Excluded));
        }
        if kind == Kind::Directory {
            return Ok(None);
        }
        let taken = self.take(hands, &dir.dir, dir.name.as_bytes(), name, kind)?;
        Ok(Some(Outcome::Taken(Box::new(taken))))
    }

    fn is_excluded(&self, dir: &Dir, name: &CString, kind: Kind) -> bool {
        let mut layers = std::iter::once(&self.given).chain(dir.patterns.as_deref());
        let path = dir.path.join(os(name));
        let kind = match kind {
            Kind::Directory => PathKind::Directory,
            _ => PathKind::Other,
        };
        layers.find_map(|patterns| patterns.exclude(&path, kind)) == Some(true)
    }
}
