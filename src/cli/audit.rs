//! The command line of `vrift audit`; what is done with a record has a file for each subcommand.

mod diff;
mod report;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) use diff::AuditDiffArgs;
pub(crate) use report::{ReportArgs, ReportFormat};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

/// What is done with a record.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Say what a record comes to: whether the run complied and why not, what it read and wrote
    Report(ReportArgs),
    /// Show how each system call was answered (RFC-0047); exit status 1 if one does not comply
    Compliance(ComplianceArgs),
    /// Compare two runs: what one was given, read or left and the other not; exit status 1 if they differ
    Diff(AuditDiffArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ComplianceArgs {
    /// The record
    #[arg(value_name = "REC")]
    pub(crate) record: PathBuf,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}
