//! Whether what a session touches has the owner, the extended attributes and the time it had when the session was
//! started, or has those of the session already.
//!
//! Deliberately absent: the mode, which is looked at together with the kind and the content, and labels that the
//! host gives by itself.

use std::collections::BTreeSet;
use std::ffi::CString;

use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::process::geteuid;

use super::Work;
use super::error::Error;
use crate::export::target::Place;
use crate::ingest::XattrBuffers;
use crate::manifest::{Kind, Node, Xattr};
use crate::session::{Difference, What};

const OWNER: &str = "its owner or group is not as it was when the session was started";
const XATTRS: &str = "its extended attributes are not as they were when the session was started";
const TIME: &str = "its time of modification is not as it was when the session was started";

/// Attributes that the host gives: a copy has others.
const HOSTS_OWN: [&[u8]; 2] = [b"trusted.", b"security.selinux"];

impl Work<'_> {
    /// What the session would overwrite of `found`, which is otherwise as it was or as it is to be.
    pub(super) fn strange_attributes(
        &self,
        place: &Place,
        name: &[u8],
        difference: &Difference,
        found: &Stat,
    ) -> Result<Option<&'static str>, Error> {
        let Difference { path, what, before, after } = difference;
        let sides = || [before, after].into_iter().flatten().map(|side| side.node);
        if !sides().any(|node| is_owned_as(found, &node)) {
            return Ok(Some(OWNER));
        }
        let touched = before.zip(*after).filter(|(old, new)| old.node.mtime != new.node.mtime);
        if matches!(what, What::Attributes | What::Time)
            && touched.is_some()
            && difference.kind() != Kind::Directory
            && !sides().any(|node| is_of_time(found, &node))
        {
            return Ok(Some(TIME));
        }
        let name = CString::new(name).map_err(|_| Error::at("stat", path)(Errno::INVAL))?;
        let held = place.hold(&name).map_err(Error::at("open", path))?;
        let there = XattrBuffers::new().of_held(&held);
        let there = there.map_err(Error::at("read the extended attributes of", path))?;
        let old = match before {
            Some(side) => Some(owned(self.session.tree().base().xattrs(side.id)?)),
            None => None,
        };
        let new = match after {
            Some(side) => Some(owned(self.session.tree().xattrs(side.id)?)),
            None => None,
        };
        let of = |all: &[Xattr], name: &[u8]| {
            all.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone())
        };
        let lists = [Some(&there), old.as_ref(), new.as_ref()];
        let names: BTreeSet<&[u8]> =
            lists.into_iter().flatten().flatten().map(|(name, _)| &name[..]).collect();
        let compared = |name: &&[u8]| {
            let ours = geteuid().is_root() || name.starts_with(b"user.");
            ours && !HOSTS_OWN.iter().any(|own| name.starts_with(own))
        };
        let strange = |name: &[u8]| {
            let value = of(&there, name);
            ![&old, &new].into_iter().flatten().any(|all| of(all, name) == value)
        };
        Ok(names.into_iter().filter(compared).any(strange).then_some(XATTRS))
    }
}

/// What an ordinary user has put there is his, whoever the tree's owner is.
fn is_owned_as(found: &Stat, node: &Node) -> bool {
    match geteuid() {
        user if user.is_root() => (found.st_uid, found.st_gid) == (node.uid, node.gid),
        user => found.st_uid == node.uid || found.st_uid == user.as_raw(),
    }
}

fn is_of_time(found: &Stat, node: &Node) -> bool {
    found.st_mtime == node.mtime.sec && found.st_mtime_nsec == u64::from(node.mtime.nsec)
}

fn owned(all: Vec<crate::tree::Attribute<'_>>) -> Vec<Xattr> {
    all.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
