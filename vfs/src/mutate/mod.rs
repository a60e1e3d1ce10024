//! What may be changed in a session, and by whom: each operation as Linux decides it, from a
//! directory and a name that have been resolved.
//!
//! Checks come in the order of the kernel's functions, which are named at each; the errno of the
//! first that fails is what a caller sees. What passes becomes one [`Change`].

mod attributes;
mod names;
mod permit;

use std::path::Path;

use nix::errno::Errno;

use crate::creds::Creds;
use crate::manifest::NodeId;
use crate::session::{Error, Failed, Session, now};
use crate::tree::{Change, Slot};

pub use attributes::{AttrChange, TimeChange, XattrMode};
pub(crate) use names::Made;

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// Its credentials.
    pub(crate) creds: Creds,
    /// The permissions it takes from what it makes.
    pub(crate) umask: u32,
}

/// A name as a path ended in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The name and its directory.
    pub(crate) slot: Slot,
    /// Whether slashes follow it.
    pub(crate) slash: bool,
}

/// Changes that a session's tree is asked to make.
pub(crate) struct Mutation<'a> {
    session: &'a mut Session,
    actor: &'a Actor,
    /// The real file behind the node that is changed, where a descriptor leads to it.
    real: Option<&'a Path>,
}

type Done<T = ()> = Result<T, Failed>;

impl<'a> Mutation<'a> {
    /// Changes to `session` by `actor`.
    pub(crate) fn new(session: &'a mut Session, actor: &'a Actor) -> Mutation<'a> {
        Mutation { session, actor, real: None }
    }

    /// The same to the node behind a descriptor whose real file is at `real`.
    pub(crate) fn behind(self, real: Option<&'a Path>) -> Mutation<'a> {
        Mutation { real, ..self }
    }

    fn perform(&mut self, change: &Change) -> Done {
        self.session.perform_to(change, self.real)
    }

    fn named(&self, slot: &Slot) -> Done<Option<NodeId>> {
        Ok(self.session.tree().lookup(slot.dir, &slot.name).map_err(Error::from)?)
    }

    /// What decides about a node, as [`crate::namespace::Namespace::node`] has it.
    fn node(&self, id: NodeId) -> Done<crate::manifest::Node> {
        Ok(self.session.tree().node(id).map_err(Error::from)?)
    }

    fn time(&self) -> Done<crate::attr::Timestamp> {
        now().map_err(Failed::Refused)
    }
}

fn refused<T>(errno: Errno) -> Done<T> {
    Err(Failed::Refused(errno))
}
