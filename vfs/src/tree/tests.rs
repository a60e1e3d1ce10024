//! The same changes made to a tree and to a real directory, whose names, links and errnos must
//! then agree.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::*;
use crate::attr::Timestamp;
use crate::lower::Lower;
use crate::manifest::{Builder, Draft, Manifest};

/// Numbers that look random and follow from the seed (the generator of Steele and others,
/// "SplitMix").
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

/// A real directory, and a tree that started as its manifest.
struct Twins {
    _dir: tempfile::TempDir,
    real: PathBuf,
    tree: Tree,
    clock: i64,
}

impl Twins {
    fn new() -> Twins {
        Twins::over(|real, scratch| {
            let manifest = scratch.join("m");
            describe(real).write(&manifest).unwrap();
            Manifest::open(&manifest).unwrap().into()
        })
    }

    /// The tree lies on a directory that is a copy of the real one.
    fn over_lower() -> Twins {
        Twins::over(|real, scratch| {
            let copy = scratch.join("copy");
            let done = std::process::Command::new("cp").arg("-a").args([real, &copy]).status();
            assert!(done.unwrap().success());
            Lower::open(&copy).unwrap().into()
        })
    }

    fn over(base: impl FnOnce(&Path, &Path) -> Base) -> Twins {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("tree");
        fs::create_dir_all(real.join("a/b/c")).unwrap();
        fs::create_dir_all(real.join("d")).unwrap();
        for file in ["a/f", "a/b/f", "d/g", "x"] {
            fs::write(real.join(file), file).unwrap();
        }
        fs::hard_link(real.join("a/f"), real.join("d/h")).unwrap();
        fs::hard_link(real.join("a/f"), real.join("a/b/h")).unwrap();
        symlink("nowhere", real.join("a/s")).unwrap();
        let tree = Tree::new(base(&real, dir.path()));
        Twins { _dir: dir, real, tree, clock: 0 }
    }

    fn time(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp { sec: self.clock, nsec: 0 }
    }

    /// Where a path without symlinks leads: its directory, if that is one, and its name.
    fn slot(&self, path: &Path) -> Result<Slot, Errno> {
        let mut dir = self.tree.root();
        for part in path.parent().unwrap().iter() {
            dir = self.tree.lookup(dir, part.as_bytes()).unwrap().ok_or(Errno::ENOENT)?;
            match self.tree.node(dir).unwrap().kind {
                Kind::Directory => {}
                // No symlink here leads anywhere.
                Kind::Symlink => return Err(Errno::ENOENT),
                _ => return Err(Errno::ENOTDIR),
            }
        }
        Ok(Slot::new(dir, path.file_name().unwrap().as_bytes()))
    }

    fn named(&self, path: &Path) -> Result<NodeId, Errno> {
        let at = self.slot(path)?;
        self.tree.lookup(at.dir, &at.name).unwrap().ok_or(Errno::ENOENT)
    }

    fn apply(&mut self, change: &Change) -> Result<(), Errno> {
        // What a journal would read back is applied.
        let bytes = postcard::to_stdvec(change).unwrap();
        let again: Change = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(&again, change);
        for discovery in self.tree.unsettled(change).unwrap() {
            self.tree.apply(&discovery).unwrap();
        }
        match self.tree.apply(&again) {
            Ok(()) => Ok(()),
            Err(Refusal::Contradiction(errno)) => Err(errno),
            Err(Refusal::Broken(error)) => panic!("{error:?}"),
        }
    }

    fn make(&mut self, path: &Path, kind: Kind, target: &[u8]) -> Result<(), Errno> {
        let (at, time, node) = (self.slot(path)?, self.time(), self.tree.next_id());
        let birth = Birth { kind, mode: 0o755, uid: 1, gid: 2, target: target.into(), rdev: 0 };
        self.apply(&Change::Make { node, at: Some(at), birth, time })
    }

