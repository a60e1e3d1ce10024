//! `vrift audit`: what is done with a record, one file for each subcommand.

mod compliance;
mod diff;
mod record;
mod report;

use std::process::ExitCode;

use crate::cli::{AuditArgs, AuditCommand};
use crate::failure::Failure;

/// Looks at a record.
pub(crate) fn audit(args: &AuditArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        AuditCommand::Report(args) => report::report(args),
        AuditCommand::Compliance(args) => compliance::compliance(args),
        AuditCommand::Diff(args) => diff::diff(args),
    }
}
