//! The report for a browser: one file that needs nothing else, with a timeline of processes and a table of
//! files that can be searched.
//!
//! **Invariant:** whatever a program named is text. In markup it is escaped; the script's data has no `<`,
//! and the script makes text of it only. The page's own policy forbids every request.

use std::fmt;

use serde_json::{Value, json};
use vrift_record::{Ending, Left, Text, Verdict};

use super::Standing;
use super::escaped;
use super::json::roles;
use super::summary::{Summary, digest, quoted, size};
use crate::model::{FileUse, Finding, Process, What};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// How long a command line may be in the timeline.
const COMMAND_CHARACTERS_MAX: usize = 200;

/// A summary that is shown as a page for a browser.
#[derive(Debug)]
pub struct Html<'a>(pub &'a Summary<'a>);

/// Text in which nothing is markup, in an element or an attribute.
struct Escaped<T>(T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped::write(f, &self.0, |c| match c {
            '"' => Some("&quot;".to_owned()),
            '\'' => Some("&#39;".to_owned()),
            c if turns(c) => Some(format!("\\u{{{:x}}}", u32::from(c))),
            c => escaped::entity(c).map(str::to_owned),
        })
    }
}

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = self.0.conclusion.standing;
        let answer = match standing {
            Standing::Compliant => "compliant",
            Standing::NotCompliant => "not compliant",
            Standing::Unknown => "unknown: the record does not tell everything",
        };
        write!(
            f,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
             form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>Audit: {answer}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
             <h1>Audit: <span class=\"{}\">{answer}</span></h1>\n",
            standing.word()
        )?;
        self.reasons(f)?;
        self.run(f)?;
        write!(
            f,
            "<nav aria-label=\"Sections\"><a href=\"#h-findings\">Findings</a> \
             <a href=\"#h-processes\">Processes</a> <a href=\"#h-files\">Files</a> \
             <a href=\"#h-network\">Network</a> <a href=\"#h-calls\">System calls</a></nav>\n\
             </header>\n<main>\n"
        )?;
        self.findings(f)?;
        f.write_str(PROCESSES)?;
        f.write_str(FILES)?;
        self.network(f)?;
        self.calls(f)?;
        let data = script_data(&self.data());
        write!(
            f,
            "</main>\n<script type=\"application/json\" id=\"data\">{data}</script>\n\
             <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
        )
    }
}

