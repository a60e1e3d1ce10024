//! Archives from one manifest to another, and archives that lie.

use vrift_cas::Digest;

use super::*;
use crate::manifest::{Builder, Kind, Manifest, Node, Timestamp};
use crate::scene::Scene;

impl Scene {
    fn import(&self, archive: &[u8]) -> Result<Report, Error> {
        import(&mut &archive[..], &self.store, &self.path("imported.vrift"))
    }

    fn export(&self, manifest: &Manifest) -> Vec<u8> {
        let mut archive = Vec::new();
        let report = export(manifest, &self.store, &mut archive).unwrap();
        assert_eq!(report.problems, []);
        archive
    }

    /// A tree with one of everything that a header has no room for.
    fn furnish(&self) -> Manifest {
        let time = |sec, nsec| Timestamp { sec, nsec };
        let node = |kind, mode| Node {
            kind,
            mode,
            uid: 3_000_000_000,
            gid: 7,
            nlink: 2,
            atime: time(-1, 1),
            mtime: time(1 << 40, 123_456_789),
            ctime: time(1 << 40, 123_456_789),
            ..Node::default()
        };
        let root = Node { nlink: 3, ..node(Kind::Directory, 0o1777) };
        let mut builder = Builder::new(root);
        let top = builder.root();
        let attribute = |name: &str, value: &[u8]| (name.as_bytes().into(), value.into());
        let attributes = vec![attribute("user.a=%", b"x\ny\0"), attribute("user.empty", b"")];
        builder.set_xattrs(top, attributes.clone());
        let content = b"content\n".repeat(1000);
        let digest = self.store.insert_bytes(&content).unwrap().digest;
        let (size, blocks) = (content.len() as u64, 16);
        let file = builder.add(Node { size, blocks, digest, ..node(Kind::File, 0o4750) });
        builder.set_xattrs(file, attributes);
        let dir = builder.add(node(Kind::Directory, 0o700));
        builder.add_name(top, &[b'd'; 255], dir);
        builder.add_name(dir, b"new\nline \xff", file);
        builder.add_name(top, b"twice", file);
        let link = builder.add_symlink(node(Kind::Symlink, 0o777), &[b't'; 4000]);
        builder.add_name(dir, &[0xfe; 255], link);
        for (name, kind, rdev) in
            [(b"f", Kind::Fifo, 0), (b"c", Kind::CharDevice, 0x1203), (b"b", Kind::BlockDevice, 9)]
        {
            let special = builder.add(Node { rdev, ..node(kind, 0o600) });
            builder.add_name(dir, name, special);
        }
        let path = self.path("first.vrift");
        builder.write(&path).unwrap();
        Manifest::open(&path).unwrap()
    }
}

#[test]
fn a_manifest_comes_back_from_its_archive() {
    let scene = Scene::new();
    let first = scene.furnish();
    let archive = scene.export(&first);
    let report = scene.import(&archive).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.members, report.new_blobs), (8, 0));
    assert_eq!(report.manifest, first.id());
}

#[test]
fn an_archive_that_is_cut_is_an_error_and_no_manifest() {
    let scene = Scene::new();
    let archive = scene.export(&scene.furnish());
    // The blocks of zeros at the end are not missed.
    for length in (1..archive.len() - 1024).step_by(197) {
        match scene.import(&archive[..length]) {
            Err(_) => assert!(!scene.path("imported.vrift").exists(), "cut to {length}"),
            // Cut between two members it is a smaller archive.
            Ok(report) => {
                assert!(report.members < 8, "cut to {length}");
                std::fs::remove_file(scene.path("imported.vrift")).unwrap();
            }
        }
    }
    assert!(matches!(scene.import(b""), Err(Error::Damaged { .. })));
}

#[test]
fn no_flipped_byte_makes_a_panic_or_a_damaged_store() {
    let scene = Scene::new();
    let archive = scene.export(&scene.furnish());
    for at in (0..archive.len()).step_by(101) {
        let mut flipped = archive.clone();
        flipped[at] ^= 1 << (at % 8);
        if scene.import(&flipped).is_ok() {
            Manifest::open(&scene.path("imported.vrift")).unwrap().verify().unwrap();
        }
    }
    scene.store.verify(&mut |damage| panic!("{damage}")).unwrap();
}

#[test]
fn compressed_archives_are_told() {
    let scene = Scene::new();
    let mut compressed = vec![7; 2048];
    compressed[..2].copy_from_slice(b"\x1f\x8b");
    let error = scene.import(&compressed).unwrap_err().to_string();
    assert!(error.contains("gzip -dc"), "{error}");
}

#[test]
fn a_missing_blob_is_named_and_the_archive_stays_whole() {
    let scene = Scene::new();
    let first = scene.furnish();
    let digest = Digest::of(&b"content\n".repeat(1000));
    std::fs::remove_file(scene.store.path_of(&digest)).unwrap();
    let mut archive = Vec::new();
    let report = export(&first, &scene.store, &mut archive).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(scene.import(&archive).unwrap().members, 8);
}
