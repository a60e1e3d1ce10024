//! Taking in one name: reading what it stands for, and storing its content.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::SystemTime;

use vrift_cas::{Digest, Inserted, Store};

use super::cache::{Cache, Entry};
use super::harvest::{Content, Harvest, Outcome, Taken, cannot};
use super::ignored::Patterns;
use super::report::{Cause, Reason};
use super::source::{self, Directory, Identity, Stat, XattrBuffers};
use super::trust::Trust;
use super::{Error, Options};
use crate::manifest::{Kind, Node, Xattr};

/// How often a file is read that changes meanwhile.
const ATTEMPTS: usize = 3;

/// Files up to this size are read into memory; the store copies larger ones itself.
const SMALL: usize = 1 << 20;

/// What all threads share.
#[derive(Debug)]
pub(super) struct Ingest<'a> {
    pub(super) store: &'a Store,
    pub(super) options: &'a Options,
    /// The patterns of the command line.
    pub(super) given: Patterns,
    pub(super) harvest: Harvest<'a>,
    /// What the last ingest read.
    pub(super) cache: Cache,
    /// Which blobs of the cache are looked at.
    pub(super) trust: Trust,
    /// What is never taken in.
    pub(super) own: Vec<(Identity, Reason)>,
}

/// What each thread has of its own.
#[derive(Debug)]
pub(super) struct Hands {
    content: Vec<u8>,
    pub(super) xattrs: XattrBuffers,
    /// The number of the record in the cache that comes next if names come in the order of inodes.
    pub(super) record: usize,
}

impl Hands {
    pub(super) fn new() -> Hands {
        // One byte more than a small file, so that its end is seen by the first reading.
        Hands { content: vec![0; SMALL + 1], xattrs: XattrBuffers::new(), record: 0 }
    }
}

/// Something that need not, or must not, be opened to be known.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) stat: Stat,
    /// Of a symlink.
    pub(super) target: Vec<u8>,
    pub(super) xattrs: Vec<Xattr>,
}

/// Why something is not taken in.
pub(super) enum Stop {
    /// The rest goes on.
    Here(Outcome),
    /// Nothing else can be taken in either.
    Everywhere(Error),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Stop {
        Stop::Here(outcome)
    }
}

