//! Path resolution over the host's tree and the mounts, as path_resolution(7) has it.
//!
//! On the host only symlinks are looked for, because one may lead into a mount; whether a host
//! file exists and may be reached is left to the kernel. In a mount the walk is done here, by
//! nodes: search permission on every directory, `..` physical, names compared as bytes.
//!
//! Deliberately absent: `openat2`'s `RESOLVE_*` limits, which the judge refuses in a mount.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::attr::Kind;
use crate::caller::{Caller, Jump, MagicLink, ProcEntry, ProcId};
use crate::creds::{Creds, EXEC, Ids};
use crate::host::{Probe, link_target, look, probe};
use crate::judge::Failure;
use crate::namespace::Namespace;
use crate::place::{NodeRef, Place};
use crate::request::{At, Follow, PathOp};

/// The most symlinks one walk may follow (`MAXSYMLINKS` in the kernel's `include/linux/namei.h`).
const LINKS_MAX: u32 = 40;

/// The longest name of a directory entry.
const NAME_BYTES_MAX: usize = 255;

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
    /// At a link of `/proc` that was not followed and leads where the kernel does not know.
    Magic(Jump),
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
    /// The directory of a mount and the name in it by which a node was found at last, if it was.
    pub(crate) entry: Option<(NodeRef, Vec<u8>)>,
    pub(crate) last: Last,
    pub(crate) trailing_slash: bool,
    pub(crate) course: Course,
}

/// Resolves `op` for `caller`.
pub(crate) fn resolve(
    names: &Namespace,
    caller: &dyn Caller,
    op: &PathOp,
    ending: Ending,
) -> Result<Resolved, Failure> {
    let unknown = || Resolved {
        entry: None,
        found: Found::Host(PathBuf::from(OsStr::from_bytes(&op.path))),
        last: Last::Name,
        trailing_slash: false,
        course: Course::Plain,
    };
    if op.path.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    // A starting point that has no path cannot lead to a mount: the kernel answers.
    let Ok(start) = start(caller, op) else { return Ok(unknown()) };
    let course = match start {
        Place::Host(_) => Course::Plain,
        Place::Node(_) => Course::Crossed,
    };
    let walk = Walk {
        names,
        caller,
        creds: None,
        cursor: start,
        rest: op.path.clone(),
        follow: if ending == Ending::Name { Follow::No } else { op.follow },
        ending,
        links: 0,
        last: Last::Root,
        entry: None,
        course,
    };
    walk.run()
}

