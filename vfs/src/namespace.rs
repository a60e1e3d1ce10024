//! The tree a caller sees: the host's, with mounts over some of its directories.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{major, minor};
use nix::sys::statfs::statfs;
use vrift_cas::{Digest, Store};

use crate::acl;
use crate::attr::{Attr, Figures, Kind};
use crate::border::Spot;
use crate::creds::Creds;
use crate::error::Error;
use crate::files::Backing;
use crate::image::Images;
use crate::listing::Positions;
use crate::lower::Lower;
use crate::manifest::{Manifest, Node, NodeId};
use crate::place::{MountId, NodeRef, Place};
use crate::resolve::NAME_BYTES_MAX;
use crate::session::Session;
use crate::skeleton::Skeleton;
use crate::sticky::Protections;
use crate::tree::{Content, Tree};
use crate::verdict::Fresh;

/// What is behind the path of what has lost it, as the kernel shows that (`d_path` in fs/d_path.c).
pub const LOST: &[u8] = b" (deleted)";

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
    /// The manifest's path, as lists of mounts show it.
    source: PathBuf,
    volume: Volume,
}

impl Mount {
    /// Prepares `manifest` to be seen at `point`, an absolute path whose parent directory exists
    /// on the host or in a mount made before.
    pub fn read_only(point: &Path, manifest: Manifest) -> Result<Mount, Error> {
        let source = manifest.path().to_owned();
        Mount::new(point, source, Volume::ReadOnly(Box::new(Tree::new(manifest))))
    }

    /// The same for a directory of the host.
    pub fn read_only_over(point: &Path, lower: Lower) -> Result<Mount, Error> {
        let source = lower.root().to_owned();
        Mount::new(point, source, Volume::ReadOnly(Box::new(Tree::new(lower))))
    }

    /// The same with a session that can be written to.
    pub fn writable(point: &Path, session: Session) -> Result<Mount, Error> {
        let source = session.ground()?.path().to_owned();
        Mount::new(point, source, Volume::Session(Box::new(session)))
    }

    fn new(point: &Path, source: PathBuf, volume: Volume) -> Result<Mount, Error> {
        let unusable = |why| Error::MountPoint { point: point.to_owned(), why };
        if !point.is_absolute() {
            return Err(unusable("the path is not absolute"));
        }
        if point.components().all(|part| part == Component::RootDir) {
            return Err(unusable("a mount cannot replace the root directory"));
        }
        Ok(Mount { point: point.to_owned(), source, volume })
    }

    pub(crate) fn tree(&self) -> &Tree {
        match &self.volume {
            Volume::ReadOnly(tree) => tree,
            Volume::Session(session) => session.tree(),
        }
    }

    /// Whether it can be written to.
    pub(crate) fn is_writable(&self) -> bool {
        matches!(self.volume, Volume::Session(_))
    }

    /// What the lists of mounts name as its source.
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }
}

/// The host's tree with mounts over it.
#[derive(Debug)]
pub struct Namespace {
    mounts: Vec<Mount>,
    /// What each of them covers.
    spots: Vec<Spot>,
    store: Store,
    skeleton: Skeleton,
    pub(crate) positions: Positions,
    images: Images,
    /// The file each blob was last opened as.
    last_opened: RefCell<HashMap<Digest, NodeRef>>,
    protections: Protections,
    /// The real paths of sockets that were bound in a mount, and the names they were bound to.
    bound: HashMap<PathBuf, Box<[u8]>>,
    /// Directories that have a real object to themselves, because somebody wants to lock one.
    apart: HashSet<NodeRef>,
    /// Nodes whose real object has become another since this was last asked.
    moved: Vec<NodeRef>,
}

impl Namespace {
    /// Puts `mounts` over the host's tree; contents come from `store`, and directories of the
    /// mounts are opened as directories made in `skeleton`. Who calls this holds the store, so that
    /// no collection comes between the opening of a manifest and the note that it is used.
    pub fn new(mounts: Vec<Mount>, store: Store, skeleton: Skeleton) -> Result<Namespace, Error> {
        let images = Images::new(skeleton.stage());
        let mut names = Namespace {
            mounts: Vec::with_capacity(mounts.len()),
            spots: Vec::with_capacity(mounts.len()),
            store,
            positions: skeleton.positions(),
            skeleton,
            images,
            last_opened: RefCell::default(),
            protections: Protections::of_host(),
            bound: HashMap::new(),
            apart: HashSet::new(),
            moved: Vec::new(),
        };
        let mut leases = 0;
        for mount in mounts {
            let spot = names.spot(&mount.point)?;
            if let Some(manifest) = mount.tree().base().manifest() {
                names.skeleton.lease(leases, manifest)?;
                leases += 1;
            }
            names.mounts.push(mount);
            names.spots.push(spot);
        }
        Ok(names)
    }

