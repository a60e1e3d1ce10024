//! Calls that name files.

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Arch;
use vrift_record::{Act, Event as Told, Part, Verdict, VersionId};
use vrift_vfs::{
    At, Create, Follow, Handle, Held, Limits, MakeKind, Open, PathOp, Removal, RenameMode, Request,
    Scope, Target,
};

use super::Recorder;
use super::again::{Opened, Same};
use super::contents::{Keeper, When, Written};
use super::lookups::{Lookup, Of};
use super::noted::{Ended, What};
use super::opened::{OpenFile, opened};
use super::paths::{
    absolute, absolute_by, absolute_in_root, directory, is_nowhere, own_descriptor, path, seen_by,
};
use super::stat::Stat;
use crate::call::{Call, Outcome};
use crate::decode::{Operation, handle_word};
use crate::descriptors;
use crate::view::places::Seat;

/// A file that a call names.
#[derive(Debug)]
pub(super) struct Named {
    kind: Kind,
    path: Vec<u8>,
    /// The other name of a link or a rename, or the target of a symlink.
    other: Option<Vec<u8>>,
    /// What must be there for anything to come of it.
    lookup: Option<Lookup>,
    /// What it holds, if it gets another name and the tree has not written it.
    version: Option<VersionId>,
    /// The same of what is at the other name, if they are exchanged.
    other_version: Option<VersionId>,
    /// Whether a rename replaces something.
    replaced: Was,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is opened.
    Opens(Opening),
    /// Anything else.
    Is(Act),
}

impl Named {
    /// What is to be done to which paths.
    pub(super) fn asks(&self) -> impl Iterator<Item = (Act, &Vec<u8>)> {
        let act = match self.kind {
            Kind::Opens(opening) => opening.act(),
            Kind::Is(act) => act,
        };
        let other = match act {
            Act::Rename | Act::Link | Act::Exchange => self.other.as_ref(),
            _ => None,
        };
        let other = other.map(|other| (act.to_other(), other));
        [(act, &self.path)].into_iter().chain(other)
    }

    /// The path of what is to be opened, and not only named by a descriptor.
    pub(super) fn opened(&self) -> Option<&[u8]> {
        match self.kind {
            Kind::Opens(opening) if opening.handle != Handle::Path => Some(&self.path),
            Kind::Opens(_) | Kind::Is(_) => None,
        }
    }

    /// The path with this number among those that [`Named::asks`] gives, by what it leads to.
    pub(super) fn led_to(&mut self, number: usize, path: Vec<u8>) {
        match number {
            0 => self.path = path,
            _ => self.other = Some(path),
        }
    }

    /// Whether a mount has something at the path, or takes what is made there.
    pub(super) fn is_of_mount(&self, seat: &Seat<'_>) -> bool {
        let held = seat.places.held(path(&self.path), Follow::Yes);
        held.is_some_and(|held| !matches!(held, Held::Host(_)))
    }

    /// A file that is asked about.
    pub(super) fn probed(path: Vec<u8>) -> Named {
        Named::new(Kind::Is(Act::Probe), path)
    }

    fn new(kind: Kind, path: Vec<u8>) -> Named {
        let (lookup, version, other_version) = (None, None, None);
        Named { kind, path, other: None, lookup, version, other_version, replaced: Was::Missing }
    }

    /// What the kernel answers if there is no such file, and that is all there is to it.
    pub(super) fn in_vain(&self, tid: Pid) -> Option<Errno> {
        let errno = self.lookup.as_ref()?.in_vain(tid)?;
        match self.kind {
            // The kernel looks for a descriptor first.
            Kind::Opens(_) if descriptors::are_used_up(tid) != Ok(false) => None,
            _ => Some(errno),
        }
    }
}

/// What a file is opened for, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Opening {
    handle: Handle,
    create: Create,
    was: Was,
    follow: Follow,
}

/// Whether a file was there before a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Was {
    There,
    Missing,
}

