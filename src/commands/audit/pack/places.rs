//! Where the packed files are to be mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use super::{Want, Wanted};

/// A directory, and what in it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it is mounted.
    pub(super) point: PathBuf,
    /// The paths in it, relative to it.
    pub(super) inside: BTreeSet<PathBuf>,
}

impl Place {
    /// The name of its manifest: the names of the directories with dashes between them.
    pub(super) fn file_name(&self) -> OsString {
        let names = self.point.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.as_bytes()),
            _ => None,
        });
        let name = names.collect::<Vec<_>>().join(&b'-');
        OsString::from_vec([&name, &b".vrift"[..]].concat())
    }
}

/// The places of what is wanted: for each top-level directory the deepest one that has all contents in it. A
/// top-level directory of which only names are wanted has none.
pub(super) fn of(wanted: &Wanted) -> Vec<Place> {
    let mut points: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for (path, _) in wanted.iter().filter(|(_, want)| matches!(want, Want::Content(_))) {
        let Some(directory) = path.parent().filter(|parent| parent.parent().is_some()) else {
            continue;
        };
        let top: PathBuf = directory.components().take(2).collect();
        points
            .entry(top)
            .and_modify(|point| *point = common(point, directory))
            .or_insert_with(|| directory.to_owned());
    }
    let mut places: Vec<Place> = points
        .into_values()
        .map(|point| {
            let paths = wanted.keys().filter_map(|path| path.strip_prefix(&point).ok());
            let inside = paths.filter(|path| !path.as_os_str().is_empty());
            Place { inside: inside.map(Path::to_owned).collect(), point }
        })
        .collect();
    places.sort_by(|a, b| a.point.cmp(&b.point));
    places
}

fn common(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_as_deep_as_the_contents_allow() {
        let content = Want::Content(None);
        let wanted: Wanted = [
            ("/usr/bin/cc", content),
            ("/usr/lib/x/libc.so.6", content),
            ("/usr", Want::Name),
            ("/home", Want::Name),
            ("/home/me/src/a.c", content),
            ("/home/me/src/include/a.h", content),
            ("/tmp", Want::Name),
            ("/top.c", content),
        ]
        .into_iter()
        .map(|(path, want)| (PathBuf::from(path), want))
        .collect();
        let found: Vec<_> = of(&wanted)
            .into_iter()
            .map(|place| (place.file_name().into_string(), place.point, place.inside.len()))
            .collect();
        let place = |name: &str, point: &str, inside| (Ok(name.to_owned()), point.into(), inside);
        assert_eq!(
            found,
            [place("home-me-src.vrift", "/home/me/src", 2), place("usr.vrift", "/usr", 2)]
        );
    }
}