    /// The path under which a caller sees `node` (one of them, for a file with several names);
    /// `None` if it has none left.
    pub fn path_of(&self, node: NodeRef) -> Result<Option<PathBuf>, Error> {
        let Some(inside) = self.tree(node.mount).path_of(node.node)? else { return Ok(None) };
        let mut path = self.point(node.mount)?;
        if !inside.is_empty() {
            path.push(OsStr::from_bytes(&inside));
        }
        Ok(Some(path))
    }

    /// What `/proc` shows as the path of `node`: if it has none left, the last one it had, and that it is lost.
    pub fn shown_path(&self, node: NodeRef) -> Result<PathBuf, Error> {
        if let Some(path) = self.path_of(node)? {
            return Ok(path);
        }
        let lost = self.tree(node.mount).lost_path_of(node.node)?;
        let mut lost = lost.unwrap_or_else(|| format!("#{}", ino(node.node)).into_bytes());
        lost.extend_from_slice(LOST);
        Ok(self.point(node.mount)?.join(OsStr::from_bytes(&lost)))
    }

    /// Where a mount is seen: what it lies on may have been moved since it was made.
    fn point(&self, mount: MountId) -> Result<PathBuf, Error> {
        match &self.spots[usize::from(mount.0)] {
            Spot::Host(path) => Ok(path.clone()),
            Spot::Directory(covered) => self.shown_path(*covered),
            Spot::Name(above, name) => Ok(self.shown_path(*above)?.join(OsStr::from_bytes(name))),
        }
    }

    /// What `stat` says of `node`.
    pub fn attr(&self, at: NodeRef) -> Result<Attr, Error> {
        let node = match &self.mount(at.mount).volume {
            Volume::ReadOnly(tree) => tree.node(at.node)?,
            Volume::Session(session) => session.node(at.node)?,
        };
        Ok(Attr {
            dev: (0, FIRST_MINOR + u32::from(at.mount.0)),
            ino: ino(at.node),
            kind: node.kind,
            mode: node.mode,
            nlink: node.nlink,
            uid: node.uid,
            gid: node.gid,
            rdev: (major(node.rdev) as u32, minor(node.rdev) as u32),
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
            read_only: !self.is_writable(at.mount),
            fs_id: (0, FIRST_MINOR + u32::from(at.mount.0)),
            name_max: NAME_BYTES_MAX as u64,
        })
    }

    /// The content of the file `at`, if it is a blob.
    pub fn digest(&self, at: NodeRef) -> Result<Option<Digest>, Error> {
        Ok(match self.mount(at.mount).tree().content(at.node)? {
            Content::Blob(digest) => Some(digest),
            Content::Staged | Content::Lower => None,
        })
    }

    /// The real file behind the file `at`.
    pub(crate) fn content_path(&self, at: NodeRef) -> Result<PathBuf, Error> {
        let mount = self.mount(at.mount);
        match (mount.tree().content(at.node)?, &mount.volume) {
            (Content::Blob(digest), _) => Ok(self.blob_path(&digest)),
            (Content::Staged, Volume::Session(session)) => Ok(session.staged_path(at.node)),
            (Content::Staged | Content::Lower, _) => mount.tree().lower_path(at.node),
        }
    }

    /// The real file behind a file that an open has just made, as long as nobody has removed it: asking for
    /// it by name costs less than asking for a task's descriptor.
    pub fn backing_of(&self, fresh: &Fresh) -> Option<Backing> {
        match &self.mount(fresh.node.mount).volume {
            Volume::ReadOnly(_) => None,
            Volume::Session(session) => session.backing(fresh.node.node),
        }
    }

    /// The session of a mount that can be written to.
    pub(crate) fn session(&mut self, mount: MountId) -> Option<&mut Session> {
        match &mut self.mounts[usize::from(mount.0)].volume {
            Volume::ReadOnly(_) => None,
            Volume::Session(session) => Some(session),
        }
    }

    /// Whether one of the mounts can be written to.
    pub fn can_be_written_to(&self) -> bool {
        self.mounts.iter().any(Mount::is_writable)
    }

    /// Whether it is worth asking which of the files without a name are in use.
    pub fn has_much_to_forget(&self) -> bool {
        self.mounts.iter().any(|mount| match &mount.volume {
            Volume::ReadOnly(_) => false,
            Volume::Session(session) => session.has_much_to_forget(),
        })
    }

    /// Forgets the files without a name that are not among those in use.
    pub fn forget_nameless(&mut self, used: &HashSet<NodeRef>) {
        let run = self.images.nodes();
        for (mount, at) in (0u16..).map(MountId).zip(&mut self.mounts) {
            if let Volume::Session(session) = &mut at.volume {
                session.forget_nameless(|node| {
                    let node = NodeRef { mount, node };
                    used.contains(&node) || run.contains(&node)
                });
            }
        }
    }

