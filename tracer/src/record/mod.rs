//! The recorder: what a program tree does, into a record (`vrift_record`).
//!
//! ```text
//!  Call at entry ─► Noted (paths, what is to be opened, arguments) ─► Outcome ─► events of the record
//! ```
//!
//! It watches beside the sinks of a trace, at the same stops, but reads requests and not spellings:
//! the paths and descriptors a call names, decoded as for a mount.
//!
//! Deliberately absent: any judgement. What is allowed is the policy's business.

mod again;
mod contents;
mod enforced;
mod escapes;
mod files;
mod hasher;
mod inherited;
mod ipc;
mod left;
mod linked;
mod lookups;
mod network;
mod noted;
mod opened;
mod output;
mod paths;
mod programs;
mod scripts;
mod stat;
mod variables;
mod watched;
mod ways;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;
use vrift_arch::lane::{Hidden, Plan, Scope};
use vrift_arch::seccomp::Interest;
use vrift_arch::{Arch, Native, Syscall};
use vrift_record::policy::{Policy, Violation};
use vrift_record::{Ending, Escape, Event as Told, Header, How, Kin, Outcome, Unstopped, Usage};

use crate::engine::WhenFast;
use crate::observer::Telling;
use crate::procfs;
use crate::view::event::{self, Core, Event};
use crate::view::places::Places;
use contents::Contents;
use output::Output;

pub(crate) use noted::Noted;
pub use watched::names as watched_names;

/// Whether mounts are served to the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounts {
    /// They are.
    Some,
    /// There are none.
    None,
}

/// What happens when the policy is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// It is noted.
    Note,
    /// The call fails.
    Deny,
}

/// What a program tree is held to.
#[derive(Debug, Clone)]
pub struct Held {
    /// The rules.
    pub policy: Policy,
    /// What happens when they are broken.
    pub enforcement: Enforcement,
}

/// Which calls need not stop for a record. Where rules may be broken no program's word is taken for what it has
/// read, and what may be denied stops before it is made.
pub fn unstopped(fast: WhenFast, held: Option<&Held>) -> Unstopped {
    let plan = Plan { hidden: Hidden::Nothing, tape: Some(Scope::Lookups) };
    match held.map(|held| held.enforcement) {
        _ if fast == WhenFast::Never || Native::lane(&plan).is_none() => Unstopped::Nothing,
        Some(Enforcement::Deny) => Unstopped::Nothing,
        Some(Enforcement::Note) => Unstopped::Lookups,
        None => Unstopped::Opens,
    }
}

/// Whether the command has become the program it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Ahead,
    Executed,
}

/// What a recorder knows of violations, also when it has ended.
#[derive(Debug, Clone)]
pub struct Violations(Output);

impl Violations {
    /// Whether the record has not got to its end, and tells of nothing.
    pub fn nothing_happened(&self) -> bool {
        self.0.is_untold()
    }

    /// How many there were, and the first of them.
    pub fn told(&self) -> (u64, Vec<Violation>) {
        self.0.violations()
    }
}

/// Watches a program tree and writes its record.
#[derive(Debug)]
pub struct Recorder {
    out: Output,
    mounts: Mounts,
    contents: Contents,
    /// The paths the tree has changed, for the end.
    changed: left::Changed,
    linked: linked::Linked,
    /// The new paths of directories that have been renamed since this was last asked.
    moved: Vec<PathBuf>,
    /// Every process there was.
    known: HashSet<Pid>,
    enforcement: Enforcement,
    unstopped: Unstopped,
    eyes: lookups::Eyes,
    ways: ways::Ways,
    /// `None` if there are rules.
    again: Option<again::Again>,
    /// The names of UNIX sockets that the tree has bound.
    bound: HashSet<Vec<u8>>,
    ipc: ipc::Ipc,
    variables: variables::Variables,
    /// What a task has used, told before its end.
    used: Option<(Pid, Usage)>,
    root: Option<Pid>,
    command: Command,
    ending: Ending,
}

impl Recorder {
    /// Starts a record at `path`.
    ///
    /// # Errors
    /// Those of making the file.
    pub fn create(
        path: &Path,
        header: &Header,
        mounts: Mounts,
        held: Option<Held>,
    ) -> Result<Recorder, RecordError> {
        let enforcement = held.as_ref().map_or(Enforcement::Note, |held| held.enforcement);
        let again = held.is_none().then(again::Again::default);
        let out = Output::create(path, header, held.map(|held| held.policy))?;
        let contents = Contents::new(out.clone(), path);
        Ok(Recorder {
            out,
            mounts,
            contents,
            changed: left::Changed::default(),
            linked: linked::Linked::default(),
            moved: Vec::new(),
            known: HashSet::new(),
            enforcement,
            unstopped: header.unstopped,
            eyes: lookups::Eyes::of_vrift(),
            ways: ways::Ways::default(),
            again,
            bound: HashSet::new(),
            ipc: ipc::Ipc::default(),
            variables: variables::Variables::default(),
            used: None,
            root: None,
            command: Command::Ahead,
            ending: Ending::Unknown,
        })
    }

