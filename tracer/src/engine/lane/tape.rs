//! The tape of the lane: calls that made no stop are told when somebody stops, from memory that is shared
//! with their caller.
//!
//! ```text
//!  tracee:  memfd_create ─► mmap over the room behind the page ─► close     ([`super::preparing`])
//!  vrift:        └─ its own mapping, read where the tracee has written
//! ```
//!
//! Whatever changes something, stops; and before a stop is acted on, all tapes are played. So what is told
//! stands in the order of causes: who finds a file has not been told of before who made it. Calls of several
//! tapes come in the order of the processor's clock.
//!
//! A child with a copy of the memory has its parent's tape mapped: from its birth on it does not write
//! there, nor does a parent whose child borrows the memory. Who is alone again writes again.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Arch;
use vrift_arch::abi::Stat;
use vrift_arch::lane::Unwritten;
use vrift_arch::lane::tape::{BYTES, HEADER, Taped, calls};
use vrift_vfs::{Follow, Held};

use super::shared::{Shared, at_one_moment};
use super::{Engine, Guest};
use crate::call::{Abi, Call, Layer, Outcome};
use crate::engine::served::Mounted;
use crate::memory::{GuestAddr, Memory};
use crate::procfs;
use crate::registers::Registers;
use crate::view::event::Event;
use crate::view::places::{Places, Seat};

/// How far the tape of one address space has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strip {
    #[default]
    Absent,
    /// It lies there, and is not written to.
    Resting,
    /// Calls are written down.
    Running,
}

impl Strip {
    pub(super) fn is_written_to(self) -> bool {
        self == Strip::Running
    }
}

/// The tape of one task.
#[derive(Debug)]
struct Tape {
    shared: Shared,
    /// Up to where it has been played.
    played: u64,
    /// The current directory; `None` if it may have changed.
    directory: Option<Rc<Path>>,
}

impl Tape {
    /// An empty tape on a new file, of a task that has stopped: it may not do so again before its end.
    fn on(file: &File, tid: Pid) -> io::Result<Tape> {
        let shared = Shared::new(file, BYTES)?;
        shared.set_first(HEADER);
        Ok(Tape { shared, played: HEADER, directory: directory(tid) })
    }

    /// Copies what has been written since it was last played, up to `end`, behind what is there, and takes note of the
    /// calls, which are by this task.
    fn copy(&mut self, tid: Pid, end: u64, to: &mut Unplayed) -> io::Result<()> {
        if end == self.played {
            return Ok(());
        }
        let begin = to.bytes.len();
        let found = self.shared.copy(self.played, end, &mut to.bytes);
        found.ok_or(io::ErrorKind::InvalidData)?;
        let (mut at, before) = (begin, to.calls.len());
        for (taped, size) in calls(&to.bytes[begin..]) {
            to.calls.push(Place { stamp: taped.stamp, tid, at });
            at += size;
        }
        if at != to.bytes.len() {
            to.calls.truncate(before);
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.played = end;
        Ok(())
    }

    fn rewind(&mut self) {
        self.played = HEADER;
        self.shared.set_first(HEADER);
    }
}

/// The current directory of a task that has stopped.
fn directory(tid: Pid) -> Option<Rc<Path>> {
    procfs::directory(tid).ok().map(Rc::from)
}

/// A tape that is not as the lane writes it.
#[derive(Debug)]
struct Spoilt {
    tid: Pid,
}

impl fmt::Display for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tid = self.tid;
        write!(
            f,
            "process {tid} has written over what the fast lane had noted of its calls, so some of them are \
             missing; use --fast-lane=never"
        )
    }
}

impl std::error::Error for Spoilt {}

/// What several tapes have that has not been played yet.
#[derive(Debug, Default)]
struct Unplayed {
    bytes: Vec<u8>,
    calls: Vec<Place>,
}

/// Where a call stands in [`Unplayed`].
#[derive(Debug)]
struct Place {
    /// When it was written down.
    stamp: u64,
    tid: Pid,
    at: usize,
}

/// All tapes.
#[derive(Debug, Default)]
pub(in crate::engine) struct Tapes {
    of: BTreeMap<Pid, Tape>,
    /// Empty, with room: tapes are played often.
    unplayed: Unplayed,
}

impl Tapes {
    /// Whether calls may be told of later.
    pub(in crate::engine) fn are_used(&self) -> bool {
        !self.of.is_empty()
    }

    /// Where all tapes end at one moment: else of two tasks that wait for each other the later one's calls could
    /// be told of, and the earlier one's not yet.
    fn ends(&self) -> Vec<u64> {
        at_one_moment(|| self.of.values().map(|tape| tape.shared.first()))
    }

