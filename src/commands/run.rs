//! `vrift run`: a command with mounts, in silence; and what `trace` shares with it.

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use vrift_tracer::engine::Ending;
use vrift_tracer::observer::Observer;
use vrift_tracer::probe::{Obstacle, find_proc};
use vrift_tracer::ptrace::LaunchError;
use vrift_tracer::session::{self, Survivors};

use super::session::{Naming, conclude};
use crate::cli::{ExitWithRoot, RootArgs, RunArgs};
use crate::failure::{Failure, chain, complain};
use crate::{mounts, program};

/// Runs the command.
pub(crate) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let observer = Observer::silent(Box::new(complain_about));
    observed(&args.root, &args.command, &[], || Ok(observer)).map(end_as)
}

/// Runs a command under an observer, which is made when nothing is known to keep it from running; with
/// `changes` to its environment.
pub(crate) fn observed(
    root: &RootArgs,
    command: &[OsString],
    changes: &[OsString],
    observer: impl FnOnce() -> Result<Observer, Failure>,
) -> Result<Ending, Failure> {
    match find_proc() {
        // Who only watches does without.
        Err(Obstacle::NoProc { .. }) if root.mounts.are_none() => {}
        found => found.map_err(hindered)?,
    }
    let mut prepared = mounts::prepare(&root.mounts)?;
    let program = program::prepare(
        command,
        changes,
        prepared.directory.as_deref(),
        prepared.served.as_mut(),
    )?;
    let survivors = match root.exit_with_root {
        ExitWithRoot::Wait => Survivors::Wait,
        ExitWithRoot::Kill => Survivors::Kill,
    };
    let fast = root.fast_lane.into();
    let ended = observer()
        .map(|observer| session::run(&program, prepared.served, observer, survivors, fast));
    for name in &prepared.sessions {
        let success = matches!(ended, Ok(Ok(Ending::Exited { code: 0 })));
        let asked = &root.mounts.session;
        let named = if asked.session.is_some() { Naming::ByUser } else { Naming::OfItsOwn };
        conclude(name, named, asked.outcome(success))?;
    }
    match ended? {
        Ok(ending) => Ok(ending),
        Err(LaunchError::Execute { errno }) => Err(program::not_executed(&command[0], errno)),
        Err(error @ (LaunchError::Seize { .. } | LaunchError::Filter { .. })) => {
            Err(hindered(Obstacle::from(&error)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Nothing can be traced.
pub(crate) fn hindered(obstacle: Obstacle) -> Failure {
    Failure::new(&obstacle).hint(obstacle.mend())
}

/// Ends as the command ended.
pub(crate) fn end_as(ending: Ending) -> ExitCode {
    match ending {
        Ending::Exited { code } => ExitCode::from(code as u8),
        Ending::Killed { signo, .. } => die_of(signo),
    }
}

/// Reports what goes wrong while the command runs.
pub(crate) fn complain_about(error: &dyn Error) {
    complain(&chain(error));
}

/// Ends as the command did: by the same signal, without a core of our own.
#[expect(unsafe_code, reason = "signal(2) may install a handler; this one restores the default")]
pub(crate) fn die_of(signo: i32) -> ExitCode {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    if let Ok(fatal) = Signal::try_from(signo) {
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { signal(fatal, SigHandler::SigDfl) };
        let _ = raise(fatal);
    }
    // A signal that cannot be raised (a real-time one) is told as shells tell it.
    ExitCode::from(128u8.wrapping_add(signo as u8))
}
