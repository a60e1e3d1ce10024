//! Sessions that are cut short, committed and compared.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;
use vrift_cas::Digest;

use super::*;
use crate::attr::Timestamp;
use crate::manifest::Builder;
use crate::tree::{Birth, Setting, Slot};

struct Scene {
    dir: TempDir,
    store: Store,
}

/// A path with all that a manifest says of it.
type State = BTreeMap<Vec<u8>, String>;

impl Scene {
    fn new() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("store")).unwrap();
        let scene = Scene { dir, store };
        let directory = Node { kind: Kind::Directory, mode: 0o755, nlink: 2, ..Node::default() };
        let file = |text: &str| Node {
            mode: 0o644,
            size: text.len() as u64,
            digest: scene.store.insert_bytes(text.as_bytes()).unwrap().digest,
            ..Node::default()
        };
        let mut builder = Builder::new(directory);
        let root = builder.root();
        for name in ["a", "b", "c"] {
            let dir = builder.add(directory);
            builder.add_name(root, name.as_bytes(), dir);
            for inner in ["x", "y", "z"] {
                let node = builder.add(file(&format!("{name}{inner}")));
                builder.add_name(dir, inner.as_bytes(), node);
            }
        }
        builder.write(&scene.manifest_path()).unwrap();
        scene
    }

    fn manifest_path(&self) -> PathBuf {
        self.dir.path().join("m.vrift")
    }

    fn manifest(&self) -> Manifest {
        Manifest::open(&self.manifest_path()).unwrap()
    }

    fn start(&self, name: &str) -> Session {
        Session::start(&self.store, Some(name), self.manifest()).unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp { sec: second, nsec: 0 }
}

/// Changes that look random and follow from the seed; what cannot be made is refused.
fn shuffle(session: &mut Session, seed: u64, steps: usize, mut after: impl FnMut(&mut Session)) {
    let mut state = seed;
    let mut below = |end: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    for step in 0..steps {
        let mut path = || {
            let dir = ["a", "b", "c", "d", "e"][below(5)];
            let name = ["x", "y", "z", "u", "v"][below(5)];
            (dir, name)
        };
        let (from, to) = (path(), path());
        let slot = |session: &Session, (dir, name): (&str, &str)| {
            let dir = session.tree().find(dir.as_bytes()).unwrap();
            dir.filter(|dir| session.tree().node(*dir).unwrap().kind == Kind::Directory)
                .map(|dir| Slot::new(dir, name.as_bytes()))
        };
        let time = at(1000 + step as i64);
        let birth = |kind| Birth { kind, mode: 0o600, uid: 1, gid: 1, target: [].into(), rdev: 0 };
        let node = session.tree().next_id();
        let (one, other) = (slot(session, from), slot(session, to));
        let named = one.as_ref().and_then(|s| session.tree().lookup(s.dir, &s.name).unwrap());
        let change = match (below(8), one, other, named) {
            (0, ..) => {
                let slot = Slot::new(session.tree().root(), from.0.as_bytes());
                Change::Make { node, at: Some(slot), birth: birth(Kind::Directory), time }
            }
            (1 | 2, one, ..) => Change::Make { node, at: one, birth: birth(Kind::File), time },
            (3, Some(at), ..) => Change::Unlink { at, time },
            (4, Some(from), Some(to), Some(_)) => Change::Rename { from, to, time },
            (5, _, Some(at), Some(node)) => Change::Link { node, at, time },
            (6, .., Some(node)) => {
                let setting = Setting { mode: Some(below(0o777) as u32), ..Setting::default() };
                Change::Set { node, setting, time }
            }
            (7, .., Some(node)) if session.tree().node(node).unwrap().kind == Kind::File => {
                let path = session.stage(node, Keep::Content).unwrap();
                let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
                file.write_all(&[b'0' + below(10) as u8]).unwrap();
                after(session);
                continue;
            }
            _ => continue,
        };
        match session.perform(&change) {
            Ok(()) | Err(Failed::Refused(_)) => {}
            Err(Failed::Broken(error)) => panic!("{error:?}"),
        }
        after(session);
    }
}

fn state(session: &Session) -> State {
    let tree = session.tree();
    let mut all = State::new();
    let mut below = vec![(Vec::new(), tree.root())];
    while let Some((path, dir)) = below.pop() {
        for entry in tree.entries(dir, 0).unwrap() {
            let entry = entry.unwrap();
            let node = tree.node(entry.node).unwrap();
            let mut path: Vec<u8> = path.clone();
            path.push(b'/');
            path.extend_from_slice(&entry.name);
            if node.kind == Kind::Directory {
                below.push((path.clone(), entry.node));
            }
            let what = format!("{:?} {:o} {} {:?}", node.kind, node.mode, node.nlink, node.ctime);
            all.insert(path, what);
        }
    }
    all
}