fn start(caller: &dyn Caller, op: &PathOp) -> Result<Place, Errno> {
    if op.path.starts_with(b"/") {
        return Ok(Place::Host(PathBuf::from("/")));
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
    creds: Option<Creds>,
    cursor: Place,
    /// What is still to be walked.
    rest: Vec<u8>,
    follow: Follow,
    ending: Ending,
    links: u32,
    last: Last,
    entry: Option<(NodeRef, Vec<u8>)>,
    course: Course,
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
                let Walk { last, entry, course, .. } = self;
                return Ok(Resolved { found, entry, last, trailing_slash, course });
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
        let creds = self.creds.get_or_insert_with(|| self.caller.creds(Ids::FileSystem));
        if !creds.may(&node, EXEC) {
            return Err(Errno::EACCES.into());
        }
        match self.last {
            Last::Dot => return Ok(Step::Continue),
            Last::DotDot => {
                self.cursor = self.names.parent(dir)?;
                return Ok(Step::Continue);
            }
            Last::Name | Last::Root => {}
        }
        if component.name.len() > NAME_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        if self.ending == Ending::Create && component.is_last && component.slash {
            return Err(Errno::EISDIR.into());
        }
        let Some(child) = self.names.lookup(dir, &component.name)? else {
            if component.is_last {
                return Ok(Step::End(Found::Absent, component.slash));
            }
            return Err(Errno::ENOENT.into());
        };
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
            let target = self.names.target(child)?.to_vec();
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
        if self.links > LINKS_MAX {
            return Err(Errno::ELOOP.into());
        }
        if target.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if target.starts_with(b"/") {
            self.cursor = Place::Host(PathBuf::from("/"));
        }
        self.rest.splice(..0, target.iter().copied());
        Ok(Step::Continue)
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
                    self.cut();
                    path.pop();
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
                return Ok(self.enter_mount(root));
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

    fn enter_mount(&mut self, root: NodeRef) -> Step {
        self.course = Course::Crossed;
        self.cursor = Place::Node(root);
        Step::Continue
    }

    /// The kernel will fail on this walk, and its errno is the right one.
    fn leave_to_kernel(&self, base: &Path, rest: &[u8]) -> Step {
        let mut path = base.as_os_str().as_bytes().to_vec();
        path.push(b'/');
        path.extend_from_slice(rest);
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
                return Ok(self.enter_mount(root));
            }
            let stays = self.stays_at(&component);
            if let Some(jump) = magic_link(&path).and_then(|link| self.caller.magic(link)) {
                return self.jump(jump, stays);
            }
            if !stays && let Some(target) = self.host_link(&here, &component.name, &path) {
                if magic_link(&path).is_some() && component.is_last {
                    // The kernel's jump is exact where the link's text is not (a deleted file).
                    return Ok(Step::End(Found::Host(path), component.slash));
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
    fn jump(&mut self, jump: Jump, stays: bool) -> Result<Step, Failure> {
        self.course = Course::Crossed;
        if stays {
            return Ok(Step::End(Found::Magic(jump), false));
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Errno::ELOOP.into());
        }
        self.cursor = jump.place;
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

/// Recognises `/proc/<pid>/cwd`, `/proc/<pid>/exe`, `/proc/<pid>/fd/<n>` and the same below
/// `task/<tid>`.
fn magic_link(path: &Path) -> Option<MagicLink> {
    let (of, mut parts) = process_of(path)?;
    let entry = match parts.next()? {
        b"cwd" => ProcEntry::Cwd,
        b"exe" => ProcEntry::Exe,
        b"fd" => ProcEntry::Fd(number(parts.next()?)?),
        _ => return None,
    };
    parts.next().is_none().then_some(MagicLink { of, entry })
}

/// Recognises a file right below `/proc/<pid>` or `/proc/<pid>/task/<tid>`.
pub(crate) fn proc_file(path: &Path) -> Option<(ProcId, &[u8])> {
    let (of, mut parts) = process_of(path)?;
    let name = parts.next()?;
    parts.next().is_none().then_some((of, name))
}

/// Whose directory of `/proc` a path leads into, and what follows.
fn process_of(path: &Path) -> Option<(ProcId, impl Iterator<Item = &[u8]>)> {
    let mut parts = path.strip_prefix("/proc").ok()?.iter().map(OsStr::as_bytes).peekable();
    let mut of = ProcId::Process(number(parts.next()?)?);
    if parts.peek() == Some(&&b"task"[..]) {
        parts.next();
        of = ProcId::Thread(number(parts.next()?)?);
    }
    Some((of, parts))
}

fn number(part: &[u8]) -> Option<i32> {
    std::str::from_utf8(part).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_links_are_recognised_by_their_exact_shape() {
        let fd = |of, n| Some(MagicLink { of, entry: ProcEntry::Fd(n) });
        let link = |path: &str| magic_link(Path::new(path));
        assert_eq!(link("/proc/7/fd/3"), fd(ProcId::Process(7), 3));
        assert_eq!(link("/proc/7/task/9/fd/3"), fd(ProcId::Thread(9), 3));
        assert_eq!(
            link("/proc/7/cwd"),
            Some(MagicLink { of: ProcId::Process(7), entry: ProcEntry::Cwd })
        );
        for other in ["/proc/7", "/proc/7/fd", "/proc/x/cwd", "/proc/7/cwd/a", "/7/cwd"] {
            assert_eq!(link(other), None, "{other}");
        }
    }

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
