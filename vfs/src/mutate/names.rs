//! Making, linking, removing and moving names.

use nix::errno::Errno;

use super::permit::Victim;
use super::{Done, Ended, Mutation, refused};
use crate::attr::Kind;
use crate::creds::{READ, WRITE};
use crate::manifest::NodeId;
use crate::request::{Removal, RenameMode};
use crate::session::{Error, Naming};
use crate::tree::{Birth, Change, Slot};

/// The most names a file may have, as on ext4.
const LINKS_MAX: u32 = 65000;

/// What is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made<'a> {
    /// Its kind.
    pub(crate) kind: Kind,
    /// The mode that was asked for.
    pub(crate) mode: u32,
    /// What a symlink points to.
    pub(crate) target: &'a [u8],
    /// What a device node stands for.
    pub(crate) rdev: u64,
}

impl Mutation<'_> {
    /// Makes a node with a name (`vfs_create`, `vfs_mkdir`, `vfs_mknod`, `vfs_symlink`).
    pub(crate) fn make(&mut self, at: &Slot, made: &Made<'_>) -> Done<NodeId> {
        self.may_create(at.dir)?;
        let device = matches!(made.kind, Kind::CharDevice | Kind::BlockDevice);
        // A whiteout is nobody's device (`is_whiteout`).
        let whiteout = made.kind == Kind::CharDevice && made.rdev == 0;
        if device && !whiteout && !self.actor.creds.mknod {
            return refused(Errno::EPERM);
        }
        self.bring_forth(Some(at), at.dir, made)
    }

    /// Makes a file without a name (`vfs_tmpfile`).
    pub(crate) fn make_nameless(&mut self, dir: NodeId, mode: u32, naming: Naming) -> Done<NodeId> {
        let made = Made { kind: Kind::File, mode, target: &[], rdev: 0 };
        self.may_create(dir)?;
        let node = self.bring_forth(None, dir, &made)?;
        self.session.set_naming(node, naming);
        Ok(node)
    }

    fn bring_forth(&mut self, at: Option<&Slot>, dir: NodeId, made: &Made<'_>) -> Done<NodeId> {
        let above = self.node(dir)?;
        let (mode, gid) = match made.kind {
            Kind::Symlink => (0o777, self.actor.birth(&above, made.kind, 0).1),
            kind => self.actor.birth(&above, kind, made.mode),
        };
        let node = self.session.tree().next_id();
        let birth = Birth {
            kind: made.kind,
            mode,
            uid: self.actor.creds.uid,
            gid,
            target: made.target.into(),
            rdev: made.rdev,
        };
        let time = self.time()?;
        self.perform(&Change::Make { node, at: at.cloned(), birth, time })?;
        Ok(node)
    }

    /// Gives `node` a further name (`vfs_link`, `may_linkat`).
    pub(crate) fn link(&mut self, node: NodeId, at: &Slot) -> Done {
        let what = self.session.node(node)?;
        let plain =
            what.kind == Kind::File && what.mode & 0o4000 == 0 && what.mode & 0o2010 != 0o2010;
        let safe = plain && self.may((node, &what), READ | WRITE)?;
        if !self.actor.owns(&what) && !safe {
            // What the sysctl fs.protected_hardlinks asks for, which is on wherever systemd is.
            return refused(Errno::EPERM);
        }
        self.may_create(at.dir)?;
        if what.kind == Kind::Directory {
            return refused(Errno::EPERM);
        }
        if what.nlink == 0 && self.session.naming(node) == Naming::Never {
            return refused(Errno::ENOENT);
        }
        if what.nlink >= LINKS_MAX {
            return refused(Errno::EMLINK);
        }
        let time = self.time()?;
        self.perform(&Change::Link { node, at: at.clone(), time })
    }

    /// Removes a name (`do_unlinkat`, `do_rmdir`).
    pub(crate) fn remove(&mut self, at: &Ended, removal: Removal) -> Done {
        let Some(node) = self.named(&at.slot)? else { return refused(Errno::ENOENT) };
        let wanted = match removal {
            Removal::File if at.slash => match self.node(node)?.kind {
                Kind::Directory => return refused(Errno::EISDIR),
                _ => return refused(Errno::ENOTDIR),
            },
            Removal::File => Victim::Other,
            Removal::Directory => Victim::Directory,
        };
        self.may_delete(at.slot.dir, node, wanted)?;
        let time = self.time()?;
        self.perform(&Change::Unlink { at: at.slot.clone(), time })
    }

    /// Moves a name (`do_renameat2`, `vfs_rename`).
    pub(crate) fn rename(&mut self, from: &Ended, to: &Ended, mode: RenameMode) -> Done {
        let Some(moved) = self.named(&from.slot)? else { return refused(Errno::ENOENT) };
        let over = self.named(&to.slot)?;
        let exchanges = mode == RenameMode::Exchange;
        match (mode, over) {
            (RenameMode::KeepTarget, Some(_)) => return refused(Errno::EEXIST),
            (RenameMode::Exchange, None) => return refused(Errno::ENOENT),
            _ => {}
        }
        let moved_kind = self.node(moved)?.kind;
        let over_kind = over.map(|id| self.node(id)).transpose()?.map(|node| node.kind);
        if exchanges && over_kind != Some(Kind::Directory) && to.slash {
            return refused(Errno::ENOTDIR);
        }
        if moved_kind != Kind::Directory && (from.slash || !exchanges && to.slash) {
            return refused(Errno::ENOTDIR);
        }
        self.refuse_loops(from, to, moved, over, mode)?;
        if over == Some(moved) {
            return Ok(());
        }
        self.may_delete(from.slot.dir, moved, Victim::of(moved_kind))?;
        match (over, over_kind) {
            (None, _) => self.may_create(to.slot.dir)?,
            (Some(over), Some(kind)) if exchanges => {
                self.may_delete(to.slot.dir, over, Victim::of(kind))?;
            }
            (Some(over), _) => self.may_delete(to.slot.dir, over, Victim::of(moved_kind))?,
        }
        if from.slot.dir != to.slot.dir {
            self.may_move_directory(moved)?;
            if let (true, Some(over)) = (exchanges, over) {
                self.may_move_directory(over)?;
            }
        }
        let time = self.time()?;
        let (from, to) = (from.slot.clone(), to.slot.clone());
        self.perform(&match exchanges {
            true => Change::Exchange { a: from, b: to, time },
            false => Change::Rename { from, to, time },
        })
    }

    /// A directory cannot be moved into itself, nor over one it lies in (`lock_rename`).
    fn refuse_loops(
        &self,
        from: &Ended,
        to: &Ended,
        moved: NodeId,
        over: Option<NodeId>,
        mode: RenameMode,
    ) -> Done {
        let tree = self.session.tree();
        let within = |dir, above| tree.is_within(dir, above).map_err(Error::from);
        if within(to.slot.dir, moved)? {
            return refused(Errno::EINVAL);
        }
        match over {
            Some(over) if within(from.slot.dir, over)? => refused(match mode {
                RenameMode::Exchange => Errno::EINVAL,
                _ => Errno::ENOTEMPTY,
            }),
            _ => Ok(()),
        }
    }

    /// A directory that gets another one above it is changed itself: its `..` is.
    fn may_move_directory(&self, moved: NodeId) -> Done {
        let node = self.node(moved)?;
        match node.kind == Kind::Directory && !self.may((moved, &node), WRITE)? {
            true => refused(Errno::EACCES),
            false => Ok(()),
        }
    }
}