/// Whether it is a mark that turns the direction of text: it would make a name look like another one.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON for a script element, in which `</` and `<!--` would mean something to the browser.
fn script_data(data: &Value) -> String {
    let mut safe = String::new();
    for c in data.to_string().chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            // A backslash and what follows, to be seen.
            c if turns(c) => safe.push_str(&format!("\\\\u{{{:x}}}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

const PROCESSES: &str = "<section aria-labelledby=\"h-processes\">\n<h2 id=\"h-processes\">Processes</h2>\n\
<noscript><p>The tables of processes and files need JavaScript.</p></noscript>\n\
<div class=\"tools\"><label>Search<input type=\"search\" id=\"find\" autocomplete=\"off\"></label>\
<span id=\"processes-told\" role=\"status\"></span></div>\n\
<div class=\"scroll\"><table><caption>In the order of their starts, with the time each of them took of the \
run</caption><thead><tr><th scope=\"col\" class=\"n\">pid</th><th scope=\"col\">command</th>\
<th scope=\"col\">end</th><th scope=\"col\" class=\"n\">time</th><th scope=\"col\">timeline</th></tr></thead>\
<tbody id=\"processes\"></tbody></table></div>\n\
<button type=\"button\" id=\"processes-more\" hidden>Show more processes</button>\n</section>\n";

const FILES: &str = "<section aria-labelledby=\"h-files\">\n<h2 id=\"h-files\">Files</h2>\n\
<div class=\"tools\"><label>Search names and digests<input type=\"search\" id=\"search\" autocomplete=\"off\">\
</label><label>Only<select id=\"role\"><option value=\"\">all</option><option>input</option>\
<option>code</option><option>output</option><option>removed</option><option>temporary</option>\
<option>missing</option></select></label><span id=\"files-told\" role=\"status\"></span></div>\n\
<div class=\"scroll\"><table><caption>The digest is that of what was read, or of what was left</caption>\
<thead><tr><th scope=\"col\">file</th><th scope=\"col\">role</th><th scope=\"col\">BLAKE3</th>\
<th scope=\"col\">processes</th></tr></thead><tbody id=\"files\"></tbody></table></div>\n\
<button type=\"button\" id=\"files-more\" hidden>Show more files</button>\n</section>\n";

impl Html<'_> {
    fn reasons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = &self.0.conclusion.reasons;
        if reasons.is_empty() {
            return Ok(());
        }
        writeln!(f, "<ul>")?;
        for reason in reasons {
            writeln!(f, "<li>{}</li>", Escaped(reason))?;
        }
        writeln!(f, "</ul>")
    }

    fn run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.0;
        let model = summary.model;
        let header = &model.header;
        writeln!(f, "<dl>")?;
        let mut line = |name: &str, text: &dyn fmt::Display| {
            writeln!(f, "<dt>{name}</dt><dd class=\"path\">{}</dd>", Escaped(text))
        };
        command(&mut line, summary)?;
        line("machine", &format!("{}, {}, uid {}", header.host, header.kernel, header.uid))?;
        if let Some(caveat) = header.unstopped.caveat() {
            line("told", &caveat)?;
        }
        for mount in &header.mounts {
            let (point, file) = (Text::from(&mount.point[..]), Text::from(&mount.file[..]));
            line("mount", &format!("{point} from {file}, {}", mount.access.word()))?;
        }
        let read = format!("{} files, {}", summary.inputs.len(), size(summary.bytes_read()));
        line("read", &read)?;
        line("written", &format!("{} files", summary.outputs.len()))?;
        line("missing", &format!("{} names", summary.missing.len()))?;
        let check = super::json::hex(&model.check);
        line("record", &format!("{} events, check {check}", model.events))?;
        writeln!(f, "</dl>")
    }

    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<section aria-labelledby=\"h-findings\">\n<h2 id=\"h-findings\">Findings</h2>"
        )?;
        let model = self.0.model;
        if model.findings.is_empty() {
            return writeln!(
                f,
                "<p>None: no possible escape, no violation of a policy.</p></section>"
            );
        }
        let columns = ["what", "process", "system call", "about", "outcome"];
        head(f, "Possible escapes and violations of the policy", &columns, &[])?;
        for Finding { process, call, subject, what, .. } in &model.findings {
            let pid = process.and_then(|id| model.process(id)).map(|process| process.pid);
            let pid = pid.map_or(String::new(), |pid| pid.to_string());
            let (kind, outcome) = match what {
                What::Escape { kind, outcome } => (kind.word(), outcome.to_string()),
                What::Violation { class, response, .. } => {
                    (class.word(), response.word().to_owned())
                }
            };
            writeln!(
                f,
                "<tr><td>{kind}</td><td>{pid}</td><td>{}</td><td class=\"path\">{}</td><td>{}</td></tr>",
                Escaped(call),
                Escaped(subject),
                Escaped(outcome)
            )?;
        }
        writeln!(f, "</tbody></table></div></section>")
    }

    fn network(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "<section aria-labelledby=\"h-network\">\n<h2 id=\"h-network\">Network</h2>")?;
        let endpoints = self.0.endpoints();
        if endpoints.is_empty() {
            return writeln!(f, "<p>None.</p></section>");
        }
        head(f, "With whom the run spoke", &["act", "endpoint"], &["done", "in vain"])?;
        for ((endpoint, act), counts) in &endpoints {
            let vain = counts.failed + counts.missing;
            writeln!(
                f,
                "<tr><td>{act}</td><td class=\"path\">{}</td><td class=\"n\">{}</td><td class=\"n\">{vain}</td></tr>",
                Escaped(endpoint),
                counts.done
            )?;
        }
        writeln!(f, "</tbody></table></div></section>")
    }

    fn calls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "<section aria-labelledby=\"h-calls\">\n<h2 id=\"h-calls\">System calls</h2>")?;
        let numbers: Vec<&str> = std::iter::once("calls")
            .chain(Verdict::ALL.map(Verdict::word))
            .chain(["failed"])
            .collect();
        let title = "On which grounds calls were answered, and whether that complies (RFC-0047)";
        head(f, title, &["compliant", "group", "call"], &numbers)?;
        for row in &self.0.compliance.rows {
            let complies = row.complies.word();
            write!(
                f,
                "<tr class=\"{}\"><td>{complies}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td>",
                if complies == "no" { "no" } else { "" },
                row.group,
                Escaped(row.call),
                row.tally.calls()
            )?;
            for verdict in Verdict::ALL {
                write!(f, "<td class=\"n\">{}</td>", row.count(verdict))?;
            }
            writeln!(f, "<td class=\"n\">{}</td></tr>", row.tally.failed)?;
        }
        writeln!(f, "</tbody></table></div></section>")
    }

    /// What the script shows.
    fn data(&self) -> Value {
        let model = self.0.model;
        let end = model.last.max(self.0.wall()).as_micros() as u64;
        let processes: Vec<Value> = model.processes().iter().map(process).collect();
        let files = model.files.iter().map(|(path, file)| {
            json!({
                "path": path.to_string(),
                "roles": roles(file),
                "digest": self.digest(file),
                "pids": file.by.iter().map(|id| id.0).collect::<Vec<_>>(),
            })
        });
        json!({ "end_us": end, "processes": processes, "files": files.collect::<Vec<_>>() })
    }

    fn digest(&self, file: &FileUse) -> String {
        let left = match file.left {
            Some(Left::File(version)) => Some(version),
            _ => None,
        };
        let version = if file.is_input() { file.given.first().copied() } else { left };
        version.and_then(|version| digest(self.0.model, version)).unwrap_or_default()
    }
}

