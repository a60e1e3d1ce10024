//! The arguments of `vrift audit export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct AuditExportArgs {
    /// The record
    #[arg(value_name = "REC")]
    pub(crate) record: PathBuf,
    /// As what
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: ExportFormat,
    /// Sign it (in-toto and slsa) with this private ed25519 key in PEM; the output is a DSSE envelope
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_key: Option<PathBuf>,
    /// Who built it, for slsa [default: urn:vrift:host: and the name of the host]
    #[arg(long, value_name = "URI")]
    pub(crate) builder: Option<String>,
    /// Where to write it [default: standard output]
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// In which form a record is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// An in-toto statement with a link
    InToto,
    /// An in-toto statement with SLSA provenance
    Slsa,
    /// An SPDX 2.3 document in JSON
    Spdx,
    /// A CycloneDX 1.6 document in JSON
    #[value(name = "cyclonedx")]
    CycloneDx,
    /// A rule for make and ninja
    Depfile,
    /// Everything, as `report --format json`
    Json,
}
