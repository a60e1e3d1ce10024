//! Requests that make, remove or move names.

use std::path::PathBuf;

use nix::errno::Errno;

use super::{Failure, Outcome, Subject};
use crate::caller::Caller;
use crate::host;
use crate::namespace::Namespace;
use crate::place::{MountId, NodeRef, Place};
use crate::request::{At, Follow, Given, MakeKind, PathOp, Removal, RenameMode, Target};
use crate::resolve::{Course, Ending, Found, Last, Resolved, resolve};
use crate::verdict::{Judged, Paths, Reply};

/// Which tree a name is in.
pub(super) enum Side {
    /// The host's.
    Host(HostName),
    /// The host's, but a mount lies on it.
    MountPoint(NodeRef),
    /// A mount's.
    Mount(Resolved),
}

/// A path to a name on the host.
pub(super) struct HostName {
    path: PathBuf,
    course: Course,
    last: Last,
}

impl HostName {
    /// The path the kernel must see if it would not find the name by itself.
    pub(super) fn rewritten(self) -> Option<PathBuf> {
        (!self.is_plain()).then_some(self.path)
    }

    /// Whether the kernel finds it by itself.
    pub(super) fn is_plain(&self) -> bool {
        self.course == Course::Plain
    }

    /// Why the directory of the name cannot be reached, if so.
    pub(super) fn reach_directory(&self) -> Result<(), Errno> {
        host::reach_directory_of(&self.path)
    }
}

impl Namespace {
    pub(super) fn make(&mut self, caller: &dyn Caller, op: &PathOp, kind: &MakeKind) -> Outcome {
        match self.side(caller, op)? {
            Side::Host(name) => Ok(rewritten(name.rewritten(), None)),
            Side::MountPoint(_) => Err(Errno::EEXIST.into()),
            Side::Mount(at) => match cannot_make(&at, kind.is_directory()) {
                Errno::EROFS if self.can_change(&at) => self.make_in_mount(caller, &at, kind),
                errno => Err(errno.into()),
            },
        }
    }

    pub(super) fn remove(&mut self, caller: &dyn Caller, op: &PathOp, removal: Removal) -> Outcome {
        let at = match self.side(caller, op)? {
            // A rewritten path ends in `.` where the caller's ended in `..`.
            Side::Host(HostName { course: Course::Crossed, last: Last::DotDot, .. })
                if removal == Removal::Directory =>
            {
                return Err(Errno::ENOTEMPTY.into());
            }
            Side::Host(name) => return Ok(rewritten(name.rewritten(), None)),
            Side::MountPoint(_) => {
                let directory = removal == Removal::Directory;
                return Err(if directory { Errno::EBUSY } else { Errno::EISDIR }.into());
            }
            Side::Mount(at) => at,
        };
        let errno = match (removal, at.last) {
            (Removal::File, Last::Dot | Last::DotDot | Last::Root) => Errno::EISDIR,
            (Removal::Directory, Last::DotDot) => Errno::ENOTEMPTY,
            (Removal::Directory, Last::Dot) => Errno::EINVAL,
            (Removal::Directory, Last::Root) => Errno::EBUSY,
            (_, Last::Name) if self.can_change(&at) && at.found == Found::TooLong => {
                Errno::ENAMETOOLONG
            }
            (_, Last::Name) if self.can_change(&at) => {
                return self.remove_in_mount(caller, &at, removal);
            }
            // The kernel asks for write access to the mount before it looks the name up.
            (_, Last::Name) => Errno::EROFS,
        };
        Err(errno.into())
    }

    /// The source is looked up, then the new name, and only then are their trees compared
    /// (`do_linkat`).
    pub(super) fn link(&mut self, caller: &dyn Caller, from: &Target, to: &Given) -> Outcome {
        let source = self.link_source(caller, from)?;
        let to = self.side_given(caller, to);
        let leaves_host = !matches!(to, Ok(Side::Host(_)));
        if let (Source::Host(from, follow), true) = (&source, leaves_host) {
            host::look(&from.path, *follow)?;
        }
        match (source, to?) {
            (_, Side::MountPoint(_)) => Err(Errno::EEXIST.into()),
            (source, Side::Mount(to)) => match (cannot_make(&to, false), source) {
                (Errno::EROFS, Source::Node(node)) if self.can_change(&to) => {
                    self.link_in_mount(caller, node, &to)
                }
                (Errno::EROFS, _) if self.can_change(&to) => Err(Errno::EXDEV.into()),
                (errno, _) => Err(errno.into()),
            },
            (Source::Node(_), Side::Host(to)) => {
                to.reach_directory()?;
                let taken = host::look(&to.path, Follow::No).is_ok();
                Err(if taken { Errno::EEXIST } else { Errno::EXDEV }.into())
            }
            (Source::Host(from, _), Side::Host(to)) => {
                Ok(rewritten(from.rewritten(), to.rewritten()))
            }
            (Source::Unnamed, Side::Host(to)) => Ok(rewritten(None, to.rewritten())),
        }
    }

