//! Running a program tree to its end: launching, waiting, asking the engine, resuming.

use std::collections::HashMap;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Native;
use vrift_arch::seccomp::{Serving, policy_rules, program};

use crate::cores::Cores;
use crate::engine::{self, Ending, Engine, Next, Resume, Served, Step};
use crate::observer::Observer;
use crate::ptrace::{LaunchError, Patience, Program, Stopped, Waited, launch, wait};

/// Runs `root` and everything it starts; returns how `root` ended once all of them have.
pub fn run(
    root: &Program,
    served: Option<Served>,
    observer: Observer,
) -> Result<Ending, LaunchError> {
    let serving = if served.is_some() { Serving::Mounts } else { Serving::Nothing };
    let stops_at_all = served.is_some() || observer.watches_anything();
    let cores = if stops_at_all { Cores::new() } else { None };
    let stops =
        |syscall| observer.watches(syscall) || stops_at_all && engine::concerns_engine(syscall);
    let rules = policy_rules::<Native>(serving, &stops);
    let launched = launch(root, &program::<Native>(&rules))?;
    let engine = Engine::<Native>::new(launched.pid, served, observer, cores);
    let mut run = Run { engine, held: HashMap::new(), root: launched.pid, ending: None };
    let waited = run.run_out();
    run.engine.finish();
    let waiting = |errno| LaunchError::Prepare { step: "waiting for the program", errno };
    waited.map_err(waiting)?;
    match launched.failure() {
        Some(failure) => Err(failure),
        None => run.ending.ok_or(waiting(Errno::ECHILD)),
    }
}

struct Run {
    engine: Engine<Native>,
    /// Tracees that wait for their parent's event.
    held: HashMap<Pid, Stopped>,
    root: Pid,
    ending: Option<Ending>,
}

impl Run {
    fn run_out(&mut self) -> Result<(), Errno> {
        let mut batch = Vec::new();
        loop {
            // All that is ready is taken before any of it is acted on, so that a tracee that stops
            // again at once cannot starve the others.
            let mut patience = Patience::Block;
            while patience == Patience::Block || self.engine.tasks() > batch.len() {
                match wait(patience)? {
                    Waited::Nobody if batch.is_empty() => return Ok(()),
                    Waited::Nobody | Waited::Nothing => break,
                    waited => batch.push(waited),
                }
                patience = Patience::Poll;
            }
            if batch.is_empty() {
                self.engine.ticked();
            }
            for waited in batch.drain(..) {
                self.act(waited)?;
            }
        }
    }

    fn act(&mut self, waited: Waited) -> Result<(), Errno> {
        match waited {
            Waited::Nothing | Waited::Nobody => Ok(()),
            Waited::Ended { tid, ending } => {
                if tid == self.root {
                    self.ending = Some(ending);
                }
                self.held.remove(&tid);
                let release = self.engine.ended(tid, ending);
                self.release(release)
            }
            Waited::Stopped { mut tracee, stop, system } => {
                let Step { next, release } = self.engine.step(stop, system, &mut tracee);
                match next {
                    Next::Resume(how) => tracee.resume(how)?,
                    Next::Hold => {
                        self.held.insert(tracee.tid(), tracee);
                    }
                    // Its end is on its way; there is nothing left to resume.
                    Next::Dying => drop(tracee),
                }
                self.release(release)
            }
        }
    }

    fn release(&mut self, tids: Vec<Pid>) -> Result<(), Errno> {
        for tid in tids {
            if let Some(tracee) = self.held.remove(&tid) {
                tracee.resume(Resume::Run { signo: 0 })?;
            }
        }
        Ok(())
    }
}
