//! What is read of a directory of the host, when, and what stays.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

struct Scene {
    dir: tempfile::TempDir,
    lower: Lower,
}

impl Scene {
    fn new() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        for file in ["a", "b", "d/f"] {
            fs::write(dir.path().join(file), file).unwrap();
        }
        fs::hard_link(dir.path().join("a"), dir.path().join("d/a")).unwrap();
        symlink("a", dir.path().join("l")).unwrap();
        let lower = Lower::open(dir.path()).unwrap();
        Scene { dir, lower }
    }

    fn find(&self, path: &str) -> Option<NodeId> {
        path.split('/')
            .try_fold(NodeId::ROOT, |at, name| self.lower.lookup(at, name.as_bytes()).unwrap())
    }

    fn names(&self, dir: NodeId, from: u64) -> Vec<(u64, String)> {
        let listing = self.lower.entries(dir, from).unwrap();
        let at = |position| Some((position, listing.get(position)?));
        (from..)
            .map_while(at)
            .filter_map(|(at, listed)| Some((at, String::from_utf8_lossy(&listed?.name).into())))
            .collect()
    }

    fn pin(&self, path: &str) -> NodeId {
        let id = self.find(path).unwrap();
        let (dir, name) = self.lower.slot_of(id).unwrap().unwrap();
        self.lower.pin(id, dir, &name, self.lower.keepsake(id).unwrap());
        id
    }
}

#[test]
fn nothing_is_read_that_nobody_asks_for() {
    let scene = Scene::new();
    let known = || scene.lower.known.lock().nodes.len();
    assert_eq!(known(), 1, "the root");
    let d = scene.find("d").unwrap();
    assert_eq!(known(), 2);
    assert_eq!(scene.find("d/nothing"), None);
    assert_eq!(known(), 2);
    scene.names(d, 0);
    assert_eq!(known(), 4, "the names of one directory");
}

#[test]
fn names_of_one_file_are_one_node_and_a_moved_file_keeps_its_number() {
    let scene = Scene::new();
    let (a, b) = (scene.find("a").unwrap(), scene.find("b").unwrap());
    assert_eq!(scene.find("d/a"), Some(a));
    assert_eq!(scene.lower.path_of(a).unwrap(), scene.lower.root().join("a"), "the first name");
    fs::rename(scene.dir.path().join("b"), scene.dir.path().join("d/B")).unwrap();
    assert_eq!(scene.find("d/B"), Some(b));
    assert_eq!(scene.lower.path_of(b).unwrap(), scene.lower.root().join("d/B"));
    assert_eq!(scene.find("b"), None);
}

#[test]
fn what_is_pinned_stays_and_the_rest_is_the_hosts() {
    let scene = Scene::new();
    let (a, l) = (scene.pin("a"), scene.pin("l"));
    let before = scene.lower.node(a).unwrap();
    fs::write(scene.dir.path().join("new"), "longer").unwrap();
    fs::rename(scene.dir.path().join("new"), scene.dir.path().join("a")).unwrap();
    fs::remove_file(scene.dir.path().join("l")).unwrap();
    fs::write(scene.dir.path().join("b"), "longer").unwrap();
    assert_eq!((scene.find("a"), scene.find("l")), (Some(a), Some(l)));
    assert_eq!(scene.lower.node(a).unwrap(), before);
    assert_eq!(scene.lower.target(l).unwrap(), b"a");
    assert!(!scene.lower.stands(a).unwrap() && !scene.lower.stands(l).unwrap());
    assert_eq!(scene.lower.node(scene.find("b").unwrap()).unwrap().size, 6);
    let mut names: Vec<_> = scene.names(NodeId::ROOT, 0).into_iter().map(|(_, n)| n).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "d", "l"], "a pinned name is listed though it is gone");
}

#[test]
fn a_file_that_takes_the_number_of_a_pinned_one_is_another_node() {
    let scene = Scene::new();
    let b = scene.pin("b");
    // The same inode under a name it did not have: as if the number had been used again.
    fs::rename(scene.dir.path().join("b"), scene.dir.path().join("other")).unwrap();
    let other = scene.find("other").unwrap();
    assert_ne!(other, b);
    assert_eq!(scene.find("other"), Some(other), "and stays that");
}

#[test]
fn names_keep_their_positions_from_one_listing_to_the_next() {
    let scene = Scene::new();
    for n in 0..50 {
        fs::write(scene.dir.path().join(format!("n{n}")), "").unwrap();
    }
    let before = scene.names(NodeId::ROOT, 0);
    fs::remove_file(scene.dir.path().join("n7")).unwrap();
    fs::write(scene.dir.path().join("late"), "").unwrap();
    assert_eq!(scene.names(NodeId::ROOT, 1).len(), before.len() - 1, "it goes on as it was read");
    let after = scene.names(NodeId::ROOT, 0);
    for one in before.iter().filter(|(_, name)| name != "n7") {
        assert!(after.contains(one), "{one:?}");
    }
    assert_eq!(after.last().unwrap().1, "late");
    assert_eq!(after.len(), before.len());
}
