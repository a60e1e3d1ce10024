//! The command line of what brings trees into the store and out of it.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// The trees and files to store; a single directory becomes the root of the manifest, anything
    /// else a name in the root
    #[arg(value_name = "DIR|FILE", required = true)]
    pub(crate) sources: Vec<PathBuf>,
    /// Where to write the manifest [default: the source's name with .vrift]
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How many threads read [default: one per processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZero<usize>>,
    /// Leave out what matches, in the syntax of gitignore, as a .vriftignore file does
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Store private keys, .env files and other credentials as well
    #[arg(long)]
    pub(crate) include_sensitive: bool,
    /// Leave out what is in other file systems than the source
    #[arg(long)]
    pub(crate) one_file_system: bool,
    /// Read all files, also those that have not changed since an earlier ingest
    #[arg(long)]
    pub(crate) rehash: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The manifest
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) to: TargetArgs,
}

/// Where a tree is written to, and how.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// The directory to write to; made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) target: PathBuf,
    /// How many threads write [default: one per processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZero<usize>>,
    /// Write to a directory that is not empty, and replace the files in the way
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportTarArgs {
    /// The archive, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) archive: PathBuf,
    /// Where to write the manifest
    #[arg(short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportTarArgs {
    /// The manifest
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: PathBuf,
    /// Where to write the archive [default: standard output]
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
