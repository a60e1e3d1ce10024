//! The tracee a call is read from: its id, its memory, and what mounts make of its descriptors.

use std::path::{Path, PathBuf};

use nix::unistd::Pid;
use vrift_arch::abi::Stat;
use vrift_vfs::{Follow, Held};

use crate::memory::Memory;

/// What the host's `/proc` cannot tell of a task's descriptors: their paths in a mount.
pub trait Places {
    /// The path of a task's descriptor that a mount serves.
    fn mounted(&self, tid: Pid, fd: i32) -> Option<PathBuf>;

    /// The current directory of the one who calls, if it is in a mount.
    fn mounted_directory(&self) -> Option<PathBuf>;

    /// The same of another task.
    fn mounted_directory_of(&self, _: Pid) -> Option<PathBuf> {
        self.mounted_directory()
    }

    /// What a mount has at a path; `None` if that is a matter of the host.
    fn held(&self, path: &Path, follow: Follow) -> Option<Held>;

    /// The file of a mount that the kernel knows by `real`: its path, and what it holds.
    fn behind(&self, real: &Path) -> Option<(PathBuf, Held)>;

    /// The file of `/proc` of which a task has one of vrift's open, which the kernel knows by `real`.
    fn viewed(&self, _: &Path) -> Option<PathBuf> {
        None
    }

    /// The path without symlinks of what a mount has at a path, or would have if it were made; `None` if that is a
    /// matter of the host. Only who changes something at a path asks.
    fn led(&self, _: &Path, _: Follow) -> Option<PathBuf> {
        None
    }

    /// The attributes of what the call has opened, if somebody has asked for them then: its descriptor may be
    /// another's by now.
    fn attested(&self) -> Option<Stat> {
        None
    }
}

/// No mount at all.
#[derive(Debug, Clone, Copy)]
pub struct Unmounted;

impl Places for Unmounted {
    fn mounted(&self, _: Pid, _: i32) -> Option<PathBuf> {
        None
    }

    fn mounted_directory(&self) -> Option<PathBuf> {
        None
    }

    fn held(&self, _: &Path, _: Follow) -> Option<Held> {
        None
    }

    fn behind(&self, _: &Path) -> Option<(PathBuf, Held)> {
        None
    }
}

/// A stopped task, as the view sees it.
#[derive(Clone, Copy)]
pub struct Seat<'a> {
    /// Its id.
    pub tid: Pid,
    /// Its memory.
    pub memory: &'a dyn Memory,
    /// Its descriptors.
    pub places: &'a dyn Places,
}

impl std::fmt::Debug for Seat<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("tid", &self.tid).finish_non_exhaustive()
    }
}

impl<'a> Seat<'a> {
    /// A task without mounts.
    pub fn unmounted(tid: Pid, memory: &'a dyn Memory) -> Seat<'a> {
        Seat { tid, memory, places: &Unmounted }
    }
}