    /// Waits until what was changed in a mount, or in all of them, is on disk: names and attributes.
    /// What was written to a file is there when the kernel has synced that.
    pub fn sync(&mut self, mount: Option<MountId>) -> Result<(), Error> {
        let all = 0..self.mounts.len() as u16;
        for mount in all.map(MountId).filter(|id| mount.is_none_or(|mount| mount == *id)) {
            if let Some(session) = self.session(mount) {
                session.sync()?;
            }
        }
        Ok(())
    }

    /// The tree of a mount.
    pub(crate) fn tree(&self, mount: MountId) -> &Tree {
        self.mount(mount).tree()
    }

    /// Whether the mount can be written to.
    pub(crate) fn is_writable(&self, mount: MountId) -> bool {
        self.mount(mount).is_writable()
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

    /// A file of this content for one call of the task `tid`, instead of the file of `/proc` at `proc`.
    pub(crate) fn make_view(
        &self,
        content: &[u8],
        tid: i32,
        proc: &Path,
    ) -> Result<PathBuf, Error> {
        self.skeleton.view(content, tid, proc)
    }

    /// The file of `/proc` of which a task has one of vrift's open, which the kernel knows by `real`.
    pub fn viewed(&self, real: &Path) -> Option<PathBuf> {
        self.skeleton.viewed(real)
    }

    /// The path a socket is bound to that stands for `node`.
    pub(crate) fn socket(&self, node: NodeRef) -> PathBuf {
        self.skeleton.socket(node)
    }

    /// Takes note of the name that was given for the socket at `path`.
    pub(crate) fn bound(&mut self, path: PathBuf, name: &[u8]) {
        self.bound.insert(path, name.into());
    }

    /// Whether sockets have been bound in mounts.
    pub fn has_sockets(&self) -> bool {
        !self.bound.is_empty()
    }

    /// The name that was given for the socket at `path`, if that is in a mount.
    pub fn name_of_socket(&self, path: &Path) -> Option<&[u8]> {
        self.bound.get(path).map(|name| &name[..])
    }

    pub(crate) fn images(&self) -> &Images {
        &self.images
    }

    /// The real directory (or symlink) that stands for the directory (or symlink) `at`.
    pub fn stand_in(&self, at: NodeRef) -> Result<PathBuf, Error> {
        match self.node(at)?.kind {
            Kind::Symlink => self.skeleton.link(at, &self.target(at)?),
            Kind::Fifo => self.skeleton.fifo(at),
            _ if self.apart.contains(&at) => self.unchanging(at),
            _ => Ok(self.skeleton.directory().to_owned()),
        }
    }

    /// What a descriptor of `at` is open on if it is opened now.
    pub fn real_path(&self, at: NodeRef) -> Result<PathBuf, Error> {
        match self.node(at)?.kind {
            Kind::File => self.content_path(at),
            _ => self.stand_in(at),
        }
    }

    /// Takes note that `at` has got another real object: what is open on the former one is outdated.
    pub(crate) fn move_on(&mut self, at: NodeRef) {
        self.moved.push(at);
    }

    /// Gives the directory `at` a real object of its own.
    pub(crate) fn set_apart(&mut self, at: NodeRef) {
        if self.apart.insert(at) {
            self.move_on(at);
        }
    }

    /// The nodes whose real object has become another since this was last asked.
    pub fn take_moved(&mut self) -> Vec<NodeRef> {
        std::mem::take(&mut self.moved)
    }

    /// A real object that stands for `at` alone and never changes.
    pub(crate) fn unchanging(&self, at: NodeRef) -> Result<PathBuf, Error> {
        self.skeleton.unchanging(at, self.node(at)?.kind)
    }

    /// What decides about `at`: kind, owner, permissions, links. Of a staged file the size, the times and
    /// whether its set-id bits are still there are not asked for, which only [`Namespace::attr`] does.
    pub(crate) fn node(&self, at: NodeRef) -> Result<Node, Error> {
        self.mount(at.mount).tree().node(at.node)
    }

    /// What `name` stands for in `dir`: the root of a mount, where one lies.
    pub(crate) fn lookup(&self, dir: NodeRef, name: &[u8]) -> Result<Option<NodeRef>, Error> {
        let found = self.mount(dir.mount).tree().lookup(dir.node, name)?;
        let found = found.map(|node| NodeRef { node, ..dir });
        let covers = |spot: &Spot| match (spot, found) {
            (Spot::Directory(covered), Some(found)) => *covered == found,
            (Spot::Name(above, missing), None) => *above == dir && missing == name,
            _ => false,
        };
        Ok(self.spots.iter().position(covers).map(|number| self.root(number)).or(found))
    }

    /// The directory above `dir`, which is another mount's or the host's for a mount's root.
    pub(crate) fn parent(&self, dir: NodeRef) -> Result<Place, Error> {
        let tree = self.mount(dir.mount).tree();
        if dir.node != tree.root() {
            return Ok(Place::Node(NodeRef { node: tree.parent(dir.node)?, ..dir }));
        }
        match &self.spots[usize::from(dir.mount.0)] {
            Spot::Host(point) => {
                let above = point.parent().expect("Mount::new refuses the root directory");
                Ok(Place::Host(above.to_owned()))
            }
            // The root of a mount is never covered.
            Spot::Directory(covered) => self.parent(*covered),
            Spot::Name(above, _) => Ok(Place::Node(*above)),
        }
    }

    /// Whether a mount lies on a name that the directory `dir` does not have.
    pub(crate) fn has_mounts(&self, dir: NodeRef) -> bool {
        !self.mounted_in(dir).is_empty()
    }

    /// The mounts that lie on names which the directory `dir` does not have.
    pub(crate) fn mounted_in(&self, dir: NodeRef) -> Vec<(&[u8], NodeRef)> {
        let mounted = |(number, spot)| match spot {
            &Spot::Name(above, ref name) if above == dir => Some((&name[..], self.root(number))),
            _ => None,
        };
        self.spots.iter().enumerate().filter_map(mounted).collect()
    }

    /// Whether `creds` grant every permission of `want` on `node`, which is the node `at`.
    pub(crate) fn allows(
        &self,
        creds: &Creds,
        (at, node): (NodeRef, &Node),
        want: u32,
    ) -> Result<bool, Error> {
        let list = if creds.heeds_list(node) { self.xattr(at, acl::ACCESS)? } else { None };
        Ok(creds.may(node, list.as_deref(), want))
    }

    pub(crate) fn xattr(&self, at: NodeRef, name: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Error> {
        self.mount(at.mount).tree().xattr(at.node, name)
    }

    /// The names of the extended attributes.
    pub(crate) fn xattr_names(
        &self,
        at: NodeRef,
    ) -> Result<impl Iterator<Item = Cow<'_, [u8]>>, Error> {
        let found = self.mount(at.mount).tree().xattrs(at.node)?;
        Ok(found.into_iter().map(|(name, _)| name))
    }

    pub(crate) fn target(&self, link: NodeRef) -> Result<Cow<'_, [u8]>, Error> {
        self.mount(link.mount).tree().target(link.node)
    }

