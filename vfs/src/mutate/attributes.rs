//! Changing mode, owner, times and extended attributes.

use nix::errno::Errno;

use super::permit::SET_GID;
use super::{Done, Mutation, refused};
use crate::acl;
use crate::attr::{Kind, Timestamp};
use crate::creds::WRITE;
use crate::manifest::{Node, NodeId};
use crate::session::Error;
use crate::tree::{Change, Setting};

/// A time to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeChange {
    /// `UTIME_OMIT`
    Keep,
    /// `UTIME_NOW`
    Now,
    /// This one.
    To(Timestamp),
}

/// Whether an extended attribute must be new or must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XattrMode {
    /// Either.
    Any,
    /// `XATTR_CREATE`
    New,
    /// `XATTR_REPLACE`
    Existing,
    /// Both flags at once.
    Neither,
}

/// A change of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttrChange {
    /// chmod
    Mode(u32),
    /// chown; what is `None` stays.
    Owner {
        /// The owner.
        uid: Option<u32>,
        /// The group.
        gid: Option<u32>,
    },
    /// utimensat
    Times {
        /// The last access.
        atime: TimeChange,
        /// The last change of the content.
        mtime: TimeChange,
    },
    /// setxattr
    SetXattr {
        /// The name.
        name: Box<[u8]>,
        /// The value.
        value: Box<[u8]>,
        /// What must be there.
        mode: XattrMode,
    },
    /// removexattr
    RemoveXattr {
        /// The name.
        name: Box<[u8]>,
    },
    /// Times that are none, which is said once the file has been found.
    Invalid,
    /// Something that is not kept (file flags).
    Other,
}

impl Mutation<'_> {
    /// Changes attributes of a node.
    pub(crate) fn set_attr(&mut self, id: NodeId, change: &AttrChange) -> Done {
        let node = match change {
            // It takes away what is left of the set-id bits.
            AttrChange::Owner { .. } => self.session.node(id)?,
            _ => self.node(id)?,
        };
        match change {
            AttrChange::Mode(mode) => self.chmod(id, &node, *mode),
            AttrChange::Owner { uid, gid } => self.chown(id, &node, *uid, *gid),
            AttrChange::Times { atime, mtime } => self.set_times(id, &node, *atime, *mtime),
            AttrChange::SetXattr { name, value, mode } => {
                self.may_set_xattr((id, &node), name)?;
                let there = self.xattr_is_there(id, name)?;
                match (mode, there) {
                    (XattrMode::New | XattrMode::Neither, true) => return refused(Errno::EEXIST),
                    (XattrMode::Existing | XattrMode::Neither, false) => {
                        return refused(Errno::ENODATA);
                    }
                    _ => {}
                }
                let (name, value, time) = (name.clone(), Some(value.clone()), self.time()?);
                self.perform(&Change::Xattr { node: id, name, value, time })
            }
            AttrChange::RemoveXattr { name } => {
                self.may_set_xattr((id, &node), name)?;
                if !self.xattr_is_there(id, name)? {
                    return refused(Errno::ENODATA);
                }
                let time = self.time()?;
                self.perform(&Change::Xattr { node: id, name: name.clone(), value: None, time })
            }
            AttrChange::Invalid => refused(Errno::EINVAL),
            AttrChange::Other => refused(Errno::EOPNOTSUPP),
        }
    }

    fn chmod(&mut self, id: NodeId, node: &Node, mode: u32) -> Done {
        if node.kind == Kind::Symlink {
            return refused(Errno::EOPNOTSUPP);
        }
        if !self.actor.owns(node) {
            return refused(Errno::EPERM);
        }
        let keeps_gid = self.actor.is_in_group(node.gid) || self.actor.creds.fsetid;
        let mode = mode & 0o7777 & !(if keeps_gid { 0 } else { SET_GID });
        let list = self.session.tree().xattr(id, acl::ACCESS).map_err(Error::from)?;
        if let Some(list) = list.map(|list| acl::with_mode(&list, mode)) {
            let (name, value, time) = (acl::ACCESS.into(), Some(list.into()), self.time()?);
            self.perform(&Change::Xattr { node: id, name, value, time })?;
        }
        self.set(id, Setting { mode: Some(mode), ..Setting::default() })
    }

    /// `chown_ok`, `chgrp_ok`
    fn chown(&mut self, id: NodeId, node: &Node, uid: Option<u32>, gid: Option<u32>) -> Done {
        let creds = &self.actor.creds;
        let owner = creds.uid == node.uid;
        let uid_ok = uid.is_none_or(|uid| creds.chown || owner && uid == node.uid);
        let gid_ok = gid.is_none_or(|gid| {
            creds.chown || owner && (gid == node.gid || self.actor.is_in_group(gid))
        });
        if !uid_ok || !gid_ok {
            return refused(Errno::EPERM);
        }
        let mode = Some(self.actor.mode_after_chown(node));
        self.set(id, Setting { uid, gid, mode, ..Setting::default() })
    }

    /// `vfs_utimes`, `setattr_prepare`
    fn set_times(&mut self, id: NodeId, node: &Node, atime: TimeChange, mtime: TimeChange) -> Done {
        if !self.actor.owns(node) {
            if (atime, mtime) != (TimeChange::Now, TimeChange::Now) {
                return refused(Errno::EPERM);
            }
            if !self.may((id, node), WRITE)? {
                return refused(Errno::EACCES);
            }
        }
        let time = self.time()?;
        let at = |change| match change {
            TimeChange::Keep => None,
            TimeChange::Now => Some(time),
            TimeChange::To(time) => Some(time),
        };
        let (atime, mtime) = (at(atime), at(mtime));
        self.set(id, Setting { atime, mtime, ..Setting::default() })
    }

    fn set(&mut self, node: NodeId, setting: Setting) -> Done {
        let time = self.time()?;
        self.perform(&Change::Set { node, setting, time })
    }

    /// `xattr_permission` and the handlers of a file system that keeps `user.` and `trusted.`.
    fn may_set_xattr(&self, (id, node): (NodeId, &Node), name: &[u8]) -> Done {
        if name.starts_with(b"user.") {
            if !matches!(node.kind, Kind::File | Kind::Directory) {
                return refused(Errno::EPERM);
            }
            let sticky = node.kind == Kind::Directory && node.mode & 0o1000 != 0;
            if sticky && !self.actor.owns(node) {
                return refused(Errno::EPERM);
            }
            return match self.may((id, node), WRITE)? {
                true => Ok(()),
                false => refused(Errno::EACCES),
            };
        }
        match name.starts_with(b"trusted.") && self.actor.creds.admin {
            true => Ok(()),
            false if name.starts_with(b"trusted.") => refused(Errno::EPERM),
            // Capabilities would have to be honoured, and a list be told to the mode.
            false => refused(Errno::EOPNOTSUPP),
        }
    }

    fn xattr_is_there(&self, id: NodeId, name: &[u8]) -> Done<bool> {
        Ok(self.session.tree().xattr(id, name).map_err(Error::from)?.is_some())
    }
}