impl Recorder {
    /// What a decoded call is to the record.
    pub(super) fn operation<A: Arch>(
        &mut self,
        operation: Operation,
        call: &Call,
        seat: &Seat<'_>,
    ) -> What {
        let Operation::File(request) = operation else { return What::Nothing };
        let (kind, op, other) = match request {
            Request::Open(open) => return self.open(open, seat),
            Request::Exec(exec) => return self.starts::<A>(&exec, call, seat),
            Request::Stat(Target::Path(op))
            | Request::Access(Target::Path(op), _)
            | Request::Statfs(Target::Path(op))
            | Request::GetXattr(Target::Path(op), _)
            | Request::ListXattr(Target::Path(op)) => (Kind::Is(Act::Probe), op, None),
            Request::Readlink(Target::Path(op)) => (Kind::Is(Act::ReadLink), op, None),
            Request::Chdir(Target::Path(op)) => (Kind::Is(Act::Enter), op, None),
            Request::Make(op, kind) => {
                let (act, target) = made(kind);
                (Kind::Is(act), op, target)
            }
            Request::Link(Target::Path(op), Ok(to)) if op.follow == Follow::Yes => {
                let to = self.place(absolute(&to, seat), Follow::No, seat);
                return self.link_to_what(&op, to, seat);
            }
            Request::Link(Target::Path(op), Ok(to)) => {
                (Kind::Is(Act::Link), op, Some(absolute(&to, seat)))
            }
            Request::Link(Target::Open(vrift_vfs::At::Fd(fd)) | Target::Content(fd), Ok(to)) => {
                let path = opened(seat, fd).unwrap_or_default();
                let other = Some(self.place(absolute(&to, seat), Follow::No, seat));
                let kind = Kind::Is(Act::Link);
                return What::File(Named { other, ..Named::new(kind, path) });
            }
            Request::Remove(op, Removal::File) => (Kind::Is(Act::Remove), op, None),
            Request::Remove(op, Removal::Directory) => (Kind::Is(Act::RemoveDirectory), op, None),
            Request::Rename(op, Ok(to), mode) => {
                let act = match mode {
                    RenameMode::Exchange => Act::Exchange,
                    RenameMode::Replace | RenameMode::KeepTarget => Act::Rename,
                };
                (Kind::Is(act), op, Some(absolute(&to, seat)))
            }
            Request::Truncate(op) => (Kind::Is(Act::Truncate), op, None),
            Request::SetAttr(Target::Path(op), _) => (Kind::Is(Act::Attribute), op, None),
            Request::SetAttr(Target::Content(fd) | Target::Open(At::Fd(fd)), _) => {
                return self.attribute_of(opened(seat, fd), seat);
            }
            Request::SetAttr(Target::Open(At::Cwd), _) => {
                return self.attribute_of(Some(directory(seat)), seat);
            }
            Request::Watch(op, ..) => (Kind::Is(Act::Watch), op, None),
            // The kernel may look at more before it looks at the path.
            Request::Unmodelled(Target::Path(op), _) if !op.path.is_empty() => {
                return What::File(Named::probed(absolute(&op, seat)));
            }
            _ => return What::Nothing,
        };
        if op.path.is_empty() {
            // That names nothing (ENOENT).
            return What::Nothing;
        }
        let mut path = absolute_by(&op, seat, |directory| self.ways.physical(directory));
        let mut other = other;
        if let Kind::Is(act) = kind
            && (act.changes() || act == Act::Link)
        {
            let follow = match act {
                Act::Truncate | Act::Attribute => op.follow,
                _ => Follow::No,
            };
            path = self.place(path, follow, seat);
            if act != Act::Symlink {
                other = other.map(|to| self.place(to, Follow::No, seat));
            }
        }
        match kind {
            Kind::Is(Act::Truncate) => {
                self.before_change(&path, op.follow, Written::Content, seat);
            }
            Kind::Is(Act::Attribute) => {
                self.before_change(&path, op.follow, Written::Attributes, seat);
            }
            _ => {}
        }
        let lookup = match kind {
            Kind::Is(Act::Probe) => self.lookup(&op, Of::Anything, &path),
            Kind::Is(Act::ReadLink) => self.lookup(&op, Of::Symlink, &path),
            _ => None,
        };
        let version = match kind {
            Kind::Is(Act::Link | Act::Rename | Act::Exchange) => self.foreign(&path, seat),
            _ => None,
        };
        let (replaced, other_version) = match (kind, &other) {
            (Kind::Is(Act::Rename), Some(other)) => (was(other, seat), None),
            (Kind::Is(Act::Exchange), Some(other)) => (Was::Missing, self.foreign(other, seat)),
            _ => (Was::Missing, None),
        };
        What::File(Named { kind, path, other, lookup, version, other_version, replaced })
    }