/// What two manifests say of every path.
fn described(manifest: &Manifest) -> BTreeMap<Vec<u8>, Node> {
    let mut all = BTreeMap::new();
    for id in 0..manifest.len() {
        let node = manifest.node(NodeId(id)).unwrap();
        if node.kind != Kind::Directory {
            continue;
        }
        for entry in manifest.entries(NodeId(id), 0).unwrap() {
            let entry = entry.unwrap();
            let mut path = manifest.path_of(NodeId(id)).unwrap();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(entry.name);
            all.insert(path, manifest.node(entry.node).unwrap());
        }
    }
    all
}

#[test]
fn a_journal_that_is_cut_gives_the_changes_that_are_whole() {
    let scene = Scene::new();
    let mut session = scene.start("cut");
    let journal = session.place.journal();
    let mut states = vec![(fs::metadata(&journal).unwrap().len(), state(&session))];
    shuffle(&mut session, 1, 200, |session| {
        states.push((fs::metadata(&journal).unwrap().len(), state(session)));
    });
    drop(session);
    let whole = fs::read(&journal).unwrap();
    let start = states[0].0;
    for cut in (start..=whole.len() as u64).step_by(7) {
        fs::write(&journal, &whole[..cut as usize]).unwrap();
        let session = Session::open(&scene.store, "cut").unwrap();
        let (length, wanted) = states.iter().rfind(|(length, _)| *length <= cut).unwrap();
        assert_eq!(&state(&session), wanted, "cut at {cut}");
        assert_eq!(session.torn(), cut - length);
        assert_eq!(fs::metadata(&journal).unwrap().len(), *length, "what was torn is cut off");
    }
    assert!(states.len() > 100, "the changes were made");
}

#[test]
fn a_flipped_bit_ends_the_journal_and_never_panics() {
    let scene = Scene::new();
    let mut session = scene.start("flip");
    shuffle(&mut session, 2, 60, |_| {});
    let journal = session.place.journal();
    drop(session);
    let whole = fs::read(&journal).unwrap();
    let mut refused = 0;
    for bit in (0..whole.len() * 8).step_by(37) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&journal, &bytes).unwrap();
        match Session::open(&scene.store, "flip") {
            Ok(session) => assert!(session.torn() > 0, "bit {bit}"),
            Err(Error::Damaged { .. }) => refused += 1,
            Err(error) => panic!("bit {bit}: {error:?}"),
        }
    }
    assert!(refused > 0, "the header is checked");
}

#[test]
fn a_commit_is_the_tree_and_the_differences_are_those_of_the_manifests() {
    for seed in 0..40 {
        let scene = Scene::new();
        let mut session = scene.start("work");
        shuffle(&mut session, seed, 80, |_| {});
        let told: Vec<_> = session.differences().unwrap();
        let to = scene.dir.path().join("new.vrift");
        session.commit(&to).unwrap();
        let (old, new) = (scene.manifest(), Manifest::open(&to).unwrap());
        new.verify().unwrap();
        new.verify_blobs(&scene.store, &mut |defect| panic!("{defect:?}")).unwrap();
        scene.store.verify(&mut |damage| panic!("{damage}")).unwrap();

        let (old, new) = (described(&old), described(&new));
        let mut wanted = Vec::new();
        for path in old.keys().chain(new.keys().filter(|path| !old.contains_key(*path))) {
            let what = match (old.get(path), new.get(path)) {
                (Some(_), None) => Some(What::Removed),
                (None, Some(_)) => Some(What::Added),
                (Some(a), Some(b)) if a.kind != b.kind => Some(What::Kind),
                (Some(a), Some(b)) if a.digest != b.digest => Some(What::Content),
                (Some(a), Some(b)) if (a.mode, a.uid, a.gid) != (b.mode, b.uid, b.gid) => {
                    Some(What::Attributes)
                }
                (Some(a), Some(b)) if a.kind != Kind::Directory && a.mtime != b.mtime => {
                    Some(What::Time)
                }
                _ => None,
            };
            wanted.extend(what.map(|what| (path.clone(), what)));
        }
        wanted.sort();
        let told: Vec<_> = told.into_iter().map(|found| (found.path, found.what)).collect();
        assert_eq!(told, wanted, "seed {seed}");
        assert!(wanted.len() > 3, "seed {seed} changed something");
    }
}

