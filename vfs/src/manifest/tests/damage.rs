//! Files that lie: every change of a byte is an error, and no forgery does harm.

use super::*;

/// Whether to take all the time that is needed to be thorough.
fn full() -> bool {
    std::env::var_os("VRIFT_FULL").is_some()
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
        let _ = manifest.xattr(id, b"user.a");
        let mut attributes = 0;
        for found in manifest.xattrs(id).into_iter().flatten().map_while(Result::ok) {
            attributes += found.0.len();
        }
        assert!(attributes < manifest.bytes.all().len() * 2);
        let _ = manifest.lookup(id, b"a");
        if let Ok(path) = manifest.path_of(id) {
            assert!(path.len() < manifest.bytes.all().len() * 2);
            let _ = manifest.find(&path);
        }
    }
    manifest.verify()
}

fn read(bytes: &[u8]) -> Result<Manifest, Error> {
    Manifest::from_bytes(bytes.to_vec(), Path::new("m"))
}

#[test]
fn no_changed_byte_does_harm() {
    let (good, _) = build(&generate(7, 14), 1).encode().unwrap();
    let (mut opened, mut proved) = (0, 0);
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            assert!(read(&bytes).is_err(), "byte {at}: a small file is hashed at opening");
            seal(&mut bytes);
            if let Ok(manifest) = read(&bytes) {
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
    let (good, _) = build(&generate(8, 40), 1).encode().unwrap();
    let mut random = Random(11);
    for _ in 0..if full() { 100_000 } else { 1000 } {
        let mut bytes = good.clone();
        for _ in 0..=random.below(8) {
            // Small numbers are the ones that make records point to each other.
            let at = format::HEADER_SIZE + random.below(bytes.len() - format::HEADER_SIZE);
            bytes[at] = random.below(48) as u8;
        }
        seal(&mut bytes);
        if let Ok(manifest) = read(&bytes) {
            let _ = ask_everything(&manifest);
        }
    }
}

#[test]
fn no_truncation_is_accepted() {
    let (good, _) = build(&generate(9, 6), 1).encode().unwrap();
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err());
    }
    assert!(read(&[&good[..], b"x"].concat()).is_err());
    read(&good).unwrap();
}

/// A manifest that is too large to be checked when it is opened.
fn large() -> Vec<u8> {
    let mut builder = Builder::new(directory());
    for number in 0..8000u32 {
        let name = format!("{number:05}");
        let draft = builder.add(file(name.as_bytes()));
        builder.add_name(builder.root(), name.as_bytes(), draft);
        builder.set_xattrs(draft, vec![(b"user.n"[..].into(), name.as_bytes().into())]);
    }
    let (bytes, _) = builder.encode().unwrap();
    assert!(bytes.len() as u64 > bytes::READ_MAX);
    bytes
}

#[test]
fn damage_in_a_large_file_is_found_when_it_is_met() {
    let scene = Scene::new();
    let mut bytes = large();
    let header = scene.open(&bytes).unwrap().header.clone();
    // The mode of the node 200, which is not in the chunk of the root.
    bytes[header.extent(Section::Nodes).start + 200 * format::NODE_SIZE + 2] ^= 1;
    let manifest = scene.open(&bytes).unwrap();
    let damaged = |found: Result<Node, Error>| {
        let message = found.unwrap_err().to_string();
        assert!(message.contains("a checksum does not match (file truncated or damaged)"));
    };
    damaged(manifest.node(NodeId(200)));
    damaged(manifest.node(NodeId(200)));
    assert_eq!(manifest.node(NodeId(1)).unwrap().mode, 0o644);
    damaged(manifest.verify().map(|()| directory()));
    let entries = manifest.entries(manifest.root(), 0).unwrap();
    assert_eq!(entries.filter(Result::is_err).count(), bytes::CHUNK / format::NODE_SIZE);
}

/// Whether everything that can be asked about every node is answered.
fn all_is_answered(manifest: &Manifest) -> Result<(), Error> {
    for id in (0..manifest.len()).map(NodeId) {
        let node = manifest.node(id)?;
        let path = manifest.path_of(id)?;
        manifest.find(&path)?;
        manifest.xattrs(id)?.try_for_each(|xattr| xattr.map(|_| ()))?;
        if node.kind == Kind::Directory {
            for entry in manifest.entries(id, 0)? {
                manifest.lookup(id, entry?.name)?;
            }
        }
    }
    Ok(())
}

#[test]
fn every_change_of_a_large_file_is_an_error_before_it_is_believed() {
    let scene = Scene::new();
    let good = large();
    let mut random = Random(21);
    let reference = scene.open(&good).unwrap();
    let entries: Vec<_> =
        (0..reference.len()).map(|id| reference.node(NodeId(id)).unwrap()).collect();
    for case in 0..if full() { 20_000 } else { 64 } {
        let mut bytes = good.clone();
        match case % 4 {
            0 => bytes.truncate(random.below(good.len())),
            _ => bytes[random.below(good.len())] ^= 1 << random.below(8),
        }
        let Ok(manifest) = scene.open(&bytes) else { continue };
        for _ in 0..20 {
            let id = random.below(entries.len());
            let found = manifest.node(NodeId(id as u32));
            assert!(found.is_err() || found.unwrap() == entries[id]);
        }
        // Slow, and about bytes that are like each other.
        if case % 16 == 1 {
            assert!(all_is_answered(&manifest).is_err() || manifest.verify().is_err());
        }
    }
    all_is_answered(&reference).unwrap();
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
        "manifest /app.vrift: it has format version 3, which this vrift (version 2) does not know; use \
         a newer one"
    );
    let mut older = good.clone();
    older[8] = 1;
    assert_eq!(
        scene.message(&older),
        "manifest /app.vrift: it has format version 1, which this vrift (version 2) no longer \
         reads; ingest again"
    );
    assert_eq!(changed(30), damaged("the header checksum does not match"));
    assert_eq!(changed(good.len() - 1), damaged("a checksum does not match"));
    assert_eq!(
        scene.message(&good[..good.len() - 1]),
        damaged("the file does not have the length it should have")
    );
    assert_eq!(scene.message(&good[..100]), damaged("the header is cut off"));
    let fifo = scene.dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for other in [scene.dir.path(), &fifo, Path::new("/dev/null")] {
        let error = Manifest::open(other).unwrap_err();
        assert!(error.to_string().ends_with("is not a manifest"), "{error}");
    }
}
