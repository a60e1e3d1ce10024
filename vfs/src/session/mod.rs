//! A session: what commands have changed of a manifest's tree, on disk until it is committed or
//! discarded.
//!
//! ```text
//! <store>/sessions/<name>/
//!     lock        held with flock by the one vrift that uses the session
//!     manifest    the path of the manifest it was started from
//!     base        that manifest as it was then
//!     lower       the path of the directory it was started from, instead of these two
//!     journal     every change, in order
//!     stage/<id>  the content of each file that was made or written to
//! ```
//!
//! **Invariant:** a change is in the journal before anybody sees it. A vrift that is killed leaves a
//! session that opens again with all that its tracees saw succeed; power cuts lose what was not
//! synced.
//! **Invariant:** a refused change in the journal is refused again: applying is deterministic.
//! **Invariant:** nothing outside of the session changes before it is committed.

mod commit;
mod diff;
mod durable;
mod error;
mod journal;
mod place;
mod stage;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use vrift_cas::{Digest, Store};

use crate::files::Backing;
use crate::lower::Lower;
use crate::manifest::{Kind, Manifest, Node, NodeId};
use crate::tree::{Base, Change, Content, Refusal, Tree};

pub use commit::Committed;
pub use diff::{Difference, Side, What, When};
pub use error::Error;
pub(crate) use place::bases;
pub use place::{Ground, Listed, list, remove};
pub use stage::Staged;
pub(crate) use stage::now;

use durable::Durable;
use journal::Journal;
use place::{Origin, Place};
use stage::Stage;

/// How much extended attributes a file of the host may have to be changed: they must fit into the
/// journal's frame.
const XATTRS_MAX: usize = 100_000;

/// Why a change was not made.
#[derive(Debug)]
pub enum Failed {
    /// A file system says it with this errno.
    Refused(Errno),
    /// The session is broken, its disk full.
    Broken(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Broken(error)
    }
}

/// An open session.
#[derive(Debug)]
pub struct Session {
    place: Place,
    tree: Tree,
    journal: Journal,
    stage: Stage,
    store: Store,
    /// Bytes that were cut off the journal when it was opened.
    torn: u64,
    /// Files that were made without a name and may get one (`I_LINKABLE`).
    linkable: HashSet<NodeId>,
    durable: Durable,
}

impl Session {
    /// Starts a session named `name` on the manifest, or on a name of its own if that is `None`.
    pub fn start(store: &Store, name: Option<&str>, manifest: Manifest) -> Result<Session, Error> {
        let on = Ground::Manifest(manifest.path().to_owned());
        let place = Place::make(store.root(), name, &on)?;
        drop(manifest);
        let manifest = Manifest::open(&place.base())?;
        Session::begin(store, place, manifest.into())
    }

    /// The same over a directory of the host.
    pub fn start_over(store: &Store, name: Option<&str>, lower: Lower) -> Result<Session, Error> {
        let on = Ground::Lower(lower.root().to_owned());
        let place = Place::make(store.root(), name, &on)?;
        Session::begin(store, place, lower.into())
    }

    fn begin(store: &Store, place: Place, base: Base) -> Result<Session, Error> {
        let journal = Journal::create(&place.journal(), base.id())?;
        let stage = Stage::at(place.stage())?;
        Ok(Session {
            place,
            tree: Tree::new(base),
            journal,
            stage,
            store: store.clone(),
            torn: 0,
            linkable: HashSet::new(),
            durable: Durable::default(),
        })
    }

    /// Opens the session named `name` again.
    pub fn open(store: &Store, name: &str) -> Result<Session, Error> {
        let place = Place::open(store.root(), name)?;
        Session::resume(store, place)
    }

    /// Opens the session named `name` on `manifest`, or starts it if there is none.
    pub fn open_or_start(store: &Store, name: &str, manifest: Manifest) -> Result<Session, Error> {
        match Place::open(store.root(), name) {
            Ok(place) => {
                let session = Session::resume(store, place)?;
                match session.tree.base().id() == manifest.id() {
                    true => Ok(session),
                    false => Err(Error::OtherBase {
                        name: name.to_owned(),
                        manifest: manifest.path().to_owned(),
                    }),
                }
            }
            Err(Error::NoSession { .. }) => Session::start(store, Some(name), manifest),
            Err(error) => Err(error),
        }
    }

    /// The same over a directory of the host.
    pub fn open_or_start_over(store: &Store, name: &str, lower: Lower) -> Result<Session, Error> {
        match Place::open(store.root(), name) {
            Ok(place) => {
                let wanted = lower.root().to_owned();
                let session = Session::resume(store, place)?;
                match session.ground()? == Ground::Lower(wanted.clone()) {
                    true => Ok(session),
                    false => Err(Error::OtherBase { name: name.to_owned(), manifest: wanted }),
                }
            }
            Err(Error::NoSession { .. }) => Session::start_over(store, Some(name), lower),
            Err(error) => Err(error),
        }
    }

