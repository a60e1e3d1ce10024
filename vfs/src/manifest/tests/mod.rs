//! The whole of a manifest: a model to compare with, and files that lie.

mod damage;
mod diff;
mod refusals;
mod shapes;
mod xattrs;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;
use vrift_cas::{Digest, Store};

use super::*;

/// A small generator of numbers (xorshift64), so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn name(&mut self) -> Vec<u8> {
        let length = [1, 2, 3, 8, 20, 255][self.below(6)];
        let byte = |_| [b'a', b'b', b' ', b'\n', 0xff, b'.', 0xc3, b'\\'][self.below(8)];
        let mut name: Vec<u8> = (0..length).map(byte).collect();
        if matches!(&name[..], b"." | b"..") {
            name[0] = b'x';
        }
        name
    }
}

/// What the model knows of a path.
#[derive(Debug, Clone, PartialEq)]
enum Thing {
    Directory,
    File { digest: Digest, first_name: Vec<u8>, names: u32 },
    Symlink(Vec<u8>),
    Special(Kind, u64),
}

type Model = BTreeMap<Vec<u8>, Thing>;

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

fn directory() -> Node {
    Node { kind: Kind::Directory, mode: 0o755, nlink: 2, size: 4096, ..Node::default() }
}

fn file(content: &[u8]) -> Node {
    Node { digest: Digest::of(content), size: content.len() as u64, mode: 0o644, ..Node::default() }
}

const SPECIAL: [Kind; 4] = [Kind::Fifo, Kind::Socket, Kind::CharDevice, Kind::BlockDevice];

fn special(kind: Kind, rdev: u64) -> Node {
    Node { kind, rdev, mode: 0o600, ..Node::default() }
}

/// The extended attributes that a node whose first path is `path` has: mostly none, else one of a
/// few sets.
fn attributes(path: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let kinds = [
        (&b"user.a"[..], &b"1"[..]),
        (b"user.b", b""),
        (b"security.capability", &[0, 1, 2, 0xff]),
        (b"user.\xff", b"1"),
    ];
    let choice = Digest::of(path).0[0];
    let chosen = (0..4).filter(|bit| choice < 64 && choice >> bit & 1 != 0);
    let mut set: Vec<_> =
        chosen.map(|bit| (kinds[bit].0.to_vec(), kinds[bit].1.to_vec())).collect();
    set.sort();
    set
}

fn boxed(set: &[(Vec<u8>, Vec<u8>)]) -> Vec<Xattr> {
    set.iter().map(|(name, value)| (name[..].into(), value[..].into())).collect()
}

/// A random tree with `count` names beside the root.
fn generate(seed: u64, count: usize) -> Model {
    let mut random = Random(seed);
    let mut model = Model::from([(Vec::new(), Thing::Directory)]);
    let mut dirs = vec![Vec::new()];
    let mut files: Vec<Vec<u8>> = Vec::new();
    while model.len() <= count {
        let path = join(&dirs[random.below(dirs.len())].clone(), &random.name());
        if model.contains_key(&path) {
            continue;
        }
        let thing = match random.below(10) {
            0..3 => Thing::Directory,
            3 => Thing::Symlink(random.name()),
            5 => Thing::Special(SPECIAL[random.below(4)], random.below(1 << 20) as u64),
            4 if !files.is_empty() => model[&files[random.below(files.len())]].clone(),
            _ => Thing::File { digest: Digest::of(&path), first_name: path.clone(), names: 0 },
        };
        match thing {
            Thing::Directory => dirs.push(path.clone()),
            Thing::File { .. } => files.push(path.clone()),
            Thing::Symlink(_) | Thing::Special(..) => {}
        }
        model.insert(path, thing);
    }
    let mut names: BTreeMap<Digest, u32> = BTreeMap::new();
    for thing in model.values() {
        if let Thing::File { digest, .. } = thing {
            *names.entry(*digest).or_default() += 1;
        }
    }
    for thing in model.values_mut() {
        if let Thing::File { digest, names: count, .. } = thing {
            *count = names[digest];
        }
    }
    model
}

