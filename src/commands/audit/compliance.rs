//! `vrift audit compliance`: RFC-0047's table.

use std::process::ExitCode;

use vrift_audit::report::Compliance;

use super::record::{read, write};
use crate::cli::ComplianceArgs;
use crate::failure::Failure;

/// Exit status 1 if a call does not comply, or if the record does not show all calls.
pub(super) fn compliance(args: &ComplianceArgs) -> Result<ExitCode, Failure> {
    let model = read(&args.record)?;
    let table = Compliance::of(&model);
    write(None, |out| match args.json {
        true => writeln!(out, "{}", table.json()),
        false => write!(out, "{table}"),
    })?;
    let shown = table.complies() && model.damage.is_none();
    Ok(if shown { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
