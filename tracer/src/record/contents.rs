//! Versions of files: which content a task was given when it opened a file.
//!
//! A version is known by device, inode number, size and times. Times are not exact: a file that was
//! changed a moment ago may be changed again without another time, so such a version is never taken
//! for one that is known; nor is one of a file that the tree has mapped to write to it. Who opens a file for writing waits until what was read of it has a digest;
//! and what the tree has written is hashed while the one who opens it waits.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::statfs::{Statfs, fstatfs, statfs};
use nix::unistd::Pid;
use vrift_cas::Digest;
use vrift_record::{Content, Escape, Event, Origin, Outcome, VersionId};

use super::hasher::{Hasher, Job, conclude};
use super::output::Output;
use super::paths::open;
use super::stat::{Inode, Stat};

/// Files up to this size are hashed at once: handing them on would cost more.
const AT_ONCE_MAX: u64 = 32 << 10;

/// More than the kernel's clock for times of files is behind (one tick, at most 10 ms).
const RACY: Duration = Duration::from_millis(50);

/// How many versions are remembered; then all are forgotten, and get new numbers.
const KNOWN_MAX: usize = 1 << 16;

/// File systems whose files are made when they are read (include/uapi/linux/magic.h).
const MADE_UP: &[i64] = &[
    0x9fa0,                 // proc
    0x6265_6572,            // sysfs
    0x6462_6720,            // debugfs
    0x7472_6163,            // tracefs
    0x0027_e0eb,            // cgroup
    0x6367_7270,            // cgroup2
    0x7363_6673,            // securityfs
    0xf97c_ff8c_u32 as i64, // selinux
    0xcafe_4a11,            // bpf
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    inode: Inode,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Key {
    fn of(stat: &Stat) -> Key {
        let &Stat { inode, size, modified, changed, .. } = stat;
        Key { inode, size, modified, changed }
    }
}

/// The last version that was met of a host file.
#[derive(Debug)]
struct Met {
    key: Key,
    times: Times,
    version: VersionId,
    path: Vec<u8>,
    keeper: Keeper,
    stat: Stat,
}

/// Who keeps a file that has no digest yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// The host, at the path that is told.
    Host,
    /// The session of a mount: nobody else changes the file.
    Session,
}

/// Whether a file's times would tell of another change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Tell,
    /// It was changed too lately.
    TooYoung,
}

/// All versions, and the files that the tree may have changed.
#[derive(Debug)]
pub(super) struct Contents {
    known: HashMap<Inode, Met>,
    blobs: HashMap<Digest, VersionId>,
    /// Files the tree has opened for writing, or whose attributes it has changed.
    written: HashMap<Inode, Written>,
    /// Those of them that somebody has mapped: what is written to memory may leave their times as they are.
    shared: HashSet<Inode>,
    /// Devices, and whether their files are made when they are read.
    devices: HashMap<u64, bool>,
    /// The record itself, which grows while it is read.
    record: Option<Inode>,
    next: u32,
    hasher: Hasher,
    out: Output,
}

/// What the tree may have changed of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Written {
    /// Its attributes, among them the times by which a change would be noticed.
    Attributes,
    /// What it holds, too.
    Content,
}

/// Whether the tree waits for a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It does if the file is small, or if the tree has written it.
    AsNeeded,
    /// It does.
    Now,
}

impl Contents {
    pub(super) fn new(out: Output, record: &Path) -> Contents {
        Contents {
            known: HashMap::new(),
            blobs: HashMap::new(),
            written: HashMap::new(),
            shared: HashSet::new(),
            devices: HashMap::new(),
            record: record.metadata().ok().map(|meta| Stat::from(meta).inode),
            next: 0,
            hasher: Hasher::new(out.clone()),
            out,
        }
    }

    fn number(&mut self) -> VersionId {
        let version = VersionId(self.next);
        self.next += 1;
        version
    }

    /// The version of a blob of the store, seen at `path`.
    pub(super) fn blob(&mut self, digest: Digest, path: &[u8], size: u64) -> VersionId {
        if let Some(&version) = self.blobs.get(&digest) {
            return version;
        }
        if self.blobs.len() >= KNOWN_MAX {
            self.blobs.clear();
        }
        let version = self.number();
        self.blobs.insert(digest, version);
        let nobody = Pid::from_raw(0);
        self.out.tell(nobody, Event::Version { version, path, size, origin: Origin::Store });
        let content = Content::Whole(digest);
        self.out.tell::<&[u8]>(nobody, Event::Content { version, content });
        version
    }

    /// The version of the file at `real`, which is told as `path` and had these attributes when the tree was
    /// given it; `None` if it is no regular file, or one that is made when it is read, or the record.
    pub(super) fn version(
        &mut self,
        real: &Path,
        stat: &Stat,
        path: &[u8],
        keeper: Keeper,
        when: When,
    ) -> Option<VersionId> {
        // What is no regular file may do something when it is opened.
        if !stat.is_file() || self.record == Some(stat.inode) {
            return None;
        }
        if let Some(version) = self.known(stat) {
            return Some(version);
        }
        let inode = |file: &File| file.metadata().ok().map(|meta| Stat::from(meta).inode);
        match open(real).filter(|file| inode(file) == Some(stat.inode)) {
            Some(file) => self.met(file, stat, path, keeper, when),
            None => {
                self.closed(real, stat.inode.0, path);
                None
            }
        }
    }

