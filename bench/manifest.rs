//! What a manifest of a million names costs: to open, to look up in, to compare.
//!
//! `cargo bench --bench manifest`. "path" is `Manifest::find`; "names" is what a resolution does, a
//! `Manifest::lookup` for each name of the path. "one" asks for one path over and over, "thousand"
//! for a thousand of them in turn, "all" for a new one each time.

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use vrift_cas::Digest;
use vrift_vfs::manifest::{Builder, Kind, Manifest, Node, diff};

/// 1000 packages of 10 directories of 99 files: 1,001,002 names with the two above.
const PACKAGES: u32 = 1000;
const DIRECTORIES: u32 = 10;
const FILES: u32 = 99;

fn directory() -> Node {
    Node { kind: Kind::Directory, mode: 0o755, nlink: 2, size: 4096, ..Node::default() }
}

fn path_of(number: u32) -> Vec<u8> {
    let (package, rest) = (number / (DIRECTORIES * FILES), number % (DIRECTORIES * FILES));
    let (dir, file) = (rest / FILES, rest % FILES);
    format!("usr/share/package-{package:04}/part-{dir}/file-{file:02}.txt").into_bytes()
}

/// Writes the manifest; in the second edition ten files are others.
fn write(path: &Path, edition: u32) {
    let mut builder = Builder::new(directory());
    let usr = builder.add(directory());
    builder.add_name(builder.root(), b"usr", usr);
    let share = builder.add(directory());
    builder.add_name(usr, b"share", share);
    for package in 0..PACKAGES {
        let above = builder.add(directory());
        builder.add_name(share, format!("package-{package:04}").as_bytes(), above);
        for part in 0..DIRECTORIES {
            let dir = builder.add(directory());
            builder.add_name(above, format!("part-{part}").as_bytes(), dir);
            for file in 0..FILES {
                let number = (package * DIRECTORIES + part) * FILES + file;
                let edited = number % (PACKAGES * DIRECTORIES * FILES / 10) == 7;
                let version = if edited { edition } else { 0 };
                let node = Node {
                    mode: 0o644,
                    size: u64::from(number),
                    digest: Digest::of(&[number.to_le_bytes(), version.to_le_bytes()].concat()),
                    ..Node::default()
                };
                let draft = builder.add(node);
                builder.add_name(dir, format!("file-{file:02}.txt").as_bytes(), draft);
            }
        }
    }
    builder.write(path).expect("the directory is new");
}

/// What of the file at `path` is in this process's memory, in KiB.
fn resident(path: &Path) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").expect("every process may read its own");
    let name = path.to_string_lossy();
    let mut lines = maps.lines().skip_while(|line| !line.ends_with(&*name));
    let rss = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap_or("0 kB");
    rss.trim().trim_end_matches(" kB").parse().expect("the kernel writes a number")
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn names(manifest: &Manifest, path: &[u8]) -> bool {
    let mut at = Some(manifest.root());
    for name in path.split(|&byte| byte == b'/') {
        let Some(dir) = at else { return false };
        at = manifest.lookup(dir, name).expect("the manifest is whole");
    }
    at.is_some()
}

fn find(manifest: &Manifest, path: &[u8]) -> bool {
    manifest.find(path).expect("the manifest is whole").is_some()
}

fn lookups(c: &mut Criterion, manifest: &Manifest) {
    let count = PACKAGES * DIRECTORIES * FILES;
    // Far apart from each other, so that no cache line serves twice.
    let paths = |many: u32| (0..many).map(move |n| path_of((n * 7_919_981) % count));
    let there: [(&str, Vec<Vec<u8>>); 3] = [
        ("one", paths(1).collect()),
        ("thousand", paths(1000).collect()),
        ("all", paths(count).collect()),
    ];
    type Way = fn(&Manifest, &[u8]) -> bool;
    let ways: [(&str, Way); 2] = [("path", find), ("names", names)];
    let mut group = c.benchmark_group("lookup");
    for (way, look) in ways {
        for (which, paths) in &there {
            let mut next = paths.iter().cycle();
            group.bench_function(format!("{way}, {which}"), |b| {
                b.iter(|| look(manifest, black_box(next.next().expect("it cycles"))));
            });
        }
        let absent: Vec<_> = there[1].1.iter().map(|path| [path, &b"x"[..]].concat()).collect();
        let mut next = absent.iter().cycle();
        group.bench_function(format!("{way}, absent"), |b| {
            b.iter(|| look(manifest, black_box(next.next().expect("it cycles"))));
        });
    }
    group.finish();
}

fn manifests(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("there is a place for temporary files");
    let paths: [PathBuf; 2] = ["first", "second"].map(|name| dir.path().join(name));
    for (path, edition) in paths.iter().zip(0..) {
        write(path, edition);
    }
    let opened = Manifest::open(&paths[0]).expect("it was just written");
    let size = fs::metadata(&paths[0]).expect("it was just written").len();
    say(&format!(
        "{} nodes in {} MB; {} KiB of them in memory after opening",
        opened.len(),
        size / 1_000_000,
        resident(&paths[0])
    ));
    c.bench_function("open", |b| b.iter(|| Manifest::open(&paths[0]).expect("it is whole").len()));
    let other = Manifest::open(&paths[1]).expect("it was just written");
    let mut found = 0;
    let start = std::time::Instant::now();
    diff(&opened, &other, &mut |_, _| found += 1).expect("both are whole");
    say(&format!("the first diff, which hashes both: {:?} for {found} changes", start.elapsed()));
    let mut group = c.benchmark_group("whole");
    group.sample_size(10);
    group.bench_function("diff", |b| {
        b.iter(|| diff(&opened, &other, &mut |_, _| {}).expect("both are whole"));
    });
    group.finish();
    lookups(c, &opened);
}

criterion_group!(benches, manifests);
criterion_main!(benches);
