//! The arguments of `vrift manifest`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::trees::{ExportTarArgs, ImportTarArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ManifestCommand {
    /// List what is at and below a path, one line each, like `ls -lR`
    Ls(LsArgs),
    /// Draw what is below a path, like tree(1)
    Tree(PlaceArgs),
    /// Print a file's content
    Cat {
        /// The manifest
        manifest: PathBuf,
        /// The file
        path: PathBuf,
    },
    /// Show what the manifest is, or the main attributes of one path
    Show(ShowArgs),
    /// Show all attributes of paths, like stat(1)
    Stat(StatArgs),
    /// Compare two manifests; exit status 0 if they are alike, 1 if not
    Diff(DiffArgs),
    /// Check a manifest and whether the store has its contents; exit status 1 if something is wrong
    Verify(VerifyArgs),
    /// Store what a tar archive holds, and write its manifest
    ImportTar(ImportTarArgs),
    /// Write the tree of a manifest as a tar archive
    ExportTar(ExportTarArgs),
}

/// A manifest and a path in it.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The manifest
    pub(crate) manifest: PathBuf,
    /// Where to start [default: the root]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Also the number of links and the time of modification (UTC)
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print a JSON object for each
    #[arg(long, conflicts_with_all = ["long", "null"])]
    pub(crate) json: bool,
    /// Print nothing but paths, byte for byte, with a NUL after each
    #[arg(short = '0', long, conflicts_with = "long")]
    pub(crate) null: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The manifest
    pub(crate) manifest: PathBuf,
    /// The path
    pub(crate) path: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatArgs {
    /// The manifest
    pub(crate) manifest: PathBuf,
    /// The paths
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The first manifest
    pub(crate) before: PathBuf,
    /// The second one
    pub(crate) after: PathBuf,
    /// Print a JSON object for each difference, or one with --stat
    #[arg(long)]
    pub(crate) json: bool,
    /// Print how many differences there are
    #[arg(long)]
    pub(crate) stat: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The manifest
    pub(crate) manifest: PathBuf,
    /// Also read each content and hash it
    #[arg(long)]
    pub(crate) deep: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
