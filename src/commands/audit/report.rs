//! `vrift audit report`: what a record comes to.

use std::path::Path;
use std::process::ExitCode;

use vrift_audit::report::{Html, Markdown, Page, Summary, json, sqlite};

use super::record::{place, read, write};
use crate::cli::{ReportArgs, ReportFormat};
use crate::failure::Failure;

pub(super) fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let model = read(&args.record)?;
    let summary = Summary::of(&model);
    let output = args.output.as_deref();
    match args.format {
        ReportFormat::Text => write(output, |out| write!(out, "{}", Page(&summary)))?,
        ReportFormat::Md => write(output, |out| write!(out, "{}", Markdown(&summary)))?,
        ReportFormat::Html => write(output, |out| write!(out, "{}", Html(&summary)))?,
        ReportFormat::Json => write(output, |out| {
            serde_json::to_writer(&mut *out, &json(&summary))?;
            writeln!(out)
        })?,
        ReportFormat::Sqlite => tables(&summary, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn tables(summary: &Summary<'_>, output: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = output else {
        return Err(
            Failure::new("a database cannot go to standard output").hint("name its file with -o")
        );
    };
    let failed = || Failure::new(format!("cannot write the database {}", path.display()));
    place(path, |_, file| sqlite(summary, file).map_err(|error| failed().because(error)))
}
