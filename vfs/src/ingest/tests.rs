//! Whole trees taken in, compared with what the file system says of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use vrift_cas::Digest;

use super::*;
use crate::manifest::{Kind, Manifest, Timestamp};
use crate::scene::Scene;

impl Scene {
    fn with_source() -> Scene {
        let scene = Scene::new();
        fs::create_dir(scene.source()).unwrap();
        scene
    }

    fn source(&self) -> PathBuf {
        self.path("source")
    }

    /// Writes a file into the source, with the directories above it.
    fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.source().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn options(&self) -> Options {
        Options::new(self.path("app.vrift"))
    }

    fn ingest(&self) -> (Report, Manifest) {
        self.ingest_with(&self.options())
    }

    fn ingest_with(&self, options: &Options) -> (Report, Manifest) {
        let report = take_in(&self.source(), &self.store, options).unwrap();
        let manifest = Manifest::open(&options.manifest).unwrap();
        assert_eq!(manifest.id(), report.manifest);
        manifest.verify().unwrap();
        manifest.verify_blobs(&self.store, &mut |defect| panic!("{defect:?}")).unwrap();
        self.store.verify(&mut |damage| panic!("{damage}")).unwrap();
        (report, manifest)
    }
}

fn take_in(source: &Path, store: &Store, options: &Options) -> Result<Report, Error> {
    ingest(&[source.to_owned()], store, options, &Progress::default())
}

fn names(manifest: &Manifest, dir: &str) -> Vec<Vec<u8>> {
    let dir = manifest.find(dir.as_bytes()).unwrap().unwrap();
    manifest.entries(dir, 0).unwrap().map(|entry| entry.unwrap().name.to_vec()).collect()
}

fn problems(report: &Report) -> Vec<String> {
    report.problems.iter().map(Problem::to_string).collect()
}

/// Everything `lstat` says that an ingest may not change, and contents, by path.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let m = fs::symlink_metadata(&path).unwrap();
        let mut line = format!(
            "{:o} {} {} {} {} {} {}.{} {}.{}",
            m.mode(),
            m.ino(),
            m.nlink(),
            m.uid(),
            m.gid(),
            m.size(),
            m.mtime(),
            m.mtime_nsec(),
            m.ctime(),
            m.ctime_nsec()
        );
        if m.is_symlink() {
            line += &format!(" {:?}", fs::read_link(&path).unwrap());
        } else {
            line += &format!(" {}.{}", m.atime(), m.atime_nsec());
        }
        seen.insert(path.clone(), line);
        if m.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    seen
}

/// A tree with one of everything.
fn furnish(scene: &Scene) {
    let program = scene.write("bin/tool", "#!/bin/sh\n");
    fs::set_permissions(&program, Permissions::from_mode(0o4751)).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let times = FileTimes::new().set_modified(old).set_accessed(old - Duration::from_secs(9));
    File::options().write(true).open(&program).unwrap().set_times(times).unwrap();
    scene.write("large", vec![7; 3 << 20]);
    scene.write("empty", "");
    fs::create_dir_all(scene.source().join("a/b/nothing")).unwrap();
    symlink("../large", scene.source().join("a/up")).unwrap();
    symlink("/nowhere/at all", scene.source().join("dangling")).unwrap();
    fs::hard_link(&program, scene.source().join("a/tool2")).unwrap();
    for path in ["", "bin", "a", "a/b", "a/b/nothing", "a/up", "dangling"] {
        accessed(&scene.source().join(path));
    }
}

/// Gives a directory or a symlink a time of access in the future, which `relatime` leaves alone: reading it
/// marks nothing. Without, who reads it in the tick of its making leaves that to the next one.
fn accessed(path: &Path) {
    let (later, as_it_is) = (TimeSpec::new(2_000_000_000, 0), TimeSpec::UTIME_OMIT);
    utimensat(AT_FDCWD, path, &later, &as_it_is, UtimensatFlags::NoFollowSymlink).unwrap();
}