    /// Forgets the tape of a task that has another address space, or none any more.
    pub(in crate::engine) fn forget(&mut self, tid: Pid) {
        self.of.remove(&tid);
    }

    /// A task is about to change its directory.
    pub(in crate::engine) fn leave_directory(&mut self, tid: Pid) {
        self.of.entry(tid).and_modify(|tape| tape.directory = None);
    }
}

impl<A: Arch> Engine<A> {
    /// A task has made a file for its tape, open there as `fd`, and mapped it, or has failed to: whether calls are
    /// written down from now on.
    pub(super) fn lay_tape<G: Guest<A>>(&mut self, fd: i64, mapped: Outcome, guest: &G) -> bool {
        let tid = guest.tid();
        let Some(place) = self.lane.as_ref().and_then(|fast| fast.page.tape) else { return false };
        if mapped != Outcome::Value(place.at.cast_signed()) {
            return false;
        }
        let file = OpenOptions::new().read(true).write(true).open(format!("/proc/{tid}/fd/{fd}"));
        let Ok(tape) = file.and_then(|file| Tape::on(&file, tid)) else { return false };
        self.tapes.of.insert(tid, tape);
        self.set_strip(tid, Strip::Running);
        true
    }

    fn set_strip(&self, tid: Pid, strip: Strip) {
        if let Some(task) = self.tasks.get(&tid) {
            task.lane.borrow_mut().strip = strip;
        }
    }

    /// Lets calls be written down from now on.
    pub(super) fn run_tape<G: Guest<A>>(&mut self, guest: &G) -> Result<(), Errno> {
        self.set_strip(guest.tid(), Strip::Running);
        self.switch_tape(1, guest)
    }

    pub(super) fn switch_tape<G: Guest<A>>(&self, word: u64, guest: &G) -> Result<(), Errno> {
        let Some(place) = self.lane.as_ref().and_then(|fast| fast.page.tape) else { return Ok(()) };
        self.or_close(guest.plant(GuestAddr(place.on), &word.to_le_bytes()), guest)
    }

    /// A task has made a child. Whatever they share, nothing is written to its tape until one of them is
    /// alone with it; returns what the child has to put right in its own memory for that.
    pub(in crate::engine) fn rest_tape<G: Guest<A>>(
        &mut self,
        guest: &G,
    ) -> Option<(GuestAddr, u64)> {
        let place = self.lane.as_ref()?.page.tape?;
        let task = self.tasks.get(&guest.tid())?;
        if !task.lane.borrow().strip.is_written_to() {
            return None;
        }
        self.set_strip(guest.tid(), Strip::Resting);
        // One that is dying writes nothing.
        let _ = self.switch_tape(0, guest);
        Some((GuestAddr(place.on), 0))
    }

    /// A task has come that nobody has announced: if its parent writes to a tape, it does not.
    pub(in crate::engine) fn rest_tape_of_stranger<G: Guest<A>>(&self, guest: &G) {
        let Some(fast) = self.lane.as_ref().filter(|_| self.tapes.are_used()) else { return };
        let mut code = vec![0; fast.page.code.len().min(64)];
        if guest.read_exact(GuestAddr(fast.page.at), &mut code).is_ok()
            && fast.page.code.starts_with(&code)
        {
            let _ = self.switch_tape(0, guest);
        }
    }

    /// Tells what has been written on tapes. A task that is `before` a call, or behind one, writes nothing: its
    /// tape can begin anew.
    pub(in crate::engine) fn play_tapes(&mut self, before: Option<Pid>) {
        if !self.tapes.are_used() {
            return;
        }
        let mut unplayed = std::mem::take(&mut self.tapes.unplayed);
        let mut spoilt = Vec::new();
        let ends = self.tapes.ends();
        for ((&tid, tape), end) in self.tapes.of.iter_mut().zip(ends) {
            // The lane goes on where it finds the end.
            if tape.copy(tid, end, &mut unplayed).is_err() {
                tape.rewind();
                spoilt.push(tid);
            }
        }
        unplayed.calls.sort_by_key(|place| place.stamp);
        for Place { tid, at, .. } in unplayed.calls.drain(..) {
            if let Some((taped, _)) = calls(&unplayed.bytes[at..]).next() {
                self.play(tid, &taped);
            }
        }
        unplayed.bytes.clear();
        self.tapes.unplayed = unplayed;
        if let Some(tid) = before
            && let Some(tape) = self.tapes.of.get_mut(&tid)
        {
            if tape.played > HEADER {
                tape.rewind();
            }
            if tape.directory.is_none() {
                tape.directory = directory(tid);
            }
        }
        for tid in spoilt {
            self.observer.lost(&Spoilt { tid });
        }
    }