    /// The root of the mount at exactly this host path.
    pub(crate) fn mount_at(&self, path: &Path) -> Option<NodeRef> {
        // Comparing bytes is enough: both sides are free of `.`, `//` and symlinks.
        let wanted = path.as_os_str().as_bytes();
        let here =
            |spot: &Spot| matches!(spot, Spot::Host(at) if at.as_os_str().as_bytes() == wanted);
        self.spots.iter().position(here).map(|number| self.root(number))
    }

    /// The paths of the host that lead into a mount, as they are and with all that is below them.
    pub fn covered(&self) -> impl Iterator<Item = &Path> {
        self.spots.iter().filter_map(|spot| match spot {
            Spot::Host(path) => Some(path.as_path()),
            Spot::Directory(_) | Spot::Name(..) => None,
        })
    }

    /// The mounts in the order they were made, each with where it is seen, its device and the mount it
    /// lies on.
    pub(crate) fn mounts(
        &self,
    ) -> impl Iterator<Item = (&Mount, PathBuf, (u32, u32), Option<usize>)> {
        (0u16..).zip(&self.mounts).zip(&self.spots).map(|((number, mount), spot)| {
            let on = match spot {
                Spot::Host(_) => None,
                Spot::Directory(above) | Spot::Name(above, _) => Some(usize::from(above.mount.0)),
            };
            // Of one that cannot be told any more, what it was when it was made.
            let point = self.point(MountId(number)).unwrap_or_else(|_| mount.point.clone());
            (mount, point, (0, FIRST_MINOR + u32::from(number)), on)
        })
    }

    pub(crate) fn protections(&self) -> &Protections {
        &self.protections
    }

    pub(crate) fn is_mount_root(&self, at: NodeRef) -> bool {
        self.mount(at.mount).tree().root() == at.node
    }

    pub(crate) fn mount(&self, id: MountId) -> &Mount {
        &self.mounts[usize::from(id.0)]
    }

    /// The root of a mount by its number.
    fn root(&self, number: usize) -> NodeRef {
        NodeRef { mount: MountId(number as u16), node: self.mounts[number].tree().root() }
    }
}

/// The inode number of a node.
pub(crate) fn ino(node: NodeId) -> u64 {
    u64::from(node.0) + 1
}
