//! Where a record goes: shared by the tracer and the thread that hashes.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use nix::unistd::Pid;
use vrift_record::policy::{Broken, Judge, Policy, Violation};
use vrift_record::{Appended, Ending, Error, Event, Header, Response, Totals, Writer};

/// How long something may wait to be written, so that little is lost if vrift is killed.
const PATIENCE: Duration = Duration::from_millis(200);

/// A record that several threads write to.
#[derive(Debug, Clone)]
pub(super) struct Output {
    shared: Arc<Mutex<Shared>>,
    start: Instant,
}

#[derive(Debug)]
struct Shared {
    writer: Option<Writer>,
    trouble: Option<Error>,
    incomplete: u64,
    judge: Option<Judge>,
}

impl Output {
    pub(super) fn create(
        path: &Path,
        header: &Header,
        policy: Option<Policy>,
    ) -> Result<Output, Error> {
        let writer = Some(Writer::create(path, header)?);
        let judge = policy.map(Judge::new);
        let shared = Shared { writer, trouble: None, incomplete: 0, judge };
        Ok(Output { shared: Arc::new(Mutex::new(shared)), start: Instant::now() })
    }

    /// Starts to write what has waited long enough.
    pub(super) fn start(&self) {
        let shared = Arc::downgrade(&self.shared);
        let flush = move || {
            loop {
                thread::sleep(PATIENCE);
                let Some(shared) = shared.upgrade() else { return };
                let mut shared = lock(&shared);
                let Some(writer) = &mut shared.writer else { return };
                let flushed = writer.flush();
                shared.note(flushed);
            }
        };
        // Without that thread frames are written when they are full.
        drop(in_background("vrift-flush", flush));
    }

    pub(super) fn tell<T: AsRef<[u8]>>(&self, tid: Pid, event: Event<T>) {
        self.tell_as(tid, event, Response::Noted);
    }

    /// The same for a call that the policy may have made fail; returns what it can be told again by.
    pub(super) fn tell_as<T: AsRef<[u8]>>(
        &self,
        tid: Pid,
        event: Event<T>,
        response: Response,
    ) -> Option<Appended> {
        let tid = tid.as_raw();
        let mut shared = lock(&self.shared);
        let violation = shared.judge.as_mut().and_then(|judge| judge.look(tid, &event, response));
        // Under the lock: times do not decrease in the file.
        let at = self.start.elapsed();
        let writer = shared.writer.as_mut()?;
        let told = writer.append(at, tid, event).and_then(|told| {
            if let Some(violation) = violation {
                writer.append(at, tid, violation)?;
            }
            Ok(told)
        });
        shared.note(told)
    }

    /// Tells what has been told before of another call; returns whether it can be told so. No rule is asked.
    pub(super) fn tell_again(&self, tid: Pid, same: &Appended) -> bool {
        let mut shared = lock(&self.shared);
        let at = self.start.elapsed();
        let Some(writer) = &mut shared.writer else { return false };
        let told = writer.append_again(at, tid.as_raw(), same);
        shared.note(told).unwrap_or(false)
    }

    /// What the policy says to something that is asked for; `None` if it is not forbidden.
    pub(super) fn forbids(&self, asks: impl FnOnce(&Judge) -> Option<Broken>) -> Option<Broken> {
        asks(lock(&self.shared).judge.as_ref()?)
    }

    /// Whether there are rules.
    pub(super) fn is_judged(&self) -> bool {
        lock(&self.shared).judge.is_some()
    }

    /// How many violations there were, and the first of them.
    pub(super) fn violations(&self) -> (u64, Vec<Violation>) {
        let shared = lock(&self.shared);
        let judge = shared.judge.as_ref();
        judge.map_or((0, Vec::new()), |judge| (judge.count(), judge.violations().to_vec()))
    }

    /// Whether the record has no event and no end.
    pub(super) fn is_untold(&self) -> bool {
        lock(&self.shared).writer.as_ref().is_some_and(|writer| writer.events() == 0)
    }

    /// Counts an event of which something is not known.
    pub(super) fn incomplete(&self) {
        lock(&self.shared).incomplete += 1;
    }

    pub(super) fn trouble(&self) -> Option<Error> {
        lock(&self.shared).trouble.take()
    }

    pub(super) fn finish(&self, ending: Ending) -> io::Result<()> {
        let mut shared = lock(&self.shared);
        let Some(writer) = shared.writer.take() else { return Ok(()) };
        let totals = Totals {
            events: writer.events(),
            ending,
            wall_ns: self.start.elapsed().as_nanos() as u64,
            incomplete: shared.incomplete,
            violations: shared.judge.as_ref().map_or(0, Judge::count),
        };
        writer.finish(totals).map(drop).map_err(io::Error::other)
    }
}

impl Shared {
    /// A record that cannot be written ends there; the command goes on.
    fn note<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        let failed = |error| {
            self.writer = None;
            self.trouble = Some(error);
        };
        result.map_err(failed).ok()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a thread that gets no signals: those are for the thread that traces.
pub(super) fn in_background(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::all()), Some(&mut before))?;
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    thread
}