    /// Tells of a call that a task has made by the lane and is about to write down, before a handler comes
    /// in between.
    pub(in crate::engine) fn write_by_hand<G: Guest<A>>(&mut self, guest: &G) -> Result<(), Errno> {
        let tid = guest.tid();
        let Some(place) = self.lane.as_ref().and_then(|fast| fast.page.tape) else { return Ok(()) };
        if !self.tapes.of.contains_key(&tid) {
            return Ok(());
        }
        let Registers::Native(regs) = guest.regs(Abi::Native)? else { return Ok(()) };
        let Some(at) = A::unwritten_at(&place, &regs) else { return Ok(()) };
        let mut words = [0; 6];
        for (n, word) in words.iter_mut().enumerate() {
            *word = guest.read_u64(GuestAddr(at).offset(8 * n as u64))?;
        }
        let Some(unwritten) = A::unwritten(&place, &regs, words) else { return Ok(()) };
        guest.set_regs(&Registers::Native(unwritten.written))?;
        let Unwritten { nr, args, result, .. } = unwritten;
        self.tell(tid, (nr, args, result), guest, Moment::default());
        Ok(())
    }

    fn play(&mut self, tid: Pid, taped: &Taped<'_>) {
        let Taped { nr, args, result, .. } = *taped;
        let directory = self.tapes.of.get(&tid).and_then(|tape| tape.directory.clone());
        let moment = Moment {
            directory: directory.as_deref(),
            opened: taped.opened().and_then(A::decode_stat),
        };
        self.tell(tid, (nr, args, result), &Pieces(taped), moment);
    }

    /// Tells of a call that a task has made by the lane.
    fn tell(
        &mut self,
        tid: Pid,
        (nr, args, result): (u64, [u64; 6], i64),
        memory: &dyn Memory,
        moment: Moment<'_>,
    ) {
        let Some(ip) = self.lane.as_ref().map(|fast| fast.page.at) else { return };
        let (abi, layer) = (Abi::Native, Layer::Outer);
        let call = Call { abi, nr, syscall: A::syscall(nr), args, layer, ip, sp: 0 };
        let outcome = Outcome::from_ret(result);
        let mounted = Mounted { served: self.served.as_ref(), tasks: &self.tasks, tid };
        let places = Then { mounted: &mounted, moment };
        let seat = Seat { tid, memory, places: &places };
        self.observer.taped::<A>(&call, outcome, &seat);
        if let Some(mut spelled) = self.observer.enter::<A>(&call, &seat) {
            self.observer.complete::<A>(&mut spelled, &call, outcome, &seat);
            let none = Duration::ZERO;
            let call = &spelled;
            let event = Event::Leave { call, outcome, note: None, spent: none, system: none };
            self.observer.event(tid, &event);
        }
    }
}

/// What a tape has of its task's memory.
struct Pieces<'a>(&'a Taped<'a>);

impl Memory for Pieces<'_> {
    fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
        let from_there = [&self.0.path, &self.0.answer].into_iter().find_map(|piece| {
            let skipped = usize::try_from(at.0.checked_sub(piece.at)?).ok()?;
            piece.bytes.get(skipped..).filter(|bytes| !bytes.is_empty())
        });
        let bytes = from_there.ok_or(Errno::EFAULT)?;
        let count = bytes.len().min(buf.len());
        buf[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write(&self, _: GuestAddr, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::EFAULT)
    }
}

/// What is known of the moment in which a call was made.
#[derive(Debug, Clone, Copy, Default)]
struct Moment<'a> {
    /// Where the task was, if it may be elsewhere by now.
    directory: Option<&'a Path>,
    /// The attributes of the file that it has opened, if it may be closed by now.
    opened: Option<Stat>,
}

/// Where a task was when it made a call: it may have ended since.
struct Then<'a> {
    mounted: &'a dyn Places,
    moment: Moment<'a>,
}

impl Places for Then<'_> {
    fn mounted(&self, tid: Pid, fd: i32) -> Option<PathBuf> {
        self.mounted.mounted(tid, fd)
    }

    fn mounted_directory(&self) -> Option<PathBuf> {
        self.mounted.mounted_directory().or_else(|| self.moment.directory.map(Path::to_owned))
    }

    fn held(&self, path: &Path, follow: Follow) -> Option<Held> {
        self.mounted.held(path, follow)
    }

    fn behind(&self, real: &Path) -> Option<(PathBuf, Held)> {
        self.mounted.behind(real)
    }

    fn viewed(&self, real: &Path) -> Option<PathBuf> {
        self.mounted.viewed(real)
    }

    fn attested(&self) -> Option<Stat> {
        self.moment.opened
    }
}
