//! What is known of a call when it is made, until it is known what came of it.

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::{Arch, Arg, Policy, Syscall};
use vrift_record::{
    Access, Act, Appended, Escape, Event as Told, Part, Response, Verdict, VersionId,
};
use vrift_vfs::Backing;

use super::again::Same;
use super::files::Named;
use super::ipc::Asked;
use super::network::Peer;
use super::opened::{OpenFile, opened};
use super::programs::Start;
use super::stat::Stat;
use super::{Mounts, Recorder, escapes, ipc, lookups};
use crate::call::{Abi, Call, Outcome};
use crate::decode::decode;
use crate::procfs;
use crate::view::inside;
use crate::view::note::Note;
use crate::view::places::Seat;

/// A call that is recorded when it ends.
#[derive(Debug)]
pub(crate) struct Noted {
    call: &'static str,
    what: What,
    escape: Option<(Escape, String)>,
    denied: Option<Errno>,
}

#[derive(Debug)]
pub(super) enum What {
    /// It names a file.
    File(Named),
    /// It opens a file by a handle, with these flags: only what is open in the end tells which.
    Handle(u32),
    /// It executes a program.
    Program(Box<Start>),
    /// It names endpoints.
    Network(Vec<Peer>),
    /// It maps code of this descriptor.
    Map(i32),
    /// It asks for something that is shared by a key or a name.
    Shared(Asked),
    /// Its caller may have other credentials afterwards.
    Credentials,
    /// It names nothing: only on what grounds it was answered is of interest.
    Nothing,
}

impl Noted {
    /// Whether what comes of it must be seen, if the kernel makes it as it is.
    pub(crate) fn awaits_its_end(&self) -> bool {
        self.escape.is_some() || !matches!(self.what, What::Nothing)
    }

    /// What it fails with, because there is no such file.
    pub(crate) fn in_vain(&self, tid: Pid) -> Option<Errno> {
        match &self.what {
            What::File(named) => named.in_vain(tid),
            What::Program(start) => start.in_vain(),
            _ => None,
        }
    }

    /// What it fails with, because the policy forbids it.
    pub(crate) fn denied(&self) -> Option<Errno> {
        self.denied
    }
}

impl Recorder {
    /// Reads what a call names, before it is made.
    pub(crate) fn enter<A: Arch>(&mut self, call: &Call, seat: &Seat<'_>) -> Option<Box<Noted>> {
        self.start(seat.tid);
        let meant = match call.syscall {
            // Decoded as they are, for they name a socket, a file, or what is shared.
            Some(Syscall::Socketcall | Syscall::Ipc) => inside::meant::<A>(call, seat.memory)?,
            Some(Syscall::Mmap) if call.abi == Abi::Compat => {
                inside::meant::<A>(call, seat.memory)?
            }
            _ => call.clone(),
        };
        let asked = ipc::asked(&meant, seat.memory);
        let shared = || self.ipc.escape(asked.as_ref()?);
        let is_of_tree = |process| self.is_of_tree(process, seat.tid);
        let mut escape = escapes::of(call, seat, is_of_tree).or_else(shared);
        self.eyes.before(escape.as_ref().map(|(kind, _)| *kind));
        let mut what = match asked {
            Some(asked) => What::Shared(asked),
            None => self.what::<A>(&meant, seat),
        };
        if escape.is_none() {
            escape = self.denied_way(&what, seat);
        }
        let denied = self.denies(&mut what, escape.as_ref(), seat);
        if let (What::Nothing, None, Mounts::None) = (&what, &escape, self.mounts) {
            return None;
        }
        let call = meant.syscall.map_or("", |syscall| syscall.row().name);
        Some(Box::new(Noted { call, what, escape, denied }))
    }

    fn what<A: Arch>(&mut self, call: &Call, seat: &Seat<'_>) -> What {
        let Some(syscall) = call.syscall else { return What::Nothing };
        if let Abi::Foreign { .. } = call.abi {
            return What::Nothing;
        }
        if let Some(peers) = match call.abi {
            Abi::Compat => self.peers::<A::Compat>(call, seat),
            Abi::Native | Abi::Foreign { .. } => self.peers::<A>(call, seat),
        } {
            return What::Network(peers);
        }
        match (syscall, syscall.row().policy) {
            (Syscall::Mmap | Syscall::Mmap2, _) => self.maps(call, seat),
            (Syscall::OpenByHandleAt, _) => What::Handle(call.arg(Arg::A2) as u32),
            _ if lookups::gives_other_eyes(call) => What::Credentials,
            (_, Policy::Model(model)) => {
                let decoded = match call.abi {
                    Abi::Compat => decode::<A::Compat>(model, call, seat.memory),
                    Abi::Native | Abi::Foreign { .. } => decode::<A>(model, call, seat.memory),
                };
                match (decoded, call.abi) {
                    (Ok(operation), Abi::Compat) => {
                        self.operation::<A::Compat>(operation, call, seat)
                    }
                    (Ok(operation), _) => self.operation::<A>(operation, call, seat),
                    // The kernel will not make it.
                    (Err(_), _) => What::Nothing,
                }
            }
            _ => What::Nothing,
        }
    }

