//! Which descriptors of a process are open files of a mount.
//!
//! `close` is never stopped, so an entry is a hint: it counts only while the descriptor still is
//! the object it was when the entry was made, which the owner of the table checks with [`Backing`].

use std::collections::HashMap;

use crate::place::NodeRef;

/// The identity of a real file: device and inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backing {
    /// `st_dev`
    pub dev: u64,
    /// `st_ino`
    pub ino: u64,
}

/// What a descriptor can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Everything it was opened for.
    Content,
    /// Only to name the file (`O_PATH`).
    Name,
}

/// An open file of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenNode {
    /// The node it was opened through.
    pub node: NodeRef,
    /// What it can be used for.
    pub usage: Usage,
    /// The real object behind the descriptor.
    pub backing: Backing,
}

/// An open file that descriptors of one table or of several share: its position, its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shared(pub u64);

/// The descriptors of one file descriptor table (shared by tasks as `CLONE_FILES` says).
#[derive(Debug, Clone, Default)]
pub struct FdTable {
    open: HashMap<i32, OpenNode>,
    /// Those whose node has got another real object since they were opened.
    outdated: Vec<(i32, Shared)>,
}

impl FdTable {
    /// Remembers what `fd` was opened as.
    pub fn insert(&mut self, fd: i32, open: OpenNode) {
        self.forgive(fd);
        self.open.insert(fd, open);
    }

    /// Forgets `fd`.
    pub fn remove(&mut self, fd: i32) {
        self.forgive(fd);
        self.open.remove(&fd);
    }

    /// Takes note that `fd` is open on what is its node's real object no more.
    pub fn outdate(&mut self, fd: i32, file: Shared) {
        self.forgive(fd);
        self.outdated.push((fd, file));
    }

    /// Takes note that `fd` is let be what it is.
    pub fn forgive(&mut self, fd: i32) {
        self.outdated.retain(|&(outdated, _)| outdated != fd);
    }

    /// The descriptors that are outdated, if they have not been closed since.
    pub fn outdated(&self) -> &[(i32, Shared)] {
        &self.outdated
    }

    /// The descriptors that have been opened on `node`.
    pub fn opened_on(&self, node: NodeRef) -> impl Iterator<Item = (i32, OpenNode)> {
        self.open.iter().filter(move |(_, open)| open.node == node).map(|(&fd, &open)| (fd, open))
    }

    /// All that have been remembered.
    pub fn numbers(&self) -> impl Iterator<Item = i32> {
        self.open.keys().copied()
    }

    /// All nodes of these.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef> {
        self.open.values().map(|open| open.node)
    }

    /// What `fd` was last known as.
    pub fn get(&self, fd: i32) -> Option<OpenNode> {
        self.open.get(&fd).copied()
    }
}
