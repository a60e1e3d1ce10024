//! Applying changes: the one place where a tree changes.

use std::collections::HashMap;

use nix::errno::Errno;

use super::{Base, Birth, Change, Content, Live, Refusal, Setting, Slot, Tree};
use crate::attr::{Kind, Timestamp};
use crate::error::Error;
use crate::manifest::{Node, NodeId};

type Done = Result<(), Refusal>;

/// What `stat` says of an empty directory on most file systems.
const DIRECTORY_SIZE: u64 = 4096;
const DIRECTORY_BLOCKS: u64 = 8;

impl Tree {
    /// Applies a change, wholly or not at all.
    pub fn apply(&mut self, change: &Change) -> Done {
        match change {
            Change::Make { node, at, birth, time } => self.make(*node, at.as_ref(), birth, *time),
            Change::Link { node, at, time } => self.link(*node, at, *time),
            Change::Unlink { at, time } => self.unlink(at, *time),
            Change::Rename { from, to, time } => self.rename(from, to, *time),
            Change::Exchange { a, b, time } => self.exchange(a, b, *time),
            Change::Set { node, setting, time } => self.set(*node, setting, *time),
            Change::Xattr { node, name, value, time } => {
                self.set_xattr(*node, name, value.as_deref(), *time)
            }
            Change::Stage { node } => self.stage(*node),
            Change::Discover { node, at, found } => self.discover(*node, at, found),
        }
    }

    fn make(&mut self, id: NodeId, at: Option<&Slot>, birth: &Birth, time: Timestamp) -> Done {
        if id != self.next_id() {
            return Err(Errno::EEXIST.into());
        }
        let next = self.next.checked_add(1).ok_or(Errno::ENOSPC)?;
        if let Some(slot) = at {
            self.expect_free(slot)?;
        }
        let directory = birth.kind == Kind::Directory;
        let node = Node {
            kind: birth.kind,
            mode: birth.mode,
            uid: birth.uid,
            gid: birth.gid,
            nlink: if directory { 2 } else { 0 },
            size: if directory { DIRECTORY_SIZE } else { birth.target.len() as u64 },
            blocks: if directory { DIRECTORY_BLOCKS } else { 0 },
            rdev: birth.rdev,
            atime: time,
            mtime: time,
            ctime: time,
            btime: Some(time),
            ..Node::default()
        };
        let live = Live {
            node,
            content: Content::Staged,
            target: (birth.kind == Kind::Symlink).then(|| birth.target.clone()),
            xattrs: None,
            names: Vec::new(),
            lost: None,
            parent: at.filter(|_| directory).map(|slot| slot.dir),
        };
        self.next = next;
        self.live.insert(id, live);
        match at {
            Some(slot) => self.enter(slot, id, time),
            None => {
                self.nameless.push(id);
                Ok(())
            }
        }
    }

    fn link(&mut self, id: NodeId, at: &Slot, time: Timestamp) -> Done {
        if self.is_directory(id)? {
            return Err(Errno::EPERM.into());
        }
        self.expect_free(at)?;
        self.live(id)?.node.ctime = time;
        self.enter(at, id, time)
    }

    fn unlink(&mut self, at: &Slot, time: Timestamp) -> Done {
        let id = self.named(at)?;
        let directory = self.is_directory(id)?;
        if directory && !self.is_settled_empty(id)? {
            return Err(Errno::ENOTEMPTY.into());
        }
        self.leave(at, id, time)?;
        let live = self.live(id)?;
        live.lost = Some(at.clone());
        let node = &mut live.node;
        node.ctime = time;
        if directory {
            node.nlink = 0;
        }
        match (directory, node.nlink) {
            _ if self.is_base(id) => {}
            // It has no names, and will get none.
            (true, _) => drop(self.names.remove(&id)),
            (false, 0) => self.nameless.push(id),
            (false, _) => {}
        }
        Ok(())
    }