    fn link_source(&self, caller: &dyn Caller, from: &Target) -> Result<Source, Failure> {
        let Target::Path(op) = from else {
            if let Target::Open(At::Fd(fd)) = from
                && caller.host_path(*fd) == Err(Errno::EBADF)
            {
                return Err(Errno::EBADF.into());
            }
            return Ok(match self.find(caller, from)? {
                Subject::Node(node) => Source::Node(node),
                _ => Source::Unnamed,
            });
        };
        let at = resolve(self, caller, op, Ending::Lookup)?;
        match at.found {
            Found::Host(path) => {
                let (course, last) = (at.course, at.last);
                Ok(Source::Host(HostName { path, course, last }, op.follow))
            }
            Found::Node(node) => Ok(Source::Node(node)),
            Found::Magic(..) => Ok(Source::Unnamed),
            Found::Absent | Found::TooLong => Err(Errno::ENOENT.into()),
        }
    }

    /// Both directories are looked up, then compared, and only then are the names looked at
    /// (`do_renameat2`).
    pub(super) fn rename(
        &mut self,
        caller: &dyn Caller,
        from: &PathOp,
        to: &Given,
        mode: RenameMode,
    ) -> Outcome {
        let keeps = mode == RenameMode::KeepTarget;
        let from = self.side(caller, from)?;
        let to = self.side_given(caller, to);
        if let (Side::Host(from), false) = (&from, matches!(to, Ok(Side::Host(_)))) {
            from.reach_directory()?;
        }
        match (from, to?) {
            (Side::Host(from), Side::Host(to)) => Ok(rewritten(from.rewritten(), to.rewritten())),
            (Side::MountPoint(a), Side::MountPoint(b)) if a == b && !keeps => {
                Ok(Judged::reply(Reply::Done))
            }
            (Side::MountPoint(_), Side::MountPoint(_)) if keeps => Err(Errno::EEXIST.into()),
            (Side::MountPoint(_), Side::MountPoint(_)) => Err(Errno::EBUSY.into()),
            (Side::MountPoint(_), Side::Host(to)) => {
                to.reach_directory()?;
                Err(Errno::EBUSY.into())
            }
            (Side::Host(from), Side::MountPoint(at)) => {
                if let Place::Host(above) = self.parent(at)?
                    && !host::same_device(&from.path, &above)
                {
                    return Err(Errno::EXDEV.into());
                }
                host::look(&from.path, Follow::No)?;
                Err(match mode {
                    RenameMode::KeepTarget => Errno::EEXIST,
                    RenameMode::Replace if !host::is_directory(&from.path) => Errno::EISDIR,
                    RenameMode::Replace | RenameMode::Exchange => Errno::EBUSY,
                }
                .into())
            }
            (Side::Mount(_), Side::Host(to)) => {
                to.reach_directory()?;
                Err(Errno::EXDEV.into())
            }
            (Side::Host(_) | Side::MountPoint(_), Side::Mount(_))
            | (Side::Mount(_), Side::MountPoint(_)) => Err(Errno::EXDEV.into()),
            (Side::Mount(from), Side::Mount(to)) if named_in(&from) != named_in(&to) => {
                Err(Errno::EXDEV.into())
            }
            (Side::Mount(from), Side::Mount(to)) => Err(match (from.last, to.last) {
                (Last::Name, Last::Name) if self.can_change(&from) => {
                    return self.rename_in_mount(caller, &from, &to, mode);
                }
                (Last::Name, Last::Name) => Errno::EROFS,
                (Last::Name, _) if keeps => Errno::EEXIST,
                _ => Errno::EBUSY,
            }
            .into()),
        }
    }

    fn side_given(&self, caller: &dyn Caller, given: &Given) -> Result<Side, Failure> {
        self.side(caller, given.as_ref().map_err(|&errno| errno)?)
    }

    /// Which tree the name `op` is in.
    pub(super) fn side(&self, caller: &dyn Caller, op: &PathOp) -> Result<Side, Failure> {
        let at = resolve(self, caller, op, Ending::Name)?;
        Ok(match (&at.found, at.last) {
            (Found::Host(path), _) => {
                Side::Host(HostName { path: path.clone(), course: at.course, last: at.last })
            }
            // The link itself is a name in /proc, which the kernel finds.
            (Found::Magic(_, path), _) => {
                let (path, course) = (path.clone(), Course::Plain);
                Side::Host(HostName { path, course, last: at.last })
            }
            // A mount point in a mount is a name of that one, which is read-only as a whole.
            (&Found::Node(node), Last::Name)
                if self.is_mount_root(node) && matches!(self.parent(node)?, Place::Host(_)) =>
            {
                Side::MountPoint(node)
            }
            (Found::Node(_) | Found::Absent | Found::TooLong, _) => Side::Mount(at),
        })
    }
}

/// The mount whose directory a name in a mount is in.
fn named_in(at: &Resolved) -> Option<MountId> {
    match (&at.entry, &at.found) {
        (Some((directory, _)), _) => Some(directory.mount),
        (None, Found::Node(node)) => Some(node.mount),
        _ => None,
    }
}

/// What a hard link is made to.
enum Source {
    Host(HostName, Follow),
    /// A descriptor of the host.
    Unnamed,
    Node(NodeRef),
}

/// Why the name `at` cannot be made in a mount (`filename_create` in fs/namei.c).
pub(super) fn cannot_make(at: &Resolved, directory: bool) -> Errno {
    match at.found {
        Found::Absent if at.trailing_slash && !directory => Errno::ENOENT,
        Found::Absent => Errno::EROFS,
        Found::TooLong => Errno::ENAMETOOLONG,
        _ => Errno::EEXIST,
    }
}

fn rewritten(first: Option<PathBuf>, second: Option<PathBuf>) -> Judged {
    if first.is_none() && second.is_none() {
        return Judged::pass();
    }
    Judged::redirect(Paths { first, second })
}