#[test]
fn content_is_staged_once_and_committed_under_its_digest() {
    let scene = Scene::new();
    let mut session = scene.start("seal");
    let id = session.tree().find(b"a/x").unwrap().unwrap();
    let path = session.stage(id, Keep::Content).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"ax");
    fs::write(&path, "changed").unwrap();
    assert_eq!(session.stage(id, Keep::Content).unwrap(), path, "who opens it next shares it");
    assert_eq!(session.node(id).unwrap().size, 7);
    drop(session);

    let mut session = Session::open(&scene.store, "seal").unwrap();
    assert_eq!(fs::read(session.staged_path(id)).unwrap(), b"changed", "it is kept");
    let done = session.commit(&scene.manifest_path()).unwrap();
    assert_eq!((done.files, done.bytes, done.new_blobs), (1, 7, 1));
    let manifest = scene.manifest();
    assert_eq!(manifest.id(), done.manifest);
    let node = manifest.node(manifest.find(b"a/x").unwrap().unwrap()).unwrap();
    assert_eq!((node.digest, node.size), (Digest::of(b"changed"), 7));
    assert_eq!(fs::read(scene.store.path_of(&node.digest)).unwrap(), b"changed");
    drop(session);
    let mut session = Session::open(&scene.store, "seal").expect("it stays until it is discarded");
    let error = session.commit(&scene.manifest_path()).unwrap_err();
    assert!(matches!(error, Error::Overtaken { .. }), "nobody's changes are lost: {error}");
    session.commit(&scene.dir.path().join("other.vrift")).unwrap();
}

#[test]
fn nothing_is_copied_that_is_truncated() {
    let scene = Scene::new();
    let mut session = scene.start("fresh");
    let id = session.tree().find(b"a/x").unwrap().unwrap();
    let path = session.stage(id, Keep::Nothing).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"");
}

#[test]
fn a_session_has_one_user_and_one_base() {
    let scene = Scene::new();
    let session = scene.start("one");
    let second = Session::open(&scene.store, "one").unwrap_err().to_string();
    let own = std::process::id();
    assert!(
        second.starts_with(&format!("the session one is in use by process {own};")),
        "{second}"
    );
    assert!(list(scene.store.root()).unwrap()[0].in_use);
    drop(session);
    assert!(!list(scene.store.root()).unwrap()[0].in_use);

    let error = Session::start(&scene.store, Some("one"), scene.manifest()).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }));
    for bad in ["", "../x", ".x", "a/b", "a b"] {
        let error = Session::start(&scene.store, Some(bad), scene.manifest()).unwrap_err();
        assert!(matches!(error, Error::BadName { .. }), "{bad}");
    }
    assert!(matches!(Session::open(&scene.store, "two"), Err(Error::NoSession { .. })));

    let root = Node { kind: Kind::Directory, ..Node::default() };
    Builder::new(root).write(&scene.manifest_path()).unwrap();
    let again = Session::open_or_start(&scene.store, "one", scene.manifest());
    let error = again.map(|session| session.name().to_owned()).unwrap_err();
    assert!(matches!(error, Error::OtherBase { .. }), "{error}");
    Session::open(&scene.store, "one").expect("it has kept the manifest it was started from");
    remove(scene.store.root(), "one").unwrap();
    assert_eq!(list(scene.store.root()).unwrap(), []);
}

#[test]
fn what_was_changed_over_a_directory_does_not_depend_on_it_any_more() {
    for seed in 0..30 {
        let scene = Scene::new();
        let host = scene.dir.path().join("host");
        for name in ["a", "b", "c"] {
            fs::create_dir_all(host.join(name)).unwrap();
            for inner in ["x", "y", "z"] {
                fs::write(host.join(name).join(inner), format!("{name}{inner}")).unwrap();
            }
        }
        fs::hard_link(host.join("a/x"), host.join("b/linked")).unwrap();
        let lower = Lower::open(&host).unwrap();
        let mut session = Session::start_over(&scene.store, Some("over"), lower).unwrap();
        shuffle(&mut session, seed, 80, |_| {});
        let changed = |session: &Session| -> BTreeMap<Vec<u8>, (Node, Content)> {
            let tree = session.tree();
            let shown = |id: NodeId| {
                let path = tree.path_of(id).unwrap()?;
                Some((path, (tree.node(id).unwrap(), tree.content(id).unwrap())))
            };
            tree.changed().filter_map(shown).collect()
        };
        let before = changed(&session);
        assert!(before.len() > 5, "seed {seed} changed something");
        drop(session);
        match seed % 3 {
            0 => {
                fs::remove_dir_all(&host).unwrap();
                fs::create_dir(&host).unwrap();
            }
            1 => {
                for name in ["a", "b", "c", "d", "e"] {
                    fs::create_dir_all(host.join(name)).unwrap();
                    for inner in ["x", "y", "z", "u", "v", "w"] {
                        let _ = fs::remove_file(host.join(name).join(inner));
                        fs::write(host.join(name).join(inner), "other").unwrap();
                    }
                }
            }
            _ => {
                fs::rename(host.join("a"), host.join("t")).unwrap();
                fs::rename(host.join("b"), host.join("a")).unwrap();
            }
        }
        let session = Session::open(&scene.store, "over").unwrap();
        assert_eq!(changed(&session), before, "seed {seed}");
        session.differences().unwrap();
    }
}
