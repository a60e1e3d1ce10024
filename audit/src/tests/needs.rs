//! What a run needed of its host, and to which packages that belongs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use super::folding::{access, folded};
use crate::deps::{Dpkg, Need, Package, needed};
use crate::*;

#[test]
fn what_was_there_and_was_used_is_needed() {
    let done = Outcome::Done;
    let in_mount = |event: Event| match event {
        Event::File(a) => Event::File(Access { verdict: Verdict::Content, ..a }),
        other => other,
    };
    let model = folded(&[
        (1, Event::Started { child: 1, kin: Kin::Root }),
        (1, access(Act::Execute, "/usr/bin/cc", None, done)),
        (1, access(Act::Probe, "/usr/include", None, done)),
        (1, access(Act::Probe, "/usr/none", None, Outcome::Failed(2))),
        (1, access(Act::Read, "/proc/meminfo", None, done)),
        (1, access(Act::ReadWrite, "/dev/null", None, done)),
        (1, access(Act::Read, "/device-tree", None, done)),
        (1, in_mount(access(Act::Read, "/vrift/a.c", None, done))),
        (1, access(Act::Create, "/src/a.o", None, done)),
        (1, access(Act::Read, "/src/a.o", None, done)),
        (1, access(Act::Probe, "/src/log", None, done)),
        (1, access(Act::Replace, "/src/log", None, done)),
        (1, access(Act::Create, "/out/new", None, done)),
        (1, access(Act::Create, "/out/new/deep", None, done)),
        (1, access(Act::Create, "/out/new/deep/x", None, done)),
        (1, access(Act::Create, "/top", None, done)),
        (1, access(Act::Remove, "/old/x", None, done)),
    ]);
    let found: Vec<_> = needed(&model).into_iter().map(|(p, need)| (p.to_string(), need)).collect();
    assert_eq!(
        found,
        [
            ("/device-tree".to_owned(), Need::Content(None)),
            ("/old".to_owned(), Need::Presence),
            ("/old/x".to_owned(), Need::Presence),
            ("/out".to_owned(), Need::Presence),
            ("/src".to_owned(), Need::Presence),
            ("/usr/bin/cc".to_owned(), Need::Content(None)),
            ("/usr/include".to_owned(), Need::Presence),
        ]
    );
}

#[test]
fn packages_are_found_by_the_lists_of_dpkg_also_through_a_merged_usr() {
    let root = tempfile::tempdir().unwrap();
    let info = root.path().join("var/lib/dpkg/info");
    assert!(Dpkg::open(root.path()).unwrap().is_none());
    fs::create_dir_all(&info).unwrap();
    symlink("usr/lib", root.path().join("lib")).unwrap();
    fs::write(info.join("libc6:amd64.list"), "/.\n/lib\n/lib/x/libc.so.6\n/usr/share/doc\n")
        .unwrap();
    fs::write(info.join("gcc.list"), "/usr/bin/gcc\n/usr/share/doc\n").unwrap();
    fs::write(info.join("gcc.md5sums"), "/usr/bin/other\n").unwrap();
    let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n\
                  Package: gcc\nArchitecture: amd64\nVersion: 4:12.2\nDescription: x\n Version: no\n";
    fs::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
    let database = Dpkg::open(root.path()).unwrap().unwrap();
    let files = ["/usr/lib/x/libc.so.6", "/usr/bin/gcc", "/usr/bin/other", "/usr/share/doc"];
    let files: Vec<Text> = files.into_iter().map(Text::from).collect();
    let files: BTreeSet<&Text> = files.iter().collect();
    let owners = database.owners(&files).unwrap();
    let package =
        |name: &str, version: &str| Package { name: name.into(), version: version.into() };
    let (libc, gcc) = (package("libc6:amd64", "2.36-9"), package("gcc", "4:12.2"));
    let found: Vec<_> = owners.into_iter().map(|(path, all)| (path.to_string(), all)).collect();
    assert_eq!(
        found,
        [
            ("/usr/bin/gcc".to_owned(), vec![gcc.clone()]),
            ("/usr/lib/x/libc.so.6".to_owned(), vec![libc.clone()]),
            ("/usr/share/doc".to_owned(), vec![gcc, libc]),
        ]
    );
}

/// A file of one package that another has put its own in the place of has another path.
#[test]
fn files_that_are_diverted_are_of_the_package_that_brought_them() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("var/lib/dpkg");
    fs::create_dir_all(place.join("info")).unwrap();
    fs::write(place.join("info/libpq-dev:amd64.list"), "/usr/bin/config\n/usr/bin/plain\n")
        .unwrap();
    fs::write(place.join("info/common:amd64.list"), "/usr/bin/config\n").unwrap();
    let diversions =
        "/usr/bin/config\n/usr/bin/config.dev\ncommon\n/usr/bin/plain\n/usr/bin/plain.real\n:\n";
    fs::write(place.join("diversions"), diversions).unwrap();
    let database = Dpkg::open(root.path()).unwrap().unwrap();
    let files = ["/usr/bin/config", "/usr/bin/config.dev", "/usr/bin/plain", "/usr/bin/plain.real"];
    let files: Vec<Text> = files.into_iter().map(Text::from).collect();
    let owners = database.owners(&files.iter().collect()).unwrap();
    let found: Vec<_> = owners
        .iter()
        .flat_map(|(path, all)| all.iter().map(move |one| format!("{} {path}", one.name)))
        .collect();
    assert_eq!(
        found,
        [
            "common:amd64 /usr/bin/config",
            "libpq-dev:amd64 /usr/bin/config.dev",
            "libpq-dev:amd64 /usr/bin/plain.real",
        ]
    );
}
