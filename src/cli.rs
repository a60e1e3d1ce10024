//! The command line: what may be typed, and nothing about what it does.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Trace a program tree, serve its files from a content-addressed store, and show what it did.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a command and print every system call it makes, in strace's spelling
    Trace(TraceArgs),
    /// Run a command with mounts, in silence
    Run(RunArgs),
    /// Store a directory tree and write its manifest
    Ingest(IngestArgs),
    /// Look into a manifest
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Look into the content-addressed store
    #[command(subcommand)]
    Cas(CasCommand),
    /// Check whether this machine lets vrift work, and say what to mend
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct MountArgs {
    /// Serve the tree of this manifest
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Where the tree is seen [default: $VRIFT_VFS_PREFIX, else /vrift]
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub(crate) prefix: Option<PathBuf>,
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
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Watch a process that runs already, with all its threads and children
    #[arg(short = 'p', value_name = "PID", conflicts_with_all = ["manifest", "exit_with_root"])]
    pub(crate) attach: Vec<i32>,
    /// Write the trace to FILE instead of standard error
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What to show: `trace=NAME,%CLASS,…`; `!` inverts
    #[arg(short, value_name = "EXPR")]
    pub(crate) expressions: Vec<String>,
    /// Count calls, errors and time per call, and print only a table at the end
    #[arg(short = 'c', conflicts_with = "json")]
    pub(crate) count: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Show at most this many bytes of a string
    #[arg(short = 's', value_name = "BYTES", default_value_t = 32)]
    pub(crate) string_max: usize,
    /// Put results in this column
    #[arg(short = 'a', value_name = "COLUMN", default_value_t = 40)]
    pub(crate) column: usize,
    /// Follow children (always on; accepted for strace's sake)
    #[arg(short = 'f')]
    pub(crate) follow: bool,
    /// The command and its arguments
    #[arg(
        trailing_var_arg = true,
        required_unless_present = "attach",
        conflicts_with = "attach",
        value_name = "CMD"
    )]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// The tree to store
    #[arg(value_name = "DIR")]
    pub(crate) source: PathBuf,
    /// Where to write the manifest [default: the directory's name with .vrift]
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Store private keys, .env files and other credentials as well
    #[arg(long)]
    pub(crate) include_sensitive: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ManifestCommand {
    /// List the names below a path, like `ls -lR`
    Ls {
        /// The manifest
        manifest: PathBuf,
        /// Where to start [default: the root]
        path: Option<PathBuf>,
    },
    /// Print a file's content
    Cat {
        /// The manifest
        manifest: PathBuf,
        /// The file
        path: PathBuf,
    },
    /// Show what the manifest is, or all that it says of one path
    Show {
        /// The manifest
        manifest: PathBuf,
        /// The path
        path: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CasCommand {
    /// Count blobs and bytes
    Stat {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Hash every blob again and name what is damaged
    Verify,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