    /// One operation on both sides; whether it succeeded.
    fn step(&mut self, random: &mut Random) -> (String, Result<(), Errno>, Result<(), Errno>) {
        let (a, b) = (path(random), path(random));
        let (real_a, real_b) = (self.real.join(&a), self.real.join(&b));
        let time = self.time();
        let errno = |result: std::io::Result<()>| {
            result.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap()))
        };
        let rename = |flags| renameat2(AT_FDCWD, &real_a, AT_FDCWD, &real_b, flags);
        let what = random.below(8);
        let (tree, real) = match what {
            0 => (self.make(&a, Kind::Directory, b""), errno(fs::create_dir(&real_a))),
            1 => (self.make(&a, Kind::File, b""), errno(fs::File::create_new(&real_a).map(drop))),
            2 => (self.make(&a, Kind::Symlink, b"t"), errno(symlink("t", &real_a))),
            3 => {
                let tree = self.named(&a).and_then(|node| {
                    let at = self.slot(&b)?;
                    // `filename_create` finds the name taken before `vfs_link` looks at the kind.
                    if self.named(&b).is_ok() {
                        return Err(Errno::EEXIST);
                    }
                    self.apply(&Change::Link { node, at, time })
                });
                (tree, errno(fs::hard_link(&real_a, &real_b)))
            }
            4 => {
                let tree = self.named(&a).and_then(|node| {
                    if self.tree.node(node).unwrap().kind == Kind::Directory {
                        return Err(Errno::EISDIR);
                    }
                    let at = self.slot(&a)?;
                    self.apply(&Change::Unlink { at, time })
                });
                (tree, errno(fs::remove_file(&real_a)))
            }
            5 => {
                let tree = self.named(&a).and_then(|node| {
                    if self.tree.node(node).unwrap().kind != Kind::Directory {
                        return Err(Errno::ENOTDIR);
                    }
                    let at = self.slot(&a)?;
                    self.apply(&Change::Unlink { at, time })
                });
                (tree, errno(fs::remove_dir(&real_a)))
            }
            6 => {
                let tree = self.slot(&a).and_then(|from| {
                    let to = self.slot(&b)?;
                    self.named(&a)?;
                    above(&self.tree, &from, &to)?;
                    self.apply(&Change::Rename { from, to, time })
                });
                (tree, rename(RenameFlags::empty()))
            }
            _ => {
                let tree = self.slot(&a).and_then(|a| {
                    let b = self.slot(&b)?;
                    self.apply(&Change::Exchange { a, b, time })
                });
                (tree, rename(RenameFlags::RENAME_EXCHANGE))
            }
        };
        (format!("{what} {} {}", a.display(), b.display()), tree, real)
    }

    /// Every path of the tree with what it leads to; equal files have equal numbers.
    fn tree_state(&self) -> BTreeMap<PathBuf, (String, u64)> {
        let mut all = BTreeMap::new();
        let mut below = vec![(PathBuf::new(), self.tree.root())];
        while let Some((path, dir)) = below.pop() {
            for entry in self.tree.entries(dir, 0).unwrap() {
                let entry = entry.unwrap();
                let node = self.tree.node(entry.node).unwrap();
                assert_eq!(node.kind, entry.kind);
                let path = path.join(OsStr::from_bytes(&entry.name));
                let one = self.tree.path_of(entry.node).unwrap().expect("it has a name");
                assert_eq!(self.named(Path::new(OsStr::from_bytes(&one))), Ok(entry.node));
                let mut what = format!("{:?} {}", node.kind, node.nlink);
                match node.kind {
                    Kind::Symlink => {
                        what += str::from_utf8(&self.tree.target(entry.node).unwrap()).unwrap();
                    }
                    Kind::Directory => {
                        assert_eq!(self.tree.parent(entry.node).unwrap(), dir);
                        assert_eq!(Some(&one[..]), Some(path.as_os_str().as_bytes()));
                        below.push((path.clone(), entry.node));
                    }
                    _ => {}
                }
                all.insert(path, (what, u64::from(entry.node.0)));
            }
        }
        all
    }

    fn real_state(&self) -> BTreeMap<PathBuf, (String, u64)> {
        let mut all = BTreeMap::new();
        let mut below = vec![PathBuf::new()];
        while let Some(dir) = below.pop() {
            for entry in fs::read_dir(self.real.join(&dir)).unwrap() {
                let path = dir.join(entry.unwrap().file_name());
                let meta = fs::symlink_metadata(self.real.join(&path)).unwrap();
                let (kind, target) = if meta.is_dir() {
                    below.push(path.clone());
                    (Kind::Directory, String::new())
                } else if meta.is_symlink() {
                    let target = fs::read_link(self.real.join(&path)).unwrap();
                    (Kind::Symlink, target.to_str().unwrap().to_owned())
                } else {
                    (Kind::File, String::new())
                };
                let what = format!("{kind:?} {}{target}", meta.nlink());
                all.insert(path, (what, meta.ino()));
            }
        }
        all
    }
}

/// What a manifest says of the tree at `real`.
fn describe(real: &Path) -> Builder {
    let node = |path: &Path| {
        let meta = fs::symlink_metadata(path).unwrap();
        let kind = match () {
            () if meta.is_dir() => Kind::Directory,
            () if meta.is_symlink() => Kind::Symlink,
            () => Kind::File,
        };
        (Node { kind, nlink: meta.nlink() as u32, size: meta.len(), ..Node::default() }, meta.ino())
    };
    let mut builder = Builder::new(node(real).0);
    let mut met: HashMap<u64, Draft> = HashMap::new();
    let mut below = vec![(real.to_owned(), builder.root())];
    while let Some((dir, at)) = below.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let (node, ino) = node(&path);
            let draft = *met.entry(ino).or_insert_with(|| match node.kind {
                Kind::Symlink => {
                    let target = fs::read_link(&path).unwrap();
                    builder.add_symlink(node, target.as_os_str().as_bytes())
                }
                _ => builder.add(node),
            });
            builder.add_name(at, path.file_name().unwrap().as_bytes(), draft);
            if node.kind == Kind::Directory {
                below.push((path, draft));
            }
        }
    }
    builder
}