    /// What the path leads to gets another name; it may have none so far.
    fn link_to_what(&mut self, op: &PathOp, other: Vec<u8>, seat: &Seat<'_>) -> What {
        let asked = absolute_by(op, seat, |directory| self.ways.physical(directory));
        let led = match own_descriptor(seat.tid, &asked) {
            Some(fd) => opened(seat, fd),
            None => None,
        };
        let path = led.unwrap_or_else(|| self.place(asked, Follow::Yes, seat));
        let version = self.foreign(&path, seat);
        let named = Named::new(Kind::Is(Act::Link), path);
        What::File(Named { other: Some(other), version, ..named })
    }

    pub(super) fn lookup(&self, op: &PathOp, of: Of, absolute: &[u8]) -> Option<Lookup> {
        self.eyes.are_same().then(|| Lookup::new(op, of, absolute)).flatten()
    }

    fn attribute_of(&mut self, open: Option<Vec<u8>>, seat: &Seat<'_>) -> What {
        let Some(path) = open else { return What::Nothing };
        self.before_change(&path, Follow::Yes, Written::Attributes, seat);
        What::File(Named::new(Kind::Is(Act::Attribute), path))
    }

    fn open(&mut self, open: Open, seat: &Seat<'_>) -> What {
        let Open { path: op, handle, create, limits, .. } = open;
        if op.path.is_empty() {
            return What::Nothing;
        }
        let path = match limits.scope {
            Scope::Root => absolute_in_root(&op, seat),
            Scope::Anywhere | Scope::Beneath => {
                absolute_by(&op, seat, |directory| self.ways.physical(directory))
            }
        };
        let opening = Opening { handle, create, was: Was::There, follow: op.follow };
        let was = match opening.only_reads() {
            true => Was::There,
            // Its content only when it is open.
            false => self.before_change(&path, op.follow, Written::Attributes, seat),
        };
        let lookup = match create {
            Create::No if limits == Limits::default() => self.lookup(&op, Of::Anything, &path),
            _ => None,
        };
        let opening = Opening { was, ..opening };
        What::File(Named { lookup, ..Named::new(Kind::Opens(opening), path) })
    }

    /// A file may be changed: whoever has read it before has read what is there now.
    fn before_change(&mut self, at: &[u8], follow: Follow, what: Written, seat: &Seat<'_>) -> Was {
        let real = match seat.places.held(path(at), follow) {
            None => path(&seen_by(seat.tid, at)).to_owned(),
            Some(Held::Staged(real)) => real,
            Some(Held::Nothing) => return Was::Missing,
            // What lies below a session stays as it is.
            Some(Held::Blob(..) | Held::Host(_) | Held::Other) => return Was::There,
        };
        let meta = match follow {
            Follow::Yes => real.metadata(),
            Follow::No => real.symlink_metadata(),
        };
        let Ok(stat) = meta.map(Stat::from) else { return Was::Missing };
        if stat.is_file() {
            self.contents.before_writing(stat.inode, what);
        }
        Was::There
    }

    /// What a file holds that is no work of the tree.
    fn foreign(&mut self, at: &[u8], seat: &Seat<'_>) -> Option<VersionId> {
        let real = match seat.places.held(path(at), Follow::No) {
            None => path(at).to_owned(),
            Some(Held::Host(real)) => real,
            Some(Held::Blob(digest, size)) => return Some(self.contents.blob(digest, at, size)),
            Some(Held::Staged(_) | Held::Nothing | Held::Other) => return None,
        };
        let stat = real.symlink_metadata().ok().map(Stat::from).filter(Stat::is_file)?;
        if self.contents.has_written(stat.inode) {
            return None;
        }
        self.contents.version(&real, &stat, at, Keeper::Host, When::AsNeeded)
    }

