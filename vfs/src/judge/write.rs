//! Requests that change a mount with a session. What a read-only mount refuses comes here instead.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;

use super::{Failure, Outcome};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{Ids, WRITE};
use crate::error::Error;
use crate::files::{OpenNode, Usage};
use crate::mutate::{Actor, AttrChange, Ended, Made, Mutation};
use crate::namespace::Namespace;
use crate::place::{MountId, NodeRef};
use crate::request::{self, Create, Handle, MakeKind, Removal, RenameMode, Writes};
use crate::resolve::{Found, Resolved};
use crate::session::{Failed, Keep, Naming, now};
use crate::tree::{Change, Content, Slot};
use crate::verdict::{Effect, Fresh, Judged, Paths, Reply};

/// A name in a mount that a path ended in.
pub(super) struct Target {
    mount: MountId,
    ended: Ended,
}

impl Target {
    /// The name that `at` ended in, if that is one.
    pub(super) fn of(at: &Resolved) -> Option<Target> {
        let (dir, name) = at.entry.as_ref()?;
        let slot = Slot::new(dir.node, name);
        Some(Target { mount: dir.mount, ended: Ended { slot, slash: at.trailing_slash } })
    }
}

impl Namespace {
    /// Whether the mount that `at` ended in can be written to.
    pub(super) fn can_change(&self, at: &Resolved) -> bool {
        at.entry.as_ref().is_some_and(|(dir, _)| self.is_writable(dir.mount))
    }

    /// Whether `at` ended in the root of another mount.
    fn is_mounted_on(&self, at: &Resolved) -> bool {
        matches!(at.found, Found::Node(node) if self.is_mount_root(node))
    }

    /// Whether the directory `at` ended in has a name that only another mount gives it.
    fn has_mounts_in(&self, at: &Resolved) -> bool {
        matches!(at.found, Found::Node(node) if self.has_mounts(node))
    }

    pub(super) fn make_in_mount(
        &mut self,
        caller: &dyn Caller,
        at: &Resolved,
        kind: &MakeKind,
    ) -> Outcome {
        let Some(target) = Target::of(at) else { return Err(Errno::EEXIST.into()) };
        let made = match kind {
            MakeKind::Directory { mode } => made(Kind::Directory, *mode, &[]),
            MakeKind::File { mode } => made(Kind::File, *mode, &[]),
            MakeKind::Fifo { mode } => made(Kind::Fifo, *mode, &[]),
            MakeKind::Socket { mode } => made(Kind::Socket, *mode, &[]),
            MakeKind::Device { kind, mode, rdev } => {
                Made { rdev: *rdev, ..made(*kind, *mode, &[]) }
            }
            MakeKind::Symlink { target } => made(Kind::Symlink, 0, target),
        };
        self.mutate(caller, target.mount, |mut to| to.make(&target.ended.slot, &made))?;
        Ok(Judged::reply(Reply::Done))
    }

    pub(super) fn remove_in_mount(
        &mut self,
        caller: &dyn Caller,
        at: &Resolved,
        removal: Removal,
    ) -> Outcome {
        let Some(target) = Target::of(at) else { return Err(Errno::EBUSY.into()) };
        if self.is_mounted_on(at) {
            let directory = removal == Removal::Directory;
            return Err(if directory { Errno::EBUSY } else { Errno::EISDIR }.into());
        }
        if removal == Removal::Directory && self.has_mounts_in(at) {
            return Err(Errno::ENOTEMPTY.into());
        }
        self.mutate(caller, target.mount, |mut to| to.remove(&target.ended, removal))?;
        Ok(Judged::reply(Reply::Done))
    }

    pub(super) fn rename_in_mount(
        &mut self,
        caller: &dyn Caller,
        from: &Resolved,
        to: &Resolved,
        mode: RenameMode,
    ) -> Outcome {
        match (&from.found, &to.found) {
            (Found::TooLong, _) => return Err(Errno::ENAMETOOLONG.into()),
            (Found::Absent, _) => return Err(Errno::ENOENT.into()),
            (_, Found::TooLong) => return Err(Errno::ENAMETOOLONG.into()),
            _ if self.is_mounted_on(from) || self.is_mounted_on(to) => {
                return Err(Errno::EBUSY.into());
            }
            _ if mode == RenameMode::Replace && self.has_mounts_in(to) => {
                return Err(Errno::ENOTEMPTY.into());
            }
            _ => {}
        }
        let (Some(from), Some(to)) = (Target::of(from), Target::of(to)) else {
            return Err(Errno::EBUSY.into());
        };
        if from.mount != to.mount {
            return Err(Errno::EXDEV.into());
        }
        self.mutate(caller, from.mount, |mut m| m.rename(&from.ended, &to.ended, mode))?;
        Ok(Judged::reply(Reply::Done))
    }

