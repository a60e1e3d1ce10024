//! Trees of extreme shape: deep, wide, long names, many hard links.

use super::*;

/// A chain of `depth` directories, each with this name, and the manifest's id of the last one.
fn chain(depth: u32, name: &[u8]) -> (Manifest, NodeId) {
    let mut builder = Builder::new(directory());
    let mut at = builder.root();
    for _ in 0..depth {
        let below = builder.add(directory());
        builder.add_name(at, name, below);
        at = below;
    }
    let bytes = builder.encode().unwrap().0;
    (Manifest::from_bytes(bytes, Path::new("chain")).unwrap(), NodeId(depth))
}

#[test]
fn deep_trees_are_found_with_and_beyond_the_longest_path() {
    for name in [&b"d"[..], &[0xfe; 255]] {
        let (manifest, last) = chain(4000, name);
        let path = manifest.path_of(last).unwrap();
        assert_eq!(path, vec![name; 4000].join(&b'/'));
        assert_eq!(manifest.find(&path).unwrap(), Some(last));
        assert_eq!(manifest.find(&path[1..]).unwrap(), None);
        // Each length around the longest path that has an index.
        for depth in [1, 15, 16, 17, 2047, 2048, 2049, 3999] {
            let path = vec![name; depth].join(&b'/');
            assert_eq!(manifest.find(&path).unwrap(), Some(NodeId(depth as u32)), "{depth}");
            assert_eq!(manifest.find(&join(&path, b"x")).unwrap(), None);
        }
        manifest.verify().unwrap();
        // Paths are stored up to a length, or the file would grow with the square of the depth.
        assert!(manifest.bytes.all().len() < 9 << 20);
    }
}

#[test]
fn a_directory_of_a_hundred_thousand_names() {
    let mut builder = Builder::new(directory());
    let dir = builder.add(directory());
    builder.add_name(builder.root(), b"wide", dir);
    let name = |number: u32| format!("entry-{number:06}").into_bytes();
    for number in (0..100_000).rev() {
        let draft = builder.add(Node { mode: number & 0o777, ..Node::default() });
        builder.add_name(dir, &name(number), draft);
    }
    let scene = Scene::new();
    builder.write(&scene.path()).unwrap();
    let manifest = Manifest::open(&scene.path()).unwrap();
    let dir = manifest.find(b"wide").unwrap().unwrap();
    let entries = manifest.entries(dir, 0).unwrap().map(Result::unwrap);
    assert!(entries.map(|entry| entry.name.to_vec()).eq((0..100_000).map(name)));
    for number in (0..100_000).step_by(97) {
        let found = manifest.lookup(dir, &name(number)).unwrap().unwrap();
        assert_eq!(manifest.find(&join(b"wide", &name(number))).unwrap(), Some(found));
        assert_eq!(manifest.node(found).unwrap().mode, number & 0o777);
        assert_eq!(manifest.lookup(dir, &name(number + 100_000)).unwrap(), None);
    }
}

#[test]
fn a_file_of_many_names_is_one_node() {
    let mut builder = Builder::new(directory());
    let shared = builder.add(file(b"shared"));
    let fifo = builder.add(special(Kind::Fifo, 0));
    for number in 0..3000u32 {
        let dir = builder.add(directory());
        builder.add_name(builder.root(), format!("{number}").as_bytes(), dir);
        builder.add_name(dir, b"f", shared);
        builder.add_name(dir, b"p", fifo);
    }
    let bytes = builder.encode().unwrap().0;
    let manifest = Manifest::from_bytes(bytes, Path::new("linked")).unwrap();
    assert_eq!(manifest.len(), 3003);
    for entry in manifest.entries(manifest.root(), 0).unwrap() {
        let entry = entry.unwrap();
        let f = manifest.find(&join(entry.name, b"f")).unwrap().unwrap();
        let p = manifest.lookup(entry.node, b"p").unwrap().unwrap();
        assert_eq!(manifest.node(f).unwrap().nlink, 3000);
        assert_eq!(manifest.node(f).unwrap().digest, Digest::of(b"shared"));
        assert_eq!(
            (manifest.node(p).unwrap().kind, manifest.node(p).unwrap().nlink),
            (Kind::Fifo, 3000)
        );
        assert_eq!(manifest.find(&manifest.path_of(f).unwrap()).unwrap(), Some(f));
    }
    manifest.verify().unwrap();
}