    fn resume(store: &Store, place: Place) -> Result<Session, Error> {
        let base = match place.ground()? {
            Ground::Manifest(_) => Base::from(Manifest::open(&place.base())?),
            Ground::Lower(path) => Lower::open(&path)?.into(),
        };
        let (mut journal, found) = Journal::open(&place.journal())?;
        if found.base != base.id() {
            let what = "it was not made for what the session says it was started from";
            return Err(Error::Damaged { path: place.journal(), what });
        }
        let mut tree = Tree::new(base);
        for change in &found.changes {
            match tree.apply(change) {
                Ok(()) | Err(Refusal::Contradiction(_)) => {}
                Err(Refusal::Broken(error)) => return Err(error.into()),
            }
        }
        tree.forget_nameless(|_| false);
        if found.torn > 0 {
            journal.cut()?;
        }
        let stage = Stage::at(place.stage())?;
        let (store, torn, linkable) = (store.clone(), found.torn, HashSet::new());
        let mut durable = Durable::default();
        for id in tree.changed() {
            if tree.content(id)? == Content::Staged {
                durable.copied(stage.path_of(id));
            }
        }
        Ok(Session { place, tree, journal, stage, store, torn, linkable, durable })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.place.name()
    }

    /// What the session was started from.
    pub fn ground(&self) -> Result<Ground, Error> {
        self.place.ground()
    }

    /// What identifies that.
    pub fn base_id(&self) -> Digest {
        self.tree.base().id()
    }

    /// The tree as it is now.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// How many bytes at the journal's end were no whole change when it was opened.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Makes a change.
    pub fn perform(&mut self, change: &Change) -> Result<(), Failed> {
        self.perform_to(change, None)
    }

    /// Makes a change to a node whose content is the real file at `real`, if that is known. What has
    /// no name left has no staging file to be found by its id.
    pub(crate) fn perform_to(
        &mut self,
        change: &Change,
        real: Option<&Path>,
    ) -> Result<(), Failed> {
        let unsettled = self.tree.unsettled(change).map_err(Error::from)?;
        self.settle(&unsettled)?;
        self.prepare(change, real)?;
        self.journal.append(change)?;
        let unnamed = match change {
            Change::Unlink { at, .. } | Change::Rename { to: at, .. } => {
                self.tree.lookup(at.dir, &at.name).map_err(Error::from)?
            }
            _ => None,
        };
        match self.tree.apply(change) {
            Ok(()) => {}
            Err(Refusal::Contradiction(errno)) => return Err(Failed::Refused(errno)),
            Err(Refusal::Broken(error)) => return Err(Error::from(error).into()),
        }
        if let Change::Link { node, .. } = change {
            self.linkable.remove(node);
        }
        if let Some(id) = unnamed {
            self.forget_unnamed(id)?;
        }
        Ok(())
    }

    /// Says whether the file `node`, which has just been made without a name, may get one.
    pub(crate) fn set_naming(&mut self, node: NodeId, naming: Naming) {
        if naming == Naming::Later {
            self.linkable.insert(node);
        }
    }

    /// Whether the file `node`, which has no name, may get one. What has lost its last one may not.
    pub(crate) fn naming(&self, node: NodeId) -> Naming {
        if self.linkable.contains(&node) { Naming::Later } else { Naming::Never }
    }

    /// Writes down what nodes of a directory of the host are, before something of them is changed.
    fn settle(&mut self, unsettled: &[Change]) -> Result<(), Failed> {
        for change in unsettled {
            if let Change::Discover { found, .. } = change {
                let length = |(name, value): &(Box<[u8]>, Box<[u8]>)| name.len() + value.len();
                if found.xattrs.iter().map(length).sum::<usize>() > XATTRS_MAX {
                    return Err(Failed::Refused(Errno::E2BIG));
                }
            }
            self.journal.append(change)?;
            match self.tree.apply(change) {
                Ok(()) => {}
                Err(Refusal::Contradiction(errno)) => return Err(Failed::Refused(errno)),
                Err(Refusal::Broken(error)) => return Err(Error::from(error).into()),
            }
        }
        Ok(())
    }

    /// Lets a node stay what it is, whatever happens to the directory of the host below.
    pub(crate) fn settle_node(&mut self, id: NodeId) -> Result<(), Failed> {
        let unsettled = self.tree.unsettled_node(id).map_err(Error::from)?;
        self.settle(&unsettled)
    }

