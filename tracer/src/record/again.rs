//! Calls from a tape of which the same is told as of one before: every compiler looks for the same headers in the same
//! directories, and finds the same few.
//!
//! What is told of a call that looks for a file, or opens one to read it, depends on its words and on what came of it; if
//! something was opened, on its attributes too. Where a path leads is asked of the host only for what is open and for
//! `..`, and that the tree changes with a stop. So all else is told again without being decoded.
//!
//! Deliberately absent: what a policy judges, since each call is judged.

use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::BuildHasher;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use foldhash::fast::RandomState;
use nix::unistd::Pid;
use vrift_arch::abi::AT_FDCWD;
use vrift_arch::{Arch, Arg, Syscall};
use vrift_record::{Act, Appended, VersionId};

use super::Recorder;
use super::contents::Contents;
use super::stat::Stat;
use super::ways::leads_elsewhere;
use crate::call::{Call, Outcome};
use crate::memory::GuestAddr;
use crate::view::places::Seat;

/// The longest path of a call that is remembered, with its NUL.
const PATH_BYTES_MAX: usize = 256;

/// How many calls are remembered; then all are forgotten. The same of the tasks that have made them.
const KNOWN_MAX: usize = 1 << 14;

/// The calls that have been told, in the order in which they were first told.
///
/// The next call of a task is mostly the one that came next the last time: so it is looked for there first, which takes
/// no search, and memory that is read in its order.
#[derive(Debug, Default)]
pub(super) struct Again {
    known: Vec<Known>,
    /// Their keys, one behind the other.
    keys: Vec<u8>,
    /// Where they are by the hashes of their keys.
    places: HashMap<u64, usize, RandomState>,
    hashes: RandomState,
    /// The last call of each task.
    last: HashMap<Pid, usize, RandomState>,
    /// All that is told of a call depends on, but for the attributes of what it has opened; has room.
    key: Vec<u8>,
    /// How often paths may have come to lead elsewhere.
    changes: u64,
}

/// What has been told of a call.
#[derive(Debug)]
pub(crate) struct Same {
    pub(super) told: Appended,
    pub(super) opened: Option<Box<Opened>>,
}

/// What a call has opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) stat: Stat,
    /// A directory has none.
    pub(super) version: Option<VersionId>,
}

#[derive(Debug)]
struct Known {
    key: Range<usize>,
    same: Same,
    /// How often paths had come to lead elsewhere, if that matters.
    changes: Option<u64>,
    /// The call that came next.
    next: usize,
}

impl Again {
    /// The tree has done something with success.
    pub(super) fn after(&mut self, act: Act) {
        if leads_elsewhere(act) {
            self.changes += 1;
        }
    }

    /// What is told of the call that `key` is of, by a task that has opened a file with these attributes.
    fn of(&mut self, tid: Pid, opened: Option<Stat>, contents: &Contents) -> Option<&Appended> {
        let place = self.find(tid)?;
        let Known { same, changes, .. } = &self.known[place];
        if changes.is_some_and(|changes| changes != self.changes) {
            return None;
        }
        let is_it = |before: &Opened| {
            opened == Some(before.stat)
                && (before.version.is_none() || contents.known(&before.stat) == before.version)
        };
        same.opened.as_deref().is_none_or(is_it).then_some(&same.told)
    }

    /// Where the call that `key` is of is, which is the next of a task.
    fn find(&mut self, tid: Pid) -> Option<usize> {
        let last = self.last.get(&tid).copied();
        let next = last.map(|last| self.known[last].next).filter(|&next| self.is_of_key(next));
        let place = next.or_else(|| self.search())?;
        self.follow(tid, place);
        Some(place)
    }

    fn search(&self) -> Option<usize> {
        let place = *self.places.get(&self.hashes.hash_one(&self.key))?;
        self.is_of_key(place).then_some(place)
    }

    fn is_of_key(&self, place: usize) -> bool {
        self.known.get(place).is_some_and(|known| self.keys[known.key.clone()] == self.key)
    }

