//! `vrift audit diff`: what differs between two runs.

use std::process::ExitCode;

use vrift_audit::diff::Diff;

use super::record::{read, write};
use crate::cli::AuditDiffArgs;
use crate::failure::Failure;

/// Exit status 1 if something differs, as diff(1) has it.
pub(super) fn diff(args: &AuditDiffArgs) -> Result<ExitCode, Failure> {
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let diff = Diff::of(&a, &b);
    write(None, |out| match args.json {
        true => writeln!(out, "{}", diff.json()),
        false => write!(out, "{diff}"),
    })?;
    Ok(if diff.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