    /// Records a call that has ended; returns what can be told of others like it.
    pub(crate) fn leave(
        &mut self,
        noted: Noted,
        outcome: Outcome,
        note: Option<&Note>,
        seat: &Seat<'_>,
    ) -> Option<Same> {
        let response = match noted.denied {
            Some(_) => Response::Denied,
            None => Response::Noted,
        };
        let verdict = match (&noted.what, note) {
            // The file behind a node has another path.
            (What::File(named), Some(Note::Redirected(_))) if named.is_of_mount(seat) => {
                Verdict::Manifest
            }
            _ => verdict(note, response),
        };
        let ended = Ended { call: noted.call, outcome, verdict, response };
        if let Outcome::Restarts(_) = outcome {
            // It is made again, and seen again.
            return None;
        }
        if let Some((kind, detail)) = noted.escape {
            let opened = match (&noted.what, outcome) {
                (What::Handle(_), Outcome::Value(fd)) => opened(seat, fd as i32),
                _ => None,
            };
            let call = noted.call.as_bytes();
            let detail = opened.as_deref().unwrap_or(detail.as_bytes());
            let told = Told::Escape { kind, call, detail, outcome: ended.told() };
            self.out.tell_as(seat.tid, told, response);
        }
        if let (What::Shared(asked), Outcome::Value(result)) = (&noted.what, outcome) {
            self.ipc.got(asked, result);
        }
        if let What::Credentials = noted.what {
            self.eyes.after_asking(seat.tid);
        }
        match noted.what {
            What::File(named) => return self.file(named, &ended, seat),
            What::Handle(flags) if ended.succeeded() => self.handle_opened(flags, &ended, seat),
            What::Program(start) => self.program(*start, &ended, seat),
            What::Network(peers) => self.network(peers, &ended, seat),
            What::Map(fd) => self.mapped(fd, &ended, seat),
            What::Handle(_) | What::Shared(_) | What::Credentials | What::Nothing
                if note.is_some() =>
            {
                let (call, verdict) = (noted.call, ended.verdict);
                self.tell(seat.tid, Told::Call { call, verdict, outcome: ended.told() });
            }
            What::Handle(_) | What::Shared(_) | What::Credentials | What::Nothing => {}
        }
        None
    }

    /// What a mapping is to the record.
    fn maps(&mut self, call: &Call, seat: &Seat<'_>) -> What {
        let (protection, flags) = (call.arg(Arg::A2) as i32, call.arg(Arg::A3) as i32);
        let fd @ 0.. = call.arg(Arg::A4) as i32 else { return What::Nothing };
        if flags & libc::MAP_ANONYMOUS != 0 {
            return What::Nothing;
        }
        let inode = || match seat.places.attested() {
            Some(stat) => Some(Stat::from(stat).inode),
            None => procfs::backing(seat.tid, fd).map(|Backing { dev, ino }| (dev, ino)),
        };
        if flags & libc::MAP_SHARED != 0
            && let Some(inode) = inode()
        {
            self.contents.shared(inode);
        }
        if protection & libc::PROT_EXEC != 0 { What::Map(fd) } else { What::Nothing }
    }

    fn mapped(&mut self, fd: i32, ended: &Ended, seat: &Seat<'_>) {
        let Outcome::Value(_) = ended.outcome else { return };
        let file = match seat.places.attested() {
            Some(stat) => self.mapped_then(stat.into(), fd, seat),
            None => OpenFile::of(fd, seat),
        };
        if let Some(file) = file {
            self.read_by_name(&file.stat, &file.path, ended, seat);
            let version = self.held_by(&file, seat);
            let of_mount = file.is_mounted() && !file.is_below_overlay();
            let verdict = if of_mount { Verdict::ByDesign } else { Verdict::Host };
            let ended = Ended { verdict, ..*ended };
            self.access(Act::Map, &file.path, None, version, Part::First, &ended, seat);
        }
    }

    /// Records what was done with one file.
    #[expect(clippy::too_many_arguments, reason = "they are the fields of one event")]
    pub(super) fn access(
        &mut self,
        act: Act,
        path: &[u8],
        other: Option<&[u8]>,
        version: Option<VersionId>,
        part: Part,
        ended: &Ended,
        seat: &Seat<'_>,
    ) -> Option<Appended> {
        let (verdict, outcome) = (ended.verdict, ended.told());
        let call = ended.call.as_bytes();
        if ended.succeeded()
            && [Some(path), other].into_iter().flatten().any(super::paths::is_nowhere)
        {
            self.out.incomplete();
        }
        let access = Access { call, act, path, other, version, part, verdict, outcome };
        self.out.tell_as(seat.tid, Told::File(access), ended.response)
    }
}

/// A call's end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) call: &'static str,
    pub(super) outcome: Outcome,
    pub(super) verdict: Verdict,
    pub(super) response: Response,
}

impl Ended {
    /// What came of it, as a record tells it.
    pub(super) fn told(&self) -> vrift_record::Outcome {
        match self.outcome {
            Outcome::Value(_) => vrift_record::Outcome::Done,
            Outcome::Error(errno) => vrift_record::Outcome::Failed(errno as u16),
            Outcome::Restarts(_) | Outcome::Never => vrift_record::Outcome::Never,
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        matches!(self.outcome, Outcome::Value(_))
    }
}

/// On what grounds a call was answered, as far as what vrift made of it tells.
fn verdict(note: Option<&Note>, response: Response) -> Verdict {
    match note {
        Some(Note::Refused { .. }) if response == Response::Denied => Verdict::Denied,
        None | Some(Note::Redirected(_)) => Verdict::Host,
        // What any file system says that is read-only (EROFS), or is not that of the other path (EXDEV).
        Some(Note::Manifest | Note::Refused { why: None, .. }) => Verdict::Manifest,
        Some(Note::Blob(_)) => Verdict::Content,
        Some(Note::Refused { .. }) => Verdict::Refused,
    }
}
