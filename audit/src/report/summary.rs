//! What a report says first of files and processes, for every format.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vrift_record::{Ending, Left, Text, VersionId};

use super::{Compliance, Conclusion};
use crate::model::{Connection, Counts, FileUse, Model, Process, What};

/// Directories that belong to the system: what is read outside of them is more interesting.
const SYSTEM: &[&str] =
    &["/bin/", "/dev/", "/etc/", "/lib", "/opt/", "/proc/", "/sbin/", "/sys/", "/usr/"];

/// A file and what was done with it.
pub type Used<'a> = (&'a Text, &'a FileUse);

/// A model, sorted for its reader.
#[derive(Debug)]
pub struct Summary<'a> {
    /// What it is about.
    pub model: &'a Model,
    /// Whether the run complied.
    pub conclusion: Conclusion,
    /// How calls were answered.
    pub compliance: Compliance<'a>,
    /// What was there before and was read; what is not the system's first.
    pub inputs: Vec<Used<'a>>,
    /// What was left.
    pub outputs: Vec<Used<'a>>,
    /// What was there before and was removed.
    pub removed: Vec<Used<'a>>,
    /// What was made and was gone in the end.
    pub passing: Vec<Used<'a>>,
    /// What was asked for and never there; what is not the system's first.
    pub missing: Vec<Used<'a>>,
    /// Programs, and how often each was executed, the most frequent first.
    pub programs: Vec<(&'a Text, u64)>,
}

impl<'a> Summary<'a> {
    /// Sorts what a model holds.
    pub fn of(model: &'a Model) -> Summary<'a> {
        let with = |is: fn(&FileUse) -> bool| -> Vec<Used<'a>> {
            model.files.iter().filter(|(_, file)| is(file)).collect()
        };
        let own_first = |mut files: Vec<Used<'a>>| {
            files.sort_by_key(|(path, _)| is_of_the_system(path));
            files
        };
        let mut counts: BTreeMap<&Text, u64> = BTreeMap::new();
        for program in model.processes().iter().flat_map(|process| &process.programs) {
            *counts.entry(&program.execution.program).or_default() += 1;
        }
        let mut programs: Vec<_> = counts.into_iter().collect();
        programs.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        Summary {
            model,
            conclusion: Conclusion::of(model),
            compliance: Compliance::of(model),
            inputs: own_first(with(FileUse::is_input)),
            outputs: with(FileUse::is_output),
            removed: with(FileUse::is_removed),
            passing: with(FileUse::is_passing),
            missing: own_first(with(FileUse::is_missing)),
            programs,
        }
    }

    /// How many bytes these files' versions hold, each counted once.
    pub fn bytes_read(&self) -> u64 {
        let versions: BTreeSet<VersionId> =
            self.inputs.iter().flat_map(|(_, file)| file.versions.iter().copied()).collect();
        let sizes = versions.iter().filter_map(|version| self.model.versions.get(version));
        // A record may claim any size.
        sizes.fold(0, |sum, version| sum.saturating_add(version.size))
    }

    /// The digest of what a file was left with, if there is one.
    pub fn left_digest(&self, file: &FileUse) -> Option<String> {
        match file.left {
            Some(Left::File(version)) => digest(self.model, version),
            _ => None,
        }
    }

    /// The processes that ended otherwise than by exiting with 0.
    pub fn failed(&self) -> impl Iterator<Item = &'a Process> {
        let bad = |ending: &Ending| !matches!(ending, Ending::Exited(0));
        self.model.processes().iter().filter(move |p| p.ending.as_ref().is_some_and(bad))
    }

    /// How many escapes were tried in vain.
    pub fn contained(&self) -> usize {
        use vrift_record::Outcome::Failed;
        let vain = |what: &What| matches!(what, What::Escape { outcome: Failed(_), .. });
        self.model.findings.iter().filter(|finding| vain(&finding.what)).count()
    }

    /// What was done with which endpoint, whoever did it.
    pub fn endpoints(&self) -> BTreeMap<(String, &'static str), Counts> {
        let mut all: BTreeMap<_, Counts> = BTreeMap::new();
        for (Connection { endpoint, act, .. }, counts) in &self.model.connections {
            let sum = all.entry((endpoint.to_string(), act.word())).or_default();
            sum.done += counts.done;
            sum.missing += counts.missing;
            sum.failed += counts.failed;
        }
        all
    }

    /// How long it took: to the end, or to the last thing that is told.
    pub fn wall(&self) -> Duration {
        let wall = self.model.totals.as_ref().map(|totals| Duration::from_nanos(totals.wall_ns));
        wall.unwrap_or(self.model.last)
    }

    /// The command in one line.
    pub fn command(&self) -> String {
        let words = self.model.header.command.iter();
        words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// The digest of a version, if it is known.
pub fn digest(model: &Model, version: VersionId) -> Option<String> {
    model.content(version)?.digest().map(|digest| digest.to_string())
}

fn is_of_the_system(path: &Text) -> bool {
    SYSTEM.iter().any(|start| path.as_bytes().starts_with(start.as_bytes()))
}

/// A word as a shell takes it, in one line. What cannot be shown is in a form that POSIX has had since 2024, and bash,
/// ksh and zsh for longer.
pub fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./=+:,@%^".contains(byte);
    let text = String::from_utf8_lossy(word);
    if !word.is_empty() && word.iter().all(plain) {
        return text.into_owned();
    }
    // As it is shown elsewhere, nothing is escaped but backslashes: it can be shown.
    if Text::from(word).to_string() == text.replace('\\', "\\\\") {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut quoted = String::from("$'");
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '\'' | '\\' => quoted.extend(['\\', c]),
                c if is_shown(c) => quoted.push(c),
                c => octal(&mut quoted, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        octal(&mut quoted, chunk.invalid());
    }
    quoted.push('\'');
    quoted
}

/// Whether a character is shown as it is.
fn is_shown(c: char) -> bool {
    let text = c.encode_utf8(&mut [0; 4]).to_owned();
    Text::from(&text[..]).to_string() == text
}

fn octal(quoted: &mut String, bytes: &[u8]) {
    quoted.extend(bytes.iter().map(|byte| format!("\\{byte:03o}")));
}

/// Bytes in a unit that gives up to three digits.
pub fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut number = bytes as f64;
    let mut unit = "bytes";
    for next in units {
        if number < 1000.0 {
            break;
        }
        number /= 1000.0;
        unit = next;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{number:.1} {unit}") }
}