    /// Records what came of a call that names a file.
    pub(super) fn file(&mut self, named: Named, ended: &Ended, seat: &Seat<'_>) -> Option<Same> {
        let says_missing = match ended.outcome {
            Outcome::Error(Errno::ENOTDIR) => true,
            // It may be the directory of the other path that is not there.
            Outcome::Error(Errno::ENOENT) => named.other.is_some(),
            _ => false,
        };
        if says_missing && was(&named.path, seat) == Was::There {
            self.found(&named.path, ended, seat);
            self.done(named, ended, seat);
            // It is told by two events.
            return None;
        }
        self.done(named, ended, seat)
    }

    fn done(&mut self, named: Named, ended: &Ended, seat: &Seat<'_>) -> Option<Same> {
        let Named { kind, path, other, version, other_version, replaced, .. } = named;
        let act = match kind {
            Kind::Opens(opening) => return self.file_opened(opening, path, ended, seat),
            Kind::Is(act) => act,
        };
        if let (Some(other), Was::There, true) = (&other, replaced, ended.succeeded()) {
            self.found(other, ended, seat);
        }
        if let (Some(other), Some(_), true) = (&other, other_version, ended.succeeded()) {
            self.access(act, other, None, other_version, Part::Further, ended, seat);
        }
        if (act.changes() || act == Act::Link) && ended.succeeded() {
            self.changed.did(act, &path, other.as_deref());
            self.ways.after(act);
            if let Some(again) = &mut self.again {
                again.after(act);
            }
        }
        if ended.succeeded() {
            self.look_again(act, &path, other.as_deref(), ended, seat);
        }
        let ended = Ended { verdict: written(act, ended), ..*ended };
        let version = version.filter(|_| ended.succeeded());
        let told = self.access(act, &path, other.as_deref(), version, Part::First, &ended, seat)?;
        let only_asks = matches!(act, Act::Probe | Act::ReadLink) && !is_nowhere(&path);
        only_asks.then_some(Same { told, opened: None })
    }

    /// A call has found something at a path, although it says so in no other way: it was no directory, it was replaced, or
    /// the other path leads nowhere.
    fn found(&mut self, path: &[u8], ended: &Ended, seat: &Seat<'_>) {
        let there = Ended { outcome: Outcome::Value(0), ..*ended };
        self.access(Act::Probe, path, None, None, Part::Further, &there, seat);
    }

    /// What a change by name has made of the attributes of files of the host.
    fn look_again(
        &mut self,
        act: Act,
        named: &[u8],
        other: Option<&[u8]>,
        ended: &Ended,
        seat: &Seat<'_>,
    ) {
        let at = match act {
            Act::Truncate => [Some(named), None],
            Act::Link | Act::Rename => [other, None],
            Act::Exchange => [Some(named), other],
            _ => return,
        };
        for at in at.into_iter().flatten() {
            if seat.places.held(path(at), Follow::No).is_none()
                && let Ok(stat) = path(at).symlink_metadata().map(Stat::from)
            {
                match act {
                    Act::Truncate => self.changed_by_name(&stat, at, ended, seat),
                    _ if stat.is_dir() => self.moved.push(path(at).to_owned()),
                    Act::Link => {
                        self.read_by_name(&stat, named, ended, seat);
                        self.contents.renamed(stat);
                    }
                    _ => self.contents.renamed(stat),
                }
            }
        }
    }

    /// A file was opened, and not by a path.
    pub(super) fn handle_opened(&mut self, flags: u32, ended: &Ended, seat: &Seat<'_>) {
        let Outcome::Value(fd) = ended.outcome else { return };
        let path = opened(seat, fd as i32).unwrap_or_default();
        let (create, was, follow) = (Create::No, Was::There, Follow::Yes);
        let opening = Opening { handle: handle_word(flags), create, was, follow };
        self.file_opened(opening, path, ended, seat);
    }

