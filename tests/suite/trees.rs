//! Trees that are hard to copy, or many files, for tests of ingest and export.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;
use rustix::fs::{XattrFlags, lsetxattr};

use crate::kit::{listed, root};
use crate::noise::noise;
use crate::zoo::write;

/// One of everything a directory can hold, with the names, modes, owners, times and attributes
/// that programs get wrong. As root also devices, owners and the system's attributes.
pub(crate) fn hostile(top: &Path) {
    fs::create_dir_all(top.join("empty/m/p/t/y")).expect("a new directory");
    let long = vec![b'x'; 255];
    for name in [&b"new\nline"[..], b"bad\xff\xfe", b" ", b"-rf", b"*", b"back\\slash", &long] {
        write(&top.join(OsStr::from_bytes(name)), name);
    }
    let at = |name: &str| top.join(name);
    let deep = top.join("deep").join("d".repeat(200)).join("e".repeat(200));
    fs::create_dir_all(&deep).expect("a new directory");
    write(&deep.join("f"), b"far down");
    for (target, name) in [("nowhere", "dangling"), ("../..", "up"), ("empty", "dir")] {
        symlink(target, at(name)).expect("a new link");
    }
    write(&at("h1"), b"hard");
    fs::hard_link(at("h1"), at("empty/h2")).expect("a hard link");
    fs::hard_link(at("h1"), at("a-h3")).expect("a hard link");
    nix::unistd::mkfifo(&at("fifo"), Mode::from_bits_truncate(0o620)).expect("a FIFO");
    drop(UnixListener::bind(at("s")));
    sparse(&at("sparse"));
    write(&at("zero"), b"");
    write(&at("large"), &noise(3 << 20, 1));
    owners(top);
    for (name, mode) in
        [("zero", 0o4755), ("-rf", 0o000), ("*", 0o2711), ("empty", 0o1777), ("deep", 0o750)]
    {
        // What its owner may not read cannot be ingested, unless root does it.
        let mode = if root() || mode != 0 { mode } else { 0o400 };
        fs::set_permissions(at(name), Permissions::from_mode(mode)).expect("it is ours");
    }
    accessed(top);
    times(top);
}

/// 5 MiB with a byte in the middle, and a hole at the end.
fn sparse(path: &Path) {
    let file = File::create(path).expect("a new file");
    file.set_len(5 << 20).expect("it is ours");
    file.write_all_at(b"X", 2_000_000).expect("it is ours");
}

/// Attributes; a file system without them leaves them out.
fn owners(top: &Path) {
    let set = |name: &str, key: &str, value: &[u8]| {
        let _ = lsetxattr(top.join(name), key, value, XattrFlags::empty());
    };
    set("h1", "user.bytes", b"\0\xff=%\n");
    set("large", "user.empty", b"");
    set("empty", "user.dir", b"d");
    if !root() {
        return;
    }
    chown(top.join("h1"), Some(1234), Some(4321)).expect("root may do it");
    lchown(top.join("dangling"), Some(5), Some(6)).expect("root may do it");
    set(
        "zero",
        "security.capability",
        &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    set("dangling", "trusted.link", b"of-a-link");
    set("fifo", "trusted.fifo", b"of-a-FIFO");
    let entry = |tag: u16, rights: u16, id: u32| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let acl =
        [(1, 6, u32::MAX), (2, 4, 1000), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 4, u32::MAX)];
    let acl = acl.map(|(tag, rights, id)| entry(tag, rights, id)).concat();
    set("large", "system.posix_acl_access", &[&2u32.to_le_bytes()[..], &acl].concat());
    for (name, kind, number) in [("c", SFlag::S_IFCHR, (1, 3)), ("b", SFlag::S_IFBLK, (7, 200))] {
        let mode = Mode::from_bits_truncate(0o640);
        // A container may forbid it even to root.
        let _ = mknod(&top.join(name), kind, mode, makedev(number.0, number.1));
    }
}

/// Times of their own to the nanosecond, also before 1970, and after 2038.
fn times(top: &Path) {
    let set = |name: &str, access: (i64, i64), change: (i64, i64)| {
        let time = |(sec, nsec)| TimeSpec::new(sec, nsec);
        let flags = UtimensatFlags::NoFollowSymlink;
        utimensat(AT_FDCWD, &top.join(name), &time(access), &time(change), flags).expect("ours");
    };
    set("large", (2_000_000_000, 1), (3_000_000_000, 987_654_321));
    set("zero", (2_000_000_000, 2), (-5, 500_000_000));
    set("dangling", (2_000_000_000, 3), (222, 333));
    set("fifo", (2_000_000_000, 4), (444, 555));
    set("empty/m", (2_000_000_000, 5), (1, 2));
    set("empty", (2_000_000_000, 6), (7, 999_999_999));
}

/// What a package manager leaves: many small files, links to programs, equal files, hard links.
pub(crate) fn node_modules(top: &Path, packages: usize) {
    let bin = top.join(".bin");
    fs::create_dir_all(&bin).expect("a new directory");
    for number in 0..packages {
        let package = top.join(format!("package-{number}"));
        for inside in ["lib/internal", "dist/esm", "test"] {
            fs::create_dir_all(package.join(inside)).expect("a new directory");
        }
        write(&package.join("LICENSE"), b"the same for all\n");
        write(&package.join("package.json"), format!("{{\"n\":{number}}}\n").as_bytes());
        for file in 0..12 {
            let content = noise(200 + 97 * file, (number * 100 + file) as u64);
            let dir = ["lib", "lib/internal", "dist/esm", "test"][file % 4];
            write(&package.join(dir).join(format!("index{file}.js")), &content);
        }
        fs::hard_link(package.join("lib/index0.js"), package.join("main.js")).expect("a link");
        let program = format!("../package-{number}/main.js");
        symlink(program, bin.join(format!("program-{number}"))).expect("a new link");
    }
    accessed(top);
}

/// Gives the directories and symlinks from here on a time of access in the future, which `relatime` leaves
/// alone: reading them marks nothing. Without, who reads them in the tick of their making leaves that to the
/// next one, who finds a tree that has changed.
pub(crate) fn accessed(path: &Path) {
    let kind = fs::symlink_metadata(path).expect("it was listed").file_type();
    if kind.is_dir() {
        listed(path).iter().for_each(|path| accessed(path));
    }
    if kind.is_dir() || kind.is_symlink() {
        let (later, as_it_is) = (TimeSpec::new(2_000_000_000, 0), TimeSpec::UTIME_OMIT);
        let flags = UtimensatFlags::NoFollowSymlink;
        utimensat(AT_FDCWD, path, &later, &as_it_is, flags).expect("it is ours");
    }
}