/// Tells a builder about the model's paths, in an order that depends on `shuffle`.
fn build(model: &Model, shuffle: u64) -> Builder {
    let mut random = Random(shuffle);
    let mut paths: Vec<_> = model.iter().skip(1).collect();
    for i in (1..paths.len()).rev() {
        paths.swap(i, random.below(i + 1));
    }
    let mut builder = Builder::new(directory());
    let mut drafts = BTreeMap::from([(Vec::new(), builder.root())]);
    for (path, thing) in &paths {
        let draft = match thing {
            Thing::Directory => builder.add(directory()),
            Thing::Symlink(target) => builder.add_symlink(Node::default(), target),
            Thing::Special(kind, rdev) => builder.add(special(*kind, *rdev)),
            Thing::File { first_name, .. } => match drafts.get(first_name) {
                Some(&known) => known,
                None => {
                    let draft = builder.add(file(first_name));
                    drafts.insert(first_name.clone(), draft);
                    draft
                }
            },
        };
        let first = if let Thing::File { first_name, .. } = thing { first_name } else { *path };
        let mut set = boxed(&attributes(first));
        if shuffle.is_multiple_of(2) {
            set.reverse();
        }
        builder.set_xattrs(draft, set);
        drafts.insert(path.to_vec(), draft);
    }
    for (path, _) in paths {
        let (dir, name) = split(path);
        builder.add_name(drafts[dir], name, drafts[path]);
    }
    builder
}

struct Scene {
    dir: TempDir,
}