#[test]
fn the_manifest_says_what_the_file_system_says() {
    let scene = Scene::with_source();
    furnish(&scene);
    let (report, manifest) = scene.ingest();
    assert_eq!(problems(&report), [""; 0]);
    let counts = (report.files, report.directories, report.symlinks, report.hard_links);
    assert_eq!(counts, (3, 5, 2, 1));
    assert_eq!((report.bytes, report.new_blobs, report.known_blobs), ((3 << 20) + 10, 3, 0));
    // Reading a file changes what is compared of its other names, so contents come last.
    let (mut seen, mut contents) = (0, Vec::new());
    for path in snapshot(&scene.source()).into_keys() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let inside = path.strip_prefix(scene.source()).unwrap().as_os_str().as_bytes();
        let id = manifest.find(inside).unwrap().unwrap_or_else(|| panic!("{path:?} is missing"));
        let node = manifest.node(id).unwrap();
        let time = |sec, nsec: i64| Timestamp { sec, nsec: nsec as u32 };
        assert_eq!(node.mode, meta.mode() & 0o7777);
        assert_eq!(
            (node.uid, node.gid, u64::from(node.nlink)),
            (meta.uid(), meta.gid(), meta.nlink())
        );
        assert_eq!((node.size, node.blocks, node.rdev), (meta.size(), meta.blocks(), meta.rdev()));
        assert_eq!(node.mtime, time(meta.mtime(), meta.mtime_nsec()));
        assert_eq!(node.ctime, time(meta.ctime(), meta.ctime_nsec()));
        assert_eq!(node.btime.is_some(), meta.created().is_ok());
        match node.kind {
            Kind::Directory => assert!(meta.is_dir()),
            Kind::Symlink => {
                let target = fs::read_link(&path).unwrap();
                assert_eq!(manifest.target(id).unwrap(), target.as_os_str().as_bytes());
            }
            Kind::File => {
                assert_eq!(node.atime, time(meta.atime(), meta.atime_nsec()));
                contents.push((node.digest, path));
            }
            other => panic!("{path:?} is a {}", other.word()),
        }
        seen += 1;
    }
    assert_eq!(seen, manifest.len() + 1, "one node has two names");
    for (digest, path) in contents {
        assert_eq!(digest, Digest::of(&fs::read(path).unwrap()));
    }
}

#[test]
fn the_source_is_unharmed() {
    let scene = Scene::with_source();
    furnish(&scene);
    let before = snapshot(&scene.source());
    scene.ingest();
    let after = snapshot(&scene.source());
    assert_eq!(before.len(), after.len());
    for (path, line) in before {
        assert_eq!(line, after[&path], "{}", path.display());
    }
}

#[test]
fn the_same_source_gives_the_same_manifest() {
    let scene = Scene::with_source();
    furnish(&scene);
    let (first, _) = scene.ingest();
    let other = Options { manifest: scene.path("other.vrift"), ..scene.options() };
    let (second, _) = scene.ingest_with(&other);
    assert_eq!(first.manifest, second.manifest);
    assert_eq!((second.new_blobs, second.known_blobs), (0, 3));
    assert_eq!(fs::read(scene.options().manifest).unwrap(), fs::read(other.manifest).unwrap());
}

#[test]
fn equal_files_share_a_blob_and_nothing_else() {
    let scene = Scene::with_source();
    for number in 0..100 {
        scene.write(format!("d{}/f{number}", number % 7), "the same");
    }
    let (report, manifest) = scene.ingest();
    assert_eq!((report.files, report.new_blobs, report.known_blobs), (100, 1, 99));
    assert_eq!(scene.store.stat().unwrap().blobs, 1);
    assert_eq!(manifest.len(), 1 + 7 + 100);
}

#[test]
fn hard_links_are_one_node_counted_within_the_tree() {
    let scene = Scene::with_source();
    let first = scene.write("z", "linked");
    fs::hard_link(&first, scene.source().join("a")).unwrap();
    fs::hard_link(&first, scene.path("outside")).unwrap();
    scene.write("b", "linked");
    symlink("z", scene.source().join("l1")).unwrap();
    nix::unistd::linkat(
        nix::fcntl::AT_FDCWD,
        &scene.source().join("l1"),
        nix::fcntl::AT_FDCWD,
        &scene.source().join("l2"),
        nix::fcntl::AtFlags::empty(),
    )
    .unwrap();
    let (report, manifest) = scene.ingest();
    let find = |path: &str| manifest.find(path.as_bytes()).unwrap().unwrap();
    assert_eq!((report.files, report.symlinks, report.hard_links), (2, 1, 2));
    assert!(find("a") == find("z") && find("a") != find("b") && find("l1") == find("l2"));
    assert_eq!(manifest.node(find("a")).unwrap().nlink, 2, "the name outside does not count");
    assert_eq!(manifest.node(find("b")).unwrap().nlink, 1);
}

#[test]
fn odd_names_are_kept_byte_for_byte() {
    let scene = Scene::with_source();
    let mut odd: Vec<Vec<u8>> =
        [&b" "[..], b"a\nb", b"\xff\xfe", b"-rf", b"...", b"\\", b"*"].map(<[u8]>::to_vec).into();
    odd.push(vec![0xc3; 255]);
    for name in &odd {
        scene.write(OsStr::from_bytes(name), name);
    }
    let (report, manifest) = scene.ingest();
    assert_eq!(problems(&report), [""; 0]);
    odd.sort();
    assert_eq!(names(&manifest, ""), odd);
}

