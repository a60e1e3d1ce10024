//! The command line of `vrift audit`; what is done with a record has a file for each subcommand.

mod deps;
mod diff;
mod export;
mod report;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) use deps::{DepsArgs, PackArgs};
pub(crate) use diff::AuditDiffArgs;
pub(crate) use export::{AuditExportArgs, ExportFormat};
pub(crate) use report::{ReportArgs, ReportFormat};

use super::RootArgs;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "vrift audit [OPTIONS] -- CMD...\n       vrift audit <COMMAND> ..."
)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

/// How a command is recorded.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Write the record to FILE, which is replaced
    #[arg(short = 'o', long = "output", value_name = "FILE", default_value = "vrift.rec")]
    pub(crate) output: PathBuf,
    /// Hold the command to the rules in FILE; exit status 3 if it breaks one
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Let calls fail that would break a rule (EACCES, EPERM), instead of only noting them
    #[arg(long, requires = "policy")]
    pub(crate) enforce: bool,
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) words: Vec<OsString>,
}

/// What is done with a record.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Say what a record comes to: whether the run complied and why not, what it read and wrote
    Report(ReportArgs),
    /// Show how each system call was answered (RFC-0047); exit status 1 if one does not comply, or the record is damaged
    Compliance(ComplianceArgs),
    /// Compare two runs: what one was given, read or left and the other not; exit status 1 if they differ
    Diff(AuditDiffArgs),
    /// Write a record as an attestation, a bill of materials, or a rule for make; exit status 1 if the record is damaged
    Export(AuditExportArgs),
    /// Name the files and packages of the host that a run needed; exit status 1 if the record is damaged
    Deps(DepsArgs),
    /// Store the files of the host that a run needed, to run it from mounts of them alone; exit status 1 if one is not as the run found it, or the record is damaged
    Pack(PackArgs),
    /// Check that a record is as it was written, and that files and blobs still are as it tells; exit status 1 if not
    Verify {
        /// The record
        #[arg(value_name = "REC")]
        record: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
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
