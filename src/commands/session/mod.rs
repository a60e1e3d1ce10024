//! `vrift session`: what commands have changed in mounts; and what becomes of it after a command.

mod apply;
mod diff;
mod patch;

use std::io::{BufWriter, Write, stdout};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vrift_vfs::apply::Mode;
use vrift_vfs::export::export_session;
use vrift_vfs::session::{self, Difference, Ground, Session, What};

use crate::cli::{Outcome, SessionCommand};
use crate::environment;
use crate::failure::{Failure, complain};
use diff::Form;

/// Carries out `vrift session …`.
pub(crate) fn session(command: &SessionCommand) -> Result<ExitCode, Failure> {
    match command {
        SessionCommand::List { json } => list(*json),
        SessionCommand::Show { name } => show(name),
        SessionCommand::Diff { name, patch, json } => {
            let form = if *patch { Form::Patch } else { Form::List };
            diff::diff(name, form, *json)
        }
        SessionCommand::Commit { name, output } => commit(name, output.as_deref()),
        SessionCommand::Export { name, to } => {
            let session = open(name)?;
            let store = environment::store()?;
            super::export::write(to, |target, options, shown| {
                export_session(&session, &store, target, options, shown)
            })
        }
        SessionCommand::Apply { name, dir, dry_run } => {
            apply::apply(name, dir, if *dry_run { Mode::DryRun } else { Mode::Apply })
        }
        SessionCommand::Discard { name } => {
            session::remove(environment::store()?.root(), name)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Ends the session of a command, or keeps it. Says nothing where nothing was changed.
pub(crate) fn conclude(name: &str, named: Naming, outcome: Outcome) -> Result<(), Failure> {
    let store = environment::store()?;
    // Nothing was changed.
    let is_gone = |error: &session::Error| {
        matches!(error, session::Error::NoSession { .. }) && named == Naming::OfItsOwn
    };
    if outcome == Outcome::Discard {
        // What was changed need not be read for that.
        let removed = session::remove(store.root(), name);
        return if removed.as_ref().is_err_and(is_gone) { Ok(()) } else { Ok(removed?) };
    }
    let mut session = match Session::open(&store, name) {
        Err(error) if is_gone(&error) => return Ok(()),
        opened => opened?,
    };
    let found = session.differences()?;
    if found.is_empty() && named == Naming::OfItsOwn {
        return Ok(session.discard()?);
    }
    if outcome == Outcome::Commit {
        let to = manifest(&session)?;
        let done = session.commit(&to)?;
        session.discard()?;
        complain(&format!("{} is now {}: {}", to.display(), done.manifest, summary(&found)));
        return Ok(());
    }
    complain(&format!("session {name} kept: {}", summary(&found)));
    complain(&format!("`vrift session diff {name}` shows it, `commit` and `discard` end it"));
    Ok(())
}

/// Who named a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The user.
    ByUser,
    /// vrift: nobody expects it to stay if nothing happened.
    OfItsOwn,
}

fn open(name: &str) -> Result<Session, Failure> {
    let session = Session::open(&environment::store()?, name)?;
    if session.torn() > 0 {
        complain(&format!(
            "session {name}: the last {} bytes of its journal were no whole change and are gone",
            session.torn()
        ));
    }
    Ok(session)
}

/// The manifest that a commit replaces.
fn manifest(session: &Session) -> Result<PathBuf, Failure> {
    match session.ground()? {
        Ground::Manifest(path) => Ok(path),
        Ground::Lower(lower) => Err(Failure::from(session::Error::NoManifest { lower })
            .hint("name one with -o, or use `vrift session apply`")),
    }
}

fn list(json: bool) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(stdout().lock());
    for found in session::list(environment::store()?.root())? {
        let (manifest, overlay) = match &found.ground {
            Some(Ground::Manifest(path)) => (Some(path.to_string_lossy()), None),
            Some(Ground::Lower(path)) => (None, Some(path.to_string_lossy())),
            None => (None, None),
        };
        let state = if found.in_use { "in use" } else { "idle" };
        match json {
            true => {
                let object = serde_json::json!({
                    "name": found.name, "manifest": manifest, "overlay": overlay,
                    "in_use": found.in_use,
                });
                writeln!(out, "{object}")?;
            }
            false => {
                writeln!(
                    out,
                    "{:<24} {state:<7} {}",
                    found.name,
                    manifest.or(overlay).unwrap_or_default()
                )?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn show(name: &str) -> Result<ExitCode, Failure> {
    let session = open(name)?;
    let found = session.differences()?;
    let mut out = stdout().lock();
    writeln!(out, "session   {name}")?;
    match session.ground()? {
        Ground::Manifest(path) => {
            writeln!(out, "manifest  {}", path.display())?;
            writeln!(out, "id        {}", session.base_id())?;
        }
        Ground::Lower(path) => writeln!(out, "overlay   {}", path.display())?,
    }
    writeln!(out, "changes   {}", summary(&found))?;
    Ok(ExitCode::SUCCESS)
}

fn commit(name: &str, output: Option<&Path>) -> Result<ExitCode, Failure> {
    let mut session = open(name)?;
    let to = output.map_or_else(|| manifest(&session), |file| Ok(file.to_owned()))?;
    let done = session.commit(&to)?;
    session.discard()?;
    let mut out = stdout().lock();
    out.write_all(to.as_os_str().as_bytes())?;
    writeln!(out, "  {}", done.manifest)?;
    writeln!(
        out,
        "{} files ({} bytes) stored, {} new blobs",
        done.files, done.bytes, done.new_blobs
    )?;
    Ok(ExitCode::SUCCESS)
}

fn summary(found: &[Difference]) -> String {
    let count = |wanted: &[What]| found.iter().filter(|one| wanted.contains(&one.what)).count();
    format!(
        "{} added, {} changed, {} removed, {} with other attributes only",
        count(&[What::Added]),
        count(&[What::Content, What::Kind]),
        count(&[What::Removed]),
        count(&[What::Attributes, What::Time]),
    )
}