impl Ingest<'_> {
    /// Takes in anything but a directory: `name` in `dir`.
    pub(super) fn take(
        &self,
        hands: &mut Hands,
        dir: &Directory,
        name: &CStr,
        kind: Kind,
    ) -> Result<Taken, Stop> {
        if kind != Kind::File {
            return self.take_held(hands, dir, name, kind);
        }
        if self.cache.len() > 0 {
            let stat = dir.stat(name).map_err(cannot("stat"))?;
            if let Some(taken) = self.take_unchanged(hands, &stat)? {
                return Ok(taken);
            }
        }
        self.take_file(hands, dir, name)
    }

    /// Takes in a file that an earlier ingest read, if nothing has changed and the store still has
    /// its content.
    fn take_unchanged(&self, hands: &mut Hands, stat: &Stat) -> Result<Option<Taken>, Stop> {
        if stat.kind() != Some(Kind::File) {
            return Ok(None);
        }
        self.refuse_own(stat)?;
        let Some((number, entry)) = self.cache.find(stat, hands.record) else { return Ok(None) };
        hands.record = number + 1;
        if self.trust.asks_about(number) {
            let known = self.store.knows(&entry.digest, stat.size());
            if !known.map_err(|error| Stop::Everywhere(Error::Store(error)))? {
                self.trust.disappointed();
                return Ok(None);
            }
        }
        let linked = self.begin(stat)?;
        let node = Node { digest: entry.digest, ..stat.node(Kind::File) };
        Ok(Some(Taken {
            node,
            target: Vec::new(),
            xattrs: entry.xattrs.clone(),
            linked,
            content: Some(Content::Unchanged),
            entry: Some(entry),
        }))
    }

    fn take_file(&self, hands: &mut Hands, dir: &Directory, name: &CStr) -> Result<Taken, Stop> {
        let file = dir.file(name).map_err(cannot("open"))?;
        let mut start = SystemTime::now();
        let mut before = source::stat(&file).map_err(cannot("stat"))?;
        if before.kind() != Some(Kind::File) {
            return Err(Outcome::Problem(Cause::Changing).into());
        }
        self.refuse_own(&before)?;
        let linked = self.begin(&before)?;
        for _ in 0..ATTEMPTS {
            if let Some((inserted, xattrs)) = self.read(hands, &file, &before)? {
                return Ok(Taken {
                    entry: Entry::new(&before, inserted.digest, &xattrs, start),
                    node: Node { digest: inserted.digest, ..before.node(Kind::File) },
                    target: Vec::new(),
                    xattrs,
                    linked,
                    content: Some(Content::Read(inserted.fresh)),
                });
            }
            start = SystemTime::now();
            before = source::stat(&file).map_err(cannot("stat"))?;
        }
        Err(Outcome::Problem(Cause::Changing).into())
    }

    /// Stores the content of `file`; `None` if it is no longer what `before` says.
    fn read(
        &self,
        hands: &mut Hands,
        file: &File,
        before: &Stat,
    ) -> Result<Option<(Inserted, Vec<Xattr>)>, Stop> {
        let xattrs =
            hands.xattrs.of_open(file).map_err(cannot("read the extended attributes of"))?;
        let still = || -> Result<bool, Stop> {
            Ok(before.unchanged(&source::stat(file).map_err(cannot("stat"))?))
        };
        if before.size() <= SMALL as u64 {
            let length = read_once(file, &mut hands.content).map_err(cannot("read"))?;
            if length as u64 != before.size() || !still()? {
                return Ok(None);
            }
            let inserted = self.store.insert_bytes(&hands.content[..length]);
            return inserted.map(|inserted| Some((inserted, xattrs))).map_err(refused);
        }
        let inserted = self.store.insert_file(file).map_err(refused)?;
        let whole = inserted.size == before.size() && still()?;
        Ok(whole.then_some((inserted, xattrs)))
    }

    /// Takes in what need not, or must not, be opened to be known.
    fn take_held(
        &self,
        hands: &mut Hands,
        dir: &Directory,
        name: &CStr,
        kind: Kind,
    ) -> Result<Taken, Stop> {
        let Held { stat, target, xattrs } = self.look_at(hands, dir, name, kind)?;
        let linked = self.begin(&stat)?;
        let node = Node { digest: Digest::default(), size: 0, ..stat.node(kind) };
        Ok(Taken { node, target, xattrs, linked, content: None, entry: None })
    }

    /// Looks at what need not, or must not, be opened to be known.
    pub(super) fn look_at(
        &self,
        hands: &mut Hands,
        dir: &Directory,
        name: &CStr,
        kind: Kind,
    ) -> Result<Held, Stop> {
        let held = dir.hold(name).map_err(cannot("open"))?;
        // Reading a target marks an access. That of the manifest is the one that stays, so that the
        // next ingest of the same tree gives the same manifest.
        let target = match kind {
            Kind::Symlink => source::target(&held),
            _ => Ok(Vec::new()),
        };
        let stat = source::stat(&held).map_err(cannot("stat"))?;
        if stat.kind() != Some(kind) {
            return Err(Outcome::Problem(Cause::Changing).into());
        }
        self.refuse_own(&stat)?;
        let target = target.map_err(cannot("read"))?;
        let xattrs = hands.xattrs.of_held(&held);
        let xattrs = xattrs.map_err(cannot("read the extended attributes of"))?;
        Ok(Held { stat, target, xattrs })
    }

    /// Claims a file with several names. Fails if another name of it was met before.
    fn begin(&self, stat: &Stat) -> Result<Option<Identity>, Stop> {
        let linked = (stat.nlink() > 1).then(|| stat.identity());
        match linked {
            Some(identity) if !self.harvest.begin(identity) => {
                Err(Outcome::Further(identity).into())
            }
            linked => Ok(linked),
        }
    }

    pub(super) fn refuse_own(&self, stat: &Stat) -> Result<(), Stop> {
        let identity = stat.identity();
        match self.own.iter().find(|(own, _)| *own == identity) {
            Some((_, reason)) => Err(Outcome::LeftOut(*reason).into()),
            None => Ok(()),
        }
    }
}

/// The store and, if there is one already, the manifest.
pub(super) fn own(store: &Store, manifest: &Path) -> Vec<(Identity, Reason)> {
    let found = [
        (source::follow(store.root()), Reason::Store),
        // Not what a symlink of that name points to: the link is what will be replaced.
        (source::look(manifest), Reason::Manifest),
    ];
    let identify = |(stat, reason): (rustix::io::Result<Stat>, _)| {
        stat.ok().map(|stat| (stat.identity(), reason))
    };
    found.into_iter().filter_map(identify).collect()
}

/// Reads a file from its beginning, but no more than fits.
fn read_once(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read_at(&mut buffer[length..], length as u64) {
            Ok(0) => return Ok(length),
            Ok(read) => {
                length += read;
                // A regular file gives less than was asked for only at its end; that its length is
                // the one `stat` says is checked anyway.
                if length < buffer.len() {
                    return Ok(length);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn refused(error: vrift_cas::Error) -> Stop {
    match error {
        vrift_cas::Error::Source { source } => Stop::Here(cannot("read")(source)),
        other => Stop::Everywhere(Error::Store(other)),
    }
}