#[test]
fn secrets_are_left_out_and_listed() {
    let scene = Scene::with_source();
    for path in [".env", "app/.env.local", "app/id_rsa", "app/id_rsa.pub", ".aws/credentials"] {
        scene.write(path, path);
    }
    fs::create_dir_all(scene.source().join("venv/.env")).unwrap();
    let (report, manifest) = scene.ingest();
    let left_out: Vec<_> =
        report.left_out.iter().map(|l| (l.path.to_str().unwrap(), l.reason)).collect();
    let secret = |path| (path, Reason::Sensitive);
    let wanted = [".aws/credentials", ".env", "app/.env.local", "app/id_rsa"];
    let mut sorted = left_out.clone();
    sorted.sort_by_key(|(path, _)| *path);
    assert_eq!(sorted, wanted.map(secret));
    assert_eq!(names(&manifest, "app"), [b"id_rsa.pub"]);
    assert_eq!(names(&manifest, "venv"), [b".env"], "a directory holds no secret by itself");
    assert!(!scene.store.contains(&Digest::of(b".env")).unwrap());

    let options = Options { sensitive: Sensitive::Include, ..scene.options() };
    let (report, _) = scene.ingest_with(&options);
    assert_eq!((report.files, report.left_out.len()), (5, 0));

    let inner = take_in(&scene.source().join(".aws"), &scene.store, &scene.options()).unwrap();
    assert_eq!(inner.left_out.len(), 1, "the name of the source counts too");
}

#[test]
fn the_store_and_the_manifest_are_not_taken_in() {
    let mut scene = Scene::with_source();
    scene.write("file", "content");
    scene.store = Store::create(scene.source().join("store")).unwrap();
    let options = Options { manifest: scene.source().join("app.vrift"), ..scene.options() };
    for round in 0..2 {
        let (report, manifest) = scene.ingest_with(&options);
        assert_eq!(names(&manifest, ""), [b"file"]);
        let reasons: Vec<_> = report.left_out.iter().map(|left| left.reason).collect();
        assert_eq!(reasons, [Reason::Manifest, Reason::Store][1 - round..]);
    }
}

#[test]
fn fifos_and_sockets_are_kept_unopened_and_listed() {
    let scene = Scene::with_source();
    scene.write("a", "a");
    scene.write("z", "z");
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o644);
    nix::unistd::mkfifo(&scene.source().join("fifo"), mode).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scene.source().join("sock")).unwrap();
    let (report, manifest) = scene.ingest();
    assert_eq!(problems(&report), [""; 0]);
    let specials: Vec<_> =
        report.specials.iter().map(|s| (s.path.to_str().unwrap(), s.kind)).collect();
    assert_eq!(specials, [("fifo", Kind::Fifo), ("sock", Kind::Socket)]);
    assert_eq!(names(&manifest, ""), [&b"a"[..], b"fifo", b"sock", b"z"]);
}

#[test]
fn unreadable_things_are_reported_and_the_rest_goes_on() {
    if nix::unistd::geteuid().is_root() {
        println!("skipped: root can read everything");
        return;
    }
    let scene = Scene::with_source();
    scene.write("a", "a");
    let dir = scene.write("dir/inside", "b");
    let dir = dir.parent().unwrap();
    for path in [&scene.write("file", "c"), dir] {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }
    let (report, manifest) = scene.ingest();
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let refused = "cannot open it: Permission denied (os error 13)";
    assert_eq!(problems(&report), [format!("dir: {refused}"), format!("file: {refused}")]);
    assert_eq!(names(&manifest, ""), [b"a"]);
}

#[test]
fn a_file_whose_content_does_not_fit_its_attributes_is_a_problem() {
    // The kernel's files claim to be empty, and so look like files that grow each time.
    let scene = Scene::with_source();
    let proc = Path::new("/proc/self/fdinfo");
    let report = take_in(proc, &scene.store, &scene.options()).unwrap();
    assert_eq!(report.files, 0);
    let message = "0: it kept changing while it was read";
    assert!(problems(&report).iter().any(|problem| problem == message), "{report:?}");
}

#[test]
fn any_write_or_change_of_attributes_is_seen() {
    let scene = Scene::with_source();
    let path = scene.write("f", "one");
    let stat = || source::look(&path).unwrap();
    let before = stat();
    fs::read(&path).unwrap();
    assert!(before.unchanged(&stat()));
    // Longer than the time stamps' granularity.
    std::thread::sleep(Duration::from_millis(20));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let after = stat();
    assert!(!before.unchanged(&after));
    std::thread::sleep(Duration::from_millis(20));
    fs::write(&path, "two").unwrap();
    assert!(!after.unchanged(&stat()));
}

#[test]
fn a_symlink_may_name_the_source_but_must_lead_somewhere() {
    let scene = Scene::with_source();
    scene.write("f", "f");
    let link = scene.path("link");
    symlink(scene.source(), &link).unwrap();
    assert_eq!(take_in(&link, &scene.store, &scene.options()).unwrap().files, 1);
    let bad = scene.path("absent");
    let error = take_in(&bad, &scene.store, &scene.options()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {} to ingest it", bad.display()));
}
