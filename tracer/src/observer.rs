//! Who watches: which calls are shown, how they are spelled, and where they go.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::lane::Scope;
use vrift_arch::seccomp::Interest;
use vrift_arch::{Arch, Syscall};

use crate::call::{Call, Outcome};
use crate::record::{Noted, Recorder};
use crate::view::event::{Event, Sink, Wants};
use crate::view::inside;
use crate::view::note::Note;
use crate::view::paths::PathFilter;
use crate::view::places::{Places, Seat};
use crate::view::select::Selection;
use crate::view::spelled::{Spelled, Speller};

/// As many messages are kept so as not to be repeated.
const TOLD_MAX: usize = 1000;

/// `ERESTART_RESTARTBLOCK`: the kernel goes on with restart_syscall.
const RESTARTBLOCK: u16 = 516;

/// Receives what goes wrong with vrift itself while tracees run.
pub type Complaints = Box<dyn FnMut(&dyn Error)>;

/// When those who watch are told of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Nobody watches.
    Nobody,
    /// Some time later is soon enough for these.
    Later(Scope),
    /// While its caller stands still.
    AtOnce,
}

/// The watching side of an engine.
pub struct Observer {
    selection: Selection,
    speller: Speller,
    sinks: Vec<Box<dyn Sink>>,
    complaints: Complaints,
    /// The last complaints.
    told: HashSet<String>,
    wants: Wants,
    /// Only calls that access one of these paths are shown.
    paths: Option<PathFilter>,
    /// What writes a record.
    recorder: Option<Recorder>,
    /// The calls that were interrupted and that the kernel may go on with under another name.
    interrupted: HashMap<Pid, &'static str>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

impl Observer {
    /// Shows what `selection` names to `sinks`.
    pub fn new(
        selection: Selection,
        speller: Speller,
        sinks: Vec<Box<dyn Sink>>,
        complaints: Complaints,
    ) -> Observer {
        let wants = sinks.iter().fold(Wants::default(), |wants, sink| wants.and(sink.wants()));
        Observer {
            selection,
            speller,
            sinks,
            complaints,
            told: HashSet::new(),
            wants,
            paths: None,
            recorder: None,
            interrupted: HashMap::new(),
        }
    }

    /// The same, showing only calls that access one of `paths`.
    pub fn only_paths(mut self, paths: PathFilter) -> Observer {
        self.selection = paths.restrict(self.selection);
        self.paths = Some(paths);
        self
    }

    /// The same, writing a record too.
    pub fn recording(mut self, recorder: Recorder) -> Observer {
        self.wants = self.wants.and(Wants { lineage: true, ..Wants::default() });
        self.recorder = Some(recorder);
        self
    }

    /// An observer that shows nothing.
    pub fn silent(complaints: Complaints) -> Observer {
        Observer::new(Selection::none(), Speller::default(), Vec::new(), complaints)
    }

    /// Whether calls of `syscall` must stop; `None` stands for numbers no table knows.
    pub fn interest(&self, syscall: Option<Syscall>) -> Interest {
        match &self.recorder {
            _ if self.watches(syscall) => Interest::Always,
            Some(recorder) => recorder.interest(syscall),
            None => Interest::No,
        }
    }

    /// How those who watch may be told of calls that name files.
    pub(crate) fn telling(&self) -> Telling {
        let Wants { ip, lineage: _, times, system } = self.wants;
        match &self.recorder {
            None if self.sinks.is_empty() => Telling::Nobody,
            Some(recorder) if self.sinks.is_empty() => recorder.telling(),
            // What is told of a call beside itself is of the moment in which it is made.
            None if !(ip || times || system || self.paths.is_some() || self.speller.looks_up()) => {
                Telling::Later(Scope::All)
            }
            _ => Telling::AtOnce,
        }
    }

    /// Whether what a tracee names is what vrift finds by that name, if anybody asks.
    pub(crate) fn finds_the_same(&self) -> bool {
        self.recorder.as_ref().is_none_or(Recorder::sees_the_same)
    }

    /// Whether calls of `syscall` are shown, if they are made through the right ABI; `None` stands for numbers no table knows.
    pub fn watches(&self, syscall: Option<Syscall>) -> bool {
        !self.sinks.is_empty() && self.selection.touches(syscall)
    }

    /// Whether anything is shown at all; signals and ends always are.
    pub(crate) fn watches_anything(&self) -> bool {
        !self.sinks.is_empty() || self.recorder.is_some()
    }

    /// Reads what a call names at its entry, if it is recorded.
    pub(crate) fn note<A: Arch>(&mut self, call: &Call, seat: &Seat<'_>) -> Option<Box<Noted>> {
        self.recorder.as_mut()?.enter::<A>(call, seat)
    }

    /// Records a call that was made without a stop.
    pub(crate) fn taped<A: Arch>(&mut self, call: &Call, outcome: Outcome, seat: &Seat<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.taped::<A>(call, outcome, seat);
        }
    }

