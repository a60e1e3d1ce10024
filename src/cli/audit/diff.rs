//! The arguments of `vrift audit diff`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct AuditDiffArgs {
    /// The record of the first run
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// The record of the second run
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
