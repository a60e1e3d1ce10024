//! The tree a caller sees: the host's, with mounts over some of its directories.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statfs::statfs;
use vrift_cas::{Digest, Store};

use crate::attr::{Attr, Figures, Kind};
use crate::error::Error;
use crate::image::Images;
use crate::manifest::{Manifest, Node, NodeId};
use crate::place::{MountId, NodeRef, Place};
use crate::resolve::NAME_BYTES_MAX;
use crate::session::Session;
use crate::skeleton::Skeleton;
use crate::sticky::Protections;
use crate::tree::{Content, Tree};

/// The minor number of the first mount's device. Major 0 is the kernel's for file systems without
/// a device; it counts minors up from 1 and never gets this far.
const FIRST_MINOR: u32 = 0xff000;

/// `st_blksize` of every node: the page size, as most file systems say.
const BLOCK_SIZE: u32 = 4096;

/// The tree of a mount, and whether it can change.
#[derive(Debug)]
enum Volume {
    /// `--read-only`: whatever would change it is refused.
    ReadOnly(Box<Tree>),
    /// Changes go into the session.
    Session(Box<Session>),
}

/// A tree at a place of the host's.
#[derive(Debug)]
pub struct Mount {
    point: PathBuf,
    volume: Volume,
}

impl Mount {
    /// Prepares `manifest` to be seen at `point`, an absolute path whose parent directory exists.
    /// Symlinks in the parent's path are resolved now, once.
    pub fn read_only(point: &Path, manifest: Manifest) -> Result<Mount, Error> {
        Mount::new(point, Volume::ReadOnly(Box::new(Tree::new(manifest))))
    }

    /// The same with a session that can be written to.
    pub fn writable(point: &Path, session: Session) -> Result<Mount, Error> {
        Mount::new(point, Volume::Session(Box::new(session)))
    }

    fn new(point: &Path, volume: Volume) -> Result<Mount, Error> {
        let unusable = |why| Error::MountPoint { point: point.to_owned(), why };
        if !point.is_absolute() {
            return Err(unusable("the path is not absolute"));
        }
        let (Some(parent), Some(name)) = (point.parent(), point.file_name()) else {
            return Err(unusable("a mount cannot replace the root directory"));
        };
        let parent = parent.canonicalize().map_err(|_| {
            unusable("the directory above it does not exist or cannot be reached; create it first")
        })?;
        // A mount on a symlink to a directory lies on that directory, as with mount(2).
        let point = point.canonicalize().unwrap_or_else(|_| parent.join(name));
        Ok(Mount { point, volume })
    }

    fn tree(&self) -> &Tree {
        match &self.volume {
            Volume::ReadOnly(tree) => tree,
            Volume::Session(session) => session.tree(),
        }
    }

    /// Where it is seen.
    pub fn point(&self) -> &Path {
        &self.point
    }
}

/// One name in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Its inode number.
    pub ino: u64,
    /// The position after it, as `d_off` and `lseek` use it.
    pub next: u64,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: &'a [u8],
}

/// The host's tree with mounts over it.
#[derive(Debug)]
pub struct Namespace {
    mounts: Vec<Mount>,
    store: Store,
    skeleton: Skeleton,
    images: Images,
    /// The file each blob was last opened as.
    last_opened: RefCell<HashMap<Digest, NodeRef>>,
    protections: Protections,
}

impl Namespace {
    /// Puts `mounts` over the host's tree; contents come from `store`, and directories of the
    /// mounts are opened as directories made in `skeleton`. Who calls this holds the store, so that
    /// no collection comes between the opening of a manifest and the note that it is used.
    pub fn new(mounts: Vec<Mount>, store: Store, skeleton: Skeleton) -> Result<Namespace, Error> {
        for (at, mount) in mounts.iter().enumerate() {
            let inside = |other: &Mount| mount.point.starts_with(&other.point);
            if mounts.iter().enumerate().any(|(i, other)| i != at && inside(other)) {
                let why = "it lies inside another mount, which is not supported yet";
                return Err(Error::MountPoint { point: mount.point.clone(), why });
            }
        }
        for (number, mount) in mounts.iter().enumerate() {
            skeleton.lease(number, mount.tree().base())?;
        }
        let images = Images::new(skeleton.stage());
        let protections = Protections::of_host();
        let last_opened = RefCell::default();
        Ok(Namespace { mounts, store, skeleton, images, last_opened, protections })
    }