    fn rename(&mut self, from: &Slot, to: &Slot, time: Timestamp) -> Done {
        let id = self.named(from)?;
        let directory = self.is_directory(id)?;
        if directory && self.is_within(to.dir, id)? {
            return Err(Errno::EINVAL.into());
        }
        if let Some(over) = self.settled(to.dir, &to.name)? {
            if over == id {
                return Ok(());
            }
            match (directory, self.is_directory(over)?) {
                (true, false) => return Err(Errno::ENOTDIR.into()),
                (false, true) => return Err(Errno::EISDIR.into()),
                (true, true) if !self.is_settled_empty(over)? => {
                    return Err(Errno::ENOTEMPTY.into());
                }
                _ => {}
            }
            self.unlink(to, time)?;
        } else {
            self.expect_free(to)?;
        }
        self.leave(from, id, time)?;
        self.enter(to, id, time)?;
        let live = self.live(id)?;
        live.node.ctime = time;
        if directory {
            live.parent = Some(to.dir);
        }
        Ok(())
    }

    fn exchange(&mut self, a: &Slot, b: &Slot, time: Timestamp) -> Done {
        let (first, second) = (self.named(a)?, self.named(b)?);
        for (moved, to) in [(first, b), (second, a)] {
            if self.is_directory(moved)? && self.is_within(to.dir, moved)? {
                return Err(Errno::EINVAL.into());
            }
        }
        if first == second {
            return Ok(());
        }
        for (id, from, to) in [(first, a, b), (second, b, a)] {
            let directory = self.is_directory(id)?;
            let live = self.live(id)?;
            live.node.ctime = time;
            live.names.retain(|name| name != from);
            live.names.push(to.clone());
            if directory {
                live.parent = Some(to.dir);
                self.count_directory(from.dir, -1)?;
                self.count_directory(to.dir, 1)?;
            }
            self.names.entry(to.dir).or_default().replace(&to.name, id);
            self.touch(to.dir, time)?;
        }
        Ok(())
    }

    fn set(&mut self, id: NodeId, setting: &Setting, time: Timestamp) -> Done {
        let node = &mut self.live(id)?.node;
        node.mode = setting.mode.unwrap_or(node.mode);
        node.uid = setting.uid.unwrap_or(node.uid);
        node.gid = setting.gid.unwrap_or(node.gid);
        node.atime = setting.atime.unwrap_or(node.atime);
        node.mtime = setting.mtime.unwrap_or(node.mtime);
        node.ctime = time;
        Ok(())
    }

    fn set_xattr(
        &mut self,
        id: NodeId,
        name: &[u8],
        value: Option<&[u8]>,
        time: Timestamp,
    ) -> Done {
        let mut all = match self.live(id)?.xattrs.take() {
            Some(changed) => changed,
            None => {
                let all = self.xattrs(id)?.into_iter();
                all.map(|(name, value)| (name.into(), value.into())).collect()
            }
        };
        match value {
            Some(value) => drop(all.insert(name.into(), value.into())),
            None => drop(all.remove(name)),
        }
        let live = self.live(id)?;
        live.xattrs = Some(all);
        live.node.ctime = time;
        Ok(())
    }

    fn stage(&mut self, id: NodeId) -> Done {
        let live = self.live(id)?;
        if live.node.kind != Kind::File {
            return Err(Errno::EINVAL.into());
        }
        live.content = Content::Staged;
        Ok(())
    }

    /// Gives `id` the name `at`, which is free.
    fn enter(&mut self, at: &Slot, id: NodeId, time: Timestamp) -> Done {
        self.names.entry(at.dir).or_default().make(&at.name, id);
        let live = self.live(id)?;
        live.names.push(at.clone());
        match live.node.kind {
            Kind::Directory => {
                live.parent = Some(at.dir);
                self.count_directory(at.dir, 1)?;
            }
            _ => live.node.nlink += 1,
        }
        self.touch(at.dir, time)
    }