    /// A file may not be read by vrift, or is another by now, although the tree was given it.
    fn closed(&mut self, real: &Path, dev: u64, path: &[u8]) {
        if !self.is_made_up(dev, || statfs(real)) {
            self.out.incomplete();
            let (kind, call, outcome) = (Escape::NotHashed, &b""[..], Outcome::Done);
            let told = Event::Escape { kind, call, detail: path, outcome };
            self.out.tell(Pid::from_raw(0), told);
        }
    }

    /// The version of a file with these attributes, if it has been met.
    pub(super) fn known(&self, stat: &Stat) -> Option<VersionId> {
        let key = Key::of(stat);
        let met = self.known.get(&key.inode)?;
        let times_tell = met.times == Times::Tell && !self.shared.contains(&key.inode);
        (met.key == key && times_tell).then_some(met.version)
    }

    /// The path at which a file was met, if that was the last of it.
    pub(super) fn path_of(&self, stat: &Stat) -> Option<&[u8]> {
        self.known(stat)?;
        self.known.get(&stat.inode).map(|met| &met.path[..])
    }

    /// The version of what `file` held when it had these attributes.
    fn met(
        &mut self,
        file: File,
        stat: &Stat,
        path: &[u8],
        keeper: Keeper,
        when: When,
    ) -> Option<VersionId> {
        if self.is_made_up(stat.inode.0, || fstatfs(&file)) {
            return None;
        }
        let (key, stat) = (Key::of(stat), *stat);
        let written = self.written.contains_key(&key.inode);
        if let Some(met) = self.known.get(&key.inode)
            && keeper == Keeper::Host
            && !written
            && stat.nlink > 0
            && !stat.has_content_of(&met.stat)
        {
            self.changed_by_others(&met.path);
        }
        let version = self.number();
        let (seconds, nanoseconds) = stat.modified;
        let mtime_ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        let (dev, ino) = stat.inode;
        let origin = match keeper {
            Keeper::Host => Origin::Host { dev, ino, mtime_ns },
            Keeper::Session => Origin::Session,
        };
        let told = Event::Version { version, path, size: stat.size, origin };
        self.out.tell(Pid::from_raw(0), told);
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let (times, path) = (times(&stat), path.to_owned());
        let met = Met { key, times, version, path: path.clone(), keeper, stat };
        self.known.insert(key.inode, met);
        let now = when == When::Now || stat.size <= AT_ONCE_MAX || written;
        let job = Job { file, stat, version, path };
        match now {
            true => drop(conclude(&job, &self.out)),
            false => self.hasher.submit(job),
        }
        Some(version)
    }

    /// A file is about to be changed, or opened for writing: what was read of it must have its digest before.
    pub(super) fn before_writing(&mut self, inode: Inode, what: Written) {
        if self.hasher.is_busy() {
            self.hasher.settle(inode);
        }
        let written = self.written.entry(inode).or_insert(what);
        *written = what.max(*written);
        self.known.remove(&inode);
    }

    /// The tree has given a file another name, or taken one: that alone may have changed its attributes.
    pub(super) fn renamed(&mut self, now: Stat) {
        if let Some(met) = self.known.get_mut(&now.inode)
            && (met.stat.size, met.stat.modified) == (now.size, now.modified)
        {
            met.stat = now;
        }
    }

    /// Whether the tree may have changed what a file holds.
    pub(super) fn has_written(&self, inode: Inode) -> bool {
        self.written.get(&inode) == Some(&Written::Content)
    }

    /// A file is mapped so that others see what is written there.
    pub(super) fn shared(&mut self, inode: Inode) {
        if self.written.contains_key(&inode) {
            self.shared.insert(inode);
        }
    }

    fn is_made_up(&mut self, dev: u64, look: impl FnOnce() -> nix::Result<Statfs>) -> bool {
        *self.devices.entry(dev).or_insert_with(|| {
            #[allow(clippy::unnecessary_cast, reason = "its type differs between architectures")]
            look().is_ok_and(|fs| MADE_UP.contains(&(fs.filesystem_type().0 as i64)))
        })
    }

    /// Waits for all digests, and tells of files that have changed although nobody of the tree has
    /// changed them; it has changed what is at the paths that `ours` knows.
    pub(super) fn settle(&mut self, ours: impl Fn(&[u8]) -> bool) {
        self.hasher.end();
        // What had no name when it was read is at no path, and nobody finds it there.
        let is_of_host = |met: &Met| met.keeper == Keeper::Host && met.stat.nlink > 0;
        let of_host = self.known.iter().filter(|(_, met)| is_of_host(met));
        for (inode, met) in of_host {
            let path = Path::new(OsStr::from_bytes(&met.path));
            let is_ours = self.written.contains_key(inode) || ours(&met.path);
            match path.metadata().map(Stat::from) {
                Ok(now) if is_ours || now.inode == *inode && now.has_content_of(&met.stat) => {}
                Err(_) if is_ours => {}
                Ok(_) | Err(_) => self.changed_by_others(&met.path),
            }
        }
    }

    fn changed_by_others(&self, path: &[u8]) {
        let (call, detail, outcome) = (&b""[..], path, Outcome::Done);
        let kind = Escape::ChangedByOthers;
        self.out.tell(Pid::from_raw(0), Event::Escape { kind, call, detail, outcome });
    }
}

fn times(stat: &Stat) -> Times {
    let (seconds, nanoseconds) = stat.changed;
    let changed = Duration::new(seconds.max(0) as u64, nanoseconds as u32);
    match SystemTime::now().duration_since(UNIX_EPOCH + changed) {
        Ok(age) if age >= RACY => Times::Tell,
        _ => Times::TooYoung,
    }
}
