//! `vrift ingest`: directory trees and files into the store and a manifest.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use vrift_cas::Durability;
use vrift_vfs::ingest::{self, Border, LeftOut, Options, Progress, Reading, Report, Sensitive};
use vrift_vfs::ingest::{Reason, Special};

use crate::cli::IngestArgs;
use crate::environment;
use crate::failure::{Failure, complain};
use crate::progress;

/// Takes the trees in and says what was done. Exit status 1 if something could not be taken in.
pub(crate) fn ingest(args: &IngestArgs) -> Result<ExitCode, Failure> {
    let store = environment::store_or_new()?.with_durability(Durability::Batched);
    let options = options(args)?;
    let (start, shown) = (Instant::now(), Progress::default());
    let report = progress::shown("ingested", &shown, || {
        ingest::ingest(&args.sources, &store, &options, &shown)
    })?;
    let taken = start.elapsed();
    report.warnings.iter().for_each(|warning| complain(warning));
    for LeftOut { path, reason } in &report.left_out {
        complain(&format!("left out {}: {reason}", path.display()));
    }
    for Special { path, kind } in &report.specials {
        complain(&format!("{}: a {} is kept as a name only", path.display(), kind.word()));
    }
    for problem in &report.problems {
        complain(&problem.to_string());
    }
    match args.json {
        true => print_json(&report, &options.manifest, taken)?,
        false => print(&report, &options.manifest, taken)?,
    }
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(args: &IngestArgs) -> Result<Options, Failure> {
    let manifest = match (&args.output, &args.sources[..]) {
        (Some(file), _) => file.clone(),
        (None, [source]) => default_output(source)?,
        (None, _) => {
            return Err(Failure::new("several sources have no common name for a manifest")
                .hint("name it with -o"));
        }
    };
    Ok(Options {
        sensitive: match args.include_sensitive {
            true => Sensitive::Include,
            false => Sensitive::LeaveOut,
        },
        border: if args.one_file_system { Border::Stay } else { Border::Cross },
        reading: if args.rehash { Reading::All } else { Reading::Changed },
        exclude: args.exclude.clone(),
        jobs: args.jobs,
        ..Options::new(manifest)
    })
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

/// How many times the contents would fit into what is stored of them.
fn dedup_ratio(report: &Report) -> f64 {
    match report.distinct_bytes {
        0 => 1.0,
        distinct => report.bytes as f64 / distinct as f64,
    }
}

fn sensitive(report: &Report) -> usize {
    report.left_out.iter().filter(|left| left.reason == Reason::Sensitive).count()
}

fn print_json(report: &Report, manifest: &Path, taken: Duration) -> Result<(), Failure> {
    let object = serde_json::json!({
        "manifest": manifest.to_string_lossy(),
        "id": report.manifest.to_string(),
        "files": report.files,
        "directories": report.directories,
        "symlinks": report.symlinks,
        "specials": report.specials.len(),
        "hard_links": report.hard_links,
        "bytes": report.bytes,
        "distinct_bytes": report.distinct_bytes,
        "new_blobs": report.new_blobs,
        "new_bytes": report.new_bytes,
        "known_blobs": report.known_blobs,
        "unchanged": report.unchanged,
        "excluded": report.excluded,
        "sensitive": sensitive(report),
        "left_out": report.left_out.len(),
        "problems": report.problems.len(),
        "dedup_ratio": dedup_ratio(report),
        "seconds": taken.as_secs_f64(),
    });
    writeln!(stdout().lock(), "{object}")?;
    Ok(())
}

fn print(report: &Report, manifest: &Path, taken: Duration) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{}  {}", manifest.display(), report.manifest)?;
    writeln!(
        out,
        "{} files ({} bytes), {} directories, {} symlinks, {} further names",
        report.files, report.bytes, report.directories, report.symlinks, report.hard_links
    )?;
    writeln!(
        out,
        "{} new blobs ({} bytes), {} known, dedup ratio {:.2}",
        report.new_blobs,
        report.new_bytes,
        report.known_blobs,
        dedup_ratio(report)
    )?;
    if report.excluded > 0 {
        writeln!(out, "{} names left out by patterns", report.excluded)?;
    }
    if report.unchanged > 0 {
        writeln!(
            out,
            "{} files not read: unchanged since an earlier ingest (--rehash reads them)",
            report.unchanged
        )?;
    }
    let seconds = taken.as_secs_f64().max(1e-9);
    let rate = report.bytes as f64 / 1e6 / seconds;
    writeln!(out, "{seconds:.3} s, {:.0} files/s, {rate:.1} MB/s", report.files as f64 / seconds)?;
    Ok(())
}
