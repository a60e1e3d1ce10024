//! What must not cost memory: looking up in a manifest, opening a large one, and finding out that a
//! tree has not changed.
//!
//! A binary of its own, because it counts allocations by being the allocator. Each thread counts
//! for itself, so tests may run beside each other.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::num::NonZero;

use vrift_cas::{Durability, Store};
use vrift_vfs::ingest::{Options, Progress, ingest};
use vrift_vfs::manifest::{Builder, Kind, Manifest, Node, NodeId};

/// The system's allocator, with a counter per thread.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; every block came from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates.
fn allocations<T>(work: impl FnOnce() -> T) -> u64 {
    let before = COUNT.with(Cell::get);
    black_box(work());
    COUNT.with(Cell::get) - before
}

/// A manifest of `directories` with a hundred files each, and where it is.
fn manifest(directories: u32) -> (tempfile::TempDir, Manifest) {
    let scene = tempfile::tempdir().expect("there is a place for temporary files");
    let directory = Node { kind: Kind::Directory, ..Node::default() };
    let mut builder = Builder::new(directory);
    for dir in 0..directories {
        let above = builder.add(directory);
        builder.add_name(builder.root(), format!("dir-{dir}").as_bytes(), above);
        for file in 0..100 {
            let draft = builder.add(Node::default());
            builder.add_name(above, format!("file-{file}").as_bytes(), draft);
            builder.set_xattrs(draft, vec![(b"user.k"[..].into(), b"v"[..].into())]);
        }
    }
    let path = scene.path().join("m.vrift");
    builder.write(&path).expect("the directory is new");
    let opened = Manifest::open(&path).expect("it was just written");
    (scene, opened)
}

#[test]
fn lookups_do_not_allocate() {
    assert_eq!(allocations(|| Box::new(7)), 1, "the counter counts");
    // Read into memory, and mapped.
    for directories in [3, 200] {
        let (_scene, manifest) = manifest(directories);
        let count = allocations(|| {
            let dir = manifest.find(b"dir-2").unwrap().unwrap();
            let file = manifest.find(b"dir-2/file-77").unwrap().unwrap();
            assert_eq!(manifest.lookup(dir, b"file-77").unwrap(), Some(file));
            assert_eq!(manifest.lookup(dir, b"file-777").unwrap(), None);
            assert_eq!(manifest.find(b"dir-2/file-777").unwrap(), None);
            assert_eq!(manifest.node(file).unwrap().nlink, 1);
            assert_eq!(manifest.xattr(file, b"user.k").unwrap(), Some(&b"v"[..]));
            assert_eq!(
                (manifest.name_of(dir).unwrap(), manifest.parent(dir).unwrap()),
                (&b"dir-2"[..], NodeId(0))
            );
            manifest.entries(dir, 0).unwrap().map(|entry| entry.unwrap().name.len()).sum::<usize>()
        });
        assert_eq!(count, 0);
    }
}

#[test]
fn opening_a_large_manifest_leaves_it_where_it_is() {
    let (scene, manifest) = manifest(1000);
    let path = scene.path().join("m.vrift");
    let size = fs::metadata(&path).unwrap().len() / 1024;
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    // A fault may bring in what the page cache has around it, up to 2 MiB.
    let mut lines = maps.lines().skip_while(|line| !line.ends_with(&*path.to_string_lossy()));
    let rss = lines.find_map(|line| line.strip_prefix("Rss:")).expect("it is mapped");
    let rss: u64 = rss.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(size > 20_000 && rss < size / 5, "{rss} KiB of {size}");
    let again = allocations(|| Manifest::open(&path).unwrap().len());
    assert!(again < 20 && manifest.len() == 101_001, "{again} allocations");
}

#[test]
fn an_unchanged_tree_is_compared_where_its_manifest_lies() {
    const FILES: u64 = 2000;
    let scene = tempfile::tempdir().unwrap();
    let (tree, manifest) = (scene.path().join("tree"), scene.path().join("m.vrift"));
    for number in 0..FILES {
        let dir = tree.join((number / 100).to_string());
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(number.to_string()), number.to_le_bytes()).unwrap();
    }
    let store = Store::create(scene.path().join("store")).unwrap();
    let store = store.with_durability(Durability::Batched);
    // On this thread, which is the one that counts.
    let options = Options { jobs: Some(NonZero::<usize>::MIN), ..Options::new(manifest) };
    let again =
        || ingest(std::slice::from_ref(&tree), &store, &options, &Progress::default()).unwrap();
    const ATTEMPTS: usize = 2000;
    let known = (0..ATTEMPTS).find(|_| again().unchanged == FILES);
    assert!(known.is_some(), "files that nobody touches are still read");
    let mut unchanged = 0;
    let count = allocations(|| unchanged = again().unchanged);
    assert_eq!(unchanged, FILES);
    assert!(count < FILES / 2, "{count} allocations for {FILES} files");
}