    /// Where `path`, without symlinks, lies: the place a process starts in.
    pub fn locate(&self, path: &Path) -> Result<Place, Error> {
        for (id, mount) in self.mounts.iter().enumerate() {
            let Ok(inside) = path.strip_prefix(&mount.point) else { continue };
            if let Some(node) = mount.tree().find(inside.as_os_str().as_bytes())? {
                return Ok(Place::Node(NodeRef { mount: MountId(id as u16), node }));
            }
            let why = "the current directory is hidden by the mount and not in the manifest";
            return Err(Error::MountPoint { point: mount.point.clone(), why });
        }
        Ok(Place::Host(path.to_owned()))
    }

    /// The path under which a caller sees `node` (one of them, for a file with several names);
    /// `None` if it has none left.
    pub fn path_of(&self, node: NodeRef) -> Result<Option<PathBuf>, Error> {
        let mount = self.mount(node.mount);
        let Some(inside) = mount.tree().path_of(node.node)? else { return Ok(None) };
        let mut path = mount.point.clone();
        if !inside.is_empty() {
            path.push(std::ffi::OsStr::from_bytes(&inside));
        }
        Ok(Some(path))
    }

    /// What `/proc` shows as the path of `node`: it says so if the node has none left.
    pub fn shown_path(&self, node: NodeRef) -> Result<PathBuf, Error> {
        let deleted =
            || self.mount(node.mount).point.join(format!("#{} (deleted)", ino(node.node)));
        Ok(self.path_of(node)?.unwrap_or_else(deleted))
    }

    /// What `stat` says of `node`.
    pub fn attr(&self, at: NodeRef) -> Result<Attr, Error> {
        let node = self.node(at)?;
        Ok(Attr {
            dev: (0, FIRST_MINOR + u32::from(at.mount.0)),
            ino: ino(at.node),
            kind: node.kind,
            mode: node.mode,
            nlink: node.nlink,
            uid: node.uid,
            gid: node.gid,
            rdev: (0, 0),
            size: node.size,
            blocks: node.blocks,
            block_size: BLOCK_SIZE,
            atime: node.atime,
            mtime: node.mtime,
            ctime: node.ctime,
            btime: node.btime,
            mount_root: self.is_mount_root(at),
        })
    }

    /// What `statfs` says of the mount of `at`: the figures of the file system its contents lie on.
    pub(crate) fn figures(&self, at: NodeRef) -> Result<Figures, Errno> {
        let below = statfs(self.store.root())?;
        Ok(Figures {
            // The casts are between the widths that C libraries give these fields.
            fs_type: below.filesystem_type().0 as i64,
            block_size: below.block_size() as u64,
            blocks: below.blocks(),
            blocks_free: below.blocks_free(),
            blocks_available: below.blocks_available(),
            files: below.files(),
            files_free: below.files_free(),
            fs_id: (0, FIRST_MINOR + u32::from(at.mount.0)),
            name_max: NAME_BYTES_MAX as u64,
        })
    }

    /// The names of the directory `at` from position `from` on, `.` and `..` first.
    pub fn entries(
        &self,
        at: NodeRef,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<DirEntry<'_>, Error>>, Error> {
        let tree = self.mount(at.mount).tree();
        let above = if at.node == tree.root() {
            std::fs::metadata(self.above(at.mount)).map_or(ino(at.node), |m| m.ino())
        } else {
            ino(tree.parent(at.node)?)
        };
        let dots = [(ino(at.node), &b"."[..]), (above, &b".."[..])];
        let dots = (0u64..).zip(dots).filter(move |(position, _)| *position >= from).map(
            |(position, (ino, name))| {
                Ok(DirEntry { ino, next: position + 1, kind: Kind::Directory, name })
            },
        );
        let named = tree.entries(at.node, from.saturating_sub(2))?.map(|entry| {
            let entry = entry?;
            Ok(DirEntry {
                ino: ino(entry.node),
                next: entry.position + 3,
                kind: entry.kind,
                name: entry.name,
            })
        });
        Ok(dots.chain(named))
    }

    /// The content of the file `at`, if it is a blob.
    pub fn digest(&self, at: NodeRef) -> Result<Option<Digest>, Error> {
        Ok(match self.mount(at.mount).tree().content(at.node)? {
            Content::Blob(digest) => Some(digest),
            Content::Staged => None,
        })
    }

    /// The real file behind the file `at`.
    pub(crate) fn content_path(&self, at: NodeRef) -> Result<PathBuf, Error> {
        if let Volume::Session(session) = &self.mount(at.mount).volume
            && session.tree().content(at.node)? == Content::Staged
        {
            return Ok(session.staged_path(at.node));
        }
        Ok(self.blob_path(&self.node(at)?.digest))
    }

