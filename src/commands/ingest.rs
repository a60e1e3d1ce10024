//! `vrift ingest`: a directory tree into the store and a manifest.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vrift_vfs::ingest::{self, LeftOut, Options, Report, Sensitive};

use crate::cli::IngestArgs;
use crate::environment;
use crate::failure::{Failure, complain};

/// Takes the tree in and says what was done. Exit status 1 if something could not be taken in.
pub(crate) fn ingest(args: &IngestArgs) -> Result<ExitCode, Failure> {
    let store = environment::store_or_new()?;
    let manifest = match &args.output {
        Some(file) => file.clone(),
        None => default_output(&args.source)?,
    };
    let sensitive = match args.include_sensitive {
        true => Sensitive::Include,
        false => Sensitive::LeaveOut,
    };
    let options = Options { manifest, sensitive };
    let report = ingest::ingest(&args.source, &store, &options)?;
    for LeftOut { path, reason } in &report.left_out {
        complain(&format!("left out {}: {reason}", path.display()));
    }
    for problem in &report.problems {
        complain(&problem.to_string());
    }
    summarise(&report, &options.manifest, args.json)?;
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `DIR.vrift` in the current directory.
fn default_output(source: &Path) -> Result<PathBuf, Failure> {
    let directory = source.canonicalize().map_err(|error| {
        Failure::new(format!("{} cannot be ingested", source.display())).because(error)
    })?;
    let name = directory.file_name().ok_or_else(|| {
        Failure::new("the root directory has no name for its manifest").hint("name one with -o")
    })?;
    let mut file = name.to_owned();
    file.push(".vrift");
    Ok(file.into())
}

fn summarise(report: &Report, manifest: &Path, json: bool) -> Result<(), Failure> {
    let mut out = stdout().lock();
    if json {
        let object = serde_json::json!({
            "manifest": manifest.to_string_lossy(),
            "id": report.manifest.to_string(),
            "files": report.files,
            "directories": report.directories,
            "symlinks": report.symlinks,
            "hard_links": report.hard_links,
            "bytes": report.bytes,
            "new_blobs": report.new_blobs,
            "known_blobs": report.known_blobs,
            "left_out": report.left_out.len(),
            "problems": report.problems.len(),
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(out, "{}  {}", manifest.display(), report.manifest)?;
    writeln!(
        out,
        "{} files ({} bytes), {} directories, {} symlinks, {} further names",
        report.files, report.bytes, report.directories, report.symlinks, report.hard_links
    )?;
    writeln!(out, "{} new blobs, {} known", report.new_blobs, report.known_blobs)?;
    Ok(())
}
