//! `vrift export`: the tree of a manifest, or of a session, into a directory.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use vrift_vfs::export::{self, Error, Existing, Options, Report};
use vrift_vfs::ingest::Progress;
use vrift_vfs::manifest::Manifest;

use crate::cli::{ExportArgs, TargetArgs};
use crate::environment;
use crate::failure::{Failure, complain};
use crate::progress;

/// Writes the tree out and says what was done. Exit status 1 if something could not be made.
pub(crate) fn export(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let manifest = Manifest::open(&args.manifest)?;
    let store = environment::store()?;
    write(&args.to, |target, options, shown| {
        export::export(&manifest, &store, target, options, shown)
    })
}

/// Lets `export` write a tree, and says what was done.
pub(super) fn write(
    to: &TargetArgs,
    export: impl FnOnce(&Path, &Options, &Progress) -> Result<Report, Error>,
) -> Result<ExitCode, Failure> {
    let existing = if to.force { Existing::Replace } else { Existing::Refuse };
    let options = Options { existing, jobs: to.jobs };
    let (start, shown) = (Instant::now(), Progress::default());
    let report = progress::shown("exported", &shown, || export(&to.target, &options, &shown));
    let report = report.map_err(|error| match error {
        Error::NotEmpty { .. } => Failure::from(error)
            .hint("name another directory; --force replaces files that are in the way"),
        other => Failure::from(other),
    })?;
    for note in &report.notes {
        complain(&note.to_string());
    }
    for problem in &report.problems {
        complain(&problem.to_string());
    }
    print(to, &report, start.elapsed().as_secs_f64())?;
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(to: &TargetArgs, report: &Report, seconds: f64) -> Result<(), Failure> {
    let mut out = stdout().lock();
    if to.json {
        let object = serde_json::json!({
            "target": to.target.to_string_lossy(),
            "files": report.files,
            "directories": report.directories,
            "symlinks": report.symlinks,
            "specials": report.specials,
            "hard_links": report.hard_links,
            "bytes": report.bytes,
            "shared": report.shared,
            "notes": report.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "problems": report.problems.len(),
            "seconds": seconds,
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{} files ({} bytes, {} files share their content with the store), {} directories, \
         {} symlinks, {} FIFOs, sockets and devices, {} further names",
        report.files,
        report.bytes,
        report.shared,
        report.directories,
        report.symlinks,
        report.specials,
        report.hard_links
    )?;
    writeln!(out, "{seconds:.3} s")?;
    Ok(())
}
