//! The arguments of `vrift audit report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The record
    #[arg(value_name = "REC")]
    pub(crate) record: PathBuf,
    /// How to show it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReportFormat,
    /// Where to write it [default: standard output]
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// In which form a report is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One page for a terminal
    Text,
    /// Tables in Markdown
    Md,
    /// One page for a browser, which needs nothing else
    Html,
    /// Tables in an SQLite database; needs -o
    Sqlite,
    /// Everything, as one JSON object
    Json,
}
