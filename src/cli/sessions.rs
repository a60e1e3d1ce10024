//! The command line of what commands change in mounts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::TargetArgs;

/// What becomes of what a command changed in a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outcome {
    /// The manifest is replaced by one of the changed tree
    Commit,
    /// The session stays, to be looked at, continued, committed or discarded
    Keep,
    /// Nothing is kept
    Discard,
}

#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// Refuse every change to the mount (EROFS)
    #[arg(long, requires = "served", conflicts_with_all = ["session", "commit", "keep", "discard", "on_fail"])]
    pub(crate) read_only: bool,
    /// Start the session NAME, or go on with it (of several mounts: NAME-1, NAME-2, …)
    #[arg(long, value_name = "NAME", requires = "served")]
    pub(crate) session: Option<String>,
    /// Replace the manifest by one of the changed tree when the command has ended
    #[arg(long, requires = "served", conflicts_with = "overlay", group = "outcome")]
    pub(crate) commit: bool,
    /// Keep the changes as a session when the command has ended [default]
    #[arg(long, requires = "served", group = "outcome")]
    pub(crate) keep: bool,
    /// Discard the changes when the command has ended
    #[arg(long, requires = "served", group = "outcome")]
    pub(crate) discard: bool,
    /// What becomes of the changes if the command fails [default: keep, or discard with --discard]
    #[arg(long, value_name = "WHAT", requires = "served")]
    pub(crate) on_fail: Option<Outcome>,
}

impl SessionArgs {
    /// What becomes of the changes of a command that has succeeded or not.
    pub(crate) fn outcome(&self, success: bool) -> Outcome {
        match (success, self.on_fail) {
            (false, Some(outcome)) => outcome,
            (_, _) if self.discard => Outcome::Discard,
            (true, _) if self.commit => Outcome::Commit,
            _ => Outcome::Keep,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List the sessions of the store
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show what a session is
    Show {
        /// The session
        name: String,
    },
    /// Show what a session has changed
    Diff {
        /// The session
        name: String,
        /// Show the contents as well, as `git diff` does; `git apply` and `patch -p1` take it
        #[arg(long)]
        patch: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Write the changed tree as a manifest, and end the session
    Commit {
        /// The session
        name: String,
        /// Where to write it [default: over the manifest the session was started from, if it was one]
        #[arg(short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write the changed tree to a directory
    Export {
        /// The session
        name: String,
        #[command(flatten)]
        to: TargetArgs,
    },
    /// Make the changes of a session in a directory of the host, if it is as the session found it
    Apply {
        /// The session
        name: String,
        /// The directory
        dir: PathBuf,
        /// Only say what is in the way
        #[arg(long)]
        dry_run: bool,
    },
    /// End a session and forget its changes
    Discard {
        /// The session
        name: String,
    },
}
