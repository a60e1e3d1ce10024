//! The arguments of `vrift audit deps` and `vrift audit pack`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DepsArgs {
    /// The record
    #[arg(value_name = "REC")]
    pub(crate) record: PathBuf,
    /// Print one JSON object
    #[arg(long, conflicts_with = "null")]
    pub(crate) json: bool,
    /// Print nothing but paths, byte for byte, with a NUL after each
    #[arg(short = '0', long)]
    pub(crate) null: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// The record
    #[arg(value_name = "REC")]
    pub(crate) record: PathBuf,
    /// The directory for the manifests; made if it is not there
    #[arg(short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Pack private keys, .env files and other credentials as well
    #[arg(long)]
    pub(crate) include_sensitive: bool,
}