    /// Where the content of the file `node` can be written, made so if it is not.
    pub fn stage(&mut self, id: NodeId, keep: Keep) -> Result<PathBuf, Failed> {
        let content = self.tree.content(id).map_err(Error::from)?;
        if content != Content::Staged {
            let node = self.tree.node(id).map_err(Error::from)?;
            match (keep, content) {
                (Keep::Nothing, _) | (_, Content::Staged) => {
                    self.stage.make(id, node.mode, node.gid)?;
                    self.durable.made();
                }
                (Keep::Content, content) => {
                    let from = match content {
                        Content::Blob(digest) => {
                            self.store.open_blob(&digest).map_err(Error::from)?
                        }
                        Content::Lower | Content::Staged => self.open_lower(id)?,
                    };
                    self.stage.copy(id, &node, from)?;
                    self.durable.copied(self.stage.path_of(id));
                }
            }
            self.perform(&Change::Stage { node: id })?;
        }
        Ok(self.stage.path_of(id))
    }

    fn open_lower(&self, id: NodeId) -> Result<File, Error> {
        let path = self.tree.lower_path(id)?;
        // A FIFO that has taken the file's place is not waited for.
        let mut options = File::options();
        let options =
            options.read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        options.open(&path).map_err(|source| crate::Error::Lower { path, source }.into())
    }

    /// Where the staging file of `node` is.
    pub fn staged_path(&self, node: NodeId) -> PathBuf {
        self.stage.path_of(node)
    }

    /// What the staging file of `node` is to the kernel, if it has its name.
    pub(crate) fn backing(&self, node: NodeId) -> Option<Backing> {
        self.stage.backing(node)
    }

    /// The attributes of a node as they are now.
    pub fn node(&self, id: NodeId) -> Result<Node, Error> {
        let node = self.tree.node(id)?;
        if node.kind == Kind::File && self.tree.content(id)? == Content::Staged && node.nlink > 0 {
            return Ok(self.stage.staged(id)?.over(node));
        }
        Ok(node)
    }

    /// What must be there before a change is seen.
    fn prepare(&mut self, change: &Change, real: Option<&Path>) -> Result<(), Error> {
        match change {
            Change::Make { node, birth, .. } if birth.kind == Kind::File => {
                self.durable.made();
                self.stage.make(*node, birth.mode, birth.gid)
            }
            Change::Set { node: id, setting, .. } => {
                let node = self.tree.node(*id)?;
                if node.kind != Kind::File || self.tree.content(*id)? != Content::Staged {
                    return Ok(());
                }
                let own = self.stage.path_of(*id);
                let path = match real {
                    Some(real) => real,
                    None if self.is_nameless(*id, &node) => return Ok(()),
                    None => &own,
                };
                if let Some(mode) = setting.mode
                    && stage::differ(node.mode, mode)
                {
                    stage::set_mode(path, mode, setting.gid.unwrap_or(node.gid))?;
                }
                match setting.atime.is_some() || setting.mtime.is_some() {
                    true => stage::set_times(path, setting.atime, setting.mtime),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether a file has lost its last name, and its staging file with it.
    fn is_nameless(&self, id: NodeId, node: &Node) -> bool {
        node.nlink == 0 && self.naming(id) == Naming::Never
    }

    /// Frees the content of a file that has lost its last name.
    fn forget_unnamed(&mut self, id: NodeId) -> Result<(), Error> {
        let node = self.tree.node(id)?;
        if node.kind == Kind::File && node.nlink == 0 && self.tree.content(id)? == Content::Staged {
            self.stage.remove(id);
        }
        Ok(())
    }

    /// Whether it is worth asking which of the files without a name are in use.
    pub(crate) fn has_much_to_forget(&self) -> bool {
        self.tree.has_much_to_forget()
    }

    /// Forgets the files without a name that are not in use.
    pub(crate) fn forget_nameless(&mut self, is_used: impl Fn(NodeId) -> bool) {
        for id in self.tree.forget_nameless(is_used) {
            if self.linkable.remove(&id) {
                self.stage.remove(id);
            }
        }
    }

    /// Removes the session and all it holds.
    pub fn discard(self) -> Result<(), Error> {
        self.place.remove()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.place.origin() == Origin::MadeUp && self.tree.is_unchanged() {
            // What cannot be removed is listed, and can be discarded by name.
            let _ = self.place.remove();
        }
    }
}

/// Whether a file that has no name may get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// It was made to be named when it is complete.
    Later,
    /// It lost its last name, or was made to have none.
    Never,
}

/// What of a file's content is still needed when it is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    Content,
    /// Nothing: it is about to be truncated.
    Nothing,
}
