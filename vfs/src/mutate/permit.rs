//! Who may do what: the permission checks of `fs/namei.c`, `fs/attr.c` and `fs/inode.c`.

use nix::errno::Errno;

use super::{Actor, Done, Mutation, refused};
use crate::acl;
use crate::attr::Kind;
use crate::creds::{EXEC, WRITE};
use crate::manifest::{Node, NodeId};
use crate::session::Error;

pub(super) const SET_UID: u32 = 0o4000;
pub(super) const SET_GID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const GROUP_EXEC: u32 = 0o010;

impl Mutation<'_> {
    /// Whether the actor has every permission of `want` on `node`, which is the node `id`.
    pub(super) fn may(&self, (id, node): (NodeId, &Node), want: u32) -> Done<bool> {
        let creds = &self.actor.creds;
        let list = match creds.heeds_list(node) {
            true => self.session.tree().xattr(id, acl::ACCESS).map_err(Error::from)?,
            false => None,
        };
        Ok(creds.may(node, list.as_deref(), want))
    }

    /// `may_create`: a name is made in `dir`.
    pub(super) fn may_create(&self, dir: NodeId) -> Done {
        let node = self.node(dir)?;
        if node.nlink == 0 {
            return refused(Errno::ENOENT);
        }
        match self.may((dir, &node), WRITE | EXEC)? {
            true => Ok(()),
            false => refused(Errno::EACCES),
        }
    }

    /// `may_delete`: the name of `victim` is taken out of `dir`.
    pub(super) fn may_delete(&self, dir: NodeId, victim: NodeId, wanted: Victim) -> Done {
        let (above, node) = (self.node(dir)?, self.node(victim)?);
        if !self.may((dir, &above), WRITE | EXEC)? {
            return refused(Errno::EACCES);
        }
        if self.actor.is_held_by_sticky(&above, &node) {
            return refused(Errno::EPERM);
        }
        match (wanted, node.kind) {
            (Victim::Directory, Kind::Directory) => Ok(()),
            (Victim::Directory, _) => refused(Errno::ENOTDIR),
            (Victim::Other, Kind::Directory) => refused(Errno::EISDIR),
            (Victim::Other, _) => Ok(()),
        }
    }
}

/// What is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

impl Victim {
    /// What something of this kind is.
    pub(super) fn of(kind: Kind) -> Victim {
        if kind == Kind::Directory { Victim::Directory } else { Victim::Other }
    }
}

impl Actor {
    /// Whether the actor counts as the owner of `node` (`inode_owner_or_capable`).
    pub(super) fn owns(&self, node: &Node) -> bool {
        self.creds.uid == node.uid || self.creds.owner
    }

    pub(super) fn is_in_group(&self, gid: u32) -> bool {
        self.creds.gid == gid || self.creds.groups.contains(&gid)
    }

    /// `__check_sticky`
    fn is_held_by_sticky(&self, above: &Node, node: &Node) -> bool {
        above.mode & STICKY != 0
            && self.creds.uid != node.uid
            && self.creds.uid != above.uid
            && !self.creds.owner
    }

    /// The mode and group of what is made in `above` (`inode_init_owner`, `mode_strip_sgid`).
    pub(super) fn birth(&self, above: &Node, kind: Kind, mode: u32) -> (u32, u32) {
        let mode = mode & 0o7777 & !self.umask;
        if above.mode & SET_GID == 0 {
            return (mode, self.creds.gid);
        }
        let strips = mode & (SET_GID | GROUP_EXEC) == SET_GID | GROUP_EXEC
            && !self.is_in_group(above.gid)
            && !self.creds.fsetid;
        let mode = match kind {
            Kind::Directory => mode | SET_GID,
            _ if strips => mode & !SET_GID,
            _ => mode,
        };
        (mode, above.gid)
    }

    /// The set-id bits that a change of owner takes away (`chown_common`).
    pub(super) fn mode_after_chown(&self, node: &Node) -> u32 {
        if node.kind == Kind::Directory {
            return node.mode;
        }
        let drops_gid = node.mode & SET_GID != 0
            && (node.mode & GROUP_EXEC != 0 || !(self.is_in_group(node.gid) || self.creds.fsetid));
        node.mode & !SET_UID & !(if drops_gid { SET_GID } else { 0 })
    }
}
