//! The command line: what may be typed, and nothing about what it does.

mod audit;
mod cas;
mod manifest;
mod sessions;
mod trace;
mod trees;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use vrift_tracer::engine::WhenFast;

pub(crate) use audit::{
    AuditArgs, AuditCommand, AuditDiffArgs, AuditExportArgs, ComplianceArgs, DepsArgs,
    ExportFormat, PackArgs, RecordArgs, ReportArgs, ReportFormat,
};
pub(crate) use cas::{CasCommand, GcArgs};
pub(crate) use manifest::{
    DiffArgs, LsArgs, ManifestCommand, PlaceArgs, ShowArgs, StatArgs, VerifyArgs,
};
pub(crate) use sessions::{Outcome, SessionArgs, SessionCommand};
pub(crate) use trace::{Annotate, Constants, Interruptible, StringsInHex, TraceArgs};
pub(crate) use trees::{ExportArgs, ExportTarArgs, ImportTarArgs, IngestArgs, TargetArgs};

/// Trace a program tree, serve its files from a content-addressed store, and show what it did.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the command line. An unknown single letter is told with the known one of other case.
    pub(crate) fn read() -> Result<Cli, clap::Error> {
        Cli::try_parse().map_err(|mut error| {
            if let Some(other) = other_case(&error) {
                error.insert(ContextKind::SuggestedArg, ContextValue::String(other));
            }
            error
        })
    }
}

/// The known option that an unknown letter is, but for its case.
fn other_case(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let letter = given.strip_prefix('-')?.chars().next().filter(char::is_ascii_alphabetic)?;
    let other = if letter.is_ascii_uppercase() {
        letter.to_ascii_lowercase()
    } else {
        letter.to_ascii_uppercase()
    };
    let name = std::env::args().nth(1)?;
    let command = Cli::command();
    let mut args = command.find_subcommand(&name)?.get_arguments();
    args.any(|arg| arg.get_short() == Some(other) && !arg.is_hide_set())
        .then(|| format!("-{other}"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a command and print every system call it makes, in strace's spelling
    #[command(args_override_self = true)]
    Trace(Box<TraceArgs>),
    /// Run a command with mounts, in silence
    Run(RunArgs),
    /// Run a command and record what it reads, writes, executes and speaks to; or look at a record
    Audit(Box<AuditArgs>),
    /// Store directory trees and files, and write their manifest
    Ingest(IngestArgs),
    /// Write the tree of a manifest to a directory
    Export(ExportArgs),
    /// Look into a manifest
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Look at, commit or discard what commands have changed in mounts
    #[command(subcommand)]
    Session(SessionCommand),
    /// Look into the content-addressed store, and look after it
    #[command(subcommand)]
    Cas(CasCommand),
    /// Check whether this machine lets vrift work, and say what to mend
    Doctor,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("served").multiple(true).args(["manifest", "overlay"])))]
pub(crate) struct MountArgs {
    /// Serve the tree of this manifest; may be given several times, each with a --prefix
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Vec<PathBuf>,
    /// Where the tree is seen [default for a single one: $VRIFT_VFS_PREFIX, else /vrift]
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub(crate) prefix: Vec<PathBuf>,
    /// See this directory of the host where it is, and keep every change to it in a session; may be
    /// given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) overlay: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

impl MountArgs {
    pub(crate) fn are_none(&self) -> bool {
        self.manifest.is_empty() && self.overlay.is_empty()
    }
}

/// What becomes of processes that outlive the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExitWithRoot {
    /// vrift waits for them
    Wait,
    /// vrift kills them
    Kill,
}

#[derive(Debug, Args)]
pub(crate) struct RootArgs {
    #[command(flatten)]
    pub(crate) mounts: MountArgs,
    /// What becomes of processes that outlive the command
    #[arg(long, value_name = "HOW", default_value = "wait")]
    pub(crate) exit_with_root: ExitWithRoot,
    /// Whether calls that look for files are made without a stop, by code that is put into the programs
    /// (x86_64)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) fast_lane: FastLane,
}

/// When calls are made without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FastLane {
    /// in programs that make many of them
    Auto,
    /// in every program, from the first on
    Always,
    /// never
    Never,
}

impl From<FastLane> for WhenFast {
    fn from(when: FastLane) -> WhenFast {
        match when {
            FastLane::Auto => WhenFast::Auto,
            FastLane::Always => WhenFast::Always,
            FastLane::Never => WhenFast::Never,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