    /// Takes note that a task has made the call at a place after its last one.
    fn follow(&mut self, tid: Pid, place: usize) {
        if self.last.len() >= KNOWN_MAX {
            self.last.clear();
        }
        if let Some(last) = self.last.insert(tid, place) {
            self.known[last].next = place;
        }
    }

    fn keep(&mut self, tid: Pid, same: Same) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.keys.clear();
            self.places.clear();
            self.last.clear();
        }
        let walks_up = self.key.windows(2).any(|pair| pair == b"..");
        let changes = (walks_up || same.opened.is_some()).then_some(self.changes);
        if let Some(place) = self.search() {
            let known = &mut self.known[place];
            (known.same, known.changes) = (same, changes);
            return;
        }
        let place = self.known.len();
        let key = self.keys.len()..self.keys.len() + self.key.len();
        self.keys.extend(&self.key);
        self.known.push(Known { key, same, changes, next: place + 1 });
        self.places.insert(self.hashes.hash_one(&self.key), place);
        self.follow(tid, place);
    }
}

impl Recorder {
    /// Records a call from a tape.
    pub(crate) fn taped<A: Arch>(&mut self, call: &Call, outcome: Outcome, seat: &Seat<'_>) {
        let key = self.again.as_mut().and_then(|again| {
            again.key.clear();
            key(call, outcome, seat, &mut again.key)
        });
        if key.is_some()
            && let Some(again) = &mut self.again
            && let opened = seat.places.attested().map(Stat::from)
            && let Some(told) = again.of(seat.tid, opened, &self.contents)
            && self.out.tell_again(seat.tid, told)
        {
            return;
        }
        let Some(noted) = self.enter::<A>(call, seat) else { return };
        let same = self.leave(*noted, outcome, None, seat);
        if let (Some(()), Some(same), Some(again)) = (key, same, &mut self.again) {
            again.keep(seat.tid, same);
        }
    }
}

/// Where the path of a call is, and the arguments of which depends what is told of it: neither addresses nor the
/// mode of what is not made.
fn words(syscall: Syscall) -> Option<(Arg, &'static [Arg])> {
    use Syscall as S;
    Some(match syscall {
        S::Stat | S::Lstat => (Arg::A0, &[]),
        S::Access | S::Open => (Arg::A0, &[Arg::A1]),
        S::Readlink => (Arg::A0, &[Arg::A2]),
        S::Faccessat | S::Openat => (Arg::A1, &[Arg::A0, Arg::A2]),
        S::Readlinkat | S::Newfstatat => (Arg::A1, &[Arg::A0, Arg::A3]),
        S::Faccessat2 | S::Statx => (Arg::A1, &[Arg::A0, Arg::A2, Arg::A3]),
        _ => return None,
    })
}

/// Writes into `key` what is told of a call depends on; `None` if it depends on more.
fn key(call: &Call, outcome: Outcome, seat: &Seat<'_>, key: &mut Vec<u8>) -> Option<()> {
    let (path_at, words) = words(call.syscall?)?;
    let errno = match outcome {
        Outcome::Value(_) => 0,
        Outcome::Error(errno) => errno as i32,
        Outcome::Restarts(_) | Outcome::Never => return None,
    };
    key.extend((call.nr as u32).to_le_bytes());
    key.extend(errno.to_le_bytes());
    for &word in words {
        key.extend(call.arg(word).to_le_bytes());
    }
    let mut path = [0; PATH_BYTES_MAX];
    let read = seat.memory.read(GuestAddr(call.arg(path_at)), &mut path).ok()?;
    let path = CStr::from_bytes_until_nul(&path[..read]).ok()?;
    key.extend(path.to_bytes_with_nul());
    match path.to_bytes().first() {
        Some(b'/') => {}
        // One without a name; one in a directory by descriptor.
        None => return None,
        _ if path_at == Arg::A1 && call.arg(Arg::A0) as i32 != AT_FDCWD => return None,
        _ => key.extend(seat.places.mounted_directory()?.as_os_str().as_bytes()),
    }
    Some(())
}