    /// Takes the name `at` from `id`.
    fn leave(&mut self, at: &Slot, id: NodeId, time: Timestamp) -> Done {
        let in_base = self.is_base(at.dir) && self.base.may_have(at.dir, &at.name)?;
        // Before the name goes: what names the node has may still have to be looked up.
        let live = self.live(id)?;
        live.names.retain(|name| name != at);
        if live.names.is_empty() {
            // What has no name stays known, for who has it open; a run may make very many of these.
            live.names = Vec::new();
        }
        match live.node.kind {
            Kind::Directory => self.count_directory(at.dir, -1)?,
            _ => live.node.nlink = live.node.nlink.saturating_sub(1),
        }
        self.names.entry(at.dir).or_default().remove(&at.name, in_base);
        self.touch(at.dir, time)
    }

    /// Counts a subdirectory in the links of `dir`, if its file system counted them at all.
    fn count_directory(&mut self, dir: NodeId, by: i32) -> Done {
        let node = &mut self.live(dir)?.node;
        if node.nlink >= 2 {
            node.nlink = node.nlink.saturating_add_signed(by);
        }
        Ok(())
    }

    /// Notes that the names of `dir` changed.
    fn touch(&mut self, dir: NodeId, time: Timestamp) -> Done {
        let node = &mut self.live(dir)?.node;
        node.mtime = time;
        node.ctime = time;
        Ok(())
    }

    /// The changed state of a node, made from the manifest's if it had none.
    fn live(&mut self, id: NodeId) -> Result<&mut Live, Refusal> {
        if self.live.get(id).is_none() {
            let live = self.promote(id)?;
            self.live.insert(id, live);
        }
        self.live.get_mut(id).ok_or(Refusal::Contradiction(Errno::ENOENT))
    }

    fn promote(&mut self, id: NodeId) -> Result<Live, Refusal> {
        if !self.is_base(id) {
            return Err(Errno::ENOENT.into());
        }
        let node = self.base.node(id)?;
        let parent = match node.kind {
            Kind::Directory => Some(self.base.parent(id)?),
            _ => None,
        };
        let names = match node.nlink {
            2.. if node.kind != Kind::Directory => self.names_in_base(id)?,
            _ => self.base.slot_of(id)?.into_iter().collect(),
        };
        Ok(Live {
            node,
            content: self.base.content(id)?,
            target: None,
            xattrs: None,
            names,
            lost: None,
            parent,
        })
    }

    /// All names the manifest has of a node with several. The manifest does not tell by node: one
    /// walk over it finds them for all such nodes.
    fn names_in_base(&mut self, id: NodeId) -> Result<Vec<Slot>, Error> {
        let manifest = match &self.base {
            Base::Manifest(manifest) => manifest,
            Base::Lower(lower) => {
                let known = lower.pinned_names(id).into_iter();
                return Ok(known.map(|(dir, name)| Slot { dir, name }).collect());
            }
        };
        if self.linked.is_none() {
            let mut all: HashMap<NodeId, Vec<Slot>> = HashMap::new();
            manifest.each_name_of_linked(|node, dir, name| {
                all.entry(node).or_default().push(Slot::new(dir, name));
            })?;
            self.linked = Some(all);
        }
        Ok(self.linked.as_mut().and_then(|all| all.remove(&id)).unwrap_or_default())
    }

    fn named(&self, at: &Slot) -> Result<NodeId, Refusal> {
        self.settled(at.dir, &at.name)?.ok_or(Refusal::Contradiction(Errno::ENOENT))
    }

    /// Checks that the name can be made: it is free, and its directory is one that is not removed.
    fn expect_free(&self, at: &Slot) -> Done {
        let dir = self.node(at.dir)?;
        if dir.kind != Kind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        if dir.nlink == 0 {
            return Err(Errno::ENOENT.into());
        }
        match self.settled(at.dir, &at.name)? {
            Some(_) => Err(Errno::EEXIST.into()),
            None => Ok(()),
        }
    }
}
