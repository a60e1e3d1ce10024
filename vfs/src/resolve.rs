//! Path resolution over the host's tree and the mounts, as path_resolution(7) has it.
//!
//! On the host only symlinks are looked for, because one may lead into a mount; whether a host
//! file exists and may be reached is left to the kernel. In a mount the walk is done here, by
//! nodes: search permission on every directory, `..` physical, names compared as bytes.
//!
//! The limits of `openat2` (`RESOLVE_*`) are checked here where the walk touches a mount; a walk that
//! stays on the host is the kernel's, limits and all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::attr::Kind;
use crate::caller::{Caller, Jump};
use crate::creds::{Creds, EXEC, Ids};
use crate::host::{Probe, link_target, look, probe};
use crate::judge::Failure;
use crate::magic::{jumps, magic_link};
use crate::namespace::Namespace;
use crate::place::{NodeRef, Place};
use crate::request::{At, Crossing, Follow, Limits, Links, PathOp, Scope};

/// The most symlinks one walk may follow (`MAXSYMLINKS` in the kernel's `include/linux/namei.h`).
const LINKS_MAX: u32 = 40;

/// The longest name of a directory entry.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// What the last component is for, which decides what a slash after it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is looked up: a slash makes it a directory, and follows it if it is a symlink.
    Lookup,
    /// It is a name to be made, removed or moved: never looked through.
    Name,
    /// It is looked up and made if missing (`O_CREAT`): a slash after it is refused.
    Create,
}

/// Where a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// On the host; whether there is something at the path, the kernel knows.
    Host(PathBuf),
    /// At a node.
    Node(NodeRef),
    /// At a name that a directory of a mount does not have.
    Absent,
    /// At a name that is longer than a name can be, in a directory of a mount.
    TooLong,
    /// At a link of `/proc` that was not followed and leads where the kernel does not know.
    Magic(Jump, PathBuf),
}

/// What the last component was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// A name.
    Name,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// There was none: the path is the root directory.
    Root,
}

/// Whether the kernel, walking by itself, would have come to the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// It would: no mount was touched.
    Plain,
    /// It would not.
    Crossed,
}

/// The end of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) found: Found,
    /// The directory of a mount and the last name looked up in it, if one was.
    pub(crate) entry: Option<(NodeRef, Vec<u8>)>,
    pub(crate) last: Last,
    pub(crate) trailing_slash: bool,
    pub(crate) course: Course,
    /// The link of `/proc` that was followed last.
    pub(crate) link: Option<PathBuf>,
}

/// On whose behalf a walk is made, and how far it may lead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Whose permission to search counts.
    pub(crate) ids: Ids,
    pub(crate) limits: Limits,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { ids: Ids::FileSystem, limits: Limits::default() }
    }
}

/// Resolves `op` for `caller`.
pub(crate) fn resolve(
    names: &Namespace,
    caller: &dyn Caller,
    op: &PathOp,
    ending: Ending,
) -> Result<Resolved, Failure> {
    resolve_within(names, caller, op, ending, Bounds::default())
}

/// Resolves `op` for `caller` within `bounds`.
pub(crate) fn resolve_within(
    names: &Namespace,
    caller: &dyn Caller,
    op: &PathOp,
    ending: Ending,
    bounds: Bounds,
) -> Result<Resolved, Failure> {
    let unknown = || Resolved {
        entry: None,
        found: Found::Host(PathBuf::from(OsStr::from_bytes(&op.path))),
        last: Last::Name,
        trailing_slash: false,
        course: Course::Plain,
        link: None,
    };
    if op.path.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    let start = match start(caller, op, bounds.limits.scope) {
        Ok(start) => start,
        Err(errno @ (Errno::EBADF | Errno::ENOTDIR | Errno::EXDEV)) => return Err(errno.into()),
        // A starting point that has no path cannot lead to a mount: the kernel answers.
        Err(_) => return Ok(unknown()),
    };
    let course = match start {
        Place::Host(_) => Course::Plain,
        Place::Node(_) => Course::Crossed,
    };
    let walk = Walk {
        names,
        caller,
        bounds,
        creds: None,
        top: (bounds.limits.scope != Scope::Anywhere).then(|| start.clone()),
        cursor: start,
        rest: op.path.clone(),
        follow: if ending == Ending::Name { Follow::No } else { op.follow },
        ending,
        links: 0,
        last: Last::Root,
        entry: None,
        course,
        link: None,
    };
    walk.run()
}