    /// The session of a mount that can be written to.
    pub(crate) fn session(&mut self, mount: MountId) -> Option<&mut Session> {
        match &mut self.mounts[usize::from(mount.0)].volume {
            Volume::ReadOnly(_) => None,
            Volume::Session(session) => Some(session),
        }
    }

    /// Whether the mount can be written to.
    pub(crate) fn is_writable(&self, mount: MountId) -> bool {
        matches!(self.mount(mount).volume, Volume::Session(_))
    }

    /// Where the store is.
    pub fn store_root(&self) -> &Path {
        self.store.root()
    }

    /// The path of a blob.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.store.path_of(digest)
    }

    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<std::fs::File, vrift_cas::Error> {
        self.store.open_blob(digest)
    }

    /// Takes note of what a blob is opened as.
    pub(crate) fn opened(&self, digest: Digest, at: NodeRef) {
        self.last_opened.borrow_mut().insert(digest, at);
    }

    /// What a blob was last opened as.
    pub(crate) fn last_opened(&self, digest: &Digest) -> Option<NodeRef> {
        self.last_opened.borrow().get(digest).copied()
    }

    /// A file of this content for one call of the task `tid`.
    pub(crate) fn make_view(&self, content: &[u8], tid: i32) -> Result<PathBuf, Error> {
        self.skeleton.view(content, tid)
    }

    pub(crate) fn images(&self) -> &Images {
        &self.images
    }

    /// The real directory (or symlink) that stands for the directory (or symlink) `at`.
    pub fn stand_in(&self, at: NodeRef) -> Result<PathBuf, Error> {
        match self.node(at)?.kind {
            Kind::Symlink => self.skeleton.link(at, self.target(at)?),
            Kind::Fifo => self.skeleton.fifo(at),
            _ => Ok(self.skeleton.directory().to_owned()),
        }
    }

    pub(crate) fn node(&self, at: NodeRef) -> Result<Node, Error> {
        match &self.mount(at.mount).volume {
            Volume::ReadOnly(tree) => tree.node(at.node),
            Volume::Session(session) => Ok(session.node(at.node)?),
        }
    }

    pub(crate) fn lookup(&self, dir: NodeRef, name: &[u8]) -> Result<Option<NodeRef>, Error> {
        let found = self.mount(dir.mount).tree().lookup(dir.node, name)?;
        Ok(found.map(|node| NodeRef { node, ..dir }))
    }

    /// The directory above `dir`, which is the host's for a mount's root.
    pub(crate) fn parent(&self, dir: NodeRef) -> Result<Place, Error> {
        let tree = self.mount(dir.mount).tree();
        if dir.node == tree.root() {
            return Ok(Place::Host(self.above(dir.mount).to_owned()));
        }
        Ok(Place::Node(NodeRef { node: tree.parent(dir.node)?, ..dir }))
    }

    pub(crate) fn xattr(&self, at: NodeRef, name: &[u8]) -> Result<Option<&[u8]>, Error> {
        self.mount(at.mount).tree().xattr(at.node, name)
    }

    /// The names of the extended attributes.
    pub(crate) fn xattr_names(&self, at: NodeRef) -> Result<impl Iterator<Item = &[u8]>, Error> {
        let found = self.mount(at.mount).tree().xattrs(at.node)?;
        Ok(found.into_iter().map(|(name, _)| name))
    }

    pub(crate) fn target(&self, link: NodeRef) -> Result<&[u8], Error> {
        self.mount(link.mount).tree().target(link.node)
    }

    /// The root of the mount at exactly this host path.
    pub(crate) fn mount_at(&self, path: &Path) -> Option<NodeRef> {
        // Comparing bytes is enough: both sides are free of `.`, `//` and symlinks.
        let wanted = path.as_os_str().as_bytes();
        let id = self.mounts.iter().position(|m| m.point.as_os_str().as_bytes() == wanted)?;
        Some(NodeRef { mount: MountId(id as u16), node: self.mounts[id].tree().root() })
    }

    pub(crate) fn protections(&self) -> &Protections {
        &self.protections
    }

    pub(crate) fn is_mount_root(&self, at: NodeRef) -> bool {
        self.mount(at.mount).tree().root() == at.node
    }

    fn mount(&self, id: MountId) -> &Mount {
        &self.mounts[usize::from(id.0)]
    }

    fn above(&self, id: MountId) -> &Path {
        self.mount(id).point.parent().expect("Mount::new requires a directory above")
    }
}

fn ino(node: NodeId) -> u64 {
    u64::from(node.0) + 1
}