impl Scene {
    fn new() -> Scene {
        Scene { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("app.vrift")
    }

    fn open(&self, bytes: &[u8]) -> Result<Manifest, Error> {
        // A new file each time: some file systems write a truncated one out at once, which is slow.
        let _ = std::fs::remove_file(self.path());
        std::fs::write(self.path(), bytes).unwrap();
        Manifest::open(&self.path())
    }

    fn message(&self, bytes: &[u8]) -> String {
        let message = self.open(bytes).unwrap_err().to_string();
        message.replace(&self.dir.path().display().to_string(), "")
    }
}

/// Compares every answer of `manifest` with the model's.
fn check(manifest: &Manifest, model: &Model) {
    let mut ids = BTreeMap::new();
    for (path, thing) in model {
        let id = manifest.find(path).unwrap().expect("every path of the model is found");
        let node = manifest.node(id).unwrap();
        match thing {
            Thing::Directory => {
                assert_eq!(node, directory());
                assert_eq!(manifest.path_of(id).unwrap(), *path);
                let (parent, name) = split(path);
                assert_eq!(Some(manifest.parent(id).unwrap()), manifest.find(parent).unwrap());
                assert_eq!(manifest.name_of(id).unwrap(), name);
                check_entries(manifest, model, id, path);
            }
            Thing::File { digest, names, first_name } => {
                assert_eq!((node.kind, node.digest, node.nlink), (Kind::File, *digest, *names));
                let again = manifest.find(&manifest.path_of(id).unwrap()).unwrap();
                assert_eq!(again, Some(id));
                assert_eq!(*ids.entry(first_name).or_insert(id), id, "hard links are one node");
            }
            Thing::Symlink(target) => {
                assert_eq!((node.kind, node.size), (Kind::Symlink, target.len() as u64));
                assert_eq!(manifest.target(id).unwrap(), target);
            }
            Thing::Special(kind, rdev) => {
                assert_eq!(node, Node { nlink: 1, ..special(*kind, *rdev) });
            }
        }
        let first = if let Thing::File { first_name, .. } = thing { first_name } else { path };
        let set = if path.is_empty() { Vec::new() } else { attributes(first) };
        xattrs::check(manifest, id, &set);
        assert_eq!(manifest.find(&join(path, b"absent")).unwrap(), None);
    }
    manifest.verify().unwrap();
}

fn check_entries(manifest: &Manifest, model: &Model, dir: NodeId, path: &[u8]) {
    let named = model.keys().skip(1).filter(|other| split(other).0 == path);
    let mut names: Vec<_> = named.map(|other| split(other).1).collect();
    names.sort();
    for from in [0, 1, names.len() / 2, names.len(), usize::MAX] {
        let entries = manifest.entries(dir, from as u64).unwrap().map(Result::unwrap);
        let found: Vec<_> = entries.collect();
        let wanted = names.get(from..).unwrap_or_default();
        assert!(found.iter().map(|entry| entry.name).eq(wanted.iter().copied()));
        for (entry, index) in found.into_iter().zip(from as u64..) {
            assert_eq!(entry.index, index);
            assert_eq!(manifest.lookup(dir, entry.name).unwrap(), Some(entry.node));
            assert_eq!(manifest.node(entry.node).unwrap().kind, entry.kind);
        }
    }
}

#[test]
fn a_manifest_answers_as_the_model_does() {
    let scene = Scene::new();
    for (seed, count) in (1..).zip([0, 1, 2, 5, 10, 30, 100, 300, 3000]) {
        let model = generate(seed, count);
        let id = build(&model, seed).write(&scene.path()).unwrap();
        let manifest = Manifest::open(&scene.path()).unwrap();
        assert_eq!(manifest.id(), id);
        assert_eq!(manifest.is_empty(), count == 0);
        check(&manifest, &model);
        assert_eq!(scene.dir.path().read_dir().unwrap().count(), 1, "no temporary file stays");
    }
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let model = generate(99, 200);
    let (bytes, id) = build(&model, 1).encode().unwrap();
    for shuffle in 2..6 {
        assert!(build(&model, shuffle).encode().unwrap() == (bytes.clone(), id));
    }
    assert_ne!(build(&generate(100, 200), 1).encode().unwrap().1, id);
}

#[test]
fn every_attribute_is_kept() {
    let time = |sec, nsec| Timestamp { sec, nsec };
    let mut kept = Node {
        mode: 0o7641,
        uid: u32::MAX,
        gid: 7,
        nlink: 1,
        size: 1 << 40,
        blocks: 3,
        rdev: 0x0102_0304_0506_0708,
        atime: time(i64::MAX, 999_999_999),
        mtime: time(-1, 1),
        ctime: time(i64::MIN, 0),
        btime: Some(time(0, 0)),
        digest: Digest([0xab; 32]),
        ..Node::default()
    };
    let scene = Scene::new();
    for btime in [kept.btime, None] {
        kept.btime = btime;
        let mut builder = Builder::new(directory());
        let draft = builder.add(Node { nlink: 77, ..kept });
        builder.add_name(builder.root(), b"f", draft);
        let manifest = scene.open(&builder.encode().unwrap().0).unwrap();
        assert_eq!(manifest.node(NodeId(1)).unwrap(), kept);
    }
}

#[test]
fn wrong_calls_are_told_from_damage() {
    let scene = Scene::new();
    let mut builder = Builder::new(directory());
    let draft = builder.add(file(b"x"));
    builder.add_name(builder.root(), b"f", draft);
    let manifest = scene.open(&builder.encode().unwrap().0).unwrap();
    let (root, f) = (manifest.root(), NodeId(1));
    assert!(matches!(manifest.node(NodeId(2)), Err(Error::NoSuchNode { .. })));
    assert!(matches!(manifest.lookup(f, b"x"), Err(Error::WrongKind { .. })));
    assert!(matches!(manifest.entries(f, 0), Err(Error::WrongKind { .. })));
    assert!(matches!(manifest.target(root), Err(Error::WrongKind { .. })));
    assert_eq!(manifest.find(b"f/x").unwrap(), None);
    for name in [&b""[..], b".", b"..", b"f/", b"/f", b"f\0", &[b'f'; 256]] {
        assert_eq!(manifest.lookup(root, name).unwrap(), None);
    }
    assert_eq!((manifest.parent(root).unwrap(), manifest.name_of(root).unwrap()), (root, &b""[..]));
}

#[test]
fn missing_contents_are_reported() {
    let scene = Scene::new();
    let store = Store::create(scene.dir.path().join("store")).unwrap();
    let mut builder = Builder::new(directory());
    for content in ["there", "absent"] {
        let draft = builder.add(file(content.as_bytes()));
        builder.add_name(builder.root(), content.as_bytes(), draft);
    }
    store.insert_bytes(b"there").unwrap();
    let manifest = scene.open(&builder.encode().unwrap().0).unwrap();
    let mut defects = Vec::new();
    assert_eq!(manifest.verify_blobs(&store, &mut |defect| defects.push(defect)).unwrap(), 2);
    let node = manifest.find(b"absent").unwrap().unwrap();
    let digest = Digest::of(b"absent");
    assert_eq!(defects, [BlobDefect { node, digest, wanted: 6, found: None }]);
}