/// `lock_rename` finds a target above the source before anything is looked at.
fn above(tree: &Tree, from: &Slot, to: &Slot) -> Result<(), Errno> {
    match tree.lookup(to.dir, &to.name).unwrap() {
        Some(over) if tree.is_within(from.dir, over).unwrap() => Err(Errno::ENOTEMPTY),
        _ => Ok(()),
    }
}

fn path(random: &mut Random) -> PathBuf {
    let names = ["a", "b", "c", "d", "f", "g", "h", "s", "x"];
    (0..1 + random.below(3)).map(|_| names[random.below(names.len())]).collect()
}

/// Numbers files by when they are first met, so that two sides can be compared.
fn by_identity(state: BTreeMap<PathBuf, (String, u64)>) -> Vec<(PathBuf, String, usize)> {
    let mut seen = Vec::new();
    let number = |id: u64, seen: &mut Vec<u64>| {
        seen.iter().position(|&other| other == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        })
    };
    state
        .into_iter()
        .map(|(path, (what, id))| {
            let n = number(id, &mut seen);
            (path, what, n)
        })
        .collect()
}

#[test]
fn changes_leave_what_a_real_directory_has_after_them() {
    for seed in 0..60 {
        for mut twins in [Twins::new(), Twins::over_lower()] {
            let mut random = Random(seed);
            for step in 0..120 {
                let (what, tree, real) = twins.step(&mut random);
                assert_eq!(tree, real, "seed {seed}, step {step}: {what}");
            }
            let (tree, real) = (by_identity(twins.tree_state()), by_identity(twins.real_state()));
            assert_eq!(tree, real, "seed {seed}");
        }
    }
}

#[test]
fn a_listing_goes_on_after_changes_without_losing_or_repeating_a_name() {
    for seed in 0..50 {
        let mut twins = Twins::new();
        let mut random = Random(seed);
        for n in 0..20 {
            twins.make(Path::new(&format!("a/n{n}")), Kind::File, b"").unwrap();
        }
        let dir = twins.named(Path::new("a")).unwrap();
        let list = |twins: &Twins, from| -> Vec<(u64, Vec<u8>)> {
            let entries = twins.tree.entries(dir, from).unwrap().map(Result::unwrap);
            entries.map(|entry| (entry.position, entry.name.to_vec())).collect()
        };
        let all = list(&twins, 0);
        let (mut from, mut met, mut removed) = (0, Vec::new(), Vec::new());
        while let Some((position, name)) = list(&twins, from).first().cloned() {
            met.push(name);
            from = position + 1;
            let victim = &all[random.below(all.len())].1;
            let at = Slot::new(dir, victim);
            let time = twins.time();
            if victim != b"b" && twins.apply(&Change::Unlink { at, time }).is_ok() {
                removed.push(victim.clone());
            }
        }
        let kept = all.iter().map(|(_, name)| name).filter(|name| !removed.contains(name));
        for name in kept {
            assert_eq!(met.iter().filter(|other| *other == name).count(), 1, "seed {seed}");
        }
        for name in removed {
            assert!(met.iter().filter(|other| **other == name).count() <= 1, "seed {seed}");
        }
    }
}

#[test]
fn what_has_lost_its_last_name_keeps_its_attributes_and_has_no_path() {
    let mut twins = Twins::new();
    let node = twins.named(Path::new("x")).unwrap();
    let (at, time) = (twins.slot(Path::new("x")).unwrap(), twins.time());
    twins.apply(&Change::Unlink { at, time }).unwrap();
    assert_eq!(twins.tree.path_of(node).unwrap(), None);
    assert_eq!(twins.tree.lost_path_of(node).unwrap(), Some(b"x".to_vec()));
    let left = twins.tree.node(node).unwrap();
    assert_eq!((left.nlink, left.size, left.ctime), (0, 1, time));
    let dir = twins.named(Path::new("a/b/c")).unwrap();
    let (at, time) = (twins.slot(Path::new("a/b/c")).unwrap(), twins.time());
    twins.apply(&Change::Unlink { at, time }).unwrap();
    let inside = Change::Make {
        node: twins.tree.next_id(),
        at: Some(Slot::new(dir, b"late")),
        birth: Birth { kind: Kind::File, mode: 0, uid: 0, gid: 0, target: [].into(), rdev: 0 },
        time,
    };
    assert_eq!(twins.apply(&inside), Err(Errno::ENOENT), "nothing is made in a removed directory");
    assert!(twins.tree.entries(dir, 0).unwrap().next().is_none());
}
