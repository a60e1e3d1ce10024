//! Reading an archive into a store and a manifest.
//!
//! Members come in any order, a directory's attributes often after its content, and a later member
//! replaces an earlier one of the same path. So the tree is kept until the archive ends.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::makedev;
use vrift_cas::{Fresh, Store};

use super::member::{Layout, Member, Sort};
use super::read::Archive;
use super::sparse::Filled;
use super::{Error, Problem, Report};
use crate::manifest::{Builder, Draft, Kind, Node, Xattr};

const NAME_MAX: usize = 255;
const TARGET_MAX: usize = 4095;

/// A node before it has a number.
#[derive(Debug, Default)]
struct Item {
    node: Node,
    target: Vec<u8>,
    xattrs: Vec<Xattr>,
}

/// What was read so far.
#[derive(Debug)]
struct Tree {
    items: Vec<Item>,
    /// Which item each path is of; the root is the empty path.
    paths: BTreeMap<Vec<u8>, usize>,
    report: Report,
}

/// Why a member is not taken in; told to the user.
type Refusal = &'static str;

/// Stores the contents of the archive that `input` yields, and writes their manifest.
///
/// # Errors
/// [`Error::Read`], [`Error::Damaged`] or [`Error::Compressed`] if the archive cannot be read to its
/// end, [`Error::Store`] if the store cannot be written, [`Error::Manifest`] if the manifest cannot.
/// No manifest is written then.
pub fn import(input: &mut dyn Read, store: &Store, manifest: &Path) -> Result<Report, Error> {
    let hold = store.hold()?;
    let mut archive = Archive::new(input);
    let mut tree = Tree {
        items: vec![Item { node: directory(), ..Item::default() }],
        paths: BTreeMap::from([(Vec::new(), 0)]),
        report: Report::default(),
    };
    while let Some(member) = archive.next()? {
        tree.report.members += 1;
        let shown = PathBuf::from(OsStr::from_bytes(&member.path));
        if let Err(what) = tree.add(member, &mut archive, store)? {
            tree.report.problems.push(Problem { path: shown, cause: what });
        }
    }
    let Tree { items, paths, mut report } = tree;
    let builder = build(items, &paths);
    let place = || builder.write(manifest).map_err(Error::from);
    report.manifest = hold.publish(manifest, place)?;
    Ok(report)
}

fn directory() -> Node {
    Node { kind: Kind::Directory, mode: 0o755, nlink: 2, ..Node::default() }
}

