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
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The mounts, if there are any.
    pub(crate) served: Option<Served>,
    /// The directory that stands for the current one, if a mount hides that.
    pub(crate) directory: Option<PathBuf>,
    /// The session that takes the changes.
    pub(crate) session: Option<String>,
}

/// Opens the manifest and the store.
pub(crate) fn prepare(args: &MountArgs) -> Result<Prepared, Failure> {
    let Some(file) = &args.manifest else {
        return Ok(Prepared { served: None, directory: None, session: None });
    };
    let point = args.prefix.clone().unwrap_or_else(environment::prefix);
    let store = environment::store()?;
    let _until_it_is_leased = store.hold()?;
    let manifest = Manifest::open(file)?;
    let skeleton = match Skeleton::create(store.root()) {
        // Another user's store serves as well; what is made for the time of a run goes elsewhere.
        Err(error) if error.is_unwritable_place() => {
            Skeleton::create(&environment::own_place(store.root())?)?
        }
        other => other?,
    };
    let (mount, session) = match &args.session {
        SessionArgs { read_only: true, .. } => (Mount::read_only(&point, manifest)?, None),
        SessionArgs { session, .. } => {
            let session = match session {
                Some(name) => Session::open_or_start(&store, name, manifest)?,
                None => Session::start(&store, None, manifest)?,
            };
            let name = session.name().to_owned();
            (Mount::writable(&point, session)?, Some(name))
        }
    };
    let namespace = Namespace::new(vec![mount], store, skeleton)?;
    // A current directory that has been removed is a place like any other on the host.
    let start = match std::env::current_dir() {
        Ok(directory) => namespace.locate(&directory)?,
        Err(_) => Place::Host("/".into()),
    };
    let directory = match start {
        Place::Node(node) => Some(namespace.stand_in(node)?),
        Place::Host(_) => None,
    };
    Ok(Prepared { served: Some(Served::new(namespace, start)), directory, session })
}
