//! What descriptors are open on (`-y`, `-yy`).
//!
//! A descriptor of a mount is told by its path there; the file of the store behind it is nobody's
//! business.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::unistd::Pid;
use vrift_vfs::LOST;

use super::Cx;
use crate::call::Outcome;
use crate::procfs;
use crate::sockdiag;
use crate::view::places::{Places, Seat};
use crate::view::quote::Quoting;
use crate::view::spelled::ResultForm;
use crate::view::style::Style;
use crate::view::value::{Opened, Value};
use crate::view::word::{Number, Word};

/// `AT_FDCWD`
const AT_FDCWD: i32 = -100;

impl<'a> Cx<'a> {
    /// A descriptor.
    pub(super) fn fd(&self, fd: i32) -> Value {
        self.descriptors().number(fd)
    }

    /// A directory descriptor, or the name of the working directory.
    pub(super) fn directory(&self, fd: i32) -> Value {
        if fd == AT_FDCWD { self.descriptors().current_directory() } else { self.fd(fd) }
    }

    /// Another task's descriptor.
    pub(super) fn fd_of(&self, tid: Pid, fd: i32) -> Value {
        Table { tid, ..self.descriptors() }.number(fd)
    }

    /// All descriptors of the caller.
    pub(super) fn descriptors(&self) -> Table<'a> {
        Table::of(&self.seat, self.style)
    }

    /// Adds what a new descriptor is open on to the form of a call's result.
    pub(super) fn new_descriptor(&self, name: &str, outcome: Outcome, form: &mut ResultForm) {
        let Outcome::Value(fd @ 0..) = outcome else { return };
        if self.style.descriptors.tell() && self.makes_descriptor(name) {
            form.opened = self.descriptors().opened(fd as i32).map(Box::new);
        }
    }

    fn makes_descriptor(&self, name: &str) -> bool {
        match name {
            // NS_GET_USERNS, NS_GET_PARENT
            "ioctl" => matches!(self.uint(1), 0xb701 | 0xb702),
            "fcntl" => matches!(self.int(1), libc::F_DUPFD | libc::F_DUPFD_CLOEXEC),
            // Else it tells a version.
            "landlock_create_ruleset" => self.uint(2) & 1 == 0,
            _ => MAKERS.contains(&name),
        }
    }
}

/// The descriptors of a task, in a style.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    tid: Pid,
    places: &'a dyn Places,
    style: &'a Style,
}

impl<'a> Table<'a> {
    /// The descriptors of a stopped task.
    pub(super) fn of(seat: &Seat<'a>, style: &'a Style) -> Table<'a> {
        Table { tid: seat.tid, places: seat.places, style }
    }

    /// One of them.
    pub(super) fn number(&self, fd: i32) -> Value {
        let plain = Value::Fd(fd);
        if !self.style.descriptors.tell() || fd < 0 {
            return plain;
        }
        match self.opened(fd) {
            Some(on) => Value::Open { fd: Box::new(plain), on: Box::new(on) },
            None => plain,
        }
    }

    /// What stands for the working directory.
    fn current_directory(&self) -> Value {
        let plain = Value::name(Word::new("AT_FDCWD", Number::Signed(AT_FDCWD.into())));
        if !self.style.descriptors.tell_paths() {
            return plain;
        }
        let path = match self.places.mounted_directory() {
            Some(path) => Some(path),
            None => procfs::directory(self.tid).ok(),
        };
        match path {
            Some(path) => {
                let on = self.named(path.as_os_str().as_bytes().to_vec());
                Value::Open { fd: Box::new(plain), on: Box::new(on) }
            }
            None => plain,
        }
    }

    fn named(&self, name: Vec<u8>) -> Opened {
        let quoting = Some(self.style.quoting(Quoting::Octal, &name));
        Opened { name, quoting, device: None, deleted: false }
    }

    fn opened(&self, fd: i32) -> Option<Opened> {
        let wanted = self.style.descriptors;
        if let Some(path) = self.places.mounted(self.tid, fd) {
            return wanted.tell_paths().then(|| self.named(path.as_os_str().as_bytes().to_vec()));
        }
        let link = procfs::link(self.tid, fd)?;
        let link = self.places.viewed(&link).unwrap_or(link);
        let name = link.as_os_str().as_bytes();
        if let Some(words) = self.words(fd, name) {
            return Some(Opened { quoting: None, ..self.named(words.into_bytes()) });
        }
        let is_path = name.starts_with(b"/");
        let device = if is_path && wanted.tell_devices() { self.device(fd) } else { None };
        if device.is_none() && !wanted.tell_paths() {
            return None;
        }
        let mut on = Opened { device, ..self.named(name.to_vec()) };
        if is_path
            && let Some(path) = name.strip_suffix(LOST)
            && !link.exists()
        {
            (on.name, on.deleted) = (path.to_vec(), true);
        }
        Some(on)
    }

    /// What a descriptor without a path stands for, if more can be told than the kernel's link does.
    fn words(&self, fd: i32, link: &[u8]) -> Option<String> {
        let tid = self.tid;
        let wanted = self.style.descriptors;
        if wanted.tell_sockets()
            && let Some(inode) = link.strip_prefix(b"socket:[")
            && let Some(inode) = inode.strip_suffix(b"]")
        {
            let inode = std::str::from_utf8(inode).ok()?.parse().ok()?;
            return sockdiag::describe(tid, fd, inode);
        }
        if wanted.tell_processes() && link == b"anon_inode:[pidfd]" {
            // Of one whose process is gone only the link is left.
            return procfs::pidfd(tid, fd).filter(|&pid| pid > 0).map(|pid| format!("pid:{pid}"));
        }
        None
    }

    /// The device a descriptor is open on.
    fn device(&self, fd: i32) -> Option<String> {
        let path = format!("/proc/{}/fd/{fd}", self.tid);
        let meta = std::fs::metadata(path).ok()?;
        let kind = match meta.file_type() {
            kind if kind.is_char_device() => "char",
            kind if kind.is_block_device() => "block",
            _ => return None,
        };
        let (major, minor) = super::files::device_numbers(meta.rdev());
        Some(format!("{kind} {major}:{minor}"))
    }
}

/// Calls that return a new descriptor.
const MAKERS: &[&str] = &[
    "open",
    "openat",
    "openat2",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "socket",
    "accept",
    "accept4",
    "epoll_create",
    "epoll_create1",
    "eventfd",
    "eventfd2",
    "signalfd",
    "signalfd4",
    "timerfd_create",
    "inotify_init",
    "inotify_init1",
    "memfd_create",
    "memfd_secret",
    "pidfd_open",
    "pidfd_getfd",
    "perf_event_open",
    "userfaultfd",
    "fanotify_init",
    "open_tree",
    "fsopen",
    "fsmount",
    "fspick",
    "mq_open",
    // Which makes none, but strace says it does.
    "mount_setattr",
    "io_uring_setup",
];
