//! The report for a terminal: one page, the answer first.

use std::fmt;

use vrift_record::{Mount, MountAccess, Text};

use super::Standing;
use super::summary::{Summary, Used, size};
use crate::model::What;

/// How many of a kind are named; the rest is counted.
const NAMED: usize = 6;

/// A summary that is shown on one page.
#[derive(Debug)]
pub struct Page<'a>(pub &'a Summary<'a>);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.answer(f)?;
        self.run(f)?;
        self.processes(f)?;
        self.files(f)?;
        self.network(f)?;
        self.findings(f)?;
        self.verdicts(f)
    }
}

impl Page<'_> {
    fn answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conclusion = &self.0.conclusion;
        let mounts = !self.0.model.header.mounts.is_empty();
        match (conclusion.standing, mounts) {
            (Standing::Compliant, true) => writeln!(
                f,
                "COMPLIANT: every call that concerned a mount was answered by it, and nothing escaped"
            )?,
            (Standing::Compliant, false) => {
                writeln!(f, "COMPLIANT: nothing was mounted, nothing escaped")?;
            }
            (Standing::NotCompliant, _) => writeln!(f, "NOT COMPLIANT:")?,
            (Standing::Unknown, _) => writeln!(f, "UNKNOWN, the record does not tell everything:")?,
        }
        let reasons = &conclusion.reasons;
        for reason in reasons.iter().take(2 * NAMED) {
            writeln!(f, "  - {reason}")?;
        }
        if reasons.len() > 2 * NAMED {
            writeln!(f, "  - {} more (--format json has all)", reasons.len() - 2 * NAMED)?;
        }
        writeln!(f)
    }

    fn run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.0.model;
        let header = &model.header;
        line(f, "command", &cut(&self.0.command(), 300))?;
        line(f, "in", &Text::from(&header.cwd[..]).to_string())?;
        let ending = model
            .totals
            .as_ref()
            .map_or("did not end in the record".to_owned(), |totals| totals.ending.to_string());
        line(f, "ended", &format!("{ending}, after {:.3} s", self.0.wall().as_secs_f64()))?;
        let whole = match model.damage {
            Some(_) => "cut short".to_owned(),
            None => "whole".to_owned(),
        };
        let check: String = model.check.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        line(f, "record", &format!("{whole}, {} events, check {check}…", model.events))?;
        line(
            f,
            "made by",
            &format!(
                "vrift {} as uid {} on {}, {}",
                header.vrift, header.uid, header.host, header.kernel
            ),
        )?;
        if let Some(caveat) = header.unstopped.caveat() {
            line(f, "told", caveat)?;
        }
        for Mount { point, file, access, .. } in &header.mounts {
            let (point, file) = (Text::from(&point[..]), Text::from(&file[..]));
            let access = match access {
                MountAccess::ReadOnly => ", read-only",
                MountAccess::Writable => "",
            };
            line(f, "mount", &format!("{point} from {file}{access}"))?;
        }
        writeln!(f)
    }

    fn processes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.0.failed().count();
        let all = self.0.model.processes().len();
        let executed: u64 = self.0.programs.iter().map(|(_, count)| count).sum();
        line(f, "processes", &format!("{all}, {executed} executions, {failed} failed"))?;
        for (program, count) in self.0.programs.iter().take(NAMED) {
            writeln!(f, "  {count:>7} × {program}")?;
        }
        more(f, self.0.programs.len(), "programs")
    }

    fn files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.0;
        let read =
            format!("{}, {}", count(summary.inputs.len(), "file"), size(summary.bytes_read()));
        line(f, "read", &read)?;
        paths(f, &summary.inputs, |_| String::new())?;
        let passing = match summary.passing.len() {
            0 => String::new(),
            more => format!(", {more} more made and removed again"),
        };
        line(f, "written", &format!("{}{passing}", count(summary.outputs.len(), "file")))?;
        paths(f, &summary.outputs, |(_, file)| {
            let digest = summary.left_digest(file);
            digest.map_or(String::new(), |digest| format!("  {}…", &digest[..16]))
        })?;
        if !summary.removed.is_empty() {
            line(f, "removed", &summary.removed.len().to_string())?;
            paths(f, &summary.removed, |_| String::new())?;
        }
        line(f, "missing", &format!("{} names were asked for and not there", summary.missing.len()))
    }

    fn network(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.0.endpoints();
        if endpoints.is_empty() {
            return line(f, "network", "none");
        }
        line(f, "network", &count(endpoints.len(), "endpoint"))?;
        for ((endpoint, act), counts) in endpoints.iter().take(NAMED) {
            let vain = counts.missing + counts.failed;
            writeln!(f, "  {:>7} × {act} {endpoint} ({vain} in vain)", counts.done + vain)?;
        }
        more(f, endpoints.len(), "endpoints")
    }

    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = &self.0.model.findings;
        let escapes = findings.iter().filter(|finding| matches!(finding.what, What::Escape { .. }));
        let (escapes, contained) = (escapes.count(), self.0.contained());
        match escapes {
            0 => line(f, "escapes", "none")?,
            count => line(f, "escapes", &format!("{count}, {contained} of them failed"))?,
        }
        match (self.0.model.header.policy, findings.len() - escapes) {
            (None, 0) => line(f, "policy", "none was given"),
            (_, broken) => line(f, "policy", &count(broken, "violation")),
        }
    }

    fn verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.0.compliance.totals();
        let told: Vec<_> =
            totals.iter().map(|(v, count)| format!("{} {count}", v.word())).collect();
        line(
            f,
            "verdicts",
            if told.is_empty() { "none".to_owned() } else { told.join(", ") }.as_str(),
        )
    }
}

/// A number of things.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "{}", format!("{name:<11}{text}").trim_end())
}

fn more(f: &mut fmt::Formatter<'_>, all: usize, what: &str) -> fmt::Result {
    if all > NAMED { writeln!(f, "          … {} more {what}", all - NAMED) } else { Ok(()) }
}

fn paths(
    f: &mut fmt::Formatter<'_>,
    files: &[Used<'_>],
    note: impl Fn(&Used<'_>) -> String,
) -> fmt::Result {
    for file in files.iter().take(NAMED) {
        writeln!(f, "          {}{}", file.0, note(file))?;
    }
    more(f, files.len(), "files")
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
