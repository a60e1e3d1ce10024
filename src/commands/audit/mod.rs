//! `vrift audit`: a command that is recorded, and what is done with a record, one file for each.

mod compliance;
mod deps;
mod diff;
mod export;
mod kept;
mod pack;
mod record;
mod report;
mod run;
mod verify;

use std::process::ExitCode;

use crate::cli::{AuditArgs, AuditCommand};
use crate::failure::Failure;

/// Records a command, or looks at a record.
pub(crate) fn audit(args: &AuditArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        None => run::record(&args.record),
        Some(AuditCommand::Report(args)) => report::report(args),
        Some(AuditCommand::Compliance(args)) => compliance::compliance(args),
        Some(AuditCommand::Diff(args)) => diff::diff(args),
        Some(AuditCommand::Export(args)) => export::export(args),
        Some(AuditCommand::Deps(args)) => deps::deps(args),
        Some(AuditCommand::Pack(args)) => pack::pack(args),
        Some(AuditCommand::Verify { record, json }) => verify::verify(record, *json),
    }
}
