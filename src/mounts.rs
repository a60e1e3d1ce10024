//! From mount options to a namespace that can be served.

use std::path::{Path, PathBuf};

use vrift_cas::Store;
use vrift_tracer::engine::Served;
use vrift_vfs::lower::Lower;
use vrift_vfs::manifest::Manifest;
use vrift_vfs::session::Session;
use vrift_vfs::{Mount, Namespace, Place, Skeleton};

use crate::cli::{MountArgs, Outcome};
use crate::environment;
use crate::failure::Failure;

/// What is served, and the directory in which the command must start.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// The mounts, if there are any.
    pub(crate) served: Option<Served>,
    /// The directory that stands for the current one, if a mount hides that.
    pub(crate) directory: Option<PathBuf>,
    /// The sessions that take the changes, one for each mount.
    pub(crate) sessions: Vec<String>,
}

/// Opens manifests, directories and the store.
pub(crate) fn prepare(args: &MountArgs) -> Result<Prepared, Failure> {
    if args.are_none() {
        return Ok(Prepared::default());
    }
    if !args.overlay.is_empty() && args.session.on_fail == Some(Outcome::Commit) {
        return Err(Failure::new(
            "--on-fail=commit cannot be used with --overlay: there is no manifest to be replaced",
        )
        .hint("keep the session, then say where to: vrift session commit NAME -o FILE"));
    }
    let points = points(args)?;
    let store = match args.manifest.is_empty() {
        true => environment::store_or_new()?,
        false => environment::store()?,
    };
    let _until_it_is_leased = store.hold()?;
    let skeleton = match Skeleton::create(store.root()) {
        // Another user's store serves as well; what is made for the time of a run goes elsewhere.
        Err(error) if error.is_unwritable_place() => {
            Skeleton::create(&environment::own_place(store.root())?)?
        }
        other => other?,
    };
    let Opened { mounts, sessions } = open(args, &points, &store)?;
    let namespace = Namespace::new(mounts, store, skeleton)?;
    // A current directory that has been removed is a place like any other on the host.
    let start = match std::env::current_dir() {
        Ok(directory) => namespace.locate(&directory)?,
        Err(_) => Place::Host("/".into()),
    };
    let directory = match start {
        Place::Node(node) => Some(namespace.stand_in(node)?),
        Place::Host(_) => None,
    };
    Ok(Prepared { served: Some(Served::new(namespace, start)), directory, sessions })
}

/// What is mounted, and the sessions that take the changes.
#[derive(Default)]
struct Opened {
    mounts: Vec<Mount>,
    sessions: Vec<String>,
}

impl Opened {
    fn add(&mut self, point: &Path, session: Session) -> Result<(), Failure> {
        self.sessions.push(session.name().to_owned());
        self.mounts.push(Mount::writable(point, session)?);
        Ok(())
    }
}

/// Opens manifests to be seen at these points, then directories, each with a session if it may be changed.
fn open(args: &MountArgs, points: &[PathBuf], store: &Store) -> Result<Opened, Failure> {
    let mut opened = Opened::default();
    let count = args.manifest.len() + args.overlay.len();
    for (number, (file, point)) in args.manifest.iter().zip(points).enumerate() {
        let manifest = Manifest::open(file)?;
        if args.session.read_only {
            opened.mounts.push(Mount::read_only(point, manifest)?);
            continue;
        }
        let session = match name(args, number, count) {
            Some(name) => Session::open_or_start(store, &name, manifest)?,
            None => Session::start(store, None, manifest)?,
        };
        opened.add(point, session)?;
    }
    for (number, dir) in (args.manifest.len()..).zip(&args.overlay) {
        let lower = Lower::open(dir)?;
        let point = lower.root().to_owned();
        if args.session.read_only {
            opened.mounts.push(Mount::read_only_over(&point, lower)?);
            continue;
        }
        let session = match name(args, number, count) {
            Some(name) => Session::open_or_start_over(store, &name, lower)?,
            None => Session::start_over(store, None, lower)?,
        };
        opened.add(&point, session)?;
    }
    Ok(opened)
}

/// The name of the session of mount number `number` of `count`, if the user gave one.
fn name(args: &MountArgs, number: usize, count: usize) -> Option<String> {
    let name = args.session.session.as_ref()?;
    Some(if count == 1 { name.clone() } else { format!("{name}-{}", number + 1) })
}

/// Where each manifest is seen: the prefixes in their order.
pub(crate) fn points(args: &MountArgs) -> Result<Vec<PathBuf>, Failure> {
    match (args.manifest.len(), args.prefix.len()) {
        (1, 0) => Ok(vec![environment::prefix()]),
        (manifests, prefixes) if manifests == prefixes => Ok(args.prefix.clone()),
        (manifests, prefixes) => Err(Failure::new(format!(
            "it is not clear what is seen where: --manifest is given {manifests} times and \
             --prefix {prefixes} times"
        ))
        .hint("give each --manifest its --prefix, in the same order")),
    }
}
