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

/// The descriptors of one file descriptor table (shared by tasks as `CLONE_FILES` says).
#[derive(Debug, Clone, Default)]
pub struct FdTable {
    open: HashMap<i32, OpenNode>,
}

impl FdTable {
    /// Remembers what `fd` was opened as.
    pub fn insert(&mut self, fd: i32, open: OpenNode) {
        self.open.insert(fd, open);
    }

    /// Forgets `fd`.
    pub fn remove(&mut self, fd: i32) {
        self.open.remove(&fd);
    }

    /// All that have been remembered.
    pub fn numbers(&self) -> impl Iterator<Item = i32> {
        self.open.keys().copied()
    }

    /// What `fd` was last known as.
    pub fn get(&self, fd: i32) -> Option<OpenNode> {
        self.open.get(&fd).copied()
    }
}
