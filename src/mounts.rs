//! From mount options to a namespace that can be served.

use std::path::PathBuf;

use vrift_tracer::engine::Served;
use vrift_vfs::manifest::Manifest;
use vrift_vfs::session::Session;
use vrift_vfs::{Mount, Namespace, Place, Skeleton};

use crate::cli::{MountArgs, SessionArgs};
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

/// Opens the manifest and the store.
pub(crate) fn prepare(args: &MountArgs) -> Result<Prepared, Failure> {
    if args.manifest.is_empty() {
        return Ok(Prepared::default());
    }
    let points = points(args)?;
    let store = environment::store()?;
    let _until_it_is_leased = store.hold()?;
    let skeleton = match Skeleton::create(store.root()) {
        // Another user's store serves as well; what is made for the time of a run goes elsewhere.
        Err(error) if error.is_unwritable_place() => {
            Skeleton::create(&environment::own_place(store.root())?)?
        }
        other => other?,
    };
    let mut sessions = Vec::new();
    let mut mounts = Vec::new();
    for (number, (file, point)) in args.manifest.iter().zip(&points).enumerate() {
        let manifest = Manifest::open(file)?;
        mounts.push(match &args.session {
            SessionArgs { read_only: true, .. } => Mount::read_only(point, manifest)?,
            SessionArgs { session, .. } => {
                let session = match session {
                    Some(name) if args.manifest.len() == 1 => {
                        Session::open_or_start(&store, name, manifest)?
                    }
                    Some(name) => {
                        let name = format!("{name}-{}", number + 1);
                        Session::open_or_start(&store, &name, manifest)?
                    }
                    None => Session::start(&store, None, manifest)?,
                };
                sessions.push(session.name().to_owned());
                Mount::writable(point, session)?
            }
        });
    }
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