impl Tree {
    fn add(
        &mut self,
        member: Member,
        archive: &mut Archive<&mut dyn Read>,
        store: &Store,
    ) -> Result<Result<(), Refusal>, Error> {
        let path = match clean(&member.path) {
            Ok(path) => path,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let kind = match member.sort {
            Sort::Node(kind) => kind,
            Sort::Link => return Ok(self.link(&path, &member)),
            Sort::Unknown => return Ok(Err("tar has no such kind of member that vrift knows")),
        };
        if let Err(refusal) = self.make_way(&path, kind, &member) {
            return Ok(Err(refusal));
        }
        let mut node = attributes(&member, kind);
        if kind == Kind::Symlink && !(1..=TARGET_MAX).contains(&member.link.len()) {
            return Ok(Err("a symlink cannot have such a target"));
        }
        if kind == Kind::File {
            let inserted = match &member.layout {
                Layout::Whole => store.insert_reader(&mut archive.content())?,
                Layout::Holes(map) => {
                    store.insert_reader(&mut Filled::new(&mut archive.content(), map))?
                }
                Layout::HolesInFront(_) | Layout::Unknown => {
                    return Ok(Err("it is a sparse file whose map makes no sense"));
                }
            };
            node.digest = inserted.digest;
            node.size = inserted.size;
            node.blocks = member.stored.div_ceil(4096) * 8;
            self.report.bytes += inserted.size;
            self.report.new_blobs += u64::from(inserted.fresh == Fresh::New);
        }
        let item = Item { node, target: member.link, xattrs: member.xattrs };
        match self.paths.get(&path) {
            Some(&known) if kind == Kind::Directory => self.items[known] = item,
            _ => {
                self.paths.insert(path, self.items.len());
                self.items.push(item);
            }
        }
        Ok(Ok(()))
    }

    /// Names an earlier member again.
    fn link(&mut self, path: &[u8], member: &Member) -> Result<(), Refusal> {
        let target = clean(&member.link)?;
        let item = *self.paths.get(&target).ok_or("it is a link to a member that is not there")?;
        if self.items[item].node.kind == Kind::Directory {
            return Err("it is a link to a directory");
        }
        let kind = self.items[item].node.kind;
        self.make_way(path, kind, member)?;
        self.paths.insert(path.to_vec(), item);
        Ok(())
    }

    /// Makes the directories above `path` that the archive did not tell of, and sees that something
    /// of this kind may be at `path`.
    fn make_way(&mut self, path: &[u8], kind: Kind, member: &Member) -> Result<(), Refusal> {
        let is_directory = |tree: &Tree, item: usize| tree.items[item].node.kind == Kind::Directory;
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for above in slashes.map(|(at, _)| &path[..at]) {
            match self.paths.get(above) {
                Some(&item) if is_directory(self, item) => {}
                Some(_) => return Err("what it is in is not a directory"),
                None => {
                    let Member { uid, gid, mtime, atime, .. } = *member;
                    let node = Node { uid, gid, mtime, ctime: mtime, atime, ..directory() };
                    self.paths.insert(above.to_vec(), self.items.len());
                    self.items.push(Item { node, ..Item::default() });
                }
            }
        }
        match self.paths.get(path) {
            Some(&item) if is_directory(self, item) && kind != Kind::Directory => {
                Err("a directory is in its place")
            }
            // What was there is forgotten, not changed: it may have other names.
            Some(&item) if !is_directory(self, item) => {
                self.paths.remove(path);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A path as the manifest has it: names with single slashes between them.
fn clean(path: &[u8]) -> Result<Vec<u8>, Refusal> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    let names: Vec<_> = names.collect();
    if names.contains(&&b".."[..]) {
        return Err("its path leads out of the archive");
    }
    if names.iter().any(|name| name.len() > NAME_MAX || name.contains(&0)) {
        return Err("a name in its path is too long or has a zero byte");
    }
    Ok(names.join(&b'/'))
}

fn attributes(member: &Member, kind: Kind) -> Node {
    let (major, minor) = member.device;
    Node {
        kind,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        nlink: 2,
        rdev: makedev(major, minor),
        atime: member.atime,
        mtime: member.mtime,
        ctime: member.mtime,
        ..Node::default()
    }
}

/// The manifest of a tree.
fn build(mut items: Vec<Item>, paths: &BTreeMap<Vec<u8>, usize>) -> Builder {
    let mut drafts: Vec<Option<Draft>> = vec![None; items.len()];
    for path in paths.keys().filter(|path| !path.is_empty()) {
        if let Some(&item) = paths.get(path)
            && items[item].node.kind == Kind::Directory
            && let Some(&above) = paths.get(split(path).0)
        {
            items[above].node.nlink += 1;
        }
    }
    let mut builder = Builder::new(items[0].node);
    builder.set_xattrs(builder.root(), std::mem::take(&mut items[0].xattrs));
    drafts[0] = Some(builder.root());
    // In the order of paths, so that a directory comes before what is in it.
    for (path, &number) in paths.iter().filter(|(path, _)| !path.is_empty()) {
        let draft = *drafts[number].get_or_insert_with(|| {
            let Item { node, target, xattrs } = std::mem::take(&mut items[number]);
            let draft = match node.kind {
                Kind::Symlink => builder.add_symlink(node, &target),
                _ => builder.add(node),
            };
            builder.set_xattrs(draft, xattrs);
            draft
        });
        let (above, name) = split(path);
        if let Some(above) = paths.get(above).and_then(|&above| drafts[above]) {
            builder.add_name(above, name, draft);
        }
    }
    builder
}

/// A path's directory and its last name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_never_lead_out() {
        for (path, cleaned) in
            [("./a//b/", "a/b"), ("/etc/x", "etc/x"), (".", ""), ("a/./b", "a/b"), ("...", "...")]
        {
            assert_eq!(clean(path.as_bytes()).unwrap(), cleaned.as_bytes());
        }
        for bad in [&b".."[..], b"a/../b", b"/..", &[b'x'; 256], b"a\0b"] {
            assert!(clean(bad).is_err());
        }
    }
}