    pub(super) fn link_in_mount(
        &mut self,
        caller: &dyn Caller,
        node: NodeRef,
        to: &Resolved,
    ) -> Outcome {
        match Target::of(to) {
            Some(target) if target.mount == node.mount => {
                self.mutate(caller, target.mount, |mut m| m.link(node.node, &target.ended.slot))?;
                Ok(Judged::reply(Reply::Done))
            }
            _ => Err(Errno::EXDEV.into()),
        }
    }

    pub(super) fn change_attributes(
        &mut self,
        caller: &dyn Caller,
        at: NodeRef,
        fd: Option<i32>,
        change: &AttrChange,
    ) -> Outcome {
        // Before the mount is asked whether it can be written to (`vfs_utimes` in fs/utimes.c).
        if *change == AttrChange::Invalid {
            return Err(Errno::EINVAL.into());
        }
        if !self.is_writable(at.mount) {
            return Err(Errno::EROFS.into());
        }
        // What has lost its last name is only to be found through a descriptor.
        let real = match fd {
            Some(fd) if self.node(at)?.nlink == 0 => {
                Some(PathBuf::from(format!("/proc/{}/fd/{fd}", caller.ids().1)))
            }
            _ => None,
        };
        self.mutate(caller, at.mount, |to| to.behind(real.as_deref()).set_attr(at.node, change))?;
        Ok(Judged::reply(Reply::Done))
    }

    /// The link of `/proc` that leads to the file `at`, if that is the only way to what was its staging file.
    /// What the link leads to has no name either, so it is no blob.
    pub(super) fn nameless(
        &self,
        at: NodeRef,
        link: Option<&PathBuf>,
    ) -> Result<Option<PathBuf>, Failure> {
        let node = self.node(at)?;
        if node.kind != Kind::File
            || node.nlink > 0
            || self.tree(at.mount).content(at.node)? != Content::Staged
        {
            return Ok(None);
        }
        let unnamed = |link: &&PathBuf| std::fs::metadata(link).is_ok_and(|meta| meta.nlink() == 0);
        Ok(link.filter(unnamed).cloned())
    }

    /// truncate(2): the kernel truncates the staging file.
    pub(super) fn truncate_in_mount(
        &mut self,
        caller: &dyn Caller,
        at: NodeRef,
        found: &Resolved,
    ) -> Outcome {
        let node = self.node(at)?;
        if !self.allows(&caller.creds(Ids::FileSystem), (at, &node), WRITE)? {
            return Err(Errno::EACCES.into());
        }
        refuse_program(caller, at)?;
        if let Some(link) = self.nameless(at, found.link.as_ref())? {
            return Ok(Judged::redirect(Paths { first: Some(link), second: None }));
        }
        self.stage(at, Keep::Content)?;
        Ok(Judged::redirect(Paths { first: Some(self.content_path(at)?), second: None }))
    }

    /// Opens a file that does not exist yet.
    pub(super) fn open_new(
        &mut self,
        caller: &dyn Caller,
        open: &request::Open,
        at: &Resolved,
    ) -> Outcome {
        let Some(target) = Target::of(at) else { return Err(Errno::EISDIR.into()) };
        let made = made(Kind::File, open.mode, &[]);
        let node =
            self.mutate(caller, target.mount, |mut to| to.make(&target.ended.slot, &made))?;
        let node = NodeRef { mount: target.mount, node };
        self.opened_staged(node, Some(Fresh { node, slot: target.ended.slot }), open.writes)
    }

    /// Opens a file without a name.
    pub(super) fn open_nameless(
        &mut self,
        caller: &dyn Caller,
        open: &request::Open,
        dir: NodeRef,
    ) -> Outcome {
        let names = match open.create {
            Create::NamelessForGood => Naming::Never,
            _ => Naming::Later,
        };
        let node =
            self.mutate(caller, dir.mount, |mut to| to.make_nameless(dir.node, open.mode, names))?;
        self.opened_staged(NodeRef { mount: dir.mount, node }, None, open.writes)
    }

    /// Opens a file for writing; permission has been granted.
    pub(super) fn open_to_write(
        &mut self,
        caller: &dyn Caller,
        open: &request::Open,
        at: NodeRef,
    ) -> Outcome {
        refuse_program(caller, at)?;
        let keep = match open.handle {
            Handle::Write { truncates: true, .. } => Keep::Nothing,
            _ => Keep::Content,
        };
        self.stage(at, keep)?;
        self.opened_staged(at, None, open.writes)
    }

