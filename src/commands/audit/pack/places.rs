//! Where the packed files are to be mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use vrift_cas::Digest;

use super::{Want, Wanted};

/// A directory, and what in it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it is mounted.
    pub(super) point: PathBuf,
    /// The name of its manifest.
    pub(super) file: OsString,
    /// The paths in it, relative to it.
    pub(super) inside: BTreeSet<PathBuf>,
}

/// How long the names of directories in the name of a manifest may be, with all that is put to it.
const NAME_BYTES_MAX: usize = 200;

/// Where the wanted paths lie: for each top-level directory the deepest one that has them all in it. What only
/// has something wanted in it, or the directory the command is run in, must be there anyway; but who lists a
/// directory sees what is mounted at it or above, and not what is mounted in it.
pub(super) fn points(wanted: &Wanted, listed: &BTreeSet<PathBuf>, cwd: &Path) -> BTreeSet<PathBuf> {
    let above = |path: &Path| path.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>();
    let mut on_the_way: BTreeSet<PathBuf> = wanted.keys().flat_map(|path| above(path)).collect();
    on_the_way.extend(cwd.ancestors().map(Path::to_owned));
    let is_goal =
        |path: &Path, want: &Want| matches!(want, Want::Content(_)) || !on_the_way.contains(path);
    let goals = wanted.iter().filter(|(path, want)| is_goal(path, want));
    let directories = goals.filter_map(|(path, _)| path.parent());
    let mut points: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let all = directories.chain(listed.iter().map(PathBuf::as_path));
    for directory in all.filter(|directory| directory.parent().is_some()) {
        let top: PathBuf = directory.components().take(2).collect();
        points
            .entry(top)
            .and_modify(|point| *point = common(point, directory))
            .or_insert_with(|| directory.to_owned());
    }
    points.into_values().collect()
}

/// The places at these points.
pub(super) fn of(points: BTreeSet<PathBuf>, wanted: &Wanted) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for point in points {
        let paths = wanted.keys().filter_map(|path| path.strip_prefix(&point).ok());
        let inside = paths.filter(|path| !path.as_os_str().is_empty());
        let inside = inside.map(Path::to_owned).collect();
        let file = file_name(&point, &places);
        places.push(Place { point, file, inside });
    }
    places
}

/// The names of the directories with dashes between them. If that is too long, or another place has it
/// (`/a/b`, `/a-b`), the digest of the point tells it apart.
fn file_name(point: &Path, others: &[Place]) -> OsString {
    let names = point.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.as_bytes()),
        _ => None,
    });
    let name = names.collect::<Vec<_>>().join(&b'-');
    let file = |name: &[u8]| OsString::from_vec([name, &b".vrift"[..]].concat());
    let plain = file(&name);
    if name.len() <= NAME_BYTES_MAX && others.iter().all(|place| place.file != plain) {
        return plain;
    }
    let digest = Digest::of(point.as_os_str().as_bytes()).to_string();
    let short = &name[..name.len().min(NAME_BYTES_MAX)];
    file(&[short, b"-", &digest.as_bytes()[..16]].concat())
}

fn common(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(wanted: &[(&str, Want)], cwd: &str) -> Vec<(String, String, usize)> {
        let wanted: Wanted =
            wanted.iter().map(|&(path, want)| (PathBuf::from(path), want)).collect();
        let text = |name: OsString| name.into_string().expect("it is UTF-8");
        let points = points(&wanted, &BTreeSet::new(), Path::new(cwd));
        let places = of(points, &wanted).into_iter();
        places.map(|one| (text(one.file), text(one.point.into()), one.inside.len())).collect()
    }

    fn place(file: &str, point: &str, inside: usize) -> (String, String, usize) {
        (file.to_owned(), point.to_owned(), inside)
    }

    #[test]
    fn places_are_as_deep_as_what_is_wanted_allows() {
        let (content, name) = (Want::Content(None), Want::Name);
        let wanted = [
            ("/usr/bin/cc", content),
            ("/usr/lib/x/libc.so.6", content),
            ("/usr", name),
            ("/home", name),
            ("/home/me", name),
            ("/home/me/src/a.c", content),
            ("/home/me/src/include/a.h", content),
            ("/home/me/src/build", name),
            ("/tmp", name),
            ("/opt", name),
            ("/opt/tool/share", name),
            ("/srv/work", name),
            ("/top.c", content),
        ];
        assert_eq!(
            placed(&wanted, "/srv/work"),
            [
                place("home-me-src.vrift", "/home/me/src", 3),
                place("opt-tool.vrift", "/opt/tool", 1),
                place("usr.vrift", "/usr", 2),
            ]
        );
    }

    #[test]
    fn a_name_that_was_only_found_is_in_a_place() {
        let (content, name) = (Want::Content(None), Want::Name);
        let wanted = [("/home/me/src/a.c", content), ("/home/me/build", name)];
        assert_eq!(placed(&wanted, "/home/me"), [place("home-me.vrift", "/home/me", 2)]);
    }

    #[test]
    fn a_directory_that_was_listed_is_in_a_place() {
        let wanted: Wanted = [(PathBuf::from("/home/me/src/a.c"), Want::Content(None))].into();
        let listed = ["/", "/home/me", "/tmp"].map(PathBuf::from).into();
        let found = points(&wanted, &listed, Path::new("/home/me"));
        assert_eq!(found, ["/home/me", "/tmp"].map(PathBuf::from).into());
    }

    #[test]
    fn manifests_of_two_places_have_two_names() {
        let content = Want::Content(None);
        let long = format!("/home/{}/{}/a.c", "x".repeat(200), "y".repeat(200));
        let found = placed(&[("/a/b/x", content), ("/a-b/x", content), (&long, content)], "/");
        let files: Vec<&str> = found.iter().map(|(file, ..)| &file[..]).collect();
        assert_eq!(files[0], "a-b.vrift");
        assert!(files[1].starts_with("a-b-") && files[1] != files[2], "{files:?}");
        assert!(files[2].len() <= 255, "{files:?}");
    }
}
