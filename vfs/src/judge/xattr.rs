//! Extended attributes: which names there are, and who may read them.

use nix::errno::Errno;

use super::{Failure, Outcome, Subject, on_host};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{Ids, READ};
use crate::manifest::Node;
use crate::namespace::Namespace;
use crate::place::NodeRef;
use crate::request::Target;
use crate::verdict::{Judged, Reply};

const USER: &[u8] = b"user.";
const TRUSTED: &[u8] = b"trusted.";
const SECURITY: &[u8] = b"security.";
const SYSTEM: &[u8] = b"system.";

impl Namespace {
    pub(super) fn get_xattr(&self, caller: &dyn Caller, target: &Target, name: &[u8]) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => {
                self.may_read(caller, at, name)?;
                match self.xattr(at, name)? {
                    Some(value) => Ok(Judged::reply(Reply::Attribute(value.into_owned()))),
                    None => Err(why_none(&self.node(at)?, name).into()),
                }
            }
        }
    }

    pub(super) fn list_xattr(&self, caller: &dyn Caller, target: &Target) -> Outcome {
        match self.find(caller, target)? {
            Subject::Untouched | Subject::Magic(_) => Ok(Judged::pass()),
            Subject::Host(path) => Ok(on_host(path)),
            Subject::Absent => Err(Errno::ENOENT.into()),
            Subject::Node(at) => {
                let mut list = Vec::new();
                for name in self.xattr_names(at)? {
                    let shown = !name.starts_with(TRUSTED) || caller.creds(Ids::FileSystem).admin;
                    if shown {
                        list.extend_from_slice(&name);
                        list.push(0);
                    }
                }
                Ok(Judged::reply(Reply::Attribute(list)))
            }
        }
    }

    /// `xattr_permission` (fs/xattr.c).
    fn may_read(&self, caller: &dyn Caller, at: NodeRef, name: &[u8]) -> Result<(), Failure> {
        if name.starts_with(SECURITY) || name.starts_with(SYSTEM) {
            return Ok(());
        }
        let (creds, node) = (caller.creds(Ids::FileSystem), self.node(at)?);
        if name.starts_with(TRUSTED) {
            return if creds.admin { Ok(()) } else { Err(Errno::ENODATA.into()) };
        }
        if name.starts_with(USER) && !matches!(node.kind, Kind::File | Kind::Directory) {
            return Err(Errno::ENODATA.into());
        }
        match self.allows(&creds, (at, &node), READ)? {
            true => Ok(()),
            false => Err(Errno::EACCES.into()),
        }
    }
}

/// Why `node` has no attribute `name` (`xattr_resolve_name` in fs/xattr.c).
fn why_none(node: &Node, name: &[u8]) -> Errno {
    let prefix = [USER, TRUSTED, SECURITY].into_iter().find(|prefix| name.starts_with(prefix));
    match prefix {
        Some(prefix) if prefix.len() == name.len() => Errno::EINVAL,
        Some(_) => Errno::ENODATA,
        None => match name.strip_prefix(SYSTEM) {
            Some(b"posix_acl_access" | b"posix_acl_default") if node.kind != Kind::Symlink => {
                Errno::ENODATA
            }
            _ => Errno::EOPNOTSUPP,
        },
    }
}