    /// Opens a file for reading that would have been made if it were missing: who does that wants to
    /// lock it (flock(1) does), and the lock must not be on a blob that other nodes and openers have.
    pub(super) fn open_to_lock(&mut self, at: NodeRef) -> Outcome {
        self.stage(at, Keep::Content)?;
        self.opened_staged(at, None, Writes::Cached)
    }

    /// The kernel makes durable what is written through the descriptor; what leads to the file is by now.
    fn opened_staged(&mut self, at: NodeRef, fresh: Option<Fresh>, writes: Writes) -> Outcome {
        if writes == Writes::Durable {
            self.sync(Some(at.mount))?;
        }
        let paths = Paths { first: Some(self.content_path(at)?), second: None };
        let effect = Effect::Opens { node: at, usage: Usage::Content, blob: None, fresh };
        Ok(Judged::redirect(paths).with(effect))
    }

    /// Copies the content of a file that the caller may read here and not on the host.
    pub(super) fn copy_from_host(
        &mut self,
        caller: &dyn Caller,
        at: NodeRef,
    ) -> Result<(), Failure> {
        let creds = caller.creds(Ids::FileSystem);
        let tree = self.tree(at.mount);
        if tree.content(at.node)? != Content::Lower || tree.host_lets(at.node, &creds)? {
            return Ok(());
        }
        self.stage(at, Keep::Content)
    }

    fn stage(&mut self, at: NodeRef, keep: Keep) -> Result<(), Failure> {
        let before = self.tree(at.mount).content(at.node)?;
        let session = self.session(at.mount).ok_or(Errno::EROFS)?;
        session.stage(at.node, keep).map_err(failure)?;
        if before != Content::Staged {
            self.move_on(at);
        }
        Ok(())
    }

    /// flock(2): the kernel locks what the descriptor is open on, which may be a blob that other files
    /// have as well, or the directory that stands for all of them.
    pub(super) fn lock(&mut self, caller: &dyn Caller, fd: i32) -> Outcome {
        if let Some(OpenNode { node: at, usage: Usage::Content, .. }) = caller.open_node(fd) {
            match self.node(at)?.kind {
                Kind::Directory => self.set_apart(at),
                Kind::File if self.is_writable(at.mount) && self.digest(at)?.is_some() => {
                    self.stage(at, Keep::Content)?;
                }
                _ => {}
            }
        }
        Ok(Judged::pass())
    }

    /// Makes a socket's name.
    pub(super) fn make_socket(
        &mut self,
        caller: &dyn Caller,
        at: &Resolved,
    ) -> Result<Fresh, Failure> {
        let Some(Target { mount, ended: Ended { slot, .. } }) = Target::of(at) else {
            return Err(Errno::EADDRINUSE.into());
        };
        let made = made(Kind::Socket, 0o777, &[]);
        let node = self.mutate(caller, mount, |mut to| to.make(&slot, &made))?;
        Ok(Fresh { node: NodeRef { mount, node }, slot })
    }

    /// Takes back a name whose call has failed, unless it has become another's.
    pub fn take_back(&mut self, fresh: &Fresh) -> Result<(), Error> {
        let Some(session) = self.session(fresh.node.mount) else { return Ok(()) };
        let named = session.tree().lookup(fresh.slot.dir, &fresh.slot.name)?;
        let (Ok(time), true) = (now(), named == Some(fresh.node.node)) else { return Ok(()) };
        match session.perform(&Change::Unlink { at: fresh.slot.clone(), time }) {
            Err(Failed::Broken(error)) => Err(Error::Session(Box::new(error))),
            _ => Ok(()),
        }
    }

    fn mutate<T>(
        &mut self,
        caller: &dyn Caller,
        mount: MountId,
        change: impl FnOnce(Mutation<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failure> {
        let actor = Actor { creds: caller.creds(Ids::FileSystem), umask: caller.umask() };
        let session = self.session(mount).ok_or(Errno::EROFS)?;
        change(Mutation::new(session, &actor)).map_err(failure)
    }
}

/// A program is not written to while it runs (`get_write_access` in include/linux/fs.h).
pub(super) fn refuse_program(caller: &dyn Caller, at: NodeRef) -> Result<(), Errno> {
    if caller.is_executed(at) { Err(Errno::ETXTBSY) } else { Ok(()) }
}

fn made(kind: Kind, mode: u32, target: &[u8]) -> Made<'_> {
    Made { kind, mode, target, rdev: 0 }
}

fn failure(failed: Failed) -> Failure {
    match failed {
        Failed::Refused(errno) => Failure::Guest(errno),
        Failed::Broken(error) => Failure::Ours(Error::Session(Box::new(error))),
    }
}
