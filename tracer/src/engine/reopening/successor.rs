//! What vrift opens to take the places of open files, and guards until it has.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::unistd::{Pid, Whence, getpid, lseek};
use vrift_arch::abi::open;
use vrift_vfs::Shared;

use super::Reopenings;
use crate::descriptors;
use crate::fdinfo::{OpenFile, Owner};

/// What is to take the place of an open file.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) file: File,
    pub(super) whose: Whose,
    /// Holds the locks of processes until they take them again.
    guard: Option<File>,
}

/// Where an open file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// From vrift, and nobody has yet.
    Ours,
    /// From vrift.
    Fetched,
    /// From a task that has opened it.
    Task(Pid, i32),
}

impl Reopenings {
    /// Makes a successor, or lets that which is there guard the locks of another process. Without one who
    /// has the file open opens it itself.
    pub(super) fn succeed(&mut self, file: Shared, path: &Path, info: &OpenFile) {
        let open = |flags: u32| {
            let mut options = File::options();
            options.read(true).custom_flags((flags & !open::O_NOATIME) as i32).open(path).ok()
        };
        let guarded: Vec<_> =
            info.locks.iter().filter(|lock| lock.owner == Owner::Process).collect();
        let there = self.successors.get_mut(&file);
        let guard = match &there {
            Some(Successor { guard: Some(guard), .. }) => guard.try_clone().ok(),
            _ if guarded.is_empty() => None,
            _ => open(0),
        };
        if let Some(guard) = &guard {
            for lock in guarded {
                descriptors::lock_range(guard, lock.start, lock.length);
            }
        }
        if let Some(there) = there {
            there.guard = guard;
            return;
        }
        let Some(successor) = open(info.flags) else { return };
        for lock in &info.locks {
            match (lock.owner, lock.kind) {
                (Owner::Whole, kind) => descriptors::lock_whole(&successor, kind),
                // Who only reads has read locks only.
                (Owner::OpenFile, _) => {
                    descriptors::lock_range(&successor, lock.start, lock.length)
                }
                (Owner::Process, _) => {}
            }
        }
        let successor = Successor { file: successor, whose: Whose::Ours, guard };
        self.successors.insert(file, successor);
    }
}

impl Successor {
    /// The process and the number there from which it is to be fetched. Until somebody has, the old one
    /// may still be moved.
    pub(super) fn source(&mut self, info: &OpenFile) -> (Pid, i32) {
        let ours = (getpid(), self.file.as_raw_fd());
        match self.whose {
            Whose::Task(process, fd) if descriptors::are_one(ours, (process, fd)) => (process, fd),
            Whose::Ours => {
                // It is a regular file or a directory: it can be moved.
                let _ = lseek(&self.file, info.position as i64, Whence::SeekSet);
                ours
            }
            Whose::Fetched | Whose::Task(..) => ours,
        }
    }
}