/// What writes a name and a text.
type Line<'a> = &'a mut dyn FnMut(&str, &dyn fmt::Display) -> fmt::Result;

/// What ran, where, and how it ended.
fn command(line: Line<'_>, summary: &Summary<'_>) -> fmt::Result {
    let header = &summary.model.header;
    line("command", &summary.command())?;
    line("directory", &Text::from(&header.cwd[..]))?;
    let ending = summary.model.totals.as_ref().map(|totals| totals.ending.to_string());
    let ending = ending.unwrap_or_else(|| "did not end in the record".to_owned());
    line("ended", &format!("{ending}, after {:.3} s", summary.wall().as_secs_f64()))
}

fn head(f: &mut fmt::Formatter<'_>, title: &str, words: &[&str], numbers: &[&str]) -> fmt::Result {
    write!(f, "<div class=\"scroll\"><table><caption>{title}</caption><thead><tr>")?;
    for column in words {
        write!(f, "<th scope=\"col\">{column}</th>")?;
    }
    for column in numbers {
        write!(f, "<th scope=\"col\" class=\"n\">{column}</th>")?;
    }
    writeln!(f, "</tr></thead><tbody>")
}

fn process(process: &Process) -> Value {
    let command = match process.programs.last() {
        Some(program) => {
            let words = program.execution.argv.iter();
            words.map(|word| quoted(word.as_bytes())).collect::<Vec<_>>().join(" ")
        }
        None => "(forked)".to_owned(),
    };
    let command: String = command.chars().take(COMMAND_CHARACTERS_MAX).collect();
    let ending = process.ending.as_ref().map_or(String::new(), Ending::to_string);
    json!({
        "pid": process.pid,
        "command": command,
        "ending": ending,
        "failed": !matches!(process.ending, Some(Ending::Exited(0)) | None),
        "start_us": process.started.as_micros() as u64,
        "end_us": process.ended.map(|ended| ended.as_micros() as u64),
    })
}
