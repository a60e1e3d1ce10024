//! `vrift session apply`: the changes of a session in a directory of the host.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use vrift_vfs::apply::{self, Mode};

use super::{open, summary};
use crate::environment;
use crate::failure::{Failure, complain};

/// Exit status 1 if something is in the way.
pub(super) fn apply(name: &str, dir: &Path, mode: Mode) -> Result<ExitCode, Failure> {
    let mut session = open(name)?;
    let found = session.differences()?;
    let report =
        apply::apply(&mut session, &environment::store()?, dir, mode).map_err(|error| {
            Failure::from(error).hint("what is done stays; when the cause is mended, do it again")
        })?;
    for conflict in &report.conflicts {
        complain(&conflict.to_string());
    }
    let dir = dir.display();
    if !report.conflicts.is_empty() {
        let count = report.conflicts.len();
        complain(&format!("{count} conflicts: nothing was changed in {dir}"));
        return Ok(ExitCode::FAILURE);
    }
    if report.left_out > 0 {
        complain(&format!(
            "{} owners and extended attributes are left out; only root can set them",
            report.left_out
        ));
    }
    let done = match mode {
        Mode::DryRun => "nothing is in the way in",
        Mode::Apply => "applied to",
    };
    writeln!(stdout().lock(), "{done} {dir}: {}", summary(&found))?;
    Ok(ExitCode::SUCCESS)
}
