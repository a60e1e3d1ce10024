//! `vrift audit report`: what a record comes to.

use std::process::ExitCode;

use vrift_audit::report::{Html, Markdown, Page, Summary, json};

use super::record::{read, write};
use crate::cli::{ReportArgs, ReportFormat};
use crate::failure::Failure;

pub(super) fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let model = read(&args.record)?;
    let summary = Summary::of(&model);
    write(args.output.as_deref(), |out| match args.format {
        ReportFormat::Text => write!(out, "{}", Page(&summary)),
        ReportFormat::Md => write!(out, "{}", Markdown(&summary)),
        ReportFormat::Html => write!(out, "{}", Html(&summary)),
        ReportFormat::Json => {
            serde_json::to_writer(&mut *out, &json(&summary))?;
            writeln!(out)
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
