//! Where mounts lie: over a directory of the host, or over a directory or a free name of another
//! mount.
//!
//! A mount point is found once, when the namespace is made, by walking through the mounts made
//! before: as with mount(2), the order counts. From then on it is known by what it covers and no
//! longer by its path.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use vrift_cas::Digest;

use crate::attr::Kind;
use crate::caller::{Caller, Jump, MagicLink, ProcId};
use crate::creds::{Creds, Ids};
use crate::error::Error;
use crate::files::OpenNode;
use crate::judge::Failure;
use crate::manifest::Node;
use crate::namespace::Namespace;
use crate::place::{NodeRef, Place};
use crate::request::{At, Follow, PathOp};
use crate::resolve::{Ending, Found, Last, Resolved, resolve};
use crate::session::Staged;
use crate::tree::Content;

/// What a mount covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A path of the host without symlinks, whether something is there or not.
    Host(PathBuf),
    /// A directory of another mount.
    Directory(NodeRef),
    /// A name that a directory of another mount does not have.
    Name(NodeRef, Vec<u8>),
}

/// What a mount has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// A file whose content is this blob, of this size.
    Blob(Digest, u64),
    /// A file that has been written in the session, which keeps its content here.
    Staged(PathBuf),
    /// A file of the host's directory below.
    Host(PathBuf),
    /// Something that is no regular file.
    Other,
}

/// Who makes the mounts: nobody's permission is asked, and nothing is open.
struct Maker;

impl Caller for Maker {
    fn cwd(&self) -> Result<Place, Errno> {
        Ok(Place::Host("/".into()))
    }

    fn open_node(&self, _fd: i32) -> Option<OpenNode> {
        None
    }

    fn host_path(&self, _fd: i32) -> Result<PathBuf, Errno> {
        Err(Errno::EBADF)
    }

    fn creds(&self, _ids: Ids) -> Creds {
        Creds { dac_override: true, dac_read_search: true, ..Creds::default() }
    }

    fn ids(&self) -> (i32, i32) {
        (nix::unistd::getpid().as_raw(), nix::unistd::gettid().as_raw())
    }

    fn may_look_into(&self, _of: ProcId) -> bool {
        false
    }

    fn umask(&self) -> u32 {
        0
    }

    fn staged(&self, _fd: i32) -> Option<Staged> {
        None
    }

    fn is_executed(&self, _node: NodeRef) -> bool {
        false
    }

    fn is_open_to_write(&self, _path: &Path) -> bool {
        false
    }

    fn closes_on_exec(&self, _fd: i32) -> bool {
        false
    }

    fn magic(&self, _link: MagicLink) -> Option<Jump> {
        None
    }
}

impl Namespace {
    /// What a mount at `point` covers.
    pub(crate) fn spot(&self, point: &Path) -> Result<Spot, Error> {
        let unusable = |why| Error::MountPoint { point: point.to_owned(), why };
        let found = match self.walk(point, Follow::Yes) {
            Ok(found) => found,
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Guest(Errno::ENOTDIR)) => {
                return Err(unusable("a file of another mount is in the way"));
            }
            Err(Failure::Guest(_)) => {
                let why = "the directory above it is not in the mount that is there; mount at a \
                           directory that the manifest has";
                return Err(unusable(why));
            }
        };
        match (found.found, found.entry) {
            (Found::Node(node), _) if self.is_mount_root(node) => {
                Err(unusable("another mount is there already"))
            }
            (Found::Node(node), _) if self.node(node)?.kind != Kind::Directory => {
                Err(unusable("a file of another mount is there; mount at a directory"))
            }
            (Found::Node(node), _) => Ok(Spot::Directory(node)),
            (Found::Absent, Some((dir, name))) => Ok(Spot::Name(dir, name)),
            (Found::Host(path), _) => {
                let path = on_host(&path).map_err(unusable)?;
                if self.mount_at(&path).is_some() {
                    return Err(unusable("another mount is there already"));
                }
                Ok(Spot::Host(path))
            }
            _ => Err(unusable("nothing can be mounted there")),
        }
    }

    /// Where `path`, without symlinks, lies: the place a process starts in.
    pub fn locate(&self, path: &Path) -> Result<Place, Error> {
        match self.walk(path, Follow::Yes).map(|resolved| resolved.found) {
            Ok(Found::Node(node)) => Ok(Place::Node(node)),
            Ok(Found::Host(_)) => Ok(Place::Host(path.to_owned())),
            Err(Failure::Ours(error)) => Err(error),
            Ok(_) | Err(Failure::Guest(_)) => {
                let why = "the current directory is hidden by a mount and not in its manifest";
                Err(Error::MountPoint { point: path.to_owned(), why })
            }
        }
    }

    /// What a mount has at a path, whoever asks; `None` if the path is a matter of the host.
    pub fn held(&self, path: &Path, follow: Follow) -> Option<Held> {
        match self.walk(path, follow).map(|resolved| resolved.found) {
            Ok(Found::Node(node)) => Some(self.held_by(node)),
            Ok(Found::Absent | Found::TooLong) => Some(Held::Nothing),
            Ok(Found::Host(_) | Found::Magic(..)) => None,
            Err(_) => {
                let mut points = self.mounts().map(|(_, at, ..)| at);
                points.any(|at| path.starts_with(at)).then_some(Held::Nothing)
            }
        }
    }

    /// The path without symlinks of what a mount has at a path, or would have if it were made; `None` if the path is a
    /// matter of the host.
    pub fn led(&self, path: &Path, follow: Follow) -> Option<PathBuf> {
        let Resolved { found, entry, last, .. } = self.walk(path, follow).ok()?;
        match (found, entry, last) {
            (Found::Node(_) | Found::Absent | Found::TooLong, Some((above, name)), Last::Name) => {
                Some(self.shown_path(above).ok()?.join(OsStr::from_bytes(&name)))
            }
            (Found::Node(node), ..) => self.shown_path(node).ok(),
            _ => None,
        }
    }

    /// What a node holds; one that cannot be looked at counts as no file.
    pub(crate) fn held_by(&self, node: NodeRef) -> Held {
        let held = || {
            let Node { kind: Kind::File, size, digest, .. } = self.node(node)? else {
                return Ok(Held::Other);
            };
            Ok::<_, Error>(match self.tree(node.mount).content(node.node)? {
                Content::Blob(_) => Held::Blob(digest, size),
                Content::Staged => Held::Staged(self.content_path(node)?),
                Content::Lower => Held::Host(self.content_path(node)?),
            })
        };
        held().unwrap_or(Held::Other)
    }

    fn walk(&self, path: &Path, follow: Follow) -> Result<Resolved, Failure> {
        let path = path.as_os_str().as_bytes().to_vec();
        let op = PathOp { at: At::Cwd, path, follow };
        resolve(self, &Maker, &op, Ending::Lookup)
    }
}

/// A path of the host without symlinks; its last name may be missing.
fn on_host(path: &Path) -> Result<PathBuf, &'static str> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let above = path.parent().and_then(|above| above.canonicalize().ok());
    match (above, path.file_name()) {
        (Some(above), Some(name)) => Ok(above.join(name)),
        _ => Err("the directory above it does not exist or cannot be reached; create it first"),
    }
}
