//! What a store must keep: the contents of registered manifests, of mounts that run, and of the
//! manifests below sessions.
//!
//! **Invariant:** whatever cannot be read is told, never passed over: who deletes by this answer
//! must not take "unknown" for "nothing".

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use vrift_cas::{Digest, Root, Store};

use crate::lease;
use crate::manifest::{self, Kind, Manifest, NodeId};
use crate::session;

/// What a store must keep.
#[derive(Debug, Default)]
pub struct Reach {
    /// The contents of all manifests below.
    pub digests: HashSet<Digest>,
    /// Registered manifests that were read.
    pub present: Vec<Root>,
    /// Registered manifests that are not where they were.
    pub gone: Vec<Root>,
    /// Mounts that run.
    pub mounts: u64,
    /// What could not be found out.
    pub unknown: Vec<Unknown>,
}

/// Something that may reach any blob.
#[derive(Debug)]
pub struct Unknown {
    /// The manifest, session or directory.
    pub path: PathBuf,
    /// Why it is not known what it reaches.
    pub why: Why,
}

/// Why it is not known what something reaches.
#[derive(Debug)]
#[non_exhaustive]
pub enum Why {
    /// It cannot be read.
    Io(io::Error),
    /// It is no manifest, or a damaged one.
    Manifest(manifest::Error),
    /// A mount uses a manifest that is not at its path any more.
    Replaced {
        /// The process id and a number, which name the running vrift.
        holder: String,
    },
    /// The sessions cannot be listed.
    Session(Box<session::Error>),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::Io(error) => write!(f, "{path} cannot be read: {error}"),
            // The message names the manifest.
            Why::Manifest(error) => chain(error, f),
            Why::Replaced { holder } => {
                let pid = holder.split('-').next().unwrap_or_default();
                write!(f, "process {pid} runs with the manifest that was at {path} before")
            }
            Why::Session(error) => chain(error.as_ref(), f),
        }
    }
}

/// An error with its reasons.
fn chain(error: &dyn std::error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    match error.source() {
        Some(reason) => {
            write!(f, ": ")?;
            chain(reason, f)
        }
        None => Ok(()),
    }
}

impl Reach {
    /// Finds out what is reached in `store`, except by the registered manifests at `forgotten`.
    ///
    /// # Errors
    /// [`vrift_cas::Error`] if the registrations cannot be read.
    pub fn of(store: &Store, forgotten: &[PathBuf]) -> Result<Reach, vrift_cas::Error> {
        let mut reach = Reach::default();
        for root in store.roots()? {
            if !forgotten.contains(&root.path) {
                reach.add_root(root);
            }
        }
        reach.add_mounts(store.root());
        reach.add_sessions(store.root());
        Ok(reach)
    }

    fn add_root(&mut self, root: Root) {
        match open(&root.path) {
            Ok(Some(manifest)) => {
                self.add_manifest(&manifest);
                self.present.push(root);
            }
            Ok(None) => self.gone.push(root),
            Err(error) => self.unknown.push(Unknown { path: root.path, why: error.into() }),
        }
    }

    fn add_mounts(&mut self, store: &Path) {
        let leases = match lease::running(store) {
            Ok(leases) => leases,
            Err(error) => {
                self.unknown.push(Unknown { path: store.join("run"), why: Why::Io(error) });
                return;
            }
        };
        for lease in leases {
            self.mounts += 1;
            match open(&lease.path) {
                Ok(Some(manifest)) if manifest.id() == lease.id => self.add_manifest(&manifest),
                Ok(_) => {
                    let why = Why::Replaced { holder: lease.holder };
                    self.unknown.push(Unknown { path: lease.path, why });
                }
                Err(error) => self.unknown.push(Unknown { path: lease.path, why: error.into() }),
            }
        }
    }

    /// A session reaches what the manifest below it does: what it made is in files of its own.
    fn add_sessions(&mut self, store: &Path) {
        let bases = match session::bases(store) {
            Ok(bases) => bases,
            Err(error) => {
                let why = Why::Session(Box::new(error));
                return self.unknown.push(Unknown { path: store.join("sessions"), why });
            }
        };
        for base in bases {
            match open(&base) {
                Ok(Some(manifest)) => self.add_manifest(&manifest),
                // It was committed or discarded meanwhile.
                Ok(None) => {}
                Err(error) => self.unknown.push(Unknown { path: base, why: error.into() }),
            }
        }
    }

    fn add_manifest(&mut self, manifest: &Manifest) {
        for file in files(manifest) {
            match file {
                Ok((_, digest)) => drop(self.digests.insert(digest)),
                Err(error) => {
                    let path = manifest.path().to_owned();
                    return self.unknown.push(Unknown { path, why: error.into() });
                }
            }
        }
    }
}

impl From<manifest::Error> for Why {
    fn from(error: manifest::Error) -> Why {
        Why::Manifest(error)
    }
}

/// A file of a registered manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The manifest.
    pub manifest: PathBuf,
    /// Its path in the tree: the first, if it has several.
    pub path: Vec<u8>,
    /// Its content.
    pub digest: Digest,
}

/// The files of registered manifests whose content is one of those that `wanted` picks, by manifest
/// and in the order of their nodes; and the manifests that cannot say.
///
/// # Errors
/// [`vrift_cas::Error`] if the registrations cannot be read.
pub fn needs(
    store: &Store,
    wanted: &mut dyn FnMut(&Digest) -> bool,
) -> Result<(Vec<Need>, Vec<Unknown>), vrift_cas::Error> {
    let (mut needs, mut unknown) = (Vec::new(), Vec::new());
    for Root { path, .. } in store.roots()? {
        let found = open(&path).and_then(|manifest| match manifest {
            Some(manifest) => add_needs(&manifest, wanted, &mut needs),
            None => Ok(()),
        });
        unknown.extend(found.err().map(|error| Unknown { path, why: error.into() }));
    }
    Ok((needs, unknown))
}

fn add_needs(
    manifest: &Manifest,
    wanted: &mut dyn FnMut(&Digest) -> bool,
    needs: &mut Vec<Need>,
) -> Result<(), manifest::Error> {
    for file in files(manifest) {
        let (node, digest) = file?;
        if wanted(&digest) {
            let path = manifest.path_of(node)?;
            needs.push(Need { manifest: manifest.path().to_owned(), path, digest });
        }
    }
    Ok(())
}

/// The regular files of a manifest and their contents.
fn files(
    manifest: &Manifest,
) -> impl Iterator<Item = Result<(NodeId, Digest), manifest::Error>> + '_ {
    (0..manifest.len()).map(NodeId).filter_map(|id| match manifest.node(id) {
        Ok(node) => (node.kind == Kind::File).then_some(Ok((id, node.digest))),
        Err(error) => Some(Err(error)),
    })
}

/// The manifest at `path`, or `None` if nothing is there.
fn open(path: &Path) -> Result<Option<Manifest>, manifest::Error> {
    match Manifest::open(path) {
        Err(manifest::Error::Io { source, .. })
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        other => other.map(Some),
    }
}
