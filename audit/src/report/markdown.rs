//! The report for a page of a forge: Markdown with tables. Whatever a program named is escaped.

use std::fmt;

use vrift_record::Verdict;

use super::Standing;
use super::escaped;
use super::summary::{Summary, Used, size};
use crate::model::{Finding, What};

/// How many rows a table of files has at most; the JSON report has all.
const ROWS_MAX: usize = 200;

/// A summary that is shown as Markdown.
#[derive(Debug)]
pub struct Markdown<'a>(pub &'a Summary<'a>);

/// Text in which nothing means anything to Markdown or HTML.
struct Plain<T>(T);

impl<T: fmt::Display> fmt::Display for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped::write(f, &self.0, |c| match c {
            c if "\\`*_{}[]()#+-!|~$@:".contains(c) => Some(format!("\\{c}")),
            c => escaped::entity(c).map(str::to_owned),
        })
    }
}

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.0;
        let answer = match summary.conclusion.standing {
            Standing::Compliant => "compliant",
            Standing::NotCompliant => "not compliant",
            Standing::Unknown => "unknown, the record does not tell everything",
        };
        writeln!(f, "# Audit: {answer}\n")?;
        for reason in &summary.conclusion.reasons {
            writeln!(f, "- {}", Plain(reason))?;
        }
        let model = summary.model;
        writeln!(f, "\n| | |\n|---|---|")?;
        writeln!(f, "| command | {} |", Plain(summary.command()))?;
        if let Some(totals) = &model.totals {
            writeln!(f, "| ended | {} |", Plain(&totals.ending))?;
        }
        writeln!(f, "| time | {:.3} s |", summary.wall().as_secs_f64())?;
        if let Some(caveat) = model.header.unstopped.caveat() {
            writeln!(f, "| told | {} |", Plain(caveat))?;
        }
        writeln!(
            f,
            "| processes | {}, {} failed |",
            model.processes().len(),
            summary.failed().count()
        )?;
        writeln!(f, "| read | {} files, {} |", summary.inputs.len(), size(summary.bytes_read()))?;
        writeln!(f, "| written | {} files |", summary.outputs.len())?;
        writeln!(f, "| missing | {} names |", summary.missing.len())?;
        writeln!(
            f,
            "| record | {} events, check `{}` |",
            model.events,
            super::json::hex(&model.check)
        )?;
        self.findings(f)?;
        files(f, "Written", &summary.outputs, |file| summary.left_digest(file.1))?;
        files(f, "Read", &summary.inputs, |file| {
            file.1.given.iter().find_map(|&version| super::summary::digest(model, version))
        })?;
        self.network(f)?;
        self.calls(f)
    }
}

impl Markdown<'_> {
    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = &self.0.model.findings;
        if findings.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n## Findings\n\n| what | process | call | subject | outcome |\n|---|---|---|---|---|"
        )?;
        for Finding { process, call, subject, what, .. } in findings.iter().take(ROWS_MAX) {
            let pid = process.and_then(|id| self.0.model.process(id)).map(|process| process.pid);
            let pid = pid.map_or(String::new(), |pid| pid.to_string());
            let (kind, outcome) = match what {
                What::Escape { kind, outcome } => (kind.word(), outcome.to_string()),
                What::Violation { class, response, .. } => {
                    (class.word(), response.word().to_owned())
                }
            };
            writeln!(
                f,
                "| {} | {pid} | {} | {} | {} |",
                Plain(kind),
                Plain(call),
                Plain(subject),
                Plain(outcome)
            )?;
        }
        rest(f, findings.len())
    }

    fn network(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.0.endpoints();
        if endpoints.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n## Network\n\n| act | endpoint | done | in vain |\n|---|---|---:|---:|")?;
        for ((endpoint, act), counts) in endpoints.iter().take(ROWS_MAX) {
            let vain = counts.failed + counts.missing;
            writeln!(f, "| {act} | {} | {} | {vain} |", Plain(endpoint), counts.done)?;
        }
        rest(f, endpoints.len())
    }

    fn calls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n## System calls\n\n| group | call | calls |")?;
        for verdict in Verdict::ALL {
            write!(f, " {} |", verdict.word())?;
        }
        writeln!(f, " compliant |\n|---|---|{}---|", "---:|".repeat(1 + Verdict::ALL.len()))?;
        for row in &self.0.compliance.rows {
            write!(f, "| {} | {} | {} |", row.group, Plain(row.call), row.tally.calls())?;
            for verdict in Verdict::ALL {
                write!(f, " {} |", row.count(verdict))?;
            }
            writeln!(f, " {} |", row.complies.word())?;
        }
        Ok(())
    }
}

fn files(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    files: &[Used<'_>],
    digest: impl Fn(&Used<'_>) -> Option<String>,
) -> fmt::Result {
    if files.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n## {title}\n\n| file | BLAKE3 |\n|---|---|")?;
    for file in files.iter().take(ROWS_MAX) {
        let digest = digest(file).map_or(String::new(), |digest| format!("`{digest}`"));
        writeln!(f, "| {} | {digest} |", Plain(file.0))?;
    }
    rest(f, files.len())
}

fn rest(f: &mut fmt::Formatter<'_>, all: usize) -> fmt::Result {
    match all.checked_sub(ROWS_MAX) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(f, "\n{more} more are in the JSON report."),
    }
}