    /// What it knows of violations.
    pub fn violations(&self) -> Violations {
        Violations(self.out.clone())
    }

    /// Whether a call is recorded.
    pub(crate) fn interest(&self, syscall: Option<Syscall>) -> Interest {
        watched::interest(syscall, self.mounts)
    }

    /// Takes note of an event that is no call.
    pub(crate) fn event(&mut self, tid: Pid, event: &Event<'_>) {
        match event {
            Event::Born { child, kin } => {
                self.start(tid);
                let kin = match kin {
                    event::Kin::Thread => Kin::Thread,
                    event::Kin::Process => Kin::Process,
                };
                self.known.insert(*child);
                self.tell::<&[u8]>(tid, Told::Started { child: child.as_raw(), kin });
            }
            Event::Used { user, system, resources } => {
                let used = Usage {
                    user_us: user.as_micros() as u64,
                    system_us: system.as_micros() as u64,
                    memory_max_kib: resources.memory_max_kib,
                    blocks_read: resources.blocks_read,
                    blocks_written: resources.blocks_written,
                };
                self.used = Some((tid, used));
            }
            Event::Exited { code } => self.ended(tid, How::Ended(Ending::Exited(*code))),
            Event::Killed { signo, core } => {
                let core = *core == Core::Dumped;
                if core {
                    self.dumped(tid);
                }
                self.ended(tid, How::Ended(Ending::Killed { signo: *signo, core }));
            }
            Event::Superseded { by } => self.ended(*by, How::Superseded),
            Event::Met
            | Event::Enter { .. }
            | Event::Leave { .. }
            | Event::Signal { .. }
            | Event::Stopped { .. }
            | Event::Executed => {}
        }
    }

    fn ended(&mut self, tid: Pid, how: How) {
        let used = self.used.take().filter(|(of, _)| *of == tid).map(|(_, used)| used);
        if let (true, How::Ended(ending)) = (self.root == Some(tid), how) {
            self.ending = ending;
        }
        self.tell::<&[u8]>(tid, Told::Ended { how, used: used.unwrap_or_default() });
    }

    /// The kernel has written a file, or started a program, as nobody in the tree has asked it to.
    fn dumped(&self, tid: Pid) {
        let detail = procfs::core_pattern();
        let (kind, call, outcome) = (Escape::CoreDump, &b""[..], Outcome::Done);
        self.tell(tid, Told::Escape { kind, call, detail: &detail, outcome });
    }

    /// The first task that does anything is the command.
    fn start(&mut self, tid: Pid) {
        if self.root.is_none() {
            self.root = Some(tid);
            self.known.insert(tid);
            self.out.start();
            self.tell::<&[u8]>(tid, Told::Started { child: tid.as_raw(), kin: Kin::Root });
        }
    }

    fn tell<T: AsRef<[u8]>>(&self, tid: Pid, event: Told<T>) {
        self.out.tell(tid, event);
    }

    /// Completes the record.
    pub(crate) fn finish(&mut self, places: &dyn Places) -> io::Result<()> {
        self.contents.settle(|path| self.changed.has(path));
        self.leave_files(places);
        self.out.finish(self.ending)
    }

    /// How it may be told of calls that name files.
    pub(crate) fn telling(&self) -> Telling {
        match self.unstopped {
            Unstopped::Nothing => Telling::AtOnce,
            Unstopped::Lookups => Telling::Later(Scope::Lookups),
            Unstopped::Opens => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let since = now.as_secs().cast_signed() - 1;
                Telling::Later(Scope::Opened { since })
            }
        }
    }

    /// Whether the tree sees what vrift sees.
    pub(crate) fn sees_the_same(&self) -> bool {
        self.eyes.are_same()
    }

    /// The new paths of directories that have been renamed since this was last asked.
    pub(crate) fn take_moved(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.moved)
    }

    /// Calls have been made that are not recorded.
    pub(crate) fn lost(&self) {
        self.out.incomplete();
    }

    /// What went wrong with the record meanwhile, once.
    pub(crate) fn trouble(&mut self) -> Option<RecordError> {
        self.out.trouble()
    }
}

/// Why a record cannot be written.
pub type RecordError = vrift_record::Error;
