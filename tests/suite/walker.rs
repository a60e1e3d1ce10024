//! What a tree is, in text: its own walker, which knows nothing of vrift's, so that it can judge
//! ingest and export. And file systems to try them on.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_NOATIME, O_NOFOLLOW};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{ioctl_getflags, lgetxattr, llistxattr};

use crate::kit::{Sandbox, have, root, run, skipped};

/// How much of a tree is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What a copy can have in common with its original.
    Copy,
    /// Everything that can tell whether someone was there: times of access and change, inode
    /// numbers, what is occupied, and the flags that `lsattr` shows.
    Traces,
}

/// One line for each name below `top`, by path. Hard links are told by the first of their names.
pub(crate) fn describe(top: &Path, detail: Detail) -> String {
    let mut walk = Walk { top, detail, first: BTreeMap::new(), text: String::new() };
    walk.visit(top);
    walk.text
}

struct Walk<'a> {
    top: &'a Path,
    detail: Detail,
    first: BTreeMap<(u64, u64), PathBuf>,
    text: String,
}

impl Walk<'_> {
    fn visit(&mut self, path: &Path) {
        let meta = fs::symlink_metadata(path).expect("it was just listed");
        let kind = meta.file_type();
        let inside = path.strip_prefix(self.top).expect("it is below the top").to_owned();
        let _ = write!(
            self.text,
            "{inside:?} {:o} {}:{} links {} mtime {}.{:09} ",
            meta.mode(),
            meta.uid(),
            meta.gid(),
            if kind.is_dir() { 0 } else { meta.nlink() },
            meta.mtime(),
            meta.mtime_nsec()
        );
        if !kind.is_dir() && meta.nlink() > 1 {
            let first = self.first.entry((meta.dev(), meta.ino())).or_insert(inside);
            let _ = write!(self.text, "same as {first:?} ");
        }
        for (name, value) in xattrs(path) {
            let _ = write!(self.text, "{name:?}={} ", value.escape_ascii());
        }
        if kind.is_char_device() || kind.is_block_device() {
            let _ = write!(self.text, "device {:x} ", meta.rdev());
        } else if kind.is_symlink() {
            let _ = write!(self.text, "-> {:?} ", fs::read_link(path).expect("it is a link"));
        } else if kind.is_file() {
            let _ = write!(self.text, "{} bytes {} ", meta.len(), digest(path));
        }
        if self.detail == Detail::Traces {
            self.traces(path, &meta);
        }
        self.text.push('\n');
        if kind.is_dir() {
            let listed = fs::read_dir(path).into_iter().flatten().flatten();
            let mut names: Vec<_> = listed.map(|entry| entry.path()).collect();
            names.sort();
            names.iter().for_each(|name| self.visit(name));
        }
    }

    fn traces(&mut self, path: &Path, meta: &fs::Metadata) {
        let flags = match meta.is_file() || meta.is_dir() {
            true => File::open(path).ok().and_then(|file| ioctl_getflags(file).ok()),
            false => None,
        };
        let _ = write!(
            self.text,
            "inode {} blocks {} atime {}.{:09} ctime {}.{:09} flags {flags:?}",
            meta.ino(),
            meta.blocks(),
            meta.atime(),
            meta.atime_nsec(),
            meta.ctime(),
            meta.ctime_nsec()
        );
    }
}

fn xattrs(path: &Path) -> Vec<(CString, Vec<u8>)> {
    let mut names = vec![0; 1 << 16];
    let length = llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut found = Vec::new();
    for name in names[..length].split_inclusive(|&byte| byte == 0) {
        let name = CStr::from_bytes_with_nul(name).expect("each name ends with a zero");
        let mut value = vec![0; 1 << 16];
        let length = lgetxattr(path, name, &mut value[..]).unwrap_or(0);
        value.truncate(length);
        found.push((name.to_owned(), value));
    }
    found.sort();
    found
}

/// Reads without marking an access. What may not be read is described as such.
fn digest(path: &Path) -> String {
    let opened = OpenOptions::new().read(true).custom_flags(O_NOATIME | O_NOFOLLOW).open(path);
    let Ok(mut file) = opened else { return "unreadable".to_owned() };
    let (mut sum, mut buffer) = (0xcbf2_9ce4_8422_2325u64, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).expect("a file can be read") {
            0 => return format!("{sum:016x}"),
            read => {
                for byte in &buffer[..read] {
                    sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
    }
}

/// Asserts that two descriptions are the same, and shows the first lines that are not.
#[track_caller]
pub(crate) fn same(before: &str, after: &str, what: &str) {
    let difference = crate::kit::line_difference(before, after);
    assert!(before == after, "{what}:\n{difference}");
}

/// Runs `test` with a directory in a new file system of this kind, which goes away afterwards. The
/// mount is private to the thread: nobody else sees it, and it cannot be left behind.
pub(crate) fn in_file_system(
    sandbox: &Sandbox,
    kind: &str,
    options: &str,
    test: impl FnOnce(&Path) + Send,
) {
    if !root() {
        return skipped("only root can mount a file system");
    }
    let device = sandbox.path(format!("{kind}.image"));
    let loop_mounted = kind != "tmpfs";
    if loop_mounted {
        let mkfs = format!("mkfs.{kind}");
        if !have(&mkfs) && !Path::new("/sbin").join(&mkfs).exists() {
            return;
        }
        File::create(&device).and_then(|file| file.set_len(400 << 20)).expect("it is ours");
        let mut make = sandbox.command("sh");
        make.args(["-c", "PATH=$PATH:/sbin:/usr/sbin; \"$0\" -q \"$1\""]).arg(&mkfs).arg(&device);
        let made = run(&mut make);
        if !made.status.success() {
            return skipped(&format!("{mkfs} fails: {}", made.err().trim()));
        }
    }
    let place = sandbox.path(format!("on-{kind}"));
    fs::create_dir(&place).expect("it is ours");
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::scope(|scope| {
        let apart = std::thread::Builder::new().name(name).spawn_scoped(scope, || {
            if let Err(errno) = unshare(CloneFlags::CLONE_NEWNS) {
                return skipped(&format!("no mount namespace: {errno}"));
            }
            let mut mount = sandbox.command("sh");
            mount.args([
                "-c",
                "mount --make-rprivate / && mount -t \"$0\" -o \"$1\" \"$2\" \"$3\"",
                kind,
                options,
            ]);
            let mounted = run(mount.arg(&device).arg(&place));
            if !mounted.status.success() {
                return skipped(&format!("{kind} cannot be mounted: {}", mounted.err().trim()));
            }
            test(&place);
        });
        let ended = apart.expect("a thread can be started").join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}
