//! `vrift manifest import-tar` and `export-tar`: manifests and tar archives.

use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal, Read, Write, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use vrift_vfs::archive::{self, Report};
use vrift_vfs::manifest::Manifest;

use crate::cli::{ExportTarArgs, ImportTarArgs};
use crate::environment;
use crate::failure::{Failure, complain};

/// How much is read or written at once.
const BUFFER: usize = 1 << 18;

/// Stores an archive. Exit status 1 if a member could not be taken in.
pub(super) fn import(args: &ImportTarArgs) -> Result<ExitCode, Failure> {
    let store = environment::store_or_new()?;
    let input: Box<dyn Read> = match args.archive == Path::new("-") {
        true => Box::new(stdin().lock()),
        false => Box::new(File::open(&args.archive).map_err(|error| {
            Failure::new(format!("cannot open {}", args.archive.display())).because(error)
        })?),
    };
    let mut input = BufReader::with_capacity(BUFFER, input);
    let report = archive::import(&mut input, &store, &args.output)?;
    let mut out = stdout().lock();
    if args.json {
        let object = serde_json::json!({
            "manifest": args.output.to_string_lossy(),
            "id": report.manifest.to_string(),
            "members": report.members,
            "bytes": report.bytes,
            "new_blobs": report.new_blobs,
            "problems": report.problems.len(),
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{}  {}", args.output.display(), report.manifest)?;
        let Report { members, bytes, new_blobs, .. } = report;
        writeln!(out, "{members} members ({bytes} bytes), {new_blobs} new blobs")?;
    }
    Ok(tell(&report))
}

/// Writes an archive. Exit status 1 if something could not be put into it.
pub(super) fn export(args: &ExportTarArgs) -> Result<ExitCode, Failure> {
    let manifest = Manifest::open(&args.manifest)?;
    let store = environment::store()?;
    let output: Box<dyn Write> = match &args.output {
        Some(file) => Box::new(File::create(file).map_err(|error| {
            Failure::new(format!("cannot write {}", file.display())).because(error)
        })?),
        None if stdout().is_terminal() => {
            return Err(Failure::new("an archive is nothing for a terminal")
                .hint("name a file with -o, or pipe it to `tar`"));
        }
        None => Box::new(stdout().lock()),
    };
    let mut output = BufWriter::with_capacity(BUFFER, output);
    Ok(tell(&archive::export(&manifest, &store, &mut output)?))
}

fn tell(report: &Report) -> ExitCode {
    report.problems.iter().for_each(|problem| complain(&problem.to_string()));
    if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