    fn file_opened(
        &mut self,
        opening: Opening,
        asked: Vec<u8>,
        ended: &Ended,
        seat: &Seat<'_>,
    ) -> Option<Same> {
        let act = opening.act();
        let Outcome::Value(fd) = ended.outcome else {
            let told = self.access(act, &asked, None, None, Part::First, ended, seat)?;
            return opening.only_reads().then_some(Same { told, opened: None });
        };
        let file = match seat.places.attested() {
            Some(stat) => {
                let asked = Some((&asked[..], opening.follow));
                self.opened_then(stat.into(), asked, fd as i32, seat)
            }
            None => OpenFile::of(fd as i32, seat),
        };
        let Some(file) = file else {
            // A pipe by its path in /proc, or what another thread has closed by now.
            if act.changes() {
                self.changed.did(act, &asked, None);
            }
            self.access(act, &asked, None, None, Part::First, ended, seat);
            return None;
        };
        // What stands for a directory of a mount is one too.
        let act = match act {
            Act::Read if file.stat.is_dir() => Act::List,
            act => act,
        };
        if let (Some((kind, detail)), true) =
            (self.reached(&file.path, seat.tid), act != Act::Probe)
        {
            let (call, outcome) = (ended.call.as_bytes(), ended.told());
            let told = Told::Escape { kind, call, detail: detail.as_bytes(), outcome };
            self.tell(seat.tid, told);
        }
        let other = (file.path != asked).then_some(&asked[..]);
        if act.reads() {
            self.read_by_name(&file.stat, &file.path, ended, seat);
        }
        if act.changes() {
            self.changed_by_name(&file.stat, &file.path, ended, seat);
            self.changed.did(act, &file.path, None);
            // A mount shows one of several names.
            if file.is_mounted()
                && other.is_some()
                && let Some(Held::Staged(_)) = seat.places.held(path(&asked), Follow::No)
            {
                let place = self.place(asked.clone(), Follow::No, seat);
                self.changed.did(act, &place, None);
            }
            self.contents.before_writing(file.stat.inode, Written::Content);
        }
        let version = match act {
            Act::Read | Act::ReadWrite => self.held_by(&file, seat),
            _ => None,
        };
        let verdict = match act {
            Act::Read if file.is_below_overlay() => Verdict::Host,
            _ => written(act, ended),
        };
        let ended = Ended { verdict, ..*ended };
        let told = self.access(act, &file.path, other, version, Part::First, &ended, seat)?;
        let found_by_path = seat.places.attested().is_some()
            && opening.follow == Follow::Yes
            && self.ways.lead(&asked, &file.stat);
        let has_all = version.is_some() || act == Act::List;
        let is_same = opening.only_reads() && found_by_path && has_all;
        is_same
            .then_some(Same { told, opened: Some(Box::new(Opened { stat: file.stat, version })) })
    }
}

impl Opening {
    /// Whether nothing is made or changed.
    fn only_reads(self) -> bool {
        matches!((self.handle, self.create), (Handle::Path | Handle::Read, Create::No))
    }

    /// What it does with the file.
    fn act(self) -> Act {
        match (self.handle, self.create, self.was) {
            (_, Create::New | Create::Nameless | Create::NamelessForGood, _)
            | (_, Create::IfMissing, Was::Missing) => Act::Create,
            (Handle::Path, ..) => Act::Probe,
            (Handle::Read, ..) => Act::Read,
            (Handle::Write { truncates: true, .. }, ..) => Act::Replace,
            (Handle::Write { reads: true, truncates: false }, ..) => Act::ReadWrite,
            (Handle::Write { reads: false, truncates: false }, ..) => Act::Write,
        }
    }
}

/// Whether there is something at a path.
fn was(at: &[u8], seat: &Seat<'_>) -> Was {
    let is_there = match seat.places.held(path(at), Follow::No) {
        None => path(&seen_by(seat.tid, at)).symlink_metadata().is_ok(),
        Some(held) => !matches!(held, Held::Nothing),
    };
    if is_there { Was::There } else { Was::Missing }
}

/// What is written in a mount goes to a private copy.
fn written(act: Act, ended: &Ended) -> Verdict {
    match (act, ended.verdict) {
        (
            Act::Write | Act::ReadWrite | Act::Replace | Act::Create | Act::Truncate,
            Verdict::Manifest | Verdict::Content,
        ) if ended.succeeded() => Verdict::CopyOnWrite,
        (_, verdict) => verdict,
    }
}

fn made(kind: MakeKind) -> (Act, Option<Vec<u8>>) {
    match kind {
        MakeKind::Directory { .. } => (Act::MakeDirectory, None),
        MakeKind::Symlink { target } => (Act::Symlink, Some(target)),
        MakeKind::File { .. }
        | MakeKind::Fifo { .. }
        | MakeKind::Socket { .. }
        | MakeKind::Device { .. } => (Act::MakeNode, None),
    }
}
