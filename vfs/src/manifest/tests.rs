//! The whole of a manifest: a model to compare with, and files that lie.

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
            4 if !files.is_empty() => model[&files[random.below(files.len())]].clone(),
            _ => Thing::File { digest: Digest::of(&path), first_name: path.clone(), names: 0 },
        };
        match thing {
            Thing::Directory => dirs.push(path.clone()),
            Thing::File { .. } => files.push(path.clone()),
            Thing::Symlink(_) => {}
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
            Thing::File { first_name, .. } => match drafts.get(first_name) {
                Some(&known) => known,
                None => {
                    let draft = builder.add(file(first_name));
                    drafts.insert(first_name.clone(), draft);
                    draft
                }
            },
        };
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
        }
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
fn what_is_no_tree_is_not_built() {
    /// Adds something to a tree with the directory `d` and the file `f` in it.
    type Step = fn(&mut Builder, Draft, Draft);
    let cases: &[(Step, &str)] = &[
        (|b, d, _| b.add_name(d, b"", d), "this is not a name"),
        (|b, d, _| b.add_name(d, b"..", d), r#"this is not a name: "..""#),
        (|b, d, f| b.add_name(d, b"a/b", f), r#"this is not a name: "a/b""#),
        (|b, d, f| b.add_name(d, b"\xff\0", f), r#"this is not a name: "\xff\x00""#),
        (|b, d, f| b.add_name(d, b"f", f), r#"a directory has the same name twice: "f""#),
        (|b, d, _| b.add_name(b.root(), b"e", d), r#"a directory has a second name: "e""#),
        (|b, d, _| b.add_name(d, b"r", b.root()), r#"a directory has a second name: "r""#),
        (
            |b, _, f| b.add_name(f, b"x", f),
            r#"a name is in something that is not a directory: "x""#,
        ),
        (|b, _, _| _ = b.add(file(b"")), "a node cannot be reached from the root"),
        (
            |b, _, _| {
                let (x, y) = (b.add(directory()), b.add(directory()));
                b.add_name(x, b"y", y);
                b.add_name(y, b"x", x);
            },
            "a node cannot be reached from the root",
        ),
        (
            |b, d, _| {
                let link = b.add_symlink(Node::default(), b"");
                b.add_name(d, b"l", link);
            },
            "a symlink cannot have this target",
        ),
        (
            |b, d, _| {
                let bad = b.add(Node { mode: 0o10_000, ..file(b"") });
                b.add_name(d, b"m", bad);
            },
            "an attribute is out of range",
        ),
        (
            |b, d, _| {
                let mut other = Builder::new(directory());
                let stranger = (0..9).map(|_| other.add(directory())).last();
                b.add_name(d, b"s", stranger.unwrap());
            },
            r#"a name is of a node that was never added: "s""#,
        ),
        (
            |b, _, f| {
                let mut other = Builder::new(directory());
                let stranger = (0..9).map(|_| other.add(directory())).last();
                b.add_name(stranger.unwrap(), b"s", f);
            },
            "a name is in a directory that was never added",
        ),
    ];
    for (step, wanted) in cases {
        let mut builder = Builder::new(directory());
        let (d, f) = (builder.add(directory()), builder.add(file(b"")));
        builder.add_name(builder.root(), b"d", d);
        builder.add_name(d, b"f", f);
        step(&mut builder, d, f);
        let error = builder.encode().unwrap_err().to_string();
        assert_eq!(error, format!("cannot build a manifest: {wanted}"));
    }
    let error = Builder::new(file(b"")).encode().unwrap_err().to_string();
    assert_eq!(error, "cannot build a manifest: the root is not a directory");
}

#[test]
fn messages_say_what_where_and_what_to_do() {
    let scene = Scene::new();
    let (good, _) = build(&generate(5, 20), 1).encode().unwrap();
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        scene.message(&bytes)
    };
    let damaged = |what: &str| {
        format!(
            "manifest /app.vrift: {what} (file truncated or damaged); ingest again or restore a copy"
        )
    };
    assert_eq!(scene.message(b""), "/app.vrift is not a manifest");
    assert_eq!(changed(3), "/app.vrift is not a manifest");
    assert_eq!(
        changed(8),
        "manifest /app.vrift: format version 0 is not known (this vrift reads version 1); use the \
         vrift that wrote it or ingest again"
    );
    assert_eq!(changed(30), damaged("the header checksum does not match"));
    assert_eq!(changed(good.len() - 1), damaged("the body checksum does not match"));
    assert_eq!(
        scene.message(&good[..good.len() - 1]),
        damaged("the file does not have the length it should have")
    );
    assert_eq!(scene.message(&good[..100]), damaged("the header is cut off"));
    let dir = Manifest::open(scene.dir.path()).unwrap_err();
    assert!(dir.to_string().ends_with("is not a manifest"), "{dir}");
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

/// Makes the checksums right again, as somebody who forges a manifest would.
fn reseal(bytes: &mut [u8]) {
    let (header, body) = bytes.split_at_mut(format::HEADER_SIZE);
    header[104..136].copy_from_slice(&Digest::of(body).0);
    let id = Digest::of(&header[..160]);
    header[160..].copy_from_slice(&id.0);
}

/// Asks everything there is to ask. The answers may be wrong; the questions must end.
fn ask_everything(manifest: &Manifest) -> Result<(), Error> {
    let mut steps = 0;
    let mut todo = vec![manifest.root()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = manifest.entries(dir, 0) else { continue };
        for entry in entries.flatten() {
            steps += 1;
            assert!(steps <= manifest.header.dentries, "the walk visits each name once");
            assert!(tree::is_name(entry.name));
            if entry.kind == Kind::Directory {
                todo.push(entry.node);
            }
        }
    }
    for id in (0..manifest.len() + 2).map(NodeId) {
        let _ = manifest.parent(id);
        let _ = manifest.name_of(id);
        let _ = manifest.target(id);
        let _ = manifest.lookup(id, b"a");
        if let Ok(path) = manifest.path_of(id) {
            assert!(path.len() < manifest.map.len() * 2);
            let _ = manifest.find(&path);
        }
    }
    manifest.verify()
}

#[test]
fn no_changed_byte_does_harm() {
    let scene = Scene::new();
    let (good, _) = build(&generate(7, 14), 1).encode().unwrap();
    let (mut opened, mut proved) = (0, 0);
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            assert!(scene.open(&bytes).is_err(), "byte {at}: a small file is hashed at opening");
            reseal(&mut bytes);
            if let Ok(manifest) = scene.open(&bytes) {
                opened += 1;
                proved += usize::from(ask_everything(&manifest).is_ok());
            }
        }
    }
    // Most forgeries pass the checks at opening; those that pass all describe another tree.
    assert!(opened > good.len() && proved > 0, "{opened} {proved}");
}

#[test]
fn random_garbage_does_no_harm() {
    let scene = Scene::new();
    let (good, _) = build(&generate(8, 40), 1).encode().unwrap();
    let mut random = Random(11);
    for _ in 0..1000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(8) {
            // Small numbers are the ones that make records point to each other.
            let at = format::HEADER_SIZE + random.below(bytes.len() - format::HEADER_SIZE);
            bytes[at] = random.below(48) as u8;
        }
        reseal(&mut bytes);
        if let Ok(manifest) = scene.open(&bytes) {
            let _ = ask_everything(&manifest);
        }
    }
}

#[test]
fn no_truncation_is_accepted() {
    let scene = Scene::new();
    let (good, _) = build(&generate(9, 6), 1).encode().unwrap();
    for length in 0..good.len() {
        assert!(scene.open(&good[..length]).is_err());
    }
    assert!(scene.open(&[&good[..], b"x"].concat()).is_err());
    scene.open(&good).unwrap();
}

#[test]
fn damage_in_a_large_file_is_found_by_its_records_and_by_verify() {
    let scene = Scene::new();
    let mut builder = Builder::new(directory());
    for number in 0..8000u32 {
        let name = format!("{number:05}");
        let draft = builder.add(file(name.as_bytes()));
        builder.add_name(builder.root(), name.as_bytes(), draft);
    }
    let (mut bytes, _) = builder.encode().unwrap();
    assert!(bytes.len() as u64 > CHECKED_ON_OPEN);
    bytes[format::HEADER_SIZE + format::NODE_SIZE] = 9;
    let manifest = scene.open(&bytes).unwrap();
    assert!(matches!(manifest.node(NodeId(1)), Err(Error::Damaged { .. })));
    assert_eq!(manifest.entries(manifest.root(), 0).unwrap().filter(Result::is_err).count(), 1);
    let error = manifest.verify().unwrap_err().to_string();
    assert!(error.contains("the body checksum does not match"), "{error}");
}