    /// Records a call at its exit.
    pub(crate) fn record(
        &mut self,
        noted: Noted,
        outcome: Outcome,
        note: Option<&Note>,
        seat: &Seat<'_>,
    ) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.leave(noted, outcome, note, seat);
        if let Some(error) = recorder.trouble() {
            (self.complaints)(&error);
        }
    }

    /// The new paths of directories that have been renamed since this was last asked, if anybody knows.
    pub(crate) fn take_moved(&mut self) -> Vec<PathBuf> {
        self.recorder.as_mut().map(Recorder::take_moved).unwrap_or_default()
    }

    /// Whether births must be known before what children do.
    pub(crate) fn foretells_births(&self) -> bool {
        self.wants.lineage
    }

    /// What the sinks need beyond the events everybody gets.
    pub(crate) fn wants(&self) -> Wants {
        self.wants
    }

    /// Spells a call at its entry, if it is shown, and announces it.
    pub(crate) fn enter<A: Arch>(&mut self, call: &Call, seat: &Seat<'_>) -> Option<Spelled> {
        let meant = inside::meant::<A>(call, seat.memory);
        let shown = meant.as_ref().unwrap_or(call);
        if self.sinks.is_empty() || !self.selection.contains(shown.abi, shown.syscall) {
            return None;
        }
        if let Some(paths) = &self.paths
            && !paths.accepts::<A>(shown, seat)
        {
            return None;
        }
        let mut spelled = self.speller.enter::<A>(call, seat);
        if call.syscall == Some(Syscall::RestartSyscall)
            && let Some(name) = self.interrupted.remove(&seat.tid)
        {
            spelled.resumes(name);
        }
        self.event(seat.tid, &Event::Enter { call: &spelled });
        if matches!(call.syscall, Some(Syscall::Exit | Syscall::ExitGroup)) {
            // It never returns, and before its caller's end is known others may have their say.
            let (outcome, none) = (Outcome::Never, Duration::ZERO);
            let call = &spelled;
            let event = Event::Leave { call, outcome, note: None, spent: none, system: none };
            self.event(seat.tid, &event);
            return None;
        }
        Some(spelled)
    }

    /// Completes a spelled call at its exit.
    pub(crate) fn complete<A: Arch>(
        &mut self,
        spelled: &mut Spelled,
        call: &Call,
        outcome: Outcome,
        seat: &Seat<'_>,
    ) {
        self.speller.leave::<A>(spelled, call, outcome, seat);
        if let (Outcome::Restarts(RESTARTBLOCK), Some(syscall)) = (outcome, call.syscall) {
            self.interrupted.insert(seat.tid, syscall.name());
        }
    }

    /// Tells of a signal that a task is about to get.
    pub(crate) fn signal(
        &mut self,
        signo: i32,
        info: Option<&[u8; 128]>,
        ip: Option<u64>,
        seat: &Seat<'_>,
    ) {
        let info = info.map(|info| self.speller.signal(info, seat));
        self.event(seat.tid, &Event::Signal { signo, info, ip });
    }

    /// Sends an event to every sink; one that fails is reported once and gets no more.
    pub(crate) fn event(&mut self, tid: Pid, event: &Event<'_>) {
        if matches!(event, Event::Exited { .. } | Event::Killed { .. }) {
            self.interrupted.remove(&tid);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.event(tid, event);
        }
        let at = if self.wants.times { SystemTime::now() } else { SystemTime::UNIX_EPOCH };
        let complaints = &mut self.complaints;
        self.sinks.retain_mut(|sink| match sink.event(tid, at, event) {
            Ok(()) => true,
            Err(error) => {
                complaints(&error);
                false
            }
        });
    }

    /// Lets the sinks write what they hold back.
    pub(crate) fn pass_on(&mut self) {
        let complaints = &mut self.complaints;
        self.sinks.retain_mut(|sink| match sink.pass_on() {
            Ok(()) => true,
            Err(error) => {
                complaints(&error);
                false
            }
        });
    }

    /// Calls have been made that nobody will be told of.
    pub(crate) fn lost(&mut self, error: &dyn Error) {
        if let Some(recorder) = &self.recorder {
            recorder.lost();
        }
        self.complain(error);
    }

    /// A task would have changed what vrift has put into it, by this call about this place.
    pub(crate) fn meddled(&mut self, tid: Pid, call: &str, place: &str, errno: Errno) {
        if let Some(recorder) = &self.recorder {
            recorder.meddled(tid, call, place, errno);
        }
    }

    /// Reports what goes wrong with vrift; what a program runs into again and again is told once.
    pub(crate) fn complain(&mut self, error: &dyn Error) {
        // What was told a thousand messages ago can be told again: no more of them are kept.
        if self.told.len() == TOLD_MAX {
            self.told.clear();
        }
        if self.told.insert(error.to_string()) {
            (self.complaints)(error);
        }
    }

    pub(crate) fn finish(&mut self, places: &dyn Places) {
        let complaints = &mut self.complaints;
        if let Some(Err(error)) = self.recorder.as_mut().map(|recorder| recorder.finish(places)) {
            complaints(&error);
        }
        self.sinks.retain_mut(|sink| {
            if let Err(error) = sink.finish() {
                complaints(&error);
            }
            false
        });
    }
}