fn start(caller: &dyn Caller, op: &PathOp, scope: Scope) -> Result<Place, Errno> {
    if op.path.starts_with(b"/") {
        match scope {
            Scope::Anywhere => return Ok(Place::Host(PathBuf::from("/"))),
            Scope::Beneath => return Err(Errno::EXDEV),
            Scope::Root => {}
        }
    }
    match op.at {
        At::Cwd => caller.cwd(),
        At::Fd(fd) => match caller.node(fd) {
            Some(node) => Ok(Place::Node(node)),
            None => caller.host_path(fd).map(Place::Host),
        },
    }
}

struct Walk<'a> {
    names: &'a Namespace,
    caller: &'a dyn Caller,
    bounds: Bounds,
    creds: Option<Creds>,
    /// What a walk with a scope may not leave upwards.
    top: Option<Place>,
    cursor: Place,
    /// What is still to be walked.
    rest: Vec<u8>,
    follow: Follow,
    ending: Ending,
    links: u32,
    last: Last,
    entry: Option<(NodeRef, Vec<u8>)>,
    course: Course,
    link: Option<PathBuf>,
}

/// A component cut from the rest of the path.
struct Component {
    name: Vec<u8>,
    /// Whether only slashes follow.
    is_last: bool,
    /// Whether any slash follows.
    slash: bool,
}

enum Step {
    Continue,
    End(Found, bool),
}

impl Walk<'_> {
    fn run(mut self) -> Result<Resolved, Failure> {
        loop {
            let step = match self.cursor.clone() {
                Place::Node(dir) => self.step_in_mount(dir)?,
                Place::Host(base) => self.step_on_host(base)?,
            };
            if let Step::End(found, trailing_slash) = step {
                let Walk { last, entry, course, link, .. } = self;
                return Ok(Resolved { found, entry, last, trailing_slash, course, link });
            }
        }
    }

    fn cut(&mut self) -> Option<Component> {
        let begin = self.rest.iter().position(|&b| b != b'/')?;
        let end = self.rest[begin..].iter().position(|&b| b == b'/').map(|n| begin + n);
        let end = end.unwrap_or(self.rest.len());
        let name = self.rest[begin..end].to_vec();
        self.rest.drain(..end);
        let is_last = self.rest.iter().all(|&b| b == b'/');
        let slash = !self.rest.is_empty();
        self.last = match &name[..] {
            b"." => Last::Dot,
            b".." => Last::DotDot,
            _ => Last::Name,
        };
        Some(Component { name, is_last, slash })
    }

    fn step_in_mount(&mut self, dir: NodeRef) -> Result<Step, Failure> {
        let node = self.names.node(dir)?;
        let Some(component) = self.cut() else {
            let slash = !self.rest.is_empty();
            if slash && node.kind != Kind::Directory {
                return Err(Errno::ENOTDIR.into());
            }
            return Ok(Step::End(Found::Node(dir), slash));
        };
        if node.kind != Kind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let creds = self.creds.get_or_insert_with(|| self.caller.creds(self.bounds.ids));
        if !self.names.allows(creds, (dir, &node), EXEC)? {
            return Err(Errno::EACCES.into());
        }
        match self.last {
            Last::Dot => return Ok(Step::Continue),
            Last::DotDot if self.is_at_top() => {
                self.stay_below()?;
                return Ok(Step::Continue);
            }
            Last::DotDot => {
                let above = self.names.parent(dir)?;
                if !matches!(above, Place::Node(node) if node.mount == dir.mount) {
                    self.change_mounts()?;
                }
                self.cursor = above;
                return Ok(Step::Continue);
            }
            Last::Name | Last::Root => {}
        }
        if component.name.len() > NAME_BYTES_MAX {
            if self.ending == Ending::Name && component.is_last {
                self.entry = Some((dir, component.name));
                return Ok(Step::End(Found::TooLong, component.slash));
            }
            return Err(Errno::ENAMETOOLONG.into());
        }
        if self.ending == Ending::Create && component.is_last && component.slash {
            return Err(Errno::EISDIR.into());
        }
        let Some(child) = self.names.lookup(dir, &component.name)? else {
            if component.is_last {
                self.entry = Some((dir, component.name));
                return Ok(Step::End(Found::Absent, component.slash));
            }
            return Err(Errno::ENOENT.into());
        };
        if child.mount != dir.mount {
            self.change_mounts()?;
        }
        self.enter_child(dir, child, &component)
    }

    fn enter_child(
        &mut self,
        dir: NodeRef,
        child: NodeRef,
        component: &Component,
    ) -> Result<Step, Failure> {
        let kind = self.names.node(child)?.kind;
        if kind == Kind::Symlink && !self.stays_at(component) {
            if let (true, Place::Node(dir)) = (component.is_last, &self.cursor) {
                let (dir, link) = (self.names.node(*dir)?, self.names.node(child)?);
                let uid = self.caller.creds(self.bounds.ids).uid;
                self.names.protections().may_follow(&dir, &link, uid)?;
            }
            let target = self.names.target(child)?.into_owned();
            // The directory the link lies in stays the cursor: a relative target starts there.
            return self.substitute(&target);
        }
        if component.is_last {
            if component.slash && kind != Kind::Directory && self.ending != Ending::Name {
                return Err(Errno::ENOTDIR.into());
            }
            self.entry = Some((dir, component.name.clone()));
            return Ok(Step::End(Found::Node(child), component.slash));
        }
        if kind != Kind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        self.cursor = Place::Node(child);
        Ok(Step::Continue)
    }

    /// Whether a symlink at this component is what the path names.
    fn stays_at(&self, component: &Component) -> bool {
        let ends_here = component.is_last && (!component.slash || self.ending == Ending::Name);
        ends_here && self.follow == Follow::No
    }

    /// Puts a symlink's target before the rest of the path.
    fn substitute(&mut self, target: &[u8]) -> Result<Step, Failure> {
        self.links += 1;
        if self.links > LINKS_MAX || self.bounds.limits.links == Links::None {
            return Err(Errno::ELOOP.into());
        }
        if target.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if target.starts_with(b"/") {
            self.cursor = match (&self.top, &self.cursor) {
                (Some(top), _) => {
                    self.stay_below()?;
                    top.clone()
                }
                (None, Place::Node(_)) => {
                    self.change_mounts()?;
                    Place::Host(PathBuf::from("/"))
                }
                (None, Place::Host(_)) => Place::Host(PathBuf::from("/")),
            };
        }
        self.rest.splice(..0, target.iter().copied());
        Ok(Step::Continue)
    }

    /// Whether the walk is where its scope ends.
    fn is_at_top(&self) -> bool {
        self.top.as_ref() == Some(&self.cursor)
    }

    /// The walk is about to leave its scope: refused, unless that is its root.
    fn stay_below(&self) -> Result<(), Errno> {
        match self.bounds.limits.scope {
            Scope::Beneath => Err(Errno::EXDEV),
            Scope::Anywhere | Scope::Root => Ok(()),
        }
    }

    /// The walk is about to go from one mount to another.
    fn change_mounts(&self) -> Result<(), Errno> {
        match self.bounds.limits.crossing {
            Crossing::Allowed => Ok(()),
            Crossing::Refused => Err(Errno::EXDEV),
        }
    }

    /// The walk is about to follow a magic link (`nd_jump_link` in the kernel's fs/namei.c).
    fn follow_magic(&mut self) -> Result<(), Errno> {
        self.links += 1;
        let Limits { scope, links, .. } = self.bounds.limits;
        if self.links > LINKS_MAX || links != Links::All {
            return Err(Errno::ELOOP);
        }
        self.change_mounts()?;
        if scope == Scope::Anywhere { Ok(()) } else { Err(Errno::EXDEV) }
    }

    /// Walks as many plain names as there are in one go, then looks for symlinks among them once.
    fn step_on_host(&mut self, base: PathBuf) -> Result<Step, Failure> {
        let whole = self.rest.clone();
        let mut path = base.clone();
        let mut names = 0;
        let mut slash = false;
        loop {
            if next_is_dot_dot(&self.rest) {
                if names == 0 {
                    // A descriptor to start at need not be a directory.
                    if self.last == Last::Root
                        && look(&with_slash(path.clone(), true), Follow::Yes).is_err()
                    {
                        return Ok(self.leave_to_kernel(&base, &whole));
                    }
                    self.cut();
                    if self.is_at_top() {
                        self.stay_below()?;
                    } else {
                        path.pop();
                    }
                    self.cursor = Place::Host(path);
                    return Ok(Step::Continue);
                }
                slash = true;
                break;
            }
            let Some(component) = self.cut() else { break };
            slash = component.slash;
            if self.last == Last::Name {
                path.push(OsStr::from_bytes(&component.name));
                names += 1;
            }
            if let Some(root) = self.names.mount_at(&path) {
                return self.enter_mount(root);
            }
        }
        let at_end = self.rest.iter().all(|&b| b == b'/');
        let ends_here = at_end && (!slash || self.ending == Ending::Name);
        let follow = if ends_here && self.last == Last::Name { self.follow } else { Follow::Yes };
        // What comes before `..` must be a directory, which a slash makes the kernel check.
        let path = if at_end { path } else { with_slash(path, true) };
        if path.starts_with("/proc") {
            return self.walk_links(base, whole);
        }
        match probe(&path, follow) {
            Probe::Plain if at_end => Ok(Step::End(Found::Host(self.spelled(path, slash)), slash)),
            Probe::Plain => {
                self.cursor = Place::Host(path.components().collect());
                Ok(Step::Continue)
            }
            Probe::HasLink => self.walk_links(base, whole),
            Probe::Refused => Ok(self.leave_to_kernel(&base, &whole)),
        }
    }

    fn enter_mount(&mut self, root: NodeRef) -> Result<Step, Failure> {
        self.change_mounts()?;
        self.course = Course::Crossed;
        self.cursor = Place::Node(root);
        Ok(Step::Continue)
    }

    /// The kernel will fail on this walk, and its errno is the right one.
    fn leave_to_kernel(&self, base: &Path, rest: &[u8]) -> Step {
        let mut path = base.as_os_str().as_bytes().to_vec();
        let mut names = rest.split(|&b| b == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            // Without what says nothing the path is not longer than the caller's may have been.
            if name != b"." || names.peek().is_none() {
                path.push(b'/');
                path.extend_from_slice(name);
            }
        }
        if rest.ends_with(b"/") {
            path.push(b'/');
        }
        Step::End(Found::Host(PathBuf::from(OsStr::from_bytes(&path))), false)
    }

    /// A host path whose last component is to the kernel what it was to the caller: a path that
    /// ended in `.` or `..` names no directory entry that could be removed or moved.
    fn spelled(&self, path: PathBuf, slash: bool) -> PathBuf {
        match self.last {
            Last::Dot | Last::DotDot => path.join("."),
            Last::Name | Last::Root => with_slash(path, slash),
        }
    }

    /// Walks host components one by one up to the first symlink.
    fn walk_links(&mut self, base: PathBuf, rest: Vec<u8>) -> Result<Step, Failure> {
        self.rest = rest;
        let mut here = base;
        loop {
            if next_is_dot_dot(&self.rest) {
                if look(&with_slash(here.clone(), true), Follow::Yes).is_err() {
                    let rest = std::mem::take(&mut self.rest);
                    return Ok(self.leave_to_kernel(&here, &rest));
                }
                self.cursor = Place::Host(here);
                return Ok(Step::Continue);
            }
            let Some(component) = self.cut() else {
                return Ok(Step::End(Found::Host(here), false));
            };
            if self.last == Last::Dot {
                if component.is_last {
                    let path = self.spelled(here, component.slash);
                    return Ok(Step::End(Found::Host(path), component.slash));
                }
                continue;
            }
            let path = here.join(OsStr::from_bytes(&component.name));
            if let Some(root) = self.names.mount_at(&path) {
                return self.enter_mount(root);
            }
            if self.ending == Ending::Create && component.is_last && component.slash {
                // Refused before it is looked at.
                return Ok(Step::End(Found::Host(with_slash(path, true)), true));
            }
            let stays = self.stays_at(&component);
            if let Some(jump) = magic_link(&path).and_then(|link| self.caller.magic(link)) {
                return self.jump(jump, path, stays);
            }
            if !stays && let Some(target) = self.host_link(&here, &component.name, &path) {
                if jumps(&path) {
                    if component.is_last && magic_link(&path).is_some() {
                        // The kernel's jump is exact where the link's text is not (a deleted file).
                        return Ok(Step::End(Found::Host(path), component.slash));
                    }
                    self.follow_magic()?;
                    self.links -= 1;
                    if !target.is_absolute() {
                        // What it leads to has no path: a pipe, a socket.
                        let rest = std::mem::take(&mut self.rest);
                        return Ok(self.leave_to_kernel(&path, &rest));
                    }
                }
                self.cursor = Place::Host(here);
                return self.substitute(target.as_os_str().as_bytes());
            }
            if component.is_last {
                let path = with_slash(path, component.slash);
                return Ok(Step::End(Found::Host(path), component.slash));
            }
            here = path;
        }
    }

    /// Follows a magic link where the kernel would not go, or names the link itself.
    fn jump(&mut self, jump: Jump, path: PathBuf, stays: bool) -> Result<Step, Failure> {
        self.course = Course::Crossed;
        if stays {
            return Ok(Step::End(Found::Magic(jump, path), false));
        }
        self.follow_magic()?;
        (self.cursor, self.link) = (jump.place, Some(path));
        Ok(Step::Continue)
    }

    /// The target of a host symlink; `/proc/self` is read for the caller, not for us.
    fn host_link(&self, dir: &Path, name: &[u8], path: &Path) -> Option<PathBuf> {
        let (pid, tid) = self.caller.ids();
        if dir == Path::new("/proc") {
            match name {
                b"self" => return Some(PathBuf::from(pid.to_string())),
                b"thread-self" => return Some(PathBuf::from(format!("{pid}/task/{tid}"))),
                _ => {}
            }
        }
        link_target(path)
    }
}

fn next_is_dot_dot(rest: &[u8]) -> bool {
    let begin = rest.iter().position(|&b| b != b'/').unwrap_or(rest.len());
    let rest = &rest[begin..];
    rest.starts_with(b"..") && matches!(rest.get(2), None | Some(b'/'))
}

fn with_slash(path: PathBuf, slash: bool) -> PathBuf {
    if !slash {
        return path;
    }
    let mut bytes = path.into_os_string();
    bytes.push("/");
    PathBuf::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_dot_is_seen_only_as_a_whole_component() {
        for yes in ["..", "../x", "//..", "/../"] {
            assert!(next_is_dot_dot(yes.as_bytes()), "{yes}");
        }
        for no in ["", ".", "..x", "x/..", "..."] {
            assert!(!next_is_dot_dot(no.as_bytes()), "{no}");
        }
    }
}
